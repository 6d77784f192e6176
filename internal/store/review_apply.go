package store

import (
	"time"

	"stint/internal/pim"
)

// ReviewsApplying lists the instances whose answers are being applied and that can go on now, the longest first: those that
// only wait for a target hold up no other.
func (r *Reader) ReviewsApplying(limit int) ([]pim.ReviewInstance, error) {
	return many(r, scanReviewInstance, fromReviewInstances+`WHERE i.removed_at = 0 AND i.state <> 'applied' AND i.state = 'applying'
		AND (EXISTS (SELECT 1 FROM review_items t WHERE t.instance_id = i.id AND t.result = '')
		OR NOT EXISTS (SELECT 1 FROM review_items t WHERE t.instance_id = i.id AND t.result IN ('removing', 'shrinking', 'failed')))
		ORDER BY i.applied_at, i.id LIMIT $1`, limit)
}

// ReviewItemsNew lists items of an instance of which nothing came yet.
func (r *Reader) ReviewItemsNew(instanceID string, limit int) ([]pim.ReviewItem, error) {
	return many(r, scanReviewItem, fromReviewItems+"WHERE t.instance_id = $1 AND t.result = '' ORDER BY t.sort_place, t.id LIMIT $2", instanceID, limit)
}

// ReviewItemsDue lists items that are to be looked at again now.
func (r *Reader) ReviewItemsDue(limit int) ([]pim.ReviewItem, error) {
	return many(r, scanReviewItem, fromReviewItems+"WHERE t.due_at > 0 AND t.due_at <= $1 ORDER BY t.due_at, t.id LIMIT $2", us(r.Now), limit)
}

// KeepReviewItems records of items of which nothing came yet that nothing changes; it counts them.
func (tx *Tx) KeepReviewItems(instanceID string, ids []string) (int64, error) {
	args := []any{us(tx.Now), instanceID}
	return tx.exec("UPDATE review_items SET result = 'kept', result_at = $1, version = version + 1 WHERE instance_id = $2 AND result = '' AND decision NOT IN ('deny', 'shrink') AND id IN "+in(&args, ids), args...)
}

// PutOffReviewItems lets items be looked at again later.
func (tx *Tx) PutOffReviewItems(ids []string, until time.Time) error {
	args := []any{us(until)}
	_, err := tx.exec("UPDATE review_items SET due_at = $1, tries = tries + 1, version = version + 1 WHERE due_at > 0 AND id IN "+in(&args, ids), args...)
	return err
}

// ReviewWaits reports whether something of an instance is not applied, or not read back, yet.
func (r *Reader) ReviewWaits(instanceID string) (bool, error) {
	n, err := one(r, scanInt, `SELECT COUNT(*) FROM (SELECT 1 FROM review_items t WHERE t.instance_id = $1 AND t.result IN ('', 'removing', 'shrinking', 'failed') LIMIT 1) x`, instanceID)
	return n > 0, err
}

// ReviewResults counts the items of an instance by what came of them.
func (r *Reader) ReviewResults(instanceID string) (map[pim.ReviewResult]int64, error) {
	out := map[pim.ReviewResult]int64{}
	_, err := many(r, func(r row) (n int64, err error) {
		var result pim.ReviewResult
		err = r.Scan(&result, &n)
		out[result] = n
		return n, err
	}, "SELECT t.result, COUNT(*) FROM review_items t WHERE t.instance_id = $1 GROUP BY t.result", instanceID)
	return out, err
}

// AwaitReviewItem records what an item's end is read back from: a need of a grant each.
func (tx *Tx) AwaitReviewItem(id string, needs []pim.GrantNeed) error {
	keys := make([][3]string, 0, len(needs))
	for _, n := range needs {
		kind, of := needKey(n)
		keys = append(keys, [3]string{n.GrantID, kind, of})
	}
	return tx.must("UPDATE review_items SET awaits = $1 WHERE id = $2", toJSON(keys), id)
}

// AwaitedBy returns the needs that an item's end is read back from, as they stand.
func (r *Reader) AwaitedBy(id string) (out []pim.GrantNeed, err error) {
	keys, err := one(r, func(r row) (k [][3]string, err error) { return k, r.Scan(asJSON(&k)) }, "SELECT awaits FROM review_items WHERE id = $1", id)
	for _, k := range keys {
		var n []pim.GrantNeed
		n, err = many(r, scanNeed, "SELECT "+needCols+" FROM grant_needs n WHERE n.grant_id = $1 AND n.need_kind = $2 AND n.need_id = $3", k[0], k[1], k[2])
		if err != nil {
			return nil, err
		}
		out = append(out, n...)
	}
	return out, err
}

// ReviewProof lists the entries of one item, of what was decided and what came of it, the oldest first, without their texts.
func (r *Reader) ReviewProof(t pim.ReviewItem, limit int) ([]EntryRow, error) {
	return many(r, scanEntryRow, `SELECT seq, leaf FROM audit_entries WHERE subject_id = $1 AND subject_id <> '' AND (
		(correlation = $2 AND object_id = $3) OR (object_id = $4 AND object_id <> '' AND type IN ('assignment.removed', 'assignment.changed', 'assignment.expired') AND at >= $5)
		OR (object_id = $6 AND object_id <> '' AND type = 'member.removed' AND at >= $5)) ORDER BY seq LIMIT $7`,
		t.PrincipalID, t.InstanceID, t.ID, t.AssignmentID, us(t.DecidedAt), t.GroupID, limit)
}

// GoneEntry is the number of the entry by which a grant was seen gone when a need of it was settled; 0: there is none.
func (r *Reader) GoneEntry(grantID string, settled time.Time) (int64, error) {
	seqs, err := many(r, scanInt, "SELECT e.seq FROM audit_entries e WHERE e.at = $1 AND e.object_id = $2 AND e.type IN ('grant.confirmed_gone', 'grant.accepted_gone') ORDER BY e.seq LIMIT 1", us(settled), grantID)
	if err != nil || len(seqs) == 0 {
		return 0, err
	}
	return seqs[0], nil
}

// OpenNeedsOf lists the needs, not settled yet, of what a principal's accounts hold.
func (r *Reader) OpenNeedsOf(principalID string) ([]pim.GrantNeed, error) {
	return many(r, scanNeed, "SELECT "+needCols+` FROM accounts c JOIN grants f ON f.target_id = c.target_id AND f.account_id = c.external_id
		JOIN grant_needs n ON n.grant_id = f.id AND n.settled_at = 0 WHERE c.principal_id = $1 AND c.removed_at = 0 AND c.external_id <> ''`, principalID)
}

// ReviewOf returns the series of an instance, a removed one too.
func (r *Reader) ReviewOf(id string) (pim.ReviewDefinition, error) {
	return one(r, scanReview, "SELECT "+reviewCols+" FROM reviews v WHERE v.id = $1", id)
}

// MemberSince is since when somebody is in a group by what Stint itself decides: of several memberships the latest; zero
// when there is none, or none that is known.
func (r *Reader) MemberSince(groupID, memberID string) (time.Time, error) {
	return one(r, func(r row) (t time.Time, err error) { return t, r.Scan(at(&t)) },
		"SELECT COALESCE(MAX(m.since), 0) FROM group_members m WHERE m.group_id = $1 AND m.member_id = $2 AND m.source <> 'directory' AND m.fresh_until = 0", groupID, memberID)
}
