package demo

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"go.yaml.in/yaml/v3"

	"stint/internal/connector"
	"stint/internal/connector/connectortest"
	stintldap "stint/internal/connector/ldap"
)

// northwindSettings are the target's settings as northwind.yaml has them, at this directory.
func northwindSettings(t *testing.T, d *Directory) map[string]string {
	t.Helper()
	var file struct {
		Targets []struct {
			Settings map[string]string
			MayWrite []string `yaml:"may_write"`
		}
	}
	if err := yaml.Unmarshal(Northwind(d.Addr()), &file); err != nil {
		t.Fatal(err)
	}
	settings := file.Targets[0].Settings
	settings[connector.MayWrite] = strings.Join(file.Targets[0].MayWrite, "\n")
	return settings
}

func secret(string) (string, error) { return password, nil }

// edit is a hand on the directory's machine: what no LDAP client of the demo may do.
func (d *Directory) edit(t *testing.T, change func([]*entry) []*entry) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	var copies []*entry
	for _, e := range d.tree.Entries {
		copies = append(copies, &entry{DN: e.DN, ID: e.ID, Attrs: e.Attrs})
	}
	next, err := newTree(change(copies))
	if err != nil {
		t.Fatal(err)
	}
	d.tree = next
}

func (d *Directory) put(t *testing.T, e Entry) {
	t.Helper()
	d.edit(t, func(all []*entry) []*entry {
		one, err := (&tree{}).seeded([]Entry{e})
		if err != nil {
			t.Fatal(err)
		}
		return append(all, one.Entries...)
	})
}

func (d *Directory) remove(t *testing.T, dn string) {
	t.Helper()
	d.edit(t, func(all []*entry) []*entry {
		return slices.DeleteFunc(all, func(e *entry) bool { return e.DN == dn })
	})
}

func (d *Directory) add(t *testing.T, attribute, dn, name string) {
	t.Helper()
	d.edit(t, func(all []*entry) []*entry {
		for i, e := range all {
			if e.DN == dn {
				all[i] = e.with(attribute, append(slices.Clone(e.values(attribute)), name))
			}
		}
		return all
	})
}

// logins are those of the people whom an attribute of a group names.
func logins(t *testing.T, d *Directory, group, attribute string) (logins []string) {
	t.Helper()
	for _, v := range named(t, dial(t, d), group, attribute) {
		name, err := ldap.ParseDN(v)
		if err != nil {
			t.Fatal(err)
		}
		if v != nobody {
			logins = append(logins, name.RDNs[0].Attributes[0].Value)
		}
	}
	return logins
}

func groupDN(name string) string { return "cn=" + ldap.EscapeDN(name) + "," + NorthwindGroupsDN }

func groupEntry(dn, name string) Entry {
	e := object(dn, "groupOfNames", "cn", name)
	e.Attributes = append(e.Attributes, Attribute{"member", []string{nobody}})
	return e
}

// The demo's directory is as good a target as OpenLDAP: Stint's connector, with the settings of northwind.yaml, passes
// the suite that it passes on the real servers.
func TestConnectorConformance(t *testing.T) {
	t.Parallel()
	d, _ := openDirectory(t, filepath.Join(t.TempDir(), "directory.json"))
	d.put(t, groupEntry(groupDN("Domain Admins"), "Domain Admins"))
	d.put(t, groupEntry("cn=elsewhere,"+NorthwindBaseDN, "elsewhere"))
	connectortest.Run(t, connectortest.Harness{
		Kind: stintldap.Kind, Secret: secret,
		Settings: func() map[string]string { return northwindSettings(t, d) },
		Redirect: func(settings map[string]string, addr string) { settings["address"] = "ldap://" + addr },
		Spell: func(dn string) []string {
			name, rest, _ := strings.Cut(strings.TrimPrefix(dn, "cn="), ",")
			return []string{name, strings.ToUpper(name), strings.ToLower(dn), strings.ToUpper(dn), strings.ReplaceAll(dn, ",", " , "),
				"commonName=" + name + "," + rest, "2.5.4.3=" + name + "," + rest}
		},
		NewEntitlement: func(t *testing.T, name string) string {
			d.put(t, groupEntry(groupDN(name), name))
			return groupDN(name)
		},
		RenameEntitlement: func(t *testing.T, dn, name string) string {
			d.edit(t, func(all []*entry) []*entry {
				for _, e := range all {
					if e.DN == dn {
						e.DN = groupDN(name)
					}
				}
				return all
			})
			return groupDN(name)
		},
		DeleteEntitlement: d.remove,
		NewAccount: func(t *testing.T, login string) {
			d.put(t, object(personDN(login), "inetOrgPerson", "uid", login, "cn", login, "sn", login))
		},
		DeleteAccount: func(t *testing.T, login string) { d.remove(t, personDN(login)) },
		Put:           func(t *testing.T, login, dn string) { d.add(t, "member", dn, personDN(login)) },
		Holders:       func(t *testing.T, dn string) []string { return logins(t, d, dn, "member") },
		PutOwner:      func(t *testing.T, login, dn string) { d.add(t, "owner", dn, personDN(login)) },
		Owners:        func(t *testing.T, dn string) []string { return logins(t, d, dn, "owner") },
		Unlisted:      "cn=elsewhere," + NorthwindBaseDN, Protected: groupDN("Domain Admins"),
	})
}

// What northwind.yaml names is there for the connector: every entitlement may be written, every account is found, and
// both keep their ids across a restart of the directory.
func TestConnectorFindsNorthwind(t *testing.T) {
	t.Parallel()
	o, err := readOrganisation()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "directory.json")
	look := func() (ids []string) {
		d, _ := openDirectory(t, file)
		c, err := connector.Open(stintldap.Kind, connector.Config{TargetID: "directory", Settings: northwindSettings(t, d), Secret: secret})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range o.Roles {
			for _, m := range r.Means {
				id, err := c.Canonical(t.Context(), m.Entitlement)
				if err != nil {
					t.Errorf("%s: %v", m.Entitlement, err)
				}
				ids = append(ids, string(id))
			}
		}
		for _, a := range o.Accounts {
			id, _, err := c.FindAccount(t.Context(), a.Account)
			if err != nil {
				t.Errorf("%s: %v", a.Account, err)
			}
			ids = append(ids, string(id))
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		return ids
	}
	first := look()
	if again := look(); !slices.Equal(first, again) {
		t.Errorf("ids changed over a restart:\n%q\n%q", first, again)
	}
}
