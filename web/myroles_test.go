package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"stint/internal/pim"
	"stint/internal/stinttest/harness"
	"stint/internal/store"
)

// rowsOf are the names of the roles a page lists, in order.
func rowsOf(page *stinttest.Page) (names []string) {
	page.Find(`tr[id] th b`).Each(func(_ int, s *goquery.Selection) { names = append(names, strings.TrimSpace(s.Text())) })
	return names
}

// T31: what is held, what waits and every favourite stand on the first page, then a hundred others; each role
// is on exactly one page, and the search looks at all of them.
func TestMyRolesInPages(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	w.Role("held", stinttest.Rules{NoPasskey: true})
	held := w.Eligible("alice", "held", time.Time{})
	const others = 230
	w.Do(func(tx *store.Tx) error {
		for i := range others {
			id := fmt.Sprintf("r%03d", i)
			if err := tx.InsertRole(pim.RoleDefinition{ID: id, Name: "Role " + id, Source: pim.SourceFile}); err != nil {
				return err
			}
			tx.Emit(pim.Event{Type: pim.EvRoleSaved, Actor: pim.System, RoleID: id, ObjectID: id, Result: pim.OK})
			if err := tx.InsertAssignment(pim.Assignment{ID: "a-" + id, PrincipalID: "alice", RoleID: id, ResourceID: stinttest.Production, Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}); err != nil {
				return err
			}
			if i >= others-2 {
				if err := tx.SetFavourite("alice", id, stinttest.Production, true); err != nil {
					return err
				}
			}
		}
		return nil
	})
	alice.SignIn()
	alice.Activate(held)

	seen := map[string]int{}
	var pages []*stinttest.Page
	for next := "/my-roles"; next != ""; {
		page := alice.Get(next).Want(t, http.StatusOK)
		pages = append(pages, page)
		for _, name := range rowsOf(page) {
			seen[name]++
		}
		next = page.Find(`.pager a:contains("Next")`).AttrOr("href", "")
	}
	if len(pages) != 3 || len(seen) != others+1 {
		t.Fatalf("%d pages with %d roles, want 3 with %d", len(pages), len(seen), others+1)
	}
	for name, n := range seen {
		if n != 1 {
			t.Errorf("%s is listed %d times", name, n)
		}
	}
	first := rowsOf(pages[0])
	if len(first) != 103 || first[0] != "held" || first[1] != "Role r228" || first[2] != "Role r229" || first[3] != "Role r000" {
		t.Errorf("the first page has %d rows and begins with %q", len(first), first[:4])
	}
	if got := pages[1].Text("#my-roles footer"); !strings.Contains(got, "Eligible 103 to 202 of 230") {
		t.Errorf("the second page says %q", got)
	}
	if again := pages[1].Find(`[hx-trigger^="news "]`).AttrOr("hx-get", ""); strings.Join(rowsOf(alice.Fragment(again)), " ") != strings.Join(rowsOf(pages[1]), " ") {
		t.Errorf("the second page is refreshed with other rows from %q", again)
	}
	if got := rowsOf(alice.Get("/my-roles?q=r217")); len(got) != 1 || got[0] != "Role r217" {
		t.Errorf("a search finds %q", got)
	}
	if got := alice.Get("/my-roles?q=r0").Find(".pager").Length(); got != 0 {
		t.Error("a hundred hits need no second page")
	}
	alice.Get("/my-roles?cursor=x").Want(t, http.StatusBadRequest)
	if got := rowsOf(alice.Get("/my-roles?q=r217&cursor=" + cursorOf(t, pages[1]))); len(got) != 1 {
		t.Errorf("a place behind the last hit shows %q", got)
	}
}

// cursorOf is the place the next page of a page begins at.
func cursorOf(t *testing.T, page *stinttest.Page) string {
	t.Helper()
	_, cursor, ok := strings.Cut(page.Find(`.pager a:contains("Next")`).AttrOr("href", ""), "cursor=")
	if !ok {
		t.Fatal("no next page")
	}
	return cursor
}

// what is assigned as active is listed as such, with its end, and its holder cannot deactivate it.
func TestMyRolesListsWhatIsAssigned(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	w.Role("dba", stinttest.Rules{NoPasskey: true})
	w.Group("ops", "alice")
	end := w.Clock.Now().Add(48 * time.Hour)
	w.Do(func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: "standing", PrincipalID: "ops", RoleID: "dba", ResourceID: stinttest.Production, Kind: pim.Active, StartsAt: tx.Now, EndsAt: end, Source: pim.SourceFile})
	})
	w.Auditor("alice")
	alice.SignIn()
	page := alice.Get("/my-roles?state=active").Want(t, http.StatusOK)
	row := page.Find("#h-standing")
	if got := row.Text(); !strings.Contains(got, "Assigned") || !strings.Contains(got, "through ops") || row.Find("time").AttrOr("datetime", "") != end.UTC().Format(time.RFC3339) {
		t.Errorf("the standing role says %q", got)
	}
	if got := page.Text("#h-alice-" + pim.RoleAuditor); !strings.Contains(got, "Assigned") || !strings.Contains(got, "no end") {
		t.Errorf("Auditor says %q", got)
	}
	if page.Find("#my-roles form, #my-roles button").Length() != 0 {
		t.Error("what was assigned has a button")
	}
	if got := page.Text("nav[aria-label=State] a[aria-current]"); !strings.Contains(got, "2") {
		t.Errorf("the filter counts %q", got)
	}
	alice.Post("/activations/standing/deactivate").Want(t, http.StatusNotFound)
}

// Definitions are kept decoded only as long as they hold (invariant 11): other entries leave them, a change shows at once.
func TestMyRolesFollowsDefinitions(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, bob := w.Person("alice"), w.Person("bob")
	w.Role("dba", stinttest.Rules{NoPasskey: true, Max: time.Hour})
	row := "#e-" + w.Eligible("alice", "dba", time.Time{})
	alice.SignIn()
	for i, want := range []string{"3 h", "2 h", "5 h"} {
		if i > 0 {
			bob.SignIn() // an entry that is no definition
		}
		before := alice.Get("/my-roles").Text(row)
		w.Rules("dba", stinttest.Rules{NoPasskey: true, Max: []time.Duration{3, 2, 5}[i] * time.Hour})
		if got := alice.Get("/my-roles").Text(row); !strings.Contains(got, want) {
			t.Errorf("before %q, after the change %q, want up to %s", before, got, want)
		}
	}
}
