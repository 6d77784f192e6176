package storetest

import (
	"errors"
	"slices"
	"testing"

	"stint/internal/pim"
	"stint/internal/store"
)

// K-33: which roles owners hand out, by resource; a list changes only from the version that was read.
func handOuts(t *testing.T, s *store.Store) {
	world(t, s)
	lists := func() map[string]pim.HandOut {
		return get(t, s, func(r *store.Reader) (map[string]pim.HandOut, error) { return r.HandOuts() })
	}
	if got := lists(); len(got) != 0 {
		t.Fatalf("before anything is set: %v", got)
	}
	do(t, s, func(tx *store.Tx) error { return tx.SaveHandOut(pim.HandOut{ResourceID: "prod", Roles: []string{}}) })
	first, listed := lists()["prod"]
	if !listed || len(first.Roles) != 0 || first.Version != 1 {
		t.Fatalf("an empty list is one: %+v, %v", first, listed)
	}
	stale := func(fn func(tx *store.Tx) error) {
		t.Helper()
		if err := store.Do(t.Context(), s, fn); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a stale change: %v", err)
		}
	}
	stale(func(tx *store.Tx) error {
		return tx.SaveHandOut(pim.HandOut{ResourceID: "prod", Roles: []string{"dba"}})
	})
	do(t, s, func(tx *store.Tx) error {
		return tx.SaveHandOut(pim.HandOut{ResourceID: "prod", Roles: []string{"dba", "viewer"}, Version: 1})
	})
	if got := lists()["prod"]; !slices.Equal(got.Roles, []string{"dba", "viewer"}) || got.Version != 2 {
		t.Errorf("changed: %+v", got)
	}
	stale(func(tx *store.Tx) error { return tx.RemoveHandOut(first) })
	do(t, s, func(tx *store.Tx) error { return tx.RemoveHandOut(pim.HandOut{ResourceID: "prod", Version: 2}) })
	if got := lists(); len(got) != 0 {
		t.Errorf("removed: %v", got)
	}
}

// T22: what lies below is found by parents, never by how ids begin; a removed node is not there.
func subtrees(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		for _, at := range [][2]string{{"ops", ""}, {"ops-2", ""}, {"ops/db", "ops"}, {"deep", "ops/db"}, {"gone", "ops"}, {"ops-2/db", "ops-2"}} {
			if err := tx.InsertResource(pim.Resource{ID: at[0], ParentID: at[1], Kind: "group", Name: at[0], Source: pim.SourceBrowser}); err != nil {
				return err
			}
		}
		return tx.RemoveResource("gone")
	})
	everything := []string{"deep", "gone", "ops", "ops-2", "ops-2/db", "ops/db", "prod"}
	for _, c := range []struct {
		in   store.Subtree
		want []string
	}{
		{store.Subtree{Roots: []string{"ops"}}, []string{"deep", "ops", "ops/db"}},
		{store.Subtree{Roots: []string{"deep", "ops-2"}}, []string{"deep", "ops-2", "ops-2/db"}},
		{store.Subtree{}, nil},
		{store.Subtree{All: true}, []string{"deep", "ops", "ops-2", "ops-2/db", "ops/db", "prod"}},
	} {
		got := get(t, s, func(r *store.Reader) ([]string, error) { return r.ResourcesIn(everything, c.in) })
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q", c.in, got)
		}
	}
}
