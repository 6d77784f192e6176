package broker_test

import (
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// T21: making a privileged role unprivileged loosens it: its editor is locked out of it.
func TestARoleMadeUnprivilegedKeepsItsLock(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.eligible("carol", "dba", "org")
	row := d.row("dba", "")
	row.MaxDuration = ptr(2 * time.Hour)
	d.saved("carol", row)
	wantRefusal(t, d.request("carol", "carol-dba"), pim.KindForbidden, "")
	role, err := store.Read(d.ctx, d.b.Store(), func(r *store.Reader) (pim.RoleDefinition, error) { return r.Role("dba") })
	d.ok(err)
	out, err := d.b.SaveRole(d.ctx, d.as("carol"), broker.RoleDraft{RoleID: "dba", Name: "DBA", Version: role.Version, Means: []broker.RoleMeaning{{ResourceID: "org", Name: "cn=dba"}}}, "/roles/dba")
	d.ok(d.confirmed("carol", out, err))
	wantRefusal(t, d.request("carol", "carol-dba"), pim.KindForbidden, "")
}
