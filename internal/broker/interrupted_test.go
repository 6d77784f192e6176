package broker_test

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/stinttest/faketarget"
	"stint/internal/store"
)

// paused is a way to a target on which something happens just before the next grant takes effect, or just after it.
type paused struct {
	connector.Connector
	before, after *func()
}

func (p paused) Grant(ctx context.Context, a connector.AccountID, e connector.EntitlementID, until time.Time) error {
	happen(p.before)
	err := p.Connector.Grant(ctx, a, e, until)
	happen(p.after)
	return err
}

func happen(what *func()) {
	if do := *what; do != nil {
		*what = nil
		do()
	}
}

// interrupted is a play whose broker can be interrupted in the middle of a grant.
type interrupted struct {
	*play
	path          string
	before, after func()
}

func newInterrupted(t *testing.T) *interrupted {
	t.Helper()
	i := &interrupted{play: newPlay(t), path: filepath.Join(t.TempDir(), "again.db")}
	i.b = i.program()
	for _, acc := range i.acc { // seed makes them again
		i.target.RemoveAccount(acc)
	}
	i.ok(store.Do(i.ctx, i.b.Store(), i.seed))
	for _, id := range []string{"alice", "bob", "carol"} {
		i.enrol(id)
	}
	i.tick()
	return i
}

// program opens the database anew, as a process that starts does.
func (i *interrupted) program() *broker.Broker {
	i.Helper()
	s, err := store.Open(i.ctx, store.Options{Path: i.path, Now: i.clock.Now, Mono: i.clock.Mono})
	i.ok(err)
	i.Cleanup(func() { s.Close() })
	b := i.beside(s)
	i.ok(b.EnsureBuiltin(i.ctx))
	return b
}

// beside is another worker on the same database.
func (i *interrupted) beside(s *store.Store) *broker.Broker {
	i.Helper()
	rp, err := stepup.New("http://localhost:8080", "Stint")
	i.ok(err)
	sealer, err := broker.OpenSealer(filepath.Join(filepath.Dir(i.path), "keys", "seal.key"), "")
	i.ok(err)
	return broker.New(broker.Config{Store: s, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), StepUp: rp, Sealer: sealer, Signer: i.signer,
		Open: func(_ string, c connector.Config) (connector.Connector, error) {
			c.Settings = i.target.Settings()
			conn, err := connector.Open(faketarget.Kind, c)
			return paused{conn, &i.before, &i.after}, err
		}})
}

// F1, F6, DESIGN §3 Grant: a process ends in the moment in which the target was written. The target reads late, so that
// the first look of whoever goes on shows nothing: it is not believed, and what was given is taken away.
func TestCrashAfterAWriteThatReadsDoNotShow(t *testing.T) {
	t.Parallel()
	for name, goOn := range map[string]func(*interrupted) error{
		"the next program": func(i *interrupted) error { return i.b.Restart(i.ctx) },
		"another worker":   func(i *interrupted) error { i.clock.add(80 * time.Second); return nil }, // the lease has run out
	} {
		t.Run(name, func(t *testing.T) {
			i := newInterrupted(t)
			i.target.Misbehave(faketarget.Faults{ReadDelay: 2 * time.Minute})
			i.clock.add(5 * time.Minute)
			id := i.activate("alice", "alice-dba2", time.Hour)
			i.after = func() { _ = i.b.Store().Close() }
			if err := i.b.Tick(i.ctx); err == nil || !i.target.Holds(i.acc["alice"], i.dba) {
				t.Fatalf("%v", err)
			}
			i.b = i.program()
			i.ok(i.b.Deactivate(i.ctx, i.as("alice"), id))
			i.ok(goOn(i))
			i.tick()
			if a := i.activation(id); !a.SettledAt.IsZero() {
				t.Fatal("told gone by a look that shows what was before the write")
			}
			i.later(10 * time.Minute)
			if a := i.activation(id); a.SettledAt.IsZero() || i.target.Holds(i.acc["alice"], i.dba) {
				t.Fatalf("settled %v, held %v", a.SettledAt, i.target.Holds(i.acc["alice"], i.dba))
			}
		})
	}
}

// F6: a worker is stopped just before its write; another takes over, sees nothing and settles; the role is asked for
// again; then the late write arrives. It is Stint's own, not what was there before: at the end it is taken away.
func TestLateWriteIsNotWhatWasThereBefore(t *testing.T) {
	t.Parallel()
	i := newInterrupted(t)
	first := i.activate("alice", "alice-dba2", time.Hour)
	other := i.beside(i.b.Store())
	var second string
	i.before = func() {
		i.clock.add(2 * time.Minute) // the lease runs out
		i.ok(other.Deactivate(i.ctx, i.as("alice"), first))
		i.ok(other.Tick(i.ctx))
		second = i.activate("alice", "alice-dba2", time.Hour)
	}
	i.tick()
	if a := i.is(second, pim.ActiveConfirmed); a.ConfirmedAt.IsZero() || i.activation(first).SettledAt.IsZero() {
		t.Fatal("the second is not confirmed, or the first not settled")
	}
	i.ok(i.b.Deactivate(i.ctx, i.as("alice"), second))
	i.later(time.Minute)
	if a := i.is(second, pim.Deactivated); a.SettledAt.IsZero() || i.target.Holds(i.acc["alice"], i.dba) {
		t.Fatalf("settled %v, held %v", a.SettledAt, i.target.Holds(i.acc["alice"], i.dba))
	}
}

// F6: a worker that was stopped before its write comes back and is refused by the target: it gave nothing. What another
// hand put there meanwhile was held before Stint, and stays.
func TestLateRefusalGaveNothing(t *testing.T) {
	t.Parallel()
	i := newInterrupted(t)
	first := i.activate("alice", "alice-dba2", time.Hour)
	other := i.beside(i.b.Store())
	var second string
	i.before = func() {
		i.clock.add(2 * time.Minute) // the lease runs out
		i.ok(other.Deactivate(i.ctx, i.as("alice"), first))
		i.ok(other.Tick(i.ctx))
		i.target.Put(i.acc["alice"], i.dba)
		second = i.activate("alice", "alice-dba2", time.Hour)
		i.ok(other.Tick(i.ctx))
		i.target.Misbehave(faketarget.Faults{Denied: true})
	}
	i.after = func() { i.target.Misbehave(faketarget.Faults{}) }
	i.tick()
	i.later(2 * time.Minute)
	i.is(second, pim.ActiveConfirmed)
	i.ok(i.b.Deactivate(i.ctx, i.as("alice"), second))
	i.later(time.Minute)
	if a := i.is(second, pim.Deactivated); a.SettledAt.IsZero() || !i.target.Holds(i.acc["alice"], i.dba) {
		t.Errorf("settled %v, held %v", a.SettledAt, i.target.Holds(i.acc["alice"], i.dba))
	}
}

// DESIGN §3 Grant: a revoke that was answered with yes takes effect only after the role is held again. That is Stint's
// own doing and no loss: it is given again, within the target's delay.
func TestLateRevokeIsNotAnotherHand(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	first := p.hold("alice-dba2", time.Hour)
	p.target.Misbehave(faketarget.Faults{Late: 10 * time.Second})
	p.ok(p.b.Deactivate(p.ctx, p.as("alice"), first))
	p.tick()
	p.target.Misbehave(faketarget.Faults{})
	second := p.hold("alice-dba2", time.Hour)
	p.clock.add(10 * time.Second)
	if p.target.Holds(p.acc["alice"], p.dba) {
		t.Fatal("the late revoke did not arrive")
	}
	p.tick()
	p.is(second, pim.ActiveConfirmed)
	if !p.target.Holds(p.acc["alice"], p.dba) {
		t.Error("active and not held")
	}
	p.later(2 * time.Hour)
	if a := p.is(second, pim.Expired); a.SettledAt.IsZero() || p.target.Holds(p.acc["alice"], p.dba) {
		t.Errorf("settled %v", a.SettledAt)
	}
}

// DESIGN §3 Grant: a role is asked for again just after it was given back, and the target shows what was before. That is
// what Stint took away, not what somebody held before Stint: it is looked at again, given, and in the end taken away.
func TestNeededAgainWhileReadsAreLate(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.target.Misbehave(faketarget.Faults{ReadDelay: 10 * time.Second})
	p.target.Misbehave(faketarget.Faults{})
	first := p.activate("alice", "alice-dba2", time.Hour)
	p.later(time.Minute)
	p.ok(p.b.Deactivate(p.ctx, p.as("alice"), first))
	p.tick()
	p.target.Misbehave(faketarget.Faults{ReadDelay: 10 * time.Second})
	second := p.activate("alice", "alice-dba2", time.Hour)
	p.tick()
	p.is(second, pim.Provisioning)
	p.clock.add(10 * time.Second)
	p.tick()
	if p.later(time.Minute); !p.target.Holds(p.acc["alice"], p.dba) {
		t.Error("not given")
	}
	p.is(second, pim.ActiveConfirmed)
	p.later(2 * time.Hour)
	if a := p.is(second, pim.Expired); a.SettledAt.IsZero() || p.target.Holds(p.acc["alice"], p.dba) {
		t.Errorf("settled %v, held %v", a.SettledAt, p.target.Holds(p.acc["alice"], p.dba))
	}
}
