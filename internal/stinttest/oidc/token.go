package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// inIDToken are the claims of a person that describe the sign-in and so go into the ID token.
var inIDToken = []string{"acr", "amr", "auth_time", "sid"}

type signingKey struct {
	crypto.Signer
	kid string
}

// rsaKey is made once for a whole test binary: making one takes a noticeable part of a second.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newKeys(t testing.TB) map[string]signingKey {
	t.Helper()
	r, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, d, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]signingKey{"RS256": {r, "rsa"}, "PS256": {r, "rsa"}, "ES256": {e, "ec"}, "EdDSA": {d, "ed"}}
}

// RotateKeys replaces the RSA key by a new one with a new kid, as providers do.
func (p *Provider) RotateKeys(t testing.TB) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	fresh := signingKey{key, rand.Text()}
	p.keys["RS256"], p.keys["PS256"] = fresh, fresh
}

func (p *Provider) jwks() jose.JSONWebKeySet {
	var set jose.JSONWebKeySet
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} { // PS256 uses the RSA key too
		key := p.keys[alg]
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: key.kid, Use: "sig"})
	}
	return set
}

func (p *Provider) idToken(g grant, access string) string {
	now := p.Now()
	claims := map[string]any{
		"iss": p.Issuer, "sub": g.person["sub"], "aud": p.ClientID,
		"exp": now.Add(5 * time.Minute).Unix(), "iat": now.Unix(), "auth_time": now.Unix(),
		"at_hash": halfHash(p.Alg, access),
	}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	for _, name := range inIDToken {
		if v, ok := g.person[name]; ok {
			claims[name] = v
		}
	}
	if p.Rogue.Claims != nil {
		p.Rogue.Claims(claims)
	}
	if p.Rogue.IDToken != nil {
		return p.Rogue.IDToken(claims)
	}
	return p.sign(claims)
}

// halfHash is at_hash of OpenID Connect Core §3.1.3.6.
func halfHash(alg, access string) string {
	if alg == "EdDSA" {
		sum := sha512.Sum512([]byte(access))
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(access))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func (p *Provider) sign(claims map[string]any) string {
	key := p.keys[p.Alg]
	return Sign(p.Alg, key.Signer, map[string]any{"kid": key.kid, "typ": "JWT"}, claims)
}

// Sign returns claims as a compact JWS; key is a private key, or []byte for an HMAC. It panics on a key
// that does not fit alg.
func Sign(alg string, key any, header, claims map[string]any) string {
	opts := &jose.SignerOptions{}
	for name, value := range header {
		opts.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, opts)
	if err != nil {
		panic(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return text
}
