package store

import (
	"time"

	"stint/internal/pim"
)

// SyncRun is one run of a directory sync, kept to be looked at again.
type SyncRun struct {
	ID       string
	TargetID string
	Preview  bool
	AskedBy  string // principal id, or pim.System
	State    pim.SyncState
	BegunAt  time.Time
	EndedAt  time.Time
	Counts   pim.SyncCounts
	Message  string // why it failed or stopped
}

const syncRunCols = "r.id, r.target_id, r.preview, r.asked_by, r.state, r.begun_at, r.ended_at, r.counts, r.message"

func scanSyncRun(r row) (v SyncRun, err error) {
	return v, r.Scan(&v.ID, &v.TargetID, &v.Preview, &v.AskedBy, &v.State, at(&v.BegunAt), at(&v.EndedAt), asJSON(&v.Counts), &v.Message)
}

// SyncRun returns one run.
func (r *Reader) SyncRun(id string) (SyncRun, error) {
	return one(r, scanSyncRun, "SELECT "+syncRunCols+" FROM sync_runs r WHERE r.id = $1", id)
}

// SyncRuns lists the runs of a target, the latest first.
func (r *Reader) SyncRuns(targetID string, limit int) ([]SyncRun, error) {
	return many(r, scanSyncRun, "SELECT "+syncRunCols+" FROM sync_runs r WHERE r.target_id = $1 ORDER BY r.begun_at DESC, r.id LIMIT $2", targetID, limit)
}

// InsertSyncRun notes that a run began.
func (tx *Tx) InsertSyncRun(v SyncRun) error {
	_, err := tx.exec("INSERT INTO sync_runs (id, target_id, preview, asked_by, state, begun_at, counts) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		v.ID, v.TargetID, num(v.Preview), v.AskedBy, v.State, us(tx.Now), toJSON(v.Counts))
	return err
}

// EndSyncRun notes how it ended, and forgets all but the latest runs of the target.
func (tx *Tx) EndSyncRun(v SyncRun, keep int) error {
	if err := tx.must("UPDATE sync_runs SET state = $1, ended_at = $2, counts = $3, message = $4 WHERE id = $5 AND state = 'running'", v.State, us(tx.Now), toJSON(v.Counts), v.Message, v.ID); err != nil {
		return err
	}
	old, err := many(tx.Reader, scanString, "SELECT r.id FROM sync_runs r WHERE r.target_id = $1 ORDER BY r.begun_at DESC, r.id LIMIT 20 OFFSET $2", v.TargetID, keep)
	if err != nil || len(old) == 0 {
		return err
	}
	for _, table := range []string{"DELETE FROM sync_changes WHERE run_id IN ", "DELETE FROM sync_runs WHERE id IN "} {
		var args []any
		if _, err := tx.exec(table+in(&args, old), args...); err != nil {
			return err
		}
	}
	return nil
}

// SyncChange is one thing a run would change, or changed.
type SyncChange struct {
	Kind        string // added, changed, disabled, missing, enabled, kept, skipped, joined, left
	PrincipalID string
	Name        string
	Place       string // where the entry is in the directory
	Words       []string
}

// InsertSyncChanges adds to what is known of a run; first is the number of the first.
func (tx *Tx) InsertSyncChanges(runID string, first int, changes []SyncChange) error {
	var values []any
	for i, c := range changes {
		values = append(values, runID, first+i, c.Kind, c.PrincipalID, c.Name, c.Place, toJSON(c.Words))
	}
	return insertRows(tx.ctx, tx.db, "sync_changes (run_id, number, kind, principal_id, name, place, words)", values)
}

// SyncChanges lists what a run changes, of one kind or of all, a page at a time from a number on.
func (r *Reader) SyncChanges(runID, kind string, after, limit int) (changes []SyncChange, last int, err error) {
	changes, err = many(r, func(r row) (c SyncChange, err error) {
		return c, r.Scan(&last, &c.Kind, &c.PrincipalID, &c.Name, &c.Place, asJSON(&c.Words))
	}, `SELECT number, kind, principal_id, name, place, words FROM sync_changes WHERE run_id = $1 AND ($2 = '' OR kind = $2) AND number > $3 ORDER BY number LIMIT $4`, runID, kind, after, limit)
	return changes, last, err
}
