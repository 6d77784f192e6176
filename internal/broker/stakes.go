package broker

import (
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// stakes are what being in a group gives: what it and the groups around it are assigned, and whose requests its
// members decide.
type stakes struct {
	up       []string // the group, and every group around it
	holds    []stake
	approves []stake
}

// stake is one role that a group has to do with.
type stake struct {
	role       pim.RoleDefinition
	resourceID string
	name       string // role and resource in words
	through    string // the group that is assigned, or named
	kind       pim.AssignmentKind
	assignment pim.Assignment
	others     []string // of an approval: everybody named with it
}

func stakesOf(r *store.Reader, groupID string) (s stakes, err error) {
	if s.up, err = r.GroupsOf(groupID); err != nil {
		return s, err
	}
	assigned, err := r.AssignmentsOf(s.up...)
	if err != nil {
		return s, err
	}
	for _, asg := range assigned {
		k, err := stakeAt(r, asg.RoleID, asg.ResourceID)
		if err != nil {
			return s, err
		}
		k.through, k.kind, k.assignment = asg.PrincipalID, asg.Kind, asg
		s.holds = append(s.holds, k)
	}
	rules, err := r.AllSettings()
	if err != nil {
		return s, err
	}
	for _, rule := range rules {
		for _, id := range rule.Approvers {
			if !slices.Contains(s.up, id) {
				continue
			}
			k, err := stakeAt(r, rule.RoleID, rule.ResourceID)
			if err != nil {
				return s, err
			}
			k.through, k.others = id, rule.Approvers
			s.approves = append(s.approves, k)
		}
	}
	return s, nil
}

func stakeAt(r *store.Reader, roleID, resourceID string) (k stake, err error) {
	k.resourceID = resourceID
	if k.role, err = r.Role(roleID); err != nil {
		return k, err
	}
	k.name = k.role.Name
	if resourceID == "" {
		return k, nil
	}
	res, err := r.Resource(resourceID)
	k.name += " on " + res.Name
	return k, err
}

// gives reports whether members get anything by being in the group.
func (s stakes) gives() bool { return len(s.holds)+len(s.approves) > 0 }

// privileged reports whether any of it is about a privileged role.
func (s stakes) privileged() bool {
	return slices.ContainsFunc(append(s.holds[:len(s.holds):len(s.holds)], s.approves...), func(k stake) bool { return k.role.Privileged })
}

// administer reports whether any of it is about who administers Stint.
func (s stakes) administer() bool {
	return slices.ContainsFunc(append(s.holds[:len(s.holds):len(s.holds)], s.approves...), func(k stake) bool { return k.role.ID == pim.RoleAdministrator })
}

func (s stakes) approvedRoles() (ids []string) {
	for _, k := range s.approves {
		ids = append(ids, k.role.ID)
	}
	return slices.Compact(slices.Sorted(slices.Values(ids)))
}

// sentences say what members get.
func (s stakes) sentences() (says []string) {
	var may, hold, decide []string
	for _, k := range s.holds {
		if k.kind == pim.Active {
			hold = append(hold, k.name)
		} else {
			may = append(may, k.name)
		}
	}
	for _, k := range s.approves {
		decide = append(decide, k.name)
	}
	for _, w := range []struct {
		words string
		names []string
	}{{"Members hold ", hold}, {"Members may activate ", may}, {"Members approve requests for ", decide}} {
		if len(w.names) > 0 {
			says = append(says, w.words+listed(w.names)+".")
		}
	}
	return says
}

// refuseWithout refuses a change after which nobody could administer or approve any more: a member leaving the group,
// or the whole group when memberID is empty (EC-16, THREATS T21).
func (s stakes) refuseWithout(r *store.Reader, g pim.Principal, memberID string) error {
	return s.refuseEmptied(r, func(named []string) ([]pim.Principal, error) { return r.PeopleWithout(named, g.ID, memberID) })
}

// refuseWithoutClaim is refuseWithout for everybody who is in the group by a claim.
func (s stakes) refuseWithoutClaim(r *store.Reader, g pim.Principal) error {
	return s.refuseEmptied(r, func(named []string) ([]pim.Principal, error) { return r.PeopleWithoutClaim(named, g.ID) })
}

func (s stakes) refuseEmptied(r *store.Reader, left func(named []string) ([]pim.Principal, error)) error {
	if slices.ContainsFunc(s.holds, func(k stake) bool { return k.role.ID == pim.RoleAdministrator }) {
		if err := refuseLastAdministrators(r, left); err != nil {
			return err
		}
	}
	for _, k := range s.approves {
		before, err := r.PeopleIn(k.others)
		if err != nil {
			return err
		}
		after, err := left(k.others)
		if err != nil {
			return err
		}
		if len(before) > 0 && len(after) == 0 {
			return pim.Refuse(pim.KindConflict, "Nobody would be left to approve requests for %s. Name another approver first.", k.name)
		}
	}
	return nil
}

// refuseLastAdministrators keeps somebody able to administer (DESIGN §3) when a group changes.
func refuseLastAdministrators(r *store.Reader, left func(named []string) ([]pim.Principal, error)) error {
	able, err := ableAdministrators(r)
	if err != nil || len(able) == 0 {
		return err
	}
	assigned, err := r.EligibleOrActiveFor(pim.RoleAdministrator)
	if err != nil {
		return err
	}
	stay, err := left(assigned)
	if err != nil || slices.ContainsFunc(stay, func(p pim.Principal) bool { return able[p.ID] }) {
		return err
	}
	return pim.Refuse(pim.KindConflict, "Nobody able to administer Stint would be left. Make another person able first.")
}

// GroupGives reports whether members of a group get anything by being in it.
func GroupGives(r *store.Reader, groupID string) (bool, error) {
	s, err := stakesOf(r, groupID)
	return s.gives(), err
}

// ApprovesBy lists, in words, the roles whose requests a group's members decide.
func ApprovesBy(r *store.Reader, groupID string) ([]string, error) {
	s, err := stakesOf(r, groupID)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, k := range s.approves {
		names = append(names, k.name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
