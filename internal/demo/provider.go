package demo

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Person is somebody the provider lets you be.
type Person struct {
	Subject  string // the sub claim: opaque, unique, never changes
	Username string // preferred_username: unique
	Name     string
	Email    string // sent as verified; may be empty
	// For the page only.
	Title, Department, Hint string
}

// ProviderConfig is what a demo provider needs.
type ProviderConfig struct {
	BaseURL                string   // the issuer: http, a loopback host and a port, no path, such as http://localhost:8081
	ClientID               string   // the one client
	ClientSecret           string   // empty for a public client
	RedirectURLs           []string // compared exactly; http on loopback only
	PostLogoutRedirectURLs []string // the same for sign-out; may be empty
	People                 []Person
	Now                    func() time.Time
	KeyFile                string // where the signing key is kept, mode 0600; empty makes a new one at each start
}

// Provider is the demo's OpenID provider: authorization code with PKCE, and a page of people instead of passwords.
// Codes and access tokens live in memory and die with it. Source: OpenID Connect Core 1.0, RFC 7636, RFC 9207.
type Provider struct {
	cfg     ProviderConfig
	key     jose.JSONWebKey
	signer  jose.Signer
	handler http.Handler

	mu     sync.Mutex
	codes  map[string]*grant
	tokens map[string]*grant
}

// grant is one sign-in: first a code, then perhaps an access token.
type grant struct {
	person                               Person
	redirectURI, challenge, nonce, scope string
	signedIn, codeExpires, tokenExpires  time.Time
	redeemed                             bool
	token                                string
}

const (
	codeLife  = time.Minute
	tokenLife = time.Hour
)

// NewProvider checks the configuration, reads or makes the key, and returns a handler for the root of BaseURL.
func NewProvider(cfg ProviderConfig) (*Provider, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("demo provider: %w", err)
	}
	p := &Provider{cfg: cfg, codes: map[string]*grant{}, tokens: map[string]*grant{}}
	if err := p.loadKey(); err != nil {
		return nil, fmt.Errorf("demo provider: %w", err)
	}
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.message(w, http.StatusForbidden, "This came from another page", "Only this page's own buttons sign somebody in. Go back to Stint and sign in again.")
	}))
	p.handler = guard.Handler(p.routes())
	return p, nil
}

func (c ProviderConfig) check() error {
	if err := loopbackURL(c.BaseURL); err != nil {
		return fmt.Errorf("base URL: %w", err)
	}
	if u, _ := url.Parse(c.BaseURL); u.Path != "" {
		return errors.New("base URL: leave the path out")
	}
	for _, u := range slices.Concat(c.RedirectURLs, c.PostLogoutRedirectURLs) {
		if err := loopbackURL(u); err != nil {
			return fmt.Errorf("redirect URL: %w", err)
		}
	}
	if c.ClientID == "" || len(c.RedirectURLs) == 0 || len(c.People) == 0 || c.Now == nil {
		return errors.New("client id, redirect URLs, people and clock are required")
	}
	seen := map[string]bool{}
	for _, p := range c.People {
		if p.Subject == "" || p.Username == "" || seen[p.Subject] || seen["@"+p.Username] {
			return fmt.Errorf("person %q: subject and username must be there and unique", p.Name)
		}
		seen[p.Subject], seen["@"+p.Username] = true, true
	}
	return nil
}

func loopbackURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || !loopbackHost(u.Host) || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q: give http, a loopback host and a port, such as http://localhost:8081", text)
	}
	return nil
}

// loopbackHost says whether host, with or without a port, is a name for this machine only.
func loopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}

func (p *Provider) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /jwks", p.jwks)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	mux.HandleFunc("POST /userinfo", p.userinfo)
	mux.HandleFunc("GET /end_session", p.endSession)
	mux.HandleFunc("POST /end_session", p.endSession)
	mux.HandleFunc("GET /demo.css", style)
	mux.HandleFunc("GET /icon.svg", icon)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		p.message(w, http.StatusOK, "The sign-in of the demo", "There is nothing to do here. Open Stint, and it brings you back when you sign in.")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p.message(w, http.StatusNotFound, "Nothing is here", "Open Stint, and it brings you to the right page when you sign in.")
	})
	return mux
}

// ServeHTTP answers only what comes from this machine and asks for this machine: the peer's address keeps the network
// out, the Host header keeps out a foreign page whose name was made to point here (DNS rebinding).
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", p.policy())
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() || !loopbackHost(r.Host) {
		p.message(w, http.StatusForbidden, "Only on this machine", "The demo's sign-in has no passwords, so it answers on loopback only.")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	p.handler.ServeHTTP(w, r)
}

// policy names the client's origins under form-action, which also governs where a form's answer may redirect to.
func (p *Provider) policy() string {
	origins := []string{"'self'"}
	for _, text := range slices.Concat(p.cfg.RedirectURLs, p.cfg.PostLogoutRedirectURLs) {
		u, _ := url.Parse(text)
		origins = append(origins, "http://"+u.Host)
	}
	slices.Sort(origins)
	return "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action " +
		strings.Join(slices.Compact(origins), " ")
}

// discovery answers GET /.well-known/openid-configuration (OpenID Connect Discovery 1.0).
func (p *Provider) discovery(w http.ResponseWriter, r *http.Request) {
	base := p.cfg.BaseURL
	methods := []string{"client_secret_basic", "client_secret_post"}
	if p.cfg.ClientSecret == "" {
		methods = []string{"none"}
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer": base, "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/token",
		"jwks_uri": base + "/jwks", "userinfo_endpoint": base + "/userinfo", "end_session_endpoint": base + "/end_session",
		"response_types_supported": []string{"code"}, "response_modes_supported": []string{"query"},
		"grant_types_supported": []string{"authorization_code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{string(jose.RS256)},
		"token_endpoint_auth_methods_supported": methods, "code_challenge_methods_supported": []string{"S256"},
		"scopes_supported": []string{"openid", "profile", "email"}, "prompt_values_supported": []string{"login", "select_account"},
		"claims_supported": []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "amr", "acr", "at_hash", "name",
			"preferred_username", "email", "email_verified"},
		"authorization_response_iss_parameter_supported": true, "request_uri_parameter_supported": false,
	})
}
