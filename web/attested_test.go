package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/stinttest/passkey"
)

// deviceKey gives somebody an authenticator that stays where it is, and whose make is proved.
func deviceKey(w *stinttest.World, p *stinttest.Person) {
	p.Passkey = passkey.New(w.URL, "localhost")
	p.Passkey.Maker, p.Passkey.AAGUID = w.Maker, [16]byte{7}
}

// addKey adds a second passkey, confirmed with the one there is.
func addKey(p *stinttest.Person, second func()) {
	p.World.Helper()
	page := p.Post("/passkeys/new", "name", "Blue key").Want(p, http.StatusSeeOther)
	page = p.Confirm(page.Location()).Want(p, http.StatusSeeOther)
	second()
	p.Confirm(page.Location()).Want(p, http.StatusSeeOther)
}

// S-11, issue 4 item 3: a role that asks for an attested passkey says what is missing, takes the right one, and no other.
func TestActivateWithAttestedPasskey(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.TrustMaker()
	w.Role("dba", stinttest.Rules{Attested: true})
	alice := w.Person("alice").Ready()
	assignment := w.Eligible("alice", "dba", time.Time{})

	ordinary := alice.Passkey
	page := alice.Ask(assignment).Want(t, http.StatusForbidden)
	if !strings.Contains(page.Body, "such as a security key; you have none") {
		t.Errorf("what to do is not said: %s", page.Text("main"))
	}
	addKey(alice, func() { deviceKey(w, alice) })
	if text := alice.Get("/passkeys").Want(t, http.StatusOK).Text("main"); strings.Count(text, "attested: it stays on its device") != 1 {
		t.Errorf("which one counts is not shown: %s", text)
	}

	page = alice.Ask(assignment).Want(t, http.StatusSeeOther)
	attested := alice.Passkey
	alice.Passkey = ordinary
	if _, err := alice.Passkey.Get([]byte(alice.Get(page.Location()).Find("form[data-stepup]").AttrOr("data-options", ""))); err == nil {
		t.Error("the ordinary passkey was asked for too")
	}
	alice.Passkey = attested
	page = alice.Confirm(page.Location()).Want(t, http.StatusSeeOther)
	w.Tick()
	if a := w.Activation(strings.TrimPrefix(page.Location(), "/activations/")); a.State != pim.ActiveConfirmed {
		t.Errorf("state %s", a.State)
	}
}

// T12: a request confirmed with an ordinary passkey does not outlive a rule that asks for more.
func TestAttestedSinceTheRequest(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.TrustMaker()
	w.Role("dba", stinttest.Rules{Approvers: []string{"bob"}})
	alice, bob := w.Person("alice").Ready(), w.Person("bob").Ready()
	id := alice.Activate(w.Eligible("alice", "dba", time.Time{}))
	w.Rules("dba", stinttest.Rules{Approvers: []string{"bob"}, Attested: true})
	page := bob.Decide(id, "approve").Want(t, http.StatusConflict)
	if !strings.Contains(page.Body, "has to be requested again") {
		t.Errorf("refused with %s", page.Text("main"))
	}
}

// A passkey that says of itself that it can be copied by now, or whose maker is no longer trusted, does not count.
func TestAttestedCountsAsOfToday(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.TrustMaker()
	w.Role("dba", stinttest.Rules{Attested: true})
	alice := w.Person("alice")
	deviceKey(w, alice)
	alice.Ready()
	assignment := w.Eligible("alice", "dba", time.Time{})
	page := alice.Ask(assignment).Want(t, http.StatusSeeOther)
	alice.Passkey.BackupEligible = true
	alice.Confirm(page.Location()).Want(t, http.StatusForbidden)
	alice.Passkey.BackupEligible = false
	page = alice.Ask(assignment).Want(t, http.StatusSeeOther)
	w.Distrust()
	alice.Confirm(page.Location()).Want(t, http.StatusForbidden)
	alice.Ask(assignment).Want(t, http.StatusForbidden)
}

// P-13: whoever could not satisfy the level is named before it is saved; without a trusted make it cannot be asked for.
func TestSettingsKnowTheAttestedLevel(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Role("dba", stinttest.Rules{})
	carol, alice, dave := w.Person("carol"), w.Person("alice"), w.Person("dave")
	w.Administrator("carol")
	w.Eligible("alice", "dba", time.Time{})
	w.Eligible("dave", "dba", time.Time{})
	carol.Ready()
	alice.Ready()
	form := []string{"tab", "activation", "version", "1", "own_step_up", "yes", "step_up", "attested", "do", "preview"}
	page := carol.Post("/roles/dba/settings", form...).Want(t, http.StatusUnprocessableEntity)
	if !strings.Contains(page.Body, "No make of passkey is trusted here yet") {
		t.Errorf("without trust: %s", page.Text("main"))
	}
	if carol.Get("/roles/dba/settings").Find(`input[name=step_up][value=attested]`).Length() != 0 {
		t.Error("the level is offered though nobody could satisfy it")
	}
	w.TrustMaker()
	deviceKey(w, dave)
	dave.Ready()
	if carol.Get("/roles/dba/settings").Find(`input[name=step_up][value=attested]`).Length() != 1 {
		t.Error("the level is not offered")
	}
	page = carol.Post("/roles/dba/settings", form...).Want(t, http.StatusOK)
	if text := page.Text("main"); !strings.Contains(text, "1 eligible person without a passkey that stays on its device, of a trusted make, could not activate until they add one: alice.") {
		t.Errorf("who could not: %s", text)
	}
}
