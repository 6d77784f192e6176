package sample

import (
	"time"

	"github.com/a-h/templ"

	"stint/views"
)

// Page is one sample page.
type Page struct {
	Name string // file name without extension
	Path string // where the product has it
	Body templ.Component
}

// Now is the moment of all samples: 2026-11-19 14:22:11 in Berlin.
var Now = time.Date(2026, 11, 19, 13, 22, 11, 0, time.UTC)

// Text turns a sample text into the one that is shown; tests make hostile ones of it.
type Text func(string) string

// Plain leaves every text as it is.
func Plain(s string) string { return s }

// Samples makes the views of one reader.
type Samples struct {
	T     Text
	Nonce string
	Theme string
	Zone  *time.Location // nil: the browser's
}

func (s Samples) reader() views.Reader {
	return views.Reader{Now: Now, Zone: s.Zone, Nonce: s.Nonce}
}

func (s Samples) frame() views.Frame {
	return views.Frame{
		Reader: s.reader(), Org: s.T("Northwind"), Theme: s.Theme, Version: "1.0",
		Contact: s.T("Identity team: ext. 4410"),
	}
}

func (s Samples) shell() views.Shell {
	return views.Shell{
		Frame: s.frame(), Person: s.alice(), Can: views.Can{Approve: true, Roles: true, People: true, Targets: true, Resources: true, Audit: true},
		Since: 184226, Waiting: 4, Unread: 2, Live: views.Live{Active: 2, NextEnd: min(8)},
	}
}

// min is so many minutes from now; ago is so many before.
func min(n int) time.Time { return Now.Add(time.Duration(n) * time.Minute) }
func ago(n int) time.Time { return min(-n) }

func at(hour, minute, second int) time.Time {
	return time.Date(2026, 11, 19, hour-1, minute, second, 0, time.UTC)
}

func (s Samples) person(id, name, detail string) views.Person {
	return views.Person{ID: id, Name: s.T(name), Detail: s.T(detail)}
}

func (s Samples) alice() views.Person { return s.person("p1", "Alice Keller", "Site reliability") }
func (s Samples) bob() views.Person   { return s.person("p2", "Bob Okafor", "Platform lead") }
func (s Samples) carol() views.Person { return s.person("p3", "Carol Lindqvist", "Identity team") }
func (s Samples) dave() views.Person  { return s.person("p4", "Dave Marsh", "Database operations") }
func (s Samples) farid() views.Person { return s.person("p6", "Farid Nazari", "Payments") }
func (s Samples) erin() views.Person  { return s.person("p9", "Erin Sato", "Internal audit") }

func (s Samples) stint() views.Person { return views.Person{ID: "system", Name: "Stint", System: true} }

func (s Samples) role(name, kind string, scope ...string) views.Role {
	path := []string{s.T("Northwind")}
	for _, p := range scope {
		path = append(path, s.T(p))
	}
	return views.Role{Name: s.T(name), Kind: kind, Scope: path}
}

func (s Samples) domainAdmins() views.Role {
	return s.role("Domain Admins", "ldap", "Directory", "corp.northwind.example")
}
func (s Samples) dbOwner() views.Role {
	return s.role("db_owner", "database", "PostgreSQL", "billing-prod")
}
func (s Samples) sre() views.Role { return s.role("Member", "group", "Groups", "grp-sre") }
func (s Samples) admin() views.Role {
	return s.role("Privileged Role Administrator", "stint", "Stint")
}
func (s Samples) backup() views.Role {
	return s.role("Backup Operators", "ldap", "Directory", "corp.northwind.example")
}

func (s Samples) needs(icons ...string) []views.Need {
	words := map[string]string{
		"fingerprint": "passkey", "message-square-text": "reason", "ticket": "ticket", "user-check": "approval",
	}
	var list []views.Need
	for _, i := range icons {
		list = append(list, views.Need{Icon: i, Text: s.T(words[i])})
	}
	return list
}

// Pages are all of them.
func (s Samples) Pages() []Page {
	var all []Page
	for _, group := range [][]Page{s.entrance(), s.mine(), s.sets(), s.approvals(), s.manage(), s.workloads(), s.assignments(), s.resources(), s.roles(), s.settings(), s.syncs(), s.reviews(), s.watch(), s.errors()} {
		all = append(all, group...)
	}
	return append(all, Page{"gallery", "/gallery", views.Gallery(s.gallery(all))})
}
