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

// QueueOf lists what waits for a person's decision, oldest first, a page at a time: however much waits for others.
func QueueOf(r *store.Reader, principalID string, after store.Keyset, limit int) ([]pim.Activation, error) {
	who, err := r.Principal(principalID)
	if err != nil {
		return nil, err
	}
	places, err := decidesAt(r, who.ID)
	var mine []pim.Activation
	for err == nil && len(mine) < limit {
		var page []store.Keyset
		if page, err = pendingAt(r, places, after, limit); len(page) == 0 {
			break
		}
		after = page[len(page)-1]
		for _, k := range page {
			a, ok, err := decidableBy(r, who, k.ID)
			if err != nil {
				return nil, err
			}
			if ok && len(mine) < limit {
				mine = append(mine, a)
			}
		}
	}
	return mine, err
}

// decidableBy loads a request and reports whether this person may decide it: their own are among them too.
func decidableBy(r *store.Reader, who pim.Principal, id string) (pim.Activation, bool, error) {
	a, err := r.Activation(id)
	if err != nil {
		return a, false, err
	}
	var refusal *pim.Refusal
	if err = MayDecide(r, who, a); errors.As(err, &refusal) {
		return a, false, nil
	}
	return a, err == nil, err
}

// CountQueue counts what waits for a person's decision, to at most a limit.
func CountQueue(r *store.Reader, principalID string, limit int) (int, error) {
	who, err := r.Principal(principalID)
	if err != nil {
		return 0, err
	}
	places, err := decidesAt(r, who.ID)
	if err != nil || len(places) == 0 {
		return 0, err
	}
	page, err := pendingAt(r, places, store.Keyset{}, limit)
	if err != nil {
		return 0, err
	}
	own, err := ownAmong(r, who, places)
	return max(0, len(page)-own), err
}

// ownAmong counts the requests of the person's own accounts that wait there: nobody decides them for themselves.
func ownAmong(r *store.Reader, who pim.Principal, places [][2]string) (n int, err error) {
	accounts, err := samePeople(r, who.ID)
	for id := range accounts {
		open, err := r.OpenActivationsBy(id)
		if err != nil {
			return n, err
		}
		for _, a := range open {
			if a.State == pim.PendingApproval && slices.Contains(places, [2]string{a.RoleID, a.ResourceID}) {
				n++
			}
		}
	}
	return n, err
}

// pendingAt merges what waits at several places, oldest first.
func pendingAt(r *store.Reader, places [][2]string, after store.Keyset, limit int) ([]store.Keyset, error) {
	var all []store.Keyset
	for _, p := range places {
		page, err := r.PendingAt(p, after, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
	}
	slices.SortFunc(all, store.Keyset.Compare)
	return all[:min(limit, len(all))], nil
}

// decidesAt lists the roles and resources for which something waits and today's settings name this person.
func decidesAt(r *store.Reader, principalID string) ([][2]string, error) {
	places, err := r.PendingPlaces()
	if err != nil || len(places) == 0 {
		return nil, err
	}
	return namedAt(r, principalID, places)
}

// namedAt keeps the roles and resources whose settings name this person today.
func namedAt(r *store.Reader, principalID string, places [][2]string) ([][2]string, error) {
	mine, err := r.GroupsOf(principalID)
	if err != nil {
		return nil, err
	}
	var named [][2]string
	for _, p := range places {
		_, _, eff, err := effective(r, p[0], p[1])
		if errors.Is(err, store.ErrNotFound) {
			continue // the role is gone; the request will be, too
		}
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(eff.Approvers, func(id string) bool { return slices.Contains(mine, id) }) {
			named = append(named, p)
		}
	}
	return named, nil
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

// decideConfirmed records the decisions a passkey confirmed and lets the fold say what follows of each.
func (b *Broker) decideConfirmed(ctx context.Context, actor Actor, p pending, su pim.StepUp) (Outcome, error) {
	ids, results := newIDs(len(p.Items)), NewID()
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		who, err := confirmed(tx, actor, p, su)
		if err != nil {
			return Outcome{}, err
		}
		kind := map[bool]string{true: "approve", false: "deny"}[p.Items[0].Action == pim.ActionApprove]
		return together(tx, who, results, kind, len(p.Items), func(i int) (pim.ItemResult, Outcome, error) {
			item := p.Items[i]
			r := pim.ItemResult{RoleID: item.RoleID, ResourceID: item.ResourceID, ActivationID: item.Object}
			a, err := b.decidable(tx, who, item.Object)
			if err != nil {
				return r, Outcome{}, err
			}
			r.PrincipalID = a.PrincipalID
			out, err := b.decideItem(tx, who, a, ids[i], item, p, su)
			return r, out, err
		})
	})
}

// decideItem records one confirmed decision.
func (b *Broker) decideItem(tx *store.Tx, who pim.Principal, a pim.Activation, id string, item pim.StepUpItem, p pending, su pim.StepUp) (Outcome, error) {
	approve := item.Action == pim.ActionApprove
	if decisionItem(a, approve, p.Reason, p.Salt) != item {
		return Outcome{}, pim.Refuse(pim.KindConflict, "The request changed since you confirmed. Look at it again.")
	}
	if approve {
		role, err := tx.Role(a.RoleID)
		if err != nil {
			return Outcome{}, err
		}
		if err := keyCounts(tx.Reader, who, role, su); err != nil {
			return Outcome{}, err
		}
	}
	return b.decide(tx, who, a, pim.ApprovalDecision{ID: id, ActivationID: a.ID, Stage: 1, PrincipalID: who.ID, PersonID: who.PersonID,
		Approve: approve, Justification: p.Reason, StepUpID: su.CeremonyID, At: tx.Now}, su)
}

func (b *Broker) decide(tx *store.Tx, who pim.Principal, a pim.Activation, d pim.ApprovalDecision, su pim.StepUp) (Outcome, error) {
	out := Outcome{ActivationID: a.ID, Back: "/approvals"}
	stages, err := tx.Stages(a.ID)
	if err != nil {
		return out, err
	}
	earlier, err := tx.Decisions(a.ID)
	if err != nil {
		return out, err
	}
	standing := pim.FoldApproval(a.PersonID, stages, append(earlier, d), tx.Now)
	if standing.Outcome == pim.ApprovalTimedOut {
		return out, pim.Refuse(pim.KindConflict, "This request timed out before you decided.")
	}
	if err := tx.InsertDecision(d); err != nil {
		return out, err
	}
	tx.Emit(pim.ActivationDecided(a, d).With("evidence", su.Digest()))
	switch standing.Outcome {
	case pim.ApprovalApproved:
		out.Done = "Approved."
		return out, b.approved(tx, who, a)
	case pim.ApprovalDenied:
		out.Done = "Denied."
		if err := b.end(tx, a, pim.OnDenied, who.ID, d.Justification, su.CeremonyID); err != nil {
			return out, err
		}
		return out, tellHolder(tx, a, who.Name+" denied your request for", ": "+d.Justification)
	default:
		return out, nil
	}
}

// approved starts the activation by the stricter of the rules then and now (invariant 3), with
// everything else checked again.
func (b *Broker) approved(tx *store.Tx, who pim.Principal, a pim.Activation) error {
	role, _, now, err := effective(tx.Reader, a.RoleID, a.ResourceID)
	if err != nil {
		return found(err)
	}
	if paused := b.Paused(); paused != "" && role.Source != pim.SourceBuiltin {
		return pim.Refuse(pim.KindPaused, "%s", paused)
	}
	eligible, holds, err := stillEligible(tx.Reader, a)
	if err != nil {
		return err
	}
	if !holds {
		return pim.Refuse(pim.KindConflict, "The requester is disabled or no longer eligible.")
	}
	if err := refuseLocked(tx.Reader, role, a); err != nil {
		return err
	}
	rules := a.Settings.Stricter(now.Settings)
	if problem := tightened(a.Asked(), a.StepUpID, role, rules); problem != "" {
		return pim.Refuse(pim.KindConflict, "%s", problem)
	}
	if err := tx.CloseStages(a.ID); err != nil {
		return err
	}
	if a, err = b.start(tx, a, role, eligible, rules, who.ID); err != nil {
		return err
	}
	next := ". Stint grants it now."
	if a.State == pim.Scheduled {
		next = ". It starts " + pim.FormatInstant(a.StartsAt) + "."
	}
	return tellHolder(tx, a, who.Name+" approved your request for", next)
}

// tightened says which rule, tightened since the request, the request no longer meets.
func tightened(a pim.ActivationRequest, stepUpID string, role pim.RoleDefinition, rules pim.Settings) string {
	switch {
	case rules.StepUp.Asks() && stepUpID == "":
		return fmt.Sprintf("%s asks for a passkey since this was requested. It has to be requested again.", role.Name)
	case pim.CheckJustification(a.Justification, rules.Justification) != "":
		return fmt.Sprintf("%s asks for a reason since this was requested. It has to be requested again.", role.Name)
	case rules.Ticket && a.TicketNumber == "":
		return fmt.Sprintf("%s asks for a ticket since this was requested. It has to be requested again.", role.Name)
	}
	return ""
}
