package broker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// Invariants 3 and 4, A-07, T33: several assignments get another end with one touch. Each is judged alone, also what was
// changed between the form and the touch; of what is not there nothing is told.
func TestSeveralEndsAreJudgedAlone(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	day := 24 * time.Hour
	ends := func(in time.Duration, ids ...string) (broker.Outcome, error) {
		return p.b.ChangeEnds(p.ctx, p.as("carol"), broker.AssignmentEnds{IDs: ids, AssignmentTerms: pim.AssignmentTerms{End: p.clock.Now().Add(in)}, Justification: "end of the project"}, "")
	}
	out, err := ends(30*day, "alice-dba", "alice-dba2", "alice-vault", "nobody")
	out, err = p.confirm("carol", out, err)
	p.ok(err)
	v := p.results(out.ResultsID)
	if len(v.Items) != 4 || v.Items[0].Refused+v.Items[1].Refused+v.Items[2].Refused != "" || v.Items[3].Refused == "" || v.Items[3].RoleID != "" || v.Items[3].AssignmentID != "" {
		t.Errorf("%+v", v.Items)
	}
	for _, id := range []string{"alice-dba", "alice-dba2", "alice-vault"} {
		if a := p.asg(id); !a.EndsAt.Equal(p.clock.Now().Add(30*day)) || a.Justification != "end of the project" {
			t.Errorf("%s: %+v", id, a)
		}
	}

	out, err = ends(60*day, "alice-dba", "alice-dba2", "alice-vault") // a later end of something privileged
	p.ok(err)
	if out.CeremonyID == "" {
		t.Fatal("more is given without a touch")
	}
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error { // while the passkey is looked for
		two, err := tx.Assignment("alice-dba2")
		three, errThree := tx.Assignment("alice-vault")
		two.EndsAt = tx.Now.Add(10 * day)
		return errors.Join(err, errThree, tx.UpdateAssignment(two), tx.EndAssignment(three, false))
	}))
	out, err = p.touch("carol", out)
	p.ok(err)
	v = p.results(out.ResultsID)
	if len(v.Items) != 3 || v.Items[0].Refused != "" || !strings.Contains(v.Items[1].Refused, "changed this") || v.Items[2].Refused == "" {
		t.Errorf("%+v", v.Items)
	}
	if a, b := p.asg("alice-dba"), p.asg("alice-dba2"); !a.EndsAt.Equal(p.clock.Now().Add(60*day)) || !b.EndsAt.Equal(p.clock.Now().Add(10*day)) {
		t.Errorf("%s and %s", a.EndsAt, b.EndsAt)
	}
	_, err = ends(60*day, "alice-vault")
	wantRefusal(t, err, pim.KindConflict, "")
	_, err = p.b.ChangeEnds(p.ctx, p.as("bob"), broker.AssignmentEnds{IDs: []string{"alice-dba"}, AssignmentTerms: pim.AssignmentTerms{End: p.clock.Now().Add(day)}}, "")
	wantRefusal(t, err, pim.KindNotFound, "")
}

// EC-21: where the settings of a role want a ticket, taking an assignment of it away needs one, and the entry has it.
func TestRemovalNeedsATicketWhereARoleWantsOne(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
		return tx.SaveSettings(pim.RoleSettings{RoleID: "dba", Ticket: ptr(true), Source: pim.SourceFile})
	}))
	_, err := p.b.RemoveAssignments(p.ctx, p.as("carol"), broker.AssignmentRemoval{IDs: []string{"alice-dba"}, Reason: "left"}, "")
	wantRefusal(t, err, pim.KindInvalid, "ticket_number")
	out, err := p.b.RemoveAssignments(p.ctx, p.as("carol"), broker.AssignmentRemoval{IDs: []string{"alice-dba", "alice-dba2"}, Reason: "left"}, "")
	out, err = p.confirm("carol", out, err)
	p.ok(err)
	if v := p.results(out.ResultsID); v.Items[0].Refused == "" || v.Items[1].Refused != "" || !p.asg("alice-dba").EndedAt.IsZero() || p.asg("alice-dba2").EndedAt.IsZero() {
		t.Errorf("each alone: %+v", v.Items)
	}
	out, err = p.b.RemoveAssignments(p.ctx, p.as("carol"), broker.AssignmentRemoval{IDs: []string{"alice-dba"}, Reason: "left", TicketNumber: "CHG-9", TicketSystem: "Desk"}, "")
	_, err = p.confirm("carol", out, err)
	p.ok(err)
	if p.asg("alice-dba").EndedAt.IsZero() {
		t.Error("it is not removed")
	}
	for _, e := range p.events(pim.EvAssignmentRemoved) {
		if e.ObjectID != "alice-dba" {
			continue
		}
		if _, kept := e.Texts["ticket_number"]; !kept {
			t.Errorf("the entry does not keep the ticket: %+v", e)
		}
	}
}
