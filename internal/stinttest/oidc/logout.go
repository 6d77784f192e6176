package oidc

import (
	"crypto/rand"
	"time"
)

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// Logout are the claims of an honest logout token (OpenID Connect Back-Channel Logout 1.0 §2.4) about sub or sid; either
// may be empty.
func (p *Provider) Logout(sub, sid string) map[string]any {
	now := p.Now()
	c := map[string]any{"iss": p.Issuer, "aud": p.ClientID, "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": rand.Text(),
		"events": map[string]any{logoutEvent: map[string]any{}}}
	if sub != "" {
		c["sub"] = sub
	}
	if sid != "" {
		c["sid"] = sid
	}
	return c
}

// LogoutToken signs claims as a logout token of a type; typ "" leaves it out.
func (p *Provider) LogoutToken(claims map[string]any, typ string) string {
	header := map[string]any{"kid": p.keys[p.Alg].kid}
	if typ != "" {
		header["typ"] = typ
	}
	return Sign(p.Alg, p.keys[p.Alg].Signer, header, claims)
}

// LogoutMutation is one lie in a logout token that a client must refuse.
type LogoutMutation struct {
	Name  string
	Want  string // the refusal's code
	Token func(p *Provider, sub string) string
}

// LogoutMutations returns every lie.
func LogoutMutations() []LogoutMutation {
	return append(forgedLogouts(), claimedLogouts()...)
}

func forgedLogouts() []LogoutMutation {
	typed := func(typ string) func(*Provider, string) string {
		return func(p *Provider, sub string) string { return p.LogoutToken(p.Logout(sub, ""), typ) }
	}
	return []LogoutMutation{
		{"nothing", "id_token_malformed", func(*Provider, string) string { return "" }},
		{"not a JWT", "id_token_malformed", func(*Provider, string) string { return "sign them all out" }},
		{"alg none", "id_token_algorithm", func(p *Provider, sub string) string { return unsigned(p.Logout(sub, "")) }},
		{"alg HS256 keyed with the public key", "id_token_algorithm", func(p *Provider, sub string) string { return p.hmacWithPublicKey(p.Logout(sub, "")) }},
		{"alg HS256 keyed with the client secret", "id_token_algorithm", func(p *Provider, sub string) string {
			return Sign("HS256", []byte(p.ClientSecret), nil, p.Logout(sub, ""))
		}},
		{"kid unknown", "id_token_signature", func(p *Provider, sub string) string { return foreignKey("unheard-of", false)(p.Logout(sub, "")) }},
		{"foreign key under a known kid", "id_token_signature", func(p *Provider, sub string) string { return foreignKey("rsa", false)(p.Logout(sub, "")) }},
		{"key brought along in the header", "id_token_signature", func(p *Provider, sub string) string { return foreignKey("mine", true)(p.Logout(sub, "")) }},
		{"claims changed after signing", "id_token_signature", func(p *Provider, sub string) string { return p.tampered(p.Logout(sub, "")) }},
		{"an access token", "id_token_malformed", typed("at+jwt")},
		{"another kind of token", "id_token_malformed", typed("secevent+jwt")},
		{"an ID token", "logout_nonce", func(p *Provider, sub string) string {
			return p.idToken(grant{person: map[string]any{"sub": sub}, nonce: rand.Text()}, rand.Text())
		}},
		{"an ID token of a refresh, without nonce", "logout_event", func(p *Provider, sub string) string {
			return p.idToken(grant{person: map[string]any{"sub": sub}}, rand.Text())
		}},
	}
}

func claimedLogouts() []LogoutMutation {
	with := func(changes map[string]any) func(*Provider, string) string {
		return func(p *Provider, sub string) string {
			c := p.Logout(sub, "")
			for name, v := range changes {
				if offset, ok := v.(time.Duration); ok {
					v = p.Now().Add(offset).Unix()
				}
				if c[name] = v; v == nil {
					delete(c, name)
				}
			}
			return p.LogoutToken(c, "logout+jwt")
		}
	}
	one := func(name string, v any) func(*Provider, string) string { return with(map[string]any{name: v}) }
	return []LogoutMutation{
		{"aud of another client", "id_token_audience", one("aud", "other")},
		{"aud missing", "id_token_audience", one("aud", nil)},
		{"aud array without azp", "id_token_authorized_party", one("aud", []string{"stint", "other"})},
		{"iss of another provider", "id_token_issuer", one("iss", "https://other.example")},
		{"iss missing", "id_token_issuer", one("iss", nil)},
		{"nonce", "logout_nonce", one("nonce", "n")},
		{"empty nonce", "logout_nonce", one("nonce", "")},
		{"no events", "logout_event", one("events", nil)},
		{"events of another kind", "logout_event", one("events", map[string]any{"https://example.org/other": map[string]any{}})},
		{"event without its object", "logout_event", one("events", map[string]any{logoutEvent: true})},
		{"events is text", "logout_event", one("events", logoutEvent)},
		{"iat long ago", "logout_age", with(map[string]any{"iat": -7 * time.Minute, "exp": time.Hour})},
		{"iat in the future", "id_token_not_yet_valid", one("iat", 2*time.Minute)},
		{"iat missing", "id_token_not_yet_valid", one("iat", nil)},
		{"exp passed", "id_token_expired", one("exp", -2*time.Minute)},
		{"exp is text", "id_token_expired", one("exp", "tomorrow")},
		{"neither sub nor sid", "logout_whom", one("sub", nil)},
		{"sub is empty", "logout_whom", one("sub", "")},
		{"sub is a number", "logout_whom", one("sub", 17)},
		{"sid is a list", "logout_whom", one("sid", []string{"a"})},
		{"jti missing", "logout_id", one("jti", nil)},
		{"jti is empty", "logout_id", one("jti", "")},
	}
}
