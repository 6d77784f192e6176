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

const nobodyAble = "on nobody would be able to administer Stint"

// until gives an administrator's assignment an end, and returns what the touch restated.
func (d *desk) until(by, assignment string, end time.Time) (says []string) {
	d.Helper()
	a, err := store.Read(d.ctx, d.b.Store(), func(r *store.Reader) (pim.Assignment, error) { return r.Assignment(assignment) })
	d.ok(err)
	out, err := d.b.UpdateAssignment(d.ctx, d.as(by), broker.AssignmentChange{ID: a.ID, Version: a.Version,
		AssignmentTerms: pim.AssignmentTerms{Kind: a.Kind, Start: a.StartsAt, End: end, Permanent: end.IsZero()}, Justification: "handing over"}, "")
	d.ok(err)
	view, err := d.b.StepUp(d.ctx, d.as(by), out.CeremonyID)
	d.ok(err)
	_, err = d.touch(by, out)
	d.ok(err)
	return view.Says
}

// A-17, EC-16: the last able administrator's assignment gets an end: said at the touch, told to every administrator, and an event.
func TestTheLastAdministratorsEndIsSaid(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	end := d.clock.Now().Add(90 * 24 * time.Hour)
	if says := d.until("carol", "dan-admin", end); said(says, nobodyAble) {
		t.Errorf("carol stays able, and the touch said %q", says)
	}
	sooner := end.Add(-24 * time.Hour)
	if says := d.until("dan", "carol-admin", sooner); !said(says, pim.FormatInstant(end), nobodyAble) {
		t.Errorf("the touch said %q", says)
	}
	for _, who := range []string{"carol", "dan"} {
		if !said(d.noticesOf(who), pim.FormatInstant(end), nobodyAble) {
			t.Errorf("%s was told %q", who, d.noticesOf(who))
		}
	}
	if list := d.events(pim.EvAdministrationEnds); len(list) != 1 || !strings.Contains(string(list[0].Leaf), `"until"`) {
		t.Errorf("events: %v", list)
	}
	if until := d.administered(); !until.Equal(end) {
		t.Errorf("until %v, want %v", until, end)
	}
	d.until("dan", "carol-admin", sooner.Add(time.Hour)) // no news: dan's is the last
	if len(d.events(pim.EvAdministrationEnds)) != 1 {
		t.Error("said again")
	}
	d.until("carol", "dan-admin", time.Time{})
	if until := d.administered(); !until.IsZero() {
		t.Errorf("somebody is able without an end, and it says %v", until)
	}
}

func (d *desk) administered() time.Time {
	d.Helper()
	until, err := store.Read(d.ctx, d.b.Store(), broker.AdministeredUntil)
	d.ok(err)
	return until
}

// the same when whoever had no end goes: removed, or disabled.
func TestWhoHadNoEndGoes(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]func(d *desk) (broker.Outcome, error){
		"removed": func(d *desk) (broker.Outcome, error) {
			return d.b.RemoveAssignments(d.ctx, d.as("dan"), broker.AssignmentRemoval{IDs: []string{"carol-admin"}, Reason: "left"}, "")
		},
		"disabled": func(d *desk) (broker.Outcome, error) {
			return d.b.PersonAction(d.ctx, d.as("dan"), pim.ActionDisablePerson, "carol", "")
		},
	} {
		d := newDesk(t)
		d.until("carol", "dan-admin", d.clock.Now().Add(90*24*time.Hour))
		out, err := gone(d)
		d.ok(err)
		view, err := d.b.StepUp(d.ctx, d.as("dan"), out.CeremonyID)
		d.ok(err)
		if !said(view.Says, nobodyAble) {
			t.Errorf("%s: the touch said %q", name, view.Says)
		}
		_, err = d.touch("dan", out)
		d.ok(err)
		if !said(d.noticesOf("dan"), nobodyAble) || len(d.events(pim.EvAdministrationEnds)) != 1 {
			t.Errorf("%s: told %q", name, d.noticesOf("dan"))
		}
	}
}

// of an end ahead that is the last one, every administrator is told as such.
func TestTheLastAdministratorsEndComes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.do(func(tx *store.Tx) error {
		var errs []error
		for _, id := range []string{"carol-admin", "dan-admin"} {
			a, err := tx.Assignment(id)
			a.EndsAt = tx.Now.Add(20 * 24 * time.Hour)
			errs = append(errs, err, tx.UpdateAssignment(a))
		}
		return errors.Join(errs...)
	})
	d.clock.add(6*24*time.Hour + time.Minute)
	d.tick()
	if !said(d.noticesOf("dan"), nobodyAble) {
		t.Errorf("told %q", d.noticesOf("dan"))
	}
}

// T2: every administrator is told of a new passkey of somebody who may activate a privileged role, with when it counts.
func TestANewPasskeyOfSomebodyPrivilegedIsLoud(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("ops", "erin")
	d.enrol("erin")
	if said(d.noticesOf("carol"), "erin added a passkey") {
		t.Error("erin had nothing privileged, and carol was told")
	}
	d.eligible("ops", "dba", "org")
	d.do(func(tx *store.Tx) error {
		return errors.Join(tx.InsertPrincipal(pim.Principal{ID: "frank", Kind: pim.Person, Name: "frank", PersonID: "frank", Enabled: true, Source: pim.SourceFile}),
			tx.AddMember(pim.Membership{GroupID: "ops", MemberID: "frank", Source: pim.SourceBrowser}))
	})
	d.enrol("frank")
	for _, who := range []string{"carol", "dan"} {
		if !said(d.noticesOf(who), "frank added a passkey", pim.FormatInstant(d.clock.Now().Add(pim.Quarantine))) {
			t.Errorf("%s was told %q", who, d.noticesOf(who))
		}
	}
}
