package stepup

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Lifetime is how long a ceremony may take from begin to finish (DESIGN §4 invariant 4).
const Lifetime = 5 * time.Minute

// minRandom is the least randomness in a challenge, in bytes (WebAuthn L3 §13.4.3 asks for 16).
const minRandom = 32

// RelyingParty is Stint as passkeys know it. It is safe for concurrent use.
type RelyingParty struct {
	id     string
	origin string
	web    *webauthn.WebAuthn
	trust  Trust
}

// New returns the relying party of the configured public URL: its host is the RP id, its scheme, host
// and port are the only origin accepted. An IP address and plain http are refused (http://localhost,
// which browsers treat as secure, is allowed). name is what the browser shows beside the passkey.
func New(publicURL, name string) (*RelyingParty, error) {
	id, origin, err := identity(publicURL)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, errors.New("the name shown beside passkeys is empty: give one")
	}
	timeout := webauthn.TimeoutConfig{Timeout: Lifetime, TimeoutUVD: Lifetime} // not enforced there: it reads the wall clock
	web, err := webauthn.New(&webauthn.Config{
		RPID:                  id,
		RPDisplayName:         name,
		RPOrigins:             []string{origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey:        protocol.ResidentKeyRequirementRequired,
			RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification:   protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
		// §7.1 step 18 tells relying parties to ignore what they did not ask for; clients do send some.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("public URL %q cannot be used for passkeys: %w", publicURL, err)
	}
	return &RelyingParty{id: id, origin: origin, web: web}, nil
}

// ID is the RP id: the host of the public URL.
func (rp *RelyingParty) ID() string { return rp.id }

// Origin is the one origin accepted, as browsers write it: scheme://host[:port].
func (rp *RelyingParty) Origin() string { return rp.origin }

func identity(publicURL string) (id, origin string, err error) {
	u, err := url.Parse(publicURL)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return "", "", fmt.Errorf("public URL %q: write it as https://stint.example.com", publicURL)
	}
	id = strings.ToLower(u.Hostname())
	if _, err := netip.ParseAddr(id); err == nil {
		return "", "", fmt.Errorf("public URL %q: passkeys need a host name, not an IP address (for a trial use http://localhost)", publicURL)
	}
	if u.Scheme == "http" && id != "localhost" {
		return "", "", fmt.Errorf("public URL %q: passkeys need https (plain http only for http://localhost)", publicURL)
	}
	if err := protocol.ValidateRPID(id); err != nil {
		return "", "", fmt.Errorf("public URL %q: the host is no valid name for passkeys: %w", publicURL, err)
	}
	origin = u.Scheme + "://" + id
	if p := u.Port(); p != "" && p != map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		origin += ":" + p
	}
	return id, origin, nil
}

// Person is whom a passkey belongs to. Handle is the WebAuthn user handle: 1 to 64 random bytes, the
// same for all passkeys of the person and never anything personal (WebAuthn L3 §14.6.1).
type Person struct {
	ID          string // principal id
	Name        string // account name, shown by the authenticator
	DisplayName string
	Handle      []byte
}

// Visit says who asks, in which session and when. It comes from the signed-in request, never from a form.
type Visit struct {
	Person      Person
	SessionHash string // as the sessions table holds it, opaque here
	Now         time.Time
}

// Seed is what the caller makes fresh for each ceremony: an id and at least 32 bytes from crypto/rand.
type Seed struct {
	ID     string
	Random []byte
}

// Kind says what a ceremony is for.
type Kind string

const (
	Registration Kind = "registration" // makes a passkey
	Assertion    Kind = "assertion"    // confirms items with one
)

// Ceremony is what the caller stores between begin and finish: plain data, the same after a round trip
// through SQL or JSON. It is good for one finish; consume its row before calling Finish.
type Ceremony struct {
	ID          string          `json:"id"`
	Kind        Kind            `json:"kind"`
	PrincipalID string          `json:"principal_id"`
	SessionHash string          `json:"session_hash"`
	Random      []byte          `json:"random"`
	Canonical   []byte          `json:"canonical"`  // the exact bytes confirmed
	Challenge   []byte          `json:"challenge"`  // Challenge(Random, Canonical)
	ExpiresAt   time.Time       `json:"expires_at"` // whole microseconds, UTC
	Library     json.RawMessage `json:"library"`    // go-webauthn's session data, verbatim
}

// Challenge is SHA-256(random ‖ SHA-256(canonical)), 32 bytes (DESIGN §4 invariant 4).
func Challenge(random, canonical []byte) []byte {
	digest := sha256.Sum256(canonical)
	sum := sha256.Sum256(append(append(make([]byte, 0, len(random)+len(digest)), random...), digest[:]...))
	return sum[:]
}

// begin fills a ceremony; what is missing is a defect of the caller, not of the person.
func begin(v Visit, s Seed, k Kind, canonical []byte) (Ceremony, error) {
	switch {
	case s.ID == "" || v.Person.ID == "" || v.SessionHash == "" || v.Now.IsZero():
		return Ceremony{}, errors.New("stepup: a ceremony needs an id, a person, a session and the time")
	case len(s.Random) < minRandom:
		return Ceremony{}, fmt.Errorf("stepup: a challenge needs %d random bytes, got %d", minRandom, len(s.Random))
	case len(canonical) == 0:
		return Ceremony{}, errors.New("stepup: nothing to confirm: the canonical items are empty")
	}
	return Ceremony{
		ID: s.ID, Kind: k, PrincipalID: v.Person.ID, SessionHash: v.SessionHash,
		Random: s.Random, Canonical: canonical, Challenge: Challenge(s.Random, canonical),
		ExpiresAt: v.Now.UTC().Truncate(time.Microsecond).Add(Lifetime),
	}, nil
}

// open checks that the visit may finish this ceremony and returns the library's session of it.
func (c Ceremony) open(v Visit, k Kind) (webauthn.SessionData, error) {
	var session webauthn.SessionData
	switch {
	case c.Kind != k:
		return session, refuse(WrongKind, nil)
	case c.PrincipalID != v.Person.ID:
		return session, refuse(WrongPerson, nil)
	case subtle.ConstantTimeCompare([]byte(c.SessionHash), []byte(v.SessionHash)) != 1:
		return session, refuse(WrongSession, nil)
	case !v.Now.Before(c.ExpiresAt):
		return session, refuse(Expired, nil)
	case subtle.ConstantTimeCompare(c.Challenge, Challenge(c.Random, c.Canonical)) != 1:
		return session, fmt.Errorf("stepup: ceremony %s: the stored challenge is not that of the stored items", c.ID)
	}
	if err := json.Unmarshal(c.Library, &session); err != nil {
		return session, fmt.Errorf("stepup: ceremony %s: stored session data: %w", c.ID, err)
	}
	if session.Challenge != protocol.URLEncodedBase64(c.Challenge).String() {
		return session, fmt.Errorf("stepup: ceremony %s: the library's challenge is not the ceremony's", c.ID)
	}
	return session, nil
}
