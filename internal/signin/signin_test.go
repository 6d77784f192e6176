package signin_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"stint/internal/signin"
	"stint/internal/stinttest/oidc"
)

const callback = "http://localhost:8443/sign-in/callback"

// config is a client of p as an administrator would write it; change edits it.
func config(p *oidc.Provider, change func(*signin.Config)) signin.Config {
	cfg := signin.Config{
		Issuer:       p.Issuer,
		ClientID:     p.ClientID,
		ClientSecret: func() (string, error) { return p.ClientSecret, nil },
		RedirectURL:  callback,
		Scopes:       []string{"profile", "email", "groups"},
		EnrolClaim:   "amr",
		EnrolValues:  []string{"phr", "fido"},
		GroupsClaim:  "groups",
		MaxAge:       time.Hour,
		Now:          p.Now,
	}
	if change != nil {
		change(&cfg)
	}
	return cfg
}

func newClient(t *testing.T, p *oidc.Provider, change func(*signin.Config)) *signin.Client {
	t.Helper()
	c, err := signin.New(config(p, change))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// visit does what the browser does with Begin's address, and returns the callback's query.
func visit(t *testing.T, address string) url.Values {
	t.Helper()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatalf("the provider answered %s without a redirect", resp.Status)
	}
	if !strings.HasPrefix(back.String(), callback+"?") {
		t.Fatalf("sent to %s, want the callback", back)
	}
	return back.Query()
}

// signIn walks a whole sign-in.
func signIn(t *testing.T, c *signin.Client) (signin.Identity, error) {
	t.Helper()
	address, state, err := c.Begin(t.Context(), "/my-roles")
	if err != nil {
		return signin.Identity{}, err
	}
	return c.Finish(t.Context(), state, visit(t, address))
}

// wantRefusal fails unless err is a Refusal with this code that a person can read.
func wantRefusal(t *testing.T, err error, code signin.Code) {
	t.Helper()
	var r signin.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want a refusal %s", err, code)
	}
	if r.Code != code {
		t.Fatalf("refused with %v, want code %s", r, code)
	}
	if !strings.HasSuffix(r.Message, ".") || strings.Contains(r.Message, "_") {
		t.Errorf("message %q is not a plain sentence", r.Message)
	}
}

func TestSignIn(t *testing.T) {
	p := oidc.Start(t)
	authAt := p.Now().Add(-30 * time.Minute).UTC().Truncate(time.Second)
	p.SignInAs("u-17", map[string]any{
		"name": "Ada Lovelace", "email": "ada@example.org", "email_verified": true, "preferred_username": "ada",
		"groups": []string{"dba", "on-call"}, "employee_number": 9007199254740993, "acr": "urn:example:strong",
		"amr": []string{"pwd", "fido"}, "auth_time": authAt.Unix(),
	})
	id, err := signIn(t, newClient(t, p, nil))
	if err != nil {
		t.Fatal(err)
	}
	if id.Issuer != p.Issuer || id.Subject != "u-17" || id.Name != "Ada Lovelace" || id.PreferredUsername != "ada" {
		t.Errorf("who: %#v", id.Claims)
	}
	if id.Email != "ada@example.org" || !id.EmailVerified {
		t.Errorf("e-mail %q verified %v, want it from UserInfo", id.Email, id.EmailVerified)
	}
	if !id.GroupsPresent || strings.Join(id.Groups, " ") != "dba on-call" {
		t.Errorf("groups %v present %v", id.Groups, id.GroupsPresent)
	}
	if !id.AuthTime.Equal(authAt) || id.ACR != "urn:example:strong" || strings.Join(id.AMR, " ") != "pwd fido" || !id.PhishingResistant {
		t.Errorf("how: %v %q %v %v", id.AuthTime, id.ACR, id.AMR, id.PhishingResistant)
	}
	if n, _ := id.Claims["employee_number"].(interface{ String() string }); n == nil || n.String() != "9007199254740993" {
		t.Errorf("employee_number %v lost digits", id.Claims["employee_number"])
	}
	if id.Claims["nonce"] != nil || id.IDToken == "" || id.EndSessionURL != p.Issuer+"/logout" {
		t.Errorf("nonce %v, end session %q", id.Claims["nonce"], id.EndSessionURL)
	}
}

// The allow list holds what the task of the provider needs and each of them works (T4).
func TestAlgorithms(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256", "PS256", "EdDSA"} {
		p := oidc.Start(t)
		p.Alg = alg
		p.SignInAs("u-1", nil)
		if id, err := signIn(t, newClient(t, p, nil)); err != nil || id.Subject != "u-1" {
			t.Errorf("%s: %v %v", alg, id, err)
		}
	}
}

func TestClientAuthentication(t *testing.T) {
	cases := []struct {
		name    string
		methods []string
		secret  string // the provider's; "" makes a public client
	}{
		{"basic", []string{"client_secret_basic"}, "s3cret:with/odd+signs"},
		{"post", []string{"client_secret_post", "private_key_jwt"}, "s3cret"},
		{"public", []string{"none"}, ""},
	}
	for _, tc := range cases {
		p := oidc.Start(t)
		p.ClientSecret = tc.secret
		p.Rogue.Metadata = func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = tc.methods }
		p.SignInAs("u-1", nil)
		if _, err := signIn(t, newClient(t, p, nil)); err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestWrongSecretIsTheAdministratorsMatter(t *testing.T) {
	p := oidc.Start(t)
	p.SignInAs("u-1", nil)
	wrong := newClient(t, p, func(c *signin.Config) {
		c.ClientSecret = func() (string, error) { return "yesterday's", nil }
	})
	_, err := signIn(t, wrong)
	wantRefusal(t, err, signin.CodeMisconfigured)
	unreadable := newClient(t, p, func(c *signin.Config) {
		c.ClientSecret = func() (string, error) { return "", errors.New("permission denied") }
	})
	_, err = signIn(t, unreadable)
	wantRefusal(t, err, signin.CodeMisconfigured)
}

func TestLogoutURL(t *testing.T) {
	p := oidc.Start(t)
	c := newClient(t, p, nil)
	if got := c.LogoutURL("", ""); got != "" {
		t.Errorf("before discovery: %q, want none", got)
	}
	if err := c.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(c.LogoutURL("raw", "https://stint.example/"))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Path != "/logout" || q.Get("id_token_hint") != "raw" || q.Get("client_id") != p.ClientID || q.Get("post_logout_redirect_uri") != "https://stint.example/" {
		t.Errorf("got %s", u)
	}
}
