package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is committed is copied into the database file beside the writer, and the write-ahead log begins anew: it does
// not grow with everything that was ever written.
func TestWriteAheadLogStaysSmall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stint.db")
	s, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 1<<20)
	for range 96 {
		err := Do(t.Context(), s, func(tx *Tx) error { return tx.SetMeta("filler", long) })
		if err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path + "-wal")
	if err != nil || info.Size() > 48<<20 {
		t.Fatalf("the log has %d bytes after 96 MiB (%v)", info.Size(), err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path + "-wal"); err == nil {
		t.Fatalf("%d bytes of the log stay after closing", info.Size())
	}
}
