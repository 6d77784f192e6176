package ldap_test

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"stint/internal/connector"
	"stint/internal/connector/connectortest"
	"stint/internal/connector/ldap"
	"stint/internal/stinttest/samba"
)

const (
	adPeople = "OU=People," + samba.BaseDN
	adGroups = "OU=Groups," + samba.BaseDN
)

func TestActiveDirectory(t *testing.T) {
	if testing.Short() {
		t.Skip("a domain controller takes several seconds to set up")
	}
	t.Parallel()
	d := domain{samba.Start(t)}
	d.AddGroup(t, "CN=elsewhere,OU=Elsewhere,"+samba.BaseDN, "elsewhere")
	t.Run("conformance", func(t *testing.T) { connectortest.Run(t, d.harness()) })
	t.Run("large group", d.testLargeGroup)
	t.Run("nested groups", d.testNested)
	t.Run("protected by SID", d.testProtectedBySID)
	t.Run("moved", d.testMoved)
	t.Run("no rights", d.testNoRights)
	t.Run("spellings", d.testSpellings)
	t.Run("people", d.testPeople)
}

type domain struct{ *samba.Server }

func adSecret(string) (string, error) { return samba.ServicePassword, nil }

func (d domain) settings() map[string]string {
	return map[string]string{
		"address": d.URL, "ca_file": d.CAFile, "flavour": "ad", "bind_dn": samba.ServiceUPN,
		"base_dn": samba.BaseDN, "may_write": "*," + adGroups,
	}
}

func (d domain) open(t *testing.T, changes ...string) connector.Connector {
	t.Helper()
	s := d.settings()
	for i := 0; i < len(changes); i += 2 {
		s[changes[i]] = changes[i+1]
	}
	c, err := connector.Open(ldap.Kind, connector.Config{TargetID: "domain", Settings: s, Secret: adSecret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// adGroupDN also escapes "=", which RFC 4514 does not ask for but Samba does.
func adGroupDN(name string) string {
	return "CN=" + strings.ReplaceAll(goldap.EscapeDN(name), "=", `\3D`) + "," + adGroups
}

func adPersonDN(login string) string { return "CN=" + goldap.EscapeDN(login) + "," + adPeople }

// accountName makes a sAMAccountName, which may hold less than a cn.
func accountName(cn string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(cn))
	return fmt.Sprintf("g-%08x", h.Sum32())
}

func (d domain) harness() connectortest.Harness {
	return connectortest.Harness{
		Kind: ldap.Kind, Settings: d.settings, Secret: adSecret, Redirect: redirect,
		Spell: func(dn string) []string {
			return []string{strings.ToLower(dn), strings.ToUpper(dn), strings.ReplaceAll(dn, ",", " , ")}
		},
		NewEntitlement: func(t *testing.T, name string) string {
			d.AddGroup(t, adGroupDN(name), accountName(name))
			return adGroupDN(name)
		},
		RenameEntitlement: func(t *testing.T, name, to string) string {
			d.Rename(t, name, "CN="+to, "")
			return adGroupDN(to)
		},
		DeleteEntitlement: func(t *testing.T, name string) { d.Delete(t, name) },
		NewAccount:        func(t *testing.T, login string) { d.AddPerson(t, login) },
		DeleteAccount:     func(t *testing.T, login string) { d.Delete(t, adPersonDN(login)) },
		Put:               func(t *testing.T, login, name string) { d.SetMember(t, name, adPersonDN(login), true) },
		Holders: func(t *testing.T, name string) (logins []string) {
			for _, dn := range d.MemberOf(t, name) {
				parsed, _ := goldap.ParseDN(dn)
				logins = append(logins, parsed.RDNs[0].Attributes[0].Value)
			}
			return logins
		},
		Unlisted:  "CN=elsewhere,OU=Elsewhere," + samba.BaseDN,
		Protected: "CN=Domain Admins,CN=Users," + samba.BaseDN,
	}
}

// find, entitlement and observe fail the test when the connector does not answer.
func find(t *testing.T, c connector.Connector, login string) connector.AccountID {
	t.Helper()
	id, _, err := c.FindAccount(t.Context(), login)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func entitlement(t *testing.T, c connector.Connector, name string) connector.EntitlementID {
	t.Helper()
	id, err := c.Canonical(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func mustObserve(t *testing.T, c connector.Connector, want bool, acc connector.AccountID, ent connector.EntitlementID) {
	t.Helper()
	if h, err := c.Observe(t.Context(), acc, ent); err != nil || h.Present != want {
		t.Errorf("Observe = %v, %v; want present = %v", h, err, want)
	}
}

func mustKind(t *testing.T, want connector.Kind, err error) {
	t.Helper()
	if got := connector.KindOf(err); got != want {
		t.Errorf("error is %q (%v), want %q", got, err, want)
	}
}

func listed(t *testing.T, c connector.Connector, ent connector.EntitlementID) (ids []connector.AccountID) {
	t.Helper()
	for id, err := range c.List(t.Context(), ent) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// More members than MaxValRange (1500): List must page, Observe must not be fooled by the first page.
func (d domain) testLargeGroup(t *testing.T) {
	const crowd = 1700
	people := []string{d.AddPerson(t, "in-crowd-1"), d.AddPerson(t, "in-crowd-2")}
	dns := append(d.AddCrowd(t, crowd), people...)
	d.AddGroup(t, adGroupDN("crowd"), "crowd", append(people[1:], dns[:crowd+1]...)...)
	c := d.open(t)
	ent := entitlement(t, c, "crowd")

	ids := listed(t, c, ent)
	slices.Sort(ids)
	if distinct := len(slices.Compact(ids)); distinct != crowd+2 {
		t.Fatalf("List yields %d distinct members, want %d", distinct, crowd+2)
	}
	for _, login := range []string{"in-crowd-1", "in-crowd-2"} {
		acc := find(t, c, login)
		if _, in := slices.BinarySearch(ids, acc); !in {
			t.Errorf("List left %s out", login)
		}
		mustObserve(t, c, true, acc, ent)
		if err := c.Revoke(t.Context(), acc, ent); err != nil {
			t.Fatal(err)
		}
		mustObserve(t, c, false, acc, ent)
	}
	if n := len(listed(t, c, ent)); n != crowd {
		t.Errorf("after the revokes List yields %d, want %d", n, crowd)
	}
	d.mustHaveRanges(t, c, ent)

	d.AddGroup(t, adGroupDN("one range"), "one-range", dns[:1500]...)
	if n := len(listed(t, c, entitlement(t, c, "one-range"))); n != 1500 {
		t.Errorf("List of a group of exactly one range yields %d", n)
	}
}

// mustHaveRanges keeps the test honest: this controller must really hand out less than the whole group at a time.
func (d domain) mustHaveRanges(t *testing.T, c connector.Connector, ent connector.EntitlementID) {
	t.Helper()
	e, err := c.Describe(t.Context(), ent)
	if err != nil {
		t.Fatal(err)
	}
	if n, all := d.FirstRange(t, e.Detail); all || n != 1500 {
		t.Errorf("the controller handed out %d members (all = %v): ranges were not tested", n, all)
	}
}

// T22: membership is direct: who is in an inner group is not in the outer one.
func (d domain) testNested(t *testing.T) {
	d.AddPerson(t, "nested-person")
	d.AddGroup(t, adGroupDN("inner"), "inner", adPersonDN("nested-person"))
	d.AddGroup(t, adGroupDN("outer"), "outer", adGroupDN("inner"))
	c := d.open(t)
	acc, inner, outer := find(t, c, "nested-person"), entitlement(t, c, "inner"), entitlement(t, c, "outer")
	mustObserve(t, c, true, acc, inner)
	mustObserve(t, c, false, acc, outer)
	if got := listed(t, c, outer); !slices.Equal(got, []connector.AccountID{connector.AccountID(inner)}) {
		t.Errorf("List of the outer group yields %q, want the inner group %q", got, inner)
	}
	if err := c.Grant(t.Context(), acc, outer, time.Time{}); err != nil {
		t.Fatal(err)
	}
	mustObserve(t, c, true, acc, outer)
	if err := c.Revoke(t.Context(), acc, outer); err != nil {
		t.Fatal(err)
	}
	mustObserve(t, c, true, acc, inner)
}

// T40: Domain Admins is protected whatever it is called and wherever it is moved.
func (d domain) testProtectedBySID(t *testing.T) {
	name := adGroupDN("harmless helpers")
	d.Rename(t, "CN=Domain Admins,CN=Users,"+samba.BaseDN, "CN=harmless helpers", adGroups)
	defer d.Rename(t, name, "CN=Domain Admins", "CN=Users,"+samba.BaseDN)
	_, err := d.open(t).Canonical(t.Context(), name)
	mustKind(t, connector.Refused, err)
	if _, err := d.open(t, "may_write", "*").Canonical(t.Context(), name); err == nil {
		t.Error("a * gave Domain Admins away")
	}
	if _, err := d.open(t, "may_write", name).Canonical(t.Context(), name); err != nil {
		t.Errorf("named literally it is still refused: %v", err)
	}
}

// Moving group and account to other places breaks nothing, not even a revoke of what has left the may_write list.
func (d domain) testMoved(t *testing.T) {
	d.AddPerson(t, "mover")
	d.AddGroup(t, adGroupDN("moving"), "moving")
	c := d.open(t)
	acc, ent := find(t, c, "mover"), entitlement(t, c, "moving")
	if err := c.Grant(t.Context(), acc, ent, time.Time{}); err != nil {
		t.Fatal(err)
	}
	d.Rename(t, adPersonDN("mover"), "CN=moved person", "OU=Elsewhere,"+samba.BaseDN)
	d.AddOU(t, "OU=Deeper,"+adGroups)
	d.Rename(t, adGroupDN("moving"), "CN=moved group", "OU=Deeper,"+adGroups)
	mustObserve(t, c, true, acc, ent)
	narrow := d.open(t, "may_write", "something else")
	mustKind(t, connector.Refused, narrow.Grant(t.Context(), acc, ent, time.Time{}))
	if err := narrow.Revoke(t.Context(), acc, ent); err != nil {
		t.Fatal(err)
	}
	mustObserve(t, c, false, acc, ent)
}

// The delegation covers OU=Groups only: elsewhere the controller itself says no.
func (d domain) testNoRights(t *testing.T) {
	d.AddPerson(t, "hopeful")
	c := d.open(t, "may_write", "*,"+samba.BaseDN)
	acc, ent := find(t, c, "hopeful"), entitlement(t, c, "CN=elsewhere,OU=Elsewhere,"+samba.BaseDN)
	mustKind(t, connector.Denied, c.Grant(t.Context(), acc, ent, time.Time{}))
	mustObserve(t, c, false, acc, ent)
}

// A bare name is a sAMAccountName; a group is no account, and a computer neither.
func (d domain) testSpellings(t *testing.T) {
	d.AddGroup(t, adGroupDN("Long descriptive name"), "short-name")
	c := d.open(t)
	if entitlement(t, c, "SHORT-NAME") != entitlement(t, c, adGroupDN("Long descriptive name")) {
		t.Error("one group has two ids")
	}
	for _, name := range []string{"short-name", "DC1$", "Domain Users"} {
		_, _, err := c.FindAccount(t.Context(), name)
		mustKind(t, connector.Gone, err)
	}
	plain := d.open(t, "address", d.Plain, "start_tls", "true")
	if entitlement(t, plain, "short-name") != entitlement(t, c, "short-name") {
		t.Error("StartTLS speaks to another directory")
	}
}
