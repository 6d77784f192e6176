package broker_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stint/internal/broker"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stinttest/database"
	"stint/internal/store"
)

const (
	sharedPeople       = 2
	sharedRoles        = 3
	sharedEntitlements = 3
)

// shared is one run of the property: people, roles and a target of its own in the database of all runs.
type shared struct {
	*rapid.T
	ctx    context.Context
	b      *broker.Broker
	clock  *clock
	ward   *ward
	run    string
	roles  [sharedRoles][]int // the entitlements that a role means
	before map[string]bool    // what is at the target without Stint, by account and entitlement
	down   bool
	made   int
	active map[string]string // the active assignment of a person and role
}

// Issue 3, proof "Property test of shared grants"; FIELD §3.2, DESIGN §3: whatever activations, active assignments,
// outages and other hands do in whatever order, the target is left exactly as it was before Stint.
func TestSharedGrantsLeaveTheTargetAsItWas(t *testing.T) {
	t.Parallel()
	c, wards, runs := &clock{now: epoch}, map[string]*ward{}, 0
	s, err := store.Open(t.Context(), store.Options{Path: database.Migrated(t, filepath.Join(t.TempDir(), "stint.db")), Now: c.Now, Mono: c.Mono})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b := broker.New(broker.Config{Store: s, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Open: func(_ string, cfg connector.Config) (connector.Connector, error) { return wards[cfg.TargetID], nil }})
	if err := b.EnsureBuiltin(t.Context()); err != nil {
		t.Fatal(err)
	}
	few(t)
	rapid.Check(t, func(r *rapid.T) {
		runs++
		w := &shared{T: r, ctx: t.Context(), b: b, clock: c, ward: &ward{held: map[string]bool{}}, run: fmt.Sprintf("run%d-", runs),
			before: map[string]bool{}, active: map[string]string{}}
		wards[w.run+"dir"] = w.ward
		w.seed()
		r.Repeat(map[string]func(*rapid.T){
			"activate":   w.activate,
			"deactivate": w.deactivate,
			"extend":     w.extend,
			"assign":     w.assign,
			"unassign":   w.unassign,
			"time":       w.time,
			"outage":     w.outage,
			"put":        func(*rapid.T) { w.hand(true) },
			"take":       func(*rapid.T) { w.hand(false) },
			"":           func(*rapid.T) { w.tick() },
		})
		w.leave()
	})
}

// few makes so many runs as take seconds, unless -rapid.checks asks for more.
func few(t *testing.T) {
	t.Helper()
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		if err := f.Value.Set("12"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Value.Set(f.DefValue) })
	}
}

func (w *shared) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *shared) tick() { w.Helper(); w.ok(w.b.Tick(w.ctx)) }

func (w *shared) person(i int) string       { return fmt.Sprintf("%sperson%d", w.run, i) }
func (w *shared) role(i int) string         { return fmt.Sprintf("%srole%d", w.run, i) }
func (w *shared) pick(of string, n int) int { return rapid.IntRange(0, n-1).Draw(w.T, of) }

func (w *shared) key(person, entitlement int) string {
	return fmt.Sprintf("%saccount%d/%sgroup%d", w.run, person, w.run, entitlement)
}

// seed draws what each role means, and who holds what before Stint.
func (w *shared) seed() {
	for i := range w.roles {
		for e := range sharedEntitlements {
			if rapid.Bool().Draw(w.T, fmt.Sprintf("role%d means group%d", i, e)) {
				w.roles[i] = append(w.roles[i], e)
			}
		}
	}
	for p := range sharedPeople {
		for e := range sharedEntitlements {
			if rapid.IntRange(0, 3).Draw(w.T, fmt.Sprintf("person%d holds group%d", p, e)) == 3 {
				w.ward.held[w.key(p, e)], w.before[w.key(p, e)] = true, true
			}
		}
	}
	w.ok(store.Do(w.ctx, w.b.Store(), func(tx *store.Tx) error {
		none, no := pim.StepUpNone, false
		target, org := w.run+"dir", w.run+"org"
		errs := []error{tx.InsertTarget(store.TargetRow{Target: pim.Target{ID: target, Kind: "ward", Name: target, Source: pim.SourceFile}}),
			tx.InsertResource(pim.Resource{ID: org, Kind: "organisation", Name: org, TargetID: target, Source: pim.SourceFile})}
		for i, means := range w.roles {
			errs = append(errs, tx.InsertRole(pim.RoleDefinition{ID: w.role(i), Name: w.role(i), Source: pim.SourceFile}),
				tx.SaveSettings(pim.RoleSettings{RoleID: w.role(i), StepUp: &none, Justification: &no, Source: pim.SourceFile}))
			for _, e := range means {
				name := fmt.Sprintf("%sgroup%d", w.run, e)
				errs = append(errs, tx.SaveMeaning(pim.Meaning{RoleID: w.role(i), ResourceID: org, Name: name, EntitlementID: name}))
			}
		}
		for i := range sharedPeople {
			id := w.person(i)
			errs = append(errs, tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Person, Name: id, PersonID: id, Enabled: true, Source: pim.SourceFile}),
				tx.InsertAccount(pim.Account{ID: "of" + id, PrincipalID: id, TargetID: target, Name: id, ExternalID: fmt.Sprintf("%saccount%d", w.run, i), ConfirmedAt: tx.Now, Source: pim.SourceFile}))
			for r := range sharedRoles {
				errs = append(errs, tx.InsertAssignment(pim.Assignment{ID: id + w.role(r), PrincipalID: id, RoleID: w.role(r), ResourceID: org, Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}))
			}
		}
		return errors.Join(errs...)
	}))
}

func (w *shared) activate(*rapid.T) {
	p, r, minutes := w.person(w.pick("person", sharedPeople)), w.role(w.pick("role", sharedRoles)), rapid.IntRange(5, 60).Draw(w.T, "minutes")
	_, err := w.b.RequestActivation(w.ctx, broker.Actor{PrincipalID: p}, pim.ActivationRequest{AssignmentID: p + r, Duration: time.Duration(minutes) * time.Minute})
	var refusal *pim.Refusal
	if err != nil && !errors.As(err, &refusal) { // one is open already
		w.Fatal(err)
	}
}

func (w *shared) open(person string) []pim.Activation {
	open, err := store.Read(w.ctx, w.b.Store(), func(r *store.Reader) ([]pim.Activation, error) { return r.OpenActivationsBy(person) })
	w.ok(err)
	return open
}

func (w *shared) deactivate(*rapid.T) {
	p := w.person(w.pick("person", sharedPeople))
	if open := w.open(p); len(open) > 0 {
		w.ok(w.b.Deactivate(w.ctx, broker.Actor{PrincipalID: p}, open[w.pick("which", len(open))].ID))
	}
}

func (w *shared) extend(*rapid.T) {
	p, minutes := w.person(w.pick("person", sharedPeople)), rapid.IntRange(5, 60).Draw(w.T, "minutes")
	open := w.open(p)
	if len(open) == 0 {
		return
	}
	_, err := w.b.RequestExtension(w.ctx, broker.Actor{PrincipalID: p}, pim.ExtensionRequest{ActivationID: open[w.pick("which", len(open))].ID, Duration: time.Duration(minutes) * time.Minute})
	var refusal *pim.Refusal
	if err != nil && !errors.As(err, &refusal) { // it is over, or as long as it may be
		w.Fatal(err)
	}
}

func (w *shared) assign(*rapid.T) {
	p, r := w.person(w.pick("person", sharedPeople)), w.role(w.pick("role", sharedRoles))
	if w.active[p+r] != "" {
		return
	}
	w.made++
	a := pim.Assignment{ID: fmt.Sprintf("%sactive%d", w.run, w.made), PrincipalID: p, RoleID: r, ResourceID: w.run + "org", Kind: pim.Active, Source: pim.SourceFile}
	if rapid.Bool().Draw(w.T, "ends") {
		a.EndsAt = w.clock.Now().Add(time.Duration(rapid.IntRange(5, 60).Draw(w.T, "minutes")) * time.Minute)
	}
	w.active[p+r] = a.ID
	w.ok(store.Do(w.ctx, w.b.Store(), func(tx *store.Tx) error {
		a.StartsAt = tx.Now
		return broker.InsertActive(tx, a)
	}))
}

func (w *shared) unassign(*rapid.T) {
	w.end(w.person(w.pick("person", sharedPeople)) + w.role(w.pick("role", sharedRoles)))
}

func (w *shared) end(key string) {
	if w.active[key] == "" {
		return
	}
	w.ok(store.Do(w.ctx, w.b.Store(), func(tx *store.Tx) error {
		a, err := tx.Assignment(w.active[key])
		if err != nil || !a.EndedAt.IsZero() {
			return err
		}
		return w.b.EndAssignment(tx, a)
	}))
	delete(w.active, key)
}

func (w *shared) time(*rapid.T) {
	w.clock.add(time.Duration(rapid.IntRange(1, 1800).Draw(w.T, "seconds")) * time.Second)
}

func (w *shared) outage(*rapid.T) { w.setDown(!w.down) }

func (w *shared) setDown(down bool) {
	w.down = down
	w.ward.mu.Lock()
	defer w.ward.mu.Unlock()
	w.ward.down = down
}

// hand lets another hand change something at a moment when Stint is at rest, so that it is plain what was there
// before Stint; Stint notices by itself.
func (w *shared) hand(put bool) {
	p, e := w.pick("person", sharedPeople), w.pick("group", sharedEntitlements)
	w.rest()
	wanted := w.wanted(p, e)
	w.ward.mu.Lock()
	if w.ward.held[w.key(p, e)] != put {
		w.ward.held[w.key(p, e)] = put
		if !put || !wanted { // what is put while Stint gives it goes with Stint's own
			w.before[w.key(p, e)] = put
		}
	}
	w.ward.mu.Unlock()
	w.rest()
}

func (w *shared) grant(p, e int) *store.GrantRow {
	account, entitlement, _ := strings.Cut(w.key(p, e), "/")
	g, err := store.Read(w.ctx, w.b.Store(), func(r *store.Reader) (*store.GrantRow, error) { return r.GrantOf(w.run+"dir", account, entitlement) })
	w.ok(err)
	return g
}

func (w *shared) wanted(p, e int) bool {
	g := w.grant(p, e)
	return g != nil && g.Wanted
}

// rest heals the target, waits until Stint has looked at everything again, and checks that the target is as wanted.
func (w *shared) rest() {
	w.setDown(false)
	for range 3 {
		w.clock.add(7 * time.Minute)
		w.tick()
	}
	for p := range sharedPeople {
		for e := range sharedEntitlements {
			g, held := w.grant(p, e), w.ward.holds(w.key(p, e))
			switch {
			case g != nil && g.Wanted && !g.Lost && !held:
				w.Fatalf("%s is wanted and not held: %+v", w.key(p, e), g.Grant)
			case (g == nil || !g.Wanted) && held != w.before[w.key(p, e)]:
				w.Fatalf("%s: held %v, before Stint %v: %+v", w.key(p, e), held, w.before[w.key(p, e)], g)
			}
		}
	}
}

// leave ends everything and demands that the target is as it was before Stint.
func (w *shared) leave() {
	for p := range sharedPeople {
		for _, a := range w.open(w.person(p)) {
			w.ok(w.b.Deactivate(w.ctx, broker.Actor{PrincipalID: w.person(p)}, a.ID))
		}
		for r := range sharedRoles {
			w.end(w.person(p) + w.role(r))
		}
	}
	w.rest()
	for p := range sharedPeople {
		for e := range sharedEntitlements {
			if g := w.grant(p, e); g != nil && (g.Wanted || !g.DueAt.IsZero()) {
				w.Fatalf("%s is not settled: %+v", w.key(p, e), g.Grant)
			}
		}
	}
}
