package connectortest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stint/internal/connector"
)

func testNames(t *testing.T, b *bench) {
	name, id := b.entitlement(t)
	for _, spelling := range b.Spell(name) {
		if got := b.canonical(t, spelling); got != id {
			t.Errorf("Canonical(%q) = %s, but %q is %s", spelling, got, name, id)
		}
	}
	if other, otherID := b.entitlement(t); otherID == id {
		t.Errorf("%q and %q have one id", name, other)
	}
	if e, err := b.Describe(soon(t), id); err != nil || e.ID != string(id) || e.Name == "" {
		t.Errorf("Describe(%s) = %+v, %v", id, e, err)
	}
	login, acc := b.account(t)
	if b.CaseMatters {
		_, _, err := b.FindAccount(soon(t), b.FindBy(strings.ToUpper(login)))
		mustBe(t, connector.Gone, "the upper-case login", err)
	} else if again := b.find(t, strings.ToUpper(login)); again != acc && b.FindBy(login) == login {
		t.Errorf("the upper-case login is another account")
	}
	_, _, err := b.FindAccount(soon(t), b.FindBy(unique("nobody")))
	mustBe(t, connector.Gone, "an account that does not exist", err)
}

// hostileNames are names that have broken others: filter and DN syntax, neighbours by prefix, look-alikes. STEM is
// replaced; STEMops exists, none of these does.
var hostileNames = []string{
	`*`, `STEM*`, `*)(uid=*`, `STEMops)(|(cn=*`, `\2a`, `STEMops,ou=x`, `,ou=x`, `STEMops+b=c`, `STEM"ops"`, `STEM\ops`,
	`#STEMops`, `STEMops;`, `<STEMops>`, `STEMops/`, `STEMops%`, `STEMop%`, "STEMops\x00", "STEMops\x00,ou=x",
	"\u202eSTEMops", "STEMops\u200b", "STEM\u043eps", "STEM\uff4f\uff50\uff53", "STEMop\u017f", "STEMops ", " STEMops",
	"STEMops\u00a0", "STEMops-2", "STEMop", "STEMop?", "", strings.Repeat("a", 5000), "\xff\xfe", "cn=STEMops,", "=", "1.2.3=x",
}

// T22: a name means exactly what is so called, whatever it is made of.
func testHostileNames(t *testing.T, b *bench) {
	stem := unique("h")
	plain := b.NewEntitlement(t, stem+"ops")
	id := b.canonical(t, plain)
	b.NewAccount(t, stem+"ops")
	account := b.find(t, stem+"ops")
	for _, hostile := range hostileNames {
		hostile = strings.ReplaceAll(hostile, "STEM", stem)
		got, err := b.Canonical(soon(t), hostile)
		if err == nil {
			t.Errorf("Canonical of hostile %q found %s (plain one is %s)", hostile, got, id)
		} else if k := connector.KindOf(err); k != connector.Gone && k != connector.Refused {
			t.Errorf("Canonical of hostile %q: %q (%v), want gone or refused", hostile, k, err)
		}
		acc, _, err := b.FindAccount(soon(t), hostile)
		if err == nil {
			t.Errorf("FindAccount of hostile %q found %s (plain one is %s)", hostile, acc, account)
		} else if k := connector.KindOf(err); k != connector.Gone && k != connector.Refused {
			t.Errorf("FindAccount of hostile %q: %q (%v), want gone or refused", hostile, k, err)
		}
	}
	b.testHostileEntitlements(t, stem, id)
}

// Entitlements that really are called so are found, and nothing is done to their neighbours.
func (b *bench) testHostileEntitlements(t *testing.T, stem string, plain connector.EntitlementID) {
	login, acc := b.account(t)
	for _, tail := range []string{"*", "*)(uid=*", ",ou=x", "+y=z", `"q"`, `\`, ";", "<>", "ops-2", "о", "é", "ops#", "ops x"} {
		name := b.NewEntitlement(t, stem+tail)
		id := b.canonical(t, name)
		if id == plain {
			t.Errorf("%q was taken for its neighbour", tail)
		}
		b.mustGrant(t, acc, id)
		b.mustSee(t, true, login, acc, name, id)
		if seen, err := b.Observe(soon(t), acc, plain); err != nil || seen.Present {
			t.Errorf("a grant of %q shows at its neighbour (%v, %v)", tail, seen, err)
		}
		b.mustRevoke(t, acc, id)
		b.mustSee(t, false, login, acc, name, id)
	}
}

func testRoundTrip(t *testing.T, b *bench) {
	name, ent := b.entitlement(t)
	login, acc := b.account(t)
	b.mustSee(t, false, login, acc, name, ent)
	b.mustGrant(t, acc, ent)
	b.mustSee(t, true, login, acc, name, ent)
	b.mustRevoke(t, acc, ent)
	b.mustSee(t, false, login, acc, name, ent)
	b.mustGrant(t, acc, ent)
	b.mustSee(t, true, login, acc, name, ent)
}

func testTwice(t *testing.T, b *bench) {
	name, ent := b.entitlement(t)
	login, acc := b.account(t)
	b.mustRevoke(t, acc, ent)
	b.mustGrant(t, acc, ent)
	b.mustGrant(t, acc, ent)
	b.mustSee(t, true, login, acc, name, ent)
	b.mustRevoke(t, acc, ent)
	b.mustRevoke(t, acc, ent)
	b.mustSee(t, false, login, acc, name, ent)
}

func testOthersStay(t *testing.T, b *bench) {
	name, ent := b.entitlement(t)
	before, _ := b.account(t)
	b.Put(t, before, name)
	login, acc := b.account(t)
	b.mustGrant(t, acc, ent)
	b.mustRevoke(t, acc, ent)
	if got := b.Holders(t, name); !slices.Equal(got, []string{before}) {
		t.Errorf("after a grant and its revoke the holders are %q, want only %q", got, before)
	}
	b.mustSee(t, false, login, acc, name, ent)
}

func testList(t *testing.T, b *bench) {
	name, ent := b.entitlement(t)
	if got := b.list(t, ent); len(got) != 0 {
		t.Errorf("List of a new entitlement yields %q", got)
	}
	_, granted := b.account(t)
	b.mustGrant(t, granted, ent)
	want := []connector.AccountID{granted}
	if b.Capabilities().ListsStrangers {
		stranger, strangerID := b.account(t)
		b.Put(t, stranger, name)
		want = append(want, strangerID)
	}
	slices.Sort(want)
	if got := b.list(t, ent); !slices.Equal(got, want) {
		t.Errorf("List yields %q, want %q", got, want)
	}
	for range b.List(soon(t), ent) { // a reader may stop early
		break
	}
}

func (b *bench) list(t *testing.T, ent connector.EntitlementID) []connector.AccountID {
	t.Helper()
	var out []connector.AccountID
	for id, err := range b.List(soon(t), ent) {
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// Some systems do not let a group be empty (groupOfNames): taking the last one out must work all the same.
func testLastHolder(t *testing.T, b *bench) {
	name, ent := b.entitlement(t)
	login, acc := b.account(t)
	b.Put(t, login, name)
	b.mustRevoke(t, acc, ent)
	b.mustSee(t, false, login, acc, name, ent)
	if got := b.list(t, ent); len(got) != 0 {
		t.Errorf("after the last revoke List yields %q", got)
	}
	b.mustGrant(t, acc, ent)
	b.mustRevoke(t, acc, ent)
	b.mustSee(t, false, login, acc, name, ent)
}

// A grant is taken back by id: what the entitlement is called meanwhile does not matter.
func testRename(t *testing.T, b *bench) {
	name, ent := b.entitlement(t)
	login, acc := b.account(t)
	b.mustGrant(t, acc, ent)
	renamed := b.RenameEntitlement(t, name, unique("renamed"))
	b.mustSee(t, true, login, acc, renamed, ent)
	if got := b.canonical(t, renamed); got != ent {
		t.Errorf("the id changed with the name: %s, was %s", got, ent)
	}
	b.mustRevoke(t, acc, ent)
	b.mustSee(t, false, login, acc, renamed, ent)
}

func testGone(t *testing.T, b *bench) {
	name, ent := b.entitlement(t)
	goneName, goneEnt := b.entitlement(t)
	_, acc := b.account(t)
	goneLogin, goneAcc := b.account(t)
	b.DeleteEntitlement(t, goneName)
	b.DeleteAccount(t, goneLogin)
	for _, c := range []struct {
		what string
		acc  connector.AccountID
		ent  connector.EntitlementID
	}{{"account", goneAcc, ent}, {"entitlement", acc, goneEnt}} {
		_, err := b.Observe(soon(t), c.acc, c.ent)
		mustBe(t, connector.Gone, "Observe, "+c.what+" gone", err)
		mustBe(t, connector.Gone, "Grant, "+c.what+" gone", b.Grant(soon(t), c.acc, c.ent, time.Time{}))
		mustBe(t, connector.Gone, "Revoke, "+c.what+" gone", b.Revoke(soon(t), c.acc, c.ent))
	}
	_, err := b.Canonical(soon(t), goneName)
	mustBe(t, connector.Gone, "Canonical", err)
	_, err = b.Describe(soon(t), goneEnt)
	mustBe(t, connector.Gone, "Describe", err)
	for _, err := range b.List(soon(t), goneEnt) {
		mustBe(t, connector.Gone, "List", err)
	}
	if got := b.Holders(t, name); len(got) != 0 {
		t.Errorf("%q got in", got)
	}
}

func testWrongPassword(t *testing.T, b *bench) {
	name, ent := b.entitlement(t)
	_, acc := b.account(t)
	for what, secret := range map[string]func(string) (string, error){
		"wrong": func(string) (string, error) { return "wrong-canary-password", nil },
		"empty": func(string) (string, error) { return "", nil },
	} {
		c := b.open(t, func(cfg *connector.Config) { cfg.Secret = secret })
		for call, err := range everyCall(soon(t), c, name, acc, ent) {
			mustBe(t, connector.Denied, what+" password, "+call, err)
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("%s shows the password: %v", call, err) // T28
			}
		}
	}
}

// everyCall makes each call that needs the network and returns what it answered.
func everyCall(ctx context.Context, c connector.Connector, name string, acc connector.AccountID, ent connector.EntitlementID) map[string]error {
	out := map[string]error{}
	_, out["Canonical"] = c.Canonical(ctx, name)
	_, out["Describe"] = c.Describe(ctx, ent)
	_, _, out["FindAccount"] = c.FindAccount(ctx, name)
	_, out["Observe"] = c.Observe(ctx, acc, ent)
	out["Grant"] = c.Grant(ctx, acc, ent, time.Time{})
	out["Revoke"] = c.Revoke(ctx, acc, ent)
	for _, err := range c.List(ctx, ent) {
		out["List"] = err
	}
	for _, err := range c.Browse(ctx, "a") {
		out["Browse"] = err
	}
	return out
}

func testConcurrent(t *testing.T, b *bench) {
	name, ent := b.entitlement(t)
	const people, rounds = 4, 5
	var each sync.WaitGroup
	for range people {
		login, acc := b.account(t)
		each.Go(func() {
			for range rounds {
				if err := b.Grant(soon(t), acc, ent, time.Time{}); err != nil {
					t.Errorf("Grant of %s: %v", login, err)
				}
				if seen, err := b.Observe(soon(t), acc, ent); err != nil || !seen.Present {
					t.Errorf("%s after Grant: %v, %v", login, seen, err)
				}
				if err := b.Revoke(soon(t), acc, ent); err != nil {
					t.Errorf("Revoke of %s: %v", login, err)
				}
				if seen, err := b.Observe(soon(t), acc, ent); err != nil || seen.Present {
					t.Errorf("%s after Revoke: %v, %v", login, seen, err)
				}
			}
		})
	}
	each.Wait()
	if got := b.Holders(t, name); len(got) != 0 {
		t.Errorf("in the end %q are in", got)
	}
}

func testBrowse(t *testing.T, b *bench) {
	stem := unique("browse")
	id := b.canonical(t, b.NewEntitlement(t, stem+"group"))
	b.NewAccount(t, stem+"account")
	acc := b.find(t, stem+"account")
	found := map[string]connector.EntryKind{}
	for e, err := range b.Browse(soon(t), stem) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Name == "" {
			t.Errorf("an entry without a name: %+v", e)
		}
		found[e.ID] = e.Kind
	}
	if len(found) != 2 || found[string(id)] != connector.GroupEntry || found[string(acc)] != connector.AccountEntry {
		t.Errorf("Browse(%q) found %v, want group %s and account %s", stem, found, id, acc)
	}
	for e, err := range b.Browse(soon(t), stem+"*)(uid=*") {
		t.Errorf("Browse took a wildcard from outside: %+v, %v", e, err)
	}
}
