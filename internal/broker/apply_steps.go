package broker

import (
	"errors"
	"fmt"

	"stint/internal/pim"
	"stint/internal/store"
)

// applying is a transaction in which steps are made.
type applying struct {
	b         *Broker
	tx        *store.Tx
	prepare   bool            // assignments are made, and opened later
	redefined bool            // what roles mean has changed
	groups    map[string]bool // groups whose members, direct or nested, have changed
	anew      []stake         // privileged roles that somebody who came in approves from now on
	accounts  []pim.Principal // workloads whose account changed
}

// make makes steps with everything that follows from them, and keeps the last administrator.
func (b *Broker) make(tx *store.Tx, steps []step, prepare bool) error {
	before, err := ableAdministrators(tx.Reader)
	if err != nil {
		return err
	}
	a := &applying{b: b, tx: tx, prepare: prepare, groups: map[string]bool{}}
	for _, s := range steps {
		if err := s.do(a); err != nil {
			return fmt.Errorf("%s: %w", s.Text, err)
		}
	}
	if err := a.finish(); err != nil {
		return err
	}
	after, err := ableAdministrators(tx.Reader)
	if err == nil && len(before) > 0 && len(after) == 0 {
		err = errors.New("after this nobody able to administer Stint would be left (EC-16). Make somebody else able first, with a passkey of their own")
	}
	return err
}

// finish follows what changed beneath assignments: activations whose eligibility no longer holds end (EC-11),
// active assignments are followed at their targets.
func (a *applying) finish() error {
	if err := errors.Join(a.tellAnew(), a.tellOfAccounts()); err != nil {
		return err
	}
	groups := make([]string, 0, len(a.groups))
	for id := range a.groups {
		groups = append(groups, id)
	}
	if err := a.b.followGroups(a.tx, groups); err != nil {
		return err
	}
	if !a.redefined {
		return nil
	}
	if err := a.b.recheckNarrower(a.tx); err != nil {
		return err
	}
	return a.b.resumeIn(a.tx)
}

// resumeIn lets activations that still wait for the target, and active assignments, follow what roles mean now.
func (b *Broker) resumeIn(tx *store.Tx) error {
	waiting, err := tx.ProvisioningActivations()
	if err != nil {
		return err
	}
	for _, act := range waiting {
		if err := ensureActivationNeeds(tx, act); err != nil {
			return err
		}
		if _, err := confirmIfSeen(tx, act); err != nil {
			return err
		}
	}
	active, err := tx.ActiveAssignments()
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

// touch remembers a group and all that contain it.
func (a *applying) touch(groupID string) error {
	up, err := a.tx.GroupsOf(groupID)
	for _, id := range up {
		a.groups[id] = true
	}
	return err
}

// updatePrincipal changes the row as it is now: other steps of the same file may have changed it before.
func (a *applying) updatePrincipal(id string, change func(*pim.Principal)) error {
	h, err := a.tx.Principal(id)
	if err != nil {
		return err
	}
	change(&h)
	return a.tx.UpdatePrincipal(h)
}

// endAll disables a person and ends everything they hold.
func (a *applying) endAll(id string) error {
	if err := a.updatePrincipal(id, func(h *pim.Principal) { h.Enabled = false }); err != nil {
		return err
	}
	h, err := a.tx.Principal(id)
	if err != nil {
		return err
	}
	return a.b.endAllOf(a.tx, h, pim.System)
}

// dropAccount takes an account away: activations that hold something through it end.
func (a *applying) dropAccount(row pim.Account) error {
	if h, err := a.tx.Principal(row.PrincipalID); err == nil {
		if err := a.endThrough(h, row); err != nil {
			return err
		}
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := a.tx.RemoveAccount(row.ID); err != nil {
		return err
	}
	return syncAssignmentNeedsOf(a.tx, row.PrincipalID)
}

func (a *applying) endThrough(h pim.Principal, row pim.Account) error {
	open, err := a.tx.OpenActivationsBy(h.ID)
	if err != nil {
		return err
	}
	for _, act := range open {
		through, err := a.holdsThrough(act, row)
		if err == nil && through {
			err = a.b.end(a.tx, act, pim.OnRevoked, pim.System, "The account at the target was changed. Activate again.", "")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *applying) holdsThrough(act pim.Activation, row pim.Account) (bool, error) {
	if act.PrincipalID != row.PrincipalID || !act.State.Holds() || row.ExternalID == "" {
		return false, nil
	}
	needs, err := a.tx.NeedsOf(act.ID)
	if err != nil {
		return false, err
	}
	for _, n := range needs {
		g, err := a.tx.Grant(n.GrantID)
		if err != nil || g.TargetID == row.TargetID && g.AccountID == row.ExternalID {
			return err == nil, err
		}
	}
	return false, nil
}

// addAssignment makes an assignment; a large file's are opened later, all at once.
func (a *applying) addAssignment(asg pim.Assignment) error {
	if !asg.StartsAt.After(a.tx.Now) { // nobody holds yet what begins later
		asg.StartsAt = a.tx.Now
		if a.prepare {
			asg.StartsAt = store.Unopened
		}
	}
	a.tx.Emit(pim.AssignmentMade(pim.EvAssignmentMade, opened(asg), pim.System, ""))
	if err := a.tx.InsertAssignment(asg); err != nil {
		return err
	}
	return a.follow(asg)
}

// follow makes the grants of an active assignment follow it.
func (a *applying) follow(asg pim.Assignment) error {
	if asg.Kind != pim.Active {
		return nil
	}
	return syncAssignment(a.tx, asg)
}
