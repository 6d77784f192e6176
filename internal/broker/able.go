package broker

import (
	"stint/internal/pim"
	"stint/internal/store"
)

// keepAdministrator refuses a change after which nobody would be able to administer Stint (A-17, EC-16). The change
// is tried and undone, so that whatever it reaches counts: a group, a passkey, an approver, two accounts that become
// one person. The caller makes it afterwards. Where nobody is able anyway, nothing is refused.
func keepAdministrator(tx *store.Tx, change func() error) error {
	var after map[string]bool
	err := tx.Would(change, func() (err error) {
		after, err = ableAdministrators(tx.Reader)
		return err
	})
	if err != nil || len(after) > 0 {
		return err
	}
	before, err := ableAdministrators(tx.Reader)
	if err == nil && len(before) > 0 {
		err = pim.Refuse(pim.KindConflict, "After this nobody would be able to administer Stint. Make another person able first: enabled, with a passkey of their own.")
	}
	return err
}

// disabling is the change of disabling somebody.
func disabling(tx *store.Tx, personID string) func() error {
	return func() error {
		p, err := tx.Principal(personID)
		if err != nil || !p.Enabled {
			return found(err)
		}
		p.Enabled = false
		return moved(tx.UpdatePrincipal(p))
	}
}

// ableAdministrators are the people able to administer (DESIGN §3): enabled, with a passkey that the role takes, and
// active, or eligible and not waiting for an approver set that is empty.
func ableAdministrators(r *store.Reader) (map[string]bool, error) {
	standing, err := r.Standing(pim.RoleAdministrator)
	if err != nil || len(standing) == 0 {
		return nil, err
	}
	_, _, eff, err := effective(r, pim.RoleAdministrator, pim.StintResource)
	if err != nil {
		return nil, err
	}
	return ableUnder(r, standing, eff)
}

// ableUnder is ableAdministrators among those standing, where other settings held.
func ableUnder(r *store.Reader, standing []pim.Assignment, eff pim.Effective) (map[string]bool, error) {
	able := map[string]bool{}
	for _, kind := range []pim.AssignmentKind{pim.Active, pim.Eligible} {
		people, err := peopleHolding(r, standing, kind)
		if err != nil {
			return nil, err
		}
		for _, p := range people {
			if able[p.ID] {
				continue
			}
			ok, err := isAble(r, p, kind == pim.Eligible, eff)
			if err != nil {
				return nil, err
			}
			if ok {
				able[p.ID] = true
			}
		}
	}
	return able, nil
}

func peopleHolding(r *store.Reader, standing []pim.Assignment, kind pim.AssignmentKind) ([]pim.Principal, error) {
	var holders []string
	for _, a := range standing {
		if a.Kind == kind && a.ResourceID == pim.StintResource {
			holders = append(holders, a.PrincipalID)
		}
	}
	if len(holders) == 0 {
		return nil, nil
	}
	return r.PeopleIn(holders)
}

// isAble reports whether a person has a passkey, where they must activate one that the role takes, and, where they must
// wait for approval, whom to wait for.
func isAble(r *store.Reader, p pim.Principal, activates bool, eff pim.Effective) (bool, error) {
	ok, err := canTouch(r, p.ID)
	if err == nil && ok && activates && eff.StepUp == pim.StepUpAttested {
		var keys []string
		keys, err = attestedKeys(r, p.ID, eff.StepUp)
		ok = len(keys) > 0
	}
	if err != nil || !ok || !activates || !eff.Approval {
		return ok, err
	}
	others, err := approversFor(r, eff.Approvers, p)
	if err != nil {
		return false, err
	}
	for _, o := range others {
		if ok, err := canTouch(r, o.ID); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// canTouch reports whether a person has a passkey at all. A new one does: quarantine holds only while somebody else
// could help (THREATS T2).
func canTouch(r *store.Reader, principalID string) (bool, error) {
	credentials, err := r.CredentialsOf(principalID)
	return len(credentials) > 0, err
}
