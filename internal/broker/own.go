package broker

import (
	"maps"
	"slices"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// givesThemselves reports whether an assignment would reach whoever makes it, by another account, through a group, by
// what their sign-in shows, or by somebody or something that is as good as theirs, and whether another administrator could
// make it instead. Only for what is privileged (T10, T21).
func givesThemselves(r *store.Reader, who pim.Principal, role pim.RoleDefinition, principalID string, kind pim.AssignmentKind) (own, others bool, err error) {
	if !role.Privileged && role.Source != pim.SourceBuiltin {
		return false, false, nil
	}
	reached, err := reaches(r, who)
	if err != nil {
		return false, false, err
	}
	if !slices.Contains(reached, principalID) {
		if theirs, err := asTheirs(r, who, reached, principalID, kind); err != nil || !theirs {
			return false, false, err
		}
	}
	others, err = anotherCanHelp(r, who)
	return true, others, err
}

// reaches lists every principal whose rights are somebody's, or will be at their next sign-in: their accounts, the groups
// those are in, and the groups fed by a value that their last sign-in showed.
func reaches(r *store.Reader, who pim.Principal) ([]string, error) {
	same, err := samePeople(r, who.ID)
	if err != nil {
		return nil, err
	}
	start := sortedIDs(same)
	carried, err := r.CarriedBy(start...)
	if err != nil {
		return nil, err
	}
	if len(carried) > 0 {
		fed, err := r.FedGroups()
		if err != nil {
			return nil, err
		}
		for _, g := range fed {
			if carried.Has(g.MatchValue) {
				start = append(start, g.ID)
			}
		}
	}
	var out []string
	for _, id := range start {
		up, err := r.GroupsOf(id)
		if err != nil {
			return nil, err
		}
		out = append(out, up...)
	}
	return out, nil
}

func sortedIDs(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

// ownAssignments lists what somebody is assigned, by whatever path, and is not over.
func ownAssignments(r *store.Reader, who pim.Principal) ([]pim.Assignment, error) {
	reached, err := reaches(r, who)
	if err != nil {
		return nil, err
	}
	all, err := r.AssignmentsOf(reached...)
	return slices.DeleteFunc(all, func(a pim.Assignment) bool {
		return a.StateAt(r.Now) == pim.AssignmentExpired || a.StateAt(r.Now) == pim.AssignmentRemoved
	}), err
}

// hasAlready reports whether one of somebody's own assignments gives, at one of some resources, as much as another.
func hasAlready(own []pim.Assignment, a pim.Assignment, resources []string, now time.Time) bool {
	return slices.ContainsFunc(own, func(b pim.Assignment) bool {
		return b.ID != a.ID && b.RoleID == a.RoleID && slices.Contains(resources, b.ResourceID) && !a.Gains(b, now)
	})
}

// lettingIn is what feeding a group by a value of the provider's claim gives to whoever does it.
type lettingIn struct {
	own   bool    // something privileged, to themselves
	stays []stake // privileged, and not theirs so far: they are kept out of it for a day
}

// letsThemselvesIn weighs a claim for a group, where its members get something. Where another administrator could say it,
// nobody says a value that their own sign-in shows (T10, T21); what else may come in by it is not known.
func (s stakes) letsThemselvesIn(r *store.Reader, who, g pim.Principal, claim string) (l lettingIn, err error) {
	if claim == "" || claim == g.MatchValue {
		return l, nil
	}
	reached, err := reaches(r, who)
	if err != nil || slices.Contains(reached, g.ID) {
		return l, err // who is in it already gets nothing more
	}
	if l.stays, err = s.notYetOf(r, who); err != nil || len(l.stays) == 0 {
		return l, err
	}
	same, err := samePeople(r, who.ID)
	if err != nil {
		return l, err
	}
	carried, err := r.CarriedBy(sortedIDs(same)...)
	if err != nil || !carried.Has(claim) {
		return l, err
	}
	l.own = true
	others, err := anotherCanHelp(r, who)
	if err == nil && others {
		err = pim.Refuse(pim.KindForbidden, "Your own sign-in shows “%s”, so you would let yourself into a group that has a privileged role. Another administrator has to.", claim)
	}
	return l, err
}

// namedThemselves reports whether somebody would come into a group by what they said of it themselves, and get something
// privileged by it that another administrator could give (T10, T21).
func (s stakes) namedThemselves(r *store.Reader, p pim.Principal, by string) (bool, error) {
	if by == "" || !s.gives() {
		return false, nil
	}
	same, err := samePeople(r, by)
	if err != nil || !same[p.ID] {
		return false, err
	}
	gain, err := s.notYetOf(r, p)
	if err != nil || len(gain) == 0 {
		return false, err
	}
	return anotherCanHelp(r, p)
}

// notYetOf lists what is privileged of what members hold, and somebody does not have in another way.
func (s stakes) notYetOf(r *store.Reader, who pim.Principal) (out []stake, err error) {
	own, err := ownAssignments(r, who)
	if err != nil {
		return nil, err
	}
	for _, k := range s.holds {
		if !k.role.Privileged && k.role.Source != pim.SourceBuiltin {
			continue
		}
		path, err := r.Path(k.resourceID)
		if err != nil {
			return nil, found(err)
		}
		if !hasAlready(own, k.assignment, path.Ancestors(nil), r.Now) {
			out = append(out, k)
		}
	}
	return out, nil
}
