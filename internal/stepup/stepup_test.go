package stepup_test

import (
	"testing"

	"stint/internal/stepup"
)

// RP id and origin come from the configured public URL and nothing else (DESIGN §6).
func TestNew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ url, id, origin string }{
		{"https://stint.example", "stint.example", "https://stint.example"},
		{"https://Stint.Example/", "stint.example", "https://stint.example"},
		{"https://stint.example:443/base", "stint.example", "https://stint.example"},
		{"https://stint.example:8443", "stint.example", "https://stint.example:8443"},
		{"http://localhost:8080", "localhost", "http://localhost:8080"},
		{"http://localhost:80", "localhost", "http://localhost"},
		{"https://localhost", "localhost", "https://localhost"},
		{"https://xn--bcher-kva.example", "xn--bcher-kva.example", "https://xn--bcher-kva.example"},
	} {
		rp, err := stepup.New(c.url, "Stint")
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		if rp.ID() != c.id || rp.Origin() != c.origin {
			t.Errorf("%s: RP id %q, origin %q", c.url, rp.ID(), rp.Origin())
		}
	}
	for _, bad := range []string{
		"", "stint.example", "ftp://stint.example", "https://", "https://10.0.0.1", "https://[::1]:8443",
		"http://127.0.0.1:8080", "http://stint.example", "http://localhost.evil.example", "http://x.localhost",
		"https://evil@stint.example", "https://bücher.example", "https://stint.example.", "https://stint..example",
		"https://1.2.3", "https://stint", "https://st_int example",
	} {
		if rp, err := stepup.New(bad, "Stint"); err == nil {
			t.Errorf("%q accepted as %q", bad, rp.ID())
		}
	}
	if _, err := stepup.New("https://stint.example", ""); err == nil {
		t.Error("a relying party without a name was accepted")
	}
}

// What the caller gets wrong is a defect, never an answer to the person and never a weak ceremony.
func TestDefects(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	begin := func(v stepup.Visit, s stepup.Seed, canonical []byte) error {
		_, _, err := d.rp.BeginAssertion(v, s, d.held, canonical)
		return err
	}
	good, items := d.seed(), []byte("{}")
	wantDefect(t, begin(d.visit, stepup.Seed{ID: "c", Random: random(31)}, items))
	wantDefect(t, begin(d.visit, stepup.Seed{Random: random(32)}, items))
	wantDefect(t, begin(d.visit, good, nil))
	noSession, noPerson, noTime := d.visit, d.visit, d.visit
	noSession.SessionHash, noPerson.Person.ID, noTime.Now = "", "", stepup.Visit{}.Now
	wantDefect(t, begin(noSession, good, items))
	wantDefect(t, begin(noPerson, good, items))
	wantDefect(t, begin(noTime, good, items))
	foreign := d.visit
	foreign.Person.ID = "p-eve"
	wantDefect(t, begin(foreign, good, items)) // somebody else's passkeys
	for _, handle := range [][]byte{nil, random(65)} {
		v := d.visit
		v.Person.Handle = handle
		_, _, err := d.rp.BeginRegistration(v, good, nil)
		wantDefect(t, err)
	}
}

// T9: a stored row changed between begin and finish is noticed: items, randomness, challenge, session data.
func TestChangedRowIsADefect(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*stepup.Ceremony, stepup.Ceremony){
		"items":        func(c *stepup.Ceremony, _ stepup.Ceremony) { c.Canonical = []byte(`{"more":1}`) },
		"random":       func(c *stepup.Ceremony, _ stepup.Ceremony) { c.Random = random(32) },
		"challenge":    func(c *stepup.Ceremony, o stepup.Ceremony) { c.Challenge = o.Challenge },
		"session data": func(c *stepup.Ceremony, o stepup.Ceremony) { c.Library = o.Library },
		"no session":   func(c *stepup.Ceremony, _ stepup.Ceremony) { c.Library = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := enrolled(t)
			other, _ := d.begin(activate)
			ceremony, response := d.begin(activate)
			change(&ceremony, other)
			_, err := d.rp.FinishAssertion(d.visit, ceremony, d.held, response)
			wantDefect(t, err)
		})
	}
}
