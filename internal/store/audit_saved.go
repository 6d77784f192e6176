package store

import "stint/internal/pim"

// AuditSearches lists the searches a person keeps, by name.
func (r *Reader) AuditSearches(principalID string) ([]pim.AuditSearch, error) {
	return many(r, func(r row) (s pim.AuditSearch, err error) {
		return s, r.Scan(&s.ID, &s.PrincipalID, &s.Name, &s.Filters, at(&s.CreatedAt), &s.Version)
	}, "SELECT id, principal_id, name, filters, created_at, version FROM audit_searches WHERE principal_id = $1 ORDER BY name, id", principalID)
}

// SaveAuditSearch keeps a search, in the place of the one of the same name and person.
func (tx *Tx) SaveAuditSearch(s pim.AuditSearch) error {
	_, err := tx.exec(`INSERT INTO audit_searches (id, principal_id, name, filters, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (principal_id, name) DO UPDATE SET filters = excluded.filters, version = audit_searches.version + 1`,
		s.ID, s.PrincipalID, s.Name, s.Filters, us(tx.Now))
	return err
}

// DeleteAuditSearch forgets a search of a person; ErrConflict when there is none.
func (tx *Tx) DeleteAuditSearch(id, principalID string) error {
	return tx.must("DELETE FROM audit_searches WHERE id = $1 AND principal_id = $2", id, principalID)
}
