package signin

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// StateTTL is how long a person may take at the provider.
	StateTTL = 10 * time.Minute
	// ClockSkew is how far iat, nbf and auth_time may lie ahead of Stint's clock, and how much later than
	// max_age a sign-in may arrive. exp has no such grace: the token was fetched a moment ago.
	ClockSkew = 60 * time.Second

	defaultTimeout = 10 * time.Second
)

// Config says which provider to use and what its claims mean.
type Config struct {
	Issuer       string                 // exactly as in the provider's metadata; https, or http on loopback
	ClientID     string                 // as registered at the provider
	ClientSecret func() (string, error) // read at every exchange, so that it can be rotated; nil or "" for a public client
	RedirectURL  string                 // absolute URL of the callback
	Scopes       []string               // openid is always asked for; none means profile and email
	EnrolClaim   string                 // ID token claim that proves a phishing-resistant sign-in, such as amr or acr; may be empty
	EnrolValues  []string               // any of these values in EnrolClaim proves it
	GroupsClaim  string                 // claim with group names; empty: groups are not read
	MaxAge       time.Duration          // asks for a sign-in not older than this; 0: not asked. Whole seconds
	HTTPClient   *http.Client           // transport and time-out to use; nil: defaults. Redirects are never followed
	Now          func() time.Time       // the clock
}

// Client is one provider's client, safe for concurrent use.
type Client struct {
	cfg   Config
	http  *http.Client
	group singleflight.Group

	mu        sync.Mutex
	provider  *provider // last good discovery
	fetchedAt time.Time
	failures  int
	retryAt   time.Time
	lastErr   error
}

// New checks cfg and returns a client. It makes no network call.
func New(cfg Config) (*Client, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if len(cfg.Scopes) == 0 {
		cfg.Scopes = []string{"profile", "email"}
	}
	if !slices.Contains(cfg.Scopes, "openid") {
		cfg.Scopes = append([]string{"openid"}, cfg.Scopes...)
	}
	return &Client{cfg: cfg, http: hardened(cfg.HTTPClient)}, nil
}

func (c Config) check() error {
	if err := checkEndpoint("issuer", c.Issuer); err != nil {
		return err
	}
	if u, err := url.Parse(c.Issuer); err != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("issuer: %q must have no query and no fragment", c.Issuer)
	}
	if c.ClientID == "" {
		return fmt.Errorf("client id: is empty; use the id the provider gave when Stint was registered there")
	}
	if err := checkEndpoint("redirect URL", c.RedirectURL); err != nil {
		return err
	}
	if c.MaxAge < 0 || c.MaxAge%time.Second != 0 {
		return fmt.Errorf("max age: %s must be whole seconds, or 0 for not asking", c.MaxAge)
	}
	if (c.EnrolClaim == "") != (len(c.EnrolValues) == 0) {
		return fmt.Errorf("enrolment claim: name and values go together; give both or neither")
	}
	if c.Now == nil {
		return fmt.Errorf("signin: Now is not set")
	}
	return nil
}

// checkEndpoint allows https anywhere and http on this machine only: over plain http anyone on the way
// could be the provider.
func checkEndpoint(field, raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil {
		return fmt.Errorf("%s: %q must be an absolute URL such as https://login.example.org", field, raw)
	}
	if u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()) {
		return nil
	}
	return fmt.Errorf("%s: %q must begin with https:// (http:// only on loopback)", field, raw)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
