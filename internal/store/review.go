package store

import (
	"strings"
	"time"

	"stint/internal/pim"
)

const reviewCols = "v.id, v.name, v.terms, v.schedule, v.as_owner, v.made_by, v.created_at, v.next_at, v.started, v.version"

func scanReview(r row) (d pim.ReviewDefinition, err error) {
	return d, r.Scan(&d.ID, &d.Name, asJSON(&d.Terms), asJSON(&d.When), &d.AsOwner, &d.MadeBy, at(&d.Created), at(&d.NextAt), &d.Started, &d.Version)
}

// Review returns a series that was not removed.
func (r *Reader) Review(id string) (pim.ReviewDefinition, error) {
	return one(r, scanReview, "SELECT "+reviewCols+" FROM reviews v WHERE v.id = $1 AND v.removed_at = 0", id)
}

// ReviewPage is a keyset page of series by name.
type ReviewPage struct {
	Part      Subtree // only those about something in it
	AfterName string
	AfterID   string
	Limit     int
}

// Reviews lists the series that were not removed, by name.
func (r *Reader) Reviews(page ReviewPage) ([]pim.ReviewDefinition, error) {
	var w where
	w.add("v.removed_at = 0")
	if err := r.reviewsIn(&w, "v.id", page.Part); err != nil {
		return nil, err
	}
	if page.AfterID != "" {
		w.add("(v.name, v.id) > (?, ?)", page.AfterName, page.AfterID)
	}
	w.args = append(w.args, page.Limit)
	return many(r, scanReview, "SELECT "+reviewCols+" FROM reviews v"+w.String()+" ORDER BY v.name, v.id LIMIT "+dollar(len(w.args)), w.args...)
}

// reviewsIn keeps the reviews that are about resources of a part of the tree and about none beside it (T33); who reads
// everything reads those about groups and about everything too.
func (r *Reader) reviewsIn(w *where, column string, part Subtree) error {
	if part.All {
		return nil
	}
	inner := where{args: w.args}
	if err := r.within(&inner, "x.resource_id", part); err != nil {
		return err
	}
	other := where{args: inner.args}
	if err := r.within(&other, "y.resource_id", part); err != nil {
		return err
	}
	w.args = other.args
	w.conds = append(w.conds, column+" IN (SELECT x.review_id FROM review_places x"+inner.String()+")",
		column+" NOT IN (SELECT y.review_id FROM review_places y JOIN resources z ON z.id = y.resource_id AND z.removed_at = 0 WHERE NOT ("+strings.Join(other.conds, " AND ")+"))")
	return nil
}

// ReviewAbout reports whether a series is about something in a part of the tree, and about nothing beside it.
func (r *Reader) ReviewAbout(id string, part Subtree) (bool, error) {
	var w where
	w.add("v.id = ?", id)
	if err := r.reviewsIn(&w, "v.id", part); err != nil {
		return false, err
	}
	n, err := one(r, scanInt, "SELECT COUNT(*) FROM reviews v"+w.String(), w.args...)
	return n > 0, err
}

// ReviewsDue lists the series of which an instance begins now, the one that waits longest first.
func (r *Reader) ReviewsDue(limit int) ([]pim.ReviewDefinition, error) {
	return many(r, scanReview, "SELECT "+reviewCols+" FROM reviews v WHERE v.removed_at = 0 AND v.next_at > 0 AND v.next_at <= $1 ORDER BY v.next_at, v.id LIMIT $2", us(r.Now), limit)
}

// ReviewsAhead lists the series of which an instance begins later, the next one first.
func (r *Reader) ReviewsAhead(part Subtree, after Keyset, limit int) ([]pim.ReviewDefinition, error) {
	w, err := r.reviewsWhere("v.removed_at = 0 AND v.next_at > 0", "v.id", part)
	if err != nil {
		return nil, err
	}
	if after.ID != "" {
		w.add("(v.next_at, v.id) > (?, ?)", us(after.At), after.ID)
	}
	w.args = append(w.args, limit)
	return many(r, scanReview, "SELECT "+reviewCols+" FROM reviews v"+w.String()+" ORDER BY v.next_at, v.id LIMIT "+dollar(len(w.args)), w.args...)
}

// ReviewsAtRest lists the series that owners made and of which none is to come, over or paused, the newest first.
func (r *Reader) ReviewsAtRest(part Subtree, limit int) ([]pim.ReviewDefinition, error) {
	w, err := r.reviewsWhere("v.removed_at = 0 AND v.next_at = 0 AND v.as_owner = 1", "v.id", part)
	if err != nil {
		return nil, err
	}
	w.args = append(w.args, limit)
	return many(r, scanReview, "SELECT "+reviewCols+" FROM reviews v"+w.String()+" ORDER BY v.created_at DESC, v.id LIMIT "+dollar(len(w.args)), w.args...)
}

// CountReviewsAhead counts those that begin later, up to a limit.
func (r *Reader) CountReviewsAhead(part Subtree, limit int) (int64, error) {
	w, err := r.reviewsWhere("v.removed_at = 0 AND v.next_at > 0", "v.id", part)
	if err != nil {
		return 0, err
	}
	return r.countUpTo("reviews v", w, limit)
}

// reviewsWhere begins the condition of a list of a part of the tree.
func (r *Reader) reviewsWhere(cond, id string, part Subtree) (w where, err error) {
	w.add(cond)
	return w, r.reviewsIn(&w, id, part)
}

// countUpTo counts rows, up to a limit.
func (r *Reader) countUpTo(from string, w where, limit int) (int64, error) {
	w.args = append(w.args, limit)
	return one(r, scanInt, "SELECT COUNT(*) FROM (SELECT 1 FROM "+from+w.String()+" LIMIT "+dollar(len(w.args))+") x", w.args...)
}

// InsertReview adds a series.
func (tx *Tx) InsertReview(d pim.ReviewDefinition) error {
	_, err := tx.exec(`INSERT INTO reviews (id, name, terms, schedule, as_owner, made_by, created_at, next_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, d.ID, d.Name, toJSON(d.Terms), toJSON(d.When), num(d.AsOwner), d.MadeBy, us(tx.Now), us(d.NextAt))
	if err != nil {
		return err
	}
	return tx.placeReview(d)
}

// UpdateReview saves a series; the version must be the one read.
func (tx *Tx) UpdateReview(d pim.ReviewDefinition) error {
	err := tx.must(`UPDATE reviews SET name = $1, terms = $2, schedule = $3, next_at = $4, made_by = $5, version = version + 1
		WHERE id = $6 AND version = $7 AND removed_at = 0`, d.Name, toJSON(d.Terms), toJSON(d.When), us(d.NextAt), d.MadeBy, d.ID, d.Version)
	if err != nil {
		return err
	}
	if _, err := tx.exec("DELETE FROM review_places WHERE review_id = $1", d.ID); err != nil {
		return err
	}
	return tx.placeReview(d)
}

func (tx *Tx) placeReview(d pim.ReviewDefinition) error {
	var rows []any
	for _, id := range d.Terms.Scope.Resources {
		rows = append(rows, d.ID, id)
	}
	return insertRows(tx.ctx, tx.db, "review_places (review_id, resource_id)", rows)
}

// ReviewBegun records that an instance began and when the next one will; what is edited is left as it is.
func (tx *Tx) ReviewBegun(d pim.ReviewDefinition, next time.Time) error {
	return tx.must("UPDATE reviews SET started = started + 1, next_at = $1 WHERE id = $2 AND version = $3 AND next_at = $4 AND removed_at = 0",
		us(next), d.ID, d.Version, us(d.NextAt))
}

// PutOffReview lets the next instance of a series begin at another instant; with the zero time none begins until it is saved again.
func (tx *Tx) PutOffReview(d pim.ReviewDefinition, next time.Time) error {
	return tx.must("UPDATE reviews SET next_at = $1 WHERE id = $2 AND version = $3 AND next_at = $4 AND removed_at = 0", us(next), d.ID, d.Version, us(d.NextAt))
}

// RemoveReview ends a series: no instance begins any more. Those that ran stay.
func (tx *Tx) RemoveReview(id string, version int64) error {
	return tx.must("UPDATE reviews SET removed_at = $1, next_at = 0, version = version + 1 WHERE id = $2 AND version = $3 AND removed_at = 0", us(tx.Now), id, version)
}
