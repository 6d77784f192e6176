package store

import (
	"context"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"stint/db"
	"stint/internal/pim"
)

// first is the schema as it was before anything was added to it.
func first(t *testing.T) func(*Options) {
	t.Helper()
	m := fstest.MapFS{}
	err := fs.WalkDir(db.Migrations, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasPrefix(path.Base(name), "00001_") {
			return err
		}
		b, err := fs.ReadFile(db.Migrations, name)
		m[name] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(o *Options) { o.schema = m }
}

// A database of the first schema with a running activation in it is migrated: it runs on to its end, can be extended
// within its limit, and leaves its state only once.
func TestRunningActivationIsMigrated(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stint.db")
	s := mustOpenAt(t, file, first(t))
	at := s.Clock().Now().Truncate(time.Second)
	old := func(tx *Tx) error {
		for _, stmt := range []string{
			"INSERT INTO principals (id, kind, name, person_id, source, created_at) VALUES ('alice', 'person', 'Alice', 'alice', 'file', 1)",
			"INSERT INTO resources (id, kind, name, source) VALUES ('prod', 'database', 'Production', 'file')",
			"INSERT INTO role_definitions (id, name, source) VALUES ('dba', 'DBA', 'file')",
			"INSERT INTO role_settings (role_id, max_duration_s, source) VALUES ('dba', 3600, 'file')",
			"INSERT INTO assignments (id, principal_id, role_id, resource_id, kind, starts_at, source, created_at) VALUES ('asg', 'alice', 'dba', 'prod', 'eligible', 1, 'file', 1)",
		} {
			if _, err := tx.exec(stmt); err != nil {
				return err
			}
		}
		_, err := tx.exec(`INSERT INTO activations (id, assignment_id, principal_id, person_id, role_id, resource_id, state, duration_s, requested_at, starts_at, ends_at, settings, verdicts)
			VALUES ('a', 'asg', 'alice', 'alice', 'dba', 'prod', 'active', 3600, $1, $1, $2, '{"max_duration":3600000000000,"approval":true}', '[]')`, us(at), us(at.Add(time.Hour)))
		return err
	}
	if err := Do(context.Background(), s, old); err != nil {
		t.Fatal(err)
	}
	s.Close()

	s = mustOpenAt(t, file, nil)
	a, err := Read(context.Background(), s, func(r *Reader) (pim.Activation, error) { return r.Activation("a") })
	if err != nil || !a.ActiveAt(at.Add(time.Minute)) || !a.StartAsked.IsZero() || !a.EndsBy.IsZero() {
		t.Fatalf("%+v, %v", a, err)
	}
	rules := a.Settings.Stricter(pim.DefaultSettings())
	if rules.MaxTotal != 2*time.Hour || rules.ExtensionApproval != pim.ExtensionAsActivation {
		t.Errorf("what it never heard of is the default: %+v", rules)
	}
	move := func(change func(*pim.Activation)) error {
		return Do(context.Background(), s, func(tx *Tx) error {
			a, err := tx.Activation("a")
			if err != nil {
				return err
			}
			from := a.State
			change(&a)
			return tx.MoveActivation(from, a)
		})
	}
	if err := move(func(a *pim.Activation) { a.EndsBy, a.EndsAt = at.Add(2*time.Hour), at.Add(90*time.Minute) }); err != nil {
		t.Errorf("extended: %v", err)
	}
	if err := move(func(a *pim.Activation) { a.State, a.EndedAt = pim.Deactivated, at.Add(time.Minute) }); err != nil {
		t.Errorf("given back: %v", err)
	}
	if err := move(func(a *pim.Activation) { a.State = pim.Scheduled; a.StartDue = at.Add(time.Hour) }); err == nil {
		t.Error("over and planned again")
	}
}
