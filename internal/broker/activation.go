package broker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// ActivationCheck is what the form shows before anything is asked.
type ActivationCheck struct {
	Now        time.Time
	Assignment pim.Assignment
	Role       pim.RoleDefinition
	Path       pim.Path
	Effective  pim.Effective
	Decision   pim.Decision
	Approvers  []pim.Principal // who could decide where approval is asked for, the person left out
	Meanings   []pim.Meaning
	Last       *pim.Activation // for the last reason and duration
}

// CheckActivation answers every rule without writing anything.
func (b *Broker) CheckActivation(ctx context.Context, actor Actor, req pim.ActivationRequest) (ActivationCheck, error) {
	return store.Read(ctx, b.store, func(r *store.Reader) (ActivationCheck, error) {
		f, err := b.activationFacts(r, actor, req)
		if err != nil {
			return ActivationCheck{}, err
		}
		c := ActivationCheck{Now: f.Now, Assignment: f.Assignment, Role: f.Role, Path: f.Path, Effective: f.Effective, Approvers: f.people}
		if req.Duration == 0 {
			req.Duration = f.Effective.DefaultDuration
		}
		c.Decision = pim.EvaluateActivation(req, f.ActivationFacts)
		if c.Meanings, err = r.MeaningsBelow(f.Role.ID, f.resource()); err != nil {
			return c, err
		}
		c.Last, err = r.LastActivation(actor.PrincipalID, f.Role.ID, f.Assignment.ResourceID)
		return c, err
	})
}

// considered is everything an activation rests on, read in one snapshot.
type considered struct {
	pim.ActivationFacts
	people []pim.Principal // who could approve, where that is asked for
	reach  reach
}

// activationFacts loads what the decision rests on; what is not the person's is not found.
func (b *Broker) activationFacts(r *store.Reader, actor Actor, req pim.ActivationRequest) (f considered, err error) {
	f.Now = r.Now
	if f.Person, err = person(r, actor); err != nil {
		return f, err
	}
	if f.Assignment, err = r.Assignment(req.AssignmentID); err != nil {
		return f, found(err)
	}
	if f.Belongs, err = r.Within(f.Person.ID, f.Assignment.PrincipalID); err != nil {
		return f, err
	}
	if !f.Belongs {
		return f, pim.NotFound()
	}
	if req.ResourceID == "" {
		req.ResourceID = f.Assignment.ResourceID
	}
	err = b.weigh(r, &f, req.ResourceID)
	return f, found(err)
}

// resource is the one the role is to be held on.
func (f considered) resource() string { return f.Path.Leaf().ID }

// weigh loads what holding the assignment's role on a resource rests on.
func (b *Broker) weigh(r *store.Reader, f *considered, resourceID string) (err error) {
	if err = live(r, f.Assignment, resourceID); err != nil {
		return err
	}
	if f.Role, f.Path, f.Effective, err = effective(r, f.Assignment.RoleID, resourceID); err != nil {
		return err
	}
	if f.Beside, err = r.OpenActivations(f.Person.PersonID, f.Role.ID, resourceID); err != nil {
		return err
	}
	if f.reach, err = reachOf(r, f.Person.ID, f.Role.ID, resourceID); err != nil {
		return err
	}
	if f.Means, err = means(r, f.reach, f.Assignment, resourceID); err != nil {
		return err
	}
	f.Accounts = f.reach.accounts
	if f.Role.Source != pim.SourceBuiltin { // Stint's own roles must stay reachable: they mend what is paused
		f.Paused = b.Paused()
	}
	if f.Passkeys, f.NewKeys, err = newKeys(r, f.Person, f.Role); err != nil {
		return err
	}
	if f.LockedUntil, err = lockedUntil(r, f.Role, f.Path, f.Person.ID); err != nil {
		return err
	}
	if f.Effective.Approval {
		f.people, err = approversFor(r, f.Effective.Approvers, f.Person)
	}
	f.Approvers = len(f.people)
	return err
}

// effective resolves a role's settings at a resource.
func effective(r *store.Reader, roleID, resourceID string) (pim.RoleDefinition, pim.Path, pim.Effective, error) {
	d, err := store.Remembered(r, defined{roleID, resourceID}, func() (d definition, err error) { return loadDefinition(r, roleID, resourceID) })
	return d.role, d.path, d.effective, err
}

type defined struct{ roleID, resourceID string }

// definition is a role at a resource with its settings there.
type definition struct {
	role      pim.RoleDefinition
	path      pim.Path
	effective pim.Effective
}

func loadDefinition(r *store.Reader, roleID, resourceID string) (d definition, err error) {
	if d.role, err = r.Role(roleID); err != nil {
		return d, err
	}
	if d.path, err = r.Path(resourceID); err != nil {
		return d, err
	}
	rows, err := r.SettingsOn(roleID, d.path)
	d.effective = pim.ResolveSettings(d.role, d.path, rows)
	return d, err
}

// RequestActivation asks for one role.
func (b *Broker) RequestActivation(ctx context.Context, actor Actor, req pim.ActivationRequest) (Outcome, error) {
	return b.RequestActivations(ctx, actor, []pim.ActivationRequest{req})
}

// RequestActivations asks for roles with one touch. Where the rules of any of them want a passkey it only
// stores the ceremony, over all of them; the requests themselves are made when that succeeds. What the
// rules refuse now refuses the whole, so that nothing is half done.
func (b *Broker) RequestActivations(ctx context.Context, actor Actor, requests []pim.ActivationRequest) (Outcome, error) {
	if refusal := pim.CheckTogether(keysOf(requests), "role"); refusal != nil {
		return Outcome{}, refusal
	}
	ids, ceremony, results, random, salt := newIDs(len(requests)), NewID(), NewID(), randomBytes(32), randomBytes(32)
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		set, err := b.consider(tx, actor, requests)
		if err != nil {
			return Outcome{}, err
		}
		who := set[0].facts.Person
		if slices.ContainsFunc(set, func(c asked) bool { return c.decision.NeedsStepUp }) {
			p := pending{Salt: salt, Requests: requests}
			for i, c := range set {
				p.Items = append(p.Items, activationItem(requests[i], c.facts, salt))
			}
			return b.begin(tx, actor, who, p, ceremony, random, "/my-roles")
		}
		return together(tx, who, results, "activate", len(set), func(i int) (pim.ItemResult, Outcome, error) {
			c := set[i]
			out, err := b.submit(tx, ids[i], requests[i], c.facts, c.decision)
			return pim.ItemResult{RoleID: c.facts.Role.ID, ResourceID: c.facts.resource(), ActivationID: out.ActivationID}, out, err
		})
	})
}

// keysOf names what is asked for: several resources below one assignment are several things.
func keysOf(requests []pim.ActivationRequest) []string {
	out := make([]string, len(requests))
	for i, req := range requests {
		out[i] = req.AssignmentID + " " + req.ResourceID
	}
	return out
}

// asked is one request with what its decision rests on.
type asked struct {
	facts    considered
	decision pim.Decision
}

// consider answers every rule of every request; each refusal is evidence, the first one is the answer.
func (b *Broker) consider(tx *store.Tx, actor Actor, requests []pim.ActivationRequest) ([]asked, error) {
	set := make([]asked, len(requests))
	var refusal error
	for i, req := range requests {
		f, err := b.activationFacts(tx.Reader, actor, req)
		if err != nil {
			return nil, err
		}
		set[i] = asked{f, pim.EvaluateActivation(req, f.ActivationFacts)}
		if d := set[i].decision; d.Refused() {
			tx.Emit(pim.ActivationRefused(f.Person, f.Assignment, d.Verdicts, clip(req.Justification)))
			if refusal == nil {
				refusal = d.Refusal()
			}
		}
	}
	return set, refusal
}

// clip keeps a refused text within what a leaf's neighbour may hold.
func clip(s string) string {
	if len(s) > pim.MaxJustification {
		return strings.ToValidUTF8(s[:pim.MaxJustification], "")
	}
	return s
}

func activationItem(req pim.ActivationRequest, f considered, salt []byte) pim.StepUpItem {
	return pim.StepUpItem{Action: pim.ActionActivate, Object: req.AssignmentID, Version: f.Assignment.Version, RoleID: f.Role.ID,
		ResourceID: f.resource(), Duration: int64(req.Duration.Seconds()), Start: micros(req.Start), Commitment: commitReason(salt, req.Justification, req.TicketNumber, req.TicketSystem)}
}

// activateConfirmed makes the requests that a passkey confirmed, each if everything of it still holds.
func (b *Broker) activateConfirmed(ctx context.Context, actor Actor, p pending, su pim.StepUp) (Outcome, error) {
	ids, results := newIDs(len(p.Requests)), NewID()
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		who, err := confirmed(tx, actor, p, su)
		if err != nil {
			return Outcome{}, err
		}
		return together(tx, who, results, "activate", len(p.Requests), func(i int) (pim.ItemResult, Outcome, error) {
			item := p.Items[i]
			out, err := b.activateItem(tx, actor, ids[i], p.Requests[i], item, p.Salt, su)
			return pim.ItemResult{RoleID: item.RoleID, ResourceID: item.ResourceID, ActivationID: out.ActivationID}, out, err
		})
	})
}

// activateItem makes one confirmed request.
func (b *Broker) activateItem(tx *store.Tx, actor Actor, id string, req pim.ActivationRequest, item pim.StepUpItem, salt []byte, su pim.StepUp) (Outcome, error) {
	f, err := b.activationFacts(tx.Reader, actor, req)
	if err != nil {
		return Outcome{}, err
	}
	if activationItem(req, f, salt) != item {
		return Outcome{}, pim.Refuse(pim.KindConflict, "Your eligibility changed since you confirmed. Look at it and ask again.")
	}
	f.StepUp = &su
	d := pim.EvaluateActivation(req, f.ActivationFacts)
	if d.Refused() {
		tx.Emit(pim.ActivationRefused(f.Person, f.Assignment, d.Verdicts, req.Justification))
		return Outcome{}, d.Refusal()
	}
	return b.submit(tx, id, req, f, d)
}

// submit inserts the activation, and opens approval or starts granting.
func (b *Broker) submit(tx *store.Tx, id string, req pim.ActivationRequest, f considered, d pim.Decision) (Outcome, error) {
	a := pim.Activation{ID: id, AssignmentID: f.Assignment.ID, PrincipalID: f.Person.ID, PersonID: f.Person.PersonID, RoleID: f.Role.ID,
		ResourceID: f.resource(), State: pim.PendingApproval, Duration: req.Duration, StartAsked: ahead(req.Start, tx.Now), Justification: req.Justification,
		TicketNumber: req.TicketNumber, TicketSystem: req.TicketSystem, RequestedAt: tx.Now, Settings: f.Effective, Verdicts: d.Verdicts, Version: 1}
	if f.StepUp != nil {
		a.StepUpID = f.StepUp.CeremonyID
	}
	if d.NeedsApproval {
		same, err := samePeople(tx.Reader, a.PrincipalID)
		if err != nil {
			return Outcome{}, err
		}
		a.Verdicts = pim.Asking(a.Verdicts, slices.Sorted(maps.Keys(same)))
	}
	requested := pim.ActivationRequested(a)
	if f.StepUp != nil {
		requested = requested.With("evidence", f.StepUp.Digest())
	}
	tx.Emit(requested)
	var refusal error
	if !d.NeedsApproval {
		a, refusal = begun(a, f.Role, f.Assignment, f.Effective.Settings, tx.Now)
	}
	if err := errors.Join(refusal, tx.InsertActivation(a)); err != nil {
		if errors.Is(err, store.ErrOpen) {
			return Outcome{}, pim.Refuse(pim.KindConflict, "You have already asked for this role.")
		}
		return Outcome{}, err
	}
	out := Outcome{ActivationID: id}
	if d.NeedsApproval {
		return out, b.askApproval(tx, a, f)
	}
	if a.State == pim.Scheduled {
		tx.Emit(pim.ActivationScheduled(a, f.Person.ID))
		return out, nil
	}
	return out, granting(tx, a, f.Person.ID, f.reach)
}

// begun fixes the window of an activation that leaves approval, or never needed it: from now on, or planned when
// the start that was asked for lies ahead or still needs a fresh touch.
func begun(a pim.Activation, role pim.RoleDefinition, eligible pim.Assignment, rules pim.Settings, now time.Time) (pim.Activation, error) {
	event, start := pim.OnApproved, now
	if a.StartAsked.After(now) {
		event, start = pim.OnScheduled, a.StartAsked
	} else if a.TouchAtStart(role) {
		event = pim.OnScheduled
	}
	next, ok := pim.NextActivationState(a.State, event)
	if !ok {
		return a, pim.Refuse(pim.KindConflict, "This request is no longer waiting.")
	}
	a.State = next
	a.StartsAt, a.EndsAt = pim.Window(a.Duration, rules, eligible, start)
	if next == pim.Scheduled {
		a.StartDue = a.StartsAt
	} else {
		a.StartAsked = time.Time{}
	}
	if !a.EndsAt.After(a.StartsAt) {
		return a, pim.Refuse(pim.KindForbidden, "The eligibility has ended.")
	}
	return a, nil
}

// start moves an approved activation on: it wants its grants, or waits for its start.
func (b *Broker) start(tx *store.Tx, a pim.Activation, role pim.RoleDefinition, eligible pim.Assignment, rules pim.Settings, actor string) (pim.Activation, error) {
	from := a.State
	a, err := begun(a, role, eligible, rules, tx.Now)
	if err != nil {
		return a, err
	}
	if err := refuseOverlap(tx.Reader, a); err != nil {
		return a, err
	}
	if err := tx.MoveActivation(from, a); err != nil {
		return a, moved(err)
	}
	a.Version++
	if a.State == pim.Scheduled {
		tx.Emit(pim.ActivationScheduled(a, actor))
		return a, nil
	}
	to, err := reachOf(tx.Reader, a.PrincipalID, a.RoleID, a.ResourceID)
	if err != nil {
		return a, err
	}
	return a, granting(tx, a, actor, to)
}

// granting wants what the activation reaches: intent before effect (THREATS rule 1). A role without a
// meaning at a target holds at once.
func granting(tx *store.Tx, a pim.Activation, actor string, to reach) error {
	tx.Emit(pim.ActivationProvisioning(a, actor))
	for _, f := range to.facts {
		if err := want(tx, f, pim.GrantNeed{ActivationID: a.ID, StartsAt: a.StartsAt, EndsAt: a.EndsAt}); err != nil {
			return err
		}
	}
	if to.complete && len(to.facts) == 0 {
		return confirm(tx, a)
	}
	return nil
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
		if a.State.Waits() {
			return movedOn(a, "This has not started yet. Cancel it instead.")
		}
		return movedOn(a, "This activation is already over (%s).", a.State)
	}
	from := a.State
	if from == pim.Scheduled { // it never held anything: there is no window to look back at
		a.StartsAt, a.EndsAt, a.StartDue = time.Time{}, time.Time{}, time.Time{}
	}
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
	if err := endExtension(tx, a, event); err != nil {
		return err
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
		a, err := ownActivation(tx.Reader, actor, id)
		if err != nil {
			return err
		}
		return b.end(tx, a, pim.OnDeactivated, actor.PrincipalID, "", "")
	})
}

// Cancel takes back what waits for approval or for its start.
func (b *Broker) Cancel(ctx context.Context, actor Actor, id string) error {
	return do(ctx, b, func(tx *store.Tx) error {
		a, err := ownActivation(tx.Reader, actor, id)
		if err != nil {
			return err
		}
		return b.end(tx, a, pim.OnCanceled, actor.PrincipalID, "", "")
	})
}

func ownActivation(tx *store.Reader, actor Actor, id string) (pim.Activation, error) {
	who, err := person(tx, actor)
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
			return Outcome{}, movedOn(a, "This activation is already over.")
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
	if a.State.Waits() {
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
		event, told := pim.OnRevoked, who.Name+" ended your activation of"
		if a.State.Waits() {
			event, told = pim.OnCanceled, who.Name+" canceled your request for"
		}
		if err := b.end(tx, a, event, who.ID, p.Reason, su.CeremonyID); err != nil {
			return Outcome{}, err
		}
		return Outcome{ActivationID: a.ID, Done: "Ended."}, tellHolder(tx, a, told, ": "+p.Reason)
	})
}
