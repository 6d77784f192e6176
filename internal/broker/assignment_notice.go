package broker

import (
	"fmt"

	"stint/internal/pim"
	"stint/internal/store"
)

// tellAssigned tells the person an assignment is for; the members of a group are not told one by one.
func tellAssigned(tx *store.Tx, a pim.Assignment, holder pim.Principal, text string) error {
	if holder.Kind != pim.Person || holder.ID == a.MadeBy {
		return nil
	}
	return notify(tx, text+".", "/assignments/"+a.ID, holder.ID)
}

// tellOtherAdministrators tells the administrators but those given.
func tellOtherAdministrators(tx *store.Tx, text, link string, but ...string) error {
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	out := people[:0]
	for _, id := range people {
		if id != but[0] && (len(but) < 2 || id != but[1]) {
			out = append(out, id)
		}
	}
	return notify(tx, text, link, out...)
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
			err = tellAssigned(tx, pim.Assignment{ID: a.ID}, holder, endWords("Your assignment to "+what, a, over)+askWords(over))
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
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	if len(ends) > 1 {
		text, link := fmt.Sprintf("%d assignments end soon.", len(ends)), "/assignments?state=ending"
		if over {
			text, link = fmt.Sprintf("%d assignments expired.", len(ends)), "/assignments?state=expired"
		}
		return notify(tx, text, link, people...)
	}
	a := ends[0]
	what, err := roleAt(tx.Reader, a)
	if err != nil {
		return err
	}
	names, err := tx.Names([]string{a.PrincipalID})
	if err != nil {
		return err
	}
	return notify(tx, endWords("The assignment of "+names[a.PrincipalID]+" to "+what, a, over)+".", "/assignments/"+a.ID, people...)
}
