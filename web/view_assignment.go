package web

import (
	"net/url"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

var assignmentStates = map[pim.AssignmentState]views.AssignmentState{pim.AssignmentFuture: views.StartsLater, pim.AssignmentInForce: views.InForce,
	pim.AssignmentExpired: views.OverByTime, pim.AssignmentRemoved: views.TakenAway}

// assignmentRows are the lines of a list; at a resource, what was made above it is inherited.
func assignmentRows(r *store.Reader, q *request, can views.Can, rows []store.AssignmentRow, at string) ([]views.AssignmentRow, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	var i ids
	for _, a := range rows {
		i.roles, i.resources = append(i.roles, a.RoleID), append(i.resources, a.ResourceID)
	}
	n, err := namesOf(r, i)
	if err != nil {
		return nil, err
	}
	waiting, err := waitingFrom(r)
	if err != nil {
		return nil, err
	}
	may, err := managedAmong(r, q, rows)
	if err != nil {
		return nil, err
	}
	out := make([]views.AssignmentRow, len(rows))
	for j, a := range rows {
		row := views.AssignmentRow{ID: a.ID, Role: n.role(a.RoleID, a.ResourceID), Active: a.Kind == pim.Active, State: assignmentStates[a.StateAt(r.Now)],
			From: a.StartsAt, Until: a.EndsAt, Asked: waiting[a.ID], CanChange: may[placeOf(a)]}
		row.Holder, row.HolderHref = holderOf(q, can, a.PrincipalID, a.PrincipalName, a.PrincipalKind, a.Suspended)
		if at != "" && a.ResourceID != at {
			row.Inherited = views.Link{Text: n.paths[a.ResourceID].Leaf().Name, Href: membersAt(a.RoleID, a.ResourceID)}
			if row.Closed = !q.powers.Reads(n.paths[a.ResourceID]); row.Closed {
				row.Inherited.Href = ""
			}
		}
		if a.Via != "" {
			_, href := holderOf(q, can, a.Via, a.ViaName, pim.Group, "")
			row.Through = views.Link{Text: a.ViaName, Href: href}
		}
		out[j] = row
	}
	return out, nil
}

func placeOf(a store.AssignmentRow) broker.Place {
	return broker.Place{RoleID: a.RoleID, ResourceID: a.ResourceID}
}

// managedAmong says where among the places of a list the reader gives and takes roles.
func managedAmong(r *store.Reader, q *request, rows []store.AssignmentRow) (map[broker.Place]bool, error) {
	if !q.powers.MayManage() {
		return nil, nil
	}
	places := make([]broker.Place, len(rows))
	for i, a := range rows {
		places[i] = placeOf(a)
	}
	return broker.MayManageAll(r, q.who, places)
}

func membersAt(roleID, resourceID string) string {
	return "/roles/" + roleID + "/members?" + url.Values{"resource": {resourceID}}.Encode()
}

// waitingFrom says which assignments somebody asks to extend or renew, of the oldest requests.
func waitingFrom(r *store.Reader) (map[string]string, error) {
	list, err := r.PendingAssignmentRequests(store.Keyset{}, 100)
	out := make(map[string]string, len(list))
	for _, w := range list {
		out[w.AssignmentID] = "asks to " + string(w.Kind)
	}
	return out, err
}

// holderOf is whom an assignment was made to, and their page where the reader may open it.
func holderOf(q *request, can views.Can, id, name string, kind pim.PrincipalKind, suspended string) (views.Holder, string) {
	h := views.Holder{Person: views.Person{ID: id, Name: name}, Group: kind == pim.Group, Workload: kind == pim.Workload, Gone: suspended}
	switch {
	case kind == pim.Group:
		h.Detail = "Group"
		if can.Groups && suspended != "removed" {
			return h, "/groups/" + id
		}
	case kind == pim.Workload:
		h.Detail = "Workload"
		if q.powers.MayAudit() && suspended != "removed" {
			return h, "/workloads/" + id
		}
	case q.powers.MayAudit() && suspended != "removed":
		return h, "/people/" + id + "/roles"
	}
	return h, ""
}
