package web

import (
	"net/http"
	"strings"

	"stint/internal/broker"
	"stint/internal/store"
	"stint/views"
)

// LinkPage is GET /people/:id/link: look for the other account of a person.
func (s *Server) LinkPage(q *request) error {
	return s.linkPage(q, http.StatusOK, q.QueryParam("q"), nil)
}

func (s *Server) linkPage(q *request, status int, search string, wrong views.Errors) error {
	search = strings.TrimSpace(clip(search, 200))
	v, err := read(s, q, func(r *store.Reader) (v views.LinkView, err error) {
		p, err := personByID(r, q.Param("id"))
		if err != nil {
			return v, err
		}
		v.Who, v.Q = personView(p), search
		found, err := r.People(store.PrincipalPage{Query: search, Limit: pageSize})
		for _, other := range found {
			if !other.Same(p.PersonID) {
				v.Hits = append(v.Hits, personView(other))
			}
		}
		return v, err
	})
	if err != nil {
		return err
	}
	v.Errors = wrong
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.LinkPage(v))
}

// LinkPeople is POST /people/:id/link.
func (s *Server) LinkPeople(q *request) error {
	other := q.FormValue("other")
	if strings.ContainsFunc(other, notInID) {
		other = ""
	}
	out, err := s.broker.LinkPeople(q.ctx(), q.actor(), q.Param("id"), other)
	if wrong, err := fieldErrors(err); wrong != nil {
		return s.linkPage(q, http.StatusUnprocessableEntity, "", wrong)
	} else if err != nil {
		return err
	}
	return s.follow(q, out)
}

// UnlinkPerson is POST /people/:id/unlink.
func (s *Server) UnlinkPerson(q *request) error {
	return s.answered(q)(s.broker.UnlinkPerson(q.ctx(), q.actor(), q.Param("id")))
}

// answered goes on after an operation without a form of its own.
func (s *Server) answered(q *request) func(broker.Outcome, error) error {
	return func(out broker.Outcome, err error) error {
		if err != nil {
			return err
		}
		return s.follow(q, out)
	}
}

// RecoveryPage is GET /people/:id/recovery.
func (s *Server) RecoveryPage(q *request) error { return s.recoveryPage(q, http.StatusOK, "", nil) }

func (s *Server) recoveryPage(q *request, status int, reason string, wrong views.Errors) error {
	v, err := read(s, q, func(r *store.Reader) (views.RecoveryView, error) {
		p, err := personByID(r, q.Param("id"))
		return views.RecoveryView{Who: personView(p), Reason: reason, Errors: wrong}, err
	})
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.RecoveryPage(v))
}

// AskRecovery is POST /people/:id/recovery.
func (s *Server) AskRecovery(q *request) error {
	reason := clip(q.FormValue("reason"), 8000)
	out, err := s.broker.AskRecovery(q.ctx(), q.actor(), q.Param("id"), reason)
	if wrong, err := fieldErrors(err); wrong != nil {
		return s.recoveryPage(q, http.StatusUnprocessableEntity, reason, wrong)
	} else if err != nil {
		return err
	}
	return s.follow(q, out)
}

// ConfirmRecovery is POST /people/:id/recovery/:recovery/confirm: the second administrator's part (THREATS T3).
func (s *Server) ConfirmRecovery(q *request) error {
	return s.answered(q)(s.broker.ConfirmRecovery(q.ctx(), q.actor(), q.Param("id"), q.Param("recovery")))
}

// CancelRecovery is POST /people/:id/recovery/:recovery/cancel.
func (s *Server) CancelRecovery(q *request) error {
	return s.answered(q)(s.broker.CancelRecovery(q.ctx(), q.actor(), q.Param("id"), q.Param("recovery")))
}
