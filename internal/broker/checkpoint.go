package broker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"stint/internal/audit"
	"stint/internal/store"
)

// CheckpointEvery is how often a changed log is signed; at least hourly it is signed anyway.
const CheckpointEvery = 10 * time.Second

// Checkpoints signs the audit log every ten seconds when it changed, until ctx ends.
func (b *Broker) Checkpoints(ctx context.Context) {
	t := time.NewTicker(CheckpointEvery)
	defer t.Stop()
	var last time.Time
	for {
		if signed, err := b.Checkpoint(ctx, b.clock().Sub(last) >= time.Hour); err != nil {
			b.log.Error("signing the audit log", "error", err)
		} else if signed {
			last = b.clock()
		}
		if err := b.journal.tend(); err != nil {
			b.log.Error("keeping the journal of grants", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// Checkpoint signs the committed head, keeps it, and writes it outside the database. It reports whether
// it signed; an unchanged log is signed only when forced. In safe mode nothing is signed: it would put the
// rolled-back log in the place of the evidence against it, and the next start would grant again (THREATS §5, F4).
func (b *Broker) Checkpoint(ctx context.Context, force bool) (bool, error) {
	if b.signer == nil || b.safe.reason() != "" {
		return false, nil
	}
	head := b.store.Head()
	last, err := store.Read(ctx, b.store, func(r *store.Reader) (int64, error) { return r.LastCheckpointSize() })
	if err != nil || head.Size == 0 || (last == head.Size && !force) {
		return false, err
	}
	c, err := b.signer.Sign(head)
	if err != nil {
		return false, err
	}
	if err := store.Do(ctx, b.store, func(tx *store.Tx) error { return tx.SaveCheckpoint(c) }); err != nil {
		return false, err
	}
	return true, WriteOutside(b.outside, c)
}

// WriteOutside keeps a checkpoint in a file outside the database, replaced in one step.
func WriteOutside(path string, c audit.Checkpoint) error {
	if path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("checkpoint file: %w", err)
	}
	tmp := path + ".new"
	if err := os.WriteFile(tmp, c.Note, 0o600); err != nil {
		return fmt.Errorf("checkpoint file: %w", err)
	}
	return os.Rename(tmp, path)
}

// safeMode keeps granting closed after a suspected rollback of the database (THREATS §5).
type safeMode struct {
	mu  sync.Mutex
	why string
}

func (s *safeMode) reason() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why
}

// EnterSafeMode stops granting for a reason in plain words; revoking goes on.
func (b *Broker) EnterSafeMode(why string) {
	b.safe.mu.Lock()
	defer b.safe.mu.Unlock()
	b.safe.why = why
}
