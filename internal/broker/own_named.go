package broker

import (
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// asTheirs reports whether a principal is as good as somebody's own, because they may have the use of its account at a
// target (T10): a workload that one of theirs answers for, or whose account they named; for what is held without doing
// anything, a person whose account they named and who did not sign in since, or a group with one in it. Who signed in has
// read which account was said to be theirs.
func asTheirs(r *store.Reader, who pim.Principal, reached []string, principalID string, kind pim.AssignmentKind) (bool, error) {
	p, err := r.Principal(principalID)
	switch {
	case err != nil:
		return false, found(err)
	case p.Kind == pim.Workload && p.OwnerID != "" && slices.Contains(reached, p.OwnerID):
		return true, nil
	case p.Kind != pim.Workload && kind != pim.Active:
		return false, nil
	}
	same, err := samePeople(r, who.ID)
	if err != nil {
		return false, err
	}
	if p.Kind == pim.Group {
		return holdsNamed(r, same, p.ID)
	}
	accounts, err := r.AccountsOf(p.ID)
	return slices.ContainsFunc(accounts, func(a pim.Account) bool {
		return a.Source == pim.SourceBrowser && same[a.ConfirmedBy] && (p.Kind == pim.Workload || p.LastSeenAt.Before(a.ConfirmedAt))
	}), err
}

// holdsNamed reports whether a group has a member whose account some people named and who did not sign in since.
func holdsNamed(r *store.Reader, by map[string]bool, groupID string) (bool, error) {
	named, err := r.NamedUnseen(sortedIDs(by)...)
	for _, id := range named {
		if err != nil {
			break
		}
		var up []string
		if up, err = r.GroupsOf(id); slices.Contains(up, groupID) {
			return true, err
		}
	}
	return false, err
}

// namedHold lists the active assignments of some roles at some resources by which people hold something whose account
// somebody named, and who did not sign in since.
func namedHold(r *store.Reader, who pim.Principal, roles, resources []string) (out []pim.Assignment, err error) {
	same, err := samePeople(r, who.ID)
	if err != nil {
		return nil, err
	}
	named, err := r.NamedUnseen(sortedIDs(same)...)
	if err != nil {
		return nil, err
	}
	for _, id := range named {
		up, err := r.GroupsOf(id)
		if err != nil {
			return nil, err
		}
		all, err := r.AssignmentsOf(up...)
		if err != nil {
			return nil, err
		}
		for _, a := range all {
			if a.Kind == pim.Active && slices.Contains(roles, a.RoleID) && slices.Contains(resources, a.ResourceID) {
				out = append(out, a)
			}
		}
	}
	return out, nil
}

// joinsNamed returns whoever of some that come into a group, where its members hold something privileged without doing
// anything, is as good as somebody's own; where another administrator could let them in, that is refused.
func (s stakes) joinsNamed(r *store.Reader, who pim.Principal, coming []pim.Principal) (names []string, err error) {
	if !slices.ContainsFunc(s.holds, func(k stake) bool {
		return k.kind == pim.Active && (k.role.Privileged || k.role.Source == pim.SourceBuiltin)
	}) {
		return nil, nil
	}
	for _, m := range coming {
		theirs, err := asTheirs(r, who, nil, m.ID, pim.Active)
		if err != nil {
			return nil, err
		}
		if theirs {
			names = append(names, m.Name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	others, err := anotherCanHelp(r, who)
	if err == nil && others {
		err = pim.Refuse(pim.KindForbidden, "You named the account of %s, who did not sign in since, and members of this group hold a privileged role. Another administrator has to.", listed(names))
	}
	return names, err
}

// refuseOwnWay: nobody says that an account is somebody's where they would have the use of it, while another
// administrator could say so: an account that was their own, or of somebody or something to which they gave what is
// privileged and is given to the account at once (T10).
func refuseOwnWay(r *store.Reader, who, h pim.Principal, o *nameAccount) error {
	same, err := samePeople(r, who.ID)
	if err != nil {
		return err
	}
	former, err := r.FormerOwnersOf(o.TargetID, o.ExternalID)
	if err != nil {
		return err
	}
	why := ""
	if !same[h.ID] && slices.ContainsFunc(former, func(id string) bool { return same[id] }) {
		why = "This was your own account here."
	} else if gave, err := gavePrivileged(r, same, h); err != nil {
		return err
	} else if gave {
		why = "You gave " + h.Name + " a privileged role."
	}
	if why == "" {
		return nil
	}
	others, err := anotherCanHelp(r, who)
	if err == nil && others {
		err = pim.Refuse(pim.KindForbidden, "%s Another administrator has to say whose account it is.", why)
	}
	return err
}

// gavePrivileged reports whether some people gave somebody or something, or a group it is in, what is privileged and held
// without doing anything.
func gavePrivileged(r *store.Reader, same map[string]bool, h pim.Principal) (bool, error) {
	if same[h.ID] {
		return false, nil
	}
	up, err := r.GroupsOf(h.ID)
	if err != nil {
		return false, err
	}
	all, err := r.AssignmentsOf(up...)
	if err != nil {
		return false, err
	}
	for _, a := range all {
		if a.Kind != pim.Active || !same[a.MadeBy] || a.StateAt(r.Now) == pim.AssignmentExpired {
			continue
		}
		role, err := r.Role(a.RoleID)
		if err != nil {
			return false, err
		}
		if role.Privileged {
			return true, nil
		}
	}
	return false, nil
}
