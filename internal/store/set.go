package store

import (
	"time"

	"stint/internal/pim"
)

// Sets lists what a person keeps, by name, each with its roles in order.
func (r *Reader) Sets(principalID string) ([]pim.Set, error) {
	sets, err := many(r, func(r row) (s pim.Set, err error) {
		return s, r.Scan(&s.ID, &s.PrincipalID, &s.Name, at(&s.CreatedAt), &s.Version)
	}, "SELECT id, principal_id, name, created_at, version FROM sets WHERE principal_id = $1 ORDER BY name, id", principalID)
	if err != nil || len(sets) == 0 {
		return sets, err
	}
	type item struct {
		set string
		pim.SetItem
	}
	items, err := many(r, func(r row) (i item, err error) {
		return i, r.Scan(&i.set, &i.RoleID, &i.ResourceID, seconds(&i.Duration))
	}, `SELECT i.set_id, i.role_id, i.resource_id, i.duration_s FROM set_items i JOIN sets s ON s.id = i.set_id
		WHERE s.principal_id = $1 ORDER BY i.set_id, i.number`, principalID)
	of := map[string][]pim.SetItem{}
	for _, i := range items {
		of[i.set] = append(of[i.set], i.SetItem)
	}
	for n := range sets {
		sets[n].Items = of[sets[n].ID]
	}
	return sets, err
}

// SaveSet makes a set, or replaces the one of the same name and person.
func (tx *Tx) SaveSet(s pim.Set) error {
	id, err := one(tx.Reader, scanString, `INSERT INTO sets (id, principal_id, name, created_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (principal_id, name) DO UPDATE SET version = sets.version + 1 RETURNING id`, s.ID, s.PrincipalID, s.Name, us(tx.Now))
	if err != nil {
		return err
	}
	if _, err := tx.exec("DELETE FROM set_items WHERE set_id = $1", id); err != nil {
		return err
	}
	for n, i := range s.Items {
		if _, err := tx.exec("INSERT INTO set_items (set_id, number, role_id, resource_id, duration_s) VALUES ($1, $2, $3, $4, $5)",
			id, n, i.RoleID, i.ResourceID, int64(i.Duration/time.Second)); err != nil {
			return err
		}
	}
	return nil
}

// DeleteSet forgets a set of a person; ErrConflict when there is none.
func (tx *Tx) DeleteSet(id, principalID string) error {
	if _, err := tx.exec("DELETE FROM set_items WHERE set_id IN (SELECT id FROM sets WHERE id = $1 AND principal_id = $2)", id, principalID); err != nil {
		return err
	}
	return tx.must("DELETE FROM sets WHERE id = $1 AND principal_id = $2", id, principalID)
}

// resultsKept is how long what became of a set can be looked at again; the audit log keeps it for ever.
const resultsKept = 30 * 24 * time.Hour

// Results is what became of several things done together.
type Results struct {
	ID          string
	PrincipalID string
	Kind        string // "activate", "approve", "deny", "deactivate", "assign" or "unassign"
	Items       []pim.ItemResult
	CreatedAt   time.Time
}

// Results returns what became of a set.
func (r *Reader) Results(id string) (Results, error) {
	return one(r, func(r row) (v Results, err error) {
		return v, r.Scan(&v.ID, &v.PrincipalID, &v.Kind, asJSON(&v.Items), at(&v.CreatedAt))
	}, "SELECT id, principal_id, kind, items, created_at FROM results WHERE id = $1", id)
}

// InsertResults keeps what became of a set, and lets old ones go.
func (tx *Tx) InsertResults(v Results) error {
	if _, err := tx.exec("DELETE FROM results WHERE created_at <= $1", us(tx.Now.Add(-resultsKept))); err != nil {
		return err
	}
	_, err := tx.exec("INSERT INTO results (id, principal_id, kind, items, created_at) VALUES ($1, $2, $3, $4, $5)",
		v.ID, v.PrincipalID, v.Kind, toJSON(v.Items), us(tx.Now))
	return err
}
