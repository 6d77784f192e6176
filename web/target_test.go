package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

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
	page := carol.Get("/targets/dir").Want(t, http.StatusOK)
	for _, want := range []string{"Directory", "Answers", "ldaps://dc1.northwind.example", "env:LDAP_PASSWORD", "alice", "dba", "Held", "present", "Activation of dba on Production until 10:00"} {
		if !strings.Contains(page.Text("main"), want) {
			t.Errorf("the page does not say %q: %s", want, page.Text("main"))
		}
	}
	if got := page.Text("aside dl"); !strings.Contains(got, "Base DN") || !strings.Contains(got, "Credential from") {
		t.Errorf("the settings are called %q", got)
	}
	if strings.Contains(page.Body, "c2VhbGVkLWNhbmFyeQ") {
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
	if dora.Get("/targets/dir").Want(t, http.StatusOK).Find("form[action$='/test']").Length() != 0 {
		t.Error("an auditor is offered the test")
	}
	if carol.Get("/targets/stint").Want(t, http.StatusOK).Find("form[action$='/test']").Length() != 0 {
		t.Error("Stint itself is offered for a test")
	}
}

// T19: what a restore found held without any record is on the target's page, with the person it belongs to.
func TestHeldBesideStint(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	alice := w.Person("alice").Ready()
	w.Role("dba", stinttest.Rules{})
	alice.Activate(w.Eligible("alice", "dba", time.Time{}))
	w.Tick()
	if page := carol.Get("/targets/dir"); strings.Contains(page.Body, "beside Stint") {
		t.Error("said although no restore asked")
	}
	w.Do(func(tx *store.Tx) error { return tx.SetMeta("beside:dir", "{}") })
	if got := carol.Get("/targets/dir").Text("[aria-labelledby=beside]"); !strings.Contains(got, "was not asked yet") {
		t.Errorf("before the look: %q", got)
	}
	w.Target.Put(w.Target.AddAccount("stranger"), w.Target.Journal()[0].Entitlement) // another hand
	_, err := w.Broker.LookBeside(t.Context())
	w.OK(err)
	got := carol.Get("/targets/dir").Want(t, http.StatusOK).Text("[aria-labelledby=beside]")
	if !strings.Contains(got, "in dba") || !strings.Contains(got, "no record of giving this") || strings.Contains(got, "alice") {
		t.Errorf("held beside Stint: %q", got)
	}
}
