package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/stinttest/oidc"
)

// postLogout sends a logout token as the provider's machine does.
func postLogout(w *stinttest.World, token string) *stinttest.Page {
	return w.Client().Do(http.MethodPost, "/sign-in/logout", stinttest.Form("logout_token", token))
}

// Back-Channel Logout §2.7: a sid ends the session of that name, a subject all of theirs; streams end too.
func TestBackChannelLogout(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, bob := w.Person("alice"), w.Person("bob")
	phone := elsewhere(alice, iphone)
	nameless := elsewhere(alice, firefox)
	alice.SignIn(map[string]any{"sid": "s-1"})
	phone.SignIn(map[string]any{"sid": "s-2"})
	nameless.SignIn()
	bob.SignIn(map[string]any{"sid": "s-9"})
	send := func(sub, sid string) {
		t.Helper()
		page := postLogout(w, w.Provider.LogoutToken(w.Provider.Logout(sub, sid), "logout+jwt")).Want(t, http.StatusOK)
		if page.Header.Get("Cache-Control") != "no-store" || page.Body != "" {
			t.Errorf("answered %q, %q", page.Header.Get("Cache-Control"), page.Body)
		}
	}
	over := func(p *stinttest.Person) bool { return toSignIn(p.Get("/my-roles")) }

	send("", "nobody's")
	send("nobody", "")
	send("bob", "s-1") // of two people: of nobody
	if over(alice) || over(bob) || over(phone) {
		t.Fatal("a token about nobody ended a session")
	}
	stream := listen(t, phone, "/events")
	send("", "s-2")
	endsSoon(t, stream)
	if !over(phone) || over(alice) || over(nameless) {
		t.Error("a sid ends the session of that name alone")
	}
	send("alice", "s-1") // a session whose name was never told may be this one
	if !over(alice) || !over(nameless) || over(bob) {
		t.Error("sub and sid end that session, and those without a name")
	}
	alice.SignIn(map[string]any{"sid": "s-3"})
	phone.SignIn(map[string]any{"sid": "s-4"})
	send("alice", "")
	if !over(alice) || !over(phone) || over(bob) {
		t.Error("a subject alone ends all of theirs")
	}
	events := w.Events(pim.EvSessionRevoked)
	if len(events) != 5 || events[0].Actor != pim.System {
		t.Errorf("%d events: %+v", len(events), events)
	}
}

// T4: no lie in a logout token ends anything; each is answered as the specification says and leaves no secret in the log.
func TestRogueLogoutEndsNothing(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	alice.SignIn()
	for i, m := range oidc.LogoutMutations() {
		page := postLogout(w, m.Token(w.Provider, "alice"))
		if page.StatusCode != http.StatusBadRequest || page.Header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(page.Header.Get("Content-Type"), "application/json") || !strings.Contains(page.Body, `"error":"invalid_request"`) {
			t.Errorf("%s: %d %q", m.Name, page.StatusCode, page.Body)
		}
		if i%15 == 14 {
			w.Clock.Advance(time.Minute) // one address sends 20 in a minute
		}
	}
	alice.Get("/my-roles").Want(t, http.StatusOK)
	if strings.Contains(w.Log.String(), "eyJ") {
		t.Error("the log holds a token")
	}
	if page := w.Client().Get("/sign-in/logout"); page.StatusCode != http.StatusMethodNotAllowed && page.StatusCode != http.StatusNotFound {
		t.Errorf("GET: %d", page.StatusCode)
	}
}

// Back-Channel Logout §2.6 (8): a token counts once, also after somebody signed in again; what was begun after it was
// made is not what it is about.
func TestLogoutTokenCountsOnce(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	alice.SignIn()
	token := w.Provider.LogoutToken(w.Provider.Logout("alice", ""), "logout+jwt")
	postLogout(w, token).Want(t, http.StatusOK)
	alice.SignIn()
	if page := postLogout(w, token).Want(t, http.StatusBadRequest); !strings.Contains(page.Body, "logout_id") {
		t.Errorf("the replay is answered %s", page.Body)
	}
	alice.Get("/my-roles").Want(t, http.StatusOK)

	early := w.Provider.LogoutToken(w.Provider.Logout("alice", ""), "logout+jwt")
	w.Clock.Advance(90 * time.Second)
	alice.SignIn()
	claims := w.Provider.Logout("alice", "")
	claims["exp"] = w.Clock.Now().Add(time.Minute).Unix()
	postLogout(w, early).Want(t, http.StatusOK)
	alice.Get("/my-roles").Want(t, http.StatusOK)
	postLogout(w, w.Provider.LogoutToken(claims, "logout+jwt")).Want(t, http.StatusOK)
	if !toSignIn(alice.Get("/my-roles")) {
		t.Error("a token of now ended nothing")
	}
}

// T30: an address that sends what does not count is made to wait; a provider that signs many people out is not.
func TestRefusedLogoutsAreBounded(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	for i := range 30 {
		postLogout(w, w.Provider.LogoutToken(w.Provider.Logout(fmt.Sprintf("u-%d", i), ""), "logout+jwt")).Want(t, http.StatusOK)
	}
	for range 20 {
		postLogout(w, "nonsense").Want(t, http.StatusBadRequest)
	}
	postLogout(w, "nonsense").Want(t, http.StatusTooManyRequests)
	w.Clock.Advance(time.Minute)
	postLogout(w, w.Provider.LogoutToken(w.Provider.Logout("u-1", ""), "logout+jwt")).Want(t, http.StatusOK)
}
