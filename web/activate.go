package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/views"
)

// ActivatePage is GET /my-roles/:assignment/activate: the form with every rule's verdict.
func (s *Server) ActivatePage(q *request) error {
	values := views.ActivateValues{Duration: q.QueryParam("duration"), Other: clip(q.QueryParam("other"), 16)}
	req := pim.ActivationRequest{AssignmentID: q.Param("assignment")}
	var wrong error
	if values.Duration != "" || values.Other != "" {
		req.Duration, wrong = parseDuration(values.Duration, values.Other)
	}
	check, err := s.broker.CheckActivation(q.ctx(), q.actor(), req)
	if err != nil {
		return err
	}
	if values == (views.ActivateValues{}) {
		values = offered(check, q.QueryParam("again") == "1")
	}
	v, err := s.activateForm(q, check, values, nil)
	if err != nil {
		return err
	}
	v.Aside = asideView(check, req.Duration, wrong)
	return s.ok(q, views.Activate(v))
}

// ActivationChecks is POST /my-roles/:assignment/checks: what the rules say to the form as it stands. It changes
// nothing; it is a POST so that the reason never travels in an address.
func (s *Server) ActivationChecks(q *request) error {
	req, values := activationForm(q)
	var wrong error
	if values.Duration != "" || values.Other != "" {
		req.Duration, wrong = parseDuration(values.Duration, values.Other)
	}
	check, err := s.broker.CheckActivation(q.ctx(), q.actor(), req)
	if err != nil {
		return err
	}
	aside := asideView(check, req.Duration, wrong)
	aside.Reader, aside.Assignment = q.reader(), req.AssignmentID
	return s.ok(q, views.ActivateAside(aside))
}

// activationForm is what the form holds: as it is shown again, and as it is asked for, without its duration.
func activationForm(q *request) (pim.ActivationRequest, views.ActivateValues) {
	values := views.ActivateValues{Duration: q.FormValue("duration"), Other: strings.TrimSpace(q.FormValue("other")), Justification: q.FormValue("justification"),
		TicketNumber: strings.TrimSpace(q.FormValue("ticket_number")), TicketSystem: strings.TrimSpace(q.FormValue("ticket_system"))}
	return pim.ActivationRequest{AssignmentID: q.Param("assignment"), Justification: strings.TrimSpace(values.Justification),
		TicketNumber: values.TicketNumber, TicketSystem: values.TicketSystem}, values
}

// RequestActivation is POST /my-roles/:assignment/activations: asks for the role, or shows the form again
// with what is wrong, all at once (422).
func (s *Server) RequestActivation(q *request) error {
	req, values := activationForm(q)
	var wrong error
	if req.Duration, wrong = parseDuration(values.Duration, values.Other); wrong != nil {
		return s.activateAgain(q, req, values, wrong)
	}
	out, err := s.broker.RequestActivation(q.ctx(), q.actor(), req)
	var refusal *pim.Refusal
	if errors.As(err, &refusal) && refusal.Kind == pim.KindInvalid {
		return s.activateAgain(q, req, values, err)
	}
	if err != nil {
		return err
	}
	if out.ActivationID != "" {
		s.renewIfRisen(q)
	}
	return s.follow(q, out)
}

// activateAgain shows the form with its values kept and every refused field marked.
func (s *Server) activateAgain(q *request, req pim.ActivationRequest, values views.ActivateValues, cause error) error {
	check, err := s.broker.CheckActivation(q.ctx(), q.actor(), req)
	if err != nil {
		return err
	}
	wrong := verdictErrors(&pim.Refusal{Verdicts: check.Decision.Verdicts})
	delete(wrong, "")
	var refusal *pim.Refusal
	if errors.As(cause, &refusal) {
		for field, text := range verdictErrors(refusal) {
			wrong[field] = text
		}
	}
	v, err := s.activateForm(q, check, values, wrong)
	if err != nil {
		return err
	}
	v.Aside = asideView(check, req.Duration, cause)
	return s.page(q, http.StatusUnprocessableEntity, views.Activate(v))
}

func (s *Server) activateForm(q *request, check broker.ActivationCheck, values views.ActivateValues, wrong views.Errors) (views.ActivateView, error) {
	shell, err := s.shell(q)
	eff := check.Effective
	v := views.ActivateView{Shell: shell, Assignment: check.Assignment.ID, Role: roleView(check.Role.Name, check.Path), Choices: choices(eff.DefaultDuration, eff.MaxDuration),
		Max: eff.MaxDuration, Values: values, Errors: wrong, ReasonNeeded: eff.Justification, TicketNeeded: eff.Ticket, Passkey: check.Decision.NeedsStepUp}
	if check.Last != nil {
		v.Last = &views.LastUsed{Justification: check.Last.Justification, Duration: check.Last.Duration, At: check.Last.RequestedAt}
	}
	return v, err
}

// choices are up to five durations around the default, the maximum last.
func choices(usual, longest time.Duration) []time.Duration {
	list := []time.Duration{usual}
	for _, d := range []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour} {
		if d < longest {
			list = append(list, d)
		}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	for len(list) > 4 { // keep those nearest to the default
		if at := slices.Index(list, usual); at > len(list)/2 {
			list = list[1:]
		} else {
			list = list[:len(list)-1]
		}
	}
	if usual < longest {
		list = append(list, longest)
	}
	return list
}

// offered is the form as it opens: the default duration, or what was used last when asked for.
func offered(check broker.ActivationCheck, again bool) views.ActivateValues {
	d, reason := check.Effective.DefaultDuration, ""
	if again && check.Last != nil {
		d, reason = min(check.Last.Duration, check.Effective.MaxDuration), check.Last.Justification
	}
	v := views.ActivateValues{Justification: reason}
	if slices.Contains(choices(check.Effective.DefaultDuration, check.Effective.MaxDuration), d) {
		v.Duration = strconv.Itoa(int(d / time.Minute))
	} else {
		v.Other = fmt.Sprintf("%d:%02d", int(d.Hours()), int(d.Minutes())%60)
	}
	return v
}

// asideView is the dry run: what the rules say and what will happen.
func asideView(check broker.ActivationCheck, asked time.Duration, wrong error) views.ActivateAsideView {
	verdicts := check.Decision.Verdicts
	for i, v := range verdicts {
		var refusal *pim.Refusal
		if v.Rule == pim.RuleDuration && errors.As(wrong, &refusal) && (refusal.Field == "duration" || refusal.Field == "other") {
			verdicts[i] = pim.Verdict{Rule: pim.RuleDuration, State: pim.No, Message: refusal.Message}
		}
		if v.State == pim.No && wrong == nil && (v.Rule == pim.RuleJustification || v.Rule == pim.RuleTicket) {
			verdicts[i].State = pim.Todo // not typed yet, so not wrong yet
		}
	}
	if asked == 0 {
		asked = check.Effective.DefaultDuration
	}
	return views.ActivateAsideView{Verdicts: verdictViews(verdicts), Steps: steps(check, asked), Ends: check.Decision.End, AfterApproval: check.Decision.NeedsApproval}
}

// steps says what will happen, in order.
func steps(check broker.ActivationCheck, asked time.Duration) []string {
	var out []string
	if check.Decision.NeedsStepUp {
		out = append(out, "You confirm with your passkey.")
	}
	if check.Decision.NeedsApproval && len(check.Approvers) > 0 {
		out = append(out, oneOf(check.Approvers)+" approves. You can cancel until then.")
	}
	held := min(asked, check.Decision.End.Sub(check.Decision.Start))
	if len(check.Meanings) == 0 {
		return append(out, fmt.Sprintf("You hold %s at once.", check.Role.Name), fmt.Sprintf("After %s it ends by itself.", views.Duration(held)))
	}
	return append(out, fmt.Sprintf("Stint makes you %s on %s and reads it back.", check.Role.Name, check.Path.Leaf().Name),
		fmt.Sprintf("After %s Stint takes it away and checks that it is gone.", views.Duration(held)))
}

// oneOf names up to three people, or says how many they are.
func oneOf(people []pim.Principal) string {
	if len(people) > 3 {
		return fmt.Sprintf("One of %d people", len(people))
	}
	var names []string
	for _, p := range people {
		names = append(names, p.Name)
	}
	return strings.Join(names, " or ")
}
