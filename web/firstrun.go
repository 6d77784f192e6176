package web

import (
	"errors"
	"net/http"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// FirstRunPage is GET /first-run: how the host makes the first administrator.
func (s *Server) FirstRunPage(q *request) error {
	type counts struct {
		none            bool
		people, targets int
	}
	n, err := read(s, q, func(r *store.Reader) (n counts, err error) {
		if n.none, err = nobodyAdministers(r); err != nil {
			return n, err
		}
		people, err := r.Principals(pim.Person)
		if err != nil {
			return n, err
		}
		targets, err := r.Targets()
		n.people, n.targets = len(people), max(0, len(targets)-1) // Stint's own is no system to grant in
		return n, err
	})
	if err != nil {
		return err
	}
	if !n.none {
		return q.redirect("/")
	}
	return s.ok(q, views.FirstRun(views.FirstRunView{Frame: s.frame(q), SignedIn: q.who.Name, People: n.people, Targets: n.targets, Provider: s.provider}))
}

// AdminLinkPage is GET /admin-link/:token: asks before anything is bound; it does not look at the link.
func (s *Server) AdminLinkPage(q *request) error {
	return s.ok(q, views.AdminLink(s.adminLink(q, "")))
}

func (s *Server) adminLink(q *request, problem string) views.AdminLinkView {
	return views.AdminLinkView{Frame: s.frame(q), Token: q.Param("token"), Person: personView(q.who), Issuer: q.who.Issuer, Subject: q.who.Subject, Error: problem}
}

// UseAdminLink is POST /admin-link/:token.
func (s *Server) UseAdminLink(q *request) error {
	out, err := s.broker.UseAdminLink(q.ctx(), q.actor(), q.Param("token"))
	var refusal *pim.Refusal
	if errors.As(err, &refusal) && refusal.Kind == pim.KindForbidden {
		return s.page(q, http.StatusForbidden, views.AdminLink(s.adminLink(q, refusal.Message)))
	}
	if err != nil {
		return err
	}
	s.renew(q)
	if out.Voucher != "" {
		return s.enrolWith(q, out)
	}
	return s.follow(q, out)
}

// enrolWith shows the passkeys page with the voucher already typed: it is in this one answer only.
func (s *Server) enrolWith(q *request, out broker.Outcome) error {
	v, err := s.passkeys(q)
	if err != nil {
		return err
	}
	v.Voucher, v.Done, v.Why = out.Voucher, out.Done, "Your voucher is filled in. It is good for 15 minutes, once."
	return s.ok(q, views.Passkeys(v))
}
