package stepup_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"stint/internal/stepup"
	"stint/internal/stinttest/passkey"
)

// What the browser is asked for: resident, verified, three algorithms, no attestation, a fresh 32-byte challenge.
func TestCreationOptions(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	options, c, err := d.rp.BeginRegistration(d.visit, d.seed(), d.held)
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		Challenge   string
		Timeout     int
		Attestation string
		RP          struct{ ID, Name string }
		User        struct{ ID, Name, DisplayName string }
		Params      []struct{ Alg int }                            `json:"pubKeyCredParams"`
		Select      struct{ ResidentKey, UserVerification string } `json:"authenticatorSelection"`
		Exclude     []struct{ ID string }                          `json:"excludeCredentials"`
	}
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(o.Params); got != "[{-7} {-8} {-257}]" {
		t.Errorf("algorithms %s", got)
	}
	if o.RP.ID != rpID || o.Select.ResidentKey != "required" || o.Select.UserVerification != "required" || o.Attestation != "none" {
		t.Errorf("options %s", options)
	}
	if o.User.Name != "ada" || o.User.DisplayName != "Ada Lovelace" || o.User.ID == "" {
		t.Errorf("user %+v", o.User)
	}
	challenge, err := base64.RawURLEncoding.DecodeString(o.Challenge)
	if err != nil || len(challenge) != 32 || !bytes.Equal(challenge, c.Challenge) {
		t.Errorf("challenge %q, stored %x", o.Challenge, c.Challenge)
	}
	if len(o.Exclude) != 1 || o.Timeout != 300_000 {
		t.Errorf("exclude %v, timeout %d", o.Exclude, o.Timeout)
	}
	if _, err := d.key.Create(options); !errors.Is(err, passkey.ErrInvalidState) {
		t.Errorf("an authenticator already enrolled answered %v", err)
	}
}

func TestRegistration(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*passkey.Passkey){
		"ES256":                       func(p *passkey.Passkey) { p.Alg = passkey.ES256 },
		"EdDSA":                       func(p *passkey.Passkey) { p.Alg = passkey.EdDSA },
		"RS256":                       func(p *passkey.Passkey) { p.Alg = passkey.RS256 },
		"self attestation":            func(p *passkey.Passkey) { p.SelfAttest = true },
		"synced":                      func(p *passkey.Passkey) { p.BackupEligible, p.BackedUp, p.NoCount = true, true, true },
		"credential id of 1023 bytes": func(p *passkey.Passkey) { p.Faults.CredentialID = random(1023) },
		"extensions nobody asked for": func(p *passkey.Passkey) {
			p.Faults.AuthData = func(b []byte) []byte { // credProtect: 2, as Chromium adds for resident keys
				b[32] |= 0x80
				return append(slices.Clone(b), append([]byte{0xa1, 0x6b}, "credProtect\x02"...)...)
			}
			p.Faults.Response = func(m map[string]any) {
				m["clientExtensionResults"] = map[string]any{"credProps": map[string]any{"rk": true}, "vendor": 1}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			set(d.key)
			c, err := d.register()
			if err != nil {
				t.Fatalf("%v (%v)", err, errors.Unwrap(err))
			}
			if c.PrincipalID != "p-ada" || len(c.RawID) == 0 || len(c.PublicKey) == 0 || !c.CreatedAt.Equal(noon) {
				t.Errorf("credential %+v", c)
			}
			if c.BackupEligible != d.key.BackupEligible || c.BackedUp != d.key.BackedUp {
				t.Errorf("backup flags of %+v", c)
			}
			if !slices.Equal(c.Transports, []string{"hybrid", "internal"}) {
				t.Errorf("transports %v", c.Transports)
			}
			d.held = append(d.held, c)
			for range 2 {
				if _, err := d.confirm(); err != nil {
					t.Fatalf("confirm with it: %v (%v)", err, errors.Unwrap(err))
				}
			}
		})
	}
}

// THREATS §3b, registration only: algorithm, key, statement, credential id, transports.
func TestRegistrationFaults(t *testing.T) {
	t.Parallel()
	key := func(f func(map[int]any)) func(*testing.T, *passkey.Passkey) {
		return func(_ *testing.T, p *passkey.Passkey) { p.Faults.Key = f }
	}
	statement := func(f func(map[string]any)) func(*testing.T, *passkey.Passkey) {
		return func(_ *testing.T, p *passkey.Passkey) { p.SelfAttest = true; p.Faults.Attestation = f }
	}
	for _, f := range []fault{
		{"assertion instead", func(_ *testing.T, p *passkey.Passkey) { p.Faults.Type = "webauthn.get" }, stepup.WrongType},
		{"algorithm not asked for", key(func(k map[int]any) { k[3] = -257 }), stepup.BadKey},
		{"ES384", key(func(k map[int]any) { k[3], k[-1] = -35, 2 }), stepup.BadKey},
		{"point not on the curve", key(func(k map[int]any) { k[-2] = bytes.Repeat([]byte{1}, 32) }), stepup.BadKey},
		{"key of nothing", key(func(k map[int]any) { clear(k) }), stepup.BadKey},
		{"RSA with 1024 bits", func(_ *testing.T, p *passkey.Passkey) {
			p.Alg = passkey.RS256
			p.Faults.Key = func(k map[int]any) { k[-1] = k[-1].([]byte)[:128] }
		}, stepup.BadKey},
		{"format unknown", statement(func(m map[string]any) { m["fmt"] = "made-up" }), stepup.BadAttestation},
		{"format not asked for", statement(func(m map[string]any) { m["fmt"] = "android-safetynet" }), stepup.BadAttestation},
		{"format none with a statement", statement(func(m map[string]any) { m["fmt"] = "none" }), stepup.BadAttestation},
		{"statement signature wrong", func(_ *testing.T, p *passkey.Passkey) { p.SelfAttest, p.Faults.FlipSignature = true, true }, stepup.BadAttestation},
		{"statement of another algorithm", statement(func(m map[string]any) { m["attStmt"].(map[string]any)["alg"] = -257 }), stepup.BadAttestation},
		{"statement with a broken certificate", statement(func(m map[string]any) {
			m["attStmt"].(map[string]any)["x5c"] = []any{[]byte{1, 2, 3}}
		}), stepup.BadAttestation},
		{"attested data missing", func(_ *testing.T, p *passkey.Passkey) {
			p.Faults.AuthData = func(b []byte) []byte { return append(b[:32:32], 0x05, 0, 0, 0, 0) }
		}, stepup.Malformed},
		{"credential id of 1024 bytes", func(_ *testing.T, p *passkey.Passkey) { p.Faults.CredentialID = random(1024) }, stepup.Malformed},
		{"credential id empty", func(_ *testing.T, p *passkey.Passkey) { p.Faults.CredentialID = []byte{} }, stepup.Malformed},
		{"credential id other than the attested", answer(func(m map[string]any) { m["id"], m["rawId"] = "AAAA", "AAAA" }), stepup.Malformed},
		{"attestation object missing", answer(func(m map[string]any) {
			delete(m["response"].(map[string]any), "attestationObject")
		}), stepup.Malformed},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			f.set(t, d.key)
			_, err := d.register()
			wantCode(t, err, f.want)
		})
	}
}

// The transports are the client's word: only known ones are kept.
func TestTransportsAreFiltered(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.key.Faults.Response = func(m map[string]any) {
		m["response"].(map[string]any)["transports"] = []string{"usb", "<script>", "usb", "cable"}
	}
	c, err := d.register()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Transports, []string{"usb", "hybrid"}) { // cable is the old name of hybrid
		t.Errorf("transports %q", c.Transports)
	}
}

// Statements of formats nobody asked for are refused unread: their parsers stay out of reach.
func TestFormatIsRefusedUnread(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.key.Faults.Attestation = func(m map[string]any) { m["fmt"] = "tpm" }
	_, err := d.register()
	wantCode(t, err, stepup.BadAttestation)
	if cause := errors.Unwrap(err); cause == nil || cause.Error() != `format "tpm"` {
		t.Errorf("refused because of %v", cause)
	}
}
