package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// Issue 4 item 2, K-09, K-10: every role with where it means what, who has it and what it asks for; searched, filtered, paged.
func TestRolesPage(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	alice, bob := w.Person("alice").Ready(), w.Person("bob")
	w.Role("dba", stinttest.Rules{Privileged: true, Ticket: true, Approvers: []string{"bob"}})
	w.Role("viewer", stinttest.Rules{NoPasskey: true, NoReason: true})
	w.Eligible("alice", "dba", time.Time{})
	w.Eligible("bob", "dba", time.Time{})
	alice.Activate(w.Eligible("alice", "viewer", time.Time{}))
	_ = bob
	w.Do(func(tx *store.Tx) error {
		for i := range 60 {
			d := pim.RoleDefinition{ID: fmt.Sprintf("unused-%02d", i), Name: fmt.Sprintf("Unused %02d", i), Description: "Nobody has it", Source: pim.SourceBrowser}
			if err := tx.InsertRole(d); err != nil {
				return err
			}
		}
		return nil
	})
	page := carol.Get("/roles?q=dba").Want(t, http.StatusOK)
	row := page.Find("tbody tr")
	if row.Length() != 1 {
		t.Fatalf("%d rows", row.Length())
	}
	for _, want := range []string{"dba", "Privileged", "Production", "passkey", "reason", "ticket", "approval"} {
		if !strings.Contains(row.Text(), want) {
			t.Errorf("the row does not say %q: %q", want, row.Text())
		}
	}
	if got := row.Find("[data-l=eligible]").Text() + " " + row.Find("[data-l=active]").Text(); got != "2 0" {
		t.Errorf("counts %q", got)
	}
	if got := carol.Get("/roles?q=viewer").Find("[data-l=active]").First().Text(); got != "1" {
		t.Errorf("active: %q", got)
	}
	for path, want := range map[string]int{"/roles?only=privileged": 2, "/roles?only=stint": 2, "/roles?q=nobody+has": 50, "/roles?only=bogus&q=viewer": 1} {
		if got := carol.Get(path).Want(t, http.StatusOK).Find("tbody tr").Length(); got < want {
			t.Errorf("%s: %d rows", path, got)
		}
	}
	seen := map[string]bool{}
	for next := "/roles?only=unused"; next != ""; {
		page := carol.Get(next).Want(t, http.StatusOK)
		page.Find("tbody th a").Each(func(_ int, a *goquerySelection) { seen[a.AttrOr("href", "")] = true })
		next = page.Find(`.pager a:contains("Next")`).AttrOr("href", "")
	}
	if len(seen) < 60 || seen["/roles/dba"] || seen["/roles/viewer"] {
		t.Errorf("%d unused roles in pages", len(seen))
	}
	if got := carol.Get("/roles?q=%25").Text(".empty"); !strings.Contains(got, "%") { // T22: no wildcard
		t.Errorf("a search for %%: %q", got)
	}
	carol.Get("/roles?cursor=x").Want(t, http.StatusBadRequest)
}

// roleAt makes a role through the form as somebody and returns its address.
func roleAt(t *testing.T, p *stinttest.Person, pairs ...string) string {
	t.Helper()
	page := p.Post("/roles", pairs...).Want(t, http.StatusSeeOther)
	if strings.HasPrefix(page.Location(), "/step-up/") {
		page = p.Confirm(page.Location()).Want(t, http.StatusSeeOther)
	}
	return page.Location()
}

// A-39, issue 4 item 2: a role of one's own is made in the browser, means something at a target, and can be activated.
func TestMakeRole(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	alice := w.Person("alice").Ready()
	group := w.Target.AddEntitlement("night-shift")
	page := carol.Post("/roles", "do", "find", "name", "Night shift", "where", "prod", "privileged", "yes").Want(t, http.StatusOK)
	if got := page.Text("[role=radiogroup]"); got != "NorthwindProduction" { // K-10: with its path
		t.Errorf("found %q", got)
	}
	if page.Find("#name").AttrOr("value", "") != "Night shift" || page.Find("[name=privileged][checked]").Length() != 1 {
		t.Error("the form forgets what was typed")
	}
	page = carol.Post("/roles", "do", "add", "name", "Night shift", "where", "prod", "add_resource", stinttest.Production, "add", "night-shift").Want(t, http.StatusOK)
	if got := page.Text(".lines li"); !strings.Contains(got, "night-shift") || !strings.Contains(got, "Northwind") || !strings.Contains(got, "New") {
		t.Errorf("the list says %q", got)
	}
	to := roleAt(t, carol, "name", " Night shift ", "description", "Keeps the night.", "means0", "night-shift", "resource0", stinttest.Production)
	if e := w.Events(pim.EvRoleSaved); e[0].Actor != "carol" || e[0].RoleID == "" || strings.Contains(string(e[0].Leaf), "Night") {
		t.Errorf("event %+v", e[0])
	}
	w.Tick()
	text := carol.Get(to+"/meaning").Want(t, http.StatusOK).Text("main")
	for _, want := range []string{"Night shift", "Keeps the night.", "night-shift", "Production", "Directory", string(group)} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q: %s", want, text)
		}
	}
	id := strings.TrimPrefix(to, "/roles/")
	alice.Activate(w.Eligible("alice", id, time.Time{}))
	w.Tick()
	if !w.Target.Holds(alice.Account, group) {
		t.Error("activating the role gives nothing at the target")
	}
	if got := carol.Get(to+"/history").Want(t, http.StatusOK).Text("tbody"); !strings.Contains(got, "Role saved") || !strings.Contains(got, "Meaning of a role saved") {
		t.Errorf("history: %q", got)
	}
	if got := carol.Get(to).Want(t, http.StatusOK).Text("main"); !strings.Contains(got, "Everywhere") || !strings.Contains(got, "Production") || !strings.Contains(got, "Stint’s defaults") {
		t.Errorf("settings: %q", got)
	}
}

// What a target does not have or may not write is refused where it stands (T40), what it cannot be at is too; the form
// keeps what was typed. T22: look-alikes.
func TestRoleFormRefuses(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Role("dba", stinttest.Rules{})
	before := len(w.Events(pim.EvRoleSaved))
	at := func(resource, name string) []string {
		return []string{"name", "Some role", "means0", name, "resource0", resource}
	}
	for what, c := range map[string]struct {
		form []string
		want string
	}{
		"no name":               {[]string{"name", "  "}, "The name is missing"},
		"control character":     {[]string{"name", "ops\x00"}, "U+0000"},
		"mixed alphabets":       {[]string{"name", "оps"}, "look alike"},
		"long description":      {[]string{"name", "Ops", "description", strings.Repeat("x", 501)}, "longer than 500"},
		"same name":             {[]string{"name", "DBA"}, "There is a role called “dba” already"},
		"absent at the target":  {at(stinttest.Production, "nowhere"), "Directory does not take"},
		"protected":             {at(stinttest.Production, "protected"), "Directory does not take"},
		"Stint itself":          {at(pim.StintResource, "x"), "belongs to no target"},
		"absent resource":       {at("absent", "x"), "not there any more"},
		"the same meaning":      {at(stinttest.Production, "DBA"), "The role “dba” means “dba” at the same target already"},
		"added without a place": {[]string{"name", "Some role", "add", "dba"}, "Choose the resource"},
	} {
		page := carol.Post("/roles", c.form...).Want(t, http.StatusUnprocessableEntity)
		if got := page.Text("form"); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", what, got)
		}
		if got := page.Find("#name").AttrOr("value", ""); got != strings.ReplaceAll(c.form[1], "\x00", "\uFFFD") && got != c.form[1] {
			t.Errorf("%s: the name is %q", what, got)
		}
	}
	if n := len(w.Events(pim.EvRoleSaved)); n != before {
		t.Errorf("%d roles were saved", n-before)
	}
	w.Target.Misbehave(downFaults)
	to := roleAt(t, carol, append(at(stinttest.Production, "dba"), "twice", "yes")...) // it is looked up when the target answers
	if got := carol.Get(to + "/meaning").Text("tbody"); !strings.Contains(got, "Not found yet") || !strings.Contains(got, "Same as dba") {
		t.Errorf("meaning: %q", got)
	}
	carol.Post("/roles/absent", "name", "x").Want(t, http.StatusNotFound)
	carol.Post("/roles/"+pim.RoleAuditor, "name", "x", "version", "1").Want(t, http.StatusForbidden)
	carol.Get("/roles/"+pim.RoleAuditor+"/edit").Want(t, http.StatusForbidden)
	carol.Post("/roles/"+pim.RoleAuditor+"/retire", "version", "1").Want(t, http.StatusForbidden)
}

// T21: what concerns a privileged role is confirmed with a passkey; making it unprivileged is loud. A role in use that gains
// a meaning is confirmed too; a new name of an ordinary one is not.
func TestEditRole(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	alice := w.Person("alice").Ready()
	second := w.Person("second")
	w.Administrator("second")
	one := w.Role("dba", stinttest.Rules{})
	two := w.Target.AddEntitlement("two")
	w.Do(func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: "standing", PrincipalID: "alice", RoleID: "dba", ResourceID: stinttest.Production, Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile})
	})
	version := func() string {
		return carol.Get("/roles/dba/edit").Want(t, http.StatusOK).Find("[name=version]").First().AttrOr("value", "")
	}
	send := func(pairs ...string) *stinttest.Page {
		t.Helper()
		return carol.Post("/roles/dba", append([]string{"version", version()}, pairs...)...).Want(t, http.StatusSeeOther)
	}
	confirm := func(page *stinttest.Page) string {
		t.Helper()
		if !strings.HasPrefix(page.Location(), "/step-up/") {
			t.Fatalf("no passkey was asked for: %s", page.Location())
		}
		said := carol.Get(page.Location()).Text("dl")
		carol.Confirm(page.Location()).Want(t, http.StatusSeeOther)
		return said
	}
	keep := []string{"means0", "dba", "resource0", stinttest.Production}
	if to := send(append(keep, "name", "Data keeper")...).Location(); to != "/roles/dba" {
		t.Errorf("a new name led to %s", to)
	}
	said := confirm(send(append(keep, "name", "Data keeper", "means1", "two", "resource1", stinttest.Production)...))
	if !strings.Contains(said, "It means “two” at Directory, on Northwind › Production") {
		t.Errorf("the touch says %q", said)
	}
	w.Tick()
	if !w.Target.Holds(alice.Account, two) {
		t.Error("an active assignment does not follow what the role means now")
	}
	if to := send(append(keep, "name", "Data keeper", "off0", "yes", "means1", "two", "resource1", stinttest.Production)...).Location(); to != "/roles/dba" {
		t.Errorf("taking a meaning away led to %s", to)
	}
	w.Tick()
	w.Advance(time.Minute)
	if w.Target.Holds(alice.Account, one) || !w.Target.Holds(alice.Account, two) {
		t.Error("what it means no longer is still held, or what it means is not")
	}
	two2 := []string{"name", "Data keeper", "means0", "two", "resource0", stinttest.Production}
	confirm(send(append(two2, "privileged", "yes")...))
	if said := confirm(send(two2...)); !strings.Contains(said, "no longer privileged") {
		t.Errorf("the touch says %q", said)
	}
	notices := stinttest.Read(w, func(r *store.Reader) ([]store.Notice, error) { return r.Notices(second.ID, store.Keyset{}, 10) })
	if len(notices) != 1 || !strings.Contains(notices[0].Text, "unprivileged") {
		t.Errorf("the other administrator reads %+v", notices)
	}
	carol.Post("/roles/dba", append(two2, "version", "1")...).Want(t, http.StatusConflict)
	if got := w.Events(pim.EvMeaningRemoved); len(got) != 1 || got[0].Actor != "carol" {
		t.Errorf("events %+v", got)
	}
}

// Retiring is refused while somebody is assigned or something is open, with what stands in the way.
func TestRetireRole(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	alice := w.Person("alice").Ready()
	w.Role("dba", stinttest.Rules{})
	id := alice.Activate(w.Eligible("alice", "dba", time.Time{}))
	if got := carol.Get("/roles/dba/edit").Text("[aria-labelledby=retire]"); !strings.Contains(got, "1 eligible assignment, 1 open activation") {
		t.Errorf("the form says %q", got)
	}
	page := carol.Post("/roles/dba/retire", "version", "1").Want(t, http.StatusConflict)
	if got := page.Text("main"); !strings.Contains(got, "“dba” is in use: 1 eligible assignment, 1 open activation") || page.Find("a[href='/roles/dba']").Length() != 1 {
		t.Errorf("refused with %q", got)
	}
	alice.Post("/activations/"+id+"/deactivate").Want(t, http.StatusSeeOther)
	w.Do(func(tx *store.Tx) error {
		a, err := tx.Assignment("alice-dba")
		if err != nil {
			return err
		}
		return tx.EndAssignment(a, false)
	})
	w.Tick()
	if to := carol.Post("/roles/dba/retire", "version", "1").Want(t, http.StatusSeeOther).Location(); to != "/roles" {
		t.Errorf("led to %s", to)
	}
	carol.Get("/roles/dba").Want(t, http.StatusNotFound)
	if m := stinttest.Read(w, func(r *store.Reader) ([]pim.Meaning, error) { return r.MeaningsOfRoles("dba") }); len(m) != 0 {
		t.Errorf("left: %v", m)
	}
	if len(w.Events(pim.EvRoleRemoved)) != 1 || len(w.Events(pim.EvSettingsRemoved)) != 1 || len(w.Events(pim.EvMeaningRemoved)) != 1 {
		t.Error("events are missing")
	}
}

// A-50, invariant 9: an owner reads the roles that mean something in their part of the tree, and nothing about others.
func TestOwnerReadsTheirRoles(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	manager(w)
	olga := w.Person("olga").Ready()
	w.Owner("olga", stinttest.Production)
	w.Role("dba", stinttest.Rules{})
	elsewhere := w.Target.AddEntitlement("elsewhere")
	w.Do(func(tx *store.Tx) error {
		if err := tx.InsertRole(pim.RoleDefinition{ID: "above", Name: "Above", Source: pim.SourceFile}); err != nil {
			return err
		}
		for _, role := range []string{"above", "dba"} {
			if err := tx.SaveMeaning(pim.Meaning{RoleID: role, ResourceID: stinttest.Northwind, Name: "elsewhere", EntitlementID: string(elsewhere)}); err != nil {
				return err
			}
		}
		return nil
	})
	page := olga.Get("/roles").Want(t, http.StatusOK)
	if rows := page.Find("tbody tr"); rows.Length() != 1 || rows.Find("[data-l]").Length() != 0 || page.Find("a[href='/roles/new']").Length() != 0 {
		t.Errorf("the owner reads %q", page.Text("table"))
	}
	if got := olga.Get("/roles/dba").Want(t, http.StatusOK).Text("[aria-labelledby=holds]"); !strings.Contains(got, "Production") || strings.Count(got, "NorthwindProduction") != 1 {
		t.Errorf("places: %q", got)
	}
	if got := olga.Get("/roles/dba/meaning").Want(t, http.StatusOK).Text("main"); strings.Contains(got, "elsewhere") || strings.Contains(got, "Above") {
		t.Errorf("meaning: %q", got)
	}
	for _, path := range []string{"/roles/above", "/roles/above/meaning", "/roles/dba/history", "/roles/dba/edit", "/roles/new"} {
		olga.Get(path).Want(t, http.StatusNotFound)
	}
}
