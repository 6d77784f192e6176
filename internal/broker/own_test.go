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

// carries makes somebody's last sign-in have shown values of the groups claim.
func (d *desk) carries(who string, values ...string) {
	d.Helper()
	d.do(func(tx *store.Tx) error { return tx.Carries(who, values) })
}

func (d *desk) feeds(group, claim string) {
	d.Helper()
	d.do(func(tx *store.Tx) error {
		g, err := tx.Principal(group)
		g.MatchValue = claim
		return errors.Join(err, tx.UpdatePrincipal(g))
	})
}

// claim sets what feeds a group, with the touch where one is asked for.
func (d *desk) claim(who, group, claim string) error {
	d.Helper()
	g, err := store.Read(d.ctx, d.b.Store(), func(r *store.Reader) (pim.Principal, error) { return r.Principal(group) })
	d.ok(err)
	out, err := d.b.SaveGroup(d.ctx, d.as(who), group, g.Version, broker.GroupForm{Name: g.Name, Claim: claim})
	return d.confirmed(who, out, err)
}

func (d *desk) alone(who string) { // nobody else is able to administer
	d.Helper()
	d.do(func(tx *store.Tx) error {
		a, err := tx.Assignment(who + "-admin")
		return errors.Join(err, tx.EndAssignment(a, false))
	})
}

func said(texts []string, parts ...string) bool {
	return slices.ContainsFunc(texts, func(s string) bool {
		return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(s, p) })
	})
}

// T10, T21: nobody feeds a group that has a privileged role by a value that their own sign-in shows, nor one nested in it.
func TestNobodyLetsThemselvesInByAClaim(t *testing.T) {
	t.Parallel()
	for _, group := range []string{"ops", "inner"} {
		d := newDesk(t)
		d.group("inner")
		d.group("ops", "inner")
		d.eligible("ops", "dba", "org")
		d.carries("carol", "staff", "night-shift")
		wantRefusal(t, d.claim("carol", group, "night-shift"), pim.KindForbidden, "")
		if len(d.events(pim.EvPrincipalSaved)) != 0 {
			t.Error("something was saved")
		}
	}
}

// the same by another account of theirs.
func TestNobodyLetsAnAccountOfTheirsInByAClaim(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("ops")
	d.eligible("ops", "dba", "org")
	d.do(func(tx *store.Tx) error {
		return tx.InsertPrincipal(pim.Principal{ID: "carol2", Kind: pim.Person, Name: "carol2", PersonID: "carol", Enabled: true, Source: pim.SourceSignIn})
	})
	d.carries("carol2", "night-shift")
	wantRefusal(t, d.claim("carol", "ops", "night-shift"), pim.KindForbidden, "")
}

// T21: who comes in by a claim is not known, so that whoever said it is kept out for a day, and everybody is told.
func TestTheClaimOfAGroupWithAPrivilegedRoleIsLoud(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("ops")
	d.eligible("ops", "dba", "org")
	d.ok(d.claim("carol", "ops", "night-shift"))
	if !said(d.noticesOf("dan"), "carol", "claim", "DBA") {
		t.Errorf("the other administrator was told %q", d.noticesOf("dan"))
	}
	if len(d.events(pim.EvSettingsLoosened)) != 1 {
		t.Error("no event says so")
	}
	d.do(func(tx *store.Tx) error { // the provider lets carol in afterwards
		return tx.AddMember(pim.Membership{GroupID: "ops", MemberID: "carol", Source: pim.SourceSignIn, FreshUntil: tx.Now.Add(48 * time.Hour)})
	})
	wantRefusal(t, d.request("carol", "ops-dba"), pim.KindForbidden, "")
	d.clock.add(25 * time.Hour)
	d.tick()
	d.ok(d.request("carol", "ops-dba"))
}

// whoever has the role already in another way gains nothing, and is not kept out of it.
func TestTheClaimOfAGroupWhoseRoleTheyHave(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("ops")
	d.eligible("ops", "dba", "org")
	d.eligible("carol", "dba", "org")
	d.carries("carol", "night-shift")
	d.ok(d.claim("carol", "ops", "night-shift"))
	d.ok(d.request("carol", "carol-dba"))
}

// where nobody else is able it is done, and loud.
func TestTheOnlyAdministratorLetsThemselvesIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.alone("dan")
	d.group("ops")
	d.eligible("ops", "dba", "org")
	d.carries("carol", "night-shift")
	d.eligible("erin", pim.RoleAdministrator, pim.StintResource) // without a passkey: told, not able
	d.ok(d.claim("carol", "ops", "night-shift"))
	if !said(d.noticesOf("erin"), "let themselves into ops") {
		t.Errorf("told %q", d.noticesOf("erin"))
	}
}

// T21: the claim of a group of approvers brings approvers in.
func TestTheClaimOfApproversLocks(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("approvers", "bob")
	d.do(func(tx *store.Tx) error {
		row, err := tx.SettingsAt("vault", "")
		row.Approvers = []string{"approvers"}
		return errors.Join(err, tx.SaveSettings(row))
	})
	d.eligible("carol", "vault", "org")
	d.ok(d.claim("carol", "approvers", "friends"))
	wantRefusal(t, d.request("carol", "carol-vault"), pim.KindForbidden, "")
}

// T10: a group that their next sign-in puts them into is a group they are in: it gets no privileged role from them, and
// is not nested where one is.
func TestAGroupTheirSignInPutsThemInto(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("night")
	d.feeds("night", "night-shift")
	d.group("ops")
	d.eligible("ops", "dba", "org")
	d.carries("carol", "night-shift")
	out, err := d.b.Assign(d.ctx, d.as("carol"), broker.AssignRequest{Principals: []string{"night"}, Places: []broker.Place{{RoleID: "dba", ResourceID: "prod"}},
		AssignmentTerms: pim.AssignmentTerms{Kind: pim.Eligible, End: d.clock.Now().Add(24 * time.Hour)}, Justification: "for the night"}, "")
	wantRefusal(t, d.confirmed("carol", out, err), pim.KindForbidden, "pick")
	out, err = d.b.AddMembers(d.ctx, d.as("carol"), "ops", []string{"night"})
	wantRefusal(t, d.confirmed("carol", out, err), pim.KindForbidden, "")
}

// mean adds a meaning to a role.
func (d *desk) mean(who, roleID, name string) error {
	d.Helper()
	role, err := store.Read(d.ctx, d.b.Store(), func(r *store.Reader) (pim.RoleDefinition, error) { return r.Role(roleID) })
	d.ok(err)
	means := []broker.RoleMeaning{{ResourceID: "org", Name: "cn=" + roleID}, {ResourceID: "prod", Name: name}}
	if roleID == "viewer" {
		means = means[1:]
	}
	out, err := d.b.SaveRole(d.ctx, d.as(who), broker.RoleDraft{RoleID: roleID, Name: role.Name, Version: role.Version, Privileged: role.Privileged, Means: means}, "")
	return d.confirmed(who, out, err)
}

// T21: what a privileged role means more is not given to themselves by whoever may activate it there.
func TestNobodyWidensTheirOwnPrivilegedRole(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("ops", "carol")
	d.eligible("ops", "dba", "org")
	wantRefusal(t, d.mean("carol", "dba", "cn=vault"), pim.KindForbidden, "")
	d.ok(d.mean("dan", "dba", "cn=vault"))
}

// elsewhere than where they have it they gain nothing.
func TestARoleIsWidenedWhereTheyDoNotHaveIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.do(func(tx *store.Tx) error {
		return tx.InsertResource(pim.Resource{ID: "other", ParentID: "org", Kind: "database", Name: "Other", Source: pim.SourceFile})
	})
	d.eligible("carol", "dba", "other")
	d.ok(d.mean("carol", "dba", "cn=vault"))
}

// T21: an ordinary role they have is widened loudly, and they are kept out of it for a day.
func TestWideningTheirOwnRoleIsLoud(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.eligible("carol", "viewer", "prod")
	d.ok(d.mean("carol", "viewer", "cn=vault"))
	if !said(d.noticesOf("dan"), "carol", "Viewer", "cn=vault") {
		t.Errorf("the other administrator was told %q", d.noticesOf("dan"))
	}
	wantRefusal(t, d.request("carol", "carol-viewer"), pim.KindForbidden, "")
}

// a move by which an administrator gets no more than they have is theirs to make.
func TestAMoveUnderARoleTheyHaveAlready(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.do(func(tx *store.Tx) error {
		return errors.Join(
			insertGroup(tx, "a", "org", "A"),
			insertGroup(tx, "b", "org", "B"),
			insertGroup(tx, "payroll", "a", "Payroll"),
			tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: "payroll", Name: "cn=dba"}))
	})
	for _, at := range []string{"a", "b"} {
		d.do(func(tx *store.Tx) error {
			return tx.InsertAssignment(pim.Assignment{ID: "carol-dba-" + at, PrincipalID: "carol", RoleID: "dba", ResourceID: at, Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile})
		})
	}
	out, err := d.b.MoveResource(d.ctx, d.as("carol"), "payroll", "b", 0)
	d.ok(d.confirmed("carol", out, err))
	d.do(func(tx *store.Tx) error { // now she may activate it for a day alone above, and for good at b
		a, err := tx.Assignment("carol-dba-a")
		a.EndsAt = tx.Now.Add(time.Hour)
		return errors.Join(err, tx.UpdateAssignment(a))
	})
	out, err = d.b.MoveResource(d.ctx, d.as("carol"), "payroll", "a", 0)
	d.ok(d.confirmed("carol", out, err))
	out, err = d.b.MoveResource(d.ctx, d.as("carol"), "payroll", "b", 0)
	wantRefusal(t, d.confirmed("carol", out, err), pim.KindForbidden, "")
}

// T21: whoever adds somebody who approves already loosens nothing.
func TestWhoApprovesAlreadyIsNoNewApprover(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("approvers", "bob")
	d.do(func(tx *store.Tx) error {
		row, err := tx.SettingsAt("vault", "")
		row.Approvers = []string{"approvers", "erin"}
		return errors.Join(err, tx.SaveSettings(row))
	})
	d.eligible("carol", "vault", "org")
	out, err := d.b.AddMembers(d.ctx, d.as("carol"), "approvers", []string{"erin"})
	d.ok(d.confirmed("carol", out, err))
	d.ok(d.request("carol", "carol-vault"))
}
