package web

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// AssignmentPage is GET /assignments/:id, for its holder, its administrators and auditors.
func (s *Server) AssignmentPage(q *request) error {
	return s.assignmentPage(q, http.StatusOK, nil)
}

// ChangeAssignment is POST /assignments/:id/change: another kind, start or end.
func (s *Server) ChangeAssignment(q *request) error {
	return s.changeAssignment(q, s.broker.UpdateAssignment)
}

// RenewAssignment is POST /assignments/:id/renew: makes it anew after its end.
func (s *Server) RenewAssignment(q *request) error {
	return s.changeAssignment(q, s.broker.RenewAssignment)
}

type assignmentChanging func(ctx context.Context, actor broker.Actor, c broker.AssignmentChange, back string) (broker.Outcome, error)

func (s *Server) changeAssignment(q *request, do assignmentChanging) error {
	form, err := q.FormParams()
	if err != nil {
		return err
	}
	values, terms, wrong := termsIn(q, form)
	again := func(v *views.AssignmentView) {
		if v.Change != nil {
			v.Change.Values, v.Change.Errors = values, wrong
		}
	}
	if len(wrong) > 0 {
		return s.assignmentPage(q, http.StatusUnprocessableEntity, again)
	}
	version, _ := strconv.ParseInt(form.Get("version"), 10, 64)
	id := q.Param("id")
	out, err := do(q.ctx(), q.actor(), broker.AssignmentChange{ID: id, Version: version, AssignmentTerms: terms, Justification: strings.TrimSpace(values.Justification),
		TicketNumber: values.TicketNumber, TicketSystem: values.TicketSystem}, "/assignments/"+id)
	if status, refused, other := formRefusal(err); refused != nil {
		wrong = refused
		return s.assignmentPage(q, status, again)
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}

// RemoveAssignment is POST /assignments/:id/remove.
func (s *Server) RemoveAssignment(q *request) error {
	id := q.Param("id")
	removal := removalIn(q, id)
	out, err := s.broker.RemoveAssignments(q.ctx(), q.actor(), removal, "/assignments/"+id)
	if status, wrong, other := formRefusal(err); wrong != nil {
		return s.assignmentPage(q, status, func(v *views.AssignmentView) {
			if v.Remove != nil {
				v.Remove.Values, v.Remove.Errors = removalValues(removal), removalErrors(wrong)
			}
		})
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}

func removalIn(q *request, ids ...string) broker.AssignmentRemoval {
	field := func(name string) string { return strings.TrimSpace(q.FormValue("remove_" + name)) }
	return broker.AssignmentRemoval{IDs: ids, Reason: field("justification"), TicketNumber: field("ticket_number"), TicketSystem: field("ticket_system")}
}

func removalValues(r broker.AssignmentRemoval) views.AssignmentValues {
	return views.AssignmentValues{Justification: r.Reason, TicketNumber: r.TicketNumber, TicketSystem: r.TicketSystem}
}

// removalErrors puts what is wrong beside the fields of removing, which have names of their own on their page.
func removalErrors(wrong views.Errors) views.Errors {
	out := views.Errors{"": wrong[""], "pick": wrong["pick"]}
	for _, name := range []string{"justification", "ticket_number", "ticket_system"} {
		out["remove_"+name] = wrong[name]
	}
	return out
}

// assignmentPage shows one assignment; again puts back what a refused form held.
func (s *Server) assignmentPage(q *request, status int, again func(*views.AssignmentView)) error {
	a, err := s.broker.AssignmentOf(q.ctx(), q.actor(), q.Param("id"))
	if err != nil {
		return err
	}
	var v views.AssignmentView
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	v, err = read(s, q, func(r *store.Reader) (views.AssignmentView, error) { return v, fillAssignment(r, q, a, &v) })
	if err != nil {
		return err
	}
	if again != nil {
		again(&v)
	}
	return s.page(q, status, views.Assignment(v))
}

// fillAssignment says what is known of an assignment, and offers what the reader may do with it.
func fillAssignment(r *store.Reader, q *request, a broker.AssignmentView, v *views.AssignmentView) (err error) {
	row := a.Row
	v.ID, v.Version, v.Active, v.State, v.From, v.Until = row.ID, row.Version, row.Kind == pim.Active, assignmentStates[row.StateAt(r.Now)], row.StartsAt, row.EndsAt
	v.Holder, v.HolderHref = holderOf(q, v.Can, row.PrincipalID, a.Holder.Name, a.Holder.Kind, a.Suspended)
	n, err := namesOf(r, ids{roles: []string{row.RoleID}, resources: []string{row.ResourceID}})
	if err != nil {
		return err
	}
	v.Role, v.Reason = n.role(row.RoleID, row.ResourceID), row.Justification
	if q.powers.MayRead() {
		v.RoleHref = membersAt(row.RoleID, row.ResourceID)
	} else {
		v.Back = views.Link{Text: "My roles", Href: "/my-roles"}
	}
	v.Facts = assignmentFacts(a)
	if err = fillGives(r, a, v); err != nil {
		return err
	}
	if v.Uses, err = usesOf(r, q, a); err != nil {
		return err
	}
	if a.MayManage || q.powers.MayAudit() {
		if v.Story, err = assignmentStory(r, q, row); err != nil {
			return err
		}
	}
	if a.Request != nil && a.Request.State == pim.AssignmentRequestPending {
		asked := assignmentAsked(q, a)
		v.Asked = &asked
	}
	if a.MayManage {
		offerChanges(q, a, v)
	}
	return nil
}

func assignmentFacts(a broker.AssignmentView) (out []views.Detail) {
	add := func(term, value string) {
		if value != "" {
			out = append(out, views.Detail{Term: term, Value: value})
		}
	}
	add("Made by", a.MadeBy)
	out = append(out, views.Detail{Term: "Made", At: a.Row.CreatedAt})
	add("Known from", sourceWords[a.Row.Source])
	add("Ticket", strings.TrimSpace(a.Row.TicketNumber+" "+a.Row.TicketSystem))
	if a.Row.StateAt(a.Row.EndedAt) == pim.AssignmentRemoved && !a.Row.EndedAt.IsZero() {
		out = append(out, views.Detail{Term: "Removed", At: a.Row.EndedAt})
	}
	return out
}

// fillGives says what holding the role means at targets, and what an activation asks for.
func fillGives(r *store.Reader, a broker.AssignmentView, v *views.AssignmentView) error {
	c, err := catalogueIn(r)
	if err != nil {
		return err
	}
	below, err := r.MeaningsBelow(a.Row.RoleID, a.Row.ResourceID)
	if err != nil {
		return err
	}
	for i, m := range below {
		if i == choicesShown {
			v.Gives = append(v.Gives, "And "+views.Plural(len(below)-i, "other place", "other places")+" below.")
			break
		}
		path := c.paths[m.ResourceID]
		v.Gives = append(v.Gives, "At "+path.Leaf().Name+" ("+c.targets[path.TargetID()]+"): "+m.Name+".")
	}
	if len(below) == 0 {
		v.Gives = append(v.Gives, "Nothing at a target: it counts in Stint.")
	}
	if a.Role.ID == "" {
		v.Gives = []string{"Nothing any more: the role or the resource is gone."}
		return nil
	}
	if !v.Active {
		eff, err := effectiveAt(r, broker.Place{RoleID: a.Row.RoleID, ResourceID: a.Row.ResourceID})
		if err != nil {
			return err
		}
		v.Needs = needViews(eff.Settings)
		v.Gives = append(v.Gives, "For at most "+views.Duration(eff.MaxDuration)+" at a time"+withNeeds(eff)+".")
	}
	return nil
}

// usesOf are the open activations that rest on an assignment; of a person's the last one too.
func usesOf(r *store.Reader, q *request, a broker.AssignmentView) ([]views.AssignmentUse, error) {
	list, err := r.OpenActivationsUsing(a.Row.ID)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 && a.Holder.Kind == pim.Person {
		last, err := r.LastActivation(a.Row.PrincipalID, a.Row.RoleID, a.Row.ResourceID)
		if err != nil {
			return nil, err
		}
		if last != nil {
			list = []pim.Activation{*last}
		}
	}
	var i ids
	list = list[:min(len(list), pageSize)]
	for _, act := range list {
		i.activation(act)
	}
	n, err := namesOf(r, i)
	out := make([]views.AssignmentUse, len(list))
	for j, act := range list {
		out[j] = views.AssignmentUse{Person: n.person(act.PrincipalID), Status: statusView(q.reader(), act), At: act.RequestedAt}
		if act.PrincipalID == q.who.ID || q.powers.MayAudit() {
			out[j].Href = "/activations/" + act.ID
		}
	}
	return out, err
}

// assignmentStory is what the log says of an assignment, oldest first.
func assignmentStory(r *store.Reader, q *request, a pim.Assignment) ([]views.StoryStep, error) {
	entries, err := r.Entries(store.EntryFilter{Person: a.PrincipalID, Type: "assignment.", Limit: 200})
	if err != nil {
		return nil, err
	}
	var mine []store.EntryRow
	for _, e := range entries {
		if e.ObjectID == a.ID {
			mine = append([]store.EntryRow{e}, mine...)
		}
	}
	b, err := loadLogBook(r, mine)
	var out []views.StoryStep
	for _, e := range mine {
		step := views.StoryStep{At: e.At, Text: wordsOf(e.Type), More: "by " + b.somebody(e.Actor).Name, Quote: cmp.Or(e.Texts["justification"], e.Texts["reason"])}
		if q.powers.MayAudit() {
			step.Entry = e.Seq
		}
		if e.Result != string(pim.OK) {
			step.Tone = views.Bad
		}
		out = append(out, step)
	}
	if a.StateAt(q.now) == pim.AssignmentInForce && !a.EndsAt.IsZero() {
		out = append(out, views.StoryStep{At: a.EndsAt, Text: "Ends", More: "What was activated with it ends too", Next: true})
	}
	return out, err
}

// assignmentAsked is the request that waits.
func assignmentAsked(q *request, a broker.AssignmentView) views.AssignmentAsked {
	w := a.Request
	return views.AssignmentAsked{ID: w.ID, By: views.Person{ID: a.AskedBy.ID, Name: a.AskedBy.Name}, Yours: w.PersonID == q.who.PersonID, Renew: w.Kind == pim.RenewAssignment,
		At: w.RequestedAt, Reason: w.Justification, Decide: a.MayDecide}
}

// offerChanges puts the forms on the page that its state allows.
func offerChanges(q *request, a broker.AssignmentView, v *views.AssignmentView) {
	row, zone := a.Row, q.zoneOf("")
	values := views.AssignmentValues{Kind: string(row.Kind), Start: "now", End: "at", EndAt: localField(row.EndsAt, zone), Zone: zone, TicketNumber: row.TicketNumber, TicketSystem: row.TicketSystem}
	if row.EndsAt.IsZero() {
		values.End = "never"
	}
	switch state := row.StateAt(q.now); {
	case a.Role.ID == "":
		v.WhyNot = "The role or the resource is gone; nothing can be changed here but removing the assignment."
	case state == pim.AssignmentExpired && !row.MayRenewAt(q.now):
		v.WhyNot = "It expired more than 30 days ago. Make a new assignment instead."
	case state == pim.AssignmentRemoved:
		v.WhyNot = "It was removed. Make a new assignment instead."
	default:
		if state == pim.AssignmentExpired {
			values.EndAt = localField(q.now.Add(rulesFor(a, row.Kind).Max), zone)
		} else if state == pim.AssignmentFuture {
			values.Start, values.StartAt = "at", localField(row.StartsAt, zone)
		}
		form := assignmentForm(q, a.PlaceRules, values)
		form.Ticket, form.Longest, form.Begun = true, state != pim.AssignmentExpired, state == pim.AssignmentInForce
		if a.Holder.Kind == pim.Workload {
			form.OneKind = "A workload cannot activate: it can only be active."
		}
		v.Change, v.Passkey = &form, a.Eligible.StepUp || a.PlaceRules.Active.StepUp
	}
	if !v.State.Over() {
		v.Remove = &views.AssignmentForm{}
		v.Ends = endsWith(a, v.Role)
	}
}

func rulesFor(a broker.AssignmentView, kind pim.AssignmentKind) pim.AssignmentRules {
	if kind == pim.Active {
		return a.PlaceRules.Active
	}
	return a.PlaceRules.Eligible
}

// endsWith says what ends when it is removed.
func endsWith(a broker.AssignmentView, role views.Role) []string {
	out := []string{a.Holder.Name + " can no longer activate " + role.On() + " by this assignment."}
	if a.Row.Kind == pim.Active {
		return []string{a.Holder.Name + " no longer holds " + role.On() + " by this assignment: Stint takes it away and checks that it is gone."}
	}
	if a.Activations > 0 {
		out = append(out, views.Plural(a.Activations, "open activation ends", "open activations end")+" now, and Stint takes the role away.")
	}
	return out
}
