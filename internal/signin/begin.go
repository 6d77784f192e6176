package signin

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/url"
	"strconv"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// State is what one begun sign-in needs to be finished. The caller keeps it with the pre-session of the
// browser that began and takes it out, once, before [Client.Finish] (THREATS T5).
type State struct {
	State     string    `json:"state"`    // sent to the provider, comes back in the answer
	Nonce     string    `json:"nonce"`    // comes back inside the ID token
	Verifier  string    `json:"verifier"` // PKCE (RFC 7636), secret until the exchange
	ReturnTo  string    `json:"return_to"`
	ExpiresAt time.Time `json:"expires_at"`
	Again     *Again    `json:"again,omitempty"` // it confirms one thing and makes no session
}

// String hides the values from logs.
func (State) String() string { return "sign-in state" }

// GoString hides the values from logs.
func (s State) GoString() string { return s.String() }

// LogValue hides the values from logs.
func (s State) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Begin returns the provider's address to send the browser to and the state to keep. returnTo is made
// safe by [ReturnTo]. The error is a [Refusal].
func (c *Client) Begin(ctx context.Context, returnTo string) (string, State, error) {
	p, err := c.discover(ctx)
	if err != nil {
		return "", State{}, err
	}
	s := c.begun(returnTo)
	opts := s.options()
	if c.cfg.MaxAge > 0 {
		seconds := strconv.FormatInt(int64(c.cfg.MaxAge/time.Second), 10)
		opts = append(opts, oauth2.SetAuthURLParam("max_age", seconds))
	}
	return c.oauth(p, "").AuthCodeURL(s.State, opts...), s, nil
}

func (c *Client) begun(returnTo string) State {
	return State{
		State:     rand.Text(),
		Nonce:     rand.Text(),
		Verifier:  oauth2.GenerateVerifier(),
		ReturnTo:  ReturnTo(returnTo),
		ExpiresAt: c.cfg.Now().Add(StateTTL).UTC(),
	}
}

func (s State) options() []oauth2.AuthCodeOption {
	return []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(s.Verifier), oidc.Nonce(s.Nonce)}
}

func (c *Client) oauth(p *provider, secret string) *oauth2.Config {
	endpoint := p.Endpoint()
	endpoint.AuthStyle = p.meta.authStyle(secret)
	return &oauth2.Config{
		ClientID:     c.cfg.ClientID,
		ClientSecret: secret,
		Endpoint:     endpoint,
		RedirectURL:  c.cfg.RedirectURL,
		Scopes:       c.cfg.Scopes,
	}
}

// LogoutURL is where to send the browser to sign out at the provider too (OpenID Connect RP-Initiated
// Logout §2), or "" when the provider offers none or was never reached. idToken may be empty; then the
// provider may ask the person. returnTo is an absolute URL registered at the provider, or empty.
func (c *Client) LogoutURL(idToken, returnTo string) string {
	c.mu.Lock()
	p := c.provider
	c.mu.Unlock()
	if p == nil || p.meta.EndSession == "" {
		return ""
	}
	u, err := url.Parse(p.meta.EndSession)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", c.cfg.ClientID)
	if idToken != "" {
		q.Set("id_token_hint", idToken)
	}
	if returnTo != "" {
		q.Set("post_logout_redirect_uri", returnTo)
	}
	u.RawQuery = q.Encode()
	return u.String()
}
