package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

var definitions = []testCase{
	{"every change of a definition is seen at once", definitionsChange},
	{"what was undone is not remembered", definitionsUndone},
}

// settingsOf is how a decision reads: from memory while no definition has changed. It counts its loads.
func settingsOf(r *store.Reader, loads *int) ([]pim.RoleSettings, error) {
	type key struct{}
	return store.Remembered(r, key{}, func() ([]pim.RoleSettings, error) {
		*loads++
		return r.Settings("dba")
	})
}

// Invariant 3: a decision rests on the definitions of its own transaction, whoever changed them, and in the
// middle of it.
func definitionsChange(t *testing.T, s *store.Store) {
	world(t, s)
	limit := func(d time.Duration) pim.RoleSettings {
		return pim.RoleSettings{RoleID: "dba", MaxDuration: &d, Source: pim.SourceFile}
	}
	role := get(t, s, func(r *store.Reader) (pim.RoleDefinition, error) { return r.Role("dba") })
	node := get(t, s, func(r *store.Reader) (pim.Path, error) { return r.Path("prod") }).Leaf()
	target := get(t, s, func(r *store.Reader) (store.TargetRow, error) { return r.Target("dir") })
	renamed := target
	renamed.Name = "Other"
	extra := pim.Meaning{RoleID: "dba", ResourceID: "prod", Name: "cn=extra"}
	for _, c := range []struct {
		what   string
		change func(tx *store.Tx) error
		loads  int
	}{
		{"nothing", func(*store.Tx) error { return nil }, 0},
		{"a person", func(tx *store.Tx) error { return tx.InsertPrincipal(person("carol", "Carol")) }, 0},
		{"a target's health", func(tx *store.Tx) error { _, err := tx.TargetFailed("dir", "transient", "down"); return err }, 0},
		{"settings", func(tx *store.Tx) error { return tx.SaveSettings(limit(time.Hour)) }, 1},
		{"settings again", func(tx *store.Tx) error { return tx.SaveSettings(limit(time.Minute)) }, 1},
		{"settings removed", func(tx *store.Tx) error { return tx.RemoveSettings("dba", "", pim.System) }, 1},
		{"a meaning", func(tx *store.Tx) error { return tx.SaveMeaning(extra) }, 1},
		{"a meaning removed", func(tx *store.Tx) error { return tx.RemoveMeaning(extra) }, 1},
		{"a role", func(tx *store.Tx) error { return tx.UpdateRole(role) }, 1},
		{"a new role", func(tx *store.Tx) error {
			return tx.InsertRole(pim.RoleDefinition{ID: "new", Name: "New", Source: pim.SourceFile})
		}, 1},
		{"a resource", func(tx *store.Tx) error { return tx.UpdateResource(node) }, 1},
		{"a new resource", func(tx *store.Tx) error { return tx.InsertResource(resource("below", "prod")) }, 1},
		{"a target", func(tx *store.Tx) error { return tx.UpdateTarget(renamed) }, 1},
		{"a target removed", func(tx *store.Tx) error { return tx.RemoveTarget("dir") }, 1},
	} {
		var ignored, inside, after int
		if _, err := store.Read(context.Background(), s, func(r *store.Reader) ([]pim.RoleSettings, error) { return settingsOf(r, &ignored) }); err != nil {
			t.Fatal(err)
		}
		do(t, s, func(tx *store.Tx) error {
			inside = 0 // the store runs this twice
			if _, err := settingsOf(tx.Reader, &ignored); err != nil {
				return err
			}
			if err := c.change(tx); err != nil {
				return err
			}
			_, err := settingsOf(tx.Reader, &inside)
			return err
		})
		get(t, s, func(r *store.Reader) ([]pim.RoleSettings, error) { return settingsOf(r, &after) })
		if inside != c.loads || after != 0 {
			t.Errorf("%s: loaded %d times in its own transaction, want %d, and %d times after it, want 0", c.what, inside, c.loads, after)
		}
	}
}

func definitionsUndone(t *testing.T, s *store.Store) {
	world(t, s)
	hour := time.Hour
	undo := errors.New("undo")
	err := store.Do(context.Background(), s, func(tx *store.Tx) error {
		if err := tx.SaveSettings(pim.RoleSettings{RoleID: "dba", MaxDuration: &hour, Source: pim.SourceFile}); err != nil {
			return err
		}
		var loads int
		rows, err := settingsOf(tx.Reader, &loads)
		if err != nil || len(rows) != 1 || loads != 1 {
			t.Errorf("inside: %d rows, %d loads, %v", len(rows), loads, err)
		}
		return undo
	})
	if !errors.Is(err, undo) {
		t.Fatal(err)
	}
	var loads int
	if rows := get(t, s, func(r *store.Reader) ([]pim.RoleSettings, error) { return settingsOf(r, &loads) }); len(rows) != 0 {
		t.Errorf("settings that were never saved are remembered: %v", rows)
	}
}
