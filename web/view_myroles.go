package web

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// rolesPage is how many eligible roles a page of My roles has. What is held, what waits and the favourites stand
// on the first page, all of them.
const rolesPage = 100

// loadMyRoles reads the page: everything that is held and waits, and one page of what may be activated.
func loadMyRoles(r *store.Reader, q *request, asked rolesAsked) (v views.MyRolesView, err error) {
	open, err := r.OpenActivationsOf(q.who.PersonID)
	if err != nil {
		return v, err
	}
	ending, err := r.EndingActivationsOf(q.who.ID)
	if err != nil {
		return v, err
	}
	e, err := loadRoles(r, q, open)
	if err != nil {
		return v, err
	}
	active, waiting, coming, err := activationRows(r, q, append(open, ending...))
	if err != nil {
		return v, err
	}
	active = append(active, e.assignedRows()...)
	v.CountActive, v.CountWaiting, v.CountEligible = len(active), len(waiting), len(e.eligible)
	v.CountComing = len(coming)
	v.CountAll = v.CountActive + v.CountWaiting + v.CountEligible + v.CountComing
	if !e.passkey {
		v.NeedsPasskey = e.asking()
	}
	if v.Sets, err = setChips(r, q.who.ID); err != nil {
		return v, err
	}
	v.List = views.MyRolesListView{Total: v.CountAll, Q: asked.q, State: asked.state, Cursor: asked.cursor}
	if !asked.later() && (asked.state == "" || asked.state == "active") {
		v.List.Active = matching(active, asked.q)
	}
	if !asked.later() && (asked.state == "" || asked.state == "waiting") {
		v.List.Waiting = matching(waiting, asked.q)
	}
	if !asked.later() && (asked.state == "" || asked.state == "coming") {
		v.List.Coming = matching(coming, asked.q)
	}
	if asked.state == "" && !asked.later() {
		expired, err := e.expired(r)
		if err != nil {
			return v, err
		}
		v.List.Total += len(expired)
		v.List.Expired = matching(expired, asked.q)
	}
	if asked.state == "" && asked.q == "" && !asked.later() {
		if v.Workloads, err = workloadRoles(r, q); err != nil {
			return v, err
		}
	}
	if asked.state == "" || asked.state == "eligible" {
		v.List.Eligible, v.List.Pager, err = e.page(r, asked)
	}
	return v, err
}

// activationRows are the lines of what is held, what waits for an approver, and what is planned.
func activationRows(r *store.Reader, q *request, list []pim.Activation) (active, waiting, coming []views.RoleRow, err error) {
	var i ids
	for _, a := range list {
		i.activation(a)
	}
	n, err := namesOf(r, i)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, a := range list {
		row := views.RoleRow{Activation: a.ID, Role: n.role(a.RoleID, a.ResourceID), Start: a.StartsAt, End: a.EndsAt, Asked: a.RequestedAt, Plan: a.StartAsked,
			Duration: a.Duration, Status: statusView(q.reader(), a), CanExtend: a.ActiveAt(q.now)}
		if err := targetNote(r, &row.Status, a); err != nil {
			return nil, nil, nil, err
		}
		switch a.State {
		case pim.PendingApproval:
			if row.Status.Approvals, err = waitsFor(r, a); err != nil {
				return nil, nil, nil, err
			}
			waiting = append(waiting, row)
		case pim.Scheduled:
			coming = append(coming, row)
		default:
			active = append(active, row)
		}
	}
	slices.SortStableFunc(active, func(a, b views.RoleRow) int { return a.End.Compare(b.End) })
	slices.SortStableFunc(coming, func(a, b views.RoleRow) int { return a.Start.Compare(b.Start) })
	return active, waiting, coming, nil
}

// waitsFor names up to two of those who may decide a request, and says how many others may.
func waitsFor(r *store.Reader, a pim.Activation) (string, error) {
	people, err := deciders(r, a)
	var names []string
	for _, p := range people[:min(2, len(people))] {
		names = append(names, p.Name)
	}
	switch others := len(people) - 2; {
	case len(people) == 0:
		return "", err
	case others > 0:
		return "waits for " + strings.Join(names, ", ") + " and " + views.Plural(others, "other", "others"), err
	}
	return "waits for " + strings.Join(names, " or "), err
}

// roles is what a person is assigned, with what its lines say.
type roles struct {
	accountBook
	now      time.Time
	who      pim.Principal
	eligible []ownRole         // one a role and resource; favourites first, then by name
	assigned []ownRole         // held without an activation
	groups   map[string]string // names of the groups that make eligible
	passkey  bool
	asked    map[string]bool // assignments the person asked to extend or renew, and nobody has decided
}

// ownRole is an assignment with its line.
type ownRole struct {
	store.Holding
	line      *roleLine
	favourite bool
}

// loadRoles reads them in a handful of queries, however many they are; roles with an open activation
// stand among the active and waiting ones.
func loadRoles(r *store.Reader, q *request, open []pim.Activation) (e roles, err error) {
	e.now, e.who = r.Now, q.who
	c, err := catalogueIn(r)
	if err != nil {
		return e, err
	}
	if e.accountBook, err = c.bookOf(r, q.who.ID); err != nil {
		return e, err
	}
	all, err := r.Holdings(q.who.ID)
	if err != nil {
		return e, err
	}
	lines, err := c.linesOf(r, all)
	if err != nil {
		return e, err
	}
	favourites, err := r.Favourites(q.who.ID)
	if err != nil {
		return e, err
	}
	own := func(kind pim.AssignmentKind, taken map[[2]string]bool) []ownRole {
		list := oncePerRole(all, kind, q.who.ID, taken)
		out := make([]ownRole, 0, len(list))
		for _, h := range list {
			if line := lines[h.At()]; line != nil {
				out = append(out, ownRole{h, line, kind == pim.Eligible && favourites[h.At()]})
			}
		}
		slices.SortFunc(out, ownRole.compare)
		return out
	}
	e.eligible, e.assigned = own(pim.Eligible, takenBy(open...)), own(pim.Active, takenBy())
	return e, e.loadOwn(r, all)
}

// compare orders favourites first, then by role and scope.
func (o ownRole) compare(than ownRole) int {
	if o.favourite != than.favourite {
		return favouriteRank(o) - favouriteRank(than)
	}
	return cmp.Or(strings.Compare(o.line.order, than.line.order), strings.Compare(o.ID, than.ID))
}

func favouriteRank(o ownRole) int {
	if o.favourite {
		return 0
	}
	return 1
}

// loadOwn reads whether there is a passkey, and what the groups are called.
func (e *roles) loadOwn(r *store.Reader, all []store.Holding) (err error) {
	var groups []string
	for _, a := range all {
		if a.PrincipalID != e.who.ID {
			groups = append(groups, a.PrincipalID)
		}
	}
	if len(groups) > 0 {
		if e.groups, err = r.Names(unique(groups)); err != nil {
			return err
		}
	}
	credentials, err := r.CredentialsOf(e.who.ID)
	if err != nil {
		return err
	}
	e.passkey = len(credentials) > 0
	e.asked, err = assignmentsAsked(r, e.who.ID)
	return err
}

// unique keeps each id once.
func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// oncePerRole keeps one holding of a kind of each role and resource that is not taken yet, and takes it: the
// person's own before a group's, then the one that lasts longest.
func oncePerRole(all []store.Holding, kind pim.AssignmentKind, personID string, taken map[[2]string]bool) []store.Holding {
	place := make(map[[2]string]int, len(all))
	out := make([]store.Holding, 0, len(all))
	for _, h := range all {
		if i, ok := place[h.At()]; ok && h.Kind == kind {
			if better(h, out[i], personID) {
				out[i] = h
			}
		} else if h.Kind == kind && !taken[h.At()] {
			place[h.At()], taken[h.At()] = len(out), true
			out = append(out, h)
		}
	}
	return out
}

// takenBy are the roles and resources of activations; what is planned leaves the role to be activated now.
func takenBy(open ...pim.Activation) map[[2]string]bool {
	taken := make(map[[2]string]bool, len(open))
	for _, a := range open {
		if a.StartAsked.IsZero() {
			taken[[2]string{a.RoleID, a.ResourceID}] = true
		}
	}
	return taken
}

func better(a, than store.Holding, personID string) bool {
	if own := a.PrincipalID == personID; own != (than.PrincipalID == personID) {
		return own
	}
	return !than.EndsAt.IsZero() && (a.EndsAt.IsZero() || a.EndsAt.After(than.EndsAt))
}

// page is the rows of one page that match, and where the others are. A place behind the last role is the
// first page: what stood there is gone.
func (e roles) page(r *store.Reader, asked rolesAsked) ([]views.RoleRow, views.Pager, error) {
	list := e.eligible
	if asked.q != "" {
		list = slices.DeleteFunc(slices.Clone(list), func(o ownRole) bool { return !matches(o.line.text, asked.q) })
	}
	favourites := 0
	for favourites < len(list) && list[favourites].favourite {
		favourites++
	}
	from := 0
	if asked.later() {
		rest, _ := slices.BinarySearchFunc(list[favourites:], asked.after, func(o ownRole, after store.PrincipalPage) int {
			if cmp.Or(strings.Compare(o.line.order, after.AfterName), strings.Compare(o.ID, after.AfterID)) > 0 {
				return 1
			}
			return -1
		})
		from = favourites + rest
	}
	if from == len(list) {
		from = 0
	}
	to := min(max(from, favourites)+rolesPage, len(list))
	var p views.Pager
	if to-from < len(list) {
		next := ""
		if to < len(list) {
			next = nameCursor(list[to-1].ID, list[to-1].line.order)
		}
		p = pagerView("/my-roles", url.Values{"q": {asked.q}, "state": {asked.state}}, asked.cursor, next)
		p.Forward, p.Note = true, fmt.Sprintf("Eligible %s to %s of %s", views.Count(int64(from+1)), views.Count(int64(to)), views.Count(int64(len(list))))
	}
	rows, err := e.rows(r, list[from:to])
	return rows, p, err
}

// rows are the lines of what may be activated.
func (e roles) rows(r *store.Reader, list []ownRole) ([]views.RoleRow, error) {
	if len(list) == 0 {
		return nil, nil
	}
	assignments := make([]string, len(list))
	for i, o := range list {
		assignments[i] = o.ID
	}
	last, err := r.LastUses(e.who.ID, assignments)
	out := make([]views.RoleRow, 0, len(list))
	for _, o := range list {
		out = append(out, views.RoleRow{Assignment: o.ID, Role: o.line.shown, Needs: o.line.needs, Max: o.line.eff.MaxDuration, LastActive: last[o.ID],
			Until: o.EndsAt, Favourite: o.favourite, Blocked: e.blocked(o), Through: e.through(o), Ask: e.askOf(o)})
	}
	return out, err
}

// assignedRows are the lines of what is held without an activation.
func (e roles) assignedRows() []views.RoleRow {
	out := make([]views.RoleRow, 0, len(e.assigned))
	for _, o := range e.assigned {
		out = append(out, views.RoleRow{Assignment: o.ID, Assigned: true, Role: o.line.shown, Until: o.EndsAt, Through: e.through(o), Ask: e.askOf(o)})
	}
	return out
}

// through names the group a role comes from.
func (e roles) through(o ownRole) string {
	if o.PrincipalID == e.who.ID {
		return ""
	}
	return e.groups[o.PrincipalID]
}

// asking counts the roles that ask for a passkey.
func (e roles) asking() (n int) {
	for _, o := range e.eligible {
		if o.line.eff.StepUp.Asks() {
			n++
		}
	}
	return n
}

// blocked is what the account rule says when it says no; the other rules speak on the form.
func (e roles) blocked(o ownRole) string {
	accounts := e.needs(o.RoleID, o.ResourceID)
	if len(accounts) == 0 {
		return ""
	}
	d := pim.EvaluateActivation(pim.ActivationRequest{}, pim.ActivationFacts{Now: e.now, Person: e.who, Belongs: true, Role: o.line.role,
		Path: o.line.path, Effective: o.line.eff, Accounts: accounts})
	for _, v := range d.Verdicts {
		if v.Rule == pim.RuleAccount && v.State == pim.No {
			return v.Message
		}
	}
	return ""
}

// needViews says what activating a role asks for.
func needViews(s pim.Settings) []views.Need {
	var out []views.Need
	add := func(asked bool, icon, text string) {
		if asked {
			out = append(out, views.Need{Icon: icon, Text: text})
		}
	}
	add(s.StepUp == pim.StepUpAttested, "fingerprint", "attested passkey")
	add(s.StepUp.Asks() && s.StepUp != pim.StepUpAttested, "fingerprint", "passkey")
	add(s.Context != "", "log-in", "sign-in again")
	add(s.Justification, "message-square-text", "reason")
	add(s.Ticket, "ticket", "ticket")
	add(s.Approval, "user-check", "approval")
	return out
}
