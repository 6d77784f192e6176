package broker_test

import (
	"database/sql"
	_ "embed"
	"path/filepath"
	"testing"
	"time"

	"stint/internal/audit"
	"stint/internal/pim"
	"stint/internal/stinttest/passkey"
	"stint/internal/store"
)

// A database as the program with schema 1 left it: alice holds dba until 10:00 and waits for bob's approval of vault.
//
//go:embed testdata/schema-1.sql
var schema1 string

// F14: a database of the previous schema with a running activation in it is migrated; what runs goes on and ends,
// what waits still waits, and the log is whole.
func TestPreviousSchemaWithARunningActivation(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "stint.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(schema1); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	c := &clock{now: epoch.Add(10 * time.Minute)}
	w := &world{TB: t, ctx: t.Context(), clock: c, keys: map[string]*passkey.Passkey{},
		ward: &ward{held: map[string]bool{"id:alice/id:cn=dba": true}, hung: make(chan struct{})}}
	s := w.open(store.Options{Path: path, Now: c.Now, Mono: c.Mono})
	w.tick()
	open, err := store.Read(w.ctx, s, func(r *store.Reader) ([]pim.Activation, error) { return r.OpenActivationsOf("alice") })
	w.ok(err)
	byRole := map[string]pim.Activation{}
	for _, a := range open {
		byRole[a.RoleID] = a
	}
	if len(open) != 2 || byRole["dba"].State != pim.ActiveConfirmed || byRole["vault"].State != pim.PendingApproval || !w.member("alice") {
		t.Fatalf("after the migration: %+v, member %v", open, w.member("alice"))
	}
	w.ok(w.b.Cancel(w.ctx, w.as("alice"), byRole["vault"].ID))
	c.add(51 * time.Minute)
	w.tick()
	a := w.activation(byRole["dba"].ID)
	if a.State != pim.Expired || a.SettledAt.IsZero() || w.member("alice") {
		t.Errorf("after its end: %s, settled %v, member %v", a.State, a.SettledAt, w.member("alice"))
	}
	_, err = store.Read(w.ctx, s, func(r *store.Reader) (audit.Report, error) {
		l, err := r.VerifyLog()
		if err != nil {
			return audit.Report{}, err
		}
		l.Replay = audit.NewStories().Replay
		return audit.Verify(l)
	})
	w.ok(err)
}
