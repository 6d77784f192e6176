package signin_test

import (
	"strings"
	"testing"
	"time"

	"stint/internal/signin"
	"stint/internal/stinttest/oidc"
)

// T4: every lie in a logout token is refused, each with its own reason.
func TestRogueLogout(t *testing.T) {
	mutations := oidc.LogoutMutations()
	if len(mutations) < 12 {
		t.Fatalf("%d mutations", len(mutations))
	}
	for _, m := range mutations {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			p := oidc.Start(t)
			c := newClient(t, p, nil)
			if _, err := c.Logout(t.Context(), p.LogoutToken(p.Logout("u-17", ""), "logout+jwt")); err != nil {
				t.Fatalf("the honest one before it: %v", err)
			}
			l, err := c.Logout(t.Context(), m.Token(p, "u-17"))
			wantRefusal(t, err, signin.Code(m.Want))
			if l != (signin.Logout{}) {
				t.Errorf("a refusal came with %+v", l)
			}
			if strings.Contains(err.Error(), "eyJ") {
				t.Errorf("the refusal repeats the token: %v", err)
			}
		})
	}
}

// Back-Channel Logout §2.4: what an honest token may look like, to the second.
func TestLogoutTokens(t *testing.T) {
	base := time.Now().Truncate(time.Second)
	p := oidc.Start(t)
	p.Now = func() time.Time { return base }
	c := newClient(t, p, nil)
	for _, typ := range []string{"logout+jwt", "LOGOUT+JWT", "JWT", ""} {
		claims := p.Logout("u-17", "s-1")
		claims["iat"] = base.Add(-signin.LogoutAge - signin.ClockSkew).Unix()
		if typ == "" {
			delete(claims, "exp")
		}
		l, err := c.Logout(t.Context(), p.LogoutToken(claims, typ))
		if err != nil || l.Issuer != p.Issuer || l.Subject != "u-17" || l.SID != "s-1" || l.ID != claims["jti"] || !l.IssuedAt.Equal(base.Add(-signin.LogoutAge-signin.ClockSkew)) {
			t.Errorf("typ %q: %+v, %v", typ, l, err)
		}
	}
	claims := p.Logout("", "s-1")
	claims["iat"] = base.Add(-signin.LogoutAge - signin.ClockSkew - time.Second).Unix()
	_, err := c.Logout(t.Context(), p.LogoutToken(claims, "logout+jwt"))
	wantRefusal(t, err, signin.CodeLogoutAge)
	p.Alg = "ES256"
	if l, err := c.Logout(t.Context(), p.LogoutToken(p.Logout("", "s-1"), "logout+jwt")); err != nil || l.Subject != "" || l.SID != "s-1" {
		t.Errorf("sid alone: %+v, %v", l, err)
	}
}
