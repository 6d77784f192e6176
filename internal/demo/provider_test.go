package demo

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const callback = "http://localhost:8080/auth/callback"

// fixedClock is a clock that tests move.
type fixedClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *fixedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fixedClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// idp is a provider on a real loopback port, and a client of it as Stint is one.
type idp struct {
	*Provider
	clock  *fixedClock
	base   string
	client *http.Client // follows no redirect
	oauth  oauth2.Config
	oidc   *oidc.Provider
}

// keyFile holds one key for all tests: making one costs more than everything else here.
var keyFile = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "stint-demo-key-")
	if err != nil {
		panic(err)
	}
	return filepath.Join(dir, "key.pem")
})

func TestMain(m *testing.M) {
	status := m.Run()
	_ = os.RemoveAll(filepath.Dir(keyFile()))
	os.Exit(status)
}

func providerConfig(t *testing.T, base string, now func() time.Time) ProviderConfig {
	t.Helper()
	people, err := NorthwindPeople()
	if err != nil {
		t.Fatal(err)
	}
	return ProviderConfig{
		BaseURL: base, ClientID: "stint", ClientSecret: "s3cret/+ %", RedirectURLs: []string{callback},
		PostLogoutRedirectURLs: []string{"http://localhost:8080/signed-out"}, People: people, Now: now, KeyFile: keyFile(),
	}
}

func startProvider(t *testing.T, change ...func(*ProviderConfig)) *idp {
	t.Helper()
	i := &idp{clock: &fixedClock{now: clock()}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { i.ServeHTTP(w, r) }))
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	i.base = "http://localhost:" + port
	cfg := providerConfig(t, i.base, i.clock.Now)
	for _, c := range change {
		c(&cfg)
	}
	if i.Provider, err = NewProvider(cfg); err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(server.Close)
	i.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(i.client.CloseIdleConnections)
	if i.oidc, err = oidc.NewProvider(oidc.ClientContext(t.Context(), i.client), i.base); err != nil {
		t.Fatal(err)
	}
	i.oauth = oauth2.Config{ClientID: cfg.ClientID, ClientSecret: cfg.ClientSecret, Endpoint: i.oidc.Endpoint(),
		RedirectURL: callback, Scopes: []string{"openid", "profile", "email"}}
	return i
}

// request is an authorization request as Stint sends it, with parameters replaced ("-" leaves one out).
func (i *idp) request(verifier string, replace ...string) string {
	u, _ := url.Parse(i.oauth.AuthCodeURL("the state", oidc.Nonce("the nonce"), oauth2.S256ChallengeOption(verifier)))
	q := u.Query()
	for n := 0; n+1 < len(replace); n += 2 {
		if replace[n+1] == "-" {
			q.Del(replace[n])
		} else {
			q.Set(replace[n], replace[n+1])
		}
	}
	return i.base + "/authorize?" + q.Encode()
}

func (i *idp) do(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := i.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func (i *idp) get(t *testing.T, address string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return i.do(t, r)
}

// post sends a form the way a browser sends one of the provider's own pages.
func (i *idp) post(t *testing.T, address string, form url.Values, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	return i.do(t, r)
}

// choose opens the page, presses the button of the person and returns what the client's callback gets.
func (i *idp) choose(t *testing.T, verifier, username string) url.Values {
	t.Helper()
	response, body := i.get(t, i.request(verifier))
	if response.StatusCode != http.StatusOK {
		t.Fatalf("page: %s\n%s", response.Status, body)
	}
	page, err := goquery.NewDocumentFromReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{}
	page.Find("form input[type=hidden]").Each(func(_ int, field *goquery.Selection) {
		form.Set(field.AttrOr("name", ""), field.AttrOr("value", ""))
	})
	form.Set("person", page.Find("#person-"+username).AttrOr("value", ""))
	response, body = i.post(t, i.base+page.Find("form").AttrOr("action", ""), form, "Sec-Fetch-Site", "same-origin")
	return callbackValues(t, response, body)
}

func callbackValues(t *testing.T, response *http.Response, body string) url.Values {
	t.Helper()
	to, err := response.Location()
	if err != nil || response.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to.String(), callback+"?") {
		t.Fatalf("no way back to the client: %s %v\n%s", response.Status, to, body)
	}
	return to.Query()
}

func TestProviderSignIn(t *testing.T) {
	t.Parallel()
	i := startProvider(t)
	verifier := oauth2.GenerateVerifier()
	back := i.choose(t, verifier, "alice")
	if back.Get("state") != "the state" || back.Get("iss") != i.base {
		t.Errorf("callback: %v", back)
	}
	ctx := oidc.ClientContext(t.Context(), i.client)
	token, err := i.oauth.Exchange(ctx, back.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	idToken, err := i.oidc.VerifierContext(ctx, &oidc.Config{ClientID: "stint", Now: i.clock.Now}).Verify(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := idToken.VerifyAccessToken(token.AccessToken); err != nil {
		t.Error(err)
	}
	var claims struct {
		Name     string   `json:"name"`
		Username string   `json:"preferred_username"`
		Email    string   `json:"email"`
		Verified bool     `json:"email_verified"`
		AMR      []string `json:"amr"`
		ACR      string   `json:"acr"`
		AuthTime int64    `json:"auth_time"`
	}
	if err := idToken.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if idToken.Nonce != "the nonce" || claims.Name != "Alice Keller" || claims.Username != "alice" || !claims.Verified ||
		claims.Email != "alice@northwind.example" || claims.AuthTime != clock().Unix() {
		t.Errorf("claims: %+v", claims)
	}
	if strings.Join(claims.AMR, " ") != "hwk user mfa" || claims.ACR != "phrh" { // T2: the first passkey rests on this claim
		t.Errorf("amr %q, acr %q", claims.AMR, claims.ACR)
	}
	info, err := i.oidc.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil || info.Subject != idToken.Subject || info.Email != claims.Email || strings.Contains(info.Subject, "alice") {
		t.Errorf("userinfo: %+v, %v", info, err)
	}
	i.clock.advance(tokenLife)
	if _, err := i.oidc.UserInfo(ctx, oauth2.StaticTokenSource(token)); err == nil {
		t.Error("an expired access token still answers")
	}
}

// Errors that may go back to the client do so by redirect, with state and iss; the others stay on the page.
func TestProviderAuthorizeRefusals(t *testing.T) {
	t.Parallel()
	i := startProvider(t)
	for _, c := range []struct {
		why     string
		replace []string
		want    string // the error sent back; empty when nothing may be sent
	}{
		{"other client", []string{"client_id", "other"}, ""},
		{"no client", []string{"client_id", "-"}, ""},
		{"no redirect_uri", []string{"redirect_uri", "-"}, ""},
		{"longer redirect_uri", []string{"redirect_uri", callback + "/x"}, ""},
		{"redirect_uri with a query", []string{"redirect_uri", callback + "?x=1"}, ""},
		{"redirect_uri in capitals", []string{"redirect_uri", "http://LOCALHOST:8080/auth/callback"}, ""},
		{"redirect_uri elsewhere", []string{"redirect_uri", "http://localhost:8081/auth/callback"}, ""},
		{"implicit flow", []string{"response_type", "id_token"}, "unsupported_response_type"},
		{"fragment", []string{"response_mode", "fragment"}, "invalid_request"},
		{"no PKCE", []string{"code_challenge", "-", "code_challenge_method", "-"}, "invalid_request"},
		{"plain PKCE", []string{"code_challenge_method", "plain"}, "invalid_request"},
		{"short challenge", []string{"code_challenge", "abc"}, "invalid_request"},
		{"no nonce", []string{"nonce", "-"}, "invalid_request"},
		{"no openid", []string{"scope", "profile"}, "invalid_scope"},
		{"silent", []string{"prompt", "none"}, "login_required"},
		{"request object", []string{"request", "x"}, "request_not_supported"},
		{"request object by address", []string{"request_uri", "http://localhost/x"}, "request_uri_not_supported"},
	} {
		response, body := i.get(t, i.request(oauth2.GenerateVerifier(), c.replace...))
		if c.want == "" {
			if response.StatusCode != http.StatusBadRequest || response.Header.Get("Location") != "" || !strings.Contains(body, "cannot go on") {
				t.Errorf("%s: %s to %q", c.why, response.Status, response.Header.Get("Location"))
			}
			continue
		}
		back := callbackValues(t, response, body)
		if back.Get("error") != c.want || back.Get("state") != "the state" || back.Get("iss") != i.base || back.Has("code") {
			t.Errorf("%s: %v, want %s", c.why, back, c.want)
		}
	}
	response, body := i.get(t, i.request(oauth2.GenerateVerifier())+"&nonce=second")
	if back := callbackValues(t, response, body); back.Get("error") != "invalid_request" {
		t.Errorf("a parameter twice: %v", back)
	}
	address, _ := url.Parse(i.request(oauth2.GenerateVerifier()))
	form := address.Query()
	form.Set("person", "eve")
	response, body = i.post(t, i.base+"/authorize", form)
	if back := callbackValues(t, response, body); back.Get("error") != "access_denied" {
		t.Errorf("unknown person: %v", back)
	}
	// A link alone signs nobody in: only the button's POST does.
	response, _ = i.get(t, address.String()+"&person="+url.QueryEscape(i.cfg.People[0].Subject))
	if response.StatusCode != http.StatusOK || response.Header.Get("Location") != "" {
		t.Errorf("GET with a person: %s", response.Status)
	}
	// Nor does another site's button.
	form.Set("person", i.cfg.People[0].Subject)
	response, body = i.post(t, i.base+"/authorize", form, "Sec-Fetch-Site", "cross-site")
	if response.StatusCode != http.StatusForbidden || !strings.Contains(body, "another page") {
		t.Errorf("cross-site POST: %s", response.Status)
	}
}

func TestProviderTokenRefusals(t *testing.T) {
	t.Parallel()
	i := startProvider(t)
	verifier := oauth2.GenerateVerifier()
	exchange := func(replace ...string) (int, string) {
		form := url.Values{"grant_type": {"authorization_code"}, "redirect_uri": {callback}, "code_verifier": {verifier},
			"client_id": {"stint"}, "client_secret": {i.cfg.ClientSecret}}
		for n := 0; n+1 < len(replace); n += 2 {
			form.Set(replace[n], replace[n+1])
		}
		if form.Get("code") == "" {
			form.Set("code", i.choose(t, verifier, "bob").Get("code"))
		}
		response, body := i.post(t, i.base+"/token", form)
		var answer struct{ Error string }
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatalf("%v\n%s", err, body)
		}
		return response.StatusCode, answer.Error
	}
	for _, c := range []struct {
		why     string
		replace []string
		status  int
		want    string
	}{
		{"right", nil, http.StatusOK, ""},
		{"wrong secret", []string{"client_secret", "guess"}, http.StatusUnauthorized, "invalid_client"},
		{"wrong client", []string{"client_id", "other"}, http.StatusUnauthorized, "invalid_client"},
		{"wrong verifier", []string{"code_verifier", oauth2.GenerateVerifier()}, http.StatusBadRequest, "invalid_grant"},
		{"no verifier", []string{"code_verifier", ""}, http.StatusBadRequest, "invalid_grant"},
		{"other redirect_uri", []string{"redirect_uri", callback + "/x"}, http.StatusBadRequest, "invalid_grant"},
		{"unknown code", []string{"code", "guess"}, http.StatusBadRequest, "invalid_grant"},
		{"other grant", []string{"grant_type", "password"}, http.StatusBadRequest, "unsupported_grant_type"},
	} {
		if status, got := exchange(c.replace...); status != c.status || got != c.want {
			t.Errorf("%s: %d %s, want %d %s", c.why, status, got, c.status, c.want)
		}
	}
	// A failed attempt uses the code up, and a code lives one minute.
	code := i.choose(t, verifier, "bob").Get("code")
	_, _ = exchange("code", code, "code_verifier", "wrong")
	if _, got := exchange("code", code); got != "invalid_grant" {
		t.Errorf("second try after a wrong verifier: %q", got)
	}
	code = i.choose(t, verifier, "bob").Get("code")
	i.clock.advance(codeLife)
	if _, got := exchange("code", code); got != "invalid_grant" {
		t.Errorf("after a minute: %q", got)
	}
}

// A replayed code is refused and takes the access token of its first use with it (RFC 6749 4.1.2).
func TestProviderReplayedCode(t *testing.T) {
	t.Parallel()
	i := startProvider(t)
	ctx := oidc.ClientContext(t.Context(), i.client)
	verifier := oauth2.GenerateVerifier()
	code := i.choose(t, verifier, "carol").Get("code")
	token, err := i.oauth.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.oauth.Exchange(ctx, code, oauth2.VerifierOption(verifier)); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("replay: %v", err)
	}
	if _, err := i.oidc.UserInfo(ctx, oauth2.StaticTokenSource(token)); err == nil {
		t.Error("the first use's access token still answers")
	}
}

func TestProviderPublicClient(t *testing.T) {
	t.Parallel()
	i := startProvider(t, func(c *ProviderConfig) { c.ClientSecret = "" })
	verifier := oauth2.GenerateVerifier()
	if _, err := i.oauth.Exchange(oidc.ClientContext(t.Context(), i.client), i.choose(t, verifier, "liam").Get("code"), oauth2.VerifierOption(verifier)); err != nil {
		t.Error(err)
	}
}
