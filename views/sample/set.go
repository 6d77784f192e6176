package sample

import (
	"slices"
	"time"

	"stint/views"
)

func (s Samples) sets() []Page {
	return []Page{
		{"activate-set", "/my-roles/several", views.ActivateSet(s.activateSet(nil))},
		{"activate-set-errors", "/my-roles/several", views.ActivateSet(s.activateSet(views.Errors{
			"pick": s.T("Nothing was asked for yet: a role below says no. Leave it out or change it."), "justification": s.T("Give a reason in words; approvers and auditors read it."),
			"name": s.T("At most 60 characters for the name; shorten it."),
		}))},
		{"results", "/results/:id", views.Results(s.results())},
		{"approvals-several", "/approvals/several", views.DecideSet(views.DecideSetView{
			Shell: s.shell(), Rows: slices.DeleteFunc(s.waiting(true), func(r views.PendingRow) bool { return r.Extension != "" }), Reason: s.T("—"), Errors: views.Errors{"justification": s.T("Give a reason in words; approvers and auditors read it.")},
		})},
	}
}

func (s Samples) activateSet(wrong views.Errors) views.ActivateSetView {
	hours := func(h ...int) (out []time.Duration) {
		for _, n := range h {
			out = append(out, time.Duration(n)*time.Hour)
		}
		return out
	}
	v := views.ActivateSetView{
		Shell: s.shell(), Passkey: true, ReasonNeeded: true, TicketNeeded: true, Approvals: 1, SetName: s.T("Monday on call"), Set: "s1", Errors: wrong,
		Missing: []string{s.T("You are not eligible for Backup Operators on corp any more; the set goes on without it.")},
		Values:  views.ActivateValues{Justification: s.T("On call this week."), TicketNumber: s.T("OPS-118")},
		Rows: []views.SetRow{
			{Assignment: "a1", Role: s.sre(), Needs: s.needs("fingerprint", "message-square-text"), Choices: hours(1, 2, 4, 8), Chosen: 8 * time.Hour},
			{Assignment: "a2", Role: s.role("cluster-admin", "kubernetes", "Kubernetes", "prod-eu-1", "payments"), Needs: s.needs("fingerprint", "message-square-text", "ticket"), Choices: hours(1, 2), Chosen: 2 * time.Hour},
			{Assignment: "a3", Role: s.dbOwner(), Needs: s.needs("fingerprint", "message-square-text", "user-check"), Choices: hours(1, 2), Chosen: time.Hour},
		},
	}
	if wrong != nil {
		v.Rows[1].Wrong = s.T("Choose one of the durations.")
		v.Rows[2].Verdicts = []views.Verdict{{State: views.Fail, Text: s.T("This role is already active for you. Deactivate it first if you need a new window.")}}
	}
	return v
}

func (s Samples) results() views.ResultsView {
	return views.ResultsView{
		Shell: s.shell(), Title: s.T("2 of 3 roles asked for"), Note: s.T("Each one on its own: what is refused changes nothing else."), Back: views.Link{Text: "My roles", Href: "/my-roles"},
		Rows: []views.ResultRow{
			{Role: s.sre(), Status: views.StatusView{State: views.Active, At: at(14, 22, 3)}, Href: "/activations/x1"},
			{Role: s.role("cluster-admin", "kubernetes", "Kubernetes", "prod-eu-1", "payments"), Status: views.StatusView{State: views.Granting}, Href: "/activations/x2"},
			{Role: s.dbOwner(), Refused: s.T("Your eligibility changed since you confirmed. Look at it and ask again.")},
		},
	}
}
