package broker

import (
	"fmt"
	"slices"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
)

// lockedOut refuses a change after which nobody could get a role any more (K-28, EC-15, S-42), and says what is risky.
func (c weighedSettings) lockedOut(r *store.Reader) (warnings []string, err error) {
	for i, p := range c.places {
		if !p.is.Approval || i > 0 && p.was.Approval && !slices.Contains(p.is.Differs(p.was.Settings), pim.FieldApprovers) {
			continue
		}
		said, err := c.approvable(r, p)
		if err != nil {
			return nil, err
		}
		for _, w := range said {
			if !slices.Contains(warnings, w) {
				warnings = append(warnings, w)
			}
		}
	}
	said, err := c.lastAdministrator(r)
	return append(warnings, said...), err
}

// lockOut refuses what would lock everybody out; it is no slip in the form, and leaves an event.
func lockOut(format string, args ...any) *pim.Refusal {
	refusal := pim.Refuse(pim.KindConflict, format, args...)
	refusal.Field = string(pim.FieldApprovers)
	return refusal
}

// approvable looks whether anybody could approve at a place, and for whom nobody could (EC-06).
func (c weighedSettings) approvable(r *store.Reader, p settingsPlace) ([]string, error) {
	if len(p.is.Approvers) == 0 {
		return nil, lockOut("Approval is asked for%s and nobody is named. Name an approver, at best two, or do not ask for approval.", c.where(p))
	}
	able, err := r.AbleIn(p.is.Approvers, enoughApprovers)
	if err != nil {
		return nil, err
	}
	if len(able) == 0 {
		return nil, lockOut("Nobody could approve%s: of those named nobody is enabled and has a passkey, or their groups are empty. Name somebody who can.", c.where(p))
	}
	same, err := samePeople(r, able[0].ID)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(able, func(o pim.Principal) bool { return !same[o.ID] }) {
		return nil, nil
	}
	return c.onlyOne(r, p, able[0], same)
}

// enoughApprovers is how many able approvers are looked at: one person may have several accounts.
const enoughApprovers = 20

// onlyOne refuses when everybody who is eligible is the only approver, and else warns: nobody approves for themselves.
func (c weighedSettings) onlyOne(r *store.Reader, p settingsPlace, only pim.Principal, same map[string]bool) ([]string, error) {
	eligible, err := r.EligiblePeople(c.role.ID, p.path, nil, enoughApprovers)
	if err != nil {
		return nil, err
	}
	others := slices.ContainsFunc(eligible, func(e pim.Principal) bool { return !same[e.ID] })
	themselves := slices.ContainsFunc(eligible, func(e pim.Principal) bool { return same[e.ID] })
	if themselves && !others && len(eligible) < enoughApprovers {
		return nil, lockOut("Only %s could approve%s, who is also the only one eligible, and nobody approves for themselves. Name somebody else.", only.Name, c.where(p))
	}
	said := fmt.Sprintf("Only %s can approve%s: nobody can approve for %s, and nobody at all while they are away. Name at least two.", only.Name, c.where(p), only.Name)
	return []string{said}, nil
}

// where names a place that is not the node the change is made at.
func (c weighedSettings) where(p settingsPlace) string {
	if len(p.path) == 0 || p.path.Leaf().ID == c.row.ResourceID {
		return ""
	}
	return " at " + p.path.Leaf().Name
}

// lastAdministrator keeps somebody able to administer Stint (S-42, DESIGN §3), and warns when it is the last one.
func (c weighedSettings) lastAdministrator(r *store.Reader) ([]string, error) {
	if c.role.ID != pim.RoleAdministrator {
		return nil, nil
	}
	path, err := r.Path(pim.StintResource)
	if err != nil {
		return nil, err
	}
	before, err := ableAdministrators(r)
	if err != nil {
		return nil, err
	}
	after := pim.ResolveSettings(c.role, path, append(exceptAt(c.rows, c.row.ResourceID), c.row))
	standing, err := r.Standing(pim.RoleAdministrator)
	if err != nil {
		return nil, err
	}
	able, err := ableUnder(r, standing, after)
	switch {
	case err != nil || len(before) == 0:
		return nil, err
	case len(able) == 0:
		return nil, whyUnable(r, standing, after)
	case len(able) == 1 && len(before) > 1:
		return []string{"After this only one person would be able to administer Stint."}, nil
	}
	return nil, nil
}

// whyUnable refuses settings under which nobody could administer Stint, and says what they lack.
func whyUnable(r *store.Reader, standing []pim.Assignment, eff pim.Effective) error {
	unasked := eff
	unasked.Approval = false
	able, err := ableUnder(r, standing, unasked)
	switch {
	case err != nil:
		return err
	case len(able) > 0:
		return lockOut("After this nobody would be able to administer Stint: whoever may activate the role could not get it approved. Name approvers who are not the only administrators.")
	}
	refusal := lockOut("After this nobody would be able to administer Stint: nobody who may activate the role has a passkey that stays on its device, of a trusted make. Let one of them add one first.")
	refusal.Field = string(pim.FieldStepUp)
	return refusal
}

// exceptAt leaves the row of one node out.
func exceptAt(rows []pim.RoleSettings, resourceID string) []pim.RoleSettings {
	return slices.DeleteFunc(slices.Clone(rows), func(o pim.RoleSettings) bool { return o.ResourceID == resourceID })
}

// cannotSatisfy names the people who may activate and have nothing to confirm with (P-13).
func (c weighedSettings) cannotSatisfy(r *store.Reader) ([]string, error) {
	lacking, what := pim.KeyRule{}, "without a passkey could not activate until they make one"
	tighter := false
	for _, p := range c.places {
		if p.was.StepUp == p.is.StepUp || !p.is.StepUp.Asks() {
			continue
		}
		if tighter = true; p.is.StepUp == pim.StepUpAttested {
			var err error
			if lacking, err = keyRule(r); err != nil {
				return nil, err
			}
			what = "without a passkey that stays on its device, of a trusted make, could not activate until they add one"
		}
	}
	if !tighter {
		return nil, nil
	}
	n, err := r.CountEligiblePeople(c.role.ID, c.path, &lacking)
	if err != nil || n == 0 {
		return nil, err
	}
	some, err := r.EligiblePeople(c.role.ID, c.path, &lacking, 5)
	return []string{fmt.Sprintf("%s %s: %s.", pim.Plural(n, "eligible person", "eligible people"), what, nameList(some, n))}, err
}

func nameList(people []pim.Principal, all int64) string {
	names := make([]string, len(people))
	for i, p := range people {
		names[i] = p.Name
	}
	out := strings.Join(names, ", ")
	if more := all - int64(len(people)); more > 0 {
		out += fmt.Sprintf(" and %d more", more)
	}
	return out
}
