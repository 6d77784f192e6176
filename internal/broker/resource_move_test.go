package broker_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

func (d *desk) owner(who, resource string) {
	d.Helper()
	d.do(func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: who + "-owner-" + resource, PrincipalID: who, RoleID: pim.RoleOwner, ResourceID: resource, Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile})
	})
}

// K-33, T21: an owner does not give themselves, by a move, a privileged role they may not hand out.
func TestAnOwnerGivesThemselvesNothingByAMove(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.do(func(tx *store.Tx) error {
		return errors.Join(
			insertGroup(tx, "mine", "org", "Mine"),
			insertGroup(tx, "sandbox", "mine", "Sandbox"),
			insertGroup(tx, "payroll", "mine", "Payroll"),
			tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: "sandbox", Name: "cn=sandbox"}),
			tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: "payroll", Name: "cn=dba"}))
	})
	d.tick()
	d.owner("bob", "mine")
	d.eligible("bob", "dba", "sandbox") // an administrator let bob be DBA of the sandbox alone
	_, err := d.b.Assign(d.ctx, d.as("bob"), broker.AssignRequest{Principals: []string{"bob"}, Places: []broker.Place{{RoleID: "dba", ResourceID: "payroll"}}, AssignmentTerms: pim.AssignmentTerms{Kind: pim.Eligible, End: d.clock.Now().Add(24 * time.Hour)}}, "")
	wantRefusal(t, err, pim.KindForbidden, "")
	out, err := d.b.MoveResource(d.ctx, d.as("bob"), "payroll", "sandbox", 0)
	if err = d.confirmed("bob", out, err); err == nil {
		_, act := d.b.RequestActivation(d.ctx, d.as("bob"), pim.ActivationRequest{AssignmentID: "bob-dba", ResourceID: "payroll", Duration: 10 * time.Minute, Justification: "fix the index"})
		t.Errorf("bob moved Payroll below Sandbox, and asking for DBA there gives %v", act)
	}
	wantRefusal(t, err, pim.KindForbidden, "")
}

// K-33: an owner of two places does not carry a node to where the list lets them hand out more.
func TestAnOwnerHandsOutNoMoreAfterAMove(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.do(func(tx *store.Tx) error {
		return errors.Join(
			insertGroup(tx, "a", "org", "A"),
			insertGroup(tx, "b", "org", "B"),
			insertGroup(tx, "payroll", "a", "Payroll"),
			tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: "payroll", Name: "cn=dba"}),
			tx.SaveHandOut(pim.HandOut{ResourceID: "b", Roles: []string{"dba"}}))
	})
	d.tick()
	d.owner("bob", "a")
	d.owner("bob", "b")
	out, err := d.b.MoveResource(d.ctx, d.as("bob"), "payroll", "b", 0)
	err = d.confirmed("bob", out, err)
	if err == nil {
		out, as := d.b.Assign(d.ctx, d.as("bob"), broker.AssignRequest{Principals: []string{"alice"}, Places: []broker.Place{{RoleID: "dba", ResourceID: "payroll"}}, AssignmentTerms: pim.AssignmentTerms{Kind: pim.Eligible, End: d.clock.Now().Add(24 * time.Hour)}}, "")
		t.Errorf("bob hands out DBA of Payroll: %v", d.confirmed("bob", out, as))
	}
	wantRefusal(t, err, pim.KindForbidden, "")
}

// T21, T23: a move that takes a resource out of what is enforced loosens the rules there.
func TestAMoveThatLoosensIsLoudAndLocks(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.do(func(tx *store.Tx) error {
		return errors.Join(
			insertGroup(tx, "strict", "org", "Strict"),
			insertGroup(tx, "lax", "org", "Lax"),
			tx.InsertResource(pim.Resource{ID: "db", ParentID: "strict", Kind: "database", Name: "db", Source: pim.SourceFile}),
			tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: "db", Name: "cn=dba"}),
			tx.SaveSettings(pim.RoleSettings{RoleID: "dba", ResourceID: "strict", Approval: ptr(true), Approvers: []string{"bob"}, Enforced: []pim.Field{pim.FieldApproval, pim.FieldApprovers}, Source: pim.SourceFile}))
	})
	d.tick()
	d.eligible("carol", "dba", "db")
	looks, err := store.Read(d.ctx, d.b.Store(), func(r *store.Reader) (p broker.MovePreview, err error) {
		carol, err := r.Principal("carol")
		if err != nil {
			return p, err
		}
		return d.b.PreviewMove(r, carol, "db", "lax")
	})
	if err != nil || !looks.Looser || !slices.ContainsFunc(looks.Says, func(s string) bool {
		return strings.HasPrefix(s, "Approval: ") && strings.HasSuffix(s, "(less strict)")
	}) {
		t.Errorf("%+v %v", looks, err)
	}
	d.owner("bob", "strict")
	d.owner("bob", "lax")
	_, err = d.b.MoveResource(d.ctx, d.as("bob"), "db", "lax", 0)
	wantRefusal(t, err, pim.KindForbidden, "") // an owner does not set the rules of a privileged role here
	out, err := d.b.MoveResource(d.ctx, d.as("carol"), "db", "lax", 0)
	d.ok(d.confirmed("carol", out, err))
	if n := len(d.events(pim.EvSettingsLoosened)); n != 1 {
		t.Errorf("%d loud events", n)
	}
	wantRefusal(t, d.request("carol", "carol-dba"), pim.KindForbidden, "")
}

// EC-15 after a move: a node that asks for approval and inherits the approvers is not moved to where nobody is named.
func TestAMoveLeavesSomebodyToApprove(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.do(func(tx *store.Tx) error {
		return errors.Join(
			insertGroup(tx, "a", "org", "A"),
			insertGroup(tx, "b", "org", "B"),
			tx.InsertResource(pim.Resource{ID: "db", ParentID: "a", Kind: "database", Name: "db", Source: pim.SourceFile}),
			tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: "db", Name: "cn=dba"}),
			tx.SaveSettings(pim.RoleSettings{RoleID: "dba", ResourceID: "a", Approvers: []string{"bob"}, Source: pim.SourceFile}),
			tx.SaveSettings(pim.RoleSettings{RoleID: "dba", ResourceID: "db", Approval: ptr(true), Source: pim.SourceFile}))
	})
	out, err := d.b.MoveResource(d.ctx, d.as("carol"), "db", "b", 0)
	wantRefusal(t, d.confirmed("carol", out, err), pim.KindConflict, "")
}
