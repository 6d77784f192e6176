package storetest

import (
	"context"
	"reflect"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

func planned(id string, at, start time.Time) pim.Activation {
	a := activation(id, pim.Scheduled, at)
	a.StartAsked, a.StartsAt, a.EndsAt, a.StartDue = start, start, start.Add(time.Hour), start
	return a
}

// planned windows stand beside what is open, one for each start, and are due at their start.
func plannedActivations(t *testing.T, s *store.Store) {
	world(t, s)
	at := now(s).Truncate(time.Second)
	want := planned("later", at, at.Add(2*time.Hour))
	do(t, s, func(tx *store.Tx) error {
		return all(
			func() error { return tx.InsertActivation(activation("now", pim.ActiveConfirmed, at)) },
			func() error { return tx.InsertActivation(want) },
			func() error { return tx.InsertActivation(planned("due", at.Add(-9*time.Hour), at)) },
		)
	})
	if got := get(t, s, func(r *store.Reader) (pim.Activation, error) { return r.Activation("later") }); got.StartDue != want.StartDue || got.StartAsked != want.StartAsked || got.EndsAt != want.EndsAt {
		t.Errorf("\n have %+v\n want %+v", got, want)
	}
	won := race(t, func(i int) error {
		return store.Do(context.Background(), s, func(tx *store.Tx) error {
			return tx.InsertActivation(planned(id("twin", i), at, at.Add(5*time.Hour)))
		})
	}, store.ErrOpen)
	if won != 1 {
		t.Errorf("the double click planned %d windows", won)
	}
	open := get(t, s, func(r *store.Reader) ([]pim.Activation, error) {
		return r.OpenActivations("human-alice", "dba", "prod")
	})
	if len(open) != 4 || open[0].ID != "now" || open[2].ID != "later" {
		t.Errorf("open: %v", open)
	}
	due := get(t, s, func(r *store.Reader) ([]pim.Activation, error) { return r.StartsDue(10) })
	if len(due) != 1 || due[0].ID != "due" {
		t.Fatalf("due: %v", due)
	}
	beside := store.Do(context.Background(), s, func(tx *store.Tx) error {
		a := due[0]
		a.StartAsked = time.Time{}
		return move(tx, a, pim.Provisioning)
	})
	if beside == nil {
		t.Error("a planned activation starts beside one that is active")
	}
	do(t, s, func(tx *store.Tx) error { return move(tx, due[0], pim.RefusedAtStart) })
	if due := get(t, s, (*store.Reader).NextDue); !due.Equal(at.Add(time.Hour)) {
		t.Errorf("next: %v", due)
	}
}

func narrowerActivations(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		below := activation("below", pim.ActiveConfirmed, tx.Now)
		below.ResourceID = "child"
		return all(
			func() error { return tx.InsertResource(resource("child", "prod")) },
			func() error { return tx.InsertActivation(activation("there", pim.ActiveConfirmed, tx.Now)) },
			func() error { return tx.InsertActivation(below) },
		)
	})
	got := get(t, s, (*store.Reader).NarrowerActivations)
	if len(got) != 1 || got[0].ID != "below" {
		t.Errorf("%v", got)
	}
}

func extension(id, activation string, at time.Time) pim.Extension {
	return pim.Extension{ID: id, ActivationID: activation, PrincipalID: "alice", PersonID: "human-alice", State: pim.ExtensionPending, Duration: 30 * time.Minute,
		Justification: "not done", RequestedAt: at, TimesOutAt: at.Add(time.Hour), StartsAt: at, FromEnd: at.Add(time.Hour), EndsAt: at.Add(90 * time.Minute),
		MaxTotal: 2 * time.Hour, Version: 1}
}

func withActivation(t *testing.T, s *store.Store) time.Time {
	world(t, s)
	at := now(s).Truncate(time.Microsecond)
	do(t, s, func(tx *store.Tx) error { return tx.InsertActivation(activation("a", pim.ActiveConfirmed, at)) })
	return at
}

func extensionsComeBack(t *testing.T, s *store.Store) {
	want := extension("x", "a", withActivation(t, s))
	want.TicketNumber, want.TicketSystem, want.StepUpID = "CHG-1", "Jira", "su"
	want.Settings = pim.Effective{Settings: pim.DefaultSettings(), Versions: map[string]int64{"": 1}}
	want.Verdicts = []pim.Verdict{{Rule: pim.RuleApproval, State: pim.Todo, Same: []string{"alice"}}}
	do(t, s, func(tx *store.Tx) error { return tx.InsertExtension(want) })
	read := func() pim.Extension {
		return get(t, s, func(r *store.Reader) (pim.Extension, error) { return r.Extension("x") })
	}
	if got := read(); !reflect.DeepEqual(got, want) {
		t.Errorf("\n have %+v\n want %+v", got, want)
	}
	if got := get(t, s, func(r *store.Reader) (*pim.Extension, error) { return r.WaitingExtension("a") }); got == nil || got.ID != "x" {
		t.Errorf("waiting: %+v", got)
	}
	want.State, want.DecidedAt, want.DecidedBy, want.DecisionID, want.Decision = pim.ExtensionApproved, want.RequestedAt, "bob", "su2", "as agreed"
	do(t, s, func(tx *store.Tx) error { return tx.DecideExtension(want) })
	want.Version = 2
	if got := read(); !reflect.DeepEqual(got, want) {
		t.Errorf("\n have %+v\n want %+v", got, want)
	}
	if got := get(t, s, func(r *store.Reader) ([]pim.Extension, error) { return r.ExtensionsDecidedBy("bob", store.Keyset{}, 5) }); len(got) != 1 {
		t.Errorf("bob's: %v", got)
	}
	if got := get(t, s, func(r *store.Reader) (*pim.Extension, error) { return r.WaitingExtension("a") }); got != nil {
		t.Errorf("waits though approved: %+v", got)
	}
}

// T13: one waits however often it is asked for at once, and one decision wins.
func oneExtensionWaits(t *testing.T, s *store.Store) {
	at := withActivation(t, s)
	won := race(t, func(i int) error {
		return store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.InsertExtension(extension(id("x", i), "a", at)) })
	}, store.ErrOpen)
	if won != 1 {
		t.Fatalf("%d wait", won)
	}
	waiting := get(t, s, func(r *store.Reader) ([]pim.Extension, error) { return r.PendingExtensions(10) })
	decided := race(t, func(i int) error {
		return store.Do(context.Background(), s, func(tx *store.Tx) error {
			x := waiting[0]
			x.State, x.DecidedAt = []pim.ExtensionState{pim.ExtensionApproved, pim.ExtensionDenied, pim.ExtensionCanceled}[i%3], tx.Now
			return tx.DecideExtension(x)
		})
	}, store.ErrConflict)
	if decided != 1 {
		t.Errorf("decided %d times", decided)
	}
}

// T15: the schema itself refuses an end before the old one, or beyond start plus max_total, also of the activation.
func extensionLimits(t *testing.T, s *store.Store) {
	at := withActivation(t, s)
	insert := func(change func(*pim.Extension)) error {
		x := extension("x", "a", at)
		change(&x)
		return store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.InsertExtension(x) })
	}
	for name, change := range map[string]func(*pim.Extension){
		"end beyond the total":  func(x *pim.Extension) { x.EndsAt = at.Add(2*time.Hour + time.Microsecond) },
		"no end":                func(x *pim.Extension) { x.EndsAt = time.Time{} },
		"the old end":           func(x *pim.Extension) { x.EndsAt = x.FromEnd },
		"an end before the old": func(x *pim.Extension) { x.EndsAt = x.FromEnd.Add(-time.Microsecond) },
		"no time":               func(x *pim.Extension) { x.Duration = 0 },
		"no total":              func(x *pim.Extension) { x.MaxTotal = 0 },
	} {
		if insert(change) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := insert(func(x *pim.Extension) { x.EndsAt = at.Add(2 * time.Hour) }); err != nil {
		t.Errorf("the very limit: %v", err)
	}
	a := get(t, s, func(r *store.Reader) (pim.Activation, error) { return r.Activation("a") })
	a.EndsBy = at.Add(2 * time.Hour)
	a.EndsAt = a.EndsBy.Add(time.Microsecond)
	if err := store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.MoveActivation(a.State, a) }); err == nil {
		t.Error("an activation ends beyond its limit")
	}
}

func extensionsDue(t *testing.T, s *store.Store) {
	at := withActivation(t, s)
	x := extension("x", "a", at.Add(-2*time.Hour))
	do(t, s, func(tx *store.Tx) error { return tx.InsertExtension(x) })
	if due := get(t, s, (*store.Reader).NextDue); !due.Equal(x.TimesOutAt) {
		t.Errorf("next: %v, want %v", due, x.TimesOutAt)
	}
	if due := get(t, s, (*store.Reader).SweepDue); !due {
		t.Error("nothing is to be swept")
	}
	due := get(t, s, func(r *store.Reader) ([]pim.Extension, error) { return r.ExtensionsDue(10) })
	if len(due) != 1 || due[0].ID != "x" {
		t.Errorf("due: %v", due)
	}
}
