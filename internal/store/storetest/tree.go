package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"stint/internal/pim"
	"stint/internal/store"
)

var tree = []testCase{
	{"paths", paths},
	{"paths in a circle", pathsInACircle},
	{"where a role can be held below", resourcesBelow},
	{"levels, pages and searches of the tree", levels},
	{"what hangs on a node", underNode},
	{"what a large change is carried out of", longChanges},
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

// K-10, T22: a level and a search are read in pages by name; a wildcard in a search is none.
func levels(t *testing.T, s *store.Store) {
	do(t, s, func(tx *store.Tx) error {
		var fns []func() error
		for _, n := range []pim.Resource{resource("root", ""), resource("a", "root"), resource("b", "root"), resource("c", "root"), resource("gone", "root"), resource("a1", "a"), resource("a%", "a")} {
			fns = append(fns, func() error { return tx.InsertResource(n) })
		}
		return all(append(fns, func() error { return tx.RemoveResource("gone") })...)
	})
	ids := func(list []pim.Resource) (out string) {
		for _, n := range list {
			out += n.ID + " "
		}
		return strings.TrimSpace(out)
	}
	children := func(parent string, p store.ResourcePage) string {
		return ids(get(t, s, func(r *store.Reader) ([]pim.Resource, error) { return r.Children(parent, p) }))
	}
	find := func(p store.ResourcePage) string {
		return ids(get(t, s, func(r *store.Reader) ([]pim.Resource, error) { return r.FindResources(p) }))
	}
	for what, c := range map[string][2]string{
		"roots":           {children("", store.ResourcePage{Limit: 9}), "root"},
		"a level":         {children("root", store.ResourcePage{Limit: 9}), "a b c"},
		"its first page":  {children("root", store.ResourcePage{Limit: 2}), "a b"},
		"its next page":   {children("root", store.ResourcePage{Limit: 2, AfterName: "B", AfterID: "b"}), "c"},
		"a search":        {find(store.ResourcePage{Query: "a", Limit: 9}), "a a% a1"},
		"a percent sign":  {find(store.ResourcePage{Query: "%", Limit: 9}), "a%"},
		"what is removed": {find(store.ResourcePage{Query: "gone", Limit: 9}), ""},
		"a subtree":       {ids(get(t, s, func(r *store.Reader) ([]pim.Resource, error) { return r.Subtree("a", 9) })), "a a% a1"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %q, want %q", what, c[0], c[1])
		}
	}
	if n := get(t, s, func(r *store.Reader) (int64, error) { return r.Levels("root") }); n != 3 {
		t.Errorf("%d levels, want 3", n)
	}
	if n := get(t, s, func(r *store.Reader) (map[string]int, error) { return r.ChildCounts([]string{"root", "a", "b"}) }); n["root"] != 3 || n["a"] != 2 || n["b"] != 0 {
		t.Errorf("below each: %v", n)
	}
}

// what was made at a node and above, what reaches into it, what roles mean there, and what is held of that.
func underNode(t *testing.T, s *store.Store) {
	do(t, s, func(tx *store.Tx) error {
		assign := func(id, at string, kind pim.AssignmentKind) error {
			return tx.InsertAssignment(pim.Assignment{ID: id, PrincipalID: "p", RoleID: "role", ResourceID: at, Kind: kind, StartsAt: tx.Now, Source: pim.SourceBrowser})
		}
		return all(
			func() error {
				return tx.InsertTarget(store.TargetRow{Target: pim.Target{ID: "dir", Kind: "ldap", Name: "Dir", Source: pim.SourceFile}})
			},
			func() error {
				return tx.InsertPrincipal(pim.Principal{ID: "p", Kind: pim.Person, Name: "P", PersonID: "p", Enabled: true, Source: pim.SourceFile})
			},
			func() error {
				return tx.InsertRole(pim.RoleDefinition{ID: "role", Name: "Role", Source: pim.SourceFile})
			},
			func() error {
				return tx.InsertRole(pim.RoleDefinition{ID: "other", Name: "Other", Source: pim.SourceFile})
			},
			func() error {
				return tx.InsertResource(pim.Resource{ID: "top", TargetID: "dir", Kind: "node", Name: "Top", Source: pim.SourceFile})
			},
			func() error { return tx.InsertResource(resource("mid", "top")) },
			func() error { return tx.InsertResource(resource("leaf", "mid")) },
			func() error {
				return tx.SaveMeaning(pim.Meaning{RoleID: "role", ResourceID: "leaf", Name: "cn=leaf", EntitlementID: "e1"})
			},
			func() error { return assign("at-top", "top", pim.Eligible) },
			func() error { return assign("at-mid", "mid", pim.Active) },
			func() error {
				return tx.InsertAssignment(pim.Assignment{ID: "of-other", PrincipalID: "p", RoleID: "other", ResourceID: "top", Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceBrowser})
			},
			func() error {
				return tx.InsertGrant(store.GrantRow{Grant: pim.Grant{ID: "g", TargetID: "dir", AccountID: "acc", EntitlementID: "e1", Before: pim.Unknown, Seen: pim.Unknown, Wanted: true}})
			},
		)
	})
	ids := func(list []pim.Assignment, err error) ([]string, error) {
		var out []string
		for _, a := range list {
			out = append(out, a.ID)
		}
		return out, err
	}
	for what, c := range map[string]struct {
		want string
		read func(*store.Reader) ([]string, error)
	}{
		"at and below mid": {"at-mid", func(r *store.Reader) ([]string, error) { return ids(r.AssignmentsUnder("mid", 9)) }},
		"of one role above": {"at-mid at-top", func(r *store.Reader) ([]string, error) {
			out, err := ids(r.AssignmentsAmong([]string{"role"}, []string{"top", "mid"}, 9))
			slices.Sort(out)
			return out, err
		}},
		"hold at mid": {"at-mid at-top of-other", func(r *store.Reader) ([]string, error) { return ids(r.AssignmentsAt([]string{"top", "mid"}, 9)) }},
		"of no role": {"", func(r *store.Reader) ([]string, error) {
			return ids(r.AssignmentsAmong(nil, []string{"top"}, 9))
		}},
	} {
		if got := strings.Join(get(t, s, c.read), " "); got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
	if n := get(t, s, func(r *store.Reader) (int64, error) { return r.HeldFor("dir", []string{"e1", "e2"}) }); n != 1 {
		t.Errorf("%d grants are held, want 1", n)
	}
	if m := get(t, s, func(r *store.Reader) ([]pim.Meaning, error) { return r.MeaningsUnder("top", 9) }); len(m) != 1 || m[0].ResourceID != "leaf" {
		t.Errorf("meanings: %v", m)
	}
	if n := get(t, s, func(r *store.Reader) (map[string]int, error) {
		return r.AssignmentCounts([]string{"top", "mid"}, pim.Eligible)
	}); n["top"] != 2 || n["mid"] != 0 {
		t.Errorf("eligible: %v", n)
	}
	if own := get(t, s, func(r *store.Reader) ([]pim.Resource, error) { return r.ResourcesOfTarget("dir", 9) }); len(own) != 1 || own[0].ID != "top" {
		t.Errorf("resources of the target: %v", own)
	}
}
