package signin_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"stint/internal/signin"
	"stint/internal/stinttest/oidcprovider"
)

func peerClient(t *testing.T, p *oidcprovider.Provider) *signin.Client {
	t.Helper()
	c, err := signin.New(signin.Config{
		Issuer:       p.Issuer,
		ClientID:     p.ClientID,
		ClientSecret: func() (string, error) { return p.ClientSecret, nil },
		RedirectURL:  callback,
		Scopes:       []string{"profile", "email", "groups"},
		GroupsClaim:  "groups",
		MaxAge:       time.Hour,
		Now:          time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// DESIGN §6: the whole way against a provider that others wrote, as a confidential and as a public client.
func TestThirdPartyProvider(t *testing.T) {
	for name, o := range map[string]oidcprovider.Options{"confidential, RS256": {}, "public, EdDSA": {Alg: "EdDSA", Public: true}} {
		t.Run(name, func(t *testing.T) {
			o.RedirectURLs = []string{callback}
			p := oidcprovider.StartWith(t, o)
			c := peerClient(t, p)
			address, state, err := c.Begin(t.Context(), "/my-roles?q=dba")
			if err != nil {
				t.Fatal(err)
			}
			back := p.SignIn(t, oidcprovider.Browser(t), address, "ada")
			if !strings.HasPrefix(back.String(), callback+"?") {
				t.Fatalf("sent to %s", back)
			}
			id, err := c.Finish(t.Context(), state, back.Query())
			if err != nil {
				t.Fatal(err)
			}
			if id.Issuer != p.Issuer || id.Subject != "ada" || id.Name != "Ada Lovelace" || id.PreferredUsername != "ada" ||
				id.Email != "ada@example.org" || !id.EmailVerified || !id.GroupsPresent || strings.Join(id.Groups, " ") != "dba on-call" {
				t.Errorf("%v with claims %v", id, id.Claims)
			}
			if id.AuthTime.IsZero() || id.EndSessionURL == "" || id.PhishingResistant || state.ReturnTo != "/my-roles?q=dba" {
				t.Errorf("auth_time %v, end session %q, return to %q", id.AuthTime, id.EndSessionURL, state.ReturnTo)
			}
			_, err = c.Finish(t.Context(), state, back.Query())
			wantRefusal(t, err, signin.CodeExchange)
		})
	}
}

func TestThirdPartyProviderRefusals(t *testing.T) {
	p := oidcprovider.Start(t, callback)
	c := peerClient(t, p)
	begin := func() (string, signin.State) {
		address, state, err := c.Begin(t.Context(), "/")
		if err != nil {
			t.Fatal(err)
		}
		return address, state
	}
	address, state := begin()
	_, err := c.Finish(t.Context(), state, p.Abort(t, oidcprovider.Browser(t), address).Query())
	wantRefusal(t, err, signin.CodeDenied)

	address, _ = begin() // T4: a code of another sign-in; the provider checks PKCE
	stolen := p.SignIn(t, oidcprovider.Browser(t), address, "grace").Query()
	_, state = begin()
	_, err = c.Finish(t.Context(), state, url.Values{"state": {state.State}, "iss": stolen["iss"], "code": stolen["code"]})
	wantRefusal(t, err, signin.CodeExchange)

	_, err = c.Finish(t.Context(), state, url.Values{"state": {state.State}, "code": stolen["code"]})
	wantRefusal(t, err, signin.CodeResponseIssuer) // this provider promises iss (RFC 9207)

	wrong := *p
	wrong.ClientSecret = "yesterday's"
	c = peerClient(t, &wrong)
	address, state = begin()
	_, err = c.Finish(t.Context(), state, p.SignIn(t, oidcprovider.Browser(t), address, "grace").Query())
	wantRefusal(t, err, signin.CodeMisconfigured)
}

// What a person without verified e-mail and without groups looks like, and a second sign-in in the same
// browser; then signing out at the provider.
func TestThirdPartyProviderSessions(t *testing.T) {
	after := "http://localhost:8443/signed-out"
	p := oidcprovider.StartWith(t, oidcprovider.Options{RedirectURLs: []string{callback}, PostLogoutURLs: []string{after}})
	c := peerClient(t, p)
	browser := oidcprovider.Browser(t)
	var last signin.Identity
	for range 2 {
		address, state, err := c.Begin(t.Context(), "/")
		if err != nil {
			t.Fatal(err)
		}
		if last, err = c.Finish(t.Context(), state, p.SignIn(t, browser, address, "edsger").Query()); err != nil {
			t.Fatal(err)
		}
		if last.EmailVerified || last.GroupsPresent || last.Email != "edsger@example.org" {
			t.Errorf("claims %v", last.Claims)
		}
	}
	resp, err := browser.Get(c.LogoutURL(last.IDToken, after))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Request.URL.String(), p.Issuer) {
		t.Errorf("signing out at the provider answered %s at %s", resp.Status, resp.Request.URL)
	}
}

// DESIGN §6, T4: refresh tokens and back-channel logout of a provider that others wrote.
func TestThirdPartyProviderEndsSessions(t *testing.T) {
	tokens := make(chan string, 4)
	here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokens <- r.PostFormValue("logout_token")
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(here.Close)
	p := oidcprovider.StartWith(t, oidcprovider.Options{RedirectURLs: []string{callback}, BackChannelURL: here.URL})
	c := peerClient(t, p)
	browser := oidcprovider.Browser(t)
	address, state, err := c.Begin(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	id, err := c.Finish(t.Context(), state, p.SignIn(t, browser, address, "ada").Query())
	if err != nil || id.RefreshToken == "" || id.SID == "" {
		t.Fatalf("refresh token %v, sid %q, %v", id.RefreshToken != "", id.SID, err)
	}
	next, err := c.Refresh(t.Context(), id.RefreshToken, id.Issuer, id.Subject)
	if err != nil || next.Subject != "ada" || strings.Join(next.Groups, " ") != "dba on-call" {
		t.Fatalf("refreshed %v, %v", next, err)
	}
	p.SignOut(t, browser, c.LogoutURL(id.IDToken, ""))
	select {
	case token := <-tokens:
		l, err := c.Logout(t.Context(), token)
		if err != nil || l.Issuer != p.Issuer || l.SID != id.SID || l.Subject != "ada" || l.ID == "" {
			t.Errorf("told %+v, %v", l, err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no logout token came")
	}
	_, err = c.Refresh(t.Context(), next.RefreshToken, id.Issuer, id.Subject)
	wantRefusal(t, err, signin.CodeSessionOver)
}
