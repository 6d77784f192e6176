package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stint/internal/config"
	"stint/internal/store"
)

// restoring is a desk with a backup of Monday and a database of Tuesday, whose last entry is still in its
// write-ahead log: the process was killed.
func restoring(t *testing.T) (d *desk, c *restoreCmd, e *environment) {
	t.Helper()
	d = newDesk(t)
	d.must("apply", d.file)
	c = &restoreCmd{Config: config.Config{Data: d.env["STINT_DATA"], LogLevel: "error"}, From: filepath.Join(d.dir, "monday.db"), Reason: "a trial"}
	d.ok(c.Complete())
	d.must("backup", c.From)
	n := d.node()
	d.ok(store.Do(d.Context(), n.store, func(tx *store.Tx) error { return tx.SetMeta("day", "Tuesday") }))
	for _, suffix := range []string{"", "-wal"} {
		d.ok(copyFile(c.DatabaseFile()+suffix, filepath.Join(d.dir, "killed"+suffix)))
	}
	d.ok(n.close())
	for _, suffix := range []string{"", "-wal"} {
		d.ok(os.Rename(filepath.Join(d.dir, "killed"+suffix), c.DatabaseFile()+suffix))
	}
	return d, c, &environment{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, env: d.lookup, now: time.Now}
}

func (d *desk) ok(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

// found opens the database as a start does and says which it is.
func (d *desk) found() (epoch int, day, paused string) {
	d.Helper()
	n := d.node()
	id, err := readIdentity(d.Context(), n.store)
	d.ok(err)
	day, err = store.Read(d.Context(), n.store, func(r *store.Reader) (string, error) { return r.Meta("day") })
	d.ok(err)
	paused = n.broker.Paused()
	d.ok(n.close())
	return id.epoch, day, paused
}

// Invariant 14: killed at any step before it is decided, a restore has changed nothing, and can be made again.
func TestRestoreKilledBeforeItIsDecided(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]func(*desk, *restoreCmd, *environment, swap){
		"in the middle of the copy": func(d *desk, _ *restoreCmd, _ *environment, s swap) {
			d.ok(os.Mkdir(s.staged, 0o700))
			d.ok(os.WriteFile(filepath.Join(s.staged, "stint.db"), []byte("SQLite form"), 0o600))
		},
		"with the epoch open": func(d *desk, c *restoreCmd, e *environment, s swap) {
			_, err := c.stage(d.Context(), e, s, "stint.db.replaced-before")
			d.ok(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, c, e := restoring(t)
			killed(d, c, e, swapOf(&c.Config))
			if epoch, day, paused := d.found(); epoch != 1 || day != "Tuesday" || paused != "" {
				t.Errorf("what is there: epoch %d, %q, paused %q", epoch, day, paused)
			}
			d.ok(c.Run(d.Context(), e))
			if epoch, day, paused := d.found(); epoch != 2 || day != "" || paused != "" {
				t.Errorf("restored again: epoch %d, %q, paused %q", epoch, day, paused)
			}
			d.nothingStaged(c)
		})
	}
}

// Invariant 14: killed at any step after it is decided, it is finished by the next start, and what it replaced is kept whole.
func TestRestoreKilledAfterItIsDecided(t *testing.T) {
	t.Parallel()
	const aside = "stint.db.replaced-before"
	steps := []struct {
		name string
		do   func(*restoreCmd, swap) error
	}{
		{"decided", func(_ *restoreCmd, s swap) error { return s.commit() }},
		{"its log moved", func(c *restoreCmd, _ swap) error {
			return os.Rename(c.DatabaseFile()+"-wal", filepath.Join(c.Data, aside+"-wal"))
		}},
		{"it moved", func(c *restoreCmd, _ swap) error { return os.Rename(c.DatabaseFile(), filepath.Join(c.Data, aside)) }},
		{"the new one there", func(c *restoreCmd, s swap) error {
			return os.Rename(filepath.Join(s.committed, "stint.db"), c.DatabaseFile())
		}},
		{"its checkpoint too", func(_ *restoreCmd, s swap) error { return s.putCheckpoint() }},
	}
	for last := range steps {
		t.Run(steps[last].name, func(t *testing.T) {
			t.Parallel()
			d, c, e := restoring(t)
			s := swapOf(&c.Config)
			_, err := c.stage(d.Context(), e, s, aside)
			d.ok(err)
			for _, step := range steps[:last+1] {
				d.ok(step.do(c, s))
			}
			if epoch, day, paused := d.found(); epoch != 2 || day != "" || paused != "" {
				t.Errorf("what is there: epoch %d, %q, paused %q", epoch, day, paused)
			}
			d.must("audit", "verify")
			d.nothingStaged(c)
			d.ok(os.Rename(filepath.Join(c.Data, aside), c.DatabaseFile()))
			d.ok(os.Rename(filepath.Join(c.Data, aside+"-wal"), c.DatabaseFile()+"-wal"))
			if _, day, _ := d.found(); day != "Tuesday" {
				t.Errorf("what was replaced lost its last entry: %q", day)
			}
		})
	}
}

// nothingStaged checks that a restore left nothing of its own beside the database.
func (d *desk) nothingStaged(c *restoreCmd) {
	d.Helper()
	s := swapOf(&c.Config)
	for _, path := range []string{s.staged, s.committed, c.Checkpoint + ".new"} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			d.Errorf("%s is left (%v)", path, err)
		}
	}
}

// A restore onto a new machine whose keys were not brought along leaves no database that a later start would serve in
// the old epoch.
func TestRestoreWithoutKeysAndDatabase(t *testing.T) {
	t.Parallel()
	d, c, e := restoring(t)
	for _, path := range []string{c.Data, c.Keys} {
		d.ok(os.Rename(path, path+"-away"))
	}
	for _, missing := range []string{auditKeyFile, sealKeyFile} {
		if err := c.Run(d.Context(), e); err == nil || !strings.Contains(err.Error(), missing) {
			t.Fatalf("without %s: %v", missing, err)
		}
		d.nothingStaged(c)
		if left, _ := filepath.Glob(filepath.Join(c.Data, "stint.db*")); len(left) != 1 || filepath.Base(left[0]) != "stint.db.lock" {
			t.Errorf("it leaves %q", left)
		}
		if _, err := os.Stat(c.Checkpoint); !os.IsNotExist(err) {
			t.Errorf("it signed: %v", err)
		}
		d.ok(os.MkdirAll(c.Keys, 0o700))
		d.ok(copyFile(filepath.Join(c.Keys+"-away", missing), filepath.Join(c.Keys, missing)))
	}
	d.ok(c.Run(d.Context(), e))
	if epoch, day, _ := d.found(); epoch != 2 || day != "" {
		t.Errorf("with the keys: epoch %d, %q", epoch, day)
	}
}
