package main

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stint/internal/audit"
)

// A Stint answers 404 to what is not there and to whom it is not for: only who still gets the checkpoint learns that a log
// ends (T20).
func TestALogThatEndsIsNotOneThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	served := map[string]int{"/log/checkpoint": http.StatusOK}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, ok := served[r.URL.Path]
		if !ok {
			status = http.StatusNotFound
		}
		w.WriteHeader(status)
	}))
	defer server.Close()
	fetch, err := (&auditVerifyCmd{URL: server.URL + "/log"}).fetcher(t.Context(), &environment{})
	if err != nil {
		t.Fatal(err)
	}
	tile := audit.Tile{Width: audit.TileWidth}.Path()
	if _, err := fetch(tile); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the log ends: %v", err)
	}
	for status, want := range map[int]string{http.StatusNotFound: "may not read it", http.StatusUnauthorized: "asks for a sign-in"} {
		served["/log/checkpoint"] = status
		for _, path := range []string{tile, audit.CheckpointPath} {
			if _, err := fetch(path); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s where the checkpoint answers %d: %v", path, status, err)
			}
		}
	}
}
