package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stint/internal/stinttest/faketarget"
	stinttest "stint/internal/stinttest/harness"
)

// DESIGN §3, words on the screen: an account that the target does not show is not called gone.
func TestUnseenAccountInWords(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	alice.SignIn()
	w.Role("reader", stinttest.Rules{NoPasskey: true})
	id := alice.Activate(w.Eligible("alice", "reader", time.Time{}))
	w.Tick()
	w.Target.Misbehave(faketarget.Faults{Hidden: alice.Account})
	alice.Post("/activations/"+id+"/deactivate").Want(t, http.StatusSeeOther)
	w.Advance(2 * time.Minute)
	text := alice.Get("/activations/" + id).Text("main")
	if !strings.Contains(text, "The account is no longer visible at the target; not confirmed.") || strings.Contains(text, "confirmed gone") || !strings.Contains(text, "not visible any more") {
		t.Errorf("hidden: %s", text)
	}
	w.Target.Misbehave(faketarget.Faults{})
	w.Advance(2 * time.Minute)
	if text := alice.Get("/activations/" + id).Text("main"); !strings.Contains(text, "confirmed gone at") {
		t.Errorf("visible again: %s", text)
	}
}
