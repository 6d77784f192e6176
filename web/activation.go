package web

import (
	"errors"
	"net/http"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// ActivationPage is GET /activations/:id: one activation from request to end.
func (s *Server) ActivationPage(q *request) error {
	return s.activationPage(q, http.StatusOK, nil)
}

// activationPage shows an activation; wrong holds what was refused in an administrator's form.
func (s *Server) activationPage(q *request, status int, wrong views.Errors) error {
	body, err := read(s, q, func(r *store.Reader) (views.ActivationBodyView, error) {
		a, err := seenActivation(r, q, q.Param("id"))
		if err != nil {
			return views.ActivationBodyView{}, err
		}
		return activationBody(r, q, a)
	})
	if err != nil {
		return err
	}
	body.Reader, body.Errors, body.Justified = q.reader(), wrong, q.FormValue("justification")
	shell, err := s.shell(q)
	if err != nil {
		return err
	}
	return s.page(q, status, views.Activation(views.ActivationView{Shell: shell, Body: body, Back: backFrom(q, body.Yours)}))
}

// backFrom leads to where a reader of this page works.
func backFrom(q *request, yours bool) views.Link {
	switch {
	case yours:
		return views.Link{Text: "My roles", Href: "/my-roles"}
	case q.approver || q.powers.Administrator:
		return views.Link{Text: "Approvals", Href: "/approvals"}
	}
	return views.Link{Text: "Audit", Href: "/audit"}
}

// seenActivation loads an activation this visitor may see: their own, one they may decide or decided, or
// any for auditors and administrators. Any other does not exist for them (invariant 9).
func seenActivation(r *store.Reader, q *request, id string) (pim.Activation, error) {
	a, err := r.Activation(id)
	if errors.Is(err, store.ErrNotFound) {
		return a, pim.NotFound()
	}
	if err != nil || q.who.Same(a.PersonID) || q.powers.MayAudit() {
		return a, err
	}
	var refusal *pim.Refusal
	if err = broker.MayRead(r, q.powers, a.ResourceID); !errors.As(err, &refusal) {
		return a, err
	}
	err = broker.MayDecide(r, q.who, a)
	if !errors.As(err, &refusal) {
		return a, err
	}
	decisions, err := r.Decisions(a.ID)
	if err != nil {
		return a, err
	}
	for _, d := range decisions {
		if d.PrincipalID == q.who.ID {
			return a, nil
		}
	}
	return a, pim.NotFound()
}

// Deactivate is POST /activations/:id/deactivate: the holder gives the role back, at any age (EC-01).
func (s *Server) Deactivate(q *request) error {
	if err := s.ownOrSay(q, "Only the person who holds it gives it back. An administrator revokes it."); err != nil {
		return err
	}
	if err := s.broker.Deactivate(q.ctx(), q.actor(), q.Param("id")); err != nil {
		return err
	}
	return s.follow(q, broker.Outcome{ActivationID: q.Param("id")})
}

// CancelActivation is POST /activations/:id/cancel: the requester takes a waiting request back; an
// administrator cancels somebody else's with a reason and a passkey.
func (s *Server) CancelActivation(q *request) error {
	err := s.ownOrSay(q, "Only the person who asked takes it back, or an administrator.")
	if err != nil && q.powers.MayManage() {
		return s.RevokeActivation(q)
	}
	if err != nil {
		return err
	}
	if err := s.broker.Cancel(q.ctx(), q.actor(), q.Param("id")); err != nil {
		return err
	}
	return s.follow(q, broker.Outcome{ActivationID: q.Param("id")})
}

// ownOrSay lets the activation's person pass and tells others who may see it why they may not.
func (s *Server) ownOrSay(q *request, why string) error {
	a, err := read(s, q, func(r *store.Reader) (pim.Activation, error) { return seenActivation(r, q, q.Param("id")) })
	if err == nil && !q.who.Same(a.PersonID) {
		err = pim.Refuse(pim.KindForbidden, "%s", why)
	}
	return err
}

// RevokeActivation is POST /activations/:id/revoke: an administrator ends an activation, with a reason
// and a passkey.
func (s *Server) RevokeActivation(q *request) error {
	out, err := s.broker.RevokeActivation(q.ctx(), q.actor(), q.Param("id"), q.FormValue("justification"))
	if wrong, other := fieldErrors(err); wrong != nil {
		return s.activationPage(q, http.StatusUnprocessableEntity, wrong)
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}
