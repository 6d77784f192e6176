package web

import (
	"errors"
	"net/http"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// AcceptGonePage is GET /targets/:id/grants/:grant/gone: asks why.
func (s *Server) AcceptGonePage(q *request) error {
	return s.acceptGone(q, http.StatusOK, views.AcceptGoneView{})
}

// AcceptGone is POST /targets/:id/grants/:grant/gone; the passkey comes next.
func (s *Server) AcceptGone(q *request) error {
	if err := s.ofTarget(q); err != nil {
		return err
	}
	v := views.AcceptGoneView{Reason: strings.TrimSpace(q.FormValue("reason"))}
	out, err := s.broker.AcceptGone(q.ctx(), q.actor(), q.Param("grant"), v.Reason, q.Request().URL.Path)
	if wrong, other := fieldErrors(err); wrong != nil {
		v.Errors = wrong
		return s.acceptGone(q, http.StatusUnprocessableEntity, v)
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}

// ofTarget refuses a grant that is of another target than the address says.
func (s *Server) ofTarget(q *request) error {
	_, err := read(s, q, func(r *store.Reader) (store.GrantRow, error) {
		g, err := r.Grant(q.Param("grant"))
		if err == nil && g.TargetID != q.Param("id") {
			err = store.ErrNotFound
		}
		return g, err
	})
	return err
}

func (s *Server) acceptGone(q *request, status int, v views.AcceptGoneView) error {
	if err := s.ofTarget(q); err != nil {
		return err
	}
	v, err := read(s, q, func(r *store.Reader) (views.AcceptGoneView, error) {
		t, err := r.Target(q.Param("id"))
		if err != nil {
			return v, err
		}
		g, err := broker.MayAcceptGone(r, q.who, q.Param("grant"))
		v.ID, v.Name, v.GrantID, v.Account, v.Entitlement = t.ID, t.Name, q.Param("grant"), g.AccountName, g.Entitlement
		var refusal *pim.Refusal
		if errors.As(err, &refusal) && refusal.Kind != pim.KindNotFound {
			v.Refused, err = refusal.Message, nil
		}
		return v, err
	})
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.AcceptGone(v))
}
