package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// Issue item 8: a target's grants, what was last seen, what is late, the last error; T28: no secret.
func TestTargetPage(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	alice := w.Person("alice").Ready()
	w.Role("dba", stinttest.Rules{})
	w.Do(func(tx *store.Tx) error {
		row, err := tx.Target(stinttest.Directory)
		if err != nil {
			return err
		}
		row.Sealed, row.SecretFrom = "c2VhbGVkLWNhbmFyeQ==", "env:LDAP_PASSWORD"
		row.Settings["address"], row.Settings["base_dn"] = "ldaps://dc1.northwind.example", "dc=northwind,dc=example"
		return tx.UpdateTarget(row)
	})
	alice.Activate(w.Eligible("alice", "dba", time.Time{}))
	w.Tick()
	page, connection := carol.Get("/targets/dir").Want(t, http.StatusOK), carol.Get("/targets/dir?tab=connection").Want(t, http.StatusOK)
	for _, want := range []string{"Directory", "ldaps://dc1.northwind.example", "alice", "dba", "Held", "present", "Activation of dba on Production until 10:00"} {
		if !strings.Contains(page.Text("main"), want) {
			t.Errorf("the page does not say %q: %s", want, page.Text("main"))
		}
	}
	if got := connection.Text("main"); !strings.Contains(got, "Answers") || !strings.Contains(got, "Base DN") || !strings.Contains(got, "Credential from") || !strings.Contains(got, "env:LDAP_PASSWORD") {
		t.Errorf("the settings are called %q", got)
	}
	if strings.Contains(page.Body+connection.Body, "c2VhbGVkLWNhbmFyeQ") {
		t.Error("the sealed credential is on the page")
	}
	if got := carol.Get("/targets").Want(t, http.StatusOK).Text("tbody"); !strings.Contains(got, "Answers") || !strings.Contains(got, "Built in") {
		t.Errorf("the list says %q", got)
	}

	w.Target.Misbehave(faketarget.Faults{Down: true})
	w.Advance(20 * time.Minute)
	carol.Get("/my-roles") // keeps the session in use
	w.Advance(20 * time.Minute)
	carol.Get("/my-roles")
	w.Advance(21 * time.Minute) // past the end
	w.Advance(time.Minute)
	page = carol.Get("/targets/dir?state=late").Want(t, http.StatusOK)
	for _, want := range []string{"Does not answer since", "Late", "the fake target is down", "dba", "which is over"} {
		if !strings.Contains(page.Text("main"), want) {
			t.Errorf("while it is down the page does not say %q: %s", want, page.Text("main"))
		}
	}
	if got := carol.Get("/targets").Text("tbody"); !strings.Contains(got, "Does not answer") {
		t.Errorf("the list says %q", got)
	}
	if got := carol.Get("/targets/dir?state=held").Text("section[aria-label='Grants']"); !strings.Contains(got, "No grant here") {
		t.Errorf("held: %q", got)
	}
}

func TestTestTarget(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	dora := w.Person("dora").Ready()
	w.Auditor("dora")
	w.Role("dba", stinttest.Rules{})
	if got := carol.Post("/targets/dir/test").Want(t, http.StatusOK).Text(".callout.ok"); !strings.Contains(got, "Tested at") || !strings.Contains(got, "The target answers") {
		t.Errorf("a good target: %q", got)
	}
	w.Target.Misbehave(faketarget.Faults{Denied: true})
	if got := carol.Post("/targets/dir/test").Want(t, http.StatusOK).Text(".callout.bad"); !strings.Contains(got, "refuses these credentials") {
		t.Errorf("a target that refuses: %q", got)
	}
	carol.Post("/targets/absent/test").Want(t, http.StatusNotFound)
	carol.Post("/targets/stint/test").Want(t, http.StatusForbidden)
	carol.Get("/targets/absent").Want(t, http.StatusNotFound)
	dora.Post("/targets/dir/test").Want(t, http.StatusNotFound)
	if dora.Get("/targets/dir?tab=connection").Want(t, http.StatusOK).Find("form[action$='/test']").Length() != 0 {
		t.Error("an auditor is offered the test")
	}
	if carol.Get("/targets/stint").Want(t, http.StatusOK).Find("form[action$='/test']").Length() != 0 {
		t.Error("Stint itself is offered for a test")
	}
}

// DESIGN §3, T19: what is held beside Stint is on the target's page with the person it belongs to; the auditor reads it,
// the administrator asks for a scan and is told what it found.
func TestIncidentsOfTarget(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	dora := w.Person("dora").Ready()
	w.Auditor("dora")
	alice, bob := w.Person("alice").Ready(), w.Person("bob")
	group := w.Role("dba", stinttest.Rules{})
	alice.Activate(w.Eligible("alice", "dba", time.Time{}))
	w.Tick()
	w.Target.Put(bob.Account, group) // before Stint first looked
	scan := func() {
		t.Helper()
		carol.Post("/targets/dir/scan").Want(t, http.StatusSeeOther)
		if got := carol.Get("/targets/dir?tab=incidents").Text("[aria-labelledby=scan]"); !strings.Contains(got, "Asked for") {
			t.Errorf("before the scan: %q", got)
		}
		_, err := w.Broker.ScanDue(t.Context())
		w.OK(err)
	}
	if got := carol.Get("/targets/dir?tab=incidents").Text("#target"); !strings.Contains(got, "Not scanned yet.") || !strings.Contains(got, "none yet") {
		t.Errorf("before the first scan: %q", got)
	}
	scan()
	page := dora.Get("/targets/dir?list=standing").Want(t, http.StatusOK)
	if got := page.Text("[aria-labelledby=incidents]"); !strings.Contains(got, "bob") || strings.Contains(got, "alice") || !strings.Contains(got, "Stint did not give it and leaves it") {
		t.Errorf("standing access: %q", got)
	}
	if page.Find("[aria-labelledby=incidents] a[href='/people/bob']").Length() != 1 || page.Find("form[action$='/scan']").Length() != 0 {
		t.Error("no link to the person, or a scan offered to an auditor")
	}
	for range 60 {
		w.Target.Put(w.Target.AddAccount("stranger"), group) // another hand
	}
	w.Target.Take(alice.Account, group)
	w.Clock.Advance(6 * time.Minute)
	scan()
	w.Advance(time.Second)
	page = carol.Get("/targets/dir?tab=incidents").Want(t, http.StatusOK)
	if got := page.Text("[aria-labelledby=incidents]"); !strings.Contains(got, "Open 61") || !strings.Contains(got, "Taken away") || !strings.Contains(got, "Standing access 1") {
		t.Errorf("incidents: %q", got)
	}
	rows := page.Find("[aria-labelledby=incidents] tbody tr").Length()
	rest := carol.Get(page.Find(`[aria-labelledby=incidents] .pager a:contains("Older")`).AttrOr("href", "/none")).Want(t, http.StatusOK).Find("[aria-labelledby=incidents] tbody tr").Length()
	if rows+rest != 61 {
		t.Errorf("%d and %d in pages", rows, rest)
	}
	if n := len(w.Events(pim.EvIncidentOpened)); n != 61 {
		t.Errorf("%d events", n)
	}
	w.Target.Misbehave(faketarget.Faults{HalfPages: true})
	w.Clock.Advance(time.Minute)
	scan()
	if got := carol.Get("/targets/dir?tab=incidents").Text("[aria-labelledby=scan]"); !strings.Contains(got, "broke off, so nothing in it was believed") {
		t.Errorf("half a page: %q", got)
	}
	carol.Post("/targets/absent/scan").Want(t, http.StatusNotFound)
	carol.Post("/targets/stint/scan").Want(t, http.StatusForbidden)
	dora.Post("/targets/dir/scan").Want(t, http.StatusNotFound)
	carol.Get("/targets/dir?cursor=wrong").Want(t, http.StatusBadRequest)
}
