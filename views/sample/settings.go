package sample

import (
	"strings"

	"stint/views"
)

func (s Samples) settings() []Page {
	locked := s.settingsPage()
	locked.Lockout = s.T("Nobody could approve: the 3 people in grp-db-leads are disabled. Name somebody who can.")
	locked.Locked = "You made these settings less strict, so you cannot activate this role yourself before 2026-11-20 14:22:11."
	locked.Rows[0].Error, locked.Rows[0].Input = s.T("Longest activation must be between 1m and 24h."), s.T("40 h")
	nothing := s.settingsPage()
	nothing.Resource, nothing.Scope, nothing.Changed, nothing.FromFile, nothing.Version = "", nil, "", false, 0
	nothing.Affected, nothing.Trial = views.Affected{}, nil
	for i := range nothing.Rows {
		nothing.Rows[i].Own, nothing.Rows[i].Was, nothing.Rows[i].Enforced, nothing.Rows[i].From = false, "", "", views.Link{Text: "Stint’s default"}
	}
	reading := s.settingsPage()
	reading.CanEdit = false
	assignment := s.settingsPage()
	assignment.Tab, assignment.Rows, assignment.Trial = "assignment", s.assignmentRules(), nil
	assignment.Demands = []views.Verdict{{Text: "eligible for at most 180 days", Detail: "key-round"}, {Text: "active without activation for at most 15 days", Detail: "shield"}, {Text: "a reason to make somebody active", Detail: "message-square-text"}}
	assignment.Then = "Nobody can hold this role for ever."
	return []Page{
		{"settings", "/roles/:id/settings", views.Settings(s.settingsPage())},
		{"settings-assignment", "/roles/:id/settings", views.Settings(assignment)},
		{"settings-nothing", "/roles/:id/settings", views.Settings(nothing)},
		{"settings-lockout", "/roles/:id/settings", views.Settings(locked)},
		{"settings-reading", "/roles/:id/settings", views.Settings(reading)},
		{"settings-check", "/roles/:id/settings", views.SettingsCheck(s.settingsCheck())},
		{"settings-check-nothing", "/roles/:id/settings", views.SettingsCheck(views.SettingsCheckView{Shell: s.shell(), Role: s.roleHead(), Action: "/roles/d2/settings/restore", Summary: "passkey; at most 8 h", Restores: "version 3"})},
		{"settings-history", "/roles/:id/settings/history", views.SettingsHistory(s.settingsHistory())},
		{"settings-history-nothing", "/roles/:id/settings/history", views.SettingsHistory(views.SettingsHistoryView{Shell: s.shell(), Role: s.roleHead()})},
	}
}

func (s Samples) settingsPage() views.SettingsView {
	above := views.Link{Text: "From " + s.T("PostgreSQL"), Href: "/roles/d2/settings?resource=r0"}
	required := []views.Option{{Value: "yes", Label: "Required"}, {Value: "no", Label: "Not required"}}
	rows := []views.SettingRow{
		{Field: "max_duration", Title: "Longest activation", Help: "1 min to 24 h", Kind: "length", Value: "4 h", Own: true, Was: "8 h, from " + s.T("PostgreSQL"), Input: "4 h", Enforce: true},
		{Field: "default_duration", Title: "Usual activation", Help: "What the form opens with", Kind: "length", Value: "1 h", Input: "1 h", From: views.Link{Text: "Stint’s default"}},
		{Field: "step_up", Title: "Confirmed with", Help: "Always a passkey for a privileged role", Kind: "choice", Value: "a passkey", Input: "passkey", From: above, Options: []views.Option{{Value: "passkey", Label: "Passkey"}}},
		{Field: "context", Title: "Authentication context", Help: "Names the provider knows (acr values), with spaces between them: it must answer one of them. Empty: no sign-in again. The provider offers " + s.T("urn:northwind:card, urn:northwind:mfa"), Kind: "text", Value: s.T("signing in again at the provider: urn:northwind:card"), Input: s.T("urn:northwind:card"), Own: true, Was: "none, Stint’s default"},
		{Field: "justification", Title: "Reason", Help: "Why, in words that approvers and auditors read", Kind: "choice", Value: "required", Input: "yes", From: above, Options: required, Enforced: s.T("PostgreSQL")},
		{Field: "ticket", Title: "Ticket", Help: "The number of a change or an incident", Kind: "choice", Value: "required", Input: "yes", Own: true, Was: "not required, Stint’s default", Options: required, Ignored: true},
		{Field: "approval", Title: "Approval", Help: "Nobody approves for themselves", Kind: "choice", Value: "required", Input: "yes", Own: true, Was: "not required, Stint’s default", Options: required},
		{Field: "approvers", Title: "Approvers", Help: "One of them decides; people and groups", Kind: "people", Value: s.T("Bob Okafor, Carol Lindqvist, grp-db-leads"), Own: true, Was: s.T("Nobody, Stint’s default"), Search: s.T("da"), People: []views.SettingPerson{
			{ID: "p2", Name: s.T("Bob Okafor"), Detail: s.T("Platform lead"), Chosen: true}, {ID: "g1", Name: s.T("grp-db-leads"), Detail: "group", Chosen: true}, {ID: "p4", Name: s.T("Dave Marsh"), Detail: s.T("Database operations")}}},
		{Field: "extension_approval", Title: "Approval of extensions", Help: "Of what runs already", Kind: "choice", Value: "as for the activation", Input: "as_activation", From: above, Options: []views.Option{{Value: "as_activation", Label: "As for the activation"}, {Value: "none", Label: "None"}}},
	}
	return views.SettingsView{
		Shell: s.shell(), Role: s.roleHead(), Resource: "r2", Scope: []string{s.T("Northwind"), s.T("PostgreSQL"), s.T("billing-prod")}, Tab: "activation", Version: 14,
		Changed: "Version 14, by " + s.T("Carol Lindqvist"), FromFile: true, Rows: rows, CanEdit: true,
		Demands:  []views.Verdict{{Text: "passkey", Detail: "fingerprint"}, {Text: "reason", Detail: "message-square-text"}, {Text: "approval by one of 5: " + s.T("Bob Okafor, Carol Lindqvist, grp-db-leads"), Detail: "user-check"}},
		Then:     "The form suggests 1 h, and allows at most 4 h.",
		Affected: views.Affected{People: 14, Groups: 2, Below: []views.RulesAt{{Resource: "r7", Scope: []string{s.T("Northwind"), s.T("PostgreSQL"), s.T("billing-prod"), s.T("ledger")}, Set: "Longest activation"}}},
		Try:      s.T("Alice"), Trial: &views.Trial{Person: s.alice(), Summary: s.T("Alice Keller would need: passkey, reason, approval by one of 4; at most 4 h"), Approver: s.T("Bob Okafor, Carol Lindqvist"), Verdicts: []views.Verdict{{Text: s.T("You are eligible.")}, {State: views.Todo, Text: "A passkey confirms it."}, {State: views.Approver, Text: s.T("Somebody else approves it.")}}},
	}
}

func (s Samples) assignmentRules() []views.SettingRow {
	allowed := []views.Option{{Value: "yes", Label: "Allowed"}, {Value: "no", Label: "Not allowed"}}
	return []views.SettingRow{
		{Field: "permanent_eligible", Title: "Eligible without an end", Help: "Eligible until somebody takes it away", Kind: "choice", Value: "not allowed", Input: "no", Own: true, Was: "allowed, Stint’s default", Options: allowed},
		{Field: "eligible_max", Title: "Longest eligible assignment", Help: "Longest, and what the form opens with", Kind: "length", Value: "180 days", Input: "180 days", Own: true, Was: "365 days, Stint’s default"},
		{Field: "permanent_active", Title: "Active without an end", Help: "Standing access, always on", Kind: "choice", Value: "not allowed", Input: "no", Options: allowed, From: views.Link{Text: "From everywhere", Href: "/roles/d2/settings"}},
		{Field: "active_max", Title: "Longest active assignment", Help: "Longest for a direct active assignment", Kind: "length", Value: "15 days", Input: "15 days", From: views.Link{Text: "From everywhere", Href: "/roles/d2/settings"}},
	}
}

func (s Samples) changes() []views.SettingChange {
	return []views.SettingChange{
		{Title: "Longest activation", Was: "4 h", Is: "8 h", Looser: true},
		{Title: "Approvers", Was: s.T("Bob Okafor, grp-db-leads"), Is: s.T("Bob Okafor")},
		{Title: "Reason at " + s.T("ledger"), Was: "required", Is: "not required", Looser: true},
	}
}

func (s Samples) settingsCheck() views.SettingsCheckView {
	return views.SettingsCheckView{
		Shell: s.shell(), Role: s.roleHead(), Resource: "r2", Scope: []string{s.T("Northwind"), s.T("PostgreSQL"), s.T("billing-prod")}, Action: "/roles/d2/settings",
		Keep: []views.Option{{Value: "own_max_duration", Label: "yes"}, {Value: "max_duration", Label: s.T("8 h")}}, Changes: s.changes(), Touch: true, Typed: views.Typed{Name: s.T("db_owner")},
		Warnings: []string{s.T("Only Bob Okafor could approve, and nobody approves for themselves: they could not activate it."), s.T("Farid Nazari and Dave Marsh have no passkey and could not activate it.")},
		Notes:    []string{"2 running activations stay as they are.", "Every administrator is told that it became less strict."}, Summary: "passkey, reason, approval by 1 person; at most 8 h",
		Affected: views.Affected{People: 14}, Error: "Tick this first: the change is risky.", Try: s.T("a"), TryHits: []views.SettingPerson{{ID: "p1", Name: s.T("Alice Keller"), Detail: s.T("Site reliability")}},
	}
}

func (s Samples) settingsHistory() views.SettingsHistoryView {
	return views.SettingsHistoryView{
		Shell: s.shell(), Role: s.roleHead(), Resource: "r2", Scope: []string{s.T("Northwind"), s.T("PostgreSQL"), s.T("billing-prod")}, Current: 14, CanEdit: true,
		Versions: []views.SettingsVersion{
			{Number: 14, At: ago(60 * 24), By: s.T("Carol Lindqvist"), Current: true, Changes: s.changes()[:1]},
			{Number: 13, At: ago(60 * 24 * 9), By: s.T(strings.Repeat("Long ", 12) + "name"), Changes: s.changes()[1:2]},
			{Number: 12, At: ago(60 * 24 * 10), Removed: true},
		}, Pager: views.Pager{Older: "/roles/d2/settings/history?cursor=11"},
	}
}
