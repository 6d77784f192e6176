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

// RequestActivation asks for one role.
func (b *Broker) RequestActivation(ctx context.Context, actor Actor, req pim.ActivationRequest) (Outcome, error) {
	return b.RequestActivations(ctx, actor, []pim.ActivationRequest{req})
}

// RequestActivations asks for roles with one touch. Where the rules of any of them want a passkey it only
// stores the ceremony, over all of them; the requests themselves are made when that succeeds. What the
// rules refuse now refuses the whole, so that nothing is half done.
func (b *Broker) RequestActivations(ctx context.Context, actor Actor, requests []pim.ActivationRequest) (Outcome, error) {
	return b.requestActivations(ctx, actor, requests, "")
}

// requestActivations is RequestActivations, after the sign-in again at the provider where proof names one.
func (b *Broker) requestActivations(ctx context.Context, actor Actor, requests []pim.ActivationRequest, proof string) (Outcome, error) {
	if refusal := pim.CheckTogether(keysOf(requests), "role"); refusal != nil {
		return Outcome{}, refusal
	}
	ids, ceremony, results, random, salt := newIDs(len(requests)), NewID(), NewID(), randomBytes(32), randomBytes(32)
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		set, err := b.consider(tx, actor, requests, proof)
		if err != nil {
			return Outcome{}, err
		}
		who := set[0].facts.Person
		contexts, err := contextsOf(set)
		if err != nil {
			return Outcome{}, err
		}
		if len(contexts) > 0 || slices.ContainsFunc(set, func(c asked) bool { return c.decision.NeedsStepUp }) {
			p := pending{Salt: salt, Requests: requests, Contexts: contexts, Proof: proof}
			for i, c := range set {
				p.Attested = p.Attested || c.decision.Attested
				p.Items = append(p.Items, activationItem(requests[i], c.facts, salt))
			}
			if len(contexts) > 0 {
				return askProvider(tx, actor, who, p, ceremony, "/my-roles")
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
func (b *Broker) consider(tx *store.Tx, actor Actor, requests []pim.ActivationRequest, proof string) ([]asked, error) {
	set := make([]asked, len(requests))
	var refusal error
	for i, req := range requests {
		f, err := b.activationFacts(tx.Reader, actor, req)
		if err != nil {
			return nil, err
		}
		if f.Proof, err = proofOf(tx.Reader, f.Person.ID, proof); err != nil {
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

// contextsOf are the sign-ins at the provider of which one must come first; nil where none is asked for any more.
func contextsOf(set []asked) ([]string, error) {
	lists := make([][]string, len(set))
	for i, c := range set {
		lists[i] = c.decision.Contexts
	}
	out, refusal := pim.CommonContexts(lists)
	if refusal != nil {
		return nil, refusal
	}
	return out, nil
}

// clip keeps a refused text within what a leaf's neighbour may hold.
func clip(s string) string {
	if len(s) > pim.MaxJustification {
		return strings.ToValidUTF8(s[:pim.MaxJustification], "")
	}
	return s
}

func activationItem(req pim.ActivationRequest, f considered, salt []byte) pim.StepUpItem {
	item := pim.StepUpItem{Action: pim.ActionActivate, Object: req.AssignmentID, Version: f.Assignment.Version, RoleID: f.Role.ID,
		ResourceID: f.resource(), Duration: int64(req.Duration.Seconds()), Start: micros(req.Start), Commitment: commitReason(salt, req.Justification, req.TicketNumber, req.TicketSystem)}
	if f.Proof != nil {
		item.Proof = f.Proof.ID
	}
	return item
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
			out, err := b.activateItem(tx, actor, ids[i], p.Requests[i], item, p, su)
			return pim.ItemResult{RoleID: item.RoleID, ResourceID: item.ResourceID, ActivationID: out.ActivationID}, out, err
		})
	})
}

// activateItem makes one confirmed request.
func (b *Broker) activateItem(tx *store.Tx, actor Actor, id string, req pim.ActivationRequest, item pim.StepUpItem, p pending, su pim.StepUp) (Outcome, error) {
	f, err := b.activationFacts(tx.Reader, actor, req)
	if err != nil {
		return Outcome{}, err
	}
	if f.Proof, err = proofOf(tx.Reader, f.Person.ID, p.Proof); err != nil {
		return Outcome{}, err
	}
	if activationItem(req, f, p.Salt) != item {
		return Outcome{}, pim.Refuse(pim.KindConflict, "Your eligibility changed since you confirmed. Look at it and ask again.")
	}
	f.StepUp = &su
	d := pim.EvaluateActivation(req, f.ActivationFacts)
	if len(d.Contexts) > 0 {
		return Outcome{}, pim.Refuse(pim.KindConflict, "%s asks for a sign-in at the provider since you asked. Ask again.", f.Role.Name)
	}
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
	if f.Proof != nil {
		a.ProofID, a.Context = f.Proof.ID, f.Proof.Context
	}
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

// moved turns a lost race into words (rule: every transition is a conditional update).
func moved(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return pim.Refuse(pim.KindConflict, "Somebody else changed this in the same moment. Look at it again.")
	}
	return err
}
