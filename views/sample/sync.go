package sample

import "stint/views"

func (s Samples) syncs() []Page {
	shell := s.shell()
	shell.Can.Sync = true
	run := func(id, kind string, tone views.Tone, state string, minutes int, found, message string) views.SyncRunRow {
		row := views.SyncRunRow{ID: id, Kind: kind, Tone: tone, State: state, At: ago(minutes), Found: s.T(found)}
		if message != "" {
			row.Message = s.T(message)
		}
		return row
	}
	fields := []views.SyncField{
		{Name: "base", Label: "Base", Value: s.T("ou=people,dc=northwind,dc=example"), Help: "Where people are. Left empty: the target’s base."},
		{Name: "filter", Label: "Filter", Value: s.T("(&(objectCategory=person)(objectClass=user))"), Help: "Who is meant."},
		{Name: "every", Label: "Every so many hours", Value: "24", Help: "0: on demand only."},
	}
	v := views.SyncView{
		Shell: shell, ID: "t1", Name: s.T("Directory"), Version: "3", CanManage: true, Previewed: true, Next: min(600), Fields: fields, Groups: s.T("Operations = cn=ops,ou=groups,dc=northwind,dc=example"),
		Runs: []views.SyncRunRow{
			run("r2", "Run", views.OK, "Done", 240, "1,204 entries read, 2 added, 1 changed.", ""),
			run("r1", "Preview", views.Warn, "Done, look at this", 300, "1,204 entries read, 3 not usable.", ""),
		},
	}
	running := v
	running.Running, running.Phase, running.Done, running.Total = true, "saving", 412, 1204
	stopped := v
	stopped.Confirm, stopped.Losing = "r3", 341
	stopped.Stops = []views.SyncStop{{ID: "t1", Name: s.T("Directory"), At: ago(20)}}
	stopped.Runs = append([]views.SyncRunRow{run("r3", "Run", views.Bad, "Stopped", 20, "863 entries read, 341 gone from it.", "341 of 1204 people would be disabled: they are gone from the directory. At most 10 percent may go in one run.")}, v.Runs...)
	wrong := v
	wrong.Version, wrong.Runs, wrong.Previewed = "", nil, false
	wrong.Errors = views.Errors{"filter": s.T("Not a filter such as (objectClass=person)."), "groups": s.T("No group in Stint is called “Ops”, or several are.")}
	reader := v
	reader.CanManage, reader.Version, reader.Runs = false, "", nil
	changes := views.SyncRunView{
		Shell: shell, ID: "t1", Name: s.T("Directory"), Run: stopped.Runs[0],
		Kinds: []views.Segment{{Text: "All", Href: "/sync/t1/runs/r3", Count: -1, Current: true}, {Text: "Gone", Href: "/sync/t1/runs/r3?kind=missing", Count: 341}},
		Rows: []views.SyncChangeRow{
			{Tone: views.Bad, Kind: "Gone", Name: s.T("Farid Nazari"), Href: "/people/p6"},
			{Tone: views.Info, Kind: "Changed", Name: s.T("Erin Sato"), Place: s.T("erin.sato"), Href: "/people/p9", Words: []string{s.T("department: Finance → Internal audit"), s.T("manager: none → Carol Lindqvist")}},
			{Tone: views.Warn, Kind: "Not usable", Name: s.T("cn=old,ou=people,dc=northwind,dc=example"), Words: []string{s.T("has no name that can be shown (displayName, cn)")}},
		},
	}
	nothing := changes
	nothing.Rows, nothing.Run = nil, v.Runs[0]
	return []Page{
		{"sync", "/sync", views.Syncs(views.SyncsView{
			Shell: stopped.Shell, CanManage: true, Others: []views.Option{{Value: "t2", Label: s.T("Forest")}},
			Rows: []views.SyncRow{{ID: "t1", Name: s.T("Directory"), Tone: views.Bad, State: "Stopped", Last: ago(240), Next: min(600)}},
		})},
		{"sync-none", "/sync", views.Syncs(views.SyncsView{Shell: shell, CanManage: true})},
		{"sync-directory", "/sync/:id", views.SyncPage(v)},
		{"sync-running", "/sync/:id", views.SyncPage(running)},
		{"sync-stopped", "/sync/:id", views.SyncPage(stopped)},
		{"sync-error", "/sync/:id", views.SyncPage(wrong)},
		{"sync-reader", "/sync/:id", views.SyncPage(reader)},
		{"sync-run", "/sync/:id/runs/:run", views.SyncRunPage(changes)},
		{"sync-run-none", "/sync/:id/runs/:run", views.SyncRunPage(nothing)},
	}
}
