package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	stinttest "stint/internal/stinttest/harness"
)

// K-21, invariant 4: somebody gets what another one has, as ticked, with one touch; each is judged alone.
func TestGiveTheSame(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	for _, id := range []string{"alice", "bob"} {
		w.Person(id)
	}
	w.Group("ops", "alice")
	for _, role := range []string{"dba", "backup", "reader", "vault"} {
		w.Role(role, stinttest.Rules{Privileged: role == "dba"})
	}
	dba, backup := w.Eligible("alice", "dba", time.Time{}), w.Eligible("alice", "backup", time.Time{})
	reader := w.Eligible("ops", "reader", time.Time{})
	w.Eligible("alice", "vault", time.Time{})
	w.Eligible("bob", "backup", time.Time{})

	if href, _ := carol.Get("/people/bob/roles").Want(t, http.StatusOK).Find("a:contains('Give the same as')").Attr("href"); href != "/assignments/same?principal=bob" {
		t.Errorf("the person's page leads to %q", href)
	}
	if got := carol.Get("/assignments/same?q=ali").Want(t, http.StatusOK).Text("main"); !strings.Contains(got, "alice") {
		t.Errorf("who gets it: %q", got)
	}
	like, _ := carol.Get("/assignments/same?principal=bob&q=ali").Want(t, http.StatusOK).Find("main .lines a").Attr("href")
	page := carol.Get(like).Want(t, http.StatusOK)
	ticked := page.Find("input[name=pick][checked]").Map(func(_ int, s *goquery.Selection) string { return s.AttrOr("value", "") })
	if len(ticked) != 2 || page.Find("input[name=pick]").Length() != 4 { // not what bob has, nor what comes through a group
		t.Errorf("ticked %v", ticked)
	}
	if got := page.Text("fieldset"); !strings.Contains(got, "eligible already") || !strings.Contains(got, "through ops") {
		t.Errorf("the list says %q", got)
	}
	terms := []string{"principal", "bob", "like", "alice", "kind", "eligible", "start", "now", "end", "longest", "justification", "Covers for alice"}
	again := carol.Post("/assignments/same", terms...).Want(t, http.StatusUnprocessableEntity)
	if again.Text("#pick-err") == "" || again.Find("textarea[name=justification]").Text() != "Covers for alice" {
		t.Errorf("nothing ticked: %q", again.Text("main"))
	}
	results := done(t, carol, touched(t, carol.Post("/assignments/same", append(terms, "pick", dba, "pick", backup, "pick", reader)...)))
	if got := results.Text("main"); !strings.Contains(got, "2 of 3 assignments made") || !strings.Contains(got, "bob has this already") {
		t.Errorf("the results say %q", got)
	}
	if len(assigned(w, "bob", "dba")) != 1 || len(assigned(w, "bob", "reader")) != 1 || len(assigned(w, "bob", "backup")) != 1 || len(assigned(w, "bob", "vault")) != 0 {
		t.Error("bob has something else than what was ticked")
	}
	if a := assigned(w, "bob", "dba")[0]; a.EndsAt.IsZero() || a.Justification != "Covers for alice" || a.MadeBy != "carol" {
		t.Errorf("%+v", a)
	}
}

// K-21, K-33: an owner sees and gives only what they hand out.
func TestAnOwnerGivesTheSame(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	manager(w)
	olga := w.Person("olga").Ready()
	w.Owner("olga", stinttest.Production)
	w.Person("alice")
	w.Person("bob")
	w.Role("backup", stinttest.Rules{})
	w.Role("dba", stinttest.Rules{Privileged: true}) // owners hand out what is not privileged
	backup, dba := w.Eligible("alice", "backup", time.Time{}), w.Eligible("alice", "dba", time.Time{})

	page := olga.Get("/assignments/same?principal=bob&like=alice").Want(t, http.StatusOK)
	if got := page.Find("input[name=pick]"); got.Length() != 1 || got.AttrOr("value", "") != backup || strings.Contains(page.Text("main"), "dba") {
		t.Errorf("an owner sees %q", page.Text("main"))
	}
	terms := []string{"principal", "bob", "like", "alice", "kind", "eligible", "start", "now", "end", "longest", "pick", dba}
	olga.Post("/assignments/same", terms...).Want(t, http.StatusUnprocessableEntity)
	done(t, olga, olga.Post("/assignments/same", append(terms, "pick", backup)...))
	if len(assigned(w, "bob", "dba")) != 0 || len(assigned(w, "bob", "backup")) != 1 {
		t.Error("an owner gave what they do not hand out")
	}
}

// K-21: whoever has more than one page shows is given page by page; what is ticked on a page is given, and nothing else.
func TestGiveTheSameOfManyAssignments(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Person("alice")
	w.Person("bob")
	for i := range 60 {
		role := fmt.Sprintf("role%02d", i)
		w.Role(role, stinttest.Rules{})
		w.Eligible("alice", role, time.Time{})
	}
	first := carol.Get("/assignments/same?principal=bob&like=alice").Want(t, http.StatusOK)
	next, _ := first.Find("main a[href*=cursor]").Attr("href")
	if first.Find("input[name=pick]").Length() != 50 || next == "" || !strings.Contains(first.Text("#pick-help"), "each page is given for itself") {
		t.Fatalf("%d on the first page, which leads to %q", first.Find("input[name=pick]").Length(), next)
	}
	second := carol.Get(next).Want(t, http.StatusOK)
	picks := second.Find("input[name=pick]").Map(func(_ int, s *goquery.Selection) string { return s.AttrOr("value", "") })
	cursor := second.Find("input[name=cursor]").AttrOr("value", "")
	if len(picks) != 10 || cursor == "" {
		t.Fatalf("%d on the second page", len(picks))
	}
	terms := []string{"principal", "bob", "like", "alice", "kind", "eligible", "start", "now", "end", "longest", "justification", "Covers for alice", "cursor", cursor}
	if again := carol.Post("/assignments/same", terms...).Want(t, http.StatusUnprocessableEntity); again.Find("input[name=pick]").Length() != 10 {
		t.Error("what is wrong is not shown on the page it is about")
	}
	results := done(t, carol, carol.Post("/assignments/same", append(terms, "pick", picks[0], "pick", picks[9])...))
	if got := results.Text("main"); !strings.Contains(got, "2 of 2 assignments made") || len(assigned(w, "bob", "role50")) != 1 || len(assigned(w, "bob", "role59")) != 1 {
		t.Errorf("the results say %q", got)
	}
}
