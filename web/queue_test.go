package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/stinttest/harness"
	"stint/internal/store"
)

// pendings makes requests of people of their own that wait for a role, one each second.
func pendings(w *stinttest.World, role string, many int) {
	w.Helper()
	for from := 0; from < many; from += 500 {
		w.Do(func(tx *store.Tx) error {
			for i := from; i < min(from+500, many); i++ {
				id := fmt.Sprintf("%s-%04d", role, i)
				for _, err := range []error{
					tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Person, Name: id, PersonID: id, Enabled: true, Source: pim.SourceFile}),
					tx.InsertAssignment(pim.Assignment{ID: id, PrincipalID: id, RoleID: role, ResourceID: stinttest.Production, Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}),
					tx.InsertActivation(pim.Activation{ID: id, AssignmentID: id, PrincipalID: id, PersonID: id, RoleID: role, ResourceID: stinttest.Production, State: pim.PendingApproval,
						Duration: time.Hour, Justification: why, RequestedAt: tx.Now.Add(time.Duration(i) * time.Second)}),
				} {
					if err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
}

// V-13, T31: however much waits for others, an approver's queue has every request that is theirs, oldest first,
// in pages, and counts them; their own is not among them.
func TestQueueAtAnySize(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	bob, root := w.Person("bob").Ready(), w.Person("root").Ready()
	w.Administrator("root")
	w.Role("theirs", stinttest.Rules{Approvers: []string{"root"}})
	w.Role("ours", stinttest.Rules{Approvers: []string{"bob", "root"}})
	pendings(w, "theirs", 1200)
	w.Advance(25 * time.Minute)
	own := bob.Activate(w.Eligible("bob", "ours", time.Time{}))
	pendings(w, "ours", 70)

	var seen []string
	pages := 0
	for next := "/approvals"; next != ""; pages++ {
		page := bob.Get(next).Want(t, http.StatusOK)
		page.Find("article.req").Each(func(_ int, s *goquerySelection) { seen = append(seen, strings.TrimPrefix(s.AttrOr("id", ""), "r-")) })
		if got := page.Text(".tabs [aria-current]"); !strings.Contains(got, "70") {
			t.Errorf("the tab counts %q", got)
		}
		if got := page.Text("a[href='/approvals'] .count"); !strings.Contains(got, "70") {
			t.Errorf("the navigation counts %q", got)
		}
		next = page.Find(`.pager a:contains("Next")`).AttrOr("href", "")
	}
	if pages != 2 || len(seen) != 70 || seen[0] != "ours-0000" || seen[69] != "ours-0069" {
		t.Errorf("%d pages of %d requests, %v", pages, len(seen), seen)
	}
	for _, id := range seen {
		if id == own {
			t.Error("bob's own request is offered to him")
		}
	}
	all := root.Get("/approvals/all").Want(t, http.StatusOK)
	if got := all.Find("article.req").Length(); got != 50 || !strings.Contains(all.Text(".tabs"), "1,000+") {
		t.Errorf("all pending: %d on a page, tabs %q", got, all.Text(".tabs"))
	}
	root.Get("/approvals?cursor=x").Want(t, http.StatusBadRequest)
}

// T31: asking and canceling in a loop leaves an approver one unread notice of it, which leads to the last request.
func TestNoticesOfALoop(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, bob := w.Person("alice").Ready(), w.Person("bob").Ready()
	w.Role("dba", stinttest.Rules{Approvers: []string{"bob"}})
	dba := w.Eligible("alice", "dba", time.Time{})
	last := ""
	for range 4 {
		if last != "" {
			alice.Post("/activations/"+last+"/cancel").Want(t, http.StatusSeeOther)
		}
		last = alice.Activate(dba)
	}
	links := bob.Get("/notices").Want(t, http.StatusOK).Find(`main a[href^="/approvals/"]`)
	if links.Length() != 1 || links.AttrOr("href", "") != "/approvals/"+last {
		t.Errorf("bob has %d notices, the first leads to %q", links.Length(), links.AttrOr("href", ""))
	}
}

// DESIGN §6: a page of the log that examined enough says how far it looked, and the next one goes on there.
func TestAuditSearchedBack(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Do(func(tx *store.Tx) error {
		tx.Emit(pim.PersonEvent(pim.EvPersonDisabled, "carol", "carol", "carol"))
		return nil
	})
	for range 6 { // very many of hers, and very many of the action, and one that is both
		w.Do(func(tx *store.Tx) error {
			for range 1000 {
				tx.Emit(pim.PersonEvent(pim.EvSessionsEnded, "carol", "carol", "carol"))
				tx.Emit(pim.PersonEvent(pim.EvPersonDisabled, "bob", "bob", "bob"))
			}
			return nil
		})
	}
	page := carol.Get("/audit?person=carol&action=person.disabled").Want(t, http.StatusOK)
	if got := page.Text(".pager"); page.Find("tbody tr").Length() != 0 || !strings.Contains(got, "Continue") || !strings.Contains(page.Text("main section footer"), "Searched back to ") || !strings.Contains(page.Text(".empty"), "so far") {
		t.Fatalf("the first page says %q and %q", got, page.Text("main section footer"))
	}
	next := carol.Get(page.Find(`.pager a:contains("Continue")`).AttrOr("href", "")).Want(t, http.StatusOK)
	if next.Find("tbody tr").Length() != 1 || strings.Contains(next.Text(".pager"), "Older") || strings.Contains(next.Text(".pager"), "Continue") {
		t.Errorf("the second page has %d rows and %q", next.Find("tbody tr").Length(), next.Text(".pager"))
	}
}
