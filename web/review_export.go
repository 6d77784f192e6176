package web

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// ExportReview is POST /reviews/:id/export: every row of a review as a file.
func (s *Server) ExportReview(q *request) error {
	return s.exportReviews(q, broker.ReviewExport{InstanceID: q.Param("id")}, "review")
}

// ExportReviewHistory is POST /reviews/history/export: every row of the reviews that ended in a period.
func (s *Server) ExportReviewHistory(q *request) error {
	from, to, wrong := periodIn(q, q.FormValue)
	if wrong != nil {
		return s.historyPage(q, http.StatusUnprocessableEntity, q.FormValue)
	}
	return s.exportReviews(q, broker.ReviewExport{From: from, To: to}, "reviews-"+from.Format(time.DateOnly))
}

func (s *Server) exportReviews(q *request, x broker.ReviewExport, name string) error {
	format := q.FormValue("format")
	kind, known := map[string]string{"csv": "text/csv; charset=utf-8", "json": "application/json"}[format]
	if !known {
		return echo.ErrBadRequest
	}
	x.Plain = format == "json"
	records, err := s.broker.ExportReview(q.ctx(), q.actor(), x)
	if err != nil {
		return err
	}
	h := q.Response().Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+"."+format+`"`)
	q.Response().WriteHeader(http.StatusOK)
	out := patient{q.Response().Writer, http.NewResponseController(q.Response().Writer)}
	write := writeCSV
	if x.Plain {
		write = writeJSON
	}
	if err := write(out, records); err != nil {
		s.log.Error("exporting reviews", "id", q.id, "error", err)
		panic(http.ErrAbortHandler) // so that half a file is not taken for a whole one
	}
	return nil
}

func writeCSV(w io.Writer, records iter.Seq2[[]string, error]) error {
	out := csv.NewWriter(w)
	for record, err := range records {
		if err == nil {
			err = out.Write(record)
		}
		if err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// writeJSON writes an array of objects, each with the columns of the head that are not empty.
func writeJSON(w io.Writer, records iter.Seq2[[]string, error]) error {
	var head []string
	sep := "[\n"
	for record, err := range records {
		if err != nil {
			return err
		}
		if head == nil {
			head = record
			continue
		}
		line, err := jsonRecord(head, record)
		if err == nil {
			_, err = io.WriteString(w, sep+line)
		}
		if err != nil {
			return err
		}
		sep = ",\n"
	}
	_, err := io.WriteString(w, strings.TrimSuffix(sep, ",\n")+"\n]\n")
	return err
}

func jsonRecord(head, record []string) (string, error) {
	var b strings.Builder
	sep := "{"
	for i, value := range record {
		if value == "" {
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return "", err
		}
		b.WriteString(sep + `"` + head[i] + `":` + string(text))
		sep = ","
	}
	return b.String() + "}", nil
}

// ReviewHistoryPage is GET /reviews/history: what was reviewed in a period.
func (s *Server) ReviewHistoryPage(q *request) error {
	return s.historyPage(q, http.StatusOK, q.QueryParam)
}

func (s *Server) historyPage(q *request, status int, param func(string) string) error {
	from, to, wrong := periodIn(q, param)
	v, err := read(s, q, func(r *store.Reader) (views.ReviewHistoryView, error) {
		v := views.ReviewHistoryView{From: from.Format(time.DateOnly), Until: to.AddDate(0, 0, -1).Format(time.DateOnly), Errors: wrong}
		if wrong != nil {
			return v, nil
		}
		return v, fillHistory(r, q, from, to, &v)
	})
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.ReviewHistory(v))
}

// periodIn is from the first day until the one after the last, in the reader's zone; the last year where none is given.
func periodIn(q *request, param func(string) string) (from, to time.Time, wrong views.Errors) {
	zone := locationOf(q.zoneOf(""))
	day := func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone)
	}
	to = day(q.now.In(zone)).AddDate(0, 0, 1)
	from = to.AddDate(-1, 0, 0)
	for name, at := range map[string]*time.Time{"from": &from, "until": &to} {
		text := param(name)
		if text == "" {
			continue
		}
		t, err := time.ParseInLocation(time.DateOnly, text, zone)
		if err != nil {
			return from, to, views.Errors{name: "Choose a day, such as 2026-11-30."}
		}
		if *at = t; name == "until" {
			*at = t.AddDate(0, 0, 1)
		}
	}
	if !from.Before(to) {
		wrong = views.Errors{"until": "The period ends before it begins. Choose a later end."}
	}
	return from, to, wrong
}

func fillHistory(r *store.Reader, q *request, from, to time.Time, v *views.ReviewHistoryView) error {
	before := store.Keyset{At: to, ID: " "}
	asked, err := parseCursor(q.QueryParam("cursor"))
	if err != nil {
		return err
	}
	if asked.ID != "" && asked.At.Before(to) {
		before = asked
		v.Pager.Newer = historyPath(*v, "")
	}
	list, err := r.ReviewsDone(broker.ReadableBy(q.powers), before, pageSize)
	if err != nil {
		return err
	}
	theirs, err := broker.ReadableReviews(r, q.powers, list)
	for _, in := range theirs {
		if err == nil && !in.EndedAt.Before(from) {
			err = addHistory(r, q, in, v)
		}
	}
	if len(list) == pageSize && !list[pageSize-1].EndedAt.Before(from) {
		v.Pager.Older = historyPath(*v, cursor(store.Keyset{At: list[pageSize-1].EndedAt, ID: list[pageSize-1].ID}))
	}
	return err
}

func historyPath(v views.ReviewHistoryView, at string) string {
	path := "/reviews/history?from=" + v.From + "&until=" + v.Until
	if at != "" {
		path += "&cursor=" + at
	}
	return path
}

func addHistory(r *store.Reader, q *request, in pim.ReviewInstance, v *views.ReviewHistoryView) error {
	results, err := r.ReviewResults(in.ID)
	row := views.ReviewHistoryRow{ID: in.ID, Name: in.Name, State: reviewState(in, q.now), Progress: reviewProgress(in.Counts), Started: in.StartedAt, Ended: in.EndedAt,
		Removed: results[pim.ResultRemoved] + results[pim.ResultShrunk], Failed: results[pim.ResultFailed] + results[pim.ResultRefused] + results[pim.ResultNotHere]}
	v.Rows = append(v.Rows, row)
	c := row.Progress
	v.Total.Items, v.Total.Approved, v.Total.Denied = v.Total.Items+c.Items, v.Total.Approved+c.Approved, v.Total.Denied+c.Denied
	v.Total.Shrunk, v.Total.DontKnow = v.Total.Shrunk+c.Shrunk, v.Total.DontKnow+c.DontKnow
	return err
}
