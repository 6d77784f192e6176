package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

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

// T36: who may sign in with a passkey alone, what was used, and an answer that counts once.
func breakGlass(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		return all(
			func() error { return tx.MarkBreakGlass("alice", "bob") },
			func() error {
				return tx.InsertUse(pim.BreakGlassUse{ID: "u1", PrincipalID: "alice", UsedAt: tx.Now, Browser: "Firefox", Address: "::1"})
			},
			func() error {
				return tx.InsertUse(pim.BreakGlassUse{ID: "u2", PrincipalID: "alice", UsedAt: tx.Now.Add(time.Second)})
			},
			func() error { return tx.TakeEntrance("e1", tx.Now.Add(time.Minute)) },
			func() error {
				return tx.InsertAssignment(pim.Assignment{ID: "of-alice", PrincipalID: "alice", RoleID: "dba", ResourceID: "prod", Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceBrowser})
			},
			func() error {
				return tx.InsertAssignment(pim.Assignment{ID: "of-bob", PrincipalID: "bob", RoleID: "dba", ResourceID: "prod", Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceBrowser})
			},
		)
	})
	for name, again := range map[string]func(*store.Tx) error{
		"marked twice":            func(tx *store.Tx) error { return tx.MarkBreakGlass("alice", "bob") },
		"answered twice":          func(tx *store.Tx) error { return tx.TakeEntrance("e1", tx.Now.Add(time.Minute)) },
		"unmarked without mark":   func(tx *store.Tx) error { return tx.UnmarkBreakGlass("bob") },
		"reviewed by a stale one": func(tx *store.Tx) error { return tx.ReviewUse(pim.BreakGlassUse{ID: "u1", Version: 2}) },
	} {
		if err := store.Do(t.Context(), s, again); !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	do(t, s, func(tx *store.Tx) error {
		return tx.ReviewUse(pim.BreakGlassUse{ID: "u1", ReviewedBy: "bob", Words: "A drill", Drill: true, Version: 1})
	})
	uses := get(t, s, func(r *store.Reader) ([]pim.BreakGlassUse, error) { return r.UsesOf("alice", 10) })
	if len(uses) != 2 || uses[0].ID != "u2" || !uses[1].Drill || uses[1].ReviewedAt.IsZero() || uses[1].Words != "A drill" {
		t.Errorf("uses, the newest first: %+v", uses)
	}
	if open := get(t, s, func(r *store.Reader) ([]pim.BreakGlassUse, error) { return r.UnreviewedUses(10) }); len(open) != 1 || open[0].ID != "u2" {
		t.Errorf("not reviewed: %+v", open)
	}
	if n := get(t, s, (*store.Reader).PermanentBeside); n != 1 {
		t.Errorf("%d permanent active assignments beside, want bob's", n)
	}
	accounts := get(t, s, (*store.Reader).BreakGlass)
	if len(accounts) != 1 || accounts[0].MarkedBy != "bob" {
		t.Errorf("accounts: %+v", accounts)
	}
}
