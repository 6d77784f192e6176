package stepup_test

import (
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/stinttest/passkey"
)

// enter runs a whole entrance with the passkey as it is.
func (d *desk) enter(meddle func(c *stepup.Ceremony, now *time.Time)) (pim.StepUp, error) {
	d.t.Helper()
	options, c, err := d.rp.BeginEntrance(d.seed(), noon)
	if err != nil {
		d.t.Fatal(err)
	}
	response, err := d.key.Get(options)
	if err != nil {
		d.t.Fatal(err)
	}
	c = stored(d.t, c)
	now := noon.Add(time.Minute)
	if meddle != nil {
		meddle(&c, &now)
	}
	return d.rp.FinishEntrance(c, d.visit.Person, d.held, response, now)
}

// A discoverable passkey says by itself whose it is; its evidence verifies like any other.
func TestEntrance(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	su, err := d.enter(nil)
	if err != nil {
		t.Fatal(err)
	}
	if su.PrincipalID != "p-ada" || su.CredentialID != d.held[0].ID || !su.UserVerified {
		t.Errorf("%+v", su)
	}
	if err := stepup.VerifyEvidence(su, d.held[0].PublicKey, rpID, origin); err != nil {
		t.Error(err)
	}
}

// T36, T9: what is refused when nobody has signed in.
func TestEntranceRefused(t *testing.T) {
	t.Parallel()
	for _, f := range []struct {
		name   string
		set    func(*desk)
		meddle func(*stepup.Ceremony, *time.Time)
		want   stepup.Code
	}{
		{"no user handle", func(d *desk) { d.key.Faults.NoHandle = true }, nil, stepup.WrongHandle},
		{"the handle of somebody else", func(d *desk) { d.key.Faults.Handle = []byte("handle-of-bob-02") }, nil, stepup.WrongHandle},
		{"a passkey that was removed", func(d *desk) { d.held = nil }, nil, stepup.UnknownCredential},
		{"without user verification", func(d *desk) { d.key.Faults.NoUserVerification = true }, nil, stepup.NotVerified},
		{"on another site", func(d *desk) { d.key.Origin = "https://stint.example.evil" }, nil, stepup.WrongOrigin},
		{"in a frame of another site", func(d *desk) { d.key.Faults.CrossOrigin = true }, nil, stepup.CrossOrigin},
		{"a copied key", func(d *desk) { nine := uint32(9); d.held[0].SignCount, d.key.Faults.Count = nine, &nine }, nil, stepup.CloneSuspect},
		{"one bit wrong", func(d *desk) { d.key.Faults.FlipSignature = true }, nil, stepup.BadSignature},
		{"backup eligibility gained", func(d *desk) { d.key.BackupEligible = true }, nil, stepup.BackupChanged},
		{"after five minutes", nil, func(_ *stepup.Ceremony, now *time.Time) { *now = noon.Add(stepup.Lifetime) }, stepup.Expired},
		{"an answer to another entrance", nil, func(c *stepup.Ceremony, _ *time.Time) {
			c.Random = random(32)
			c.Challenge = stepup.Challenge(c.Random, c.Canonical)
		}, stepup.WrongChallenge},
		{"the ceremony of a confirmation", nil, func(c *stepup.Ceremony, _ *time.Time) { c.Kind = stepup.Assertion }, stepup.WrongKind},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			d := enrolled(t)
			if f.set != nil {
				f.set(d)
			}
			_, err := d.enter(f.meddle)
			wantCode(t, err, f.want)
		})
	}
	d := enrolled(t)
	d.key = passkey.New(origin, rpID) // an entrance is no confirmation either
	if _, err := d.rp.FinishAssertion(d.visit, stepup.Ceremony{Kind: stepup.Entrance}, d.held, nil); err == nil {
		t.Error("an entrance was finished as a confirmation")
	} else {
		wantCode(t, err, stepup.WrongKind)
	}
}
