package oidc

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Rogue are the places where a provider, or someone on the way, may lie. Each hook edits the honest answer.
type Rogue struct {
	Metadata   func(map[string]any)
	Redirect   func(url.Values) // the answer sent through the browser
	Claims     func(map[string]any)
	IDToken    func(claims map[string]any) string // signs in the provider's stead
	Token      func(map[string]any)               // the token endpoint's answer
	UserInfo   func(map[string]any)
	IgnorePKCE bool
	Handle     func(http.ResponseWriter, *http.Request) bool // true: answered
}

// Mutation is one lie that a client must refuse (THREATS T4).
type Mutation struct {
	Name  string
	Want  string // the refusal's code
	Apply func(*Provider)
}

// Mutations returns every lie. The client under test must ask for max_age, at most one hour.
func Mutations() []Mutation {
	all := forged()
	all = append(all, claimed()...)
	all = append(all, answered()...)
	return append(all, described()...)
}

func forged() []Mutation {
	return []Mutation{
		{"alg none", "id_token_algorithm", func(p *Provider) { p.Rogue.IDToken = unsigned }},
		{"alg HS256 keyed with the public key", "id_token_algorithm", func(p *Provider) { p.Rogue.IDToken = p.hmacWithPublicKey }},
		{"alg HS256 keyed with the client secret", "id_token_algorithm", func(p *Provider) {
			p.Rogue.IDToken = func(c map[string]any) string { return Sign("HS256", []byte(p.ClientSecret), nil, c) }
		}},
		{"alg RS512, valid but not on the list", "id_token_algorithm", func(p *Provider) {
			p.Rogue.IDToken = func(c map[string]any) string {
				return Sign("RS512", p.keys["RS256"].Signer, map[string]any{"kid": "rsa"}, c)
			}
		}},
		{"foreign key under a known kid", "id_token_signature", func(p *Provider) { p.Rogue.IDToken = foreignKey("rsa", false) }},
		{"kid unknown", "id_token_signature", func(p *Provider) { p.Rogue.IDToken = foreignKey("unheard-of", false) }},
		{"no kid, foreign key", "id_token_signature", func(p *Provider) { p.Rogue.IDToken = foreignKey("", false) }},
		{"key brought along in the header", "id_token_signature", func(p *Provider) { p.Rogue.IDToken = foreignKey("mine", true) }},
		{"claims changed after signing", "id_token_signature", func(p *Provider) { p.Rogue.IDToken = p.tampered }},
		{"an access token for an ID token", "id_token_malformed", withType("at+jwt")},
		{"a logout token for an ID token", "id_token_malformed", withType("logout+jwt")},
		{"not a JWT", "id_token_malformed", func(p *Provider) {
			p.Rogue.IDToken = func(map[string]any) string { return "signed, sealed, delivered" }
		}},
		{"no ID token", "id_token_missing", func(p *Provider) { p.Rogue.Token = func(m map[string]any) { delete(m, "id_token") } }},
	}
}

func claimed() []Mutation {
	return []Mutation{
		{"iss of another provider", "id_token_issuer", claim("iss", "https://other.example")},
		{"iss with a slash more", "id_token_issuer", func(p *Provider) { claim("iss", p.Issuer+"/")(p) }},
		{"iss missing", "id_token_issuer", without("iss")},
		{"aud of another client", "id_token_audience", claim("aud", "other")},
		{"aud missing", "id_token_audience", without("aud")},
		{"aud array, azp another client", "id_token_authorized_party", func(p *Provider) { set(p, map[string]any{"aud": []string{p.ClientID, "other"}, "azp": "other"}) }},
		{"aud array, no azp", "id_token_authorized_party", func(p *Provider) { set(p, map[string]any{"aud": []string{p.ClientID, "other"}}) }},
		{"azp another client", "id_token_authorized_party", claim("azp", "other")},
		{"exp a second ago", "id_token_expired", at("exp", -time.Second)},
		{"exp missing", "id_token_expired", without("exp")},
		{"exp a word", "id_token_expired", claim("exp", "tomorrow")},
		{"exp beyond every calendar", "id_token_expired", claim("exp", json.Number("1e300"))},
		{"iat in an hour", "id_token_not_yet_valid", at("iat", time.Hour)},
		{"iat missing", "id_token_not_yet_valid", without("iat")},
		{"nbf in an hour", "id_token_not_yet_valid", at("nbf", time.Hour)},
		{"nonce missing", "id_token_nonce", without("nonce")},
		{"nonce of another sign-in", "id_token_nonce", claim("nonce", rand.Text())},
		{"sub missing", "id_token_subject", without("sub")},
		{"sub empty", "id_token_subject", claim("sub", "")},
		{"sub of 256 characters", "id_token_subject", claim("sub", strings.Repeat("x", 256))},
		{"sub twice, once with a long s", "id_token_malformed", claim("\u017fub", "administrator")},
		{"auth_time two hours ago", "auth_time_too_old", at("auth_time", -2*time.Hour)},
		{"auth_time in an hour", "auth_time_too_old", at("auth_time", time.Hour)},
		{"auth_time missing", "auth_time_too_old", without("auth_time")},
		{"at_hash of another access token", "access_token_hash", claim("at_hash", halfHash("RS256", "another"))},
	}
}

func answered() []Mutation {
	return []Mutation{
		{"state changed", "state_mismatch", redirect(func(q url.Values) { q.Set("state", rand.Text()) })},
		{"state missing", "state_mismatch", redirect(func(q url.Values) { q.Del("state") })},
		{"state twice", "response_malformed", redirect(func(q url.Values) { q.Add("state", rand.Text()) })},
		{"code twice", "response_malformed", redirect(func(q url.Values) { q.Add("code", rand.Text()) })},
		{"code missing", "response_malformed", redirect(func(q url.Values) { q.Del("code") })},
		{"code invented", "code_refused", redirect(func(q url.Values) { q.Set("code", rand.Text()) })},
		{"iss parameter of another provider", "response_issuer_mismatch", redirect(func(q url.Values) { q.Set("iss", "https://other.example") })},
		{"iss parameter promised but missing", "response_issuer_mismatch", redirect(func(q url.Values) { q.Del("iss") })},
		{"error with a foreign iss", "response_issuer_mismatch", redirect(func(q url.Values) { q.Set("error", "access_denied"); q.Set("iss", "https://other.example") })},
		{"error beside a code", "access_denied", redirect(func(q url.Values) { q.Set("error", "access_denied") })},
		{"error in free text", "provider_error", redirect(func(q url.Values) { q.Set("error", "<b>call 555-0100</b>") })},
		{"token endpoint redirects", "code_refused", instead("/token", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		})},
		{"token endpoint fails", "provider_unavailable", instead("/token", failing)},
		{"key endpoint fails", "provider_unavailable", instead("/jwks", failing)},
		{"UserInfo endpoint fails", "provider_unavailable", instead("/userinfo", failing)},
		{"sub changed in UserInfo", "userinfo_subject_mismatch", func(p *Provider) { p.Rogue.UserInfo = func(m map[string]any) { m["sub"] = "someone-else" } }},
		{"sub missing in UserInfo", "userinfo_subject_mismatch", func(p *Provider) { p.Rogue.UserInfo = func(m map[string]any) { delete(m, "sub") } }},
		{"UserInfo not JSON", "userinfo_malformed", instead("/userinfo", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) })},
		{"UserInfo of 2 MiB", "userinfo_malformed", func(p *Provider) {
			p.Rogue.UserInfo = func(m map[string]any) { m["padding"] = strings.Repeat("x", 2<<20) }
		}},
	}
}

func described() []Mutation {
	return []Mutation{
		{"metadata of another issuer", "provider_misconfigured", metadata("issuer", "https://other.example")},
		{"token endpoint without TLS", "provider_misconfigured", metadata("token_endpoint", "http://login.example/token")},
		{"keys without TLS", "provider_misconfigured", metadata("jwks_uri", "http://login.example/jwks")},
		{"UserInfo without TLS", "provider_misconfigured", metadata("userinfo_endpoint", "http://login.example/userinfo")},
		{"authorization endpoint a script", "provider_misconfigured", metadata("authorization_endpoint", "javascript:alert(1)")},
		{"only symmetric and no algorithms", "provider_misconfigured", metadata("id_token_signing_alg_values_supported", []string{"HS256", "none"})},
		{"PKCE without S256", "provider_misconfigured", metadata("code_challenge_methods_supported", []string{"plain"})},
		{"metadata of 2 MiB", "provider_unavailable", metadata("padding", strings.Repeat("x", 2<<20))},
	}
}

func claim(name string, value any) func(*Provider) {
	return func(p *Provider) { set(p, map[string]any{name: value}) }
}

func set(p *Provider, changed map[string]any) {
	p.Rogue.Claims = func(c map[string]any) {
		for name, value := range changed {
			c[name] = value
		}
	}
}

func without(name string) func(*Provider) {
	return func(p *Provider) { p.Rogue.Claims = func(c map[string]any) { delete(c, name) } }
}

func at(name string, offset time.Duration) func(*Provider) {
	return func(p *Provider) {
		p.Rogue.Claims = func(c map[string]any) { c[name] = p.Now().Add(offset).Unix() }
	}
}

func redirect(change func(url.Values)) func(*Provider) {
	return func(p *Provider) { p.Rogue.Redirect = change }
}

func metadata(name string, value any) func(*Provider) {
	return func(p *Provider) { p.Rogue.Metadata = func(m map[string]any) { m[name] = value } }
}

func instead(path string, h http.HandlerFunc) func(*Provider) {
	return func(p *Provider) {
		p.Rogue.Handle = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == path {
				h(w, r)
			}
			return r.URL.Path == path
		}
	}
}

func failing(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "down for maintenance", http.StatusServiceUnavailable)
}

func withType(typ string) func(*Provider) {
	return func(p *Provider) {
		p.Rogue.IDToken = func(c map[string]any) string {
			return Sign("RS256", p.keys["RS256"].Signer, map[string]any{"kid": "rsa", "typ": typ}, c)
		}
	}
}

func unsigned(claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
}

func (p *Provider) hmacWithPublicKey(claims map[string]any) string {
	der, err := x509.MarshalPKIXPublicKey(p.keys["RS256"].Public())
	if err != nil {
		panic(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return Sign("HS256", key, map[string]any{"kid": "rsa"}, claims)
}

func foreignKey(kid string, bring bool) func(map[string]any) string {
	return func(claims map[string]any) string {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		header := map[string]any{"typ": "JWT"}
		if kid != "" {
			header["kid"] = kid
		}
		if bring {
			header["jwk"] = jose.JSONWebKey{Key: key.Public(), KeyID: kid}
		}
		return Sign("RS256", key, header, claims)
	}
}

func (p *Provider) tampered(claims map[string]any) string {
	parts := strings.Split(p.sign(claims), ".")
	claims["sub"] = "administrator"
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + parts[2]
}
