package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the SQLite engine, in Go
)

// sqlite is a database in one file, written by one process.
type sqlite struct {
	path   string
	lock   *os.File
	copier *walCopier
}

func (e *sqlite) name() string { return e.path }

func dsn(path string, params ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(params); i += 2 {
		q.Add(params[i], params[i+1])
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// openWriter makes the file where there is none, and takes its lock for the life of the process.
func (e *sqlite) openWriter(ctx context.Context) (*sql.DB, error) {
	err := os.MkdirAll(filepath.Dir(e.path), 0o700)
	if err != nil {
		return nil, fmt.Errorf("create the data directory: %w", err)
	}
	if e.lock, err = lockFile(e.path + ".lock"); err != nil {
		return nil, err
	}
	// The file holds personal data: it must be 0600 before SQLite writes its first page.
	f, err := os.OpenFile(e.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	// The walCopier leaves little to copy at this limit of 16 MiB.
	db, err := sql.Open("sqlite", dsn(e.path, "_txlock", "immediate", "_pragma", "journal_mode(WAL)", "_pragma", "synchronous(FULL)", "_pragma", "wal_autocheckpoint(4000)",
		"_pragma", "foreign_keys(1)", "_pragma", "busy_timeout(10000)", "_pragma", "cache_size(-8192)", "_pragma", "temp_store(MEMORY)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(2) // the writer keeps one; the other is for what runs before and beside it
	if err := db.PingContext(ctx); err != nil {
		return db, err
	}
	e.copier, err = newWALCopier(e.path)
	return db, err
}

func (e *sqlite) openReaders(ctx context.Context) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn(e.path, "mode", "ro", "_pragma", "query_only(1)", "_pragma", "busy_timeout(10000)",
		"_pragma", "cache_size(-8192)", "_pragma", "temp_store(MEMORY)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(readers + 2) // a backup and a check beside the pages
	db.SetMaxIdleConns(readers + 2)
	if err := db.PingContext(ctx); err != nil {
		return nil, fmt.Errorf("open %s: %w", e.path, err)
	}
	return db, nil
}

func (e *sqlite) close() error {
	var errs []error
	if e.copier != nil {
		errs = append(errs, e.copier.close())
	}
	if e.lock != nil {
		errs = append(errs, e.lock.Close())
	}
	return errors.Join(errs...)
}

func (e *sqlite) migrations() (string, goose.Dialect, []goose.ProviderOption, error) {
	return "migrations/sqlite", goose.DialectSQLite3, nil, nil
}

// keep copies the database aside, 0600, before its schema changes.
func (e *sqlite) keep(ctx context.Context, w *sql.DB, version int64) error {
	path := e.path + ".before-" + strconv.FormatInt(version+1, 10)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := vacuumInto(ctx, w, path); err != nil {
		return fmt.Errorf("back up before migrating: %w", err)
	}
	return nil
}

func (e *sqlite) backup(ctx context.Context, path string) error {
	// The readers' connections are query_only, which forbids VACUUM INTO too.
	conn, err := sql.Open("sqlite", dsn(e.path, "mode", "ro", "_pragma", "busy_timeout(10000)"))
	if err != nil {
		return err
	}
	return errors.Join(vacuumInto(ctx, conn, path), conn.Close())
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

func (e *sqlite) integrity(ctx context.Context, r *sql.DB) (found string, err error) {
	if err = r.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&found); err == nil && found == "ok" {
		found = ""
	}
	return found, err
}

func (e *sqlite) shared() bool { return false }

func (e *sqlite) patience() time.Duration { return 0 }

func (e *sqlite) preparesItself() bool { return false }

func (e *sqlite) server(context.Context, *sql.DB) (Server, error) { return Server{}, nil }

func (e *sqlite) begin(ctx context.Context, l *link) (*place, error) {
	return nil, l.run(ctx, "BEGIN IMMEDIATE")
}

func (e *sqlite) commit(ctx context.Context, l *link, mark int64) error {
	_, err := l.ExecContext(ctx, "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		MetaClock, strconv.FormatInt(mark, 10))
	if err != nil {
		return err
	}
	if err := l.run(ctx, "COMMIT"); err != nil {
		return err
	}
	e.copier.committed()
	return nil
}

func (e *sqlite) again(error) bool { return false }

func (e *sqlite) snapshot(ctx context.Context, l *link) error { return l.run(ctx, "BEGIN") }

func (e *sqlite) look(context.Context, *sql.DB) (*place, error) { return nil, nil }
