package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"stint/internal/audit"
	"stint/internal/pim"
	"stint/internal/store"
)

var writing = []testCase{
	{"a refusal commits its events alone", refusalCommitsItsEvents},
	{"an error and a panic leave nothing", errorsLeaveNothing},
	{"many clients: every operation alone, the log gap-free", manyClients},
	{"a function runs twice and counts once", runsTwiceCountsOnce},
	{"an operation has one instant", oneInstant},
	{"a client that goes away", clientGoesAway},
	{"a read is one snapshot", readIsOneSnapshot},
	{"an event without an actor", eventWithoutActor},
	{"meta", metaValues},
	{"what a commit was about", commitsAreAnnounced},
}

var errBroken = errors.New("broken")

// Invariant 2: a refusal is a value; its event stays, its state does not.
func refusalCommitsItsEvents(t *testing.T, s *store.Store) {
	_, err := store.Write(context.Background(), s, func(tx *store.Tx) (int, error) {
		emit(tx, "p") // what it would have done leaves no entry
		refuse(tx, "p")
		tx.AfterCommit(func() { t.Error("a refused operation wakes nobody") })
		return 7, errors.Join(tx.SetMeta("k", "v"), pim.Refuse(pim.KindConflict, "taken"))
	})
	var refusal *pim.Refusal
	if !errors.As(err, &refusal) || refusal.Kind != pim.KindConflict {
		t.Fatalf("want the refusal back, have %v", err)
	}
	if v := get(t, s, func(r *store.Reader) (string, error) { return r.Meta("k") }); v != "" {
		t.Fatalf("the state of a refused operation stays: %q", v)
	}
	if n := s.Head().Size; n != 1 {
		t.Fatalf("%d entries, want the one of the refusal", n)
	}
}

// Invariant 2: a defect or a fault rolls back everything of its operation.
func errorsLeaveNothing(t *testing.T, s *store.Store) {
	for name, end := range map[string]func() error{"error": func() error { return errBroken }, "panic": func() error { panic(errBroken) }} {
		err := store.Do(context.Background(), s, func(tx *store.Tx) error {
			emit(tx, "p")
			if err := tx.SetMeta("k", name); err != nil {
				return err
			}
			return end()
		})
		if err == nil || name == "error" && !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if v := get(t, s, func(r *store.Reader) (string, error) { return r.Meta("k") }); v != "" || s.Head().Size != 0 {
		t.Fatalf("left %q and %d entries", v, s.Head().Size)
	}
}

// Many clients at once, of which some are refused, some err and some panic: each stands alone, and the
// log is gap-free with the root that its entries give (issue 2 §9).
func manyClients(t *testing.T, s *store.Store) {
	const clients, each = 24, 8
	var woken atomic.Int64
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range each {
				oneOfFour(t, s, &woken, c, i)
			}
		})
	}
	wg.Wait()
	succeed, refused := int64(clients*each/4), int64(clients*each/4)
	if want := 2*succeed + refused; s.Head().Size != want {
		t.Errorf("%d entries, want %d", s.Head().Size, want)
	}
	if woken.Load() != succeed {
		t.Errorf("%d wake-ups, want %d", woken.Load(), succeed)
	}
	for c := range clients {
		for i := range each {
			v := get(t, s, func(r *store.Reader) (string, error) { return r.Meta(fmt.Sprint(c, "/", i)) })
			if (v != "") != ((c+i)%4 == 0) {
				t.Errorf("client %d, operation %d left %q", c, i, v)
			}
		}
	}
	verifyLog(t, s)
}

func oneOfFour(t *testing.T, s *store.Store, woken *atomic.Int64, c, i int) {
	kind := (c + i) % 4
	got, err := store.Write(context.Background(), s, func(tx *store.Tx) (int, error) {
		emit(tx, fmt.Sprint("client-", c))
		tx.AfterCommit(func() { woken.Add(1) })
		if err := tx.SetMeta(fmt.Sprint(c, "/", i), "done"); err != nil {
			return 0, err
		}
		switch kind {
		case 1:
			refuse(tx, fmt.Sprint("client-", c))
			return i, pim.Refuse(pim.KindForbidden, "no")
		case 2:
			return i, errBroken
		case 3:
			panic("broken")
		}
		tx.Emit(pim.PersonEvent(pim.EvSignedOut, "system", "p", "").WithText("name", "Zoë"))
		return i, nil
	})
	if (err == nil) != (kind == 0) || kind == 0 && got != i {
		t.Errorf("client %d, operation %d: %d, %v", c, i, got, err)
	}
}

// verifyLog recomputes the whole log with the audit package and compares the head in memory.
func verifyLog(t *testing.T, s *store.Store) {
	t.Helper()
	report := get(t, s, func(r *store.Reader) (audit.Report, error) {
		l, err := r.VerifyLog()
		if err != nil {
			return audit.Report{}, err
		}
		return audit.Verify(l)
	})
	if !report.OK() {
		t.Errorf("the log does not verify: %v", report.Findings)
	}
	if head := s.Head(); report.Size != head.Size || report.Root != head.Root {
		t.Errorf("recomputed %d %v, the head says %d %v", report.Size, report.Root, head.Size, head.Root)
	}
}

func runsTwiceCountsOnce(t *testing.T, s *store.Store) {
	var calls, woken atomic.Int64
	do(t, s, func(tx *store.Tx) error {
		calls.Add(1)
		tx.AfterCommit(func() { woken.Add(1) })
		emit(tx, "p")
		return tx.InsertPrincipal(person("p", "P"))
	})
	if calls.Load() != 2 {
		t.Fatalf("ran %d times; open the store with Twice", calls.Load())
	}
	if woken.Load() != 1 || s.Head().Size != 1 {
		t.Fatalf("%d wake-ups, %d entries", woken.Load(), s.Head().Size)
	}
	if p := get(t, s, func(r *store.Reader) (pim.Principal, error) { return r.Principal("p") }); p.Name != "P" {
		t.Fatalf("%+v", p)
	}
}

// Invariant 2: what an operation reads, writes and logs carries one instant.
func oneInstant(t *testing.T, s *store.Store) {
	type result = struct{ p, e string }
	r, err := store.Write(context.Background(), s, func(tx *store.Tx) (string, error) {
		emit(tx, "p")
		return tx.Now.String(), tx.InsertPrincipal(person("p", "P"))
	})
	if err != nil {
		t.Fatal(err)
	}
	got := get(t, s, func(r *store.Reader) (result, error) {
		p, err := r.Principal("p")
		if err != nil {
			return result{}, err
		}
		e, err := r.Entry(0)
		return result{p.CreatedAt.String(), e.At.String()}, err
	})
	if got.p != r || got.e != r {
		t.Fatalf("the operation says %s, its row %s, its entry %s", r, got.p, got.e)
	}
}

// DESIGN §4: an operation that was taken is finished, also when its client has gone.
func clientGoesAway(t *testing.T, s *store.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	err := store.Do(ctx, s, func(tx *store.Tx) error {
		cancel()
		return tx.SetMeta("k", "v")
	})
	if err != nil {
		t.Fatalf("taken and not finished: %v", err)
	}
	if v := get(t, s, func(r *store.Reader) (string, error) { return r.Meta("k") }); v != "v" {
		t.Fatal("acknowledged and lost")
	}
}

func readIsOneSnapshot(t *testing.T, s *store.Store) {
	do(t, s, func(tx *store.Tx) error { return tx.SetMeta("k", "old") })
	values := get(t, s, func(r *store.Reader) ([2]string, error) {
		first, err := r.Meta("k")
		if err != nil {
			return [2]string{}, err
		}
		do(t, s, func(tx *store.Tx) error { return tx.SetMeta("k", "new") })
		second, err := r.Meta("k")
		return [2]string{first, second}, err
	})
	if values != [2]string{"old", "old"} {
		t.Fatalf("one read saw %v", values)
	}
	if v := get(t, s, func(r *store.Reader) (string, error) { return r.Meta("k") }); v != "new" {
		t.Fatalf("the next read sees %q", v)
	}
}

// Invariant 8: every write names its actor.
func eventWithoutActor(t *testing.T, s *store.Store) {
	err := store.Do(context.Background(), s, func(tx *store.Tx) error {
		tx.Emit(pim.Event{Type: pim.EvSignedIn, Result: pim.OK})
		return nil
	})
	if err == nil || s.Head().Size != 0 {
		t.Fatalf("accepted: %v, %d entries", err, s.Head().Size)
	}
}

func metaValues(t *testing.T, s *store.Store) {
	if v := get(t, s, func(r *store.Reader) (string, error) { return r.Meta("absent") }); v != "" {
		t.Fatalf("%q", v)
	}
	do(t, s, func(tx *store.Tx) error {
		return all(func() error { return tx.SetMeta("k", "1") }, func() error { return tx.SetMeta("k", "ü'\"\n2") })
	})
	if v := get(t, s, func(r *store.Reader) (string, error) { return r.Meta("k") }); v != "ü'\"\n2" {
		t.Fatalf("%q", v)
	}
}

// Pages follow what is committed: each commit says what it was about, once, when it can be read; what left nothing says nothing.
func commitsAreAnnounced(t *testing.T, s *store.Store) {
	world(t, s)
	told := make(chan store.Change, 8)
	s.Watch(func(c store.Change) { told <- c })
	do(t, s, func(tx *store.Tx) error {
		emit(tx, "alice")
		return tx.InsertNotice(store.Notice{ID: "n", PrincipalID: "bob", Text: "Hello"})
	})
	c := <-told
	if len(c.Entries) != 1 || c.Entries[0].Subject != "alice" || c.Entries[0].Type != string(pim.EvSignedIn) || !slices.Equal(c.People, []string{"bob"}) {
		t.Errorf("told %+v", c)
	}
	if n := get(t, s, func(r *store.Reader) (int64, error) { return r.UnreadNotices("bob") }); n != 1 || s.Head().Size != 1 {
		t.Error("told before it could be read")
	}
	do(t, s, func(tx *store.Tx) error { return tx.SetMeta("k", "v") })
	err := store.Do(context.Background(), s, func(tx *store.Tx) error {
		emit(tx, "alice")
		return errors.Join(tx.InsertNotice(store.Notice{ID: "m", PrincipalID: "bob", Text: "Hello"}), errBroken)
	})
	if !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	_ = store.Do(context.Background(), s, func(tx *store.Tx) error { refuse(tx, "bob"); return pim.Refuse(pim.KindConflict, "taken") })
	if c := <-told; len(c.Entries) != 1 || c.Entries[0].Subject != "bob" || len(c.People) != 0 || len(told) != 0 {
		t.Errorf("after a write without an entry and an error: %+v, and %d more", c, len(told))
	}
}
