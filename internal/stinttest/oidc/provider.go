package oidc

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// Provider is one running provider with one client. Set the fields before the first request that should
// see them.
type Provider struct {
	Issuer       string // http://127.0.0.1:port
	ClientID     string
	ClientSecret string
	Alg          string           // RS256 (default), ES256, PS256 or EdDSA
	Now          func() time.Time // clock of the tokens
	Refresh      bool             // hands out refresh tokens, each good once
	Rogue        Rogue

	keys map[string]signingKey
	stop func()

	mu     sync.Mutex
	person map[string]any
	grants map[string]grant // by code
	tokens map[string]grant // by access token
	fresh  map[string]grant // by refresh token
	asked  int              // refreshes so far
	issued []string         // every code and token
}

// grant is one sign-in between /authorize and UserInfo.
type grant struct {
	person    map[string]any
	nonce     string
	challenge string
	redirect  string
}

// Start runs a provider on loopback until the test ends.
func Start(t testing.TB) *Provider {
	t.Helper()
	p := New(t)
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.Issuer, p.stop = server.URL, server.Close
	return p
}

// Stop takes a started provider away before its test ends: nothing listens there any more.
func (p *Provider) Stop() { p.stop() }

// New returns a provider that nobody serves yet: set Issuer and serve it as an http.Handler, for tests
// of a provider that comes up late.
func New(t testing.TB) *Provider {
	t.Helper()
	return &Provider{
		ClientID:     "stint",
		ClientSecret: rand.Text() + rand.Text(),
		Alg:          "RS256",
		Now:          time.Now,
		keys:         newKeys(t),
		grants:       map[string]grant{},
		tokens:       map[string]grant{},
		fresh:        map[string]grant{},
	}
}

// SignInAs chooses who the next sign-ins are for. claims may hold any claim; acr, amr and auth_time go
// into the ID token, the others into UserInfo.
func (p *Provider) SignInAs(sub string, claims map[string]any) {
	person := maps.Clone(claims)
	if person == nil {
		person = map[string]any{}
	}
	person["sub"] = sub
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person = person
}

// ServeHTTP answers the endpoints of the metadata.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.Rogue.Handle != nil && p.Rogue.Handle(w, r) {
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		answer(w, http.StatusOK, p.metadata())
	case "/jwks":
		answer(w, http.StatusOK, p.jwks())
	case "/authorize":
		p.authorize(w, r)
	case "/token":
		p.token(w, r)
	case "/userinfo":
		p.userInfo(w, r)
	case "/logout":
		http.Redirect(w, r, r.FormValue("post_logout_redirect_uri"), http.StatusSeeOther)
	default:
		http.NotFound(w, r)
	}
}

func (p *Provider) metadata() map[string]any {
	m := map[string]any{
		"issuer":                                         p.Issuer,
		"authorization_endpoint":                         p.Issuer + "/authorize",
		"token_endpoint":                                 p.Issuer + "/token",
		"userinfo_endpoint":                              p.Issuer + "/userinfo",
		"jwks_uri":                                       p.Issuer + "/jwks",
		"end_session_endpoint":                           p.Issuer + "/logout",
		"response_types_supported":                       []string{"code"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"RS256", "ES256", "PS256", "EdDSA"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	}
	if p.Rogue.Metadata != nil {
		p.Rogue.Metadata(m)
	}
	return m
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || back.Host == "" || q.Get("client_id") != p.ClientID {
		http.Error(w, "unknown client or redirect_uri", http.StatusBadRequest)
		return
	}
	out := url.Values{"state": {q.Get("state")}, "iss": {p.Issuer}}
	switch {
	case q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "":
		out.Set("error", "invalid_request")
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		out.Set("error", "invalid_scope")
	default:
		p.issueCode(out, grant{nonce: q.Get("nonce"), challenge: q.Get("code_challenge"), redirect: q.Get("redirect_uri")})
	}
	if p.Rogue.Redirect != nil {
		p.Rogue.Redirect(out)
	}
	back.RawQuery = out.Encode()
	http.Redirect(w, r, back.String(), http.StatusSeeOther)
}

func (p *Provider) issueCode(out url.Values, g grant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g.person = p.person; g.person == nil {
		out.Set("error", "login_required")
		return
	}
	code := rand.Text()
	p.grants[code], p.issued = g, append(p.issued, code)
	out.Set("code", code)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	if !p.knowsClient(r) {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	if r.PostFormValue("grant_type") == "refresh_token" {
		p.refresh(w, r)
		return
	}
	p.mu.Lock()
	g, ok := p.grants[r.PostFormValue("code")]
	delete(p.grants, r.PostFormValue("code"))
	p.mu.Unlock()
	proof := oauth2.S256ChallengeFromVerifier(r.PostFormValue("code_verifier"))
	if !ok || g.redirect != r.PostFormValue("redirect_uri") || proof != g.challenge && !p.Rogue.IgnorePKCE {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	p.grant(w, g)
}

// grant answers with tokens.
func (p *Provider) grant(w http.ResponseWriter, g grant) {
	access, refresh := rand.Text(), rand.Text()
	m := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": p.idToken(g, access)}
	p.mu.Lock()
	p.tokens[access], p.issued = g, append(p.issued, access, m["id_token"].(string))
	if p.Refresh {
		p.fresh[refresh], p.issued = g, append(p.issued, refresh)
		m["refresh_token"] = refresh
	}
	p.mu.Unlock()
	if p.Rogue.Token != nil {
		p.Rogue.Token(m)
	}
	answer(w, http.StatusOK, m)
}

// refresh answers with the person's claims of now; a token used before is refused.
func (p *Provider) refresh(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	g, ok := p.fresh[r.PostFormValue("refresh_token")]
	delete(p.fresh, r.PostFormValue("refresh_token"))
	p.asked++
	if p.person != nil && ok && p.person["sub"] == g.person["sub"] {
		g.person = p.person
	}
	p.mu.Unlock()
	if !ok {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	g.nonce = ""
	p.grant(w, g)
}

// Revoke makes every refresh token worth nothing, as signing out at the provider does.
func (p *Provider) Revoke() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fresh = map[string]grant{}
}

// Refreshes is how often somebody asked with a refresh token.
func (p *Provider) Refreshes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// Issued are all codes and tokens it ever gave.
func (p *Provider) Issued() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.issued)
}

// RefreshTokens are the refresh tokens that are good now.
func (p *Provider) RefreshTokens() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.fresh))
}

// knowsClient takes the secret by HTTP Basic or in the body; with an empty secret the client is public.
func (p *Provider) knowsClient(r *http.Request) bool {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	} else if plain, err := url.QueryUnescape(secret); err == nil { // RFC 6749 §2.3.1
		secret = plain
	}
	return id == p.ClientID && subtle.ConstantTimeCompare([]byte(secret), []byte(p.ClientSecret)) == 1
}

func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	g, ok := p.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	p.mu.Unlock()
	if !ok {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	m := maps.Clone(g.person)
	for _, name := range inIDToken {
		delete(m, name)
	}
	if p.Rogue.UserInfo != nil {
		p.Rogue.UserInfo(m)
	}
	answer(w, http.StatusOK, m)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that hung up is the test's business
}
