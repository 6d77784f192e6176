package signin

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Finish turns the provider's answer into who signed in. state is the one kept in this browser's
// pre-session, query the callback's. All network calls together take at most the client's time-out.
// The error is a [Refusal].
func (c *Client) Finish(ctx context.Context, state State, query url.Values) (Identity, error) {
	if err := c.checkState(state, query); err != nil {
		return Identity{}, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, c.http), c.http.Timeout)
	defer cancel()
	p, err := c.discover(ctx)
	if err != nil {
		return Identity{}, err
	}
	code, err := c.checkResponse(p, query)
	if err != nil {
		return Identity{}, err
	}
	token, err := c.exchange(ctx, p, code, state.Verifier)
	if err != nil {
		return Identity{}, err
	}
	raw, signed, err := c.verify(ctx, p, token, state.Nonce)
	if err != nil {
		return Identity{}, err
	}
	info, err := c.userInfo(ctx, p, token, signed)
	if err != nil {
		return Identity{}, err
	}
	id := c.identity(signed, info)
	id.IDToken, id.EndSessionURL, id.RefreshToken = raw, p.meta.EndSession, token.RefreshToken
	return id, nil
}

// checkState comes first: an answer that this browser did not ask for causes no network call (T5).
func (c *Client) checkState(state State, query url.Values) error {
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(query[name]) > 1 {
			return startAgain(CodeResponse, name+" was sent twice")
		}
	}
	if state.State == "" || state.Nonce == "" || state.Verifier == "" ||
		subtle.ConstantTimeCompare([]byte(state.State), []byte(query.Get("state"))) != 1 {
		return startAgain(CodeState, "")
	}
	if !c.cfg.Now().Before(state.ExpiresAt) {
		return Refusal{Code: CodeStateExpired, Message: "Signing in took longer than 10 minutes. Start again from the sign-in page."}
	}
	return nil
}

// checkResponse returns the code. iss is compared before anything else of the answer counts (RFC 9207 §2.4).
func (c *Client) checkResponse(p *provider, query url.Values) (string, error) {
	iss, sent := query["iss"]
	if sent && iss[0] != c.cfg.Issuer || !sent && p.meta.SendsIssuer {
		return "", untrusted(CodeResponseIssuer, "")
	}
	if code := query.Get("error"); code != "" {
		return "", errorResponse(code)
	}
	code := query.Get("code")
	if code == "" {
		return "", startAgain(CodeResponse, "neither code nor error was sent")
	}
	return code, nil
}

func errorResponse(code string) Refusal {
	detail := "the provider answered " + errorName(code)
	switch code {
	case "access_denied":
		return Refusal{Code: CodeDenied, Message: "The sign-in provider did not let you in. If you canceled, start again; otherwise ask your administrator.", Detail: detail}
	case "unmet_authentication_requirements": // OpenID Connect Unmet Authentication Requirements 1.0
		return Refusal{Code: CodeContext, Message: "The sign-in provider could not let you sign in the way that is asked for. Start again, or ask those who run the provider.", Detail: detail}
	case "server_error", "temporarily_unavailable":
		return unavailable(detail)
	case "invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope":
		return misconfigured(detail)
	}
	return Refusal{Code: CodeProviderError, Message: "The sign-in provider reported a problem. Start again from the sign-in page.", Detail: detail}
}

// errorName returns an OAuth error code fit for a log line; anything else that came in its place is not
// repeated (RFC 6749 §4.1.2.1 allows free text there).
func errorName(code string) string {
	odd := func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }
	if code == "" || len(code) > 64 || strings.ContainsFunc(code, odd) {
		return "an unnamed error"
	}
	return code
}

func (c *Client) exchange(ctx context.Context, p *provider, code, verifier string) (*oauth2.Token, error) {
	secret, err := c.secret()
	if err != nil {
		return nil, err
	}
	token, err := c.oauth(p, secret).Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, c.exchangeRefusal(err)
	}
	return token, nil
}

func (c *Client) secret() (string, error) {
	if c.cfg.ClientSecret == nil {
		return "", nil
	}
	secret, err := c.cfg.ClientSecret()
	if err != nil {
		return "", misconfigured("the client secret cannot be read; see `stint doctor`")
	}
	return secret, nil
}

func (c *Client) exchangeRefusal(err error) Refusal {
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) && answer.Response != nil {
		detail := "the token endpoint answered " + answer.Response.Status[:min(3, len(answer.Response.Status))] + " " + errorName(answer.ErrorCode)
		switch {
		case answer.Response.StatusCode >= http.StatusInternalServerError:
			return unavailable(detail)
		case answer.ErrorCode == "invalid_client", answer.ErrorCode == "unauthorized_client":
			return misconfigured(detail)
		}
		return startAgain(CodeExchange, detail)
	}
	if fault := transportFault(err, c.http.Timeout); fault != "" {
		return unavailable("token endpoint: " + fault)
	}
	return startAgain(CodeExchange, "the token endpoint did not answer with a token")
}

// userInfo returns the claims of the UserInfo endpoint, or none when the provider has no such endpoint.
func (c *Client) userInfo(ctx context.Context, p *provider, token *oauth2.Token, signed claims) (claims, error) {
	if p.meta.UserInfo == "" {
		return nil, nil
	}
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		if fault := transportFault(err, c.http.Timeout); fault != "" {
			return nil, unavailable("UserInfo endpoint: " + fault)
		}
		if strings.HasPrefix(err.Error(), "5") { // the library's text begins with the status
			return nil, unavailable("UserInfo endpoint: answered " + err.Error()[:3])
		}
		return nil, untrusted(CodeUserInfo, "")
	}
	var out claims
	if err := info.Claims(&out); err != nil {
		return nil, untrusted(CodeUserInfo, "")
	}
	if out.text("sub") != signed.text("sub") {
		return nil, untrusted(CodeUserInfoSubject, "")
	}
	return out, nil
}
