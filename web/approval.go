package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// ApprovalsPage is GET /approvals: what waits for the visitor's decision.
func (s *Server) ApprovalsPage(q *request) error { return s.approvals(q, views.TabWaiting) }

// AllPendingPage is GET /approvals/all: everything that waits, for administrators (V-10).
func (s *Server) AllPendingPage(q *request) error { return s.approvals(q, views.TabAll) }

func (s *Server) approvals(q *request, tab views.ApprovalsTab) error {
	after, err := parseCursor(q.QueryParam("cursor"))
	if err != nil {
		return err
	}
	v, err := read(s, q, func(r *store.Reader) (views.ApprovalsView, error) { return loadApprovals(r, q, tab, after) })
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.Approvals(v))
}

// DecidedPage is GET /approvals/decided: what the visitor decided, newest first.
func (s *Server) DecidedPage(q *request) error {
	from, err := parseCursor(q.QueryParam("cursor"))
	if err != nil {
		return err
	}
	search := strings.TrimSpace(clip(q.QueryParam("q"), 200))
	v, err := read(s, q, func(r *store.Reader) (views.ApprovalsView, error) {
		v, err := loadApprovals(r, q, views.TabDecided, store.Keyset{})
		if err != nil {
			return v, err
		}
		var next string
		v.Q = search
		v.Decided, next, err = decidedRows(r, q, from, search)
		v.Pager = pagerView("/approvals/decided", map[string][]string{"q": {search}}, q.QueryParam("cursor"), next)
		return v, err
	})
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.Approvals(v))
}

// decided is what a decision is about: how its page is loaded for who may see it, and the operation.
type decided struct {
	load   func(*store.Reader, *request) (views.ApprovalView, error)
	decide func(b *broker.Broker, ctx context.Context, who broker.Actor, id string, approve bool, reason string) (broker.Outcome, error)
}

var anActivation = decided{decide: (*broker.Broker).Decide, load: func(r *store.Reader, q *request) (views.ApprovalView, error) {
	a, err := seenActivation(r, q, q.Param("id"))
	if err != nil {
		return views.ApprovalView{}, err
	}
	return approvalView(r, q, a)
}}

// ApprovalPage is GET /approvals/:id: one request with everything an approver needs to know.
func (s *Server) ApprovalPage(q *request) error {
	return s.decisionPage(q, anActivation, http.StatusOK, "", nil)
}

func (s *Server) decisionPage(q *request, d decided, status int, reason string, wrong views.Errors) error {
	v, err := read(s, q, func(r *store.Reader) (views.ApprovalView, error) { return d.load(r, q) })
	if err != nil {
		return err
	}
	v.Reason, v.Errors = reason, wrong
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.Approval(v))
}

// Decide is POST /approvals/:id/decision: approve or deny, with a reason (V-04); the passkey comes next.
// Who may see the request but not decide it is told why, and that is an audit entry.
func (s *Server) Decide(q *request) error { return s.decide(q, anActivation) }

func (s *Server) decide(q *request, d decided) error {
	reason, decision := q.FormValue("justification"), q.FormValue("decision")
	if decision != "approve" && decision != "deny" {
		return s.decisionPage(q, d, http.StatusUnprocessableEntity, reason, views.Errors{"decision": "Choose Approve or Deny."})
	}
	out, err := d.decide(s.broker, q.ctx(), q.actor(), q.Param("id"), decision == "approve", reason)
	if wrong, other := fieldErrors(err); wrong != nil {
		return s.decisionPage(q, d, http.StatusUnprocessableEntity, reason, wrong)
	} else if other != nil {
		return s.mayOnlySee(q, d, other)
	}
	return s.follow(q, out)
}

// mayOnlySee turns "not found" into "not yours to decide" for those who see the request anyway.
func (s *Server) mayOnlySee(q *request, d decided, err error) error {
	var refusal *pim.Refusal
	if !errors.As(err, &refusal) || refusal.Kind != pim.KindNotFound {
		return err
	}
	if _, unseen := read(s, q, func(r *store.Reader) (views.ApprovalView, error) { return d.load(r, q) }); unseen != nil {
		return err
	}
	return pim.Refuse(pim.KindForbidden, "You may see this request, but you are not among its approvers.")
}

// mayDecide reports whether the visitor may decide now, and why not when they may see it.
func mayDecide(r *store.Reader, q *request, a pim.Activation) (bool, string, error) {
	if a.State != pim.PendingApproval {
		return false, "The first decision counts, so there is nothing left to decide.", nil
	}
	var refusal *pim.Refusal
	err := broker.MayDecide(r, q.who, a)
	switch {
	case !errors.As(err, &refusal):
		return err == nil, "", err
	case refusal.Kind == pim.KindForbidden:
		return false, refusal.Message, nil
	}
	return false, "You are not among the approvers of this role.", nil
}
