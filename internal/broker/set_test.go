package broker_test

import (
	"errors"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

func asking(assignments ...string) []pim.ActivationRequest {
	var out []pim.ActivationRequest
	for _, id := range assignments {
		out = append(out, pim.ActivationRequest{AssignmentID: id, Duration: time.Hour, Justification: "Monday on call"})
	}
	return out
}

// results reads what became of a set.
func (p *play) results(id string) store.Results {
	p.Helper()
	v, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) (store.Results, error) { return r.Results(id) })
	p.ok(err)
	return v
}

func wantRefusal(t *testing.T, err error, kind pim.RefusalKind, field string) {
	t.Helper()
	var r *pim.Refusal
	if !errors.As(err, &r) || r.Kind != kind || r.Field != field || r.Message == "" {
		t.Fatalf("want %s of %q, have %v", kind, field, err)
	}
}

// K-03, invariant 4: three roles, one reason, one touch; each has its own verdict and its own activation.
func TestSeveralRolesWithOneTouch(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	out, err := p.b.RequestActivations(p.ctx, p.as("alice"), asking("alice-dba", "alice-dba2", "alice-vault"))
	p.ok(err)
	v, err := p.b.StepUp(p.ctx, p.as("alice"), out.CeremonyID)
	p.ok(err)
	if len(v.Items) != 3 || len(v.Requests) != 3 {
		t.Fatalf("the page restates %d items", len(v.Items))
	}
	out, err = p.touch("alice", out)
	p.ok(err)
	p.tick()
	res := p.results(out.ResultsID)
	want := []pim.ActivationState{pim.ActiveConfirmed, pim.ActiveConfirmed, pim.PendingApproval}
	for i, r := range res.Items {
		a := p.activation(r.ActivationID)
		if r.Refused != "" || a.State != want[i] || a.StepUpID == "" {
			t.Errorf("item %d: %s, refused %q", i, a.State, r.Refused)
		}
	}
	if a, b := p.activation(res.Items[0].ActivationID), p.activation(res.Items[2].ActivationID); a.StepUpID != b.StepUpID {
		t.Error("one touch is one piece of evidence")
	}
	p.verify()
	out, err = p.b.DeactivateAll(p.ctx, p.as("alice"), []string{res.Items[0].ActivationID, res.Items[1].ActivationID, res.Items[2].ActivationID})
	p.ok(err)
	p.tick()
	gone := p.results(out.ResultsID)
	if gone.Items[0].Refused != "" || gone.Items[1].Refused != "" || gone.Items[2].Refused == "" {
		t.Errorf("a waiting request cannot be given back, the others can: %+v", gone.Items)
	}
	if a := p.activation(res.Items[0].ActivationID); a.State != pim.Deactivated || a.SettledAt.IsZero() {
		t.Errorf("first: %s, settled %v", a.State, a.SettledAt)
	}
	p.verify()
}

// Invariant 4: an item that became invalid between showing and touching is refused alone; nothing is added.
func TestItemThatBecameInvalidIsRefusedAlone(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	out, err := p.b.RequestActivations(p.ctx, p.as("alice"), asking("alice-dba", "alice-dba2"))
	p.ok(err)
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
		asg, err := tx.Assignment("alice-dba2")
		if err != nil {
			return err
		}
		return tx.EndAssignment(asg, false)
	}))
	out, err = p.touch("alice", out)
	p.ok(err)
	p.tick()
	res := p.results(out.ResultsID)
	if res.Items[0].Refused != "" || p.activation(res.Items[0].ActivationID).State != pim.ActiveConfirmed {
		t.Errorf("the valid one: %+v", res.Items[0])
	}
	if res.Items[1].Refused == "" || res.Items[1].ActivationID != "" {
		t.Errorf("the ended one: %+v", res.Items[1])
	}
	p.verify()
}

// T33: of another's activations among those to give back nothing is told, and nothing happens to them.
func TestAnothersActivationsAreNotGivenBack(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	id := p.hold("alice-dba", time.Hour)
	out, err := p.b.DeactivateAll(p.ctx, p.as("bob"), []string{id, "absent"})
	p.ok(err)
	items := p.results(out.ResultsID).Items
	if items[0].Refused == "" || items[0] != items[1] {
		t.Errorf("another's is told apart from one that is absent: %+v", items)
	}
	if a := p.activation(id); a.State != pim.ActiveConfirmed {
		t.Errorf("it is %s", a.State)
	}
}

// A set the rules refuse now is refused as a whole and nothing waits for a touch; so are no role, one role
// twice, and too many.
func TestSetRefused(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.hold("alice-dba", time.Hour)
	_, err := p.b.RequestActivations(p.ctx, p.as("alice"), asking("alice-dba2", "alice-dba"))
	wantRefusal(t, err, pim.KindConflict, "")
	_, err = p.b.RequestActivations(p.ctx, p.as("alice"), nil)
	wantRefusal(t, err, pim.KindInvalid, "pick")
	_, err = p.b.RequestActivations(p.ctx, p.as("alice"), asking("alice-dba2", "alice-dba2"))
	wantRefusal(t, err, pim.KindInvalid, "pick")
	var many []string
	for range pim.MaxSet + 1 {
		many = append(many, broker.NewID())
	}
	_, err = p.b.RequestActivations(p.ctx, p.as("alice"), asking(many...))
	wantRefusal(t, err, pim.KindInvalid, "pick")
	_, err = p.b.RequestActivations(p.ctx, p.as("bob"), asking("alice-dba2", "alice-vault"))
	wantRefusal(t, err, pim.KindNotFound, "")
}

// One touch decides exactly the listed requests (THREATS T13): one canceled meanwhile is refused alone.
func TestSeveralDecisionsWithOneTouch(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
		yes := true
		return errors.Join(
			tx.SaveSettings(pim.RoleSettings{RoleID: "dba", Approval: &yes, Approvers: []string{"bob"}, Source: pim.SourceFile}),
			tx.SaveSettings(pim.RoleSettings{RoleID: "dba2", Approval: &yes, Approvers: []string{"bob"}, Source: pim.SourceFile}))
	}))
	var ids []string
	for _, asg := range []string{"alice-dba", "alice-dba2", "alice-vault"} {
		ids = append(ids, p.activate("alice", asg, time.Hour))
	}
	out, err := p.b.DecideAll(p.ctx, p.as("bob"), ids[:2], true, "agreed on call")
	p.ok(err)
	p.ok(p.b.Cancel(p.ctx, p.as("alice"), ids[1]))
	out, err = p.touch("bob", out)
	p.ok(err)
	p.tick()
	res := p.results(out.ResultsID)
	if res.Items[0].Refused != "" || res.Items[0].PrincipalID != "alice" || res.Items[1].Refused == "" {
		t.Errorf("results: %+v", res.Items)
	}
	for i, want := range []pim.ActivationState{pim.ActiveConfirmed, pim.Canceled, pim.PendingApproval} {
		if a := p.activation(ids[i]); a.State != want {
			t.Errorf("request %d is %s, want %s", i, a.State, want)
		}
	}
	_, err = p.b.DecideAll(p.ctx, p.as("bob"), []string{ids[0], ids[2]}, true, "again")
	wantRefusal(t, err, pim.KindConflict, "")
	_, err = p.b.DecideAll(p.ctx, p.as("carol"), []string{ids[2]}, true, "not asked")
	wantRefusal(t, err, pim.KindNotFound, "")
	p.verify()
}

// K-03: a set is kept under a name of its owner, replaced by the same name, and nobody else's to see.
func TestSavedSets(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.ok(p.b.SaveSet(p.ctx, p.as("alice"), "Monday on call", asking("alice-dba", "alice-dba2")))
	p.ok(p.b.SaveSet(p.ctx, p.as("alice"), "Monday on call", asking("alice-vault")))
	sets := func(who string) []pim.Set {
		v, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) ([]pim.Set, error) { return r.Sets(who) })
		p.ok(err)
		return v
	}
	kept := sets("alice")
	if len(kept) != 1 || len(kept[0].Items) != 1 || kept[0].Items[0].RoleID != "vault" || kept[0].Items[0].Duration != time.Hour {
		t.Fatalf("kept: %+v", kept)
	}
	for name, field := range map[string]string{"": "name", "\u3164": "name", "a\nb": "name", string(make([]byte, 61)): "name"} {
		wantRefusal(t, p.b.SaveSet(p.ctx, p.as("alice"), name, asking("alice-dba")), pim.KindInvalid, field)
	}
	wantRefusal(t, p.b.SaveSet(p.ctx, p.as("alice"), "none", nil), pim.KindInvalid, "pick")
	wantRefusal(t, p.b.SaveSet(p.ctx, p.as("bob"), "hers", asking("alice-dba")), pim.KindNotFound, "")
	wantRefusal(t, p.b.DeleteSet(p.ctx, p.as("bob"), kept[0].ID), pim.KindNotFound, "")
	p.ok(p.b.DeleteSet(p.ctx, p.as("alice"), kept[0].ID))
	if left := sets("alice"); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}
