package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"stint/internal/pim"
	"stint/internal/store"
)

var tree = []testCase{
	{"paths", paths},
	{"paths in a circle", pathsInACircle},
	{"where a role can be held below", resourcesBelow},
}

func resource(id, parent string) pim.Resource {
	return pim.Resource{ID: id, ParentID: parent, Kind: "node", Name: strings.ToUpper(id), Source: pim.SourceFile}
}

func paths(t *testing.T, s *store.Store) {
	do(t, s, func(tx *store.Tx) error {
		for _, n := range []pim.Resource{resource("org", ""), resource("cluster", "org"), resource("payments", "cluster"), resource("orphan", "absent"), resource("org-2", "")} {
			if err := tx.InsertResource(n); err != nil {
				return err
			}
		}
		return tx.RemoveResource("cluster")
	})
	got := get(t, s, func(r *store.Reader) (map[string]pim.Path, error) {
		return r.Paths([]string{"payments", "org", "orphan", "absent", "org-2"})
	})
	for id, want := range map[string]string{"payments": "ORG CLUSTER PAYMENTS", "org": "ORG", "orphan": "ORPHAN", "org-2": "ORG-2", "absent": ""} {
		if have := strings.Join(got[id].Names(), " "); have != want {
			t.Errorf("%s: %q, want %q", id, have, want)
		}
	}
	if len(got) != 4 {
		t.Errorf("what does not exist is left out: %v", got)
	}
	if _, err := store.Read(context.Background(), s, func(r *store.Reader) (pim.Path, error) { return r.Path("absent") }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("absent: %v", err)
	}
}

// A circle in the tree ends every walk (T22).
func pathsInACircle(t *testing.T, s *store.Store) {
	do(t, s, func(tx *store.Tx) error {
		return all(
			func() error { return tx.InsertResource(resource("a", "c")) },
			func() error { return tx.InsertResource(resource("b", "a")) },
			func() error { return tx.InsertResource(resource("c", "b")) },
			func() error { return tx.InsertResource(resource("self", "self")) },
			func() error {
				return tx.InsertRole(pim.RoleDefinition{ID: "role", Name: "Role", Source: pim.SourceFile})
			},
			func() error { return tx.SaveMeaning(pim.Meaning{RoleID: "role", ResourceID: "b", Name: "cn=b"}) },
		)
	})
	for _, id := range []string{"a", "self"} {
		p := get(t, s, func(r *store.Reader) (pim.Path, error) { return r.Path(id) })
		if p.Leaf().ID != id {
			t.Errorf("%s: the leaf is %s", id, p.Leaf().ID)
		}
	}
	below := get(t, s, func(r *store.Reader) ([]pim.Meaning, error) { return r.MeaningsBelow("role", "a") })
	if len(below) != 1 {
		t.Errorf("below a circle: %v", below)
	}
}

// what can be chosen below a resource is where the role gives something, or every node when it gives nothing.
func resourcesBelow(t *testing.T, s *store.Store) {
	do(t, s, func(tx *store.Tx) error {
		for _, n := range []pim.Resource{resource("org", ""), resource("cluster", "org"), resource("payments", "cluster"), resource("idle", "org"), resource("gone", "org"), resource("else", "")} {
			if err := tx.InsertResource(n); err != nil {
				return err
			}
		}
		return all(
			func() error { return tx.InsertRole(pim.RoleDefinition{ID: "dba", Name: "D", Source: pim.SourceFile}) },
			func() error { return tx.InsertRole(pim.RoleDefinition{ID: "none", Name: "N", Source: pim.SourceFile}) },
			func() error { return tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: "payments", Name: "cn=p"}) },
			func() error { return tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: "else", Name: "cn=e"}) },
			func() error { return tx.RemoveResource("gone") },
		)
	})
	for _, c := range []struct{ role, query, want string }{
		{"dba", "", "CLUSTER PAYMENTS"},
		{"dba", "pay", "PAYMENTS"},
		{"dba", "%", ""},
		{"none", "", "CLUSTER IDLE PAYMENTS"},
	} {
		got := get(t, s, func(r *store.Reader) ([]pim.Resource, error) { return r.ResourcesBelow(c.role, "org", c.query, 10) })
		if have := strings.Join(pim.Path(got).Names(), " "); have != c.want {
			t.Errorf("%s %q: %q, want %q", c.role, c.query, have, c.want)
		}
	}
	if got := get(t, s, func(r *store.Reader) ([]pim.Resource, error) { return r.ResourcesBelow("none", "org", "", 2) }); len(got) != 2 {
		t.Errorf("at most two: %v", got)
	}
}
