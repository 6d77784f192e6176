package sample

import (
	"fmt"
	"strings"
	"time"

	"stint/views"
)

func (s Samples) watch() []Page {
	return []Page{
		{"audit", "/audit", views.Audit(s.audit())},
		{"audit-refused", "/audit", views.Audit(s.auditRefused())},
		{"audit-no-hit", "/audit", views.Audit(views.AuditView{Shell: s.shell(), Filter: views.AuditFilter{Person: s.T("zoe")}, Total: 12})},
		{"audit-opened", "/audit", views.Audit(s.auditOpened())},
		{"audit-so-far", "/audit", views.Audit(views.AuditView{Shell: s.shell(), Filter: views.AuditFilter{Result: "refused"}, Total: 184226,
			Search: views.AuditSearch{On: []views.Chip{{Text: "Result: Refused", On: true, Href: "/audit"}}}, Pager: views.Pager{Older: "/audit?cursor=9", Note: "Searched back to 2026-11-02", Continue: true}})},
		{"audit-export", "/audit/exports", views.AuditExports(views.AuditExportsView{Shell: s.shell(), Export: s.export("running")})},
		{"audit-export-none", "/audit/exports", views.AuditExports(views.AuditExportsView{Shell: s.shell()})},
		{"entry", "/audit/:seq", views.Entry(views.EntryView{
			Shell: s.shell(), Entry: s.entries()[2], StoryHref: "/audit/story/x2", Newer: 184202, Older: 184200,
			Facts: []views.Detail{{Term: "Reason", Value: s.T("Repair the stuck invoice run for October")}, {Term: "Ticket", Value: s.T("INC-48207")}},
			Leaf:  s.T(`{"v":1,"seq":184201,"at":1763557331000000,"action":"activation.confirmed","actor":"system","object":"x2","commitments":["b1e409c27f10…"]}`),
			Hash:  s.T("b1e4 09c2 7f10 88d1 5d3e"), Proof: views.ProofView{Href: "/audit/184201/proof", Origin: s.T("stint.northwind.example/stint/audit"), Size: 184_210, Signed: at(14, 10, 0),
				Key:     s.T("stint.northwind.example/stint/audit+1f2e3d4c+AZhVb3TtPQ0q1wE5yXv0k2mL8uJ7cN4rS6dF9gH1aBcD"),
				Command: s.T("stint audit verify audit-184201.tlog-proof --vkey stint.northwind.example/stint/audit+1f2e3d4c+AZhVb3TtPQ0q1wE5yXv0k2mL8uJ7cN4rS6dF9gH1aBcD")},
		})},
		{"entry-unsigned", "/audit/:seq", views.Entry(views.EntryView{Shell: s.shell(), Entry: s.entries()[0], Leaf: s.T(`{"actor":"p1","v":1}`), Hash: s.T("b1e4 09c2")})},
		{"story", "/audit/story/:correlation", views.Story(views.StoryView{
			Shell: s.shell(), Title: s.T("Activation of db_owner"), Role: s.dbOwner(), Person: s.alice(), Steps: s.storySoFar(),
			Subject: views.Link{Text: "Show the activation", Href: "/activations/x2"},
		})},
	}
}

func (s Samples) audit() views.AuditView {
	return views.AuditView{
		Shell: s.shell(), Rows: s.entries(), Total: 184226, First: time.Date(2026, 2, 2, 9, 0, 0, 0, time.UTC), Checkpoint: ago(2),
		Search: views.AuditSearch{
			Actions: []views.Option{{Value: "activation.requested", Label: "Activation requested"}, {Value: "grant.confirmed_gone", Label: "Grant seen gone"}},
			Results: []views.Option{{Value: "ok", Label: "Done"}, {Value: "refused", Label: "Refused"}},
			Targets: []views.Option{{Value: "t1", Label: s.T("corp directory")}},
			Spans:   []views.Option{{Value: "24h", Label: "Last 24 hours"}, {Value: "last-quarter", Label: "Last quarter"}},
			People:  []views.Option{{Value: s.T("alice@northwind.example"), Label: s.T("Alice Keller")}}, Roles: []views.Option{{Value: s.T("db_owner")}},
		},
		Pager: views.Pager{Older: "/audit?cursor=x"}, Histogram: bars(72, 34, 61, 8, 0, 12, 70, 44, 66, 51, 9, 23),
	}
}

func bars(counts ...int) views.Histogram {
	h := views.Histogram{Most: 72, Refused: 6, First: "2026-11-18 15:00", Last: "2026-11-19 15:00"}
	for i, n := range counts {
		width, height := 100/float64(len(counts)), 100*float64(n)/72
		form := func(f float64) string { return fmt.Sprintf("%.2f", f) }
		h.Total += int64(n)
		h.Bars = append(h.Bars, views.Bar{Href: "/audit?from=x", From: "2026-11-18 15:00", Count: int64(n), X: form(float64(i) * width), Width: form(0.9 * width), Y: form(100 - height), Height: form(height)})
	}
	h.Bars[8].Refused, h.Bars[8].BadY, h.Bars[8].BadHeight = 6, "92.00", "8.00"
	return h
}

// auditRefused is a filter that found one entry, after a field of it was refused.
func (s Samples) auditRefused() views.AuditView {
	v := s.audit()
	v.Filter = views.AuditFilter{Person: s.T("Farid"), Role: strings.Repeat("x", 201), Result: "refused"}
	v.Search.On = []views.Chip{{Text: "Person: " + s.T("Farid Nazari"), On: true, Href: "/audit?result=refused"}, {Text: "Result: Refused", On: true, Href: "/audit?person=Farid"}}
	v.Rows, v.Pager = v.Rows[4:5], views.Pager{Older: "/audit?cursor=x", Note: "Searched back to 2026-11-02", Continue: true}
	v.Errors = views.Errors{"role": s.T("At most 200 characters.")}
	v.Notes = []string{s.T("“ann…” stands for more than 16 words, and only the first of them count: type more letters."), s.T("Not looked for, as there are longer words: a, b.")}
	v.Saved = []views.SavedSearch{{ID: "s1", Name: s.T("Approvals of last quarter"), Href: "/audit?action=activation.approved&span=last-quarter"}, {ID: "s2", Name: s.T("Refused lately"), Href: "/audit?result=refused&span=7d"}}
	v.Save = views.SaveSearch{Name: s.T("Farid"), Error: s.T("You keep 20 searches already. Delete one first.")}
	v.Export = s.export("running")
	return v
}

// auditOpened has an entry opened in its place, in my audit.
func (s Samples) auditOpened() views.AuditView {
	v := s.audit()
	v.Mine, v.Search.Targets, v.Histogram = true, nil, views.Histogram{}
	v.Filter.Span, v.Export = "last-quarter", s.export("stopped")
	v.Search.On = []views.Chip{{Text: "Last quarter", On: true, Href: "/audit"}}
	v.Opened = &views.EntryView{Shell: s.shell(), Entry: s.entries()[2], StoryHref: "/audit/story/x2", OnlyHref: "/audit?correlation=x2", StoryText: s.T("Activation of db_owner by Alice Keller"),
		Facts: []views.Detail{{Term: "Reason", Value: s.T("Repair the stuck invoice run for October")}, {Term: "Ticket", Value: s.T("INC-48207")}},
		IDs:   []views.Detail{{Term: "Activation", Value: s.T("x2"), Code: true}}, Hash: s.T("b1e4 09c2 7f10 88d1 5d3e"), Steps: s.storySoFar()}
	return v
}

func (s Samples) export(state string) views.AuditExport {
	return views.AuditExport{Reader: s.reader(), State: state, Format: "csv", Entries: 120_000, Back: time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC), Started: ago(1), Ended: ago(0), Href: "/audit?result=refused"}
}

func (s Samples) entries() []views.AuditRow {
	object := s.T("db_owner on billing-prod, akeller")
	return []views.AuditRow{
		{Seq: 184226, At: at(14, 21, 40), Actor: s.stint(), Action: "Grant seen at the target", Object: object, Result: views.Result{Tone: views.OK, Word: "Member"}},
		{Seq: 184219, At: at(14, 16, 2), Actor: s.alice(), Action: "Activation requested", Object: s.T("Global Administrator on northwind.example"), Result: views.Result{Tone: views.Warn, Word: "Waiting"}},
		{Seq: 184201, At: at(14, 2, 11), Actor: s.stint(), Action: "Active, confirmed at the target", Object: object, Result: views.Result{Tone: views.OK, Word: "Active"}},
		{Seq: 184199, At: at(14, 2, 5), Actor: s.bob(), Action: "Activation approved", Object: object, Result: views.Result{Tone: views.OK, Word: "Approved"}},
		{Seq: 184066, At: at(11, 37, 20), Actor: s.farid(), Action: "Activation refused", Object: s.T("db_owner on billing-prod: no ticket"), Result: views.Result{Tone: views.Bad, Word: "Refused"}},
		{Seq: 183950, At: ago(60 * 20), Actor: s.stint(), Action: "Grant seen gone", Object: object, Result: views.Result{Tone: views.OK, Word: "Gone"}},
	}
}

func (s Samples) errors() []Page {
	page := func(name string, status int, title, text string, links ...views.Link) Page {
		v := views.ErrorView{Frame: s.frame(), Status: status, Links: links, Request: s.T("01JD-7QX4-M2KP")}
		if title != "" {
			v.Title, v.Text = s.T(title), s.T(text)
		}
		return Page{name, "*", views.Error(v)}
	}
	return []Page{
		page("error-403", 403, "You can’t approve your own request", "Somebody else has to decide: Carol Lindqvist or a member of grp-db-leads.",
			views.Link{Text: "Back to approvals", Href: "/approvals"}, views.Link{Text: "Show the request", Href: "/activations/x1"}),
		page("error-404", 404, "", ""), page("error-409", 409, "", ""), page("error-422", 422, "", ""),
		page("error-500", 500, "", "", views.Link{Text: "Try again", Href: "/people"}, views.Link{Text: "Go to my roles", Href: "/my-roles"}), page("error-503", 503, "", ""),
	}
}

func (s Samples) gallery(pages []Page) views.GalleryView {
	r := s.reader()
	v := views.GalleryView{
		Shell: s.shell(), Roles: []views.Role{s.domainAdmins(), s.dbOwner(), s.admin()}, People: []views.Person{s.alice(), s.bob(), s.stint()},
		Needs:    append([]views.Need{{Icon: "triangle-alert", Text: s.T("First time"), Risk: true}}, s.needs("fingerprint", "ticket")...),
		Verdicts: append(s.verdicts(), views.Verdict{State: views.Look, Text: s.T("Outside usual hours")}), Story: s.storySoFar()[2:],
		Countdown: []views.CountdownView{
			{Reader: r, Start: ago(20), End: min(100)}, {Reader: r, Start: ago(52), End: min(8), Name: s.T("Domain Admins")},
		},
		Statuses: []views.StatusView{
			{State: views.PendingApproval}, {State: views.Approved}, {State: views.Granting}, {State: views.Active, At: at(14, 2, 11)},
			{State: views.Active, NoTarget: true}, {State: views.Ending}, {State: views.Denied}, {State: views.Canceled}, {State: views.TimedOut},
			{State: views.Failed, Note: s.T("The account no longer exists at the target.")},
			{State: views.Ended, How: views.Expired, Seen: views.SeenGone, At: at(13, 2, 13)},
			{State: views.Ended, How: views.Deactivated, Seen: views.StillHeld, Through: s.T("Database on call"), Until: min(218)},
			{State: views.Ended, How: views.Revoked, Seen: views.HeldBefore}, {State: views.Ended, How: views.Expired, Seen: views.AcceptedGone, By: s.T("Carol Voss")}, {State: views.Ended, How: views.PersonDisabled, Seen: views.NothingHeld},
			{State: views.Ended, How: views.LostAtTarget, Seen: views.SeenGone, At: at(13, 2, 13)},
		},
	}
	for i := range v.Statuses {
		v.Statuses[i].Reader = r
	}
	for _, p := range pages {
		v.Pages = append(v.Pages, views.Link{Text: p.Name, Href: "/" + p.Name})
	}
	return v
}
