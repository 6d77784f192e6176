package broker_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// S-10 to S-16: each field of the activation tab, once it is saved, is what the next request is held against.
func TestSettingsRuleActivations(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.do(func(tx *store.Tx) error {
		return tx.SaveMeaning(pim.Meaning{RoleID: "viewer", ResourceID: "org", Name: "cn=viewer"})
	})
	d.eligible("alice", "viewer", "org")
	d.tick()
	d.saved("carol", pim.RoleSettings{RoleID: "viewer", ResourceID: "org", MaxDuration: ptr(2 * time.Hour), StepUp: ptr(pim.StepUpNone), Ticket: ptr(true),
		Approval: ptr(true), Approvers: []string{"bob", "carol"}, ApprovalTimeout: ptr(30 * time.Minute)})
	good := pim.ActivationRequest{AssignmentID: "alice-viewer", Duration: 2 * time.Hour, Justification: "read the ledger", TicketNumber: "CHG-7"}
	ask := func(change func(*pim.ActivationRequest)) (broker.Outcome, error) {
		q := good
		change(&q)
		return d.b.RequestActivation(d.ctx, d.as("alice"), q)
	}
	for name, c := range map[string]struct {
		change func(*pim.ActivationRequest)
		field  string
	}{
		"S-10 longer":            {func(q *pim.ActivationRequest) { q.Duration += time.Second }, "duration"},
		"S-12 without a reason":  {func(q *pim.ActivationRequest) { q.Justification = "" }, "justification"},
		"S-13 without a ticket":  {func(q *pim.ActivationRequest) { q.TicketNumber, q.TicketSystem = "", "Jira" }, "ticket_number"},
		"S-13 a ticket of space": {func(q *pim.ActivationRequest) { q.TicketNumber = " " }, "ticket_number"},
	} {
		_, err := ask(c.change)
		var r *pim.Refusal
		if !errors.As(err, &r) || r.Kind != pim.KindInvalid || r.Field != c.field {
			t.Errorf("%s: %v, want a refusal of %s", name, err, c.field)
		}
	}
	out, err := ask(func(*pim.ActivationRequest) {})
	d.ok(err)
	if out.CeremonyID != "" { // S-11: none
		t.Fatal("a passkey is asked for although the settings say none")
	}
	if a := d.activation(out.ActivationID); a.State != pim.PendingApproval { // S-14
		t.Errorf("without approval it is %s", a.State)
	}
	if _, err := d.b.Decide(d.ctx, d.as("dan"), out.ActivationID, true, "not mine to decide"); err == nil { // S-15
		t.Error("somebody who is no approver decided")
	}
	_, err = d.b.Decide(d.ctx, d.as("bob"), out.ActivationID, true, " ") // S-16: an approver gives a reason
	wantRefusal(t, err, pim.KindInvalid, "justification")
	d.clock.add(30*time.Minute - time.Second)
	d.tick()
	if a := d.activation(out.ActivationID); a.State != pim.PendingApproval {
		t.Errorf("before the time to approve is over it is %s", a.State)
	}
	d.clock.add(time.Second)
	d.tick()
	if a := d.activation(out.ActivationID); a.State != pim.TimedOut { // S-16
		t.Errorf("after the time to approve it is %s", a.State)
	}

	row := d.row("viewer", "org")
	row.StepUp, row.Ticket, row.Approval, row.Justification = nil, nil, ptr(false), ptr(false)
	d.saved("carol", row)
	out, err = ask(func(q *pim.ActivationRequest) { q.Justification, q.TicketNumber = "", "" })
	d.ok(err)
	if out.CeremonyID == "" { // S-11: a passkey, as everywhere
		t.Error("no passkey is asked for although the settings want one")
	}
	out, err = d.touch("alice", out)
	d.ok(err)
	if a := d.activation(out.ActivationID); !a.State.Holds() {
		t.Errorf("without approval, reason and ticket it is %s", a.State)
	}
}

// S-20 to S-25, A-08: each field of the assignment tab, once it is saved, is what the next assignment is held against, and
// of a kind only its own.
func TestSettingsRuleAssignments(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	try := func(kind pim.AssignmentKind, length time.Duration, reason string) (broker.Outcome, error) {
		terms := pim.AssignmentTerms{Kind: kind, Permanent: length == 0}
		if length > 0 {
			terms.End = d.clock.Now().Add(length)
		}
		return d.b.Assign(d.ctx, d.as("carol"), broker.AssignRequest{Principals: []string{"erin"}, Places: []broker.Place{{RoleID: "viewer", ResourceID: "prod"}},
			AssignmentTerms: terms, Justification: reason}, "")
	}
	end := func(id string) {
		d.Helper()
		d.do(func(tx *store.Tx) error {
			a, err := tx.Assignment(id)
			return errors.Join(err, tx.EndAssignment(a, false))
		})
	}
	refused := func(name string, err error, field string) {
		d.Helper()
		var r *pim.Refusal
		if !errors.As(err, &r) || r.Kind != pim.KindInvalid || r.Field != field {
			t.Errorf("%s: %v, want a refusal of %s", name, err, field)
		}
	}
	made := func(name string, out broker.Outcome, err error, touch bool) {
		d.Helper()
		d.ok(err)
		if got := out.CeremonyID != ""; got != touch {
			t.Errorf("%s: asks for a passkey: %v", name, got)
		}
		if out.CeremonyID != "" {
			out, err = d.touch("carol", out)
			d.ok(err)
		}
		end(out.AssignmentID)
	}

	for _, kind := range []pim.AssignmentKind{pim.Eligible, pim.Active} { // as they come: both without an end
		out, err := try(kind, 0, "needs it")
		made("default "+string(kind), out, err, false)
	}
	_, err := try(pim.Active, time.Hour, "")
	refused("S-25 by default", err, "justification")
	out, err := try(pim.Eligible, time.Hour, "")
	made("S-25 is not for eligible ones", out, err, false)

	d.saved("carol", pim.RoleSettings{RoleID: "viewer", ResourceID: "org", PermanentEligible: ptr(false), EligibleMax: ptr(30 * 24 * time.Hour),
		ActiveMax: ptr(48 * time.Hour), AssignStepUp: ptr(true), AssignJustification: ptr(false)})
	_, err = try(pim.Eligible, 0, "needs it")
	refused("S-20", err, "end")
	_, err = try(pim.Eligible, 30*24*time.Hour+time.Second, "needs it")
	refused("S-21", err, "end")
	out, err = try(pim.Eligible, 30*24*time.Hour, "")
	made("S-21 exactly, S-24 is not for eligible ones", out, err, false)
	_, err = try(pim.Active, 48*time.Hour+time.Second, "needs it")
	refused("S-23", err, "end")
	out, err = try(pim.Active, 48*time.Hour, "")
	made("S-23 exactly, S-24, S-25 off", out, err, true)
	out, err = try(pim.Active, 0, "")
	made("S-22 still without an end", out, err, true)
	row := d.row("viewer", "org")
	row.PermanentActive = ptr(false)
	d.saved("carol", row)
	_, err = try(pim.Active, 0, "")
	refused("S-22", err, "end")
	if e := d.events(pim.EvAssignmentRefused); len(e) != 5 || !slices.ContainsFunc(e, func(e store.EntryRow) bool { return e.Actor == "carol" }) {
		t.Errorf("%d refusals in the log, want 5", len(e))
	}
}
