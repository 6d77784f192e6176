package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// StartActivation is POST /activations/:id/start: the holder's fresh touch at a start that was planned far ahead.
func (s *Server) StartActivation(q *request) error {
	if err := s.ownOrSay(q, "Only the person who planned it starts it."); err != nil {
		return err
	}
	out, err := s.broker.StartNow(q.ctx(), q.actor(), q.Param("id"))
	if err != nil {
		return err
	}
	return s.follow(q, out)
}

// ExtendPage is GET /activations/:id/extend: the form with every rule's verdict.
func (s *Server) ExtendPage(q *request) error {
	if err := s.ownOrSay(q, "Only the person who holds it extends it."); err != nil {
		return err
	}
	return s.extendPage(q, http.StatusOK, pim.ExtensionRequest{ActivationID: q.Param("id")}, views.ActivateValues{}, nil)
}

// RequestExtension is POST /activations/:id/extensions: asks for a later end, or shows the form again with what is
// wrong, all at once (422).
func (s *Server) RequestExtension(q *request) error {
	if err := s.ownOrSay(q, "Only the person who holds it extends it."); err != nil {
		return err
	}
	a, err := askedFor(q)
	if err != nil {
		return err
	}
	first := a.requests[0]
	req := pim.ExtensionRequest{ActivationID: q.Param("id"), Duration: first.Duration, Justification: first.Justification,
		TicketNumber: first.TicketNumber, TicketSystem: first.TicketSystem}
	if _, err := parseDuration(a.values.Duration, a.values.Other); err != nil {
		wrong, _ := fieldErrors(err)
		return s.extendPage(q, http.StatusUnprocessableEntity, req, a.values, wrong)
	}
	out, err := s.broker.RequestExtension(q.ctx(), q.actor(), req)
	var refusal *pim.Refusal
	if errors.As(err, &refusal) && refusal.Kind == pim.KindInvalid {
		return s.extendPage(q, http.StatusUnprocessableEntity, req, a.values, verdictErrors(refusal))
	}
	if err != nil {
		return err
	}
	return s.follow(q, out)
}

func (s *Server) extendPage(q *request, status int, req pim.ExtensionRequest, values views.ActivateValues, wrong views.Errors) error {
	check, err := s.broker.CheckExtension(q.ctx(), q.actor(), req)
	if err != nil {
		return err
	}
	shell, err := s.shell(q)
	if err != nil {
		return err
	}
	if values == (views.ActivateValues{}) {
		values.Duration = strconv.Itoa(int(check.Rules.DefaultDuration / time.Minute))
	}
	d := check.Decision
	v := views.ExtendView{Shell: shell, Activation: req.ActivationID, End: check.Activation.EndsAt, Approval: d.NeedsApproval, Running: check.Activation.ActiveAt(q.now),
		Form: views.ActivateView{Role: roleView(check.Role.Name, check.Path), Choices: choices(check.Rules.DefaultDuration, check.Rules.MaxDuration), Max: check.Rules.MaxDuration,
			Values: values, Errors: wrong, ReasonNeeded: check.Rules.Justification, TicketNeeded: check.Rules.Ticket, Passkey: d.NeedsStepUp}}
	if d.End.After(v.End) {
		v.NewEnd = d.End
	}
	for i, verdict := range d.Verdicts {
		if wrong == nil && verdict.State == pim.No && (verdict.Rule == pim.RuleJustification || verdict.Rule == pim.RuleTicket) {
			d.Verdicts[i].State = pim.Todo // not typed yet, so not wrong yet
		}
	}
	v.Verdicts = verdictViews(d.Verdicts)
	return s.page(q, status, views.Extend(v))
}

// CancelExtension is POST /extensions/:id/cancel: the holder takes a waiting extension back.
func (s *Server) CancelExtension(q *request) error {
	_, err := read(s, q, func(r *store.Reader) (pim.Extension, error) {
		x, a, err := seenExtension(r, q)
		if err == nil && !q.who.Same(a.PersonID) {
			err = pim.Refuse(pim.KindForbidden, "Only the person who asked takes it back.")
		}
		return x, err
	})
	if err != nil {
		return err
	}
	activation, err := s.broker.CancelExtension(q.ctx(), q.actor(), q.Param("id"))
	if err != nil {
		return err
	}
	return s.follow(q, broker.Outcome{ActivationID: activation})
}

// seenExtension loads an extension whose activation this visitor may see; any other does not exist for them.
func seenExtension(r *store.Reader, q *request) (pim.Extension, pim.Activation, error) {
	x, err := r.Extension(q.Param("id"))
	if errors.Is(err, store.ErrNotFound) {
		return x, pim.Activation{}, pim.NotFound()
	}
	if err != nil {
		return x, pim.Activation{}, err
	}
	if x.DecidedBy == q.who.ID {
		a, err := r.Activation(x.ActivationID)
		return x, a, err
	}
	a, err := seenActivation(r, q, x.ActivationID)
	return x, a, err
}

var anExtension = decided{decide: (*broker.Broker).DecideExtension, load: func(r *store.Reader, q *request) (views.ApprovalView, error) {
	x, a, err := seenExtension(r, q)
	if err != nil {
		return views.ApprovalView{}, err
	}
	return extensionView(r, q, x, a)
}}

// ExtensionPage is GET /approvals/extensions/:id: one extension with everything an approver needs to know.
func (s *Server) ExtensionPage(q *request) error {
	return s.decisionPage(q, anExtension, http.StatusOK, "", nil)
}

// DecideExtension is POST /approvals/extensions/:id/decision: approve or deny, with a reason; the passkey comes next.
func (s *Server) DecideExtension(q *request) error { return s.decide(q, anExtension) }

var extensionStates = map[pim.ExtensionState]views.State{pim.ExtensionPending: views.PendingApproval, pim.ExtensionApproved: views.Approved,
	pim.ExtensionDenied: views.Denied, pim.ExtensionCanceled: views.Canceled, pim.ExtensionTimedOut: views.TimedOut, pim.ExtensionEnded: views.Ended}

// extensionView is one extension as an approver needs it: what an activation's request shows, and both ends.
func extensionView(r *store.Reader, q *request, x pim.Extension, a pim.Activation) (views.ApprovalView, error) {
	v := views.ApprovalView{Activation: a.ID, Extension: x.ID, FromEnd: x.FromEnd, Until: x.EndsAt, Status: views.StatusView{Reader: q.reader(), State: extensionStates[x.State]},
		Justification: x.Justification, Ticket: strings.TrimSpace(x.TicketNumber + " " + x.TicketSystem), Duration: x.Duration, Asked: x.RequestedAt,
		Verdicts: verdictViews(x.Verdicts), Passkey: true}
	i := ids{people: []string{x.DecidedBy}}
	i.activation(a)
	n, err := namesOf(r, i)
	if err != nil {
		return v, err
	}
	v.Role, v.Person = n.role(a.RoleID, a.ResourceID), n.person(a.PrincipalID)
	if v.CanDecide, v.WhyNot, err = mayDecideExtension(r, q, x); err != nil {
		return v, err
	}
	if v.Holds, err = heldBeside(r, a); err != nil {
		return v, err
	}
	if err := fillApprovers(r, q, a, &v); err != nil {
		return v, err
	}
	v.TimesOut = x.TimesOutAt
	if x.DecisionID != "" {
		v.Decisions = []views.Decision{{By: n.person(x.DecidedBy), Yours: x.DecidedBy == q.who.ID, Deny: x.State == pim.ExtensionDenied, At: x.DecidedAt, Reason: x.Decision}}
	}
	return v, nil
}

func mayDecideExtension(r *store.Reader, q *request, x pim.Extension) (bool, string, error) {
	if x.State != pim.ExtensionPending {
		return false, "The first decision counts, so there is nothing left to decide.", nil
	}
	var refusal *pim.Refusal
	_, err := broker.MayDecideExtension(r, q.who, x)
	switch {
	case !errors.As(err, &refusal):
		return err == nil, "", err
	case refusal.Kind == pim.KindForbidden:
		return false, refusal.Message, nil
	}
	return false, "You are not among the approvers of this role.", nil
}

// extensionRows are waiting extensions as the queue shows them.
func extensionRows(r *store.Reader, list []pim.Extension, mine map[string]bool) ([]views.PendingRow, error) {
	var rows []views.PendingRow
	for _, x := range list {
		a, err := r.Activation(x.ActivationID)
		if err != nil {
			return nil, err
		}
		var i ids
		i.activation(a)
		n, err := namesOf(r, i)
		if err != nil {
			return nil, err
		}
		rows = append(rows, views.PendingRow{Activation: a.ID, Extension: x.ID, Until: x.EndsAt, Person: n.person(a.PrincipalID), Role: n.role(a.RoleID, a.ResourceID),
			Justification: x.Justification, Duration: x.Duration, Ticket: strings.TrimSpace(x.TicketNumber + " " + x.TicketSystem), Asked: x.RequestedAt, CanDecide: mine[x.ID]})
	}
	return rows, nil
}

// fillExtensions shows the extension that waits; extensionSteps tells the others.
func fillExtensions(r *store.Reader, q *request, a pim.Activation, v *views.ActivationBodyView) error {
	if a.EndsBy.IsZero() {
		return nil
	}
	x, err := r.WaitingExtension(a.ID)
	if err != nil || x == nil {
		return err
	}
	v.CanExtend = false
	v.Extension = &views.WaitingExtension{ID: x.ID, Until: x.EndsAt, TimesOut: x.TimesOutAt, CanCancel: v.Yours}
	return nil
}

// extensionSteps are what happened to the extensions of an activation.
func extensionSteps(r *store.Reader, a pim.Activation, rd views.Reader) ([]views.StoryStep, error) {
	if a.EndsBy.IsZero() {
		return nil, nil
	}
	list, err := r.Extensions(a.ID)
	if err != nil {
		return nil, err
	}
	var i ids
	for _, x := range list {
		i.people = append(i.people, x.DecidedBy)
	}
	n, err := namesOf(r, i)
	if err != nil {
		return nil, err
	}
	words := map[pim.ExtensionState]string{pim.ExtensionApproved: "Extended", pim.ExtensionDenied: "Extension denied", pim.ExtensionCanceled: "Extension canceled",
		pim.ExtensionTimedOut: "Nobody decided the extension in time", pim.ExtensionEnded: "The extension ended with the activation"}
	var steps []views.StoryStep
	for _, x := range list {
		until := "until " + (views.TimeView{Reader: rd, At: x.EndsAt, Style: views.End}).Format()
		if x.State == pim.ExtensionPending || x.DecisionID != "" {
			steps = append(steps, views.StoryStep{At: x.RequestedAt, Text: "Extension asked for", More: views.Duration(x.Duration) + " more, " + until, Quote: x.Justification})
		}
		if x.State == pim.ExtensionPending {
			continue
		}
		step := views.StoryStep{At: x.DecidedAt, Text: words[x.State], Quote: x.Decision}
		if x.State == pim.ExtensionApproved {
			step.More, step.Tone = until, views.OK
		}
		if x.DecidedBy != pim.System {
			step.Text += " by " + n.person(x.DecidedBy).Name
		}
		steps = append(steps, step)
	}
	return steps, nil
}
