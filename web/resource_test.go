package web_test

import (
	"errors"
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

// the tree counts what holds at a node, and its page says what was made there and what comes from where.
func TestResourceTree(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Person("alice")
	w.Role("dba", stinttest.Rules{Privileged: true})
	w.Eligible("alice", "dba", time.Time{})
	w.Do(func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: "above", PrincipalID: "carol", RoleID: "dba", ResourceID: stinttest.Northwind, Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceBrowser})
	})
	page := carol.Get("/resources").Want(t, http.StatusOK)
	rows := map[string]string{}
	page.Find("tbody tr").Each(func(_ int, s *goquery.Selection) {
		rows[strings.TrimSpace(s.Find("th b").Text())] = strings.Join(strings.Fields(s.Find("td.num").Text()), " ")
	})
	if rows["Northwind"] != "110" || rows["Production"] != "120" {
		t.Errorf("roles, eligible, active now: %v", rows)
	}
	one := carol.Get("/resources/"+stinttest.Production).Want(t, http.StatusOK)
	held := one.Text("tbody")
	for _, want := range []string{"alice", "Direct", "carol", "Inherited from Northwind", "Eligible", "no end"} {
		if !strings.Contains(held, want) {
			t.Errorf("who holds what does not say %q: %s", want, held)
		}
	}
	if one.Find(`td a[href="/resources/org"]`).Length() != 1 {
		t.Error("an inherited assignment does not lead to where it was made")
	}
	olga := w.Person("olga").Ready()
	w.Owner("olga", stinttest.Production)
	theirs := olga.Get("/resources/"+stinttest.Production).Want(t, http.StatusOK)
	if got := theirs.Text("tbody"); !strings.Contains(got, "Inherited from Northwind") || theirs.Find(`a[href="/resources/org"]`).Length() != 0 {
		t.Errorf("an owner is led to what is not theirs: %q", got)
	}
	if got := one.Text("aside"); !strings.Contains(got, "Directory") || !strings.Contains(got, "from Northwind") {
		t.Errorf("target: %s", got)
	}
	if got := carol.Get("/resources/" + stinttest.Northwind).Text("tbody"); strings.Contains(got, "alice") {
		t.Error("what was made below is shown above")
	}
}

// K-10: a search finds a node by name anywhere, with its path; a wide level is shown in pages.
func TestResourceSearch(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Do(func(tx *store.Tx) error {
		for i := range 130 {
			if err := tx.InsertResource(pim.Resource{ID: fmt.Sprintf("n%03d", i), ParentID: stinttest.Production, Kind: "group", Name: fmt.Sprintf("Node %03d", i), Source: pim.SourceBrowser}); err != nil {
				return err
			}
		}
		return tx.InsertResource(pim.Resource{ID: "deep", ParentID: "n129", Kind: "group", Name: "Deep one", Source: pim.SourceBrowser})
	})
	page := carol.Get("/resources?q=deep").Want(t, http.StatusOK)
	if got := page.Text("tbody th"); page.Find("tbody tr").Length() != 1 || !strings.Contains(got, "Production") || !strings.Contains(got, "Node 129") {
		t.Errorf("found: %q", got)
	}
	if got := carol.Get("/resources?q=%25").Text(".empty"); !strings.Contains(got, "Nothing matches") { // T22
		t.Errorf("a search for %%: %q", got)
	}
	open := carol.Get("/resources?open=n129").Want(t, http.StatusOK)
	if got := open.Text("tbody"); !strings.Contains(got, "Deep one") || !strings.Contains(got, "Show and search all of this level") {
		t.Errorf("open down to one node: %s", got)
	}
	if n := open.Find("tbody tr").Length(); n > 60 {
		t.Errorf("a wide level shows %d rows", n)
	}
	seen, next := map[string]bool{}, "/resources?in="+stinttest.Production
	for range 4 {
		page := carol.Get(next).Want(t, http.StatusOK)
		page.Find("tbody th b").Each(func(_ int, s *goquery.Selection) { seen[s.Text()] = true })
		if next = page.Find(".pager a:last-child").AttrOr("href", ""); !strings.Contains(page.Text(".pager"), "Next") {
			break
		}
	}
	if len(seen) != 130 {
		t.Errorf("the pages of a level show %d nodes, want 130", len(seen))
	}
	carol.Get("/resources?open=absent").Want(t, http.StatusNotFound)
	carol.Get("/resources?in=absent").Want(t, http.StatusNotFound)
}

// The form keeps what was typed, offers the usual kinds first, and asks about a name that reads like another (T22).
func TestResourceForm(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	form := carol.Get("/resources/new?below="+stinttest.Northwind).Want(t, http.StatusOK)
	if got := form.Find("optgroup").First().AttrOr("label", ""); got != "Usual here" || form.Find("optgroup option").First().Text() != "Directory" {
		t.Errorf("kinds: %s", form.Text("select"))
	}
	wrong := carol.Post("/resources", "below", stinttest.Northwind, "kind", "directory", "name", "production").Want(t, http.StatusUnprocessableEntity)
	if wrong.Find(`input[name=alike]`).Length() != 1 || wrong.Find(`input[name=name]`).AttrOr("value", "") != "production" {
		t.Errorf("a look-alike: %s", wrong.Text("main"))
	}
	wrong = carol.Post("/resources", "below", stinttest.Northwind, "kind", "directory", "name", "").Want(t, http.StatusUnprocessableEntity)
	if wrong.Find("#name-err").Length() != 1 {
		t.Error("no word at the field")
	}
	carol.Post("/resources", "below", "absent", "kind", "directory", "name", "x").Want(t, http.StatusNotFound)
	made := carol.Post("/resources", "below", stinttest.Northwind, "kind", "directory", "name", "production", "alike", "yes").Want(t, http.StatusSeeOther)
	page := carol.Get(made.Location()).Want(t, http.StatusOK)
	if page.Text("h1") != "production" || strings.Contains(page.Text("main"), "file of stint apply") {
		t.Errorf("made: %s", page.Text("main"))
	}
	if got := carol.Get("/resources/" + stinttest.Production + "/edit").Text(".callout"); !strings.Contains(got, "holds until the file is applied again") {
		t.Errorf("what a file owns: %q", got)
	}
	carol.Post("/resources/"+stinttest.Production, "kind", "group", "name", "Live", "version", "77").Want(t, http.StatusConflict)
}

// A move and a retirement say what they do, before and at the touch, and refuse in words.
func TestMoveAndRetireResource(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	alice := w.Person("alice").Ready()
	w.Role("dba", stinttest.Rules{})
	asg := w.Eligible("alice", "dba", time.Time{})
	id := alice.Activate(asg)
	w.Tick()
	w.Do(func(tx *store.Tx) error {
		return tx.InsertResource(pim.Resource{ID: "east", Kind: "organisation", Name: "East", TargetID: stinttest.Directory, Source: pim.SourceBrowser})
	})
	page := carol.Get("/resources/prod/move?q=eas").Want(t, http.StatusOK)
	if page.Find(`a[href="/resources/prod/move?to=east&q=eas"]`).Length() != 1 {
		t.Errorf("places: %s", page.Text("main"))
	}
	page = carol.Get("/resources/prod/move?to=east").Want(t, http.StatusOK)
	if got := page.Text("form li"); !strings.Contains(got, "below East") {
		t.Errorf("preview: %s", got)
	}
	if got := carol.Get("/resources/org/move?to=prod").Want(t, http.StatusOK); !strings.Contains(got.Text(".callout.bad"), "outside of what is moved") || got.Find("main form[method=post]").Length() != 0 {
		t.Errorf("into its own subtree: %s", got.Text("main"))
	}
	carol.Post("/resources/org/move", "to", "prod").Want(t, http.StatusUnprocessableEntity)
	step := carol.Post("/resources/prod/move", "to", "east").Want(t, http.StatusSeeOther)
	if got := carol.Get(step.Location()).Text("main"); !strings.Contains(got, "Confirm moving a resource") || !strings.Contains(got, "below East") {
		t.Errorf("the touch: %s", got)
	}
	done := carol.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	if got := carol.Get(done.Location()).Text("main"); !strings.Contains(got, "East") {
		t.Errorf("moved: %s", got)
	}
	if a := w.Activation(id); !a.State.Open() {
		t.Errorf("what was made at the node itself ended with its move: %s", a.State)
	}
	page = carol.Get("/resources/prod/retire").Want(t, http.StatusOK)
	if got := page.Text("form li"); !strings.Contains(got, "alice, eligible for dba on Production: ends") {
		t.Errorf("preview: %s", got)
	}
	for _, typed := range []string{"", "production", "Productio"} { // T21
		page = carol.Post("/resources/prod/retire", "typed", typed).Want(t, http.StatusUnprocessableEntity)
		if page.Find("#typed[aria-invalid]").AttrOr("value", "") != typed || !strings.Contains(page.Text("#typed-help"), "Production") {
			t.Errorf("typed %q: %s", typed, page.Text("form"))
		}
	}
	step = carol.Post("/resources/prod/retire", "typed", " Production ").Want(t, http.StatusSeeOther)
	carol.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	w.Tick()
	if a := w.Activation(id); a.State != pim.EligibilityEnded {
		t.Errorf("the activation is %s", a.State)
	}
	carol.Get("/resources/prod").Want(t, http.StatusNotFound)
	carol.Get("/resources/"+pim.StintResource+"/edit").Want(t, http.StatusForbidden)
}

// T21: a move by which a privileged role becomes less strict asks for the name first, as changing its settings does; it
// is an event, tells the other administrators and keeps whoever did it out for a day.
func TestAMoveThatLoosensAsksForTheName(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	dan := w.Person("dan").Ready()
	w.Administrator("dan")
	w.Advance(pim.Quarantine)
	carol.SignIn()
	w.Role("root", stinttest.Rules{Privileged: true})
	w.Role("plain", stinttest.Rules{})
	w.Eligible("carol", "root", time.Time{})
	hour := time.Hour
	w.Do(func(tx *store.Tx) error {
		return errors.Join(tx.InsertResource(pim.Resource{ID: "east", Kind: "organisation", Name: "East", TargetID: stinttest.Directory, Source: pim.SourceBrowser}),
			tx.SaveSettings(pim.RoleSettings{RoleID: "root", ResourceID: "east", MaxDuration: &hour, Enforced: []pim.Field{pim.FieldMaxDuration}, Source: pim.SourceBrowser}),
			tx.SaveSettings(pim.RoleSettings{RoleID: "plain", ResourceID: stinttest.Northwind, MaxDuration: &hour, Source: pim.SourceBrowser}))
	})
	step := carol.Post("/resources/prod/move", "to", "east").Want(t, http.StatusSeeOther) // stricter there for what is privileged
	carol.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	page := carol.Get("/resources/prod/move?to=org").Want(t, http.StatusOK)
	if got := page.Text("form li"); page.Find("#typed").Length() != 1 || !strings.Contains(got, "Every administrator is told") || !strings.Contains(got, "You cannot activate it yourself before") {
		t.Errorf("the page: %s", page.Text("main"))
	}
	carol.Post("/resources/prod/move").Want(t, http.StatusUnprocessableEntity)
	for _, typed := range []string{"", "root", "production"} {
		page = carol.Post("/resources/prod/move", "to", "org", "typed", typed).Want(t, http.StatusUnprocessableEntity)
		if page.Find("#typed[aria-invalid]").AttrOr("value", "") != typed || page.Find("input[name=to]").AttrOr("value", "") != "org" {
			t.Errorf("typed %q: %s", typed, page.Text("form"))
		}
	}
	step = carol.Post("/resources/prod/move", "to", "org", "typed", "Production").Want(t, http.StatusSeeOther)
	carol.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	if n := len(w.Events(pim.EvSettingsLoosened)); n != 1 {
		t.Errorf("%d loud events", n)
	}
	dan.SignIn()
	if got := dan.Get("/notices").Text("main"); !strings.Contains(got, "carol made the settings of root at Production less strict") {
		t.Errorf("dan reads %s", got)
	}
}
