package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
	a := askedIn(q, q.QueryParams())
	opens := a.values == (views.ActivateValues{Zone: a.values.Zone})
	check, wrong, err := s.checkAsked(q, a)
	if err != nil {
		return err
	}
	if opens {
		a.values, a.wrong = offered(check, q.QueryParam("again") == "1"), nil
		a.values.Zone = q.zoneOf("")
	}
	v, err := s.activateForm(q, check, a, wrong)
	if err != nil {
		return err
	}
	v.Aside = asideView(check, a)
	return s.ok(q, views.Activate(v))
}

// ActivationChecks is POST /my-roles/:assignment/checks: what the rules say to the form as it stands. It changes
// nothing; it is a POST so that the reason never travels in an address.
func (s *Server) ActivationChecks(q *request) error {
	a, err := askedFor(q)
	if err != nil {
		return err
	}
	check, _, err := s.checkAsked(q, a)
	if err != nil {
		return err
	}
	aside := asideView(check, a)
	aside.Reader, aside.Assignment = q.reader(), q.Param("assignment")
	return s.ok(q, views.ActivateAside(aside))
}

// asked is what the form holds: the requests it comes to, one for each chosen resource, and its values to be
// shown again.
type asked struct {
	requests []pim.ActivationRequest // at least one; without what is wrong
	values   views.ActivateValues
	start    planned
	wrong    views.Errors // what could not be read, by field; nil: nothing
}

func askedFor(q *request) (asked, error) {
	form, err := q.FormParams()
	return askedIn(q, form), err
}

// askedIn reads the form from a body or an address.
func askedIn(q *request, form url.Values) asked {
	text := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	a := asked{values: views.ActivateValues{Duration: form.Get("duration"), Other: clip(text("other"), 16), Justification: form.Get("justification"),
		TicketNumber: text("ticket_number"), TicketSystem: text("ticket_system"), Start: clip(form.Get("start"), 8), StartAt: clip(text("start_at"), 32), Zone: q.zoneOf(form.Get("zone"))}}
	req := pim.ActivationRequest{AssignmentID: q.Param("assignment"), Justification: strings.TrimSpace(a.values.Justification),
		TicketNumber: a.values.TicketNumber, TicketSystem: a.values.TicketSystem}
	keep := func(err error) {
		wrong, _ := fieldErrors(err)
		for field, words := range wrong {
			if a.wrong == nil {
				a.wrong = views.Errors{}
			}
			a.wrong[field] = words
		}
	}
	var err error
	if a.values.Duration != "" || a.values.Other != "" { // else the role's default, until it is asked for
		req.Duration, err = parseDuration(a.values.Duration, a.values.Other)
		keep(err)
	}
	a.start, err = parseStart(a.values.Start, a.values.StartAt, a.values.Zone)
	keep(err)
	req.Start = a.start.at
	for _, resource := range unique(slices.Clone(form["pick"])) {
		if req.ResourceID = clip(resource, 64); req.ResourceID != "" {
			a.requests = append(a.requests, req)
		}
	}
	if len(a.requests) == 0 {
		a.requests = []pim.ActivationRequest{req}
	}
	return a
}

// zoneOf is the zone local times of a form are meant in: the reader's own, else what the browser said, else UTC.
func (q *request) zoneOf(browser string) string {
	if q.who.Zone != "" && knownZone(q.who.Zone) {
		return q.who.Zone
	}
	if browser != "" && knownZone(browser) {
		return browser
	}
	return "UTC"
}

// checkAsked answers every rule for what the form asks; of several resources the first speaks for all, and the
// others say what they refuse.
func (s *Server) checkAsked(q *request, a asked) (broker.ActivationCheck, views.Errors, error) {
	first := a.requests[0]
	check, err := s.broker.CheckActivation(q.ctx(), q.actor(), first)
	wrong, err := fieldErrors(err)
	if wrong != nil { // there is no such resource here: the form is shown for all of them
		first.ResourceID = ""
		check, err = s.broker.CheckActivation(q.ctx(), q.actor(), first)
	}
	if err != nil {
		return check, nil, err
	}
	for _, req := range a.requests[1:min(len(a.requests), pim.MaxSet)] {
		other, err := s.broker.CheckActivation(q.ctx(), q.actor(), req)
		if refused, err := fieldErrors(err); refused != nil {
			wrong = refused
			continue
		} else if err != nil {
			return check, nil, err
		}
		check.Decision.Verdicts = append(check.Decision.Verdicts, refusedOf(other)...)
	}
	return check, wrong, nil
}

// refusedOf are the verdicts of one resource that say no, with its name.
func refusedOf(check broker.ActivationCheck) (out []pim.Verdict) {
	for _, v := range check.Decision.Verdicts {
		if v.State == pim.No && v.Field != "duration" && v.Field != "start" && v.Field != "justification" && v.Field != "ticket_number" {
			v.Message, v.Field = check.Path.Leaf().Name+": "+v.Message, "resource"
			out = append(out, v)
		}
	}
	return out
}

// RequestActivation is POST /my-roles/:assignment/activations: asks for the role, on one resource or on several
// below, or shows the form again with what is wrong, all at once (422).
func (s *Server) RequestActivation(q *request) error {
	a, err := askedFor(q)
	if err != nil {
		return err
	}
	if _, err := parseDuration(a.values.Duration, a.values.Other); err != nil && a.wrong == nil {
		a.wrong, _ = fieldErrors(err)
	}
	if a.wrong != nil {
		return s.activateAgain(q, a, nil)
	}
	out, err := s.broker.RequestActivations(q.ctx(), q.actor(), a.requests)
	var refusal *pim.Refusal
	if errors.As(err, &refusal) && (refusal.Kind == pim.KindInvalid || len(a.requests) > 1 && refusal.Kind == pim.KindConflict) {
		return s.activateAgain(q, a, refusal)
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
func (s *Server) activateAgain(q *request, a asked, refusal *pim.Refusal) error {
	check, wrong, err := s.checkAsked(q, a)
	if err != nil {
		return err
	}
	marked := verdictErrors(&pim.Refusal{Verdicts: check.Decision.Verdicts})
	delete(marked, "")
	for field, words := range wrong {
		marked[field] = words
	}
	if refusal != nil {
		for field, words := range verdictErrors(refusal) {
			marked[field] = words
		}
	}
	for field, words := range a.wrong {
		marked[field] = words
	}
	v, err := s.activateForm(q, check, a, marked)
	if err != nil {
		return err
	}
	v.Aside = asideView(check, a)
	return s.page(q, http.StatusUnprocessableEntity, views.Activate(v))
}

func (s *Server) activateForm(q *request, check broker.ActivationCheck, a asked, wrong views.Errors) (views.ActivateView, error) {
	shell, err := s.shell(q)
	if err != nil {
		return views.ActivateView{}, err
	}
	eff := check.Effective
	v := views.ActivateView{Shell: shell, Assignment: check.Assignment.ID, Role: roleView(check.Role.Name, check.Path), Choices: choices(eff.DefaultDuration, eff.MaxDuration),
		Max: eff.MaxDuration, Lead: eff.MaxLead, ZoneKnown: q.who.Zone != "", Values: a.values, Errors: wrong, ReasonNeeded: eff.Justification,
		TicketNeeded: eff.Ticket, Passkey: check.Decision.NeedsStepUp}
	if check.Last != nil {
		v.Last = &views.LastUsed{Justification: check.Last.Justification, Duration: check.Last.Duration, At: check.Last.RequestedAt}
	}
	return v, s.fillScopes(q, a, &v)
}

// fillScopes lists what may be chosen below; what is chosen already stays.
func (s *Server) fillScopes(q *request, a asked, v *views.ActivateView) error {
	var chosen []string
	for _, req := range a.requests {
		chosen = append(chosen, req.ResourceID)
	}
	v.ScopeQ = strings.TrimSpace(clip(q.QueryParam("q"), 200))
	scopes, more, err := s.broker.Scopes(q.ctx(), q.actor(), v.Assignment, v.ScopeQ, chosen)
	v.MoreScopes = more
	for _, sc := range scopes {
		v.Scopes = append(v.Scopes, views.ScopeChoice{ID: sc.Resource.ID, Path: sc.Path.Names(), Chosen: slices.Contains(chosen, sc.Resource.ID)})
	}
	return err
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
func asideView(check broker.ActivationCheck, a asked) views.ActivateAsideView {
	verdicts := slices.Clone(check.Decision.Verdicts)
	for i, v := range verdicts {
		if words := durationWords(a.wrong); v.Rule == pim.RuleDuration && words != "" {
			verdicts[i] = pim.Verdict{Rule: pim.RuleDuration, State: pim.No, Message: words}
		}
		if v.State == pim.No && a.values.Justification == "" && (v.Rule == pim.RuleJustification || v.Rule == pim.RuleTicket) {
			verdicts[i].State = pim.Todo // not typed yet, so not wrong yet
		}
	}
	if a.wrong["start"] != "" {
		verdicts = append(verdicts, pim.Verdict{Rule: pim.RuleStart, State: pim.No, Message: a.wrong["start"]})
	}
	v := views.ActivateAsideView{Verdicts: verdictViews(verdicts), Steps: steps(check, a), Ends: check.Decision.End, AfterApproval: check.Decision.NeedsApproval}
	if v.Starts = a.start.at; !v.Starts.IsZero() {
		v.AfterApproval = false
	}
	return v
}

func durationWords(wrong views.Errors) string {
	if wrong["duration"] != "" {
		return wrong["duration"]
	}
	return wrong["other"]
}

// steps says what will happen, in order.
func steps(check broker.ActivationCheck, a asked) []string {
	var out []string
	if check.Decision.NeedsStepUp {
		out = append(out, "You confirm with your passkey.")
	}
	if check.Decision.NeedsApproval && len(check.Approvers) > 0 {
		out = append(out, oneOf(check.Approvers)+" approves. You can cancel until then.")
	}
	out = append(out, startSteps(check, a)...)
	asked := a.requests[0].Duration
	if asked == 0 {
		asked = check.Effective.DefaultDuration
	}
	held := min(asked, check.Decision.End.Sub(check.Decision.Start))
	if len(check.Meanings) == 0 {
		return append(out, fmt.Sprintf("You hold %s from that moment.", check.Role.Name), fmt.Sprintf("After %s it ends by itself.", views.Duration(held)))
	}
	where := check.Path.Leaf().Name
	if others := len(a.requests) - 1; others > 0 {
		where += " and " + views.Plural(others, "other resource", "other resources")
	}
	return append(out, fmt.Sprintf("Stint makes you %s on %s and reads it back.", check.Role.Name, where),
		fmt.Sprintf("After %s Stint takes it away and checks that it is gone.", views.Duration(held)))
}

// startSteps says what happens at a planned start.
func startSteps(check broker.ActivationCheck, a asked) (out []string) {
	if a.start.at.IsZero() {
		return nil
	}
	out = append(out, "It waits for its start. Every rule is checked again then; you can cancel until then.")
	if a.start.note != "" {
		out = append(out, a.start.note)
	}
	if lead := pim.FreshLead; check.Role.Privileged && check.Decision.Start.Sub(check.Now) > lead {
		out = append(out, "You touch your passkey again when it starts: that is more than 24 h ahead.")
	}
	return out
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
