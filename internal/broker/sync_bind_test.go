package broker_test

import (
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/stinttest/passkey"
	"stint/internal/store"
)

// stranger is somebody at the provider whom nobody put into Stint.
func (f *followed) stranger(subject string) *stinttest.Person {
	return &stinttest.Person{World: f.World, Client: f.Client(), ID: subject, Passkey: passkey.New(f.URL, "localhost")}
}

// byClaim lets people be bound by a claim at their first sign-in.
func (f *followed) byClaim() {
	f.Helper()
	f.Do(func(tx *store.Tx) error {
		s, err := tx.Sync(stinttest.Directory)
		if err != nil {
			return err
		}
		s.Settings.Claim, s.Settings.Issuer = "employee_number", ""
		return tx.SaveSync(s)
	})
}

func (f *followed) matched(value string) pim.Principal {
	f.Helper()
	found := stinttest.Read(f.World, func(r *store.Reader) ([]pim.Principal, error) {
		return r.MatchedBy("employee_number", []string{value})
	})
	if len(found) != 1 {
		f.Fatalf("%d people are recognised by %s", len(found), value)
	}
	return found[0]
}

func employee(value string) map[string]any { return map[string]any{"employee_number": value} }

// Whom the directory made known is bound at the first sign-in by the claim, once: an account made anew at the provider
// shows the same claim and inherits nothing (DESIGN §3).
func TestSyncedPersonSignsIn(t *testing.T) {
	t.Parallel()
	f := follow(t, 5)
	f.byClaim()
	f.first()
	known := f.matched("se001")
	f.Role("dba", stinttest.Rules{NoPasskey: true})
	f.Eligible(known.ID, "dba", time.Time{})
	anna := f.stranger("anna")
	anna.SignIn(employee("se001"))
	if p := f.who("anna"); p.ID != known.ID || p.Name != "Person e001" || p.Source != pim.SourceDirectory {
		t.Fatalf("whom the directory knows as %s signed in as %+v", known.ID, p)
	}
	if page := anna.Get("/my-roles").Text("main"); !strings.Contains(page, "dba") {
		t.Error("the role that waited is not there")
	}
	again := f.stranger("anna-again")
	again.SignIn(employee("se001"))
	if p := f.who("anna-again"); p.ID == known.ID || p.PersonID == known.PersonID || p.Source != pim.SourceSignIn {
		t.Errorf("the same claim at another account: %+v", p)
	}
	if page := again.Get("/my-roles").Text("main"); strings.Contains(page, "dba") {
		t.Error("an account made anew inherits a role")
	}
	if n := len(f.Events(pim.EvPersonBound)); n != 1 {
		t.Errorf("%d people were bound, want 1", n)
	}
	if r := f.run(false); r.Counts.Added+r.Counts.Changed+r.Counts.Losing() != 0 || f.who("anna").ID != known.ID {
		t.Errorf("the next run: %+v", r)
	}
}

// A value that two people here have tells nobody apart: whoever shows it is neither, and a sync takes neither.
func TestSyncedPersonWhoseClaimCollides(t *testing.T) {
	t.Parallel()
	f := follow(t, 5)
	f.byClaim()
	f.first()
	known := f.matched("se002")
	f.Do(func(tx *store.Tx) error {
		return tx.InsertPrincipal(pim.Principal{ID: "twin", Kind: pim.Person, Name: "Twin", PersonID: "twin", Enabled: true, Source: pim.SourceFile, MatchClaim: "employee_number", MatchValue: "se002"})
	})
	f.stranger("bea").SignIn(employee("se002"))
	if p := f.who("bea"); p.ID == known.ID || p.ID == "twin" || p.Source != pim.SourceSignIn {
		t.Errorf("who shows what two people have became %+v", p)
	}
	if n := len(f.Events(pim.EvPersonBound)); n != 0 {
		t.Errorf("%d people were bound", n)
	}
	f.Do(func(tx *store.Tx) error {
		for _, id := range []string{"one", "two"} {
			if err := tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Person, Name: id, PersonID: id, Enabled: true, Source: pim.SourceFile, MatchClaim: "employee_number", MatchValue: "se777"}); err != nil {
				return err
			}
		}
		return nil
	})
	f.people = append(f.people, member(777))
	f.show()
	if r := f.run(false); r.Counts.Skipped != 1 || r.Counts.Added != 0 {
		t.Errorf("an entry that two people here could be: %+v", r)
	}
}

// With the subject in the directory the first sign-in is that person's too; another issuer's subject of the same name is
// somebody else.
func TestSyncedPersonSignsInBySubject(t *testing.T) {
	t.Parallel()
	f := follow(t, 5)
	f.first()
	known := f.who("se003")
	f.stranger("se003").SignIn()
	if p := f.who("se003"); p.ID != known.ID || p.LastSeenAt.IsZero() {
		t.Errorf("signed in as %+v", p)
	}
	f.stranger("se004").SignIn(employee("se003"))
	if p := f.who("se004"); p.ID == known.ID {
		t.Error("a claim nobody follows binds")
	}
	if n := len(f.Events(pim.EvPersonBound)); n != 0 {
		t.Errorf("%d people were bound by a claim", n)
	}
}
