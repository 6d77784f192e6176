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

// W-10 to W-90, the whole way: an administrator makes a review in the browser, two reviewers answer, it ends by its time, the
// decisions are applied, and what was denied is gone at the target.
func TestReviewJourney(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol, bob, erin, alice := manager(w), w.Person("bob").Ready(), w.Person("erin").Ready(), w.Person("alice").Ready()
	w.Person("dave")
	entitlement := w.Role("dba", stinttest.Rules{})
	assigned := w.Eligible("alice", "dba", time.Time{})
	w.Eligible("dave", "dba", time.Time{})
	alice.Activate(assigned)
	w.Tick()
	if !w.Target.Holds(alice.Account, entitlement) {
		t.Fatal("alice does not hold the role before the review")
	}
	form := []string{"name", "Who needs dba", "about", "roles", "eligible", "yes", "active", "yes", "pick", "role:dba", "pick", "reviewer_1:bob", "pick", "reviewer_1:erin", "reviewers_1", "chosen", "days_1", "14",
		"frequency", "quarterly", "start", "now", "zone", "UTC", "series_end", "never", "apply", "hand", "silence", "no_change", "need_reason", "yes", "recommend", "yes", "look_back", "30", "find_role", "db"}
	if page := carol.Post("/reviews/form", form...).Want(t, http.StatusOK); page.Find("[name=pick][value='role:dba'][checked]").Length() != 1 {
		t.Error("what was ticked is lost by a search")
	}
	preview := carol.Post("/reviews/preview", form...).Want(t, http.StatusOK)
	if text := preview.Text("#preview"); !strings.Contains(text, "2 items") || !strings.Contains(text, "bob") || !strings.Contains(text, "erin") {
		t.Errorf("the preview says %s", text)
	}
	if n := len(stinttest.Read(w, func(r *store.Reader) ([]pim.ReviewDefinition, error) {
		return r.Reviews(store.ReviewPage{Part: store.Subtree{All: true}, Limit: 5})
	})); n != 0 {
		t.Errorf("the preview saved %d", n)
	}
	danger := append(append([]string{}, form...), "typed", "who needs dba")
	for i := range danger {
		switch danger[i] {
		case "hand":
			danger[i] = "self"
		case "no_change":
			danger[i] = "remove"
		}
	}
	if page := carol.Post("/reviews", danger...).Want(t, http.StatusUnprocessableEntity); page.Text("#typed-err") == "" { // W-32, EC-26
		t.Errorf("the dangerous combination without the name: %s", page.Text("main"))
	}
	done(t, carol, carol.Post("/reviews", form...))
	w.Advance(time.Minute)
	w.Tick()
	id := runningReview(t, w)
	answers := "/reviews/" + id + "/answers"
	decide := func(p *stinttest.Person, who, answer, reason string) {
		t.Helper()
		page := p.Get(answers+"?show=all&q="+who).Want(t, http.StatusOK)
		row := strings.TrimPrefix(page.Find("tr[id^=item-]").AttrOr("id", ""), "item-")
		f := answersForm(page)
		f.Set("answer-"+row, answer)
		f.Set("reason-"+row, reason)
		p.Do(http.MethodPost, answers, f, "Origin", w.URL, "Sec-Fetch-Site", "same-origin").Want(t, http.StatusSeeOther)
	}
	decide(bob, "alice", "approve", "On call")
	decide(erin, "alice", "deny", "Moved to another team")
	decide(erin, "dave", "approve", "Leads the team")
	if !w.Target.Holds(alice.Account, entitlement) { // W-65
		t.Error("access is taken away before the end")
	}
	page := carol.Get("/reviews/"+id).Want(t, http.StatusOK)
	version := page.Find("form[action$='/stop'] [name=version]").AttrOr("value", "")
	done(t, carol, carol.Post("/reviews/"+id+"/stop", "version", version, "sure", "yes"))
	for range 3 {
		w.Advance(time.Second)
	}
	page = carol.Get("/reviews/"+id).Want(t, http.StatusOK)
	if page.Find("form[action$='/apply']").Length() != 1 {
		t.Fatalf("after the end: %s", page.Text("#review-state"))
	}
	version = page.Find("form[action$='/apply'] [name=version]").AttrOr("value", "")
	done(t, carol, carol.Post("/reviews/"+id+"/apply", "version", version))
	for range 6 {
		w.Advance(2 * time.Second)
	}
	if w.Target.Holds(alice.Account, entitlement) {
		t.Error("what was denied is still held at the target")
	}
	results := carol.Get("/reviews/"+id+"/results").Want(t, http.StatusOK)
	if text := results.Text("#review-results"); !strings.Contains(text, "Removed seen gone at") || !strings.Contains(text, "Kept") {
		t.Errorf("results: %s", text)
	}
	if text := carol.Get("/reviews/done").Text("#reviews"); !strings.Contains(text, "Who needs dba") {
		t.Errorf("done: %s", text)
	}
	if rows := carol.Get("/reviews/history").Text("main"); !strings.Contains(rows, "Who needs dba") {
		t.Errorf("history: %s", rows)
	}
}

func runningReview(t *testing.T, w *stinttest.World) string {
	t.Helper()
	list := stinttest.Read(w, func(r *store.Reader) ([]pim.ReviewInstance, error) {
		return r.ReviewsRunning(store.Subtree{All: true}, store.Keyset{}, 5)
	})
	if len(list) != 1 || list[0].State != pim.ReviewInProgress {
		t.Fatalf("running: %+v", list)
	}
	return list[0].ID
}
