package store_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"stint/internal/audit"
	"stint/internal/pim"
	"stint/internal/stinttest/database"
	"stint/internal/stinttest/postgres"
	"stint/internal/store"
)

// soon is far more than anything here takes.
const soon = 20 * time.Second

// nodes opens a database from several processes, as it were.
func nodes(t *testing.T, n int) (url string, all []*store.Store) {
	t.Helper()
	url = database.Empty(t)
	for range n {
		all = append(all, open(t, store.Options{URL: url}))
	}
	return url, all
}

func signedIn(tx *store.Tx, who string) { tx.Emit(pim.PersonEvent(pim.EvSignedIn, who, who, "")) }

func write(s *store.Store, name string) error {
	return store.Do(context.Background(), s, func(tx *store.Tx) error {
		signedIn(tx, name)
		return tx.SetMeta(name, "done")
	})
}

func value(t *testing.T, s *store.Store, name string) string {
	t.Helper()
	v, err := store.Read(context.Background(), s, func(r *store.Reader) (string, error) { return r.Meta(name) })
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// sound recomputes the log and returns its size.
func sound(t *testing.T, s *store.Store) int64 {
	t.Helper()
	report, err := store.Read(context.Background(), s, func(r *store.Reader) (audit.Report, error) {
		l, err := r.VerifyLog()
		if err != nil {
			return audit.Report{}, err
		}
		return audit.Verify(l)
	})
	if err != nil || !report.OK() {
		t.Fatalf("the log does not verify: %v, %v", report.Findings, err)
	}
	return report.Size
}

// behind runs a statement behind Stint's back.
func behind(t *testing.T, url, statement string) error {
	t.Helper()
	c, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	_, err = c.Exec(context.Background(), statement)
	return err
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func wait[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(soon):
		t.Fatalf("not in time: %s", what)
		panic("unreachable")
	}
}

// DESIGN §4: two nodes write at once: the log has no gap, its root is right, and its instants never go back.
func TestNodesWriteOneLog(t *testing.T) {
	t.Parallel()
	_, all := nodes(t, 2)
	const clients, each = 8, 5
	var group sync.WaitGroup
	for n, s := range all {
		for c := range clients {
			group.Go(func() {
				for i := range each {
					if err := write(s, fmt.Sprint(n, "/", c, "/", i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	group.Wait()
	if n := sound(t, all[0]); n != 2*clients*each {
		t.Errorf("%d entries", n)
	}
	entries, err := store.Read(t.Context(), all[1], func(r *store.Reader) ([]store.EntryRow, error) { return r.Entries(store.EntryFilter{Limit: 500}) })
	must(t, err)
	for i := 1; i < len(entries); i++ {
		if entries[i].At.After(entries[i-1].At) {
			t.Errorf("entry %d is later than entry %d", entries[i].Seq, entries[i-1].Seq)
		}
	}
}

// DESIGN §6: what one node commits is announced on the other within a second, once, with whose notices changed.
func TestNodesHearOfEachOther(t *testing.T) {
	t.Parallel()
	_, all := nodes(t, 2)
	heard := make(chan store.Change, 20)
	all[1].Watch(func(c store.Change) { heard <- c })
	must(t, store.Do(t.Context(), all[0], func(tx *store.Tx) error {
		signedIn(tx, "alice")
		if err := tx.InsertPrincipal(pim.Principal{ID: "bob", Kind: pim.Person, Name: "Bob", Source: pim.SourceFile}); err != nil {
			return err
		}
		return tx.InsertNotice(store.Notice{ID: "n", PrincipalID: "bob", Text: "Hello"})
	}))
	began := time.Now()
	c := wait(t, "the other node's commit", heard)
	if took := time.Since(began); took > 3*time.Second { // a busy machine's second
		t.Errorf("heard after %v", took)
	}
	if len(c.Entries) != 1 || c.Entries[0].Subject != "alice" || len(c.People) != 1 || c.People[0] != "bob" {
		t.Errorf("heard %+v", c)
	}
	if all[1].Head().Root != all[0].Head().Root {
		t.Error("told before the head was known")
	}
	must(t, write(all[1], "mine"), write(all[0], "other"))
	for _, want := range []string{"mine", "other"} {
		if c := wait(t, want, heard); len(c.Entries) != 1 || c.Entries[0].Subject != want {
			t.Errorf("want %s, heard %+v", want, c)
		}
	}
}

// F14, issue 3 item 1: nodes that start at once on an empty database both come up, and migrate it once.
func TestNodesStartAtOnce(t *testing.T) {
	t.Parallel()
	url := postgres.Start(t).Database(t)
	opened := make(chan error, 3)
	for range cap(opened) {
		go func() {
			s, err := store.Open(context.Background(), store.Options{URL: url})
			if err == nil {
				err = errors.Join(write(s, "hello"), s.Close())
			}
			opened <- err
		}()
	}
	for range cap(opened) {
		must(t, wait(t, "a start", opened))
	}
}

// A connection that is lost before the commit costs nothing: the operation runs again and happens once.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	url, all := nodes(t, 1)
	s := all[0]
	const kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
	must(t, write(s, "before"))
	must(t, behind(t, url, kill)) // while idle
	must(t, write(s, "after"))
	var runs atomic.Int64
	must(t, store.Do(t.Context(), s, func(tx *store.Tx) error {
		signedIn(tx, "middle")
		if runs.Add(1) == 1 {
			must(t, behind(t, url, kill))
		}
		return tx.SetMeta("middle", "done")
	}))
	if runs.Load() != 2 || value(t, s, "middle") != "done" || sound(t, s) != 3 {
		t.Errorf("ran %d times, %d entries", runs.Load(), s.Head().Size)
	}
}

// THREATS F12: a node that stops in the middle of a transaction does not hold the others back.
func TestStoppedNodeHoldsNobody(t *testing.T) {
	t.Parallel()
	_, all := nodes(t, 2)
	inside, resume, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		done <- store.Do(context.Background(), all[0], func(tx *store.Tx) error {
			signedIn(tx, "stopped")
			once.Do(func() { close(inside); <-resume })
			return tx.SetMeta("stopped", "done")
		})
	}()
	wait(t, "the lock", inside)
	began := time.Now()
	if err := write(all[1], "other"); err != nil {
		t.Fatalf("held back: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("held back for %v", took)
	}
	close(resume)
	must(t, wait(t, "the stopped node", done)) // it runs again
	if n := sound(t, all[1]); n != 2 || value(t, all[1], "stopped") != "done" {
		t.Errorf("%d entries", n)
	}
}

// F4: a database that lost entries while Stint ran is found out by a node that knew them, and what has to be
// recorded still can be.
func TestEntriesLostWhileRunning(t *testing.T) {
	t.Parallel()
	for name, later := range map[string]int{"shorter": 0, "another log of the same length": 2, "another log, longer": 4} {
		url, all := nodes(t, 1)
		s := all[0]
		for i := range 3 {
			must(t, write(s, fmt.Sprint(i)))
		}
		root := s.Head().Root.String()
		must(t, write(s, "lost"), write(s, "lost too"))
		if why := s.Lost(); why != "" {
			t.Fatalf("nothing is lost: %s", why)
		}
		must(t, behind(t, url, `SET session_replication_role = replica; DELETE FROM audit_entries WHERE seq >= 3;
			DELETE FROM audit_hashes WHERE idx >= 4; UPDATE audit_head SET size = 3, root = '`+root+`'`))
		other := open(t, store.Options{URL: url})
		for i := range later {
			must(t, write(other, fmt.Sprint("later ", i)))
		}
		must(t, write(s, "after"))
		if !strings.Contains(s.Lost(), "5 audit entries") {
			t.Errorf("%s: not found out: %q", name, s.Lost())
		}
		if n := sound(t, s); n != int64(4+later) || s.Head().Size != n {
			t.Errorf("%s: %d entries", name, n)
		}
		if other.Lost() != "" {
			t.Errorf("%s: a node that never knew them says %q", name, other.Lost())
		}
	}
}

// Invariant 11, T13: the database itself refuses to change what is written for ever, also for its owner.
func TestPostgreSQLKeepsTheLog(t *testing.T) {
	t.Parallel()
	url, all := nodes(t, 1)
	must(t, write(all[0], "x"))
	for _, statement := range []string{"UPDATE audit_entries SET leaf = '{}'", "DELETE FROM audit_entries", "TRUNCATE audit_entries",
		"UPDATE audit_hashes SET hash = ''", "DELETE FROM audit_hashes WHERE idx = 0", "TRUNCATE audit_hashes"} {
		if behind(t, url, statement) == nil {
			t.Errorf("allowed: %s", statement)
		}
	}
}

// Only a database that compares and sorts as SQLite does is opened; the words say how to make one.
func TestPostgreSQLMustSortByCodePoint(t *testing.T) {
	t.Parallel()
	server := postgres.Start(t)
	server.Exec(t, "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
	_, err := store.Open(t.Context(), store.Options{URL: server.DSN("latin")})
	if err == nil || !strings.Contains(err.Error(), "CREATE DATABASE") || strings.Contains(err.Error(), postgres.Password) {
		t.Errorf("%v", err)
	}
	_, err = store.Open(t.Context(), store.Options{URL: server.DSN("absent")})
	if err == nil || strings.Contains(err.Error(), postgres.Password) {
		t.Errorf("%v", err)
	}
}

// Invariant 7: the instant is the database's; what one node believed, no other goes back behind, and a clock
// accepted on one is accepted on all.
func TestNodesShareTheClock(t *testing.T) {
	t.Parallel()
	url := database.Empty(t)
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	var ahead atomic.Int64
	clock := func(d *atomic.Int64) func(*store.Options) {
		return func(o *store.Options) {
			o.Now = func() time.Time { return at.Add(time.Duration(d.Load())) }
			o.Mono = func() time.Duration { return 0 }
		}
	}
	node := func(change func(*store.Options)) *store.Store {
		o := store.Options{URL: url}
		change(&o)
		return open(t, o)
	}
	first, second := node(clock(new(atomic.Int64))), node(clock(&ahead))
	ahead.Store(int64(4 * time.Second))
	now := func(s *store.Store) time.Time {
		v, err := store.Write(t.Context(), s, func(tx *store.Tx) (time.Time, error) { return tx.Now, nil })
		must(t, err)
		return v
	}
	if got := now(second); !got.Equal(at.Add(4 * time.Second)) {
		t.Fatalf("%v", got)
	}
	if got := now(first); !got.Equal(at.Add(4 * time.Second)) {
		t.Errorf("the first node went back to %v", got)
	}
	ahead.Store(int64(time.Hour))
	if now(second); second.Clock().Suspect() == "" {
		t.Error("a jump is believed")
	}
	must(t, store.Do(t.Context(), first, func(tx *store.Tx) error { return tx.SetMeta(store.MetaClockAccepted, "once") }))
	if got := now(second); !got.Equal(at.Add(time.Hour)) || second.Clock().Suspect() != "" {
		t.Errorf("accepted on the other node, not on this: %v %q", got, second.Clock().Suspect())
	}

	real := open(t, store.Options{URL: database.Empty(t)})
	if d := time.Since(now(real)); d > time.Minute || d < -time.Minute {
		t.Errorf("the database's clock is %v away", d)
	}
}

// docs/nodes.md: the rights it says are enough are, and do not reach the log.
func TestPostgreSQLWithFewerRights(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/nodes.md")
	must(t, err)
	_, rights, _ := strings.Cut(string(text), "```sql\n")
	rights, _, _ = strings.Cut(rights, "```")
	server := postgres.Start(t)
	server.Exec(t, "CREATE ROLE fewer LOGIN PASSWORD 'pw'")
	owner := database.Empty(t)
	must(t, open(t, store.Options{URL: owner}).Close(), behind(t, owner, strings.NewReplacer("TO stint", "TO fewer", "FROM stint", "FROM fewer").Replace(rights)))
	t.Cleanup(func() { must(t, behind(t, owner, "DROP OWNED BY fewer")) })
	u, err := url.Parse(owner)
	must(t, err)
	u.User = url.UserPassword("fewer", "pw")
	s := open(t, store.Options{URL: u.String()})
	must(t, write(s, "x"), store.Do(t.Context(), s, func(tx *store.Tx) error { return tx.SaveCheckpoint(audit.Checkpoint{Size: 1}) }))
	if behind(t, u.String(), "DELETE FROM audit_entries") == nil || behind(t, u.String(), "DROP TRIGGER audit_entries_keep ON audit_entries") == nil {
		t.Error("it reaches the log")
	}
	var said *pgconn.PgError
	if err := behind(t, u.String(), "UPDATE audit_hashes SET hash = ''"); !errors.As(err, &said) || said.Code != "42501" {
		t.Errorf("kept by the trigger alone: %v", err)
	}
}
