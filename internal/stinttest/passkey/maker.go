package passkey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"
	"time"
)

// Maker builds authenticators and vouches for them: a root certificate and, under it, one of a batch (WebAuthn L3 §8.2).
type Maker struct {
	root  *x509.Certificate
	batch *x509.Certificate
	key   *ecdsa.PrivateKey

	Faults struct {
		OtherKey bool     // signs with a key that is not the certificate's
		Model    [16]byte // what the certificate says it is, when not zero
	}
	rootKey *ecdsa.PrivateKey
}

// NewMaker makes a maker with a root of its own.
func NewMaker(name string) *Maker {
	m := &Maker{rootKey: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), key: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
	m.root = m.certify(&x509.Certificate{Subject: pkix.Name{CommonName: name + " root"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, &m.rootKey.PublicKey)
	m.batch = m.certify(m.template(name), m.root, &m.key.PublicKey)
	return m
}

func (m *Maker) template(name string) *x509.Certificate {
	return &x509.Certificate{BasicConstraintsValid: true,
		Subject: pkix.Name{Country: []string{"SE"}, Organization: []string{name}, OrganizationalUnit: []string{"Authenticator Attestation"}, CommonName: name + " batch 1"}}
}

// certify signs a certificate that outlives every clock of a test.
func (m *Maker) certify(c, parent *x509.Certificate, key *ecdsa.PublicKey) *x509.Certificate {
	if parent == nil {
		parent = c
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(time.Now().UnixNano()), time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	der := must(x509.CreateCertificate(rand.Reader, c, parent, key, m.rootKey))
	return must(x509.ParseCertificate(der))
}

// Root is the root certificate as PEM.
func (m *Maker) Root() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.root.Raw})
}

// vouch is a statement of format "packed" about what was just made.
func (m *Maker) vouch(model [16]byte, authData, clientData []byte) map[string]any {
	batch, key := m.batch, m.key
	if m.Faults.Model != [16]byte{} {
		c := m.template("Other")
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}, Value: must(asn1.Marshal(m.Faults.Model[:]))}}
		batch = m.certify(c, m.root, &m.key.PublicKey)
	}
	if m.Faults.OtherKey {
		key = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	}
	hash := sha256.Sum256(clientData)
	digest := sha256.Sum256(slices.Concat(authData, hash[:]))
	return map[string]any{"alg": int(ES256), "sig": must(ecdsa.SignASN1(rand.Reader, key, digest[:])), "x5c": []any{batch.Raw}}
}
