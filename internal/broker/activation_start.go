package broker

import (
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

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
