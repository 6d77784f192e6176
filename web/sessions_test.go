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

// firefox and iphone are what two browsers call themselves.
const (
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	iphone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)

// elsewhere is the same person in another browser.
func elsewhere(p *stinttest.Person, agent string) *stinttest.Person {
	other := &stinttest.Person{World: p.World, Client: p.World.Client(), ID: p.ID, Passkey: p.Passkey}
	other.Header = map[string]string{"User-Agent": agent}
	return other
}

func sessionsOf(w *stinttest.World, id string) []store.SessionRow {
	return stinttest.Read(w, func(r *store.Reader) ([]store.SessionRow, error) { return r.SessionsOf(id, time.Hour) })
}

// T1: people see where they are signed in, and end what is not theirs: the old cookie opens nothing any more.
func TestOwnSessions(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, bob := w.Person("alice"), w.Person("bob")
	alice.Header = map[string]string{"User-Agent": firefox}
	phone := elsewhere(alice, iphone)
	third := elsewhere(alice, "<script>alert(1)</script>\u202e"+strings.Repeat("x", 300))
	for _, p := range []*stinttest.Person{alice, bob, phone, third} {
		p.SignIn().Want(t, http.StatusSeeOther)
	}
	page := alice.Get("/sessions").Want(t, http.StatusOK)
	rows := page.Find("main .lines li")
	if rows.Length() != 3 || !strings.Contains(rows.First().Text(), "Firefox on Linux") || !strings.Contains(rows.First().Text(), "This session") || !strings.Contains(rows.First().Text(), "127.0.0.1") {
		t.Fatalf("the page shows %q", page.Text("main"))
	}
	if !strings.Contains(page.Body, "Safari on an iPhone") || strings.Contains(page.Body, "<script>alert") || strings.Contains(page.Body, strings.Repeat("x", 80)) {
		t.Errorf("the other browsers: %q", page.Text("main"))
	}
	for _, s := range sessionsOf(w, "alice") {
		if strings.Contains(page.Body, s.ID) {
			t.Error("the page holds what the table knows a session by")
		}
	}
	for _, secret := range []string{alice.Cookie("stint"), phone.Cookie("stint")} {
		if strings.Contains(page.Body, secret) {
			t.Error("the page holds a cookie's secret")
		}
	}

	// What names a session opens nothing, is nobody else's to end, and is not the one the reader is in.
	handle := ""
	for _, s := range sessionsOf(w, "alice") {
		thief := w.Client()
		thief.SetCookie("stint", s.Handle)
		if !toSignIn(thief.Get("/my-roles")) {
			t.Error("a handle opens a session")
		}
		bob.Post("/sessions/"+s.Handle+"/end").Want(t, http.StatusNotFound)
		if s.Browser == "Safari on an iPhone" {
			handle = s.Handle
		}
		if s.Browser == "Firefox on Linux" {
			alice.Post("/sessions/"+s.Handle+"/end").Want(t, http.StatusConflict)
		}
		alice.Post("/sessions/"+s.ID+"/end").Want(t, http.StatusNotFound)
	}
	stream := listen(t, phone, "/events")
	end := alice.Post("/sessions/"+handle+"/end").Want(t, http.StatusSeeOther)
	if page := alice.Get(end.Location()); !strings.Contains(page.Text("[role=status]"), "Session ended.") {
		t.Errorf("it says %q", page.Text("[role=status]"))
	}
	endsSoon(t, stream)
	if !toSignIn(phone.Get("/my-roles")) {
		t.Error("the ended session goes on")
	}
	alice.Post("/sessions/end").Want(t, http.StatusSeeOther)
	if !toSignIn(third.Get("/my-roles")) || len(sessionsOf(w, "alice")) != 1 {
		t.Error("another session goes on")
	}
	alice.Get("/my-roles").Want(t, http.StatusOK)
	bob.Get("/my-roles").Want(t, http.StatusOK)
	if events := w.Events(pim.EvSessionRevoked); len(events) != 2 || events[0].Actor != "alice" {
		t.Errorf("%d events, %+v", len(events), events)
	}
}

// endsSoon waits until a stream says that its session is over, and ends.
func endsSoon(t *testing.T, l *listener) {
	t.Helper()
	for got := l.next(); got != "session-ended"; got = l.next() {
		if got != "news" && got != "beat" {
			t.Fatalf("told %q", got)
		}
	}
	l.want("")
}

// T1: a sign-in from a browser that never signed the person in is told; their first, and the next in the same, are not.
func TestSignInFromANewBrowserIsTold(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, bob := w.Person("alice"), w.Person("bob")
	notices := func(id string) (n int) {
		for _, x := range stinttest.Read(w, func(r *store.Reader) ([]store.Notice, error) { return r.Notices(id, store.Keyset{}, 50) }) {
			if strings.HasPrefix(x.Text, "You signed in from a browser not seen before: ") && x.Link == "/sessions" {
				n++
			}
		}
		return n
	}
	alice.SignIn()
	alice.SignIn()
	if n := notices("alice"); n != 0 {
		t.Errorf("%d notices after the first browser", n)
	}
	phone := elsewhere(alice, iphone)
	phone.SignIn()
	phone.SignIn()
	if n := notices("alice"); n != 1 {
		t.Errorf("%d notices after another browser", n)
	}
	bob.SignIn()
	shared := elsewhere(bob, firefox)
	shared.Client = alice.Client // somebody else in a browser that knows alice
	shared.SignIn()
	if n := notices("bob"); n != 1 {
		t.Errorf("bob has %d notices", n)
	}
	alice.SignIn() // back in her own, which knows both now
	if n := notices("alice"); n != 1 {
		t.Errorf("%d notices after the shared browser", n)
	}
	forged := elsewhere(alice, firefox)
	forged.SetCookie("stint-known", "alice")
	forged.SignIn()
	if n := notices("alice"); n != 2 {
		t.Errorf("a forged cookie: %d notices", n)
	}
}

// The person page: an administrator sees each session, an auditor how many and no address.
func TestSessionsOnThePersonPage(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, root, audit := w.Person("alice"), w.Person("root"), w.Person("audit")
	w.Administrator("root")
	w.Auditor("audit")
	for _, p := range []*stinttest.Person{alice, root, audit} {
		p.SignIn()
	}
	elsewhere(alice, iphone).SignIn()
	if page := root.Get("/people/alice/access").Want(t, http.StatusOK); !strings.Contains(page.Body, "Safari on an iPhone") || !strings.Contains(page.Body, "127.0.0.1, ") {
		t.Errorf("the administrator sees %q", page.Text("main"))
	}
	if page := audit.Get("/people/alice/access").Want(t, http.StatusOK); !strings.Contains(page.Text("main"), "2 open sessions") || strings.Contains(page.Body, "127.0.0.1, ") || strings.Contains(page.Body, "iPhone") {
		t.Errorf("the auditor sees %q", page.Text("main"))
	}
}

// T1: whatever ends a session, its cookie is worth nothing on any route; a copy of it before reads, and gets no further
// than the passkey, for role settings of others as for its own roles.
func TestDeadCookieOpensNothing(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*stinttest.World, *stinttest.Person, *stinttest.Person){
		"signed out": func(_ *stinttest.World, alice, _ *stinttest.Person) { alice.Post("/sign-out") },
		"disabled":   func(w *stinttest.World, _, _ *stinttest.Person) { w.DisablePerson("alice") },
		"ended elsewhere": func(_ *stinttest.World, _, elsewhere *stinttest.Person) {
			elsewhere.Post("/sessions/end")
		},
		"back-channel logout": func(w *stinttest.World, _, _ *stinttest.Person) {
			postLogout(w, w.Provider.LogoutToken(w.Provider.Logout("alice", ""), "logout+jwt"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := stinttest.New(t)
			alice := w.Person("alice")
			w.Administrator("alice")
			w.Administrator(w.Person("second").Ready().ID)
			w.Person("victim")
			alice.Ready()
			other := elsewhere(alice, iphone)
			other.SignIn()
			thief := w.Client()
			thief.SetCookie("stint", alice.Cookie("stint"))
			thief.Get("/people/victim").Want(t, http.StatusOK)
			step := thief.Post("/people/victim/disable").Want(t, http.StatusSeeOther)
			if !strings.HasPrefix(step.Location(), "/step-up/") {
				t.Fatalf("disabling somebody led to %s", step.Location())
			}
			end(w, alice, other)
			before := w.Store.Head().Size
			for _, r := range web.Routes() {
				if r.Who == "anonymous" {
					continue
				}
				page := thief.Do(r.Method, fill(r.Path), nil, "Origin", w.URL, "Sec-Fetch-Site", "same-origin")
				if !toSignIn(page) {
					t.Errorf("%s %s: %d", r.Method, r.Path, page.StatusCode)
				}
			}
			thief.Post(step.Location(), "response", "{}")
			if w.Store.Head().Size != before {
				t.Error("a dead session left something in the log")
			}
		})
	}
}

// P-11, T1, T32: disabling a person ends all they have open within 5 s, before anything else is asked of Stint.
func TestDisablingEndsEverything(t *testing.T) {
	t.Parallel()
	w := newRefreshing(t)
	alice, root := w.Person("alice"), w.Person("root")
	w.Administrator("root")
	w.Role("operator", stinttest.Rules{NoPasskey: true})
	w.Role("dba", stinttest.Rules{NoPasskey: true, Approvers: []string{"root"}})
	w.Role("keyed", stinttest.Rules{})
	operator, dba, keyed := w.Eligible("alice", "operator", time.Time{}), w.Eligible("alice", "dba", time.Time{}), w.Eligible("alice", "keyed", time.Time{})
	root.Ready()
	alice.Ready()
	other := elsewhere(alice, iphone)
	other.SignIn()
	active, waiting := alice.Activate(operator), alice.Activate(dba)
	w.Tick()
	alice.Ask(keyed).Want(t, http.StatusSeeOther) // a ceremony that waits
	mine, theirs := listen(t, alice, "/events"), listen(t, other, "/events/activations/"+active)
	before := sessionsOf(w, "alice")
	count := func() (n int) {
		for _, s := range before {
			n += len(stinttest.Read(w, func(r *store.Reader) ([]store.Ceremony, error) { return r.CeremoniesOf(s.ID) }))
		}
		return n
	}
	if ceremonies := count(); ceremonies == 0 || len(before) != 2 || before[0].Refresh == "" || before[1].Refresh == "" {
		t.Fatalf("%d ceremonies wait, sessions %+v", ceremonies, before)
	}
	start := time.Now()
	root.Confirm(root.Post("/people/alice/disable").Want(t, http.StatusSeeOther).Location()).Want(t, http.StatusSeeOther)
	endsSoon(t, mine)
	endsSoon(t, theirs)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the streams ended after %s", took)
	}
	w.Tick()
	for _, p := range []*stinttest.Person{alice, other} {
		if !toSignIn(p.Get("/my-roles")) {
			t.Error("a session goes on")
		}
	}
	if n := len(sessionsOf(w, "alice")); n != 0 {
		t.Errorf("%d sessions, and their refresh tokens, are left", n)
	}
	if a := w.Activation(active); a.State.Open() {
		t.Errorf("the active role is %s", a.State)
	}
	if a := w.Activation(waiting); a.State.Open() {
		t.Errorf("the waiting request is %s", a.State)
	}
	if count() != 0 {
		t.Error("a ceremony waits")
	}
}

// T1: neither a cookie's secret nor a refresh token is in the database or the log.
func TestSecretsOfSessionsAreNotStored(t *testing.T) {
	t.Parallel()
	w := newRefreshing(t)
	alice := w.Person("alice")
	alice.SignIn()
	secrets := append(w.Provider.RefreshTokens(), alice.Cookie("stint"))
	w.Clock.Advance(16 * time.Minute)
	alice.Get("/my-roles").Want(t, http.StatusOK)
	secrets = append(secrets, w.Provider.RefreshTokens()...)
	if len(secrets) != 3 {
		t.Fatalf("%d secrets", len(secrets))
	}
	for _, file := range []string{w.Path, w.Path + "-wal"} {
		content, err := os.ReadFile(file)
		w.OK(err)
		for _, secret := range secrets {
			if strings.Contains(string(content), secret) {
				t.Errorf("%s holds a secret", file)
			}
		}
	}
	for _, secret := range secrets {
		if strings.Contains(w.Log.String(), secret) {
			t.Error("the log holds a secret")
		}
	}
}
