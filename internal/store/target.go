package store

import (
	"time"

	"stint/internal/pim"
)

// TargetRow is a target with its sealed secret and what was last seen of its health.
type TargetRow struct {
	pim.Target
	Sealed    string // ciphertext; opened by the broker alone
	OKAt      time.Time
	FailingAt time.Time // since when it fails; zero: healthy or never tried
	ToldAt    time.Time // when administrators were told
	ErrorKind string
	Error     string
}

const targetCols = `t.id, t.file_key, t.kind, t.name, t.settings, t.may_write, t.authoritative, t.secret_from, t.sealed, t.source, t.ok_at, t.failing_at, t.told_at,
	t.error_kind, t.error, t.version`

func scanTarget(r row) (t TargetRow, err error) {
	err = r.Scan(&t.ID, &t.Key, &t.Kind, &t.Name, asJSON(&t.Settings), asJSON(&t.MayWrite), &t.Authoritative, &t.SecretFrom, &t.Sealed, &t.Source,
		at(&t.OKAt), at(&t.FailingAt), at(&t.ToldAt), &t.ErrorKind, &t.Error, &t.Version)
	return t, err
}

// Target returns one target.
func (r *Reader) Target(id string) (TargetRow, error) {
	return one(r, scanTarget, "SELECT "+targetCols+" FROM targets t WHERE t.id = $1 AND t.removed_at = 0", id)
}

// Targets lists every target that was not removed.
func (r *Reader) Targets() ([]TargetRow, error) {
	return many(r, scanTarget, "SELECT "+targetCols+" FROM targets t WHERE t.removed_at = 0 ORDER BY t.name, t.id")
}

// FailingTargets lists targets that have failed since at least a while ago.
func (r *Reader) FailingTargets() ([]TargetRow, error) {
	return many(r, scanTarget, "SELECT "+targetCols+" FROM targets t WHERE t.failing_at > 0 AND t.removed_at = 0 ORDER BY t.failing_at")
}

// InsertTarget adds a target.
func (tx *Tx) InsertTarget(t TargetRow) error {
	_, err := tx.exec(`INSERT INTO targets (id, file_key, kind, name, settings, may_write, secret_from, sealed, source, authoritative)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, t.ID, t.Key, t.Kind, t.Name, toJSON(t.Settings), toJSON(t.MayWrite), t.SecretFrom, t.Sealed, t.Source, num(t.Authoritative))
	return err
}

// UpdateTarget saves a target's definition; the version must be the one read.
func (tx *Tx) UpdateTarget(t TargetRow) error {
	return tx.must(`UPDATE targets SET kind = $1, name = $2, settings = $3, may_write = $4, secret_from = $5, sealed = $6, authoritative = $9, source = $10, file_key = $11, version = version + 1
		WHERE id = $7 AND version = $8 AND removed_at = 0`, t.Kind, t.Name, toJSON(t.Settings), toJSON(t.MayWrite), t.SecretFrom, t.Sealed, t.ID, t.Version, num(t.Authoritative), t.Source, t.Key)
}

// RemoveTarget marks a target removed and forgets its secret.
func (tx *Tx) RemoveTarget(id string) error {
	return tx.must("UPDATE targets SET removed_at = $1, sealed = '', version = version + 1 WHERE id = $2 AND removed_at = 0", us(tx.Now), id)
}

// TargetOK records a working call; it reports whether the target had been failing.
func (tx *Tx) TargetOK(id string) (recovered bool, err error) {
	if n, err := tx.exec("UPDATE targets SET ok_at = $1, failing_at = 0, told_at = 0, error_kind = '', error = '' WHERE id = $2 AND failing_at > 0", us(tx.Now), id); err != nil || n > 0 {
		return n > 0, err
	}
	_, err = tx.exec("UPDATE targets SET ok_at = $1 WHERE id = $2", us(tx.Now), id)
	return false, err
}

// TargetFailed records a failing call; it reports whether this is the first of the outage.
func (tx *Tx) TargetFailed(id, kind, text string) (first bool, err error) {
	n, err := tx.exec("UPDATE targets SET failing_at = $1, error_kind = $2, error = $3 WHERE id = $4 AND failing_at = 0", us(tx.Now), kind, text, id)
	if err != nil || n > 0 {
		return n > 0, err
	}
	_, err = tx.exec("UPDATE targets SET error_kind = $1, error = $2 WHERE id = $3", kind, text, id)
	return false, err
}
