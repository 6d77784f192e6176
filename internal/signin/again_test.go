package signin_test

import (
	"net/url"
	"testing"
	"time"

	"stint/internal/signin"
	"stint/internal/stinttest/oidc"
)

// S-11: the contexts are asked for as an essential claim where the provider takes one, else as acr_values, never as both;
// nothing about the person or the request goes with them.
func TestAgainAsks(t *testing.T) {
	for name, takes := range map[string]bool{"claims": true, "acr_values": false} {
		t.Run(name, func(t *testing.T) {
			p := oidc.Start(t)
			p.Rogue.Metadata = func(m map[string]any) { m["claims_parameter_supported"] = takes }
			c := newClient(t, p, nil)
			address, state, err := c.BeginAgain(t.Context(), "ceremony-1", []string{"card", "mfa"})
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			q := u.Query()
			want := map[string]string{"prompt": "login", "max_age": "0", "claims": "", "acr_values": "card mfa"}
			if takes {
				want["claims"], want["acr_values"] = `{"id_token":{"acr":{"essential":true,"values":["card","mfa"]}}}`, ""
			}
			for param, value := range want {
				if q.Get(param) != value {
					t.Errorf("%s is %q, want %q", param, q.Get(param), value)
				}
			}
			for _, param := range []string{"client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "prompt", "max_age", "claims", "acr_values"} {
				q.Del(param)
			}
			if len(q) > 0 || state.Again == nil || state.Again.For != "ceremony-1" || state.ReturnTo != "/" {
				t.Errorf("sends also %v; keeps %+v", q, state.Again)
			}
		})
	}
}

// T4: only one of the contexts exactly, and a sign-in from after the request, confirms.
func TestAgainChecks(t *testing.T) {
	since := time.Unix(1_800_000_000, 0)
	again := signin.Again{For: "c", Contexts: []string{"card", "mfa"}, Since: since.UnixMicro()}
	for name, c := range map[string]struct {
		acr  string
		at   time.Time
		code signin.Code
	}{
		"confirmed":          {"mfa", since.Add(time.Second), ""},
		"within the skew":    {"card", since.Add(-signin.ClockSkew), ""},
		"before the request": {"mfa", since.Add(-signin.ClockSkew - time.Second), signin.CodeAuthTime},
		"no auth_time":       {"mfa", time.Time{}, signin.CodeAuthTime},
		"no acr":             {"", since, signin.CodeContext},
		"another case":       {"MFA", since, signin.CodeContext},
		"both in one":        {"card mfa", since, signin.CodeContext},
		"the beginning":      {"mf", since, signin.CodeContext},
	} {
		t.Run(name, func(t *testing.T) {
			err := again.CheckAgain(signin.Identity{ACR: c.acr, AuthTime: c.at})
			if c.code != "" {
				wantRefusal(t, err, c.code)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// A provider that cannot answer by the context says so in a code of its own; its free text is not repeated.
func TestAgainUnmet(t *testing.T) {
	p := oidc.Start(t)
	p.Rogue.Redirect = func(q url.Values) {
		q.Del("code")
		q.Set("error", "unmet_authentication_requirements")
		q.Set("error_description", "<b>call me</b>")
	}
	c := newClient(t, p, nil)
	address, state, err := c.BeginAgain(t.Context(), "ceremony-1", []string{"mfa"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Finish(t.Context(), state, visit(t, address))
	wantRefusal(t, err, signin.CodeContext)
}
