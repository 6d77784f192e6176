package sample

import (
	"time"

	"stint/views"
)

func (s Samples) mine() []Page {
	r := s.reader()
	return []Page{
		{"my-roles", "/my-roles", views.MyRoles(s.myRoles())},
		{"my-roles-nothing", "/my-roles", views.MyRoles(views.MyRolesView{Shell: s.quiet()})},
		{"my-roles-no-hit", "/my-roles", views.MyRoles(views.MyRolesView{
			Shell: s.shell(), CountAll: 9, List: views.MyRolesListView{Total: 9, Q: s.T("bililng")},
		})},
		{"activate", "/my-roles/:assignment/activate", views.Activate(s.activate(nil))},
		{"activate-errors", "/my-roles/:assignment/activations", views.Activate(s.activate(views.Errors{
			"other": s.T("At most 4 h for this role. Write hours and minutes, such as 1:30."), "justification": s.T("Give a reason in words; approvers and auditors read it."),
			"ticket_number": s.T("A ticket number is needed for this role."), "": s.T("Nothing was asked for yet. Look at the marked fields."),
		}))},
		{"activate-planned", "/my-roles/:assignment/activate", views.Activate(s.activatePlanned())},
		{"activation", "/activations/:id", views.Activation(s.active())},
		{"activation-extending", "/activations/:id", views.Activation(s.extending())},
		{"activation-scheduled", "/activations/:id", views.Activation(s.scheduled(false))},
		{"activation-touch", "/activations/:id", views.Activation(s.scheduled(true))},
		{"extend", "/activations/:id/extend", views.Extend(s.extend())},
		{"activation-pending", "/activations/:id", views.Activation(s.pending())},
		{"activation-ended", "/activations/:id", views.Activation(s.ended(r))},
		{"activation-failed", "/activations/:id", views.Activation(s.failed(r))},
		{"my-requests", "/my-requests", views.Requests(views.RequestsView{
			Shell: s.shell(), Rows: s.requests(), Pager: views.Pager{Older: "/my-requests?cursor=x"},
		})},
		{"my-requests-nothing", "/my-requests", views.Requests(views.RequestsView{Shell: s.quiet()})},
		{"notices", "/notices", views.Notices(views.NoticesView{Shell: s.shell(), Rows: []views.NoticeRow{
			{At: ago(4), Text: s.T("Bob Okafor approved db_owner on billing-prod."), Href: "/activations/x1", Unread: true, Tone: views.OK},
			{At: ago(70), Text: s.T("A passkey was added to your account: Phone."), Href: "/passkeys", Unread: true, Tone: views.Warn},
			{At: ago(60 * 26), Text: s.T("Owner on prod-eu ended and is confirmed gone."), Href: "/activations/x2"},
		}})},
		{"notices-nothing", "/notices", views.Notices(views.NoticesView{Shell: s.quiet()})},
		{"sessions", "/sessions", views.Sessions(views.SessionsView{Shell: s.shell(), Rows: s.sessions()})},
		{"sessions-one", "/sessions", views.Sessions(views.SessionsView{Shell: s.shell(), Rows: s.sessions()[:1]})},
		{"profile", "/profile", views.Profile(views.ProfileView{
			Shell: s.shell(), ZoneName: s.T("Europe/Berlin"), Zones: []string{"UTC", "Europe/Berlin", "America/New_York"},
			Facts: []views.Detail{
				{Term: "Mail", Value: s.T("alice@northwind.example")}, {Term: "Issuer", Value: s.T("https://login.northwind.example")},
				{Term: "Subject", Value: s.T("b54a7a0c-1f3e"), Code: true},
			},
			Errors: views.Errors{"zone": s.T("Europe/Berln is not a time zone. Choose one from the list.")},
		})},
	}
}

func (s Samples) sessions() []views.SessionRow {
	return []views.SessionRow{
		{Handle: "s1", Browser: s.T("Firefox on Linux"), Address: s.T("10.20.4.17"), SignedIn: ago(95), SeenAt: ago(0), Ends: min(505), Current: true},
		{Handle: "s2", Browser: s.T("Safari on an iPhone"), Address: s.T("2001:db8:85a3::8a2e:370:7334"), SignedIn: ago(300), SeenAt: ago(12), Ends: min(300)},
		{Browser: s.T("Unknown browser"), SignedIn: ago(540), SeenAt: ago(25), Ends: min(60)},
	}
}

// quiet is somebody who may and holds nothing.
func (s Samples) quiet() views.Shell {
	return views.Shell{Frame: s.frame(), Person: s.erin()}
}

func (s Samples) myRoles() views.MyRolesView {
	shell := s.shell()
	shell.Done = s.T("The request for Global Administrator was sent.")
	eligible := []views.RoleRow{
		{Assignment: "a1", Role: s.role("Owner", "cloud", "Azure", "prod-eu"), Needs: s.needs("fingerprint", "message-square-text", "ticket", "user-check"), Max: 4 * time.Hour, LastActive: ago(60 * 24 * 7), Favourite: true},
		{Assignment: "a2", Role: s.sre(), Needs: s.needs("fingerprint", "message-square-text"), Max: 8 * time.Hour, LastActive: ago(60 * 24), Favourite: true, Through: s.T("Site reliability")},
		{Assignment: "a3", Role: s.role("cluster-admin", "kubernetes", "Kubernetes", "prod-eu-1", "payments"), Needs: s.needs("fingerprint", "message-square-text", "ticket"), Max: 2 * time.Hour, LastActive: ago(60 * 30)},
		{Assignment: "a4", Role: s.admin(), Needs: s.needs("fingerprint", "message-square-text"), Max: 4 * time.Hour, Until: day(5), Ask: "extend"},
		{Assignment: "a5", Role: s.backup(), Blocked: s.T("The account at the directory waits for an administrator’s confirmation."), Max: 4 * time.Hour},
	}
	return views.MyRolesView{Workloads: s.workloadRoles(),
		Shell: shell, Sets: []views.SetChip{{Name: s.T("Monday on call"), Count: 3, Href: "/my-roles/several?set=s1"}, {Name: s.T("Month-end"), Count: 2, Href: "/my-roles/several?set=s2"}}, CountAll: 19, CountEligible: 12, CountActive: 4, CountWaiting: 1, CountComing: 2,
		List: views.MyRolesListView{
			Total: 17, Expired: []views.RoleRow{{Assignment: "o1", Role: s.role("pg_monitor", "database", "PostgreSQL"), Until: day(-9), Ask: "renew"}, {Assignment: "o2", Role: s.domainAdmins(), Until: day(-2), Ask: "renewing"}},
			Eligible: eligible, Pager: views.Pager{Forward: true, Older: "/my-roles?cursor=x", Note: "Eligible 1 to 5 of 12"},
			Active: []views.RoleRow{
				{Activation: "x1", Role: s.domainAdmins(), Status: views.StatusView{State: views.Active}, Start: ago(52), End: min(8), CanExtend: true},
				{Activation: "x2", Role: s.dbOwner(), Status: views.StatusView{State: views.Active}, Start: ago(20), End: min(100), CanExtend: true},
				{Assignment: "h1", Assigned: true, Role: s.role("Security Reader", "stint", "Stint"), Through: s.T("Site reliability")},
				{Activation: "x3", Role: s.role("Auditor", "stint", "Stint"), Status: views.StatusView{State: views.Granting, Note: s.T("The target does not answer; Stint keeps trying.")}, Start: ago(1), End: min(59)},
			},
			Waiting: []views.RoleRow{
				{Activation: "x4", Role: s.role("Global Administrator", "tenant", "northwind.example"), Status: views.StatusView{State: views.PendingApproval, Approvals: s.T("waits for Bob Okafor or Carol Lindqvist")}, Asked: ago(6), Duration: time.Hour},
			},
			Coming: []views.RoleRow{
				{Activation: "x7", Role: s.backup(), Status: views.StatusView{State: views.Scheduled, Touch: true}, Start: ago(5), End: min(115)},
				{Activation: "x8", Role: s.dbOwner(), Status: views.StatusView{State: views.Scheduled, Starts: at(24+22, 0, 0)}, Start: at(24+22, 0, 0), End: at(26+22, 0, 0)},
			},
		},
	}
}

// Soon is a list with a role that ends in 8 minutes, for tests that move its clock.
func (s Samples) Soon() views.MyRolesListView {
	list := s.myRoles().List
	list.Reader = s.reader()
	return list
}

func (s Samples) verdicts() []views.Verdict {
	return []views.Verdict{
		{Text: s.T("Eligible until 2027-03-12")}, {Text: s.T("1 h is within the 4 h allowed")}, {Text: s.T("Reason given")},
		{Text: s.T("Ticket given")},
		{State: views.Todo, Text: s.T("Passkey required"), Detail: s.T("You will be asked on the next page.")},
		{State: views.Approver, Text: s.T("One of 2 approvers: Bob Okafor, Carol Lindqvist")},
	}
}

func (s Samples) activate(wrong views.Errors) views.ActivateView {
	v := views.ActivateView{
		Shell: s.shell(), Assignment: "a1", Role: s.role("Owner", "cloud", "Azure", "prod-eu"),
		Choices: []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour}, Max: 4 * time.Hour,
		Values:       views.ActivateValues{Duration: "60", Justification: s.T("Fail over the billing gateway to the second zone and put the firewall rule back afterwards."), TicketNumber: s.T("INC-48213")},
		ReasonNeeded: true, TicketNeeded: true, Passkey: true, Errors: wrong,
		Last: &views.LastUsed{Justification: s.T("Rotate the storage keys."), Duration: 2 * time.Hour, At: ago(60 * 24 * 7)},
		Aside: views.ActivateAsideView{
			Verdicts: s.verdicts(), Ends: min(60), AfterApproval: true,
			Steps: []string{
				s.T("You confirm with your passkey."), s.T("Bob Okafor or Carol Lindqvist approves. You can cancel until then."),
				s.T("Stint makes you Owner on prod-eu and reads it back."), s.T("After 1 h Stint takes it away and checks that it is gone."),
			},
		},
	}
	if wrong != nil {
		v.Values = views.ActivateValues{Other: s.T("9:00"), Justification: s.T("fix")}
		v.Aside.Verdicts = append(v.Aside.Verdicts[:1], views.Verdict{State: views.Fail, Text: s.T("9 h is more than the 4 h allowed")},
			views.Verdict{State: views.Fail, Text: s.T("The reason is shorter than 10 characters")},
			views.Verdict{State: views.Fail, Text: s.T("A ticket is needed"), Detail: s.T("Set for Owner on Azure.")})
		v.Aside.Ends = time.Time{}
	}
	return v
}

// activatePlanned is the form of a role that is asked for below its resource, and ahead.
func (s Samples) activatePlanned() views.ActivateView {
	v := s.activate(nil)
	v.Lead, v.MoreScopes, v.ScopeQ = 7*24*time.Hour, true, s.T("billing")
	v.Values.Start, v.Values.StartAt, v.Values.Zone = "at", "2026-11-20T22:00", s.T("Europe/Berlin")
	v.Scopes = []views.ScopeChoice{{ID: "r1", Path: []string{s.T("rg-billing")}, Chosen: true}, {ID: "r2", Path: []string{s.T("rg-billing"), s.T("billing-db")}}, {ID: "r3", Path: []string{s.T("rg-payments")}}}
	v.Aside.Starts, v.Aside.Ends, v.Aside.AfterApproval = at(24+22, 0, 0), at(24+23, 0, 0), false
	v.Aside.Steps = []string{s.T("You confirm with your passkey."), s.T("Bob Okafor or Carol Lindqvist approves. You can cancel until then."), s.T("It waits for its start. Every rule is checked again then; you can cancel until then."), s.T("Stint makes you Owner on rg-billing and reads it back."), s.T("After 1 h Stint takes it away and checks that it is gone.")}
	return v
}

func (s Samples) extending() views.ActivationView {
	v := s.active()
	v.Body.CanExtend = false
	v.Body.Extension = &views.WaitingExtension{ID: "e1", Until: at(17, 2, 11), TimesOut: at(16, 2, 11), CanCancel: true}
	return v
}

func (s Samples) scheduled(touch bool) views.ActivationView {
	b := s.body()
	b.Start, b.End, b.Target, b.CanCancel, b.CanStart = at(24+22, 0, 0), at(26+22, 0, 0), nil, true, touch
	if touch {
		b.Start, b.End = at(14, 0, 0), at(16, 0, 0)
	}
	b.Status = views.StatusView{State: views.Scheduled, Starts: b.Start, Touch: touch}
	b.Story = append(b.Story[:4], views.StoryStep{At: b.Start, Text: s.T("Starts"), More: s.T("Every rule is checked again then"), Next: true})
	return views.ActivationView{Shell: s.shell(), Body: b}
}

func (s Samples) extend() views.ExtendView {
	form := s.activate(nil)
	form.Role, form.Last, form.Errors = s.dbOwner(), nil, views.Errors{"duration": s.T("At most 4 h at a time for this role.")}
	return views.ExtendView{Shell: s.shell(), Activation: "x2", End: at(16, 2, 11), NewEnd: at(17, 2, 11), Approval: true, Running: true, Form: form, Verdicts: s.verdicts()}
}

func (s Samples) storySoFar() []views.StoryStep { return s.storyOf(s.alice(), 13) }

// storyOf is what led to an activation that somebody asked for at six minutes to the full hour.
func (s Samples) storyOf(who views.Person, hour int) []views.StoryStep {
	return []views.StoryStep{
		{At: at(hour, 54, 7), Text: s.T("Requested by ") + who.Name, More: s.T("2 h from the approval"), Entry: 184193},
		{At: at(hour, 54, 7), Text: s.T("All 6 rules checked"), More: s.T("Passkey and one approval were still needed")},
		{At: at(hour, 54, 31), Text: s.T("Confirmed with passkey"), More: s.T("Blue key, person verified"), Entry: 184195},
		{At: at(hour+1, 2, 5), Text: s.T("Approved by Bob Okafor"), More: s.T("after 8 min"), Quote: s.T("Fine, the run is blocked for everybody. Ping me when done."), Entry: 184199},
		{At: at(hour+1, 2, 6), Text: s.T("Granting"), More: s.T("Membership in the role db_owner asked for at billing-prod")},
	}
}

func (s Samples) body() views.ActivationBodyView {
	return views.ActivationBodyView{
		ID: "x2", Role: s.dbOwner(), Person: s.alice(), Yours: true, Duration: 2 * time.Hour,
		Justification: s.T("Repair the stuck invoice run for October and check the ledger totals."), Ticket: s.T("INC-48207"),
		Story: s.storySoFar(), Verdicts: s.verdicts(), Entries: 9, StoryHref: "/audit/story/x2",
		Evidence: &views.Evidence{Passkey: s.T("Blue key"), At: at(13, 54, 31), Digest: s.T("9f2c 41d8 … 77ab"), Settings: s.T("version 14, 2026-11-03")},
		Target: &views.TargetFacts{
			TargetID: "t1", Target: s.T("billing-prod (PostgreSQL)"), Account: s.T("akeller"), Wanted: s.T("member of db_owner"),
			Seen: s.T("member"), SeenAt: at(14, 21, 40), NextLook: at(14, 26, 40),
		},
	}
}

func (s Samples) active() views.ActivationView {
	b := s.body()
	b.Status, b.CanDeactivate, b.CanExtend = views.StatusView{State: views.Active, At: at(14, 2, 11)}, true, true
	b.Start, b.End = at(14, 2, 11), at(16, 2, 11)
	b.Story = append(b.Story,
		views.StoryStep{At: at(14, 2, 11), Text: s.T("Active, confirmed at the target"), More: s.T("Read back: akeller is a member of db_owner"), Tone: views.OK},
		views.StoryStep{At: at(16, 2, 11), Text: s.T("Ends"), More: s.T("Stint removes the membership and reads back"), Next: true})
	return views.ActivationView{Shell: s.shell(), Body: b}
}

// Running is an activation in the middle of its life, for tests that follow it.
func (s Samples) Running() views.ActivationView { return s.active() }

func (s Samples) pending() views.ActivationView {
	b := s.body()
	b.Yours, b.Person, b.Entries = false, s.farid(), 3
	b.Status = views.StatusView{State: views.PendingApproval, Approvals: s.T("waits for one of 2 approvers")}
	b.Story, b.Target = s.storyOf(s.farid(), 13)[:3], nil
	b.Waiting, b.TimesOut = []views.Person{s.bob(), s.carol()}, at(13+24, 54, 7)
	b.CanCancelFor, b.Justified, b.Errors = true, s.T("no"), views.Errors{"justification": s.T("Give a reason in words; approvers and auditors read it.")}
	return views.ActivationView{Shell: s.shell(), Body: b, Back: views.Link{Text: "Approvals", Href: "/approvals/all"}}
}

func (s Samples) ended(r views.Reader) views.ActivationView {
	b := s.body()
	b.Status = views.StatusView{State: views.Ended, How: views.Expired, Seen: views.SeenGone, At: at(13, 2, 13)}
	b.Start, b.End = at(11, 2, 11), at(13, 2, 11)
	b.Target.Seen, b.Target.SeenAt, b.Target.NextLook = s.T("not a member"), at(13, 2, 13), time.Time{}
	b.Target.Wanted, b.Evidence.At = s.T("nothing"), at(10, 54, 31)
	b.Story = append(s.storyOf(s.alice(), 10),
		views.StoryStep{At: at(11, 2, 11), Text: s.T("Active, confirmed at the target"), More: s.T("Read back: akeller is a member of db_owner"), Tone: views.OK},
		views.StoryStep{At: at(13, 2, 11), Text: s.T("Ended"), More: s.T("Its time was over")}, views.StoryStep{At: at(13, 2, 13), Text: s.T("Confirmed gone"), More: s.T("Read back: akeller is no member of db_owner"), Tone: views.OK})
	return views.ActivationView{Shell: s.shell(), Body: b, Back: views.Link{Text: "My requests", Href: "/my-requests"}}
}

func (s Samples) failed(r views.Reader) views.ActivationView {
	b := s.body()
	b.Yours, b.Person, b.CanRevoke = false, s.farid(), true
	b.Status = views.StatusView{State: views.Ending, Note: s.T("The target does not answer; Stint keeps trying.")}
	b.Start, b.End = at(12, 2, 11), at(14, 2, 11)
	b.Evidence.At, b.Story = at(11, 54, 31), append(s.storyOf(s.farid(), 11),
		views.StoryStep{At: at(12, 2, 11), Text: s.T("Active, confirmed at the target"), More: s.T("Read back: fnazari is a member of db_owner"), Tone: views.OK},
		views.StoryStep{At: at(14, 2, 11), Text: s.T("Ended"), More: s.T("Its time was over; the target has not confirmed it yet"), Tone: views.Bad})
	b.Target.Account, b.Target.Wanted, b.Target.SeenAt = s.T("fnazari"), s.T("nothing"), at(14, 1, 40)
	b.Target.Late, b.Target.LastError = true, s.T("dial tcp 10.0.3.7:5432: connect: connection refused")
	shell := s.shell()
	shell.Alarms = []views.TargetAlarm{{ID: "t3", Name: s.T("billing-prod"), Since: at(14, 2, 11), Late: 1}}
	return views.ActivationView{Shell: shell, Body: b, Back: views.Link{Text: "Audit", Href: "/audit"}}
}

func (s Samples) requests() []views.RequestRow {
	why := s.T("Repair the stuck invoice run for October and check the ledger totals.")
	status := func(st views.State, how views.How) views.StatusView { return views.StatusView{State: st, How: how} }
	return []views.RequestRow{
		{Activation: "x4", Role: s.domainAdmins(), Status: status(views.PendingApproval, ""), Asked: ago(6), Duration: time.Hour, Justification: why, CanCancel: true},
		{Activation: "x2", Role: s.dbOwner(), Status: status(views.Active, ""), Asked: ago(28), Duration: 2 * time.Hour, Justification: why},
		{Activation: "x5", Role: s.sre(), Status: status(views.Ended, views.Deactivated), Asked: ago(60 * 25), Duration: 8 * time.Hour, Justification: why},
		{Activation: "x6", Role: s.backup(), Status: status(views.Denied, ""), Asked: ago(60 * 49), Duration: time.Hour, Justification: why},
		{Activation: "x7", Role: s.backup(), Status: status(views.TimedOut, ""), Asked: ago(60 * 80), Duration: time.Hour, Justification: why},
		{Activation: "x8", Role: s.dbOwner(), Status: status(views.Ended, views.LostAtTarget), Asked: ago(60 * 99), Duration: 90 * time.Minute},
	}
}
