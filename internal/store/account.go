package store

import (
	"errors"

	"stint/internal/pim"
)

const accountCols = "a.id, a.principal_id, a.target_id, a.name, a.external_id, a.confirmed_at, a.confirmed_by, a.taken_by, a.source, a.version"

func scanAccount(r row) (a pim.Account, err error) {
	err = r.Scan(&a.ID, &a.PrincipalID, &a.TargetID, &a.Name, &a.ExternalID, at(&a.ConfirmedAt), &a.ConfirmedBy, &a.TakenBy, &a.Source, &a.Version)
	return a, err
}

// Account returns one account.
func (r *Reader) Account(id string) (pim.Account, error) {
	return one(r, scanAccount, "SELECT "+accountCols+" FROM accounts a WHERE a.id = $1 AND a.removed_at = 0", id)
}

// AccountAt returns a principal's account at a target.
func (r *Reader) AccountAt(principalID, targetID string) (pim.Account, error) {
	return one(r, scanAccount, "SELECT "+accountCols+" FROM accounts a WHERE a.principal_id = $1 AND a.target_id = $2 AND a.removed_at = 0", principalID, targetID)
}

// AccountsOf lists a principal's accounts.
func (r *Reader) AccountsOf(principalID string) ([]pim.Account, error) {
	return many(r, scanAccount, "SELECT "+accountCols+" FROM accounts a WHERE a.principal_id = $1 AND a.removed_at = 0 ORDER BY a.target_id", principalID)
}

// Accounts lists every account.
func (r *Reader) Accounts() ([]pim.Account, error) {
	return many(r, scanAccount, "SELECT "+accountCols+" FROM accounts a WHERE a.removed_at = 0 ORDER BY a.target_id, a.principal_id")
}

// AccountsUnresolved lists accounts whose immutable id at the target is not known yet.
func (r *Reader) AccountsUnresolved() ([]pim.Account, error) {
	return many(r, scanAccount, "SELECT "+accountCols+` FROM accounts a WHERE a.external_id = '' AND a.removed_at = 0
		AND a.target_id NOT IN (SELECT t.id FROM targets t WHERE t.removed_at > 0) ORDER BY a.target_id, a.id`)
}

// OwnersOf lists the principals known to be one account of a target.
func (r *Reader) OwnersOf(targetID, externalID string) ([]string, error) {
	return many(r, scanString, "SELECT principal_id FROM accounts WHERE target_id = $1 AND external_id = $2 AND removed_at = 0", targetID, externalID)
}

// FormerOwnersOf lists whose account something at a target was once.
func (r *Reader) FormerOwnersOf(targetID, externalID string) ([]string, error) {
	return many(r, scanString, "SELECT principal_id FROM accounts WHERE target_id = $1 AND external_id = $2 AND removed_at > 0", targetID, externalID)
}

// NamedUnseen lists the people whose account at a target some of others named in the browser, and who did not sign in
// since.
func (r *Reader) NamedUnseen(by ...string) ([]string, error) {
	var args []any
	list := in(&args, by)
	return many(r, scanString, `SELECT DISTINCT p.id FROM accounts a JOIN principals p ON p.id = a.principal_id WHERE a.confirmed_by IN `+list+`
		AND a.source = 'browser' AND a.removed_at = 0 AND p.kind = 'person' AND p.last_seen_at < a.confirmed_at ORDER BY p.id`, args...)
}

// InsertAccount adds an account.
func (tx *Tx) InsertAccount(a pim.Account) error {
	_, err := tx.exec(`INSERT INTO accounts (id, principal_id, target_id, name, external_id, confirmed_at, confirmed_by, source)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, a.ID, a.PrincipalID, a.TargetID, a.Name, a.ExternalID, us(a.ConfirmedAt), a.ConfirmedBy, a.Source)
	return err
}

// UpdateAccount saves name, immutable id, confirmation and whose it turned out to be; the version must be the one read.
func (tx *Tx) UpdateAccount(a pim.Account) error {
	return tx.must(`UPDATE accounts SET name = $1, external_id = $2, confirmed_at = $3, confirmed_by = $4, taken_by = $5, source = $6, version = version + 1
		WHERE id = $7 AND version = $8 AND removed_at = 0`, a.Name, a.ExternalID, us(a.ConfirmedAt), a.ConfirmedBy, a.TakenBy, a.Source, a.ID, a.Version)
}

// RemoveAccount marks an account removed.
func (tx *Tx) RemoveAccount(id string) error {
	return tx.must("UPDATE accounts SET removed_at = $1, version = version + 1 WHERE id = $2 AND removed_at = 0", us(tx.Now), id)
}

// AccountName returns the name of an account by the target's id, or "" where none is known.
func (r *Reader) AccountName(targetID, externalID string) (string, error) {
	name, err := one(r, scanString, "SELECT name FROM accounts WHERE target_id = $1 AND external_id = $2 ORDER BY removed_at, id LIMIT 1", targetID, externalID)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return name, err
}
