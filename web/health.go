package web

import (
	"context"
	"net/http"
	"sync"
	"time"

	"stint/internal/store"
)

// Healthz is GET /healthz: the process answers.
func (s *Server) Healthz(q *request) error { return q.String(http.StatusOK, "ok\n") }

// readiness remembers the last answer for a moment: anybody may ask, and asking costs a durable write.
type readiness struct {
	mu   sync.Mutex
	at   time.Time
	last error
}

// probe asks the database at most once a second.
func (r *readiness) probe(now time.Time, ask func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if since := now.Sub(r.at); r.at.IsZero() || since < 0 || since >= time.Second {
		r.at, r.last = now, ask()
	}
	return r.last
}

// Readyz is GET /readyz: the database can be read and written and the clock is believed.
func (s *Server) Readyz(q *request) error {
	err := s.ready.probe(q.now, func() error {
		ctx := context.WithoutCancel(q.ctx()) // the answer is others' too
		if _, err := store.Read(ctx, s.store, func(r *store.Reader) (string, error) { return r.Meta(store.MetaEpoch) }); err != nil {
			return err
		}
		return store.Do(ctx, s.store, func(*store.Tx) error { return nil })
	})
	if err != nil {
		s.log.Error("not ready", "id", q.id, "error", err)
		return q.String(http.StatusServiceUnavailable, "the database cannot be read and written\n")
	}
	if why := s.broker.Paused(); why != "" { // for the host, in its log and `stint doctor`: it tells the size of the log
		s.log.Warn("not ready", "id", q.id, "reason", why)
		return q.String(http.StatusServiceUnavailable, "granting is paused\n")
	}
	return q.String(http.StatusOK, "ready\n")
}
