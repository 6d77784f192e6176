package web_test

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// seat lets somebody review what others hold in the role dba, from now on for 14 days.
func seat(w *stinttest.World, id, reviewer string, needReason bool, whose ...string) {
	now := w.Clock.Now()
	end := now.Add(14 * 24 * time.Hour)
	terms := pim.ReviewTerms{Scope: pim.ReviewScope{Resources: []string{stinttest.Production}, Kinds: []pim.AssignmentKind{pim.Eligible}}, NeedReason: needReason, Silence: pim.SilenceNoChange, Recommend: true, LookBack: 30,
		Stages: []pim.ReviewStage{{Kind: pim.ReviewersChosen, People: []string{reviewer}, Days: 14}}}
	def := pim.ReviewDefinition{ID: "series-" + id, Name: "Who needs dba", Terms: terms, MadeBy: reviewer, When: pim.ReviewSchedule{Frequency: pim.ReviewQuarterly, Zone: "UTC", StartsAt: now}, NextAt: now.AddDate(0, 3, 0), Started: 1}
	in := pim.ReviewInstance{ID: id, ReviewID: def.ID, Number: 1, Name: def.Name, Terms: terms, State: pim.ReviewInProgress, PlannedAt: now, StartedAt: now, StageEnds: end, EndsAt: end}
	set := pim.ReviewSet{ID: "set-" + id, InstanceID: id, Members: []pim.ReviewSetMember{{PrincipalID: reviewer, PersonID: reviewer}}}
	w.Do(func(tx *store.Tx) error {
		var items []pim.ReviewItem
		for _, who := range whose {
			i := pim.ReviewItem{ID: who + "-in-" + id, InstanceID: id, AssignmentID: who + "-dba", PrincipalID: who, PersonID: who, RoleID: "dba", ResourceID: stinttest.Production, Kind: pim.Eligible,
				Sets: []string{set.ID}, SetID: set.ID, Frozen: pim.ReviewUse{Enabled: true, Recommended: pim.AnswerDeny, Because: []pim.Because{pim.BecauseNeverUsed}}}
			i.SortName, i.SortPlace = store.ReviewSort(who, "dba", "Production")
			items = append(items, i)
		}
		err := errors.Join(tx.InsertReview(def), tx.InsertReviewInstance(in), tx.InsertReviewSet(set, reviewer), tx.InsertReviewItems(items), tx.CountReviewSet(set.ID, int64(len(items)), 0))
		if err != nil {
			return err
		}
		in, err := tx.ReviewInstance(id)
		in.Population, in.Counts.Items = strings.Repeat("0", 64), int64(len(items))
		return errors.Join(err, tx.SaveReviewInstance(in))
	})
}

func reviewWorld(t *testing.T) (w *stinttest.World, carol, bob *stinttest.Person) {
	w = stinttest.New(t)
	carol, bob = manager(w), w.Person("bob").Ready()
	w.Role("dba", stinttest.Rules{})
	for _, id := range []string{"alice", "dave", "bob"} {
		if id != "bob" {
			w.Person(id)
		}
		w.Eligible(id, "dba", time.Time{})
	}
	return w, carol, bob
}

// answersForm is what a page holds of its rows, as a browser without script would send it.
func answersForm(p *stinttest.Page) url.Values {
	form := url.Values{}
	p.Find("[form=answers][name], #answers input").Each(func(_ int, s *goquery.Selection) {
		name, value := s.AttrOr("name", ""), s.AttrOr("value", "")
		if kind := s.AttrOr("type", ""); kind == "radio" {
			if _, on := s.Attr("checked"); !on {
				return
			}
		}
		if s.Is("select") {
			if value = s.Find("option[selected]").AttrOr("value", ""); value == "" {
				value = s.Find("option").First().AttrOr("value", "")
			}
		}
		if name != "" {
			form.Set(name, value)
		}
	})
	return form
}

// W-61 to W-67: a reviewer answers on one form without script; what is refused comes back with what was typed; nobody
// answers about their own access; the last answer counts and the earlier ones are shown.
func TestReviewIsAnsweredInTheBrowser(t *testing.T) {
	t.Parallel()
	w, carol, bob := reviewWorld(t)
	seat(w, "r1", "bob", true, "alice", "dave", "bob")
	if text := bob.Get("/reviews").Want(t, http.StatusOK).Text("#reviews"); !strings.Contains(text, "0 of 3 decided") || !strings.Contains(text, "Start") {
		t.Errorf("what waits: %s", text)
	}
	page := bob.Get("/reviews/r1/answers").Want(t, http.StatusOK)
	if own := page.Text("#item-bob-in-r1"); !strings.Contains(own, "Nobody reviews their own access") || page.Find("#item-bob-in-r1 input").Length() > 0 {
		t.Errorf("their own row: %s", own)
	}
	if text := page.Text("#item-alice-in-r1"); !strings.Contains(text, "Deny") || !strings.Contains(text, "Never activated") || !strings.Contains(text, "never activated") {
		t.Errorf("the evidence: %s", text)
	}
	form := answersForm(page)
	form.Set("answer-alice-in-r1", "approve")
	form.Set("reason-alice-in-r1", "On call this quarter")
	form.Set("answer-dave-in-r1", "deny")
	wrong := sends(bob, form).Want(t, http.StatusUnprocessableEntity)
	if !strings.Contains(wrong.Text("#item-dave-in-r1 .err"), "reason") && !strings.Contains(wrong.Text("#item-dave-in-r1 .err"), "Reason") || wrong.Find("#item-dave-in-r1 [value=deny][checked]").Length() != 1 {
		t.Errorf("a denial without a reason: %s", wrong.Text("#item-dave-in-r1"))
	}
	if item := reviewItem(w, "alice-in-r1"); item.Answer != pim.AnswerApprove || item.Reason != "On call this quarter" {
		t.Errorf("the answer beside the refused one: %+v", item)
	}
	form = answersForm(wrong)
	form.Set("reason-dave-in-r1", "Moved to another team")
	if got := sends(bob, form).Want(t, http.StatusSeeOther).Location(); got != "/reviews/r1/answers" {
		t.Errorf("back to %s", got)
	}
	if n := len(w.Events(pim.EvReviewDecided)); n != 2 {
		t.Errorf("%d answers are recorded, want 2: what was not changed is not answered again", n)
	}
	all := bob.Get("/reviews/r1/answers?show=all&by=person").Want(t, http.StatusOK)
	if text := all.Text("#review-progress"); !strings.Contains(text, "2 of 3 decided") {
		t.Errorf("progress: %s", text)
	}
	form = answersForm(all)
	form.Set("answer-alice-in-r1", "dont_know")
	sends(bob, form).Want(t, http.StatusSeeOther)
	if text := bob.Get("/reviews/r1/answers?show=all").Text("#item-alice-in-r1"); !strings.Contains(text, "bob: Approve") {
		t.Errorf("the earlier answer is not shown: %s", text)
	}
	if text := carol.Get("/reviews/r1").Want(t, http.StatusOK).Text("main"); !strings.Contains(text, "2 of 3 decided") || !strings.Contains(text, "1 deny") {
		t.Errorf("the administrator reads %s", text)
	}
}

// A row saves itself where scripts run, and comes back with how far the reader is.
func TestReviewRowSavesItself(t *testing.T) {
	t.Parallel()
	w, _, bob := reviewWorld(t)
	seat(w, "r1", "bob", true, "alice", "dave")
	page := bob.Get("/reviews/r1/answers").Want(t, http.StatusOK)
	send := func(reason string) *stinttest.Page {
		form := url.Values{"answer-alice-in-r1": {"deny"}, "reason-alice-in-r1": {reason}, "here": {"/reviews/r1/answers"}}
		for _, name := range []string{"version-alice-in-r1", "was-alice-in-r1"} {
			form.Set(name, page.Find("[name="+name+"]").AttrOr("value", ""))
		}
		return sends(bob, form, "HX-Request", "true").Want(t, http.StatusOK)
	}
	if row := send(""); row.Text("#item-alice-in-r1 .err") == "" || row.Find("#item-alice-in-r1 [value=deny][checked]").Length() != 1 || row.Find("html h1").Length() > 0 {
		t.Errorf("refused: %s", row.Text("body"))
	}
	row := send("Left the team")
	if !strings.Contains(row.Text("#review-progress"), "1 of 2 decided") || !strings.Contains(row.Text("#item-alice-in-r1"), "saved") || row.Find("#item-dave-in-r1").Length() > 0 {
		t.Errorf("saved: %s", row.Text("body"))
	}
	w.Advance(15 * 24 * time.Hour)
	form := url.Values{"answer-alice-in-r1": {"approve"}, "reason-alice-in-r1": {"Too late"}, "version-alice-in-r1": {"1"}, "was-alice-in-r1": {""}}
	bob.SignIn()
	if got := sends(bob, form); got.StatusCode != http.StatusConflict || !strings.Contains(got.Text("main"), "too late") {
		t.Errorf("after the end: %d %s", got.StatusCode, got.Text("main"))
	}
}

// W-64, T33: recommendations are accepted for what is open; somebody else learns nothing.
func TestReviewRecommendationsAndHandOver(t *testing.T) {
	t.Parallel()
	w, _, bob := reviewWorld(t)
	erin := w.Person("erin").Ready()
	seat(w, "r1", "bob", false, "alice", "dave", "bob")
	for _, path := range []string{"/reviews/r1", "/reviews/r1/answers", "/reviews/r1/results", "/reviews/running"} {
		erin.Get(path).Want(t, http.StatusNotFound)
	}
	if page := bob.Get("/reviews/r1"); page.StatusCode != http.StatusSeeOther || page.Location() != "/reviews/r1/answers" {
		t.Errorf("a reviewer is led to %s", page.Location())
	}
	bob.Post("/reviews/r1/recommendations", "here", "/reviews/r1/answers").Want(t, http.StatusSeeOther)
	if a, d := reviewItem(w, "alice-in-r1"), reviewItem(w, "bob-in-r1"); a.Answer != pim.AnswerDeny || a.DecidedAs != pim.AsRecommendation || d.Answer != pim.AnswerNone {
		t.Errorf("accepted: %s, of their own %s", a.Answer, d.Answer)
	}
	if page := bob.Post("/reviews/r1/hand-over", "who", "erin", "find", "yes").Want(t, http.StatusOK); page.Find("#hand-over [name=to][value=erin]").Length() != 1 {
		t.Errorf("searching: %s", page.Text("#hand-over"))
	}
	if page := bob.Post("/reviews/r1/hand-over", "to", "erin").Want(t, http.StatusUnprocessableEntity); page.Text("#hand-reason-err") == "" {
		t.Error("handed over without a reason")
	}
	bob.Post("/reviews/r1/hand-over", "to", "erin", "reason", "On leave").Want(t, http.StatusSeeOther)
	if text := erin.Get("/reviews").Text("#reviews"); !strings.Contains(text, "Who needs dba") {
		t.Errorf("erin has %s", text)
	}
	erin.Get("/reviews/r1/answers?show=all").Want(t, http.StatusOK)
}

// sends answers rows of r1.
func sends(p *stinttest.Person, form url.Values, headers ...string) *stinttest.Page {
	return p.Do(http.MethodPost, "/reviews/r1/answers", form, append(headers, "Origin", p.World.URL, "Sec-Fetch-Site", "same-origin")...)
}

func reviewItem(w *stinttest.World, id string) pim.ReviewItem {
	return stinttest.Read(w, func(r *store.Reader) (pim.ReviewItem, error) { return r.ReviewItem(id) })
}

// W-70, W-95: every row with its answer and result is read by administrators, row by row with its history; what a search
// does not find is said.
func TestReviewResultsInTheBrowser(t *testing.T) {
	t.Parallel()
	w, carol, bob := reviewWorld(t)
	seat(w, "r1", "bob", false, "alice", "dave")
	form := answersForm(bob.Get("/reviews/r1/answers"))
	form.Set("answer-alice-in-r1", "deny")
	form.Set("reason-alice-in-r1", "Left the team")
	sends(bob, form).Want(t, http.StatusSeeOther)
	page := carol.Get("/reviews/r1/results").Want(t, http.StatusOK)
	if text := page.Text("#review-results"); !strings.Contains(text, "Left the team") || !strings.Contains(text, "No answer") || page.Find("#review-results tbody tr").Length() != 2 {
		t.Errorf("results: %s", text)
	}
	if page := carol.Get("/reviews/r1/results?q=alice").Want(t, http.StatusOK); page.Find("#review-results tbody tr").Length() != 1 {
		t.Errorf("a search: %s", page.Text("#review-results"))
	}
	carol.Get("/reviews/r1/results?q=nobody").Want(t, http.StatusOK)
	carol.Get("/reviews/r1/results?cursor=%21").Want(t, http.StatusBadRequest)
	item := carol.Get("/reviews/r1/items/alice-in-r1").Want(t, http.StatusOK)
	if text := item.Text("main"); !strings.Contains(text, "bob: Deny") || !strings.Contains(text, "Left the team") {
		t.Errorf("history: %s", text)
	}
	seq := w.Events(pim.EvReviewDecided)[0].Seq
	if item.Find(".timeline a[href='/audit/"+strconv.FormatInt(seq, 10)+"']").Length() != 1 {
		t.Error("the history names no entry of the log")
	}
	file := carol.Post("/reviews/r1/export", "format", "csv").Want(t, http.StatusOK)
	if body := file.Body; !strings.HasPrefix(body, "review_id,") || !strings.Contains(body, "Left the team") || strings.Count(body, "\n") != 3 {
		t.Errorf("the file: %s", body)
	}
	if body := carol.Post("/reviews/r1/export", "format", "json").Want(t, http.StatusOK).Body; !strings.Contains(body, `"reason":"Left the team"`) {
		t.Errorf("the JSON: %s", body)
	}
	carol.Post("/reviews/r1/export", "format", "xml").Want(t, http.StatusBadRequest)
	carol.Get("/reviews/history?from=2026-01-01&until=2025-01-01").Want(t, http.StatusOK)
	carol.Get("/reviews/r1/items/absent").Want(t, http.StatusNotFound)
	for _, path := range []string{"/reviews/running", "/reviews/scheduled", "/reviews/done", "/reviews/done?q=none", "/reviews/history", "/reviews/series/series-r1", "/reviews/new", "/reviews/series/series-r1/edit"} {
		carol.Get(path).Want(t, http.StatusOK)
	}
}

// Every series is reached, however many there are; a calendar that is cut says so.
func TestReviewSeriesAreReached(t *testing.T) {
	t.Parallel()
	w, carol, _ := reviewWorld(t)
	const many = 70
	w.Do(func(tx *store.Tx) error {
		var err error
		for n := range many {
			when := pim.ReviewSchedule{Frequency: pim.ReviewQuarterly, Zone: "UTC", StartsAt: tx.Now}
			terms := pim.ReviewTerms{Scope: pim.ReviewScope{Kinds: []pim.AssignmentKind{pim.Eligible}}, Stages: []pim.ReviewStage{{Kind: pim.ReviewersSelf, Days: 14}}}
			id := "many-" + strconv.Itoa(n)
			err = errors.Join(err, tx.InsertReview(pim.ReviewDefinition{ID: id, Name: id, Terms: terms, When: when, MadeBy: "carol", NextAt: tx.Now.AddDate(0, 3, n/3)}))
		}
		return err
	})
	seen := map[string]bool{}
	page := carol.Get("/reviews/scheduled").Want(t, http.StatusOK)
	if got := page.Text("#calendar"); got == "" || !strings.Contains(page.Text("main"), "are shown.") {
		t.Error("the calendar does not say that it is cut")
	}
	for range 3 {
		page.Find("#reviews tbody a").Each(func(_ int, a *goquery.Selection) { seen[a.AttrOr("href", "")] = true })
		next := page.Find("#reviews .pager a:contains(Next)").AttrOr("href", "")
		if next == "" {
			break
		}
		page = carol.Get(next).Want(t, http.StatusOK)
	}
	if len(seen) != many || page.Find("#reviews .pager a:contains(First)").Length() != 1 {
		t.Errorf("%d of %d series are reached", len(seen), many)
	}
}

// K-33: a series that is paused stands among those to come, and its page says why none begins.
func TestPausedReviewIsListed(t *testing.T) {
	t.Parallel()
	w, carol, _ := reviewWorld(t)
	w.Do(func(tx *store.Tx) error {
		when := pim.ReviewSchedule{Frequency: pim.ReviewWeekly, Zone: "UTC", StartsAt: tx.Now}
		terms := pim.ReviewTerms{Scope: pim.ReviewScope{Resources: []string{stinttest.Production}, Kinds: []pim.AssignmentKind{pim.Eligible}}, Stages: []pim.ReviewStage{{Kind: pim.ReviewersSelf, Days: 3}}}
		paused := pim.ReviewDefinition{ID: "paused", Name: "On call", Terms: terms, When: when, AsOwner: true, MadeBy: "alice", Version: 1}
		over := paused
		over.ID, over.Name, over.When.Count = "over", "Once", 1
		return errors.Join(tx.InsertReview(paused), tx.InsertReview(over), tx.ReviewBegun(over, time.Time{}))
	})
	page := carol.Get("/reviews/scheduled").Want(t, http.StatusOK)
	if rows := page.Find("#reviews tbody tr"); rows.Length() != 1 || !strings.Contains(rows.Text(), "On call") || rows.Find(".badge.warn").Text() != "Paused" {
		t.Errorf("listed: %q", rows.Text())
	}
	page = carol.Get("/reviews/series/paused").Want(t, http.StatusOK)
	if got := page.Text("main"); !strings.Contains(got, "every week; paused") || !strings.Contains(got, "is no owner of all it is about any more") || strings.Contains(got, "None is to come") {
		t.Error(got)
	}
}

// W-50: a stage to come ends by the wall clock of the series, as it will.
func TestReviewStageToComeEndsByTheWallClock(t *testing.T) {
	t.Parallel()
	w, carol, _ := reviewWorld(t)
	seat(w, "r1", "bob", false, "alice")
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	w.Do(func(tx *store.Tx) error {
		d, err := tx.ReviewOf("series-r1")
		in, err2 := tx.ReviewInstance("r1")
		if err = errors.Join(err, err2); err != nil {
			return err
		}
		d.When.Zone = "Europe/Berlin"
		in.Terms.Stages = append(in.Terms.Stages, pim.ReviewStage{Kind: pim.ReviewersOwners, Days: 200})
		in.EndsAt = in.StageEnds.In(berlin).AddDate(0, 0, 200).UTC()
		return errors.Join(tx.UpdateReview(d), tx.SaveReviewInstance(in))
	})
	in := stinttest.Read(w, func(r *store.Reader) (pim.ReviewInstance, error) { return r.ReviewInstance("r1") })
	if in.EndsAt.Equal(in.StageEnds.AddDate(0, 0, 200)) {
		t.Fatal("no daylight saving in between")
	}
	page := carol.Get("/reviews/r1").Want(t, http.StatusOK)
	if got := page.Find(".steps time").Last().AttrOr("datetime", ""); got != in.EndsAt.Format(time.RFC3339) {
		t.Errorf("the second stage is said to end at %s, and ends at %s", got, in.EndsAt.Format(time.RFC3339))
	}
}

// W-80, W-81: what cannot be undone asks first, and acts on nothing without the tick; who may not do it is told no more.
func TestReviewAsksBeforeItStops(t *testing.T) {
	t.Parallel()
	w, carol, bob := reviewWorld(t)
	seat(w, "r1", "bob", false, "alice", "dave")
	bob.Post("/reviews/r1/recommendations", "here", "/reviews/r1/answers").Want(t, http.StatusSeeOther)
	page := carol.Get("/reviews/r1").Want(t, http.StatusOK)
	for verb, want := range map[string]string{"stop": "it cannot be started again", "reset": "2 answers are taken back"} {
		form := page.Find("details#" + verb + " form[action='/reviews/r1/" + verb + "']")
		if form.Length() != 1 || form.Find("[name=sure][required]").Length() != 1 || !strings.Contains(form.Text(), want) {
			t.Errorf("%s does not ask: %s", verb, form.Text())
		}
		version := form.Find("[name=version]").AttrOr("value", "")
		if again := carol.Post("/reviews/r1/"+verb, "version", version).Want(t, http.StatusUnprocessableEntity); again.Find("details#"+verb+"[open] [aria-invalid]").Length() != 1 {
			t.Errorf("%s without the tick: %s", verb, again.Text("main"))
		}
	}
	if in := reviewRead(w); in.State != pim.ReviewInProgress || in.Counts.Decided() != 2 {
		t.Fatalf("without the tick: %+v", in)
	}
	version := page.Find("#reset [name=version]").AttrOr("value", "")
	done(t, carol, carol.Post("/reviews/r1/reset", "version", version, "sure", "yes"))
	for range 3 { // it is carried out beside other work
		w.Advance(time.Second)
	}
	if in := reviewRead(w); in.Counts.Decided() != 0 {
		t.Errorf("with the tick: %+v", in.Counts)
	}
}

func reviewRead(w *stinttest.World) pim.ReviewInstance {
	return stinttest.Read(w, func(r *store.Reader) (pim.ReviewInstance, error) { return r.ReviewInstance("r1") })
}

// W-64: a recommendation that is accepted is recorded with what it was made from, item by item.
func TestReviewAcceptedRecommendationSaysWhy(t *testing.T) {
	t.Parallel()
	w, _, bob := reviewWorld(t)
	seat(w, "r1", "bob", true, "alice")
	bob.Post("/reviews/r1/recommendations", "here", "/reviews/r1/answers").Want(t, http.StatusSeeOther)
	if got := reviewItem(w, "alice-in-r1").Reason; got != "As recommended: Never activated." {
		t.Errorf("the reason is %q", got)
	}
}

// W-50: who reviews in a later stage is told that it has not begun, and when it begins.
func TestReviewStageThatHasNotBegun(t *testing.T) {
	t.Parallel()
	w, _, _ := reviewWorld(t)
	erin := w.Person("erin").Ready()
	seat(w, "r1", "bob", false, "alice")
	w.Do(func(tx *store.Tx) error {
		in, err := tx.ReviewInstance("r1")
		if err != nil {
			return err
		}
		in.Terms.Stages = append(in.Terms.Stages, pim.ReviewStage{Kind: pim.ReviewersChosen, People: []string{"erin"}, Days: 7})
		in.EndsAt = in.StageEnds.AddDate(0, 0, 7)
		second := pim.ReviewSet{ID: "second", InstanceID: "r1", Stage: 1, Members: []pim.ReviewSetMember{{PrincipalID: "erin", PersonID: "erin"}}}
		return errors.Join(tx.SaveReviewInstance(in), tx.InsertReviewSet(second, "erin"))
	})
	page := erin.Get("/reviews/r1/answers").Want(t, http.StatusOK)
	text := page.Text("main")
	if !strings.Contains(text, "Your stage has not begun: it is stage 2 of 2.") || strings.Contains(text, "You have answered everything") || strings.Contains(text, "decided") {
		t.Errorf("before their stage: %s", text)
	}
	if got := page.Find(".callout time").AttrOr("datetime", ""); got != reviewRead(w).StageEnds.Format(time.RFC3339) {
		t.Errorf("it begins at %s", got)
	}
	if got := sends(erin, url.Values{"answer-alice-in-r1": {"approve"}, "version-alice-in-r1": {"1"}, "was-alice-in-r1": {""}}); got.StatusCode != http.StatusConflict || !strings.Contains(got.Text("main"), "has not begun") {
		t.Errorf("an answer before: %d %s", got.StatusCode, got.Text("main"))
	}
}

// Every review that waits for somebody is reached, however many there are.
func TestReviewsToAnswerAreReached(t *testing.T) {
	t.Parallel()
	w, _, bob := reviewWorld(t)
	const many = 60
	for n := range many {
		seat(w, "many-"+strconv.Itoa(n), "bob", false, "alice")
	}
	page, seen := bob.Get("/reviews").Want(t, http.StatusOK), map[string]bool{}
	for range 2 {
		page.Find("#reviews tbody th a").Each(func(_ int, a *goquery.Selection) { seen[a.AttrOr("href", "")] = true })
		if next := page.Find("#reviews .pager a:contains(Next)").AttrOr("href", ""); next != "" {
			page = bob.Get(next).Want(t, http.StatusOK)
		}
	}
	if len(seen) != many || page.Find("#reviews .pager a:contains(First)").Length() != 1 {
		t.Errorf("%d of %d reviews are reached", len(seen), many)
	}
}

// T33: lists of an owner hold the instances that were about nothing beside theirs, whatever their series is about now.
func TestReviewsOfAnOwnerAreTheirs(t *testing.T) {
	t.Parallel()
	w, carol, _ := reviewWorld(t)
	olga := w.Person("olga").Ready()
	w.Owner("olga", stinttest.Production)
	seat(w, "narrow", "bob", false, "alice")
	seat(w, "wide", "bob", false, "alice", "dave")
	change := func(id string, fn func(*pim.ReviewInstance)) {
		w.Do(func(tx *store.Tx) error {
			in, err := tx.ReviewInstance(id)
			fn(&in)
			return errors.Join(err, tx.SaveReviewInstance(in))
		})
	}
	w.Do(func(tx *store.Tx) error {
		return tx.InsertResource(pim.Resource{ID: "beside", Kind: "organisation", Name: "Beside", Source: pim.SourceFile})
	})
	change("wide", func(in *pim.ReviewInstance) { in.Terms.Scope.Resources = append(in.Terms.Scope.Resources, "beside") })
	shows := func(path string) {
		t.Helper()
		for id, want := range map[string]bool{"narrow": true, "wide": false} {
			if got := strings.Contains(olga.Get(path).Want(t, http.StatusOK).Body, `"/reviews/`+id+`"`); got != want && !strings.Contains(path, "series") {
				t.Errorf("%s shows an owner the %s one: %v", path, id, got)
			} else if got && !want {
				t.Errorf("%s shows an owner the %s one", path, id)
			}
			if !strings.Contains(path, "series") && !strings.Contains(carol.Get(path).Want(t, http.StatusOK).Body, `"/reviews/`+id+`"`) {
				t.Errorf("%s does not show an administrator the %s one", path, id)
			}
		}
	}
	shows("/reviews/running")
	shows("/reviews/series/series-wide")
	if got := olga.Get("/reviews/running").Text(`nav a[href="/reviews/running"]`); !strings.Contains(got, "1") {
		t.Errorf("the tab counts %q", got)
	}
	for _, id := range []string{"narrow", "wide"} {
		change(id, func(in *pim.ReviewInstance) {
			in.State, in.EndedAt, in.EndedBy, in.AppliedAt, in.AppliedBy = pim.ReviewApplied, w.Clock.Now(), "carol", w.Clock.Now(), "carol"
		})
	}
	shows("/reviews/done")
	shows("/reviews/history")
	olga.Get("/reviews/wide").Want(t, http.StatusNotFound)
}
