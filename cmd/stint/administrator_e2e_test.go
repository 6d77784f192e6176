//go:build e2e && linux

package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"stint/internal/stinttest/browser"
	"stint/internal/stinttest/oidc"
	"stint/internal/stinttest/postgres"
	"stint/internal/stinttest/slapd"
)

const clusterPassword = "of-the-cluster"

// office is an organisation that begins with nothing: Debian's slapd, a real PostgreSQL, a provider, and `stint serve`
// without any file of the organisation. Everything else is said in a browser.
type office struct {
	*host
	*newcomer
	directory *slapd.Server
	cluster   *postgres.Server
	provider  *oidc.Provider
	admin     *somebody
}

func newOffice(t *testing.T) *office {
	t.Helper()
	chromium := browser.Start(t, 18*time.Minute)
	h := newHost(t)
	o := &office{host: h, directory: slapd.Start(t), cluster: postgres.StartOwn(t, postgres.Options{NoSync: true}), provider: oidc.Start(t),
		newcomer: &newcomer{T: t, chromium: chromium, demo: &runningDemo{t: t, portal: h.url}, seen: map[string]bool{}}}
	for _, login := range []string{"ada", "mia", "ben"} {
		o.directory.AddPerson(t, login)
	}
	for _, group := range []string{"ledger", "auditors"} {
		o.directory.Add(t, "cn="+group+engineerDN, "objectClass", "groupOfNames", "member", slapd.ServiceDN)
	}
	o.cluster.Exec(t, `CREATE ROLE mia LOGIN; CREATE ROLE ledger_owner; CREATE ROLE ledger_reader;
		CREATE ROLE stint LOGIN NOINHERIT PASSWORD '`+clusterPassword+`'; GRANT pg_signal_backend TO stint;
		GRANT ledger_owner TO stint WITH ADMIN OPTION; GRANT ledger_reader TO stint WITH ADMIN OPTION`)
	h.write("oidc.secret", o.provider.ClientSecret)
	h.configure("oidc_issuer: "+o.provider.Issuer, "oidc_client_id: "+o.provider.ClientID, "oidc_client_secret: file:oidc.secret")
	h.serve("/readyz")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("stint said:\n%s", h.served.log)
		}
	})
	return o
}

// arrives signs somebody in at a device of their own; nobody knew them before.
func (o *office) arrives(sub, name string) *somebody {
	o.host.Helper()
	o.provider.SignInAs(sub, map[string]any{"name": name, "email": sub + "@example.org", "email_verified": true})
	s := &somebody{o.chromium.Tab(o.host.T, o.url), o.newcomer, sub, name}
	s.Authenticator()
	s.Open("/sign-in/start")
	s.Sees("My roles", name)
	return s
}

// says fills a form, field by field.
func (s *somebody) says(pairs ...string) {
	s.n.Helper()
	for i := 0; i < len(pairs); i += 2 {
		s.Fill(pairs[i], pairs[i+1])
	}
}

// touches confirms what the page restates, and goes where that leads.
func (s *somebody) touches(restated ...string) {
	s.n.Helper()
	s.confirms(restated...)
	s.Until(`String(!location.pathname.startsWith("/step-up") && document.readyState === "complete")`, "true")
}

// tick ticks a box or a radio by the words of its label.
func (s *somebody) tick(label string) {
	s.n.Helper()
	s.Click(fmt.Sprintf(`(//label[contains(normalize-space(.), %q)]//input)[1]`, label))
}

// link follows the first link in the page's own part whose text contains the words.
func (s *somebody) link(text string) {
	s.n.Helper()
	s.leaves(fmt.Sprintf(`(//main//a[contains(normalize-space(.), %q)])[1]`, text))
}

// button presses a button of the page's own part.
func (s *somebody) button(text string) {
	s.n.Helper()
	s.leaves(fmt.Sprintf(`(//main//button[contains(normalize-space(.), %q)])[1]`, text))
}

// leaves clicks and waits for the page it leads to: opening another one before would cut the answer off.
func (s *somebody) leaves(xpath string) {
	s.n.Helper()
	s.Run(`window.stayed = true`)
	s.Click(xpath)
	s.Until(`String(!window.stayed && document.readyState === "complete")`, "true")
}

// picks chooses an option of a select by a part of its text.
func (s *somebody) picks(name, text string) {
	s.n.Helper()
	s.Until(fmt.Sprintf(`String(document.querySelectorAll("select[name=%s]").length)`, name), "1")
	got := s.Text(fmt.Sprintf(`(() => { const f = document.querySelector("select[name=" + %q + "]"); const o = [...f.options].find((o) => o.text.includes(%q));
		if (!o) return "only " + [...f.options].map((o) => o.text).join(", "); f.value = o.value; f.dispatchEvent(new Event("change", {bubbles: true})); return ""; })()`, name, text))
	if got != "" {
		s.n.Fatalf("%s offers %s, not %s", name, got, text)
	}
}

// An administrator who never sees a file builds a tree on a real OpenLDAP and a real PostgreSQL, sets rules,
// assigns a group, and a member activates, is approved, and really holds it until they give it back or it is taken from them.
// K-10, K-19, P-04, S-10, EC-11.
func TestAdministrator(t *testing.T) {
	o := newOffice(t)
	mia, ben := o.arrives("mia", "Mia Ferro"), o.arrives("ben", "Ben Oduya")
	o.begins()
	o.letsIn(mia)
	o.letsIn(ben)
	o.connects()
	o.buildsTheTree()
	o.namesAccounts()
	o.makesGroups()
	role := o.setsRules()
	o.assigns(role)
	activation := o.activates(mia, ben)
	o.takesTheEligibilityAway(mia, activation)
}

// begins: the first administrator, as README says.
func (o *office) begins() {
	o.host.Helper()
	ada := o.arrives("ada", "Ada Lovelace")
	o.admin = ada
	o.stint("admin", "link")
	link, err := url.Parse(o.read("data/admin-link"))
	o.ok(err)
	ada.Open(link.Path)
	ada.Sees("Bind this link to Ada Lovelace")
	ada.look("admin-link")
	ada.Press("Bind this link to")
	ada.Sees("first passkey")
	ada.look("first-passkey")
	ada.Fill("name", "Ada's laptop")
	ada.Press("Add passkey")
	ada.Sees("Create your passkey")
	ada.Press("Create passkey")
	ada.Sees("Ada's laptop")
	ada.Open("/my-roles")
	ada.activatesStint("Privileged Role Administrator", "Setting up the ledger")
}

// letsIn issues a voucher, with which somebody enrols their first passkey.
func (o *office) letsIn(s *somebody) {
	o.host.Helper()
	a := o.admin
	a.Open("/people")
	a.link(s.name)
	a.link("Sign-in and access")
	a.Sees("Voucher for the first passkey")
	a.look("person-access")
	a.Press("Issue a voucher")
	a.confirms(s.name)
	a.Sees("shown now and never again")
	code := a.Text(`document.getElementById("voucher").textContent`)
	s.Open("/passkeys")
	s.says("name", "Laptop of "+s.name, "voucher", code)
	s.Press("Add passkey")
	s.Sees("Create your passkey")
	s.Press("Create passkey")
	s.Sees("Laptop of " + s.name)
}

// connects both systems, tried first; a wrong password is said in words.
func (o *office) connects() {
	o.host.Helper()
	a := o.admin
	a.Open("/resources")
	a.look("resources-empty")
	a.link("Add at the top")
	a.picks("kind", "Organisation")
	a.Fill("name", "Example")
	a.look("resource-new")
	a.button("Add")
	a.Sees("Example", "Organisation")
	a.Open("/targets/new")
	a.look("target-new")
	a.link("Choose")
	a.Sees("Connect LDAP")
	a.look("target-form")
	a.says("name", "Example directory", "s-address", o.directory.TLSURL, "s-ca_file", o.directory.CAFile, "s-bind_dn", slapd.ServiceDN, "s-base_dn", slapd.BaseDN,
		"secret", "not the password", "may_write", "*"+engineerDN)
	a.picks("below", "Example")
	a.button("Test the connection")
	a.Sees("password")
	a.look("target-wrong-password")
	a.Fill("secret", slapd.ServicePassword)
	a.button("Test the connection")
	a.Sees("It answers", "ledger")
	a.look("target-tested")
	a.Fill("secret", slapd.ServicePassword)
	a.button("Save with passkey")
	a.touches("Example directory")
	a.Sees("Bring in from Example directory")

	a.bringsIn("ledger")
	a.Open("/targets/new?kind=postgres")
	a.says("name", "Example cluster", "s-address", o.cluster.Addr(), "s-ca_file", o.cluster.CAFile, "s-user", "stint", "secret", clusterPassword, "may_write", "ledger_*")
	a.picks("below", "Example")
	a.button("Test the connection")
	a.Sees("It answers", "ledger_owner")
	a.Fill("secret", clusterPassword)
	a.button("Save with passkey")
	a.touches("Example cluster")
	a.bringsIn("ledger_owner")
}

// bringsIn finds one entry of the target that is open for it, and makes it a resource with a role for its members.
func (s *somebody) bringsIn(entry string) {
	s.n.Helper()
	s.Fill("q", entry)
	s.button("Search")
	s.Sees(entry)
	s.Click(fmt.Sprintf(`(//tr[contains(normalize-space(.), %q)]//input[@name="pick"])[1]`, entry))
	s.look("target-browse")
	s.button("Bring in with passkey")
	s.touches(entry)
	s.Sees(entry)
	s.look("brought-in")
}

// buildsTheTree adds what no target offers: a database below the server, by the kinds that usually stand there.
func (o *office) buildsTheTree() {
	o.host.Helper()
	a := o.admin
	a.Open("/resources?q=Example+cluster")
	a.link("Example cluster")
	a.Sees("Right below", "ledger_owner")
	a.look("resource-server")
	a.link("Add below")
	a.Becomes(`document.querySelector("select[name=kind]").selectedOptions[0].text`, "Database")
	a.Fill("name", "Ledger 2026")
	a.button("Add")
	if strings.HasPrefix(a.Address(), "/step-up/") {
		a.touches("Ledger 2026")
	}
	a.Sees("Ledger 2026")
	a.Open("/resources")
	a.Sees("Example directory", "Example cluster", "Answers")
	a.look("resources")
}

// namesAccounts says who Mia is at both systems.
func (o *office) namesAccounts() {
	o.host.Helper()
	a := o.admin
	a.Open("/people")
	a.link("Mia Ferro")
	a.Sees("No account yet")
	for _, target := range []string{"Example directory", "Example cluster"} {
		a.link("Name an account")
		a.picks("target", target)
		a.Fill("account", "nobody-here")
		a.button("Look it up")
		a.Sees("knows no such account")
		a.Complained("422")
		a.look("account-unknown")
		a.Fill("account", "mia")
		a.button("Look it up")
		a.touches("Mia Ferro is", target)
		a.Sees("looked up at the target")
	}
	a.look("person")
}
