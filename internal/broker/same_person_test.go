package broker_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stinttest/passkey"
	"stint/internal/store"
)

const officeFile = `version: 1
targets:
  - {id: dir, kind: ward, name: Directory, secret: {env: WARD}, may_write: ["*"]}
  - {id: two, kind: ward, name: Second, secret: {env: WARD}, may_write: ["*"]}
resources:
  - {id: org, kind: organisation, name: Northwind, target: dir}
  - {id: org2, kind: organisation, name: Other, target: two}
roles:
  - id: dba
    name: DBA
    privileged: false
    means: [{resource: org, entitlement: "cn=dba"}]
  - id: vault
    name: Vault
    privileged: false
    means: [{resource: org, entitlement: "cn=vault"}]
    settings: [{approval: required, approvers: [person/bob]}]
  - id: plain
    name: Plain
    privileged: false
    means: [{resource: org2, entitlement: "cn=plain"}]
people:
  - {id: alice, name: Alice}
  - {id: alias, name: Alias}
  - {id: bob, name: Bob}
accounts:
  - {person: alice, target: dir, account: alice}
  - {person: alias, target: dir, account: alias}
  - {person: bob, target: dir, account: bob}
  - {person: bob, target: two, account: shared}
#ACC
assignments:
  - {principal: person/alice, role: dba, resource: org, kind: eligible}
  - {principal: person/alias, role: dba, resource: org, kind: eligible}
  - {principal: person/alias, role: vault, resource: org, kind: eligible}
`

// P-11: disabling ends what one of two principals on one account holds and waits for.
func TestDisablingEndsWhatASharerHolds(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	text := strings.Replace(officeFile, "person/bob]", "person/alice]", 1)
	o.apply(text)
	o.tick()
	alias := o.who("person/alias")
	o.enrol(alias)
	var dba, vault string
	for _, a := range o.assignments("person/alias", pim.Eligible) {
		role := read(o, func(r *store.Reader) (pim.RoleDefinition, error) { return r.Role(a.RoleID) })
		if role.Key == "dba" {
			dba = a.ID
		} else {
			vault = a.ID
		}
	}
	held := o.activate(alias, dba, 30*time.Minute)
	waiting := o.activate(alias, vault, 30*time.Minute)
	o.tick()
	with := strings.Replace(text, "#ACC", "  - {person: alias, target: two, account: shared}", 1)
	o.apply(with)
	o.tick()
	off := strings.Replace(with, "{id: alias, name: Alias}", "{id: alias, name: Alias, enabled: false}", 1)
	o.apply(off)
	o.tick()
	if a := o.activation(held); a.State.Holds() {
		t.Errorf("disabled, but the activation is still %s and the target says member=%v", a.State, o.held("alias", "cn=dba"))
	}
	if a := o.activation(waiting); a.State == pim.PendingApproval {
		t.Errorf("disabled, but the request still waits")
	}
}

// Invariant 6, T19: while granting is paused a grant that waits is not given.
func TestPauseHoldsBackGrants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("alice")
	w.tick()
	id := w.activate("alice", "alice-dba", 30*time.Minute)
	w.b.EnterSafeMode("the database was rolled back")
	w.tick()
	if a := w.activation(id); w.member("alice") {
		t.Errorf("safe mode, and yet granted: %s member=%v", a.State, w.member("alice"))
	}
}

// hanging is a target that answers nothing about the account "shared" until it is given up on.
type hanging struct{ *ward }

func (h hanging) FindAccount(ctx context.Context, name string) (connector.AccountID, string, error) {
	if name == "shared" {
		h.ward.asked.Do(func() { close(h.ward.hung) })
		<-ctx.Done()
		return "", "", connector.Errorf(connector.Transient, "no answer within the deadline")
	}
	return h.ward.FindAccount(ctx, name)
}
func (h hanging) Browse(context.Context, string) iter.Seq2[connector.Entry, error] { return nil }

// F7: a name that cannot be looked up at a hanging target delays no revoke elsewhere.
func TestHangingNameDelaysNoOtherTarget(t *testing.T) {
	t.Parallel()
	w := newWorldOn(t, false, nil, nil)
	w.ok(w.b.Resolve(w.ctx))
	w.enrol("alice")
	w.tick()
	id := w.activate("alice", "alice-dba", time.Minute)
	w.tick()
	w.ok(store.Do(w.ctx, w.b.Store(), func(tx *store.Tx) error {
		if err := tx.InsertTarget(store.TargetRow{Target: pim.Target{ID: "two", Kind: "ward", Name: "Second", Source: pim.SourceFile}}); err != nil {
			return err
		}
		return tx.InsertAccount(pim.Account{ID: "x", PrincipalID: "bob", TargetID: "two", Name: "shared", Source: pim.SourceFile})
	}))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.b.Run(ctx); close(done) }()
	<-w.ward.hung
	w.ok(w.b.Deactivate(w.ctx, w.as("alice"), id))
	w.until(func() bool { return !w.member("alice") }) // the look-up still hangs
	stop()
	<-done
}

// DESIGN §3: whoever may administer hears of a link and of its use.
func TestAdminLinkIsLoud(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ok(store.Do(w.ctx, w.b.Store(), func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: "adm", PrincipalID: "bob", RoleID: pim.RoleAdministrator, ResourceID: pim.StintResource, Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile})
	}))
	secret, err := w.b.AdminLink(w.ctx)
	w.ok(err)
	_, err = w.b.UseAdminLink(w.ctx, w.as("alice"), secret)
	w.ok(err)
	n, err := store.Read(w.ctx, w.b.Store(), func(r *store.Reader) ([]store.Notice, error) { return r.Notices("bob", store.Keyset{}, 50) })
	w.ok(err)
	if len(n) == 0 {
		t.Errorf("alice became an administrator by a host link, and bob, the administrator, has no notice")
	}
}

// T2: what was allowed as a first passkey is not finished as a second one.
func TestOneFirstPasskey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, err := w.b.BeginCredential(w.ctx, w.as("alice"), "one", broker.Enrolment{Claim: true})
	w.ok(err)
	other := broker.Actor{PrincipalID: "alice", SessionID: "thief"}
	second, err := w.b.BeginCredential(w.ctx, other, "thief", broker.Enrolment{Claim: true})
	w.ok(err)
	_ = first
	w.enrol("alice")
	v, err := w.b.StepUp(w.ctx, other, second.CeremonyID)
	w.ok(err)
	key := newKey()
	resp, err := key.Create(v.Options)
	w.ok(err)
	if _, err = w.b.FinishStepUp(w.ctx, other, second.CeremonyID, resp); err == nil {
		t.Errorf("a second passkey was made without the existing one")
	}
}

// T10: one human through a chain of shared accounts does not approve for themselves.
func TestNoSelfApprovalThroughSharedAccounts(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	text := strings.Replace(officeFile, "person/bob]", "person/bob, person/alice]", 1)
	o.apply(strings.Replace(text, "#ACC", "  - {person: alice, target: two, account: shared}", 1)) // alice = bob by "two"
	o.tick()
	// now alias = alice by the directory: alice's login there becomes alias's
	o.apply(strings.Replace(strings.Replace(text, "#ACC", "  - {person: alice, target: two, account: shared}", 1), "{person: alice, target: dir, account: alice}", "{person: alice, target: dir, account: alias}", 1))
	o.tick()
	for _, n := range []string{"alice", "alias", "bob"} {
		p := read(o, func(r *store.Reader) (pim.Principal, error) { return r.Principal(o.who("person/" + n)) })
		t.Logf("%s id=%s person=%s", n, p.ID[:6], p.PersonID[:6])
	}
	alias := o.who("person/alias")
	o.enrol(alias)
	for _, a := range o.assignments("person/alias", pim.Eligible) {
		role := read(o, func(r *store.Reader) (pim.RoleDefinition, error) { return r.Role(a.RoleID) })
		if role.Key != "vault" {
			continue
		}
		out, err := o.b.RequestActivation(o.ctx, o.as(alias), pim.ActivationRequest{AssignmentID: a.ID, Duration: 30 * time.Minute, Justification: "why"})
		if err != nil {
			t.Logf("held: %v", err)
			return
		}
		out, err = o.touch(alias, out)
		o.ok(err)
		bob := o.who("person/bob")
		o.enrol(bob)
		d, err := o.b.Decide(o.ctx, o.as(bob), out.ActivationID, true, "I know me")
		if err == nil {
			_, err = o.touch(bob, d)
			t.Errorf("bob = alice = alias decides for alias: %v, %s", err, o.activation(out.ActivationID).State)
		} else {
			t.Logf("held: %v", err)
		}
	}
}

// T28: a target's own words are for those who watch it, not for the holder.
func TestTargetsWordsStayWithTheGrant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("alice")
	w.tick()
	id := w.activate("alice", "alice-dba", 30*time.Minute)
	w.b2(t, connector.Errorf(connector.Gone, "cn=svc-stint,ou=secret,dc=corp at ldaps://10.1.2.3:636 says no such object"))
	w.tick()
	a := w.activation(id)
	if strings.Contains(a.EndReason, "10.1.2.3") {
		t.Errorf("the target's words are the end's reason, which the holder and approvers read: %q", a.EndReason)
	}
}

// T10, invariant 5: who was one person with the requester when they asked does not become their approver
// because the file takes the two apart afterwards; revoking is for everybody who may.
func TestUnlinkedAfterTheRequest(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	text := strings.Replace(officeFile, "person/bob]", "person/bob, person/alice]", 1)
	o.apply(strings.Replace(text, "#ACC", "  - {person: alias, target: two, account: shared}", 1)) // alias = bob
	o.tick()
	alias, bob, alice := o.who("person/alias"), o.who("person/bob"), o.who("person/alice")
	for _, id := range []string{alias, bob, alice} {
		o.enrol(id)
	}
	for _, a := range o.assignments("person/alias", pim.Eligible) {
		if role := read(o, func(r *store.Reader) (pim.RoleDefinition, error) { return r.Role(a.RoleID) }); role.Key != "vault" {
			continue
		}
		id := o.activate(alias, a.ID, 30*time.Minute)
		o.apply(text) // taken apart while the request waits
		o.tick()
		var refusal *pim.Refusal
		if _, err := o.b.Decide(o.ctx, o.as(bob), id, true, "I know me"); !errors.As(err, &refusal) || refusal.Kind != pim.KindForbidden {
			t.Errorf("bob asked as alias and may decide: %v", err)
		}
		queue := read(o, func(r *store.Reader) ([]pim.Activation, error) { return broker.QueueOf(r, bob, store.Keyset{}, 10) })
		if len(queue) > 0 {
			t.Error("bob's queue offers the request that was his own")
		}
		out, err := o.b.Decide(o.ctx, o.as(alice), id, true, "Another person")
		o.ok(err)
		_, err = o.touch(alice, out)
		o.ok(err)
		if got := o.activation(id).State; got != pim.Provisioning {
			t.Errorf("approved by somebody else, and %s", got)
		}
		return
	}
	t.Fatal("alias is not eligible for vault")
}

func newKey() *passkey.Passkey { return passkey.New("http://localhost:8080", "localhost") }

func (w *world) b2(t *testing.T, err error) { w.ward.fail = err }

// Two people taken for one by a wrong account are two again when the file is mended.
func TestMendedAccountSeparatesPeople(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.apply(officeFile)
	o.tick()
	slip := strings.Replace(officeFile, "{person: alias, target: dir, account: alias}", "{person: alias, target: dir, account: alice}", 1)
	o.apply(slip)
	o.tick()
	o.apply(officeFile)
	o.tick()
	alice, alias := o.who("person/alice"), o.who("person/alias")
	p := read(o, func(r *store.Reader) (pim.Principal, error) { return r.Principal(alice) })
	q := read(o, func(r *store.Reader) (pim.Principal, error) { return r.Principal(alias) })
	if p.PersonID == q.PersonID {
		t.Errorf("the slip is mended, and they are still one person")
	}
	o.enrol(alice)
	var dba string
	for _, a := range o.assignments("person/alice", pim.Eligible) {
		dba = a.ID
	}
	id := o.activate(alice, dba, 30*time.Minute)
	o.tick()
	if err := o.b.Deactivate(o.ctx, o.as(alias), id); err == nil {
		t.Errorf("alias takes alice's role away: %s", o.activation(id).State)
	}
}
