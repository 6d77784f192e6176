package signin

import (
	"context"
	"errors"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Refresh asks the provider whether somebody's session goes on there, and for their claims of now (OpenID Connect
// Core §12). The error is a [Refusal]; [Refusal.Final] says whether the provider said no. The identity holds
// the refresh token to use next even beside an error: a provider may have replaced it before something else failed.
func (c *Client) Refresh(ctx context.Context, refreshToken, issuer, subject string) (Identity, error) {
	next := Identity{RefreshToken: refreshToken}
	if issuer != c.cfg.Issuer {
		return next, untrusted(CodeTokenIssuer, "the session is of another provider than the one configured")
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, c.http), c.http.Timeout)
	defer cancel()
	p, err := c.discover(ctx)
	if err != nil {
		return next, err
	}
	token, err := c.renew(ctx, p, refreshToken)
	if err != nil {
		return next, err
	}
	next.RefreshToken = token.RefreshToken
	signed, err := c.renewed(ctx, p, token, subject)
	if err != nil {
		return next, err
	}
	info, err := c.userInfo(ctx, p, token, signed)
	if err != nil {
		return next, err
	}
	id := c.identity(signed, info)
	id.RefreshToken = next.RefreshToken
	return id, nil
}

func (c *Client) renew(ctx context.Context, p *provider, refreshToken string) (*oauth2.Token, error) {
	secret, err := c.secret()
	if err != nil {
		return nil, err
	}
	token, err := c.oauth(p, secret).TokenSource(ctx, &oauth2.Token{RefreshToken: refreshToken}).Token()
	var answer *oauth2.RetrieveError
	switch {
	case errors.As(err, &answer) && answer.ErrorCode == "invalid_grant":
		return nil, untrusted(CodeSessionOver, "the token endpoint answered invalid_grant")
	case err != nil:
		return nil, c.exchangeRefusal(err)
	}
	return token, nil
}

// renewed checks the ID token of an answer, where there is one: it is about the same person, and says nothing of a
// nonce or a new sign-in (Core §12.2).
func (c *Client) renewed(ctx context.Context, p *provider, token *oauth2.Token, subject string) (claims, error) {
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return claims{"iss": c.cfg.Issuer, "sub": subject}, nil
	}
	check := tokenCheck{typed: func(typ string) bool { return !strings.HasSuffix(typ, "+jwt") }, access: token.AccessToken}
	check.claims = func(signed claims) error {
		if signed.text("iss") != c.cfg.Issuer {
			return untrusted(CodeTokenIssuer, "")
		}
		if err := c.checkAudience(signed); err != nil {
			return err
		}
		if signed.text("sub") != subject {
			return untrusted(CodeSubject, "the provider answered about somebody else")
		}
		return c.checkWindow(signed)
	}
	return c.opened(ctx, p, raw, check)
}

// Final reports whether a refusal of [Client.Refresh] ends the session: the provider said no, or answered about
// somebody else. Everything else may pass (THREATS F13).
func (r Refusal) Final() bool {
	return r.Code == CodeSessionOver || r.Code == CodeSubject || r.Code == CodeUserInfoSubject || r.Code == CodeTokenIssuer
}
