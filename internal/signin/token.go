package signin

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// verify checks the ID token of a sign-in as OpenID Connect Core §3.1.3.7 asks and returns it with its claims.
func (c *Client) verify(ctx context.Context, p *provider, token *oauth2.Token, nonce string) (string, claims, error) {
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return "", nil, untrusted(CodeIDTokenMissing, "")
	}
	signed, err := c.opened(ctx, p, raw, tokenCheck{typed: func(typ string) bool { return !strings.HasSuffix(typ, "+jwt") },
		claims: func(signed claims) error { return c.checkClaims(signed, nonce) }, access: token.AccessToken})
	return raw, signed, err
}

// tokenCheck is what differs between the tokens a provider signs.
type tokenCheck struct {
	typed    func(typ string) bool // whether the header's typ, in lower case, is right
	claims   func(claims) error
	access   string // access token that at_hash must fit
	timeless bool   // exp may be absent; claims looks at it
}

// opened checks a token's header, signature and claims and returns them. The library verifies signature, issuer,
// audience and expiry; the same facts are checked here by name, so that each refusal has its own code, and so
// is what the library leaves to its caller.
func (c *Client) opened(ctx context.Context, p *provider, raw string, check tokenCheck) (claims, error) {
	if err := checkHeader(raw, p.algs, check.typed); err != nil {
		return nil, err
	}
	keys := &witness{KeySet: p.keys}
	verifier := oidc.NewVerifier(c.cfg.Issuer, keys, &oidc.Config{ClientID: c.cfg.ClientID, SupportedSigningAlgs: p.algs, Now: c.cfg.Now, SkipExpiryCheck: check.timeless})
	token, verifyErr := verifier.Verify(ctx, raw)
	if keys.err != nil {
		return nil, c.keyRefusal(ctx, keys.err)
	}
	var signed claims
	if err := json.Unmarshal(keys.payload, &signed); err != nil {
		return nil, untrusted(CodeIDTokenMalformed, "")
	}
	if err := check.claims(signed); err != nil {
		return nil, err
	}
	if verifyErr != nil || token.Subject != signed.text("sub") {
		return nil, untrusted(CodeIDTokenMalformed, "")
	}
	if check.access != "" && token.AccessTokenHash != "" && token.VerifyAccessToken(check.access) != nil {
		return nil, untrusted(CodeAccessTokenHash, "")
	}
	return signed, nil
}

// witness keeps what the key set said, which the library folds into one untyped error.
type witness struct {
	oidc.KeySet
	payload []byte
	err     error
}

func (w *witness) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	w.payload, w.err = w.KeySet.VerifySignature(ctx, jwt)
	return w.payload, w.err
}

func (c *Client) keyRefusal(ctx context.Context, err error) Refusal {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if fault := transportFault(err, c.http.Timeout); fault != "" {
		return unavailable("jwks_uri: " + fault)
	}
	if strings.HasPrefix(err.Error(), "fetching keys") {
		return unavailable("jwks_uri: did not answer with keys")
	}
	return untrusted(CodeSignature, "")
}

// checkHeader refuses what must not even be tried: an algorithm outside the list, or a token that says
// it is something else, such as at+jwt or logout+jwt for an ID token (RFC 8725 §3.11).
func checkHeader(raw string, algs []string, typed func(string) bool) error {
	first, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return untrusted(CodeIDTokenMalformed, "")
	}
	var header struct {
		Alg string `json:"alg"`
		Typ string `json:"typ"`
	}
	if err := json.Unmarshal(text, &header); err != nil || !typed(strings.ToLower(header.Typ)) {
		return untrusted(CodeIDTokenMalformed, "")
	}
	if !slices.Contains(algs, header.Alg) {
		return untrusted(CodeAlgorithm, "")
	}
	return nil
}

func (c *Client) checkClaims(signed claims, nonce string) error {
	if signed.text("iss") != c.cfg.Issuer {
		return untrusted(CodeTokenIssuer, "")
	}
	if err := c.checkAudience(signed); err != nil {
		return err
	}
	if err := c.checkTimes(signed); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(nonce), []byte(signed.text("nonce"))) != 1 {
		return untrusted(CodeNonce, "")
	}
	if sub := signed.text("sub"); sub == "" || len(sub) > 255 || strings.ContainsFunc(sub, isControl) {
		return untrusted(CodeSubject, "")
	}
	return nil
}

// checkAudience accepts further audiences only where azp says that the token was made for Stint
// (Core §3.1.3.7 3 to 5).
func (c *Client) checkAudience(signed claims) error {
	aud, _ := signed.list("aud")
	if !slices.Contains(aud, c.cfg.ClientID) {
		return untrusted(CodeAudience, "")
	}
	_, hasParty := signed["azp"]
	if (hasParty || len(aud) > 1) && signed.text("azp") != c.cfg.ClientID {
		return untrusted(CodeAuthorizedParty, "")
	}
	return nil
}

func (c *Client) checkTimes(signed claims) error {
	if err := c.checkWindow(signed); err != nil {
		return err
	}
	return c.checkAuthTime(signed, c.cfg.Now())
}

// checkWindow checks exp, iat and nbf.
func (c *Client) checkWindow(signed claims) error {
	now := c.cfg.Now()
	exp, hasExp := signed.time("exp")
	iat, hasIat := signed.time("iat")
	if !hasExp || !now.Before(exp) {
		return untrusted(CodeTokenExpired, "exp has passed or is missing; do both clocks agree?")
	}
	if !hasIat || iat.After(now.Add(ClockSkew)) {
		return untrusted(CodeTokenEarly, "iat is in the future or missing; do both clocks agree?")
	}
	if _, has := signed["nbf"]; has {
		if nbf, ok := signed.time("nbf"); !ok || nbf.After(now.Add(ClockSkew)) {
			return untrusted(CodeTokenEarly, "nbf is in the future; do both clocks agree?")
		}
	}
	return nil
}

func (c *Client) checkAuthTime(signed claims, now time.Time) error {
	at, has := signed.time("auth_time")
	if has && at.After(now.Add(ClockSkew)) {
		return untrusted(CodeAuthTime, "auth_time is in the future; do both clocks agree?")
	}
	if c.cfg.MaxAge > 0 && (!has || now.After(at.Add(c.cfg.MaxAge+ClockSkew))) {
		return Refusal{Code: CodeAuthTime, Message: "Your sign-in at the provider is too old. Sign out there, then sign in again.", Detail: "auth_time is missing or older than max_age"}
	}
	return nil
}
