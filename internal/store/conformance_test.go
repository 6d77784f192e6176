package store_test

import (
	"context"
	"path/filepath"
	"testing"

	"stint/internal/stinttest/database"
	"stint/internal/store"
	"stint/internal/store/storetest"
)

// What every engine must do, each function run twice.
func TestConformanceOnSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store {
		return open(t, store.Options{Path: database.Migrated(t, filepath.Join(t.TempDir(), "stint.db")), Twice: true})
	})
}

func TestConformanceOnPostgreSQL(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store {
		return open(t, store.Options{URL: database.Empty(t), Twice: true})
	})
}

func open(t *testing.T, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
