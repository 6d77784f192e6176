package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// reviewAsked is what the form of a series holds.
type reviewAsked struct {
	save    broker.ReviewSave
	values  views.ReviewValues
	picked  map[string][]string // ids by chooser
	find    map[string]string   // what is searched for, by chooser
	wrong   views.Errors        // what could not be read
	preview bool
	typed   bool // the name was typed, or asked for
}

// NewReviewPage is GET /reviews/new.
func (s *Server) NewReviewPage(q *request) error {
	a := reviewAsked{values: views.ReviewValues{About: "roles", Eligible: true, Active: true, Frequency: string(pim.ReviewQuarterly), Start: "now", Zone: q.zoneOf(""), End: "never", Apply: "hand",
		Silence: string(pim.SilenceNoChange), Remind: true, Recommend: true, LookBack: strconv.Itoa(pim.DefaultLookBack), MovesOn: []string{"approve", "none"}}}
	a.values.Stages[0] = views.ReviewStageValues{Kind: string(pim.ReviewersChosen), Days: strconv.Itoa(pim.DefaultReviewDays)}
	return s.reviewForm(q, http.StatusOK, a, nil)
}

// EditReviewPage is GET /reviews/series/:id/edit.
func (s *Server) EditReviewPage(q *request) error {
	d, err := read(s, q, func(r *store.Reader) (pim.ReviewDefinition, error) { return changeable(r, q, q.Param("id")) })
	if err != nil {
		return err
	}
	return s.reviewForm(q, http.StatusOK, seriesAsked(q, d), nil)
}

// changeable is a series that the reader may change.
func changeable(r *store.Reader, q *request, id string) (d pim.ReviewDefinition, err error) {
	if d, err = r.Review(id); err != nil {
		return d, err
	}
	may, err := broker.MayChangeReview(r, q.who, d)
	if err == nil && !may {
		err = pim.NotFound()
	}
	return d, err
}

// ReviewFormPage is POST /reviews/form: the form as it stands, with whom and what its searches find.
func (s *Server) ReviewFormPage(q *request) error {
	a, err := reviewIn(q)
	if err != nil {
		return err
	}
	return s.reviewForm(q, http.StatusOK, a, nil)
}

// PreviewReview is POST /reviews/preview: who would review what. It changes nothing.
func (s *Server) PreviewReview(q *request) error {
	a, err := reviewIn(q)
	if err != nil {
		return err
	}
	if len(a.wrong) > 0 {
		return s.reviewForm(q, http.StatusUnprocessableEntity, a, a.wrong)
	}
	a.preview = true
	return s.reviewForm(q, http.StatusOK, a, nil)
}

// SaveReview is POST /reviews and POST /reviews/series/:id.
func (s *Server) SaveReview(q *request) error {
	a, err := reviewIn(q)
	if err != nil {
		return err
	}
	if a.save.ID, a.preview = q.Param("id"), true; a.save.ID != "" {
		if _, err := read(s, q, func(r *store.Reader) (pim.ReviewDefinition, error) { return changeable(r, q, a.save.ID) }); err != nil {
			return err
		}
	}
	if len(a.wrong) > 0 {
		a.preview = false
		return s.reviewForm(q, http.StatusUnprocessableEntity, a, a.wrong)
	}
	a.save.Confirm = a.confirm(q)
	out, err := s.broker.SaveReview(q.ctx(), q.actor(), a.save, "/reviews")
	if status, wrong, other := formRefusal(err); wrong != nil {
		a.preview = wrong["confirm"] != ""
		a.typed = a.preview
		return s.reviewForm(q, status, a, wrong)
	} else if other != nil {
		return other
	}
	if out.CeremonyID == "" && out.ReviewID != "" {
		out.Back = "/reviews/series/" + out.ReviewID
	}
	return s.follow(q, out)
}

// confirm is the name of the review when it was typed, as people see it.
func (a reviewAsked) confirm(q *request) string {
	if typedOut(q, &views.Typed{Name: a.save.Name}) {
		return a.save.Name
	}
	return ""
}

// seriesAsked is a form that holds a series as it is.
func seriesAsked(q *request, d pim.ReviewDefinition) reviewAsked {
	a := reviewAsked{save: broker.ReviewSave{ID: d.ID, Version: d.Version, Name: d.Name, Terms: d.Terms, When: d.When}, picked: map[string][]string{
		"role": d.Terms.Scope.Roles, "resource": d.Terms.Scope.Resources, "group": d.Terms.Scope.Groups}}
	t, zone := d.Terms, locationOf(d.When.Zone)
	v := views.ReviewValues{Name: d.Name, Text: t.Text, About: yes(len(t.Scope.Groups) > 0, "groups", "roles"), Eligible: slices.Contains(t.Scope.Kinds, pim.Eligible), Active: slices.Contains(t.Scope.Kinds, pim.Active),
		Guests: t.Scope.GuestsOnly, InactiveDays: numberOrNone(t.Scope.InactiveDays), ShowEarlier: t.ShowEarlier, Frequency: string(d.When.Frequency), Rule: d.When.Rule, Start: "at",
		StartAt: d.When.StartsAt.In(zone).Format("2006-01-02T15:04"), Zone: d.When.Zone, End: "never", Count: numberOrNone(d.When.Count), Apply: yes(t.Apply, "self", "hand"), Silence: string(t.Silence),
		NeedReason: t.NeedReason, Remind: t.Remind, Recommend: t.Recommend, LookBack: numberOrNone(t.LookBack)}
	if !d.When.Until.IsZero() {
		v.End, v.Until = "on", d.When.Until.In(zone).Format(time.DateOnly)
	} else if d.When.Count > 0 {
		v.End = "after"
	}
	for _, m := range t.MovesOn {
		v.MovesOn = append(v.MovesOn, yes(m == pim.AnswerNone, "none", string(m)))
	}
	for n, stage := range t.Stages {
		v.Stages[n] = views.ReviewStageValues{Kind: string(stage.Kind), Days: strconv.Itoa(stage.Days)}
		a.picked["reviewer_"+strconv.Itoa(n+1)], a.picked["fallback_"+strconv.Itoa(n+1)] = stage.People, stage.Fallback
	}
	a.values = v
	return a
}

func locationOf(zone string) *time.Location {
	if loc, err := time.LoadLocation(zone); err == nil {
		return loc
	}
	return time.UTC
}

func numberOrNone(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// reviewIn reads the form. What is ticked comes as the chooser's name, a colon and an id.
func reviewIn(q *request) (a reviewAsked, err error) {
	form, err := q.FormParams()
	if err != nil {
		return a, err
	}
	a.wrong, a.picked, a.find = views.Errors{}, map[string][]string{}, map[string]string{}
	for _, p := range unique(slices.Clone(form[picks])) {
		name, id, _ := strings.Cut(p, ":")
		if id == "" || len(id) > maxCursorID || strings.ContainsFunc(id, notInID) {
			return a, pim.NotFound()
		}
		a.picked[name] = append(a.picked[name], id)
	}
	for name := range form {
		if chooser, ok := strings.CutPrefix(name, "find_"); ok {
			a.find[chooser] = strings.TrimSpace(clip(form.Get(name), 200))
		}
	}
	a.values = reviewValues(q, form)
	a.save = broker.ReviewSave{ID: clip(form.Get("id"), maxCursorID), Name: strings.TrimSpace(a.values.Name)}
	a.save.Version, _ = strconv.ParseInt(form.Get("version"), 10, 64)
	a.terms()
	a.when(q)
	return a, nil
}

func reviewValues(q *request, form url.Values) views.ReviewValues {
	text := func(name string, most int) string { return strings.TrimSpace(clip(form.Get(name), most)) }
	on := func(name string) bool { return form.Get(name) != "" }
	v := views.ReviewValues{Name: text("name", 1000), Text: text("text", 2000), About: text("about", 8), Eligible: on("eligible"), Active: on("active"), Guests: on("guests"), InactiveDays: text("inactive_days", 8),
		ShowEarlier: on("show_earlier"), Frequency: text("frequency", 16), Rule: text("rule", 400), Start: text("start", 8), StartAt: text("start_at", 32), Zone: q.zoneOf(form.Get("zone")), End: text("series_end", 8),
		Until: text("until", 16), Count: text("count", 8), Apply: text("apply", 8), Silence: text("silence", 16), NeedReason: on("need_reason"), Remind: on("remind"), Recommend: on("recommend"), LookBack: text("look_back", 8)}
	for n := range v.Stages {
		v.Stages[n] = views.ReviewStageValues{Kind: text("reviewers_"+strconv.Itoa(n+1), 16), Days: text("days_"+strconv.Itoa(n+1), 8)}
	}
	for _, answer := range []string{"approve", "deny", "shrink", "dont_know", "none"} {
		if on("moves_" + answer) {
			v.MovesOn = append(v.MovesOn, answer)
		}
	}
	return v
}

// number reads a whole number; empty is none.
func (a *reviewAsked) number(field, text string) int {
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		a.wrong[field] = "Write a whole number, at least 1."
	}
	return n
}

func (a *reviewAsked) terms() {
	v, t := a.values, &a.save.Terms
	*t = pim.ReviewTerms{Text: v.Text, Apply: v.Apply == "self", Silence: pim.ReviewSilence(v.Silence), NeedReason: v.NeedReason, Remind: v.Remind, Recommend: v.Recommend, ShowEarlier: v.ShowEarlier}
	if v.About == "groups" {
		t.Scope.Groups = a.picked["group"]
		if len(t.Scope.Groups) == 0 {
			a.wrong["groups"] = "Choose at least one group."
		}
	} else {
		t.Scope.Roles, t.Scope.Resources = a.picked["role"], a.picked["resource"]
		if v.Eligible {
			t.Scope.Kinds = append(t.Scope.Kinds, pim.Eligible)
		}
		if v.Active {
			t.Scope.Kinds = append(t.Scope.Kinds, pim.Active)
		}
	}
	t.Scope.GuestsOnly, t.Scope.InactiveDays = v.Guests, a.number("inactive_days", v.InactiveDays)
	if v.Recommend {
		t.LookBack = a.number("look_back", v.LookBack)
	}
	for n, stage := range v.Stages {
		if stage.Kind == "" {
			continue
		}
		i := strconv.Itoa(n + 1)
		s := pim.ReviewStage{Kind: pim.ReviewerKind(stage.Kind), Fallback: a.picked["fallback_"+i], Days: a.number("days_"+i, stage.Days)}
		if s.Kind == pim.ReviewersChosen {
			s.People = a.picked["reviewer_"+i]
		}
		t.Stages = append(t.Stages, s)
	}
	if len(t.Stages) > 1 {
		for _, m := range v.MovesOn {
			t.MovesOn = append(t.MovesOn, pim.ReviewAnswer(strings.TrimPrefix(m, "none")))
		}
	}
}

func (a *reviewAsked) when(q *request) {
	v, w := a.values, &a.save.When
	*w = pim.ReviewSchedule{Frequency: pim.ReviewFrequency(v.Frequency), Zone: v.Zone, StartsAt: q.now}
	if w.Frequency == pim.ReviewByRule {
		w.Rule = v.Rule
	}
	if v.Start == "at" {
		p, err := parseStart("at", v.StartAt, v.Zone)
		if err != nil {
			a.wrong["start"] = words(err)
		}
		w.StartsAt = p.at
	}
	switch v.End {
	case "on":
		day, err := time.ParseInLocation(time.DateOnly, v.Until, locationOf(v.Zone))
		if err != nil {
			a.wrong["until"] = "Choose a day, such as 2027-12-31."
		} else {
			w.Until = day.AddDate(0, 0, 1).Add(-time.Second).UTC()
		}
	case "after":
		if w.Count = a.number("count", v.Count); v.Count == "" {
			a.wrong["count"] = "Write after how many reviews the series ends."
		}
	}
}

// reviewForm is the form with its values kept, and the preview where it was asked for.
func (s *Server) reviewForm(q *request, status int, a reviewAsked, wrong views.Errors) error {
	type made struct {
		views.ReviewFormView
		wrong views.Errors
	}
	m, err := read(s, q, func(r *store.Reader) (m made, err error) {
		if m.ReviewFormView, err = reviewFormIn(r, q, a, wrong); err != nil || !a.preview {
			return m, err
		}
		m.wrong, err = fieldErrors(previewIn(r, q, a, &m.ReviewFormView))
		return m, err
	})
	if err != nil {
		return err
	}
	v := m.ReviewFormView
	if m.wrong != nil && wrong == nil {
		status, v.Preview = http.StatusUnprocessableEntity, nil
		v.SetErrors(m.wrong)
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.ReviewForm(v))
}
