package connectortest

import (
	"slices"
	"testing"
	"time"

	"stint/internal/connector"
)

// owners is the entitlement of owning what is called so.
func (b *bench) owners(t *testing.T, name string) connector.EntitlementID {
	t.Helper()
	id, err := connector.Find(soon(t), b, name, true)
	if err != nil {
		t.Fatalf("owners of %q: %v", name, err)
	}
	return id
}

func (b *bench) mustOwn(t *testing.T, owns bool, login string, acc connector.AccountID, name string, owners connector.EntitlementID) {
	t.Helper()
	seen, err := b.Observe(soon(t), acc, owners)
	if err != nil {
		t.Fatalf("Observe of an owner: %v", err)
	}
	if seen.Present != owns {
		t.Errorf("Observe says owner = %v, want %v", seen.Present, owns)
	}
	if is := slices.Contains(b.Owners(t, name), login); is != owns {
		t.Errorf("at the target %s owns %s = %v, want %v", login, name, is, owns)
	}
}

// a group's members and its owners are two things to hold. Each is given, read back, listed and taken away for
// itself; whoever is both keeps the one when the other ends.
func testOwners(t *testing.T, b *bench) {
	if b.Owners == nil {
		return
	}
	name, ent := b.entitlement(t)
	owners := b.owners(t, name)
	if about, is := owners.Owned(); about != ent || !is || owners == ent {
		t.Fatalf("owning %s is %s", ent, owners)
	}
	login, acc := b.account(t)
	b.mustOwn(t, false, login, acc, name, owners)
	if b.OwnersAreMembers {
		mustBe(t, connector.Transient, "Grant to somebody who is no member", b.Grant(soon(t), acc, owners, time.Time{}))
		b.mustSee(t, false, login, acc, name, ent)
		b.mustGrant(t, acc, ent)
	}
	b.mustGrant(t, acc, owners)
	b.mustGrant(t, acc, owners)
	b.mustOwn(t, true, login, acc, name, owners)
	b.mustSee(t, b.OwnersAreMembers, login, acc, name, ent)
	stranger, strangerID := b.account(t)
	b.PutOwner(t, stranger, name)
	want := []connector.AccountID{acc, strangerID}
	slices.Sort(want)
	if got := b.list(t, owners); !slices.Equal(got, want) {
		t.Errorf("List of owners yields %q, want %q", got, want)
	}

	b.mustGrant(t, acc, ent) // a member beside: ends as an owner, and stays in
	b.mustRevoke(t, acc, owners)
	b.mustRevoke(t, acc, owners)
	b.mustOwn(t, false, login, acc, name, owners)
	b.mustSee(t, true, login, acc, name, ent)
	b.mustOwn(t, true, stranger, strangerID, name, owners)

	b.mustGrant(t, acc, owners) // and the other way round
	b.mustRevoke(t, acc, ent)
	b.mustSee(t, false, login, acc, name, ent)
	b.mustOwn(t, !b.OwnersAreMembers, login, acc, name, owners)
	b.mustRevoke(t, acc, owners)
	b.mustOwn(t, false, login, acc, name, owners)
}

// Whether a group has owners that could be given is said, found when it is browsed, and refused otherwise; and owning
// is no way around what Stint may write (T40).
func testOwnersInWords(t *testing.T, b *bench) {
	name, ent := b.entitlement(t)
	_, acc := b.account(t)
	e, err := b.Describe(soon(t), connector.OwnersOf(ent))
	if err != nil || e.ID != string(connector.OwnersOf(ent)) || (e.NoOwners == "") != (b.Owners != nil) {
		t.Errorf("Describe of owning it = %+v, %v", e, err)
	}
	browsed := false
	for found, err := range b.Browse(soon(t), e.Name) {
		if err != nil {
			t.Fatal(err)
		}
		if found.ID == string(ent) {
			browsed = found.NoOwners == e.NoOwners
		}
	}
	if !browsed {
		t.Error("Browse does not say what Describe does of its owners")
	}
	if b.Owners == nil {
		_, err := connector.Find(soon(t), b, name, true)
		mustBe(t, connector.Refused, "owners of what has none", err)
		mustBe(t, connector.Refused, "Grant of owning what has no owners", b.Grant(soon(t), acc, connector.OwnersOf(ent), time.Time{}))
	}
	for _, refused := range []string{b.Unlisted, b.Protected} {
		_, err := connector.Find(soon(t), b, refused, true)
		mustBe(t, connector.Refused, "owners of "+refused, err)
		mine := b.open(t, func(c *connector.Config) { c.Settings[connector.MayWrite] += "\n" + refused })
		id, err := mine.Canonical(soon(t), refused)
		if err != nil {
			t.Fatal(err)
		}
		mustBe(t, connector.Refused, "Grant of owning "+refused, b.Grant(soon(t), acc, connector.OwnersOf(id), time.Time{}))
	}
}
