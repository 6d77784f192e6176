package demo

import (
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// challengeForm is what base64url makes of a SHA-256 sum (RFC 7636 4.2).
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// authorize answers GET and POST /authorize: without a person it shows the page, with one it signs them in. The request
// travels along in the form and is checked again, so nothing is kept before somebody chooses.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.message(w, http.StatusBadRequest, "This sign-in cannot go on", "The request could not be read. Go back to Stint and sign in again.")
		return
	}
	q := r.Form
	// Until client and redirect_uri are known to be right, an error may not leave this page (RFC 6749 4.1.2.1).
	if len(q["client_id"]) != 1 || q.Get("client_id") != p.cfg.ClientID {
		p.message(w, http.StatusBadRequest, "This sign-in cannot go on", "The client is unknown: check client_id.")
		return
	}
	if len(q["redirect_uri"]) != 1 || !slices.Contains(p.cfg.RedirectURLs, q.Get("redirect_uri")) {
		p.message(w, http.StatusBadRequest, "This sign-in cannot go on", "The address to return to is not one of the client's: check redirect_uri.")
		return
	}
	if code, text := refusal(q); code != "" {
		p.redirect(w, r, q, url.Values{"error": {code}, "error_description": {text}})
		return
	}
	if r.Method != http.MethodPost || r.PostForm.Get("person") == "" {
		p.choose(w, q)
		return
	}
	i := slices.IndexFunc(p.cfg.People, func(who Person) bool { return who.Subject == r.PostForm.Get("person") })
	if i < 0 {
		p.redirect(w, r, q, url.Values{"error": {"access_denied"}, "error_description": {"there is no such person"}})
		return
	}
	p.redirect(w, r, q, url.Values{"code": {p.issueCode(p.cfg.People[i], q)}})
}

// refusal checks what a client must send. The challenge and the nonce are required of everyone: Stint always sends
// them, and a demo that let them be missing would hide the day it stops.
func refusal(q url.Values) (code, text string) {
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if len(q[name]) > 1 {
			return "invalid_request", "a parameter is there twice"
		}
	}
	switch {
	case q.Has("request"):
		return "request_not_supported", "request objects are not supported"
	case q.Has("request_uri"):
		return "request_uri_not_supported", "request objects are not supported"
	case q.Get("response_type") != "code":
		return "unsupported_response_type", "response_type must be code"
	case q.Has("response_mode") && q.Get("response_mode") != "query":
		return "invalid_request", "response_mode must be query"
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		return "invalid_scope", "scope must contain openid"
	case q.Get("code_challenge_method") != "S256" || !challengeForm.MatchString(q.Get("code_challenge")):
		return "invalid_request", "code_challenge with code_challenge_method S256 is required"
	case q.Get("nonce") == "":
		return "invalid_request", "nonce is required"
	case slices.Contains(strings.Fields(q.Get("prompt")), "none"):
		return "login_required", "somebody must choose a person"
	}
	return "", ""
}

// redirect returns to the client, naming the issuer against mix-up (RFC 9207).
func (p *Provider) redirect(w http.ResponseWriter, r *http.Request, q, answer url.Values) {
	answer.Set("iss", p.cfg.BaseURL)
	if len(q["state"]) == 1 {
		answer.Set("state", q.Get("state"))
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+answer.Encode(), http.StatusSeeOther)
}

func (p *Provider) issueCode(who Person, q url.Values) string {
	now, code := p.cfg.Now(), rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep(now)
	p.codes[code] = &grant{
		person: who, redirectURI: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), nonce: q.Get("nonce"),
		scope: q.Get("scope"), signedIn: now, codeExpires: now.Add(codeLife),
	}
	return code
}

// sweep forgets what has expired; redeemed codes stay as long as others, so that a replay is noticed.
func (p *Provider) sweep(now time.Time) {
	maps.DeleteFunc(p.codes, func(_ string, g *grant) bool { return !now.Before(g.codeExpires) })
	maps.DeleteFunc(p.tokens, func(_ string, g *grant) bool { return !now.Before(g.tokenExpires) })
}

// endSession answers /end_session (OpenID Connect RP-Initiated Logout 1.0). Nobody stays signed in here, so it only
// returns to a registered address, or says so.
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request) {
	back := r.FormValue("post_logout_redirect_uri")
	if !slices.Contains(p.cfg.PostLogoutRedirectURLs, back) {
		p.message(w, http.StatusOK, "You are signed out", "The demo's provider remembers nobody: the next sign-in asks again whom you want to be.")
		return
	}
	if state := r.FormValue("state"); state != "" {
		back += "?" + url.Values{"state": {state}}.Encode()
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
}
