package passkey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
)

// Alg is a COSE algorithm (RFC 9053, RFC 8812).
type Alg int

const (
	ES256 Alg = -7
	EdDSA Alg = -8
	RS256 Alg = -257
)

type signer interface {
	sign(data []byte) []byte
	cose() map[int]any // labels of RFC 9052 §7
}

// newSigner makes a key; entropy never fails, so neither does this.
func newSigner(a Alg) signer {
	switch a {
	case EdDSA:
		_, k, err := ed25519.GenerateKey(rand.Reader)
		return must(edKey(k), err)
	case RS256:
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		return must(rsaKey{k}, err)
	default:
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		return must(ecKey{k}, err)
	}
}

type ecKey struct{ k *ecdsa.PrivateKey }

func (e ecKey) sign(data []byte) []byte {
	digest := sha256.Sum256(data)
	return must(ecdsa.SignASN1(rand.Reader, e.k, digest[:]))
}

func (e ecKey) cose() map[int]any {
	point := must(e.k.PublicKey.Bytes()) // 4 ‖ x ‖ y
	return map[int]any{1: 2, 3: int(ES256), -1: 1, -2: point[1:33], -3: point[33:]}
}

type edKey ed25519.PrivateKey

func (e edKey) sign(data []byte) []byte { return ed25519.Sign(ed25519.PrivateKey(e), data) }

func (e edKey) cose() map[int]any {
	return map[int]any{1: 1, 3: int(EdDSA), -1: 6, -2: []byte(e[ed25519.SeedSize:])}
}

type rsaKey struct{ k *rsa.PrivateKey }

func (r rsaKey) sign(data []byte) []byte {
	digest := sha256.Sum256(data)
	return must(rsa.SignPKCS1v15(rand.Reader, r.k, crypto.SHA256, digest[:]))
}

func (r rsaKey) cose() map[int]any {
	return map[int]any{1: 3, 3: int(RS256), -1: r.k.N.Bytes(), -2: big.NewInt(int64(r.k.E)).Bytes()}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
