package stepup

import (
	"errors"

	"github.com/go-webauthn/webauthn/protocol"
)

// Code names why a ceremony was refused. Codes are stable: they go into audit entries.
type Code string

const (
	Expired           Code = "expired"            // older than Lifetime
	WrongKind         Code = "wrong_kind"         // a registration finished as an assertion, or the reverse
	WrongPerson       Code = "wrong_person"       // begun by another principal
	WrongSession      Code = "wrong_session"      // begun in another session
	NoPasskey         Code = "no_passkey"         // the person has none
	TooLarge          Code = "too_large"          // response over 64 KiB
	Malformed         Code = "malformed"          // not a WebAuthn response, or not exactly one
	WrongType         Code = "wrong_type"         // clientData.type
	WrongChallenge    Code = "wrong_challenge"    // made for another ceremony
	WrongOrigin       Code = "wrong_origin"       // made on another site
	CrossOrigin       Code = "cross_origin"       // made in a frame of another site
	WrongRP           Code = "wrong_rp"           // rpIdHash
	NotPresent        Code = "not_present"        // UP flag missing
	NotVerified       Code = "not_verified"       // UV flag missing
	BackupInvalid     Code = "backup_invalid"     // backed up but not eligible for it
	BackupChanged     Code = "backup_changed"     // backup eligibility differs from registration
	BadKey            Code = "bad_key"            // algorithm not asked for, or a weak or broken key
	BadAttestation    Code = "bad_attestation"    // statement unknown or not verified
	UnknownCredential Code = "unknown_credential" // not one of the person's passkeys, or not asked for
	WrongHandle       Code = "wrong_handle"       // user handle of somebody else
	BadSignature      Code = "bad_signature"
	CloneSuspect      Code = "clone_suspect" // sign count did not rise (WebAuthn L3 §7.2 step 22)
)

const again = " Start again."

var messages = map[Code]string{
	Expired:           "This took longer than five minutes, so it is no longer valid." + again,
	WrongKind:         "This page belongs to another step." + again,
	WrongPerson:       "This confirmation was begun by somebody else." + again,
	WrongSession:      "You signed in again since this confirmation was begun." + again,
	NoPasskey:         "You have no passkey yet. Add one under your account first.",
	TooLarge:          "The passkey's answer is too large." + again,
	Malformed:         "The passkey's answer could not be read." + again,
	WrongType:         "The passkey answered another question than the one asked." + again,
	WrongChallenge:    "The passkey confirmed something else than what is asked here." + again,
	WrongOrigin:       "The passkey was used on another address than this one. Open Stint at its own address and start again.",
	CrossOrigin:       "The passkey was used inside another site's page. Open Stint in its own tab and start again.",
	WrongRP:           "The passkey answered for another site." + again,
	NotPresent:        "The passkey was not touched." + again,
	NotVerified:       "The passkey did not check that it is you. Set a PIN, fingerprint or face on it and start again.",
	BackupInvalid:     "The passkey contradicts itself about being backed up. Use another passkey.",
	BackupChanged:     "The passkey is no longer the kind it was when you added it. Use another passkey and tell an administrator.",
	BadKey:            "This kind of passkey is not supported. Use another one.",
	BadAttestation:    "The passkey's proof of origin could not be verified. Use another passkey.",
	UnknownCredential: "This passkey is not one of yours here, or it was removed. Use another passkey.",
	WrongHandle:       "This passkey belongs to another person.",
	BadSignature:      "The passkey's signature is not right." + again,
	CloneSuspect:      "This passkey may have been copied, so it was refused. Use another passkey and tell an administrator.",
}

// Refusal is an answer to the person, not a defect: Message is plain words for the screen, Code goes
// into the audit entry. Unwrap gives the technical cause where there is one, for logs only.
type Refusal struct {
	Code    Code
	Message string
	cause   error
}

// Error returns the message.
func (r *Refusal) Error() string { return r.Message }

// Unwrap returns the technical cause or nil.
func (r *Refusal) Unwrap() error { return r.cause }

func refuse(c Code, cause error) *Refusal {
	return &Refusal{Code: c, Message: messages[c], cause: cause}
}

// refusal turns the library's error into ours by its stable type; its texts change between versions.
func refusal(err error) *Refusal {
	var e *protocol.Error
	if !errors.As(err, &e) {
		return refuse(Malformed, err)
	}
	switch e.Type {
	case protocol.ErrAssertionSignature.Type:
		return refuse(BadSignature, err)
	case protocol.ErrInvalidAttestation.Type, protocol.ErrAttestation.Type, protocol.ErrAttestationCertificate.Type:
		return refuse(BadAttestation, err)
	}
	return refuse(Malformed, err)
}
