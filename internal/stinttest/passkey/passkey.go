package passkey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"
)

// Errors a browser would report as DOMException; the text is its name.
var (
	ErrNotAllowed   = errors.New("NotAllowedError")   // none of the allowed passkeys is held
	ErrInvalidState = errors.New("InvalidStateError") // an excluded passkey is already held
)

// Passkey is one authenticator in one browser. Change the fields between ceremonies as the test needs.
type Passkey struct {
	Origin string // of the page, as the browser reports it
	RPID   string // whose hash the authenticator data carries
	Alg    Alg    // of the next key; zero means ES256

	AAGUID         [16]byte
	BackupEligible bool
	BackedUp       bool
	SelfAttest     bool   // a "packed" self attestation instead of "none"
	NoCount        bool   // always counts 0, as synced passkeys do
	Maker          *Maker // vouches for the make of the next key, where it is asked for

	Faults Faults
	keys   []key
}

// Faults are ways to misbehave; the zero value is a good passkey.
type Faults struct {
	NoUserPresence     bool
	NoUserVerification bool
	StuckCount         bool    // the sign count does not rise
	Count              *uint32 // the sign count reported, whatever it should be
	CrossOrigin        bool    // used in a frame of another site
	TopOrigin          string  // that site, when not empty
	Type               string  // clientData.type
	Handle             []byte  // user handle of somebody else
	NoHandle           bool    // no user handle at all, which is allowed
	CredentialID       []byte  // id of the passkey made next
	FlipSignature      bool    // one bit wrong

	ClientData  func([]byte) []byte  // rewrites clientDataJSON before it is signed
	AuthData    func([]byte) []byte  // rewrites authenticatorData before it is signed
	Key         func(map[int]any)    // rewrites the COSE key
	Attestation func(map[string]any) // rewrites the attestation object: fmt, attStmt, authData
	Response    func(map[string]any) // rewrites the finished response
}

type key struct {
	id     []byte
	handle []byte
	count  uint32
	signer signer
}

// New returns a passkey without keys yet, used on a page of origin for the relying party rpID.
func New(origin, rpID string) *Passkey {
	return &Passkey{Origin: origin, RPID: rpID}
}

// Clone returns a copy with the same keys and counts: what somebody has who extracted them.
func (p *Passkey) Clone() *Passkey {
	c := *p
	c.keys = slices.Clone(p.keys)
	return &c
}

type descriptor struct {
	ID string `json:"id"`
}

// Create answers creation options (PublicKeyCredentialCreationOptionsJSON) with a new key, as
// RegistrationResponseJSON.
func (p *Passkey) Create(options []byte) ([]byte, error) {
	var o struct {
		Challenge   string `json:"challenge"`
		Attestation string `json:"attestation"`
		User        struct {
			ID string `json:"id"`
		} `json:"user"`
		Exclude []descriptor `json:"excludeCredentials"`
	}
	if err := json.Unmarshal(options, &o); err != nil || o.Challenge == "" {
		return nil, fmt.Errorf("creation options: %q: %w", options, err)
	}
	if p.find(o.Exclude) != nil {
		return nil, ErrInvalidState
	}
	handle, err := base64.RawURLEncoding.DecodeString(o.User.ID)
	if err != nil {
		return nil, fmt.Errorf("user.id: %w", err)
	}
	k := key{id: p.newID(), handle: handle, signer: newSigner(p.Alg)}
	p.keys = append(p.keys, k)
	return p.attest(k, p.clientData("webauthn.create", o.Challenge), o.Attestation == "direct")
}

// Get answers request options (PublicKeyCredentialRequestOptionsJSON) with the first key that is
// allowed, as AuthenticationResponseJSON.
func (p *Passkey) Get(options []byte) ([]byte, error) {
	var o struct {
		Challenge string       `json:"challenge"`
		Allow     []descriptor `json:"allowCredentials"`
	}
	if err := json.Unmarshal(options, &o); err != nil || o.Challenge == "" {
		return nil, fmt.Errorf("request options: %q: %w", options, err)
	}
	k := p.find(o.Allow)
	if k == nil && len(o.Allow) == 0 && len(p.keys) > 0 {
		k = &p.keys[0]
	}
	if k == nil {
		return nil, ErrNotAllowed
	}
	if !p.Faults.StuckCount && !p.NoCount {
		k.count++
	}
	return p.assert(*k, p.clientData("webauthn.get", o.Challenge))
}

func (p *Passkey) newID() []byte {
	if p.Faults.CredentialID != nil {
		return p.Faults.CredentialID
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id) // never fails: crypto/rand
	return id
}

func (p *Passkey) find(list []descriptor) *key {
	for i := range p.keys {
		if slices.Contains(list, descriptor{b64(p.keys[i].id)}) {
			return &p.keys[i]
		}
	}
	return nil
}

// clientData writes the members in the order browsers do (WebAuthn L3 §5.8.1.1).
func (p *Passkey) clientData(ceremony, challenge string) []byte {
	if p.Faults.Type != "" {
		ceremony = p.Faults.Type
	}
	b, err := json.Marshal(struct {
		Type        string `json:"type"`
		Challenge   string `json:"challenge"`
		Origin      string `json:"origin"`
		CrossOrigin bool   `json:"crossOrigin"`
		TopOrigin   string `json:"topOrigin,omitempty"`
	}{ceremony, challenge, p.Origin, p.Faults.CrossOrigin, p.Faults.TopOrigin})
	if err != nil {
		panic(err)
	}
	if p.Faults.ClientData != nil {
		b = p.Faults.ClientData(b)
	}
	return b
}

// authData is the authenticator data (WebAuthn L3 §6.1); attested is empty in an assertion.
func (p *Passkey) authData(k key, attested []byte) []byte {
	const up, uv, be, bs, at = 1 << 0, 1 << 2, 1 << 3, 1 << 4, 1 << 6
	var flags byte
	for bit, set := range map[byte]bool{up: !p.Faults.NoUserPresence, uv: !p.Faults.NoUserVerification,
		be: p.BackupEligible, bs: p.BackedUp, at: len(attested) > 0} {
		if set {
			flags |= bit
		}
	}
	count := k.count
	if p.Faults.Count != nil {
		count = *p.Faults.Count
	}
	hash := sha256.Sum256([]byte(p.RPID))
	b := append(hash[:], flags)
	b = append(binary.BigEndian.AppendUint32(b, count), attested...)
	if p.Faults.AuthData != nil {
		b = p.Faults.AuthData(b)
	}
	return b
}

func (p *Passkey) sign(k key, authData, clientData []byte) []byte {
	hash := sha256.Sum256(clientData)
	sig := k.signer.sign(slices.Concat(authData, hash[:]))
	if p.Faults.FlipSignature {
		sig[len(sig)-1] ^= 1
	}
	return sig
}

func (p *Passkey) attest(k key, clientData []byte, direct bool) ([]byte, error) {
	cose := k.signer.cose()
	if p.Faults.Key != nil {
		p.Faults.Key(cose)
	}
	attested := slices.Concat(p.AAGUID[:], binary.BigEndian.AppendUint16(nil, uint16(len(k.id))), k.id, encode(cose)) //nolint:gosec // ids of tests
	authData := p.authData(k, attested)
	object := map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": authData}
	if p.SelfAttest {
		object["fmt"] = "packed"
		object["attStmt"] = map[string]any{"alg": cose[3], "sig": p.sign(k, authData, clientData)}
	}
	if p.Maker != nil && direct {
		object["fmt"], object["attStmt"] = "packed", p.Maker.vouch(p.AAGUID, authData, clientData)
	}
	if p.Faults.Attestation != nil {
		p.Faults.Attestation(object)
	}
	return p.respond(k, map[string]any{
		"clientDataJSON":    b64(clientData),
		"attestationObject": b64(encode(object)),
		"transports":        []string{"internal", "hybrid"},
	})
}

func (p *Passkey) assert(k key, clientData []byte) ([]byte, error) {
	authData := p.authData(k, nil)
	response := map[string]any{
		"clientDataJSON":    b64(clientData),
		"authenticatorData": b64(authData),
		"signature":         b64(p.sign(k, authData, clientData)),
		"userHandle":        b64(k.handle),
	}
	if p.Faults.Handle != nil {
		response["userHandle"] = b64(p.Faults.Handle)
	}
	if p.Faults.NoHandle {
		delete(response, "userHandle")
	}
	return p.respond(k, response)
}

func (p *Passkey) respond(k key, response map[string]any) ([]byte, error) {
	all := map[string]any{
		"id": b64(k.id), "rawId": b64(k.id), "type": "public-key",
		"authenticatorAttachment": "platform", "clientExtensionResults": map[string]any{},
		"response": response,
	}
	if p.Faults.Response != nil {
		p.Faults.Response(all)
	}
	return json.Marshal(all)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func encode(v any) []byte {
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	b, err := mode.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
