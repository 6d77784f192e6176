package stepup_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/stinttest/passkey"
)

const (
	origin = "https://stint.example"
	rpID   = "stint.example"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// desk is one person at one browser, with what the caller of this package would keep for them.
type desk struct {
	t     testing.TB
	rp    *stepup.RelyingParty
	visit stepup.Visit
	key   *passkey.Passkey
	held  []pim.Credential
	n     int
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	rp, err := stepup.New(origin, "Stint")
	if err != nil {
		t.Fatal(err)
	}
	return &desk{t: t, rp: rp, key: passkey.New(origin, rpID), visit: stepup.Visit{
		Person:      stepup.Person{ID: "p-ada", Name: "ada", DisplayName: "Ada Lovelace", Handle: []byte("handle-of-ada-01")},
		SessionHash: "session-1", Now: noon,
	}}
}

// enrolled is a desk whose passkey is registered.
func enrolled(t testing.TB) *desk {
	t.Helper()
	d := newDesk(t)
	d.enrol()
	return d
}

func (d *desk) enrol() {
	d.t.Helper()
	c, err := d.register()
	if err != nil {
		d.t.Fatalf("enrol: %v (%v)", err, errors.Unwrap(err))
	}
	d.held = append(d.held, c)
}

func (d *desk) seed() stepup.Seed {
	d.n++
	return stepup.Seed{ID: fmt.Sprintf("c-%d", d.n), Random: random(32)}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// register runs a whole registration with the passkey as it is.
func (d *desk) register() (pim.Credential, error) {
	d.t.Helper()
	options, ceremony, err := d.rp.BeginRegistration(d.visit, d.seed(), d.held)
	if err != nil {
		d.t.Fatal(err)
	}
	response, err := d.key.Create(options)
	if err != nil {
		d.t.Fatal(err)
	}
	c, err := d.rp.FinishRegistration(d.visit, stored(d.t, ceremony), response)
	c.ID = fmt.Sprintf("cred-%d", len(d.held)+1)
	return c, err
}

// begin starts an assertion over items and lets the passkey answer it.
func (d *desk) begin(items ...pim.StepUpItem) (stepup.Ceremony, []byte) {
	d.t.Helper()
	options, ceremony, err := d.rp.BeginAssertion(d.visit, d.seed(), d.held, pim.CanonicalItems(d.visit.Person.ID, items))
	if err != nil {
		d.t.Fatal(err)
	}
	response, err := d.key.Get(options)
	if err != nil {
		d.t.Fatal(err)
	}
	return stored(d.t, ceremony), response
}

// confirm runs a whole assertion with the passkey as it is and keeps the sign count, as the caller does.
func (d *desk) confirm() (pim.StepUp, error) {
	d.t.Helper()
	ceremony, response := d.begin(activate)
	su, err := d.rp.FinishAssertion(d.visit, ceremony, d.held, response)
	for i := range d.held {
		if err == nil && d.held[i].ID == su.CredentialID {
			d.held[i].SignCount, d.held[i].BackedUp = su.SignCount, su.BackedUp
		}
	}
	return su, err
}

var activate = pim.StepUpItem{
	Action: pim.ActionActivate, Object: "as-1", Version: 3, RoleID: "r-db-owner", ResourceID: "s-prod",
	Duration: 7200, Commitment: "c0ffee",
}

// stored sends a ceremony through JSON, as a database would.
func stored(t testing.TB, c stepup.Ceremony) stepup.Ceremony {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back stepup.Ceremony
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// wantCode asserts that err is a refusal with this code and words for the person.
func wantCode(t *testing.T, err error, want stepup.Code) {
	t.Helper()
	var r *stepup.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want a refusal %q", err, want)
	}
	if r.Code != want {
		t.Fatalf("refused as %q (%v), want %q", r.Code, errors.Unwrap(err), want)
	}
	if r.Message == "" {
		t.Fatalf("refusal %q says nothing to the person", r.Code)
	}
}

// wantDefect asserts that err is a fault of the server, not an answer to the person.
func wantDefect(t *testing.T, err error) {
	t.Helper()
	var r *stepup.Refusal
	if err == nil || errors.As(err, &r) {
		t.Fatalf("got %v, want a defect", err)
	}
}

// swap returns a rewrite of bytes that must find what it replaces.
func swap(t *testing.T, old, with string) func([]byte) []byte {
	return func(b []byte) []byte {
		if !bytes.Contains(b, []byte(old)) {
			t.Errorf("fault not expressed: no %q in %q", old, b)
		}
		return bytes.ReplaceAll(b, []byte(old), []byte(with))
	}
}
