package sample

import (
	"time"

	"stint/views"
)

func (s Samples) approvals() []Page {
	return []Page{
		{"approvals", "/approvals", views.Approvals(views.ApprovalsView{
			Shell: s.shell(), List: views.ApprovalsListView{Rows: s.waiting(true)}, SeesAll: true, CountMine: 4, CountAll: 9,
		})},
		{"approvals-nothing", "/approvals", views.Approvals(views.ApprovalsView{Shell: s.shell()})},
		{"approvals-all", "/approvals/all", views.Approvals(views.ApprovalsView{
			Shell: s.shell(), Tab: views.TabAll, List: views.ApprovalsListView{Rows: s.waiting(false)}, SeesAll: true, CountMine: 4, CountAll: 9,
		})},
		{"approvals-decided", "/approvals/decided", views.Approvals(views.ApprovalsView{
			Shell: s.shell(), Tab: views.TabDecided, Decided: s.decided(), CountMine: 4, Pager: views.Pager{Older: "/approvals/decided?cursor=x"},
		})},
		{"approval", "/approvals/:id", views.Approval(s.approval())},
		{"approval-extension", "/approvals/extensions/:id", views.Approval(s.approvalExtension())},
		{"approval-planned", "/approvals/:id", views.Approval(s.approvalPlanned())},
		{"approval-decided", "/approvals/:id", views.Approval(s.approvalDecided())},
	}
}

func (s Samples) waiting(decide bool) []views.PendingRow {
	return []views.PendingRow{
		{
			Activation: "x10", Person: s.dave(), Role: s.role("Owner", "cloud", "Azure", "prod-eu"), Duration: 4 * time.Hour, Asked: ago(12), TimesOut: min(60*24 - 12),
			Justification: s.T("Rebuild the disk encryption set for the warehouse hosts; the key expires on Friday."), Ticket: s.T("CHG-1190"), CanDecide: decide,
			Facts: []views.Need{{Icon: "triangle-alert", Text: s.T("First time in this role here"), Risk: true}},
		},
		{Activation: "x2", Extension: "e1", Person: s.dave(), Role: s.dbOwner(), Duration: time.Hour, Until: at(17, 2, 11), Asked: ago(2), Justification: s.T("The run is not through yet."), CanDecide: decide},
		{Activation: "x11", Person: s.farid(), Role: s.dbOwner(), Duration: 2 * time.Hour, Asked: ago(3), TimesOut: min(60*24 - 3), Justification: s.T("Fix data"), CanDecide: decide},
		{Activation: "x12", Person: s.erin(), Role: s.sre(), Duration: time.Hour, Asked: ago(1), TimesOut: min(60*24 - 1), Justification: s.T("Read the incident timeline of 14 Nov for the yearly audit."), Ticket: s.T("AUD-77"), CanDecide: decide},
	}
}

func (s Samples) decided() []views.DecidedRow {
	status := func(st views.State) views.StatusView { return views.StatusView{State: st} }
	return []views.DecidedRow{
		{Activation: "x1", Person: s.alice(), Role: s.dbOwner(), At: ago(20), Status: status(views.Approved), Duration: 2 * time.Hour, By: "You", Reason: s.T("Fine, the run is blocked for everybody.")},
		{Activation: "x1", Extension: "e1", Person: s.alice(), Role: s.dbOwner(), At: ago(90), Status: status(views.Approved), Duration: time.Hour, By: "You", Reason: s.T("The run is not through yet.")},
		{Activation: "x2", Person: s.farid(), Role: s.domainAdmins(), At: ago(60 * 16), Status: status(views.Denied), By: s.T("Carol Lindqvist"), Reason: s.T("No change is planned tonight. Ask again with a ticket.")},
		{Activation: "x3", Person: s.alice(), Role: s.admin(), At: ago(60 * 50), Status: status(views.Canceled), By: s.T("Alice Keller"), Reason: s.T("Not needed any more.")},
		{Activation: "x4", Person: s.erin(), Role: s.sre(), At: ago(60 * 70), Status: status(views.TimedOut), By: "Nobody", Reason: s.T("answered within 24 h.")},
	}
}

func (s Samples) approval() views.ApprovalView {
	return views.ApprovalView{
		Shell: s.shell(), Activation: "x10", Person: s.dave(), Role: s.role("Owner", "cloud", "Azure", "prod-eu"),
		Status:        views.StatusView{State: views.PendingApproval},
		Justification: s.T("Rebuild the disk encryption set for the warehouse hosts; the key expires on Friday."), Ticket: s.T("CHG-1190"),
		Duration: 4 * time.Hour, Asked: ago(12), TimesOut: min(60*24 - 12), CanDecide: true, Passkey: true, CanCancel: true,
		Facts: s.waiting(true)[0].Facts, Verdicts: []views.Verdict{{Text: s.T("Eligible until 2027-03-12")}, {Text: s.T("4 h is within the 4 h allowed")}, {Text: s.T("Reason given")}, {Text: s.T("Ticket given")}}, StageText: s.T("One of 2 decides; the first decision counts."),
		Approvers: []views.Person{s.bob(), s.carol()},
		Holds: []views.HeldRole{
			{Role: s.dbOwner(), State: "active", Until: at(16, 2, 11), Tone: views.OK},
			{Role: s.backup(), State: "eligible"},
		},
		Errors: views.Errors{"justification": s.T("Say why; it goes to Dave Marsh and into the audit log.")},
	}
}

func (s Samples) approvalExtension() views.ApprovalView {
	v := s.approval()
	v.Extension, v.Errors, v.Facts, v.CanCancel = "e1", nil, nil, false
	v.Duration, v.FromEnd, v.Until, v.TimesOut = time.Hour, at(16, 2, 11), at(17, 2, 11), at(16, 2, 11)
	return v
}

func (s Samples) approvalPlanned() views.ApprovalView {
	v := s.approval()
	v.Errors, v.Start = nil, at(24+22, 0, 0)
	return v
}

func (s Samples) approvalDecided() views.ApprovalView {
	v := s.approval()
	v.CanDecide, v.Errors, v.Holds = false, nil, nil
	v.Status = views.StatusView{State: views.Denied}
	v.WhyNot = s.T("The first decision counts, so there is nothing left to decide.")
	v.Decisions = []views.Decision{{By: s.carol(), Deny: true, At: ago(2), Reason: s.T("No change is planned tonight. Ask again with a ticket.")}}
	return v
}
