package web

import (
	"net/http"
	"strconv"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// ReviewSeriesPage is GET /reviews/series/:id.
func (s *Server) ReviewSeriesPage(q *request) error { return s.seriesPage(q, http.StatusOK, nil, nil) }

func (s *Server) seriesPage(q *request, status int, typed *views.Typed, wrong views.Errors) error {
	v, err := read(s, q, func(r *store.Reader) (views.ReviewSeriesView, error) { return seriesIn(r, q) })
	if err != nil {
		return err
	}
	if wrong != nil {
		v.Errors = wrong
	}
	if typed != nil {
		v.Typed = *typed
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.ReviewSeries(v))
}

func seriesIn(r *store.Reader, q *request) (v views.ReviewSeriesView, err error) {
	d, err := r.Review(q.Param("id"))
	if err != nil {
		return v, err
	}
	if !q.powers.MayAudit() {
		about, err := r.ReviewAbout(d.ID, broker.ReadableBy(q.powers))
		if err == nil && !about {
			err = pim.NotFound()
		}
		if err != nil {
			return v, err
		}
	}
	var want ids
	want.review(d.Terms)
	n, err := namesOf(r, want)
	if err != nil {
		return v, err
	}
	v = views.ReviewSeriesView{ID: d.ID, Name: d.Name, Version: strconv.FormatInt(d.Version, 10), Every: everyWords(d.When), Next: d.NextAt, Begun: d.Started, Over: d.NextAt.IsZero(),
		Facts: n.reviewFacts(d.Terms), Typed: views.Typed{Name: d.Name}}
	if v.CanManage, err = broker.MayChangeReview(r, q.who, d); err != nil {
		return v, err
	}
	if v.Paused, err = broker.ReviewPaused(r, d); err != nil {
		return v, err
	}
	before, _ := strconv.ParseInt(q.QueryParam("before"), 10, 64)
	begun, err := r.ReviewInstances(d.ID, max(0, before), pageSize)
	if err != nil {
		return v, err
	}
	if len(begun) == pageSize {
		v.Pager.Older = "/reviews/series/" + d.ID + "?before=" + strconv.FormatInt(begun[pageSize-1].Number, 10)
	}
	if begun, err = broker.ReadableReviews(r, q.powers, begun); err != nil {
		return v, err
	}
	v.Rows, err = reviewRows(r, q, begun)
	for k := range v.Rows {
		v.Rows[k].Name += ", number " + views.Count(begun[k].Number)
	}
	return v, err
}

// RemoveReview is POST /reviews/series/:id/remove.
func (s *Server) RemoveReview(q *request) error {
	d, err := read(s, q, func(r *store.Reader) (pim.ReviewDefinition, error) { return changeable(r, q, q.Param("id")) })
	if err != nil {
		return err
	}
	typed := views.Typed{Name: d.Name}
	if !typedOut(q, &typed) {
		return s.seriesPage(q, http.StatusUnprocessableEntity, &typed, nil)
	}
	out, err := s.broker.RemoveReview(q.ctx(), q.actor(), broker.ReviewRemoval{ID: d.ID, Version: versionIn(q), Confirm: d.Name}, "/reviews/scheduled")
	if status, wrong, other := formRefusal(err); wrong != nil {
		return s.seriesPage(q, status, nil, views.Errors{"": firstOf(wrong)})
	} else if other != nil {
		return other
	}
	if out.Back == "" {
		out.Back = "/reviews/scheduled"
	}
	return s.follow(q, out)
}
