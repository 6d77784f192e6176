package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

func newSetWorld(t *testing.T) (*stinttest.World, *stinttest.Person, *stinttest.Person) {
	t.Helper()
	w := stinttest.New(t)
	alice, bob := w.Person("alice").Ready(), w.Person("bob").Ready()
	w.Role("dba", stinttest.Rules{})
	w.Role("ops", stinttest.Rules{})
	w.Role("vault", stinttest.Rules{Approvers: []string{"bob"}})
	for _, role := range []string{"dba", "ops", "vault"} {
		w.Eligible("alice", role, time.Time{})
	}
	return w, alice, bob
}

func setForm(durations map[string]string, more ...string) []string {
	form := append([]string{"justification", "Monday on call"}, more...)
	for id, d := range durations {
		form = append(form, "pick", id, "duration-"+id, d)
	}
	return form
}

// K-03: three roles with one reason and one touch, through the pages; each row tells what became of it.
func TestSetJourney(t *testing.T) {
	t.Parallel()
	w, alice, bob := newSetWorld(t)
	three := map[string]string{"alice-dba": "60", "alice-ops": "30", "alice-vault": "60"}
	page := alice.Get("/my-roles/several?pick=alice-dba&pick=alice-ops&pick=alice-vault").Want(t, http.StatusOK)
	if n := page.Find("input[name=pick]").Length(); n != 3 || !strings.Contains(page.Text("main"), "1 of them waits") {
		t.Errorf("%d roles on the form: %s", n, page.Text("main"))
	}
	kept := alice.Post("/my-roles/sets", setForm(three, "name", "Monday on call")...).Want(t, http.StatusSeeOther)
	if kept.Location() != "/my-roles" {
		t.Errorf("keeping led to %s", kept.Location())
	}
	step := alice.Post("/my-roles/several", setForm(three)...).Want(t, http.StatusSeeOther)
	if n := alice.Get(step.Location()).Find("dl.kv").Length(); n != 3 {
		t.Errorf("the step-up restates %d things (THREATS T8)", n)
	}
	done := alice.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	results := alice.Get(done.Location()).Want(t, http.StatusOK)
	if got := results.Text("h1"); got != "3 of 3 roles asked for" {
		t.Errorf("results: %q", got)
	}
	if s := bob.Get(done.Location()); s.StatusCode != http.StatusNotFound {
		t.Errorf("another's results: %d", s.StatusCode)
	}
	waiting := ""
	results.Find("a[href^='/activations/']").Each(func(_ int, s *goquery.Selection) {
		id := strings.TrimPrefix(s.AttrOr("href", ""), "/activations/")
		if w.Activation(id).State == pim.PendingApproval {
			waiting = id
		}
	})
	list := bob.Get("/approvals/several?pick="+waiting).Want(t, http.StatusOK)
	if list.Find("article.req").Length() != 1 {
		t.Error("the picked request is not listed")
	}
	step = bob.Post("/approvals/several", "pick", waiting, "decision", "approve", "justification", "agreed").Want(t, http.StatusSeeOther)
	bob.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	if s := w.Activation(waiting).State; s != pim.Provisioning {
		t.Errorf("after the approval: %s", s)
	}
}

// A set that is opened goes on without what the person is not eligible for any more, and says so.
func TestKeptSetWithoutARole(t *testing.T) {
	t.Parallel()
	w, alice, bob := newSetWorld(t)
	alice.Post("/my-roles/sets", setForm(map[string]string{"alice-dba": "60", "alice-ops": "30"}, "name", "Monday")...).Want(t, http.StatusSeeOther)
	link := alice.Get("/my-roles").Find("a[href^='/my-roles/several?set=']").AttrOr("href", "")
	if link == "" {
		t.Fatal("the kept set is not on My roles")
	}
	w.Do(func(tx *store.Tx) error {
		a, err := tx.Assignment("alice-ops")
		if err != nil {
			return err
		}
		return tx.EndAssignment(a, false)
	})
	page := alice.Get(link).Want(t, http.StatusOK)
	if page.Find("input[name=pick]").Length() != 1 || !strings.Contains(page.Text("main"), "not eligible for ops") {
		t.Errorf("the set: %s", page.Text("main"))
	}
	if got := bob.Get(link).StatusCode; got != http.StatusNotFound {
		t.Errorf("another's set: %d", got)
	}
}

// Bad input: every duration that is none, at its role; another's assignment is not found; nothing is asked for.
func TestSetBadInput(t *testing.T) {
	t.Parallel()
	w, alice, _ := newSetWorld(t)
	w.Person("carol")
	w.Eligible("carol", "dba", time.Time{})
	for _, d := range []string{"", "0", "-1", "481", "1e18", "1000000000000000000", "６０", "1.5", "60 "} {
		page := alice.Post("/my-roles/several", setForm(map[string]string{"alice-dba": d, "alice-ops": "30"})...)
		if page.StatusCode != http.StatusUnprocessableEntity || page.Find("input[name=pick]").Length() != 2 {
			t.Errorf("duration %q: %d", d, page.StatusCode)
		}
		if page.Text("textarea[name=justification]") != "Monday on call" {
			t.Errorf("duration %q: the reason is lost", d)
		}
	}
	for name, form := range map[string][]string{
		"no reason":       {"pick", "alice-dba", "duration-alice-dba", "60", "pick", "alice-ops", "duration-alice-ops", "60", "justification", "\u3164"},
		"name of nothing": setForm(map[string]string{"alice-dba": "60"}, "name", " "),
	} {
		path := "/my-roles/several"
		if name == "name of nothing" {
			path = "/my-roles/sets"
		}
		if page := alice.Post(path, form...); page.StatusCode != http.StatusUnprocessableEntity || page.Find("[aria-invalid=true]").Length() == 0 {
			t.Errorf("%s: %d, nothing is marked", name, page.StatusCode)
		}
	}
	alice.Post("/my-roles/several", setForm(map[string]string{"alice-dba": "60", "carol-dba": "60"})...).Want(t, http.StatusNotFound)
	alice.Get("/my-roles/several?"+url.Values{"pick": {"alice-dba", "alice-dba"}}.Encode()).Want(t, http.StatusUnprocessableEntity)
	alice.Post("/my-roles/several?pick=alice-dba", setForm(map[string]string{"alice-ops": "30"})...).Want(t, http.StatusBadRequest) // T34: two parsers could differ
	if n := len(w.Events(pim.EvActRequested)); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

// What became active between showing and sending is said at the whole, and nothing is half done.
func TestSetWithAnActiveRole(t *testing.T) {
	t.Parallel()
	w, alice, _ := newSetWorld(t)
	held := alice.Activate("alice-dba")
	page := alice.Post("/my-roles/several", setForm(map[string]string{"alice-dba": "60", "alice-ops": "30"})...)
	if page.StatusCode != http.StatusConflict || !strings.Contains(page.Text("main"), "already active") {
		t.Errorf("%d: %s", page.StatusCode, page.Text("main"))
	}
	if n := len(w.Events(pim.EvActRequested)); n != 1 {
		t.Errorf("%d requests", n)
	}
	second := alice.Activate("alice-ops")
	done := alice.Post("/my-roles/deactivations", "pick", held, "pick", second).Want(t, http.StatusSeeOther)
	if got := alice.Get(done.Location()).Text("h1"); got != "2 of 2 roles given back" {
		t.Errorf("results: %q", got)
	}
}
