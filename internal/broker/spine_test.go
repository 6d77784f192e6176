package broker_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/stinttest/database"
	"stint/internal/stinttest/passkey"
	"stint/internal/store"
)

// ward is a target that keeps holdings in memory and can be down.
type ward struct {
	mu    sync.Mutex
	held  map[string]bool
	down  bool
	fail  error
	hung  chan struct{} // closed when a look-up hangs
	asked sync.Once
	dims  bool // from a write on, nothing can be seen
	dim   bool
	after func() // happens once, when the next grant has taken effect and its answer is on the way
	ends  bool   // has sessions that can be ended
	deaf  error  // what ending them fails with
	ended int    // how often they were
}

func (w *ward) Capabilities() connector.Capabilities {
	return connector.Capabilities{EndsSessions: w.ends, ListsStrangers: true}
}
func (w *ward) Canonical(_ context.Context, name string) (connector.EntitlementID, error) {
	return connector.EntitlementID("id:" + name), w.err()
}
func (w *ward) Describe(_ context.Context, e connector.EntitlementID) (connector.Entry, error) {
	return connector.Entry{}, nil
}
func (w *ward) FindAccount(_ context.Context, name string) (connector.AccountID, string, error) {
	return connector.AccountID("id:" + name), name, w.err()
}
func (w *ward) err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return w.fail
	}
	if w.down {
		return connector.Errorf(connector.Transient, "the target is down")
	}
	return nil
}
func (w *ward) Observe(_ context.Context, a connector.AccountID, e connector.EntitlementID) (connector.Holding, error) {
	err := w.err()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dim {
		err = connector.Errorf(connector.Transient, "the look failed")
	}
	return connector.Holding{Present: w.held[string(a)+"/"+string(e)]}, err
}
func (w *ward) set(a connector.AccountID, e connector.EntitlementID, on bool) error {
	err := w.err()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dim = w.dims
	if err == nil {
		w.held[string(a)+"/"+string(e)] = on
	}
	return err
}
func (w *ward) Grant(_ context.Context, a connector.AccountID, e connector.EntitlementID, _ time.Time) error {
	err := w.set(a, e, true)
	if after := w.after; after != nil {
		w.after = nil
		after()
	}
	return err
}
func (w *ward) Revoke(_ context.Context, a connector.AccountID, e connector.EntitlementID) error {
	return w.set(a, e, false)
}
func (w *ward) EndSessions(context.Context, connector.AccountID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.deaf == nil {
		w.ended++
	}
	return w.deaf
}
func (w *ward) List(_ context.Context, e connector.EntitlementID) iter.Seq2[connector.AccountID, error] {
	return func(yield func(connector.AccountID, error) bool) {
		if err := w.err(); err != nil {
			yield("", err)
			return
		}
		w.mu.Lock()
		keys := slices.Sorted(maps.Keys(w.held))
		w.mu.Unlock()
		for _, key := range keys {
			account, entitlement, _ := strings.Cut(key, "/")
			if entitlement == string(e) && w.holds(key) && !yield(connector.AccountID(account), nil) {
				return
			}
		}
	}
}
func (w *ward) holds(key string) bool { w.mu.Lock(); defer w.mu.Unlock(); return w.held[key] }
func (w *ward) Browse(context.Context, string) iter.Seq2[connector.Entry, error] {
	return func(func(connector.Entry, error) bool) {}
}
func (w *ward) Close() error { return nil }

type clock struct {
	mu  sync.Mutex
	now time.Time
}

var epoch = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) Mono() time.Duration {
	return c.Now().Sub(epoch)
}
func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

type world struct {
	testing.TB
	ctx   context.Context
	b     *broker.Broker
	ward  *ward
	clock *clock
	keys  map[string]*passkey.Passkey
}

func newWorld(t testing.TB, twice ...bool) *world {
	t.Helper()
	c := &clock{now: epoch}
	w := newWorldOn(t, len(twice) == 0, c.Now, c.Mono)
	w.clock = c
	return w
}

func newWorldOn(t testing.TB, twice bool, now func() time.Time, mono func() time.Duration) *world {
	t.Helper()
	o := database.Options(t, filepath.Join(t.TempDir(), "stint.db"))
	o.Now, o.Mono, o.Twice = now, mono, twice
	return newWorldIn(t, o)
}

func newWorldIn(t testing.TB, o store.Options) *world {
	t.Helper()
	w := &world{TB: t, ctx: context.Background(), ward: &ward{held: map[string]bool{}, hung: make(chan struct{})}, keys: map[string]*passkey.Passkey{}}
	s := w.open(o)
	w.ok(store.Do(w.ctx, s, w.seed))
	return w
}

// open opens a database with a broker over it that reaches the ward.
func (w *world) open(o store.Options) *store.Store {
	w.Helper()
	s, err := store.Open(w.ctx, o)
	w.ok(err)
	w.Cleanup(func() { s.Close() })
	rp, err := stepup.New("http://localhost:8080", "Stint")
	w.ok(err)
	sealer, err := broker.OpenSealer(filepath.Join(w.TempDir(), "keys", "seal.key"), "")
	w.ok(err)
	w.b = broker.New(broker.Config{Store: s, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), StepUp: rp, Sealer: sealer,
		Open: func(_ string, c connector.Config) (connector.Connector, error) {
			if c.TargetID == "two" {
				return hanging{w.ward}, nil
			}
			return w.ward, nil
		}})
	w.ok(w.b.EnsureBuiltin(w.ctx))
	return s
}

// until waits for something the worker does beside the test.
func (w *world) until(done func() bool) {
	w.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for !done() {
		select {
		case <-look.C:
		case <-deadline.C:
			w.Fatal("it did not happen within 20 s")
		}
	}
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) seed(tx *store.Tx) error {
	hour, yes := time.Hour, true
	errs := []error{
		tx.InsertTarget(store.TargetRow{Target: pim.Target{ID: "dir", Kind: "ward", Name: "Directory", Source: pim.SourceFile}}),
		tx.InsertResource(pim.Resource{ID: "org", Kind: "organisation", Name: "Northwind", TargetID: "dir", Source: pim.SourceFile}),
		tx.InsertRole(pim.RoleDefinition{ID: "dba", Name: "DBA", Privileged: true, Source: pim.SourceFile}),
		tx.InsertRole(pim.RoleDefinition{ID: "vault", Name: "Vault", Privileged: true, Source: pim.SourceFile}),
		tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: "org", Name: "cn=dba"}),
		tx.SaveMeaning(pim.Meaning{RoleID: "vault", ResourceID: "org", Name: "cn=dba"}),
		tx.SaveSettings(pim.RoleSettings{RoleID: "dba", MaxDuration: &hour, Source: pim.SourceFile}),
		tx.SaveSettings(pim.RoleSettings{RoleID: "vault", Approval: &yes, Approvers: []string{"bob"}, Source: pim.SourceFile}),
	}
	for _, id := range []string{"alice", "bob"} {
		errs = append(errs, tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Person, Name: id, PersonID: id, Enabled: true, Source: pim.SourceFile}),
			tx.InsertAccount(pim.Account{ID: "acc-" + id, PrincipalID: id, TargetID: "dir", Name: id, ConfirmedAt: tx.Now, ConfirmedBy: pim.System, Source: pim.SourceFile}))
	}
	for _, role := range []string{"dba", "vault"} {
		errs = append(errs, tx.InsertAssignment(pim.Assignment{ID: "alice-" + role, PrincipalID: "alice", RoleID: role, ResourceID: "org", Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}))
	}
	return errors.Join(errs...)
}

func (w *world) as(id string) broker.Actor {
	return broker.Actor{PrincipalID: id, SessionID: "session-" + id}
}

// enrol gives a person a passkey by the provider's claim.
func (w *world) enrol(id string) {
	w.Helper()
	out, err := w.b.BeginCredential(w.ctx, w.as(id), "Laptop", broker.Enrolment{Claim: true})
	w.ok(err)
	key := passkey.New("http://localhost:8080", "localhost")
	w.keys[id] = key
	v, err := w.b.StepUp(w.ctx, w.as(id), out.CeremonyID)
	w.ok(err)
	response, err := key.Create(v.Options)
	w.ok(err)
	_, err = w.b.FinishStepUp(w.ctx, w.as(id), out.CeremonyID, response)
	w.ok(err)
}

func (w *world) touch(id string, out broker.Outcome) (broker.Outcome, error) {
	w.Helper()
	v, err := w.b.StepUp(w.ctx, w.as(id), out.CeremonyID)
	w.ok(err)
	if !json.Valid(v.Options) {
		w.Fatalf("options are not JSON: %s", v.Options)
	}
	response, err := w.keys[id].Get(v.Options)
	w.ok(err)
	return w.b.FinishStepUp(w.ctx, w.as(id), out.CeremonyID, response)
}

func (w *world) activate(id, assignment string, d time.Duration) string {
	w.Helper()
	out, err := w.b.RequestActivation(w.ctx, w.as(id), pim.ActivationRequest{AssignmentID: assignment, Duration: d, Justification: "fix the index"})
	w.ok(err)
	out, err = w.touch(id, out)
	w.ok(err)
	return out.ActivationID
}

func (w *world) activation(id string) pim.Activation {
	w.Helper()
	a, err := store.Read(w.ctx, w.b.Store(), func(r *store.Reader) (pim.Activation, error) { return r.Activation(id) })
	w.ok(err)
	return a
}

func (w *world) tick() { w.Helper(); w.ok(w.b.Tick(w.ctx)) }

func (w *world) member(who string) bool {
	w.ward.mu.Lock()
	defer w.ward.mu.Unlock()
	return w.ward.held["id:"+who+"/id:cn=dba"]
}

// The spine: passkey, activation, really held, confirmed, expired, really gone, confirmed gone.
func TestActivateHoldExpireGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("alice")
	w.tick()
	id := w.activate("alice", "alice-dba", 30*time.Minute)
	if s := w.activation(id).State; s != pim.Provisioning {
		t.Fatalf("before the target was read back: %s", s)
	}
	w.tick()
	if a := w.activation(id); a.State != pim.ActiveConfirmed || !w.member("alice") {
		t.Fatalf("state %s, member %v", a.State, w.member("alice"))
	}
	w.clock.add(30 * time.Minute)
	w.tick()
	a := w.activation(id)
	if a.State != pim.Expired || a.SettledAt.IsZero() || w.member("alice") {
		t.Fatalf("state %s settled %v member %v", a.State, a.SettledAt, w.member("alice"))
	}
}

// Two roles on one group share the grant; the last one out revokes (K-01's trap, FIELD §3.2).
func TestSharedGrantIsRevokedByTheLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("alice")
	w.enrol("bob")
	w.tick()
	first := w.activate("alice", "alice-dba", 30*time.Minute)
	second := w.activate("alice", "alice-vault", 2*time.Hour)
	w.tick()
	out, err := w.b.Decide(w.ctx, w.as("bob"), second, true, "agreed on call")
	w.ok(err)
	_, err = w.touch("bob", out)
	w.ok(err)
	w.tick()
	if a := w.activation(second); a.State != pim.ActiveConfirmed {
		t.Fatalf("second is %s", a.State)
	}
	w.clock.add(30 * time.Minute)
	w.tick()
	if a := w.activation(first); a.State != pim.Expired || a.SettledAt.IsZero() || !w.member("alice") {
		t.Fatalf("first %s settled %v member %v", a.State, a.SettledAt, w.member("alice"))
	}
	w.ok(w.b.Deactivate(w.ctx, w.as("alice"), second))
	w.tick()
	if a := w.activation(second); a.SettledAt.IsZero() || w.member("alice") {
		t.Fatal("the last one out must revoke")
	}
}

// What was there before Stint is put back as found.
func TestHeldBeforeStaysHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("alice")
	w.ward.held["id:alice/id:cn=dba"] = true
	w.tick()
	id := w.activate("alice", "alice-dba", 30*time.Minute)
	w.tick()
	w.ok(w.b.Deactivate(w.ctx, w.as("alice"), id))
	w.tick()
	if a := w.activation(id); a.SettledAt.IsZero() || !w.member("alice") {
		t.Fatalf("settled %v, member %v", a.SettledAt, w.member("alice"))
	}
}

// THREATS T16, F7: a target that is down delays cleaning up, never ends it.
func TestDeadTargetIsRetriedUntilItAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("alice")
	w.tick()
	id := w.activate("alice", "alice-dba", 30*time.Minute)
	w.tick()
	w.ward.mu.Lock()
	w.ward.down = true
	w.ward.mu.Unlock()
	w.clock.add(30 * time.Minute)
	for range 200 {
		w.tick()
		w.clock.add(time.Minute)
	}
	if a := w.activation(id); a.State != pim.Expired || !a.SettledAt.IsZero() {
		t.Fatalf("state %s settled %v while the target is down", a.State, a.SettledAt)
	}
	w.ward.mu.Lock()
	w.ward.down = false
	w.ward.mu.Unlock()
	w.clock.add(90 * time.Second)
	w.tick()
	if a := w.activation(id); a.SettledAt.IsZero() || w.member("alice") {
		t.Fatal("not gone after the target returned")
	}
}

// An idle round writes nothing, so that it cannot wake itself for ever.
func TestIdleRoundWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tick()
	before, err := store.Read(w.ctx, w.b.Store(), func(r *store.Reader) (string, error) { return r.Meta(store.MetaClock) })
	w.ok(err)
	w.clock.add(time.Minute)
	w.tick()
	after, err := store.Read(w.ctx, w.b.Store(), func(r *store.Reader) (string, error) { return r.Meta(store.MetaClock) })
	w.ok(err)
	if before != after {
		t.Fatal("a round with nothing due committed something")
	}
}

// DESIGN §3: a write is believed only after the next look. When that look fails, the end of the need that
// follows is not told *confirmed gone*, and Stint's own write is not taken for what was before.
func TestWriteWhoseSecondLookFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("alice")
	w.tick()
	first := w.activate("alice", "alice-dba", 30*time.Minute)
	w.ward.dims = true
	w.tick()
	if !w.member("alice") {
		t.Fatal("the write did not arrive")
	}
	w.ok(w.b.Deactivate(w.ctx, w.as("alice"), first))
	w.tick()
	if a := w.activation(first); !a.SettledAt.IsZero() {
		t.Fatal("told gone while the target holds it")
	}
	second := w.activate("alice", "alice-dba", 30*time.Minute)
	w.ward.dims, w.ward.dim = false, false
	w.clock.add(5 * time.Minute)
	w.tick()
	w.ok(w.b.Deactivate(w.ctx, w.as("alice"), second))
	w.clock.add(5 * time.Minute)
	w.tick()
	if a := w.activation(second); a.SettledAt.IsZero() || w.member("alice") {
		t.Fatalf("settled %v, member %v", a.SettledAt, w.member("alice"))
	}
}
