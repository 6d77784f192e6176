package signin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	firstRetry = time.Second
	maxRetry   = 30 * time.Second
	// metadataTTL: a provider that moves an endpoint or adds an algorithm needs no restart of Stint.
	metadataTTL = time.Hour
)

// algorithms is all Stint accepts on an ID token; symmetric ones and none are never in it (RFC 8725 §3.1).
var algorithms = []string{oidc.RS256, oidc.ES256, oidc.PS256, oidc.EdDSA}

// provider is what discovery found, with the key set that refreshes itself.
type provider struct {
	*oidc.Provider
	meta metadata
	keys oidc.KeySet
	algs []string
}

// metadata is what Stint reads of the provider's document (OpenID Connect Discovery §3, RFC 8414 §2, RFC 9207 §3).
type metadata struct {
	Authorization string    `json:"authorization_endpoint"`
	Token         string    `json:"token_endpoint"`
	UserInfo      string    `json:"userinfo_endpoint"`
	JWKS          string    `json:"jwks_uri"`
	EndSession    string    `json:"end_session_endpoint"`
	Algorithms    []string  `json:"id_token_signing_alg_values_supported"`
	AuthMethods   []string  `json:"token_endpoint_auth_methods_supported"`
	PKCE          *[]string `json:"code_challenge_methods_supported"`
	Contexts      []string  `json:"acr_values_supported"`
	TakesClaims   bool      `json:"claims_parameter_supported"`
	SendsIssuer   bool      `json:"authorization_response_iss_parameter_supported"`
}

// Check discovers the provider and says what is wrong with it, as `stint doctor` shows it.
func (c *Client) Check(ctx context.Context) error {
	_, err := c.discover(ctx)
	return err
}

// discover returns the cached provider, or asks for it: once for all who wait, and after a failure not
// before the back-off is over.
func (c *Client) discover(ctx context.Context) (*provider, error) {
	if p, done, err := c.known(); done {
		return p, err
	}
	result := c.group.DoChan("discovery", func() (any, error) {
		if p, done, err := c.known(); done {
			return p, err
		}
		// One caller's closed browser must not fail the others who wait for the same answer.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.http.Timeout)
		defer cancel()
		return c.remember(c.fetch(ctx))
	})
	select {
	case r := <-result:
		p, _ := r.Val.(*provider)
		return p, r.Err
	case <-ctx.Done():
		return nil, unavailable(transportFault(ctx.Err(), c.http.Timeout))
	}
}

func (c *Client) known() (*provider, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Now()
	switch {
	case c.provider != nil && (now.Before(c.fetchedAt.Add(metadataTTL)) || now.Before(c.retryAt)):
		return c.provider, true, nil
	case now.Before(c.retryAt):
		return nil, true, c.lastErr
	}
	return nil, false, nil
}

// remember keeps a good answer, and counts a failure; an older good answer outlives a failed refresh.
func (c *Client) remember(p *provider, err error) (*provider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Now()
	if err == nil {
		c.provider, c.fetchedAt, c.failures, c.retryAt, c.lastErr = p, now, 0, time.Time{}, nil
		return p, nil
	}
	c.retryAt = now.Add(min(firstRetry<<min(c.failures, 5), maxRetry))
	c.failures++
	c.lastErr = err
	if c.provider != nil {
		return c.provider, nil
	}
	return nil, err
}

func (c *Client) fetch(ctx context.Context) (*provider, error) {
	ctx = oidc.ClientContext(ctx, c.http)
	found, err := oidc.NewProvider(ctx, c.cfg.Issuer)
	if err != nil {
		return nil, c.discoveryRefusal(err)
	}
	p := &provider{Provider: found}
	if err := found.Claims(&p.meta); err != nil {
		return nil, misconfigured("the provider's metadata has a field of the wrong type")
	}
	if p.algs, err = p.meta.check(); err != nil {
		return nil, misconfigured(err.Error())
	}
	p.keys = oidc.NewRemoteKeySet(ctx, p.meta.JWKS)
	return p, nil
}

func (c *Client) discoveryRefusal(err error) Refusal {
	where := strings.TrimSuffix(c.cfg.Issuer, "/") + "/.well-known/openid-configuration"
	var mismatch *oidc.IssuerMismatchError
	if errors.As(err, &mismatch) {
		return misconfigured(fmt.Sprintf("issuer: configured %q, but the provider calls itself %q; they must be equal to the letter",
			mismatch.Provided, mismatch.Discovered))
	}
	if fault := transportFault(err, c.http.Timeout); fault != "" {
		return unavailable(where + ": " + fault)
	}
	return unavailable(where + ": did not answer with provider metadata")
}

// check returns the algorithms both sides accept.
func (m metadata) check() ([]string, error) {
	for field, raw := range map[string]string{"authorization_endpoint": m.Authorization, "token_endpoint": m.Token, "jwks_uri": m.JWKS} {
		if err := checkEndpoint(field, raw); err != nil {
			return nil, err
		}
	}
	for field, raw := range map[string]string{"userinfo_endpoint": m.UserInfo, "end_session_endpoint": m.EndSession} {
		if err := checkEndpoint(field, raw); raw != "" && err != nil {
			return nil, err
		}
	}
	if m.PKCE != nil && !slices.Contains(*m.PKCE, "S256") {
		return nil, errors.New("the provider does not offer PKCE with S256 (code_challenge_methods_supported)")
	}
	if len(m.Algorithms) == 0 {
		return []string{oidc.RS256}, nil // Core §2: the one every provider must have
	}
	both := slices.DeleteFunc(slices.Clone(m.Algorithms), func(a string) bool { return !slices.Contains(algorithms, a) })
	if len(both) == 0 {
		return nil, fmt.Errorf("the provider signs ID tokens with %q; Stint accepts %s", m.Algorithms, strings.Join(algorithms, ", "))
	}
	return both, nil
}

// authStyle follows the metadata, never trial and error: a second try would spend the code twice.
func (m metadata) authStyle(secret string) oauth2.AuthStyle {
	basic := len(m.AuthMethods) == 0 || slices.Contains(m.AuthMethods, "client_secret_basic")
	if secret != "" && basic {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}
