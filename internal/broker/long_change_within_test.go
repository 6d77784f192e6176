package broker_test

import (
	"errors"
	"testing"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// Invariant 3, T23: while a large move is being carried out, nothing above or below what moves is moved or retired: what is
// left to let go of is found by what stands there. Then both go, and nobody keeps what lost its basis.
func TestNothingAroundALargeChangeIsChangedMeanwhile(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false) // each write once: there are many
	d.do(func(tx *store.Tx) error {
		return errors.Join(
			insertGroup(tx, "old", "org", "Old"),
			insertGroup(tx, "region", "org", "Region North"),
			insertGroup(tx, "beside", "org", "Beside"),
			insertGroup(tx, "sub", "old", "Sub"),
			tx.InsertResource(pim.Resource{ID: "vital", ParentID: "sub", Kind: "database", Name: "Vital", Source: pim.SourceFile}),
			tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: "vital", Name: "cn=vital"}),
			tx.InsertAssignment(pim.Assignment{ID: "alice-old", PrincipalID: "alice", RoleID: "dba", ResourceID: "old", Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}))
	})
	d.later()
	d.do(func(tx *store.Tx) error {
		return broker.InsertActive(tx, pim.Assignment{ID: "dan-old", PrincipalID: "dan", RoleID: "dba", ResourceID: "old", Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile})
	})
	d.assigned("region", 1000)
	d.holds("alice", "alice-old")
	if !d.holdsAt("alice", "cn=vital") || !d.holdsAt("dan", "cn=vital") {
		t.Fatal("the start is another one")
	}
	move := func(id, to string) error {
		out, err := d.b.MoveResource(d.ctx, d.as("carol"), id, to, 0)
		return d.confirmed("carol", out, err)
	}
	retire := func(id string) error {
		out, err := d.b.RetireResource(d.ctx, d.as("carol"), id, 0)
		return d.confirmed("carol", out, err)
	}
	d.ok(move("sub", "region"))
	wantRefusal(t, move("sub", "beside"), pim.KindConflict, "")
	wantRefusal(t, move("vital", "beside"), pim.KindConflict, "")
	wantRefusal(t, retire("vital"), pim.KindConflict, "")
	wantRefusal(t, move("region", "beside"), pim.KindConflict, "")
	wantRefusal(t, retire("region"), pim.KindConflict, "")
	d.ok(move("old", "beside")) // which it has nothing to do with any more
	d.later()
	if d.holdsAt("alice", "cn=vital") || d.holdsAt("dan", "cn=vital") {
		t.Error("what lost its basis is still held")
	}
	d.ok(move("vital", "beside"))
	d.later()
	d.ok(retire("vital"))
}
