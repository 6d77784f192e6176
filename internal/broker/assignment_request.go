package broker

import (
	"context"
	"errors"
	"fmt"

	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionDecideAssignment] = func() operation { return &decidingAssignment{} }
}

// RequestAssignment asks the administrators of the resource to extend or renew an assignment of the person's own, by where
// it stands. Who answers for a workload asks for it (K-25).
func (b *Broker) RequestAssignment(ctx context.Context, actor Actor, assignmentID, reason string) (string, error) {
	id := NewID()
	return write(ctx, b, func(tx *store.Tx) (string, error) {
		who, err := person(tx.Reader, actor)
		if err != nil {
			return "", err
		}
		asg, kind, err := askable(tx.Reader, who, assignmentID)
		if err != nil {
			return "", err
		}
		if problem := pim.CheckJustification(reason, true); problem != "" {
			return "", pim.Invalid("justification", "%s", problem)
		}
		q := pim.AssignmentRequest{ID: id, AssignmentID: asg.ID, PrincipalID: asg.PrincipalID, AskedBy: onBehalf(who, asg), PersonID: who.PersonID, RoleID: asg.RoleID,
			ResourceID: asg.ResourceID, Kind: kind, State: pim.AssignmentRequestPending, Justification: reason, RequestedAt: tx.Now, TimesOutAt: kind.TimesOut(asg), Version: 1}
		if err := tx.InsertAssignmentRequest(q); errors.Is(err, store.ErrOpen) {
			return "", pim.Refuse(pim.KindConflict, "A request for this role waits already.")
		} else if err != nil {
			return "", err
		}
		tx.Emit(pim.AssignmentAsked(q))
		what, err := roleAt(tx.Reader, asg)
		if err != nil {
			return "", err
		}
		holder, err := tx.Principal(asg.PrincipalID)
		if err != nil {
			return "", err
		}
		text := fmt.Sprintf("%s asks to %s %s%s.", who.Name, kind, what, forWorkload(holder))
		return id, tellOtherAdministrators(tx, asg.RoleID, asg.ResourceID, text, "/assignment-requests/"+id, who.ID)
	})
}

// forWorkload names the workload that somebody asks for.
func forWorkload(holder pim.Principal) string {
	if holder.Kind == pim.Workload {
		return " for " + holder.Name
	}
	return ""
}

// onBehalf is who asks, where that is not the holder.
func onBehalf(who pim.Principal, asg pim.Assignment) string {
	if asg.PrincipalID == who.ID {
		return ""
	}
	return who.ID
}

// answersFor reports whether somebody answers for a workload, themselves or through a group.
func answersFor(r *store.Reader, who pim.Principal, id string) (bool, error) {
	w, err := r.Principal(id)
	if gone(err) || err == nil && (w.Kind != pim.Workload || w.OwnerID == "") {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if _, err := r.Principal(w.OwnerID); err != nil { // a group that was removed, whose members are taken out in pieces
		return false, ignoreGone(err)
	}
	return r.Within(who.ID, w.OwnerID)
}

// askable loads an assignment for its holder and refuses what cannot be asked for now.
func askable(r *store.Reader, who pim.Principal, id string) (asg pim.Assignment, kind pim.AssignmentRequestKind, err error) {
	if asg, err = r.Assignment(id); err != nil {
		return asg, "", found(err)
	}
	via := ""
	answers, err := answersFor(r, who, asg.PrincipalID)
	if err != nil {
		return asg, "", err
	}
	if asg.PrincipalID != who.ID && !answers {
		in, err := r.Within(who.ID, asg.PrincipalID)
		if err != nil {
			return asg, "", err
		}
		if !in {
			return asg, "", pim.NotFound()
		}
		names, err := r.Names([]string{asg.PrincipalID})
		if err != nil {
			return asg, "", err
		}
		via = names[asg.PrincipalID]
	}
	kind, refusal := pim.AskAssignment(asg, via, r.Now)
	if refusal != nil {
		return asg, "", refusal
	}
	return asg, kind, unhindered(r, asg, kind)
}

// unhindered refuses a second open request, and a renewal of what stands again.
func unhindered(r *store.Reader, asg pim.Assignment, kind pim.AssignmentRequestKind) error {
	open, err := r.OpenAssignmentRequest(asg.PrincipalID, asg.RoleID, asg.ResourceID)
	if err != nil {
		return err
	}
	if open != nil {
		refusal := pim.Refuse(pim.KindConflict, "You asked to %s this already, and nobody has decided yet.", open.Kind)
		refusal.Object = open.ID
		return refusal
	}
	if kind != pim.RenewAssignment {
		return nil
	}
	other, err := r.AssignmentLike(asg)
	if err == nil && other != nil && other.StateAt(r.Now) != pim.AssignmentExpired {
		refusal := pim.Refuse(pim.KindConflict, "You have this again already.")
		refusal.Object = other.ID
		return refusal
	}
	return err
}

// CancelAssignmentRequest takes a waiting request back.
func (b *Broker) CancelAssignmentRequest(ctx context.Context, actor Actor, id string) (string, error) {
	return write(ctx, b, func(tx *store.Tx) (string, error) {
		who, err := person(tx.Reader, actor)
		if err != nil {
			return "", err
		}
		q, err := tx.AssignmentRequest(id)
		if err != nil {
			return "", found(err)
		}
		if !who.Same(q.PersonID) {
			return "", pim.NotFound()
		}
		return q.AssignmentID, closeAssignmentRequest(tx, q, pim.AssignmentRequestCanceled, who.ID)
	})
}

// closeAssignmentRequest takes a waiting request to an end that is no decision.
func closeAssignmentRequest(tx *store.Tx, q pim.AssignmentRequest, state pim.AssignmentRequestState, actor string) error {
	if q.State != pim.AssignmentRequestPending {
		return pim.Refuse(pim.KindConflict, "This request no longer waits: it is %s.", assignmentRequestWords(q.State))
	}
	q.State, q.DecidedAt, q.DecidedBy = state, tx.Now, actor
	if err := tx.DecideAssignmentRequest(q); err != nil {
		return moved(err)
	}
	tx.Emit(pim.AssignmentRequestDecided(q, ""))
	return nil
}

func assignmentRequestWords(s pim.AssignmentRequestState) string {
	words := map[pim.AssignmentRequestState]string{pim.AssignmentRequestTimedOut: "timed out", pim.AssignmentRequestEnded: "over with its assignment"}
	if w, ok := words[s]; ok {
		return w
	}
	return string(s)
}

// AssignmentDecision approves a request with the terms that then hold, or denies it.
type AssignmentDecision struct {
	ID      string
	Approve bool
	pim.AssignmentTerms
	Justification string
	TicketNumber  string // empty, with the system: as it is
	TicketSystem  string
}

// decidingAssignment decides a request.
type decidingAssignment struct {
	Decision AssignmentDecision
	NewID    string

	fresh   bool
	request pim.AssignmentRequest
	before  pim.Assignment
	judged  judged
}

// DecideAssignmentRequest decides a request; those who may are the administrators of the resource, never the requester
//
func (b *Broker) DecideAssignmentRequest(ctx context.Context, actor Actor, d AssignmentDecision, back string) (Outcome, error) {
	return b.operate(ctx, actor, back, &decidingAssignment{Decision: d, NewID: NewID(), fresh: true})
}

func (op *decidingAssignment) prepare(b *Broker, tx *store.Tx, who pim.Principal) (p prepared, err error) {
	if op.request, err = decidable(tx.Reader, who, op.Decision.ID); err != nil {
		return p, err
	}
	if problem := pim.CheckJustification(op.Decision.Justification, true); problem != "" {
		return p, pim.Invalid("justification", "%s", problem)
	}
	q := op.request
	p = prepared{item: pim.StepUpItem{Action: pim.ActionDecideAssignment, Object: q.ID, Version: q.Version, RoleID: q.RoleID, ResourceID: q.ResourceID}, lessen: true}
	if op.before, err = tx.Assignment(q.AssignmentID); err != nil || !op.Decision.Approve {
		return p, err
	}
	mode := changeExtend
	if q.Kind == pim.RenewAssignment {
		mode = changeRenew
		if refusal := namedTerms(op.Decision.AssignmentTerms); refusal != nil {
			return p, refusal
		}
	}
	c := AssignmentChange{ID: op.before.ID, AssignmentTerms: op.Decision.AssignmentTerms, Justification: q.Justification, TicketNumber: op.Decision.TicketNumber,
		TicketSystem: op.Decision.TicketSystem}
	if op.judged, err = b.judgeChange(tx, who, mode, op.before, c, op.NewID, q.ID); err != nil {
		return p, err
	}
	if op.fresh {
		op.Decision.End, op.Decision.Permanent = op.judged.after.EndsAt, op.judged.after.EndsAt.IsZero()
	}
	p.touch, p.lessen, p.says = op.judged.touch, false, []string{op.judged.says()}
	return p, nil
}

// namedTerms: a renewal names kind and end anew.
func namedTerms(t pim.AssignmentTerms) *pim.Refusal {
	switch {
	case t.Kind == "":
		return pim.Invalid("kind", "Choose eligible or active.")
	case t.End.IsZero() && t.After == 0 && !t.Permanent:
		return pim.Invalid("end", "Choose when the new assignment ends.")
	}
	return nil
}

// decidable loads a waiting request for somebody who may decide it.
func decidable(r *store.Reader, who pim.Principal, id string) (pim.AssignmentRequest, error) {
	q, err := r.AssignmentRequest(id)
	if err != nil {
		return q, found(err)
	}
	if err := handsOut(r, who, q.RoleID, q.ResourceID); err != nil {
		return q, err
	}
	same, err := samePeople(r, q.PrincipalID)
	if err != nil {
		return q, err
	}
	switch {
	case same[who.ID] || who.Same(q.PersonID):
		return q, pim.Refuse(pim.KindForbidden, "Nobody decides their own request. Another administrator has to.")
	case q.State != pim.AssignmentRequestPending:
		return q, pim.Refuse(pim.KindConflict, "This request no longer waits: it is %s.", assignmentRequestWords(q.State))
	case !q.TimesOutAt.After(r.Now):
		return q, pim.Refuse(pim.KindConflict, "This request timed out.")
	}
	return q, nil
}

func (op *decidingAssignment) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	q := op.request
	q.State, q.DecidedAt, q.DecidedBy, q.Decision = pim.AssignmentRequestDenied, tx.Now, who.ID, op.Decision.Justification
	out := Outcome{AssignmentID: q.AssignmentID, Back: "/assignment-requests", Done: "Denied."}
	if op.Decision.Approve {
		q.State, out.Done = pim.AssignmentRequestApproved, op.judged.done()
	}
	var err error
	switch {
	case op.Decision.Approve && q.Kind == pim.RenewAssignment:
		q.ResultID, out.AssignmentID = op.NewID, op.NewID
		err = b.makeAssignment(tx, who, op.judged, evidence, "renews", op.before.ID, "request", q.ID)
	case op.Decision.Approve:
		err = b.changeAssignment(tx, who, op.before, op.judged, evidence, q.ID)
	}
	if err != nil {
		return out, err
	}
	if err := tx.DecideAssignmentRequest(q); err != nil {
		return out, moved(err)
	}
	tx.Emit(pim.AssignmentRequestDecided(q, evidence))
	return out, tellDecided(tx, who, q)
}

// tellDecided tells the requester and the other administrators.
func tellDecided(tx *store.Tx, who pim.Principal, q pim.AssignmentRequest) error {
	what, err := roleAt(tx.Reader, pim.Assignment{RoleID: q.RoleID, ResourceID: q.ResourceID})
	if err != nil {
		return err
	}
	holder, err := tx.Principal(q.PrincipalID)
	if err != nil && !gone(err) {
		return err
	}
	what += forWorkload(holder)
	names, err := tx.Names([]string{q.Asker()})
	if err != nil {
		return err
	}
	link := "/assignment-requests/" + q.ID
	if err := notify(tx, fmt.Sprintf("%s %s your request to %s %s: %s", who.Name, q.State, q.Kind, what, q.Decision), link, q.Asker()); err != nil {
		return err
	}
	return tellOtherAdministrators(tx, q.RoleID, q.ResourceID, fmt.Sprintf("%s %s the request of %s to %s %s.", who.Name, q.State, names[q.Asker()], q.Kind, what), link, who.ID, q.Asker())
}
