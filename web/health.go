package web

import (
	"net/http"

	"stint/internal/store"
)

// Healthz is GET /healthz: the process answers.
func (s *Server) Healthz(q *request) error { return q.String(http.StatusOK, "ok\n") }

// Readyz is GET /readyz: the database can be read and written and the clock is believed.
func (s *Server) Readyz(q *request) error {
	_, err := read(s, q, func(r *store.Reader) (string, error) { return r.Meta(store.MetaEpoch) })
	if err == nil {
		_, err = store.Write(q.ctx(), s.store, func(*store.Tx) (struct{}, error) { return struct{}{}, nil })
	}
	if err != nil {
		s.log.Error("not ready", "id", q.id, "error", err)
		return q.String(http.StatusServiceUnavailable, "the database cannot be read and written\n")
	}
	if why := s.broker.Paused(); why != "" {
		return q.String(http.StatusServiceUnavailable, why+"\n")
	}
	return q.String(http.StatusOK, "ready\n")
}
