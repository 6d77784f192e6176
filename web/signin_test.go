package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/stinttest/oidc"
)

// T4: every lie of a provider ends on a page that says so, without a session, and in the log with its code.
func TestRogueProvider(t *testing.T) {
	t.Parallel()
	for _, m := range oidc.Mutations() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			w := stinttest.New(t)
			p := &stinttest.Person{World: w, Client: w.Client(), ID: "mallory"}
			m.Apply(w.Provider)
			page := p.Get("/sign-in/start")
			if page.StatusCode == http.StatusSeeOther {
				w.Provider.SignInAs("mallory", map[string]any{"name": "Mallory", "auth_time": w.Clock.Now().Unix()})
				page = p.Get(p.Get(page.Location()).Location())
			}
			if page.StatusCode < 400 || p.Cookie("stint") != "" {
				t.Errorf("status %d, session cookie %q", page.StatusCode, p.Cookie("stint"))
			}
			if !toSignIn(p.Get("/my-roles")) {
				t.Error("a session was opened")
			}
			if !strings.Contains(w.Log.String(), `"code":"`+m.Want+`"`) {
				t.Errorf("the log does not say %s", m.Want)
			}
			if n := len(w.Events(pim.EvSignedIn)); n != 0 {
				t.Errorf("%d sign-ins were recorded", n)
			}
		})
	}
}

// T4, T5: an answer counts in the browser that asked, once, and not when it is altered.
func TestCallbackBelongsToItsBrowser(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Provider.SignInAs("alice", map[string]any{"name": "alice", "auth_time": w.Clock.Now().Unix()})
	answer := func(c *stinttest.Client) string { return c.Get(c.Get("/sign-in/start").Location()).Location() }

	victim, attacker := w.Client(), w.Client()
	forged := answer(attacker)
	if page := victim.Get(forged); page.StatusCode != http.StatusForbidden || victim.Cookie("stint") != "" {
		t.Errorf("another browser's answer: %d", page.StatusCode)
	}
	victim.Get("/sign-in/start") // the victim is signing in at the same time
	if page := victim.Get(forged); page.StatusCode != http.StatusForbidden || victim.Cookie("stint") != "" {
		t.Errorf("another browser's answer into a begun sign-in: %d", page.StatusCode)
	}

	mine := w.Client()
	address := answer(mine)
	u, err := url.Parse(address)
	w.OK(err)
	q := u.Query()
	q.Set("state", q.Get("state")+"x")
	u.RawQuery = q.Encode()
	mine.Get(u.String()).Want(t, http.StatusForbidden)
	mine.Get(address).Want(t, http.StatusForbidden) // the failed try used the begun sign-in up
	address = answer(mine)
	mine.Get(address).Want(t, http.StatusSeeOther)
	mine.Get(address).Want(t, http.StatusForbidden)
	mine.Get(answer(mine)+"&state=again").Want(t, http.StatusForbidden)
}

// T4: a provider that is down is said so, and Stint itself goes on.
func TestProviderDown(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Provider.Rogue.Handle = func(rw http.ResponseWriter, _ *http.Request) bool {
		rw.WriteHeader(http.StatusBadGateway)
		return true
	}
	page := w.Client().Get("/sign-in/start").Want(t, http.StatusServiceUnavailable)
	if !strings.Contains(page.Text("main"), "does not answer") || page.Find(`a[href="/sign-in"]`).Length() == 0 {
		t.Errorf("the page says %q", page.Text("main"))
	}
	w.Client().Get("/healthz").Want(t, http.StatusOK)
}

// P-11: who is disabled does not come in, and the refusal is an audit entry.
func TestDisabledPersonCannotSignIn(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	alice.SignIn()
	w.DisablePerson("alice")
	if !toSignIn(alice.Get("/my-roles")) {
		t.Error("the session of somebody disabled goes on")
	}
	page := alice.SignIn().Want(t, http.StatusForbidden)
	if !strings.Contains(page.Text("main"), "disabled") || len(w.Events(pim.EvSignInRefused)) != 1 {
		t.Errorf("the page says %q", page.Text("main"))
	}
}

// T6: wherever return_to points, the browser stays here.
func TestReturnTo(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	for raw, want := range map[string]string{
		"/my-requests?q=x":  "/my-requests?q=x",
		"":                  "/",
		"//evil.example":    "/",
		`/\evil.example`:    "/",
		"/%09/evil.example": "/",
		"https:evil":        "/",
		"https://evil":      "/",
		"/%2f%2fevil":       "/",
		"//user@evil":       "/",
		"javascript:alert":  "/",
		"/\tevil":           "/",
		"evil":              "/",
	} {
		page := alice.SignInAt("/sign-in/start?return_to=" + url.QueryEscape(raw))
		if page.Want(t, http.StatusSeeOther).Location() != want {
			t.Errorf("return_to %q led to %q, want %q", raw, page.Location(), want)
		}
		again := alice.Get("/sign-in?return_to=" + url.QueryEscape(raw)) // signed in already
		if again.Location() != want {
			t.Errorf("signed in, return_to %q led to %q, want %q", raw, again.Location(), want)
		}
	}
	if page := w.Client().Get("/approvals/x?y=1").Want(t, http.StatusSeeOther); page.Location() != "/sign-in?return_to=%2Fapprovals%2Fx%3Fy%3D1" {
		t.Errorf("an anonymous visit led to %q", page.Location())
	}
	api := w.Client()
	api.Header = map[string]string{"Accept": "application/json"}
	api.Get("/my-roles").Want(t, http.StatusUnauthorized)
}

// A person without any row signs in and holds nothing; an installation without administrator says how to begin.
func TestFirstRun(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	anybody := &stinttest.Person{World: w, Client: w.Client(), ID: "newcomer"}
	if page := anybody.Get("/sign-in"); page.Find(`a[href="/first-run"]`).Length() != 1 {
		t.Error("the sign-in page does not lead to the first run")
	}
	if page := anybody.Get("/first-run").Want(t, http.StatusOK); !strings.Contains(page.Text("main"), "stint admin link") {
		t.Errorf("the first run says %q", page.Text("main"))
	}
	secret, err := w.Broker.AdminLink(t.Context())
	w.OK(err)
	if page := anybody.Get("/admin-link/" + secret); !toSignIn(page) || strings.Contains(page.Location(), secret) {
		t.Errorf("the link of somebody not signed in led to %q", page.Location())
	}
	anybody.SignIn()
	ask := anybody.Get("/admin-link/"+secret).Want(t, http.StatusOK)
	if got := ask.Text("main"); !strings.Contains(got, "newcomer") || !strings.Contains(got, w.Provider.Issuer) {
		t.Errorf("the link's page says %q", got)
	}
	passkeys := anybody.Post("/admin-link/"+secret).Want(t, http.StatusOK)
	voucher := passkeys.Find("#voucher").AttrOr("value", "")
	if voucher == "" {
		t.Fatal("no voucher for the first passkey")
	}
	anybody.Post("/admin-link/"+secret).Want(t, http.StatusForbidden) // once
	anybody.Passkey = newPasskey(w)
	step := anybody.Post("/passkeys/new", "name", "Laptop", "voucher", voucher).Want(t, http.StatusSeeOther)
	anybody.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	anybody.Get("/people").Want(t, http.StatusNotFound) // eligible is not active

	roles := anybody.Get("/my-roles")
	assignment := strings.TrimPrefix(roles.Find(`tr[id^="e-"]`).AttrOr("id", ""), "e-")
	id := anybody.Activate(assignment)
	if got := anybody.Get("/activations/" + id).Text("#activation"); !strings.Contains(got, "held in Stint itself") {
		t.Errorf("the activation says %q", got)
	}
	if page := anybody.Get("/my-roles"); page.Find(`nav a[href="/people"]`).Length() != 1 {
		t.Error("an administrator is not led to the people")
	}
	anybody.Get("/first-run").Want(t, http.StatusSeeOther)
}
