package demo

import (
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// standing is who is in a group of the directory before Stint is set up: what Stint finds, it must put back.
var standing = map[string][]string{
	"cn=firewall-admins,ou=groups,dc=northwind,dc=example": {"jamal"},
}

// NorthwindDirectorySeed returns what the sample organisation's directory begins with: its people, and a group for
// every entitlement a role means.
func NorthwindDirectorySeed() ([]Entry, error) {
	o, err := readOrganisation()
	if err != nil {
		return nil, err
	}
	entries := []Entry{
		object(NorthwindBaseDN, "organization", "o", "Northwind"),
		object("ou=people,"+NorthwindBaseDN, "organizationalUnit", "ou", "people"),
		object("ou=services,"+NorthwindBaseDN, "organizationalUnit", "ou", "services"),
		object(NorthwindGroupsDN, "organizationalUnit", "ou", "groups"),
		object(NorthwindBindDN, "organizationalRole", "cn", "stint", "description", "Stint's service account"),
		object(NorthwindFillerDN, "organizationalRole", "cn", "nobody", "description", "Keeps groups without people from being empty"),
	}
	entries[0].Attributes = append(entries[0].Attributes, Attribute{"dc", []string{"northwind"}})
	entries[0].Attributes[0].Values = []string{"top", "dcObject", "organization"}
	return slices.Concat(entries, o.peopleEntries(), o.groupEntries()), nil
}

func (o organisation) peopleEntries() (entries []Entry) {
	for _, p := range o.People {
		given, family, _ := strings.Cut(p.Name, " ")
		e := object(personDN(p.ID), "inetOrgPerson", "uid", p.ID, "cn", p.Name, "displayName", p.Name, "givenName", given,
			"sn", family, "mail", p.Email, "title", p.Title, "departmentNumber", p.Department)
		e.Attributes[0].Values = []string{"top", "person", "organizationalPerson", "inetOrgPerson"}
		entries = append(entries, e)
	}
	return entries
}

func (o organisation) groupEntries() (entries []Entry) {
	for _, r := range o.Roles {
		for _, m := range r.Means {
			if slices.ContainsFunc(entries, func(e Entry) bool { return e.DN == m.Entitlement }) {
				continue // two roles that mean one group
			}
			name, _, _ := strings.Cut(strings.TrimPrefix(m.Entitlement, "cn="), ",")
			e := object(m.Entitlement, "groupOfNames", "cn", name, "description", r.Description)
			members := []string{NorthwindFillerDN}
			if people := standing[m.Entitlement]; len(people) > 0 {
				members = nil
				for _, id := range people {
					members = append(members, personDN(id))
				}
			}
			e.Attributes = append(e.Attributes, Attribute{"member", members})
			entries = append(entries, e)
		}
	}
	return entries
}

func personDN(id string) string { return "uid=" + ldap.EscapeDN(id) + ",ou=people," + NorthwindBaseDN }

// object makes an entry of one class from names and single values in turn.
func object(dn, class string, namesAndValues ...string) Entry {
	e := Entry{DN: dn, Attributes: []Attribute{{"objectClass", []string{"top", class}}}}
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		e.Attributes = append(e.Attributes, Attribute{namesAndValues[i], []string{namesAndValues[i+1]}})
	}
	return e
}
