package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// loadApprovals fills the tabs' counts and, for the tabs of what waits, a page of their rows.
func loadApprovals(r *store.Reader, q *request, tab views.ApprovalsTab, after store.Keyset) (v views.ApprovalsView, err error) {
	v.Tab, v.SeesAll = tab, q.powers.Administrator
	if v.CountMine, err = waitingFor(r, q.who.ID); err != nil {
		return v, err
	}
	if v.SeesAll {
		all, err := r.CountPending(views.CountUpTo)
		if err != nil {
			return v, err
		}
		longer, err := r.PendingExtensions(pageSize)
		if err != nil {
			return v, err
		}
		v.CountAll = int(all) + len(longer)
	}
	if tab == views.TabDecided {
		return v, nil
	}
	list, mine, err := waitingPage(r, q, tab, after)
	if err != nil {
		return v, err
	}
	next := ""
	if len(list) > pageSize {
		list = list[:pageSize]
		last := list[pageSize-1]
		next = cursor(store.Keyset{At: last.RequestedAt, ID: last.ID})
	}
	v.List.Tab, v.List.Cursor = tab, q.QueryParam("cursor")
	v.List.Pager = pagerView(v.List.Path(), nil, v.List.Cursor, next)
	v.List.Pager.Forward = true
	if v.List.Rows, err = pendingRows(r, list, mine); err != nil || after.ID != "" {
		return v, err
	}
	longer, err := waitingExtensions(r, q, tab)
	v.List.Rows = append(longer, v.List.Rows...) // first: they have the least time
	return v, err
}

// waitingExtensions are the rows of the extensions that wait, those of the visitor or all of them.
func waitingExtensions(r *store.Reader, q *request, tab views.ApprovalsTab) ([]views.PendingRow, error) {
	mine, err := broker.ExtensionQueueOf(r, q.who.ID, pageSize)
	if err != nil {
		return nil, err
	}
	decides := map[string]bool{}
	for _, x := range mine {
		decides[x.ID] = true
	}
	if tab != views.TabAll {
		return extensionRows(r, mine, decides)
	}
	all, err := r.PendingExtensions(pageSize)
	if err != nil {
		return nil, err
	}
	return extensionRows(r, all, decides)
}

// waitingPage lists what waits, oldest first, with one more than a page, and what of it the visitor may decide.
func waitingPage(r *store.Reader, q *request, tab views.ApprovalsTab, after store.Keyset) (list, mine []pim.Activation, err error) {
	if tab != views.TabAll {
		list, err = broker.QueueOf(r, q.who.ID, after, pageSize+1)
		return list, list, err
	}
	if list, err = r.PendingActivations(after, pageSize+1); err != nil {
		return nil, nil, err
	}
	for _, a := range list {
		may, _, err := mayDecide(r, q, a)
		if err != nil {
			return nil, nil, err
		}
		if may {
			mine = append(mine, a)
		}
	}
	return list, mine, nil
}

func pendingRows(r *store.Reader, list, mine []pim.Activation) ([]views.PendingRow, error) {
	var i ids
	for _, a := range list {
		i.activation(a)
	}
	n, err := namesOf(r, i)
	if err != nil {
		return nil, err
	}
	decides := map[string]bool{}
	for _, a := range mine {
		decides[a.ID] = true
	}
	rows := make([]views.PendingRow, 0, len(list))
	for _, a := range list {
		facts, err := hints(r, a)
		if err != nil {
			return nil, err
		}
		rows = append(rows, views.PendingRow{Activation: a.ID, Person: n.person(a.PrincipalID), Role: n.role(a.RoleID, a.ResourceID), Justification: a.Justification,
			Duration: a.Duration, Start: a.StartAsked, Ticket: ticketText(a), Asked: a.RequestedAt, Facts: facts, CanDecide: decides[a.ID]})
	}
	return rows, nil
}

// hints are what stands out in a request: a role never asked for among the latest requests before it.
func hints(r *store.Reader, a pim.Activation) ([]views.Need, error) {
	earlier, err := r.ActivationsOf(a.PrincipalID, store.Keyset{At: a.RequestedAt, ID: a.ID}, pageSize)
	for _, e := range earlier {
		if e.RoleID == a.RoleID && e.ResourceID == a.ResourceID {
			return nil, err
		}
	}
	return []views.Need{{Icon: "triangle-alert", Text: "First time in this role here", Risk: true}}, err
}

// decidedRows are what the visitor decided, requests and extensions, a page at a time.
func decidedRows(r *store.Reader, q *request, from store.Keyset, search string) (rows []views.DecidedRow, next string, err error) {
	list, err := r.DecisionsBy(q.who.ID, from, pageSize+1)
	if err != nil {
		return nil, "", err
	}
	longer, err := r.ExtensionsDecidedBy(q.who.ID, from, pageSize+1)
	if err != nil {
		return nil, "", err
	}
	for _, x := range longer { // a decision like the others, of its activation
		list = append(list, pim.ApprovalDecision{ID: x.ID, ActivationID: x.ActivationID, Approve: x.State == pim.ExtensionApproved, Justification: x.Decision, At: x.DecidedAt})
	}
	slices.SortFunc(list, func(a, b pim.ApprovalDecision) int { return cmp.Or(b.At.Compare(a.At), strings.Compare(b.ID, a.ID)) })
	if len(list) > pageSize {
		list = list[:pageSize]
		last := list[pageSize-1]
		next = cursor(store.Keyset{At: last.At, ID: last.ID})
	}
	activations, n, err := activationsOf(r, list)
	if err != nil {
		return nil, "", err
	}
	extensions := map[string]pim.Extension{}
	for _, x := range longer {
		extensions[x.ID] = x
	}
	for _, d := range list {
		a := activations[d.ActivationID]
		row := views.DecidedRow{Activation: a.ID, Person: n.person(a.PrincipalID), Role: n.role(a.RoleID, a.ResourceID), At: d.At, Duration: a.Duration,
			Status: views.StatusView{State: views.Denied}, By: "You", Reason: d.Justification}
		if d.Approve {
			row.Status.State = views.Approved
		}
		if x, ok := extensions[d.ID]; ok {
			row.Extension, row.Duration = x.ID, x.Duration
		}
		named := views.Role{Name: row.Role.Name + " " + row.Person.Name, Scope: row.Role.Scope}
		if len(matching([]views.RoleRow{{Role: named}}, search)) > 0 {
			rows = append(rows, row)
		}
	}
	return rows, next, nil
}

func activationsOf(r *store.Reader, list []pim.ApprovalDecision) (map[string]pim.Activation, names, error) {
	out := map[string]pim.Activation{}
	var i ids
	for _, d := range list {
		a, err := r.Activation(d.ActivationID)
		if err != nil {
			return nil, names{}, err
		}
		out[a.ID] = a
		i.activation(a)
	}
	n, err := namesOf(r, i)
	return out, n, err
}

// approvalView is one request as an approver needs it: who, role, scope, reason, ticket, how long, since
// when, and what else they hold.
func approvalView(r *store.Reader, q *request, a pim.Activation) (views.ApprovalView, error) {
	v := views.ApprovalView{Activation: a.ID, Status: statusView(q.reader(), a), Justification: a.Justification, Ticket: ticketText(a), Duration: a.Duration,
		Start: a.StartAsked, Asked: a.RequestedAt, Verdicts: verdictViews(a.Verdicts), Passkey: true, CanCancel: q.powers.Administrator && a.State.Waits()}
	var i ids
	i.activation(a)
	n, err := namesOf(r, i)
	if err != nil {
		return v, err
	}
	v.Role, v.Person = n.role(a.RoleID, a.ResourceID), n.person(a.PrincipalID)
	if v.CanDecide, v.WhyNot, err = mayDecide(r, q, a); err != nil {
		return v, err
	}
	for _, fill := range []func(*store.Reader, *request, pim.Activation, *views.ApprovalView) error{fillRequester, fillApprovers, fillDecisions} {
		if err := fill(r, q, a, &v); err != nil {
			return v, err
		}
	}
	return v, nil
}

func fillRequester(r *store.Reader, _ *request, a pim.Activation, v *views.ApprovalView) (err error) {
	if p, err := r.Principal(a.PrincipalID); err == nil {
		v.Person = personView(p)
	}
	if v.Facts, err = hints(r, a); err != nil {
		return err
	}
	v.Holds, err = heldBeside(r, a)
	return err
}

func fillApprovers(r *store.Reader, _ *request, a pim.Activation, v *views.ApprovalView) error {
	people, err := deciders(r, a)
	if err != nil {
		return err
	}
	for _, p := range people {
		v.Approvers = append(v.Approvers, personView(p))
	}
	v.StageText = fmt.Sprintf("One of %d decides; the first decision counts.", len(people))
	if len(people) == 1 {
		v.StageText = "One person decides."
	}
	stages, err := r.Stages(a.ID)
	for _, s := range stages {
		v.TimesOut = s.TimesOutAt
	}
	return err
}

func fillDecisions(r *store.Reader, q *request, a pim.Activation, v *views.ApprovalView) error {
	decisions, err := r.Decisions(a.ID)
	if err != nil {
		return err
	}
	var i ids
	for _, d := range decisions {
		i.people = append(i.people, d.PrincipalID)
	}
	n, err := namesOf(r, i)
	for _, d := range decisions {
		v.Decisions = append(v.Decisions, views.Decision{By: n.person(d.PrincipalID), Yours: d.PrincipalID == q.who.ID, Deny: !d.Approve, At: d.At, Reason: d.Justification})
	}
	return err
}

// heldBeside is what a person holds, waits for or may activate beside the role that is asked for: held first,
// each role on a resource once.
func heldBeside(r *store.Reader, asked pim.Activation) ([]views.HeldRole, error) {
	open, err := r.OpenActivationsOf(asked.PersonID)
	if err != nil {
		return nil, err
	}
	var i ids
	for _, a := range open {
		i.activation(a)
	}
	holdings, err := r.Holdings(asked.PrincipalID)
	if err != nil {
		return nil, err
	}
	taken := takenBy(append(open, asked)...)
	assigned := append(oncePerRole(holdings, pim.Active, asked.PrincipalID, taken), oncePerRole(holdings, pim.Eligible, asked.PrincipalID, taken)...)
	for _, h := range assigned {
		i.roles, i.resources = append(i.roles, h.RoleID), append(i.resources, h.ResourceID)
	}
	n, err := namesOf(r, i)
	var out []views.HeldRole
	for _, a := range open {
		if a.ID != asked.ID {
			out = append(out, openHeld(n.role(a.RoleID, a.ResourceID), a))
		}
	}
	for _, h := range assigned {
		held := views.HeldRole{Role: n.role(h.RoleID, h.ResourceID), State: "eligible", Until: h.EndsAt}
		if h.Kind == pim.Active {
			held.State, held.Tone = "active", views.OK
		}
		out = append(out, held)
	}
	return out, err
}

func openHeld(role views.Role, a pim.Activation) views.HeldRole {
	switch a.State {
	case pim.PendingApproval:
		return views.HeldRole{Role: role, State: "waiting", Tone: views.Warn}
	case pim.Scheduled:
		return views.HeldRole{Role: role, State: "scheduled", From: a.StartsAt, Until: a.EndsAt, Tone: views.Info}
	}
	return views.HeldRole{Role: role, State: "active", Until: a.EndsAt, Tone: views.OK}
}
