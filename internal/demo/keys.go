package demo

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/go-jose/go-jose/v4"
)

// loadKey reads the signing key, or makes one. RS256 because every client must know it (OpenID Connect Core 15.1).
func (p *Provider) loadKey() error {
	key, err := readKey(p.cfg.KeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeKey(p.cfg.KeyFile)
	}
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	p.key = jose.JSONWebKey{Key: key, Algorithm: string(jose.RS256), Use: "sig"}
	print, err := p.key.Thumbprint(crypto.SHA256)
	if err != nil {
		return err
	}
	p.key.KeyID = base64.RawURLEncoding.EncodeToString(print[:12])
	p.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: p.key}, (&jose.SignerOptions{}).WithType("JWT"))
	return err
}

func readKey(file string) (*rsa.PrivateKey, error) {
	if file == "" {
		return nil, fs.ErrNotExist
	}
	text, err := readPrivate(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no key in PEM form: remove it to get a new one", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	signing, ok := key.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("%s holds no RSA key in PKCS #8: remove it to get a new one", file)
	}
	return signing, nil
}

func makeKey(file string) (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil || file == "" {
		return key, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writeDurably(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// jwks answers GET /jwks with the public key (RFC 7517).
func (p *Provider) jwks(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{p.key.Public()}})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "could not be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
