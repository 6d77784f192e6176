package pim

import (
	"slices"
	"testing"
)

func TestPowersOf(t *testing.T) {
	t.Parallel()
	stint := func(role string) Held { return Held{role, StintResource} }
	for _, c := range []struct {
		name string
		held []Held
		want Powers
	}{
		{"nobody has powers by default", nil, Powers{}},
		{"a role of the organisation is none", []Held{stint("dba"), {"dba", "prod"}}, Powers{}},
		{"names that begin alike give nothing", []Held{stint(RoleAdministrator + "x"), stint("stint")}, Powers{}},
		{"auditor", []Held{stint(RoleAuditor)}, Powers{Auditor: true}},
		{"reader", []Held{stint(RoleReader), stint(RoleReader)}, Powers{Reader: true}},
		{"administrator", []Held{stint(RoleAdministrator)}, Powers{Administrator: true}},
		{"owner of two, of one of them twice", []Held{{RoleOwner, "prod"}, {RoleOwner, "lab"}, {RoleOwner, "prod"}}, Powers{Owns: []string{"lab", "prod"}}},
		{"administrator of a resource is nobody", []Held{{RoleAdministrator, "prod"}, {RoleAuditor, "prod"}, {RoleReader, "prod"}}, Powers{}},
		{"nobody owns Stint", []Held{stint(RoleOwner)}, Powers{}},
	} {
		if got := PowersOf(c.held); !got.Equal(c.want) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// A tree of two branches with names that begin alike; Stint itself stands beside.
func tree() map[string]Path {
	org, ops, ops2 := Resource{ID: "org"}, Resource{ID: "ops", ParentID: "org"}, Resource{ID: "ops-2", ParentID: "org"}
	db, db2 := Resource{ID: "db", ParentID: "ops"}, Resource{ID: "ops/db", ParentID: "ops-2"}
	return map[string]Path{"": nil, "org": {org}, "ops": {org, ops}, "ops-2": {org, ops2}, "db": {org, ops, db}, "ops/db": {org, ops2, db2},
		StintResource: {{ID: StintResource}}, "below stint": {{ID: StintResource}, {ID: "below stint"}}, "odd": {{ID: "ops"}, {ID: StintResource}, {ID: "odd"}}}
}

// T22: whose is what lies at a resource.
func TestReachOfPowers(t *testing.T) {
	t.Parallel()
	everywhere := []string{"", "below stint", "db", "odd", "ops", "ops-2", "ops/db", "org", StintResource}
	for _, c := range []struct {
		name              string
		who               Powers
		administers, sees []string
		manage, read      bool
	}{
		{"nobody", Powers{}, nil, nil, false, false},
		{"administrator", Powers{Administrator: true}, everywhere, everywhere, true, true},
		{"reader", Powers{Reader: true}, nil, everywhere, false, true},
		{"auditor", Powers{Auditor: true}, nil, everywhere, false, true},
		{"owner of ops", Powers{Owns: []string{"ops"}}, []string{"db", "ops"}, []string{"db", "ops"}, true, true},
		{"owner of the root", Powers{Owns: []string{"org"}}, []string{"db", "ops", "ops-2", "ops/db", "org"}, []string{"db", "ops", "ops-2", "ops/db", "org"}, true, true},
		{"owner of ops who reads all", Powers{Owns: []string{"ops"}, Reader: true}, []string{"db", "ops"}, everywhere, true, true},
	} {
		var administers, sees []string
		for id, path := range tree() {
			if c.who.Administers(path) {
				administers = append(administers, id)
			}
			if c.who.Reads(path) {
				sees = append(sees, id)
			}
		}
		slices.Sort(administers)
		slices.Sort(sees)
		if !slices.Equal(administers, c.administers) || !slices.Equal(sees, c.sees) {
			t.Errorf("%s administers %q, sees %q", c.name, administers, sees)
		}
		if c.who.MayManage() != c.manage || c.who.MayRead() != c.read {
			t.Errorf("%s: manage %v, read %v", c.name, c.who.MayManage(), c.who.MayRead())
		}
	}
}

// K-33: which roles an owner hands out.
func TestHandsOut(t *testing.T) {
	t.Parallel()
	viewer, dba := RoleDefinition{ID: "viewer"}, RoleDefinition{ID: "dba", Privileged: true}
	own := RoleDefinition{ID: RoleOwner, Privileged: true, Source: SourceBuiltin}
	list := func(id string, roles ...string) HandOut { return HandOut{ResourceID: id, Roles: roles} }
	for _, c := range []struct {
		name  string
		owns  []string
		role  RoleDefinition
		at    string
		lists []HandOut
		want  bool
	}{
		{"without a list: what is not privileged", []string{"ops"}, viewer, "db", nil, true},
		{"without a list: nothing privileged", []string{"ops"}, dba, "db", nil, false},
		{"beside what is theirs", []string{"ops"}, viewer, "ops/db", nil, false},
		{"above what is theirs", []string{"db"}, viewer, "ops", nil, false},
		{"what the list names, privileged or not", []string{"ops"}, dba, "db", []HandOut{list("ops", "dba")}, true},
		{"nothing beside what the list names", []string{"ops"}, viewer, "ops", []HandOut{list("ops", "dba")}, false},
		{"an empty list is nothing", []string{"ops"}, viewer, "ops", []HandOut{list("ops")}, false},
		{"the nearest list above says", []string{"ops"}, dba, "db", []HandOut{list("org", "dba")}, true},
		{"and not the one above that", []string{"ops"}, dba, "db", []HandOut{list("org", "dba"), list("ops", "viewer")}, false},
		{"a list below is for owners there", []string{"ops"}, dba, "db", []HandOut{list("db", "dba")}, false},
		{"owner of both: either list", []string{"db", "ops"}, dba, "db", []HandOut{list("ops"), list("db", "dba")}, true},
		{"never Stint's own, listed or not", []string{"ops"}, own, "db", []HandOut{list("ops", RoleOwner)}, false},
		{"never on Stint", []string{"ops"}, viewer, StintResource, nil, false},
	} {
		lists := map[string]HandOut{}
		for _, l := range c.lists {
			lists[l.ResourceID] = l
		}
		if got := (Powers{Owns: c.owns}).HandsOut(c.role, tree()[c.at], lists); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if !(Powers{Administrator: true}).HandsOut(dba, tree()["db"], map[string]HandOut{"org": list("org")}) {
		t.Error("an administrator is bound by no list")
	}
}

func TestCanBeHeldAt(t *testing.T) {
	t.Parallel()
	for role, want := range map[string][2]bool{RoleAdministrator: {true, false}, RoleReader: {true, false}, RoleAuditor: {true, false}, RoleOwner: {false, true}, "dba": {false, true}} {
		if got := [2]bool{CanBeHeldAt(role, StintResource), CanBeHeldAt(role, "prod")}; got != want {
			t.Errorf("%s: on Stint and elsewhere %v", role, got)
		}
	}
}
