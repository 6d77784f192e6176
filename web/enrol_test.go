package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
)

// T2: the first passkey needs a voucher of one's own, once, in time; a stolen sign-in has none.
func TestFirstPasskey(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, mallory := w.Person("alice"), w.Person("mallory")
	alice.SignIn()
	mallory.SignIn()

	without := mallory.Post("/passkeys/new", "name", "Rogue").Want(t, http.StatusUnprocessableEntity)
	if got := without.Text("#voucher-err"); !strings.Contains(got, "needs a voucher") {
		t.Errorf("without a voucher: %q", got)
	}
	voucher, err := w.Broker.IssueVoucher(t.Context(), "alice", false)
	w.OK(err)
	mallory.Post("/passkeys/new", "name", "Rogue", "voucher", voucher).Want(t, http.StatusUnprocessableEntity) // somebody else's

	kept := alice.Post("/passkeys/new", "name", "  ", "voucher", voucher).Want(t, http.StatusUnprocessableEntity)
	if kept.Find("#voucher").AttrOr("value", "") != voucher || kept.Text("#name-err") == "" {
		t.Error("the form did not keep the voucher or does not mark the name")
	}
	step := alice.Post("/passkeys/new", "name", "Laptop", "voucher", strings.ToUpper(voucher)+" ").Want(t, http.StatusSeeOther)
	alice.Post("/passkeys/new", "name", "Phone", "voucher", voucher).Want(t, http.StatusUnprocessableEntity) // used
	create := alice.Get(step.Location()).Want(t, http.StatusOK)
	if create.Find("#name").AttrOr("value", "") != "Laptop" || create.Find("form").AttrOr("data-stepup", "") != "create" {
		t.Errorf("the page that makes it says %q", create.Text("main"))
	}
	alice.Post(step.Location(), "response", alice.Answer(step.Location()), "name", "Work laptop").Want(t, http.StatusSeeOther)
	page := alice.Get("/passkeys")
	if !strings.Contains(page.Text(".lines"), "Work laptop") || strings.Contains(page.Text(".lines"), "Phone") {
		t.Errorf("passkeys: %q", page.Text(".lines"))
	}
	if got := alice.Get("/notices").Text("main"); !strings.Contains(got, "A passkey was added") {
		t.Errorf("no notice about the new passkey: %q", got)
	}
	if n := len(w.Events(pim.EvCredentialRefused)); n < 3 {
		t.Errorf("%d refusals are in the audit log", n)
	}

	late, err := w.Broker.IssueVoucher(t.Context(), "mallory", false)
	w.OK(err)
	w.Clock.Advance(15*time.Minute + time.Second)
	mallory.Post("/passkeys/new", "name", "Rogue", "voucher", late).Want(t, http.StatusUnprocessableEntity)
}

// T2: the provider's claim enrols the first passkey of somebody who never had one; a further one needs
// one that is there.
func TestPasskeyByClaimAndAnother(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	alice.SignIn(map[string]any{"amr": []string{"pwd"}})
	alice.Post("/passkeys/new", "name", "Laptop").Want(t, http.StatusUnprocessableEntity)
	alice.SignIn(map[string]any{"amr": []string{"hwk"}})
	if got := alice.Get("/passkeys").Text("aside"); !strings.Contains(got, "cannot be phished") {
		t.Errorf("the page says %q", got)
	}
	step := alice.Post("/passkeys/new", "name", "Laptop").Want(t, http.StatusSeeOther)
	alice.Confirm(step.Location()).Want(t, http.StatusSeeOther)

	w.Clock.Advance(time.Minute)
	step = alice.Post("/passkeys/new", "name", "Phone").Want(t, http.StatusSeeOther)
	if got := alice.Get(step.Location()); got.Find("form").AttrOr("data-stepup", "") != "get" {
		t.Fatal("a further passkey was not asked to be confirmed with the first")
	}
	made := alice.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	second := newPasskey(w)
	first := alice.Passkey
	alice.Passkey = second
	alice.Confirm(made.Location()).Want(t, http.StatusSeeOther)
	keys := alice.Get("/passkeys").Find(`form[action$="/remove"]`)
	if keys.Length() != 2 {
		t.Fatalf("%d passkeys", keys.Length())
	}

	step = alice.Post(keys.First().AttrOr("action", "")).Want(t, http.StatusSeeOther)
	if got := alice.Get(step.Location()).Text("main"); !strings.Contains(got, "Laptop") {
		t.Errorf("what is removed: %q", got)
	}
	alice.Passkey = first // it may confirm its own removal
	alice.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	// The only one stays, and lost ones are replaced on the host alone (THREATS T3).
	alice.Post(alice.Get("/passkeys").Find(`form[action$="/remove"]`).AttrOr("action", "")).Want(t, http.StatusForbidden)
	if _, err := w.Broker.IssueVoucher(t.Context(), "alice", false); err == nil {
		t.Error("a voucher for somebody who had a passkey")
	}
	voucher, err := w.Broker.IssueVoucher(t.Context(), "alice", true)
	w.OK(err)
	alice.SignIn()
	alice.Post("/passkeys/new", "name", "Laptop").Want(t, http.StatusUnprocessableEntity) // the claim is for who never had one
	alice.Post("/passkeys/new", "name", "Laptop", "voucher", voucher).Want(t, http.StatusSeeOther)
}

// Names are checked at the field, and other people's passkeys do not exist.
func TestRenamePasskey(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, bob := w.Person("alice").Ready(), w.Person("bob").Ready()
	rename := alice.Get("/passkeys").Find(`form[action$="/name"]`).AttrOr("action", "")
	alice.Post(rename, "name", "Desk").Want(t, http.StatusSeeOther)
	for name, want := range map[string]int{"": 422, "   ": 422, strings.Repeat("x", 81): 422, strings.Repeat("ü", 80): 303} {
		if page := alice.Post(rename, "name", name); page.StatusCode != want {
			t.Errorf("renaming to %.10q…: %d, want %d", name, page.StatusCode, want)
		} else if want == 422 && page.Find(".err").Length() == 0 {
			t.Errorf("renaming to %.10q…: nothing at the field", name)
		}
	}
	theirs, absent := bob.Post(rename, "name", "Mine now"), bob.Post("/passkeys/nothing/name", "name", "Mine now")
	if theirs.StatusCode != 404 || absent.StatusCode != 404 || theirs.Text("h1") != absent.Text("h1") {
		t.Errorf("somebody else's passkey: %d, absent: %d", theirs.StatusCode, absent.StatusCode)
	}
}

// Who has no passkey is led to one, and nothing is asked for.
func TestActivateWithoutPasskey(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	w.Role("operator", stinttest.Rules{})
	assignment := w.Eligible("alice", "operator", time.Time{})
	alice.SignIn()
	if got := alice.Get("/my-roles").Text("main"); !strings.Contains(got, "needs a passkey, and you have none yet") {
		t.Errorf("My roles says %q", got)
	}
	page := alice.Ask(assignment).Want(t, http.StatusForbidden)
	if page.Find(`a[href="/passkeys"]`).Length() == 0 {
		t.Error("the page does not lead to the passkeys")
	}
	if n := len(w.Events(pim.EvActRequested)); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// T2: the provider's claim counts for a while after the sign-in, not as long as the session.
func TestClaimGoesStale(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	alice.SignIn(map[string]any{"amr": []string{"hwk"}})
	w.Clock.Advance(14 * time.Minute)
	alice.Post("/passkeys/new", "name", "Laptop").Want(t, http.StatusSeeOther)
	w.Clock.Advance(2 * time.Minute)
	alice.Post("/passkeys/new", "name", "Laptop").Want(t, http.StatusUnprocessableEntity)
}

// T2: for a day a new passkey opens no privileged role where another administrator could have noticed it;
// ordinary roles it opens at once. Before anybody's passkey is a day old there is nobody to turn to.
func TestNewPasskeyIsInQuarantine(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	root, alice := w.Person("root"), w.Person("alice")
	w.Administrator("root")
	w.Role("dba", stinttest.Rules{Privileged: true})
	w.Role("wiki", stinttest.Rules{})
	dba, wiki := w.Eligible("alice", "dba", time.Time{}), w.Eligible("alice", "wiki", time.Time{})
	root.Ready()
	w.Clock.Advance(23 * time.Hour)
	alice.Ready()
	first := alice.Activate(dba) // the administrator's own passkey is new too
	alice.Post("/activations/"+first+"/deactivate").Want(t, http.StatusSeeOther)
	w.Tick()

	w.Clock.Advance(2 * time.Hour)
	alice.SignIn()
	page := alice.Ask(dba).Want(t, http.StatusForbidden)
	if got := page.Text("main"); !strings.Contains(got, "only 24 hours after it was added") || !strings.Contains(got, "2026-") || !strings.Contains(got, "tell an administrator") {
		t.Errorf("the refusal says %q", got)
	}
	if got := alice.Get("/my-roles/"+dba+"/activate").Want(t, http.StatusOK).Text("main"); !strings.Contains(got, "only 24 hours after it was added") {
		t.Errorf("the form says %q", got)
	}
	if len(w.Events(pim.EvActRefused)) == 0 {
		t.Error("the refusal is no audit entry")
	}
	alice.Activate(wiki)

	w.Clock.Advance(22*time.Hour + time.Minute)
	alice.SignIn()
	alice.Activate(dba)
}
