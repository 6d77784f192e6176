package store

import (
	"encoding/json"
	"time"

	"stint/internal/pim"
)

// SettingsVersion is what a row of settings was at one version, or that it was removed.
type SettingsVersion struct {
	pim.RoleSettings
	Removed bool
}

const historyCols = "role_id, resource_id, version, changed_by, changed_at, source, removed, fields"

func scanSettingsVersion(r row) (v SettingsVersion, err error) {
	var id pim.RoleSettings
	var fields string
	err = r.Scan(&id.RoleID, &id.ResourceID, &id.Version, &id.ChangedBy, at(&id.ChangedAt), &id.Source, &v.Removed, &fields)
	if err != nil {
		return v, err
	}
	err = json.Unmarshal([]byte(fields), &v.RoleSettings)
	v.RoleID, v.ResourceID, v.Version, v.ChangedBy, v.ChangedAt, v.Source = id.RoleID, id.ResourceID, id.Version, id.ChangedBy, id.ChangedAt, id.Source
	return v, err
}

func (tx *Tx) keepSettings(v SettingsVersion) error {
	fields := v.RoleSettings
	fields.RoleID, fields.ResourceID, fields.Version, fields.ChangedBy, fields.ChangedAt, fields.Source = "", "", 0, "", time.Time{}, ""
	_, err := tx.exec("INSERT INTO settings_history ("+historyCols+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", v.RoleID, v.ResourceID, v.Version,
		v.ChangedBy, us(v.ChangedAt), v.Source, num(v.Removed), toJSON(fields))
	return err
}

// SettingsHistory lists the versions of a row from the newest on, a page at a time: those before a version, 0 for the
// newest.
func (r *Reader) SettingsHistory(roleID, resourceID string, before int64, limit int) ([]SettingsVersion, error) {
	var w where
	w.add("role_id = ?", roleID)
	w.add("resource_id = ?", resourceID)
	if before > 0 {
		w.add("version < ?", before)
	}
	w.args = append(w.args, limit)
	return many(r, scanSettingsVersion, "SELECT "+historyCols+" FROM settings_history"+w.String()+" ORDER BY version DESC LIMIT "+dollar(len(w.args)), w.args...)
}

// SettingsVersion returns one version of a row.
func (r *Reader) SettingsVersion(roleID, resourceID string, version int64) (SettingsVersion, error) {
	return one(r, scanSettingsVersion, "SELECT "+historyCols+" FROM settings_history WHERE role_id = $1 AND resource_id = $2 AND version = $3", roleID, resourceID, version)
}

// SettingsLock keeps somebody from activating a role at a node and below until an instant (THREATS T21).
type SettingsLock struct {
	RoleID      string
	ResourceID  string // empty: everywhere
	PrincipalID string
	Until       time.Time
}

// SettingsLocks lists the locks of a role that still hold.
func (r *Reader) SettingsLocks(roleID string) ([]SettingsLock, error) {
	return many(r, func(r row) (l SettingsLock, err error) {
		return l, r.Scan(&l.RoleID, &l.ResourceID, &l.PrincipalID, at(&l.Until))
	}, "SELECT role_id, resource_id, principal_id, until_at FROM settings_locks WHERE role_id = $1 AND until_at > $2 ORDER BY resource_id, principal_id", roleID, us(r.Now))
}

// LockSettings adds a lock, or moves its end; those of the role that are over go.
func (tx *Tx) LockSettings(l SettingsLock) error {
	if _, err := tx.exec("DELETE FROM settings_locks WHERE role_id = $1 AND until_at <= $2", l.RoleID, us(tx.Now)); err != nil {
		return err
	}
	_, err := tx.exec(`INSERT INTO settings_locks (role_id, resource_id, principal_id, until_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (role_id, resource_id, principal_id) DO UPDATE SET until_at = excluded.until_at`, l.RoleID, l.ResourceID, l.PrincipalID, us(l.Until))
	return err
}
