package web

import (
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// assignmentsAsked are the assignments somebody asked to extend or renew, and nobody has decided.
func assignmentsAsked(r *store.Reader, principalID string) (map[string]bool, error) {
	list, err := r.AssignmentRequestsBy(principalID, store.Keyset{}, pageSize)
	out := map[string]bool{}
	for _, w := range list {
		if w.State == pim.AssignmentRequestPending {
			out[w.AssignmentID] = true
		}
	}
	return out, err
}

// askOf is what the person may ask for: a later end of what is their own and ends soon, nothing of a group's (P-08).
func (e roles) askOf(o ownRole) string {
	switch {
	case e.asked[o.ID]:
		return "extending"
	case o.PrincipalID == e.who.ID && !o.EndsAt.IsZero() && o.EndsAt.Sub(e.now) <= pim.ExtendWithin:
		return "extend"
	}
	return ""
}

// expired are the lines of own assignments that ended at most 30 days ago and were not given again.
func (e roles) expired(r *store.Reader) ([]views.RoleRow, error) {
	rows, err := r.HeldBy(e.who.ID, store.AssignmentFilter{State: store.ListExpired, Limit: pageSize})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	var i ids
	for _, a := range rows {
		i.roles, i.resources = append(i.roles, a.RoleID), append(i.resources, a.ResourceID)
	}
	n, err := namesOf(r, i)
	var out []views.RoleRow
	for _, a := range rows {
		if a.Via != "" || !a.MayRenewAt(e.now) || e.holdsAgain(a.Assignment) {
			continue
		}
		row := views.RoleRow{Assignment: a.ID, Role: n.role(a.RoleID, a.ResourceID), Until: a.EndsAt, Ask: "renew"}
		if e.asked[a.ID] {
			row.Ask = "renewing"
		}
		out = append(out, row)
	}
	return out, err
}

func (e roles) holdsAgain(a pim.Assignment) bool {
	list := e.eligible
	if a.Kind == pim.Active {
		list = e.assigned
	}
	for _, o := range list {
		if o.PrincipalID == a.PrincipalID && o.RoleID == a.RoleID && o.ResourceID == a.ResourceID {
			return true
		}
	}
	return false
}
