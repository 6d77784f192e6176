package broker

import (
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// theirWorkload reports whether a workload is as good as somebody's own: one of theirs answers for it, or they said
// which account it has at a target, which may be one that they can use (T10).
func theirWorkload(r *store.Reader, who pim.Principal, reached []string, principalID string) (bool, error) {
	p, err := r.Principal(principalID)
	if err != nil || p.Kind != pim.Workload {
		return false, found(err)
	}
	if p.OwnerID != "" && slices.Contains(reached, p.OwnerID) {
		return true, nil
	}
	same, err := samePeople(r, who.ID)
	if err != nil {
		return false, err
	}
	accounts, err := r.AccountsOf(p.ID)
	return slices.ContainsFunc(accounts, func(a pim.Account) bool { return a.Source == pim.SourceBrowser && same[a.ConfirmedBy] }), err
}

// refuseOwnWay: nobody says that an account is somebody's where they would have the use of it, while another
// administrator could say so: an account that was their own, or of a workload to which they gave what is privileged (T10).
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

// gavePrivileged reports whether somebody gave a workload a privileged role that it still has.
func gavePrivileged(r *store.Reader, same map[string]bool, h pim.Principal) (bool, error) {
	if h.Kind != pim.Workload {
		return false, nil
	}
	all, err := r.AssignmentsOf(h.ID)
	if err != nil {
		return false, err
	}
	for _, a := range all {
		role, err := r.Role(a.RoleID)
		if err != nil {
			return false, err
		}
		if role.Privileged && same[a.MadeBy] {
			return true, nil
		}
	}
	return false, nil
}
