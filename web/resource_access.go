package web

import (
	"errors"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// mayRead refuses, as if it did not exist, a resource that is none of the visitor's business.
func mayRead(r *store.Reader, q *request, id string) error { return broker.MayRead(r, q.powers, id) }

// administersHere reports whether the visitor administers a resource, so that its page offers it.
func administersHere(r *store.Reader, q *request, id string) (bool, error) {
	return broker.MayAdminister(r, q.powers, id)
}

// readable leaves of a list what the visitor may see.
func readable(q *request, list []pim.Resource, paths map[string]pim.Path) (out []pim.Resource) {
	for _, s := range list {
		if q.powers.Reads(paths[s.ID]) {
			out = append(out, s)
		}
	}
	return out
}

// rootsFor are the nodes at which the visitor's view of the tree begins: its roots, or what an owner was given.
func rootsFor(r *store.Reader, q *request, page store.ResourcePage) ([]pim.Resource, error) {
	if q.powers.MayAudit() {
		return r.Children("", page)
	}
	var out []pim.Resource
	for _, id := range q.powers.Owns {
		s, err := r.Resource(id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}
