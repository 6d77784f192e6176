package ldap_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"

	"stint/internal/connector"
	"stint/internal/connector/connectortest"
	"stint/internal/connector/ldap"
	"stint/internal/stinttest/slapd"
)

const (
	people = "ou=people," + slapd.BaseDN
	groups = "ou=groups," + slapd.BaseDN
	filler = "cn=nobody-yet," + slapd.BaseDN
)

// schema is one way an OpenLDAP directory keeps members.
type schema struct {
	membership string
	class      string
	tls        bool
}

var schemas = []schema{
	{"member", "groupOfNames", true},
	{"uniqueMember", "groupOfUniqueNames", false},
	{"memberUid", "posixGroup", true},
}

func TestSlapdConformance(t *testing.T) {
	for _, s := range schemas {
		t.Run(s.membership, func(t *testing.T) {
			t.Parallel()
			connectortest.Run(t, newFixture(t, s).harness())
		})
	}
}

// fixture is a directory of one schema.
type fixture struct {
	*slapd.Server
	schema
}

func newFixture(t *testing.T, s schema) fixture {
	f := fixture{slapd.Start(t), s}
	f.addGroup(t, groupDN("Domain Admins"))
	f.addGroup(t, "cn=elsewhere,"+people)
	return f
}

func groupDN(name string) string    { return "cn=" + goldap.EscapeDN(name) + "," + groups }
func personDN(uid string) string    { return "uid=" + goldap.EscapeDN(uid) + "," + people }
func secret(string) (string, error) { return slapd.ServicePassword, nil }

func (f fixture) settings() map[string]string {
	out := map[string]string{
		"address": f.URL, "bind_dn": slapd.ServiceDN, "base_dn": slapd.BaseDN, "membership": f.membership,
		"ca_file": f.CAFile, "may_write": "*," + groups,
	}
	if f.tls {
		out["address"] = f.TLSURL
	}
	if f.membership != "memberUid" {
		out["filler_dn"] = filler
	}
	return out
}

func (f fixture) open(t *testing.T, changes ...string) connector.Connector {
	t.Helper()
	s := f.settings()
	for i := 0; i < len(changes); i += 2 {
		s[changes[i]] = changes[i+1]
	}
	c, err := connector.Open(ldap.Kind, connector.Config{TargetID: "directory", Settings: s, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// addGroup makes a group with nobody but, where the class asks for one, the filler in it.
func (f fixture) addGroup(t *testing.T, dn string) {
	t.Helper()
	attributes := []string{"objectClass", f.class}
	if f.membership == "memberUid" {
		attributes = append(attributes, "gidNumber", "1000")
	} else {
		attributes = append(attributes, f.membership, filler)
	}
	f.Add(t, dn, attributes...)
}

func (f fixture) value(login string) string {
	if f.membership == "memberUid" {
		return login
	}
	return personDN(login)
}

func (f fixture) put(t *testing.T, login, name string) {
	t.Helper()
	f.Modify(t, name, f.membership, f.value(login), true)
	if slices.Contains(f.Values(t, name, f.membership), filler) {
		f.Modify(t, name, f.membership, filler, false)
	}
}

func (f fixture) holders(t *testing.T, name string) (logins []string) {
	t.Helper()
	for _, v := range f.Values(t, name, f.membership) {
		if v == filler {
			continue
		}
		if dn, err := goldap.ParseDN(v); err == nil && f.membership != "memberUid" {
			v = dn.RDNs[0].Attributes[0].Value
		}
		logins = append(logins, v)
	}
	return logins
}

func (f fixture) harness() connectortest.Harness {
	h := f.members()
	if f.class != "posixGroup" {
		h.PutOwner = func(t *testing.T, login, name string) { f.Modify(t, name, "owner", personDN(login), true) }
		h.Owners = func(t *testing.T, name string) []string { return loginsOf(f.Values(t, name, "owner")) }
	}
	return h
}

func loginsOf(dns []string) (logins []string) {
	for _, v := range dns {
		dn, err := goldap.ParseDN(v)
		if err != nil {
			panic(err)
		}
		logins = append(logins, dn.RDNs[0].Attributes[0].Value)
	}
	return logins
}

func (f fixture) members() connectortest.Harness {
	return connectortest.Harness{
		Kind: ldap.Kind, Settings: f.settings, Secret: secret, Redirect: redirect, Spell: spellings,
		NewEntitlement: func(t *testing.T, name string) string {
			f.addGroup(t, groupDN(name))
			return groupDN(name)
		},
		RenameEntitlement: func(t *testing.T, name, to string) string {
			f.Rename(t, name, "cn="+to, "")
			return groupDN(to)
		},
		DeleteEntitlement: func(t *testing.T, name string) { f.Delete(t, name) },
		NewAccount:        func(t *testing.T, login string) { f.AddPerson(t, login) },
		DeleteAccount:     func(t *testing.T, login string) { f.Delete(t, personDN(login)) },
		Put:               f.put,
		Holders:           f.holders,
		Unlisted:          "cn=elsewhere," + people,
		Protected:         groupDN("Domain Admins"),
	}
}

func redirect(settings map[string]string, addr string) {
	u, _ := url.Parse(settings["address"])
	settings["address"] = u.Scheme + "://" + addr
}

// spellings writes a group's DN in other ways, and as a bare name.
func spellings(dn string) []string {
	parsed, _ := goldap.ParseDN(dn)
	name := parsed.RDNs[0].Attributes[0].Value
	rest := strings.SplitN(dn, ",", 2)[1]
	return []string{
		name, strings.ToUpper(name), strings.ToUpper(dn), strings.ReplaceAll(dn, ",", " , "),
		"commonName=" + name + "," + rest, "2.5.4.3=" + name + "," + rest, `cn=\` + hexOf(name[0]) + name[1:] + "," + rest,
	}
}

func hexOf(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[b>>4], digits[b&15]})
}
