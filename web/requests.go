package web

import (
	"maps"
	"net/url"

	"stint/internal/store"
	"stint/views"
)

// MyRequestsPage is GET /my-requests: everything the visitor asked for, newest first.
func (s *Server) MyRequestsPage(q *request) error {
	from, err := parseCursor(q.QueryParam("cursor"))
	if err != nil {
		return err
	}
	v := views.RequestsView{Q: clip(q.QueryParam("q"), 200), State: oneState(q.QueryParam("state"))}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	type page struct {
		rows []views.RequestRow
		next string
	}
	p, err := read(s, q, func(r *store.Reader) (p page, err error) {
		p.rows, p.next, err = requestRows(r, q, from, v.Q, v.State)
		return p, err
	})
	if err != nil {
		return err
	}
	v.Rows, v.Pager = p.rows, pagerView("/my-requests", url.Values{"q": {v.Q}, "state": {v.State}}, q.QueryParam("cursor"), p.next)
	return s.ok(q, views.Requests(v))
}

func oneState(s string) string {
	if s == "open" || s == "over" {
		return s
	}
	return ""
}

// pagerView leads to the newest and the next older page, keeping the filters that are set.
func pagerView(path string, filters url.Values, current, next string) views.Pager {
	at := func(cursor string) string {
		kept := url.Values{"cursor": {cursor}}
		maps.Copy(kept, filters)
		return addressOf(path, kept)
	}
	var p views.Pager
	if current != "" {
		p.Newer = at("")
	}
	if next != "" {
		p.Older = at(next)
	}
	return p
}

// addressOf is a path with those parameters that say something.
func addressOf(path string, params url.Values) string {
	kept := url.Values{}
	for name, v := range params {
		if v[0] != "" {
			kept[name] = v
		}
	}
	if len(kept) == 0 {
		return path
	}
	return path + "?" + kept.Encode()
}

// requestRows examines one page of candidates and keeps those that match; next is where to go on.
func requestRows(r *store.Reader, q *request, from store.Keyset, search, state string) (rows []views.RequestRow, next string, err error) {
	return requestsOf(r, q, q.who.ID, from, search, state)
}

// requestsOf is requestRows for anybody.
func requestsOf(r *store.Reader, q *request, id string, from store.Keyset, search, state string) (rows []views.RequestRow, next string, err error) {
	list, err := r.ActivationsOf(id, from, pageSize+1)
	if err != nil {
		return nil, "", err
	}
	if len(list) > pageSize {
		list = list[:pageSize]
		last := list[pageSize-1]
		next = cursor(store.Keyset{At: last.RequestedAt, ID: last.ID})
	}
	var i ids
	for _, a := range list {
		i.activation(a)
	}
	n, err := namesOf(r, i)
	if err != nil {
		return nil, "", err
	}
	for _, a := range list {
		role := n.role(a.RoleID, a.ResourceID)
		if len(matching([]views.RoleRow{{Role: role}}, search)) == 0 || state == "open" && !a.State.Open() || state == "over" && a.State.Open() {
			continue
		}
		rows = append(rows, views.RequestRow{Activation: a.ID, Role: role, Status: statusView(q.reader(), a), Asked: a.RequestedAt, Duration: a.Duration,
			Justification: a.Justification, CanCancel: a.State.Waits()})
	}
	return rows, next, nil
}
