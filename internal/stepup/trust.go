package stepup

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"stint/internal/pim"
)

// Trust is under which certificates, and of which models, a passkey counts as attested. The zero value trusts none.
type Trust struct {
	roots  map[string]*x509.Certificate // by fingerprint
	models [][]byte
}

// ReadTrust reads root certificates (PEM) and the AAGUIDs of the models that count; no models: every one under these
// roots.
func ReadTrust(certificates []byte, models []string) (Trust, error) {
	t := Trust{roots: map[string]*x509.Certificate{}}
	for rest := certificates; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			return Trust{}, fmt.Errorf("certificate %d cannot be read: it must be PEM blocks of type CERTIFICATE", len(t.roots)+1)
		}
		t.roots[fingerprint(cert)] = cert
	}
	if len(t.roots) == 0 {
		return Trust{}, errors.New("there is no certificate in it; write the roots of the makers you trust, as PEM")
	}
	for _, m := range models {
		id, err := ParseModel(m)
		if err != nil {
			return Trust{}, err
		}
		t.models = append(t.models, id)
	}
	return t, nil
}

// ParseModel reads an AAGUID as makers publish it, 2fc0579f-8113-47ea-b116-bb5a8db9202a.
func ParseModel(text string) ([]byte, error) {
	id, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(text), "-", ""))
	if err != nil || len(id) != 16 || bytes.Equal(id, make([]byte, 16)) {
		return nil, fmt.Errorf("%q is not the AAGUID of a model; write it like 2fc0579f-8113-47ea-b116-bb5a8db9202a", text)
	}
	return id, nil
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// Rule is the trust as the rules of activation ask for it.
func (t Trust) Rule() pim.KeyRule {
	k := pim.KeyRule{Models: slices.Clone(t.models)}
	for id := range t.roots {
		k.Roots = append(k.Roots, id)
	}
	slices.Sort(k.Roots)
	slices.SortFunc(k.Models, bytes.Compare)
	return k
}

// Trusting returns the same relying party, which asks new passkeys for their make and believes what these roots vouch for.
func (rp *RelyingParty) Trusting(t Trust) *RelyingParty {
	with := *rp
	with.trust = t
	return &with
}

// KeyRule is which passkeys count as attested here.
func (rp *RelyingParty) KeyRule() pim.KeyRule { return rp.trust.Rule() }

// attestation is how much is asked of a new passkey. Browsers tell people that a make is asked for, so it is only where
// something depends on it.
func (rp *RelyingParty) attestation() protocol.ConveyancePreference {
	if len(rp.trust.roots) > 0 {
		return protocol.PreferDirectAttestation
	}
	return protocol.PreferNoAttestation
}

// attested returns the fingerprint of the root under which the make of a new passkey is proved, or "". The library has
// verified by then that the statement is signed by the first certificate and is about this very key; whose certificate
// it is it does not ask (WebAuthn L3 §7.1 steps 22 and 24).
func (t Trust) attested(o protocol.AttestationObject, now time.Time) string {
	if len(t.roots) == 0 || o.AuthData.Flags.HasBackupEligible() || bytes.Equal(o.AuthData.AttData.AAGUID, make([]byte, 16)) {
		return ""
	}
	chain := chainOf(o)
	if len(chain) == 0 {
		return "" // none, or signed by the key itself, which proves no make
	}
	pool, between := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range t.roots {
		pool.AddCert(c)
	}
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	found, err := chain[0].Verify(x509.VerifyOptions{Roots: pool, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return ""
	}
	return fingerprint(found[0][len(found[0])-1])
}

var subjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

// chainOf reads the certificates of a statement, the authenticator's first.
func chainOf(o protocol.AttestationObject) (out []*x509.Certificate) {
	raw, _ := o.AttStatement["x5c"].([]any)
	for _, entry := range raw {
		der, _ := entry.([]byte)
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil
		}
		// A TPM's certificate has no subject but this name, marked critical, in a form that crypto/x509 leaves to us; the
		// library has read it (TCG EK Credential Profile §3.2.9).
		c.UnhandledCriticalExtensions = slices.DeleteFunc(c.UnhandledCriticalExtensions, func(id asn1.ObjectIdentifier) bool { return id.Equal(subjectAltName) })
		out = append(out, c)
	}
	return out
}
