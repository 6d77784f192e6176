package signin_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"stint/internal/signin"
	"stint/internal/stinttest/oidc"
)

func otherKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// T4: an address is verified only when the source that gave it says so.
func TestEmailAndItsVerificationStayTogether(t *testing.T) {
	for _, tc := range []struct {
		name         string
		signed, info map[string]any
		email        string
		verified     bool
	}{
		{"from UserInfo", nil, map[string]any{"email": "a@x", "email_verified": true}, "a@x", true},
		{"as text", nil, map[string]any{"email": "a@x", "email_verified": "true"}, "a@x", true},
		{"not verified", nil, map[string]any{"email": "a@x", "email_verified": false}, "a@x", false},
		{"verified, but no address", nil, map[string]any{"email_verified": true}, "", false},
		{"nothing said", nil, map[string]any{"email": "a@x"}, "a@x", false},
		{"a number is no yes", map[string]any{"email": "a@x", "email_verified": 1}, nil, "a@x", false},
		{"UserInfo verifies another address", map[string]any{"email": "boss@x"}, map[string]any{"email": "a@x", "email_verified": true}, "boss@x", false},
		{"UserInfo verifies no address", map[string]any{"email": "boss@x"}, map[string]any{"email_verified": true}, "boss@x", false},
		{"ID token verifies another address", map[string]any{"email_verified": true}, map[string]any{"email": "boss@x"}, "boss@x", false},
		{"UserInfo completes the same address", map[string]any{"email": "a@x"}, map[string]any{"email": "a@x", "email_verified": true}, "a@x", true},
		{"the signed no stands", map[string]any{"email": "a@x", "email_verified": false}, map[string]any{"email": "a@x", "email_verified": true}, "a@x", false},
		{"an address in an odd shape", map[string]any{"email": []string{"a@x"}}, map[string]any{"email": "a@x", "email_verified": true}, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := oidc.Start(t)
			p.SignInAs("u-1", tc.info)
			p.Rogue.Claims = func(c map[string]any) {
				for name, v := range tc.signed {
					c[name] = v
				}
			}
			id, err := signIn(t, newClient(t, p, nil))
			if err != nil {
				t.Fatal(err)
			}
			if id.Email != tc.email || id.EmailVerified != tc.verified {
				t.Errorf("%q verified %v, want %q %v", id.Email, id.EmailVerified, tc.email, tc.verified)
			}
		})
	}
}

// DESIGN §4 invariant 9: absent is not empty.
func TestGroups(t *testing.T) {
	for _, tc := range []struct {
		name    string
		claims  map[string]any
		present bool
		want    string
	}{
		{"absent", nil, false, ""},
		{"null", map[string]any{"groups": nil}, false, ""},
		{"kept elsewhere by the provider", map[string]any{"_claim_names": map[string]any{"groups": "src1"}}, false, ""},
		{"unreadable", map[string]any{"groups": []any{map[string]any{"id": 1}}}, false, ""},
		{"empty", map[string]any{"groups": []string{}}, true, ""},
		{"one as text", map[string]any{"groups": "dba"}, true, "dba"},
		{"several", map[string]any{"groups": []string{"dba", "Ops team"}}, true, "dba|Ops team"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := oidc.Start(t)
			p.SignInAs("u-1", tc.claims)
			id, err := signIn(t, newClient(t, p, nil))
			if err != nil {
				t.Fatal(err)
			}
			if id.GroupsPresent != tc.present || strings.Join(id.Groups, "|") != tc.want {
				t.Errorf("groups %q present %v, want %q %v", id.Groups, id.GroupsPresent, tc.want, tc.present)
			}
		})
	}
}

// T2: only the signed ID token proves a phishing-resistant sign-in.
func TestPhishingResistance(t *testing.T) {
	for _, tc := range []struct {
		name     string
		claim    string
		person   map[string]any
		userInfo map[string]any
		want     bool
	}{
		{"amr holds it", "amr", map[string]any{"amr": []string{"pwd", "phr"}}, nil, true},
		{"amr holds others", "amr", map[string]any{"amr": []string{"pwd", "otp"}}, nil, false},
		{"amr holds part of it", "amr", map[string]any{"amr": []string{"phr-lite"}}, nil, false},
		{"acr is it", "acr", map[string]any{"acr": "phr"}, nil, true},
		{"nothing said", "amr", nil, nil, false},
		{"UserInfo says it", "amr", nil, map[string]any{"amr": []string{"phr"}}, false},
		{"UserInfo says it by an own claim", "strong", nil, map[string]any{"strong": "phr"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := oidc.Start(t)
			p.SignInAs("u-1", tc.person)
			p.Rogue.UserInfo = func(m map[string]any) {
				for name, v := range tc.userInfo {
					m[name] = v
				}
			}
			id, err := signIn(t, newClient(t, p, func(c *signin.Config) { c.EnrolClaim = tc.claim }))
			if err != nil {
				t.Fatal(err)
			}
			if id.PhishingResistant != tc.want {
				t.Errorf("phishing-resistant %v, want %v", id.PhishingResistant, tc.want)
			}
			if _, ok := id.Claims[tc.claim]; ok && tc.person == nil {
				t.Errorf("UserInfo's %s is among the claims", tc.claim)
			}
		})
	}
}

// UserInfo adds, and changes nothing that was signed.
func TestUserInfoNeverReplaces(t *testing.T) {
	p := oidc.Start(t)
	p.SignInAs("u-1", map[string]any{"name": "Ada", "acr": "low"})
	p.Rogue.Claims = func(c map[string]any) { c["preferred_username"] = "ada" }
	p.Rogue.UserInfo = func(m map[string]any) {
		m["preferred_username"], m["acr"], m["iss"], m["auth_time"], m["sid"] = "root", "high", "https://other.example", 1, "s-1"
	}
	id, err := signIn(t, newClient(t, p, nil))
	if err != nil {
		t.Fatal(err)
	}
	if id.Name != "Ada" || id.PreferredUsername != "ada" || id.ACR != "low" || id.Claims["acr"] != "low" || id.Claims["iss"] != p.Issuer || id.Claims["sid"] != nil || id.AuthTime.Unix() == 1 {
		t.Errorf("merged into %v", id.Claims)
	}
}

// A provider without UserInfo endpoint is fine: the ID token says all.
func TestWithoutUserInfo(t *testing.T) {
	p := oidc.Start(t)
	p.SignInAs("u-1", nil)
	p.Rogue.Metadata = func(m map[string]any) { delete(m, "userinfo_endpoint") }
	p.Rogue.Claims = func(c map[string]any) { c["name"] = "Ada" }
	if id, err := signIn(t, newClient(t, p, nil)); err != nil || id.Name != "Ada" {
		t.Errorf("%v %v", id, err)
	}
}

// Several audiences are fine where azp says that the token is for this client (Core §3.1.3.7).
func TestSeveralAudiences(t *testing.T) {
	p := oidc.Start(t)
	p.SignInAs("u-1", nil)
	p.Rogue.Claims = func(c map[string]any) { c["aud"], c["azp"] = []string{"api", p.ClientID}, p.ClientID }
	if _, err := signIn(t, newClient(t, p, nil)); err != nil {
		t.Error(err)
	}
}

func TestSecretsStayOutOfLogs(t *testing.T) {
	p := oidc.Start(t)
	p.SignInAs("u-1", nil)
	c := newClient(t, p, nil)
	address, state, err := c.Begin(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	id, err := c.Finish(t.Context(), state, visit(t, address))
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("signed in", "identity", id, "state", state)
	text := log.String() + fmt.Sprintf("%v %+v %#v %s %v %+v %#v", id, id, id, id, state, state, state)
	for _, secret := range []string{id.IDToken, state.State, state.Nonce, state.Verifier} {
		if strings.Contains(text, secret) {
			t.Errorf("%s shows %s", text, secret)
		}
	}
	if !strings.Contains(text, "u-1") {
		t.Errorf("%s does not say who", text)
	}
}
