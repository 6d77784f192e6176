package store_test

import (
	"context"
	"path/filepath"
	"testing"

	"stint/internal/store"
	"stint/internal/store/storetest"
)

// What every engine must do, on SQLite, each function run twice.
func TestConformanceOnSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store {
		s, err := store.Open(context.Background(), store.Options{Path: filepath.Join(t.TempDir(), "stint.db"), Twice: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	})
}
