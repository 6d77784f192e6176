package stepup_test

import (
	"testing"

	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/stinttest/passkey"
)

var model = [16]byte{0x2f, 0xc0, 0x57, 0x9f, 1}

// S-11, issue 4 item 3: what proves a make, and what proves none.
func TestMakeIsProved(t *testing.T) {
	t.Parallel()
	maker, other := passkey.NewMaker("Northkey"), passkey.NewMaker("Otherkey")
	for _, c := range []struct {
		name   string
		change func(*passkey.Passkey)
		counts bool
	}{
		{"made under the root", func(*passkey.Passkey) {}, true},
		{"under another root", func(p *passkey.Passkey) { p.Maker = other }, false},
		{"no make told", func(p *passkey.Passkey) { p.Maker = nil }, false},
		{"vouched for by itself", func(p *passkey.Passkey) { p.Maker, p.SelfAttest = nil, true }, false},
		{"can be copied", func(p *passkey.Passkey) { p.BackupEligible = true }, false},
		{"no model", func(p *passkey.Passkey) { p.AAGUID = [16]byte{} }, false},
		{"another model", func(p *passkey.Passkey) { p.AAGUID[0] = 9 }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			trust := trusting(t, maker, "2fc0579f-0100-0000-0000-000000000000")
			d := newDesk(t)
			d.rp = d.rp.Trusting(trust)
			d.key.Maker, d.key.AAGUID = maker, model
			c.change(d.key)
			d.enrol()
			if got := trust.Rule().Counts(d.held[0]); got != c.counts {
				t.Errorf("counts: %v, want %v (%+v)", got, c.counts, d.held[0])
			}
		})
	}
}

func trusting(t *testing.T, m *passkey.Maker, models ...string) stepup.Trust {
	t.Helper()
	trust, err := stepup.ReadTrust(m.Root(), models)
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

// A statement that is wrong is no statement: the passkey is refused, not taken as an ordinary one.
func TestForgedMakeIsRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*passkey.Maker){
		"signed by another key":        func(m *passkey.Maker) { m.Faults.OtherKey = true },
		"certificate of another model": func(m *passkey.Maker) { m.Faults.Model = [16]byte{1, 2, 3} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			maker := passkey.NewMaker("Northkey")
			d := newDesk(t)
			d.rp = d.rp.Trusting(trusting(t, maker))
			d.key.Maker, d.key.AAGUID = maker, model
			change(maker)
			options, c, err := d.rp.BeginRegistration(d.visit, d.seed(), nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := d.key.Create(options)
			if err != nil {
				t.Fatal(err)
			}
			_, err = d.rp.FinishRegistration(d.visit, c, response)
			wantCode(t, err, stepup.BadAttestation)
		})
	}
}

// Where nothing depends on it, no make is asked for, and none counts.
func TestNoMakeIsAskedForWithoutRoots(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.key.Maker, d.key.AAGUID = passkey.NewMaker("Northkey"), model
	d.enrol()
	if d.held[0].Attestation != "none" || d.held[0].AttestedBy != "" || d.rp.KeyRule().Possible() {
		t.Errorf("%+v", d.held[0])
	}
}

func TestTrustIsRefusedInPlainWords(t *testing.T) {
	t.Parallel()
	root := passkey.NewMaker("Northkey").Root()
	for name, read := range map[string]func() (stepup.Trust, error){
		"nothing": func() (stepup.Trust, error) { return stepup.ReadTrust(nil, nil) },
		"no certificate": func() (stepup.Trust, error) {
			return stepup.ReadTrust([]byte("-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n"), nil)
		},
		"no model": func() (stepup.Trust, error) { return stepup.ReadTrust(root, []string{"yubikey"}) },
		"zero model": func() (stepup.Trust, error) {
			return stepup.ReadTrust(root, []string{"00000000-0000-0000-0000-000000000000"})
		},
	} {
		if _, err := read(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// The rule is today's: what the operator takes out counts no more.
func TestKeyRuleIsOfToday(t *testing.T) {
	t.Parallel()
	key := pim.Credential{ID: "k", AttestedBy: "root", AAGUID: []byte{7}}
	for name, c := range map[string]struct {
		rule pim.KeyRule
		want bool
	}{
		"the root":            {pim.KeyRule{Roots: []string{"other", "root"}}, true},
		"root and model":      {pim.KeyRule{Roots: []string{"root"}, Models: [][]byte{{6}, {7}}}, true},
		"root taken out":      {pim.KeyRule{Roots: []string{"other"}}, false},
		"model taken out":     {pim.KeyRule{Roots: []string{"root"}, Models: [][]byte{{6}}}, false},
		"nothing is trusted":  {pim.KeyRule{}, false},
		"only models (never)": {pim.KeyRule{Models: [][]byte{{7}}}, false},
	} {
		if got := c.rule.Counts(key); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	key.BackedUp = true
	if (pim.KeyRule{Roots: []string{"root"}}).Counts(key) {
		t.Error("one that was copied counts")
	}
}
