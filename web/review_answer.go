package web

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// maxReason is how much of a reason a form keeps; what is longer than a reason may be is refused in words.
const maxReason = 4000

// AnswersPage is GET /reviews/:id/answers: where a reviewer works through a review.
func (s *Server) AnswersPage(q *request) error {
	return s.answersPage(q, http.StatusOK, answersAt(q.QueryParam), typedAnswers{}, views.HandOverForm{}, nil)
}

// answersAsked is which rows are shown.
type answersAsked struct {
	by, show, q, cursor string
	only                []string // ids; empty: as asked
}

func answersAt(param func(string) string) answersAsked {
	a := answersAsked{by: "place", show: "open", q: strings.TrimSpace(clip(param("q"), 200)), cursor: param("cursor")}
	if param("by") == "person" {
		a.by = "person"
	}
	if show := param("show"); show == store.ReviewDecided || show == "all" {
		a.show = show
	}
	return a
}

// query is the address of these rows.
func (a answersAsked) query() string {
	v := url.Values{}
	for name, value := range map[string]string{"by": strings.TrimPrefix(a.by, "place"), "show": strings.TrimPrefix(a.show, "open"), "q": a.q, "cursor": a.cursor} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v.Encode()
}

func answersPath(id, query string) string {
	if query == "" {
		return "/reviews/" + id + "/answers"
	}
	return "/reviews/" + id + "/answers?" + query
}

// hereIn is which rows a form was sent from; only of its own page.
func hereIn(q *request) answersAsked {
	at, err := url.Parse(clip(q.FormValue("here"), 2000))
	if err != nil || at.Host != "" || at.Path != answersPath(q.Param("id"), "") {
		return answersAt(func(string) string { return "" })
	}
	return answersAt(at.Query().Get)
}

// typedAnswers are answers as they came, with what was refused of them.
type typedAnswers struct {
	items   map[string]broker.ReviewAnswerItem
	raw     map[string]string // what to shrink to, as it was sent
	refused map[string]string
	saved   bool
}

// answersIn reads which rows were answered: those that are not as the page showed them.
func answersIn(form url.Values) (t typedAnswers, order []string, all []string) {
	t = typedAnswers{items: map[string]broker.ReviewAnswerItem{}, raw: map[string]string{}, refused: map[string]string{}}
	for name := range form {
		id, ok := strings.CutPrefix(name, "version-")
		if !ok || len(id) > maxCursorID || strings.ContainsFunc(id, notInID) {
			continue
		}
		all = append(all, id)
		answer, shrink, reason := clip(form.Get("answer-"+id), 16), clip(form.Get("shrink-"+id), 128), strings.TrimSpace(clip(form.Get("reason-"+id), maxReason))
		if answer == "" || shownAs(answer, shrink, reason) == form.Get("was-"+id) {
			continue
		}
		version, _ := strconv.ParseInt(form.Get("version-"+id), 10, 64)
		item := broker.ReviewAnswerItem{ID: id, Version: version, Answer: pim.ReviewAnswer(answer), Reason: reason}
		if item.Answer == pim.AnswerShrink {
			item.Shrink = shrinkOf(shrink)
		}
		t.items[id], t.raw[id] = item, shrink
		order = append(order, id)
	}
	slices.Sort(order)
	slices.Sort(all)
	return t, order, all
}

// AnswerReview is POST /reviews/:id/answers: saves what was answered on a page, or one row of it as it is answered.
func (s *Server) AnswerReview(q *request) error {
	form, err := q.FormParams()
	if err != nil {
		return err
	}
	asked := hereIn(q)
	typed, order, all := answersIn(form)
	if len(all) > pim.MaxReviewAnswers {
		return echo.ErrBadRequest
	}
	if _, err := read(s, q, func(r *store.Reader) (broker.ReviewSeen, error) { return seenByReviewer(r, q) }); err != nil {
		return err
	}
	done := 0
	if len(order) > 0 {
		answers := broker.ReviewAnswers{InstanceID: q.Param("id")}
		for _, id := range order {
			answers.Items = append(answers.Items, typed.items[id])
		}
		out, err := s.broker.Answer(q.ctx(), q.actor(), answers)
		if words, other := tooLate(err); other != nil {
			return other
		} else if words != "" {
			return s.answersPage(q, s.fragmentStatus(q, http.StatusConflict), only(q, asked, all), typed, views.HandOverForm{}, views.Errors{"": words})
		}
		typed.refused, done = out.Refused, out.Done
	}
	switch {
	case q.fragment():
		typed.saved = true
		return s.answersPage(q, http.StatusOK, only(q, asked, all), typed, views.HandOverForm{}, nil)
	case len(typed.refused) > 0:
		return s.answersPage(q, http.StatusUnprocessableEntity, asked, typed, views.HandOverForm{}, nil)
	}
	return s.follow(q, broker.Outcome{Done: views.Plural(done, "answer is", "answers are") + " saved.", Back: answersPath(q.Param("id"), asked.query())})
}

// seenByReviewer is a review in which the reader answers.
func seenByReviewer(r *store.Reader, q *request) (broker.ReviewSeen, error) {
	seen, err := broker.SeeReview(r, q.who, q.Param("id"))
	if err == nil && len(seen.Sets) == 0 {
		err = pim.Refuse(pim.KindForbidden, "You may read this review. Its reviewers answer.")
	}
	return seen, err
}

// only are the rows that were sent, for htmx, which takes nothing else.
func only(q *request, asked answersAsked, all []string) answersAsked {
	if q.fragment() {
		asked.only = all
	}
	return asked
}

// fragmentStatus: htmx leaves the page alone on a status of refusal, and the words would be lost.
func (s *Server) fragmentStatus(q *request, status int) int {
	if q.fragment() {
		return http.StatusOK
	}
	return status
}

// tooLate are the words of an answer that came at the end or later; the form keeps what was typed.
func tooLate(err error) (string, error) {
	var r *pim.Refusal
	if errors.As(err, &r) && r.Kind == pim.KindConflict {
		return r.Message, nil
	}
	return "", err
}

// AcceptRecommendations is POST /reviews/:id/recommendations: answers what is open as recommended.
func (s *Server) AcceptRecommendations(q *request) error {
	out, err := s.broker.AcceptRecommendations(q.ctx(), q.actor(), q.Param("id"), nil)
	if words, other := tooLate(err); other != nil {
		return other
	} else if words != "" {
		return s.answersPage(q, http.StatusConflict, hereIn(q), typedAnswers{}, views.HandOverForm{}, views.Errors{"": words})
	}
	done := views.Plural(out.Done, "recommendation is", "recommendations are") + " accepted."
	if out.More {
		done += " There are more: accept once more."
	}
	asked := hereIn(q)
	asked.cursor = ""
	return s.follow(q, broker.Outcome{Done: done, Back: answersPath(q.Param("id"), asked.query())})
}

// HandOverReview is POST /reviews/:id/hand-over: searches for somebody, or gives them what waits for the reader.
func (s *Server) HandOverReview(q *request) error {
	f := views.HandOverForm{Open: true, Q: strings.TrimSpace(clip(q.FormValue("who"), 200)), To: clip(q.FormValue("to"), maxCursorID), Reason: strings.TrimSpace(clip(q.FormValue("reason"), maxReason))}
	asked := answersAt(func(string) string { return "" })
	if q.FormValue("find") != "" {
		return s.answersPage(q, http.StatusOK, asked, typedAnswers{}, f, nil)
	}
	if f.To == "" {
		f.Errors = views.Errors{"to": "Choose who reviews it."}
		return s.answersPage(q, http.StatusUnprocessableEntity, asked, typedAnswers{}, f, nil)
	}
	out, err := s.broker.HandOver(q.ctx(), q.actor(), broker.ReviewHandOver{InstanceID: q.Param("id"), To: f.To, Reason: f.Reason})
	if f.Errors, err = fieldErrors(err); f.Errors != nil {
		return s.answersPage(q, http.StatusUnprocessableEntity, asked, typedAnswers{}, f, nil)
	}
	if words, other := tooLate(err); other != nil {
		return other
	} else if words != "" {
		return s.answersPage(q, http.StatusConflict, asked, typedAnswers{}, f, views.Errors{"": words})
	}
	if out.Done == 0 {
		f.Errors = views.Errors{"": "Nothing was handed over."}
		for _, words := range out.Refused {
			f.Errors[""] = words
		}
		return s.answersPage(q, http.StatusUnprocessableEntity, asked, typedAnswers{}, f, nil)
	}
	return s.follow(q, broker.Outcome{Done: views.Plural(out.Done, "item is", "items are") + " handed over.", Back: "/reviews"})
}

func (s *Server) answersPage(q *request, status int, asked answersAsked, typed typedAnswers, hand views.HandOverForm, wrong views.Errors) error {
	v, err := read(s, q, func(r *store.Reader) (views.ReviewAnswersView, error) { return answersViewIn(r, q, asked, typed, hand) })
	if err != nil {
		return err
	}
	v.Errors = wrong
	if q.fragment() && len(asked.only) > 0 {
		if words := wrong[""]; words != "" {
			v.Closed = words
		}
		return s.ok(q, views.ReviewAnswered(v))
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.ReviewAnswers(v))
}

func answersViewIn(r *store.Reader, q *request, asked answersAsked, typed typedAnswers, hand views.HandOverForm) (v views.ReviewAnswersView, err error) {
	seen, err := seenByReviewer(r, q)
	if err != nil {
		return v, err
	}
	sets, stage := seen.Mine()
	in := seen.ReviewInstance
	v = views.ReviewAnswersView{ID: in.ID, Name: in.Name, Text: in.Terms.Text, Frozen: in.StartedAt, Ends: in.StageEnds, By: asked.by, Show: asked.show, Q: asked.q,
		NeedReason: in.Terms.NeedReason, Here: answersPath(in.ID, asked.query()), Manages: seen.Reads, HandOver: hand, Apply: endWords(in.Terms)}
	v.Reader = q.reader()
	if n := len(in.Terms.Stages); n > 1 {
		v.Stage = "stage " + strconv.Itoa(in.Stage+1) + " of " + strconv.Itoa(n)
	}
	v.Closed = answersClosed(in, stage, q)
	if k, before := stageToCome(seen); before && in.EndedAt.IsZero() {
		zone, err := zoneOfSeries(r, in)
		if err != nil {
			return v, err
		}
		v.Closed, v.Begins, v.Stage = "Your stage has not begun: it is stage "+strconv.Itoa(k+1)+" of "+strconv.Itoa(len(in.Terms.Stages))+".", stageEnd(in, k-1, zone), ""
	}
	v.Progress = mineOf(in, seen.Sets, stage)
	v.Recommends = in.Terms.Recommend && v.Progress.Open() > 0
	rows, err := answerRows(r, in, sets, asked, &v)
	if err != nil {
		return v, err
	}
	if v.HandOver.Rows, err = peopleFound(r, hand.Q, hand.To); err != nil {
		return v, err
	}
	v.Groups, err = itemGroups(r, q, in, rows, asked.by, typed)
	return v, err
}

// stageToCome is the first stage in which somebody reviews, where none of theirs has begun.
func stageToCome(seen broker.ReviewSeen) (stage int, yes bool) {
	stage = len(seen.Terms.Stages)
	for _, s := range seen.Sets {
		stage = min(stage, s.Stage)
	}
	return stage, stage > seen.Stage && stage < len(seen.Terms.Stages)
}

// mineOf is how far the reader is with what is theirs.
func mineOf(in pim.ReviewInstance, sets []pim.ReviewSet, stage int) views.ReviewProgress {
	var items, decided int64
	for _, s := range sets {
		if s.Stage == stage {
			items, decided = items+s.Items, decided+s.Decided
		}
	}
	return ownProgress(in, items, decided)
}

func answersClosed(in pim.ReviewInstance, stage int, q *request) string {
	switch {
	case in.OpenAt(q.now) && stage == in.Stage:
		return ""
	case in.State == pim.ReviewInProgress && stage != in.Stage, in.State == pim.ReviewAdvancing, in.State == pim.ReviewInProgress && !in.LastStage():
		return "The stage you reviewed in is over. What you answered in it counts; others review now."
	}
	return "This review has ended. Answers are taken no more."
}

func endWords(t pim.ReviewTerms) string {
	text := "When the review ends, what was decided is applied by itself. "
	if !t.Apply {
		text = "When the review ends, what was decided waits until somebody applies it. "
	}
	switch t.Silence {
	case pim.SilenceRemove:
		return text + "What nobody answers about is removed."
	case pim.SilenceRecommend:
		return text + "Where nobody answers, the recommendation counts."
	case pim.SilenceKeep:
		return text + "What nobody answers about counts as approved."
	}
	return text + "What nobody answers about stays."
}

// answerRows are the rows of a page, with the way to the next one.
func answerRows(r *store.Reader, in pim.ReviewInstance, sets []string, asked answersAsked, v *views.ReviewAnswersView) ([]pim.ReviewItem, error) {
	if len(asked.only) > 0 {
		rows, err := r.ReviewItems(asked.only)
		return slices.DeleteFunc(rows, func(i pim.ReviewItem) bool { return i.InstanceID != in.ID || !slices.Contains(sets, i.SetID) }), err
	}
	after, err := itemCursorIn(asked.cursor)
	if err != nil {
		return nil, err
	}
	p := store.ReviewItemPage{InstanceID: in.ID, Sets: sets, ByName: asked.by == "person", Words: asked.q, After: after, Limit: pageSize}
	if asked.show != "all" {
		p.Only = asked.show
	}
	rows, reached, err := r.ReviewItemsBy(p)
	v.Pager = itemPager(p, rows, reached, asked.cursor != "", func(cursor string) string {
		asked.cursor = cursor
		return answersPath(in.ID, asked.query())
	})
	return rows, err
}

// itemPager leads on through a list of items.
func itemPager(p store.ReviewItemPage, rows []pim.ReviewItem, reached store.ReviewItemCursor, notFirst bool, at func(cursor string) string) (out views.Pager) {
	out.Forward = true
	if notFirst {
		out.Newer = at("")
	}
	if len(rows) == p.Limit {
		out.Older = at(itemCursor(p.CursorOf(rows[len(rows)-1])))
	} else if reached.ID != "" {
		out.Older, out.Note = at(itemCursor(reached)), "There may be more"
	}
	return out
}

// itemCursor is a place in a list of items as an address holds it.
func itemCursor(c store.ReviewItemCursor) string {
	return base64.RawURLEncoding.EncodeToString([]byte(c.ID + "\x00" + c.Key))
}

const maxItemCursor = 4000

func itemCursorIn(text string) (c store.ReviewItemCursor, err error) {
	if text == "" {
		return c, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	id, key, ok := strings.Cut(string(b), "\x00")
	if err != nil || !ok || len(text) > maxItemCursor || id == "" || len(id) > maxCursorID || strings.ContainsFunc(id, notInID) || !mayName(key) {
		return c, echo.ErrBadRequest
	}
	return store.ReviewItemCursor{Key: key, ID: id}, nil
}

// peopleFound are people who can be chosen, the chosen one first.
func peopleFound(r *store.Reader, search string, chosen ...string) (out []views.PickRow, err error) {
	for _, id := range chosen {
		if id == "" {
			continue
		}
		p, err := r.Principal(id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, views.PickRow{Holder: principalHolder(p), Ticked: true})
	}
	if search == "" {
		return out, nil
	}
	found, err := r.FindPrincipals(search, 3*picksFound)
	for _, p := range found {
		if p.Kind == pim.Person && !slices.Contains(chosen, p.ID) && len(out) < picksFound {
			out = append(out, views.PickRow{Holder: principalHolder(p)})
		}
	}
	return out, err
}
