package store

import (
	"strings"

	"stint/internal/pim"
)

const reviewItemCols = `t.id, t.instance_id, t.assignment_id, t.group_id, t.principal_id, t.person_id, t.role_id, t.resource_id, t.kind, t.frozen, t.sets, t.set_id,
	t.sort_name, t.sort_place, t.decision, t.shrink, t.reason, t.decided_by, t.decided_at, t.decided_as, t.result, t.result_text, t.result_at, t.gone_at, t.due_at, t.tries, t.version`

func scanReviewItem(r row) (t pim.ReviewItem, err error) {
	return t, r.Scan(&t.ID, &t.InstanceID, &t.AssignmentID, &t.GroupID, &t.PrincipalID, &t.PersonID, &t.RoleID, &t.ResourceID, &t.Kind, asJSON(&t.Frozen), asJSON(&t.Sets), &t.SetID,
		&t.SortName, &t.SortPlace, &t.Answer, asJSON(&t.Shrink), &t.Reason, &t.DecidedBy, at(&t.DecidedAt), &t.DecidedAs, &t.Result, &t.ResultText, at(&t.ResultAt), at(&t.GoneAt),
		at(&t.DueAt), &t.Tries, &t.Version)
}

const fromReviewItems = "SELECT " + reviewItemCols + " FROM review_items t "

// ReviewItem returns one item.
func (r *Reader) ReviewItem(id string) (pim.ReviewItem, error) {
	return one(r, scanReviewItem, fromReviewItems+"WHERE t.id = $1", id)
}

// ReviewItems returns items by id, in that order; those that do not exist are left out.
func (r *Reader) ReviewItems(ids []string) ([]pim.ReviewItem, error) {
	var args []any
	return many(r, scanReviewItem, fromReviewItems+"WHERE t.id IN "+in(&args, ids)+" ORDER BY t.id", args...)
}

// ReviewItemsAfter walks through the items of an instance by id.
func (r *Reader) ReviewItemsAfter(instanceID, afterID string, limit int) ([]pim.ReviewItem, error) {
	return many(r, scanReviewItem, fromReviewItems+"WHERE t.instance_id = $1 AND t.id > $2 ORDER BY t.id LIMIT $3", instanceID, afterID, limit)
}

// ReviewItemIDsAfter walks through the ids of the items of an instance.
func (r *Reader) ReviewItemIDsAfter(instanceID, afterID string, limit int) ([]string, error) {
	return many(r, scanString, "SELECT id FROM review_items WHERE instance_id = $1 AND id > $2 ORDER BY id LIMIT $3", instanceID, afterID, limit)
}

// InsertReviewItems adds frozen items, many with one statement.
func (tx *Tx) InsertReviewItems(all []pim.ReviewItem) error {
	rows := make([]any, 0, 14*len(all))
	for _, t := range all {
		rows = append(rows, t.ID, t.InstanceID, t.AssignmentID, t.GroupID, t.PrincipalID, t.PersonID, t.RoleID, t.ResourceID, t.Kind, toJSON(t.Frozen), t.Frozen.Recommended,
			toJSON(t.Sets), t.SetID, t.SortName, t.SortPlace)
	}
	return insertRows(tx.ctx, tx.db, `review_items (id, instance_id, assignment_id, group_id, principal_id, person_id, role_id, resource_id, kind, frozen, recommended, sets, set_id,
		sort_name, sort_place)`, rows)
}

// AnswerReviewItem saves the answer that counts, or that there is none any more; the version must be the one read.
func (tx *Tx) AnswerReviewItem(t pim.ReviewItem) error {
	return tx.must(`UPDATE review_items SET decision = $1, shrink = $2, reason = $3, decided_by = $4, decided_at = $5, decided_as = $6, set_id = $7, sets = $8, version = version + 1
		WHERE id = $9 AND version = $10`, t.Answer, toJSON(t.Shrink), t.Reason, t.DecidedBy, us(t.DecidedAt), t.DecidedAs, t.SetID, toJSON(t.Sets), t.ID, t.Version)
}

// SaveReviewResult saves what came of an answer, and when to look again; the version must be the one read.
func (tx *Tx) SaveReviewResult(t pim.ReviewItem) error {
	return tx.must(`UPDATE review_items SET result = $1, result_text = $2, result_at = $3, gone_at = $4, due_at = $5, tries = $6, version = version + 1
		WHERE id = $7 AND version = $8`, t.Result, t.ResultText, us(t.ResultAt), us(t.GoneAt), us(t.DueAt), t.Tries, t.ID, t.Version)
}

const reviewDecisionCols = "d.id, d.instance_id, d.item_id, d.stage, d.decision, d.shrink, d.reason, d.decided_by, d.decided_as, d.decided_at"

func scanReviewDecision(r row) (d pim.ReviewDecision, err error) {
	return d, r.Scan(&d.ID, &d.InstanceID, &d.ItemID, &d.Stage, &d.Answer, asJSON(&d.Shrink), &d.Reason, &d.By, &d.As, at(&d.At))
}

// ReviewDecisions returns the history of items, each the oldest first.
func (r *Reader) ReviewDecisions(itemIDs []string) (map[string][]pim.ReviewDecision, error) {
	var args []any
	all, err := many(r, scanReviewDecision, "SELECT "+reviewDecisionCols+" FROM review_decisions d WHERE d.item_id IN "+in(&args, itemIDs)+" ORDER BY d.item_id, d.nth", args...)
	out := map[string][]pim.ReviewDecision{}
	for _, d := range all {
		out[d.ItemID] = append(out[d.ItemID], d)
	}
	return out, err
}

// InsertReviewDecision adds a line to the history of an item.
func (tx *Tx) InsertReviewDecision(d pim.ReviewDecision) error {
	_, err := tx.exec(`INSERT INTO review_decisions (id, instance_id, item_id, stage, decision, shrink, reason, decided_by, decided_as, decided_at, nth)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, (SELECT COUNT(*) FROM review_decisions n WHERE n.item_id = $3))`, d.ID, d.InstanceID, d.ItemID, d.Stage, d.Answer, toJSON(d.Shrink), d.Reason, d.By, d.As, us(d.At))
	return err
}

const fromReviewSets = "SELECT s.id, s.instance_id, s.stage, s.items, s.decided FROM review_sets s "

func scanReviewSet(r row) (s pim.ReviewSet, err error) {
	return s, r.Scan(&s.ID, &s.InstanceID, &s.Stage, &s.Items, &s.Decided)
}

// ReviewSet returns who reviews some items, with its members in the order of their ids.
func (r *Reader) ReviewSet(id string) (pim.ReviewSet, error) {
	s, err := one(r, scanReviewSet, fromReviewSets+"WHERE s.id = $1", id)
	if err != nil {
		return s, err
	}
	s.Members, err = r.reviewMembers("m.set_id = $1", id)
	return s, err
}

func (r *Reader) reviewMembers(cond string, args ...any) ([]pim.ReviewSetMember, error) {
	return many(r, func(r row) (m pim.ReviewSetMember, err error) {
		return m, r.Scan(&m.PrincipalID, &m.PersonID, &m.Fallback, at(&m.ToldAt))
	}, "SELECT m.principal_id, m.person_id, m.fallback, m.told_at FROM review_set_members m WHERE "+cond+" ORDER BY m.principal_id", args...)
}

// ReviewSetLike finds the set of an instance and stage whose members have this hash; ErrNotFound when there is none.
func (r *Reader) ReviewSetLike(instanceID string, stage int, members string) (pim.ReviewSet, error) {
	return one(r, scanReviewSet, fromReviewSets+"WHERE s.instance_id = $1 AND s.stage = $2 AND s.members = $3", instanceID, stage, members)
}

// ReviewSetsOf lists the sets of an instance and stage in which a principal reviews something, without their members.
func (r *Reader) ReviewSetsOf(instanceID string, stage int, principalID string) ([]pim.ReviewSet, error) {
	return many(r, scanReviewSet, fromReviewSets+`JOIN review_set_members m ON m.set_id = s.id WHERE m.principal_id = $1 AND s.instance_id = $2 AND s.stage = $3 AND s.items > 0
		ORDER BY s.id`, principalID, instanceID, stage)
}

// InsertReviewSet adds an empty set; members is the hash of who will be in it.
func (tx *Tx) InsertReviewSet(s pim.ReviewSet, members string) error {
	_, err := tx.exec("INSERT INTO review_sets (id, instance_id, stage, members) VALUES ($1, $2, $3, $4)", s.ID, s.InstanceID, s.Stage, members)
	if err != nil {
		return err
	}
	return tx.AddReviewMembers(s.ID, s.Members)
}

// AddReviewMembers adds reviewers to a set; who is in it already stays as they are.
func (tx *Tx) AddReviewMembers(setID string, members []pim.ReviewSetMember) error {
	for len(members) > 0 {
		n := min(len(members), 32)
		rows := make([]any, 0, 4*n)
		for _, m := range members[:n] {
			rows = append(rows, setID, m.PrincipalID, m.PersonID, num(m.Fallback))
		}
		if _, err := tx.exec("INSERT INTO review_set_members (set_id, principal_id, person_id, fallback) VALUES "+rowsOf(n, 4)+" ON CONFLICT (set_id, principal_id) DO NOTHING", rows...); err != nil {
			return err
		}
		members = members[n:]
	}
	return nil
}

// CountReviewSet adds to the items of a set and to those of them that are decided.
func (tx *Tx) CountReviewSet(id string, items, decided int64) error {
	return tx.must("UPDATE review_sets SET items = items + $1, decided = decided + $2 WHERE id = $3", items, decided, id)
}

// ReviewReviewer is how far one reviewer of an instance and stage has come.
type ReviewReviewer struct {
	pim.ReviewSetMember
	Items   int64
	Decided int64
}

// ReviewReviewers lists who reviews something in a stage of an instance, by id.
func (r *Reader) ReviewReviewers(instanceID string, stage int, afterID string, limit int) ([]ReviewReviewer, error) {
	return many(r, func(r row) (v ReviewReviewer, err error) {
		return v, r.Scan(&v.PrincipalID, &v.PersonID, &v.Fallback, at(&v.ToldAt), &v.Items, &v.Decided)
	}, `SELECT m.principal_id, MAX(m.person_id), MIN(m.fallback), MAX(m.told_at), SUM(s.items), SUM(s.decided) FROM review_sets s JOIN review_set_members m ON m.set_id = s.id
		WHERE s.instance_id = $1 AND s.stage = $2 AND s.items > 0 AND m.principal_id > $3 GROUP BY m.principal_id ORDER BY m.principal_id LIMIT $4`, instanceID, stage, afterID, limit)
}

// ToldReviewer records that a reviewer was told of what waits for them in a stage of an instance.
func (tx *Tx) ToldReviewer(instanceID string, stage int, principalID string) error {
	_, err := tx.exec(`UPDATE review_set_members SET told_at = $1 WHERE principal_id = $2 AND set_id IN (SELECT s.id FROM review_sets s WHERE s.instance_id = $3 AND s.stage = $4)`,
		us(tx.Now), principalID, instanceID, stage)
	return err
}

// ReviewCounted counts the items of an instance by the answer that counts, as they are: what its counters must say.
func (r *Reader) ReviewCounted(instanceID string) (c pim.ReviewCounts, err error) {
	_, err = many(r, func(r row) (n int64, err error) {
		var a pim.ReviewAnswer
		err = r.Scan(&a, &n)
		c.Items += n
		c.Add(a, n)
		return n, err
	}, "SELECT decision, COUNT(*) FROM review_items WHERE instance_id = $1 GROUP BY decision", instanceID)
	return c, err
}

// reviewMark stands between the parts of a sort key, so that a name that begins another one comes first.
const reviewMark = "\x1f"

// ReviewSort makes the two orders in which items are shown: by whose they are, and by where.
func ReviewSort(person, role, place string) (byName, byPlace string) {
	p, r, w := Fold(person), Fold(role), Fold(place)
	return strings.Join([]string{p, w, r}, reviewMark), strings.Join([]string{w, r, p}, reviewMark)
}
