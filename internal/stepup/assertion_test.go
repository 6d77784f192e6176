package stepup_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/stinttest/passkey"
)

func TestAssertionGivesEvidence(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	ceremony, response := d.begin(activate)
	su, err := d.rp.FinishAssertion(d.visit, ceremony, d.held, response)
	if err != nil {
		t.Fatal(err)
	}
	canonical := pim.CanonicalItems("p-ada", []pim.StepUpItem{activate})
	if su.CeremonyID != ceremony.ID || su.PrincipalID != "p-ada" || su.CredentialID != "cred-1" || !su.At.Equal(noon) {
		t.Errorf("evidence %+v", su)
	}
	if !su.UserVerified || su.BackupEligible || su.BackedUp || su.SignCount != 1 || !bytes.Equal(su.Canonical, canonical) {
		t.Errorf("evidence %+v", su)
	}
	// DESIGN §4 invariant 4, spelled out: SHA-256(random ‖ SHA-256(canonical)).
	inner := sha256.Sum256(canonical)
	outer := sha256.Sum256(slices.Concat(su.Random, inner[:]))
	if !bytes.Equal(ceremony.Challenge, outer[:]) {
		t.Error("the challenge is not the hash of random and items")
	}
}

// THREATS §3b, assertion only.
func TestAssertionFaults(t *testing.T) {
	t.Parallel()
	u32 := func(n uint32) *uint32 { return &n }
	for _, f := range []fault{
		{"registration instead", func(_ *testing.T, p *passkey.Passkey) { p.Faults.Type = "webauthn.create" }, stepup.WrongType},
		{"user handle of another", func(_ *testing.T, p *passkey.Passkey) { p.Faults.Handle = []byte("handle-of-eve") }, stepup.WrongHandle},
		{"signature wrong", func(_ *testing.T, p *passkey.Passkey) { p.Faults.FlipSignature = true }, stepup.BadSignature},
		{"signature missing", answer(func(m map[string]any) { delete(m["response"].(map[string]any), "signature") }), stepup.BadSignature},
		{"client data changed after signing", answer(func(m map[string]any) {
			r := m["response"].(map[string]any)
			r["clientDataJSON"] = afterSigning(r["clientDataJSON"].(string), func(b []byte) []byte { return append(b, ' ') })
		}), stepup.BadSignature},
		{"sign count raised after signing", answer(func(m map[string]any) {
			r := m["response"].(map[string]any)
			r["authenticatorData"] = afterSigning(r["authenticatorData"].(string), func(b []byte) []byte { b[36]++; return b })
		}), stepup.BadSignature},
		{"signature of another key", func(t *testing.T, p *passkey.Passkey) {
			p.Faults.Response = func(m map[string]any) {
				other := enrolled(t)
				_, response := other.begin(activate)
				var o map[string]map[string]any
				_ = json.Unmarshal(response, &o) // the flat members do not fit and are not needed
				m["response"].(map[string]any)["signature"] = o["response"]["signature"]
			}
		}, stepup.BadSignature},
		{"sign count stuck", func(_ *testing.T, p *passkey.Passkey) { p.Faults.Count = u32(7) }, stepup.CloneSuspect},
		{"sign count lower", func(_ *testing.T, p *passkey.Passkey) { p.Faults.Count = u32(6) }, stepup.CloneSuspect},
		{"sign count fallen to zero", func(_ *testing.T, p *passkey.Passkey) { p.Faults.Count = u32(0) }, stepup.CloneSuspect},
		{"backup eligibility gained", func(_ *testing.T, p *passkey.Passkey) { p.BackupEligible = true }, stepup.BackupChanged},
		{"credential id over 1023 bytes", answer(longID), stepup.Malformed},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			d := enrolled(t)
			d.held[0].SignCount = 7
			d.key.Faults.Count = u32(8)
			f.set(t, d.key)
			_, err := d.confirm()
			wantCode(t, err, f.want)
		})
	}
}

// afterSigning changes what the signature already covers.
func afterSigning(s string, f func([]byte) []byte) string {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(f(b))
}

func longID(m map[string]any) {
	id := string(bytes.Repeat([]byte("A"), 1368)) // 1026 bytes
	m["id"], m["rawId"] = id, id
}

func TestBackupEligibilityLost(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.key.BackupEligible = true
	d.enrol()
	d.key.BackedUp = true // may change
	if su, err := d.confirm(); err != nil || !su.BackedUp {
		t.Fatalf("%+v, %v", su, err)
	}
	d.key.BackupEligible, d.key.BackedUp = false, false
	_, err := d.confirm()
	wantCode(t, err, stepup.BackupChanged)
}

// A copied key: whoever comes second with an old count is refused, whichever of the two it is.
func TestClone(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	thief, owner := d.key.Clone(), d.key
	d.key = thief
	if _, err := d.confirm(); err != nil {
		t.Fatal(err)
	}
	d.key = owner
	_, err := d.confirm()
	wantCode(t, err, stepup.CloneSuspect)
}

func TestUserHandleMayBeMissing(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	d.key.Faults.NoHandle = true
	if _, err := d.confirm(); err != nil {
		t.Fatal(err)
	}
}

// THREATS §3b: allowCredentials contains the id; the credential belongs to the session's person.
func TestUnknownCredential(t *testing.T) {
	t.Parallel()
	t.Run("of another person", func(t *testing.T) {
		t.Parallel()
		d, eve := enrolled(t), enrolled(t)
		ceremony, _ := d.begin(activate)
		_, err := d.rp.FinishAssertion(d.visit, ceremony, d.held, eve.sameChallenge(ceremony, eve.held))
		wantCode(t, err, stepup.UnknownCredential)
	})
	t.Run("removed since", func(t *testing.T) {
		t.Parallel()
		d := enrolled(t)
		ceremony, response := d.begin(activate)
		_, err := d.rp.FinishAssertion(d.visit, ceremony, nil, response)
		wantCode(t, err, stepup.UnknownCredential)
	})
	t.Run("added since", func(t *testing.T) {
		t.Parallel()
		d := enrolled(t)
		ceremony, _ := d.begin(activate)
		d.key = passkey.New(origin, rpID)
		d.enrol()
		_, err := d.rp.FinishAssertion(d.visit, ceremony, d.held, d.sameChallenge(ceremony, d.held[1:]))
		wantCode(t, err, stepup.UnknownCredential)
	})
}

// sameChallenge answers the challenge of a ceremony with passkeys it did not ask for.
func (d *desk) sameChallenge(c stepup.Ceremony, held []pim.Credential) []byte {
	d.t.Helper()
	options, _, err := d.rp.BeginAssertion(d.visit, stepup.Seed{ID: "x", Random: c.Random}, held, c.Canonical)
	if err != nil {
		d.t.Fatal(err)
	}
	response, err := d.key.Get(options)
	if err != nil {
		d.t.Fatal(err)
	}
	return response
}

// A passkey removed while another one is being used does not spoil that use.
func TestOtherPasskeyRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	used := d.key
	d.key = passkey.New(origin, rpID)
	d.enrol()
	d.key = used
	ceremony, response := d.begin(activate)
	if _, err := d.rp.FinishAssertion(d.visit, ceremony, d.held[:1], response); err != nil {
		t.Fatal(err)
	}
}

func TestNoPasskey(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, _, err := d.rp.BeginAssertion(d.visit, d.seed(), nil, []byte("{}"))
	wantCode(t, err, stepup.NoPasskey)
}

// T9, T8: an answer is good for its own ceremony: same items again, other items, longer, another person's.
func TestAnswerFitsOneCeremony(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	_, response := d.begin(activate)
	longer, other := activate, activate
	longer.Duration = 8 * 3600
	other.RoleID = "r-global-admin"
	for name, items := range map[string][]pim.StepUpItem{
		"the same again": {activate}, "longer": {longer}, "another role": {other}, "one more": {activate, other},
	} {
		ceremony, _ := d.begin(items...)
		_, err := d.rp.FinishAssertion(d.visit, ceremony, d.held, response)
		if err == nil {
			t.Fatalf("%s: accepted", name)
		}
		wantCode(t, err, stepup.WrongChallenge)
	}
}

// T9: kind, person, session and time of the ceremony.
func TestCeremonyIsBound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*stepup.Visit, *stepup.Ceremony)
		want   stepup.Code
	}{
		{"last moment", func(v *stepup.Visit, _ *stepup.Ceremony) { v.Now = noon.Add(stepup.Lifetime - time.Microsecond) }, ""},
		{"five minutes", func(v *stepup.Visit, _ *stepup.Ceremony) { v.Now = noon.Add(stepup.Lifetime) }, stepup.Expired},
		{"a day", func(v *stepup.Visit, _ *stepup.Ceremony) { v.Now = noon.Add(24 * time.Hour) }, stepup.Expired},
		{"another person", func(v *stepup.Visit, _ *stepup.Ceremony) { v.Person.ID = "p-eve" }, stepup.WrongPerson},
		{"another session", func(v *stepup.Visit, _ *stepup.Ceremony) { v.SessionHash = "session-2" }, stepup.WrongSession},
		{"no session", func(v *stepup.Visit, _ *stepup.Ceremony) { v.SessionHash = "" }, stepup.WrongSession},
		{"registration", func(_ *stepup.Visit, c *stepup.Ceremony) { c.Kind = stepup.Registration }, stepup.WrongKind},
		{"no kind", func(_ *stepup.Visit, c *stepup.Ceremony) { c.Kind = "" }, stepup.WrongKind},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := enrolled(t)
			ceremony, response := d.begin(activate)
			visit := d.visit
			c.change(&visit, &ceremony)
			_, err := d.rp.FinishAssertion(visit, ceremony, d.held, response)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantCode(t, err, c.want)
		})
	}
}

// A registration is bound in the same way, and an assertion's ceremony does not finish it.
func TestRegistrationIsBound(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	assertion, _ := d.begin(activate)
	options, ceremony, err := d.rp.BeginRegistration(d.visit, d.seed(), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := passkey.New(origin, rpID).Create(options)
	if err != nil {
		t.Fatal(err)
	}
	finish := func(v stepup.Visit, c stepup.Ceremony) error {
		_, err := d.rp.FinishRegistration(v, c, response)
		return err
	}
	late, eve, elsewhere := d.visit, d.visit, d.visit
	late.Now, eve.Person.ID, elsewhere.SessionHash = noon.Add(stepup.Lifetime), "p-eve", "session-2"
	wantCode(t, finish(d.visit, assertion), stepup.WrongKind)
	wantCode(t, finish(late, ceremony), stepup.Expired)
	wantCode(t, finish(eve, ceremony), stepup.WrongPerson)
	wantCode(t, finish(elsewhere, ceremony), stepup.WrongSession)
	_, second, err := d.rp.BeginRegistration(d.visit, d.seed(), nil)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, finish(d.visit, second), stepup.WrongChallenge) // T9: the first one's answer
	if err := finish(d.visit, ceremony); err != nil {
		t.Fatal(err)
	}
}
