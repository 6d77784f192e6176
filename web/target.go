package web

import (
	"net/url"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// TargetsPage is GET /targets.
func (s *Server) TargetsPage(q *request) error {
	rows, err := read(s, q, targetRows)
	if err != nil {
		return err
	}
	shell, err := s.shell(q)
	if err != nil {
		return err
	}
	return s.ok(q, views.Targets(views.TargetsView{Shell: shell, Rows: rows, CanAdd: q.powers.Administrator}))
}

// TargetPage is GET /targets/:id.
func (s *Server) TargetPage(q *request) error { return s.target(q, nil) }

// TestTarget is POST /targets/:id/test: looks whether the target answers, and shows what was found on its page.
func (s *Server) TestTarget(q *request) error {
	row, err := read(s, q, func(r *store.Reader) (store.TargetRow, error) { return r.Target(q.Param("id")) })
	if err != nil {
		return err
	}
	if row.ID == pim.StintTarget {
		return pim.Refuse(pim.KindForbidden, "Stint itself is no system to connect to, so there is nothing to test.")
	}
	found, err := s.broker.TestTarget(q.ctx(), q.actor(), row.ID)
	if err != nil {
		return err
	}
	return s.target(q, &found)
}

// ScanTarget is POST /targets/:id/scan: asks for a scan; its page says how far it is and what it found.
func (s *Server) ScanTarget(q *request) error {
	if err := s.broker.ScanNow(q.ctx(), q.actor(), q.Param("id")); err != nil {
		return err
	}
	return q.redirect("/targets/" + url.PathEscape(q.Param("id")) + "?tab=" + views.TargetIncidents)
}

func (s *Server) target(q *request, test *broker.TargetTest) error {
	v, err := read(s, q, func(r *store.Reader) (views.TargetView, error) { return targetIn(r, q) })
	if err != nil {
		return err
	}
	v.CanTest = q.powers.Administrator && v.Target.ID != pim.StintTarget
	if test != nil {
		v.Tab = views.TargetConnection
		v.Test = &views.TestResult{OK: test.OK, At: q.now, Took: test.Took, Words: test.Message}
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.Target(v))
}
