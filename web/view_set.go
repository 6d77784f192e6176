package web

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// picks are the roles a form is about, in the order of the page.
type picked struct {
	requests []pim.ActivationRequest
	errors   map[string]string // of a duration, by assignment
	missing  []string          // of a kept set, in words
	set      string
	name     string
}

func (p picked) wrong() bool { return len(p.errors) > 0 }

// picked takes the roles from an address, or from a kept set with its durations.
func (s *Server) pickedIn(q *request, assignments []string, set string) (p picked, err error) {
	for _, id := range assignments {
		p.requests = append(p.requests, pim.ActivationRequest{AssignmentID: id})
	}
	if set == "" {
		return p, nil
	}
	return read(s, q, func(r *store.Reader) (picked, error) { return pickedSet(r, q, set) })
}

// pickedSet finds a kept set's roles among what the visitor may activate today.
func pickedSet(r *store.Reader, q *request, id string) (p picked, err error) {
	sets, err := r.Sets(q.who.ID)
	if err != nil {
		return p, err
	}
	at := slices.IndexFunc(sets, func(s pim.Set) bool { return s.ID == id })
	if at < 0 {
		return p, pim.NotFound()
	}
	eligible, err := r.AssignmentsFor(q.who.ID, pim.Eligible)
	if err != nil {
		return p, err
	}
	p.set, p.name = id, sets[at].Name
	var i ids
	for _, item := range sets[at].Items {
		i.roles, i.resources = append(i.roles, item.RoleID), append(i.resources, item.ResourceID)
	}
	n, err := namesOf(r, i)
	for _, item := range sets[at].Items {
		own := slices.IndexFunc(eligible, func(a pim.Assignment) bool {
			return a.RoleID == item.RoleID && a.ResourceID == item.ResourceID && a.InForceAt(r.Now)
		})
		if own < 0 {
			p.missing = append(p.missing, fmt.Sprintf("You are not eligible for %s any more; the set goes on without it.", n.role(item.RoleID, item.ResourceID).On()))
			continue
		}
		p.requests = append(p.requests, pim.ActivationRequest{AssignmentID: eligible[own].ID, Duration: item.Duration})
	}
	return p, err
}

// pickedForm reads the form as it was filled in.
func (s *Server) pickedForm(q *request) (p picked, v views.ActivateValues, err error) {
	form, err := q.FormParams()
	if err != nil {
		return p, v, err
	}
	v = views.ActivateValues{Justification: form.Get("justification"), TicketNumber: strings.TrimSpace(form.Get("ticket_number")),
		TicketSystem: strings.TrimSpace(form.Get("ticket_system"))}
	p.errors = map[string]string{}
	for _, id := range form["pick"] {
		d, err := parseDuration(form.Get("duration-"+id), "")
		if err != nil {
			p.errors[id] = "Choose one of the durations."
		}
		p.requests = append(p.requests, pim.ActivationRequest{AssignmentID: id, Duration: d, Justification: strings.TrimSpace(v.Justification),
			TicketNumber: v.TicketNumber, TicketSystem: v.TicketSystem})
	}
	return p, v, nil
}

// activateSetPage shows the form with every role's verdict; what is not the visitor's is not found.
func (s *Server) activateSetPage(q *request, status int, p picked, values views.ActivateValues, wrong views.Errors) error {
	if refusal := pim.CheckTogether(assignmentsOf(p), "role"); refusal != nil && len(p.requests) > 0 {
		return refusal
	}
	if len(p.requests) == 0 {
		said := append(p.missing, "Choose at least one role.")
		return s.follow(q, broker.Outcome{Done: said[0], Back: "/my-roles"})
	}
	v := views.ActivateSetView{Values: values, Errors: wrong, Missing: p.missing, Set: p.set, SetName: p.name}
	for _, req := range p.requests {
		check, err := s.broker.CheckActivation(q.ctx(), q.actor(), req)
		if err != nil {
			return err
		}
		v.Rows = append(v.Rows, setRowView(check, req, p.errors[req.AssignmentID], wrong != nil))
		v.ReasonNeeded = v.ReasonNeeded || check.Effective.Justification
		v.TicketNeeded = v.TicketNeeded || check.Effective.Ticket
		v.Passkey = v.Passkey || check.Decision.NeedsStepUp
		if check.Decision.NeedsApproval {
			v.Approvals++
		}
	}
	var err error
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.ActivateSet(v))
}

func assignmentsOf(p picked) []string {
	var out []string
	for _, req := range p.requests {
		out = append(out, req.AssignmentID)
	}
	return out
}

// setRowView is one role with what does not simply pass; the reason and ticket are asked for below, once.
func setRowView(check broker.ActivationCheck, req pim.ActivationRequest, wrong string, sent bool) views.SetRow {
	eff := check.Effective
	row := views.SetRow{Assignment: req.AssignmentID, Role: roleView(check.Role.Name, check.Path), Needs: needViews(eff.Settings),
		Choices: choices(eff.DefaultDuration, eff.MaxDuration), Chosen: eff.DefaultDuration, Max: eff.MaxDuration, Wrong: wrong}
	if req.Duration > 0 {
		row.Chosen = req.Duration
		if req.Duration <= eff.MaxDuration && !slices.Contains(row.Choices, req.Duration) {
			row.Choices = append(row.Choices, req.Duration)
			slices.Sort(row.Choices)
		}
	}
	for _, v := range check.Decision.Verdicts {
		asked := v.Rule == pim.RuleJustification || v.Rule == pim.RuleTicket
		if v.State == pim.Note || v.State == pim.No && !(asked && !sent) {
			row.Verdicts = append(row.Verdicts, views.Verdict{State: verdictState(v), Text: v.Message})
		}
	}
	return row
}

// setChips are the sets a person keeps.
func setChips(r *store.Reader, principalID string) ([]views.SetChip, error) {
	sets, err := r.Sets(principalID)
	var out []views.SetChip
	for _, s := range sets {
		out = append(out, views.SetChip{Name: s.Name, Count: len(s.Items), Href: "/my-roles/several?" + url.Values{"set": {s.ID}}.Encode()})
	}
	return out, err
}

var resultWords = map[string][3]string{ // title of several, what stands below, where it came from
	"activate":   {"asked for", "Each one on its own: what is refused changes nothing else.", "/my-roles"},
	"deactivate": {"given back", "Stint takes each away at its target and checks that it is gone.", "/my-roles"},
	"approve":    {"approved", "Approved is not granted: Stint grants each at its target now.", "/approvals"},
	"deny":       {"denied", "Each requester was told why.", "/approvals"},
	"bring_in":   {"brought in", "Nobody holds any of them by that: assign them next.", "/resources"},
	"assign":     {"made", "Each one on its own: what is refused changes nothing else.", "/assignments"},
	"ends":       {"changed", "Kind and start of each stay as they were.", "/assignments"},
	"unassign":   {"removed", "What was activated with them is being taken away.", "/assignments"},
}

func resultsView(r *store.Reader, q *request) (v views.ResultsView, err error) {
	res, err := broker.Results(r, q.who.ID, q.Param("id"))
	if err != nil {
		return v, err
	}
	var i ids
	done := 0
	for _, item := range res.Items {
		i.roles, i.resources, i.people = append(i.roles, item.RoleID), append(i.resources, item.ResourceID), append(i.people, item.PrincipalID)
	}
	n, err := namesOf(r, i)
	if err != nil {
		return v, err
	}
	for _, item := range res.Items {
		row, err := resultRow(r, q, item, n)
		if err != nil {
			return v, err
		}
		if row.Refused == "" {
			done++
		}
		v.Rows = append(v.Rows, row)
	}
	words := resultWords[res.Kind]
	v.Note, v.Back = words[1], views.Link{Text: "My roles", Href: words[2]}
	what := "roles"
	if words[2] == "/approvals" {
		what, v.Back.Text = "requests", "Approvals"
	} else if words[2] == "/assignments" {
		what, v.Back.Text = "assignments", "Assignments"
	}
	if words[2] == "/resources" {
		what, v.Back.Text = "entries", "Resources"
	}
	v.Title = fmt.Sprintf("%d of %d %s %s", done, len(v.Rows), what, words[0])
	return v, nil
}

func resultRow(r *store.Reader, q *request, item pim.ItemResult, n names) (views.ResultRow, error) {
	row := views.ResultRow{Role: n.role(item.RoleID, item.ResourceID), Refused: item.Refused}
	if item.Name != "" { // something that was brought in
		if row.Role.Name = item.Name; item.ResourceID != "" {
			row.Href = "/resources/" + item.ResourceID
		}
		return row, nil
	}
	if item.PrincipalID != "" && item.PrincipalID != q.who.ID {
		row.Person = n.person(item.PrincipalID)
	}
	if item.AssignmentID != "" && item.Refused == "" {
		row.Href = "/assignments/" + item.AssignmentID
	}
	if item.ActivationID == "" {
		return row, nil
	}
	a, err := r.Activation(item.ActivationID)
	if err != nil {
		return row, err
	}
	row.Href, row.Status = "/activations/"+a.ID, statusView(q.reader(), a)
	return row, targetNote(r, &row.Status, a)
}

// decideSetView lists the picked requests that the visitor may decide now.
func decideSetView(r *store.Reader, q *request, picked []string) (v views.DecideSetView, err error) {
	var list []pim.Activation
	for _, id := range picked {
		a, err := seenActivation(r, q, id)
		if err != nil {
			return v, err
		}
		may, why, err := mayDecide(r, q, a)
		if err != nil {
			return v, err
		}
		if !may {
			return v, pim.Refuse(pim.KindConflict, "One of the requests cannot be decided by you now: %s Go back and choose again.", why)
		}
		list = append(list, a)
	}
	v.Rows, err = pendingRows(r, list, list)
	return v, err
}
