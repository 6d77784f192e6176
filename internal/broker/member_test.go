package broker_test

import (
	"errors"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// confirmed confirms an operation with the passkey where one is asked for.
func (d *desk) confirmed(who string, out broker.Outcome, err error) error {
	d.Helper()
	if err == nil && out.CeremonyID != "" {
		_, err = d.touch(who, out)
	}
	return err
}

func (d *desk) group(id string, members ...string) {
	d.Helper()
	d.do(func(tx *store.Tx) error {
		errs := []error{tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Group, Name: id, Enabled: true, Source: pim.SourceBrowser})}
		for _, m := range members {
			errs = append(errs, tx.AddMember(pim.Membership{GroupID: id, MemberID: m, Source: pim.SourceBrowser}))
		}
		return errors.Join(errs...)
	})
}

// T10, T21: nobody gives a privileged role to themselves by joining a group that has it.
func TestNobodyJoinsAGroupThatHasAPrivilegedRole(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("ops")
	d.eligible("ops", "dba", "org")
	out, err := d.b.AddMembers(d.ctx, d.as("carol"), "ops", []string{"carol"})
	wantRefusal(t, d.confirmed("carol", out, err), pim.KindForbidden, "")
}

// the same by a group around: ops contains inner; carol joins inner, or puts inner, in which she is, into ops.
func TestNobodyNestsTheirGroupInOneThatHasAPrivilegedRole(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("inner", "carol")
	d.group("ops")
	d.eligible("ops", "dba", "org")
	out, err := d.b.AddMembers(d.ctx, d.as("carol"), "ops", []string{"inner"})
	wantRefusal(t, d.confirmed("carol", out, err), pim.KindForbidden, "")
}

// T21: whoever brings somebody into a group of approvers of a privileged role loosens it.
func TestApproversBroughtInByTheirGroupLoosen(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("approvers", "bob")
	d.do(func(tx *store.Tx) error {
		row, err := tx.SettingsAt("vault", "")
		row.Approvers = []string{"approvers"}
		return errors.Join(err, tx.SaveSettings(row))
	})
	d.eligible("carol", "vault", "org")
	out, err := d.b.AddMembers(d.ctx, d.as("carol"), "approvers", []string{"erin"})
	d.ok(d.confirmed("carol", out, err))
	wantRefusal(t, d.request("carol", "carol-vault"), pim.KindForbidden, "")
}

// A-17, EC-16: the last able approver of the only administrators does not leave their group.
func TestTheLastAbleApproverStaysInTheirGroup(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("approvers", "bob", "erin") // erin has no passkey
	d.do(func(tx *store.Tx) error {
		row, err := tx.SettingsAt(pim.RoleAdministrator, "")
		row.Approval, row.Approvers = ptr(true), []string{"approvers"}
		errs := []error{err, tx.SaveSettings(row)}
		for _, id := range []string{"carol", "dan"} {
			errs = append(errs, tx.InsertAssignment(pim.Assignment{ID: id + "-pra-eligible", PrincipalID: id, RoleID: pim.RoleAdministrator, ResourceID: pim.StintResource, Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}))
			a, err := tx.Assignment(id + "-admin") // active for an hour more alone
			a.EndsAt = tx.Now.Add(time.Hour)
			errs = append(errs, err, tx.UpdateAssignment(a))
		}
		a, err := tx.Assignment("dan-admin")
		return errors.Join(append(errs, err, tx.EndAssignment(a, false))...)
	})
	d.do(func(tx *store.Tx) error { // carol's standing assignment is over too: she holds it by an activation
		a, err := tx.Assignment("carol-admin")
		return errors.Join(err, tx.EndAssignment(a, false))
	})
	out, err := d.b.RequestActivation(d.ctx, d.as("carol"), pim.ActivationRequest{AssignmentID: "carol-pra-eligible", Duration: 30 * time.Minute, Justification: "administer"})
	d.ok(err)
	out, err = d.touch("carol", out)
	d.ok(err)
	dec, err := d.b.Decide(d.ctx, d.as("bob"), out.ActivationID, true, "go on")
	d.ok(err)
	_, err = d.touch("bob", dec)
	d.ok(err)
	d.tick()
	out, err = d.b.RemoveMember(d.ctx, d.as("carol"), "approvers", "bob")
	wantRefusal(t, d.confirmed("carol", out, err), pim.KindConflict, "")
}
