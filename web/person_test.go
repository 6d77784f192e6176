package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// manager is somebody who administers Stint now and has a passkey.
func manager(w *stinttest.World) *stinttest.Person {
	p := w.Person("carol")
	w.Administrator("carol")
	return p.Ready()
}

func TestPeopleSearchStateAndPages(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Do(func(tx *store.Tx) error {
		for i := range 120 {
			id := fmt.Sprintf("p%03d", i)
			err := tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Person, Name: "Person " + id, Email: id + "@x.example", PersonID: id, Enabled: i != 117, Source: pim.SourceFile})
			if err != nil {
				return err
			}
		}
		return nil
	})
	seen := map[string]bool{}
	next := "/people"
	for range 4 {
		page := carol.Get(next).Want(t, http.StatusOK)
		page.Find("tbody th a").Each(func(_ int, s *goquery.Selection) { seen[s.Text()] = true })
		if next = page.Find(".pager a:last-child").AttrOr("href", ""); !strings.Contains(page.Text(".pager"), "Next") {
			break
		}
	}
	if len(seen) != 121 {
		t.Errorf("the pages show %d people, want 121", len(seen))
	}
	if got := carol.Get("/people?q=P117").Want(t, http.StatusOK).Find("tbody tr").Length(); got != 1 {
		t.Errorf("the search finds %d people, want 1", got)
	}
	disabled := carol.Get("/people?state=disabled").Want(t, http.StatusOK)
	if got := disabled.Text("tbody"); !strings.Contains(got, "Person p117") || disabled.Find("tbody tr").Length() != 1 || disabled.Find(".pager").Length() != 0 {
		t.Errorf("disabled people: %q", got)
	}
	if got := carol.Get("/people?q=%25").Want(t, http.StatusOK).Text(".empty"); !strings.Contains(got, "%") { // T22: no wildcard
		t.Errorf("a search for %%: %q", got)
	}
	for _, cursor := range []string{"x", "%00", "YWJj", strings.Repeat("A", 9000), "AGFi"} {
		carol.Get("/people?cursor="+cursor).Want(t, http.StatusBadRequest)
	}
}

// What a person holds and may activate, through which group and where, and what waits for a confirmation.
func TestPersonPage(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	alice := w.Person("alice").Ready()
	w.Group("oncall", "alice")
	w.Role("dba", stinttest.Rules{Privileged: true})
	w.Role("reader", stinttest.Rules{})
	w.Eligible("oncall", "dba", time.Time{})
	active := alice.Activate(w.Eligible("alice", "reader", time.Time{}))
	w.Tick()
	w.Do(func(tx *store.Tx) error {
		a, err := tx.Account("account-of-alice")
		if err != nil {
			return err
		}
		a.ConfirmedAt, a.ConfirmedBy = time.Time{}, ""
		return tx.UpdateAccount(a)
	})
	text := carol.Get("/people/alice").Want(t, http.StatusOK).Text("main") + carol.Get("/people/alice/access").Want(t, http.StatusOK).Text("main")
	for _, want := range []string{"reader", "Production", "active until 10:00", "eligible through oncall", "Directory", "1 role waits for confirmation",
		"1 open session", "Laptop", "has a passkey, so a further one is confirmed with it", "alice@northwind.example"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q: %s", want, text)
		}
	}
	if w.Activation(active).State != pim.ActiveConfirmed {
		t.Fatal("the activation is not active")
	}
	page := carol.Post("/people/alice/accounts/account-of-alice/confirm").Want(t, http.StatusSeeOther)
	done := carol.Confirm(page.Location()).Want(t, http.StatusSeeOther)
	if got := carol.Get(done.Location()).Text("main"); !strings.Contains(got, "Confirmed") || !strings.Contains(got, "confirmed by carol") {
		t.Errorf("after confirming: %q", got)
	}
	if e := w.Events(pim.EvAccountConfirmed); len(e) != 1 || e[0].Actor != "carol" || e[0].Subject != "alice" {
		t.Errorf("events: %+v", e)
	}
	if body := carol.Get("/people/alice/access").Body; strings.Contains(body, "style=") || strings.Contains(body, "public_key") {
		t.Error("the page holds what it must not")
	}
}

// T2: the code stands in one answer only: in no address, cookie, log line or later page; it enrols once.
func TestVoucherIsShownOnce(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	bob := w.Person("bob")
	bob.SignIn().Want(t, http.StatusSeeOther)
	stepUp := carol.Post("/people/bob/voucher").Want(t, http.StatusSeeOther).Location()
	page := carol.Confirm(stepUp).Want(t, http.StatusOK)
	code := page.Text("#voucher")
	if len(code) < 20 || !strings.Contains(page.Text("h1"), "bob") || !strings.Contains(page.Header.Get("Cache-Control"), "no-store") {
		t.Fatalf("code %q, %q, %q", code, page.Text("h1"), page.Header.Get("Cache-Control"))
	}
	carol.Get(stepUp).Want(t, http.StatusNotFound)
	for _, place := range []string{page.Location(), strings.Join(page.Header.Values("Set-Cookie"), " "), w.Log.String(), carol.Get("/people/bob/access").Body, carol.Get("/audit").Body} {
		if strings.Contains(place, code) {
			t.Errorf("the code is found again in %.80q", place)
		}
	}
	made := bob.Post("/passkeys/new", "name", "Laptop", "voucher", code).Want(t, http.StatusSeeOther)
	bob.Confirm(made.Location()).Want(t, http.StatusSeeOther)
	if got := carol.Get("/people/bob/access").Text("main"); !strings.Contains(got, "Laptop") {
		t.Error("the passkey is not on the page")
	}
}

// P-11: disabling ends sessions, activations and requests; enabling gives nothing back by itself.
func TestDisableEnableEndSessions(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	alice := w.Person("alice").Ready()
	group := w.Role("reader", stinttest.Rules{})
	id := alice.Activate(w.Eligible("alice", "reader", time.Time{}))
	w.Tick()
	do := func(what string) {
		t.Helper()
		page := carol.Post("/people/alice/"+what).Want(t, http.StatusSeeOther)
		carol.Confirm(page.Location()).Want(t, http.StatusSeeOther)
		w.Tick()
	}
	do("end-sessions")
	alice.Get("/my-roles").Want(t, http.StatusSeeOther)
	if w.Activation(id).State != pim.ActiveConfirmed {
		t.Error("ending sessions ended an activation")
	}
	alice.SignIn().Want(t, http.StatusSeeOther)
	do("disable")
	alice.Get("/my-roles").Want(t, http.StatusSeeOther)
	if a := w.Activation(id); a.State != pim.PersonDisabled || w.Target.Holds(alice.Account, group) {
		t.Errorf("after disabling: %s, held %v", a.State, w.Target.Holds(alice.Account, group))
	}
	if got := carol.Get("/people/alice/access").Text("main"); !strings.Contains(got, "This person is disabled") || !strings.Contains(got, "Enable alice first") {
		t.Errorf("the page says %q", got)
	}
	do("enable")
	alice.SignIn().Want(t, http.StatusSeeOther)
	alice.Get("/my-roles").Want(t, http.StatusOK)
	if w.Target.Holds(alice.Account, group) {
		t.Error("enabling gave a role back")
	}
}

// T33: people are for auditors to read and for administrators to change; others find nothing there.
func TestPeopleAreNotForEverybody(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	alice := w.Person("alice").Ready()
	dora := w.Person("dora").Ready()
	w.Auditor("dora")
	w.Group("leads", "alice")
	for _, path := range []string{"/people", "/people/alice", "/people/absent", "/targets", "/targets/dir"} {
		alice.Get(path).Want(t, http.StatusNotFound)
	}
	if dora.Get("/people/alice").Want(t, http.StatusOK).Find("form[action^='/people/']").Length() != 0 || dora.Get("/people/alice/access").Want(t, http.StatusOK).Find("form[action^='/people/']").Length() != 0 {
		t.Error("an auditor is offered what only administrators may do")
	}
	for _, path := range []string{"voucher", "disable", "enable", "end-sessions", "accounts/account-of-alice/confirm"} {
		dora.Post("/people/alice/"+path).Want(t, http.StatusNotFound)
		carol.Post("/people/absent/"+path).Want(t, http.StatusNotFound)
		carol.Post("/people/leads/"+path).Want(t, http.StatusNotFound) // a group is no person
	}
	carol.Get("/people/leads").Want(t, http.StatusNotFound)
	carol.Post("/people/alice/accounts/account-of-dora/confirm").Want(t, http.StatusNotFound)
}
