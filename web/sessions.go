package web

import (
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// SessionsPage is GET /sessions: where the reader is signed in.
func (s *Server) SessionsPage(q *request) error {
	rows, err := read(s, q, func(r *store.Reader) ([]store.SessionRow, error) { return r.SessionsOf(q.who.ID, s.sessions.idle) })
	if err != nil {
		return err
	}
	v := views.SessionsView{Rows: sessionRows(rows, rowOf(q.session).ID)}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.Sessions(v))
}

// EndOwnSession is POST /sessions/:handle/end.
func (s *Server) EndOwnSession(q *request) error {
	out, err := s.broker.EndOwnSession(q.ctx(), q.actor(), q.Param("handle"))
	if err != nil {
		return err
	}
	return s.follow(q, out)
}

// EndOtherSessions is POST /sessions/end.
func (s *Server) EndOtherSessions(q *request) error {
	out, err := s.broker.EndOtherSessions(q.ctx(), q.actor())
	if err != nil {
		return err
	}
	return s.follow(q, out)
}

// sessionRows are sessions as a page shows them, without what opens one. The one the reader is in comes first.
func sessionRows(rows []store.SessionRow, current string) []views.SessionRow {
	var out []views.SessionRow
	for _, s := range rows {
		v := views.SessionRow{Handle: s.Handle, Browser: s.Browser, Address: s.Address, SignedIn: s.CreatedAt, SeenAt: s.SeenAt, Ends: s.ExpiresAt, Current: s.ID == current}
		if v.Browser == "" {
			v.Browser = browserWords("")
		}
		if v.Current {
			out = append([]views.SessionRow{v}, out...)
		} else {
			out = append(out, v)
		}
	}
	return out
}

// personSessions is what the reader of a person's page sees of their sessions: an administrator each, an auditor how
// many.
func (s *Server) personSessions(r *store.Reader, powers pim.Powers, id string) (int, []views.SessionRow, error) {
	rows, err := r.SessionsOf(id, s.sessions.idle)
	if err != nil || !powers.Administrator {
		return len(rows), nil, err
	}
	return len(rows), sessionRows(rows, ""), nil
}
