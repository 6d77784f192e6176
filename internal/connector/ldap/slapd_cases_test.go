package ldap_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"stint/internal/connector"
	"stint/internal/stinttest/slapd"
	"stint/internal/stinttest/slapd/testca"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What only OpenLDAP has, on one server.
func TestSlapdCases(t *testing.T) {
	t.Parallel()
	f := newFixture(t, schemas[0])
	for name, test := range map[string]func(fixture, *testing.T){
		"TLS":                fixture.testTLS,
		"unreadable":         fixture.testUnreadable,
		"hidden":             fixture.testHidden,
		"not allowed":        fixture.testNotAllowed,
		"strangers":          fixture.testStrangers,
		"filler":             fixture.testFiller,
		"filler raced":       fixture.testFillerRaced,
		"by mail":            fixture.testByMail,
		"nested":             fixture.testNested,
		"ambiguous group":    fixture.testAmbiguousGroup,
		"wrong class":        fixture.testWrongClass,
		"answer lost":        fixture.testAnswerLost,
		"second server":      fixture.testSecondServer,
		"hung up on":         fixture.testHungUpOn,
		"look-alike DNs":     fixture.testLookAlikeDNs,
		"listed by id":       fixture.testListedByID,
		"own member refused": fixture.testOwnMember,
	} {
		t.Run(name, func(t *testing.T) { test(f, t) })
	}
	t.Run("restart", f.testRestart) // last: it stops the server
}

func (f fixture) group(t *testing.T, name string) string {
	t.Helper()
	f.addGroup(t, groupDN(name))
	return groupDN(name)
}

func (f fixture) testTLS(t *testing.T) {
	f.group(t, "tls")
	for name, c := range map[string]struct {
		address, startTLS, caFile string
		want                      connector.Kind
	}{
		"ldaps":              {f.TLSURL, "false", f.CAFile, connector.None},
		"StartTLS":           {f.URL, "true", f.CAFile, connector.None},
		"ldaps, other CA":    {f.TLSURL, "false", testca.New(t, t.TempDir(), "x").CA, connector.Denied},
		"StartTLS, other CA": {f.URL, "true", testca.New(t, t.TempDir(), "x").CA, connector.Denied},
		"other host name":    {strings.Replace(f.TLSURL, "127.0.0.1", "localhost", 1), "false", f.CAFile, connector.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			d := f.open(t, "address", c.address, "start_tls", c.startTLS, "ca_file", c.caFile)
			_, err := d.Canonical(t.Context(), "tls")
			mustKind(t, c.want, err)
		})
	}
}

// What may not be read is not absent: "confirmed gone" needs to have been able to look.
func (f fixture) testUnreadable(t *testing.T) {
	dn := "cn=blind,ou=blind," + slapd.BaseDN
	f.addGroup(t, dn)
	person := f.AddPerson(t, "unseen")
	f.Modify(t, dn, "member", person, true)
	c := f.open(t, "may_write", dn)
	acc, ent := find(t, c, "unseen"), entitlement(t, c, dn)
	_, err := c.Observe(t.Context(), acc, ent)
	mustKind(t, connector.Denied, err)
	for _, err := range c.List(t.Context(), ent) {
		mustKind(t, connector.Denied, err)
	}
	// Nothing can be seen at all: that is not as if everybody were gone.
	blind := f.open(t, "base_dn", "ou=hidden,"+slapd.BaseDN)
	_, err = blind.Describe(t.Context(), ent)
	mustKind(t, connector.Denied, err)
	_, _, err = blind.FindAccount(t.Context(), "unseen")
	mustKind(t, connector.Denied, err)
}

// What an access rule hides answers like what was deleted: neither proves that a membership is gone.
func (f fixture) testHidden(t *testing.T) {
	dn := f.group(t, "covered")
	f.AddPerson(t, "mole")
	c := f.open(t)
	acc, ent := find(t, c, "mole"), entitlement(t, c, "covered")
	unseen := func(want connector.Side) {
		t.Helper()
		_, err := c.Observe(t.Context(), acc, ent)
		mustKind(t, connector.Gone, err)
		for call, err := range map[string]error{"observe": err, "grant": c.Grant(t.Context(), acc, ent, time.Time{}), "revoke": c.Revoke(t.Context(), acc, ent)} {
			if got := connector.UnseenIn(err); got != want {
				t.Errorf("%s: %q is not shown, want %q: %v", call, got, want, err)
			}
		}
	}
	hide := func(dn, rdn, parent string) { f.Rename(t, rdn+","+dn, rdn, parent) }
	hide(people, "uid=mole", "ou=hidden,"+slapd.BaseDN)
	unseen(connector.Account)
	hide("ou=hidden,"+slapd.BaseDN, "uid=mole", people)
	mustObserve(t, c, false, acc, ent)
	hide(groups, "cn=covered", "ou=hidden,"+slapd.BaseDN)
	unseen(connector.Entitlement)
	f.Delete(t, strings.Replace(dn, groups, "ou=hidden,"+slapd.BaseDN, 1))
	unseen(connector.Entitlement)
}

func (f fixture) testNotAllowed(t *testing.T) {
	dn := "cn=elsewhere," + people
	f.AddPerson(t, "hopeful")
	c := f.open(t, "may_write", dn)
	acc, ent := find(t, c, "hopeful"), entitlement(t, c, dn)
	mustKind(t, connector.Denied, c.Grant(t.Context(), acc, ent, time.Time{}))
}

// A member whose entry is gone is listed all the same, and can be taken out, but never put in.
func (f fixture) testStrangers(t *testing.T) {
	dn := f.group(t, "strangers")
	ghost := personDN("ghost")
	f.Modify(t, dn, "member", ghost, true)
	f.AddPerson(t, "alive")
	f.Modify(t, dn, "member", personDN("alive"), true)
	c := f.open(t)
	ent, alive := entitlement(t, c, "strangers"), find(t, c, "alive")
	stranger := connector.AccountID("dn:" + ghost)
	got := listed(t, c, ent)
	if !slices.Contains(got, stranger) || !slices.Contains(got, alive) || len(got) != 2 {
		t.Fatalf("List yields %q, want %q and %q", got, stranger, alive)
	}
	mustObserve(t, c, true, stranger, ent)
	mustKind(t, connector.Refused, c.Grant(t.Context(), stranger, ent, time.Time{}))
	if err := c.Revoke(t.Context(), stranger, ent); err != nil {
		t.Fatal(err)
	}
	mustObserve(t, c, false, stranger, ent)
	mustObserve(t, c, true, alive, ent)
}

// The filler goes in with the last revoke, is never shown and never taken out.
func (f fixture) testFiller(t *testing.T) {
	dn := f.group(t, "filled")
	for _, login := range []string{"first", "last"} {
		f.AddPerson(t, login)
		f.put(t, login, dn)
	}
	c := f.open(t)
	ent := entitlement(t, c, "filled")
	if err := c.Revoke(t.Context(), find(t, c, "first"), ent); err != nil {
		t.Fatal(err)
	}
	if got := f.Values(t, dn, "member"); !slices.Equal(got, []string{personDN("last")}) {
		t.Errorf("a revoke that was not the last left %q", got)
	}
	if err := c.Revoke(t.Context(), find(t, c, "last"), ent); err != nil {
		t.Fatal(err)
	}
	if got := f.Values(t, dn, "member"); !slices.Equal(got, []string{filler}) {
		t.Errorf("after the last revoke the group holds %q, want the filler", got)
	}
	if got := listed(t, c, ent); len(got) != 0 {
		t.Errorf("List shows %q", got)
	}
	if err := c.Revoke(t.Context(), connector.AccountID("dn:"+filler), ent); err != nil {
		t.Errorf("revoke of the filler: %v", err)
	}
	if got := f.Values(t, dn, "member"); !slices.Equal(got, []string{filler}) {
		t.Errorf("a revoke of the filler left %q", got)
	}
}

// Several people are the last at once.
func (f fixture) testFillerRaced(t *testing.T) {
	dn := f.group(t, "raced")
	c := f.open(t)
	ent := entitlement(t, c, "raced")
	var accounts []connector.AccountID
	for i := range 4 {
		login := fmt.Sprintf("racer%d", i)
		f.AddPerson(t, login)
		f.put(t, login, dn)
		accounts = append(accounts, find(t, c, login))
	}
	done := make(chan error)
	for _, acc := range accounts {
		go func() { done <- c.Revoke(t.Context(), acc, ent) }()
	}
	for range accounts {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := f.Values(t, dn, "member"); !slices.Equal(got, []string{filler}) {
		t.Errorf("in the end the group holds %q", got)
	}
}

// One e-mail address of two people is nobody's.
func (f fixture) testByMail(t *testing.T) {
	for _, uid := range []string{"mail-one", "mail-two", "mail-three"} {
		f.AddPerson(t, uid)
	}
	c := f.open(t, "account_attribute", "mail")
	if find(t, c, "Mail-One@example.org") != find(t, f.open(t), "mail-one") {
		t.Error("the e-mail address leads to another account than the uid")
	}
	f.Modify(t, personDN("mail-three"), "mail", "mail-two@example.org", true)
	_, _, err := c.FindAccount(t.Context(), "mail-two@example.org")
	mustKind(t, connector.Refused, err)
}

// T22: membership is direct.
func (f fixture) testNested(t *testing.T) {
	inner, outer := f.group(t, "nest-inner"), f.group(t, "nest-outer")
	f.AddPerson(t, "nested")
	f.put(t, "nested", inner)
	f.Modify(t, outer, "member", inner, true)
	f.Modify(t, inner, "member", outer, true) // a cycle, which nothing here may follow
	c := f.open(t)
	acc := find(t, c, "nested")
	mustObserve(t, c, true, acc, entitlement(t, c, "nest-inner"))
	mustObserve(t, c, false, acc, entitlement(t, c, "nest-outer"))
	if got := listed(t, c, entitlement(t, c, "nest-outer")); len(got) != 1 || string(got[0]) != string(entitlement(t, c, inner)) {
		t.Errorf("List of the outer group yields %q, want the inner group only", got)
	}
}

// Two groups of one name: a bare name is refused, a DN is not.
func (f fixture) testAmbiguousGroup(t *testing.T) {
	f.Add(t, "ou=deeper,"+groups, "objectClass", "organizationalUnit")
	f.addGroup(t, "cn=twin,ou=deeper,"+groups)
	first := f.group(t, "twin")
	c := f.open(t)
	_, err := c.Canonical(t.Context(), "twin")
	mustKind(t, connector.Refused, err)
	if entitlement(t, c, first) == entitlement(t, c, "cn=twin,ou=deeper,"+groups) {
		t.Error("the twins have one id")
	}
}

// Something that is no group of the configured kind is none at all.
func (f fixture) testWrongClass(t *testing.T) {
	f.AddPerson(t, "no-group")
	c := f.open(t, "may_write", "*")
	_, err := c.Canonical(t.Context(), personDN("no-group"))
	mustKind(t, connector.Gone, err)
	_, err = c.Canonical(t.Context(), "cn=x,dc=other,dc=org")
	mustKind(t, connector.Refused, err)
	_, err = c.Observe(t.Context(), "not an id", "*")
	mustKind(t, connector.Refused, err)
}

// A change that was sent and not answered may have been made: unknown, and a second look tells.
func (f fixture) testAnswerLost(t *testing.T) {
	f.group(t, "lost")
	f.AddPerson(t, "lost")
	direct := f.open(t)
	acc, ent := find(t, direct, "lost"), entitlement(t, direct, "lost")
	relay := startRelay(t, strings.TrimPrefix(f.URL, "ldap://"))
	c := f.open(t, "address", "ldap://"+relay.addr)
	mustKind(t, connector.OutcomeUnknown, c.Grant(t.Context(), acc, ent, time.Time{}))
	<-relay.cut // the server has the change
	awaitPresent(t, direct, acc, ent)
	if err := direct.Revoke(t.Context(), acc, ent); err != nil {
		t.Fatal(err)
	}
}

// A kept connection that dies under the next request is replaced: nothing had been changed.
func (f fixture) testHungUpOn(t *testing.T) {
	f.group(t, "patient")
	relay := startRelay(t, strings.TrimPrefix(f.URL, "ldap://"))
	c := f.open(t, "address", "ldap://"+relay.addr)
	entitlement(t, c, "patient")
	relay.hangUp.Store(true)
	entitlement(t, c, "patient")
	if relay.hangUp.Load() {
		t.Error("the relay was not asked")
	}
}

// T22: slapd takes each of these for cn=mirror; Stint does not.
func (f fixture) testLookAlikeDNs(t *testing.T) {
	f.group(t, "mirror")
	c := f.open(t, "may_write", "*")
	entitlement(t, c, groupDN("MIRROR"))
	for _, cn := range []string{`mirror\20`, `\20mirror`, "\uff4dirror", "mi\u00adrror", `mirror\c2\a0`} {
		if _, err := c.Canonical(t.Context(), "cn="+cn+","+groups); err == nil {
			t.Errorf("cn=%s was taken for cn=mirror", cn)
		}
	}
}

// The first address is dead: the second serves, and keeps serving.
func (f fixture) testSecondServer(t *testing.T) {
	f.group(t, "second")
	c := f.open(t, "address", "ldaps://127.0.0.1:1\n"+f.TLSURL)
	for range 3 {
		entitlement(t, c, "second")
	}
}

func (f fixture) testListedByID(t *testing.T) {
	f.group(t, "by-id")
	id := entitlement(t, f.open(t), "by-id")
	c := f.open(t, "may_write", "id:"+strings.ToUpper(string(id)))
	if entitlement(t, c, "by-id") != id {
		t.Error("another group was found")
	}
	f.group(t, "by-id-not")
	_, err := c.Canonical(t.Context(), "by-id-not")
	mustKind(t, connector.Refused, err)
}

func (f fixture) testOwnMember(t *testing.T) {
	f.group(t, "narcissus")
	c := f.open(t)
	ent := entitlement(t, c, "narcissus")
	mustKind(t, connector.Refused, c.Grant(t.Context(), connector.AccountID(ent), ent, time.Time{}))
}

// Connections that died while idle are replaced without anybody noticing.
func (f fixture) testRestart(t *testing.T) {
	f.group(t, "survivor")
	f.AddPerson(t, "survivor")
	c := f.open(t)
	acc, ent := find(t, c, "survivor"), entitlement(t, c, "survivor")
	f.Stop()
	mustKind(t, connector.Transient, c.Grant(t.Context(), acc, ent, time.Time{}))
	f.Run(t)
	if err := c.Grant(t.Context(), acc, ent, time.Time{}); err != nil {
		t.Fatal(err)
	}
	f.Stop()
	f.Run(t)
	mustObserve(t, c, true, acc, ent)
}

// More uids than one search asks for; one of them is nobody's, and case counts.
func TestSlapdMemberUIDList(t *testing.T) {
	t.Parallel()
	f := newFixture(t, schemas[2])
	dn := f.group(t, "many")
	const many = 130
	var want []connector.AccountID
	c := f.open(t)
	for i := range many {
		login := fmt.Sprintf("uid%03d", i)
		f.AddPerson(t, login)
		f.Modify(t, dn, "memberUid", login, true)
		want = append(want, find(t, c, login))
	}
	for _, nobody := range []string{"nobody", "UID000", "*"} {
		f.Modify(t, dn, "memberUid", nobody, true)
		want = append(want, connector.AccountID("uid:"+nobody))
	}
	ent := entitlement(t, c, "many")
	got := listed(t, c, ent)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("List yields %d, want %d holders", len(got), len(want))
	}
	if err := c.Revoke(t.Context(), "uid:UID000", ent); err != nil {
		t.Fatal(err)
	}
	mustObserve(t, c, true, find(t, c, "uid000"), ent)

	f.Modify(t, personDN("uid001"), "uid", "second-uid", true)
	mustKind(t, connector.Refused, c.Grant(t.Context(), find(t, c, "second-uid"), ent, time.Time{}))
}
