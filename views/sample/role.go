package sample

import (
	"fmt"
	"strings"

	"stint/views"
)

func (s Samples) roles() []Page {
	long := s.roleForm()
	long.Was, long.Name = s.T(strings.Repeat("Long-named ", 10)+"role"), s.T(strings.Repeat("Long-named ", 10)+"role")
	long.Errors = views.Errors{"name": s.T("The name is longer than 120 characters."), "means.1": s.T("PostgreSQL does not take “db_0wner”: there is no such role."),
		"twice": s.T("The role “db_owner” means “db_owner” at the same target already: whoever holds one of them holds what both give. Say that you want both.")}
	fresh := views.RoleFormView{Shell: s.shell(), Where: s.T("billing"), Found: s.meanings()[1:], Chosen: "r2", Add: s.T("db_owner")}
	role := s.rolePage()
	empty := views.RoleView{Shell: s.shell(), Role: views.RoleHead{ID: "d9", Name: s.T("Night shift"), CanEdit: true}, Set: []views.RulesAt{{Longest: "8 h"}}, Q: s.T("zzz")}
	ends := role
	ends.Role.Name, ends.Role.Own, ends.Ends = s.T("Privileged Role Administrator"), true, min(20*24*60)
	return []Page{
		{"roles", "/roles", views.Roles(views.RolesView{Shell: s.shell(), All: true, CanEdit: true, Rows: s.roleRows(), Pager: views.Pager{Forward: true, Older: "/roles?cursor=x"}})},
		{"roles-no-hit", "/roles", views.Roles(views.RolesView{Shell: s.shell(), Q: s.T("zzz"), Only: "unused"})},
		{"roles-nothing", "/roles", views.Roles(views.RolesView{Shell: s.shell()})},
		{"role", "/roles/:id", views.RolePage(role)},
		{"role-ends", "/roles/:id", views.RolePage(ends)},
		{"role-nothing-set", "/roles/:id", views.RolePage(empty)},
		{"role-meaning", "/roles/:id/meaning", views.RoleMeaning(views.RoleMeaningView{Shell: s.shell(), Role: role.Role, Means: s.meanings()})},
		{"role-means-nothing", "/roles/:id/meaning", views.RoleMeaning(views.RoleMeaningView{Shell: s.shell(), Role: empty.Role})},
		{"role-history", "/roles/:id/history", views.RoleHistory(views.RoleHistoryView{Shell: s.shell(), Role: role.Role, Rows: s.entries()})},
		{"role-new", "/roles/new", views.RoleForm(fresh)},
		{"role-edit", "/roles/:id/edit", views.RoleForm(s.roleForm())},
		{"role-edit-wrong", "/roles/:id/edit", views.RoleForm(long)},
	}
}

func (s Samples) meanings() []views.MeaningLine {
	return []views.MeaningLine{
		{Resource: "r1", Scope: []string{s.T("Northwind"), s.T("Directory"), s.T("corp.northwind.example")}, Name: s.T("cn=domain-admins,ou=groups,dc=northwind,dc=example"), Target: s.T("Head office directory"), TargetID: "t1", Found: s.T("7b0c1d52-91aa-4a03-8a6e-0e3f5b5f5a11")},
		{Resource: "r1", Owner: true, Scope: []string{s.T("Northwind"), s.T("Directory"), s.T("corp.northwind.example")}, Name: s.T("cn=helpdesk,ou=groups,dc=northwind,dc=example"), Target: s.T("Head office directory"), TargetID: "t1", Found: s.T("owner:0c1d7b52-91aa-4a03-8a6e-0e3f5b5f5a12")},
		{Resource: "r2", Scope: []string{s.T("Northwind"), s.T("PostgreSQL"), s.T("billing-prod")}, Name: s.T("db_owner"), Target: s.T("Billing database"), TargetID: "t3", Same: []views.Link{{Text: s.T("Database on call"), Href: "/roles/d4/meaning"}}},
	}
}

func (s Samples) roleRows() []views.RoleDefRow {
	m := s.meanings()
	return []views.RoleDefRow{
		{ID: "d1", Name: s.T("Domain Admins"), About: s.T("Everything in the directory of the head office."), Kind: "ldap", Privileged: true, Means: m[:1], Needs: s.needs("fingerprint", "message-square-text", "user-check"), Differs: 1, Eligible: 6, Active: 1},
		{ID: "d2", Name: s.T("db_owner"), About: s.T("Owns the tables of billing; can drop them."), Kind: "database", Privileged: true, Means: m, More: 3, Needs: s.needs("fingerprint", "message-square-text", "ticket", "user-check"), Differs: 2, Eligible: 1000, Active: 14},
		{ID: "d3", Name: s.T("Report reader"), Kind: "database", Means: m[1:], Needs: s.needs("message-square-text"), Eligible: 120},
		{ID: "d5", Name: s.T("Privileged Role Administrator"), About: s.T("Administers Stint: people, accounts, targets; ends anybody’s activation."), Kind: "stint", Privileged: true, Own: true, Needs: s.needs("fingerprint", "message-square-text"), Eligible: 3, Active: 1},
		{ID: "d9", Name: s.T("Night shift"), Needs: s.needs("fingerprint", "message-square-text")},
	}
}

func (s Samples) roleHead() views.RoleHead {
	return views.RoleHead{ID: "d2", Name: s.T("db_owner"), About: s.T("Owns the tables of billing; can drop them."), Kind: "database", Privileged: true, FromFile: true, CanEdit: true, All: true, Members: true, Eligible: 14, Active: 2}
}

func (s Samples) rolePage() views.RoleView {
	scope := func(parts ...string) []string {
		path := []string{s.T("Northwind")}
		for _, p := range parts {
			path = append(path, s.T(p))
		}
		return path
	}
	strict, usual := s.needs("fingerprint", "message-square-text", "ticket", "user-check"), s.needs("fingerprint", "message-square-text")
	v := views.RoleView{Shell: s.shell(), Role: s.roleHead(),
		Set: []views.RulesAt{
			{Longest: "8 h", Set: "Reason, Confirmed with", By: "the file"},
			{Resource: "r0", Scope: scope("PostgreSQL"), Longest: "8 h", Set: "ticket", By: "this portal"},
			{Resource: "r2", Scope: scope("PostgreSQL", "billing-prod"), Longest: "4 h", Set: "Longest activation, Confirmed with, Approval, Approvers", By: "this portal"},
		},
		Holds: []views.RulesAt{
			{Resource: "r2", Scope: scope("PostgreSQL", "billing-prod"), Needs: strict, Longest: "4 h", Set: "approval"},
			{Resource: "r3", Scope: scope("PostgreSQL", "billing-test"), Needs: usual, Longest: "8 h", From: "from PostgreSQL"},
		}, More: true, Q: s.T("bil")}
	for i := range 3 {
		v.Found = append(v.Found, views.RulesAt{Resource: fmt.Sprint("f", i), Scope: scope("PostgreSQL", fmt.Sprint("billing-", i)), Needs: usual, Longest: "8 h", From: "from PostgreSQL"})
	}
	return v
}

func (s Samples) roleForm() views.RoleFormView {
	m := s.meanings()
	m[1].New = true
	return views.RoleFormView{Shell: s.shell(), ID: "d2", Version: 3, Was: s.T("db_owner"), Name: s.T("db_owner"), About: s.T("Owns the tables of billing; can drop them."), Privileged: true, Passkey: true,
		FromFile: true, Means: m, Off: []bool{true, false}, Use: s.T("“db_owner” is in use: 14 eligible assignments, 2 open activations.")}
}
