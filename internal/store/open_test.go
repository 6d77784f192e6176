package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"stint/db"
	"stint/internal/pim"
)

// at opens a database at a path; the test closes it.
func openAt(t *testing.T, path string, change func(*Options)) (*Store, error) {
	t.Helper()
	o := Options{Path: path}
	if change != nil {
		change(&o)
	}
	s, err := Open(context.Background(), o)
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

func mustOpenAt(t *testing.T, path string, change func(*Options)) *Store {
	t.Helper()
	s, err := openAt(t, path, change)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func setMeta(t *testing.T, s *Store, name, value string) {
	t.Helper()
	if err := Do(context.Background(), s, func(tx *Tx) error { return tx.SetMeta(name, value) }); err != nil {
		t.Fatal(err)
	}
}

func meta(t *testing.T, s *Store, name string) string {
	t.Helper()
	v, err := Read(context.Background(), s, func(r *Reader) (string, error) { return r.Meta(name) })
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Error(err)
	} else if info.Mode().Perm() != want {
		t.Errorf("%s is %v, want %v", filepath.Base(path), info.Mode().Perm(), want)
	}
}

// The files hold personal data: nobody else may read them, from the first byte on.
func TestFilesAreTheOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "we ird?#%41 ü", "data")
	s := mustOpenAt(t, filepath.Join(dir, "stint.db"), nil)
	setMeta(t, s, "k", "v")
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		wantMode(t, s.Name()+suffix, 0o600)
	}
	wantMode(t, dir, 0o700)
	if err := s.Backup(context.Background(), filepath.Join(dir, "copy.db")); err != nil {
		t.Fatal(err)
	}
	wantMode(t, filepath.Join(dir, "copy.db"), 0o600)
	if got := meta(t, mustOpenAt(t, filepath.Join(dir, "copy.db"), nil), "k"); got != "v" {
		t.Errorf("the copy says %q", got)
	}
}

// A backup overwrites nothing, and one that fails leaves nothing behind.
func TestBackupThatFails(t *testing.T) {
	s := open(t)
	path := filepath.Join(t.TempDir(), "copy.db")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Backup(ctx, path); err == nil {
		t.Fatal("made with a canceled context")
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a failed backup leaves a file: %v", err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(context.Background(), path); err == nil {
		t.Error("an existing file is overwritten")
	}
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Errorf("the file is %q now", b)
	}
}

// Read-only: beside the running process, without its lock, seeing its commits, writing nothing.
func TestReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stint.db")
	readOnly := func(o *Options) { o.ReadOnly = true }
	if _, err := openAt(t, path, readOnly); err == nil {
		t.Fatal("a database that does not exist is opened")
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("looking made a file")
	}
	running := mustOpenAt(t, path, nil)
	setMeta(t, running, "k", "v1")
	looker := mustOpenAt(t, path, readOnly)
	setMeta(t, running, "k", "v2")
	if got := meta(t, looker, "k"); got != "v2" {
		t.Errorf("it sees %q", got)
	}
	if err := Do(context.Background(), looker, func(*Tx) error { return nil }); err == nil {
		t.Error("it writes")
	}
	if _, err := looker.r.Exec("DELETE FROM meta"); err == nil {
		t.Error("its connections write")
	}
	running.Close()
	if got := meta(t, mustOpenAt(t, path, readOnly), "k"); got != "v2" {
		t.Errorf("when nobody runs it, it sees %q", got)
	}
}

// Invariant 14: the database carries its mode from the moment it is made.
func TestModes(t *testing.T) {
	demo := func(o *Options) { o.Mode = "demo" }
	for _, c := range []struct {
		name          string
		made, started func(*Options)
		says          string
	}{
		{"the demo's as a real one", demo, nil, "belongs to the demo"},
		{"a real one as the demo's", nil, demo, "real one"},
		{"a real one again", nil, nil, ""},
		{"the demo's again", demo, demo, ""},
		{"the demo's, looked at", demo, func(o *Options) { o.ReadOnly = true }, ""},
	} {
		for _, used := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), "stint.db")
			s := mustOpenAt(t, path, c.made)
			if used {
				setMeta(t, s, "k", "v")
			}
			s.Close()
			_, err := openAt(t, path, c.started)
			if (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s, used %v: %v", c.name, used, err)
			}
		}
	}
}

// with is the schema and one more migration.
func with(t *testing.T, text string) func(*Options) {
	t.Helper()
	known, err := fs.ReadDir(db.Migrations, "migrations/common")
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("migrations/common/%05d_more.sql", newest(known)+1)
	m := fstest.MapFS{}
	err = fs.WalkDir(db.Migrations, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(db.Migrations, path)
		m[path] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	m[name] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text)}
	return func(o *Options) { o.schema = m }
}

// Issue 2 §10, F14: a migration copies the database aside first, 0600; an old program refuses what a
// newer one wrote, in clear words, and touches nothing.
func TestMigrationKeepsABackupAndOldProgramsRefuse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stint.db")
	s := mustOpenAt(t, path, nil)
	setMeta(t, s, "k", "before")
	s.Close()
	if left, _ := filepath.Glob(path + ".before-*"); len(left) != 0 {
		t.Fatalf("a new database needs no backup: %v", left)
	}
	newer := with(t, "CREATE TABLE more (id TEXT); UPDATE meta SET value = 'after' WHERE name = 'k';")
	s = mustOpenAt(t, path, newer)
	if got := meta(t, s, "k"); got != "after" {
		t.Fatalf("not migrated: %q", got)
	}
	s.Close()
	backups, _ := filepath.Glob(path + ".before-*")
	if len(backups) != 1 {
		t.Fatalf("backups: %v", backups)
	}
	wantMode(t, backups[0], 0o600)
	if got := meta(t, mustOpenAt(t, backups[0], nil), "k"); got != "before" {
		t.Errorf("the backup says %q", got)
	}
	for name, change := range map[string]func(*Options){"to serve": nil, "to look": func(o *Options) { o.ReadOnly = true }} {
		if _, err := openAt(t, path, change); err == nil || !strings.Contains(err.Error(), "newer Stint") {
			t.Errorf("%s: %v", name, err)
		}
	}
	again := mustOpenAt(t, path, newer)
	if got := meta(t, again, "k"); got != "after" {
		t.Errorf("the refused start changed it to %q", got)
	}
}

// Migrations have five digits and a number each: the check for a newer schema compares the highest.
func TestMigrationsAreNumbered(t *testing.T) {
	for _, set := range (&Store{engine: &sqlite{}}).migrationSets() {
		files, err := fs.ReadDir(db.Migrations, set.dir)
		if err != nil || len(files) == 0 {
			t.Fatal(set.dir, err)
		}
		seen := map[string]bool{}
		for _, f := range files {
			number, _, _ := strings.Cut(f.Name(), "_")
			if n, err := strconv.Atoi(number); len(number) != 5 || err != nil || n == 0 || seen[number] {
				t.Errorf("%s/%s: want a number of its own, five digits", set.dir, f.Name())
			}
			seen[number] = true
		}
	}
}

// A migration that fails leaves the database as it was, and its backup.
func TestMigrationThatFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stint.db")
	s := mustOpenAt(t, path, nil)
	setMeta(t, s, "k", "before")
	s.Close()
	broken := with(t, "UPDATE meta SET value = 'half' WHERE name = 'k'; CREATE TABLE meta (id TEXT);")
	for range 2 { // the second try finds the first one's backup
		if _, err := openAt(t, path, broken); err == nil {
			t.Fatal("a broken migration is taken")
		}
	}
	if got := meta(t, mustOpenAt(t, path, nil), "k"); got != "before" {
		t.Errorf("half done: %q", got)
	}
	if backups, _ := filepath.Glob(path + ".before-*"); len(backups) != 1 {
		t.Errorf("backups: %v", backups)
	}
}

// raw changes a closed database behind Stint's back.
func raw(t *testing.T, path, statement string) {
	t.Helper()
	conn, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// F4: a database whose log does not fit its head is not served; audit verify may still look at it.
func TestDamagedDatabasesAreNotServed(t *testing.T) {
	for name, statement := range map[string]string{
		"root of another log":  "UPDATE audit_head SET root = (SELECT hash FROM audit_hashes WHERE idx = 0)",
		"root that is no hash": "UPDATE audit_head SET root = 'x'",
		"a tail cut off":       "UPDATE audit_head SET size = size - 1",
		"a size out of range":  "UPDATE audit_head SET size = -1",
		"more than there is":   "UPDATE audit_head SET size = 1000",
		"clock mark":           "UPDATE meta SET value = 'noon' WHERE name = 'clock'",
	} {
		path := filepath.Join(t.TempDir(), "stint.db")
		s := mustOpenAt(t, path, nil)
		for range 5 {
			if err := Do(context.Background(), s, func(tx *Tx) error { tx.Emit(pim.PersonEvent(pim.EvSignedIn, "p", "p", "")); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
		raw(t, path, statement)
		if _, err := openAt(t, path, nil); err == nil {
			t.Errorf("%s: served", name)
		}
		if name != "clock mark" {
			mustOpenAt(t, path, func(o *Options) { o.ReadOnly = true }).Close()
		}
	}
}

// A process that ends finishes what it has taken and takes nothing more.
func TestClose(t *testing.T) {
	s := open(t)
	started, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		first := true
		done <- Do(context.Background(), s, func(tx *Tx) error {
			if first {
				first = false
				close(started)
				<-release
			}
			return tx.SetMeta("k", "v")
		})
	}()
	<-started
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	<-s.quit
	close(release)
	if err := errors.Join(<-done, <-closed); err != nil {
		t.Fatalf("an accepted operation was not finished: %v", err)
	}
	if err := Do(context.Background(), s, func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("written after the end: %v", err)
	}
	if _, err := Read(context.Background(), s, func(*Reader) (int, error) { return 0, nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("read after the end: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if got := meta(t, mustOpenAt(t, s.Name(), nil), "k"); got != "v" {
		t.Errorf("acknowledged and lost: %q", got)
	}
}
