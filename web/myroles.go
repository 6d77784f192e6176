package web

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// MyRolesPage is GET /my-roles: what the visitor holds, waits for and may activate. htmx gets the list.
func (s *Server) MyRolesPage(q *request) error {
	m, err := read(s, q, func(r *store.Reader) (myRoles, error) { return s.loadMyRoles(r, q) })
	if err != nil {
		return err
	}
	list := m.list(q.QueryParam("q"), q.QueryParam("state"))
	list.Reader = q.reader()
	if q.fragment() {
		return s.ok(q, views.MyRolesList(list))
	}
	shell, err := s.shell(q)
	if err != nil {
		return err
	}
	return s.ok(q, views.MyRoles(views.MyRolesView{Shell: shell, List: list, CountAll: m.total(), CountEligible: len(m.eligible),
		CountActive: len(m.active), CountWaiting: len(m.waiting), NeedsPasskey: m.needsPasskey}))
}

// SetFavourite is POST /my-roles/:assignment/favourite.
func (s *Server) SetFavourite(q *request) error {
	if err := s.broker.SetFavourite(q.ctx(), q.actor(), q.Param("assignment"), q.FormValue("favourite") == "yes"); err != nil {
		return err
	}
	return q.redirect("/my-roles")
}

// myRoles is everything on the page, before search and filter.
type myRoles struct {
	active, waiting, eligible []views.RoleRow
	needsPasskey              int
}

func (m myRoles) total() int { return len(m.active) + len(m.waiting) + len(m.eligible) }

// list keeps what matches.
func (m myRoles) list(q, state string) views.MyRolesListView {
	q = strings.TrimSpace(clip(q, 200))
	v := views.MyRolesListView{Total: m.total(), Q: q, State: state}
	v.Active, v.Waiting, v.Eligible = matching(m.active, q), matching(m.waiting, q), matching(m.eligible, q)
	switch state {
	case "active":
		v.Waiting, v.Eligible = nil, nil
	case "waiting":
		v.Active, v.Eligible = nil, nil
	case "eligible":
		v.Active, v.Waiting = nil, nil
	default:
		v.State = ""
	}
	return v
}

// clip cuts a text from an address to at most n bytes.
func clip(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }

// matching keeps the rows whose role, scope or system contains every word of q.
func matching(rows []views.RoleRow, q string) []views.RoleRow {
	words := strings.Fields(strings.ToLower(q))
	var out []views.RoleRow
	for _, row := range rows {
		text := strings.ToLower(row.Role.Name + " " + strings.Join(row.Role.Scope, " ") + " " + row.Role.Kind)
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			out = append(out, row)
		}
	}
	return out
}

func (s *Server) loadMyRoles(r *store.Reader, q *request) (m myRoles, err error) {
	open, err := r.OpenActivationsOf(q.who.PersonID)
	if err != nil {
		return m, err
	}
	ending, err := r.EndingActivationsOf(q.who.ID)
	if err != nil {
		return m, err
	}
	eligible, err := s.loadEligible(r, q, open)
	if err != nil {
		return m, err
	}
	m.eligible = eligible.rows()
	if !eligible.passkey {
		m.needsPasskey = eligible.asking()
	}
	m.active, m.waiting, err = activationRows(r, q, append(open, ending...))
	return m, err
}

// activationRows are the lines of what is held and what waits.
func activationRows(r *store.Reader, q *request, list []pim.Activation) (active, waiting []views.RoleRow, err error) {
	var i ids
	for _, a := range list {
		i.activation(a)
	}
	n, err := namesOf(r, i)
	if err != nil {
		return nil, nil, err
	}
	for _, a := range list {
		row := views.RoleRow{Activation: a.ID, Role: n.role(a.RoleID, a.ResourceID), Start: a.StartsAt, End: a.EndsAt, Asked: a.RequestedAt,
			Duration: a.Duration, Status: statusView(q.reader(), a)}
		if err := targetNote(r, &row.Status, a); err != nil {
			return nil, nil, err
		}
		if a.State == pim.PendingApproval {
			if row.Status.Approvals, err = waitsFor(r, a); err != nil {
				return nil, nil, err
			}
			waiting = append(waiting, row)
		} else {
			active = append(active, row)
		}
	}
	slices.SortStableFunc(active, func(a, b views.RoleRow) int { return a.End.Compare(b.End) })
	return active, waiting, nil
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

// eligibleRoles is what a person may activate, with everything its lines say.
type eligibleRoles struct {
	accountBook
	now         time.Time
	assignments []pim.Assignment
	scopes      map[string]pim.Path // of the assignments' resources
	favourites  map[[2]string]bool
	last        map[[2]string]time.Time
	groups      map[string]string // names of the groups that make eligible
	who         pim.Principal
	passkey     bool
}

// loadEligible reads them in a handful of queries, however many they are; roles with an open activation
// stand among the active and waiting ones.
func (s *Server) loadEligible(r *store.Reader, q *request, open []pim.Activation) (e eligibleRoles, err error) {
	e.now, e.who = r.Now, q.who
	c, err := s.catalogue(r, q.head)
	if err != nil {
		return e, err
	}
	if e.accountBook, err = c.bookOf(r, q.who.ID); err != nil {
		return e, err
	}
	all, err := r.AssignmentsFor(q.who.ID, pim.Eligible)
	if err != nil {
		return e, err
	}
	e.assignments = oncePerRole(all, q.who.ID, open)
	var resources, groups []string
	for _, a := range e.assignments {
		resources = append(resources, a.ResourceID)
		if a.PrincipalID != q.who.ID {
			groups = append(groups, a.PrincipalID)
		}
	}
	if e.scopes, err = c.scopesOf(r, unique(resources)); err != nil {
		return e, err
	}
	if e.groups, err = r.Names(unique(groups)); err != nil {
		return e, err
	}
	return e, e.loadOwn(r)
}

// loadOwn reads what is the person's own: favourites, last uses, passkeys.
func (e *eligibleRoles) loadOwn(r *store.Reader) (err error) {
	if e.favourites, err = r.Favourites(e.who.ID); err != nil {
		return err
	}
	uses, err := r.LastUses(e.who.ID)
	if err != nil {
		return err
	}
	e.last = map[[2]string]time.Time{}
	for _, u := range uses {
		e.last[[2]string{u.RoleID, u.ResourceID}] = u.At
	}
	credentials, err := r.CredentialsOf(e.who.ID)
	e.passkey = len(credentials) > 0
	return err
}

// unique keeps each id once.
func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// oncePerRole keeps one assignment of each role and resource: the person's own before a group's, then the
// one that lasts longest.
func oncePerRole(all []pim.Assignment, personID string, open []pim.Activation) []pim.Assignment {
	taken := map[[2]string]bool{}
	for _, a := range open {
		taken[[2]string{a.RoleID, a.ResourceID}] = true
	}
	best := map[[2]string]pim.Assignment{}
	for _, a := range all {
		key := [2]string{a.RoleID, a.ResourceID}
		if have, ok := best[key]; !taken[key] && (!ok || better(a, have, personID)) {
			best[key] = a
		}
	}
	var out []pim.Assignment
	for _, a := range all {
		if best[[2]string{a.RoleID, a.ResourceID}].ID == a.ID {
			out = append(out, a)
		}
	}
	return out
}

func better(a, than pim.Assignment, personID string) bool {
	if own := a.PrincipalID == personID; own != (than.PrincipalID == personID) {
		return own
	}
	return !than.EndsAt.IsZero() && (a.EndsAt.IsZero() || a.EndsAt.After(than.EndsAt))
}

// rows are the lines, favourites first, then by name.
func (e eligibleRoles) rows() []views.RoleRow {
	var out []views.RoleRow
	for _, a := range e.assignments {
		role, ok := e.roles[a.RoleID]
		if !ok {
			continue
		}
		key, eff := [2]string{a.RoleID, a.ResourceID}, e.effective(a)
		row := views.RoleRow{Assignment: a.ID, Role: roleView(role.Name, e.scopes[a.ResourceID]), Needs: needViews(eff.Settings), Max: eff.MaxDuration,
			LastActive: e.last[key], Until: a.EndsAt, Favourite: e.favourites[key], Blocked: e.blocked(a, role, eff)}
		if a.PrincipalID != e.who.ID {
			row.Through = e.groups[a.PrincipalID]
		}
		out = append(out, row)
	}
	slices.SortStableFunc(out, func(a, b views.RoleRow) int {
		if a.Favourite != b.Favourite {
			return cmp.Compare(favouriteRank(a), favouriteRank(b))
		}
		return cmp.Compare(strings.ToLower(a.Role.On()), strings.ToLower(b.Role.On()))
	})
	return out
}

func favouriteRank(r views.RoleRow) int {
	if r.Favourite {
		return 0
	}
	return 1
}

func (e eligibleRoles) effective(a pim.Assignment) pim.Effective {
	return pim.ResolveSettings(e.roles[a.RoleID], e.scopes[a.ResourceID], e.settings[a.RoleID])
}

// asking counts the roles that ask for a passkey.
func (e eligibleRoles) asking() (n int) {
	for _, a := range e.assignments {
		if e.effective(a).StepUp == pim.StepUpPasskey {
			n++
		}
	}
	return n
}

// blocked is what the account rule says when it says no; the other rules speak on the form.
func (e eligibleRoles) blocked(a pim.Assignment, role pim.RoleDefinition, eff pim.Effective) string {
	d := pim.EvaluateActivation(pim.ActivationRequest{}, pim.ActivationFacts{Now: e.now, Person: e.who, Assignment: a, Belongs: true, Role: role,
		Path: e.scopes[a.ResourceID], Effective: eff, Accounts: e.needs(role.ID, a.ResourceID)})
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
	add(s.StepUp == pim.StepUpPasskey, "fingerprint", "passkey")
	add(s.Justification, "message-square-text", "reason")
	add(s.Ticket, "ticket", "ticket")
	add(s.Approval, "user-check", "approval")
	return out
}
