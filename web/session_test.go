package web_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
	"stint/web"
)

// fill puts something into the parameters of a route's path.
func fill(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, ":") {
			parts[i] = "nothing"
		}
	}
	return strings.Join(parts, "/")
}

// toSignIn reports whether an answer asks to sign in first.
func toSignIn(p *stinttest.Page) bool {
	return p.StatusCode == http.StatusSeeOther && strings.HasPrefix(p.Location(), "/sign-in?return_to=")
}

// T1: a copied cookie reads, and gets no further than the passkey; after signing out it is worth nothing.
func TestStolenCookie(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, bob := w.Person("alice"), w.Person("bob")
	w.Role("operator", stinttest.Rules{})
	w.Role("dba", stinttest.Rules{Approvers: []string{"alice"}})
	mine := w.Eligible("alice", "operator", time.Time{})
	theirs := w.Eligible("bob", "dba", time.Time{})
	alice.Ready()
	bob.Ready()
	request := bob.Activate(theirs)

	secret := alice.Cookie("stint")
	thief := w.Client()
	thief.SetCookie("stint", secret)
	thief.Get("/my-roles").Want(t, http.StatusOK)

	step := thief.Post("/my-roles/"+mine+"/activations", "duration", "60", "justification", "Give me that").Want(t, http.StatusSeeOther)
	if !strings.HasPrefix(step.Location(), "/step-up/") {
		t.Fatalf("activating led to %s, not to the passkey", step.Location())
	}
	thief.Post(step.Location(), "response", "{}").Want(t, http.StatusForbidden)
	step = thief.Post("/approvals/"+request+"/decision", "decision", "approve", "justification", "Sure").Want(t, http.StatusSeeOther)
	if !strings.HasPrefix(step.Location(), "/step-up/") {
		t.Fatalf("approving led to %s, not to the passkey", step.Location())
	}
	if s := w.Activation(request).State; s != pim.PendingApproval {
		t.Errorf("the request is %s", s)
	}

	w.NeedsFile()
	for _, file := range []string{w.Path, w.Path + "-wal"} {
		content, err := os.ReadFile(file)
		w.OK(err)
		if strings.Contains(string(content), secret) {
			t.Errorf("%s holds the cookie's secret", file)
		}
	}
	if strings.Contains(w.Log.String(), secret) {
		t.Error("the log holds the cookie's secret")
	}

	out := alice.Post("/sign-out").Want(t, http.StatusSeeOther)
	if page := alice.Get(out.Location()); !strings.Contains(page.Text("main"), "You are signed out") || page.Find(`a[href^="`+w.Provider.Issuer+`/logout"]`).Length() != 1 {
		t.Error("the page after signing out does not offer the provider's sign-out")
	}
	for _, r := range web.Routes() {
		if r.Who == "anonymous" {
			continue
		}
		var page *stinttest.Page
		if r.Method == http.MethodGet {
			page = thief.Get(fill(r.Path))
		} else {
			page = thief.Post(fill(r.Path))
		}
		if !toSignIn(page) {
			t.Errorf("%s %s with a dead session: %d", r.Method, r.Path, page.StatusCode)
		}
	}
}

// T1: disabling a person ends their sessions; idle and absolute time do too.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")

	alice.SignIn()
	w.Clock.Advance(29 * time.Minute)
	alice.Get("/my-roles").Want(t, http.StatusOK)
	w.Clock.Advance(29 * time.Minute)
	alice.Get("/my-roles").Want(t, http.StatusOK) // use was recorded
	w.Clock.Advance(31 * time.Minute)
	if page := alice.Get("/my-roles"); !toSignIn(page) {
		t.Errorf("after 31 idle minutes: %d", page.StatusCode)
	}

	alice.SignIn()
	for range 29 {
		w.Clock.Advance(20 * time.Minute)
		alice.Get("/my-roles").Want(t, http.StatusOK)
	}
	w.Clock.Advance(21 * time.Minute)
	if page := alice.Get("/my-roles"); !toSignIn(page) {
		t.Errorf("after 10 hours of use: %d", page.StatusCode)
	}
}

// T1: what an open page asks for by itself is no use: an unattended tab ends as a closed one does.
func TestOpenPageKeepsNoSession(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	alice.SignIn()
	for range 5 {
		w.Clock.Advance(5 * time.Minute)
		alice.Fragment("/my-roles").Want(t, http.StatusOK)
	}
	alice.Get("/my-roles").Want(t, http.StatusOK) // a person, after 25 minutes
	for range 5 {
		w.Clock.Advance(5 * time.Minute)
		alice.Fragment("/my-roles").Want(t, http.StatusOK)
	}
	w.Clock.Advance(6 * time.Minute)
	if page := alice.Fragment("/my-roles"); page.StatusCode != http.StatusUnauthorized {
		t.Errorf("31 minutes after the last page somebody opened: %d", page.StatusCode)
	}
	if page := alice.Get("/my-roles"); !toSignIn(page) {
		t.Errorf("and in the address bar: %d", page.StatusCode)
	}
}

// T5: nothing known before the sign-in opens anything after it.
func TestSessionFixation(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")

	planted := strings.Repeat("A", 52)
	alice.SetCookie("stint", planted)
	alice.SignIn().Want(t, http.StatusSeeOther)
	if alice.Cookie("stint") == planted {
		t.Error("the planted session id survived the sign-in")
	}
	thief := w.Client()
	thief.SetCookie("stint", planted)
	if !toSignIn(thief.Get("/my-roles")) {
		t.Error("the planted id opens a session")
	}

	first := alice.Cookie("stint")
	alice.SignIn()
	thief.SetCookie("stint", first)
	if alice.Cookie("stint") == first || !toSignIn(thief.Get("/my-roles")) {
		t.Error("signing in again kept the session before")
	}

	// What is kept before the provider's answer is no session, and a session is not that.
	other := w.Client()
	other.Get("/sign-in/start").Want(t, http.StatusSeeOther)
	thief.SetCookie("stint", other.Cookie("stint-signin"))
	if !toSignIn(thief.Get("/my-roles")) {
		t.Error("a pre-session was taken for a session")
	}
	thief.SetCookie("stint-signin", alice.Cookie("stint"))
	thief.Get("/sign-in/callback?state=x&code=y").Want(t, http.StatusForbidden)
	alice.Get("/my-roles").Want(t, http.StatusOK)
}

// T5: after a step-up, and when rights are won, the id known before opens nothing; what was begun in the
// session, and the pages open in it, go on.
func TestSessionIsRenewedWithTheStepUp(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice").Ready()
	w.Role("dba", stinttest.Rules{Privileged: true})
	w.Role("operator", stinttest.Rules{})
	dba, operator := w.Eligible("alice", "dba", time.Time{}), w.Eligible("alice", "operator", time.Time{})
	thief := w.Client()
	know := func() string { thief.SetCookie("stint", alice.Cookie("stint")); return alice.Cookie("stint") }
	renewed := func(when, before string) {
		t.Helper()
		if alice.Cookie("stint") == before || !toSignIn(thief.Get("/my-roles")) {
			t.Errorf("%s: the id of before still opens the session", when)
		}
		alice.Get("/my-roles").Want(t, http.StatusOK)
	}

	open := listen(t, alice, "/events")
	waiting := alice.Ask(operator).Want(t, http.StatusSeeOther).Location() // in another tab
	before := know()
	alice.Activate(dba)
	renewed("step-up", before)
	if got := open.next(); got != "news" {
		t.Errorf("the stream of the session says %q", got)
	}
	alice.Confirm(waiting).Want(t, http.StatusSeeOther) // with the id of after
	if got := open.next(); got != "news" {
		t.Errorf("after the renewal the stream says %q", got)
	}

	secret, err := w.Broker.AdminLink(t.Context())
	w.OK(err)
	before = know()
	alice.Post("/admin-link/"+secret).Want(t, http.StatusSeeOther)
	renewed("administrator link", before)

	w.Clock.Advance(29 * time.Minute)
	alice.Get("/my-roles").Want(t, http.StatusOK)
	for range 28 {
		w.Clock.Advance(20 * time.Minute)
		alice.Get("/my-roles")
	}
	w.Clock.Advance(20 * time.Minute)
	if !toSignIn(alice.Get("/my-roles")) {
		t.Error("renewing lengthened the session beyond its 10 hours")
	}
}

// T5: whoever is nobody yet leaves nothing in the database, however often; what their browser keeps is
// sealed, counts once, and only as it was given.
func TestBegunSignInWritesNothing(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Provider.SignInAs("alice", map[string]any{"name": "alice", "auth_time": w.Clock.Now().Unix()})
	rows := func() int64 {
		n, err := store.Read(t.Context(), w.Store, func(r *store.Reader) (int64, error) { return r.SessionCount("") })
		w.OK(err)
		return n
	}
	for range 30 {
		w.Client().Get("/sign-in/start?return_to=/"+strings.Repeat("a", 2000)).Want(t, http.StatusSeeOther)
	}
	if n := rows(); n != 0 {
		t.Errorf("30 anonymous visits left %d rows", n)
	}
	begin := func() (c *stinttest.Client, answer string) {
		c = w.Client()
		return c, c.Get(c.Get("/sign-in/start").Location()).Location()
	}
	mine, answer := begin()
	kept := mine.Cookie("stint-signin")
	if strings.Contains(kept, "verifier") || len(kept) < 100 {
		t.Errorf("the browser keeps %q", kept)
	}
	mine.Get(answer).Want(t, http.StatusSeeOther)
	thief := w.Client()
	thief.SetCookie("stint-signin", kept)
	thief.Get(answer).Want(t, http.StatusForbidden)
	if !strings.Contains(w.Log.String(), `"code":"`) {
		t.Error("the second use is not in the log")
	}
	changed, answer := begin()
	kept = changed.Cookie("stint-signin")
	changed.SetCookie("stint-signin", kept[:40]+"BBBB"+kept[44:])
	changed.Get(answer).Want(t, http.StatusForbidden)
	late, answer := begin()
	w.Clock.Advance(11 * time.Minute)
	late.Get(answer).Want(t, http.StatusForbidden)
}

// T1: on https the cookies are bound to the host, and scripts never see them.
func TestCookieAttributes(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	secure, err := web.New(secureConfig(w))
	w.OK(err)
	rec := ask(secure, "GET", "/sign-in/start")
	cookies := rec.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d cookies", len(cookies))
	}
	c := cookies[0]
	if c.Name != "__Host-stint-signin" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie %+v", c)
	}
	alice := w.Person("alice")
	page := alice.SignIn()
	for _, c := range page.Cookies() {
		if c.Name == "stint" && (!c.HttpOnly || c.SameSite != http.SameSiteLaxMode) {
			t.Errorf("session cookie %+v", c)
		}
	}
}
