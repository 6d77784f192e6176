// Package database lends tests databases with the schema of Stint in them: SQLite files, or on a real PostgreSQL.
package database

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"stint/internal/stinttest/postgres"
	"stint/internal/store"
)

// free are migrated databases that no test uses: emptying one takes far less time than making one.
var free struct {
	sync.Mutex
	urls []string
}

// Empty returns the address of a database that belongs to this test until it ends and holds nothing, at most the
// schema.
func Empty(t testing.TB) (url string) {
	t.Helper()
	server := postgres.Start(t)
	free.Lock()
	if n := len(free.urls); n > 0 {
		url, free.urls = free.urls[n-1], free.urls[:n-1]
	}
	free.Unlock()
	if url == "" {
		url = server.Lasting(t)
	}
	t.Cleanup(func() {
		if err := wipe(url); err != nil {
			return // it is not used again; whatever is wrong with it, the test has said
		}
		free.Lock()
		defer free.Unlock()
		free.urls = append(free.urls, url)
	})
	return url
}

// wipe takes everything out of a database but its schema. The superuser passes the triggers that keep the log.
func wipe(url string) error {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	rows, err := c.Query(ctx, "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'schema_%' AND tablename <> 'meta'")
	if err != nil {
		return err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	statements := "SET session_replication_role = replica; DELETE FROM meta WHERE name <> '" + store.MetaDefinitions + "'; DELETE FROM " + strings.Join(tables, "; DELETE FROM ")
	_, err = c.Exec(ctx, statements)
	return err
}

// Engine names in the environment the engine that tests of operations and pages use: empty for SQLite, or
// "postgres".
const Engine = "STINT_TEST_ENGINE"

// Options says how a test opens a database of its own: the file, or with Engine set an empty database on
// PostgreSQL instead.
func Options(t testing.TB, path string) store.Options {
	t.Helper()
	if os.Getenv(Engine) == "postgres" {
		return store.Options{URL: Empty(t)}
	}
	return store.Options{Path: Migrated(t, path)}
}

// Migrated puts a new SQLite database with the schema of Stint, and nothing in it, at path and returns path. Each is a
// copy of one that is made once a process: under the race detector the migrations take as long as a test.
func Migrated(t testing.TB, path string) string {
	t.Helper()
	empty, err := template()
	if err == nil {
		err = os.WriteFile(path, empty, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "stinttest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "stint.db")
	s, err := store.Open(context.Background(), store.Options{Path: path})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil { // leaves everything in the one file
		return nil, err
	}
	return os.ReadFile(path)
})
