package stepup

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"stint/internal/pim"
)

// algorithms are what a passkey may sign with, best first (THREATS §3b).
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// formats are the attestation statements accepted where none is asked for: a client sends no other then (WebAuthn L3
// §5.1.3 step 22), and the parsers of the rest stay out of reach. makes are those that may come where it is.
var (
	formats = []string{string(protocol.AttestationFormatNone), string(protocol.AttestationFormatPacked)}
	makes   = append(slices.Clone(formats), string(protocol.AttestationFormatTPM), string(protocol.AttestationFormatAndroidKey), string(protocol.AttestationFormatApple))
)

func (rp *RelyingParty) formats() []string {
	if rp.attestation() == protocol.PreferNoAttestation {
		return formats
	}
	return makes
}

var transports = []protocol.AuthenticatorTransport{
	protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard, protocol.Hybrid, protocol.Internal,
}

// BeginRegistration returns the options for navigator.credentials.create, as
// PublicKeyCredentialCreationOptionsJSON (WebAuthn L3 §5.1.8), and the ceremony to store. existing are
// the person's passkeys, so that an authenticator is not enrolled twice.
func (rp *RelyingParty) BeginRegistration(v Visit, s Seed, existing []pim.Credential) (options []byte, c Ceremony, err error) {
	canonical := pim.CanonicalItems(v.Person.ID, []pim.StepUpItem{{Action: pim.ActionAddCredential, Object: s.ID}})
	if c, err = begin(v, s, Registration, canonical); err != nil {
		return nil, Ceremony{}, err
	}
	u, err := newUser(v.Person, existing)
	if err != nil {
		return nil, Ceremony{}, err
	}
	creation, session, err := rp.web.BeginRegistration(u,
		webauthn.WithCredentialParameters(algorithms),
		webauthn.WithExclusions(webauthn.Credentials(u.credentials).CredentialDescriptors()),
		func(o *protocol.PublicKeyCredentialCreationOptions) error {
			o.Challenge, o.Attestation = c.Challenge, rp.attestation()
			return nil
		})
	if err != nil {
		return nil, Ceremony{}, fmt.Errorf("stepup: begin registration: %w", err)
	}
	return sealed(creation.Response, session, c)
}

// FinishRegistration verifies the browser's answer (RegistrationResponseJSON) and returns the passkey.
// Its ID and Name are left for the caller, as is refusing a RawID that anybody already has.
func (rp *RelyingParty) FinishRegistration(v Visit, c Ceremony, response []byte) (pim.Credential, error) {
	session, err := c.open(v, Registration)
	if err != nil {
		return pim.Credential{}, err
	}
	parsed, err := rp.registration(c, response)
	if err != nil {
		return pim.Credential{}, err
	}
	got, err := rp.web.CreateCredential(user{person: v.Person}, session, parsed)
	if err != nil {
		return pim.Credential{}, refusal(err)
	}
	return pim.Credential{
		PrincipalID: v.Person.ID,
		RawID:       got.ID, PublicKey: got.PublicKey, AAGUID: got.Authenticator.AAGUID,
		Attestation: got.AttestationFormat, Transports: knownTransports(got.Transport),
		SignCount:      got.Authenticator.SignCount,
		BackupEligible: got.Flags.BackupEligible, BackedUp: got.Flags.BackupState,
		AttestedBy: rp.trust.attested(parsed.Response.AttestationObject, v.Now),
		CreatedAt:  v.Now,
	}, nil
}

// registration parses a response and applies the checks where Stint is stricter than the library.
func (rp *RelyingParty) registration(c Ceremony, response []byte) (*protocol.ParsedCredentialCreationData, error) {
	if r := strict(response); r != nil {
		return nil, r
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return nil, refuse(Malformed, err)
	}
	e := expect{protocol.CreateCeremony, c.Challenge, rp.origin}
	if r := e.clientData(parsed.Raw.AttestationResponse.ClientDataJSON); r != nil {
		return nil, r
	}
	object := parsed.Response.AttestationObject
	if r := authData(object.AuthData, rp.id); r != nil {
		return nil, r
	}
	if err := usable(object.AuthData.AttData.CredentialPublicKey); err != nil {
		return nil, refuse(BadKey, err)
	}
	if !slices.Contains(rp.formats(), object.Format) {
		return nil, refuse(BadAttestation, fmt.Errorf("format %q", object.Format))
	}
	return parsed, nil
}

// usable refuses a key that could never verify: with attestation "none" the library does not look.
func usable(cose []byte) error {
	key, err := webauthncose.ParsePublicKey(cose)
	if err != nil {
		return err
	}
	var alg int64
	switch k := key.(type) {
	case webauthncose.EC2PublicKeyData:
		alg = k.Algorithm
	case webauthncose.OKPPublicKeyData:
		alg = k.Algorithm
	case webauthncose.RSAPublicKeyData:
		if alg = k.Algorithm; len(k.Modulus) < 2048/8 {
			return fmt.Errorf("RSA modulus of %d bytes, at least 256 are needed", len(k.Modulus))
		}
	}
	for _, a := range algorithms {
		if int64(a.Algorithm) == alg {
			return nil
		}
	}
	return fmt.Errorf("algorithm %d was not asked for", alg)
}

// knownTransports keeps the values of WebAuthn L3 §5.8.4: the list is the client's word and unsigned.
func knownTransports(given []protocol.AuthenticatorTransport) []string {
	var known []string
	for _, t := range transports {
		if slices.Contains(given, t) {
			known = append(known, string(t))
		}
	}
	return known
}

// user is a person as the library asks for one.
type user struct {
	person      Person
	credentials []webauthn.Credential
}

func (u user) WebAuthnID() []byte                         { return u.person.Handle }
func (u user) WebAuthnName() string                       { return u.person.Name }
func (u user) WebAuthnDisplayName() string                { return u.person.DisplayName }
func (u user) WebAuthnCredentials() []webauthn.Credential { return u.credentials }

func newUser(p Person, credentials []pim.Credential) (user, error) {
	u := user{person: p}
	for _, c := range credentials {
		if c.PrincipalID != p.ID {
			return user{}, errors.New("stepup: given a passkey of another person")
		}
		flags := protocol.FlagUserPresent | protocol.FlagUserVerified
		if c.BackupEligible {
			flags |= protocol.FlagBackupEligible
		}
		if c.BackedUp {
			flags |= protocol.FlagBackupState
		}
		lc := webauthn.Credential{
			ID: c.RawID, PublicKey: c.PublicKey, AttestationFormat: c.Attestation,
			Flags:         webauthn.NewCredentialFlags(flags),
			Authenticator: webauthn.Authenticator{AAGUID: c.AAGUID, SignCount: c.SignCount},
		}
		for _, t := range c.Transports {
			lc.Transport = append(lc.Transport, protocol.AuthenticatorTransport(t))
		}
		u.credentials = append(u.credentials, lc)
	}
	return u, nil
}

// sealed writes the options for the browser and the library's session into the ceremony.
func sealed(options any, session *webauthn.SessionData, c Ceremony) ([]byte, Ceremony, error) {
	b, err := json.Marshal(options)
	if err != nil {
		return nil, Ceremony{}, fmt.Errorf("stepup: options: %w", err)
	}
	if c.Library, err = json.Marshal(session); err != nil {
		return nil, Ceremony{}, fmt.Errorf("stepup: session data: %w", err)
	}
	return b, c, nil
}
