package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// unheard sends a form whose browser is gone in the moment in which its event is committed: whatever the answer is, nobody
// reads it.
func unheard(p *stinttest.Person, event pim.EventType, path string, pairs ...string) {
	p.World.Helper()
	ctx, gone := context.WithCancel(context.Background())
	defer gone()
	p.Store.Watch(func(c store.Change) {
		for _, e := range c.Entries {
			if e.Type == string(event) {
				gone()
			}
		}
	})
	r := httptest.NewRequest(http.MethodPost, p.URL+path, strings.NewReader(stinttest.Form(pairs...).Encode())).WithContext(ctx)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", p.URL)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range p.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	answer := httptest.NewRecorder()
	p.Web.Handler().ServeHTTP(answer, r)
	if ctx.Err() == nil {
		p.World.Fatalf("%s was not recorded: %d %s", event, answer.Code, answer.Body)
	}
}

// F1: a connection that drops after the commit, of a request that asked for no passkey and gave no rights in Stint, signs
// nobody out.
func TestLostAnswerEndsNoSession(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	alice.SignIn()
	for i := range 8 { // with the defect it happened every other time
		role := fmt.Sprintf("reader-%d", i)
		w.Role(role, stinttest.Rules{NoPasskey: true})
		unheard(alice, pim.EvActRequested, "/my-roles/"+w.Eligible("alice", role, time.Time{})+"/activations", "duration", "60", "justification", "Look it up")
		if page := alice.Get("/my-roles").Want(t, http.StatusOK); page.Find(`a[href^="/activations/"]`).Length() <= i {
			t.Fatal("what was asked for is not there")
		}
	}
}

// T5: a step-up whose answer nobody heard renews the session all the same: the id of before opens nothing, for whoever has
// it. The person signs in again, and finds done what they confirmed.
func TestLostAnswerOfAStepUp(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice").Ready()
	w.Role("dba", stinttest.Rules{Privileged: true})
	id := w.Eligible("alice", "dba", time.Time{})
	waiting := alice.Ask(id).Want(t, http.StatusSeeOther).Location()
	before := alice.Cookie("stint")
	unheard(alice, pim.EvActRequested, waiting, "response", alice.Answer(waiting))
	if alice.Cookie("stint") != before || !toSignIn(alice.Get("/my-roles")) {
		t.Error("the id known before the step-up still opens the session")
	}
	alice.SignIn().Want(t, http.StatusSeeOther)
	if text := alice.Get("/my-roles").Text("main"); !strings.Contains(text, "dba") || len(w.Events(pim.EvActRequested)) != 1 {
		t.Errorf("after signing in again: %s", text)
	}
}

// T1: a session that is renewed while its person signs out, or ends it elsewhere, ends.
func TestSignOutDuringRenewal(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	alice.SignIn()
	s := sessionsOf(w, "alice")[0]
	letIn := broker.Actor{PrincipalID: "alice", SessionID: s.ID, Session: s.Handle}
	w.OK(w.Broker.RenewSession(t.Context(), letIn, "of-after"))
	if _, err := w.Broker.EndOtherSessions(t.Context(), letIn); err != nil || len(sessionsOf(w, "alice")) != 1 {
		t.Errorf("ending the others ended the renewed one: %v", err)
	}
	w.OK(w.Broker.SignOut(t.Context(), letIn))
	if left := sessionsOf(w, "alice"); len(left) != 0 {
		t.Errorf("signed out, and %+v goes on", left)
	}
}

// Two pages of one session that confirm at the same moment both do: the second was let in with the id of before the
// first one's renewal.
func TestTwoTouchesAtOnce(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice").Ready()
	for _, role := range []string{"dba", "operator", "clerk"} {
		w.Role(role, stinttest.Rules{Privileged: true})
	}
	ask := func(role string) string {
		return alice.Ask(w.Eligible("alice", role, time.Time{})).Want(t, http.StatusSeeOther).Location()
	}
	one, other := ask("dba"), ask("operator")
	s := sessionsOf(w, "alice")[0]
	letIn := broker.Actor{PrincipalID: "alice", SessionID: s.ID, Session: s.Handle}
	alice.Confirm(one).Want(t, http.StatusSeeOther)
	answer := alice.Answer(other)
	name := strings.TrimPrefix(other, "/step-up/")
	if _, err := w.Broker.StepUp(t.Context(), letIn, name); err != nil {
		t.Fatalf("the second page is told: %v", err)
	}
	if out, err := w.Broker.FinishStepUp(t.Context(), letIn, name, []byte(answer)); err != nil || out.ActivationID == "" {
		t.Errorf("the second touch: %+v, %v", out, err)
	}
	stranger := letIn
	stranger.PrincipalID = "bob"
	third := strings.TrimPrefix(ask("clerk"), "/step-up/")
	if _, err := w.Broker.StepUp(t.Context(), stranger, third); err == nil {
		t.Error("somebody else sees it by the name of the session")
	}
}
