package sample

import (
	"time"

	"stint/views"
)

// managing is the shell of somebody who administers everything.
func (s Samples) managing() views.Shell {
	shell := s.shell()
	shell.Person = s.carol()
	shell.Can = views.Can{Approve: true, Resources: true, Roles: true, Assignments: true, People: true, Groups: true, Sync: true, Targets: true, Audit: true}
	return shell
}

func (s Samples) assignments() []Page {
	v := views.AssignmentsView{Shell: s.managing(), Rows: s.assignmentRows(), Requests: 2, CanAdd: true, CanDecide: true, Pager: views.Pager{Forward: true, Older: "/assignments?cursor=x"}}
	filtered := v
	filtered.Filter = views.AssignmentFilter{Kind: "eligible", Until: "soon", Role: "r1", Resource: "n3"}
	filtered.RoleName, filtered.Where, filtered.Rows = s.T("db_owner"), s.T("PostgreSQL"), v.Rows[:3]
	none, places, empty := v, v, v
	none.Filter, none.Rows, none.Pager = views.AssignmentFilter{Q: s.T("owner")}, nil, views.Pager{}
	none.Roles = []views.Chip{{Text: s.T("db_owner"), Href: "/assignments?role=r1"}}
	places.WhereQ, places.Places = s.T("billing"), s.places()
	empty.Rows, empty.Pager, empty.Requests = nil, views.Pager{}, 0
	expired := v
	expired.Filter.State, expired.Rows = views.TabExpired, s.expired()
	return []Page{
		{"assignments", "/assignments", views.Assignments(v)},
		{"assignments-filtered", "/assignments", views.Assignments(filtered)},
		{"assignments-places", "/assignments", views.Assignments(places)},
		{"assignments-expired", "/assignments", views.Assignments(expired)},
		{"assignments-no-hit", "/assignments", views.Assignments(none)},
		{"assignments-nothing", "/assignments", views.Assignments(empty)},
		{"members", "/roles/:id/members", views.Members(s.members())},
		{"members-no-hit", "/roles/:id/members", views.Members(s.membersNone())},
		{"person-roles", "/people/:id/roles", views.PersonRoles(s.personRoles())},
		{"person-roles-nothing", "/people/:id/roles", views.PersonRoles(views.PersonRolesView{Shell: s.managing(), Person: views.PersonHead{Who: s.erin(), Enabled: true}, CanAdd: true})},
		{"assignment-same-who", "/assignments/same", views.Same(views.SameView{Shell: s.managing(), More: true, Choices: s.sameChoices()})},
		{"assignment-same-no-hit", "/assignments/same", views.Same(views.SameView{Shell: s.managing(), Principal: "p9", Who: s.holder(s.erin()), Q: s.T("zzz")})},
		{"assignment-same", "/assignments/same", views.Same(s.same())},
		{"assignment-same-nothing", "/assignments/same", views.Same(views.SameView{Shell: s.managing(), Principal: "p9", Like: "p2", Who: s.holder(s.erin()), Whom: s.holder(s.bob())})},
		{"assignment-several", "/assignments/several", views.Several(s.several())},
		{"assignment-new-role", "/assignments/new", views.NewAssignment(s.newRole())},
		{"assignment-new-place", "/assignments/new", views.NewAssignment(s.newPlace())},
		{"assignment-new-none", "/assignments/new", views.NewAssignment(views.NewAssignmentView{Shell: s.managing(), Q: s.T("zzz")})},
		{"assignment-new", "/assignments/new", views.NewAssignment(s.newAssignment(nil))},
		{"assignment-new-refused", "/assignments", views.NewAssignment(s.newAssignment(views.Errors{
			"pick": s.T("Farid Nazari is eligible for it here already. Change that assignment, or leave them out."), "end": s.T("At most 180 days for db_owner; choose an end until 2027-05-18."),
			"justification": s.T("Give a reason in words; auditors read it."), "kind": s.T("ledger-exporter is a workload: it can only be active.")}))},
		{"assignment", "/assignments/:id", views.Assignment(s.assignment())},
		{"assignment-group", "/assignments/:id", views.Assignment(s.assignmentOfGroup())},
		{"assignment-expired", "/assignments/:id", views.Assignment(s.assignmentExpired())},
		{"assignment-refused", "/assignments/:id/change", views.Assignment(s.assignmentRefused())},
		{"assignment-ask", "/my-roles/:assignment/request", views.AskAssignment(s.askAssignment(false))},
		{"assignment-ask-renew", "/my-roles/:assignment/request", views.AskAssignment(s.askAssignment(true))},
		{"assignment-ask-asked", "/my-roles/:assignment/request", views.AskAssignment(s.assignmentAsked())},
		{"assignment-requests", "/assignment-requests", views.AssignmentRequests(views.AssignmentRequestsView{Shell: s.managing(), Rows: s.assignmentRequestRows(), Waiting: 2})},
		{"assignment-requests-nothing", "/assignment-requests", views.AssignmentRequests(views.AssignmentRequestsView{Shell: s.managing()})},
		{"assignment-request", "/assignment-requests/:id", views.AssignmentRequest(s.assignmentRequest())},
		{"assignment-request-decided", "/assignment-requests/:id", views.AssignmentRequest(s.assignmentRequestDecided())},
	}
}

// day is a date at noon, so many days from now.
func day(n int) time.Time { return Now.AddDate(0, 0, n) }

func (s Samples) holder(p views.Person) views.Holder { return views.Holder{Person: p} }

func (s Samples) dbLeads() views.Holder {
	return views.Holder{Person: s.person("g1", "grp-db-leads", "Group, 3 people"), Group: true}
}

func (s Samples) exporter() views.Holder {
	return views.Holder{Person: s.person("w1", "ledger-exporter", "Workload"), Workload: true}
}

func (s Samples) assignmentRows() []views.AssignmentRow {
	return []views.AssignmentRow{
		{ID: "as1", Holder: s.holder(s.alice()), HolderHref: "/people/p1", Role: s.dbOwner(), State: views.InForce, From: day(-160), Until: day(223), CanChange: true},
		{ID: "as2", Holder: s.holder(s.bob()), HolderHref: "/people/p2", Role: s.dbOwner(), State: views.InForce, From: day(-290), CanChange: true},
		{ID: "as3", Holder: s.holder(s.dave()), HolderHref: "/people/p4", Role: s.dbOwner(), Active: true, State: views.InForce, From: day(-10), Until: day(5), Asked: s.T("asks to extend"), CanChange: true},
		{ID: "as7", Holder: views.Holder{Person: s.erin(), Gone: s.T("disabled")}, HolderHref: "/people/p9", Role: s.backup(), State: views.InForce, From: day(-17), Until: day(13)},
		{ID: "as5", Holder: s.holder(s.farid()), HolderHref: "/people/p6", Role: s.backup(), State: views.StartsLater, From: day(4), Until: day(94), CanChange: true},
		{ID: "as4", Holder: s.dbLeads(), HolderHref: "/groups/g1", Role: s.role("pg_monitor", "database", "PostgreSQL"), State: views.InForce, From: day(-260), Until: day(105), CanChange: true},
		{ID: "as6", Holder: s.exporter(), Role: s.backup(), Active: true, State: views.InForce, From: day(-18), Until: day(11), CanChange: true},
	}
}

func (s Samples) expired() []views.AssignmentRow {
	return []views.AssignmentRow{
		{ID: "as8", Holder: s.holder(s.bob()), HolderHref: "/people/p2", Role: s.dbOwner(), State: views.OverByTime, From: day(-190), Until: day(-9), Asked: s.T("asks to renew"), CanChange: true},
		{ID: "as9", Holder: s.holder(s.dave()), HolderHref: "/people/p4", Role: s.backup(), Active: true, State: views.OverByTime, From: day(-40), Until: day(-22), CanChange: true},
	}
}

func (s Samples) places() []views.Found {
	return []views.Found{
		{Role: s.role("billing-prod", "database", "PostgreSQL", "billing-prod"), Href: "/assignments?resource=n3", Note: s.T("14 assignments")},
		{Role: s.role("rg-billing", "cloud", "Azure", "prod-eu", "rg-billing"), Href: "/assignments?resource=n9"},
	}
}

func (s Samples) members() views.MembersView {
	rows := append([]views.AssignmentRow{}, s.assignmentRows()[:3]...)
	rows = append(rows, views.AssignmentRow{ID: "as4", Holder: s.dbLeads(), HolderHref: "/groups/g1", Role: s.dbOwner(), State: views.InForce, From: day(-260), Until: day(105),
		Inherited: views.Link{Text: s.T("PostgreSQL"), Href: "/roles/r1/members?resource=n2"}})
	return views.MembersView{Shell: s.managing(), Role: s.roleHead(), Resource: "n3", Scope: s.dbOwner().Scope, Filter: views.AssignmentFilter{Resource: "n3"}, Rows: rows,
		CanAdd: true, Pager: views.Pager{Forward: true, Older: "/roles/r1/members?cursor=x"}}
}

func (s Samples) membersNone() views.MembersView {
	v := s.members()
	v.Resource, v.Filter = "", views.AssignmentFilter{Q: s.T("zzz")}
	v.Scope, v.Rows, v.Pager, v.Places = nil, nil, views.Pager{}, s.places()
	return v
}

func (s Samples) personRoles() views.PersonRolesView {
	rows := []views.AssignmentRow{
		{ID: "as1", Holder: s.holder(s.alice()), Role: s.dbOwner(), State: views.InForce, From: day(-160), Until: day(223), LastActive: day(0), CanChange: true},
		{ID: "as11", Holder: s.dbLeads(), Role: s.sre(), State: views.InForce, From: day(-20), Until: day(12), Through: views.Link{Text: s.T("Site reliability"), Href: "/groups/g3"}, LastActive: day(-1)},
		{ID: "as12", Holder: s.holder(s.alice()), Role: s.role("Security Reader", "stint", "Stint"), Active: true, State: views.InForce, From: day(-300), CanChange: true},
	}
	return views.PersonRolesView{Shell: s.managing(), Person: views.PersonHead{Who: s.alice(), Enabled: true}, Rows: rows, CanAdd: true, Holds: []views.HeldRole{{Role: s.domainAdmins(), State: "active", Tone: views.OK, Until: min(8)}}}
}

func (s Samples) newRole() views.NewAssignmentView {
	return views.NewAssignmentView{Shell: s.managing(), More: true, Kept: "p1", Choices: []views.Found{
		{Role: views.Role{Name: s.T("db_owner"), Kind: "database", Scope: []string{s.T("Owns every table of a database")}}, Href: "/assignments/new?role=r1", Note: s.T("privileged")},
		{Role: views.Role{Name: s.T("Backup Operators"), Kind: "ldap"}, Href: "/assignments/new?role=r2"},
	}}
}

func (s Samples) newPlace() views.NewAssignmentView {
	v := s.newRole()
	v.Role, v.Shown, v.Choices, v.More, v.ChangeAll, v.Q = "r1", s.dbOwner(), s.places(), false, "/assignments/new", s.T("bill")
	return v
}

func (s Samples) bounds() []string {
	return []string{s.T("Eligible: at most 180 days, or without end (set at PostgreSQL)."), s.T("Active: at most 30 days (set for db_owner everywhere).")}
}

func (s Samples) assignmentForm(wrong views.Errors) views.AssignmentForm {
	return views.AssignmentForm{Errors: wrong, Bounds: s.bounds(), ReasonNeeded: s.T("needed for active"), Ticket: true, Permanent: true, Longest: true,
		Values: views.AssignmentValues{Kind: "eligible", Start: "now", End: "at", EndAt: "2027-05-18T14:22", Zone: s.T("Europe/Berlin"),
			Justification: s.T("Joins the on-call rotation of billing on 1 December.")}}
}

func (s Samples) newAssignment(wrong views.Errors) views.NewAssignmentView {
	v := views.NewAssignmentView{Shell: s.managing(), Role: "r1", Resource: "n3", Shown: s.dbOwner(), Who: s.T("na"), MoreWho: true, Form: s.assignmentForm(wrong), Passkey: true,
		ChangeAll: "/assignments/new", ChangeAt: "/assignments/new?role=r1",
		Rows: []views.PickRow{
			{Holder: s.holder(s.alice()), Ticked: true}, {Holder: s.holder(s.farid()), Ticked: true, Note: s.T("no passkey yet")}, {Holder: s.dbLeads(), Note: s.T("eligible at PostgreSQL, until 2027-03-03")},
		},
		Aside: views.NewAssignmentAsideView{
			Verdicts: []views.Verdict{{Text: s.T("You hand out db_owner on billing-prod")}, {Text: s.T("180 days are within the 180 days allowed")}, {Text: s.T("Reason given")},
				{State: views.Look, Text: s.T("Farid Nazari has no passkey yet"), Detail: s.T("db_owner asks for one: they could not activate it.")},
				{State: views.Todo, Text: s.T("Your passkey confirms it"), Detail: s.T("On the next page, for exactly what you see here.")}},
			Steps: []string{s.T("Alice Keller will be able to activate db_owner on billing-prod for at most 4 h at a time, with passkey, reason and approval by one of 5."),
				s.T("Farid Nazari will be able to activate it once he has a passkey."), s.T("Both end on 2027-05-18 14:22. They may ask for longer from 14 days before.")},
		}}
	if wrong != nil {
		v.Rows[1].Note = s.T("eligible already, until 2027-02-14")
		v.Aside.Verdicts[1] = views.Verdict{State: views.Fail, Text: s.T("365 days are more than the 180 days allowed"), Detail: s.T("Set at PostgreSQL.")}
		v.Form.Values.EndAt, v.Form.Values.Justification = "2027-11-19T14:22", s.T("no")
	}
	return v
}

func (s Samples) assignment() views.AssignmentView {
	form := s.assignmentForm(nil)
	form.Begun, form.Ticket, form.Values.EndAt, form.Values.Justification = true, false, "2026-11-24T14:22", ""
	return views.AssignmentView{Shell: s.managing(), ID: "as1", Holder: s.holder(s.dave()), HolderHref: "/people/p4", Role: s.dbOwner(), RoleHref: "/roles/r1/members?resource=n3",
		State: views.InForce, From: day(-160), Until: day(5), Reason: s.T("Member of the database operations team."),
		Facts: []views.Detail{{Term: "Made by", Value: s.T("Carol Lindqvist")}, {Term: "Made", At: day(-160)}, {Term: "Ticket", Value: s.T("CHG-10217")}, {Term: "Known from", Value: s.T("this portal")}},
		Needs: s.needs("fingerprint", "message-square-text", "user-check"),
		Gives: []string{s.T("At billing-prod (PostgreSQL): member of db_owner."), s.T("For at most 4 h at a time, with approval by one of 5.")},
		Uses: []views.AssignmentUse{{Person: s.dave(), Status: views.StatusView{State: views.Active}, At: ago(20), Href: "/activations/x2"},
			{Person: s.dave(), Status: views.StatusView{State: views.Ended, How: views.Expired}, At: day(-7), Href: "/activations/x3"}},
		Story: []views.StoryStep{{At: day(-160), Text: s.T("Assigned by Carol Lindqvist"), More: s.T("eligible, for 180 days"), Entry: 1811}, {At: day(-30), Text: s.T("End moved by Carol Lindqvist"), More: s.T("from 2026-12-01 to 2026-11-24"), Quote: s.T("Leaves the team earlier."), Entry: 90211},
			{At: day(5), Text: s.T("Ends"), More: s.T("A running activation ends with it"), Next: true}},
		StoryMore: "/audit", Change: &form, Passkey: true, Remove: &views.AssignmentForm{ReasonNeeded: "always"},
		Ends:  []string{s.T("Dave Marsh can no longer activate db_owner on billing-prod."), s.T("1 running activation ends now, and Stint takes the role away.")},
		Asked: &views.AssignmentAsked{ID: "l1", By: s.dave(), At: ago(200), Reason: s.T("I stay on the team until the end of March."), Decide: true}}
}

func (s Samples) assignmentOfGroup() views.AssignmentView {
	v := s.assignment()
	v.Holder, v.Active, v.Until, v.Asked, v.Uses, v.Change, v.Remove = s.dbLeads(), true, time.Time{}, nil, nil, nil, nil
	v.WhyNot, v.Gives = s.T("It comes from the file: change it there, or the next stint apply would set it back."), []string{s.T("At billing-prod (PostgreSQL): member of db_owner, for each of the 3 people, all the time.")}
	v.Needs, v.Story = nil, v.Story[:1]
	return v
}

func (s Samples) assignmentExpired() views.AssignmentView {
	v := s.assignment()
	form := s.assignmentForm(nil)
	v.State, v.Until, v.Remove, v.Uses, v.Change = views.OverByTime, day(-9), nil, nil, &form
	v.Story = append(v.Story[:1], views.StoryStep{At: day(-9), Text: s.T("Expired"), More: s.T("Its time was over"), Entry: 120_112})
	v.Asked = &views.AssignmentAsked{ID: "l2", By: s.dave(), At: ago(200), Renew: true, Reason: s.T("I was on leave when it ended."), Decide: true}
	return v
}

func (s Samples) assignmentRefused() views.AssignmentView {
	v := s.assignment()
	form := *v.Change
	form.Errors = views.Errors{"end": s.T("An assignment lasts at least 5 minutes; choose a later end."), "kind": s.T("They are active here already, by another assignment.")}
	v.Change, v.Remove = &form, &views.AssignmentForm{ReasonNeeded: "always", Errors: views.Errors{"remove_justification": s.T("Give a reason in words; auditors read it."), "": s.T("This is the last person able to administer Stint. Make another one able first.")}}
	return v
}

func (s Samples) askAssignment(renew bool) views.AskAssignmentView {
	v := views.AskAssignmentView{Shell: s.shell(), Assignment: "as3", Role: s.dbOwner(), Renew: renew, From: day(-160), Until: day(5),
		Deciders: s.T("Carol Lindqvist or another administrator of billing-prod decides."), Facts: []views.Detail{{Term: "Last activated", At: day(-2)}}}
	if renew {
		v.Until, v.Reason, v.Errors = day(-9), s.T("no"), views.Errors{"justification": s.T("Give a reason in words; whoever decides reads it.")}
	}
	return v
}

func (s Samples) assignmentAsked() views.AskAssignmentView {
	v := s.askAssignment(false)
	v.Asked = &views.AssignmentAsked{ID: "l1", By: s.alice(), Yours: true, At: ago(200), Reason: s.T("I stay on the team until the end of March.")}
	return v
}

func (s Samples) assignmentRequestRows() []views.AssignmentRequestRow {
	return []views.AssignmentRequestRow{
		{ID: "l1", Holder: s.holder(s.dave()), Role: s.dbOwner(), Active: true, Until: day(5), Asked: ago(200), Reason: s.T("I stay on the team until the end of March."), CanDecide: true},
		{ID: "l2", Holder: s.holder(s.bob()), Role: s.backup(), Renew: true, Until: day(-9), Asked: ago(60 * 30), Reason: s.T("I was on leave when it ended."), CanDecide: true},
	}
}

func (s Samples) assignmentRequest() views.AssignmentRequestView {
	form := s.assignmentForm(views.Errors{"justification": s.T("Give a reason in words; the holder and auditors read it.")})
	form.Ticket, form.ReasonNeeded, form.Values.Justification = false, "always", ""
	return views.AssignmentRequestView{Shell: s.managing(), ID: "l2", Assignment: "as8", Row: s.assignmentRequestRows()[1], Form: &form, Passkey: true, Facts: []views.Detail{{Term: "Last activated", At: day(-12)}},
		Steps: []string{s.T("Approved, Bob Okafor is eligible for Backup Operators again, from the start until the end that you give."), s.T("Denied, it stays ended. They are told either way, with your reason.")}}
}

func (s Samples) assignmentRequestDecided() views.AssignmentRequestView {
	v := s.assignmentRequest()
	v.Form, v.WhyNot = nil, ""
	v.Decided = &views.Decision{By: s.carol(), Yours: true, Deny: true, At: ago(12), Reason: s.T("The team has enough operators now.")}
	v.Steps = nil
	return v
}

func (s Samples) sameChoices() []views.SameChoice {
	return []views.SameChoice{{Holder: s.holder(s.bob()), Href: "/assignments/same?principal=p2"}, {Holder: s.dbLeads(), Href: "/assignments/same?principal=g1"}, {Holder: s.exporter(), Href: "/assignments/same?principal=w1"}}
}

func (s Samples) same() views.SameView {
	form := s.newAssignment(nil).Form
	form.Errors = views.Errors{"pick": s.T("Tick at least one.")}
	return views.SameView{Shell: s.managing(), Principal: "p9", Like: "p2", Who: s.holder(s.erin()), Whom: s.holder(s.bob()), Form: form, Passkey: true, Pager: views.Pager{Forward: true, Older: "/assignments/same?principal=p9&like=p2&cursor=x"}, Other: "/assignments/same?principal=p9",
		Rows: []views.SameRow{{ID: "a1", Role: s.dbOwner(), Until: day(9), Note: s.T("eligible already")}, {ID: "a2", Role: s.backup(), Active: true, Ticked: true}, {ID: "a3", Role: s.sre(), Note: s.T("through Site reliability")}}}
}

func (s Samples) several() views.SeveralView {
	form := s.newAssignment(nil).Form
	form.Values.End, form.Values.EndAfter, form.Errors = "after", "9999", views.Errors{"end": s.T("Write after how many days it ends, from 1 to 3650.")}
	return views.SeveralView{Shell: s.managing(), Rows: s.assignmentRows()[:2], Change: form, Passkey: true}
}
