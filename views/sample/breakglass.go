package sample

import "stint/views"

func (s Samples) breakGlass() []Page {
	sealed, vault := s.person("b1", "Emergency account 1", "sealed, in the safe of building A"), s.person("b2", "Emergency account 2", "sealed, in the vault of the bank")
	uses := []views.BreakGlassUse{
		{ID: "u2", Person: sealed, At: ago(12), Browser: s.T("Firefox on Linux"), Address: s.T("198.51.100.7")},
		{ID: "u1", Person: s.alice(), At: ago(600), Browser: s.T("Chrome on Windows"), Address: s.T("203.0.113.9"), Own: true},
	}
	accounts := []views.BreakGlassRow{
		{Person: sealed, Marked: ago(60 * 24 * 200), Passkeys: 2, LastUse: ago(12), LastDrill: ago(60 * 24 * 40)},
		{Person: vault, Marked: ago(60 * 24 * 120), Passkeys: 1, Missing: []string{
			"one passkey only: keep a second one in another place", "not permanently active as Privileged Role Administrator", "not used for 90 days: a drill is due",
		}},
	}
	shell := s.shell()
	shell.Can.BreakGlass = true
	loud := shell
	loud.Uses = views.EmergencyUses{Open: 2, Person: sealed.Name, At: ago(12), Review: true}
	waits := shell
	waits.Uses = views.EmergencyUses{Open: 1, Person: sealed.Name, At: ago(12)}
	owners := views.OwnersView{
		Shell: s.shell(), ID: "r3", Name: s.T("billing-prod"), Path: []string{s.T("Northwind"), s.T("PostgreSQL"), s.T("billing-prod")}, Own: true, Version: "3",
		Above: "every role that is not privileged",
		Roles: []views.HandOutRole{{ID: "d1", Name: s.T("db_owner"), Privileged: true}, {ID: "d2", Name: s.T("db_reader"), Picked: true}},
	}
	refused := owners
	refused.Errors = views.Errors{"pick": s.T("Choose roles of the list; Stint’s own cannot be handed out here."), "follow": s.T("It follows the level above already.")}
	none := owners
	none.Roles, none.Own = nil, false
	return []Page{
		{"owners", "/resources/:id/owners", views.Owners(owners)},
		{"owners-error", "/resources/:id/owners", views.Owners(refused)},
		{"owners-none", "/resources/:id/owners", views.Owners(none)},
		{"emergency", "/sign-in/emergency", views.Emergency(views.EmergencyView{Frame: s.frame(), Options: s.T(`{"challenge":"AAAA"}`)})},
		{"emergency-refused", "/sign-in/emergency", views.Emergency(views.EmergencyView{
			Frame: s.frame(), Options: s.T(`{"challenge":"AAAA"}`), Error: s.T("This passkey opens nothing here."), Request: s.T("01JD-7QX4-M2KP"),
		})},
		{"break-glass", "/break-glass", views.BreakGlass(views.BreakGlassView{Shell: loud, Accounts: accounts, Open: uses, Beside: 3, Min: 2, CanManage: true})},
		{"break-glass-none", "/break-glass", views.BreakGlass(views.BreakGlassView{Shell: shell, Min: 2})},
		{"break-glass-error", "/break-glass", views.BreakGlass(views.BreakGlassView{
			Shell: loud, Accounts: accounts[:1], Open: uses[:1], Min: 2, CanManage: true, Typed: views.BreakGlassForm{Person: s.T("Emergncy"), Use: "u2", Words: s.T("?"), Drill: true},
			Errors: views.Errors{"person": s.T("Write the whole name or e-mail address of one person that Stint knows."), "words": s.T("Say why in a sentence.")},
		})},
		{"break-glass-banner", "/notices", views.Notices(views.NoticesView{Shell: loud})},
		{"break-glass-banner-eligible", "/notices", views.Notices(views.NoticesView{Shell: waits})},
	}
}
