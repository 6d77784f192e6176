package broker

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
)

// tellAssigned tells the person an assignment is for, or who answers for the workload; the members of a group that has it
// are not told one by one.
func tellAssigned(tx *store.Tx, a pim.Assignment, holder pim.Principal, text string) error {
	if holder.Kind == pim.Workload {
		return tellOwners(tx, holder, text+".", "/assignments/"+a.ID, a.MadeBy)
	}
	if holder.Kind != pim.Person || holder.ID == a.MadeBy {
		return nil
	}
	return notify(tx, text+".", "/assignments/"+a.ID, holder.ID)
}

// you is a holder as a notice calls them: who answers for a workload reads its name.
func you(holder pim.Principal) string {
	if holder.Kind == pim.Workload {
		return holder.Name
	}
	return "you"
}

func yours(holder pim.Principal) string {
	if holder.Kind == pim.Workload {
		return "the assignment of " + holder.Name
	}
	return "your assignment"
}

// begin makes words the beginning of a sentence.
func begin(words string) string { return strings.ToUpper(words[:1]) + words[1:] }

// tellOwners tells who answers for a workload, but for somebody.
func tellOwners(tx *store.Tx, w pim.Principal, text, link, but string) error {
	if w.OwnerID == "" {
		return nil
	}
	people, err := tx.PeopleIn([]string{w.OwnerID})
	if err != nil {
		return err
	}
	return notify(tx, text, link, slices.DeleteFunc(ids(people), func(id string) bool { return id == but })...)
}

// tellOtherAdministrators tells who administers a role at a resource, but for those named.
func tellOtherAdministrators(tx *store.Tx, roleID, resourceID, text, link string, but ...string) error {
	people, err := administratorsAt(tx.Reader, roleID, resourceID)
	if err != nil {
		return err
	}
	return notify(tx, text, link, slices.DeleteFunc(people, func(id string) bool { return slices.Contains(but, id) })...)
}

// administratorsAt lists who is or may become an administrator of Stint, and the owners who hand out the role there now.
func administratorsAt(r *store.Reader, roleID, resourceID string) ([]string, error) {
	out, err := administrators(r)
	if err != nil {
		return nil, err
	}
	path, err := pathOf(r, resourceID)
	if err != nil || len(path) == 0 {
		return out, ignoreGone(err)
	}
	owners, err := ownersAlong(r, path)
	if err != nil {
		return nil, err
	}
	for _, p := range owners {
		may, err := MayHandOut(r, p.ID, roleID, resourceID)
		if err := ignoreGone(err); err != nil {
			return nil, err
		}
		if may && !slices.Contains(out, p.ID) {
			out = append(out, p.ID)
		}
	}
	return out, nil
}

// ownersAlong lists the enabled people who are owners of a node of some paths, or are so through a group.
func ownersAlong(r *store.Reader, paths ...pim.Path) ([]pim.Principal, error) {
	var nodes []string
	for _, path := range paths {
		for _, node := range path {
			nodes = append(nodes, node.ID)
		}
	}
	holders, err := r.HoldersAt(pim.RoleOwner, unique(nodes))
	if err != nil || len(holders) == 0 {
		return nil, err
	}
	return r.PeopleIn(holders)
}

func ignoreGone(err error) error {
	if gone(err) {
		return nil
	}
	return err
}

// roleAt is a role with its place for sentences; what is gone is "a role".
func roleAt(r *store.Reader, a pim.Assignment) (string, error) {
	role, path, _, err := effective(r, a.RoleID, a.ResourceID)
	if gone(err) {
		return "a role", nil
	}
	return role.Name + " on " + path.Leaf().Name, err
}

// tellEnds tells holders of ends ahead or reached, each of their own, and administrators of all of them in one line:
// forty ends of one day are one thing to read (X-07, K-23).
func tellEnds(tx *store.Tx, ends []pim.Assignment, over bool) error {
	if len(ends) == 0 {
		return nil
	}
	for _, a := range ends {
		what, err := roleAt(tx.Reader, a)
		if err != nil {
			return err
		}
		holder, err := tx.Principal(a.PrincipalID)
		if gone(err) {
			continue
		}
		if err == nil {
			err = tellAssigned(tx, pim.Assignment{ID: a.ID}, holder, endWords(begin(yours(holder))+" to "+what, a, over)+askWords(over))
		}
		if err != nil {
			return err
		}
	}
	return tellAdministratorsOfEnds(tx, ends, over)
}

func endWords(what string, a pim.Assignment, over bool) string {
	if over {
		return what + " expired " + pim.FormatInstant(a.EndsAt)
	}
	return what + " ends " + pim.FormatInstant(a.EndsAt)
}

func askWords(over bool) string {
	if over {
		return ". You may ask to renew it for 30 days"
	}
	return ". You may ask to extend it"
}

func tellAdministratorsOfEnds(tx *store.Tx, ends []pim.Assignment, over bool) error {
	of, at := map[string][]pim.Assignment{}, map[Place][]string{}
	for _, a := range ends {
		place := Place{a.RoleID, a.ResourceID}
		if _, known := at[place]; !known {
			people, err := administratorsAt(tx.Reader, a.RoleID, a.ResourceID)
			if err != nil {
				return err
			}
			at[place] = people
		}
		for _, id := range at[place] {
			of[id] = append(of[id], a)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(of)) {
		if err := tellAdministratorOfEnds(tx, id, of[id], over); err != nil {
			return err
		}
	}
	return nil
}

func tellAdministratorOfEnds(tx *store.Tx, id string, ends []pim.Assignment, over bool) error {
	if len(ends) > 1 {
		text, link := fmt.Sprintf("%d assignments end soon.", len(ends)), "/assignments?state=ending"
		if over {
			text, link = fmt.Sprintf("%d assignments expired.", len(ends)), "/assignments?state=expired"
		}
		return notify(tx, text, link, id)
	}
	a := ends[0]
	if a.PrincipalID == id {
		return nil // told as its holder
	}
	what, err := roleAt(tx.Reader, a)
	if err != nil {
		return err
	}
	names, err := tx.Names([]string{a.PrincipalID})
	if err != nil {
		return err
	}
	return notify(tx, endWords("The assignment of "+names[a.PrincipalID]+" to "+what, a, over)+".", "/assignments/"+a.ID, id)
}
