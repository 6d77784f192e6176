package connector

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// stub is a target with faults: it counts what reaches it.
type stub struct {
	entry  Entry
	calls  atomic.Int64
	writes atomic.Int64
	hang   chan struct{} // until closed, calls ignore their context
	broken bool          // panics
	caps   Capabilities
}

func (s *stub) reach() {
	s.calls.Add(1)
	if s.broken {
		panic("index out of range")
	}
	if s.hang != nil {
		<-s.hang
	}
}

func (s *stub) Capabilities() Capabilities { return s.caps }
func (s *stub) Close() error               { return nil }
func (s *stub) Canonical(context.Context, string) (EntitlementID, error) {
	s.reach()
	return EntitlementID(s.entry.ID), nil
}
func (s *stub) Describe(context.Context, EntitlementID) (Entry, error) {
	s.calls.Add(1)
	return s.entry, nil
}
func (s *stub) FindAccount(context.Context, string) (AccountID, string, error) {
	s.reach()
	return "acc", "Account", nil
}
func (s *stub) Observe(context.Context, AccountID, EntitlementID) (Holding, error) {
	s.reach()
	return Holding{Present: true}, nil
}
func (s *stub) Grant(context.Context, AccountID, EntitlementID, time.Time) error {
	s.writes.Add(1)
	s.reach()
	return nil
}
func (s *stub) Revoke(context.Context, AccountID, EntitlementID) error {
	s.writes.Add(1)
	s.reach()
	return nil
}
func (s *stub) EndSessions(context.Context, AccountID) error { s.writes.Add(1); s.reach(); return nil }
func (s *stub) List(context.Context, EntitlementID) iter.Seq2[AccountID, error] {
	return func(yield func(AccountID, error) bool) {
		_ = yield("a", nil) && yield("b", nil)
		s.reach()
	}
}
func (s *stub) Browse(context.Context, string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		s.reach()
		yield(s.entry, nil)
	}
}

// guarded wraps the stub; patterns are names compared whole, a trailing * meaning any tail.
func guarded(s *stub, mayWrite string) *guard {
	return newGuard(s, Config{TargetID: "t1", Timeout: time.Second, Settings: map[string]string{MayWrite: mayWrite}}, Factory{
		Protected: func(map[string]string) []string { return []string{"root", "sid-512"} },
		Covers: func(pattern, name string) Match {
			stem, wild := strings.CutSuffix(pattern, "*")
			if pattern == name || wild && strings.HasPrefix(name, stem) {
				return Yes
			}
			return No
		},
	})
}

// T40: each way round the list, and what it comes to.
func TestGuard(t *testing.T) {
	ops := Entry{ID: "id-1", Name: "ops", Aliases: []string{"cn=ops"}}
	domainAdmins := Entry{ID: "id-2", Name: "helpers", Aliases: []string{"cn=helpers", "sid-512"}}
	powerful := Entry{ID: "id-4", Name: "ops", Protected: "it has SUPERUSER"}
	for _, c := range []struct {
		what             string
		entry            Entry
		mayWrite, name   string
		canonical, grant Kind
		revoke           Kind
		offline          bool // Canonical is refused without the network
	}{
		{"listed", ops, "ops", "ops", None, None, None, false},
		{"listed by wildcard", ops, "o*", "ops", None, None, None, false},
		{"listed by id", ops, "id:ID-1", "ops", None, None, None, false},
		{"listed by alias", ops, "cn=ops", "cn=ops", None, None, None, false},
		{"not listed", ops, "dev", "ops", Refused, Refused, None, true},
		{"prefix of a listed one", ops, "ops-2", "ops", Refused, Refused, None, true},
		{"other id listed", ops, "id:id-9", "ops", Refused, Refused, None, false},
		{"empty list", ops, "", "ops", Refused, Refused, None, true},
		{"protected name", Entry{ID: "id-3", Name: "root"}, "*", "root", Refused, Refused, Refused, true},
		{"protected name, named", Entry{ID: "id-3", Name: "root"}, "*\nroot", "root", None, None, None, false},
		{"protected under another name", domainAdmins, "*", "helpers", Refused, Refused, Refused, false},
		{"protected under another name, named", domainAdmins, "helpers", "helpers", None, None, None, false},
		{"protected by what it can do", powerful, "o*", "ops", Refused, Refused, None, false},
		{"protected by what it can do, named", powerful, "o*\nops", "ops", None, None, None, false},
		{"protected by what it can do, named by id", powerful, "id:id-4", "ops", None, None, None, false},
		{"protected, named by id", domainAdmins, "id:id-2", "helpers", None, None, None, false},
	} {
		s := &stub{entry: c.entry}
		g := guarded(s, c.mayWrite)
		_, err := g.Canonical(t.Context(), c.name)
		if got := KindOf(err); got != c.canonical {
			t.Errorf("%s: Canonical: %q (%v), want %q", c.what, got, err, c.canonical)
		}
		if offline := s.calls.Load() == 0; offline != c.offline {
			t.Errorf("%s: refused without the network = %v, want %v", c.what, offline, c.offline)
		}
		ent := EntitlementID(c.entry.ID)
		if got := KindOf(g.Grant(t.Context(), "acc", ent, time.Time{})); got != c.grant {
			t.Errorf("%s: Grant: %q, want %q", c.what, got, c.grant)
		}
		if got := KindOf(g.Revoke(t.Context(), "acc", ent)); got != c.revoke {
			t.Errorf("%s: Revoke: %q, want %q", c.what, got, c.revoke)
		}
		if wrote := s.writes.Load() > 0; wrote != (c.grant == None || c.revoke == None) {
			t.Errorf("%s: a write reached the target = %v", c.what, wrote)
		}
	}
}

// T40: once seen to be protected, an id is refused without asking the target again.
func TestGuardRemembersProtected(t *testing.T) {
	s := &stub{entry: Entry{ID: "id-2", Name: "helpers", Aliases: []string{"sid-512"}}}
	g := guarded(s, "*")
	_ = g.Grant(t.Context(), "acc", "id-2", time.Time{})
	asked := s.calls.Load()
	if err := g.Grant(t.Context(), "acc", "id-2", time.Time{}); KindOf(err) != Refused {
		t.Errorf("the second time: %v", err)
	}
	if s.calls.Load() != asked {
		t.Error("the target was asked again")
	}
}

// A connector that ignores its context costs no caller more than the deadline, and a write is then unknown.
func TestGuardDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stub{entry: Entry{ID: "id-1", Name: "ops"}, hang: make(chan struct{}), caps: Capabilities{EndsSessions: true}}
		defer close(s.hang)
		g := guarded(s, "ops")
		ctx := t.Context()
		for call, c := range map[string]struct {
			want Kind
			do   func() error
		}{
			"Canonical":   {Transient, func() error { _, err := g.Canonical(ctx, "ops"); return err }},
			"FindAccount": {Transient, func() error { _, _, err := g.FindAccount(ctx, "x"); return err }},
			"Observe":     {Transient, func() error { _, err := g.Observe(ctx, "acc", "id-1"); return err }},
			"Grant":       {OutcomeUnknown, func() error { return g.Grant(ctx, "acc", "id-1", time.Time{}) }},
			"Revoke":      {OutcomeUnknown, func() error { return g.Revoke(ctx, "acc", "id-1") }},
			"EndSessions": {OutcomeUnknown, func() error { return g.EndSessions(ctx, "acc") }},
			"List":        {Transient, func() error { return lastError(g.List(ctx, "id-1")) }},
			"Browse":      {Transient, func() error { return lastError(g.Browse(ctx, "")) }},
		} {
			start := time.Now()
			if got := KindOf(c.do()); got != c.want {
				t.Errorf("%s: %q, want %q", call, got, c.want)
			}
			if took := time.Since(start); took > time.Second+grace {
				t.Errorf("%s took %s", call, took)
			}
		}
	})
}

func lastError[T any](seq iter.Seq2[T, error]) (last error) {
	for _, err := range seq {
		last = err
	}
	return last
}

// A connector's panic is an error of that call, not the end of the process.
func TestGuardPanic(t *testing.T) {
	g := guarded(&stub{entry: Entry{ID: "id-1", Name: "ops"}, broken: true}, "ops")
	if got := KindOf(g.Grant(t.Context(), "acc", "id-1", time.Time{})); got != OutcomeUnknown {
		t.Errorf("Grant: %q", got)
	}
	if got := KindOf(lastError(g.List(t.Context(), "id-1"))); got != OutcomeUnknown {
		t.Errorf("List: %q", got)
	}
}

func TestGuardList(t *testing.T) {
	g := guarded(&stub{}, "ops")
	var got []AccountID
	for id, err := range g.List(t.Context(), "id-1") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, id)
	}
	if !slices.Equal(got, []AccountID{"a", "b"}) {
		t.Errorf("List yields %q", got)
	}
	for range g.List(t.Context(), "id-1") {
		break
	}
}

// A list that was cut off says so: what it yielded must not pass for the whole.
func TestGuardListCutOff(t *testing.T) {
	g := guarded(&stub{}, "ops")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for range 200 {
		n, failed := 0, false
		for _, err := range g.List(canceled, "id-1") {
			if failed = err != nil; !failed {
				n++
			}
		}
		if !failed && n != 2 {
			t.Fatalf("%d of 2 holders came, without an error", n)
		}
	}
}

// Without the capability nothing is asked of the target.
func TestGuardEndSessions(t *testing.T) {
	s := &stub{}
	if err := guarded(s, "ops").EndSessions(t.Context(), "acc"); err != nil || s.writes.Load() != 0 {
		t.Errorf("EndSessions: %v, %d writes", err, s.writes.Load())
	}
}

func TestKindOf(t *testing.T) {
	inner := errors.New("inner")
	for _, c := range []struct {
		err  error
		want Kind
	}{
		{nil, None},
		{Errorf(Gone, "no %w", inner), Gone},
		{fmt.Errorf("target: %w", Errorf(Denied, "no")), Denied},
		{Errorf(Transient, "wrapped: %w", Errorf(Gone, "no")), Transient},
		{errors.Join(inner, Errorf(Refused, "no")), Refused},
		{fmt.Errorf("bare: %w", Transient), Transient},
		{inner, OutcomeUnknown},
		{context.DeadlineExceeded, OutcomeUnknown},
	} {
		if got := KindOf(c.err); got != c.want {
			t.Errorf("KindOf(%v) = %q, want %q", c.err, got, c.want)
		}
	}
	err := fmt.Errorf("target: %w", Errorf(Gone, "no group: %w", inner))
	var kind Kind
	var typed *Error
	if !errors.Is(err, Gone) || errors.Is(err, Denied) || !errors.Is(err, inner) ||
		!errors.As(err, &kind) || kind != Gone || !errors.As(err, &typed) {
		t.Errorf("errors.Is and As do not see through %v", err)
	}
}
