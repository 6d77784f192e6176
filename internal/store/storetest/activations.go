package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

var activations = []testCase{
	{"what many do at once has an order", linear},
	{"activations come back as they were", activationsComeBack},
	{"the double click", doubleClick},
	{"one transition wins", oneTransitionWins},
	{"an activation that is over does not change", overStaysOver},
	{"activations whose end has come", activationsDue},
	{"planned activations", plannedActivations},
	{"activations of a resource below", narrowerActivations},
	{"extensions come back as they were", extensionsComeBack},
	{"one extension waits", oneExtensionWaits},
	{"an extension stays within its limits", extensionLimits},
	{"extensions time out", extensionsDue},
	{"a person's requests in pages", requestsInPages},
	{"one person decides a stage once", decidesOnce},
	{"stages time out", stagesTimeOut},
	{"the next instant that changes something", nextDue},
}

func activationsComeBack(t *testing.T, s *store.Store) {
	world(t, s)
	want := activation("a", pim.PendingApproval, now(s).Truncate(time.Microsecond))
	want.TicketNumber, want.TicketSystem, want.StepUpID = "CHG-1", "Jira", "su"
	want.Settings = pim.Effective{Settings: pim.DefaultSettings(), Versions: map[string]int64{"": 1, "prod": 3}}
	want.Verdicts = []pim.Verdict{{Rule: pim.RuleDuration, State: pim.Note, Field: "duration", Message: "Cut to 30 min"}}
	do(t, s, func(tx *store.Tx) error { return tx.InsertActivation(want) })
	if got := get(t, s, func(r *store.Reader) (pim.Activation, error) { return r.Activation("a") }); !reflect.DeepEqual(got, want) {
		t.Errorf("\n have %+v\n want %+v", got, want)
	}
	open := func(person, role, scope string) []pim.Activation {
		return get(t, s, func(r *store.Reader) ([]pim.Activation, error) { return r.OpenActivations(person, role, scope) })
	}
	if got := open("human-alice", "dba", "prod"); len(got) != 1 || got[0].ID != "a" {
		t.Errorf("open: %+v", got)
	}
	for name, none := range map[string][3]string{"another person": {"human-bob", "dba", "prod"}, "another role": {"human-alice", "x", "prod"}, "another scope": {"human-alice", "dba", "x"}} {
		if got := open(none[0], none[1], none[2]); len(got) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// EC-04, EC-05, T13: however often it is asked for at once, one is open.
func doubleClick(t *testing.T, s *store.Store) {
	world(t, s)
	at := now(s)
	won := race(t, func(i int) error {
		return store.Do(context.Background(), s, func(tx *store.Tx) error {
			emit(tx, "alice")
			return tx.InsertActivation(activation(id("a", i), []pim.ActivationState{pim.PendingApproval, pim.Provisioning}[i%2], at))
		})
	}, store.ErrOpen)
	if won != 1 || s.Head().Size != 1 {
		t.Fatalf("%d of %d open, %d entries", won, parallel, s.Head().Size)
	}
	open := get(t, s, func(r *store.Reader) ([]pim.Activation, error) { return r.OpenActivationsOf("human-alice") })
	if len(open) != 1 {
		t.Fatalf("%d open", len(open))
	}
	do(t, s, func(tx *store.Tx) error { return move(tx, open[0], pim.Canceled) })
	do(t, s, func(tx *store.Tx) error { return tx.InsertActivation(activation("again", pim.Provisioning, at)) })
}

func move(tx *store.Tx, a pim.Activation, to pim.ActivationState) error {
	from := a.State
	if a.State = to; to.Holds() && a.EndsAt.IsZero() {
		a.StartsAt, a.EndsAt = tx.Now, tx.Now.Add(a.Duration)
	}
	if !to.Open() {
		a.EndedAt, a.EndedBy = tx.Now, "system"
	}
	return tx.MoveActivation(from, a)
}

// T13, invariant 3: approve, deny, cancel and time-out at once: one terminal or next state, one entry.
func oneTransitionWins(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error { return tx.InsertActivation(activation("a", pim.PendingApproval, tx.Now)) })
	read := get(t, s, func(r *store.Reader) (pim.Activation, error) { return r.Activation("a") })
	to := []pim.ActivationState{pim.Provisioning, pim.Denied, pim.Canceled, pim.TimedOut, pim.EligibilityEnded}
	won := race(t, func(i int) error {
		return store.Do(context.Background(), s, func(tx *store.Tx) error {
			emit(tx, "alice")
			return move(tx, read, to[i%len(to)])
		})
	}, store.ErrConflict)
	got := get(t, s, func(r *store.Reader) (pim.Activation, error) { return r.Activation("a") })
	if won != 1 || s.Head().Size != 1 || got.Version != 2 || got.State == pim.PendingApproval {
		t.Fatalf("%d won, %d entries, %+v", won, s.Head().Size, got)
	}
}

// T13: terminal states have no way out, whoever asks; settling is no change of state.
func overStaysOver(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error { return tx.InsertActivation(activation("a", pim.Provisioning, tx.Now)) })
	step := func(to pim.ActivationState) error {
		return store.Do(context.Background(), s, func(tx *store.Tx) error {
			a, err := tx.Activation("a")
			if err != nil {
				return err
			}
			a.SettledAt = tx.Now
			return move(tx, a, to)
		})
	}
	if err := step(pim.Expired); err != nil {
		t.Fatal(err)
	}
	for _, state := range pim.ActivationStates {
		if err := step(state); (err == nil) != (state == pim.Expired) {
			t.Errorf("expired -> %s: %v", state, err)
		}
	}
	got := get(t, s, func(r *store.Reader) (pim.Activation, error) { return r.Activation("a") })
	if got.State != pim.Expired || got.SettledAt.IsZero() {
		t.Errorf("%+v", got)
	}
	settle := func(int) error {
		return store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.MoveActivation(pim.Expired, got) })
	}
	if won := race(t, settle, store.ErrConflict); won != 1 {
		t.Errorf("invariant 3: one version was saved %d times, though the state stays", won)
	}
}

func activationsDue(t *testing.T, s *store.Store) {
	world(t, s)
	at := now(s)
	do(t, s, func(tx *store.Tx) error {
		for name, ago := range map[string]time.Duration{"over": 2 * time.Hour, "running": time.Minute} {
			if err := tx.InsertResource(resource(name, "")); err != nil {
				return err
			}
			a := activation(name, pim.ActiveConfirmed, at.Add(-ago))
			a.ResourceID = name
			if err := tx.InsertActivation(a); err != nil {
				return err
			}
		}
		return tx.InsertActivation(activation("waiting", pim.PendingApproval, at.Add(-9*time.Hour)))
	})
	due := get(t, s, func(r *store.Reader) ([]pim.Activation, error) { return r.ActivationsDue(10) })
	if len(due) != 1 || due[0].ID != "over" {
		t.Fatalf("due: %v", due)
	}
	do(t, s, func(tx *store.Tx) error { return move(tx, due[0], pim.Expired) })
	ending := get(t, s, func(r *store.Reader) ([]pim.Activation, error) { return r.EndingActivationsOf("alice") })
	if len(ending) != 1 || !ending[0].Ending() {
		t.Errorf("ending: %v", ending)
	}
	if due := get(t, s, func(r *store.Reader) ([]pim.Activation, error) { return r.ActivationsDue(10) }); len(due) != 0 {
		t.Errorf("still due: %v", due)
	}
}

// Keyset pages: newest first, each once, also with one instant for several.
func requestsInPages(t *testing.T, s *store.Store) {
	world(t, s)
	at := now(s)
	do(t, s, func(tx *store.Tx) error {
		for i := range 11 {
			a := activation(id("a", i), pim.PendingApproval, at.Add(time.Duration(i/3)*time.Second))
			if err := tx.InsertActivation(a); err != nil {
				return err
			}
			if err := move(tx, a, pim.Canceled); err != nil {
				return err
			}
		}
		return nil
	})
	var seen []string
	var last store.Keyset
	for {
		page := get(t, s, func(r *store.Reader) ([]pim.Activation, error) { return r.ActivationsOf("alice", last, 4) })
		for _, a := range page {
			seen = append(seen, a.ID)
			last = store.Keyset{At: a.RequestedAt, ID: a.ID}
		}
		if len(page) < 4 {
			break
		}
	}
	slices.Reverse(seen)
	if len(seen) != 11 || !slices.IsSorted(seen) {
		t.Errorf("%v", seen)
	}
	if a := get(t, s, func(r *store.Reader) (*pim.Activation, error) { return r.LastActivation("alice", "dba", "prod") }); a == nil || a.ID != id("a", 10) {
		t.Errorf("the last one: %+v", a)
	}
	if uses := get(t, s, func(r *store.Reader) (map[string]time.Time, error) {
		return r.LastUses("alice", []string{"asg", "absent"})
	}); len(uses) != 1 || !uses["asg"].Equal(at.Add(3*time.Second)) {
		t.Errorf("last uses: %v", uses)
	}
	if uses := get(t, s, func(r *store.Reader) (map[string]time.Time, error) { return r.LastUses("bob", []string{"asg"}) }); len(uses) != 1 || !uses["asg"].IsZero() {
		t.Errorf("another's use is nobody else's: %v", uses)
	}
}

// T13: (activation, stage, person) decides once, however many accounts or clicks.
func decidesOnce(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		return all(
			func() error { return tx.InsertActivation(activation("a", pim.PendingApproval, tx.Now)) },
			func() error {
				return tx.InsertStage(pim.ApprovalStage{ActivationID: "a", Number: 1, Quorum: 2, OpenedAt: tx.Now, TimesOutAt: tx.Now.Add(time.Hour)})
			},
		)
	})
	decide := func(i int) error {
		err := store.Do(context.Background(), s, func(tx *store.Tx) error {
			return tx.InsertDecision(pim.ApprovalDecision{ID: id("d", i), ActivationID: "a", Stage: 1, PrincipalID: "bob", PersonID: "human-bob", Approve: i%2 == 0, Justification: fmt.Sprint(i), At: tx.Now})
		})
		if err != nil {
			return errBroken // engines word it differently
		}
		return nil
	}
	if won := race(t, decide, errBroken); won != 1 {
		t.Errorf("decided %d times", won)
	}
	if got := get(t, s, func(r *store.Reader) ([]pim.ApprovalDecision, error) { return r.Decisions("a") }); len(got) != 1 || got[0].PersonID != "human-bob" {
		t.Errorf("%v", got)
	}
	if got := get(t, s, func(r *store.Reader) ([]pim.ApprovalDecision, error) { return r.DecisionsBy("bob", store.Keyset{}, 5) }); len(got) != 1 {
		t.Errorf("bob's: %v", got)
	}
}

func stagesTimeOut(t *testing.T, s *store.Store) {
	world(t, s)
	at := now(s)
	do(t, s, func(tx *store.Tx) error {
		return all(
			func() error { return tx.InsertActivation(activation("a", pim.PendingApproval, at)) },
			func() error {
				return tx.InsertStage(pim.ApprovalStage{ActivationID: "a", Number: 1, Quorum: 1, OpenedAt: at.Add(-2 * time.Hour), TimesOutAt: at.Add(-time.Hour)})
			},
			func() error {
				return tx.InsertStage(pim.ApprovalStage{ActivationID: "a", Number: 2, Quorum: 1, OpenedAt: at, TimesOutAt: at.Add(time.Hour)})
			},
		)
	})
	due := get(t, s, func(r *store.Reader) ([]pim.ApprovalStage, error) { return r.StagesDue(10) })
	if len(due) != 1 || due[0].Number != 1 {
		t.Errorf("due: %v", due)
	}
	do(t, s, func(tx *store.Tx) error { return tx.CloseStages("a") })
	if due := get(t, s, func(r *store.Reader) ([]pim.ApprovalStage, error) { return r.StagesDue(10) }); len(due) != 0 {
		t.Errorf("closed and due: %v", due)
	}
	if stages := get(t, s, func(r *store.Reader) ([]pim.ApprovalStage, error) { return r.Stages("a") }); len(stages) != 2 || stages[0].Number != 1 {
		t.Errorf("%v", stages)
	}
}

func nextDue(t *testing.T, s *store.Store) {
	world(t, s)
	due := func() time.Time { return get(t, s, (*store.Reader).NextDue) }
	if !due().IsZero() {
		t.Fatalf("nothing is due: %v", due())
	}
	at := now(s).Truncate(time.Second)
	steps := []func(tx *store.Tx) error{
		func(tx *store.Tx) error {
			a := assignment("timed", "bob", pim.Eligible, at)
			a.EndsAt = at.Add(9 * time.Hour)
			return tx.InsertAssignment(a)
		},
		func(tx *store.Tx) error {
			return tx.InsertGrant(grantRow("g", "acc", at.Add(8*time.Hour)))
		},
		func(tx *store.Tx) error {
			return tx.AddMember(pim.Membership{GroupID: "dbas", MemberID: "bob", Source: pim.SourceSignIn, FreshUntil: at.Add(7 * time.Hour)})
		},
		func(tx *store.Tx) error {
			return all(func() error { return tx.InsertActivation(activation("a", pim.PendingApproval, at)) },
				func() error {
					return tx.InsertStage(pim.ApprovalStage{ActivationID: "a", Number: 1, Quorum: 1, OpenedAt: at, TimesOutAt: at.Add(6 * time.Hour)})
				})
		},
		func(tx *store.Tx) error {
			a := activation("b", pim.ActiveConfirmed, at)
			a.PersonID, a.EndsAt = "human-bob", at.Add(5*time.Hour)
			return tx.InsertActivation(a)
		},
	}
	for i, step := range steps {
		do(t, s, step)
		if want := at.Add(time.Duration(9-i) * time.Hour); !due().Equal(want) {
			t.Errorf("step %d: %v, want %v", i, due(), want)
		}
	}
	if _, err := store.Read(context.Background(), s, func(r *store.Reader) (pim.Activation, error) { return r.Activation("absent") }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("absent: %v", err)
	}
}
