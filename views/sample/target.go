package sample

import (
	"time"

	"stint/views"
)

func (s Samples) targetForms() []Page {
	tested, wrong := s.targetForm(), s.targetForm()
	tested.Test = &views.TestResult{OK: true, At: ago(0), Took: 42 * time.Millisecond, Words: s.T("It answers. Groups and roles that can be read: 14; accounts: 100. The first: admins, backup, dba.")}
	wrong.ID, wrong.Title, wrong.Kept, wrong.FromFile, wrong.SecretFrom = "t1", s.T("Edit Head office directory"), true, true, s.T("env:DIRECTORY_PASSWORD")
	wrong.Errors = views.Errors{"address": s.T("ldaps://host[:port] or ldap://host[:port], not \"dc1\"."), "secret": "Enter the bind password again: what decides where it is sent has changed, and a kept one goes only where it was entered for.",
		"may_write": "Name at least one group or role that Stint may give at the target, one a line.", "name": "The name is missing; give one."}
	failed := s.browse()
	failed.Rows, failed.Failed = nil, s.T("dial tcp 10.0.3.7:636: connect: connection refused")
	none := s.browse()
	none.Rows, none.Q = nil, s.T("zzz")
	change := views.TargetChangeView{Shell: s.shell(), ID: "t1", Name: s.T("Head office directory"), FromFile: true, Typed: views.Typed{Name: s.T("Head office directory")}, Says: []string{s.T("Retire Head office directory."), "Its credential is forgotten. Nothing is changed at the target."}}
	refused := change
	refused.Says, refused.Refused, refused.FromFile = nil, s.T("Resources belong to it: corp, Oslo. Retire them, or give them another target, first."), false
	gone := views.AcceptGoneView{Shell: s.shell(), ID: "t1", Name: s.T("Head office directory"), GrantID: "g1", Account: s.T("fnazari"),
		Entitlement: s.T("cn=domain-admins,ou=groups,dc=northwind,dc=example"), Errors: views.Errors{"reason": "Give a reason."}}
	own := views.AcceptGoneView{Shell: s.shell(), ID: "t1", Name: s.T("Head office directory"), Refused: "This is your own account. Somebody else has to state that it is gone."}
	return []Page{
		{"target-new", "/targets/new", views.TargetForm(views.TargetFormView{Shell: s.shell(), Title: "Connect a target", Kinds: []views.Option{{Value: "ldap", Label: "LDAP or Active Directory"}, {Value: "postgres", Label: "PostgreSQL"}}})},
		{"target-form", "/targets/new", views.TargetForm(tested)},
		{"target-edit", "/targets/:id/edit", views.TargetForm(wrong)},
		{"target-browse", "/targets/:id/browse", views.Browse(s.browse())},
		{"accept-gone", "/targets/:id/grants/:grant/gone", views.AcceptGone(gone)},
		{"accept-gone-refused", "/targets/:id/grants/:grant/gone", views.AcceptGone(own)},
		{"target-browse-failed", "/targets/:id/browse", views.Browse(failed)},
		{"target-browse-no-hit", "/targets/:id/browse", views.Browse(none)},
		{"target-retire", "/targets/:id/retire", views.TargetChange(change)},
		{"target-retire-refused", "/targets/:id/retire", views.TargetChange(refused)},
	}
}

func (s Samples) targetForm() views.TargetFormView {
	yesNo := []views.Option{{Value: "false", Label: "No"}, {Value: "true", Label: "Yes"}}
	return views.TargetFormView{
		Shell: s.shell(), Title: "Connect LDAP or Active Directory", Kind: "ldap", Name: s.T("Head office directory"), SecretName: "Bind password",
		Fields: []views.SettingField{
			{Name: "address", Label: "Address", Help: "ldaps://host[:port]; several servers of one directory one a line.", Value: s.T("ldaps://dc1.northwind.example"), Lines: true},
			{Name: "bind_dn", Label: "Bind DN", Help: "Whom Stint binds as.", Value: s.T("cn=stint,ou=services,dc=northwind,dc=example")},
			{Name: "start_tls", Label: "Start TLS", Help: "Encrypt an ldap:// connection before anything is sent.", Choices: yesNo},
		},
		MayWrite: s.T("*,ou=groups,dc=northwind,dc=example"), Places: []views.Option{{Value: "", Label: "At the top of the tree"}, {Value: "r0", Label: s.T("Below Northwind")}}, Below: "r0",
	}
}

func (s Samples) browse() views.BrowseView {
	return views.BrowseView{
		Shell: s.shell(), ID: "t1", Name: s.T("Head office directory"), Kind: "ldap", More: true, Privileged: true, PrivilegedOwners: true, Below: "r1",
		Rows: []views.FoundRow{
			{ID: "e1", Name: s.T("backup-operators"), Detail: s.T("cn=backup-operators,ou=groups,dc=northwind,dc=example"), Picked: true, Owners: "owner:e1", OwnersPicked: true},
			{ID: "e2", Name: s.T("domain-admins"), Detail: s.T("cn=domain-admins,ou=groups,dc=northwind,dc=example"), Means: []string{s.T("Member of domain-admins on domain-admins")}, Owners: "owner:e2", Owned: []string{s.T("Owner of domain-admins on domain-admins")}},
			{ID: "e4", Name: s.T("posix-users"), Detail: s.T("cn=posix-users,ou=groups,dc=northwind,dc=example"), NoOwners: s.T("a group of its class (posixGroup) has no attribute for owners; groupOfNames and groupOfUniqueNames have.")},
			{ID: "e3", Name: s.T("schema-admins"), Detail: s.T("cn=schema-admins,ou=groups,dc=northwind,dc=example"), Refused: s.T("\"schema-admins\" is protected: name it in full, without a *, under what Stint may give at the target")},
		},
		Places: []views.Option{{Value: "r1", Label: s.T("Northwind › corp.northwind.example")}},
		Errors: views.Errors{"pick": "Choose at least one entry."},
	}
}
