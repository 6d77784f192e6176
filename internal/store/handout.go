package store

import (
	"slices"
	"strings"

	"stint/internal/pim"
)

// HandOuts lists, by resource, which roles owners may hand out.
func (r *Reader) HandOuts() (map[string]pim.HandOut, error) {
	rows, err := many(r, func(r row) (h pim.HandOut, err error) { return h, r.Scan(&h.ResourceID, asJSON(&h.Roles), &h.Version) },
		"SELECT resource_id, role_ids, version FROM handouts ORDER BY resource_id")
	out := make(map[string]pim.HandOut, len(rows))
	for _, h := range rows {
		out[h.ResourceID] = h
	}
	return out, err
}

// SaveHandOut keeps a list; the version must be the one read, 0 for a resource without one.
func (tx *Tx) SaveHandOut(h pim.HandOut) error {
	if h.Version == 0 {
		return tx.must("INSERT INTO handouts (resource_id, role_ids) VALUES ($1, $2) ON CONFLICT (resource_id) DO NOTHING", h.ResourceID, toJSON(h.Roles))
	}
	return tx.must("UPDATE handouts SET role_ids = $1, version = version + 1 WHERE resource_id = $2 AND version = $3", toJSON(h.Roles), h.ResourceID, h.Version)
}

// RemoveHandOut lets the nearest list above say again.
func (tx *Tx) RemoveHandOut(h pim.HandOut) error {
	return tx.must("DELETE FROM handouts WHERE resource_id = $1 AND version = $2", h.ResourceID, h.Version)
}

// Subtree narrows a list to resources and everything below them; All narrows nothing, and neither shows nothing.
type Subtree struct {
	All   bool
	Roots []string
}

// under keeps the rows whose column names a resource of the subtree (THREATS T22: ids are never compared by prefix).
func (w *where) under(column string, s Subtree) {
	if s.All {
		return
	}
	list := in(&w.args, s.Roots)
	w.conds = append(w.conds, column+` IN (WITH RECURSIVE down(id, depth) AS (
		SELECT id, 0 FROM resources WHERE id IN `+list+`
		UNION
		SELECT s.id, down.depth + 1 FROM resources s JOIN down ON s.parent_id = down.id WHERE down.depth < 32 AND s.removed_at = 0)
		SELECT id FROM down)`)
}

// part is what a subtree comes to.
type part struct {
	ids []string // of the resources that were not removed, in order
	set map[string]bool
}

type partKey string

// maxPart is of how many resources a part of the tree is remembered; a larger one is walked by each query.
const maxPart = 2048

// part names the resources of a subtree, while no definition changes: a query that has to walk the tree for them takes
// longer for that than for all else. Of a larger one there are more than maxPart, and not all.
func (r *Reader) part(s Subtree) (part, error) {
	return Remembered(r, partKey(strings.Join(s.Roots, "\n")), func() (p part, err error) {
		var w where
		w.conds = append(w.conds, "s.removed_at = 0")
		w.under("s.id", s)
		w.args = append(w.args, maxPart+1)
		p.ids, err = many(r, scanString, "SELECT s.id FROM resources s"+w.String()+" LIMIT "+dollar(len(w.args)), w.args...)
		slices.Sort(p.ids)
		p.set = make(map[string]bool, len(p.ids))
		for _, id := range p.ids {
			p.set[id] = true
		}
		return p, err
	})
}

// within is under by name where the subtree is no too large one. The column is an expression: a list is no reason to
// look each of them up.
func (r *Reader) within(w *where, column string, s Subtree) error {
	if s.All {
		return nil
	}
	p, err := r.part(s)
	switch {
	case err != nil:
	case len(p.ids) > maxPart:
		w.under(column, s)
	case len(p.ids) == 0:
		w.conds = append(w.conds, "1 = 0")
	default:
		w.conds = append(w.conds, column+" || '' IN (VALUES "+strings.ReplaceAll(in(&w.args, p.ids), ", ", "), (")+")")
	}
	return err
}

// ResourcesIn returns which of some resources lie in a subtree, removed ones not.
func (r *Reader) ResourcesIn(ids []string, s Subtree) ([]string, error) {
	if !s.All {
		p, err := r.part(s)
		if err != nil {
			return nil, err
		}
		if len(p.ids) <= maxPart {
			in := slices.DeleteFunc(slices.Sorted(slices.Values(ids)), func(id string) bool { return !p.set[id] })
			return slices.Compact(in), nil
		}
	}
	var w where
	w.conds = append(w.conds, "s.id IN "+in(&w.args, ids), "s.removed_at = 0")
	w.under("s.id", s)
	return many(r, scanString, "SELECT s.id FROM resources s"+w.String()+" ORDER BY s.id", w.args...)
}
