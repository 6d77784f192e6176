package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/pressly/goose/v3"
)

// Each folder keeps its own version table, so that engine-specific files never renumber the common ones.
var migrationSets = []struct{ dir, table string }{
	{"migrations/common", "schema_common"},
	{"migrations/sqlite", "schema_engine"},
}

// migrate brings the schema up to date; an existing database is copied aside first, 0600.
func (s *Store) migrate(ctx context.Context) error {
	if err := s.refuseNewer(ctx); err != nil {
		return err
	}
	backedUp := false
	for _, set := range migrationSets {
		p, err := s.provider(set.dir, set.table)
		if err != nil {
			return err
		}
		pending, err := p.HasPending(ctx)
		if err != nil {
			return fmt.Errorf("look for migrations: %w", err)
		}
		if !pending {
			continue
		}
		if v, err := p.GetDBVersion(ctx); err == nil && v > 0 && !backedUp {
			if err := s.backupBeforeMigration(ctx, v); err != nil {
				return err
			}
			backedUp = true
		}
		if _, err := p.Up(ctx); err != nil {
			return fmt.Errorf("migrate the database: %w", err)
		}
	}
	return nil
}

func (s *Store) provider(dir, table string) (*goose.Provider, error) {
	sub, err := fs.Sub(s.opts.schema, dir)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, s.w, sub, goose.WithTableName(table), goose.WithDisableGlobalRegistry(true))
}

func (s *Store) backupBeforeMigration(ctx context.Context, version int64) error {
	path := s.opts.Path + ".before-" + strconv.FormatInt(version+1, 10)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := vacuumInto(ctx, s.w, path); err != nil {
		return fmt.Errorf("back up before migrating: %w", err)
	}
	return nil
}

// refuseNewer stops an old program from touching what a newer one wrote.
func (s *Store) refuseNewer(ctx context.Context) error { return s.newerThanKnown(ctx, s.w) }

func (s *Store) checkVersion(ctx context.Context) error { return s.newerThanKnown(ctx, s.r) }

func (s *Store) newerThanKnown(ctx context.Context, conn *sql.DB) error {
	for _, set := range migrationSets {
		files, err := fs.ReadDir(s.opts.schema, set.dir)
		if err != nil {
			return err
		}
		var have int64
		err = conn.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+set.table).Scan(&have)
		if err != nil {
			continue // no such table yet: a new database
		}
		if known := newest(files); have > known {
			return fmt.Errorf("the database was written by a newer Stint (schema %d, this program knows %d); install that version or a later one", have, known)
		}
	}
	return nil
}

// newest is the highest number among the migrations of a folder.
func newest(files []fs.DirEntry) (n int64) {
	for _, f := range files {
		if v, err := goose.NumericComponent(f.Name()); err == nil {
			n = max(n, v)
		}
	}
	return n
}

// vacuumInto writes a consistent copy without stopping the writer's readers.
func vacuumInto(ctx context.Context, conn *sql.DB, path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if _, err = conn.ExecContext(ctx, "VACUUM INTO $1", path); err != nil {
		return errors.Join(err, os.Remove(path)) // half a copy is none
	}
	return nil
}

// Backup copies the database to a new file, 0600. It never holds key files: they live outside.
func (s *Store) Backup(ctx context.Context, path string) error {
	// The readers' connections are query_only, which forbids VACUUM INTO too.
	conn, err := sql.Open("sqlite", dsn(s.opts.Path, "mode", "ro", "_pragma", "busy_timeout(10000)"))
	if err != nil {
		return err
	}
	return errors.Join(vacuumInto(ctx, conn, path), conn.Close())
}

// Integrity checks the file; it returns the first problem, or "".
func (s *Store) Integrity(ctx context.Context) (string, error) {
	var found string
	if err := s.r.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&found); err != nil {
		return "", err
	}
	if found == "ok" {
		return "", nil
	}
	return found, nil
}
