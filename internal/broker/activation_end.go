package broker

import (
	"context"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

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
		who, err := person(tx.Reader, actor)
		if err != nil {
			return Outcome{}, err
		}
		a, err := tx.Activation(id)
		if err != nil {
			return Outcome{}, found(err)
		}
		if err := endsOthers(tx.Reader, who, a); err != nil {
			return Outcome{}, err
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
		who, err := person(tx.Reader, actor)
		if err != nil {
			return Outcome{}, err
		}
		a, err := tx.Activation(p.Items[0].Object)
		if err != nil {
			return Outcome{}, found(err)
		}
		if err := endsOthers(tx.Reader, who, a); err != nil {
			return Outcome{}, err
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
