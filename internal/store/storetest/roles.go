package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"stint/internal/pim"
	"stint/internal/store"
)

var roles = []testCase{
	{"roles, page by page", rolesByName},
	{"how much a role is used", roleUses},
	{"what means the same, and resources by name", meaningsLike},
}

// K-09: every role is found, by name, description and meaning, in pages; a wildcard is none (T22).
func rolesByName(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		for i := range 7 {
			d := pim.RoleDefinition{ID: fmt.Sprintf("r%d", i), Name: fmt.Sprintf("Reader %d", i/2), Description: "Looks at things", Source: pim.SourceBrowser}
			if err := tx.InsertRole(d); err != nil {
				return err
			}
		}
		own := pim.RoleDefinition{ID: "own", Name: "100%", Source: pim.SourceBuiltin}
		return all(
			func() error { return tx.InsertRole(own) },
			func() error { return tx.InsertResource(resource("above", "")) },
			func() error { return tx.InsertResource(resource("prod-2", "above")) },
			func() error {
				prod, err := tx.Resource("prod")
				prod.ParentID = "above"
				return errors.Join(err, tx.UpdateResource(prod))
			},
			func() error {
				return tx.SaveMeaning(pim.Meaning{RoleID: "r3", ResourceID: "prod", Name: "cn=Night-Shift"})
			},
			func() error { return tx.RemoveRole("r6") },
		)
	})
	walk := func(p store.RolePage) string {
		var got []string
		for range 20 {
			p.Limit, p.Within.All = 2, len(p.Within.Roots) == 0
			list := get(t, s, func(r *store.Reader) ([]pim.RoleDefinition, error) { return r.RolesBy(p) })
			for _, d := range list {
				got = append(got, d.ID)
				p.AfterName, p.AfterID = d.Name, d.ID
			}
			if len(list) < 2 {
				break
			}
		}
		return strings.Join(got, " ")
	}
	for want, p := range map[string]store.RolePage{
		"own dba r0 r1 r2 r3 r4 r5": {},
		"r0 r1":                     {Query: "reader 0"},
		"r0 r1 r2 r3 r4 r5":         {Query: "LOOKS AT"},
		"r3":                        {Query: "night-shift"},
		"own":                       {Query: "%"},
		"":                          {Query: "_eader"},
		"dba":                       {Only: store.RolesPrivileged},
		"own ":                      {Only: store.RolesOwn},
		"own r0 r1 r2 r3 r4 r5":     {Only: store.RolesUnused},
		" r3":                       {Within: store.Subtree{Roots: []string{"above"}}},
		"  ":                        {Within: store.Subtree{Roots: []string{"prod-2"}}, Query: "reader"},
		"r2 r3":                     {Only: store.RolesUnused, Query: "reader 1"},
	} {
		if got := walk(p); got != strings.TrimSpace(want) {
			t.Errorf("%+v: %q, want %q", p, got, want)
		}
	}
}

func roleUses(t *testing.T, s *store.Store) {
	world(t, s)
	start := now(s)
	do(t, s, func(tx *store.Tx) error {
		return all(
			func() error { return tx.InsertAssignment(assignment("b", "bob", pim.Eligible, start)) },
			func() error { return tx.InsertAssignment(assignment("g", "dbas", pim.Active, start)) },
			func() error { return tx.InsertActivation(activation("waits", pim.PendingApproval, start)) },
		)
	})
	uses := func(upTo int) map[string]store.RoleUse {
		return get(t, s, func(r *store.Reader) (map[string]store.RoleUse, error) {
			return r.RoleUses([]string{"dba", "absent"}, upTo)
		})
	}
	if got := uses(100); len(got) != 1 || got["dba"] != (store.RoleUse{Eligible: 2, Assigned: 1, Open: 1}) {
		t.Errorf("%+v", got)
	}
	if got := uses(1)["dba"]; got.Eligible != 1 {
		t.Errorf("counted too far: %+v", got)
	}
}

func meaningsLike(t *testing.T, s *store.Store) {
	world(t, s)
	mean := func(role, name, id string) pim.Meaning {
		return pim.Meaning{RoleID: role, ResourceID: "prod", Name: name, EntitlementID: id}
	}
	do(t, s, func(tx *store.Tx) error {
		for _, m := range []pim.Meaning{mean("a", "cn=x", "1"), mean("b", "CN=X", ""), mean("c", "cn=y", "1"), mean("d", "cn=z", ""), mean("gone", "cn=x", "1")} {
			if err := tx.InsertRole(pim.RoleDefinition{ID: m.RoleID, Name: m.RoleID, Source: pim.SourceFile}); err != nil {
				return err
			}
			if err := tx.SaveMeaning(m); err != nil {
				return err
			}
		}
		return all(func() error { return tx.RemoveRole("gone") }, func() error { return tx.InsertResource(resource("prod%", "")) })
	})
	like := func(m pim.Meaning) (out []string) {
		for _, m := range get(t, s, func(r *store.Reader) ([]pim.Meaning, error) { return r.MeaningsLike(m) }) {
			out = append(out, m.RoleID)
		}
		return out
	}
	if got := fmt.Sprint(like(mean("a", "cn=x", "1")), like(mean("d", "cn=z", "")), like(mean("new", "cn=q", "1"))); got != "[b c] [] [a c]" {
		t.Errorf("like: %s", got)
	}
	of := get(t, s, func(r *store.Reader) ([]pim.Meaning, error) { return r.MeaningsOfRoles("a", "c") })
	if len(of) != 2 || of[1] != mean("c", "cn=y", "1") {
		t.Errorf("of: %v", of)
	}
	named := func(q string) (out []string) {
		for _, n := range get(t, s, func(r *store.Reader) ([]pim.Resource, error) { return r.ResourcesNamed(q, 10) }) {
			out = append(out, n.ID)
		}
		return out
	}
	if got := fmt.Sprint(named("PRO"), named("%"), named("production")); got != "[prod% prod] [prod%] [prod]" {
		t.Errorf("named: %s", got)
	}
}
