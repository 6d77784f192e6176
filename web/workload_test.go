package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// P-01, A-60, K-25: an administrator makes a workload, says who answers for it and which account it is; it holds a role for
// a time, its owner asks to extend that, and disabling it takes the role away at once.
func TestWorkloadLifeInTheBrowser(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol, alice := manager(w), w.Person("alice").Ready()
	bob := w.Person("bob").Ready()
	w.Group("ops", "alice")
	dba := w.Role("dba", stinttest.Rules{})
	account := w.Target.AddAccount("svc-export")

	wrong := carol.Post("/workloads", "name", "exporter", "owner", "nobody at all").Want(t, http.StatusUnprocessableEntity)
	if wrong.Text("#owner-err") == "" || wrong.Find("#name").AttrOr("value", "") != "exporter" {
		t.Errorf("an unknown owner: %s", wrong.Text("main"))
	}
	if carol.Post("/workloads", "name", "exporter").Want(t, http.StatusUnprocessableEntity).Text("#owner-err") == "" {
		t.Error("nobody answers for it")
	}
	page := done(t, carol, carol.Post("/workloads", "name", "exporter", "about", "Nightly export", "owner", "ops"))
	id := strings.TrimPrefix(page.Request.URL.Path, "/workloads/")
	if got := page.Text("main"); !strings.Contains(got, "Nightly export") || !strings.Contains(got, "ops") {
		t.Errorf("its page says %q", got)
	}
	if carol.Post("/workloads", "name", "EXPORTER", "owner", "ops").Want(t, http.StatusUnprocessableEntity).Text("#name-err") == "" {
		t.Error("a second workload of the same name is taken") // T22
	}
	if got := carol.Get("/workloads?q=expo").Want(t, http.StatusOK).Text("main"); !strings.Contains(got, "exporter") || !strings.Contains(got, "ops") {
		t.Errorf("the list says %q", got)
	}
	done(t, carol, touched(t, carol.Post("/workloads/"+id+"/accounts", "target", stinttest.Directory, "account", "svc-export")))

	form := []string{"role", "dba", "resource", stinttest.Production, "pick", id, "start", "now", "end", "longest", "justification", "Exports nightly", "kind"}
	if got := carol.Post("/assignments", append(form, "eligible")...).Want(t, http.StatusUnprocessableEntity).Text("#kind-err"); !strings.Contains(got, "is a workload and cannot activate") {
		t.Errorf("eligible: %q", got)
	}
	done(t, carol, carol.Post("/assignments", append(form, "active")...))
	w.Tick()
	if !w.Target.Holds(account, dba) {
		t.Fatal("the workload does not hold its role")
	}
	asg := assigned(w, id, "dba")[0]

	bob.Get("/assignments/"+asg.ID).Want(t, http.StatusNotFound)
	bob.Get("/my-roles/"+asg.ID+"/request").Want(t, http.StatusNotFound)
	w.Advance(asg.EndsAt.Sub(asg.StartsAt) - 7*24*time.Hour)
	alice.SignIn()
	carol.SignIn()
	if got := alice.Get("/my-roles").Want(t, http.StatusOK).Text("[aria-label='Workloads you answer for']"); !strings.Contains(got, "exporter") || !strings.Contains(got, "Extend…") {
		t.Fatalf("its owner sees %q", got)
	}
	alice.Post("/my-roles/"+asg.ID+"/request", "justification", "Still exports every night").Want(t, http.StatusSeeOther)
	queue := carol.Get("/assignment-requests").Want(t, http.StatusOK)
	if got := queue.Text("article"); !strings.Contains(got, "exporter") || !strings.Contains(got, "asked by alice") {
		t.Errorf("the queue says %q", got)
	}
	href, _ := queue.Find("article .acts a").Attr("href")
	done(t, carol, carol.Post(href+"/decision", "decision", "approve", "kind", "active", "end", "longest", "justification", "Agreed"))
	if again := assigned(w, id, "dba")[0]; !again.EndsAt.After(asg.EndsAt) {
		t.Errorf("not extended: %+v", again)
	}
	if got := alice.Get("/notices").Text("main"); !strings.Contains(got, "your request to extend dba on Production for exporter") {
		t.Errorf("alice was told %q", got)
	}

	done(t, carol, touched(t, carol.Post("/workloads/"+id+"/disable", "version", version(carol, id))))
	w.Tick()
	if w.Target.Holds(account, dba) {
		t.Error("a disabled workload holds its role")
	}
	done(t, carol, touched(t, carol.Post("/workloads/"+id+"/enable", "version", version(carol, id))))
	w.Tick()
	if !w.Target.Holds(account, dba) {
		t.Error("enabled again it holds nothing")
	}
	preview := carol.Get("/workloads/"+id+"/remove").Want(t, http.StatusOK)
	if !strings.Contains(preview.Text("main"), "Its active assignment of dba on Production ends.") {
		t.Errorf("the preview says %q", preview.Text("main"))
	}
	done(t, carol, touched(t, carol.Post("/workloads/"+id+"/remove", "version", preview.Find("input[name=version]").AttrOr("value", ""))))
	w.Tick()
	if w.Target.Holds(account, dba) || len(assigned(w, id, "dba")) != 0 {
		t.Error("a removed workload holds its role")
	}
	carol.Get("/workloads/"+id).Want(t, http.StatusNotFound)
}

func version(p *stinttest.Person, id string) string {
	return p.Get("/workloads/"+id).Find("form input[name=version]").AttrOr("value", "")
}

// P-01: who answers for a workload is named anew when they are gone, and an owner whose name others share is kept by a
// change of something else.
func TestWorkloadWithoutAnOwner(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Do(func(tx *store.Tx) error {
		for _, id := range []string{"one", "two"} {
			if err := tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Person, Name: "Erin Sato", PersonID: id, Enabled: true, Source: pim.SourceBrowser}); err != nil {
				return err
			}
		}
		return tx.InsertPrincipal(pim.Principal{ID: "exporter", Kind: pim.Workload, Name: "exporter", OwnerID: "two", Enabled: true, Source: pim.SourceBrowser})
	})
	done(t, carol, carol.Post("/workloads/exporter/edit", "version", "1", "name", "exporter", "about", "On build-3", "owner", "Erin Sato"))
	owner := func() string {
		return stinttest.Read(w, func(r *store.Reader) (pim.Principal, error) { return r.Principal("exporter") }).OwnerID
	}
	if got := owner(); got != "two" {
		t.Errorf("the owner is %q", got)
	}
	if got := carol.Post("/workloads/exporter/edit", "version", "2", "name", "exporter", "owner", "erin").Want(t, http.StatusUnprocessableEntity).Text("#owner-err"); !strings.Contains(got, "2 match") {
		t.Errorf("two of a name: %q", got)
	}
	w.Do(func(tx *store.Tx) error { return tx.RemovePrincipal("two") })
	if got := carol.Get("/workloads/exporter").Want(t, http.StatusOK).Text("main"); owner() != "" || !strings.Contains(got, "Nobody answers for this workload any more") {
		t.Errorf("its page says %q", got)
	}
}
