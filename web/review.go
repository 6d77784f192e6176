package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// reviewTyped is what was typed into the forms of a review's page.
type reviewTyped struct {
	wrong  views.Errors // above the page
	typed  *views.Typed // to delete
	add    views.ReviewAddForm
	picked []string
	change *views.ReviewChangeForm
}

// ReviewPage is GET /reviews/:id: one review; who only answers in it goes on to the rows.
func (s *Server) ReviewPage(q *request) error { return s.reviewPage(q, http.StatusOK, reviewTyped{}) }

func (s *Server) reviewPage(q *request, status int, t reviewTyped) error {
	v, err := read(s, q, func(r *store.Reader) (views.ReviewView, error) { return reviewViewIn(r, q, t) })
	if err != nil {
		return err
	}
	if v.ID == "" {
		return q.redirect(answersPath(q.Param("id"), ""))
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.ReviewPage(v))
}

// reviewersShown is how many reviewers a review's page lists.
const reviewersShown = 100

func reviewViewIn(r *store.Reader, q *request, t reviewTyped) (v views.ReviewView, err error) {
	seen, err := broker.SeeReview(r, q.who, q.Param("id"))
	if err != nil || !seen.Reads {
		return v, err
	}
	if v, err = reviewHeadIn(r, q, seen); err != nil {
		return v, err
	}
	in := seen.ReviewInstance
	v.Errors, v.Add = t.wrong, t.add
	v.Change = views.ReviewChangeForm{EndsAt: in.StageEnds.In(locationOf(q.zoneOf(""))).Format("2006-01-02T15:04"), Zone: q.zoneOf(""), Text: in.Terms.Text, Remind: in.Terms.Remind}
	if t.change != nil {
		v.Change = *t.change
	}
	v.Typed = views.Typed{Name: in.Name}
	if t.typed != nil {
		v.Typed = *t.typed
	}
	if v.Add.Rows, err = peopleFound(r, t.add.Q, t.picked...); err != nil {
		return v, err
	}
	if v.Reviewers, v.More, err = reviewersIn(r, in); err != nil {
		return v, err
	}
	v.Outcome, err = outcomeIn(r, in)
	return v, err
}

// reviewHeadIn is what every page of a review has.
func reviewHeadIn(r *store.Reader, q *request, seen broker.ReviewSeen) (v views.ReviewView, err error) {
	in := seen.ReviewInstance
	var want ids
	want.review(in.Terms)
	n, err := namesOf(r, want)
	if err != nil {
		return v, err
	}
	v = views.ReviewView{ID: in.ID, Name: in.Name, Number: in.Number, Version: strconv.FormatInt(in.Version, 10), State: reviewState(in, q.now), Progress: reviewProgress(in.Counts),
		Done: in.Done, About: in.About, Facts: n.reviewFacts(in.Terms), Stage: in.Stage + 1, Can: allowedIn(seen, q)}
	v.Doing, v.Working = reviewDoing(in)
	if in.Population != "" {
		v.Facts = append(v.Facts, views.ReviewFact{Name: "Population", Text: views.Plural(int(in.Counts.Items), "item", "items") + ", SHA-256 " + in.Population})
	}
	d, err := r.ReviewOf(in.ReviewID)
	if err != nil {
		return v, err
	}
	v.Steps = n.reviewSteps(in, q.now, locationOf(d.When.Zone))
	if v.SeriesID = d.ID; d.When.Frequency != pim.ReviewOnce {
		v.Series = everyWords(d.When)
	}
	return v, nil
}

func reviewDoing(in pim.ReviewInstance) (string, bool) {
	switch in.State {
	case pim.ReviewStarting:
		return "Written down", true
	case pim.ReviewAdvancing:
		return "Given on", true
	case pim.ReviewCompleting:
		return "Settled", true
	case pim.ReviewApplying:
		return "Applied", true
	}
	return "", false
}

// reviewSteps are the stages with their ends: those to come end by their days, by the wall clock of the series. When one
// that is over ended is not kept.
func (n names) reviewSteps(in pim.ReviewInstance, now time.Time, zone *time.Location) (out []views.ReviewStep) {
	for k, stage := range in.Terms.Stages {
		step := views.ReviewStep{Text: views.StageTitle(k) + ": " + n.reviewersOf(stage), Done: k < in.Stage || !in.EndedAt.IsZero(), Now: k == in.Stage && in.OpenAt(now)}
		switch {
		case k == in.Stage:
			step.Ends = in.StageEnds
		case k > in.Stage:
			step.Ends = stageEnd(in, k, zone)
		}
		out = append(out, step)
	}
	return out
}

// stageEnd is when the stage that runs ends, or one after it will.
func stageEnd(in pim.ReviewInstance, stage int, zone *time.Location) time.Time {
	ends := in.StageEnds
	for k := in.Stage + 1; k <= stage && !ends.IsZero(); k++ {
		ends = ends.In(zone).AddDate(0, 0, in.Terms.Stages[k].Days)
	}
	return ends
}

func zoneOfSeries(r *store.Reader, in pim.ReviewInstance) (*time.Location, error) {
	d, err := r.ReviewOf(in.ReviewID)
	return locationOf(d.When.Zone), err
}

func allowedIn(seen broker.ReviewSeen, q *request) (a views.ReviewAllowed) {
	in := seen.ReviewInstance
	open := in.OpenAt(q.now)
	_, stage := seen.Mine()
	a.Answer = open && len(seen.Sets) > 0 && stage == in.Stage
	a.Export = seen.Reads && in.State != pim.ReviewStarting
	if !seen.Manages {
		return a
	}
	a.Change, a.Stop, a.Remind, a.AddReviewers = open, open, open, open
	a.Reset = open && in.Counts.Decided() > 0
	a.Apply = in.State == pim.ReviewCompleted
	a.Delete = true
	return a
}

func reviewersIn(r *store.Reader, in pim.ReviewInstance) (out []views.ReviewerRow, more int, err error) {
	var who []string
	for stage := range in.Terms.Stages {
		all, err := r.ReviewReviewers(in.ID, stage, "", reviewersShown+1)
		if err != nil {
			return nil, 0, err
		}
		for _, a := range all {
			who = append(who, a.PrincipalID)
			out = append(out, views.ReviewerRow{Who: views.Person{ID: a.PrincipalID}, Stage: stage + 1, Items: a.Items, Decided: a.Decided, Fallback: a.Fallback})
		}
	}
	if more = len(out) - reviewersShown; more > 0 {
		out, who = out[:reviewersShown], who[:reviewersShown]
	}
	people, err := r.PrincipalsOf(unique(who))
	for k := range out {
		if p, ok := people[out[k].Who.ID]; ok {
			out[k].Who = personView(p)
		} else {
			out[k].Who.Name = "Somebody removed"
		}
	}
	return out, max(0, more), err
}

// StopReview is POST /reviews/:id/stop: ends the stage that runs, and with the last one the review.
func (s *Server) StopReview(q *request) error {
	if sure, err := s.sureOf(q, "stop"); err != nil || !sure {
		return err
	}
	return s.reviewDone(q)(s.broker.StopReview(q.ctx(), q.actor(), q.Param("id"), versionIn(q), reviewPath(q)))
}

// ResetReview is POST /reviews/:id/reset: takes all answers back.
func (s *Server) ResetReview(q *request) error {
	if sure, err := s.sureOf(q, "reset"); err != nil || !sure {
		return err
	}
	return s.reviewDone(q)(s.broker.ResetReview(q.ctx(), q.actor(), q.Param("id"), versionIn(q), reviewPath(q)))
}

// sureOf answers with the page that asks, where whoever manages the review has not ticked that they want it.
func (s *Server) sureOf(q *request, verb string) (bool, error) {
	in, err := read(s, q, func(r *store.Reader) (broker.ReviewSeen, error) { return broker.SeeReview(r, q.who, q.Param("id")) })
	if err != nil || !in.Manages || q.FormValue("sure") != "" {
		return err == nil, err
	}
	return false, s.reviewPage(q, http.StatusUnprocessableEntity, reviewTyped{wrong: views.Errors{verb: "Tick it if you want that."}})
}

// RemindReviewers is POST /reviews/:id/remind.
func (s *Server) RemindReviewers(q *request) error {
	return s.reviewDone(q)(s.broker.RemindReviewers(q.ctx(), q.actor(), q.Param("id"), versionIn(q), reviewPath(q)))
}

// ApplyReview is POST /reviews/:id/apply.
func (s *Server) ApplyReview(q *request) error {
	return s.reviewDone(q)(s.broker.ApplyReview(q.ctx(), q.actor(), q.Param("id"), versionIn(q), reviewPath(q)))
}

func reviewPath(q *request) string { return "/reviews/" + q.Param("id") }

func versionIn(q *request) int64 {
	version, _ := strconv.ParseInt(q.FormValue("version"), 10, 64)
	return version
}

// reviewDone goes on after an operation; what was refused stands above the page as it is now.
func (s *Server) reviewDone(q *request) func(broker.Outcome, error) error {
	return func(out broker.Outcome, err error) error {
		if status, wrong, other := formRefusal(err); wrong != nil {
			return s.reviewPage(q, status, reviewTyped{wrong: wrong})
		} else if other != nil {
			return other
		}
		return s.followReview(q, out)
	}
}

func (s *Server) followReview(q *request, out broker.Outcome) error {
	if out.Back == "" {
		out.Back = reviewPath(q)
	}
	return s.follow(q, out)
}

// AddReviewers is POST /reviews/:id/reviewers: searches for people, or adds those that are ticked.
func (s *Server) AddReviewers(q *request) error {
	form, err := q.FormParams()
	if err != nil {
		return err
	}
	t := reviewTyped{add: views.ReviewAddForm{Open: true, Q: strings.TrimSpace(clip(form.Get("who"), 200))}, picked: form[picks]}
	if form.Get("find") != "" {
		return s.reviewPage(q, http.StatusOK, t)
	}
	if len(t.picked) == 0 {
		t.add.Errors = views.Errors{"pick": "Choose at least one person."}
		return s.reviewPage(q, http.StatusUnprocessableEntity, t)
	}
	in, err := read(s, q, func(r *store.Reader) (broker.ReviewSeen, error) { return broker.SeeReview(r, q.who, q.Param("id")) })
	if err != nil {
		return err
	}
	out, err := s.broker.AddReviewers(q.ctx(), q.actor(), broker.ReviewerAddition{InstanceID: in.ID, Version: versionIn(q), Stage: in.Stage, People: t.picked}, reviewPath(q))
	if status, wrong, other := formRefusal(err); wrong != nil {
		t.add.Errors = wrong
		if wrong["pick"] == "" {
			t.wrong = views.Errors{"": firstOf(wrong)}
		}
		return s.reviewPage(q, status, t)
	} else if other != nil {
		return other
	}
	return s.followReview(q, out)
}

func firstOf(wrong views.Errors) string {
	for _, text := range wrong {
		return text
	}
	return ""
}

// ChangeReview is POST /reviews/:id/change: this review alone.
func (s *Server) ChangeReview(q *request) error {
	f := views.ReviewChangeForm{Open: true, EndsAt: clip(q.FormValue("ends_at"), 32), Zone: q.zoneOf(q.FormValue("zone")), Text: clip(q.FormValue("text"), 2000), Remind: q.FormValue("remind") != ""}
	at, wrong := instantOf(f.EndsAt, locationOf(f.Zone))
	if wrong != "" {
		f.Errors = views.Errors{"ends_at": wrong}
		return s.reviewPage(q, http.StatusUnprocessableEntity, reviewTyped{change: &f})
	}
	out, err := s.broker.ChangeReviewInstance(q.ctx(), q.actor(), broker.ReviewInstanceChange{ID: q.Param("id"), Version: versionIn(q), EndsAt: at, Text: strings.TrimSpace(f.Text), Remind: f.Remind}, reviewPath(q))
	if status, errs, other := formRefusal(err); errs != nil {
		f.Errors = errs
		t := reviewTyped{change: &f}
		if errs["ends_at"] == "" && errs["text"] == "" {
			t.wrong = views.Errors{"": firstOf(errs)}
		}
		return s.reviewPage(q, status, t)
	} else if other != nil {
		return other
	}
	return s.followReview(q, out)
}

// DeleteReview is POST /reviews/:id/delete.
func (s *Server) DeleteReview(q *request) error {
	in, err := read(s, q, func(r *store.Reader) (broker.ReviewSeen, error) { return broker.SeeReview(r, q.who, q.Param("id")) })
	if err != nil {
		return err
	}
	typed := views.Typed{Name: in.Name}
	if in.Manages && !typedOut(q, &typed) {
		return s.reviewPage(q, http.StatusUnprocessableEntity, reviewTyped{typed: &typed})
	}
	out, err := s.broker.DeleteReviewInstance(q.ctx(), q.actor(), broker.ReviewDeletion{ID: in.ID, Version: versionIn(q), Confirm: in.Name}, reviewPath(q))
	if out.CeremonyID == "" && err == nil {
		out.Back = "/reviews/running"
	}
	return s.reviewDone(q)(out, err)
}
