package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"stint/internal/broker"
	"stint/internal/store"
	"stint/views"
)

// ExportAudit is POST /audit/export: what a search finds as a file, written while it is read. The page it was asked for on
// stays, and tells how far it is.
func (s *Server) ExportAudit(q *request) error {
	v := views.AuditView{Filter: auditFilter(q.FormValue), Errors: views.Errors{}, Mine: !q.powers.MayAudit()}
	f, err := read(s, q, func(r *store.Reader) (store.EntryFilter, error) { return askedOfLog(r, q, &v) })
	if err != nil {
		return err
	}
	if len(v.Errors) > 0 {
		return q.redirect(v.Filter.At("/audit")) // which says what is wrong
	}
	format := q.FormValue("format")
	x, err := s.broker.BeginAuditExport(q.ctx(), q.actor(), broker.AuditAsk{Filter: f, Format: format, Filters: v.Filter.Query()})
	if wrong, other := fieldErrors(err); wrong != nil {
		return echo.ErrBadRequest
	} else if other != nil {
		return other
	}
	h := q.Response().Header()
	h.Set("Content-Type", map[string]string{broker.AuditCSV: "text/csv; charset=utf-8", broker.AuditJSONL: "application/jsonl"}[format])
	h.Set("Content-Disposition", `attachment; filename="audit-`+q.now.UTC().Format(time.DateOnly)+"."+format+`"`)
	h.Set("X-Accel-Buffering", "no")
	q.Response().WriteHeader(http.StatusOK)
	if err := x.Write(q.ctx(), patient{q.Response().Writer, http.NewResponseController(q.Response().Writer)}); err != nil {
		s.log.Error("exporting the audit log", "id", q.id, "error", err)
		panic(http.ErrAbortHandler) // so that half a file is not taken for a whole one
	}
	return nil
}

// patient gives each write its own time: an export may last longer than a page, its reader may not be slower than others.
type patient struct {
	http.ResponseWriter
	ctl *http.ResponseController
}

func (p patient) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		if err := p.ctl.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) { // of the connection, no time of the domain
			return n, err
		}
		var part int
		part, err = p.ResponseWriter.Write(b[:min(len(b), 64<<10)])
		n, b = n+part, b[part:]
	}
	return n, err
}

// AuditExports is GET /audit/exports: how far the latest export is, as a page or for htmx as the part of one.
func (s *Server) AuditExports(q *request) error {
	v, err := read(s, q, func(r *store.Reader) (views.AuditExport, error) { return auditExportIn(r, q) })
	if err != nil {
		return err
	}
	if q.fragment() {
		return s.ok(q, views.AuditExportState(v))
	}
	page := views.AuditExportsView{Export: v}
	if page.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.AuditExports(page))
}

func auditExportIn(r *store.Reader, q *request) (views.AuditExport, error) {
	v := views.AuditExport{Reader: q.reader()}
	x, err := r.AuditExport(q.who.ID)
	if errors.Is(err, store.ErrNotFound) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	v.State, v.Format, v.Entries, v.Started, v.Ended, v.Href = x.State, x.Format, x.Entries, x.StartedAt, x.EndedAt, searchHref(x.Filters)
	if x.Entries == 0 {
		return v, nil
	}
	last, err := r.Entry(x.BackSeq)
	v.Back = last.At
	return v, err
}

func searchHref(filters string) string {
	if filters == "" {
		return "/audit"
	}
	return "/audit?" + filters
}

// SaveAuditSearch is POST /audit/searches: keeps a search under a name, or says what is wrong with that (422).
func (s *Server) SaveAuditSearch(q *request) error {
	asked, name := auditFilter(q.FormValue), strings.TrimSpace(q.FormValue("name"))
	err := s.broker.SaveAuditSearch(q.ctx(), q.actor(), name, asked.Query())
	if wrong, other := fieldErrors(err); wrong != nil {
		return s.auditPage(q, asked, 0, views.SaveSearch{Name: name, Error: wrong["name"]})
	} else if other != nil {
		return other
	}
	return s.follow(q, broker.Outcome{Done: "The search " + name + " is kept.", Back: asked.At("/audit")})
}

// DeleteAuditSearch is POST /audit/searches/:id/delete.
func (s *Server) DeleteAuditSearch(q *request) error {
	if err := s.broker.DeleteAuditSearch(q.ctx(), q.actor(), q.Param("id")); err != nil {
		return err
	}
	return s.follow(q, broker.Outcome{Done: "The search is deleted.", Back: "/audit"})
}

// savedIn are the searches the reader keeps.
func savedIn(r *store.Reader, q *request) (out []views.SavedSearch, err error) {
	kept, err := r.AuditSearches(q.who.ID)
	for _, k := range kept {
		out = append(out, views.SavedSearch{ID: k.ID, Name: k.Name, Href: searchHref(k.Filters)})
	}
	return out, err
}
