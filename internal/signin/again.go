package signin

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"golang.org/x/oauth2"
)

// Again is a sign-in that confirms one thing: of whoever is signed in already, now, and by one of these contexts.
type Again struct {
	For      string   `json:"for"`      // the caller's id of what it confirms
	Contexts []string `json:"contexts"` // acr values of which the provider must answer one
	Since    int64    `json:"since"`    // µs since 1970 when it was begun
}

// BeginAgain returns the provider's address for a new sign-in by one of the contexts, and the state to keep.
func (c *Client) BeginAgain(ctx context.Context, forID string, contexts []string) (string, State, error) {
	p, err := c.discover(ctx)
	if err != nil {
		return "", State{}, err
	}
	s := c.begun("/")
	s.Again = &Again{For: forID, Contexts: contexts, Since: c.cfg.Now().UnixMicro()}
	opts := append(s.options(), oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"), p.meta.asking(contexts))
	return c.oauth(p, "").AuthCodeURL(s.State, opts...), s, nil
}

// asking is one of the two ways of OpenID Connect Core to ask for a context; what a provider does that gets both is not
// defined (§5.5.1.1). As an essential claim it may not be answered by less, so that is taken where the provider can.
func (m metadata) asking(contexts []string) oauth2.AuthCodeOption {
	if !m.TakesClaims {
		return oauth2.SetAuthURLParam("acr_values", strings.Join(contexts, " "))
	}
	type member struct {
		Essential bool     `json:"essential"`
		Values    []string `json:"values"`
	}
	claims, err := json.Marshal(map[string]any{"id_token": map[string]any{"acr": member{true, contexts}}})
	if err != nil {
		panic("signin: strings are JSON: " + err.Error())
	}
	return oauth2.SetAuthURLParam("claims", string(claims))
}

// CheckAgain holds a finished sign-in against what was asked: the provider may have answered by less, or from a session
// that it had. The caller checks that it is the same person.
func (a Again) CheckAgain(id Identity) error {
	switch {
	case id.AuthTime.IsZero() || id.AuthTime.UnixMicro() < a.Since-ClockSkew.Microseconds():
		return Refusal{Code: CodeAuthTime, Message: "The provider did not let you sign in anew. Start again; sign out there first if it happens again.", Detail: "auth_time is missing or before the request"}
	case !slices.Contains(a.Contexts, id.ACR) || id.ACR == "":
		return Refusal{Code: CodeContext, Message: "The provider did not confirm the sign-in this role asks for (" + strings.Join(a.Contexts, " or ") + "). Start again and choose that way of signing in, or ask those who run the provider.", Detail: "acr is missing or another"}
	}
	return nil
}

// Contexts are the authentication contexts that the provider says it knows, where it was reached.
func (c *Client) Contexts() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.provider == nil {
		return nil
	}
	return c.provider.meta.Contexts
}
