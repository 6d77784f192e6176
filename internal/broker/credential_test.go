package broker_test

import (
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// T2 (quarantine): a new passkey does not take away everybody else who could help and so ends its own quarantine.
func TestAQuarantineDoesNotEndItself(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.do(func(tx *store.Tx) error { // erin is administrator too; her passkey is an hour old
		return tx.InsertAssignment(pim.Assignment{ID: "erin-admin", PrincipalID: "erin", RoleID: pim.RoleAdministrator, ResourceID: pim.StintResource, Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile})
	})
	d.enrol("erin")
	assign := func() error {
		out, err := d.b.Assign(d.ctx, d.as("erin"), broker.AssignRequest{Principals: []string{"bob"}, Places: []broker.Place{{RoleID: "dba", ResourceID: "org"}}, AssignmentTerms: pim.AssignmentTerms{Kind: pim.Eligible, End: d.clock.Now().Add(24 * time.Hour)}}, "")
		return d.confirmed("erin", out, err)
	}
	wantRefusal(t, assign(), pim.KindForbidden, "")
	out, err := d.b.RemoveAssignments(d.ctx, d.as("erin"), broker.AssignmentRemoval{IDs: []string{"carol-admin", "dan-admin"}, Reason: ""}, "")
	wantRefusal(t, d.confirmed("erin", out, err), pim.KindForbidden, "") // one by one she may, but never the last who could help
	wantRefusal(t, assign(), pim.KindForbidden, "")
}
