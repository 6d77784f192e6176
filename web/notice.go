package web

import (
	"stint/internal/store"
	"stint/views"
)

// NoticesPage is GET /notices: what Stint told the reader, newest first.
func (s *Server) NoticesPage(q *request) error {
	before, err := parseCursor(q.QueryParam("cursor"))
	if err != nil {
		return err
	}
	list, err := read(s, q, func(r *store.Reader) ([]store.Notice, error) { return r.Notices(q.who.ID, before, pageSize+1) })
	if err != nil {
		return err
	}
	next := ""
	if len(list) > pageSize {
		list = list[:pageSize]
		next = cursor(store.Keyset{At: list[pageSize-1].CreatedAt, ID: list[pageSize-1].ID})
	}
	v := views.NoticesView{Pager: pagerView("/notices", nil, q.QueryParam("cursor"), next)}
	for _, n := range list {
		row := views.NoticeRow{At: n.CreatedAt, Text: n.Text, Href: n.Link, Unread: n.ReadAt.IsZero()}
		if row.Unread {
			row.Tone = views.Info
		}
		v.Rows = append(v.Rows, row)
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.Notices(v))
}

// ReadNotices is POST /notices/read: marks what the reader has as read.
func (s *Server) ReadNotices(q *request) error {
	if err := s.broker.ReadNotices(q.ctx(), q.actor()); err != nil {
		return err
	}
	return q.redirect("/notices")
}
