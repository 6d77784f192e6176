package broker

import (
	"context"
	"errors"
	"maps"
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// ExtensionCheck is what the form shows before a later end is asked for.
type ExtensionCheck struct {
	Activation pim.Activation
	Role       pim.RoleDefinition
	Path       pim.Path
	Rules      pim.Settings // of the activation and now the stricter
	Decision   pim.Decision
	Approvers  []pim.Principal
	Waiting    *pim.Extension
}

// CheckExtension answers every rule without writing anything.
func (b *Broker) CheckExtension(ctx context.Context, actor Actor, req pim.ExtensionRequest) (ExtensionCheck, error) {
	return store.Read(ctx, b.store, func(r *store.Reader) (ExtensionCheck, error) {
		f, people, err := b.extensionFacts(r, actor, req.ActivationID)
		if err != nil {
			return ExtensionCheck{}, err
		}
		rules := f.Activation.Settings.Stricter(f.Effective.Settings)
		if req.Duration == 0 {
			req.Duration = rules.DefaultDuration
		}
		return ExtensionCheck{Activation: f.Activation, Role: f.Role, Path: f.Path, Rules: rules, Decision: pim.EvaluateExtension(req, f),
			Approvers: people, Waiting: f.Waiting}, nil
	})
}

// extensionFacts loads what an extension rests on; what is not the person's own is not found.
func (b *Broker) extensionFacts(r *store.Reader, actor Actor, activationID string) (f pim.ExtensionFacts, people []pim.Principal, err error) {
	if f.Activation, err = ownActivation(r, actor, activationID); err != nil {
		return f, nil, err
	}
	if f.Activation.PrincipalID != actor.PrincipalID { // evidence of one account extends nothing of another
		return f, nil, pim.NotFound()
	}
	c, err := b.factsOf(r, f.Activation)
	if err != nil {
		return f, nil, err
	}
	f.ActivationFacts = c.ActivationFacts
	f.Waiting, err = r.WaitingExtension(activationID)
	return f, c.people, err
}

// RequestExtension asks for a later end of a running activation. The old end stays until it is approved (K-03).
func (b *Broker) RequestExtension(ctx context.Context, actor Actor, req pim.ExtensionRequest) (Outcome, error) {
	return b.requestExtension(ctx, actor, req, "")
}

// requestExtension is RequestExtension, after the sign-in again at the provider where proof names one.
func (b *Broker) requestExtension(ctx context.Context, actor Actor, req pim.ExtensionRequest, proof string) (Outcome, error) {
	id, ceremony, random, salt := NewID(), NewID(), randomBytes(32), randomBytes(32)
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		f, people, err := b.extensionFacts(tx.Reader, actor, req.ActivationID)
		if err != nil {
			return Outcome{}, err
		}
		if f.Proof, err = proofOf(tx.Reader, f.Person.ID, proof); err != nil {
			return Outcome{}, err
		}
		d := pim.EvaluateExtension(req, f)
		if d.Refused() {
			tx.Emit(pim.ExtensionRefused(f.Activation, d.Verdicts, clip(req.Justification)))
			return Outcome{}, d.Refusal()
		}
		p := pending{Items: []pim.StepUpItem{extensionItem(req, f, salt)}, Salt: salt, Extension: &req, Attested: d.Attested, Contexts: d.Contexts, Proof: proof}
		if len(d.Contexts) > 0 {
			return askProvider(tx, actor, f.Person, p, ceremony, "/activations/"+req.ActivationID)
		}
		if d.NeedsStepUp {
			return b.begin(tx, actor, f.Person, p, ceremony, random, "/activations/"+req.ActivationID)
		}
		return submitExtension(tx, id, req, f, people, d)
	})
}

func extensionItem(req pim.ExtensionRequest, f pim.ExtensionFacts, salt []byte) pim.StepUpItem {
	a := f.Activation
	item := pim.StepUpItem{Action: pim.ActionExtend, Object: a.ID, RoleID: a.RoleID, ResourceID: a.ResourceID, Duration: int64(req.Duration.Seconds()),
		Until: micros(a.EndsAt), Commitment: commitReason(salt, req.Justification, req.TicketNumber, req.TicketSystem)}
	if f.Proof != nil {
		item.Proof = f.Proof.ID
	}
	return item
}

// extendConfirmed makes the extension that a passkey confirmed, if everything still holds.
func (b *Broker) extendConfirmed(ctx context.Context, actor Actor, p pending, su pim.StepUp) (Outcome, error) {
	id := NewID()
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		if _, err := confirmed(tx, actor, p, su); err != nil {
			return Outcome{}, err
		}
		f, people, err := b.extensionFacts(tx.Reader, actor, p.Extension.ActivationID)
		if err != nil {
			return Outcome{}, err
		}
		if f.Proof, err = proofOf(tx.Reader, f.Person.ID, p.Proof); err != nil {
			return Outcome{}, err
		}
		if extensionItem(*p.Extension, f, p.Salt) != p.Items[0] {
			return Outcome{}, movedOn(f.Activation, "The end changed since you confirmed. Look at it again.")
		}
		f.StepUp = &su
		d := pim.EvaluateExtension(*p.Extension, f)
		if len(d.Contexts) > 0 {
			return Outcome{}, pim.Refuse(pim.KindConflict, "%s asks for a sign-in at the provider since you asked. Ask again.", f.Role.Name)
		}
		if d.Refused() {
			tx.Emit(pim.ExtensionRefused(f.Activation, d.Verdicts, p.Extension.Justification))
			return Outcome{}, d.Refusal()
		}
		return submitExtension(tx, id, *p.Extension, f, people, d)
	})
}

// submitExtension inserts the extension, and asks for approval or moves the end.
func submitExtension(tx *store.Tx, id string, req pim.ExtensionRequest, f pim.ExtensionFacts, people []pim.Principal, d pim.Decision) (Outcome, error) {
	a, rules := f.Activation, f.Activation.Settings.Stricter(f.Effective.Settings)
	x := pim.Extension{ID: id, ActivationID: a.ID, PrincipalID: a.PrincipalID, PersonID: a.PersonID, State: pim.ExtensionPending, Duration: req.Duration,
		Justification: req.Justification, TicketNumber: req.TicketNumber, TicketSystem: req.TicketSystem, RequestedAt: tx.Now, StartsAt: a.StartsAt,
		FromEnd: a.EndsAt, EndsAt: d.End, MaxTotal: rules.MaxTotal, Settings: f.Effective, Verdicts: d.Verdicts, Version: 1}
	requested := func() pim.Event { return pim.ExtensionRequested(a, x) }
	if f.Proof != nil {
		x.ProofID, x.Context = f.Proof.ID, f.Proof.Context
	}
	if f.StepUp != nil {
		x.StepUpID = f.StepUp.CeremonyID
		requested = func() pim.Event { return pim.ExtensionRequested(a, x).With("evidence", f.StepUp.Digest()) }
	}
	if d.NeedsApproval {
		return Outcome{ActivationID: a.ID}, askExtension(tx, a, x, rules, f, people, requested)
	}
	x.State, x.DecidedAt, x.DecidedBy = pim.ExtensionApproved, tx.Now, pim.System
	tx.Emit(requested())
	if err := insertExtension(tx, x); err != nil {
		return Outcome{}, err
	}
	return Outcome{ActivationID: a.ID}, extend(tx, a, x, a.PrincipalID)
}

func insertExtension(tx *store.Tx, x pim.Extension) error {
	err := tx.InsertExtension(x)
	if errors.Is(err, store.ErrOpen) {
		return pim.Refuse(pim.KindConflict, "An extension of this activation waits for approval already.")
	}
	return err
}

// askExtension lets an extension wait for approval, at most until the activation ends, and tells who can decide.
func askExtension(tx *store.Tx, a pim.Activation, x pim.Extension, rules pim.Settings, f pim.ExtensionFacts, people []pim.Principal, requested func() pim.Event) error {
	same, err := samePeople(tx.Reader, a.PrincipalID)
	if err != nil {
		return err
	}
	x.Verdicts = pim.Asking(x.Verdicts, slices.Sorted(maps.Keys(same)))
	if x.TimesOutAt = tx.Now.Add(rules.ApprovalTimeout); a.EndsAt.Before(x.TimesOutAt) {
		x.TimesOutAt = a.EndsAt
	}
	e := requested()
	e.Facts["times_out_at"] = micros(x.TimesOutAt)
	tx.Emit(e)
	if err := insertExtension(tx, x); err != nil {
		return err
	}
	a.EndsBy = x.StartsAt.Add(x.MaxTotal) // says that there is an extension to end with it
	if err := tx.MoveActivation(a.State, a); err != nil {
		return moved(err)
	}
	text := f.Person.Name + " asks to extend " + f.Role.Name + " on " + f.Path.Leaf().Name + " to " + pim.FormatInstant(x.EndsAt)
	return notify(tx, text, "/approvals/extensions/"+x.ID, ids(people)...)
}

// extend moves the end of a running activation and of what it needs; nothing is granted again.
func extend(tx *store.Tx, a pim.Activation, x pim.Extension, actor string) error {
	a.EndsAt, a.EndsBy = x.EndsAt, x.StartsAt.Add(x.MaxTotal)
	if err := tx.MoveActivation(a.State, a); err != nil {
		return moved(err)
	}
	tx.Emit(pim.ActivationExtended(a, x, actor))
	needs, err := tx.NeedsOf(a.ID)
	if err != nil {
		return err
	}
	return changeNeeds(tx, needs, func(n *pim.GrantNeed) { n.EndsAt = a.EndsAt })
}

// endExtension ends what still waits when its activation ends. Only an activation that was ever to be extended
// is asked about.
func endExtension(tx *store.Tx, a pim.Activation, event pim.ActivationEvent) error {
	if a.EndsBy.IsZero() {
		return nil
	}
	x, err := tx.WaitingExtension(a.ID)
	if err != nil || x == nil {
		return err
	}
	return settleExtension(tx, a, *x, event, pim.System, "", "")
}

// settleExtension takes a waiting extension to an end that is no approval.
func settleExtension(tx *store.Tx, a pim.Activation, x pim.Extension, event pim.ActivationEvent, actor, words, stepUpID string) error {
	next, ok := pim.NextExtensionState(x.State, event)
	if !ok {
		return movedOn(a, "This extension no longer waits: it is %s.", extensionWords(x.State))
	}
	x.State, x.DecidedAt, x.DecidedBy, x.Decision, x.DecisionID = next, tx.Now, actor, words, stepUpID
	if err := tx.DecideExtension(x); err != nil {
		return moved(err)
	}
	tx.Emit(pim.ExtensionDecided(a, x))
	return nil
}

func extensionWords(s pim.ExtensionState) string {
	words := map[pim.ExtensionState]string{pim.ExtensionTimedOut: "timed out", pim.ExtensionEnded: "over with its activation"}
	if w, ok := words[s]; ok {
		return w
	}
	return string(s)
}

// CancelExtension takes a waiting extension back; the activation goes on to its old end.
func (b *Broker) CancelExtension(ctx context.Context, actor Actor, id string) (activationID string, err error) {
	return write(ctx, b, func(tx *store.Tx) (string, error) {
		x, err := tx.Extension(id)
		if err != nil {
			return "", found(err)
		}
		a, err := ownActivation(tx.Reader, actor, x.ActivationID)
		if err != nil {
			return "", err
		}
		return a.ID, settleExtension(tx, a, x, pim.OnCanceled, actor.PrincipalID, "", "")
	})
}

func (b *Broker) timeOutExtensions(tx *store.Tx) (int, error) {
	due, err := tx.ExtensionsDue(chunk)
	if err != nil {
		return 0, err
	}
	for _, x := range due {
		a, err := tx.Activation(x.ActivationID)
		if err != nil {
			return 0, err
		}
		if err := settleExtension(tx, a, x, pim.OnTimedOut, pim.System, "", ""); err != nil {
			return 0, err
		}
		if err := tellHolder(tx, a, "Nobody decided in time to extend", ". It ends as before."); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}
