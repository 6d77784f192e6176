package web

import (
	"stint/internal/pim"
	"stint/internal/store"
)

// mayRead refuses, as if it did not exist, a resource that is none of the visitor's business.
func mayRead(r *store.Reader, q *request, id string) error {
	if !q.powers.MayAudit() {
		return pim.NotFound()
	}
	_, err := r.Resource(id)
	return err
}

// administersHere reports whether the visitor administers a resource, so that its page offers it.
func administersHere(r *store.Reader, q *request, id string) (bool, error) {
	return q.powers.Administrator, nil
}

func reads(q *request, _ pim.Path) bool { return q.powers.MayAudit() }

// readable leaves of a list what the visitor may see.
func readable(q *request, list []pim.Resource, paths map[string]pim.Path) (out []pim.Resource) {
	for _, s := range list {
		if reads(q, paths[s.ID]) {
			out = append(out, s)
		}
	}
	return out
}

// rootsFor are the nodes at which the visitor's view of the tree begins.
func rootsFor(r *store.Reader, q *request, page store.ResourcePage) ([]pim.Resource, error) {
	return r.Children("", page)
}
