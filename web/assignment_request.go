package web

import (
	"net/http"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// AskAssignmentPage is GET /my-roles/:assignment/request: the holder's form to extend, or to renew what has ended.
func (s *Server) AskAssignmentPage(q *request) error {
	return s.askAssignmentPage(q, http.StatusOK, "", nil)
}

// AskAssignment is POST /my-roles/:assignment/request. The person gives a reason; whoever decides sets the end.
func (s *Server) AskAssignment(q *request) error {
	reason := strings.TrimSpace(q.FormValue("justification"))
	_, err := s.broker.RequestAssignment(q.ctx(), q.actor(), q.Param("assignment"), reason)
	if wrong, other := fieldErrors(err); wrong != nil {
		return s.askAssignmentPage(q, http.StatusUnprocessableEntity, reason, wrong)
	} else if other != nil {
		return other
	}
	return s.follow(q, broker.Outcome{Done: "Asked. An administrator decides; you are told.", Back: "/my-roles/" + q.Param("assignment") + "/request"})
}

func (s *Server) askAssignmentPage(q *request, status int, reason string, wrong views.Errors) error {
	a, err := s.broker.AssignmentOf(q.ctx(), q.actor(), q.Param("assignment"))
	if err != nil {
		return err
	}
	if !a.Mine && !a.Answers {
		return pim.NotFound()
	}
	v := views.AskAssignmentView{Assignment: a.Row.ID, Active: a.Row.Kind == pim.Active, Renew: a.Row.StateAt(q.now) == pim.AssignmentExpired, From: a.Row.StartsAt, Until: a.Row.EndsAt,
		Deciders: "An administrator of the role decides, not its approvers.", WhyNot: a.WhyNot, Reason: reason, Errors: wrong}
	if !a.Mine {
		v.Workload = a.Holder.Name
	}
	if w := a.Request; w != nil && w.State == pim.AssignmentRequestPending && w.PersonID == q.who.PersonID {
		asked := assignmentAsked(q, a)
		asked.Decide, v.Asked = false, &asked
	}
	v.Role, err = read(s, q, func(r *store.Reader) (views.Role, error) {
		n, err := namesOf(r, ids{roles: []string{a.Row.RoleID}, resources: []string{a.Row.ResourceID}})
		return n.role(a.Row.RoleID, a.Row.ResourceID), err
	})
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.AskAssignment(v))
}

// CancelAssignmentRequest is POST /assignment-requests/:id/cancel, by who asked.
func (s *Server) CancelAssignmentRequest(q *request) error {
	id, err := s.broker.CancelAssignmentRequest(q.ctx(), q.actor(), q.Param("id"))
	if err != nil {
		return err
	}
	return s.follow(q, broker.Outcome{Done: "Your request is canceled.", Back: "/my-roles/" + id + "/request"})
}

// AssignmentRequestsPage is GET /assignment-requests: who asks for more time, as far as the reader may decide it.
func (s *Server) AssignmentRequestsPage(q *request) error {
	after, err := parseCursor(q.QueryParam("cursor"))
	if err != nil {
		return err
	}
	rows, next, err := s.broker.AssignmentRequests(q.ctx(), q.actor(), after, pageSize)
	if err != nil {
		return err
	}
	var v views.AssignmentRequestsView
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	v, err = read(s, q, func(r *store.Reader) (views.AssignmentRequestsView, error) { return v, fillQueue(r, q, rows, &v) })
	if err != nil {
		return err
	}
	further := ""
	if next.ID != "" {
		further = cursor(next)
	}
	v.Pager = pagerView("/assignment-requests", nil, q.QueryParam("cursor"), further)
	v.Pager.Forward = true
	return s.ok(q, views.AssignmentRequests(v))
}

func fillQueue(r *store.Reader, q *request, rows []broker.AssignmentRequestRow, v *views.AssignmentRequestsView) (err error) {
	var i ids
	for _, w := range rows {
		i.roles, i.resources = append(i.roles, w.RoleID), append(i.resources, w.ResourceID)
	}
	n, err := namesOf(r, i)
	if err != nil {
		return err
	}
	for _, w := range rows {
		row := assignmentRequestRow(w.AssignmentRequest, w.Assignment, n.role(w.RoleID, w.ResourceID), w.Requester)
		askedBy(&row, w.AssignmentRequest, w.By)
		row.CanDecide = true
		v.Rows = append(v.Rows, row)
	}
	v.Waiting, err = broker.CountAssignmentRequests(r, q.who)
	return err
}

// askedBy names who asked for a workload.
func askedBy(row *views.AssignmentRequestRow, w pim.AssignmentRequest, name string) {
	if w.AskedBy != "" {
		row.Holder.Workload, row.Holder.Detail = true, "Workload, asked by "+name
	}
}

func assignmentRequestRow(w pim.AssignmentRequest, a pim.Assignment, role views.Role, name string) views.AssignmentRequestRow {
	return views.AssignmentRequestRow{ID: w.ID, Holder: views.Holder{Person: views.Person{ID: w.PrincipalID, Name: name}}, Role: role, Active: a.Kind == pim.Active,
		Renew: w.Kind == pim.RenewAssignment, Until: a.EndsAt, Asked: w.RequestedAt, Reason: w.Justification}
}

// AssignmentRequestPage is GET /assignment-requests/:id, for who asked, for those who decide and for auditors.
func (s *Server) AssignmentRequestPage(q *request) error {
	return s.assignmentRequestPage(q, http.StatusOK, nil, nil)
}

// DecideAssignmentRequest is POST /assignment-requests/:id/decision: on approving, start, end and even the kind may be changed.
func (s *Server) DecideAssignmentRequest(q *request) error {
	form, err := q.FormParams()
	if err != nil {
		return err
	}
	values, terms, wrong := termsIn(q, form)
	decision := form.Get("decision")
	switch {
	case decision == "deny":
		wrong = nil
	case decision != "approve":
		wrong["decision"] = "Choose whether to extend it or to deny."
	}
	if len(wrong) > 0 {
		return s.assignmentRequestPage(q, http.StatusUnprocessableEntity, &values, wrong)
	}
	id := q.Param("id")
	out, err := s.broker.DecideAssignmentRequest(q.ctx(), q.actor(), broker.AssignmentDecision{ID: id, Approve: decision == "approve", AssignmentTerms: terms,
		Justification: strings.TrimSpace(values.Justification), TicketNumber: values.TicketNumber, TicketSystem: values.TicketSystem}, "/assignment-requests/"+id)
	if status, refused, other := formRefusal(err); refused != nil {
		return s.assignmentRequestPage(q, status, &values, refused)
	} else if other != nil {
		return other
	}
	out.AssignmentID = "" // back to the queue: others wait
	return s.follow(q, out)
}

func (s *Server) assignmentRequestPage(q *request, status int, values *views.AssignmentValues, wrong views.Errors) error {
	a, err := s.broker.AssignmentRequestOf(q.ctx(), q.actor(), q.Param("id"))
	if err != nil {
		return err
	}
	var v views.AssignmentRequestView
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	v, err = read(s, q, func(r *store.Reader) (views.AssignmentRequestView, error) { return v, fillDecision(r, q, a, &v) })
	if err != nil {
		return err
	}
	if v.Form != nil && values != nil {
		v.Form.Values, v.Form.Errors = *values, wrong
	}
	return s.page(q, status, views.AssignmentRequest(v))
}

func fillDecision(r *store.Reader, q *request, a broker.AssignmentView, v *views.AssignmentRequestView) error {
	w := a.Request
	n, err := namesOf(r, ids{roles: []string{w.RoleID}, resources: []string{w.ResourceID}, people: []string{w.DecidedBy}})
	if err != nil {
		return err
	}
	v.ID, v.Assignment, v.Row = w.ID, w.AssignmentID, assignmentRequestRow(*w, a.Row, n.role(w.RoleID, w.ResourceID), a.Holder.Name)
	askedBy(&v.Row, *w, a.AskedBy.Name)
	if w.AskedBy != "" {
		v.Facts = append(v.Facts, views.Detail{Term: "Asked by", Value: a.AskedBy.Name})
	}
	v.Facts = append(v.Facts, views.Detail{Term: "Waits until", At: w.TimesOutAt})
	if last, err := r.LastActivation(w.PrincipalID, w.RoleID, w.ResourceID); err != nil {
		return err
	} else if last != nil {
		v.Facts = append(v.Facts, views.Detail{Term: "Last activated", At: last.RequestedAt})
	}
	switch w.State {
	case pim.AssignmentRequestPending:
		offerDecision(q, a, v)
	case pim.AssignmentRequestApproved, pim.AssignmentRequestDenied:
		v.Decided = &views.Decision{By: n.person(w.DecidedBy), Yours: w.DecidedBy == q.who.ID, Deny: w.State == pim.AssignmentRequestDenied, At: w.DecidedAt, Reason: w.Decision}
	case pim.AssignmentRequestCanceled:
		v.Outcome = "It was canceled by who asked."
	case pim.AssignmentRequestTimedOut:
		v.Outcome = "Nobody decided in time."
	default:
		v.Outcome = "It is over with its assignment."
	}
	return nil
}

// offerDecision puts the form on the page of who may decide; a renewal is named anew.
func offerDecision(q *request, a broker.AssignmentView, v *views.AssignmentRequestView) {
	if !a.MayDecide {
		if v.WhyNot = "An administrator of the role decides this."; (a.Mine || a.Answers) && a.MayManage {
			v.WhyNot = "Nobody decides their own request. Another administrator has to."
		}
		return
	}
	zone := q.zoneOf("")
	values := views.AssignmentValues{Kind: string(a.Row.Kind), Start: "now", End: "longest", Zone: zone}
	if v.Row.Renew {
		values.End, values.EndAt = "at", localField(q.now.Add(rulesFor(a, a.Row.Kind).Max), zone)
	}
	form := assignmentForm(q, a.PlaceRules, values)
	form.Ticket = true
	form.Longest, form.Begun, form.ReasonNeeded = !v.Row.Renew, !v.Row.Renew, "always"
	if a.Holder.Kind == pim.Workload {
		form.OneKind = "A workload cannot activate: it can only be active."
	}
	v.Form, v.Passkey = &form, rulesFor(a, a.Row.Kind).StepUp
	again := "keeps it until the end that you give"
	if v.Row.Renew {
		again = "gets it anew, from the start until the end that you give"
	}
	v.Steps = []string{"Approved, " + a.Holder.Name + " " + again + ".", "Denied, nothing changes: it " + map[bool]string{true: "stays ended", false: "ends as planned"}[v.Row.Renew] + ".",
		a.AskedBy.Name + " is told either way, with your reason; so are the other administrators."}
}
