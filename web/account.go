package web

import (
	"net/http"

	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// NewAccountPage is GET /people/:id/accounts/new, and GET /workloads/:id/accounts/new.
func (s *Server) NewAccountPage(q *request) error {
	return s.accountForm(q, http.StatusOK, views.AccountFormView{})
}

// NameAccount is POST /people/:id/accounts, and POST /workloads/:id/accounts.
func (s *Server) NameAccount(q *request) error {
	v := views.AccountFormView{Target: storable(q.FormValue("target")), Account: clip(storable(q.FormValue("account")), 400)}
	out, err := s.broker.NameAccount(q.ctx(), q.actor(), q.Param("id"), v.Target, v.Account)
	if v.Errors, err = fieldErrors(err); v.Errors != nil {
		return s.accountForm(q, http.StatusUnprocessableEntity, v)
	} else if err != nil {
		return err
	}
	return s.follow(q, out)
}

func (s *Server) accountForm(q *request, status int, v views.AccountFormView) error {
	v, err := read(s, q, func(r *store.Reader) (views.AccountFormView, error) {
		p, err := r.Principal(q.Param("id"))
		if err != nil || p.Kind == pim.Group {
			return v, orNotFound(err)
		}
		v.Who, v.Workload = personView(p), p.Kind == pim.Workload
		targets, err := r.Targets()
		for _, t := range targets {
			if t.ID != pim.StintTarget {
				v.Targets = append(v.Targets, views.Option{Value: t.ID, Label: t.Name})
			}
		}
		return v, err
	})
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.AccountForm(v))
}

// DropAccount is POST /people/:id/accounts/:account/drop, and the same of workloads.
func (s *Server) DropAccount(q *request) error {
	return s.answered(q)(s.broker.DropAccount(q.ctx(), q.actor(), q.Param("id"), q.Param("account")))
}
