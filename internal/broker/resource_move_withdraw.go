package broker

import (
	"stint/internal/pim"
	"stint/internal/store"
)

// meant are the entitlements that roles mean at a node and below, by the target's id.
func meant(r *store.Reader, id string) (map[string]bool, error) {
	s, err := standsAt(r, id)
	out := map[string]bool{}
	for _, id := range meantIDs(s.meanings) {
		out[id] = true
	}
	return out, err
}

// rejudge lets everything that rested on where a node stood follow from where it stands now: activations of it whose
// assignment is not above any more end, others let go of what they held in it, active assignments follow.
func (b *Broker) rejudge(tx *store.Tx, by string, was map[string]bool, lose, gain []pim.Assignment) error {
	if err := b.recheckNarrower(tx); err != nil {
		return err
	}
	for _, asg := range lose {
		if err := b.withdraw(tx, by, was, asg); err != nil {
			return err
		}
	}
	for _, asg := range append(append([]pim.Assignment{}, lose...), gain...) {
		if asg.Kind == pim.Active && asg.EndedAt.IsZero() {
			if err := syncAssignment(tx, asg); err != nil {
				return err
			}
		}
	}
	waiting, err := tx.ProvisioningActivations()
	for _, a := range waiting {
		if err == nil {
			err = ensureActivationNeeds(tx, a)
		}
		if err == nil {
			_, err = confirmIfSeen(tx, a)
		}
	}
	return err
}

// withdraw takes from what is active through an assignment whatever it held in a part of the tree that the assignment
// reaches no longer. What is left with nothing is over.
func (b *Broker) withdraw(tx *store.Tx, by string, was map[string]bool, asg pim.Assignment) error {
	open, err := tx.OpenActivationsUsing(asg.ID)
	if err != nil {
		return err
	}
	for _, a := range open {
		if !a.State.Holds() {
			continue
		}
		if _, err := b.withdrawFrom(tx, by, was, a); err != nil {
			return err
		}
	}
	return nil
}

// withdrawFrom is withdraw for one activation; it reports whether that lost anything.
func (b *Broker) withdrawFrom(tx *store.Tx, by string, was map[string]bool, a pim.Activation) (bool, error) {
	left, err := letGoOf(tx, a, was)
	if err == nil && left == 0 {
		err = b.end(tx, a, pim.OnEligibilityEnded, by, "What it gave was moved out of its reach.", "")
	}
	return left >= 0, err
}

// letGoOf lets go of what an activation holds of some entitlements and does not reach any more; left counts what it
// still needs, or -1 where it lost nothing.
func letGoOf(tx *store.Tx, a pim.Activation, was map[string]bool) (left int, err error) {
	to, err := reachOf(tx.Reader, a.PrincipalID, a.RoleID, a.ResourceID)
	if err != nil {
		return 0, err
	}
	reached := map[[3]string]bool{}
	for _, f := range to.facts {
		reached[[3]string{f.targetID, f.accountID, f.entitlementID}] = true
	}
	needs, err := tx.NeedsOf(a.ID)
	if err != nil {
		return 0, err
	}
	var gone []pim.GrantNeed
	for _, n := range needs {
		g, err := tx.Grant(n.GrantID)
		switch {
		case err != nil:
			return 0, err
		case !n.EndedAt.IsZero():
		case was[g.EntitlementID] && !reached[[3]string{g.TargetID, g.AccountID, g.EntitlementID}]:
			gone = append(gone, n)
		default:
			left++
		}
	}
	if len(gone) == 0 {
		return -1, nil
	}
	return left, letGo(tx, gone, tx.Now)
}
