package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"stint/internal/pim"
)

func newJob(fn func(*Tx) (any, error)) *job {
	return &job{ctx: context.Background(), done: make(chan struct{}), fn: fn}
}

// DESIGN §4: one batch in which one refuses, one errs, one panics and two succeed: each alone, one commit.
func TestBatchIsolatesItsOperations(t *testing.T) {
	s, broken := open(t), errors.New("broken")
	op := func(name string, end func() error) *job {
		return newJob(func(tx *Tx) (any, error) {
			tx.Emit(pim.PersonEvent(pim.EvSignedIn, name, name, ""))
			tx.AfterCommit(func() {})
			if err := tx.InsertPrincipal(pim.Principal{ID: name, Kind: pim.Person, Name: name, Source: pim.SourceFile}); err != nil {
				return nil, err
			}
			return name, end()
		})
	}
	first := op("first", func() error { return nil })
	refused := newJob(func(tx *Tx) (any, error) {
		tx.Emit(pim.PersonEvent(pim.EvSignedIn, "refused", "undone", ""))
		tx.Emit(pim.PersonEvent(pim.EvVoucherRefused, "refused", "refused", "").AsRefused())
		return nil, pim.Refuse(pim.KindForbidden, "no")
	})
	erred := op("erred", func() error { return fmt.Errorf("while saving: %w", broken) })
	panicked := op("panicked", func() error { panic("defect") })
	constraint := op("first", func() error { return nil }) // the same row again
	last := op("last", func() error { return nil })
	if err := s.transact([]*job{first, refused, erred, panicked, constraint, last}); err != nil {
		t.Fatal(err)
	}
	var refusal *pim.Refusal
	if first.err != nil || last.err != nil || !errors.As(refused.err, &refusal) || !errors.Is(erred.err, broken) || panicked.err == nil || constraint.err == nil {
		t.Errorf("first %v, refused %v, erred %v, panicked %v, constraint %v, last %v", first.err, refused.err, erred.err, panicked.err, constraint.err, last.err)
	}
	for _, j := range []*job{refused, erred, panicked, constraint} {
		if len(j.after) != 0 {
			t.Error("what did not happen wakes somebody")
		}
	}
	people, err := Read(context.Background(), s, func(r *Reader) ([]pim.Principal, error) { return r.Principals(pim.Person) })
	if err != nil || len(people) != 2 || people[0].ID != "first" || people[1].ID != "last" {
		t.Errorf("%v, %v", people, err)
	}
	rows, err := Read(context.Background(), s, func(r *Reader) ([]EntryRow, error) { return r.Entries(EntryFilter{Limit: 9}) })
	var subjects []string
	for _, e := range rows {
		subjects = append(subjects, e.Subject)
	}
	if err != nil || fmt.Sprint(subjects) != "[last refused first]" {
		t.Errorf("entries of %v, %v", subjects, err)
	}
}

// When the transaction itself dies, every member is told to try again, nothing stays, and the cached head
// is what it was.
func TestBatchThatDies(t *testing.T) {
	s, ctx := open(t), context.Background()
	emit := func(tx *Tx) (any, error) { tx.Emit(pim.PersonEvent(pim.EvSignedIn, "p", "p", "")); return 1, nil }
	if _, err := Write(ctx, s, emit); err != nil {
		t.Fatal(err)
	}
	head := s.Head()
	woken := false
	good := newJob(func(tx *Tx) (any, error) {
		tx.AfterCommit(func() { woken = true })
		tx.Emit(pim.PersonEvent(pim.EvSignedIn, "p", "p", ""))
		return 1, tx.SetMeta("k", "v")
	})
	foreign := newJob(func(tx *Tx) (any, error) { return tx.exec("UPDATE audit_head SET size = 77") }) // another node wrote
	s.commit([]*job{good, foreign})
	if good.err == nil || foreign.err == nil || good.val != nil || woken {
		t.Errorf("good %v, foreign %v, woken %v", good.err, foreign.err, woken)
	}
	if s.Head().Root != head.Root || meta(t, s, "k") != "" {
		t.Error("something stays of a transaction that died")
	}
	if _, err := Write(ctx, s, emit); err != nil || s.Head().Size != 2 {
		t.Errorf("the next one: %v, %d entries", err, s.Head().Size)
	}
}

// Invariant 11, T13: the database itself refuses to change what is written for ever.
func TestAppendOnlyTriggers(t *testing.T) {
	s, ctx := open(t), context.Background()
	now := s.Clock().Now()
	err := Do(ctx, s, func(tx *Tx) error {
		tx.Emit(pim.PersonEvent(pim.EvSignedIn, "p", "p", ""))
		statements := []error{
			tx.InsertPrincipal(pim.Principal{ID: "p", Kind: pim.Person, Name: "P", Source: pim.SourceFile}),
			tx.InsertRole(pim.RoleDefinition{ID: "r", Name: "R", Source: pim.SourceFile}),
			tx.InsertResource(pim.Resource{ID: "s", Kind: "x", Name: "S", Source: pim.SourceFile}),
			tx.InsertAssignment(pim.Assignment{ID: "a", PrincipalID: "p", RoleID: "r", ResourceID: "s", Kind: pim.Eligible, StartsAt: now, Source: pim.SourceFile}),
			tx.InsertActivation(pim.Activation{ID: "over", AssignmentID: "a", PrincipalID: "p", PersonID: "h", RoleID: "r", ResourceID: "s", State: pim.Expired, RequestedAt: now}),
		}
		return errors.Join(statements...)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"UPDATE audit_entries SET leaf = '{}'", "UPDATE audit_entries SET at = at + 1 WHERE seq = 0", "DELETE FROM audit_entries", "DELETE FROM audit_entries WHERE seq = 0",
		"UPDATE audit_hashes SET hash = ''", "DELETE FROM audit_hashes WHERE idx = 0",
		"UPDATE activations SET state = 'active', starts_at = 1, ends_at = 2", "UPDATE activations SET state = 'pending_approval' WHERE id = 'over'", "UPDATE activations SET state = 'revoked'",
		"INSERT INTO activations (id, assignment_id, principal_id, person_id, role_id, resource_id, state, duration_s, requested_at, settings, verdicts) VALUES ('x', 'a', 'p', 'h', 'r', 's', 'active', 1, 1, '{}', '[]')",
	} {
		if err := Do(ctx, s, func(tx *Tx) error { _, err := tx.exec(statement); return err }); err == nil {
			t.Errorf("allowed: %s", statement)
		}
	}
	if err := Do(ctx, s, func(tx *Tx) error {
		_, err := tx.exec("UPDATE activations SET settled_at = 5 WHERE id = 'over'")
		return err
	}); err != nil {
		t.Errorf("settling is no change of state: %v", err)
	}
	if _, err := Read(ctx, s, func(r *Reader) (EntryRow, error) { return r.Entry(0) }); err != nil {
		t.Error(err)
	}
}

// A context that ended before its turn gives its operation up; nothing of it happens.
func TestCanceledBeforeItsTurn(t *testing.T) {
	s := open(t)
	busy, release := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		first := true
		done <- Do(context.Background(), s, func(*Tx) error {
			if first {
				first = false
				close(busy)
				<-release
			}
			return nil
		})
	}()
	<-busy
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Do(ctx, s, func(tx *Tx) error { return tx.SetMeta("k", "v") }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	close(release)
	if err := <-done; err != nil || meta(t, s, "k") != "" {
		t.Errorf("%v, %q", err, meta(t, s, "k"))
	}
}

// THREATS T22: a search means what it says.
func TestEscapeLike(t *testing.T) {
	for in, want := range map[string]string{"": "", "ops": "ops", "100%": `100\%`, "a_b": `a\_b`, `a\b`: `a\\b`, `\%_`: `\\\%\_`} {
		if got := escapeLike(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestWhereCountsItsArguments(t *testing.T) {
	var w where
	if w.String() != "" {
		t.Errorf("%q", w.String())
	}
	w.add("a = ?", 1)
	w.add("(b, c) < (?, ?)", 2, "?")
	w.add("d IS NULL")
	if got := w.String(); got != " WHERE a = $1 AND (b, c) < ($2, $3) AND d IS NULL" || len(w.args) != 3 {
		t.Errorf("%q %v", got, w.args)
	}
	args := []any{"x"}
	if got := in(&args, []string{"a", "b"}); got != "($2, $3)" || len(args) != 3 {
		t.Errorf("%q %v", got, args)
	}
	if got := in[string](&args, nil); got != "(NULL)" || len(args) != 3 {
		t.Errorf("an empty list matches nothing: %q", got)
	}
}

func TestColumns(t *testing.T) {
	var when time.Time
	for _, src := range []any{int64(0), nil, []byte("0")} {
		when = time.Now()
		if err := at(&when).Scan(src); err != nil || !when.IsZero() {
			t.Errorf("%v: %v, %v", src, when, err)
		}
	}
	if err := at(&when).Scan([]byte("1500000")); err != nil || !when.Equal(time.Unix(1, 500_000_000)) || when.Location() != time.UTC {
		t.Errorf("%v, %v", when, err)
	}
	var raw []byte
	var list []string
	for name, err := range map[string]error{"text as time": at(&when).Scan("noon"), "number as bytes": b64(&raw).Scan(int64(1)), "broken base64": b64(&raw).Scan("?"),
		"number as JSON": asJSON(&list).Scan(int64(1)), "broken JSON": asJSON(&list).Scan("{")} {
		if err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
