package store

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"stint/internal/pim"
)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(context.Background(), Options{Path: filepath.Join(t.TempDir(), "stint.db"), Twice: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// A refusal is a value and commits its event; its state does not (invariant 2).
func TestRefusalCommitsItsEventAlone(t *testing.T) {
	s := open(t)
	ctx := context.Background()
	_, err := Write(ctx, s, func(tx *Tx) (int, error) {
		if err := tx.InsertPrincipal(pim.Principal{ID: "p1", Kind: pim.Person, Name: "Alice", PersonID: "p1", Enabled: true, Source: pim.SourceFile}); err != nil {
			return 0, err
		}
		tx.Emit(pim.PersonEvent(pim.EvVoucherRefused, "p1", "p1", "").AsRefused())
		return 0, pim.Refuse(pim.KindForbidden, "no")
	})
	var refusal *pim.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("want the refusal back, have %v", err)
	}
	got, err := Read(ctx, s, func(r *Reader) ([]EntryRow, error) { return r.Entries(EntryFilter{Limit: 10}) })
	if err != nil || len(got) != 1 || got[0].Result != "refused" {
		t.Fatalf("entries: %v, %v", got, err)
	}
	_, err = Read(ctx, s, func(r *Reader) (pim.Principal, error) { return r.Principal("p1") })
	if !errors.Is(err, ErrNotFound) {
		t.Fatalf("the refused write left its row: %v", err)
	}
}

// An error and a panic roll back everything of that operation alone.
func TestErrorRollsBackAlone(t *testing.T) {
	s := open(t)
	ctx := context.Background()
	fail := func(tx *Tx) error {
		tx.Emit(pim.PersonEvent(pim.EvSignedIn, "p1", "p1", ""))
		panic("broken")
	}
	if err := Do(ctx, s, fail); err == nil {
		t.Fatal("a panic must come back as an error")
	}
	if err := Do(ctx, s, func(tx *Tx) error { tx.Emit(pim.PersonEvent(pim.EvSignedIn, "p2", "p2", "")); return nil }); err != nil {
		t.Fatal(err)
	}
	if s.Head().Size != 1 {
		t.Fatalf("want one entry, have %d", s.Head().Size)
	}
}

func TestReopenKeepsHeadAndRefusesSecondOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stint.db")
	ctx := context.Background()
	s, err := Open(ctx, Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := Do(ctx, s, func(tx *Tx) error { tx.Emit(pim.PersonEvent(pim.EvSignedIn, "p", "p", "")); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(ctx, Options{Path: path}); !errors.Is(err, ErrLocked) {
		t.Fatalf("want ErrLocked, have %v", err)
	}
	head := s.Head()
	s.Close()
	again, err := Open(ctx, Options{Path: path, Now: func() time.Time { return time.Now().Add(time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Head().Root != head.Root || again.Head().Size != 5 {
		t.Fatal("the head changed over a restart")
	}
}

// Invariant 11: what is refused alone within an operation that goes on counts like any other refusal, alone or in a batch,
// and whatever else the operation did stands.
func TestRefusalsAloneAreCountedToo(t *testing.T) {
	for _, twice := range []bool{false, true} {
		now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
		start := now
		s, err := Open(context.Background(), Options{Path: filepath.Join(t.TempDir(), "stint.db"), Twice: twice,
			Now: func() time.Time { return now }, Mono: func() time.Duration { return now.Sub(start) }})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		set := func(tx *Tx) error {
			for range 10 {
				if refusal, err := tx.Alone(func() error {
					tx.Emit(pim.PersonEvent(pim.EvActRefused, "p1", "p1", "").AsRefused())
					return pim.Refuse(pim.KindForbidden, "no")
				}); err != nil || refusal == nil {
					return errors.Join(err, errors.New("not refused"))
				}
				tx.Emit(pim.PersonEvent(pim.EvCredentialAdded, "p1", "p1", ""))
			}
			return nil
		}
		for range 3 {
			if err := Do(context.Background(), s, set); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(refusalWindow)
		if err := Do(context.Background(), s, func(*Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
		for kind, want := range map[pim.EventType]int{pim.EvActRefused: refusalsKept, pim.EvCredentialAdded: 30, pim.EvRefusalsCounted: 1} {
			rows, err := Read(context.Background(), s, func(r *Reader) ([]EntryRow, error) { return r.Entries(EntryFilter{Type: string(kind), Limit: 100}) })
			if err != nil || len(rows) != want || kind == pim.EvRefusalsCounted && rows[0].Facts["count"] != int64(30-refusalsKept) {
				t.Errorf("twice %v: %d of %s, want %d, %v", twice, len(rows), kind, want, err)
			}
		}
	}
}

// Refusals beyond the window's room are counted, and what a refused operation would have done leaves no
// entry (invariant 11).
func TestRefusalsAreCountedBeyondTheirRoom(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	start := now
	s, err := Open(context.Background(), Options{Path: filepath.Join(t.TempDir(), "stint.db"), Twice: true,
		Now: func() time.Time { return now }, Mono: func() time.Duration { return now.Sub(start) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range refusalsKept + 7 {
		err := Do(context.Background(), s, func(tx *Tx) error {
			tx.Emit(pim.PersonEvent(pim.EvCredentialAdded, "p1", "p1", ""))
			tx.Emit(pim.PersonEvent(pim.EvVoucherRefused, "p1", "p1", "").AsRefused())
			return pim.Refuse(pim.KindForbidden, "no")
		})
		if err == nil {
			t.Fatal("want the refusal")
		}
	}
	if got := s.Head().Size; got != refusalsKept {
		t.Fatalf("%d entries, want %d", got, refusalsKept)
	}
	now = now.Add(refusalWindow)
	if err := Do(context.Background(), s, func(*Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	rows, err := Read(context.Background(), s, func(r *Reader) ([]EntryRow, error) {
		return r.Entries(EntryFilter{Type: string(pim.EvRefusalsCounted), Limit: 5})
	})
	if err != nil || len(rows) != 1 || rows[0].Facts["count"] != int64(7) {
		t.Fatalf("counted: %v, %v", rows, err)
	}
}
