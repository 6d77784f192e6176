package sample

import (
	"time"

	"stint/views"
)

func (s Samples) workloads() []Page {
	empty := s.workload()
	empty.Enabled, empty.Owner, empty.Accounts, empty.Rows, empty.About = false, views.Link{}, nil, nil, ""
	return []Page{
		{"workloads", "/workloads", views.Workloads(views.WorkloadsView{Shell: s.shell(), CanManage: true, Rows: s.workloadRows(), Pager: views.Pager{Older: "/workloads?cursor=x", Forward: true}})},
		{"workloads-nothing", "/workloads", views.Workloads(views.WorkloadsView{Shell: s.shell(), CanManage: true})},
		{"workloads-no-hit", "/workloads", views.Workloads(views.WorkloadsView{Shell: s.shell(), Q: s.T("zzz")})},
		{"workload-new", "/workloads/new", views.WorkloadForm(views.WorkloadFormView{Shell: s.shell(), Values: views.WorkloadValues{Name: s.T("ledger-exporter"), Owner: s.T("db")},
			Errors: views.Errors{"owner": s.T("Several have this: Database leads, Database operations. Write more of it.")}})},
		{"workload-edit", "/workloads/:id/edit", views.WorkloadForm(views.WorkloadFormView{Shell: s.shell(), ID: "w1", Name: s.T("ledger-exporter"), Version: 2, FromFile: true,
			Values: views.WorkloadValues{Name: s.T("ledger-exporter"), About: s.T("Nightly export of the ledger, on build-3"), Owner: s.T("Database leads")}})},
		{"workload", "/workloads/:id", views.WorkloadPage(s.workload())},
		{"workload-disabled", "/workloads/:id", views.WorkloadPage(empty)},
	}
}

func (s Samples) workloadRows() []views.WorkloadRow {
	return []views.WorkloadRow{
		{ID: "w1", Name: s.T("ledger-exporter"), About: s.T("Nightly export of the ledger, on build-3"), Owner: s.T("Database leads"), Enabled: true, Roles: 2},
		{ID: "w2", Name: s.T("old-pipeline"), Roles: 0},
	}
}

func (s Samples) workload() views.WorkloadView {
	return views.WorkloadView{Shell: s.shell(), ID: "w1", Name: s.T("ledger-exporter"), About: s.T("Nightly export of the ledger, on build-3"), Enabled: true, Version: 2,
		Owner: views.Link{Text: s.T("Database leads"), Href: "/groups/g1"}, Facts: []views.Detail{{Term: "Known from", Value: s.T("this portal")}, {Term: "Since", At: ago(60 * 24 * 20)}},
		Accounts: []views.AccountRow{{ID: "c1", Target: s.T("Head office directory"), TargetID: "t1", Name: s.T("uid=ledger,ou=services,dc=northwind,dc=example"), ImmutableID: s.T("7b0c1d52-91ab"),
			Matched: s.T("by its name, looked up at the target"), Confirmed: ago(60 * 24 * 3), By: s.T("Carol Lindqvist")}},
		Rows: s.assignmentRows()[6:], More: "/assignments?q=ledger", CanManage: true, CanAdd: true}
}

// workloadRoles are the roles of workloads that the reader answers for.
func (s Samples) workloadRoles() []views.WorkloadRole {
	return []views.WorkloadRole{
		{Assignment: "a81", Workload: s.T("ledger-exporter"), Role: s.backup(), State: views.InForce, Until: Now.Add(9 * 24 * time.Hour), Ask: "extend"},
		{Assignment: "a82", Workload: s.T("old-pipeline"), Role: s.backup(), State: views.OverByTime, Until: ago(60 * 24 * 3), Ask: "renew"},
	}
}
