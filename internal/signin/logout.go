package signin

import (
	"context"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// LogoutAge is how long after it was issued a logout token counts.
const LogoutAge = 5 * time.Minute

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// Logout is whom a provider signed out: one session of its own, everything of a person, or both as one says.
type Logout struct {
	Issuer   string
	Subject  string // may be empty when SID is not
	SID      string // may be empty when Subject is not
	ID       string // jti: counts once
	IssuedAt time.Time
}

// Logout verifies a logout token (OpenID Connect Back-Channel Logout 1.0 §2.6). That its ID counts once is the
// caller's: it has what outlives a request. The error is a [Refusal].
func (c *Client) Logout(ctx context.Context, raw string) (Logout, error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, c.http), c.http.Timeout)
	defer cancel()
	p, err := c.discover(ctx)
	if err != nil {
		return Logout{}, err
	}
	signed, err := c.opened(ctx, p, raw, tokenCheck{typed: logoutTyped, claims: c.checkLogout, timeless: true})
	if err != nil {
		return Logout{}, err
	}
	out := Logout{Issuer: signed.text("iss"), Subject: signed.text("sub"), SID: signed.text("sid"), ID: signed.text("jti")}
	out.IssuedAt, _ = signed.time("iat")
	return out, nil
}

// logoutTyped: providers of before the final text say JWT or nothing; any other kind says its own name.
func logoutTyped(typ string) bool { return typ == "logout+jwt" || typ == "jwt" || typ == "" }

func (c *Client) checkLogout(signed claims) error {
	if signed.text("iss") != c.cfg.Issuer {
		return untrusted(CodeTokenIssuer, "")
	}
	if err := c.checkAudience(signed); err != nil {
		return err
	}
	if signed.has("nonce") {
		return untrusted(CodeLogoutNonce, "")
	}
	events, _ := signed["events"].(map[string]any)
	if _, ok := events[logoutEvent].(map[string]any); !ok {
		return untrusted(CodeLogoutEvent, "")
	}
	if err := c.checkLogoutTimes(signed); err != nil {
		return err
	}
	if !signed.has("sub") && !signed.has("sid") || signed.has("sub") && !name(signed["sub"]) || signed.has("sid") && !name(signed["sid"]) {
		return untrusted(CodeLogoutWhom, "")
	}
	if !name(signed["jti"]) {
		return untrusted(CodeLogoutID, "")
	}
	return nil
}

// checkLogoutTimes: iat bounds the age, since tokens of before the final text have no exp.
func (c *Client) checkLogoutTimes(signed claims) error {
	now := c.cfg.Now()
	iat, ok := signed.time("iat")
	if !ok || iat.After(now.Add(ClockSkew)) {
		return untrusted(CodeTokenEarly, "iat is in the future or missing; do both clocks agree?")
	}
	if now.After(iat.Add(LogoutAge + ClockSkew)) {
		return untrusted(CodeLogoutAge, "the token is older than 5 minutes; do both clocks agree?")
	}
	if exp, ok := signed.time("exp"); signed.has("exp") && (!ok || !now.Before(exp.Add(ClockSkew))) {
		return untrusted(CodeTokenExpired, "exp has passed; do both clocks agree?")
	}
	return nil
}

// name reports whether a claim names something: 1 to 255 characters without control characters.
func name(v any) bool {
	s, ok := v.(string)
	return ok && s != "" && len(s) <= maxName && !strings.ContainsFunc(s, isControl)
}
