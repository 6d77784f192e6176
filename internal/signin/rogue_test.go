package signin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"stint/internal/signin"
	"stint/internal/stinttest/oidc"
)

// T4: every lie of the rogue provider is refused, each with its own reason, and no refusal repeats a
// secret, a token or a code.
func TestRogueProvider(t *testing.T) {
	mutations := oidc.Mutations()
	if len(mutations) < 25 {
		t.Fatalf("%d mutations, T4 asks for 25", len(mutations))
	}
	for _, m := range mutations {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			p := oidc.Start(t)
			p.SignInAs("u-17", map[string]any{"email": "ada@example.org", "email_verified": true})
			if _, err := signIn(t, newClient(t, p, nil)); err != nil {
				t.Fatalf("the honest sign-in before it: %v", err)
			}
			seen := &journal{}
			m.Apply(p)
			id, err := signIn(t, newClient(t, p, func(c *signin.Config) { c.HTTPClient = &http.Client{Transport: seen} }))
			wantRefusal(t, err, signin.Code(m.Want))
			if id.Subject != "" {
				t.Errorf("an identity came with the refusal: %v", id)
			}
			if text := err.Error(); strings.Contains(text, p.ClientSecret) || strings.Contains(text, "eyJ") || strings.Contains(text, "555-0100") {
				t.Errorf("the refusal repeats what must stay secret: %s", text)
			}
			if strings.Contains(seen.paths, "/elsewhere") {
				t.Error("a redirect of the provider was followed")
			}
		})
	}
}

type journal struct{ paths string }

func (j *journal) RoundTrip(r *http.Request) (*http.Response, error) {
	j.paths += " " + r.URL.Path
	return http.DefaultTransport.RoundTrip(r)
}

// T4: a code stolen from one sign-in and put into another browser's answer.
func TestCodeInjection(t *testing.T) {
	for _, tc := range []struct {
		name       string
		ignorePKCE bool
		want       signin.Code
	}{
		{"PKCE stops it", false, signin.CodeExchange},
		{"the nonce stops it where the provider forgets PKCE", true, signin.CodeNonce},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := oidc.Start(t)
			p.Rogue.IgnorePKCE = tc.ignorePKCE
			c := newClient(t, p, nil)
			p.SignInAs("administrator", nil)
			stolenFrom, _, err := c.Begin(t.Context(), "/")
			if err != nil {
				t.Fatal(err)
			}
			stolen := visit(t, stolenFrom).Get("code")
			p.SignInAs("mallory", nil)
			address, state, err := c.Begin(t.Context(), "/")
			if err != nil {
				t.Fatal(err)
			}
			answer := visit(t, address)
			answer.Set("code", stolen)
			_, err = c.Finish(t.Context(), state, answer)
			wantRefusal(t, err, tc.want)
		})
	}
}

// T5: an answer that belongs to another browser, to none, or to one that left long ago.
func TestStateBelongsToOneBrowser(t *testing.T) {
	now := time.Now()
	p := oidc.Start(t)
	p.Now = func() time.Time { return now }
	p.SignInAs("mallory", nil)
	c := newClient(t, p, func(cfg *signin.Config) { cfg.Now = func() time.Time { return now } })
	address, mallorys, err := c.Begin(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	answer := visit(t, address)
	_, victims, err := c.Begin(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Finish(t.Context(), victims, answer)
	wantRefusal(t, err, signin.CodeState)
	_, err = c.Finish(t.Context(), signin.State{Nonce: "n", Verifier: "v", ExpiresAt: now.Add(time.Hour)}, nil)
	wantRefusal(t, err, signin.CodeState)

	now = mallorys.ExpiresAt
	_, err = c.Finish(t.Context(), mallorys, answer)
	wantRefusal(t, err, signin.CodeStateExpired)
	now = now.Add(-time.Second)
	if _, err = c.Finish(t.Context(), mallorys, answer); err != nil {
		t.Errorf("a second before the end: %v", err)
	}
	_, err = c.Finish(t.Context(), mallorys, answer) // the provider takes a code once
	wantRefusal(t, err, signin.CodeExchange)
}

// T4: a token of another provider, same e-mail, same subject, its own good signature.
func TestTokenOfAnotherProvider(t *testing.T) {
	p, other := oidc.Start(t), oidc.Start(t)
	other.ClientID = p.ClientID
	p.SignInAs("u-17", map[string]any{"email": "ada@example.org"})
	p.Rogue.IDToken = func(c map[string]any) string {
		c["iss"] = other.Issuer
		return oidc.Sign("RS256", otherKey(t), map[string]any{"kid": "rsa"}, c)
	}
	_, err := signIn(t, newClient(t, p, nil))
	wantRefusal(t, err, signin.CodeSignature)
}

// T4: limits of the time checks, to the second.
func TestTimeLimits(t *testing.T) {
	base := time.Now().Truncate(time.Second)
	for _, tc := range []struct {
		claim  string
		offset time.Duration
		want   signin.Code // "" passes
	}{
		{"exp", 0, signin.CodeTokenExpired},
		{"exp", time.Second, ""},
		{"iat", signin.ClockSkew, ""},
		{"iat", signin.ClockSkew + time.Second, signin.CodeTokenEarly},
		{"nbf", signin.ClockSkew, ""},
		{"nbf", signin.ClockSkew + time.Second, signin.CodeTokenEarly},
		{"auth_time", -time.Hour - signin.ClockSkew, ""},
		{"auth_time", -time.Hour - signin.ClockSkew - time.Second, signin.CodeAuthTime},
		{"auth_time", signin.ClockSkew, ""},
	} {
		t.Run(fmt.Sprintf("%s %s", tc.claim, tc.offset), func(t *testing.T) {
			p := oidc.Start(t)
			p.Now = func() time.Time { return base }
			p.SignInAs("u-1", nil)
			p.Rogue.Claims = func(c map[string]any) { c[tc.claim] = base.Add(tc.offset).Unix() }
			_, err := signIn(t, newClient(t, p, nil))
			if tc.want != "" {
				wantRefusal(t, err, tc.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}
