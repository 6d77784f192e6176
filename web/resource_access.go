package web

import (
	"cmp"
	"slices"

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

func reads(q *request, path pim.Path) bool { return q.powers.Reads(path) }

// readable leaves of a list what the visitor may see.
func readable(q *request, list []pim.Resource, paths map[string]pim.Path) (out []pim.Resource) {
	for _, s := range list {
		if reads(q, paths[s.ID]) {
			out = append(out, s)
		}
	}
	return out
}

// rootsFor are the nodes at which the visitor's view of the tree begins: an owner's own ones.
func rootsFor(r *store.Reader, q *request, page store.ResourcePage) ([]pim.Resource, error) {
	if q.powers.MayAudit() {
		return r.Children("", page)
	}
	paths, err := r.Paths(q.powers.Owns)
	if err != nil {
		return nil, err
	}
	var roots []pim.Resource
	for _, path := range paths {
		above := path[:max(len(path)-1, 0)]
		if _, err := r.Resource(path.Leaf().ID); err == nil && !q.powers.Administers(above) {
			roots = append(roots, path.Leaf())
		}
	}
	slices.SortFunc(roots, func(a, b pim.Resource) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return roots[:min(len(roots), page.Limit)], nil
}
