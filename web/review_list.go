package web

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// ReviewsPage is GET /reviews: the reviews that wait for the reader's answers.
func (s *Server) ReviewsPage(q *request) error { return s.reviewsPage(q, views.ReviewsMine) }

// ReviewsRunning is GET /reviews/running.
func (s *Server) ReviewsRunning(q *request) error { return s.reviewsPage(q, views.ReviewsRunning) }

// ReviewsScheduled is GET /reviews/scheduled: the series, and what comes in the next twelve months.
func (s *Server) ReviewsScheduled(q *request) error { return s.reviewsPage(q, views.ReviewsScheduled) }

// ReviewsDone is GET /reviews/done.
func (s *Server) ReviewsDone(q *request) error { return s.reviewsPage(q, views.ReviewsDone) }

func (s *Server) reviewsPage(q *request, tab views.ReviewTab) error {
	after, err := parseCursor(q.QueryParam("cursor"))
	if err != nil {
		return err
	}
	v, err := read(s, q, func(r *store.Reader) (views.ReviewsView, error) {
		v := views.ReviewsView{Tab: tab, SeesAll: q.powers.MayRead(), CanCreate: q.powers.MayManage()}
		return v, fillReviews(r, q, after, &v)
	})
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.Reviews(v))
}

func fillReviews(r *store.Reader, q *request, after store.Keyset, v *views.ReviewsView) error {
	count, err := r.CountReviewsToAnswer(q.who.ID, views.CountUpTo)
	if err != nil {
		return err
	}
	v.Mine = int(count)
	if v.Tab == views.ReviewsMine {
		mine, err := r.ReviewsToAnswer(q.who.ID, after, pageSize+1)
		if err != nil {
			return err
		}
		var last store.Keyset
		if len(mine) > pageSize {
			mine = mine[:pageSize]
			last = store.Keyset{At: mine[pageSize-1].StageEnds, ID: mine[pageSize-1].ID}
		}
		v.Pager = forward(v.Tab, after, last)
		return fillMine(r, q, mine, v)
	}
	part := broker.ReadableBy(q.powers)
	runs, err := broker.CountReviewsRunning(r, q.powers, views.CountUpTo)
	if err != nil {
		return err
	}
	comes, err := r.CountReviewsAhead(part, views.CountUpTo)
	if err != nil {
		return err
	}
	v.Running, v.Scheduled = int(runs), int(comes)
	switch v.Tab {
	case views.ReviewsScheduled:
		return fillSeries(r, q, part, after, v)
	case views.ReviewsDone:
		v.Q = strings.TrimSpace(clip(q.QueryParam("q"), 200))
		return fillDone(r, q, part, after, v)
	}
	running, err := broker.ReviewsRunning(r, q.powers, after, pageSize+1)
	if err != nil {
		return err
	}
	if len(running) > pageSize {
		running = running[:pageSize]
		last := running[pageSize-1]
		v.Pager = forward(v.Tab, after, store.Keyset{At: last.EndsAt, ID: last.ID})
	} else {
		v.Pager = forward(v.Tab, after, store.Keyset{})
	}
	v.Rows, err = reviewRows(r, q, running)
	return err
}

// forward leads on through a list that begins with what is next, and back to its beginning.
func forward(tab views.ReviewTab, after, last store.Keyset) views.Pager {
	p := views.Pager{Forward: true}
	if after.ID != "" {
		p.Newer = tab.Path()
	}
	if last.ID != "" {
		p.Older = tab.Path() + "?cursor=" + cursor(last)
	}
	return p
}

func fillMine(r *store.Reader, q *request, mine []store.ReviewMine, v *views.ReviewsView) error {
	var list []pim.ReviewInstance
	for _, m := range mine {
		list = append(list, m.ReviewInstance)
	}
	rows, err := reviewRows(r, q, list)
	if err != nil {
		return err
	}
	for n := range rows {
		rows[n].Due = mine[n].StageEnds
		rows[n].Progress = ownProgress(mine[n].ReviewInstance, mine[n].Items, mine[n].Decided)
		if rows[n].Reviewers, rows[n].More, err = reviewFaces(r, mine[n].ReviewInstance); err != nil {
			return err
		}
	}
	v.Rows = rows
	return nil
}

// ownProgress is how far one reviewer is: by answers where all of the review is theirs.
func ownProgress(i pim.ReviewInstance, items, decided int64) views.ReviewProgress {
	if items == i.Counts.Items {
		return reviewProgress(i.Counts)
	}
	return views.ReviewProgress{Items: items, Plain: decided}
}

const facesShown = 4

func reviewFaces(r *store.Reader, i pim.ReviewInstance) (out []views.Person, more int, err error) {
	all, err := r.ReviewReviewers(i.ID, i.Stage, "", pageSize)
	if err != nil {
		return nil, 0, err
	}
	var who []string
	for _, a := range all {
		who = append(who, a.PrincipalID)
	}
	names, err := r.Names(who)
	for _, id := range who[:min(len(who), facesShown)] {
		out = append(out, views.Person{ID: id, Name: names[id]})
	}
	return out, len(who) - len(out), err
}

func reviewRows(r *store.Reader, q *request, list []pim.ReviewInstance) (out []views.ReviewRow, err error) {
	var want ids
	for _, i := range list {
		want.review(i.Terms)
	}
	n, err := namesOf(r, want)
	for _, i := range list {
		out = append(out, views.ReviewRow{ID: i.ID, Name: i.Name, About: n.reviewAbout(i.Terms.Scope), State: reviewState(i, q.now), Progress: reviewProgress(i.Counts), Due: i.EndsAt})
	}
	return out, err
}

func fillDone(r *store.Reader, q *request, part store.Subtree, before store.Keyset, v *views.ReviewsView) error {
	var list []pim.ReviewInstance
	for range 10 { // at most so many pages are looked through for a name
		page, err := r.ReviewsDone(part, before, pageSize)
		if err != nil {
			return err
		}
		for _, i := range page {
			reads, err := broker.ReadsInstance(r, q.powers, i)
			if err != nil {
				return err
			}
			before = store.Keyset{At: i.EndedAt, ID: i.ID}
			if reads && matches(strings.ToLower(i.Name), v.Q) {
				list = append(list, i)
			}
			if len(list) == pageSize {
				break
			}
		}
		if len(page) < pageSize {
			before = store.Keyset{}
		}
		if len(page) < pageSize || len(list) == pageSize {
			break
		}
	}
	if before.ID != "" {
		v.Pager = views.Pager{Continue: true, Older: views.ReviewsDone.Path() + "?" + url.Values{"q": {v.Q}, "cursor": {cursor(before)}}.Encode()}
	}
	rows, err := reviewRows(r, q, list)
	for n, i := range list {
		rows[n].Due = i.EndedAt
	}
	v.Rows = rows
	return err
}

const (
	calendarShown = 60 // reviews to come in the calendar
	comingEach    = 13 // of one series
)

// fillSeries lists the series from after on; with the first ones stand those that are paused, and the calendar of all.
func fillSeries(r *store.Reader, q *request, part store.Subtree, after store.Keyset, v *views.ReviewsView) error {
	limit := pageSize + 1
	if after.ID == "" {
		limit = views.CountUpTo
	}
	page, err := r.ReviewsAhead(part, after, limit)
	if err != nil {
		return err
	}
	if after.ID == "" {
		if err := fillCalendar(q, page, v); err != nil {
			return err
		}
	}
	var last store.Keyset
	if len(page) > pageSize {
		page = page[:pageSize]
		last = store.Keyset{At: page[pageSize-1].NextAt, ID: page[pageSize-1].ID}
	}
	v.Pager = forward(v.Tab, after, last)
	if after.ID == "" {
		paused, err := broker.PausedReviews(r, part)
		if err != nil {
			return err
		}
		page = slices.Concat(paused, page)
	}
	v.Series, err = seriesRows(r, page)
	return err
}

func seriesRows(r *store.Reader, list []pim.ReviewDefinition) (out []views.ReviewSeriesRow, err error) {
	var want ids
	for _, d := range list {
		want.review(d.Terms)
	}
	n, err := namesOf(r, want)
	for _, d := range list {
		out = append(out, views.ReviewSeriesRow{ID: d.ID, Name: d.Name, About: n.reviewAbout(d.Terms.Scope), Every: everyWords(d.When), Next: d.NextAt})
	}
	return out, err
}

func fillCalendar(q *request, ahead []pim.ReviewDefinition, v *views.ReviewsView) error {
	until := q.now.AddDate(1, 0, 0)
	var coming []views.ReviewComing
	for _, d := range ahead {
		starts, err := broker.ReviewStarts(d, d.NextAt, comingEach)
		if err != nil {
			return err
		}
		for _, at := range starts {
			if at.After(until) {
				break
			}
			coming = append(coming, views.ReviewComing{SeriesID: d.ID, Name: d.Name, Starts: at, Days: d.Terms.Days()})
		}
	}
	if v.Calendar = byMonth(q, coming); len(coming) > calendarShown {
		v.CutAt = calendarShown
	}
	return nil
}

// byMonth puts what comes under the months of the reader's zone.
func byMonth(q *request, coming []views.ReviewComing) (out []views.ReviewMonth) {
	zone := zoneOf(q.who)
	if zone == nil {
		zone = time.UTC
	}
	slices.SortStableFunc(coming, func(a, b views.ReviewComing) int { return a.Starts.Compare(b.Starts) })
	for _, c := range coming[:min(len(coming), calendarShown)] {
		name := c.Starts.In(zone).Format("January 2006")
		if len(out) == 0 || out[len(out)-1].Name != name {
			out = append(out, views.ReviewMonth{Name: name})
		}
		last := &out[len(out)-1]
		last.Rows = append(last.Rows, c)
	}
	return out
}
