package broker

import (
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// ReviewSeen is an instance as somebody sees it, and why they do.
type ReviewSeen struct {
	pim.ReviewInstance
	Reads   bool            // all of it: they audit, or are owner of something it is about
	Manages bool            // they may stop, apply and delete it
	Sets    []pim.ReviewSet // they review or reviewed something of it: theirs, of every stage
}

// Mine lists the sets in which they review, or reviewed last.
func (v ReviewSeen) Mine() (ids []string, stage int) {
	for stage = v.Stage; stage >= 0; stage-- {
		for _, s := range v.Sets {
			if s.Stage == stage {
				ids = append(ids, s.ID)
			}
		}
		if len(ids) > 0 {
			return ids, stage
		}
	}
	return []string{}, v.Stage
}

// before reports whether every stage in which they review is still to come.
func (v ReviewSeen) before() bool {
	return !slices.ContainsFunc(v.Sets, func(s pim.ReviewSet) bool { return s.Stage <= v.Stage })
}

// SeeReview loads an instance for somebody; whoever neither reads nor reviews it does not learn that it exists (T33).
func SeeReview(r *store.Reader, who pim.Principal, id string) (v ReviewSeen, err error) {
	if v.ReviewInstance, err = r.ReviewInstance(id); err != nil {
		return v, found(err)
	}
	powers, err := Powers(r, who.ID)
	if err != nil {
		return v, err
	}
	if v.Reads, err = ReadsInstance(r, powers, v.ReviewInstance); err != nil {
		return v, err
	}
	if v.Reads {
		d, err := r.ReviewOf(v.ReviewID)
		if err != nil {
			return v, err
		}
		d.Terms.Scope = v.Terms.Scope
		if v.Manages, err = MayChangeReview(r, who, d); err != nil {
			return v, err
		}
	}
	if v.State != pim.ReviewStarting { // nobody reviews what is not frozen yet
		v.Sets, err = r.ReviewSetsIn(id, who.ID)
	}
	if err == nil && !v.Reads && len(v.Sets) == 0 {
		err = pim.NotFound()
	}
	return v, err
}

// ReadsInstance reports whether all that an instance is about is theirs to read. Its series may be about something else by
// now: what counts is what it was about at its start.
func ReadsInstance(r *store.Reader, powers pim.Powers, i pim.ReviewInstance) (reads bool, err error) {
	if powers.MayAudit() || len(powers.Owns) == 0 {
		return powers.MayAudit(), nil
	}
	for _, id := range i.Terms.Scope.Resources {
		path, err := pathOf(r, id)
		removed := gone(err)
		if removed {
			var paths map[string]pim.Path
			paths, err = r.Paths([]string{id})
			path = paths[id] // where it was: what was held there is no business of owners beside it
		}
		if err != nil || !powers.Reads(path) {
			return false, err
		}
		reads = reads || !removed
	}
	return reads, nil
}

// ReadableReviews leaves the instances of a list that are theirs to read: a list is of series, which may have been about more.
func ReadableReviews(r *store.Reader, powers pim.Powers, list []pim.ReviewInstance) ([]pim.ReviewInstance, error) {
	if powers.MayAudit() {
		return list, nil
	}
	var out []pim.ReviewInstance
	for _, i := range list {
		reads, err := ReadsInstance(r, powers, i)
		if err != nil {
			return nil, err
		}
		if reads {
			out = append(out, i)
		}
	}
	return out, nil
}

// ReviewsRunning lists the instances that are not applied yet and theirs to read, the one that ends first at the top.
func ReviewsRunning(r *store.Reader, powers pim.Powers, after store.Keyset, limit int) (out []pim.ReviewInstance, err error) {
	for {
		page, err := r.ReviewsRunning(ReadableBy(powers), after, limit)
		if err != nil {
			return nil, err
		}
		list, err := ReadableReviews(r, powers, page)
		if err != nil {
			return nil, err
		}
		if out = append(out, list...); len(page) < limit || len(out) >= limit {
			return out[:min(len(out), limit)], nil
		}
		after = store.Keyset{At: page[limit-1].EndsAt, ID: page[limit-1].ID}
	}
}

// CountReviewsRunning counts those, up to a limit.
func CountReviewsRunning(r *store.Reader, powers pim.Powers, limit int) (int64, error) {
	if powers.MayAudit() {
		return r.CountReviewsRunning(ReadableBy(powers), limit)
	}
	list, err := ReviewsRunning(r, powers, store.Keyset{}, limit)
	return int64(len(list)), err
}

// managesReview refuses whoever may not change, stop, apply or delete a review: administrators may, and where an owner
// made it the owners of every resource it is about.
func managesReview(r *store.Reader, who pim.Principal, i pim.ReviewInstance) error {
	d, err := r.ReviewOf(i.ReviewID)
	if err != nil {
		return found(err)
	}
	d.Terms.Scope = i.Terms.Scope // what it is about, not what the next one will be
	return changesReview(r, who, d)
}
