package stepup

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"stint/internal/pim"
)

// VerifyEvidence verifies stored evidence again from its raw parts alone, as a third party would (NIST
// SP 800-53 AU-10): this key signed a challenge over exactly these items, at this origin, for this RP
// id, with user verification, and the recorded facts are those that were signed. publicKey is the COSE
// key of the credential. It does not say that the evidence was fresh or used once; the audit log does.
func VerifyEvidence(su pim.StepUp, publicKey []byte, rpID, origin string) error {
	e := expect{protocol.AssertCeremony, Challenge(su.Random, su.Canonical), origin}
	if r := e.clientData(su.ClientData); r != nil {
		return evidence(su, r)
	}
	var a protocol.AuthenticatorData
	if err := a.Unmarshal(su.AuthData); err != nil {
		return evidence(su, err)
	}
	if r := authData(a, rpID); r != nil {
		return evidence(su, r)
	}
	if su.UserVerified != a.Flags.HasUserVerified() || su.BackupEligible != a.Flags.HasBackupEligible() ||
		su.BackedUp != a.Flags.HasBackupState() || su.SignCount != a.Counter {
		return evidence(su, errors.New("the recorded facts are not those that were signed"))
	}
	key, err := webauthncose.ParsePublicKey(publicKey)
	if err != nil {
		return evidence(su, fmt.Errorf("public key: %w", err))
	}
	hash := sha256.Sum256(su.ClientData)
	if ok, err := webauthncose.VerifySignature(key, slices.Concat(su.AuthData, hash[:]), su.Signature); err != nil || !ok {
		return evidence(su, errors.New("the signature is not that of this key over these bytes"))
	}
	return nil
}

func evidence(su pim.StepUp, err error) error {
	var r *Refusal
	if errors.As(err, &r) {
		err = errors.New(string(r.Code))
	}
	return fmt.Errorf("evidence of ceremony %s does not verify: %w", su.CeremonyID, err)
}
