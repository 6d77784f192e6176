//go:build e2e

package main

import (
	"strings"
	"testing"
	"time"

	"stint/internal/stinttest/browser"
)

// A Monday on call: three roles with one touch from a set that is kept, one of them approved by somebody whose
// page changes by itself (K-03), one extended (K-01), one planned for later, all given back at once.
func TestOnCall(t *testing.T) {
	n := &newcomer{T: t, chromium: browser.Start(t, 18*time.Minute), demo: startDemo(t), seen: map[string]bool{}}
	bob := n.arrives("bob", "Bob Okafor")
	bob.Open("/approvals")
	bob.Sees("Nothing waits for you")
	alice := n.arrives("alice", "Alice Keller")
	alice.keepsASet()
	results := alice.activatesTheSet()
	bob.decidesSeveral()
	alice.Open(results)
	alice.Sees("3 of 3 roles asked for")
	n.demo.holds("wiki-editors", "alice", true)
	n.demo.holds("dba", "alice", true)
	alice.extends()
	alice.plans()
	alice.givesAllBack()
}

// keepsASet ticks three roles and keeps them under a name.
func (s *somebody) keepsASet() {
	s.n.Helper()
	s.Open("/my-roles")
	for _, role := range []string{"Database on call", "Database maintenance", "Knowledge base editor"} {
		s.ticks(role)
	}
	s.Sees("Activate 3 roles")
	s.look("my-roles-ticked")
	s.Press("Activate 3 roles")
	s.Sees("One reason and one touch", "Keep as a set")
	s.Fill("name", "Monday on call")
	s.look("activate-set")
	s.Press("Keep this set")
	s.Sees("The set Monday on call is kept", "Saved sets")
	s.look("my-roles-sets")
}

func (s *somebody) ticks(label string) {
	s.n.Helper()
	s.Click(`//input[@class="pick"][contains(@aria-label, "` + label + `")]`)
}

// activatesTheSet asks for the kept roles with one touch; the results are the answer.
func (s *somebody) activatesTheSet() string {
	s.n.Helper()
	s.Press("Monday on call")
	s.Sees("Activate 3 roles", "Delete this set")
	s.Fill("justification", "On call this week, rota 48")
	s.Press("Continue with passkey")
	s.Sees("Confirm 3 activations", "Check each line")
	s.look("step-up-set")
	s.confirms("Database on call", "Database maintenance", "Knowledge base editor", "On call this week, rota 48")
	s.Sees("3 of 3 roles asked for", "Pending approval")
	s.look("results")
	return s.Address()
}

// decidesSeveral sees the request arrive on the open page, and decides what is ticked.
func (s *somebody) decidesSeveral() {
	s.n.Helper()
	s.Sees("On call this week, rota 48") // nobody loaded the page again
	s.ticks("Alice Keller")
	s.Sees("Decide 1 request")
	s.look("approvals-ticked")
	s.Press("Decide 1 request")
	s.Sees("exactly the requests listed here", "Alice Keller")
	s.look("approvals-several")
	s.Fill("justification", "Rota 48 is right")
	s.Press("Approve 1 request")
	s.confirms("Database on call", "Rota 48 is right")
}

// extends asks for more time while a role is held: the end moves, the role stays.
func (s *somebody) extends() {
	s.n.Helper()
	s.Open("/my-roles?state=active")
	s.Press("Knowledge base editor")
	s.confirmed()
	s.look("activation-extendable")
	s.Press("Extend")
	s.Sees("Extend Knowledge base editor")
	s.look("extend")
	s.Fill("justification", "The migration of the pages takes longer")
	s.Press("Extend Knowledge base editor")
	s.Sees("Extended")
	s.n.demo.holds("wiki-editors", "alice", true)
	s.look("activation-extended")
}

// plans asks for a role to start tomorrow.
func (s *somebody) plans() {
	s.n.Helper()
	s.Open("/my-roles")
	s.Press("Activate Help desk password reset")
	s.Choose("At a time")
	at := s.Text(`(() => { const d = new Date(Date.now() + 864e5); d.setUTCMinutes(0); return d.toISOString().slice(0, 16) })()`)
	s.Run(`(() => { const f = document.querySelector("[name=start_at]"); f.value = "` + at + `"; f.dispatchEvent(new Event("change", {bubbles: true})) })()`)
	s.Fill("justification", "Maintenance window of the branch office")
	s.look("activate-planned")
	s.Press("Continue with passkey")
	s.confirms("Help desk password reset", "Start", at[:10])
	s.Sees("Scheduled")
	s.look("activation-scheduled")
	s.Open("/my-roles")
	s.Sees("Coming")
	s.look("my-roles-coming")
}

// givesAllBack deactivates everything at once and sees it go.
func (s *somebody) givesAllBack() {
	s.n.Helper()
	s.Open("/my-roles")
	s.Press("Deactivate all 3")
	s.Sees("3 of 3 roles given back")
	s.n.demo.holds("dba", "alice", false)
	s.n.demo.holds("wiki-editors", "alice", false)
	s.look("results-given-back")
	if !strings.HasPrefix(s.Address(), "/results/") {
		s.n.Errorf("the results stand at %s", s.Address())
	}
}
