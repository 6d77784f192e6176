package store

import (
	"errors"
	"time"

	"stint/internal/pim"
)

// Scan is how far asking a target who holds what Stint manages there came.
type Scan struct {
	TargetID   string
	DueAt      time.Time
	AskedAt    time.Time // by a person or a restore, and not done yet
	AskedBy    string
	RestoredAt time.Time // of the last restore; zero: none
	BegunAt    time.Time
	EndedAt    time.Time // of the last whole one; zero: none yet
	LeaseUntil time.Time
	Attempt    int64 // fencing number
	Done       int   // entitlements, of Total
	Total      int
	Tries      int    // failed ones in a row
	Error      string // of the last one; empty: it was whole
}

const scanCols = "s.target_id, s.due_at, s.asked_at, s.asked_by, s.restored_at, s.begun_at, s.ended_at, s.lease_until, s.attempt, s.done, s.total, s.tries, s.error"

func scanScan(r row) (s Scan, err error) {
	return s, r.Scan(&s.TargetID, at(&s.DueAt), at(&s.AskedAt), &s.AskedBy, at(&s.RestoredAt), at(&s.BegunAt), at(&s.EndedAt), at(&s.LeaseUntil),
		&s.Attempt, &s.Done, &s.Total, &s.Tries, &s.Error)
}

// ScanOf returns how far the scan of a target came; the zero Scan when none was ever due.
func (r *Reader) ScanOf(targetID string) (Scan, error) {
	s, err := one(r, scanScan, "SELECT "+scanCols+" FROM scans s WHERE s.target_id = $1", targetID)
	if errors.Is(err, ErrNotFound) {
		return Scan{TargetID: targetID}, nil
	}
	return s, err
}

// ScansDue lists the targets that are due for a scan: healthy ones, those somebody asked for, and
// those whose last scan failed, which nothing else may ask.
func (r *Reader) ScansDue() ([]string, error) {
	return many(r, scanString, `SELECT t.id FROM targets t LEFT JOIN scans s ON s.target_id = t.id WHERE t.removed_at = 0 AND t.id <> $1
		AND COALESCE(s.due_at, 0) <= $2 AND COALESCE(s.lease_until, 0) <= $2 AND (t.failing_at = 0 OR COALESCE(s.asked_at, 0) > 0 OR COALESCE(s.tries, 0) > 0) ORDER BY t.id`,
		pim.StintTarget, us(r.Now))
}

// ClaimScan begins a scan that is due; nobody else scans the target until the lease ends.
func (tx *Tx) ClaimScan(targetID string, lease time.Duration) (bool, error) {
	n, err := tx.exec(`INSERT INTO scans (target_id, begun_at, lease_until, attempt) VALUES ($1, $2, $3, 1)
		ON CONFLICT (target_id) DO UPDATE SET begun_at = excluded.begun_at, lease_until = excluded.lease_until, attempt = scans.attempt + 1, done = 0, total = 0
		WHERE scans.due_at <= $2 AND scans.lease_until <= $2`, targetID, us(tx.Now), us(tx.Now.Add(lease)))
	return n > 0, err
}

// SaveScan writes how far it came; a stale scanner is refused.
func (tx *Tx) SaveScan(s Scan) error {
	return tx.must(`UPDATE scans SET due_at = $1, asked_at = $2, asked_by = $3, ended_at = $4, lease_until = $5, done = $6, total = $7, tries = $8, error = $9
		WHERE target_id = $10 AND attempt = $11`, us(s.DueAt), us(s.AskedAt), s.AskedBy, us(s.EndedAt), us(s.LeaseUntil), s.Done, s.Total, s.Tries, s.Error, s.TargetID, s.Attempt)
}

// AskScan makes a target due for a scan now; by is empty when nobody asked and only something new is to be looked at.
func (tx *Tx) AskScan(targetID, by string) error {
	asked := int64(0)
	if by != "" {
		asked = us(tx.Now)
	}
	_, err := tx.exec(`INSERT INTO scans (target_id, due_at, asked_at, asked_by) VALUES ($1, $2, $3, $4)
		ON CONFLICT (target_id) DO UPDATE SET due_at = excluded.due_at, asked_at = CASE WHEN excluded.asked_at > 0 THEN excluded.asked_at ELSE scans.asked_at END,
		asked_by = CASE WHEN excluded.asked_at > 0 THEN excluded.asked_by ELSE scans.asked_by END, tries = 0`, targetID, us(tx.Now), asked, by)
	return err
}

// ForgetScans makes the next scan of every target its first one, as after a restore: what is found counts as standing.
func (tx *Tx) ForgetScans() error {
	if _, err := tx.exec("DELETE FROM scanned"); err != nil {
		return err
	}
	if _, err := tx.exec(`INSERT INTO scans (target_id) SELECT t.id FROM targets t WHERE t.removed_at = 0 AND t.id <> $1
		AND NOT EXISTS (SELECT 1 FROM scans s WHERE s.target_id = t.id)`, pim.StintTarget); err != nil {
		return err
	}
	_, err := tx.exec("UPDATE scans SET due_at = $1, asked_at = $1, asked_by = $2, restored_at = $1, ended_at = 0, lease_until = 0, attempt = attempt + 1, tries = 0, error = ''", us(tx.Now), pim.System)
	return err
}

// Scanned reports whether an entitlement was listed as a whole before.
func (r *Reader) Scanned(targetID, entitlementID string) (bool, error) {
	n, err := one(r, scanInt, "SELECT COUNT(*) FROM scanned WHERE target_id = $1 AND entitlement_id = $2", targetID, entitlementID)
	return n > 0, err
}

// KeepScanned records that it was.
func (tx *Tx) KeepScanned(targetID, entitlementID string) error {
	_, err := tx.exec("INSERT INTO scanned (target_id, entitlement_id, first_at) VALUES ($1, $2, $3) ON CONFLICT (target_id, entitlement_id) DO NOTHING", targetID, entitlementID, us(tx.Now))
	return err
}

// KeepScannedOnly forgets the entitlements of a target that are not managed there any more.
func (tx *Tx) KeepScannedOnly(targetID string, managed []string) error {
	args := []any{targetID}
	_, err := tx.exec("DELETE FROM scanned WHERE target_id = $1 AND entitlement_id NOT IN "+in(&args, append(managed, "")), args...)
	return err
}

// LookAgainAt makes every grant that is held at a target due now.
func (tx *Tx) LookAgainAt(targetID string) error {
	_, err := tx.exec("UPDATE grants SET due_at = $1, version = version + 1 WHERE target_id = $2 AND wanted = 1 AND due_at > $1 AND lease_until <= $1", us(tx.Now), targetID)
	return err
}
