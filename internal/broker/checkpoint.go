package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"stint/internal/audit"
	"stint/internal/store"
)

const (
	// CheckpointEvery is how often a changed log is signed.
	CheckpointEvery = 10 * time.Second
	// CheckpointAnyway is how often an unchanged one is: the age of the last checkpoint tells that nothing is missing since.
	CheckpointAnyway = time.Hour
)

// Checkpoints signs the audit log every ten seconds when it changed and at least hourly, until ctx ends.
func (b *Broker) Checkpoints(ctx context.Context) {
	t := time.NewTicker(CheckpointEvery)
	defer t.Stop()
	var last time.Time
	for {
		if signed, err := b.Checkpoint(ctx, b.clock().Sub(last) > CheckpointAnyway-CheckpointEvery); err != nil {
			b.log.Error("signing the audit log", "error", err)
		} else if signed {
			last = b.clock()
		}
		if err := b.TendJournal(ctx); err != nil {
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
// Several nodes sign one log: each signs what it read in the transaction that keeps the checkpoint.
func (b *Broker) Checkpoint(ctx context.Context, force bool) (bool, error) {
	if b.signer == nil || b.unsafe() != "" {
		return false, nil
	}
	size := b.store.Head().Size
	last, err := store.Read(ctx, b.store, func(r *store.Reader) (store.KeptCheckpoint, error) { return r.LastCheckpoint() })
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	if err != nil || size == 0 {
		return false, err
	}
	if last.Size >= size && !force {
		return false, b.keepSigned(ctx, last)
	}
	c, err := store.Write(ctx, b.store, func(tx *store.Tx) (audit.Checkpoint, error) { return b.sign(tx) })
	if err != nil {
		return false, err
	}
	return true, b.keep(c)
}

// keep writes a checkpoint outside the database; one that cannot be written is tried again with the next.
func (b *Broker) keep(c audit.Checkpoint) error {
	err := WriteOutside(b.outside, c)
	if err == nil {
		b.kept.Store(c.Size)
	}
	return err
}

// sign keeps a checkpoint of the log as this transaction finds it. A node that runs on while another one opened
// a new epoch would sign it with the old one's name.
func (b *Broker) sign(tx *store.Tx) (audit.Checkpoint, error) {
	vkey, err := tx.Meta(store.MetaVKey)
	if err != nil {
		return audit.Checkpoint{}, err
	}
	if vkey != "" && vkey != b.signer.VKey() {
		return audit.Checkpoint{}, errors.New("another node opened a new epoch of the audit log; restart this one")
	}
	c, err := b.signer.Sign(tx.Head())
	if err != nil {
		return c, err
	}
	return c, tx.SaveCheckpoint(c)
}

// keepSigned keeps outside the database of this node what another node signed, or what this one signed and could not
// write, once it is known to fit the log.
func (b *Broker) keepSigned(ctx context.Context, last store.KeptCheckpoint) error {
	if last.Size <= b.kept.Load() {
		return nil
	}
	c, err := audit.ParseCheckpoint([]byte(last.Note), b.signer.VKey())
	if err != nil {
		return err
	}
	root, err := store.Read(ctx, b.store, func(r *store.Reader) (tlog.Hash, error) { return tlog.TreeHash(c.Size, r.HashReader()) })
	if err != nil || root != c.Root {
		return errors.Join(err, errors.New("a checkpoint in the database is not of the log in it; run stint audit verify"))
	}
	return b.keep(c)
}

// WriteOutside keeps a checkpoint in a file outside the database, replaced in one step. It is on the disk when this
// returns: one that is empty after a power cut would look like somebody else's.
func WriteOutside(path string, c audit.Checkpoint) error {
	if path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("checkpoint file: %w", err)
	}
	tmp := path + ".new"
	if err := writeSynced(tmp, c.Note); err != nil {
		return fmt.Errorf("checkpoint file: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("checkpoint file: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

func writeSynced(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
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

// unsafe says why the database is not believed, or "".
func (b *Broker) unsafe() string {
	if why := b.store.Lost(); why != "" {
		return why + " Nothing new is granted; what is due is still taken away. Run `stint doctor` on the server."
	}
	return b.safe.reason()
}

// EnterSafeMode stops granting for a reason in plain words; revoking goes on.
func (b *Broker) EnterSafeMode(why string) {
	b.safe.mu.Lock()
	defer b.safe.mu.Unlock()
	b.safe.why = why
}
