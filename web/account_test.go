package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
)

// An administrator says who somebody is at a target: looked up there, confirmed by the touch, taken away with what is held
// through it. Another person's account is refused (T10: two principals on one account are one person).
func TestAccountNamedInTheBrowser(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol, alice := manager(w), w.Person("alice").Ready()
	group := w.Role("reader", stinttest.Rules{})
	drop := func() {
		t.Helper()
		href := carol.Get("/people/alice").Find(`form[action$="/drop"]`).AttrOr("action", "")
		if page := done(t, carol, touched(t, carol.Post(href))); !strings.Contains(page.Text("main"), "No account yet") {
			t.Errorf("taken away: %s", page.Text("main"))
		}
	}
	drop()
	asg := w.Eligible("alice", "reader", time.Time{})
	for field, form := range map[string][]string{
		"target":  {"target", pim.StintTarget, "account", "alice"},
		"account": {"target", stinttest.Directory, "account", "nobody-at-all"},
	} {
		page := carol.Post("/people/alice/accounts", form...).Want(t, http.StatusUnprocessableEntity)
		if page.Text("#"+field+"-err") == "" || page.Find("#account").AttrOr("value", "") != form[3] {
			t.Errorf("%v: %s", form, page.Text("main"))
		}
	}
	if got := carol.Post("/people/alice/accounts", "target", stinttest.Directory, "account", "carol").Want(t, http.StatusUnprocessableEntity).Text("#account-err"); !strings.Contains(got, "account of carol") {
		t.Errorf("another's account: %q", got)
	}
	name := []string{"target", stinttest.Directory, "account", "alice"}
	page := done(t, carol, touched(t, carol.Post("/people/alice/accounts", name...)))
	if got := page.Text("main"); !strings.Contains(got, "looked up at the target") || !strings.Contains(got, "confirmed by carol") {
		t.Errorf("named: %s", got)
	}
	if got := carol.Post("/people/alice/accounts", name...).Want(t, http.StatusUnprocessableEntity).Text("#target-err"); !strings.Contains(got, "already") {
		t.Errorf("named twice: %q", got)
	}
	id := alice.Activate(asg)
	w.Tick()
	if !w.Target.Holds(alice.Account, group) {
		t.Fatal("what alice activated is not given to the account")
	}
	drop()
	w.Tick()
	if w.Activation(id).State != pim.Revoked || w.Target.Holds(alice.Account, group) {
		t.Errorf("after the account was taken away: %s", w.Activation(id).State)
	}
	if got := alice.Get("/notices").Text("main"); !strings.Contains(got, "carol says that you are alice") || !strings.Contains(got, "took your account") {
		t.Errorf("alice is told %q", got)
	}
}
