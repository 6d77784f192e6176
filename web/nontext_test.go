package web_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	stinttest "stint/internal/stinttest/harness"
)

// Invariant 9, T30, T34: NUL and broken UTF-8 name nothing and are no text, on either engine: 404 for what they would
// name, words at the field for what they would say.
func TestTextsThatAreNone(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Role("dba", stinttest.Rules{Approvers: []string{"bob"}})
	alice, bob := w.Person("alice").Ready(), w.Person("bob").Ready()
	assignment := w.Eligible("alice", "dba", time.Time{})
	waits := alice.Activate(assignment)
	for _, none := range []string{"a\x00b", "a\xffb"} {
		post := func(p *stinttest.Person, status int, path string, pairs ...string) {
			t.Helper()
			if got := p.Post(path, pairs...).StatusCode; got != status {
				t.Errorf("%q to %s: %d", none, path, got)
			}
		}
		in := url.PathEscape(none)
		post(alice, http.StatusUnprocessableEntity, "/passkeys/new", "name", none)
		post(bob, http.StatusUnprocessableEntity, "/approvals/"+waits+"/decision", "decision", "approve", "justification", none)
		post(alice, http.StatusNotFound, "/my-roles/several", "pick", none, "justification", "On call")
		post(alice, http.StatusNotFound, "/my-roles/"+assignment+"/activations", "pick", none, "justification", "On call", "duration", "60")
		post(alice, http.StatusNotFound, "/my-roles/"+in+"/favourite", "on", "1")
		for _, path := range []string{"/activations/", "/approvals/", "/results/", "/step-up/", "/audit/story/", "/approvals/extensions/"} {
			alice.Get(path+in).Want(t, http.StatusNotFound)
		}
		alice.Get("/my-roles/several?pick="+url.QueryEscape(none)).Want(t, http.StatusNotFound)
	}
	alice.Get("/my-roles/"+assignment+"/activate?q=%00").Want(t, http.StatusBadRequest)
}
