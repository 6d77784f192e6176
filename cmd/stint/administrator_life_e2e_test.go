//go:build e2e && linux

package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"stint/internal/stinttest/slapd"
)

// makesGroups: the team is Ben and a group with Mia in it; the approvers are Ben and Ada.
func (o *office) makesGroups() {
	o.host.Helper()
	a := o.admin
	for _, g := range [][]string{{"Ledger core", "Mia"}, {"Ledger team", "Ben", "Ledger core"}, {"Ledger approvers", "Ben", "Ada"}} {
		a.Open("/groups/new")
		a.Fill("name", g[0])
		a.look("group-new")
		a.button("Add group")
		a.Sees(g[0])
		for _, member := range g[1:] {
			a.link("Add members")
			a.Sees("Add members to " + g[0])
			a.Fill("q", member)
			a.button("Search")
			a.Click(fmt.Sprintf(`(//main//li[contains(normalize-space(.), %q)]//input[@name="pick"])[1]`, member))
			a.look("group-add")
			a.button("Add members")
			a.Until(`String(/^\/groups\/[^\/]+$/.test(location.pathname))`, "true")
			a.Sees("Roles of its members", member)
		}
	}
	a.look("group")
	a.Open("/groups")
	a.Sees("Ledger team")
	a.look("groups")
}

// setsRules makes the role and its rules: everywhere, and enforced at the top of the tree. It returns the role's path.
func (o *office) setsRules() string {
	o.host.Helper()
	a := o.admin
	a.Open("/roles")
	a.Sees("Member of ledger_owner")
	a.look("roles")
	a.Open("/roles/new")
	a.says("name", "Ledger on call", "description", "Repairs the ledger, in the database and its group")
	a.tick("Privileged")
	for _, m := range [][2]string{{"Example directory", "cn=ledger" + engineerDN}, {"Example cluster", "ledger_owner"}} {
		a.Fill("where", m[0])
		a.button("Find")
		a.Sees("What it is called there")
		a.tick(m[0])
		a.Fill("add", m[1])
		a.button("Add this")
		a.Sees(m[1])
	}
	a.look("role-new")
	a.button("Add role")
	a.Sees("I want both")
	a.Complained("422")
	a.tick("I want both")
	a.button("Add role")
	a.touches("Ledger on call")
	role := strings.SplitN(a.Address(), "?", 2)[0]

	a.Open(role + "/settings")
	a.sets("justification", "yes")
	a.sets("approval", "yes")
	a.setting("approvers")
	a.Fill("who", "Ledger app")
	a.button("Find")
	a.tick("Ledger approvers")
	a.look("settings")
	a.saves("approval")
	a.Open(role + "/settings?resource=" + o.resource("Example"))
	a.setting("max_duration")
	a.Fill("max_duration", "2 h")
	a.Click(`//input[@name="enforce_max_duration"]`)
	a.saves("2 h")
	a.Open(role + "/settings?try=Mia&resource=" + o.resource("Ledger 2026"))
	a.Sees("Enforced at Example", "2 h", "Mia Ferro")
	a.look("settings-dry-run")
	a.Open(role)
	a.look("role")
	return role
}

// resource is the id of a resource by its name, as its page's address has it.
func (o *office) resource(name string) string {
	o.host.Helper()
	o.admin.Open("/resources?q=" + url.QueryEscape(name))
	o.admin.leaves(fmt.Sprintf(`(//main//a[normalize-space(.)=%q])[1]`, name))
	return strings.TrimPrefix(strings.SplitN(o.admin.Address(), "?", 2)[0], "/resources/")
}

// setting says that a rule is set here.
func (s *somebody) setting(field string) {
	s.n.Helper()
	s.Click(fmt.Sprintf(`//input[@name="own_%s"]`, field))
}

func (s *somebody) sets(field, value string) {
	s.n.Helper()
	s.setting(field)
	s.Click(fmt.Sprintf(`//label[input[@name=%q][@value=%q]]`, field, value))
}

// saves looks at the change of settings and confirms it.
func (s *somebody) saves(said string) {
	s.n.Helper()
	s.button("Look at the change")
	s.Sees("Check the change", said)
	if strings.Contains(s.Text(`document.body.innerText`), "Read this first") {
		s.tick("I read this and want it")
	}
	s.look("settings-check")
	s.button("Save with passkey")
	s.touches()
}

// assigns: the team is eligible at the top, with an end; the child says it is inherited.
func (o *office) assigns(role string) {
	o.host.Helper()
	a := o.admin
	a.Open("/assignments/new?role=" + strings.TrimPrefix(role, "/roles/") + "&resource=" + o.resource("Example"))
	a.Sees("Add assignment of")
	a.Fill("who", "Ledger team")
	a.button("Search")
	a.tick("Ledger team")
	at := a.Text(`(() => { const d = new Date(Date.now() + 30 * 864e5); d.setUTCMinutes(0); return d.toISOString().slice(0, 16) })()`)
	a.Run(`(() => { const f = document.querySelector("[name=end_at]"); f.value = "` + at + `"; f.dispatchEvent(new Event("input", {bubbles: true})); f.dispatchEvent(new Event("change", {bubbles: true})) })()`)
	a.look("assignment-new")
	a.button("Continue with passkey")
	a.touches("Ledger team")
	a.Sees("Ledger team")
	a.look("assigned")
	a.Open("/resources/" + o.resource("Ledger 2026"))
	a.Sees("Ledger team", "Inherited from Example")
	a.look("resource-inherited")
	a.Open(role + "/members")
	a.Sees("Ledger team")
	a.look("members")
	a.Open("/assignments")
	a.Sees("Ledger team")
	a.look("assignments")
}

// asks: Mia asks for the role with a reason and her passkey; Ben agrees; both systems have it. It returns the page.
func (o *office) asks(mia, ben *somebody, reason string) string {
	o.host.Helper()
	mia.Open("/my-roles")
	mia.look("my-roles-member")
	mia.Press("Activate Ledger on call")
	mia.Fill("justification", reason)
	mia.look("activate-member")
	mia.Press("Continue with passkey")
	mia.confirms("Ledger on call", "Example", reason)
	mia.Sees("Pending approval", "Ben Oduya")
	ben.Open("/approvals")
	ben.Press("Decide the request of Mia Ferro")
	ben.Sees(reason)
	ben.Fill("justification", "Agreed on the phone")
	ben.Press("Approve for")
	ben.confirms("Ledger on call", "Mia Ferro")
	mia.confirmed()
	o.holds(true)
	return mia.Address()
}

func (o *office) activates(mia, ben *somebody) string {
	o.host.Helper()
	o.asks(mia, ben, "The ledger is wrong since noon")
	mia.look("activation-member")
	mia.Press("Deactivate")
	mia.Sees("confirmed gone at")
	o.holds(false)
	return o.asks(mia, ben, "Wrong once more")
}

// holds asks both systems themselves, beside Stint.
func (o *office) holds(want bool) {
	o.host.Helper()
	o.await(soon, func() string {
		member := slices.Contains(o.directory.Values(o.host.T, "cn=ledger"+engineerDN, "member"), "uid=mia,ou=people,"+slapd.BaseDN)
		role := o.cluster.Strings(o.host.T, "SELECT pg_has_role('mia', 'ledger_owner', 'MEMBER')")[0]
		if member != want || role != fmt.Sprint(want) {
			return fmt.Sprintf("the directory says %v, the cluster %s, want %v", member, role, want)
		}
		return ""
	})
}

// takesTheEligibilityAway while it is in use: the activation ends, and what it gave is gone (EC-11).
func (o *office) takesTheEligibilityAway(mia *somebody, activation string) {
	o.host.Helper()
	a := o.admin
	a.Open("/assignments")
	a.Click(`(//tr[contains(., "Ledger team")]//a[contains(., "Change")])[1]`)
	a.Sees("Remove the assignment", "activation")
	a.look("assignment")
	a.Fill("remove_justification", "The team changes")
	a.button("Remove the assignment")
	a.Until(`String(!document.body.innerText.includes("Remove the assignment"))`, "true")
	if strings.HasPrefix(a.Address(), "/step-up/") {
		a.touches("Ledger team")
	}
	mia.Open(activation)
	mia.SeesWithin(time.Minute, "confirmed gone at")
	o.holds(false)
}
