package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// An administrator sets a sync up in the browser, looks at its preview, lets it run and sees what it did.
func TestSyncInTheBrowser(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := w.Person("carol")
	w.Administrator("carol")
	w.Group("ops")
	carol.Ready()
	w.Target.AddEntitlement("cn=ops")
	w.Target.SetPeople(slices.Values([]connector.PersonEntry{
		faketarget.Someone("e1", "sub", "dora", "cn", "Dora Lang", "title", "Clerk"),
		faketarget.Someone("e2", "sub", "emil", "cn", "Emil Roth", "locked", "yes"),
	}))
	if page := carol.Get("/sync").Want(t, http.StatusOK); !strings.Contains(page.Text("main"), "Not followed") {
		t.Errorf("the list: %s", page.Text("main"))
	}
	form := []string{"version", "", "filter", "(objectClass=person)", "match", "sub", "issuer", w.Provider.Issuer, "name", "cn", "title", "title", "disabled", "locked", "disabled_when", "yes", "every", "6", "share", "10"}
	for field, broken := range map[string][]string{"filter": {"filter", "wrong"}, "every": {"every", "often"}, "share": {"share", "101"}, "claim": {"issuer", "", "claim", "email"}, "groups": {"groups", "nobody = cn=ops"}} {
		page := carol.Post("/sync/dir", changed(form, broken)...)
		if page.StatusCode != http.StatusUnprocessableEntity || page.Find("[id$='"+field+"-err']").Length() == 0 || page.Find("#f-match").AttrOr("value", "") != "sub" {
			t.Errorf("%s: %d", field, page.StatusCode)
		}
	}
	saved := carol.Post("/sync/dir", changed(form, []string{"groups", "OPS = cn=ops\n"})...).Want(t, http.StatusSeeOther)
	if page := carol.Confirm(saved.Location()).Want(t, http.StatusSeeOther); page.Location() != "/sync/dir" {
		t.Fatalf("saving led to %s", page.Location())
	}
	if page := carol.Get("/sync/dir"); page.Find("form[action='/sync/dir/run']").Length() != 0 || page.Text("#groups") != "ops = cn=ops" {
		t.Error("a run is offered before the first preview, or the groups are not kept")
	}
	carol.Post("/sync/dir/preview").Want(t, http.StatusSeeOther)
	if page := carol.Get("/sync/dir"); page.Find("[role=status]").Length() == 0 {
		t.Error("the page does not say that a run is on its way")
	}
	w.OK(w.Broker.SyncDue(t.Context()))
	href := carol.Get("/sync/dir").Find("#sync-state .lines a").AttrOr("href", "")
	if text := carol.Get(href).Want(t, http.StatusOK).Text("main"); !strings.Contains(text, "Dora Lang") || strings.Contains(text, "Emil Roth") || !strings.Contains(text, "2 entries read, 1 added") {
		t.Errorf("the preview says %s", text)
	}
	carol.Post("/sync/dir/run").Want(t, http.StatusSeeOther)
	w.OK(w.Broker.SyncDue(t.Context()))
	dora := stinttest.Read(w, func(r *store.Reader) (pim.Principal, error) { return r.PrincipalBySubject(w.Provider.Issuer, "dora") })
	if text := carol.Get("/people/"+dora.ID).Want(t, http.StatusOK).Text("main"); !strings.Contains(text, "the directory") {
		t.Errorf("the person's page does not say where they come from: %s", text)
	}
	carol.Confirm(carol.Post("/sync/dir/remove").Want(t, http.StatusSeeOther).Location()).Want(t, http.StatusSeeOther)
	if text := carol.Get("/sync").Text("main"); !strings.Contains(text, "No directory is followed") {
		t.Errorf("after removing: %s", text)
	}
}

// changed is a form with some pairs instead of others.
func changed(form, pairs []string) (out []string) {
	for i := 0; i < len(form); i += 2 {
		if !slices.Contains(pairs, form[i]) {
			out = append(out, form[i], form[i+1])
		}
	}
	return append(out, pairs...)
}
