package broker_test

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"stint/internal/audit"
	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// signed is a running Stint that does nothing but sign its log, in a bubble where time is not the machine's.
type signed struct {
	*testing.T
	b       *broker.Broker
	signer  *audit.Signer
	outside string
}

func newSigned(t *testing.T) *signed {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "stint.db")})
	if err != nil {
		t.Fatal(err)
	}
	keys := t.TempDir()
	signer, err := audit.OpenSigner(filepath.Join(keys, "keys", "audit.key"), "stint.example/stint/audit", "")
	if err != nil {
		t.Fatal(err)
	}
	w := &signed{T: t, signer: signer, outside: filepath.Join(keys, "elsewhere", "checkpoint")}
	w.b = broker.New(broker.Config{Store: s, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Signer: signer, Outside: w.outside})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.b.Checkpoints(ctx) }()
	t.Cleanup(func() {
		stop()
		<-done
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *signed) change() {
	w.Helper()
	if err := store.Do(context.Background(), w.b.Store(), func(tx *store.Tx) error {
		tx.Emit(pim.PersonEvent(pim.EvSignedIn, "alice", "alice", ""))
		return nil
	}); err != nil {
		w.Fatal(err)
	}
}

// outsideSize is how many entries the checkpoint outside the database covers.
func (w *signed) outsideSize() int64 {
	w.Helper()
	note, err := os.ReadFile(w.outside)
	if err != nil {
		return 0
	}
	c, err := audit.ParseCheckpoint(note, w.signer.VKey())
	if err != nil {
		w.Fatal(err)
	}
	return c.Size
}

func (w *signed) wants(when string) {
	w.Helper()
	size := w.b.Store().Head().Size
	last, err := store.Read(context.Background(), w.b.Store(), func(r *store.Reader) (store.KeptCheckpoint, error) { return r.LastCheckpoint() })
	if err != nil {
		w.Fatal(err)
	}
	if last.Size != size || w.outsideSize() != size {
		w.Fatalf("%s: of %d entries %d are signed, and %d outside the database", when, size, last.Size, w.outsideSize())
	}
	if age := time.Since(last.At); age > time.Hour {
		w.Fatalf("%s: the last checkpoint is %v old", when, age)
	}
}

// THREATS §5: the log is signed at most ten seconds after a change, hourly without one, inside the database and outside.
func TestTheLogIsSignedInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newSigned(t)
		r := rand.New(rand.NewPCG(5, 2))
		for range 60 {
			for range 1 + r.IntN(3) {
				<-time.After(time.Duration(r.Int64N(int64(8 * time.Second))))
				w.change()
			}
			<-time.After(broker.CheckpointEvery + time.Millisecond)
			w.wants("ten seconds after a change")
		}
		for range 8 * 60 {
			<-time.After(time.Minute)
			w.wants("without a change")
		}
	})
}

// A second place that cannot be written for a while is written when it can be again, though nothing changed.
func TestTheCheckpointOutsideIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newSigned(t)
		w.change()
		<-time.After(2 * broker.CheckpointEvery)
		w.wants("at first")
		dir := filepath.Dir(w.outside)
		away := dir + ".away"
		if err := os.Rename(dir, away); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file in the way of the directory
			t.Fatal(err)
		}
		w.change()
		<-time.After(2 * broker.CheckpointEvery)
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(away, dir); err != nil {
			t.Fatal(err)
		}
		if w.outsideSize() != 1 {
			t.Fatal("it was written where nothing could be written")
		}
		<-time.After(broker.CheckpointEvery + time.Millisecond)
		w.wants("ten seconds after it could be written again")
	})
}
