package store

import (
	"time"

	"stint/internal/pim"
)

const reviewInstanceCols = `i.id, i.review_id, i.number, i.name, i.terms, i.state, i.stage, i.planned_at, i.started_at, i.stage_ends, i.ends_at, i.remind_at,
	i.after_id, i.done, i.about, i.population, i.items, i.approved, i.denied, i.shrunk, i.dont_know, i.ended_at, i.ended_by, i.applied_at, i.applied_by, i.version`

func scanReviewInstance(r row) (i pim.ReviewInstance, err error) {
	c := &i.Counts
	return i, r.Scan(&i.ID, &i.ReviewID, &i.Number, &i.Name, asJSON(&i.Terms), &i.State, &i.Stage, at(&i.PlannedAt), at(&i.StartedAt), at(&i.StageEnds), at(&i.EndsAt), at(&i.RemindAt),
		&i.After, &i.Done, &i.About, &i.Population, &c.Items, &c.Approved, &c.Denied, &c.Shrunk, &c.DontKnow, at(&i.EndedAt), &i.EndedBy, at(&i.AppliedAt), &i.AppliedBy, &i.Version)
}

const fromReviewInstances = "SELECT " + reviewInstanceCols + " FROM review_instances i "

// ReviewInstance returns an instance that was not deleted.
func (r *Reader) ReviewInstance(id string) (pim.ReviewInstance, error) {
	return one(r, scanReviewInstance, fromReviewInstances+"WHERE i.id = $1 AND i.removed_at = 0", id)
}

// ReviewInstances lists the instances of a series that were not deleted, the latest first; before is a number, 0 for none.
func (r *Reader) ReviewInstances(reviewID string, before int64, limit int) ([]pim.ReviewInstance, error) {
	var w where
	w.add("i.review_id = ? AND i.removed_at = 0", reviewID)
	if before > 0 {
		w.add("i.number < ?", before)
	}
	w.args = append(w.args, limit)
	return many(r, scanReviewInstance, fromReviewInstances+w.String()[1:]+" ORDER BY i.number DESC LIMIT "+dollar(len(w.args)), w.args...)
}

// ReviewsRunning lists the instances that are not applied yet, the one that ends first at the top.
func (r *Reader) ReviewsRunning(part Subtree, after Keyset, limit int) ([]pim.ReviewInstance, error) {
	w, err := r.reviewsWhere("i.removed_at = 0 AND i.state <> 'applied'", "i.review_id", part)
	if err != nil {
		return nil, err
	}
	if after.ID != "" {
		w.add("(i.ends_at, i.id) > (?, ?)", us(after.At), after.ID)
	}
	w.args = append(w.args, limit)
	return many(r, scanReviewInstance, fromReviewInstances+w.String()[1:]+" ORDER BY i.ends_at, i.id LIMIT "+dollar(len(w.args)), w.args...)
}

// CountReviewsRunning counts those, up to a limit.
func (r *Reader) CountReviewsRunning(part Subtree, limit int) (int64, error) {
	w, err := r.reviewsWhere("i.removed_at = 0 AND i.state <> 'applied'", "i.review_id", part)
	if err != nil {
		return 0, err
	}
	return r.countUpTo("review_instances i", w, limit)
}

// ReviewsDone lists the instances that have ended, the latest first.
func (r *Reader) ReviewsDone(part Subtree, before Keyset, limit int) ([]pim.ReviewInstance, error) {
	w, err := r.reviewsWhere("i.removed_at = 0 AND i.ended_at > 0", "i.review_id", part)
	if err != nil {
		return nil, err
	}
	if before.ID != "" {
		w.add("(i.ended_at, i.id) < (?, ?)", us(before.At), before.ID)
	}
	w.args = append(w.args, limit)
	return many(r, scanReviewInstance, fromReviewInstances+w.String()[1:]+" ORDER BY i.ended_at DESC, i.id DESC LIMIT "+dollar(len(w.args)), w.args...)
}

// reviewAhead is when time alone moves an instance on: gone through in pieces at once, the end of a stage, a reminder.
const reviewAhead = `(SELECT MIN(started_at) FROM review_instances WHERE removed_at = 0 AND state <> 'applied' AND (state IN ('starting', 'advancing', 'completing') OR after_id <> '')) AS due
	UNION ALL SELECT (SELECT MIN(stage_ends) FROM review_instances WHERE removed_at = 0 AND state <> 'applied' AND state = 'in_progress')
	UNION ALL SELECT (SELECT MIN(remind_at) FROM review_instances WHERE removed_at = 0 AND state <> 'applied' AND state = 'in_progress' AND remind_at > 0)
	UNION ALL SELECT (SELECT MIN(next_at) FROM reviews WHERE removed_at = 0 AND next_at > 0)`

// ReviewInstancesDue lists the instances that go on now: those gone through in pieces, those whose stage or reminder has
// come, the longest running first.
func (r *Reader) ReviewInstancesDue(limit int) ([]pim.ReviewInstance, error) {
	return many(r, scanReviewInstance, fromReviewInstances+`WHERE i.removed_at = 0 AND i.state <> 'applied' AND (i.state IN ('starting', 'advancing', 'completing') OR i.after_id <> ''
		OR (i.state = 'in_progress' AND (i.stage_ends <= $1 OR (i.remind_at > 0 AND i.remind_at <= $1)))) ORDER BY i.started_at, i.id LIMIT $2`, us(r.Now), limit)
}

// InsertReviewInstance adds an instance; two of one number are one too many.
func (tx *Tx) InsertReviewInstance(i pim.ReviewInstance) error {
	n, err := tx.exec(`INSERT INTO review_instances (id, review_id, number, name, terms, state, stage, planned_at, started_at, stage_ends, ends_at, remind_at, about)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING`, i.ID, i.ReviewID, i.Number, i.Name, toJSON(i.Terms), i.State, i.Stage, us(i.PlannedAt),
		us(i.StartedAt), us(i.StageEnds), us(i.EndsAt), us(i.RemindAt), i.About)
	if err == nil && n == 0 {
		err = ErrConflict
	}
	return err
}

// SaveReviewInstance saves everything but what an instance is of; the version must be the one read.
func (tx *Tx) SaveReviewInstance(i pim.ReviewInstance) error {
	c := i.Counts
	return tx.must(`UPDATE review_instances SET terms = $1, state = $2, stage = $3, stage_ends = $4, ends_at = $5, remind_at = $6, after_id = $7, done = $8, about = $9, population = $10,
		items = $11, approved = $12, denied = $13, shrunk = $14, dont_know = $15, ended_at = $16, ended_by = $17, applied_at = $18, applied_by = $19, started_at = $20, version = version + 1
		WHERE id = $21 AND version = $22 AND removed_at = 0`, toJSON(i.Terms), i.State, i.Stage, us(i.StageEnds), us(i.EndsAt), us(i.RemindAt), i.After, i.Done, i.About, i.Population,
		c.Items, c.Approved, c.Denied, c.Shrunk, c.DontKnow, us(i.EndedAt), i.EndedBy, us(i.AppliedAt), i.AppliedBy, us(i.StartedAt), i.ID, i.Version)
}

// CountReviewAnswers moves n items of an instance that takes answers from one answer to another. The version stays: whoever
// answers does not meet whoever changes the review.
func (tx *Tx) CountReviewAnswers(instanceID string, by pim.ReviewCounts) error {
	return tx.must(`UPDATE review_instances SET approved = approved + $1, denied = denied + $2, shrunk = shrunk + $3, dont_know = dont_know + $4
		WHERE id = $5 AND removed_at = 0`, by.Approved, by.Denied, by.Shrunk, by.DontKnow, instanceID)
}

// DeleteReviewInstance takes an instance away; its events stay in the log.
func (tx *Tx) DeleteReviewInstance(id string, version int64) error {
	return tx.must("UPDATE review_instances SET removed_at = $1, version = version + 1 WHERE id = $2 AND version = $3 AND removed_at = 0", us(tx.Now), id, version)
}

// ReviewsFor lists the instances in which a principal is a reviewer of something, the one that ends first at the top; open
// leaves out those that take no answers now.
func (r *Reader) ReviewsFor(principalID string, open bool, after Keyset, limit int) ([]pim.ReviewInstance, error) {
	var w where
	w.add("i.removed_at = 0 AND i.population <> ''")
	w.add("i.id IN (SELECT s.instance_id FROM review_set_members m JOIN review_sets s ON s.id = m.set_id WHERE m.principal_id = ? AND s.items > 0)", principalID)
	if open {
		w.add("i.state <> 'applied' AND i.state = 'in_progress' AND i.stage_ends > ?", us(r.Now))
	}
	if after.ID != "" {
		w.add("(i.ends_at, i.id) > (?, ?)", us(after.At), after.ID)
	}
	w.args = append(w.args, limit)
	return many(r, scanReviewInstance, fromReviewInstances+w.String()[1:]+" ORDER BY i.ends_at, i.id LIMIT "+dollar(len(w.args)), w.args...)
}

// ReviewDue is when the next review begins or goes on; zero when none does.
func (r *Reader) ReviewDue() (time.Time, error) {
	return one(r, func(r row) (t time.Time, err error) { return t, r.Scan(at(&t)) }, "SELECT MIN(due) FROM (SELECT "+reviewAhead+") d")
}
