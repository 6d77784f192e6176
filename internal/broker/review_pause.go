package broker

import (
	"fmt"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// makerStands reports whether who made an owner's series may still be owner of all it is about, or administrator: assigned,
// eligible or active, for the power itself need not be active when a review begins (K-33).
func makerStands(r *store.Reader, d pim.ReviewDefinition) (bool, error) {
	if !d.AsOwner {
		return true, nil
	}
	p, err := r.Principal(d.MadeBy)
	if gone(err) || err == nil && !p.Enabled {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	could := pim.Powers{}
	for _, kind := range []pim.AssignmentKind{pim.Eligible, pim.Active} {
		held, err := r.AssignmentsFor(p.ID, kind)
		if err != nil {
			return false, err
		}
		for _, a := range held {
			could.Administrator = could.Administrator || a.RoleID == pim.RoleAdministrator
			if a.RoleID == pim.RoleOwner {
				could.Owns = append(could.Owns, a.ResourceID)
			}
		}
	}
	for _, id := range d.Terms.Scope.Resources {
		path, err := pathOf(r, id)
		if err := ignoreGone(err); err != nil {
			return false, err
		}
		if len(path) > 0 && !could.Administers(path) {
			return false, nil
		}
	}
	return true, nil
}

// pauseReview lets no review of a series begin until somebody who administers all of it saves it again: an ex-owner's power
// does not go on. Administrators and the owners there are told.
func pauseReview(tx *store.Tx, d pim.ReviewDefinition) error {
	e := pim.Event{Type: pim.EvReviewRefused, Actor: pim.System, ObjectID: d.ID, Facts: map[string]any{}, Texts: map[string]string{}}
	tx.Emit(e.AsRefused().With("why", "maker").WithText("name", d.Name))
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	var paths []pim.Path
	for _, id := range d.Terms.Scope.Resources {
		path, err := pathOf(tx.Reader, id)
		if err := ignoreGone(err); err != nil {
			return err
		}
		paths = append(paths, path)
	}
	owners, err := ownersAlong(tx.Reader, paths...)
	if err != nil {
		return err
	}
	people = append(people, ids(owners)...)
	words, err := pausedWords(tx.Reader, d)
	if err != nil {
		return err
	}
	if err := notify(tx, "No review of "+d.Name+" begins. "+words, "/reviews/series/"+d.ID, unique(people)...); err != nil {
		return err
	}
	return tx.PutOffReview(d, time.Time{})
}

func pausedWords(r *store.Reader, d pim.ReviewDefinition) (string, error) {
	names, err := r.Names([]string{d.MadeBy})
	return fmt.Sprintf("It is paused: %s, who made it, is no owner of all it is about any more. Whoever administers all of it saves it again to take it over.", someone(names[d.MadeBy])), err
}

// ReviewPaused says in words why no review of a series begins any more although its schedule goes on; empty where none is.
func ReviewPaused(r *store.Reader, d pim.ReviewDefinition) (string, error) {
	paused, err := reviewPaused(r, d)
	if err != nil || !paused {
		return "", err
	}
	stands, err := makerStands(r, d)
	if err != nil {
		return "", err
	}
	if stands { // again: nothing begins by itself all the same
		names, err := r.Names([]string{d.MadeBy})
		return fmt.Sprintf("It is paused: when a review was to begin, %s, who made it, was no owner of all it is about. Save it again to let it go on.", someone(names[d.MadeBy])), err
	}
	return pausedWords(r, d)
}

func reviewPaused(r *store.Reader, d pim.ReviewDefinition) (bool, error) {
	if !d.AsOwner || !d.NextAt.IsZero() {
		return false, nil
	}
	next, err := nextReview(d, firstFrom(d, r.Now))
	return err == nil && !next.IsZero(), err
}

// maxAtRest is how many series without a next review are looked at for those that are paused.
const maxAtRest = 200

// PausedReviews are the series in a part of the tree of which no review begins any more although their schedules go on.
func PausedReviews(r *store.Reader, part store.Subtree) (out []pim.ReviewDefinition, err error) {
	rest, err := r.ReviewsAtRest(part, maxAtRest)
	if err != nil {
		return nil, err
	}
	for _, d := range rest {
		paused, err := reviewPaused(r, d)
		if err != nil {
			return nil, err
		}
		if paused {
			out = append(out, d)
		}
	}
	return out, nil
}
