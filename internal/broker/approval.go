package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// approversFor lists the enabled people named by today's settings, nested groups included (V-13); the
// requester is left out, by person and by shared account (invariant 5).
func approversFor(r *store.Reader, named []string, requester pim.Principal) ([]pim.Principal, error) {
	if len(named) == 0 {
		return nil, nil
	}
	people, err := r.PeopleIn(named)
	if err != nil {
		return nil, err
	}
	twins, err := samePeople(r, requester.ID)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(people, func(p pim.Principal) bool { return p.Same(requester.PersonID) || twins[p.ID] }), nil
}

// samePeople returns every principal that is the same human as one of those given: linked by person, or by
// sharing an account at a target with any of them. It is worked out when it matters, from what is true then, so that
// mending a wrong account in the file mends this too.
func samePeople(r *store.Reader, principals ...string) (map[string]bool, error) {
	same, todo := map[string]bool{}, slices.Clone(principals)
	for _, id := range todo {
		same[id] = true
	}
	for len(todo) > 0 {
		id := todo[0]
		todo = todo[1:]
		linked, err := r.LinkedTo(id)
		if err != nil {
			return nil, err
		}
		for _, other := range linked {
			if !same[other] {
				same[other] = true
				todo = append(todo, other)
			}
		}
	}
	return same, nil
}

// askApproval opens the stage and tells who can decide.
func (b *Broker) askApproval(tx *store.Tx, a pim.Activation, f considered) error {
	stage := pim.ApprovalStage{ActivationID: a.ID, Number: 1, Quorum: 1, OpenedAt: tx.Now, TimesOutAt: tx.Now.Add(f.Effective.ApprovalTimeout)}
	if end := a.StartAsked.Add(a.Duration); !a.StartAsked.IsZero() && end.Before(stage.TimesOutAt) {
		stage.TimesOutAt = end // what could have been approved is over then
	}
	if err := tx.InsertStage(stage); err != nil {
		return err
	}
	tx.Emit(pim.ActivationApprovalAsked(a, stage))
	text := fmt.Sprintf("%s asks for %s on %s", f.Person.Name, f.Role.Name, f.Path.Leaf().Name)
	if !a.StartAsked.IsZero() {
		text += " from " + pim.FormatInstant(a.StartAsked)
	}
	if err := tx.DropUnread(text, ids(f.people)...); err != nil { // asked before, and that is over: one request of a kind is open
		return err
	}
	return notify(tx, text, "/approvals/"+a.ID, ids(f.people)...)
}

func ids(people []pim.Principal) []string {
	out := make([]string, len(people))
	for i, p := range people {
		out[i] = p.ID
	}
	return out
}

// approver says how a person stands to a request, from today's settings (V-16). Whoever is the requester's
// person now, or was when they asked, is the requester (T10).
func approver(r *store.Reader, who pim.Principal, a pim.Activation, named []string) (pim.Approver, error) {
	twins, err := samePeople(r, a.Askers()...)
	if err != nil {
		return pim.Approver{}, err
	}
	personID := who.PersonID
	if twins[who.ID] {
		personID = a.PersonID
	}
	people, err := r.PeopleIn(named)
	if err != nil {
		return pim.Approver{}, err
	}
	isNamed := slices.ContainsFunc(people, func(p pim.Principal) bool { return p.ID == who.ID })
	return pim.Approver{PrincipalID: who.ID, PersonID: personID, Enabled: who.Enabled, Named: isNamed && len(named) > 0}, nil
}

// MayDecide returns nil when this person may decide the request now.
func MayDecide(r *store.Reader, who pim.Principal, a pim.Activation) error {
	_, _, eff, err := effective(r, a.RoleID, a.ResourceID)
	if err != nil {
		return found(err)
	}
	ap, err := approver(r, who, a, eff.Approvers)
	if err != nil {
		return err
	}
	if refusal := pim.CheckApprover(a, ap); refusal != nil {
		return refusal
	}
	return nil
}

// Decide begins an approver's decision on one request.
func (b *Broker) Decide(ctx context.Context, actor Actor, id string, approve bool, justification string) (Outcome, error) {
	return b.DecideAll(ctx, actor, []string{id}, approve, justification)
}

// DecideAll begins an approver's decision: it stores what will be decided, exactly these requests, and asks
// for their passkey once.
func (b *Broker) DecideAll(ctx context.Context, actor Actor, requests []string, approve bool, justification string) (Outcome, error) {
	if refusal := pim.CheckTogether(requests, "request"); refusal != nil {
		return Outcome{}, refusal
	}
	ceremony, random, salt := NewID(), randomBytes(32), randomBytes(32)
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		who, err := person(tx.Reader, actor)
		if err != nil {
			return Outcome{}, err
		}
		p := pending{Salt: salt, Reason: justification}
		for _, id := range requests {
			a, err := b.decidable(tx, who, id)
			if err != nil {
				return Outcome{}, err
			}
			p.Items = append(p.Items, decisionItem(a, approve, justification, salt))
		}
		if problem := pim.CheckJustification(justification, true); problem != "" { // V-04: on approve and on deny
			return Outcome{}, pim.Invalid("justification", "%s", problem)
		}
		back := "/approvals"
		if len(requests) == 1 {
			back += "/" + requests[0]
		}
		return b.begin(tx, actor, who, p, ceremony, random, back)
	})
}

func decisionItem(a pim.Activation, approve bool, justification string, salt []byte) pim.StepUpItem {
	action := pim.ActionDeny
	if approve {
		action = pim.ActionApprove
	}
	return pim.StepUpItem{Action: action, Object: a.ID, Version: a.Version, RoleID: a.RoleID, ResourceID: a.ResourceID,
		Duration: int64(a.Duration.Seconds()), Start: micros(a.StartAsked), Commitment: commitReason(salt, justification)}
}

// mayDecide is MayDecide with its evidence: a refusal of one's own request leaves an event.
func mayDecide(tx *store.Tx, who pim.Principal, a pim.Activation, objectID string) error {
	err := MayDecide(tx.Reader, who, a)
	var refusal *pim.Refusal
	if errors.As(err, &refusal) && refusal.Kind == pim.KindForbidden {
		e := pim.PersonEvent(pim.EvApprovalRefused, who.ID, a.PrincipalID, objectID).AsRefused()
		e.Correlation, e.RoleID, e.ResourceID = a.ID, a.RoleID, a.ResourceID
		tx.Emit(e.With("rule", "self"))
	}
	return err
}

// decidable loads a request this person may decide now.
func (b *Broker) decidable(tx *store.Tx, who pim.Principal, id string) (pim.Activation, error) {
	a, err := tx.Activation(id)
	if err != nil {
		return a, found(err)
	}
	if err := mayDecide(tx, who, a, a.ID); err != nil {
		return a, err
	}
	if a.State != pim.PendingApproval {
		return a, alreadyDecided(tx.Reader, a)
	}
	return a, nil
}

// movedOn refuses what an activation's state does not allow any more, and links to the activation.
func movedOn(a pim.Activation, format string, args ...any) error {
	r := pim.Refuse(pim.KindConflict, format, args...)
	r.Object = a.ID
	return r
}

// alreadyDecided tells the second one who was first (V-01, EC-07).
func alreadyDecided(r *store.Reader, a pim.Activation) error {
	decisions, err := r.Decisions(a.ID)
	if err != nil {
		return err
	}
	if len(decisions) == 0 {
		return movedOn(a, "This request is no longer waiting: it is %s.", stateWords(a.State))
	}
	last := decisions[len(decisions)-1]
	names, err := r.Names([]string{last.PrincipalID})
	if err != nil {
		return err
	}
	verb := "denied"
	if last.Approve {
		verb = "approved"
	}
	return movedOn(a, "%s already %s this at %s.", names[last.PrincipalID], verb, last.At.UTC().Format("15:04:05 UTC"))
}

func stateWords(s pim.ActivationState) string {
	words := map[pim.ActivationState]string{pim.RefusedAtStart: "refused at its start", pim.TimedOut: "timed out", pim.EligibilityEnded: "ended with its eligibility",
		pim.PersonDisabled: "ended because the person was disabled"}
	if w, ok := words[s]; ok {
		return w
	}
	return string(s)
}
