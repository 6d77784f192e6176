package stepup_test

import (
	"errors"
	"testing"

	"github.com/descope/virtualwebauthn"

	"stint/internal/pim"
	"stint/internal/stepup"
)

// wholeEC2 is a COSE key with both coordinates of 32 bytes. The other implementation drops zeros at the beginning of one,
// which RFC 9053 section 7.1.1 forbids and Stint refuses: such a key comes once in 128.
const wholeEC2 = 77

// An authenticator that somebody else wrote enrols (packed self attestation) and confirms.
func TestOtherAuthenticator(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]virtualwebauthn.KeyType{"EC2": virtualwebauthn.KeyTypeEC2, "RSA": virtualwebauthn.KeyTypeRSA} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			site := virtualwebauthn.RelyingParty{ID: rpID, Name: "Stint", Origin: origin}
			device := virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: d.visit.Person.Handle})
			key := virtualwebauthn.NewCredential(kind)
			for kind == virtualwebauthn.KeyTypeEC2 && len(key.Key.AttestationData()) < wholeEC2 {
				key = virtualwebauthn.NewCredential(kind)
			}
			options, ceremony, err := d.rp.BeginRegistration(d.visit, d.seed(), nil)
			if err != nil {
				t.Fatal(err)
			}
			asked, err := virtualwebauthn.ParseAttestationOptions(string(options))
			if err != nil {
				t.Fatal(err)
			}
			c, err := d.rp.FinishRegistration(d.visit, ceremony, []byte(virtualwebauthn.CreateAttestationResponse(site, device, key, *asked)))
			if err != nil {
				t.Fatalf("%v (%v)", err, errors.Unwrap(err))
			}
			if c.Attestation != "packed" {
				t.Errorf("attestation %q", c.Attestation)
			}
			d.held = []pim.Credential{c}
			options, ceremony, err = d.rp.BeginAssertion(d.visit, d.seed(), d.held, pim.CanonicalItems("p-ada", []pim.StepUpItem{activate}))
			if err != nil {
				t.Fatal(err)
			}
			question, err := virtualwebauthn.ParseAssertionOptions(string(options))
			if err != nil {
				t.Fatal(err)
			}
			su, err := d.rp.FinishAssertion(d.visit, ceremony, d.held, []byte(virtualwebauthn.CreateAssertionResponse(site, device, key, *question)))
			if err != nil {
				t.Fatalf("%v (%v)", err, errors.Unwrap(err))
			}
			if err := stepup.VerifyEvidence(su, c.PublicKey, rpID, origin); err != nil {
				t.Error(err)
			}
		})
	}
}
