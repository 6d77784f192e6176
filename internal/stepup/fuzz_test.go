package stepup_test

import (
	"errors"
	"testing"

	"stint/internal/stepup"
	"stint/internal/stinttest/passkey"
)

// F12: whatever a browser sends to a registration is taken or refused in plain words, never a panic or a defect.
func FuzzRegistration(f *testing.F) {
	rp, err := stepup.New(origin, "Stint")
	if err != nil {
		f.Fatal(err)
	}
	visit := stepup.Visit{Person: stepup.Person{ID: "p", Name: "p", DisplayName: "p", Handle: []byte("h")}, SessionHash: "s", Now: noon}
	options, ceremony, err := rp.BeginRegistration(visit, stepup.Seed{ID: "c", Random: make([]byte, 32)}, nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, self := range []bool{false, true} {
		p := passkey.New(origin, rpID)
		p.SelfAttest = self
		response, err := p.Create(options)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(response)
	}
	seeds(f)
	f.Fuzz(func(t *testing.T, response []byte) {
		c, err := rp.FinishRegistration(visit, ceremony, response)
		refusedOr(t, err, len(c.RawID) > 0 && len(c.PublicKey) > 0)
	})
}

// F12: the same for assertions.
func FuzzAssertion(f *testing.F) {
	d := enrolled(f)
	options, ceremony, err := d.rp.BeginAssertion(d.visit, stepup.Seed{ID: "c", Random: make([]byte, 32)}, d.held, []byte("{}"))
	if err != nil {
		f.Fatal(err)
	}
	response, err := d.key.Get(options)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(response)
	seeds(f)
	f.Fuzz(func(t *testing.T, response []byte) {
		su, err := d.rp.FinishAssertion(d.visit, ceremony, d.held, response)
		refusedOr(t, err, su.UserVerified && su.CredentialID == "cred-1")
	})
}

func seeds(f *testing.F) {
	for _, s := range []string{"", "null", "[]", "{}", "{", `{"id":null}`, `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`,
		`{"id":"\n","rawId":"","type":"public-key","response":null}`, `{"response":[[[[[[[[[[[[[[[[[[[[`, "{}\x00", "\ufeff{}"} {
		f.Add([]byte(s))
	}
}

func refusedOr(t *testing.T, err error, whole bool) {
	var r *stepup.Refusal
	switch {
	case err == nil && !whole:
		t.Error("accepted, but not whole")
	case err != nil && (!errors.As(err, &r) || r.Message == ""):
		t.Errorf("neither accepted nor refused in words: %v", err)
	}
}
