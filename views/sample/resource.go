package sample

import (
	"stint/views"
)

func (s Samples) resources() []Page {
	wide := views.ResourcesView{Shell: s.shell(), Q: s.T("bill"), Rows: s.foundRows(), CanAdd: true, CanConnect: true, Pager: views.Pager{Forward: true, Newer: "/resources", Older: "/resources?cursor=x"}}
	alike := s.resourceForm()
	alike.Errors = views.Errors{"alike": s.T("\"Billing\" stands there already and reads almost the same. If this is another one, say so below.")}
	bad := s.resourceForm()
	bad.Name, bad.FromFile, bad.ID = "", true, "r2"
	bad.Title = s.T("Edit billing-prod")
	bad.Errors = views.Errors{"name": "The name is missing; give one.", "kind": "Choose one of the kinds.", "target": "Choose one of the targets."}
	carried := views.ResourcesView{Shell: s.shell(), Rows: s.treeRows(), CanAdd: true, CanConnect: true, Carried: []views.LongChange{
		{What: s.T("Retire Region North"), Done: 3400, About: 20_013, By: s.T("Carol Ito"), Since: views.TimeView{Reader: s.reader(), At: min(-3), Style: views.Fact}},
		{What: s.T("Move billing-prod"), By: s.T("Bob Okafor"), Since: views.TimeView{Reader: s.reader(), At: min(-1), Style: views.Fact}}}}
	held := carried
	held.Carried = append([]views.LongChange{}, carried.Carried...)
	held.Carried[0].Held = s.T("assignments as1: Nobody could administer Stint any more.")
	return append(s.targetForms(), []Page{
		{"resources-carried", "/resources", views.Resources(carried)},
		{"resources-held-up", "/resources", views.Resources(held)},
		{"resources", "/resources", views.Resources(views.ResourcesView{Shell: s.shell(), Rows: s.treeRows(), CanAdd: true, CanConnect: true})},
		{"resources-search", "/resources", views.Resources(wide)},
		{"resources-no-hit", "/resources", views.Resources(views.ResourcesView{Shell: s.shell(), Q: s.T("zzz")})},
		{"resources-nothing", "/resources", views.Resources(views.ResourcesView{Shell: s.shell(), CanAdd: true, CanConnect: true})},
		{"resource", "/resources/:id", views.Resource(s.resource())},
		{"resource-nothing", "/resources/:id", views.Resource(views.ResourceView{Shell: s.shell(), Row: views.ResourceRow{ID: "r9", Name: s.T("Unused"), Kind: "group", KindName: "Group"}, Path: []string{s.T("Unused")}})},
		{"resource-new", "/resources/new", views.ResourceForm(alike)},
		{"resource-edit", "/resources/:id/edit", views.ResourceForm(bad)},
		{"resource-move", "/resources/:id/move", views.ResourceChange(s.move())},
		{"resource-move-refused", "/resources/:id/move", views.ResourceChange(s.moveRefused())},
		{"resource-retire", "/resources/:id/retire", views.ResourceChange(s.retire())},
	}...)
}

func (s Samples) treeRows() []views.ResourceRow {
	row := func(depth int, kind, kindName, name, note string, roles, eligible, active int, h views.Health, toggle, open bool) views.ResourceRow {
		r := views.ResourceRow{ID: name, Name: s.T(name), Kind: kind, KindName: kindName, Depth: depth, Roles: roles, Eligible: eligible, Active: active, Health: h, Open: open}
		if note != "" {
			r.Note = s.T(note)
		}
		if toggle {
			r.Toggle = "/resources?open=" + name
		}
		return r
	}
	return []views.ResourceRow{
		row(0, "organisation", "Organisation", "Northwind", "4 below", 74, 12, 1, "", true, true),
		row(1, "directory", "Directory", "corp.northwind.example", "12 below · Head office directory", 12, 38, 1, views.Answers, true, false),
		row(1, "management-group", "Management group", "Azure", "3 below", 9, 40, 2, "", true, true),
		row(2, "subscription", "Subscription", "prod-eu", "3 below", 6, 58, 2, "", true, true),
		row(3, "resource-group", "Resource group", "rg-billing", "14 below", 4, 72, 3, "", true, false),
		{Depth: 3, More: &views.Link{Text: "Show and search all of this level", Href: "/resources?in=prod-eu"}},
		row(1, "server", "Server", "PostgreSQL", "2 below · Billing cluster", 11, 86, 3, views.Answers, true, true),
		row(2, "database", "Database", "billing-prod", "", 4, 100, 4, "", false, false),
		row(2, "database", "Database", "payroll-db", "Oslo payroll", 3, 95, 4, views.Dead, false, false),
		row(1, "cluster", "Cluster", "k8s-west", "2 below", 8, 47, 1, views.NotLooked, true, false),
	}
}

func (s Samples) foundRows() []views.ResourceRow {
	return []views.ResourceRow{
		{ID: "r2", Name: s.T("billing-prod"), Kind: "database", KindName: "Database", Path: []string{s.T("Northwind"), s.T("PostgreSQL"), s.T("billing-prod")}, Roles: 4, Eligible: 14, Active: 1},
		{ID: "r3", Name: s.T("rg-billing"), Kind: "resource-group", KindName: "Resource group", Path: []string{s.T("Northwind"), s.T("Azure"), s.T("prod-eu"), s.T("rg-billing")}, Roles: 4, Eligible: 12},
	}
}

func (s Samples) resource() views.ResourceView {
	return views.ResourceView{
		Shell: s.shell(), Row: views.ResourceRow{ID: "r2", Name: s.T("billing-prod"), Kind: "database", KindName: "Database", Health: views.Answers, Target: views.Link{Text: s.T("Billing cluster"), Href: "/targets/t3"}},
		Scope:      []views.Link{{Text: s.T("Northwind"), Href: "/resources/r0"}, {Text: s.T("PostgreSQL"), Href: "/resources/r1"}},
		Path:       []string{s.T("Northwind"), s.T("PostgreSQL"), s.T("billing-prod")},
		Facts:      []views.Detail{{Term: "Kind", Value: "Database"}, {Term: "Eligible", Value: "14"}, {Term: "Active now", Value: "1"}, {Term: "Known from", Value: "this portal"}},
		TargetFrom: s.T("PostgreSQL"),
		Roles: []views.RoleAt{
			{Role: views.Link{Text: s.T("db_owner"), Href: "/roles/x"}, Privileged: true, Means: []string{s.T("db_owner_billing")}},
			{Role: views.Link{Text: s.T("Reader")}, Means: []string{s.T("read_all")}, Below: 3},
		},
		Held: []views.HeldAt{
			{Who: s.alice(), Role: s.T("db_owner"), Kind: "eligible", Until: views.TimeView{Reader: s.reader(), At: min(60 * 24 * 90), Style: views.End}},
			{Who: views.Person{ID: "g1", Name: s.T("On call")}, Group: true, Role: s.T("Reader"), Kind: "active", Until: views.TimeView{Reader: s.reader()}, From: views.Link{Text: s.T("Northwind"), Href: "/resources/r0"}},
			{Who: s.bob(), Role: s.T("db_owner"), Kind: "eligible", Start: "from 2026-12-01", Until: views.TimeView{Reader: s.reader()}, From: views.Link{Text: s.T("PostgreSQL"), Href: "/resources/r1"}},
		},
		HeldMore: true, Settings: []views.Detail{{Term: s.T("db_owner"), Value: s.T("Longest activation: 2 h; Approval: required; Approvers: Bob Okafor")}},
		Below:  []views.ResourceRow{{ID: "r7", Name: s.T("invoices"), Kind: "resource", KindName: "Resource"}},
		Manage: true, Movable: true, Assign: "/assignments?resource=r2", BelowMore: "/resources?in=r2",
	}
}

func (s Samples) resourceForm() views.ResourceFormView {
	return views.ResourceFormView{
		Shell: s.shell(), Below: views.Link{Text: s.T("PostgreSQL"), Href: "/resources/r1"}, BelowID: "r1", Title: s.T("Add below PostgreSQL"), Kind: "database", Name: s.T("billing"),
		Kinds:   []views.Choice{{Value: "database", Label: "Database", Usual: true}, {Value: "group", Label: "Group"}, {Value: "cluster", Label: "Cluster"}},
		Targets: []views.Option{{Value: "", Label: s.T("The one from above (Billing cluster)")}, {Value: "t1", Label: s.T("Head office directory")}},
	}
}

func (s Samples) move() views.ResourceChangeView {
	return views.ResourceChangeView{
		Shell: s.shell(), Row: views.ResourceRow{ID: "r2", Name: s.T("billing-prod"), Kind: "database"}, Path: []string{s.T("Northwind"), s.T("PostgreSQL"), s.T("billing-prod")},
		Title: s.T("Move billing-prod"), Move: true, To: "r5", FromFile: true,
		Says: []string{s.T("Move billing-prod to below Northwind › Archive."), s.T("Alice Keller, eligible for db_owner on PostgreSQL: reaches it no longer."),
			s.T("What is active through an assignment that reaches it no longer ends there at once."), s.T("Role settings made above it change with the place; what runs keeps the rules it began with.")},
		Places: s.foundRows(), AtTop: true, MoreHit: true,
	}
}

func (s Samples) moveRefused() views.ResourceChangeView {
	v := s.move()
	v.Says, v.FromFile, v.Q, v.Places, v.AtTop, v.MoreHit = nil, false, s.T("zzz"), nil, false, false
	v.Refused = s.T("billing-prod stands at or below it. Choose a place outside of what is moved.")
	return v
}

func (s Samples) retire() views.ResourceChangeView {
	v := s.move()
	v.Move, v.Title, v.Places = false, s.T("Retire billing-prod"), nil
	v.Says = []string{s.T("Retire billing-prod."), s.T("3 resources below it go too."), s.T("Alice Keller, eligible for db_owner on billing-prod: ends, and what is active through it."),
		"1 meaning of a role at a target is forgotten; the group or role there stays as it is."}
	v.Typed = views.Typed{Name: s.T("billing-prod")}
	return v
}
