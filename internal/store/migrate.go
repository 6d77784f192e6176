package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// migrationSet is a folder of migrations with a version table of its own, so that engine-specific files
// never renumber the common ones.
type migrationSet struct{ dir, table string }

func (s *Store) migrationSets() []migrationSet {
	dir, _, _, _ := s.engine.migrations()
	return []migrationSet{{"migrations/common", "schema_common"}, {dir, "schema_engine"}}
}

// migrate brings the schema up to date; an existing database is copied aside first where it is a file.
func (s *Store) migrate(ctx context.Context) error {
	if err := s.refuseNewer(ctx); err != nil {
		return err
	}
	kept := false
	for _, set := range s.migrationSets() {
		p, err := s.provider(set)
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
		if v, err := p.GetDBVersion(ctx); err == nil && v > 0 && !kept {
			if err := s.engine.keep(ctx, s.w, v); err != nil {
				return err
			}
			kept = true
		}
		if _, err := p.Up(ctx); err != nil {
			return fmt.Errorf("migrate the database: %w", err)
		}
	}
	if err := s.foldNames(ctx); err != nil {
		return fmt.Errorf("fold names: %w", err)
	}
	return nil
}

func (s *Store) provider(set migrationSet) (*goose.Provider, error) {
	sub, err := fs.Sub(s.opts.schema, set.dir)
	if err != nil {
		return nil, err
	}
	_, dialect, options, err := s.engine.migrations()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(dialect, s.w, sub, append(options, goose.WithTableName(set.table), goose.WithDisableGlobalRegistry(true))...)
}

// ErrEmpty says that a database on PostgreSQL that was opened to be read holds no Stint.
var ErrEmpty = errors.New("the database is empty")

// refuseNewer stops an old program from touching what a newer one wrote.
func (s *Store) refuseNewer(ctx context.Context) error { return s.newerThanKnown(ctx, s.w) }

func (s *Store) checkVersion(ctx context.Context) error { return s.newerThanKnown(ctx, s.r) }

func (s *Store) newerThanKnown(ctx context.Context, conn *sql.DB) error {
	for _, set := range s.migrationSets() {
		files, err := fs.ReadDir(s.opts.schema, set.dir)
		if err != nil {
			return err
		}
		var have int64
		err = conn.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+set.table).Scan(&have)
		if s.opts.ReadOnly && noTable(err) {
			return ErrEmpty
		}
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

// Backup copies the database to a new file, 0600. It never holds key files: they live outside.
func (s *Store) Backup(ctx context.Context, path string) error { return s.engine.backup(ctx, path) }

// Integrity checks the database; it returns the first problem, or "".
func (s *Store) Integrity(ctx context.Context) (string, error) {
	return s.engine.integrity(ctx, s.r)
}
