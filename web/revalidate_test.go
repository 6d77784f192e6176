package web_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
	"stint/web"
)

// newRefreshing is a World whose provider hands out refresh tokens and is asked every 15 minutes.
func newRefreshing(t *testing.T) *stinttest.World {
	t.Helper()
	w := stinttest.New(t, func(c *web.Config) { c.RevalidateEvery = 15 * time.Minute })
	w.Provider.Refresh = true
	return w
}

// THREATS F13, DESIGN §6: the provider is asked after the interval and not before; what it says of groups counts, and a no
// ends the session.
func TestRevalidation(t *testing.T) {
	t.Parallel()
	w := newRefreshing(t)
	alice := w.Person("alice")
	w.Group("staff")
	w.Do(func(tx *store.Tx) error {
		g, err := tx.Principal("staff")
		if err != nil {
			return err
		}
		g.MatchValue = "staff"
		return tx.UpdatePrincipal(g)
	})
	alice.SignIn(map[string]any{"groups": []string{"staff"}})
	member := func() bool {
		return stinttest.Read(w, func(r *store.Reader) (bool, error) { in, err := r.ClaimGroupsOf("alice"); return in["staff"], err })
	}
	if !member() {
		t.Fatal("the claim of the sign-in did not count")
	}
	pass := func(d time.Duration) *stinttest.Page { w.Clock.Advance(d); return alice.Get("/my-roles") }
	pass(14*time.Minute).Want(t, http.StatusOK)
	if n := w.Provider.Refreshes(); n != 0 {
		t.Errorf("asked %d times before the interval was over", n)
	}
	w.Provider.SignInAs("alice", map[string]any{"groups": []string{}})
	pass(time.Minute).Want(t, http.StatusOK)
	if w.Provider.Refreshes() != 1 || member() {
		t.Errorf("asked %d times, still a member: %v", w.Provider.Refreshes(), member())
	}
	for range 3 { // each time with the token of the time before
		pass(15*time.Minute).Want(t, http.StatusOK)
	}
	if n := w.Provider.Refreshes(); n != 4 {
		t.Errorf("asked %d times", n)
	}
	stream := listen(t, alice, "/events")
	w.Provider.Revoke()
	if page := pass(15 * time.Minute); !toSignIn(page) {
		t.Errorf("after the provider's no: %d", page.StatusCode)
	}
	endsSoon(t, stream)
	if events := w.Events(pim.EvSessionRevoked); len(events) != 1 || events[0].Facts["ended_by"] != "provider" || events[0].Facts["code"] != "session_over" {
		t.Errorf("events %+v", events)
	}
}

// T4: an answer about somebody else ends the session.
func TestRevalidationOfSomebodyElse(t *testing.T) {
	t.Parallel()
	w := newRefreshing(t)
	alice := w.Person("alice")
	alice.SignIn()
	w.Provider.Rogue.Claims = func(c map[string]any) { c["sub"] = "mallory" }
	w.Clock.Advance(15 * time.Minute)
	if !toSignIn(alice.Get("/my-roles")) {
		t.Error("the session goes on as somebody else's")
	}
}

// F13: a provider that is down ends nothing; it is asked again a minute later, and in the end the session's own end counts.
func TestProviderDownEndsNoSession(t *testing.T) {
	t.Parallel()
	w := newRefreshing(t)
	alice := w.Person("alice")
	alice.SignIn()
	var mu sync.Mutex
	asked, down := 0, true
	w.Provider.Rogue.Handle = func(rw http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path == "/token" {
			asked++
		}
		if down {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
		return down
	}
	w.Clock.Advance(15 * time.Minute)
	alice.Get("/my-roles").Want(t, http.StatusOK)
	alice.Get("/my-roles").Want(t, http.StatusOK)
	if asked != 1 || !strings.Contains(w.Log.String(), "asking the provider about a session") {
		t.Errorf("asked %d times within a minute", asked)
	}
	w.Clock.Advance(time.Minute)
	alice.Get("/my-roles").Want(t, http.StatusOK)
	if asked != 2 {
		t.Errorf("asked %d times after a minute", asked)
	}
	mu.Lock()
	down = false
	mu.Unlock()
	w.Clock.Advance(time.Minute)
	alice.Get("/my-roles").Want(t, http.StatusOK)
	if w.Provider.Refreshes() != 1 {
		t.Error("not asked again once it is up")
	}
	mu.Lock()
	down = true
	mu.Unlock()
	for range 28 {
		w.Clock.Advance(20 * time.Minute)
		alice.Get("/my-roles").Want(t, http.StatusOK)
	}
	w.Clock.Advance(24 * time.Minute)
	if !toSignIn(alice.Get("/my-roles")) {
		t.Error("the session goes on beyond its 10 hours")
	}
}

// DESIGN §6: of all pages that are opened at once one asks; the others, and other people's, do not wait for the answer.
func TestOnePageAsks(t *testing.T) {
	t.Parallel()
	w := newRefreshing(t)
	alice, bob := w.Person("alice"), w.Person("bob")
	alice.SignIn()
	w.Provider.Refresh = false
	bob.SignIn()
	w.Provider.Refresh = true
	asked, answer := make(chan struct{}, 8), make(chan struct{})
	w.Provider.Rogue.Handle = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			asked <- struct{}{}
			<-answer
		}
		return false
	}
	w.Clock.Advance(15 * time.Minute)
	var first sync.WaitGroup
	var page *stinttest.Page
	var err error
	first.Go(func() { page, err = alice.Try(http.MethodGet, "/my-roles", nil) })
	<-asked
	for range 3 { // while the first waits
		alice.Get("/my-roles").Want(t, http.StatusOK)
		bob.Get("/my-roles").Want(t, http.StatusOK)
	}
	close(answer)
	first.Wait()
	if err != nil || page.StatusCode != http.StatusOK || len(asked) != 0 {
		t.Errorf("the first page: %v, %d more asked", err, len(asked))
	}
	await(t, func() bool { return sessionsOf(w, "alice")[0].RecheckAt.Sub(w.Clock.Now()) > 10*time.Minute }) // the page may not have waited for it
	w.Clock.Advance(time.Minute)
	alice.Get("/my-roles").Want(t, http.StatusOK)
	await(t, func() bool { return w.Provider.Refreshes() == 1 })
}

// What is not used is not kept: with revalidation off, or without a refresh token, the table has none.
func TestNoRevalidation(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Provider.Refresh = true
	alice := w.Person("alice")
	alice.SignIn()
	for _, s := range sessionsOf(w, "alice") {
		if s.Refresh != "" || !s.RecheckAt.IsZero() {
			t.Errorf("kept %+v", s)
		}
	}
}

// What is sealed with another key, or for another session, can never be asked with again: the session ends.
func TestRefreshTokenOfAnotherSession(t *testing.T) {
	t.Parallel()
	w := newRefreshing(t)
	alice, bob := w.Person("alice"), w.Person("bob")
	alice.SignIn()
	bob.SignIn()
	mine, theirs := sessionsOf(w, "alice")[0], sessionsOf(w, "bob")[0]
	w.Do(func(tx *store.Tx) error { return tx.SaveRefresh(mine.Handle, theirs.Refresh, mine.RecheckAt) })
	w.Clock.Advance(15 * time.Minute)
	if !toSignIn(alice.Get("/my-roles")) {
		t.Error("a session goes on with the refresh token of another")
	}
	if w.Provider.Refreshes() != 0 {
		t.Error("the provider was asked with it")
	}
	bob.Get("/my-roles").Want(t, http.StatusOK)
	if events := w.Events(pim.EvSessionRevoked); len(events) != 1 || events[0].Facts["code"] != "unreadable" {
		t.Errorf("events %+v", events)
	}
}
