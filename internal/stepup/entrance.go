package stepup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"stint/internal/pim"
)

// Entrance is a ceremony of somebody who is nobody yet: the passkey itself says whose it is.
const Entrance Kind = "entrance"

// BeginEntrance returns the options for navigator.credentials.get with no passkey named, so that the browser offers
// those it finds (WebAuthn L3 §5.1.4, discoverable credentials), and the ceremony to keep.
func (rp *RelyingParty) BeginEntrance(s Seed, now time.Time) (options []byte, c Ceremony, err error) {
	if s.ID == "" || now.IsZero() || len(s.Random) < minRandom {
		return nil, Ceremony{}, fmt.Errorf("stepup: an entrance needs an id, the time and %d random bytes", minRandom)
	}
	canonical, err := json.Marshal(struct {
		V        int    `json:"v"`
		Entrance string `json:"entrance"`
	}{1, s.ID})
	if err != nil {
		return nil, Ceremony{}, err
	}
	c = Ceremony{ID: s.ID, Kind: Entrance, Random: s.Random, Canonical: canonical, Challenge: Challenge(s.Random, canonical),
		ExpiresAt: now.UTC().Truncate(time.Microsecond).Add(Lifetime)}
	assertion, session, err := rp.web.BeginDiscoverableLogin(webauthn.WithChallenge(c.Challenge), webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, Ceremony{}, fmt.Errorf("stepup: begin entrance: %w", err)
	}
	return sealed(assertion.Response, session, c)
}

// EntranceKey checks an answer as far as that goes without knowing anybody, and returns the credential id in it.
func (rp *RelyingParty) EntranceKey(c Ceremony, response []byte, now time.Time) ([]byte, error) {
	parsed, err := rp.entrance(c, response, now)
	if err != nil {
		return nil, err
	}
	return parsed.RawID, nil
}

// FinishEntrance verifies the answer against the passkeys of the person whom it names. Evidence is written as after
// FinishAssertion.
func (rp *RelyingParty) FinishEntrance(c Ceremony, p Person, credentials []pim.Credential, response []byte, now time.Time) (pim.StepUp, error) {
	parsed, err := rp.entrance(c, response, now)
	if err != nil {
		return pim.StepUp{}, err
	}
	held, r := owned(p, credentials, parsed)
	if r != nil {
		return pim.StepUp{}, r
	}
	u, err := newUser(p, credentials)
	if err != nil {
		return pim.StepUp{}, err
	}
	var session webauthn.SessionData
	if err := json.Unmarshal(c.Library, &session); err != nil {
		return pim.StepUp{}, fmt.Errorf("stepup: ceremony %s: stored session data: %w", c.ID, err)
	}
	got, err := rp.web.ValidateDiscoverableLogin(func(_, _ []byte) (webauthn.User, error) { return u, nil }, session, parsed)
	if err != nil {
		return pim.StepUp{}, refusal(err)
	}
	if got.Authenticator.CloneWarning {
		return pim.StepUp{}, refuse(CloneSuspect, nil)
	}
	return proof(c, p, held, parsed, now), nil
}

// entrance parses an answer to a ceremony that is still good.
func (rp *RelyingParty) entrance(c Ceremony, response []byte, now time.Time) (*protocol.ParsedCredentialAssertionData, error) {
	switch {
	case c.Kind != Entrance:
		return nil, refuse(WrongKind, nil)
	case !now.Before(c.ExpiresAt):
		return nil, refuse(Expired, nil)
	case !bytes.Equal(c.Challenge, Challenge(c.Random, c.Canonical)):
		return nil, fmt.Errorf("stepup: ceremony %s: the stored challenge is not that of the stored items", c.ID)
	}
	return rp.assertion(c, response)
}

// owned finds the passkey that answered among a person's; it must name its person (WebAuthn L3 §7.2 step 6).
func owned(p Person, credentials []pim.Credential, a *protocol.ParsedCredentialAssertionData) (pim.Credential, *Refusal) {
	i := slices.IndexFunc(credentials, func(c pim.Credential) bool { return bytes.Equal(c.RawID, a.RawID) })
	switch {
	case i < 0:
		return pim.Credential{}, refuse(UnknownCredential, nil)
	case !bytes.Equal(a.Response.UserHandle, p.Handle):
		return pim.Credential{}, refuse(WrongHandle, errors.New("an entrance needs the user handle"))
	case credentials[i].BackupEligible != a.Response.AuthenticatorData.Flags.HasBackupEligible():
		return pim.Credential{}, refuse(BackupChanged, nil)
	}
	return credentials[i], nil
}
