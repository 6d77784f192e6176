package web_test

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// T10, EC-06: nobody approves for themselves, by whatever path they come to be an approver.
func TestNoSelfApproval(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		approvers []string
		prepare   func(*stinttest.World)
		during    func(*stinttest.World) // after the request was made
		decides   string
		status    int
	}{
		"directly": {approvers: []string{"alice", "bob"}, decides: "alice", status: 403},
		"through a group": {approvers: []string{"leads", "bob"}, decides: "alice", status: 403,
			prepare: func(w *stinttest.World) { w.Group("leads", "alice") }},
		"through a nested group": {approvers: []string{"outer", "bob"}, decides: "alice", status: 403,
			prepare: func(w *stinttest.World) { w.Group("inner", "alice"); w.Group("outer", "inner") }},
		"with a second account of the same person": {approvers: []string{"alice2", "bob"}, decides: "alice2", status: 403,
			prepare: func(w *stinttest.World) { w.SamePerson("alice2", "alice") }},
		"with a principal that shares an account": {approvers: []string{"alice2", "bob"}, decides: "alice2", status: 403,
			prepare: func(w *stinttest.World) { w.ShareAccount("alice2", "alice") }},
		"made one person after the request": {approvers: []string{"alice2", "bob"}, decides: "alice2", status: 403,
			during: func(w *stinttest.World) { w.SamePerson("alice2", "alice") }},
		"made an approver after the request": {approvers: []string{"bob"}, decides: "alice", status: 403,
			during: func(w *stinttest.World) {
				w.Rules("dba", stinttest.Rules{Approvers: []string{"alice", "bob"}})
			}},
		"put into the group after the request": {approvers: []string{"leads"}, decides: "alice", status: 403,
			prepare: func(w *stinttest.World) { w.Group("leads", "bob") },
			during:  func(w *stinttest.World) { w.Join("leads", "alice") }},
		"an approver no longer (V-16)": {approvers: []string{"bob", "alice2"}, decides: "bob", status: 404,
			during: func(w *stinttest.World) { w.Rules("dba", stinttest.Rules{Approvers: []string{"alice2"}}) }},
		"an approver since (V-16)": {approvers: []string{"alice2"}, decides: "bob", status: 303,
			during: func(w *stinttest.World) { w.Rules("dba", stinttest.Rules{Approvers: []string{"bob"}}) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := stinttest.New(t)
			people := map[string]*stinttest.Person{}
			for _, id := range []string{"alice", "alice2", "bob"} {
				people[id] = w.Person(id).Ready()
			}
			if c.prepare != nil {
				c.prepare(w)
			}
			w.Role("dba", stinttest.Rules{Approvers: c.approvers})
			id := people["alice"].Activate(w.Eligible("alice", "dba", time.Time{}))
			if c.during != nil {
				c.during(w)
			}
			page := people[c.decides].Decide(id, "approve")
			if page.StatusCode != c.status {
				t.Errorf("deciding: %d, want %d: %s", page.StatusCode, c.status, page.Text("main"))
			}
			refused := len(w.Events(pim.EvApprovalRefused))
			if c.status == 403 && (refused != 1 || !strings.Contains(page.Text("main"), "Nobody approves their own request")) {
				t.Errorf("%d refusals in the audit log; the page says %q", refused, page.Text("main"))
			}
			if s := w.Activation(id).State; c.status != 303 && s != pim.PendingApproval {
				t.Errorf("the request is %s", s)
			}
		})
	}
}

// T13: whatever happens at once, one outcome stands and the target follows it.
func TestOneOutcome(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, bob, carol := w.Person("alice"), w.Person("bob"), w.Person("carol")
	w.Group("leads", "bob", "carol")
	group := w.Role("dba", stinttest.Rules{NoPasskey: true, Approvers: []string{"leads"}})
	assignment := w.Eligible("alice", "dba", time.Time{})
	alice.SignIn()
	bob.Ready()
	carol.Ready()
	outcomes := map[pim.ActivationState]int{}
	for round := range 40 {
		id := alice.Activate(assignment)
		type move struct {
			who  *stinttest.Person
			path string
			form []string
		}
		moves := []move{{alice, "/activations/" + id + "/cancel", nil}}
		for _, d := range []struct {
			who      *stinttest.Person
			decision string
		}{{bob, "approve"}, {bob, "deny"}, {carol, "approve"}, {carol, "deny"}} {
			step := d.who.Post("/approvals/"+id+"/decision", "decision", d.decision, "justification", "Decided").Want(t, http.StatusSeeOther).Location()
			moves = append(moves, move{d.who, step, []string{"response", d.who.Answer(step)}})
		}
		rand.Shuffle(len(moves), func(i, j int) { moves[i], moves[j] = moves[j], moves[i] })
		var all sync.WaitGroup
		var won sync.Map
		for _, m := range moves {
			all.Go(func() {
				page, err := m.who.Try(http.MethodPost, m.path, stinttest.Form(m.form...), "Origin", w.URL)
				if err != nil {
					t.Error(err)
				} else if toSignIn(page) {
					return // the other answer of the same person came first, and renewed their session (T5)
				} else if page.StatusCode == http.StatusSeeOther {
					won.Store(m.path, true)
				} else if page.StatusCode >= 500 {
					t.Errorf("round %d: %d", round, page.StatusCode)
				}
			})
		}
		all.Wait()
		winners := 0
		won.Range(func(any, any) bool { winners++; return true })
		a := w.Activation(id)
		outcomes[a.State]++
		if winners != 1 || a.State == pim.PendingApproval {
			t.Errorf("round %d: %d winners, state %s", round, winners, a.State)
		}
		w.Tick()
		if held := w.Target.Holds(alice.Account, group); held != w.Activation(id).State.Holds() {
			t.Errorf("round %d: held %t in state %s", round, held, a.State)
		}
		if a.State.Holds() {
			alice.Post("/activations/"+id+"/deactivate").Want(t, http.StatusSeeOther)
			w.Tick()
		}
		w.Clock.Advance(time.Second)
	}
	if len(w.Events(pim.EvActApproved))+len(w.Events(pim.EvActDenied)) != outcomes[pim.Provisioning]+outcomes[pim.Denied] {
		t.Errorf("outcomes %v do not match the audit log", outcomes)
	}
}

// V-04: a reason on approve and on deny; V-10: an administrator sees and cancels, and does not decide.
func TestDecisionForm(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, bob, root, eve := w.Person("alice"), w.Person("bob"), w.Person("root"), w.Person("eve")
	w.Administrator("root")
	w.Role("dba", stinttest.Rules{Approvers: []string{"bob"}, Privileged: true})
	assignment := w.Eligible("alice", "dba", time.Time{})
	w.Eligible("eve", "dba", time.Time{})
	alice.Ready()
	bob.Ready()
	root.Ready()
	eve.SignIn()
	id := alice.Activate(assignment)
	path := "/approvals/" + id + "/decision"

	for _, form := range [][]string{{"decision", "approve"}, {"decision", "deny", "justification", " \u200b"}, {"decision", "approve", "justification", strings.Repeat("x", 1001)}} {
		page := bob.Post(path, form...).Want(t, http.StatusUnprocessableEntity)
		if page.Text("#justification-err") == "" {
			t.Errorf("%v: nothing at the reason", form)
		}
	}
	kept := bob.Post(path, "decision", "maybe", "justification", "Planned work").Want(t, http.StatusUnprocessableEntity)
	if kept.Text("#justification") != "Planned work" {
		t.Error("the reason was not kept")
	}
	whole := bob.Get("/approvals/" + id).Text("main")
	for _, want := range []string{"alice asks for dba", "Mend the broken invoice run", "1 h", "counted from the approval", "eligible", "One person decides"} {
		if !strings.Contains(whole, want) {
			t.Errorf("the request's page lacks %q", want)
		}
	}

	for _, p := range []string{"/approvals/" + id, "/activations/" + id, path} {
		if page := eve.Get(p); page.StatusCode != 404 && page.StatusCode != 405 {
			t.Errorf("a peer sees %s: %d", p, page.StatusCode)
		}
	}
	eve.Post(path, "decision", "approve", "justification", "Planned work").Want(t, http.StatusNotFound)
	if page := root.Get("/approvals/all"); page.Find("#r-"+id).Length() != 1 {
		t.Error("an administrator does not see the request")
	}
	root.Post(path, "decision", "approve", "justification", "Planned work").Want(t, http.StatusForbidden)
	root.Post("/activations/"+id+"/cancel", "justification", "").Want(t, http.StatusUnprocessableEntity)
	step := root.Post("/activations/"+id+"/cancel", "justification", "Wrong week").Want(t, http.StatusSeeOther)
	if got := root.Get(step.Location()).Text("main"); !strings.Contains(got, "alice") || !strings.Contains(got, "Wrong week") {
		t.Errorf("what the administrator confirms: %q", got)
	}
	root.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	if got := alice.Get("/activations/" + id).Text("#activation"); !strings.Contains(got, "Canceled by root") || !strings.Contains(got, "Wrong week") {
		t.Errorf("alice reads %q", got)
	}
	if page := bob.Decide(id, "approve"); page.StatusCode != http.StatusConflict {
		t.Errorf("deciding what was canceled: %d", page.StatusCode)
	}
}

// the requester cancels while waiting, an administrator revokes what is active.
func TestCancelAndRevoke(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, root, bob := w.Person("alice"), w.Person("root"), w.Person("bob")
	w.Administrator("root")
	group := w.Role("operator", stinttest.Rules{NoPasskey: true})
	w.Role("dba", stinttest.Rules{NoPasskey: true, Approvers: []string{"bob"}})
	operator, dba := w.Eligible("alice", "operator", time.Time{}), w.Eligible("alice", "dba", time.Time{})
	alice.SignIn()
	bob.SignIn()
	root.Ready()

	waiting := alice.Activate(dba)
	bob.Post("/activations/"+waiting+"/cancel").Want(t, http.StatusForbidden)
	alice.Post("/activations/"+waiting+"/cancel").Want(t, http.StatusSeeOther)
	alice.Post("/activations/"+waiting+"/cancel").Want(t, http.StatusConflict)

	active := alice.Activate(operator)
	w.Tick()
	root.Post("/activations/"+active+"/deactivate").Want(t, http.StatusForbidden)
	page := root.Post("/activations/"+active+"/revoke", "justification", "\n").Want(t, http.StatusUnprocessableEntity)
	if page.Find("details[open] .err").Length() == 0 {
		t.Error("the refused reason is not marked in the opened form")
	}
	step := root.Post("/activations/"+active+"/revoke", "justification", "Incident").Want(t, http.StatusSeeOther)
	root.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	w.Tick()
	if w.Target.Holds(alice.Account, group) {
		t.Error("alice holds the revoked role")
	}
	if got := alice.Get("/activations/" + active).Text("#activation"); !strings.Contains(got, "Revoked by root") || !strings.Contains(got, "confirmed gone") {
		t.Errorf("alice reads %q", got)
	}
	if got := alice.Get("/notices").Text("main"); !strings.Contains(got, "Incident") {
		t.Errorf("alice is told %q", got)
	}
	root.Post("/activations/"+active+"/revoke", "justification", "Again").Want(t, http.StatusConflict)

	ends := alice.Activate(operator)
	revoke := `form[action="/activations/` + ends + `/revoke"]`
	if root.Get("/activations/"+ends).Find(revoke).Length() != 1 {
		t.Error("an administrator is not offered to revoke")
	}
	w.Clock.Advance(pim.DefaultSettings().DefaultDuration) // the worker did not come by yet
	root.SignIn()
	if root.Get("/activations/"+ends).Find(revoke).Length() != 0 {
		t.Error("what is past its end is offered for revoking")
	}
}

// EC-08: at 24 hours the request is over, and deciding it a second later is told so.
func TestApprovalTimesOut(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, bob := w.Person("alice"), w.Person("bob")
	w.Role("dba", stinttest.Rules{NoPasskey: true, Approvers: []string{"bob"}})
	assignment := w.Eligible("alice", "dba", time.Time{})
	alice.SignIn()
	bob.Ready()
	id := alice.Activate(assignment)
	w.Clock.Advance(24*time.Hour - time.Minute)
	bob.SignIn()
	step := bob.Post("/approvals/"+id+"/decision", "decision", "approve", "justification", "Late").Want(t, http.StatusSeeOther).Location()
	answer := bob.Answer(step)
	w.Clock.Advance(time.Minute + time.Second)
	bob.Post(step, "response", answer).Want(t, http.StatusConflict)
	w.Tick()
	alice.SignIn()
	if got := alice.Get("/activations/" + id).Text("#activation"); !strings.Contains(got, "Timed out") {
		t.Errorf("alice reads %q", got)
	}
}

// The banner of failing targets is for administrators, and says what is late; others are told in general.
func TestFailingTarget(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, root := w.Person("alice"), w.Person("root")
	w.Administrator("root")
	w.Role("operator", stinttest.Rules{NoPasskey: true})
	assignment := w.Eligible("alice", "operator", time.Time{})
	alice.SignIn()
	root.SignIn()
	w.Target.Misbehave(downFaults)
	id := alice.Activate(assignment)
	w.Tick()
	for range 6 {
		w.Advance(10 * time.Second)
	}
	if got := root.Get("/my-roles").Text("main [role=alert]"); !strings.Contains(got, "Directory has not answered since") {
		t.Errorf("the administrator's banner says %q", got)
	}
	if got := root.Get("/activations/" + id).Text("#activation"); !strings.Contains(got, "is down") {
		t.Errorf("the administrator reads %q", got)
	}
	page := alice.Get("/activations/" + id)
	if got := page.Text("#activation"); !strings.Contains(got, "Stint keeps trying") || strings.Contains(got, "is down") || page.Find("main > [role=alert]").Length() != 0 {
		t.Errorf("alice reads %q", got)
	}
	w.Target.Misbehave(noFaults)
	w.Advance(time.Minute)
	w.Advance(time.Minute)
	if got := root.Get("/my-roles").Find("main > [role=alert]").Length(); got != 0 {
		t.Error("the banner stayed after the target came back")
	}
	if s := w.Activation(id).State; s != pim.ActiveConfirmed {
		t.Errorf("the activation is %s", s)
	}
}

// DESIGN §3: an end through a shared group says what still holds it, and until when.
func TestStillHeld(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	group := w.Role("operator", stinttest.Rules{NoPasskey: true})
	w.Role("on-call", stinttest.Rules{NoPasskey: true})
	w.Do(func(tx *store.Tx) error {
		return tx.SaveMeaning(pim.Meaning{RoleID: "on-call", ResourceID: stinttest.Production, Name: "operator", EntitlementID: string(group)})
	})
	one, two := w.Eligible("alice", "operator", time.Time{}), w.Eligible("alice", "on-call", time.Time{})
	alice.SignIn()
	first, second := alice.Activate(one, "duration", "60", "justification", "Deploy"), alice.Activate(two, "duration", "120", "justification", "On call")
	w.Tick()
	alice.Post("/activations/"+first+"/deactivate").Want(t, http.StatusSeeOther)
	w.Tick()
	if got := alice.Get("/activations/" + first).Text("#activation"); !strings.Contains(got, "still held through “on-call” until 11:00") {
		t.Errorf("the first end says %q", got)
	}
	alice.Post("/activations/"+second+"/deactivate").Want(t, http.StatusSeeOther)
	w.Tick()
	if got := alice.Get("/activations/" + second).Text("#activation"); !strings.Contains(got, "confirmed gone") || w.Target.Holds(alice.Account, group) {
		t.Errorf("the last end says %q", got)
	}
}

// An approver reads what else the person holds, in times that follow the reader's zone, and not the very role that is asked for.
func TestApprovalShowsWhatElseIsHeld(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, bob := w.Person("alice").Ready(), w.Person("bob").Ready()
	w.Role("dba", stinttest.Rules{Approvers: []string{"bob"}})
	w.Role("reader", stinttest.Rules{})
	w.Eligible("alice", "reader", w.Clock.Now().Add(2*time.Hour))
	id := alice.Activate(w.Eligible("alice", "dba", w.Clock.Now().Add(3*time.Hour)))
	held := bob.Get("/approvals/"+id).Want(t, http.StatusOK).Find("aside .lines li")
	if held.Length() != 1 || !strings.Contains(held.Text(), "reader") {
		t.Fatalf("alice holds %q beside dba", held.Text())
	}
	if at := held.Find(".badge time").AttrOr("datetime", ""); at != w.Clock.Now().Add(2*time.Hour).UTC().Format(time.RFC3339) {
		t.Errorf("eligible until %q", at)
	}
	w.Do(func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: "both", PrincipalID: "alice", RoleID: "reader", ResourceID: stinttest.Production, Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile})
	})
	if held = bob.Get("/approvals/" + id).Find("aside .lines li"); held.Length() != 1 || !strings.Contains(held.Text(), "active") {
		t.Errorf("a role both active and eligible is listed as %q", held.Text())
	}
}
