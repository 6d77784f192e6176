package broker_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// crowd puts so many people into a group.
func (d *desk) crowd(group string, n int) {
	d.Helper()
	for done := 0; done < n; done += 500 {
		d.do(func(tx *store.Tx) error {
			for i := done; i < min(done+500, n); i++ {
				id := fmt.Sprintf("%s-%d", group, i)
				if err := errors.Join(tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Person, Name: id, PersonID: id, Enabled: true, Source: pim.SourceFile}),
					tx.AddMember(pim.Membership{GroupID: group, MemberID: id, Source: pim.SourceBrowser})); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// Invariants 3 and 13, A-20, EC-11: removing a group of 5,000 is one small decision, from which on nobody activates or
// decides anything by being in it; what follows is carried out in pieces, also by another process. Whoever has the same
// by another way keeps it.
func TestRemovalOfALargeGroupIsDecidedAtOnceAndCarriedOut(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false) // each write once: there are many
	d.group("crowd", "alice", "dan", "bob")
	d.group("around", "crowd", "bob")
	d.do(func(tx *store.Tx) error {
		errs := []error{tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: "prod", Name: "cn=prod"})}
		for _, id := range []string{"one", "two"} {
			errs = append(errs, tx.InsertResource(pim.Resource{ID: id, ParentID: "org", Kind: "database", Name: id, Source: pim.SourceFile}),
				tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: id, Name: "cn=" + id}))
		}
		return errors.Join(errs...)
	})
	d.later()
	d.eligible("crowd", "dba", "prod")
	d.do(func(tx *store.Tx) error {
		return errors.Join(
			tx.InsertAssignment(pim.Assignment{ID: "around-may", PrincipalID: "around", RoleID: "dba", ResourceID: "one", Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}),
			broker.InsertActive(tx, pim.Assignment{ID: "crowd-holds", PrincipalID: "crowd", RoleID: "dba", ResourceID: "one", Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile}),
			broker.InsertActive(tx, pim.Assignment{ID: "around-holds", PrincipalID: "around", RoleID: "dba", ResourceID: "two", Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile}))
	})
	d.later()
	d.crowd("crowd", manyThings)
	own, around, stays := d.holds("alice", "crowd-dba"), d.holds("dan", "around-may"), d.holds("bob", "around-may")
	for _, held := range [][2]string{{"alice", "cn=prod"}, {"dan", "cn=one"}, {"dan", "cn=two"}, {"bob", "cn=two"}} {
		if !d.holdsAt(held[0], held[1]) {
			t.Fatalf("%v: the start is another one", held)
		}
	}
	g, err := store.Read(d.ctx, d.b.Store(), func(r *store.Reader) (pim.Principal, error) { return r.Principal("crowd") })
	d.ok(err)
	says := d.says(func(r *store.Reader, _ pim.Principal) ([]string, error) { return broker.GroupRemoval(r, g) })
	for _, want := range []string{"About 5,000 memberships are forgotten.", "Nobody may activate DBA on Production through it any more.", "Nobody holds DBA on one", "Of 3 activations and requests", "Groups shows how far"} {
		if !strings.Contains(says, want) {
			t.Errorf("the preview does not say %q: %s", want, says)
		}
	}
	out, err := d.b.RemoveGroup(d.ctx, d.as("carol"), "crowd", g.Version)
	d.ok(d.confirmed("carol", out, err))
	for who, assignment := range map[string]string{"crowd-7": "crowd-dba", "crowd-8": "around-may"} {
		_, err = d.b.RequestActivation(d.ctx, d.as(who), pim.ActivationRequest{AssignmentID: assignment, Duration: time.Minute, Justification: "quickly"})
		if refusal := new(pim.Refusal); !errors.As(err, &refusal) {
			t.Errorf("%s activates %s after the decision: %v", who, assignment, err)
		}
	}
	people, err := store.Read(d.ctx, d.b.Store(), func(r *store.Reader) ([]pim.Principal, error) { return r.PeopleIn([]string{"crowd"}) })
	d.ok(err)
	if len(people) != 0 {
		t.Errorf("%d people are in it still", len(people))
	}
	for more := true; more; { // a process of its own each time
		d.again()
		more, err = d.b.CarryOn(d.ctx)
		d.ok(err)
	}
	d.later()
	d.carried(pim.LongGroup, map[string]int{"activations": 2, "members": manyThings + 3})
	if d.activation(own).State != pim.EligibilityEnded || d.activation(around).State != pim.EligibilityEnded || d.activation(stays).State != pim.ActiveConfirmed {
		t.Errorf("%s, %s, %s", d.activation(own).State, d.activation(around).State, d.activation(stays).State)
	}
	for _, gone := range [][2]string{{"alice", "cn=prod"}, {"alice", "cn=one"}, {"dan", "cn=one"}, {"dan", "cn=two"}} {
		if d.holdsAt(gone[0], gone[1]) {
			t.Errorf("%v is still held", gone)
		}
	}
	if !d.holdsAt("bob", "cn=two") || !d.holdsAt("bob", "cn=one") {
		t.Error("bob, who is in the group around it himself, lost something")
	}
	if !slices.ContainsFunc(d.noticesOf("carol"), func(s string) bool { return strings.Contains(s, "Removing crowd is carried out") }) {
		t.Errorf("carol is told: %q", d.noticesOf("carol"))
	}
	left, err := store.Read(d.ctx, d.b.Store(), func(r *store.Reader) ([]pim.Membership, error) { return r.MembersLeft("crowd", 1) })
	d.ok(err)
	if len(left) != 0 {
		t.Error("memberships are left")
	}
}

// Invariant 13: what is assigned to a large group ends in the decision itself, and so there is a limit.
func TestALargeGroupWithManyAssignmentsLosesThemFirst(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	d.group("crowd")
	d.crowd("crowd", 600)
	d.do(func(tx *store.Tx) (err error) {
		for i := range 101 {
			id := fmt.Sprintf("r%d", i)
			err = errors.Join(err, tx.InsertResource(pim.Resource{ID: id, ParentID: "org", Kind: "database", Name: id, Source: pim.SourceFile}),
				tx.InsertAssignment(pim.Assignment{ID: "a" + id, PrincipalID: "crowd", RoleID: "dba", ResourceID: id, Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}))
		}
		return err
	})
	_, err := d.b.RemoveGroup(d.ctx, d.as("carol"), "crowd", 1)
	wantRefusal(t, err, pim.KindConflict, "")
	d.do(func(tx *store.Tx) error {
		asg, err := tx.Assignment("ar0")
		return errors.Join(err, tx.EndAssignment(asg, false))
	})
	out, err := d.b.RemoveGroup(d.ctx, d.as("carol"), "crowd", 1)
	d.ok(d.confirmed("carol", out, err))
	for more := true; more; {
		more, err = d.b.CarryOn(d.ctx)
		d.ok(err)
	}
	d.carried(pim.LongGroup, map[string]int{"members": 600})
}

// Invariant 3: from the decision on nobody answers for a workload by being in the group, also before they are taken out.
func TestNobodyAnswersThroughAGroupThatIsBeingRemoved(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	d.group("crowd")
	d.crowd("crowd", 600)
	d.do(func(tx *store.Tx) error {
		return errors.Join(tx.InsertPrincipal(pim.Principal{ID: "robot", Kind: pim.Workload, Name: "robot", OwnerID: "crowd", Enabled: true, Source: pim.SourceBrowser}),
			tx.InsertAssignment(pim.Assignment{ID: "robot-holds", PrincipalID: "robot", RoleID: "viewer", ResourceID: "prod", Kind: pim.Active, StartsAt: tx.Now, EndsAt: tx.Now.Add(5 * day), Source: pim.SourceBrowser}))
	})
	asks := func(who string) error {
		_, err := d.b.RequestAssignment(d.ctx, d.as(who), "robot-holds", "It runs on")
		return err
	}
	d.ok(asks("crowd-7"))
	out, err := d.b.RemoveGroup(d.ctx, d.as("carol"), "crowd", 1)
	d.ok(d.confirmed("carol", out, err))
	left, err := store.Read(d.ctx, d.b.Store(), func(r *store.Reader) (bool, error) { return r.Within("crowd-7", "crowd") })
	if d.ok(err); !left {
		t.Fatal("the start is another one: they are taken out already")
	}
	wantRefusal(t, asks("crowd-8"), pim.KindNotFound, "")
}
