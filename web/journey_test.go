package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
)

// The spine without approval: sign in, enrol, activate, hold the role, give it back, see it gone.
func TestActivateAndDeactivate(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	group := w.Role("operator", stinttest.Rules{Privileged: true, Max: 4 * time.Hour})
	alice := w.Person("alice")
	assignment := w.Eligible("alice", "operator", time.Time{})
	alice.Ready()

	roles := alice.Get("/my-roles").Want(t, http.StatusOK)
	if got := roles.Text("#e-" + assignment); !strings.Contains(got, "operator") || !strings.Contains(got, "passkey") || !strings.Contains(got, "4 h") {
		t.Errorf("the eligible row says %q", got)
	}
	form := alice.Get("/my-roles/"+assignment+"/activate").Want(t, http.StatusOK)
	if got := form.Text("#activate-aside"); !strings.Contains(got, "Account at Directory: alice") || !strings.Contains(got, "You confirm with your passkey") {
		t.Errorf("the dry run says %q", got)
	}

	id := alice.Activate(assignment)
	if got := alice.Get("/activations/" + id).Text("#activation"); !strings.Contains(got, "Granting") {
		t.Errorf("before the target was asked: %q", got)
	}
	w.Tick()
	if !w.Target.Holds(alice.Account, group) {
		t.Fatal("alice does not hold the role at the target")
	}
	if got := alice.Get("/activations/" + id).Text("#activation"); !strings.Contains(got, "confirmed at the target at") {
		t.Errorf("active: %q", got)
	}

	alice.Post("/activations/"+id+"/deactivate").Want(t, http.StatusSeeOther) // EC-01: at any age
	if got := alice.Get("/activations/" + id).Text("#activation"); !strings.Contains(got, "no longer wanted, not yet seen gone") {
		t.Errorf("ending: %q", got)
	}
	w.Tick()
	if w.Target.Holds(alice.Account, group) {
		t.Error("alice still holds the role at the target")
	}
	if got := alice.Get("/activations/" + id).Text("#activation"); !strings.Contains(got, "confirmed gone at") {
		t.Errorf("ended: %q", got)
	}
	if got := alice.Get("/my-requests").Text("tbody"); !strings.Contains(got, "Deactivated") || !strings.Contains(got, "Mend the broken invoice run") {
		t.Errorf("My requests say %q", got)
	}
}

// R-48, V-01: the time counts from the approval; the first decision decides and the second is told who.
func TestApprove(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, bob, carol := w.Person("alice"), w.Person("bob"), w.Person("carol")
	w.Group("leads", "bob", "carol")
	group := w.Role("dba", stinttest.Rules{Approvers: []string{"leads"}, Ticket: true})
	assignment := w.Eligible("alice", "dba", time.Time{})
	alice.Ready()
	bob.Ready()
	carol.Ready()

	id := alice.Activate(assignment, "duration", "30", "justification", "Repair the ledger", "ticket_number", "INC-7")
	if got := alice.Get("/activations/" + id).Text("#activation"); !strings.Contains(got, "Pending approval") || !strings.Contains(got, "bob") {
		t.Errorf("while waiting: %q", got)
	}
	queue := bob.Get("/approvals").Want(t, http.StatusOK)
	if got := queue.Text("#r-" + id); !strings.Contains(got, "alice") || !strings.Contains(got, "INC-7") || !strings.Contains(got, "First time") {
		t.Errorf("the queue says %q", got)
	}
	w.Clock.Advance(10 * time.Minute)
	late := carol.Post("/approvals/"+id+"/decision", "decision", "deny", "justification", "No change today").Want(t, http.StatusSeeOther)
	done := bob.Decide(id, "approve").Want(t, http.StatusSeeOther)
	if got := bob.Get(done.Location()).Text(".toast"); !strings.Contains(got, "Approved.") {
		t.Errorf("after approving: %q", got)
	}
	page := carol.Confirm(late.Location()).Want(t, http.StatusConflict) // EC-07
	if !strings.Contains(page.Text("main"), "bob already approved this at 09:10:00 UTC") {
		t.Errorf("the second approver is told %q", page.Text("main"))
	}
	w.Tick()
	a := w.Activation(id)
	if a.State != pim.ActiveConfirmed || !a.EndsAt.Equal(stinttest.Epoch.Add(40*time.Minute)) || !w.Target.Holds(alice.Account, group) {
		t.Errorf("state %s until %s", a.State, a.EndsAt)
	}
	if got := carol.Get("/approvals/" + id).Text("main"); !strings.Contains(got, "Already approved by bob") {
		t.Errorf("carol sees %q", got)
	}
	if got := bob.Get("/approvals/decided").Text("tbody"); !strings.Contains(got, "Approved") || !strings.Contains(got, "It is planned work") {
		t.Errorf("decided: %q", got)
	}
	w.Advance(31 * time.Minute)
	alice.SignIn()
	if got := alice.Get("/activations/" + id).Text("#activation"); !strings.Contains(got, "Expired") || !strings.Contains(got, "confirmed gone") {
		t.Errorf("at its end: %q", got)
	}
}
