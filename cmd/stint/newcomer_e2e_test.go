//go:build e2e

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stint/internal/stinttest/browser"
)

// newcomer is somebody who started the demo and tries everything in a browser, as one person after the other.
type newcomer struct {
	*testing.T
	demo     *runningDemo
	chromium *browser.Browser
	seen     map[string]bool // pages looked at already; nil: none is looked at
}

// somebody is one person of Northwind at a device of their own.
type somebody struct {
	*browser.Tab
	n    *newcomer
	uid  string
	name string
}

// The newcomer's journey: the demo, a real browser with passkeys, the directory watched over LDAP.
// EC-01 (deactivate at any age), V-01 (the second approver is told), R-30 and R-40 (cancel), R-45 (revoke),
// T1 (the cookie dies with the sign-out), T24 (nothing the policy refuses), positive paths.
func TestNewcomer(t *testing.T) {
	n := &newcomer{T: t, chromium: browser.Start(t, 18*time.Minute), demo: startDemo(t), seen: map[string]bool{}}
	alice := n.arrives("alice", "Alice Keller")
	expiring := alice.activatesForAMinute()
	alice.usesTheKeyboard()
	request := alice.asksForApproval()

	bob, carol := n.arrives("bob", "Bob Okafor"), n.arrives("carol", "Carol Lindqvist")
	n.decides(alice, bob, carol, request)
	carol.cancels()
	n.arrives("farid", "Farid Nazari").forgetsTheTicket()

	grace := n.arrives("grace", "Grace Liu")
	grace.administers()
	grace.revokes(alice, request)
	n.arrives("erin", "Erin Sato").audits(request)

	alice.seesItExpire(expiring)
	alice.signsOut()
	n.demo.printedChanges()
}

// arrives signs somebody in at the demo's provider and enrols their first passkey, which the provider's claim allows.
func (n *newcomer) arrives(uid, name string) *somebody {
	n.Helper()
	s := &somebody{n.chromium.Tab(n.T, n.demo.portal), n, uid, name}
	s.Authenticator()
	s.Open("/")
	s.Sees("Sign in to Stint")
	s.look("sign-in")
	s.Press("Continue with")
	s.Sees("Who do you want to be?")
	s.look("provider")
	s.Click(`//button[@id="person-` + uid + `"]`)
	s.Sees("My roles", name)
	s.Open("/passkeys")
	s.Sees("Add your first passkey", "cannot be phished")
	s.look("passkeys-first")
	s.Fill("name", "Laptop of "+name)
	s.Press("Add passkey")
	s.Sees("Create your passkey")
	s.look("passkey")
	s.Press("Create passkey")
	s.Sees("Add another passkey", "Laptop of "+name)
	s.look("passkeys")
	s.Open("/my-roles")
	s.Sees("You hold nothing by default")
	return s
}

// look judges a page: accessible in light and dark, no sideways scroll on a phone, no complaint; with STINT_SHOTS
// it is photographed too. Each page is looked at once.
func (s *somebody) look(page string) {
	s.n.Helper()
	if s.n.seen == nil || s.n.seen[page] {
		return
	}
	s.n.seen[page] = true
	for _, scheme := range []string{"light", "dark"} {
		s.Scheme(scheme)
		s.Accessible(page + ", " + scheme)
		s.shot(page + "-" + scheme)
	}
	s.Scheme("light")
	s.Size(390, 844)
	if by := s.Sideways(); by != "0" {
		s.n.Errorf("%s scrolls sideways by %s px on a phone", page, by)
	}
	s.shot(page + "-phone")
	s.Size(1280, 860)
	s.Quiet(page)
}

func (s *somebody) shot(name string) {
	s.n.Helper()
	dir := os.Getenv("STINT_SHOTS")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), s.Shot(), 0o644); err != nil {
		s.n.Error(err)
	}
}

// confirms checks what the passkey will confirm, and touches it.
func (s *somebody) confirms(restated ...string) {
	s.n.Helper()
	s.Sees("Check each line")
	s.Sees(restated...)
	s.Press("Use passkey")
}

// confirmed waits until the target was read back.
func (s *somebody) confirmed() {
	s.n.Helper()
	s.SeesWithin(time.Minute, "confirmed at the target at")
	s.Until(state, "Active")
}

const state = `document.querySelector("#activation .badge").textContent`

// activatesForAMinute begins an activation without approval that will end by itself; its page is the answer.
func (s *somebody) activatesForAMinute() string {
	s.n.Helper()
	s.look("my-roles-fresh")
	s.Press("Activate Help desk password reset")
	s.Sees("At most 15 min for this role")
	s.Choose("Other")
	s.Fill("other", "0:01")
	s.Fill("justification", "Henrik is locked out before the morning shift")
	s.look("activate")
	s.Press("Continue with passkey")
	s.Sees("Check each line")
	s.look("step-up")
	s.confirms("Help desk password reset", "Corporate directory › Password reset", "1 min", "Henrik is locked out before the morning shift")
	s.confirmed()
	s.Sees("Granting", "Asked for at Northwind directory", "Active, confirmed at the target")
	s.n.demo.holds("password-reset", "alice", true)
	return s.Address()
}

// usesTheKeyboard activates a role and gives it back without a mouse.
func (s *somebody) usesTheKeyboard() {
	s.n.Helper()
	s.Open("/my-roles")
	s.enter("Activate Database maintenance")
	s.Sees("At most 2 h for this role")
	s.TabTo("Reason")
	s.Keys("Rebuild the index of the order table, CHG-4471")
	s.look("activate-keyboard")
	s.enter("Continue with passkey")
	s.Sees("Check each line", "Rebuild the index of the order table, CHG-4471", "30 min")
	s.enter("Use passkey")
	s.confirmed()
	s.look("activation-active")
	s.n.demo.holds("dba", "alice", true)
	s.Open("/my-roles")
	s.look("my-roles")
	s.TabTo("Database maintenance")
	s.Keys("\r")
	s.confirmed()
	s.enter("Deactivate")
	s.Sees("Deactivated", "confirmed gone at")
	s.look("activation-gone")
	s.n.demo.holds("dba", "alice", false)
}

func (s *somebody) enter(text string) {
	s.n.Helper()
	s.TabTo(text)
	s.Keys("\r")
}

// asksForApproval leaves a request waiting; its page stays open and follows.
func (s *somebody) asksForApproval() string {
	s.n.Helper()
	s.Open("/my-roles")
	s.Press("Activate Database on call")
	s.Fill("justification", "Replication lag on the order database, INC-20871")
	s.look("activate-approval")
	s.Press("Continue with passkey")
	s.confirms("Database on call", "Corporate directory › Database administrators", "1 h from the approval", "INC-20871")
	s.Sees("Pending approval", "Waits for", "Bob Okafor", "Carol Lindqvist")
	s.look("activation-waiting")
	s.n.demo.holds("dba", "alice", false)
	return s.Address()
}

// decides: both approvers have the request open; the first decision wins, the second is told, and the requester's
// page changes by itself.
func (n *newcomer) decides(alice, bob, carol *somebody, request string) {
	n.Helper()
	bob.Open("/approvals")
	bob.Sees("1 request waits for you", "Replication lag on the order database, INC-20871")
	bob.look("approvals")
	bob.Press("Decide the request of Alice Keller")
	bob.Sees("Alice Keller asks for Database on call", "Your decision")
	bob.look("approval")
	carol.Open(strings.Replace(request, "/activations/", "/approvals/", 1))
	carol.Fill("justification", "I was about to agree")

	bob.Fill("justification", "Seen on the monitor too, go ahead")
	bob.Press("Approve for 1 h")
	bob.confirms("Database on call", "1 h from the approval", "Alice Keller", "Seen on the monitor too, go ahead")
	bob.Until("document.title", "Stint")
	alice.confirmed()
	alice.Sees("Bob Okafor", "Seen on the monitor too, go ahead")
	if alice.Address() != request {
		n.Errorf("Alice had to go to %s", alice.Address())
	}
	n.demo.holds("dba", "alice", true)
	bob.Open("/approvals/decided")
	bob.Sees("Alice Keller", "Approved")
	bob.look("approvals-decided")

	carol.Press("Approve for 1 h")
	carol.Sees("Somebody was faster", "Bob Okafor already approved this at")
	carol.Complained("409")
	carol.look("too-late")
	carol.Press("Show it")
	carol.Sees("Seen on the monitor too, go ahead")
	carol.Open(strings.Replace(request, "/activations/", "/approvals/", 1))
	carol.Sees("Already approved by Bob Okafor")
	carol.look("approval-decided")
}

// cancels takes a waiting request back.
func (s *somebody) cancels() {
	s.n.Helper()
	s.Open("/my-roles")
	s.Press("Activate Database on call")
	s.Fill("justification", "On call this week")
	s.Press("Continue with passkey")
	s.confirms("Database on call")
	s.Sees("Pending approval", "Bob Okafor")
	s.Press("Cancel the request")
	s.Becomes(state, "Canceled")
	s.Open("/my-requests")
	s.Sees("Database on call", "Canceled")
	s.look("my-requests")
}

// forgetsTheTicket gets the form back with everything kept and the field named (422), then activates.
func (s *somebody) forgetsTheTicket() {
	s.n.Helper()
	s.Press("Activate Firewall change")
	s.Choose("30 min")
	s.Fill("justification", "Open port 443 to the new proxy")
	s.Fill("ticket_number", " ")
	s.Press("Continue with passkey")
	s.Until(`document.querySelector("#ticket_number-err")?.textContent || ""`, "icket")
	s.Complained("422")
	s.look("activate-refused")
	for expression, want := range map[string]string{
		`document.querySelector("#justification").value`:                 "Open port 443 to the new proxy",
		`document.querySelector("[name=duration]:checked").value`:        "30",
		`document.querySelector("#ticket_number").ariaInvalid || "none"`: "true",
		`document.activeElement.id`:                                      "ticket_number",
	} {
		s.Becomes(expression, want)
	}
	s.Fill("ticket_number", "CHG-4480")
	s.Press("Continue with passkey")
	s.confirms("Firewall change", "30 min", "Open port 443 to the new proxy", "CHG-4480")
	s.confirmed()
	s.n.demo.holds("firewall-admins", "farid", true)
}

// administers activates Stint's own role, reads the pages it opens and issues a voucher.
func (s *somebody) administers() {
	s.n.Helper()
	s.Open("/people")
	s.Sees("We found nothing here")
	s.Complained("404")
	s.look("not-found")
	s.Open("/my-roles")
	s.activatesStint("Privileged Role Administrator", "Vouchers for the newcomers of today")
	s.Press("People")
	s.Sees("Everybody Stint knows", "Liam O'Connell")
	s.look("people")
	s.Press("Liam O'Connell")
	s.Sees("Accounts at targets")
	s.look("person")
	s.Press("Sign-in and access")
	s.Sees("Voucher for the first passkey")
	s.look("person-access")
	s.Press("Issue a voucher")
	s.confirms("Liam O'Connell")
	s.Sees("Voucher for Liam O'Connell", "shown now and never again")
	s.look("voucher")
	if code := s.Text(`document.getElementById("voucher").textContent`); len(code) < 16 {
		s.n.Errorf("a voucher of %d characters", len(code))
	}
	s.Press("Targets")
	s.Sees("Northwind directory")
	s.look("targets")
	s.Press("Northwind directory")
	s.Sees("alice")
	s.look("target")
}

// activatesStint activates one of Stint's own roles, held as soon as it is active.
func (s *somebody) activatesStint(role, reason string) {
	s.n.Helper()
	s.Press("Activate " + role)
	s.Fill("justification", reason)
	s.Press("Continue with passkey")
	s.confirms(role, reason)
	s.Until(state, "Active")
	s.Sees("held in Stint itself")
}

// revokes takes a role away from somebody else, who sees it at once.
func (s *somebody) revokes(holder *somebody, activation string) {
	s.n.Helper()
	s.Open(activation)
	s.Click(`//summary[contains(., "Revoke this activation")]`)
	s.Fill("justification", "The lag is gone, the access is not needed any more")
	s.look("activation-revoke")
	s.Click(`//form//button[contains(., "Revoke this activation")]`)
	s.confirms("Database on call", holder.name, "The lag is gone, the access is not needed any more")
	holder.Sees("Revoked", "confirmed gone at", "The lag is gone, the access is not needed any more")
	s.n.demo.holds("dba", holder.uid, false)
	holder.Open("/notices")
	holder.Sees("Grace Liu ended your activation of Database on call on Database administrators: The lag is gone",
		"Bob Okafor approved your request for Database on call")
	holder.look("notices")
}

// audits activates Auditor and reads the list, an entry and the whole story of one activation.
func (s *somebody) audits(activation string) {
	s.n.Helper()
	s.activatesStint("Auditor", "Monthly sample of activations")
	s.Press("Audit")
	s.Sees("Last signed checkpoint", "Alice Keller", "Grace Liu")
	s.look("audit")
	s.Open(activation)
	s.Press("in the audit log")
	s.Sees("Alice Keller", "Bob Okafor", "Grace Liu", "Replication lag on the order database, INC-20871", "The lag is gone, the access is not needed any more")
	s.look("audit-story")
	s.Click(`(//ol[@class="timeline"]//a[starts-with(@href, "/audit/")])[1]`)
	s.Sees("the exact bytes that are hashed", "Proof")
	s.look("audit-entry")
}

// seesItExpire waits for the end that nobody brought about: confirmed gone, and the directory says so too.
func (s *somebody) seesItExpire(activation string) {
	s.n.Helper()
	s.Open(activation)
	s.SeesWithin(2*time.Minute, "confirmed gone at")
	s.Becomes(state, "Expired")
	s.look("activation-expired")
	s.n.demo.holds("password-reset", "alice", false)
}

// signsOut ends the session at the server: the old cookie opens nothing any more (T1).
func (s *somebody) signsOut() {
	s.n.Helper()
	s.Open("/profile")
	s.look("profile")
	kept := s.Cookies(s.n.demo.portal + "/my-roles")
	if got := s.n.withCookies(kept); got != http.StatusOK {
		s.n.Errorf("before the sign-out: %d with %d cookies", got, len(kept))
	}
	s.Press("Sign out")
	s.Sees("You are signed out of Stint")
	s.look("signed-out")
	if got := s.n.withCookies(kept); got != http.StatusSeeOther {
		s.n.Errorf("with the old cookies My roles answers %d", got)
	}
	s.Open("/my-roles")
	s.Sees("Sign in to Stint")
}

// withCookies asks for My roles without a browser.
func (n *newcomer) withCookies(cookies map[string]string) int {
	n.Helper()
	r, err := http.NewRequest(http.MethodGet, n.demo.portal+"/my-roles", nil)
	if err != nil {
		n.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	for name, value := range cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		n.Fatal(err)
	}
	return answer.StatusCode
}

// printedChanges: the terminal tells of every membership that came and went.
func (d *runningDemo) printedChanges() {
	d.t.Helper()
	for _, group := range []string{"password-reset", "dba", "firewall-admins"} {
		if !strings.Contains(d.output(), group) {
			d.t.Errorf("the demo printed nothing about %s:\n%s", group, d.output())
		}
	}
}
