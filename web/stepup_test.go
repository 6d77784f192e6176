package web_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
)

// T9: an answer is good for one question, of one person, in one session, once, for five minutes.
func TestAssertionReplay(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Role("operator", stinttest.Rules{})
	w.Role("dba", stinttest.Rules{})
	alice := w.Person("alice")
	operator, dba := w.Eligible("alice", "operator", time.Time{}), w.Eligible("alice", "dba", time.Time{})
	alice.Ready()

	first := alice.Ask(operator).Want(t, http.StatusSeeOther).Location()
	other := alice.Ask(dba, "duration", "60", "justification", "Mend the broken invoice run").Want(t, http.StatusSeeOther).Location()
	longer := alice.Ask(operator, "duration", "480", "justification", "Mend the broken invoice run").Want(t, http.StatusSeeOther).Location()
	answer := alice.Answer(first)
	alice.Post(other, "response", answer).Want(t, http.StatusForbidden)
	alice.Post(longer, "response", answer).Want(t, http.StatusForbidden)

	elsewhere := w.Client() // another session of the same person
	second := &stinttest.Person{World: w, Client: elsewhere, ID: "alice", Passkey: alice.Passkey}
	second.SignIn()
	second.Post(first, "response", answer).Want(t, http.StatusNotFound)
	second.Get(first).Want(t, http.StatusNotFound)

	statuses := make(chan int, 50)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			page, err := alice.Try(http.MethodPost, first, stinttest.Form("response", answer), "Origin", w.URL)
			if err != nil {
				t.Error(err)
				return
			}
			if toSignIn(page) { // after the one that counted renewed the session (T5)
				statuses <- http.StatusNotFound
				return
			}
			statuses <- page.StatusCode
		})
	}
	all.Wait()
	close(statuses)
	count := map[int]int{}
	for s := range statuses {
		count[s]++
	}
	if count[http.StatusSeeOther] != 1 || count[http.StatusNotFound] != 49 {
		t.Errorf("50 answers at once: %v", count)
	}
	alice.Post(first, "response", answer).Want(t, http.StatusNotFound)
	if n := len(w.Events(pim.EvActRequested)); n != 1 {
		t.Errorf("%d activations were asked for", n)
	}

	old := alice.Ask(dba).Want(t, http.StatusSeeOther).Location()
	answer = alice.Answer(old)
	w.Clock.Advance(5*time.Minute + time.Second)
	page := alice.Post(old, "response", answer)
	if page.StatusCode == http.StatusSeeOther || !strings.Contains(page.Text("main"), "5 minutes") {
		t.Errorf("after five minutes: %d %q", page.StatusCode, page.Text("main"))
	}
}

// T8: the page restates the server's row, and what the finishing form says beside the answer counts nothing.
func TestStepUpRestatesTheServersRow(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Role("operator", stinttest.Rules{Ticket: true})
	alice := w.Person("alice")
	assignment := w.Eligible("alice", "operator", time.Time{})
	alice.Ready()
	step := alice.Ask(assignment, "other", "1:30", "justification", "Rotate the keys", "ticket_number", "CHG-9", "ticket_system", "Jira").Want(t, http.StatusSeeOther).Location()
	page := alice.Get(step + "?duration=480&role=root")
	got := page.Text(".kv")
	for _, want := range []string{"operator", "Northwind › Production", "1 h 30 min from now", "Rotate the keys", "CHG-9 Jira", "alice"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q: %q", want, got)
		}
	}
	done := alice.Post(step, "response", alice.Answer(step), "duration", "480", "role_id", "root", "justification", "other", "state", "active").Want(t, http.StatusSeeOther)
	a := w.Activation(strings.TrimPrefix(done.Location(), "/activations/"))
	if a.Duration != 90*time.Minute || a.RoleID != "operator" || a.Justification != "Rotate the keys" || a.PrincipalID != "alice" {
		t.Errorf("what was stored: %+v", a)
	}
}

// Invariant 4: what became invalid meanwhile is refused, although it was confirmed.
func TestConfirmedButChanged(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Role("operator", stinttest.Rules{})
	alice := w.Person("alice")
	assignment := w.Eligible("alice", "operator", time.Time{})
	alice.Ready()
	step := alice.Ask(assignment).Want(t, http.StatusSeeOther).Location()
	answer := alice.Answer(step)
	w.Rules("operator", stinttest.Rules{Max: 30 * time.Minute})
	page := alice.Post(step, "response", answer)
	if page.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page.Text("main"), "At most 30 min") {
		t.Errorf("status %d: %q", page.StatusCode, page.Text("main"))
	}
	if n := len(w.Events(pim.EvActRequested)); n != 0 {
		t.Errorf("%d activations", n)
	}
}
