// Package connectortest is the suite every connector passes, on the real system behind it. A connector's own tests add
// what only its system has.
package connectortest

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"stint/internal/connector"
)

// Harness is a real target and hands on it beside the connector, for the suite to set up, disturb and check with.
type Harness struct {
	Kind     string                                        // registered kind
	Settings func() map[string]string                      // of the running target; may_write covers what NewEntitlement makes
	Secret   func(string) (string, error)                  // the right credentials
	Redirect func(settings map[string]string, addr string) // points the settings at another host:port on loopback
	FindBy   func(login string) (name string)              // what FindAccount takes for the account; nil = the login itself
	Spell    func(entitlement string) (spellings []string) // further spellings of what NewEntitlement returned

	CaseMatters bool // a login in upper case is another login

	NewEntitlement    func(t *testing.T, name string) (canonicalName string) // with nobody in it
	RenameEntitlement func(t *testing.T, canonicalName, name string) (newCanonicalName string)
	DeleteEntitlement func(t *testing.T, canonicalName string)
	NewAccount        func(t *testing.T, login string)
	DeleteAccount     func(t *testing.T, login string)
	Put               func(t *testing.T, login, canonicalName string) // into the entitlement, by hand
	Holders           func(t *testing.T, canonicalName string) (logins []string)

	// Those of an entitlement that NewEntitlement makes; nil where it has no owners that could be given.
	Owners           func(t *testing.T, canonicalName string) (logins []string)
	PutOwner         func(t *testing.T, login, canonicalName string) // and in, where OwnersAreMembers
	OwnersAreMembers bool

	Unlisted  string // an existing entitlement outside may_write
	Protected string // an existing entitlement that is protected
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *bench)
	}{
		{"names", testNames},
		{"hostile names", testHostileNames},
		{"grant and revoke", testRoundTrip},
		{"twice is once", testTwice},
		{"others stay", testOthersStay},
		{"list", testList},
		{"last holder", testLastHolder},
		{"rename", testRename},
		{"gone", testGone},
		{"wrong password", testWrongPassword},
		{"dead target", testDead},
		{"hanging target", testHanging},
		{"cancel", testCancel},
		{"at once", testConcurrent},
		{"guard", testGuard},
		{"browse", testBrowse},
		{"owners", testOwners},
		{"owners in words", testOwnersInWords},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, newBench(t, h)) })
	}
}

// bench is the harness with the connector under test.
type bench struct {
	Harness
	connector.Connector
}

func newBench(t *testing.T, h Harness) *bench {
	if h.FindBy == nil {
		h.FindBy = func(login string) string { return login }
	}
	return &bench{h, h.open(t, nil)}
}

// open opens the target with changed configuration, closed with the test.
func (h *Harness) open(t *testing.T, change func(*connector.Config)) connector.Connector {
	t.Helper()
	cfg := connector.Config{TargetID: "target-under-test", Settings: h.Settings(), Secret: h.Secret}
	if change != nil {
		change(&cfg)
	}
	c, err := connector.Open(h.Kind, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

var counter atomic.Int64

// unique keeps the tests of one target apart.
func unique(stem string) string { return fmt.Sprintf("%s%d", stem, counter.Add(1)) }

// soon bounds what a healthy target needs for one call.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (b *bench) entitlement(t *testing.T) (string, connector.EntitlementID) {
	t.Helper()
	name := b.NewEntitlement(t, unique("team"))
	return name, b.canonical(t, name)
}

func (b *bench) canonical(t *testing.T, name string) connector.EntitlementID {
	t.Helper()
	id, err := b.Canonical(soon(t), name)
	if err != nil {
		t.Fatalf("Canonical(%q): %v", name, err)
	}
	if id == "" {
		t.Fatalf("Canonical(%q) gave no id", name)
	}
	return id
}

func (b *bench) account(t *testing.T) (string, connector.AccountID) {
	t.Helper()
	login := unique("person")
	b.NewAccount(t, login)
	return login, b.find(t, login)
}

func (b *bench) find(t *testing.T, login string) connector.AccountID {
	t.Helper()
	id, shown, err := b.FindAccount(soon(t), b.FindBy(login))
	if err != nil {
		t.Fatalf("FindAccount(%q): %v", login, err)
	}
	if id == "" || shown == "" {
		t.Fatalf("FindAccount(%q) = %q, %q: both must be filled", login, id, shown)
	}
	return id
}

func (b *bench) mustGrant(t *testing.T, acc connector.AccountID, ent connector.EntitlementID) {
	t.Helper()
	if err := b.Grant(soon(t), acc, ent, time.Time{}); err != nil {
		t.Fatalf("Grant: %v", err)
	}
}

func (b *bench) mustRevoke(t *testing.T, acc connector.AccountID, ent connector.EntitlementID) {
	t.Helper()
	if err := b.Revoke(soon(t), acc, ent); err != nil {
		t.Fatalf("Revoke: %v", err)
	}
}

// mustSee checks Observe and, through the harness, the target itself.
func (b *bench) mustSee(t *testing.T, present bool, login string, acc connector.AccountID, name string, ent connector.EntitlementID) {
	t.Helper()
	seen, err := b.Observe(soon(t), acc, ent)
	if err != nil {
		t.Fatalf("Observe: %v", err)
	}
	if seen.Present != present {
		t.Errorf("Observe says present = %v, want %v", seen.Present, present)
	}
	if in := slices.Contains(b.Holders(t, name), login); in != present {
		t.Errorf("at the target %s holds %s = %v, want %v", login, name, in, present)
	}
}

func mustBe(t *testing.T, want connector.Kind, what string, err error) {
	t.Helper()
	if got := connector.KindOf(err); got != want {
		t.Errorf("%s: error is %q (%v), want %q", what, got, err, want)
	}
}
