package sample

import (
	"time"

	"stint/views"
)

func (s Samples) manage() []Page {
	return []Page{
		{"people", "/people", views.People(views.PeopleView{Shell: s.shell(), Rows: s.people(), CanManage: true, Pager: views.Pager{Newer: "/people", Older: "/people?cursor=x"}})},
		{"people-no-hit", "/people", views.People(views.PeopleView{Shell: s.shell(), Q: s.T("zzz")})},
		{"person", "/people/:id", views.PersonPage(s.personPage())},
		{"person-disabled", "/people/:id", views.PersonPage(s.personDisabled())},
		{"person-access", "/people/:id/access", views.PersonAccess(s.personAccess())},
		{"person-access-disabled", "/people/:id/access", views.PersonAccess(views.PersonAccessView{Shell: s.shell(), Person: s.personDisabled().Person, CanManage: true, FromFile: true, VoucherWhy: s.T("Enable Farid Nazari first: a disabled person cannot sign in.")})},
		{"person-access-new", "/people/:id/access", views.PersonAccess(views.PersonAccessView{Shell: s.shell(), Person: views.PersonHead{Who: s.erin(), Enabled: true}, Self: true, CanManage: true, Same: []views.Person{s.bob()}})},
		{"voucher", "/people/:id/voucher", views.Voucher(views.VoucherView{Shell: s.shell(), Who: s.farid(), Code: s.T("W7QX-4M2K-P9TD-3HRC"), Expires: min(15)})},
		{"person-new", "/people/new", views.PersonForm(views.PersonFormView{Shell: s.shell(), Binding: []string{"employee_number"}, Values: views.PersonValues{Name: s.T("Gita Rao"), MatchClaim: "email"},
			Errors: views.Errors{"value": s.T("A claim and its value belong together.")}})},
		{"person-edit", "/people/:id/edit", views.PersonForm(views.PersonFormView{Shell: s.shell(), ID: "p9", Name: s.T("Erin Sato"), Version: 2, Fixed: true, Left: true, Values: views.PersonValues{Name: s.T("Erin Sato"), Guest: true}})},
		{"person-activations", "/people/:id/activations", views.ActivationsPage(views.ActivationsView{Shell: s.shell(), Person: views.PersonHead{Who: s.alice(), Enabled: true}, Rows: s.requests(), Pager: views.Pager{Older: "/people/p1/activations?cursor=x"}})},
		{"person-activations-none", "/people/:id/activations", views.ActivationsPage(views.ActivationsView{Shell: s.shell(), Person: views.PersonHead{Who: s.alice(), Enabled: true}})},
		{"person-link", "/people/:id/link", views.LinkPage(views.LinkView{Shell: s.shell(), Who: s.alice(), Hits: []views.Person{s.bob(), s.carol()}, Errors: views.Errors{"other": s.T("This is the same account.")}})},
		{"person-account", "/people/:id/accounts/new", views.AccountForm(views.AccountFormView{Shell: s.shell(), Who: s.alice(), Targets: []views.Option{{Value: "t1", Label: s.T("Head office directory")}},
			Account: s.T("akeller"), Errors: views.Errors{"account": s.T("The target knows no such account: gone: uid=akeller.")}})},
		{"person-account-none", "/people/:id/accounts/new", views.AccountForm(views.AccountFormView{Shell: s.shell(), Who: s.alice()})},
		{"person-recovery", "/people/:id/recovery", views.RecoveryPage(views.RecoveryView{Shell: s.shell(), Who: s.alice(), Errors: views.Errors{"reason": s.T("Give a reason in words; approvers and auditors read it.")}})},
		{"groups", "/groups", views.Groups(views.GroupsView{Shell: s.shell(), CanManage: true, Rows: s.groups(), Pager: views.Pager{Older: "/groups?cursor=x", Forward: true}})},
		{"groups-carried", "/groups", views.Groups(views.GroupsView{Shell: s.shell(), CanManage: true, Rows: s.groups(), Carried: []views.LongChange{
			{What: s.T("Remove Everybody in Sales"), Done: 4200, About: 12_300, By: s.T("Carol Ito"), Since: views.TimeView{Reader: s.reader(), At: min(-2), Style: views.Fact}}}})},
		{"groups-nothing", "/groups", views.Groups(views.GroupsView{Shell: s.shell(), CanManage: true})},
		{"groups-no-hit", "/groups", views.Groups(views.GroupsView{Shell: s.shell(), Q: s.T("zzz")})},
		{"group-new", "/groups/new", views.NewGroup(views.NewGroupView{Shell: s.shell(), Values: views.GroupValues{Claim: s.T("ops")}, Errors: views.Errors{"name": s.T("Give it a name.")}})},
		{"group", "/groups/:id", views.GroupPage(s.group())},
		{"group-nobody", "/groups/:id", views.GroupPage(views.GroupView{Shell: s.shell(), ID: "g2", Name: s.T("Night shift"), From: "this portal", CanManage: true, Values: views.GroupValues{Name: s.T("Night shift")}})},
		{"group-add", "/groups/:id/members/new", views.AddMembers(views.AddMembersView{Shell: s.shell(), ID: "g1", Name: s.T("Database operations"), Hits: s.group().Members, More: true,
			Errors: views.Errors{"pick": s.T("These groups would contain each other: Operations > Database operations > Operations.")}})},
		{"group-remove", "/groups/:id/remove", views.Removal(s.removal())},
		{"group-remove-refused", "/groups/:id/remove", views.Removal(views.RemovalView{Shell: s.shell(), Nav: views.NavGroups, Crumbs: []views.Link{{Text: "Groups", Href: "/groups"}}, Title: s.T("Remove Database leads"),
			Refused: s.T("Database leads approves requests for db_owner on finance-prod. Name somebody else in those settings first."), Back: "/groups/g1"})},
		{"targets", "/targets", views.Targets(views.TargetsView{Shell: s.alarmed(), Rows: s.targets(), CanAdd: true})},
		{"targets-nothing", "/targets", views.Targets(views.TargetsView{Shell: s.shell()})},
		{"target", "/targets/:id", views.Target(s.target())},
		{"target-incidents", "/targets/:id", views.Target(s.targetAt(views.TargetIncidents))},
		{"target-connection", "/targets/:id", views.Target(s.targetAt(views.TargetConnection))},
		{"target-dead", "/targets/:id", views.Target(s.targetDead())},
	}
}

func (s Samples) alarmed() views.Shell {
	shell := s.shell()
	shell.Alarms = []views.TargetAlarm{{ID: "t2", Name: s.T("Oslo directory"), Since: ago(7), Late: 1}}
	return shell
}

func (s Samples) people() []views.PersonRow {
	return []views.PersonRow{
		{Person: s.person("p1", "Alice Keller", "alice@northwind.example"), Enabled: true, Passkeys: 2, Active: 2, Eligible: 7, SignedIn: ago(40)},
		{Person: s.person("p2", "Bob Okafor", "bob@northwind.example"), Enabled: true, Passkeys: 1, Eligible: 3, ToConfirm: 1, SignedIn: ago(60 * 20)},
		{Person: s.person("p6", "Farid Nazari", "farid@northwind.example"), Passkeys: 1, SignedIn: ago(60 * 24 * 12)},
		{Person: s.person("p9", "Erin Sato", "erin@northwind.example"), Enabled: true},
	}
}

func (s Samples) personPage() views.PersonView {
	return views.PersonView{
		Shell: s.shell(), Person: s.daveHead(), SignedIn: ago(33), CanManage: true,
		Facts: []views.Detail{
			{Term: "Mail", Value: s.T("dave@northwind.example")}, {Term: "Issuer", Value: s.T("https://login.northwind.example")},
			{Term: "Subject", Value: s.T("0f3a77c2-9b1e"), Code: true},
		},
		Groups:  []views.MemberRow{{Person: s.person("g1", "Database operations", ""), From: "from the file", Local: true}, {Person: s.person("g2", "On call", ""), From: "by the provider’s claim", ByClaim: true, FreshUntil: min(60 * 20)}},
		Manager: s.person("p3", "Carol Lindqvist", "(from sign-in)"), Waiting: s.recoveryOfDave(),
		Accounts: []views.AccountRow{
			{ID: "c1", Target: s.T("Head office directory"), TargetID: "t1", Name: s.T("uid=dmarsh,ou=people,dc=northwind,dc=example"), ImmutableID: s.T("7b0c1d52-91aa"), Matched: s.T("by uid = dmarsh, 2026-11-02"), Confirmed: ago(60 * 24 * 3), By: s.T("Carol Lindqvist")},
			{ID: "c2", Target: s.T("Oslo directory"), TargetID: "t2", Name: s.T("CN=Dave Marsh,OU=Staff,DC=oslo,DC=northwind,DC=example"), ImmutableID: s.T("e1c95a08-44f0"), Matched: s.T("by mail, 2026-11-18"), Needed: 2},
		},
		Holds: []views.HeldRole{
			{Role: s.dbOwner(), State: "active", Until: at(16, 2, 11), Tone: views.OK}, {Role: s.backup(), State: "eligible"},
		},
	}
}

func (s Samples) daveHead() views.PersonHead {
	return views.PersonHead{Who: s.person("p4", "Dave Marsh", "dave@northwind.example"), Enabled: true, Guest: true, CanEdit: true}
}

func (s Samples) recoveryOfDave() *views.Waiting {
	return &views.Waiting{ID: "r1", By: s.bob(), Reason: s.T("Lost the key on the train; spoke to them in the office."), Expires: min(60 * 20)}
}

func (s Samples) personAccess() views.PersonAccessView {
	return views.PersonAccessView{
		Shell: s.shell(), Person: s.daveHead(), Sessions: 2, SessionRows: s.sessions()[1:], CanManage: true, FromFile: true, Recover: true,
		Same:       []views.Person{s.person("p44", "Dave Marsh (admin)", "dave.admin@northwind.example")},
		Keys:       []views.PersonKey{{Name: s.T("Blue key"), CreatedAt: ago(60 * 24 * 40), LastUsed: ago(33)}},
		VoucherWhy: s.T("Dave Marsh has a passkey, so a further one is confirmed with it."),
	}
}

func (s Samples) personDisabled() views.PersonView {
	return views.PersonView{
		Shell: s.shell(), Person: views.PersonHead{Who: s.person("p6", "Farid Nazari", "farid@northwind.example")}, CanManage: true,
		Facts: []views.Detail{{Term: "Mail", Value: s.T("farid@northwind.example")}},
	}
}

func (s Samples) groups() []views.GroupRow {
	return []views.GroupRow{
		{ID: "g1", Name: s.T("Database operations"), From: "the file", Claim: s.T("db-ops"), Members: 12, Roles: 3},
		{ID: "g2", Name: s.T("On call"), From: "this portal", Members: 4, Roles: 1},
		{ID: "g3", Name: s.T("Privileged access workstations of the Oslo office"), From: "the file"},
	}
}

func (s Samples) group() views.GroupView {
	return views.GroupView{
		Shell: s.shell(), ID: "g1", Name: s.T("Database operations"), From: "the file", FromFile: true, Version: 3, CanManage: true,
		Members: []views.MemberRow{
			{Person: s.person("g2", "On call", ""), Group: true, From: "from this portal", Local: true},
			{Person: s.alice(), From: "from the file and by the provider’s claim", Local: true, ByClaim: true, FreshUntil: min(60 * 20)},
			{Person: s.bob(), From: "by the provider’s claim", ByClaim: true, FreshUntil: min(60 * 3)},
			{Person: s.farid(), From: "from the file", Local: true, Disabled: true},
		},
		Pager: views.Pager{Older: "/groups/g1?cursor=x", Forward: true}, Holds: []views.HeldRole{{Role: s.dbOwner(), State: "eligible"}, {Role: s.backup(), State: "active", Tone: views.OK, Through: s.T("Operations")}},
		Approves: []string{s.T("db_reader on finance-prod")}, Inside: []views.Link{{Text: s.T("Operations"), Href: "/groups/g9"}},
		Values: views.GroupValues{Name: s.T("Database operations"), Claim: s.T("db-ops")},
	}
}

func (s Samples) removal() views.RemovalView {
	return views.RemovalView{Shell: s.shell(), Nav: views.NavGroups, Crumbs: []views.Link{{Text: "Groups", Href: "/groups"}, {Text: s.T("Database operations"), Href: "/groups/g1"}},
		Title: s.T("Remove Database operations"), Action: "/groups/g1/remove", Version: 3, Button: s.T("Remove Database operations"), Back: "/groups/g1", Typed: views.Typed{Name: s.T("Database operations"), Value: s.T("database operations"), Error: "Type the name exactly as it is written here, with its capitals."},
		Says: []string{s.T("Database operations is removed, with its memberships. Its members stay people and groups of Stint."),
			s.T("Nobody may activate db_owner on finance-prod through it any more, and 2 running or waiting activations end at once.")}}
}

func (s Samples) targets() []views.TargetRow {
	return []views.TargetRow{
		{ID: "t1", Name: s.T("Head office directory"), Kind: "ldap", Address: s.T("ldaps://dc1.northwind.example"), Health: views.Answers, Contact: ago(0), Held: 9},
		{ID: "t2", Name: s.T("Oslo directory"), Kind: "ldap", Address: s.T("ldaps://dc7.oslo.northwind.example"), Health: views.Dead, Contact: ago(7), Held: 2, Late: 1},
		{ID: "t0", Name: "Stint", Kind: "stint", Address: "built in", Health: views.BuiltIn, Contact: ago(0), Held: 1},
	}
}

func (s Samples) grants() []views.GrantRow {
	dn := s.T("cn=domain-admins,ou=groups,dc=northwind,dc=example")
	return []views.GrantRow{
		{Account: s.T("akeller"), Person: s.alice(), Entitlement: dn, Wanted: true, Before: "absent", Seen: "present", SeenAt: ago(1), Due: min(4), Reasons: []views.GrantReason{{Text: s.T("Activation of Domain Admins on corp.northwind.example"), Until: min(8)}}},
		{Account: s.T("dmarsh"), Person: s.dave(), Entitlement: dn, Wanted: true, Before: "absent", Seen: "unknown", Due: min(1)},
		{Account: s.T("fnazari"), Person: s.farid(), Entitlement: s.T("cn=backup-operators,ou=groups,dc=northwind,dc=example"), Before: "absent", Seen: "present", SeenAt: ago(8), Due: min(1), LateSince: ago(7), Error: s.T("dial tcp 10.0.3.7:636: connect: connection refused")},
		{Account: s.T("esato"), Entitlement: dn, Before: "present", Seen: "present", SeenAt: ago(60 * 30)},
		{Account: s.T("bokafor"), Person: s.bob(), Entitlement: dn, Before: "absent", Seen: "absent", SeenAt: ago(60 * 30)},
	}
}

func (s Samples) target() views.TargetView {
	target := s.targets()[0]
	target.Held, target.Late = 2, 1
	return views.TargetView{
		Shell: s.shell(), Target: target, Grants: s.grants(), CanTest: true,
		Facts: []views.Detail{
			{Term: "Flavour", Value: "OpenLDAP"}, {Term: "Bound as", Value: s.T("cn=stint,ou=services,dc=northwind,dc=example"), Code: true},
			{Term: "Native expiry", Value: "no"},
		},
		Allowed: []string{s.T("ou=groups,dc=northwind,dc=example")},
		Incidents: views.Incidents{Open: 2, Standing: 14, Rows: []views.IncidentRow{
			{Kind: "lost", Person: s.bob(), Account: s.T("bokafor"), Entitlement: s.T("cn=operators,ou=groups,dc=northwind,dc=example"), First: ago(12), Last: ago(12)},
			{Kind: "stranger", Account: "7b0c1d52-91aa", Entitlement: s.T("cn=operators,ou=groups,dc=northwind,dc=example"), First: ago(70), Last: ago(10)},
		}},
		Scan: views.ScanState{Ended: ago(10), Next: ago(-50)},
		Test: &views.TestResult{OK: true, At: ago(0), Took: 42 * time.Millisecond, Words: s.T("Bound, 14 groups readable, 14 writable.")},
	}
}

func (s Samples) targetAt(tab string) views.TargetView {
	v := s.target()
	v.Tab = tab
	return v
}

func (s Samples) targetDead() views.TargetView {
	v := s.target()
	v.Shell, v.Target, v.Since, v.State = s.alarmed(), s.targets()[1], ago(7), ""
	v.Incidents, v.Scan = views.Incidents{List: "standing"}, views.ScanState{Error: s.T("connection refused")}
	v.Tab = views.TargetIncidents
	v.LastError = s.T("dial tcp 10.0.3.7:636: connect: connection refused")
	v.Test = &views.TestResult{At: ago(0), Took: 3 * time.Second, Words: s.T("No connection within 3 s. Check the address and the firewall.")}
	return v
}
