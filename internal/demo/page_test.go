package demo

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/oauth2"
)

// Only this machine, asked for by one of its own names (DNS rebinding).
func TestProviderAnswersOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	i := startProvider(t)
	for _, c := range []struct {
		host, peer string
		want       int
	}{
		{"localhost:8081", "127.0.0.1:5000", http.StatusOK},
		{"LOCALHOST", "[::1]:5000", http.StatusOK},
		{"127.0.0.1:8081", "127.0.0.9:5000", http.StatusOK},
		{"[::1]:8081", "[::ffff:127.0.0.1]:5000", http.StatusOK},
		{"demo.example:8081", "127.0.0.1:5000", http.StatusForbidden},
		{"localhost.evil.example", "127.0.0.1:5000", http.StatusForbidden},
		{"127.0.0.1.nip.io", "127.0.0.1:5000", http.StatusForbidden},
		{"0.0.0.0:8081", "127.0.0.1:5000", http.StatusForbidden},
		{"", "127.0.0.1:5000", http.StatusForbidden},
		{"localhost:8081", "192.0.2.7:5000", http.StatusForbidden},
		{"localhost:8081", "@", http.StatusForbidden},
	} {
		for _, path := range []string{"/", "/.well-known/openid-configuration"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			r.Host, r.RemoteAddr = c.host, c.peer
			w := httptest.NewRecorder()
			i.ServeHTTP(w, r)
			if w.Code != c.want {
				t.Errorf("%s as %q from %s: %d, want %d", path, c.host, c.peer, w.Code, c.want)
			}
		}
	}
}

// Every page says what it is, loads nothing from elsewhere and may be framed by nobody.
func TestProviderPages(t *testing.T) {
	t.Parallel()
	i := startProvider(t)
	for path, status := range map[string]int{
		"/": http.StatusOK, "/nowhere": http.StatusNotFound, "/end_session": http.StatusOK, "/authorize": http.StatusBadRequest,
		i.request(oauth2.GenerateVerifier())[len(i.base):]: http.StatusOK,
	} {
		response, body := i.get(t, i.base+path)
		page, err := goquery.NewDocumentFromReader(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != status || !strings.Contains(page.Find(".banner").Text(), "Never expose it") {
			t.Errorf("%s: %s, banner %q", path, response.Status, page.Find(".banner").Text())
		}
		if page.Find("h1").Length() != 1 || page.Find("script, [style], style").Length() != 0 {
			t.Errorf("%s: needs one heading and no inline style or script", path)
		}
		policy := response.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self' http://localhost:8080"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: policy %q lacks %s", path, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") || response.Header.Get("Cache-Control") != "no-store" || response.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", path, response.Header)
		}
	}
	for path, kind := range map[string]string{"/demo.css": "text/css; charset=utf-8", "/icon.svg": "image/svg+xml"} {
		if response, body := i.get(t, i.base+path); response.Header.Get("Content-Type") != kind || body == "" {
			t.Errorf("%s: %v", path, response.Header)
		}
	}
}

// T24: names and parameters are text, whatever they hold.
func TestProviderPageEscapes(t *testing.T) {
	t.Parallel()
	const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	i := startProvider(t, func(c *ProviderConfig) {
		c.People[0].Name, c.People[0].Title, c.People[0].Hint, c.People[0].Department = hostile, hostile, hostile, hostile
	})
	_, body := i.get(t, i.request(oauth2.GenerateVerifier(), "state", hostile, "nonce", hostile))
	page, err := goquery.NewDocumentFromReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if page.Find("script, img").Length() != 0 || page.Find("button").Length() != 12 {
		t.Errorf("markup came through:\n%s", body)
	}
	if got := page.Find("input[name=state]").AttrOr("value", ""); got != hostile {
		t.Errorf("state became %q", got)
	}
	if got := page.Find(".who b").First().Text(); got != hostile {
		t.Errorf("name became %q", got)
	}
}

func TestProviderSignOut(t *testing.T) {
	t.Parallel()
	i := startProvider(t)
	response, _ := i.get(t, i.base+"/end_session?state=s&post_logout_redirect_uri="+url.QueryEscape("http://localhost:8080/signed-out"))
	if got := response.Header.Get("Location"); got != "http://localhost:8080/signed-out?state=s" {
		t.Errorf("back to %q", got)
	}
	response, body := i.get(t, i.base+"/end_session?post_logout_redirect_uri="+url.QueryEscape("http://localhost:8080/elsewhere"))
	if response.Header.Get("Location") != "" || !strings.Contains(body, "You are signed out") {
		t.Errorf("an address that is not registered: %s to %q", response.Status, response.Header.Get("Location"))
	}
}

func TestProviderKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key.pem")
	id := func(file string) string {
		cfg := providerConfig(t, "http://localhost:8081", clock)
		cfg.KeyFile = file
		p, err := NewProvider(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return p.key.KeyID
	}
	if first := id(file); first != id(file) || first == id("") {
		t.Error("the key must stay with its file, and be new without one")
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v %v", info, err)
	}
	cfg := providerConfig(t, "http://localhost:8081", clock)
	cfg.KeyFile = file
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := NewProvider(cfg); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key others can read: %v", err)
	}
	if err := os.WriteFile(file, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewProvider(cfg); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("a damaged key: %v", err)
	}
	// The published key is the public half only.
	i := startProvider(t)
	if _, body := i.get(t, i.base+"/jwks"); !strings.Contains(body, `"n":`) || strings.Contains(body, `"d":`) || strings.Contains(body, `"p":`) {
		t.Errorf("jwks: %s", body)
	}
}

func TestProviderConfigRefused(t *testing.T) {
	t.Parallel()
	for why, change := range map[string]func(*ProviderConfig){
		"network name":         func(c *ProviderConfig) { c.BaseURL = "http://demo.example:8081" },
		"any address":          func(c *ProviderConfig) { c.BaseURL = "http://0.0.0.0:8081" },
		"path":                 func(c *ProviderConfig) { c.BaseURL = "http://localhost:8081/" },
		"https":                func(c *ProviderConfig) { c.BaseURL = "https://localhost:8081" },
		"redirect elsewhere":   func(c *ProviderConfig) { c.RedirectURLs = []string{"http://portal.example/callback"} },
		"redirect with query":  func(c *ProviderConfig) { c.RedirectURLs = []string{callback + "?x=1"} },
		"no redirect":          func(c *ProviderConfig) { c.RedirectURLs = nil },
		"sign-out elsewhere":   func(c *ProviderConfig) { c.PostLogoutRedirectURLs = []string{"http://portal.example/"} },
		"nobody":               func(c *ProviderConfig) { c.People = nil },
		"one subject twice":    func(c *ProviderConfig) { c.People[1].Subject = c.People[0].Subject },
		"one username twice":   func(c *ProviderConfig) { c.People[1].Username = c.People[0].Username },
		"no clock":             func(c *ProviderConfig) { c.Now = nil },
		"no client":            func(c *ProviderConfig) { c.ClientID = "" },
		"user in the base URL": func(c *ProviderConfig) { c.BaseURL = "http://localhost@evil.example" },
	} {
		cfg := providerConfig(t, "http://localhost:8081", clock)
		change(&cfg)
		if _, err := NewProvider(cfg); err == nil {
			t.Errorf("%s: accepted", why)
		} else if strings.Contains(err.Error(), cfg.ClientSecret) {
			t.Errorf("%s: the error holds the secret", why)
		}
	}
}
