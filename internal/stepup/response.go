package stepup

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
)

// MaxResponse is the largest response accepted, in bytes; real ones are below 4 KiB.
const MaxResponse = 64 << 10

// maxCredentialID is the longest credential id allowed, in bytes (WebAuthn L3 §7.1 step 25). In a
// registration the library refuses longer ones itself.
const maxCredentialID = 1023

// strict refuses what parsers read differently: oversize, invalid UTF-8, trailing bytes, and a member
// named twice, also when the names differ only in case (encoding/json would silently take the last).
func strict(response []byte) *Refusal {
	if len(response) > MaxResponse {
		return refuse(TooLarge, nil)
	}
	if err := oneObject(response); err != nil {
		return refuse(Malformed, err)
	}
	return nil
}

func oneObject(b []byte) error {
	if !utf8.Valid(b) {
		return errors.New("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	if err := members(d, 1); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("trailing bytes")
	}
	return nil
}

// members reads an object whose '{' was just read, up to and including its '}'.
func members(d *json.Decoder, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, ok := t.(string)
		// Upper first: ſ and the Kelvin sign fold to s and k for encoding/json, ToLower alone misses ſ.
		if folded := strings.ToLower(strings.ToUpper(name)); !ok || seen[folded] {
			return fmt.Errorf("member %q twice", name)
		} else {
			seen[folded] = true
		}
		if err := value(d, depth); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func value(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil || depth > 16 {
		return errors.Join(err, errors.New("cut off or nested too deeply"))
	}
	switch t {
	case json.Delim('{'):
		return members(d, depth+1)
	case json.Delim('['):
		for d.More() {
			if err := value(d, depth+1); err != nil {
				return err
			}
		}
		_, err = d.Token()
	}
	return err
}

// expect is what one ceremony's client data must say.
type expect struct {
	ceremony  protocol.CeremonyType
	challenge []byte
	origin    string
}

// clientData checks collected client data (WebAuthn L3 §5.8.1) by exact member names and exact values.
// The library compares origins without regard to case and path and tolerates an empty topOrigin; here
// the origin is one string, and a frame of another site is refused however it says so.
func (e expect) clientData(raw []byte) *Refusal {
	if err := oneObject(raw); err != nil {
		return refuse(Malformed, err)
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return refuse(Malformed, err)
	}
	text := func(name string) (s string) { _ = json.Unmarshal(m[name], &s); return s }
	_, topOrigin := m["topOrigin"]
	crossOrigin, stated := m["crossOrigin"]
	switch {
	case text("type") != string(e.ceremony):
		return refuse(WrongType, nil)
	case text("challenge") != protocol.URLEncodedBase64(e.challenge).String():
		return refuse(WrongChallenge, nil)
	case text("origin") != e.origin:
		return refuse(WrongOrigin, nil)
	case topOrigin || stated && string(crossOrigin) != "false":
		return refuse(CrossOrigin, nil)
	}
	return nil
}

// authData checks what the authenticator says of itself (WebAuthn L3 §6.1).
func authData(a protocol.AuthenticatorData, rpID string) *Refusal {
	hash := sha256.Sum256([]byte(rpID))
	switch {
	case !bytes.Equal(a.RPIDHash, hash[:]):
		return refuse(WrongRP, nil)
	case !a.Flags.HasUserPresent():
		return refuse(NotPresent, nil)
	case !a.Flags.HasUserVerified():
		return refuse(NotVerified, nil)
	case a.Flags.HasBackupState() && !a.Flags.HasBackupEligible():
		return refuse(BackupInvalid, nil)
	}
	return nil
}
