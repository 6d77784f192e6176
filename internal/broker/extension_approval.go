package broker

import (
	"context"
	"errors"
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// asksBy is the activation as the one who decides its extension must see it: with those who were one person with
// the holder when the extension was asked for.
func asksBy(a pim.Activation, x pim.Extension) pim.Activation {
	a.Verdicts = append(append([]pim.Verdict{}, a.Verdicts...), x.Verdicts...)
	return a
}

// MayDecideExtension returns nil when this person may decide the extension now.
func MayDecideExtension(r *store.Reader, who pim.Principal, x pim.Extension) (pim.Activation, error) {
	a, err := r.Activation(x.ActivationID)
	if err != nil {
		return a, found(err)
	}
	return a, MayDecide(r, who, asksBy(a, x))
}

// ExtensionQueueOf lists the extensions that wait for a person's decision, oldest first.
func ExtensionQueueOf(r *store.Reader, principalID string, limit int) ([]pim.Extension, error) {
	waiting, err := r.ExtensionsWaiting(maxExtensionQueue)
	if err != nil || len(waiting) == 0 {
		return nil, err // the usual case
	}
	who, err := r.Principal(principalID)
	if err != nil {
		return nil, err
	}
	places, err := namedAt(r, who.ID, waitingPlaces(waiting))
	var mine []pim.Extension
	for _, w := range waiting {
		if err != nil || len(mine) == limit {
			break
		}
		if !slices.Contains(places, w.Place) {
			continue
		}
		x, may, failed := decidableExtensionBy(r, who, w.ID)
		if err = failed; may {
			mine = append(mine, x)
		}
	}
	return mine, err
}

func waitingPlaces(waiting []store.WaitingAt) (places [][2]string) {
	for _, w := range waiting {
		if !slices.Contains(places, w.Place) {
			places = append(places, w.Place)
		}
	}
	return places
}

// maxExtensionQueue bounds how many waiting extensions are looked at: each waits at most until its activation ends.
const maxExtensionQueue = 1000

func decidableExtensionBy(r *store.Reader, who pim.Principal, id string) (pim.Extension, bool, error) {
	x, err := r.Extension(id)
	if err != nil {
		return x, false, err
	}
	_, err = MayDecideExtension(r, who, x)
	var refusal *pim.Refusal
	if errors.As(err, &refusal) {
		return x, false, nil
	}
	return x, err == nil, err
}

// DecideExtension begins an approver's decision on an extension and asks for their passkey.
func (b *Broker) DecideExtension(ctx context.Context, actor Actor, id string, approve bool, justification string) (Outcome, error) {
	ceremony, random, salt := NewID(), randomBytes(32), randomBytes(32)
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		who, err := person(tx.Reader, actor)
		if err != nil {
			return Outcome{}, err
		}
		x, a, err := decidableExtension(tx, who, id)
		if err != nil {
			return Outcome{}, err
		}
		if problem := pim.CheckJustification(justification, true); problem != "" { // V-04: on approve and on deny
			return Outcome{}, pim.Invalid("justification", "%s", problem)
		}
		p := pending{Items: []pim.StepUpItem{extensionDecisionItem(x, a, approve, justification, salt)}, Salt: salt, Reason: justification}
		return b.begin(tx, actor, who, p, ceremony, random, "/approvals/extensions/"+id)
	})
}

func extensionDecisionItem(x pim.Extension, a pim.Activation, approve bool, justification string, salt []byte) pim.StepUpItem {
	action := pim.ActionDenyExtension
	if approve {
		action = pim.ActionApproveExtension
	}
	return pim.StepUpItem{Action: action, Object: x.ID, Version: x.Version, RoleID: a.RoleID, ResourceID: a.ResourceID, Duration: int64(x.Duration.Seconds()),
		Until: micros(x.EndsAt), Commitment: commitReason(salt, justification)}
}

func decidableExtension(tx *store.Tx, who pim.Principal, id string) (pim.Extension, pim.Activation, error) {
	x, err := tx.Extension(id)
	if err != nil {
		return x, pim.Activation{}, found(err)
	}
	a, err := tx.Activation(x.ActivationID)
	if err != nil {
		return x, a, found(err)
	}
	if err := mayDecide(tx, who, asksBy(a, x), x.ID); err != nil {
		return x, a, err
	}
	if x.State != pim.ExtensionPending || !tx.Now.Before(x.TimesOutAt) {
		return x, a, extensionDecided(tx.Reader, x, a)
	}
	return x, a, nil
}

// extensionDecided tells the second one who was first (V-01, EC-07).
func extensionDecided(r *store.Reader, x pim.Extension, a pim.Activation) error {
	if x.State == pim.ExtensionPending {
		return movedOn(a, "This extension timed out before you decided.")
	}
	names, err := r.Names([]string{x.DecidedBy})
	if err != nil {
		return err
	}
	if name := names[x.DecidedBy]; name != "" {
		return movedOn(a, "%s already settled this at %s: it is %s.", name, x.DecidedAt.UTC().Format("15:04:05 UTC"), extensionWords(x.State))
	}
	return movedOn(a, "This extension no longer waits: it is %s.", extensionWords(x.State))
}

// decideExtensionConfirmed records the decision a passkey confirmed.
func (b *Broker) decideExtensionConfirmed(ctx context.Context, actor Actor, p pending, su pim.StepUp) (Outcome, error) {
	item := p.Items[0]
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		who, err := confirmed(tx, actor, p, su)
		if err != nil {
			return Outcome{}, err
		}
		x, a, err := decidableExtension(tx, who, item.Object)
		if err != nil {
			return Outcome{}, err
		}
		approve := item.Action == pim.ActionApproveExtension
		if extensionDecisionItem(x, a, approve, p.Reason, p.Salt) != item {
			return Outcome{}, movedOn(a, "The extension changed since you confirmed. Look at it again.")
		}
		out := Outcome{ActivationID: a.ID, Back: "/approvals", Done: "Approved."}
		if approve {
			return out, b.extensionApproved(tx, who, a, x, p.Reason, su)
		}
		out.Done = "Denied."
		if err := settleExtension(tx, a, x, pim.OnDenied, who.ID, p.Reason, su.CeremonyID); err != nil {
			return out, err
		}
		return out, tellHolder(tx, a, who.Name+" denied to extend", ", it ends as before: "+p.Reason)
	})
}

// extensionApproved moves the end by the stricter of the rules then and now, with everything else checked again
// (invariant 3, T12): the new end may come earlier than what was asked for, never later.
func (b *Broker) extensionApproved(tx *store.Tx, who pim.Principal, a pim.Activation, x pim.Extension, words string, su pim.StepUp) error {
	f, err := b.factsOf(tx.Reader, a)
	if err != nil {
		return err
	}
	if f.Paused != "" {
		return pim.Refuse(pim.KindPaused, "%s", f.Paused)
	}
	if err := keyCounts(tx.Reader, who, f.Role, su); err != nil {
		return err
	}
	if !a.ActiveAt(tx.Now) {
		return movedOn(a, "The activation is over; nothing is left to extend.")
	}
	if !f.Person.Enabled || !f.Belongs || !f.Assignment.InForceAt(tx.Now) {
		return pim.Refuse(pim.KindConflict, "The requester is disabled or no longer eligible.")
	}
	rules := a.Settings.Stricter(x.Settings.Settings).Stricter(f.Effective.Settings)
	asked := pim.ActivationRequest{Justification: x.Justification, TicketNumber: x.TicketNumber}
	problem, err := tightened(tx.Reader, asked, x.StepUpID, x.Context, f.Role, rules)
	if err != nil {
		return err
	}
	if problem != "" {
		return pim.Refuse(pim.KindConflict, "%s", problem)
	}
	end := pim.ExtendedEnd(a, x.Duration, rules, f.ActivationFacts)
	if x.EndsAt.Before(end) {
		end = x.EndsAt
	}
	if !end.After(a.EndsAt) {
		return movedOn(a, "It cannot end later any more: less is allowed since this was asked for.")
	}
	x.State, x.FromEnd, x.EndsAt, x.MaxTotal = pim.ExtensionApproved, a.EndsAt, end, rules.MaxTotal
	x.DecidedAt, x.DecidedBy, x.Decision, x.DecisionID = tx.Now, who.ID, words, su.CeremonyID
	if err := tx.DecideExtension(x); err != nil {
		return moved(err)
	}
	tx.Emit(pim.ExtensionDecided(a, x).With("evidence", su.Digest()))
	if err := extend(tx, a, x, who.ID); err != nil {
		return err
	}
	return tellHolder(tx, a, who.Name+" extended", " to "+pim.FormatInstant(x.EndsAt)+".")
}
