package store

import (
	"errors"
	"time"

	"stint/internal/pim"
)

// GrantRow is a grant with the names people read.
type GrantRow struct {
	pim.Grant
	AccountName string
	Entitlement string
	LateToldAt  time.Time
}

const grantCols = `f.id, f.target_id, f.account_id, f.entitlement_id, f.account_name, f.entitlement, f.before, f.seen, f.seen_at, f.wanted, f.confirmed, f.lost,
	f.wanted_until, f.unsure_until, f.adopted, f.accepted, f.due_at, f.late_since, f.late_told_at, f.tries, f.attempt, f.lease_until, f.error_kind, f.error, f.version`

func scanGrant(r row) (g GrantRow, err error) {
	err = r.Scan(&g.ID, &g.TargetID, &g.AccountID, &g.EntitlementID, &g.AccountName, &g.Entitlement, &g.Before, &g.Seen, at(&g.SeenAt), &g.Wanted, &g.Confirmed, &g.Lost,
		at(&g.WantedUntil), at(&g.UnsureUntil), &g.Adopted, &g.Accepted, at(&g.DueAt), at(&g.LateSince), at(&g.LateToldAt), &g.Tries, &g.Attempt, at(&g.LeaseUntil),
		&g.ErrorKind, &g.Error, &g.Version)
	return g, err
}

// Grant returns one grant.
func (r *Reader) Grant(id string) (GrantRow, error) {
	return one(r, scanGrant, "SELECT "+grantCols+" FROM grants f WHERE f.id = $1", id)
}

// GrantOf returns the grant of a fact at a target, nil when there is none.
func (r *Reader) GrantOf(targetID, accountID, entitlementID string) (*GrantRow, error) {
	g, err := one(r, scanGrant, "SELECT "+grantCols+" FROM grants f WHERE f.target_id = $1 AND f.account_id = $2 AND f.entitlement_id = $3", targetID, accountID, entitlementID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return &g, err
}

// GrantsAt lists a target's grants, those that are late or wanted first.
func (r *Reader) GrantsAt(targetID string, limit int) ([]GrantRow, error) {
	return many(r, scanGrant, "SELECT "+grantCols+` FROM grants f WHERE f.target_id = $1
		ORDER BY CASE WHEN f.late_since > 0 THEN 0 WHEN f.due_at > 0 THEN 1 ELSE 2 END, f.seen_at DESC, f.id LIMIT $2`, targetID, limit)
}

// LiveGrants lists grants that are wanted or not yet settled, with their ends, for the memory of the reconciler.
func (r *Reader) LiveGrants() ([]GrantRow, error) {
	return many(r, scanGrant, "SELECT "+grantCols+" FROM grants f WHERE f.wanted = 1 OR f.due_at > 0")
}

// UnsettledGrants counts grants with something left to do at a target.
func (r *Reader) UnsettledGrants(targetID string) (int64, error) {
	return one(r, scanInt, "SELECT COUNT(*) FROM grants WHERE target_id = $1 AND (wanted = 1 OR due_at > 0)", targetID)
}

// LateGrants lists grants that have been late for at least so long and were not told about since; the longest first.
func (r *Reader) LateGrants(since, toldBefore time.Time, limit int) ([]GrantRow, error) {
	return many(r, scanGrant, "SELECT "+grantCols+" FROM grants f WHERE f.late_since > 0 AND f.late_since <= $1 AND f.late_told_at <= $2 ORDER BY f.late_since, f.id LIMIT $3",
		us(since), us(toldBefore), limit)
}

// ToldLate notes that these were told about. It moves no version: whoever works on one loses nothing by it.
func (tx *Tx) ToldLate(ids []string) error {
	args := []any{us(tx.Now)}
	_, err := tx.exec("UPDATE grants SET late_told_at = $1 WHERE id IN "+in(&args, ids), args...)
	return err
}

// ClaimGrants takes due grants of a target for work: nobody else works on them until the lease ends, and a
// result carrying an older attempt number is refused. What was seen of a grant whose lease ran out is not believed:
// whoever held it may have written since.
func (tx *Tx) ClaimGrants(targetID string, limit int, lease time.Duration) ([]GrantRow, error) {
	return many(tx.Reader, scanGrant, `UPDATE grants AS f SET lease_until = $1, attempt = attempt + 1, version = version + 1,
		seen = CASE WHEN lease_until > 0 THEN 'unknown' ELSE seen END WHERE id IN (
		SELECT id FROM grants WHERE target_id = $4 AND due_at > 0 AND due_at <= $2 AND lease_until <= $2
		ORDER BY due_at LIMIT $3) RETURNING id, target_id, account_id, entitlement_id, account_name, entitlement, before, seen, seen_at, wanted, confirmed, lost,
		wanted_until, unsure_until, adopted, accepted, due_at, late_since, late_told_at, tries, attempt, lease_until, error_kind, error, version`,
		us(tx.Now.Add(lease)), us(tx.Now), limit, targetID)
}

// InsertGrant adds a grant.
func (tx *Tx) InsertGrant(g GrantRow) error {
	_, err := tx.exec(`INSERT INTO grants (id, target_id, account_id, entitlement_id, account_name, entitlement, before, seen, wanted, wanted_until, due_at, late_since)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`, g.ID, g.TargetID, g.AccountID, g.EntitlementID, g.AccountName, g.Entitlement,
		g.Before, g.Seen, num(g.Wanted), us(g.WantedUntil), us(g.DueAt), us(g.LateSince))
	return err
}

// SaveGrant writes everything about a grant; the attempt and version must be the ones read.
func (tx *Tx) SaveGrant(g GrantRow) error {
	return tx.must(`UPDATE grants SET before = $1, seen = $2, seen_at = $3, wanted = $4, confirmed = $5, lost = $6, wanted_until = $7, unsure_until = $8,
		adopted = $9, due_at = $10, late_since = $11, late_told_at = $12, tries = $13, lease_until = $14, error_kind = $15, error = $16, accepted = $20, version = version + 1
		WHERE id = $17 AND version = $18 AND attempt = $19`,
		g.Before, g.Seen, us(g.SeenAt), num(g.Wanted), num(g.Confirmed), num(g.Lost), us(g.WantedUntil), us(g.UnsureUntil), num(g.Adopted),
		us(g.DueAt), us(g.LateSince), us(g.LateToldAt), g.Tries, us(g.LeaseUntil), g.ErrorKind, g.Error, g.ID, g.Version, g.Attempt, num(g.Accepted))
}

// RestartGrants forgets what was last seen of every unsettled grant whose lease ended by an instant, and the
// lease: after a restart or a restore the target is looked at again before anything is believed.
func (tx *Tx) RestartGrants(leasedUntil time.Time) (int64, error) {
	return tx.exec("UPDATE grants SET seen = 'unknown', lease_until = 0, due_at = $1, version = version + 1 WHERE (wanted = 1 OR due_at > 0) AND lease_until <= $2",
		us(tx.Now), us(leasedUntil))
}

// RenewLease keeps others away from a grant that is still in work. A worker whose lease another one has taken
// since renews nothing.
func (tx *Tx) RenewLease(g GrantRow, lease time.Duration) error {
	_, err := tx.exec("UPDATE grants SET lease_until = $1 WHERE id = $2 AND attempt = $3 AND lease_until > 0", us(tx.Now.Add(lease)), g.ID, g.Attempt)
	return err
}

const needCols = "n.grant_id, n.need_kind, n.need_id, n.starts_at, n.ends_at, n.ended_at, n.outcome, n.shared_with, n.settled_at"

func scanNeed(r row) (n pim.GrantNeed, err error) {
	var kind, id string
	err = r.Scan(&n.GrantID, &kind, &id, at(&n.StartsAt), at(&n.EndsAt), at(&n.EndedAt), &n.Outcome, &n.SharedWith, at(&n.SettledAt))
	if kind == "activation" {
		n.ActivationID = id
	} else {
		n.AssignmentID = id
	}
	return n, err
}

func needKey(n pim.GrantNeed) (kind, id string) {
	if n.ActivationID != "" {
		return "activation", n.ActivationID
	}
	return "assignment", n.AssignmentID
}

// OpenNeeds lists the needs of a grant that are not settled.
func (r *Reader) OpenNeeds(grantID string) ([]pim.GrantNeed, error) {
	return many(r, scanNeed, "SELECT "+needCols+" FROM grant_needs n WHERE n.grant_id = $1 AND n.settled_at = 0", grantID)
}

// NeedsOf lists the needs of an activation.
func (r *Reader) NeedsOf(activationID string) ([]pim.GrantNeed, error) {
	return many(r, scanNeed, "SELECT "+needCols+" FROM grant_needs n WHERE n.need_kind = 'activation' AND n.need_id = $1 ORDER BY n.grant_id", activationID)
}

// NeedsOfAssignment lists the needs of an active assignment.
func (r *Reader) NeedsOfAssignment(assignmentID string) ([]pim.GrantNeed, error) {
	return many(r, scanNeed, "SELECT "+needCols+" FROM grant_needs n WHERE n.need_kind = 'assignment' AND n.need_id = $1 ORDER BY n.grant_id", assignmentID)
}

// InsertNeed adds a need; an assignment's settled need opens again.
func (tx *Tx) InsertNeed(n pim.GrantNeed) error {
	kind, id := needKey(n)
	_, err := tx.exec(`INSERT INTO grant_needs (grant_id, need_kind, need_id, starts_at, ends_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (grant_id, need_kind, need_id) DO UPDATE SET starts_at = excluded.starts_at, ends_at = excluded.ends_at, ended_at = 0,
		outcome = '', shared_with = '', settled_at = 0`, n.GrantID, kind, id, us(n.StartsAt), us(n.EndsAt))
	return err
}

// SaveNeed writes end, outcome and settlement of a need.
func (tx *Tx) SaveNeed(n pim.GrantNeed) error {
	kind, id := needKey(n)
	return tx.must(`UPDATE grant_needs SET ended_at = $1, outcome = $2, shared_with = $3, settled_at = $4, ends_at = $5
		WHERE grant_id = $6 AND need_kind = $7 AND need_id = $8`, us(n.EndedAt), n.Outcome, n.SharedWith, us(n.SettledAt), us(n.EndsAt), n.GrantID, kind, id)
}

// TargetsDue lists the targets at which a grant is due and nobody works on it.
func (r *Reader) TargetsDue() ([]string, error) {
	return many(r, scanString, `SELECT t.id FROM targets t WHERE EXISTS (SELECT 1 FROM grants f WHERE f.target_id = t.id
		AND f.due_at > 0 AND f.due_at <= $1 AND f.lease_until <= $1) ORDER BY t.id`, us(r.Now))
}

// AllGrants lists every grant.
func (r *Reader) AllGrants() ([]GrantRow, error) {
	return many(r, scanGrant, "SELECT "+grantCols+" FROM grants f ORDER BY f.id")
}
