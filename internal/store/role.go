package store

import (
	"errors"
	"strings"

	"stint/internal/pim"
)

const roleCols = "d.id, d.file_key, d.name, d.description, d.privileged, d.source, d.version"

func scanRole(r row) (d pim.RoleDefinition, err error) {
	err = r.Scan(&d.ID, &d.Key, &d.Name, &d.Description, &d.Privileged, &d.Source, &d.Version)
	return d, err
}

// Role returns one role definition.
func (r *Reader) Role(id string) (pim.RoleDefinition, error) {
	return one(r, scanRole, "SELECT "+roleCols+" FROM role_definitions d WHERE d.id = $1 AND d.removed_at = 0", id)
}

// Roles lists every role definition that was not removed.
func (r *Reader) Roles() ([]pim.RoleDefinition, error) {
	return many(r, scanRole, "SELECT "+roleCols+" FROM role_definitions d WHERE d.removed_at = 0 ORDER BY d.name, d.id")
}

// RoleNames returns names by id, removed roles included.
func (r *Reader) RoleNames(ids []string) (map[string]string, error) {
	return r.pairs("SELECT id, name FROM role_definitions WHERE id IN ", ids)
}

// InsertRole adds a role definition.
func (tx *Tx) InsertRole(d pim.RoleDefinition) error {
	_, err := tx.exec("INSERT INTO role_definitions (id, file_key, name, description, privileged, source) VALUES ($1, $2, $3, $4, $5, $6)",
		d.ID, d.Key, d.Name, d.Description, num(d.Privileged), d.Source)
	return err
}

// UpdateRole saves a role definition; the version must be the one read.
func (tx *Tx) UpdateRole(d pim.RoleDefinition) error {
	return tx.must(`UPDATE role_definitions SET name = $1, description = $2, privileged = $3, source = $4, file_key = $7, version = version + 1
		WHERE id = $5 AND version = $6 AND removed_at = 0`, d.Name, d.Description, num(d.Privileged), d.Source, d.ID, d.Version, d.Key)
}

// RemoveRole marks a role definition removed.
func (tx *Tx) RemoveRole(id string) error {
	return tx.must("UPDATE role_definitions SET removed_at = $1, version = version + 1 WHERE id = $2 AND removed_at = 0", us(tx.Now), id)
}

func scanMeaning(r row) (m pim.Meaning, err error) {
	return m, r.Scan(&m.RoleID, &m.ResourceID, &m.Name, &m.EntitlementID, &m.Relation)
}

// Meanings lists what every role means, by role and resource.
func (r *Reader) Meanings() ([]pim.Meaning, error) {
	return many(r, scanMeaning, "SELECT role_id, resource_id, name, entitlement_id, relation FROM role_meanings ORDER BY role_id, resource_id, name, relation")
}

// MeaningsBelow lists what holding a role at a resource means there and on everything below.
func (r *Reader) MeaningsBelow(roleID, resourceID string) ([]pim.Meaning, error) {
	return many(r, scanMeaning, `WITH RECURSIVE down(id, depth) AS (
		SELECT id, 0 FROM resources WHERE id = $2
		UNION
		SELECT s.id, down.depth + 1 FROM resources s JOIN down ON s.parent_id = down.id WHERE down.depth < 32 AND s.removed_at = 0)
		SELECT role_id, resource_id, name, entitlement_id, relation FROM role_meanings WHERE role_id = $1 AND resource_id IN (SELECT id FROM down)
		ORDER BY resource_id, name, relation`, roleID, resourceID)
}

// ResourcesBelow lists, by name, where a role can be held below a resource: nodes at or below which it means
// something, or every node when it means nothing there at all. query narrows by a part of the name.
func (r *Reader) ResourcesBelow(roleID, resourceID, query string, limit int) ([]pim.Resource, error) {
	return many(r, scanResource, `WITH RECURSIVE down(id, depth) AS (
		SELECT id, 0 FROM resources WHERE id = $2
		UNION
		SELECT s.id, down.depth + 1 FROM resources s JOIN down ON s.parent_id = down.id WHERE down.depth < 32 AND s.removed_at = 0),
		up(id, depth) AS (
		SELECT resource_id, 0 FROM role_meanings WHERE role_id = $1 AND resource_id IN (SELECT id FROM down)
		UNION
		SELECT s.parent_id, up.depth + 1 FROM resources s JOIN up ON s.id = up.id WHERE up.depth < 32)
		SELECT `+resourceCols+` FROM resources s WHERE s.id IN (SELECT id FROM down) AND s.id <> $2 AND s.removed_at = 0
		AND (s.id IN (SELECT id FROM up) OR NOT EXISTS (SELECT 1 FROM up)) AND LOWER(s.name) LIKE $3 ESCAPE '\'
		ORDER BY s.name, s.id LIMIT $4`, roleID, resourceID, "%"+escapeLike(strings.ToLower(query))+"%", limit)
}

// SaveMeaning adds a meaning or records the target's immutable id for it.
func (tx *Tx) SaveMeaning(m pim.Meaning) error {
	_, err := tx.exec(`INSERT INTO role_meanings (role_id, resource_id, name, entitlement_id, relation) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (role_id, resource_id, name, relation) DO UPDATE SET entitlement_id = excluded.entitlement_id`, m.RoleID, m.ResourceID, m.Name, m.EntitlementID, m.Relation)
	return err
}

// RemoveMeaning removes a meaning.
func (tx *Tx) RemoveMeaning(m pim.Meaning) error {
	return tx.must("DELETE FROM role_meanings WHERE role_id = $1 AND resource_id = $2 AND name = $3 AND relation = $4", m.RoleID, m.ResourceID, m.Name, m.Relation)
}

// MeaningsUnresolved lists meanings whose immutable id at the target is not known yet.
func (r *Reader) MeaningsUnresolved() ([]pim.Meaning, error) {
	return many(r, scanMeaning, "SELECT role_id, resource_id, name, entitlement_id, relation FROM role_meanings WHERE entitlement_id = '' ORDER BY role_id, resource_id, name, relation")
}

// MeaningName returns what an entitlement is called in the file, by the target's id, or "" where no role means it.
func (r *Reader) MeaningName(entitlementID string) (string, error) {
	m, err := one(r, scanMeaning, "SELECT role_id, resource_id, name, entitlement_id, relation FROM role_meanings WHERE entitlement_id = $1 ORDER BY name LIMIT 1", entitlementID)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return m.Called(), err
}
