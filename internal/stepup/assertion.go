package stepup

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"stint/internal/pim"
)

// BeginAssertion returns the options for navigator.credentials.get, as
// PublicKeyCredentialRequestOptionsJSON (WebAuthn L3 §5.1.9), and the ceremony to store. credentials
// are the person's passkeys; canonical is what pim.CanonicalItems wrote for the items to confirm.
// A person without a passkey is refused (NoPasskey).
func (rp *RelyingParty) BeginAssertion(v Visit, s Seed, credentials []pim.Credential, canonical []byte) (options []byte, c Ceremony, err error) {
	if c, err = begin(v, s, Assertion, canonical); err != nil {
		return nil, Ceremony{}, err
	}
	u, err := newUser(v.Person, credentials)
	if err != nil {
		return nil, Ceremony{}, err
	}
	if len(u.credentials) == 0 {
		return nil, Ceremony{}, refuse(NoPasskey, nil)
	}
	assertion, session, err := rp.web.BeginLogin(u, webauthn.WithChallenge(c.Challenge))
	if err != nil {
		return nil, Ceremony{}, fmt.Errorf("stepup: begin assertion: %w", err)
	}
	return sealed(assertion.Response, session, c)
}

// FinishAssertion verifies the browser's answer (AuthenticationResponseJSON) against the person's
// passkeys as they are now and returns the evidence. The caller then writes SignCount, BackedUp and At
// to the credential, in the same transaction as what the evidence allows (WebAuthn L3 §7.2 step 24).
func (rp *RelyingParty) FinishAssertion(v Visit, c Ceremony, credentials []pim.Credential, response []byte) (pim.StepUp, error) {
	session, err := c.open(v, Assertion)
	if err != nil {
		return pim.StepUp{}, err
	}
	u, err := newUser(v.Person, credentials)
	if err != nil {
		return pim.StepUp{}, err
	}
	parsed, err := rp.assertion(c, response)
	if err != nil {
		return pim.StepUp{}, err
	}
	held, r := pick(&session, v.Person, credentials, parsed)
	if r != nil {
		return pim.StepUp{}, r
	}
	got, err := rp.web.ValidateLogin(u, session, parsed)
	if err != nil {
		return pim.StepUp{}, refusal(err)
	}
	if got.Authenticator.CloneWarning { // §7.2 step 22 leaves it to us; a copied key is never accepted
		return pim.StepUp{}, refuse(CloneSuspect, nil)
	}
	return proof(c, v.Person, held, parsed, v.Now), nil
}

// proof is what a verified answer proves.
func proof(c Ceremony, p Person, held pim.Credential, parsed *protocol.ParsedCredentialAssertionData, now time.Time) pim.StepUp {
	flags, raw := parsed.Response.AuthenticatorData.Flags, parsed.Raw.AssertionResponse
	return pim.StepUp{
		CeremonyID: c.ID, PrincipalID: p.ID, CredentialID: held.ID, At: now,
		UserVerified:   flags.HasUserVerified(),
		BackupEligible: flags.HasBackupEligible(),
		BackedUp:       flags.HasBackupState(),
		SignCount:      parsed.Response.AuthenticatorData.Counter,
		Random:         c.Random, Canonical: c.Canonical,
		AuthData: raw.AuthenticatorData, ClientData: raw.ClientDataJSON, Signature: raw.Signature,
	}
}

// assertion parses a response and applies the checks where Stint is stricter than the library.
func (rp *RelyingParty) assertion(c Ceremony, response []byte) (*protocol.ParsedCredentialAssertionData, error) {
	if r := strict(response); r != nil {
		return nil, r
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return nil, refuse(Malformed, err)
	}
	if n := len(parsed.RawID); n > maxCredentialID {
		return nil, refuse(Malformed, fmt.Errorf("credential id of %d bytes", n))
	}
	e := expect{protocol.AssertCeremony, c.Challenge, rp.origin}
	if r := e.clientData(parsed.Raw.AssertionResponse.ClientDataJSON); r != nil {
		return nil, r
	}
	if r := authData(parsed.Response.AuthenticatorData, rp.id); r != nil {
		return nil, r
	}
	return parsed, nil
}

// pick finds the passkey that answered: asked for when the ceremony began and still the person's. The
// session forgets passkeys removed meanwhile, or the library would refuse the remaining ones too.
func pick(session *webauthn.SessionData, p Person, credentials []pim.Credential, a *protocol.ParsedCredentialAssertionData) (pim.Credential, *Refusal) {
	byID := func(id []byte) int {
		return slices.IndexFunc(credentials, func(c pim.Credential) bool { return bytes.Equal(c.RawID, id) })
	}
	session.AllowedCredentialIDs = slices.DeleteFunc(session.AllowedCredentialIDs, func(id []byte) bool { return byID(id) < 0 })
	asked := slices.ContainsFunc(session.AllowedCredentialIDs, func(id []byte) bool { return bytes.Equal(id, a.RawID) })
	if !asked {
		return pim.Credential{}, refuse(UnknownCredential, nil)
	}
	if h := a.Response.UserHandle; len(h) > 0 && !bytes.Equal(h, p.Handle) {
		return pim.Credential{}, refuse(WrongHandle, nil)
	}
	held := credentials[byID(a.RawID)]
	if held.BackupEligible != a.Response.AuthenticatorData.Flags.HasBackupEligible() {
		return pim.Credential{}, refuse(BackupChanged, nil)
	}
	return held, nil
}
