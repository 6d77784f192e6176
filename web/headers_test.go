package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	stinttest "stint/internal/stinttest/harness"
	"stint/static"
	"stint/web"
)

// secureConfig is the World's server as it is behind https.
func secureConfig(w *stinttest.World) web.Config {
	c := w.Config
	c.PublicURL, c.Secure = "https://stint.example.org", true
	return c
}

func ask(s *web.Server, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	s.Handler().ServeHTTP(rec, r)
	return rec
}

var nonceIn = regexp.MustCompile(`script-src 'nonce-([A-Z2-7]{26})'`)

// lint checks the headers every answer carries (DESIGN §6, THREATS T8).
func lint(t *testing.T, where string, h http.Header, secure bool) (nonce string) {
	t.Helper()
	want := map[string]string{
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "same-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-store",
	}
	if secure {
		want["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
	}
	for name, value := range want {
		if h.Get(name) != value {
			t.Errorf("%s: %s is %q, want %q", where, name, h.Get(name), value)
		}
	}
	if h.Get("Permissions-Policy") == "" || h.Get("X-Request-Id") == "" {
		t.Errorf("%s: no Permissions-Policy or request id", where)
	}
	csp := h.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types htmx"} {
		if !strings.Contains(csp, part) {
			t.Errorf("%s: the policy lacks %q", where, part)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("%s: the policy says unsafe", where)
	}
	m := nonceIn.FindStringSubmatch(csp)
	if m == nil {
		t.Fatalf("%s: no nonce in %q", where, csp)
	}
	return m[1]
}

// T8: the headers are on 100 % of routes, whoever asks, on errors and fragments too; the nonce is fresh
// and is the page's own.
func TestHeaderLint(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Person("root")
	w.Administrator("root")
	root := w.Person("grace")
	w.Administrator("grace")
	root.SignIn()
	secure, err := web.New(secureConfig(w))
	w.OK(err)
	seen := map[string]bool{}
	fresh := func(where, nonce string) {
		if seen[nonce] {
			t.Errorf("%s: the nonce was used before", where)
		}
		seen[nonce] = true
	}
	for _, r := range append(web.Routes(), web.RouteInfo{Method: "GET", Path: "/no/such/page"}, web.RouteInfo{Method: "DELETE", Path: "/my-roles"}) {
		where := r.Method + " " + r.Path
		rec := ask(secure, r.Method, fill(r.Path), "Accept", "text/html", "Sec-Fetch-Site", "same-origin")
		fresh(where, lint(t, where+" anonymous", rec.Header(), true))
		var page *stinttest.Page
		if r.Method == "GET" {
			page = look(root.Client, fill(r.Path))
		} else if r.Path == "/sign-out" {
			continue
		} else {
			page = root.Do(r.Method, fill(r.Path), stinttest.Form(), "Origin", w.URL)
		}
		nonce := lint(t, where, page.Header, false)
		fresh(where, nonce)
		page.Find("script[nonce]").Each(func(_ int, s *goquerySelection) {
			if s.AttrOr("nonce", "") != nonce {
				t.Errorf("%s: a script carries another nonce", where)
			}
		})
		if page.Find("script:not([src]), style, [onclick], [style]").Length() > 0 {
			t.Errorf("%s: inline script or style", where)
		}
	}
}

// T8, 3.2.1: a fragment opened by itself is as protected as a page.
func TestFragments(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	alice.SignIn()
	page := alice.Fragment("/shell").Want(t, http.StatusOK)
	lint(t, "fragment", page.Header, false)
	if page.Find("#top").Length() != 1 || page.Find("#nav-mine").Length() != 1 || strings.Contains(page.Body, "<html") {
		t.Errorf("not what surrounds a page: %.200s", page.Body)
	}
	gone := w.Client().Fragment("/my-roles").Want(t, http.StatusUnauthorized)
	if got := gone.Header.Get("HX-Redirect"); got != "/sign-in?return_to=%2F" {
		t.Errorf("HX-Redirect %q", got)
	}
}

// Static files are the only thing that may be kept.
func TestStaticFiles(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	page := w.Client().Get(static.URL("stint.css")).Want(t, http.StatusOK)
	if !strings.Contains(page.Header.Get("Cache-Control"), "immutable") || page.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", page.Header)
	}
}

// Only GET, HEAD and POST exist, and each path takes its own.
func TestMethods(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"DELETE", "/my-roles", 405}, {"PUT", "/profile", 405}, {"TRACE", "/", 405}, {"OPTIONS", "/my-roles", 405}, {"BREW", "/", 405}, {"PATCH", "/no/such", 405},
		{"POST", "/my-roles", 405}, {"GET", "/sign-out", 405}, {"POST", "/static/stint.css", 405}, {"HEAD", "/sign-in", 200}, {"HEAD", "/healthz", 200},
		{"GET", "/my-roles/", 404}, {"GET", "//my-roles", 404}, {"GET", "/static/", 404}, {"GET", "/static/../web.go", 404},
	} {
		page := w.Client().Do(c.method, c.path, nil, "Sec-Fetch-Site", "same-origin")
		if page.StatusCode != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, page.StatusCode, c.status)
		}
		if c.status == 405 && page.Header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", c.method, c.path)
		}
	}
}

// T35: a header never names a person, and the client's address comes from a trusted proxy alone.
func TestProxyHeaders(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	alice.SignIn()
	for _, name := range []string{"X-Forwarded-User", "X_Forwarded_User", "X-Forwarded-Email", "Remote-User", "REMOTE_USER", "X-Remote-User", "X-Auth-Request-User", "X-Webauth-User",
		"X-Original-User", "Authorization", "X-Forwarded-Preferred-Username", "X-SSL-Client-S-DN"} {
		if page := w.Client().Do("GET", "/my-roles", nil, name, "alice"); !toSignIn(page) {
			t.Errorf("%s opened a page: %d", name, page.StatusCode)
		}
	}
	for _, name := range []string{"X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Cluster-Client-IP", "X-Forwarded", "Forwarded-For", "X-Forwarded-Host", "Via", "X-ProxyUser-Ip"} {
		alice.Do("GET", "/profile", nil, name, "203.0.113.9")
	}
	if strings.Contains(w.Log.String(), "203.0.113.9") {
		t.Error("an address was believed from somebody who is no trusted proxy")
	}

	c := w.Config
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // httptest's client address is 192.0.2.1
	var log strings.Builder
	c.Log = jsonLog(&log)
	proxied, err := web.New(c)
	w.OK(err)
	ask(proxied, "GET", "/sign-in", "X-Forwarded-For", "198.51.100.66, 203.0.113.9, 192.0.2.7")
	if !strings.Contains(log.String(), `"client":"203.0.113.9"`) {
		t.Errorf("behind a trusted proxy the log says %s", log.String())
	}
}

// The access log is one JSON line a request, without queries, forms and secret paths (T29).
func TestAccessLog(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	alice.SignIn()
	alice.Get("/admin-link/topsecretlink")
	alice.Get("/Admin-Link/topsecretlink/x")
	alice.Get("/my-roles?q=topsecretquery")
	alice.Post("/passkeys/new", "name", "Laptop", "voucher", "topsecretvoucher")
	alice.Get("/x%0a%7b%22level%22:%22ERROR%22%7d")
	for line := range strings.Lines(w.Log.String()) {
		if !strings.HasPrefix(line, `{"time":`) {
			t.Errorf("not a JSON line of its own: %q", line)
		}
	}
	for _, secret := range []string{"topsecret", "code=", "state="} {
		if strings.Contains(w.Log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if !strings.Contains(w.Log.String(), `"principal":"alice"`) {
		t.Error("the log does not say who asked")
	}
}

// Alive is not ready: readiness asks the database and the clock (T18).
func TestHealth(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	c := w.Client()
	c.Get("/healthz").Want(t, http.StatusOK)
	c.Get("/readyz").Want(t, http.StatusOK)
	w.Clock.Step(-1e12) // the wall clock goes back by a quarter of an hour
	c.Get("/healthz").Want(t, http.StatusOK)
	if page := c.Get("/readyz").Want(t, http.StatusServiceUnavailable); page.Body != "granting is paused\n" {
		t.Errorf("anybody is told %q", page.Body)
	}
}

// What breaks is a page with a number, says nothing of the inside, and stands in the log under that number.
func TestServerErrors(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Web.Break()
	for _, path := range []string{"/broken", "/panics"} {
		page := w.Client().Get(path).Want(t, http.StatusInternalServerError)
		id := page.Text("main footer code")
		if id == "" || id != page.Header.Get("X-Request-Id") || strings.Contains(page.Body, "secret") {
			t.Errorf("%s: %s", path, page.Text("main"))
		}
		lint(t, path, page.Header, false)
		if !strings.Contains(w.Log.String(), `"id":"`+id+`","path":"`+path+`","error":"`) {
			t.Errorf("%s: the log does not tell", path)
		}
	}
	w.Client().Get("/healthz").Want(t, http.StatusOK)
	alice := w.Person("alice")
	alice.SignIn()
	if alice.Get("/broken").Find(`main a.primary[href="/broken"]`).Length() != 1 {
		t.Error("a page that broke does not offer to try again")
	}
}

// With the database gone the process still answers, and says that it is not ready.
func TestStoreGone(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.OK(w.Store.Close())
	w.Client().Get("/healthz").Want(t, http.StatusOK)
	w.Client().Get("/readyz").Want(t, http.StatusServiceUnavailable)
	w.Client().Get("/sign-in").Want(t, http.StatusInternalServerError)
}
