package broker

import (
	"context"
	"errors"
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// live refuses a chosen resource that is not there any more, or the assignment's own that is being retired.
func live(r *store.Reader, asg pim.Assignment, resourceID string) error {
	if resourceID == asg.ResourceID {
		leaves, err := r.Leaving(resourceID)
		if err == nil && leaves {
			err = pim.Refuse(pim.KindConflict, "This resource is retired: nobody activates anything on it any more.")
		}
		return err
	}
	_, err := r.Resource(resourceID)
	if errors.Is(err, store.ErrNotFound) {
		return pim.Invalid("resource", "Choose the resource you are eligible on, or one below it.")
	}
	return err
}

// means reports whether a role gives something on a chosen resource, or gives nothing at any target anyway.
func means(r *store.Reader, to reach, asg pim.Assignment, resourceID string) (bool, error) {
	if resourceID == asg.ResourceID || len(to.facts) > 0 || !to.complete {
		return true, nil
	}
	all, err := r.MeaningsBelow(asg.RoleID, asg.ResourceID)
	return len(all) == 0, err
}

// stillBelow reports whether an activation's resource is the assignment's or still one below it: a resource may
// have been moved or removed since.
func stillBelow(r *store.Reader, asg pim.Assignment, resourceID string) (bool, error) {
	if resourceID == asg.ResourceID {
		leaves, err := r.Leaving(resourceID)
		return !leaves, err
	}
	if _, err := r.Resource(resourceID); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return false, err
	}
	path, err := r.Path(resourceID)
	return path.Contains(asg.ResourceID), err
}

// recheckNarrower ends activations of resources that are no longer below their assignment's.
func (b *Broker) recheckNarrower(tx *store.Tx) error {
	open, err := tx.NarrowerActivations()
	if err != nil {
		return err
	}
	for _, a := range open {
		if err := b.recheckActivation(tx, a); err != nil {
			return err
		}
	}
	return nil
}

// ScopesShown is the most resources a form lists; a search finds the others.
const ScopesShown = 50

// Scope is a resource below an assignment's, on which alone the role may be held.
type Scope struct {
	Resource pim.Resource
	Path     pim.Path // from below the assignment's resource to this one
}

// Scopes lists what the person may choose below an assignment of theirs, by name, after what they have chosen
// already; more says that there are others, for a search.
func (b *Broker) Scopes(ctx context.Context, actor Actor, assignmentID, query string, chosen []string) (scopes []Scope, more bool, err error) {
	scopes, err = store.Read(ctx, b.store, func(r *store.Reader) ([]Scope, error) {
		f, err := b.activationFacts(r, actor, pim.ActivationRequest{AssignmentID: assignmentID})
		if err != nil {
			return nil, err
		}
		below, err := r.ResourcesBelow(f.Role.ID, f.Assignment.ResourceID, query, ScopesShown+1)
		if err != nil {
			return nil, err
		}
		if more = len(below) > ScopesShown; more {
			below = below[:ScopesShown]
		}
		if below, err = withChosen(r, below, chosen); err != nil {
			return nil, err
		}
		return withPaths(r, below, f.Path)
	})
	return scopes, more, err
}

// withChosen puts chosen resources that are not listed before the list.
func withChosen(r *store.Reader, below []pim.Resource, chosen []string) ([]pim.Resource, error) {
	for _, id := range chosen[:min(len(chosen), pim.MaxSet)] {
		if slices.ContainsFunc(below, func(s pim.Resource) bool { return s.ID == id }) {
			continue
		}
		s, err := r.Resource(id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if err == nil {
			below = append([]pim.Resource{s}, below...)
		}
	}
	return below, nil
}

// withPaths leaves out what is not below.
func withPaths(r *store.Reader, below []pim.Resource, above pim.Path) ([]Scope, error) {
	if len(below) == 0 {
		return nil, nil
	}
	ids := make([]string, len(below))
	for i, s := range below {
		ids[i] = s.ID
	}
	paths, err := r.Paths(ids)
	out := make([]Scope, 0, len(below))
	for _, s := range below {
		if p := paths[s.ID]; len(p) > len(above) && p.Contains(above.Leaf().ID) {
			out = append(out, Scope{Resource: s, Path: p[len(above):]})
		}
	}
	return out, err
}
