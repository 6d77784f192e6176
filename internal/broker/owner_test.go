package broker_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// owning is a world in which alice may be a member of a group and, by another role, its owner.
func owning(t *testing.T, kind string) (w *stinttest.World, alice *stinttest.Person, group connector.EntitlementID, member, owner string) {
	t.Helper()
	w = stinttest.New(t)
	alice = w.Person("alice")
	alice.SignIn()
	group = w.Role("ops", stinttest.Rules{NoPasskey: true})
	w.Role("ops-owner", stinttest.Rules{NoPasskey: true})
	w.Do(func(tx *store.Tx) error {
		row, err := tx.Target("dir")
		if err != nil {
			return err
		}
		row.Kind = kind
		means := pim.Meaning{RoleID: "ops-owner", ResourceID: stinttest.Production, Name: "ops-owner"}
		if err := tx.RemoveMeaning(means); err != nil {
			return err
		}
		means.Name, means.Relation = "ops", pim.Owner
		if err := tx.SaveMeaning(means); err != nil {
			return err
		}
		return tx.UpdateTarget(row)
	})
	w.Advance(time.Minute) // the meaning is found
	return w, alice, group, w.Eligible("alice", "ops", time.Time{}), w.Eligible("alice", "ops-owner", time.Time{})
}

func wantHolds(t *testing.T, w *stinttest.World, acc connector.AccountID, group connector.EntitlementID, member, owner bool) {
	t.Helper()
	if m, o := w.Target.Holds(acc, group), w.Target.Holds(acc, connector.OwnersOf(group)); m != member || o != owner {
		t.Errorf("member %v, owner %v; want %v, %v", m, o, member, owner)
	}
}

// a group's owner is a role of its own. Whoever is both keeps the one when the other ends, and somebody made an owner
// by hand is seen beside Stint.
func TestOwnerIsAnotherRole(t *testing.T) {
	t.Parallel()
	w, alice, group, member, owner := owning(t, faketarget.Kind)
	owns := alice.Activate(owner)
	w.Tick()
	wantHolds(t, w, alice.Account, group, false, true)
	if a := w.Activation(owns); a.State != pim.ActiveConfirmed {
		t.Errorf("the owner's activation: %s", a.State)
	}
	holds := alice.Activate(member)
	w.Tick()
	wantHolds(t, w, alice.Account, group, true, true)
	as := broker.Actor{PrincipalID: "alice"}
	w.OK(w.Broker.Deactivate(w.Context(), as, owns))
	w.Tick()
	wantHolds(t, w, alice.Account, group, true, false)
	alice.Activate(owner)
	w.Tick()
	w.OK(w.Broker.Deactivate(w.Context(), as, holds))
	w.Tick()
	wantHolds(t, w, alice.Account, group, false, true)

	mallory := w.Target.AddAccount("mallory")
	scan := func() { // after a whole interval; alice's time is over by then, too
		w.Advance(70 * time.Minute)
		_, err := w.Broker.ScanDue(w.Context())
		w.OK(err)
	}
	scan()
	w.Target.Put(mallory, connector.OwnersOf(group))
	scan()
	wantHolds(t, w, alice.Account, group, false, false)
	open := stinttest.Read(w, func(r *store.Reader) ([]pim.Incident, error) {
		return r.OpenIncidents("dir", string(mallory), string(connector.OwnersOf(group)))
	})
	if len(open) != 1 || open[0].Entitlement != "owner of ops" {
		t.Errorf("an owner by hand: %+v", open)
	}
}

// Where owners are members, an owner is given both, the membership first, so that it is taken away again; what another role
// still gives stays.
func TestOwnersWhoAreMembers(t *testing.T) {
	t.Parallel()
	w, alice, group, member, owner := owning(t, faketarget.ClusterKind)
	owns := alice.Activate(owner)
	w.Tick()
	w.Advance(3 * time.Second)
	wantHolds(t, w, alice.Account, group, true, true)
	var given []connector.EntitlementID
	for _, c := range w.Target.Journal() {
		if c.Op == "grant" {
			given = append(given, c.Entitlement)
		}
	}
	if !slices.Equal(given, []connector.EntitlementID{group, connector.OwnersOf(group)}) {
		t.Errorf("given in the order %q", given)
	}
	holds := alice.Activate(member)
	w.Tick()
	as := broker.Actor{PrincipalID: "alice"}
	w.OK(w.Broker.Deactivate(w.Context(), as, owns))
	w.Tick()
	wantHolds(t, w, alice.Account, group, true, false)
	w.OK(w.Broker.Deactivate(w.Context(), as, holds))
	w.Tick()
	wantHolds(t, w, alice.Account, group, false, false)
	for _, id := range []string{owns, holds} {
		if a := w.Activation(id); a.SettledAt.IsZero() {
			t.Errorf("%s is not settled: %s", id, a.State)
		}
	}
}

// Members and owners of one group are not the same meaning; two roles for its owners are. A group without owners is refused
// in the target's words.
func TestOwnersMeanSomethingElse(t *testing.T) {
	t.Parallel()
	w, _, _, _, _ := owning(t, faketarget.Kind)
	w.Target.AddEntitlement("flat")
	w.Person("carol").Ready()
	w.Administrator("carol")
	carol := broker.Actor{PrincipalID: "carol"}
	save := func(name string, m broker.RoleMeaning) error {
		_, err := w.Broker.SaveRole(w.Context(), carol, broker.RoleDraft{Name: name, Means: []broker.RoleMeaning{m}}, "/roles/new")
		return err
	}
	wantWords(t, "twice", "owner of ops", save("Second owner", broker.RoleMeaning{ResourceID: stinttest.Production, Name: "ops", Relation: pim.Owner}))
	wantWords(t, "means.0", "a flat group has none", save("Owner of flat", broker.RoleMeaning{ResourceID: stinttest.Production, Name: "flat", Relation: pim.Owner}))
	wantWords(t, "means.0", "member there, or an owner", save("What", broker.RoleMeaning{ResourceID: stinttest.Production, Name: "ops", Relation: "boss"}))
	w.Target.AddEntitlement("wiki")
	w.OK(save("Member of wiki", broker.RoleMeaning{ResourceID: stinttest.Production, Name: "wiki"}))
	w.OK(save("Owner of wiki", broker.RoleMeaning{ResourceID: stinttest.Production, Name: "wiki", Relation: pim.Owner}))
}

func wantWords(t *testing.T, field, words string, err error) {
	t.Helper()
	var refusal *pim.Refusal
	if !errors.As(err, &refusal) || refusal.Field != field || !strings.Contains(refusal.Message, words) {
		t.Errorf("%v, want %q at %s", err, words, field)
	}
}
