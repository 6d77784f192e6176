package web

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"

	"github.com/labstack/echo/v4"

	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// AuditPage is GET /audit: the log, newest first. Auditors and administrators see all of it, everybody
// else what they did and what is about them (U-01, A-54).
func (s *Server) AuditPage(q *request) error {
	asked := auditFilter(q.QueryParam)
	before, err := parseSeq(q.QueryParam("cursor"))
	if err != nil {
		return echo.ErrBadRequest
	}
	return s.auditPage(q, asked, before, views.SaveSearch{})
}

func (s *Server) auditPage(q *request, asked views.AuditFilter, before int64, save views.SaveSearch) error {
	v, err := read(s, q, func(r *store.Reader) (views.AuditView, error) { return auditIn(r, q, asked, before) })
	if err != nil {
		return err
	}
	v.Total, v.Save = s.store.Head().Size, save
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	status := http.StatusOK
	if len(v.Errors) > 0 || save.Error != "" {
		status = http.StatusUnprocessableEntity
	}
	return s.page(q, status, views.Audit(v))
}

var seqForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,14})$`)

// parseSeq reads the number of an entry as Stint writes it; "" is 0.
func parseSeq(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	if !seqForm.MatchString(text) {
		return 0, pim.NotFound()
	}
	return strconv.ParseInt(text, 10, 64)
}

// auditFilter are the filters as they were sent. A range of one's own holds before one that goes along with the clock.
func auditFilter(value func(string) string) views.AuditFilter {
	text := func(name string) string { return clip(value(name), 200) }
	f := views.AuditFilter{Words: text("words"), Person: text("person"), Role: text("role"), Resource: text("resource"), Target: value("target"),
		Action: value("action"), Result: value("result"), Span: value("span"), From: text("from"), Until: text("until"), Correlation: clip(value("correlation"), maxCursorID)}
	if f.From != "" || f.Until != "" {
		f.Span = ""
	}
	return f
}

// auditIn is one page of the log.
func auditIn(r *store.Reader, q *request, asked views.AuditFilter, before int64) (views.AuditView, error) {
	v := views.AuditView{Filter: asked, Errors: views.Errors{}, Mine: !q.powers.MayAudit()}
	f, err := askedOfLog(r, q, &v)
	if err != nil {
		return v, err
	}
	if v.Saved, err = savedIn(r, q); err != nil {
		return v, err
	}
	if v.Export, err = auditExportIn(r, q); err != nil || len(v.Errors) > 0 {
		return v, err
	}
	if v.Export.State != store.ExportRunning {
		v.Export = views.AuditExport{} // of one that is over its own page tells
	}
	f.Before, f.Limit = before, pageSize+1
	look := r.Look(f)
	entries, back, err := look.Rows()
	if err != nil {
		return v, err
	}
	if v.Notes, err = wordNotes(r, f); err != nil {
		return v, err
	}
	next := ""
	if back > 0 {
		next = strconv.FormatInt(back, 10)
	}
	if len(entries) > pageSize {
		entries = entries[:pageSize]
		next = strconv.FormatInt(entries[pageSize-1].Seq, 10)
	}
	if q.QueryParam("cursor") == "" {
		if v.Histogram, err = histogramIn(r, q, look, f, asked); err != nil {
			return v, err
		}
	}
	if v.Pager, err = auditPager(r, q, asked, next, back); err != nil {
		return v, err
	}
	if v.Rows, err = auditRows(r, entries); err != nil {
		return v, err
	}
	suggestOfRows(&v)
	if v.Mine {
		return v, nil
	}
	return v, logFacts(r, &v)
}

// auditPager leads on; where a page ended because it looked at enough, it says how far it came.
func auditPager(r *store.Reader, q *request, asked views.AuditFilter, next string, back int64) (views.Pager, error) {
	p := views.Pager{}
	if q.QueryParam("cursor") != "" {
		p.Newer = asked.At("/audit")
	}
	if next != "" {
		p.Older = asked.Older("/audit", next)
	}
	if back == 0 {
		return p, nil
	}
	last, err := r.Entry(back)
	p.Note, p.Continue = "Searched back to "+views.TimeView{Reader: q.reader(), At: last.At, Style: views.Day}.Format(), true
	return p, err
}

// EntryRow is GET /audit/:seq/row: an entry in its place in the list, opened or closed again, for htmx. It is seen by whoever
// sees its page, which everybody else is led to.
func (s *Server) EntryRow(q *request) error {
	seq, err := parseSeq(q.Param("seq"))
	if err != nil {
		return err
	}
	v, err := read(s, q, func(r *store.Reader) (views.EntryRowView, error) { return entryRowIn(r, q, seq) })
	if err != nil {
		return err
	}
	if !q.fragment() {
		return q.redirect("/audit/" + strconv.FormatInt(seq, 10))
	}
	return s.ok(q, views.EntryRow(v))
}

func entryRowIn(r *store.Reader, q *request, seq int64) (v views.EntryRowView, err error) {
	e, err := r.Entry(seq)
	if err != nil {
		return v, err
	}
	if err := mayReadEntry(r, q, e); err != nil {
		return v, err
	}
	entry, err := entryIn(r, e)
	if err != nil {
		return v, err
	}
	v.Reader, v.Row = q.reader(), entry.Entry
	if q.QueryParam("closed") != "" {
		return v, nil
	}
	entry.Reader, v.Entry = q.reader(), &entry
	return v, storyOfEntry(r, q, e, v.Entry)
}

// storyOfEntry adds the activation an entry belongs to, for those who may follow it.
func storyOfEntry(r *store.Reader, q *request, e store.EntryRow, v *views.EntryView) error {
	if e.Correlation == "" {
		return nil
	}
	a, err := seenActivation(r, q, e.Correlation)
	var refusal *pim.Refusal
	if errors.As(err, &refusal) || errors.Is(err, store.ErrNotFound) {
		v.StoryHref = ""
		return nil
	}
	if err != nil {
		return err
	}
	story, err := storyIn(r, q, a)
	v.Steps, v.StoryText = story.Steps, story.Title
	v.OnlyHref = views.AuditFilter{Correlation: e.Correlation}.At("/audit")
	return err
}

// EntryPage is GET /audit/:seq: one entry with everything that is kept of it and what proves it. Others
// than auditors see what they did, what is about them, and the stories they may follow.
func (s *Server) EntryPage(q *request) error {
	seq, err := parseSeq(q.Param("seq"))
	if err != nil {
		return err
	}
	v, err := read(s, q, func(r *store.Reader) (views.EntryView, error) {
		e, err := r.Entry(seq)
		if err != nil {
			return views.EntryView{}, err
		}
		if err := mayReadEntry(r, q, e); err != nil {
			return views.EntryView{}, err
		}
		return entryIn(r, e)
	})
	if err != nil {
		return err
	}
	if q.powers.MayAudit() {
		v.Older = seq - 1
		if seq+1 < s.store.Head().Size {
			v.Newer = seq + 1
		}
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.Entry(v))
}

// mayReadEntry answers for an entry that is none of this reader's business as if it did not exist (invariant 9).
func mayReadEntry(r *store.Reader, q *request, e store.EntryRow) error {
	if q.powers.MayAudit() || e.Actor == q.who.ID || e.Subject == q.who.ID {
		return nil
	}
	if e.Correlation == "" {
		return pim.NotFound()
	}
	_, err := seenActivation(r, q, e.Correlation)
	return err
}

// StoryPage is GET /audit/story/:id: one activation as its entries tell it, for its person, its
// approvers, auditors and administrators.
func (s *Server) StoryPage(q *request) error {
	v, err := read(s, q, func(r *store.Reader) (views.StoryView, error) {
		a, err := seenActivation(r, q, q.Param("id"))
		if err != nil {
			return views.StoryView{}, err
		}
		return storyIn(r, q, a)
	})
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.Story(v))
}

// logFacts says how long the log is kept and signed.
func logFacts(r *store.Reader, v *views.AuditView) error {
	first, err := r.Entry(0)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	v.First = first.At
	last, err := r.LastCheckpoint()
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	v.Checkpoint = last.At
	return err
}
