package broker

import (
	"context"
	"errors"
	"fmt"

	"stint/internal/pim"
	"stint/internal/store"
)

// ActivationCheck is what the form shows before anything is asked.
type ActivationCheck struct {
	Assignment pim.Assignment
	Role       pim.RoleDefinition
	Path       pim.Path
	Effective  pim.Effective
	Decision   pim.Decision
	Approvers  []pim.Principal // who could decide, the person left out
	Meanings   []pim.Meaning
	Last       *pim.Activation // for the last reason and duration
}

// CheckActivation answers every rule without writing anything.
func (b *Broker) CheckActivation(ctx context.Context, actor Actor, req pim.ActivationRequest) (ActivationCheck, error) {
	return store.Read(ctx, b.store, func(r *store.Reader) (ActivationCheck, error) {
		f, people, err := b.activationFacts(r, actor, req.AssignmentID)
		if err != nil {
			return ActivationCheck{}, err
		}
		c := ActivationCheck{Assignment: f.Assignment, Role: f.Role, Path: f.Path, Effective: f.Effective, Approvers: people}
		if req.Duration == 0 {
			req.Duration = f.Effective.DefaultDuration
		}
		c.Decision = pim.EvaluateActivation(req, f)
		if c.Meanings, err = r.MeaningsBelow(f.Role.ID, f.Assignment.ResourceID); err != nil {
			return c, err
		}
		c.Last, err = r.LastActivation(actor.PrincipalID, f.Role.ID, f.Assignment.ResourceID)
		return c, err
	})
}

// activationFacts loads everything the decision rests on; what is not the person's is not found.
func (b *Broker) activationFacts(r *store.Reader, actor Actor, assignmentID string) (pim.ActivationFacts, []pim.Principal, error) {
	f := pim.ActivationFacts{Now: r.Now}
	who, err := person(r, actor)
	if err != nil {
		return f, nil, err
	}
	f.Person = who
	if f.Assignment, err = r.Assignment(assignmentID); err != nil {
		return f, nil, found(err)
	}
	groups, err := r.GroupsOf(who.ID)
	if err != nil {
		return f, nil, err
	}
	for _, id := range groups {
		f.Belongs = f.Belongs || id == f.Assignment.PrincipalID
	}
	if !f.Belongs {
		return f, nil, pim.NotFound()
	}
	if f.Role, f.Path, f.Effective, err = effective(r, f.Assignment.RoleID, f.Assignment.ResourceID); err != nil {
		return f, nil, found(err)
	}
	if f.Open, err = r.OpenActivation(who.PersonID, f.Role.ID, f.Assignment.ResourceID); err != nil {
		return f, nil, err
	}
	if f.Accounts, err = accountNeeds(r, who.ID, f.Role.ID, f.Assignment.ResourceID); err != nil {
		return f, nil, err
	}
	if f.Role.Source != pim.SourceBuiltin { // Stint's own roles must stay reachable: they mend what is paused
		f.Paused = b.Paused()
	}
	people, err := approversFor(r, f.Effective.Approvers, who)
	f.Approvers = len(people)
	return f, people, err
}

// effective resolves a role's settings at a resource.
func effective(r *store.Reader, roleID, resourceID string) (pim.RoleDefinition, pim.Path, pim.Effective, error) {
	role, err := r.Role(roleID)
	if err != nil {
		return role, nil, pim.Effective{}, err
	}
	path, err := r.Path(resourceID)
	if err != nil {
		return role, nil, pim.Effective{}, err
	}
	rows, err := r.Settings(roleID)
	return role, path, pim.ResolveSettings(role, path, rows), err
}

// accountNeeds lists the targets a role reaches and the person's account at each.
func accountNeeds(r *store.Reader, principalID, roleID, resourceID string) ([]pim.AccountNeed, error) {
	meanings, err := r.MeaningsBelow(roleID, resourceID)
	if err != nil {
		return nil, err
	}
	targets, err := targetsOf(r, meanings)
	if err != nil {
		return nil, err
	}
	var needs []pim.AccountNeed
	seen := map[string]bool{}
	for _, m := range meanings {
		id := targets[m.ResourceID]
		if id == "" || seen[id] {
			continue
		}
		seen[id] = true
		t, err := r.Target(id)
		if err != nil {
			return nil, err
		}
		need := pim.AccountNeed{TargetID: id, TargetName: t.Name}
		a, err := r.AccountAt(principalID, id)
		switch {
		case err == nil:
			need.Account = &a
		case !errors.Is(err, store.ErrNotFound):
			return nil, err
		}
		needs = append(needs, need)
	}
	return needs, nil
}

// targetsOf returns the target of each meaning's resource.
func targetsOf(r *store.Reader, meanings []pim.Meaning) (map[string]string, error) {
	ids := make([]string, 0, len(meanings))
	for _, m := range meanings {
		ids = append(ids, m.ResourceID)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	paths, err := r.Paths(ids)
	out := make(map[string]string, len(paths))
	for id, p := range paths {
		out[id] = p.TargetID()
	}
	return out, err
}

// RequestActivation asks for a role. Where the rules want a passkey it only stores the ceremony; the
// request itself is made when that succeeds.
func (b *Broker) RequestActivation(ctx context.Context, actor Actor, req pim.ActivationRequest) (Outcome, error) {
	id, ceremony, random, salt := NewID(), NewID(), randomBytes(32), randomBytes(32)
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		f, _, err := b.activationFacts(tx.Reader, actor, req.AssignmentID)
		if err != nil {
			return Outcome{}, err
		}
		d := pim.EvaluateActivation(req, f)
		if d.Refused() {
			tx.Emit(pim.ActivationRefused(f.Person, f.Assignment, d.Verdicts, clip(req.Justification)))
			return Outcome{}, d.Refusal()
		}
		if d.NeedsStepUp {
			item := activationItem(req, f, salt)
			return b.begin(tx, actor, f.Person, pending{Items: []pim.StepUpItem{item}, Salt: salt, Request: &req}, ceremony, random, "/my-roles")
		}
		return b.open1(tx, id, req, f, d)
	})
}

// clip keeps a refused text within what a leaf's neighbour may hold.
func clip(s string) string {
	if len(s) > pim.MaxJustification {
		return s[:pim.MaxJustification]
	}
	return s
}

func activationItem(req pim.ActivationRequest, f pim.ActivationFacts, salt []byte) pim.StepUpItem {
	return pim.StepUpItem{Action: pim.ActionActivate, Object: req.AssignmentID, Version: f.Assignment.Version, RoleID: f.Role.ID,
		ResourceID: f.Assignment.ResourceID, Duration: int64(req.Duration.Seconds()), Commitment: commitReason(salt, req.Justification, req.TicketNumber, req.TicketSystem)}
}

// activateConfirmed makes the request that a passkey confirmed, if everything still holds.
func (b *Broker) activateConfirmed(ctx context.Context, actor Actor, p pending, su pim.StepUp) (Outcome, error) {
	id := NewID()
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		f, _, err := b.activationFacts(tx.Reader, actor, p.Request.AssignmentID)
		if err != nil {
			return Outcome{}, err
		}
		if !itemsMatch(su, f.Person.PersonID, []pim.StepUpItem{activationItem(*p.Request, f, p.Salt)}) {
			return Outcome{}, pim.Refuse(pim.KindConflict, "Your eligibility changed since you confirmed. Look at it and ask again.")
		}
		f.StepUp = &su
		d := pim.EvaluateActivation(*p.Request, f)
		if d.Refused() {
			tx.Emit(pim.ActivationRefused(f.Person, f.Assignment, d.Verdicts, p.Request.Justification))
			return Outcome{}, d.Refusal()
		}
		if err := spend(tx, su); err != nil {
			return Outcome{}, err
		}
		return b.open1(tx, id, *p.Request, f, d)
	})
}

// open1 inserts the activation, and opens approval or starts granting.
func (b *Broker) open1(tx *store.Tx, id string, req pim.ActivationRequest, f pim.ActivationFacts, d pim.Decision) (Outcome, error) {
	a := pim.Activation{ID: id, AssignmentID: f.Assignment.ID, PrincipalID: f.Person.ID, PersonID: f.Person.PersonID, RoleID: f.Role.ID,
		ResourceID: f.Assignment.ResourceID, State: pim.PendingApproval, Duration: req.Duration, Justification: req.Justification,
		TicketNumber: req.TicketNumber, TicketSystem: req.TicketSystem, RequestedAt: tx.Now, Settings: f.Effective, Verdicts: d.Verdicts, Version: 1}
	requested := pim.ActivationRequested(a)
	if f.StepUp != nil {
		a.StepUpID = f.StepUp.CeremonyID
		requested = pim.ActivationRequested(a).With("evidence", f.StepUp.Digest())
	}
	if err := tx.InsertActivation(a); err != nil {
		if errors.Is(err, store.ErrOpen) {
			return Outcome{}, pim.Refuse(pim.KindConflict, "You have already asked for this role.")
		}
		return Outcome{}, err
	}
	tx.Emit(requested)
	out := Outcome{ActivationID: id}
	if !d.NeedsApproval {
		return out, b.start(tx, a, f.Assignment, f.Effective.Settings, f.Person.ID)
	}
	return out, b.askApproval(tx, a, f)
}

// start fixes the window and wants the grants: intent before effect (THREATS rule 1).
func (b *Broker) start(tx *store.Tx, a pim.Activation, eligible pim.Assignment, rules pim.Settings, actor string) error {
	next, ok := pim.NextActivationState(a.State, pim.OnApproved)
	if !ok {
		return pim.Refuse(pim.KindConflict, "This request is no longer waiting.")
	}
	from := a.State
	a.State = next
	a.StartsAt, a.EndsAt = pim.Window(a.Duration, rules, eligible, tx.Now)
	if !a.EndsAt.After(a.StartsAt) {
		return pim.Refuse(pim.KindForbidden, "The eligibility has ended.")
	}
	if err := tx.MoveActivation(from, a); err != nil {
		return moved(err)
	}
	a.Version++
	tx.Emit(pim.ActivationProvisioning(a, actor))
	if err := ensureActivationNeeds(tx, a); err != nil {
		return err
	}
	_, err := confirmIfSeen(tx, a)
	return err
}

// moved turns a lost race into words (rule: every transition is a conditional update).
func moved(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return pim.Refuse(pim.KindConflict, "Somebody else changed this in the same moment. Look at it again.")
	}
	return err
}

// end moves an activation to a terminal state and lets go of its grants.
func (b *Broker) end(tx *store.Tx, a pim.Activation, event pim.ActivationEvent, actor, reason, stepUpID string) error {
	next, ok := pim.NextActivationState(a.State, event)
	if !ok {
		return pim.Refuse(pim.KindConflict, "This activation is already over (%s).", a.State)
	}
	from := a.State
	a.State, a.EndedAt, a.EndedBy, a.EndReason = next, tx.Now, actor, reason
	if err := tx.MoveActivation(from, a); err != nil {
		return moved(err)
	}
	a.Version++
	if from == pim.PendingApproval {
		if err := tx.CloseStages(a.ID); err != nil {
			return err
		}
	}
	if next != pim.Denied { // the approver's decision is its own event
		tx.Emit(pim.ActivationOver(a, actor, stepUpID))
	}
	if !from.Holds() {
		return nil
	}
	if err := endNeeds(tx, a); err != nil {
		return err
	}
	return settleActivation(tx, a)
}

// Deactivate gives a role back; allowed at any age (EC-01).
func (b *Broker) Deactivate(ctx context.Context, actor Actor, id string) error {
	return do(ctx, b, func(tx *store.Tx) error {
		a, err := ownActivation(tx, actor, id)
		if err != nil {
			return err
		}
		return b.end(tx, a, pim.OnDeactivated, actor.PrincipalID, "", "")
	})
}

// Cancel takes a waiting request back.
func (b *Broker) Cancel(ctx context.Context, actor Actor, id string) error {
	return do(ctx, b, func(tx *store.Tx) error {
		a, err := ownActivation(tx, actor, id)
		if err != nil {
			return err
		}
		return b.end(tx, a, pim.OnCanceled, actor.PrincipalID, "", "")
	})
}

func ownActivation(tx *store.Tx, actor Actor, id string) (pim.Activation, error) {
	who, err := person(tx.Reader, actor)
	if err != nil {
		return pim.Activation{}, err
	}
	a, err := tx.Activation(id)
	if err != nil {
		return a, found(err)
	}
	if !who.Same(a.PersonID) {
		return a, pim.NotFound()
	}
	return a, nil
}

// RevokeActivation begins an administrator's revocation of an activation, or cancels a waiting request,
// with a reason and a passkey.
func (b *Broker) RevokeActivation(ctx context.Context, actor Actor, id, reason string) (Outcome, error) {
	ceremony, random, salt := NewID(), randomBytes(32), randomBytes(32)
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		who, err := administrator(tx, actor)
		if err != nil {
			return Outcome{}, err
		}
		a, err := tx.Activation(id)
		if err != nil {
			return Outcome{}, found(err)
		}
		if !a.State.Open() {
			return Outcome{}, pim.Refuse(pim.KindConflict, "This activation is already over.")
		}
		if problem := pim.CheckJustification(reason, true); problem != "" {
			return Outcome{}, pim.Invalid("justification", "%s", problem)
		}
		p := pending{Items: []pim.StepUpItem{revokeItem(a, reason, salt)}, Salt: salt, Reason: reason}
		return b.begin(tx, actor, who, p, ceremony, random, "/activations/"+id)
	})
}

func revokeItem(a pim.Activation, reason string, salt []byte) pim.StepUpItem {
	action := pim.ActionRevoke
	if a.State == pim.PendingApproval {
		action = pim.ActionCancelOther
	}
	return pim.StepUpItem{Action: action, Object: a.ID, RoleID: a.RoleID, ResourceID: a.ResourceID, Commitment: commitReason(salt, reason)}
}

func (b *Broker) revokeConfirmed(ctx context.Context, actor Actor, p pending, su pim.StepUp) (Outcome, error) {
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		who, err := administrator(tx, actor)
		if err != nil {
			return Outcome{}, err
		}
		a, err := tx.Activation(p.Items[0].Object)
		if err != nil {
			return Outcome{}, found(err)
		}
		if !itemsMatch(su, who.PersonID, []pim.StepUpItem{revokeItem(a, p.Reason, p.Salt)}) {
			return Outcome{}, pim.Refuse(pim.KindConflict, "The request moved on since you confirmed. Look at it again.")
		}
		if err := spend(tx, su); err != nil {
			return Outcome{}, err
		}
		event := pim.OnRevoked
		if a.State == pim.PendingApproval {
			event = pim.OnCanceled
		}
		if err := b.end(tx, a, event, who.ID, p.Reason, su.CeremonyID); err != nil {
			return Outcome{}, err
		}
		text := fmt.Sprintf("%s ended your activation: %s", who.Name, p.Reason)
		return Outcome{ActivationID: a.ID, Done: "Ended."}, notify(tx, text, "/activations/"+a.ID, a.PrincipalID)
	})
}
