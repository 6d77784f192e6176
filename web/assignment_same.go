package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// SamePage is GET /assignments/same: who gets it, like whom, then what (K-21).
func (s *Server) SamePage(q *request) error {
	a := sameAsked{principal: clip(q.QueryParam("principal"), maxCursorID), like: clip(q.QueryParam("like"), maxCursorID), cursor: q.QueryParam("cursor"), opens: true,
		values: views.AssignmentValues{Kind: string(pim.Eligible), Start: "now", End: "longest", Zone: q.zoneOf("")}}
	return s.samePage(q, http.StatusOK, a, nil)
}

// GiveSame is POST /assignments/same: gives what is ticked, in one operation in which each is judged alone.
func (s *Server) GiveSame(q *request) error {
	form, err := q.FormParams()
	if err != nil {
		return err
	}
	a := sameAsked{principal: clip(form.Get("principal"), maxCursorID), like: clip(form.Get("like"), maxCursorID), cursor: form.Get("cursor"), picked: unique(slices.Clone(form[picks]))}
	ask := broker.AssignRequest{Principals: []string{a.principal}}
	var wrong views.Errors
	a.values, ask.AssignmentTerms, wrong = termsIn(q, form)
	if ask.Places, err = s.placesPicked(q, a); err != nil {
		return err
	}
	if len(ask.Places) == 0 {
		wrong["pick"] = "Tick at least one."
	}
	if len(wrong) > 0 {
		return s.samePage(q, http.StatusUnprocessableEntity, a, wrong)
	}
	ask.Justification, ask.TicketNumber, ask.TicketSystem = strings.TrimSpace(a.values.Justification), a.values.TicketNumber, a.values.TicketSystem
	out, err := s.broker.Assign(q.ctx(), q.actor(), ask, a.page())
	if status, wrong, other := formRefusal(err); wrong != nil {
		return s.samePage(q, status, a, wrong)
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}

// sameAsked is what the form holds.
type sameAsked struct {
	principal, like string
	cursor          string // which page of what the other one has
	picked          []string
	values          views.AssignmentValues
	opens           bool // nobody has ticked anything yet
}

func (a sameAsked) page() string {
	return addressOf("/assignments/same", url.Values{"principal": {a.principal}, "like": {a.like}, "cursor": {a.cursor}})
}

// placesPicked are the roles of the assignments that are ticked, each once.
func (s *Server) placesPicked(q *request, a sameAsked) ([]broker.Place, error) {
	return read(s, q, func(r *store.Reader) (out []broker.Place, err error) {
		rows, _, err := heldToGive(r, q, a)
		for _, row := range rows {
			p := placeOf(row)
			if slices.Contains(a.picked, row.ID) && !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
		return out, err
	})
}

// heldToGive is a page of what somebody has and the reader may hand out; next is where the page after it begins.
func heldToGive(r *store.Reader, q *request, a sameAsked) (out []store.AssignmentRow, next string, err error) {
	at, err := parseNameCursor(a.cursor)
	if err != nil {
		return nil, "", err
	}
	rows, err := r.HeldBy(a.like, store.AssignmentFilter{Limit: pim.MaxAssign + 1, After: store.AssignmentCursor{Name: at.AfterName, ID: at.AfterID}})
	if err != nil {
		return nil, "", err
	}
	if len(rows) > pim.MaxAssign {
		rows = rows[:pim.MaxAssign]
		last := rows[len(rows)-1].Cursor("")
		next = nameCursor(last.ID, last.Name)
	}
	may, err := managedAmong(r, q, rows)
	for _, a := range rows {
		if may[placeOf(a)] {
			out = append(out, a)
		}
	}
	return out, next, err
}

func (s *Server) samePage(q *request, status int, a sameAsked, wrong views.Errors) error {
	v := views.SameView{Principal: a.principal, Like: a.like, Q: strings.TrimSpace(clip(q.QueryParam("q"), 200)),
		Other: "/assignments/same?" + url.Values{"principal": {a.principal}}.Encode()}
	v.Form = views.AssignmentForm{Values: a.values, Errors: wrong, ZoneKnown: q.who.Zone != "", Permanent: true, Longest: true, Ticket: true, ReasonNeeded: "where a role asks for one"}
	var err error
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	v, err = read(s, q, func(r *store.Reader) (views.SameView, error) { return v, fillSame(r, q, a, &v) })
	if err != nil {
		return err
	}
	return s.page(q, status, views.Same(v))
}

func fillSame(r *store.Reader, q *request, a sameAsked, v *views.SameView) (err error) {
	if a.principal != "" {
		if v.Who, err = holderNamed(r, a.principal); err != nil {
			return err
		}
		if v.Who.Workload {
			v.Form.OneKind, v.Form.Values.Kind = "A workload cannot activate: it can only be active.", string(pim.Active)
		}
	}
	if a.principal == "" || a.like == "" {
		return sameChoices(r, a, v)
	}
	if v.Whom, err = holderNamed(r, a.like); err != nil {
		return err
	}
	rows, next, err := heldToGive(r, q, a)
	if err != nil {
		return err
	}
	v.Cursor, v.Pager = a.cursor, pagerView("/assignments/same", url.Values{"principal": {a.principal}, "like": {a.like}}, a.cursor, next)
	v.Pager.Forward = true
	v.Rows, err = sameRows(r, a, rows)
	for _, row := range rows {
		role, err := r.Role(row.RoleID)
		if err != nil {
			return err
		}
		v.Passkey = v.Passkey || role.Privileged || role.Source == pim.SourceBuiltin
	}
	return err
}

func holderNamed(r *store.Reader, id string) (views.Holder, error) {
	p, err := r.Principal(id)
	return principalHolder(p), err
}

// sameChoices are those a search finds; nobody gets the same as themselves.
func sameChoices(r *store.Reader, a sameAsked, v *views.SameView) error {
	found, err := r.FindPrincipals(v.Q, picksFound+1)
	if v.More = len(found) > picksFound; v.More {
		found = found[:picksFound]
	}
	for _, p := range found {
		to := url.Values{"principal": {p.ID}}
		if a.principal != "" {
			to = url.Values{"principal": {a.principal}, "like": {p.ID}}
		}
		if p.ID != a.principal {
			v.Choices = append(v.Choices, views.SameChoice{Holder: principalHolder(p), Href: "/assignments/same?" + to.Encode()})
		}
	}
	return err
}

// sameRows are ticked where they are somebody's own and the other one has nothing of the role there yet.
func sameRows(r *store.Reader, a sameAsked, rows []store.AssignmentRow) ([]views.SameRow, error) {
	has := map[broker.Place]string{}
	own, err := r.AssignmentsOf(a.principal)
	if err != nil {
		return nil, err
	}
	for _, o := range own {
		if o.StateAt(r.Now) != pim.AssignmentExpired {
			has[broker.Place{RoleID: o.RoleID, ResourceID: o.ResourceID}] = string(o.Kind) + " already"
		}
	}
	var i ids
	for _, row := range rows {
		i.roles, i.resources = append(i.roles, row.RoleID), append(i.resources, row.ResourceID)
	}
	n, err := namesOf(r, i)
	var out []views.SameRow
	for _, row := range rows {
		s := views.SameRow{ID: row.ID, Role: n.role(row.RoleID, row.ResourceID), Active: row.Kind == pim.Active, Until: row.EndsAt, Note: has[placeOf(row)]}
		s.Ticked = slices.Contains(a.picked, row.ID) || a.opens && s.Note == "" && row.Via == ""
		if row.Via != "" && s.Note == "" {
			s.Note = "through " + row.ViaName
		}
		out = append(out, s)
	}
	return out, err
}
