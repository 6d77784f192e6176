package broker

import (
	"errors"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// want finds or makes the grant of a fact and adds a need to it; it is due now.
func want(tx *store.Tx, f fact, n pim.GrantNeed) error {
	g, err := tx.GrantOf(f.targetID, f.accountID, f.entitlementID)
	if err != nil {
		return err
	}
	if g == nil {
		return wantNew(tx, f, n)
	}
	n.GrantID = g.ID
	if err := tx.InsertNeed(n); err != nil {
		return err
	}
	return recount(tx, *g)
}

// wantNew makes the grant of a fact nobody needed before.
func wantNew(tx *store.Tx, f fact, n pim.GrantNeed) error {
	g := store.GrantRow{AccountName: f.accountName, Entitlement: f.entitlement, Grant: pim.Grant{ID: NewID(), TargetID: f.targetID,
		AccountID: f.accountID, EntitlementID: f.entitlementID, Before: pim.Unknown, Seen: pim.Unknown, Version: 1}}
	wanted, until, _ := pim.Wanted([]pim.GrantNeed{n}, tx.Now)
	if wanted {
		g.Grant = g.Apply(pim.GrantNeeded, tx.Now, 0)
	}
	g.WantedUntil, g.DueAt, g.LateSince = until, tx.Now, tx.Now
	if err := tx.InsertGrant(g); err != nil {
		return err
	}
	n.GrantID = g.ID
	tx.LeadsTo(g.ID)
	return tx.InsertNeed(n)
}

// recount folds the needs of a grant, lets it be wanted or not, and makes it due now.
func recount(tx *store.Tx, g store.GrantRow) error {
	needs, err := tx.OpenNeeds(g.ID)
	if err != nil {
		return err
	}
	wanted, until, _ := pim.Wanted(needs, tx.Now)
	if wanted {
		g.Grant = g.Apply(pim.GrantNeeded, tx.Now, 0)
		g.WantedUntil = until
	} else if g.Wanted {
		if g.Lost {
			err = closeLost(tx, heldOf(g.Grant), pim.EndedNeed, true)
		}
		g.Grant = g.Apply(pim.GrantUnneeded, tx.Now, 0)
	}
	if err != nil {
		return err
	}
	if g.LateSince.IsZero() && !g.Settled(tx.Now) {
		g.LateSince = tx.Now
	}
	g.DueAt, g.Tries = tx.Now, 0
	tx.LeadsTo(g.ID)
	return tx.SaveGrant(g)
}

// ensureActivationNeeds adds what is missing, so that it can be called again whenever more is known.
func ensureActivationNeeds(tx *store.Tx, a pim.Activation) error {
	to, err := reachOf(tx.Reader, a.PrincipalID, a.RoleID, a.ResourceID)
	if err != nil {
		return err
	}
	have, err := tx.NeedsOf(a.ID)
	if err != nil {
		return err
	}
	has := map[string]bool{}
	for _, n := range have {
		has[n.GrantID] = true
	}
	for _, f := range to.facts {
		g, err := tx.GrantOf(f.targetID, f.accountID, f.entitlementID)
		if err != nil {
			return err
		}
		if g != nil && has[g.ID] {
			continue
		}
		if err := want(tx, f, pim.GrantNeed{ActivationID: a.ID, StartsAt: a.StartsAt, EndsAt: a.EndsAt}); err != nil {
			return err
		}
	}
	return nil
}

// confirmIfSeen makes a provisioning activation active once everything it needs was read back. A role
// without a meaning at a target holds at once.
func confirmIfSeen(tx *store.Tx, a pim.Activation) (bool, error) {
	if a.State != pim.Provisioning {
		return false, nil
	}
	to, err := reachOf(tx.Reader, a.PrincipalID, a.RoleID, a.ResourceID)
	if err != nil || !to.complete {
		return false, err
	}
	needs, err := tx.NeedsOf(a.ID)
	if err != nil || len(needs) < len(to.facts) {
		return false, err
	}
	for _, n := range needs {
		g, err := tx.Grant(n.GrantID)
		if err != nil || g.Seen != pim.Present || !g.Confirmed {
			return false, err
		}
	}
	return true, confirm(tx, a)
}

func confirm(tx *store.Tx, a pim.Activation) error {
	from := a.State
	a.State, a.ConfirmedAt = pim.ActiveConfirmed, tx.Now
	if err := tx.MoveActivation(from, a); err != nil {
		return moved(err)
	}
	tx.Emit(pim.ActivationConfirmed(a))
	return nil
}

// endNeeds ends what an activation needs; each grant follows from what others still need.
func endNeeds(tx *store.Tx, a pim.Activation) error {
	needs, err := tx.NeedsOf(a.ID)
	if err != nil {
		return err
	}
	return letGo(tx, needs, a.EndedAt)
}

func letGo(tx *store.Tx, needs []pim.GrantNeed, when time.Time) error {
	return changeNeeds(tx, needs, func(n *pim.GrantNeed) { n.EndedAt = when })
}

// changeNeeds changes what has not ended of needs, and counts their grants anew.
func changeNeeds(tx *store.Tx, needs []pim.GrantNeed, change func(*pim.GrantNeed)) error {
	for _, n := range needs {
		if !n.EndedAt.IsZero() {
			continue
		}
		change(&n)
		if err := tx.SaveNeed(n); err != nil {
			return err
		}
		g, err := tx.Grant(n.GrantID)
		if err != nil {
			return err
		}
		if err := recount(tx, g); err != nil {
			return err
		}
	}
	return nil
}

// settleNeeds tells every ended need of a grant how the grant was found.
func settleNeeds(tx *store.Tx, g store.GrantRow) error {
	needs, err := tx.OpenNeeds(g.ID)
	if err != nil || g.OutcomeOf(tx.Now) == pim.OutcomeNone {
		return err
	}
	for _, n := range needs {
		if n.NeededAt(tx.Now) || n.StartsAt.After(tx.Now) {
			continue
		}
		if n.ActivationID != "" {
			err = settleTogether(tx, n.ActivationID)
		} else {
			err = tx.SaveNeed(settled(n, g, needs, tx.Now))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settleTogether settles the needs of an activation that is over at one instant, when each of its grants
// is accounted for: another activation may want one again before the last one is clean, and what the
// story's end says of each is what was seen of it last (THREATS §5).
func settleTogether(tx *store.Tx, activationID string) error {
	a, err := tx.Activation(activationID)
	if err != nil || !a.Ending() {
		return err
	}
	needs, err := tx.NeedsOf(a.ID)
	if err != nil {
		return err
	}
	for i, n := range needs {
		g, err := tx.Grant(n.GrantID)
		if err != nil || g.OutcomeOf(tx.Now) == pim.OutcomeNone {
			return err
		}
		others, err := tx.OpenNeeds(g.ID)
		if err != nil {
			return err
		}
		needs[i] = settled(n, g, others, tx.Now)
	}
	for _, n := range needs {
		if err := tx.SaveNeed(n); err != nil {
			return err
		}
	}
	return settleActivation(tx, a)
}

// settled is a need with how its grant was found.
func settled(n pim.GrantNeed, g store.GrantRow, others []pim.GrantNeed, now time.Time) pim.GrantNeed {
	n.Outcome, n.SettledAt = g.OutcomeOf(now), now
	if n.Outcome == pim.OutcomeShared {
		n.SharedWith = sharer(others, now)
	}
	if n.EndedAt.IsZero() {
		n.EndedAt = n.EndsAt
	}
	return n
}

// sharer names the need that ends last among those that still hold the grant.
func sharer(needs []pim.GrantNeed, now time.Time) string {
	var best pim.GrantNeed
	for _, n := range needs {
		if n.NeededAt(now) && (best.GrantID == "" || n.EndsAt.IsZero() || n.EndsAt.After(best.EndsAt) && !best.EndsAt.IsZero()) {
			best = n
		}
	}
	if best.ActivationID != "" {
		return best.ActivationID
	}
	return best.AssignmentID
}

// settleActivation closes the story of an activation that is over once all its grants are accounted for.
func settleActivation(tx *store.Tx, a pim.Activation) error {
	if !a.Ending() {
		return nil
	}
	needs, err := tx.NeedsOf(a.ID)
	if err != nil {
		return err
	}
	outcomes := map[string]pim.Outcome{}
	for _, n := range needs {
		if n.SettledAt.IsZero() {
			return nil
		}
		outcomes[n.GrantID] = n.Outcome
	}
	a.SettledAt = tx.Now
	if err := tx.MoveActivation(a.State, a); err != nil {
		return moved(err)
	}
	tx.Emit(pim.ActivationSettled(a, outcomes))
	return nil
}

// syncAssignment makes the grants of an active assignment follow from who is in it now.
func syncAssignment(tx *store.Tx, asg pim.Assignment) error {
	wanted := map[fact]bool{}
	if asg.Kind == pim.Active && asg.InForceAt(tx.Now) {
		holders, err := tx.HoldersIn([]string{asg.PrincipalID})
		if err != nil {
			return err
		}
		for _, p := range holders {
			to, err := reachOf(tx.Reader, p.ID, asg.RoleID, asg.ResourceID)
			if err != nil {
				return err
			}
			for _, f := range to.facts {
				wanted[f] = true
			}
		}
	}
	return followFacts(tx, asg, wanted)
}

func followFacts(tx *store.Tx, asg pim.Assignment, wanted map[fact]bool) error {
	needs, err := tx.NeedsOfAssignment(asg.ID)
	if err != nil {
		return err
	}
	keep := map[string]bool{}
	for f := range wanted {
		g, err := tx.GrantOf(f.targetID, f.accountID, f.entitlementID)
		if err != nil {
			return err
		}
		if g != nil {
			keep[g.ID] = true
			if holds(needs, g.ID, asg) {
				continue
			}
		}
		if err := want(tx, f, pim.GrantNeed{AssignmentID: asg.ID, StartsAt: asg.StartsAt, EndsAt: asg.EndsAt}); err != nil {
			return err
		}
	}
	var surplus []pim.GrantNeed
	for _, n := range needs {
		if !keep[n.GrantID] && n.EndedAt.IsZero() && n.SettledAt.IsZero() {
			surplus = append(surplus, n)
		}
	}
	return letGo(tx, surplus, tx.Now)
}

func holds(needs []pim.GrantNeed, grantID string, asg pim.Assignment) bool {
	for _, n := range needs {
		if n.GrantID == grantID && n.EndedAt.IsZero() && n.EndsAt.Equal(asg.EndsAt) {
			return true
		}
	}
	return false
}

// syncAssignmentNeedsOf does syncAssignment for every active assignment that reaches a person, now or
// until now.
func syncAssignmentNeedsOf(tx *store.Tx, principalID string) error {
	active, err := tx.AssignmentsReaching(principalID)
	if err != nil {
		return err
	}
	for _, asg := range active {
		if err := syncAssignment(tx, asg); err != nil {
			return err
		}
	}
	return nil
}

// recheck ends the open activations of a person whose eligibility no longer holds, and lets active
// assignments follow (A-20, EC-11).
func (b *Broker) recheck(tx *store.Tx, p pim.Principal) error {
	open, err := tx.OpenActivationsBy(p.ID)
	if err != nil {
		return err
	}
	for _, a := range open {
		if err := b.recheckActivation(tx, a); err != nil {
			return err
		}
	}
	return syncAssignmentNeedsOf(tx, p.ID)
}

// recheckActivation ends one open activation whose eligibility no longer holds.
func (b *Broker) recheckActivation(tx *store.Tx, a pim.Activation) error {
	if _, holds, err := stillEligible(tx.Reader, a); err != nil || holds {
		return err
	}
	return b.end(tx, a, pim.OnEligibilityEnded, pim.System, "", "")
}

// stillEligible reports whether what an activation rests on still holds: the person is enabled, the
// assignment in force, and the person's own or of a group they are in.
func stillEligible(r *store.Reader, a pim.Activation) (pim.Assignment, bool, error) {
	asg, err := r.Assignment(a.AssignmentID)
	if err != nil {
		return asg, false, err
	}
	who, err := r.Principal(a.PrincipalID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !who.Enabled {
		return asg, false, nil
	}
	if err != nil {
		return asg, false, err
	}
	if !asg.InForceAt(r.Now) {
		return asg, false, nil
	}
	if below, err := stillBelow(r, asg, a.ResourceID); err != nil || !below {
		return asg, false, err
	}
	belongs, err := r.Within(a.PrincipalID, asg.PrincipalID)
	return asg, belongs, err
}
