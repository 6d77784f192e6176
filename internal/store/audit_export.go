package store

import "time"

// The states of an export.
const (
	ExportRunning = "running"
	ExportDone    = "done"
	ExportStopped = "stopped" // it ended before the end
)

// AuditExport is somebody's latest export of the audit log, and how far it is.
type AuditExport struct {
	PrincipalID string
	ID          string
	Format      string
	Filters     string // as an address holds them
	State       string
	Entries     int64 // written so far
	BackSeq     int64 // the last of them
	StartedAt   time.Time
	SeenAt      time.Time // when it last said how far it is
	EndedAt     time.Time
}

// AuditExport returns the latest export of a person; ErrNotFound when there is none.
func (r *Reader) AuditExport(principalID string) (AuditExport, error) {
	return one(r, func(r row) (x AuditExport, err error) {
		return x, r.Scan(&x.PrincipalID, &x.ID, &x.Format, &x.Filters, &x.State, &x.Entries, &x.BackSeq, at(&x.StartedAt), at(&x.SeenAt), at(&x.EndedAt))
	}, "SELECT principal_id, id, format, filters, state, entries, back_seq, started_at, seen_at, ended_at FROM audit_exports WHERE principal_id = $1", principalID)
}

// BeginAuditExport puts a running export in the place of a person's last one.
func (tx *Tx) BeginAuditExport(x AuditExport) error {
	_, err := tx.exec(`INSERT INTO audit_exports (principal_id, id, format, filters, state, started_at, seen_at) VALUES ($1, $2, $3, $4, 'running', $5, $5)
		ON CONFLICT (principal_id) DO UPDATE SET id = excluded.id, format = excluded.format, filters = excluded.filters, state = excluded.state,
		entries = 0, back_seq = 0, started_at = excluded.started_at, seen_at = excluded.seen_at, ended_at = 0`,
		x.PrincipalID, x.ID, x.Format, x.Filters, us(tx.Now))
	return err
}

// SaveAuditExport says how far a running export is, or that it ended; ErrConflict when another one took its place.
func (tx *Tx) SaveAuditExport(x AuditExport) error {
	ended := int64(0)
	if x.State != ExportRunning {
		ended = us(tx.Now)
	}
	return tx.must("UPDATE audit_exports SET state = $1, entries = $2, back_seq = $3, seen_at = $4, ended_at = $5 WHERE principal_id = $6 AND id = $7 AND state = 'running'",
		x.State, x.Entries, x.BackSeq, us(tx.Now), ended, x.PrincipalID, x.ID)
}
