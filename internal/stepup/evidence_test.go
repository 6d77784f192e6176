package stepup_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/stinttest/passkey"
)

// AU-10: stored evidence verifies again, and no part of it can be changed.
func TestVerifyEvidence(t *testing.T) {
	t.Parallel()
	for _, alg := range []passkey.Alg{passkey.ES256, passkey.EdDSA, passkey.RS256} {
		d := newDesk(t)
		d.key.Alg = alg
		d.enrol()
		su, err := d.confirm()
		if err != nil {
			t.Fatal(err)
		}
		key := d.held[0].PublicKey
		if err := stepup.VerifyEvidence(su, key, rpID, origin); err != nil {
			t.Fatalf("algorithm %d: %v", alg, err)
		}
		for name, change := range evidenceChanges {
			changed := su
			change(&changed)
			if stepup.VerifyEvidence(changed, key, rpID, origin) == nil {
				t.Errorf("algorithm %d: evidence with other %s verifies", alg, name)
			}
		}
		if stepup.VerifyEvidence(su, key, "other.example", origin) == nil {
			t.Error("verifies for another RP id")
		}
		if stepup.VerifyEvidence(su, key, rpID, "https://other.example") == nil {
			t.Error("verifies for another origin")
		}
		if stepup.VerifyEvidence(su, enrolled(t).held[0].PublicKey, rpID, origin) == nil {
			t.Error("verifies with another key")
		}
		if stepup.VerifyEvidence(su, nil, rpID, origin) == nil {
			t.Error("verifies without a key")
		}
	}
}

var evidenceChanges = map[string]func(*pim.StepUp){
	"random": func(s *pim.StepUp) { s.Random = random(32) },
	"items": func(s *pim.StepUp) {
		longer := activate
		longer.Duration++
		s.Canonical = pim.CanonicalItems("p-ada", []pim.StepUpItem{longer})
	},
	"signature":            func(s *pim.StepUp) { s.Signature = flip(s.Signature) },
	"no signature":         func(s *pim.StepUp) { s.Signature = nil },
	"authenticator data":   func(s *pim.StepUp) { s.AuthData = flip(s.AuthData) },
	"no authenticator":     func(s *pim.StepUp) { s.AuthData = nil },
	"client data":          func(s *pim.StepUp) { s.ClientData = append(slices.Clone(s.ClientData), ' ') },
	"no client data":       func(s *pim.StepUp) { s.ClientData = nil },
	"recorded count":       func(s *pim.StepUp) { s.SignCount++ },
	"recorded verified":    func(s *pim.StepUp) { s.UserVerified = false },
	"recorded eligibility": func(s *pim.StepUp) { s.BackupEligible = true },
	"recorded backup":      func(s *pim.StepUp) { s.BackedUp = true },
}

func flip(b []byte) []byte {
	c := slices.Clone(b)
	c[len(c)-1] ^= 1
	return c
}

// The same evidence by the standard library alone, as an auditor with other tools would do it.
func TestEvidenceByOtherMeans(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	su, err := d.confirm()
	if err != nil {
		t.Fatal(err)
	}
	var cose struct {
		X []byte `cbor:"-2,keyasint"`
		Y []byte `cbor:"-3,keyasint"`
	}
	if err := cbor.Unmarshal(d.held[0].PublicKey, &cose); err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, cose.X, cose.Y))
	if err != nil {
		t.Fatal(err)
	}
	client := sha256.Sum256(su.ClientData)
	signed := sha256.Sum256(slices.Concat(su.AuthData, client[:]))
	if !ecdsa.VerifyASN1(key, signed[:], su.Signature) {
		t.Error("the standard library does not accept what we recorded")
	}
}
