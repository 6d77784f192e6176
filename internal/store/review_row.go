package store

import (
	"cmp"
	"slices"
	"strconv"

	"stint/internal/pim"
)

// What a list of reviewed items is narrowed to; the empty one is all of them.
const (
	ReviewOpen    = "open"
	ReviewDecided = "decided"
)

// examinedItems is how many items one walk looks at for a page that may find few of them.
const examinedItems = 2000

// ReviewItemCursor is where a page of items ended.
type ReviewItemCursor struct{ Key, ID string }

// ReviewItemPage says which items of an instance a page shows, and from where on.
type ReviewItemPage struct {
	InstanceID string
	Sets       []string // those of a reviewer; nil: every item of the instance, by place
	ByName     bool     // by whose they are; only with Sets
	Only       string   // ReviewOpen or ReviewDecided
	Result     *pim.ReviewResult
	Words      string           // parts of person, role and place
	After      ReviewItemCursor // the page after it
	Before     ReviewItemCursor // or the page before
	Limit      int

	upTo ReviewItemCursor // where a full page ends
}

func (p ReviewItemPage) key() string {
	if p.ByName && p.Sets != nil {
		return "sort_name"
	}
	return "sort_place"
}

func (p ReviewItemPage) back() bool { return p.Before.ID != "" }

// CursorOf is where a page that ends or begins with an item ended or began.
func (p ReviewItemPage) CursorOf(t pim.ReviewItem) ReviewItemCursor {
	if p.key() == "sort_name" {
		return ReviewItemCursor{t.SortName, t.ID}
	}
	return ReviewItemCursor{t.SortPlace, t.ID}
}

func (p ReviewItemPage) compare(a, b ReviewItemCursor) int {
	c := cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID))
	if p.back() {
		return -c
	}
	return c
}

// ReviewItemsBy is one page, in its order. Each set of reviewers, what is open and what is decided of it, and otherwise each
// result is walked along its own index, and the walks are merged.
// reached is where a walk that looked at so many ended when the page is not full: to go on after.
func (r *Reader) ReviewItemsBy(p ReviewItemPage) (out []pim.ReviewItem, reached ReviewItemCursor, err error) {
	order := func(a, b pim.ReviewItem) int { return p.compare(p.CursorOf(a), p.CursorOf(b)) }
	for _, w := range p.walks() {
		rows, end, err := r.walkItems(p, w)
		if err != nil {
			return nil, reached, err
		}
		if end.ID != "" && (reached.ID == "" || p.compare(end, reached) < 0) {
			reached = end
		}
		out = append(out, rows...)
		slices.SortFunc(out, order)
		if out = out[:min(len(out), p.Limit)]; len(out) == p.Limit {
			p.upTo = p.CursorOf(out[len(out)-1])
		}
	}
	if reached.ID != "" {
		out = slices.DeleteFunc(out, func(t pim.ReviewItem) bool { return p.compare(p.CursorOf(t), reached) > 0 })
	}
	if len(out) == p.Limit {
		reached = ReviewItemCursor{}
	}
	if p.back() {
		slices.Reverse(out)
	}
	return out, reached, nil
}

// walks are the parts of indexes in which a page lies.
func (p ReviewItemPage) walks() (out []where) {
	if p.Sets == nil {
		results := pim.ReviewResults
		if p.Result != nil {
			results = []pim.ReviewResult{*p.Result}
		}
		for _, result := range results {
			var w where
			w.add("t.instance_id = ? AND t.result = ?", p.InstanceID, result)
			out = append(out, w)
		}
		return out
	}
	conds := map[string][]string{"": {" AND t.decision = ''", " AND t.decision <> ''"}, ReviewOpen: {" AND t.decision = ''"}, ReviewDecided: {" AND t.decision <> ''"}}[p.Only]
	if p.ByName {
		conds = []string{""}
	}
	for _, set := range p.Sets {
		for _, cond := range conds {
			var w where
			w.add("t.set_id = ?"+cond, set)
			out = append(out, w)
		}
	}
	return out
}

// walkItems walks along one index; with words, and where no index knows what is wanted, it looks at so many and no more.
func (r *Reader) walkItems(p ReviewItemPage, w where) (rows []pim.ReviewItem, end ReviewItemCursor, err error) {
	p.from(&w)
	if p.Words != "" || p.Only != "" && (p.Sets == nil || p.ByName) {
		return r.examineItems(p, w)
	}
	w.args = append(w.args, p.Limit)
	rows, err = many(r, scanReviewItem, fromReviewItems+w.String()+p.order()+" LIMIT "+dollar(len(w.args)), w.args...)
	return rows, end, err
}

func (p ReviewItemPage) order() string {
	if p.back() {
		return " ORDER BY t." + p.key() + " DESC, t.id DESC"
	}
	return " ORDER BY t." + p.key() + ", t.id"
}

func (p ReviewItemPage) from(w *where) {
	place := "(t." + p.key() + ", t.id) "
	after, until := place+"> (?, ?)", place+"<= (?, ?)"
	from := p.After
	if p.back() {
		after, until, from = place+"< (?, ?)", place+">= (?, ?)", p.Before
	}
	if from.ID != "" {
		w.add(after, from.Key, from.ID)
	}
	if p.upTo.ID != "" {
		w.add(until, p.upTo.Key, p.upTo.ID)
	}
}

// examineItems picks a page out of so many items of a walk; end is where it stopped when there are more.
func (r *Reader) examineItems(p ReviewItemPage, w where) (rows []pim.ReviewItem, end ReviewItemCursor, err error) {
	inner := "SELECT * FROM review_items t" + w.String() + p.order() + " LIMIT " + strconv.Itoa(examinedItems)
	outer := where{args: slices.Clone(w.args)}
	switch p.Only {
	case ReviewOpen:
		outer.add("t.decision = ''")
	case ReviewDecided:
		outer.add("t.decision <> ''")
	}
	outer.parts("t.sort_place", p.Words)
	outer.args = append(outer.args, p.Limit)
	rows, err = many(r, scanReviewItem, "SELECT "+reviewItemCols+" FROM ("+inner+") t"+outer.String()+p.order()+" LIMIT "+dollar(len(outer.args)), outer.args...)
	if err != nil || len(rows) == p.Limit {
		return rows, end, err
	}
	ends, err := many(r, func(r row) (c ReviewItemCursor, err error) { return c, r.Scan(&c.Key, &c.ID) },
		"SELECT t."+p.key()+", t.id FROM review_items t"+w.String()+p.order()+" LIMIT 1 OFFSET "+strconv.Itoa(examinedItems-1), w.args...)
	if err == nil && len(ends) == 1 {
		end = ends[0]
	}
	return rows, end, err
}

// ReviewMine is how far one reviewer has come in the stage whose turn it is.
type ReviewMine struct {
	pim.ReviewInstance
	Items, Decided int64 // of theirs
}

// ReviewsToAnswer lists the reviews that take answers from a principal now, the one that ends first at the top.
func (r *Reader) ReviewsToAnswer(principalID string, after Keyset, limit int) ([]ReviewMine, error) {
	args, from := []any{principalID, us(r.Now), limit}, ""
	if after.ID != "" {
		args, from = append(args, us(after.At), after.ID), " AND (i.stage_ends, i.id) > ($4, $5)"
	}
	return many(r, func(r row) (m ReviewMine, err error) {
		m.ReviewInstance, err = scanReviewInstance(also{r, []any{&m.Items, &m.Decided}})
		return m, err
	}, "SELECT "+reviewInstanceCols+", x.items, x.decided"+fromReviewsToAnswer+from+" ORDER BY i.stage_ends, i.id LIMIT $3", args...)
}

const fromReviewsToAnswer = ` FROM (SELECT s.instance_id, s.stage, SUM(s.items) AS items, SUM(s.decided) AS decided
	FROM review_set_members m JOIN review_sets s ON s.id = m.set_id WHERE m.principal_id = $1 AND s.items > 0 GROUP BY s.instance_id, s.stage) x
	JOIN review_instances i ON i.id = x.instance_id AND i.stage = x.stage
	WHERE i.removed_at = 0 AND i.state = 'in_progress' AND i.stage_ends > $2`

// CountReviewsToAnswer counts those, up to a limit.
func (r *Reader) CountReviewsToAnswer(principalID string, limit int) (int64, error) {
	return one(r, scanInt, "SELECT COUNT(*) FROM (SELECT 1"+fromReviewsToAnswer+" LIMIT $3) x", principalID, us(r.Now), limit)
}

// also scans more columns after those of a scan.
type also struct {
	row
	more []any
}

func (a also) Scan(dest ...any) error { return a.row.Scan(append(dest, a.more...)...) }

// ReviewSetsIn lists the sets of an instance, of every stage, in which a principal reviews something.
func (r *Reader) ReviewSetsIn(instanceID, principalID string) ([]pim.ReviewSet, error) {
	return many(r, scanReviewSet, fromReviewSets+`JOIN review_set_members m ON m.set_id = s.id WHERE m.principal_id = $1 AND s.instance_id = $2 ORDER BY s.id`, principalID, instanceID)
}

// ReviewersIn lists who is in sets, by set.
func (r *Reader) ReviewersIn(setIDs []string) (map[string][]string, error) {
	var args []any
	type pair struct{ set, person string }
	all, err := many(r, func(r row) (p pair, err error) { return p, r.Scan(&p.set, &p.person) },
		"SELECT m.set_id, m.principal_id FROM review_set_members m WHERE m.set_id IN "+in(&args, setIDs)+" ORDER BY m.set_id, m.fallback, m.principal_id", args...)
	out := map[string][]string{}
	for _, p := range all {
		out[p.set] = append(out[p.set], p.person)
	}
	return out, err
}

// ReviewPlaces lists the resources a series is about; none: about groups, or about everything.
func (r *Reader) ReviewPlaces(reviewID string) ([]string, error) {
	return many(r, scanString, "SELECT x.resource_id FROM review_places x WHERE x.review_id = $1 ORDER BY x.resource_id", reviewID)
}

// Contact is how a principal is called and reached, a removed one too.
type Contact struct {
	Name, Email string
	Kind        pim.PrincipalKind
}

// Contacts returns how principals are called and reached, by id.
func (r *Reader) Contacts(ids []string) (map[string]Contact, error) {
	var args []any
	type named struct {
		id string
		Contact
	}
	all, err := many(r, func(r row) (n named, err error) { return n, r.Scan(&n.id, &n.Name, &n.Email, &n.Kind) },
		"SELECT id, name, email, kind FROM principals WHERE id IN "+in(&args, ids), args...)
	out := make(map[string]Contact, len(all))
	for _, n := range all {
		out[n.id] = n.Contact
	}
	return out, err
}
