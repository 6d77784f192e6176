package signin_test

import (
	"errors"
	"net/http"
	"testing"

	"stint/internal/signin"
	"stint/internal/stinttest/oidc"
)

// OpenID Connect Core §12: the answer of now replaces the one of the sign-in, the token is another each time.
func TestRefresh(t *testing.T) {
	p := oidc.Start(t)
	p.Refresh = true
	p.SignInAs("u-17", map[string]any{"groups": []string{"dba"}, "sid": "s-1"})
	c := newClient(t, p, nil)
	id, err := signIn(t, c)
	if err != nil || id.RefreshToken == "" || id.SID != "s-1" {
		t.Fatalf("refresh token %q, sid %q, %v", id.RefreshToken, id.SID, err)
	}
	p.SignInAs("u-17", map[string]any{"groups": []string{}})
	next, err := c.Refresh(t.Context(), id.RefreshToken, id.Issuer, id.Subject)
	if err != nil || next.Subject != "u-17" || !next.GroupsPresent || len(next.Groups) != 0 || next.RefreshToken == id.RefreshToken || next.RefreshToken == "" {
		t.Fatalf("%+v, %v", next, err)
	}
	p.Rogue.Token = func(m map[string]any) { delete(m, "id_token"); delete(m, "refresh_token") }
	again, err := c.Refresh(t.Context(), next.RefreshToken, id.Issuer, id.Subject)
	if err != nil || again.Subject != "u-17" || again.RefreshToken != next.RefreshToken {
		t.Errorf("without an ID token and a new refresh token: %+v, %v", again, err)
	}
}

// F13, T4: which answers end a session, which do not; a replaced token is handed on in either case.
func TestRefreshRefusals(t *testing.T) {
	claim := func(name string, v any) func(*oidc.Provider) {
		return func(p *oidc.Provider) { p.Rogue.Claims = func(c map[string]any) { c[name] = v } }
	}
	for _, tc := range []struct {
		name     string
		apply    func(*oidc.Provider)
		want     signin.Code
		final    bool
		replaced bool
	}{
		{"revoked", (*oidc.Provider).Revoke, signin.CodeSessionOver, true, false},
		{"somebody else", claim("sub", "mallory"), signin.CodeSubject, true, true},
		{"somebody else in UserInfo", func(p *oidc.Provider) { p.Rogue.UserInfo = func(m map[string]any) { m["sub"] = "mallory" } }, signin.CodeUserInfoSubject, true, true},
		{"somebody else's signature", func(p *oidc.Provider) {
			p.Rogue.IDToken = func(c map[string]any) string {
				return oidc.Sign("RS256", otherKey(t), map[string]any{"kid": "rsa"}, c)
			}
		}, signin.CodeSignature, false, true},
		{"another client's", claim("aud", "other"), signin.CodeAudience, false, true},
		{"expired", claim("exp", 1), signin.CodeTokenExpired, false, true},
		{"not answering", func(p *oidc.Provider) {
			p.Rogue.Handle = func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			}
		}, signin.CodeUnavailable, false, false},
		{"UserInfo not answering", func(p *oidc.Provider) {
			p.Rogue.Handle = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/userinfo" {
					w.WriteHeader(http.StatusBadGateway)
				}
				return r.URL.Path == "/userinfo"
			}
		}, signin.CodeUnavailable, false, true},
		{"the client's secret is wrong", func(p *oidc.Provider) { p.ClientSecret = "another" }, signin.CodeMisconfigured, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := oidc.Start(t)
			p.Refresh = true
			p.SignInAs("u-17", nil)
			secret := p.ClientSecret
			c := newClient(t, p, func(cfg *signin.Config) { cfg.ClientSecret = func() (string, error) { return secret, nil } })
			id, err := signIn(t, c)
			if err != nil {
				t.Fatal(err)
			}
			tc.apply(p)
			next, err := c.Refresh(t.Context(), id.RefreshToken, id.Issuer, id.Subject)
			wantRefusal(t, err, tc.want)
			var r signin.Refusal
			if errors.As(err, &r); r.Final() != tc.final {
				t.Errorf("final is %v", r.Final())
			}
			if next.Subject != "" || next.RefreshToken == "" || (next.RefreshToken != id.RefreshToken) != tc.replaced {
				t.Errorf("beside it came %v, replaced %v", next, next.RefreshToken != id.RefreshToken)
			}
		})
	}
}
