package web_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// assigned finds what somebody was given, by role.
func assigned(w *stinttest.World, principal, role string) []pim.Assignment {
	all := stinttest.Read(w, func(r *store.Reader) ([]pim.Assignment, error) { return r.AssignmentsOf(principal) })
	var out []pim.Assignment
	for _, a := range all {
		if a.RoleID == role {
			out = append(out, a)
		}
	}
	return out
}

// one form gives a role to several; who is refused is refused alone and says why.
func TestAssignSeveral(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Person("alice")
	w.Person("bob")
	w.Group("oncall", "alice")
	w.Role("dba", stinttest.Rules{Privileged: true})
	w.Eligible("bob", "dba", time.Time{})

	place := carol.Get("/assignments/new?role=dba&resource="+stinttest.Production).Want(t, http.StatusOK)
	if got := place.Text("h1"); !strings.Contains(got, "dba") {
		t.Errorf("the form says %q", got)
	}
	searched := carol.Post("/assignments/checks", "role", "dba", "resource", stinttest.Production, "who", "ali", "kind", "eligible", "justification", "On call from Monday").Want(t, http.StatusOK)
	if got := searched.Text("fieldset"); !strings.Contains(got, "alice") || searched.Find("textarea[name=justification]").Text() != "On call from Monday" {
		t.Errorf("the search says %q, or lost what was typed", got)
	}
	form := []string{"role", "dba", "resource", stinttest.Production, "pick", "alice", "pick", "bob", "pick", "oncall", "kind", "eligible", "start", "now", "end", "longest",
		"justification", "On call from Monday", "ticket_number", "CHG-42", "ticket_system", "Jira"}
	checks := carol.Post("/assignments/checks", form...).Want(t, http.StatusOK)
	for _, want := range []string{"alice will be able to activate dba on Production", "Each member of oncall will be able", "bob has this already", "Your passkey confirms it"} {
		if !strings.Contains(checks.Text("#assign-aside"), want) {
			t.Errorf("the checks do not say %q: %s", want, checks.Text("#assign-aside"))
		}
	}
	page := carol.Post("/assignments", form...).Want(t, http.StatusSeeOther)
	if len(assigned(w, "alice", "dba")) != 0 {
		t.Fatal("assigned before the passkey was touched")
	}
	done := carol.Confirm(page.Location()).Want(t, http.StatusSeeOther)
	results := carol.Get(done.Location()).Want(t, http.StatusOK)
	if got := results.Text("main"); !strings.Contains(got, "2 of 3 assignments made") || !strings.Contains(got, "bob has this already") {
		t.Errorf("the results say %q", got)
	}
	a := assigned(w, "alice", "dba")
	if len(a) != 1 || a[0].MadeBy != "carol" || a[0].EndsAt.IsZero() || a[0].Justification != "On call from Monday" || a[0].TicketNumber != "CHG-42" || a[0].TicketSystem != "Jira" || len(assigned(w, "bob", "dba")) != 1 {
		t.Errorf("alice has %+v", a)
	}
}

// K-27: a form that is refused comes back with its values, the words at the field, and nothing done.
func TestAssignRefusedKeepsTheForm(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Person("alice")
	w.Role("dba", stinttest.Rules{})
	form := func(pairs ...string) []string {
		return append([]string{"role", "dba", "resource", stinttest.Production, "kind", "active", "start", "now", "zone", "UTC", "justification", "Keeps the ledger"}, pairs...)
	}
	soon := w.Clock.Now().UTC().Add(2 * time.Minute).Format("2006-01-02T15:04")
	for what, c := range map[string]struct {
		field string
		form  []string
	}{
		"nobody":     {"pick", form("end", "longest")},
		"no time":    {"end", form("pick", "alice", "end", "at")},
		"too short":  {"end", form("pick", "alice", "end", "at", "end_at", soon)},
		"too long":   {"end", form("pick", "alice", "end", "at", "end_at", "2031-01-01T00:00")},
		"past start": {"start", append(form("pick", "alice", "end", "longest"), "start_at", "2020-01-01T00:00")},
	} {
		if what == "past start" {
			c.form[7] = "at"
		}
		page := carol.Post("/assignments", c.form...).Want(t, http.StatusUnprocessableEntity)
		if page.Text("#"+c.field+"-err") == "" {
			t.Errorf("%s: nothing at %s: %s", what, c.field, page.Text(".err"))
		}
		if page.Find("textarea[name=justification]").Text() != "Keeps the ledger" || page.Find("input[name=kind][value=active][checked]").Length() != 1 {
			t.Errorf("%s: the form lost its values", what)
		}
		if what != "nobody" && page.Find("input[name=pick][value=alice][checked]").Length() != 1 {
			t.Errorf("%s: alice is no longer ticked", what)
		}
	}
	if n := len(assigned(w, "alice", "dba")); n != 0 {
		t.Errorf("%d assignments were made", n)
	}
	page := "/assignments/new?role=dba&resource=" + stinttest.Production
	if got := carol.Get(page).Find("input[name=end][value=never]").Length(); got != 1 {
		t.Errorf("%d choices of no end", got)
	}
	no := false
	w.Do(func(tx *store.Tx) error {
		return tx.SaveSettings(pim.RoleSettings{RoleID: "dba", ResourceID: stinttest.Northwind, PermanentEligible: &no, PermanentActive: &no, Source: pim.SourceBrowser})
	})
	if got := carol.Get(page).Find("input[name=end][value=never]").Length(); got != 0 { // not offered
		t.Error("no end is offered although the rules forbid it")
	}
	if got := carol.Post("/assignments", form("pick", "alice", "end", "never")...).Want(t, http.StatusUnprocessableEntity).Text("#end-err"); !strings.Contains(got, "need an end, at most 180 days") {
		t.Errorf("sent all the same: %q", got)
	}
}

// A-34, K-10: members of a role on a resource with what is inherited, where from, and by pages.
func TestMembersPage(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Role("dba", stinttest.Rules{})
	w.Group("oncall")
	w.Do(func(tx *store.Tx) error {
		for i := range 120 {
			id := fmt.Sprintf("p%03d", i)
			if err := tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Person, Name: "Person " + id, PersonID: id, Enabled: true, Source: pim.SourceFile}); err != nil {
				return err
			}
			a := pim.Assignment{ID: "of-" + id, PrincipalID: id, RoleID: "dba", ResourceID: stinttest.Production, Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}
			if i == 7 {
				a.ResourceID = stinttest.Northwind
			}
			if err := tx.InsertAssignment(a); err != nil {
				return err
			}
		}
		return nil
	})
	seen := map[string]string{}
	for next, n := "/roles/dba/members?resource="+stinttest.Production, 0; next != "" && n < 5; n++ {
		page := carol.Get(next).Want(t, http.StatusOK)
		rows := page.Find("tbody tr")
		for i := range rows.Length() {
			seen[strings.TrimSpace(rows.Eq(i).Find("th b").Text())] = strings.Join(strings.Fields(rows.Eq(i).Text()), " ")
		}
		if next = ""; strings.Contains(page.Text(".pager"), "Next") {
			next = page.Find(".pager a:last-child").AttrOr("href", "")
		}
	}
	if len(seen) != 120 || !strings.Contains(seen["Person p007"], "Inherited from Northwind") || !strings.Contains(seen["Person p008"], "Direct") {
		t.Errorf("%d people, %q, %q", len(seen), seen["Person p007"], seen["Person p008"])
	}
	olga := w.Person("olga").Ready()
	w.Owner("olga", stinttest.Production)
	mine := "/roles/dba/members?resource=" + stinttest.Production
	above := olga.Get(mine+"&q=p007").Want(t, http.StatusOK)
	if got := above.Text("tbody"); !strings.Contains(got, "Inherited from Northwind") || above.Find("tbody a").Length() != 0 { // shown, with nothing to open
		t.Errorf("an owner sees %q with %d links", got, above.Find("tbody a").Length())
	}
	if olga.Get(mine+"&q=p008").Find("a[href='/assignments/of-p008']").Length() != 1 {
		t.Error("what was made at their resource does not lead an owner to it")
	}
	olga.Post("/assignments/of-p007/remove").Want(t, http.StatusNotFound) // only where it was made
	olga.Post("/assignments/of-p008/remove").Want(t, http.StatusSeeOther)
	if got := carol.Get("/roles/dba/members?q=p009").Want(t, http.StatusOK).Find("tbody tr").Length(); got != 1 {
		t.Errorf("the search finds %d", got)
	}
	head := carol.Get("/roles/dba/members")
	if head.Text(".tabs [aria-current]") == "" || head.Find(".crumbs a[href='/roles']").Length() != 1 || head.Find(".tabs a[href='/roles/dba/meaning']").Length() != 1 {
		t.Errorf("the page is none of the role's: %q, %q", head.Text(".crumbs"), head.Text(".tabs"))
	}
	if got := carol.Get("/roles/dba/members?resource=" + stinttest.Northwind).Find("tbody tr").Length(); got != 1 {
		t.Errorf("at the root there are %d", got)
	}
	for _, cursor := range []string{"x", "%00", "AGFi"} {
		carol.Get("/roles/dba/members?cursor="+cursor).Want(t, http.StatusBadRequest)
	}
}

// the lists by state, with what a filter narrows them to.
func TestAssignmentsFilters(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	for _, p := range []string{"alice", "bob", "dora", "erik"} {
		w.Person(p)
	}
	w.Role("dba", stinttest.Rules{})
	w.Eligible("alice", "dba", time.Time{})
	w.Eligible("bob", "dba", w.Clock.Now().Add(10*24*time.Hour))
	w.Eligible("dora", "dba", w.Clock.Now().Add(time.Hour))
	w.Do(func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: "erik-dba", PrincipalID: "erik", RoleID: "dba", ResourceID: stinttest.Production, Kind: pim.Active, StartsAt: tx.Now.Add(48 * time.Hour), Source: pim.SourceFile})
	})
	w.Advance(2 * time.Hour)
	carol.SignIn()
	for address, want := range map[string]string{
		"/assignments?role=dba":                        "alice bob erik",
		"/assignments?role=dba&kind=eligible":          "alice bob",
		"/assignments?role=dba&until=soon":             "bob",
		"/assignments?role=dba&until=never":            "alice erik",
		"/assignments?role=dba&state=later":            "erik",
		"/assignments?state=expired":                   "dora",
		"/assignments?q=bo":                            "bob",
		"/assignments?resource=" + stinttest.Northwind: "alice bob erik",
		"/assignments?resource=" + pim.StintResource:   "carol",
		"/assignments?q=zzz":                           "",
		"/assignments?role=absent":                     "",
		"/people/bob/roles":                            "dba",
		"/people/dora/roles?state=expired":             "dba",
		"/people/alice/roles?kind=active":              "",
	} {
		page := carol.Get(address).Want(t, http.StatusOK)
		if got := page.Text("tbody th b"); strings.Join(strings.Fields(strings.ReplaceAll(got, "dba", "dba ")), " ") != want && sortedWords(page) != want {
			t.Errorf("%s shows %q, want %q", address, sortedWords(page), want)
		}
	}
	if got := carol.Get("/assignments?q=dba").Text("nav[aria-label=Roles]"); !strings.Contains(got, "dba") {
		t.Errorf("a search for a role offers %q", got)
	}
	if got := carol.Get("/assignments?where=prod").Text("main"); !strings.Contains(got, "Northwind Production") && !strings.Contains(got, "Production") {
		t.Errorf("a search for a place offers %q", got)
	}
	carol.Get("/assignments?resource=absent").Want(t, http.StatusNotFound)
}

func sortedWords(p *stinttest.Page) string {
	rows := p.Find("tbody tr")
	var out []string
	for i := range rows.Length() {
		out = append(out, strings.TrimSpace(rows.Eq(i).Find("th b").First().Text()))
	}
	return strings.Join(out, " ")
}

// the export is a file with what the filter shows, leaves an entry, and holds no formula.
func TestExportAssignments(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Person("alice")
	w.Role("dba", stinttest.Rules{})
	w.Eligible("alice", "dba", time.Time{})
	w.Do(func(tx *store.Tx) error {
		if err := tx.InsertPrincipal(pim.Principal{ID: "evil", Kind: pim.Person, Name: `=HYPERLINK("http://x";"Zoe")`, PersonID: "evil", Enabled: true, Source: pim.SourceSignIn}); err != nil {
			return err
		}
		return tx.InsertAssignment(pim.Assignment{ID: "zz-evil", PrincipalID: "evil", RoleID: "dba", ResourceID: stinttest.Production, Kind: pim.Active, StartsAt: tx.Now,
			Justification: "@SUM(1+1)", Source: pim.SourceBrowser})
	})
	page := carol.Post("/assignments/export", "role", "dba", "kind", "eligible").Want(t, http.StatusOK)
	records, err := csv.NewReader(strings.NewReader(page.Body)).ReadAll()
	if err != nil || len(records) != 2 || records[1][0] != "alice" || !strings.Contains(page.Header.Get("Content-Type"), "text/csv") {
		t.Errorf("%v, %v, %q", err, records, page.Header.Get("Content-Type"))
	}
	if e := w.Events(pim.EvAsgExported); len(e) != 1 || e[0].Actor != "carol" {
		t.Errorf("events %+v", e)
	}
	page = carol.Post("/assignments/export", "resource", stinttest.Northwind).Want(t, http.StatusOK) // with what is below it
	if records, err = csv.NewReader(strings.NewReader(page.Body)).ReadAll(); err != nil || len(records) != 3 {
		t.Fatalf("%v, %v", err, records)
	}
	for _, cell := range slices.Concat(records...) {
		if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
			t.Errorf("a spreadsheet computes %q", cell)
		}
	}
}

// A-15, EC-03, EC-11: an administrator moves the end, and removes; what was activated with it ends.
func TestChangeAndRemoveAssignment(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	alice := w.Person("alice").Ready()
	group := w.Role("dba", stinttest.Rules{})
	id := w.Eligible("alice", "dba", w.Clock.Now().Add(10*24*time.Hour))
	act := alice.Activate(id)
	w.Tick()
	page := carol.Get("/assignments/"+id).Want(t, http.StatusOK)
	for _, want := range []string{"alice: dba", "Production", "Eligible", "1 open activation ends now"} {
		if !strings.Contains(page.Text("main"), want) {
			t.Errorf("the page does not say %q: %s", want, page.Text("main"))
		}
	}
	version := page.Find("input[name=version]").AttrOr("value", "")
	carol.Post("/assignments/"+id+"/change", "version", version, "kind", "eligible", "end", "at", "end_at", "2020-01-01T00:00", "zone", "UTC").Want(t, http.StatusUnprocessableEntity)
	later := w.Clock.Now().UTC().Add(40 * 24 * time.Hour).Truncate(time.Minute)
	out := carol.Post("/assignments/"+id+"/change", "version", version, "kind", "eligible", "end", "at", "end_at", later.Format("2006-01-02T15:04"), "zone", "UTC").Want(t, http.StatusSeeOther)
	if strings.HasPrefix(out.Location(), "/step-up/") {
		out = carol.Confirm(out.Location()).Want(t, http.StatusSeeOther)
	}
	if a := assigned(w, "alice", "dba"); out.Location() != "/assignments/"+id || !a[0].EndsAt.Equal(later) {
		t.Errorf("led to %s, ends %s, want %s", out.Location(), a[0].EndsAt, later)
	}
	carol.Post("/assignments/"+id+"/change", "version", version, "kind", "eligible", "end", "never").Want(t, http.StatusConflict) // another version
	carol.Post("/assignments/"+id+"/remove", "remove_justification", "Left the team").Want(t, http.StatusSeeOther)
	w.Tick()
	if a := w.Activation(act); a.State.Open() || w.Target.Holds(alice.Account, group) {
		t.Errorf("the activation is %s", a.State)
	}
	if got := carol.Get("/assignments/"+id).Want(t, http.StatusOK).Text("main"); !strings.Contains(got, "Removed") || !strings.Contains(got, "Left the team") {
		t.Errorf("the page says %q", got)
	}
}

// P-08, EC-19: the holder asks from 14 days before the end; an administrator decides; members of a group have no link.
func TestExtendRequest(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	alice := w.Person("alice").Ready()
	bob := w.Person("bob").Ready()
	w.Group("oncall", "bob")
	w.Role("dba", stinttest.Rules{})
	end := w.Clock.Now().Add(10 * 24 * time.Hour)
	id := w.Eligible("alice", "dba", end)
	groups := w.Eligible("oncall", "dba", end)
	if got := alice.Get("/my-roles").Find("a[href='/my-roles/" + id + "/request']").Text(); !strings.Contains(got, "Extend…") {
		t.Errorf("the link says %q", got)
	}
	if bob.Get("/my-roles").Find("a[href$='/request']").Length() != 0 {
		t.Error("a member of a group is offered to extend")
	}
	if got := bob.Get("/my-roles/"+groups+"/request").Want(t, http.StatusOK); got.Find("textarea").Length() != 0 || !strings.Contains(got.Text("main"), "through the group oncall") {
		t.Errorf("a member of a group reads %q", got.Text("main"))
	}
	bob.Post("/my-roles/"+groups+"/request", "justification", "I stay too").Want(t, http.StatusForbidden) // EC-19
	bob.Get("/my-roles/"+id+"/request").Want(t, http.StatusNotFound)
	form := alice.Get("/my-roles/"+id+"/request").Want(t, http.StatusOK)
	if form.Find("form[action='/my-roles/"+id+"/request'] input, form[action='/my-roles/"+id+"/request'] select").Length() != 0 { // no dates
		t.Error("the form asks for more than a reason")
	}
	if got := alice.Post("/my-roles/"+id+"/request", "justification", " ").Want(t, http.StatusUnprocessableEntity).Text("#justification-err"); got == "" {
		t.Error("no words at the reason")
	}
	asked := alice.Post("/my-roles/"+id+"/request", "justification", "I stay until March").Want(t, http.StatusSeeOther)
	if got := alice.Get(asked.Location()).Text("main"); !strings.Contains(got, "You asked to extend") || !strings.Contains(got, "Cancel the request") {
		t.Errorf("the page says %q", got)
	}
	if got := alice.Get("/my-roles").Find("a[href='/my-roles/" + id + "/request']").Text(); !strings.Contains(got, "Asked to extend") {
		t.Errorf("while it waits the link says %q", got)
	}
	home := carol.Get("/assignment-requests").Want(t, http.StatusOK)
	if got := home.Text("nav a[aria-current=page] .count"); !strings.HasPrefix(got, "1") {
		t.Errorf("the badge says %q", got)
	}
	link := home.Find("article a").AttrOr("href", "")
	carol.Post(link+"/decision", "decision", "approve", "kind", "eligible", "end", "longest").Want(t, http.StatusUnprocessableEntity) // no reason
	out := carol.Post(link+"/decision", "decision", "approve", "kind", "eligible", "end", "longest", "justification", "Fine until then").Want(t, http.StatusSeeOther)
	if strings.HasPrefix(out.Location(), "/step-up/") {
		carol.Confirm(out.Location()).Want(t, http.StatusSeeOther)
	}
	if a := assigned(w, "alice", "dba"); !a[0].EndsAt.After(end) {
		t.Errorf("it ends %s", a[0].EndsAt)
	}
	if got := carol.Get(link).Want(t, http.StatusOK).Text("main"); !strings.Contains(got, "Already approved by you") {
		t.Errorf("decided, the page says %q", got)
	}
}

// EC-18: what has ended is offered again for 30 days, and made anew with what the administrator names.
func TestRenewRequest(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	alice := w.Person("alice").Ready()
	w.Role("dba", stinttest.Rules{})
	id := w.Eligible("alice", "dba", w.Clock.Now().Add(time.Hour))
	w.Advance(2 * time.Hour)
	alice.SignIn()
	carol.SignIn()
	if got := alice.Get("/my-roles").Want(t, http.StatusOK).Text("#o-" + id); !strings.Contains(got, "Expired") || !strings.Contains(got, "Renew…") {
		t.Errorf("the row says %q", got)
	}
	alice.Post("/my-roles/"+id+"/request", "justification", "I was on leave").Want(t, http.StatusSeeOther)
	if got := alice.Get("/my-roles").Text("#o-" + id); !strings.Contains(got, "Asked to renew") {
		t.Errorf("while it waits the row says %q", got)
	}
	link := carol.Get("/assignment-requests").Find("article a").AttrOr("href", "")
	alice.Get(link).Want(t, http.StatusOK)
	page := carol.Get(link).Want(t, http.StatusOK)
	if page.Find("input[name=end][value=longest]").Length() != 0 || page.Find("input[name=end_at]").AttrOr("value", "") == "" {
		t.Error("a renewal does not ask for its end anew")
	}
	out := carol.Post(link+"/decision", "decision", "approve", "kind", "eligible", "end", "at", "end_at", page.Find("input[name=end_at]").AttrOr("value", ""), "zone", "UTC",
		"justification", "Fine").Want(t, http.StatusSeeOther)
	if strings.HasPrefix(out.Location(), "/step-up/") {
		carol.Confirm(out.Location()).Want(t, http.StatusSeeOther)
	}
	if a := assigned(w, "alice", "dba"); len(a) != 1 || a[0].ID == id {
		t.Errorf("alice has %+v", a)
	}
	if alice.Get("/my-roles").Find("#o-"+id).Length() != 0 {
		t.Error("what was renewed is still offered")
	}
}

// A-50, K-33, T33: an owner sees and gives what lies at their resource and nothing else.
func TestAssignmentsOfAnOwner(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	olga := w.Person("olga").Ready()
	w.Owner("olga", stinttest.Production)
	w.Person("alice")
	w.Role("dba", stinttest.Rules{})
	w.Role("root", stinttest.Rules{})
	w.Eligible("alice", "dba", time.Time{})
	w.Do(func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: "above", PrincipalID: "alice", RoleID: "root", ResourceID: stinttest.Northwind, Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile})
	})
	if got := olga.Get("/assignments").Want(t, http.StatusOK).Text("tbody"); !strings.Contains(got, "dba") || strings.Contains(got, "root") {
		t.Errorf("the owner sees %q", got)
	}
	olga.Get("/assignments?resource="+stinttest.Northwind).Want(t, http.StatusNotFound)
	olga.Get("/assignments/above").Want(t, http.StatusNotFound)
	hand := func(role string) *stinttest.Page {
		return olga.Post("/assignments", "role", role, "resource", stinttest.Production, "pick", "alice", "kind", "active", "end", "longest", "justification", "On call")
	}
	w.Role("vault", stinttest.Rules{Privileged: true})
	if got := hand("vault").Want(t, http.StatusForbidden).Text("main"); !strings.Contains(got, "Owners of this resource do not hand out this role") || len(assigned(w, "alice", "vault")) != 0 {
		t.Errorf("K-33: a role that owners do not hand out: %q", got)
	}
	if got := olga.Get("/assignments/new").Want(t, http.StatusOK).Text(".lines"); !strings.Contains(got, "dba") || strings.Contains(got, "vault") || strings.Contains(got, "Privileged Role Administrator") {
		t.Errorf("the owner may choose %q", got)
	}
	hand("dba").Want(t, http.StatusSeeOther)
	w.Do(func(tx *store.Tx) error {
		return tx.SaveHandOut(pim.HandOut{ResourceID: stinttest.Production, Roles: []string{"vault"}})
	})
	hand("root").Want(t, http.StatusForbidden) // K-33: nothing beside the list
	olga.Confirm(hand("vault").Want(t, http.StatusSeeOther).Location()).Want(t, http.StatusSeeOther)
	if len(assigned(w, "alice", "vault")) != 1 || len(assigned(w, "alice", "root")) != 1 { // root is that above
		t.Errorf("alice has %v and %v", assigned(w, "alice", "vault"), assigned(w, "alice", "root"))
	}
	olga.Post("/assignments", "role", "dba", "resource", stinttest.Northwind, "pick", "alice", "kind", "eligible", "end", "longest").Want(t, http.StatusNotFound)
	if body := olga.Post("/assignments/export").Want(t, http.StatusOK).Body; !strings.Contains(body, "dba") || strings.Contains(body, "root") {
		t.Errorf("the owner exports %q", body)
	}
}
