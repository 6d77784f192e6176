package store

import (
	"time"

	"stint/internal/pim"
)

func scanBreakGlass(r row) (a pim.BreakGlass, err error) {
	return a, r.Scan(&a.PrincipalID, at(&a.MarkedAt), &a.MarkedBy, at(&a.ToldAt))
}

// BreakGlass lists the accounts for emergencies of people who are still there.
func (r *Reader) BreakGlass() ([]pim.BreakGlass, error) {
	return many(r, scanBreakGlass, `SELECT k.principal_id, k.marked_at, k.marked_by, k.told_at FROM breakglass_accounts k
		JOIN principals p ON p.id = k.principal_id WHERE p.removed_at = 0 ORDER BY k.marked_at, k.principal_id`)
}

// BreakGlassOf returns the mark of one person.
func (r *Reader) BreakGlassOf(principalID string) (pim.BreakGlass, error) {
	return one(r, scanBreakGlass, "SELECT principal_id, marked_at, marked_by, told_at FROM breakglass_accounts WHERE principal_id = $1", principalID)
}

// MarkBreakGlass marks a person.
func (tx *Tx) MarkBreakGlass(principalID, by string) error {
	return tx.must("INSERT INTO breakglass_accounts (principal_id, marked_at, marked_by) VALUES ($1, $2, $3) ON CONFLICT (principal_id) DO NOTHING", principalID, us(tx.Now), by)
}

// UnmarkBreakGlass takes the mark away; what was used stays.
func (tx *Tx) UnmarkBreakGlass(principalID string) error {
	return tx.must("DELETE FROM breakglass_accounts WHERE principal_id = $1", principalID)
}

// ToldOfDrill records that administrators were reminded.
func (tx *Tx) ToldOfDrill(principalID string) error {
	return tx.must("UPDATE breakglass_accounts SET told_at = $1 WHERE principal_id = $2", us(tx.Now), principalID)
}

const useCols = "u.id, u.principal_id, u.used_at, u.browser, u.address, u.reviewed_at, u.reviewed_by, u.words, u.drill, u.version"

func scanUse(r row) (u pim.BreakGlassUse, err error) {
	return u, r.Scan(&u.ID, &u.PrincipalID, at(&u.UsedAt), &u.Browser, &u.Address, at(&u.ReviewedAt), &u.ReviewedBy, &u.Words, &u.Drill, &u.Version)
}

// InsertUse keeps an emergency sign-in.
func (tx *Tx) InsertUse(u pim.BreakGlassUse) error {
	_, err := tx.exec("INSERT INTO breakglass_uses (id, principal_id, used_at, browser, address) VALUES ($1, $2, $3, $4, $5)", u.ID, u.PrincipalID, us(u.UsedAt), u.Browser, u.Address)
	return err
}

// Use returns one emergency sign-in.
func (r *Reader) Use(id string) (pim.BreakGlassUse, error) {
	return one(r, scanUse, "SELECT "+useCols+" FROM breakglass_uses u WHERE u.id = $1", id)
}

// UnreviewedUses lists the newest emergency sign-ins that a review is owed of.
func (r *Reader) UnreviewedUses(limit int) ([]pim.BreakGlassUse, error) {
	return many(r, scanUse, "SELECT "+useCols+" FROM breakglass_uses u WHERE u.reviewed_at = 0 ORDER BY u.used_at DESC, u.id DESC LIMIT $1", limit)
}

// UsesOf lists a person's newest emergency sign-ins.
func (r *Reader) UsesOf(principalID string, limit int) ([]pim.BreakGlassUse, error) {
	return many(r, scanUse, "SELECT "+useCols+" FROM breakglass_uses u WHERE u.principal_id = $1 ORDER BY u.used_at DESC, u.id DESC LIMIT $2", principalID, limit)
}

// ReviewUse closes one; the version must be the one read.
func (tx *Tx) ReviewUse(u pim.BreakGlassUse) error {
	return tx.must("UPDATE breakglass_uses SET reviewed_at = $1, reviewed_by = $2, words = $3, drill = $4, version = version + 1 WHERE id = $5 AND version = $6 AND reviewed_at = 0",
		us(tx.Now), u.ReviewedBy, u.Words, num(u.Drill), u.ID, u.Version)
}

// CredentialByRaw finds a passkey by what it calls itself.
func (r *Reader) CredentialByRaw(raw []byte) (pim.Credential, error) {
	return one(r, scanCredential, "SELECT "+credentialCols+" FROM credentials c WHERE c.raw_id = $1 AND c.removed_at = 0", to64(raw))
}

// TakeEntrance lets an emergency sign-in be answered once; a second answer gets ErrConflict.
func (tx *Tx) TakeEntrance(id string, until time.Time) error {
	if _, err := tx.exec("DELETE FROM entrances WHERE expires_at <= $1", us(tx.Now)); err != nil {
		return err
	}
	return tx.must("INSERT INTO entrances (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING", id, us(until))
}

// PermanentBeside counts the active assignments of privileged roles without an end that do not belong to accounts for
// emergencies (B-04).
func (r *Reader) PermanentBeside() (int64, error) {
	return one(r, scanInt, `SELECT COUNT(*) FROM assignments g JOIN role_definitions d ON d.id = g.role_id
		WHERE g.kind = 'active' AND g.ended_at = 0 AND g.ends_at = 0 AND d.privileged = 1
		AND g.principal_id NOT IN (SELECT principal_id FROM breakglass_accounts)`)
}
