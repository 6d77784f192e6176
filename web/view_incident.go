package web

import (
	"net/url"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// howWords say how an incident was closed.
var howWords = map[pim.IncidentEnd]string{
	pim.EndedGone:    "gone, by another hand",
	pim.EndedRemoved: "taken away by Stint",
	pim.EndedKnown:   "given by Stint now",
	pim.EndedBack:    "held again",
	pim.EndedNeed:    "would be over by now",
	pim.EndedLeft:    "not managed by Stint any more",
}

// incidentsIn are a target's incidents: the open ones, unless the address asks for those closed or standing access.
func incidentsIn(r *store.Reader, q *request, t store.TargetRow) (v views.Incidents, err error) {
	if v.List = q.QueryParam("list"); v.List != "closed" && v.List != "standing" {
		v.List = ""
	}
	v.Authoritative = t.Authoritative
	for kind, n := range map[pim.IncidentKind]*int{pim.Stranger: &v.Open, pim.LostHold: &v.Open, pim.Standing: &v.Standing} {
		counted, err := r.CountIncidents(t.ID, kind)
		if err != nil {
			return v, err
		}
		*n += int(counted)
	}
	before, err := parseCursor(q.QueryParam("cursor"))
	if err != nil {
		return v, err
	}
	list, err := r.Incidents(t.ID, v.List == "standing", v.List != "closed", before, pageSize+1)
	if err != nil {
		return v, err
	}
	next := ""
	if len(list) > pageSize {
		list = list[:pageSize]
		next = cursor(store.Keyset{At: list[pageSize-1].FirstSeenAt, ID: list[pageSize-1].ID})
	}
	v.Pager = pagerView("/targets/"+url.PathEscape(t.ID), url.Values{"tab": {views.TargetIncidents}, "list": {v.List}}, q.QueryParam("cursor"), next)
	for _, i := range list {
		row := views.IncidentRow{Kind: string(i.Kind), Account: i.AccountName, Entitlement: i.Entitlement, First: i.FirstSeenAt, Last: i.LastSeenAt,
			Closed: i.ClosedAt, How: howWords[i.How], Removing: i.Kind == pim.Stranger && i.GrantID != ""}
		if row.Person, err = ownerOf(r, i.TargetID, i.AccountID); err != nil {
			return v, err
		}
		v.Rows = append(v.Rows, row)
	}
	return v, nil
}

// ownerOf is whose account it is; the zero Person when nobody's that Stint knows.
func ownerOf(r *store.Reader, targetID, accountID string) (views.Person, error) {
	owners, err := r.OwnersOf(targetID, accountID)
	if err != nil || len(owners) == 0 {
		return views.Person{}, err
	}
	names, err := r.Names(owners[:1])
	return views.Person{ID: owners[0], Name: names[owners[0]]}, err
}

func scanIn(r *store.Reader, targetID string) (v views.ScanState, err error) {
	s, err := r.ScanOf(targetID)
	v = views.ScanState{Ended: s.EndedAt, Next: s.DueAt, Done: s.Done, Total: s.Total, Error: s.Error, Running: s.LeaseUntil.After(r.Now)}
	v.Waiting = !v.Running && !s.AskedAt.IsZero()
	if !v.Next.After(r.Now) {
		v.Next = time.Time{}
	}
	return v, err
}
