package demo

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
)

// token answers POST /token: a code, once, against the verifier it was asked for with (RFC 6749 4.1.3, RFC 7636 4.5).
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		tokenError(w, http.StatusBadRequest, "invalid_request", "the form could not be read")
		return
	}
	if !p.clientAuthenticated(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="demo"`)
		tokenError(w, http.StatusUnauthorized, "invalid_client", "client id or secret is wrong")
		return
	}
	if r.PostForm.Get("grant_type") != "authorization_code" {
		tokenError(w, http.StatusBadRequest, "unsupported_grant_type", "grant_type must be authorization_code")
		return
	}
	g, ok := p.redeem(r.PostForm)
	if !ok {
		// One text for every cause: a thief of codes learns nothing.
		tokenError(w, http.StatusBadRequest, "invalid_grant", "the code is unknown, used, expired or not for this request")
		return
	}
	idToken, err := p.idToken(g)
	if err != nil {
		tokenError(w, http.StatusInternalServerError, "server_error", "the ID token could not be signed")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"access_token": g.token, "token_type": "Bearer", "expires_in": int(tokenLife.Seconds()),
		"scope": g.scope, "id_token": idToken})
}

func tokenError(w http.ResponseWriter, status int, code, text string) {
	writeJSON(w, status, map[string]string{"error": code, "error_description": text})
}

// clientAuthenticated takes the secret from the header or the form (RFC 6749 2.3.1), whichever the client uses.
func (p *Provider) clientAuthenticated(r *http.Request) bool {
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		var uerr, perr error
		id, uerr = url.QueryUnescape(user)
		secret, perr = url.QueryUnescape(password)
		if uerr != nil || perr != nil {
			return false
		}
	}
	return same(id, p.cfg.ClientID) && same(secret, p.cfg.ClientSecret)
}

// redeem uses a code up, whatever comes of it. A code that comes again was stolen from one of the two who sent it: its
// access token dies (RFC 6749 4.1.2).
func (p *Provider) redeem(form url.Values) (grant, bool) {
	now := p.cfg.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep(now)
	g := p.codes[form.Get("code")]
	if g == nil {
		return grant{}, false
	}
	if g.redeemed {
		delete(p.tokens, g.token)
		return grant{}, false
	}
	g.redeemed = true
	proof := sha256.Sum256([]byte(form.Get("code_verifier")))
	if form.Get("redirect_uri") != g.redirectURI || !same(base64.RawURLEncoding.EncodeToString(proof[:]), g.challenge) {
		return grant{}, false
	}
	g.token, g.tokenExpires = rand.Text(), now.Add(tokenLife)
	p.tokens[g.token] = g
	return *g, true
}

// idToken says who signed in, and how: amr "hwk" and "user" (RFC 8176) and acr "phrh" claim a phishing-resistant
// sign-in with a hardware key, so that Stint can be configured to let the demo's people enrol a first passkey.
func (p *Provider) idToken(g grant) (string, error) {
	now, hash := p.cfg.Now(), sha256.Sum256([]byte(g.token))
	claims := userClaims(g)
	claims["nonce"], claims["auth_time"] = g.nonce, g.signedIn.Unix()
	claims["amr"], claims["acr"] = []string{"hwk", "user", "mfa"}, "phrh"
	claims["at_hash"] = base64.RawURLEncoding.EncodeToString(hash[:len(hash)/2])
	claims["iss"], claims["aud"] = p.cfg.BaseURL, p.cfg.ClientID
	claims["iat"], claims["exp"] = now.Unix(), now.Add(10*time.Minute).Unix()
	return jwt.Signed(p.signer).Claims(claims).Serialize()
}

// userClaims returns what the granted scope shows of a person (OpenID Connect Core 5.4).
func userClaims(g grant) map[string]any {
	claims := map[string]any{"sub": g.person.Subject}
	scope := strings.Fields(g.scope)
	if slices.Contains(scope, "profile") {
		claims["name"], claims["preferred_username"] = g.person.Name, g.person.Username
	}
	if slices.Contains(scope, "email") && g.person.Email != "" {
		claims["email"], claims["email_verified"] = g.person.Email, true
	}
	return claims
}

// userinfo answers GET and POST /userinfo with the claims of the access token's person (OpenID Connect Core 5.3).
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	now := p.cfg.Now()
	p.mu.Lock()
	g := p.tokens[token]
	p.mu.Unlock()
	if !strings.EqualFold(kind, "Bearer") || g == nil || !now.Before(g.tokenExpires) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		tokenError(w, http.StatusUnauthorized, "invalid_token", "the access token is unknown or expired")
		return
	}
	writeJSON(w, http.StatusOK, userClaims(*g))
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
