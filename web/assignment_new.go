package web

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// NewAssignmentPage is GET /assignments/new: which role, then where, then the form.
func (s *Server) NewAssignmentPage(q *request) error {
	role, resource := clip(q.QueryParam("role"), maxCursorID), clip(q.QueryParam("resource"), maxCursorID)
	if role == "" || resource == "" {
		return s.chooseFirst(q, role, resource)
	}
	a := assignAsked{request: broker.AssignRequest{Places: []broker.Place{{RoleID: role, ResourceID: resource}}}, opens: true,
		values: views.AssignmentValues{Kind: string(pim.Eligible), Start: "now", End: "longest", Zone: q.zoneOf("")}}
	a.request.Kind = pim.Eligible
	if p := clip(q.QueryParam("principal"), maxCursorID); p != "" {
		a.request.Principals = []string{p}
	}
	return s.assignPage(q, http.StatusOK, a, nil)
}

// AssignmentChecks is POST /assignments/checks: what the rules say to the form as it stands, and whom a search finds. It changes
// nothing; it is a POST so that the reason never travels in an address.
func (s *Server) AssignmentChecks(q *request) error {
	a, err := assignForm(q)
	if err != nil {
		return err
	}
	if !q.fragment() {
		return s.assignPage(q, http.StatusOK, a, a.wrong)
	}
	check, err := s.broker.CheckAssign(q.ctx(), q.actor(), a.request)
	if err != nil {
		return err
	}
	aside, err := s.assignAside(q, a, check)
	if err != nil {
		return err
	}
	return s.ok(q, views.NewAssignmentAside(aside))
}

// AddAssignment is POST /assignments: assigns the role to everybody who is ticked, or shows the form again with what is wrong.
func (s *Server) AddAssignment(q *request) error {
	a, err := assignForm(q)
	if err != nil {
		return err
	}
	if len(a.wrong) > 0 {
		return s.assignPage(q, http.StatusUnprocessableEntity, a, a.wrong)
	}
	out, err := s.broker.Assign(q.ctx(), q.actor(), a.request, a.back())
	if status, wrong, other := formRefusal(err); wrong != nil {
		return s.assignPage(q, status, a, wrong)
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}

// formRefusal turns a refusal with a place in the form into errors by field; what the form cannot mend stays an error.
func formRefusal(err error) (int, views.Errors, error) {
	var r *pim.Refusal
	if !errors.As(err, &r) || r.Kind != pim.KindInvalid && len(r.Verdicts) == 0 && r.Kind != pim.KindConflict {
		return 0, nil, err
	}
	return statuses[r.Kind], verdictErrors(r), nil
}

// assignAsked is what the form holds.
type assignAsked struct {
	request broker.AssignRequest
	values  views.AssignmentValues
	who     string // the search
	wrong   views.Errors
	opens   bool // nobody has filled in anything yet
}

func (a assignAsked) place() broker.Place { return a.request.Places[0] }

func (a assignAsked) back() string {
	return "/assignments/new?" + url.Values{"role": {a.place().RoleID}, "resource": {a.place().ResourceID}}.Encode()
}

func assignForm(q *request) (a assignAsked, err error) {
	form, err := q.FormParams()
	if err != nil {
		return a, err
	}
	a.who = strings.TrimSpace(clip(form.Get("who"), 200))
	a.values, a.request.AssignmentTerms, a.wrong = termsIn(q, form)
	a.request.Places = []broker.Place{{RoleID: clip(form.Get("role"), maxCursorID), ResourceID: clip(form.Get("resource"), maxCursorID)}}
	for _, id := range unique(slices.Clone(form["pick"])) {
		a.request.Principals = append(a.request.Principals, clip(id, maxCursorID))
	}
	a.request.Justification, a.request.TicketNumber, a.request.TicketSystem = strings.TrimSpace(a.values.Justification), a.values.TicketNumber, a.values.TicketSystem
	return a, nil
}

// termsIn reads kind, start, end and reason, as every form of an assignment has them.
func termsIn(q *request, form url.Values) (v views.AssignmentValues, t pim.AssignmentTerms, wrong views.Errors) {
	text := func(name string, most int) string { return strings.TrimSpace(clip(form.Get(name), most)) }
	v = views.AssignmentValues{Kind: text("kind", 16), Start: text("start", 8), StartAt: text("start_at", 32), End: text("end", 8), EndAt: text("end_at", 32), EndAfter: text("end_after", 8),
		Zone: q.zoneOf(form.Get("zone")), Justification: form.Get("justification"), TicketNumber: text("ticket_number", 200), TicketSystem: text("ticket_system", 200)}
	t.Kind, t.Permanent, wrong = pim.AssignmentKind(v.Kind), v.End == "never", views.Errors{}
	var err error
	if t.Start, err = wallTime("start", "Now", v.Start, v.StartAt, v.Zone); err != nil {
		wrong["start"] = words(err)
	}
	if t.End, err = wallTime("end", "no time", v.End, v.EndAt, v.Zone); err != nil {
		wrong["end"] = words(err)
	}
	if v.End == "after" {
		if t.After = daysIn(v.EndAfter); t.After == 0 {
			wrong["end"] = "Write after how many days it ends, from 1 to 3650."
		}
	}
	return v, t, wrong
}

// daysIn reads a whole number of days; 0 where there is none.
func daysIn(text string) time.Duration {
	if !daysOnly.MatchString(text) {
		return 0
	}
	n, _ := strconv.Atoi(text) // the pattern lets only digits through
	if n > 3650 {
		return 0
	}
	return time.Duration(n) * 24 * time.Hour
}

var daysOnly = regexp.MustCompile(`^[1-9][0-9]{0,3}$`)

func wallTime(field, otherwise, when, wall, zone string) (time.Time, error) {
	if when != "at" && field == "end" {
		wall = "" // without script the field keeps what was there
	}
	p, err := parseStart(when, wall, zone)
	return p.at, err
}

func words(err error) string {
	var r *pim.Refusal
	if errors.As(err, &r) {
		return r.Message
	}
	return "This time cannot be read."
}

// assignPage is the form with its values kept, the checks beside it.
func (s *Server) assignPage(q *request, status int, a assignAsked, wrong views.Errors) error {
	check, err := s.broker.CheckAssign(q.ctx(), q.actor(), a.request)
	if err != nil {
		return err
	}
	rules := check.Rules[a.place()]
	v := views.NewAssignmentView{Role: a.place().RoleID, Resource: a.place().ResourceID, Shown: roleView(rules.Role.Name, rules.Path), Who: a.who, Passkey: check.Touch || rules.Active.StepUp,
		ChangeAll: "/assignments/new", ChangeAt: "/assignments/new?" + url.Values{"role": {a.place().RoleID}, "all": {"1"}}.Encode()}
	v.Form = assignmentForm(q, rules, a.values)
	v.Form.Errors, v.Form.Ticket = wrong, true
	if v.Aside, err = s.assignAside(q, a, check); err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	v, err = read(s, q, func(r *store.Reader) (views.NewAssignmentView, error) { return v, fillPicks(r, q, a, check, &v) })
	if err != nil {
		return err
	}
	return s.page(q, status, views.NewAssignment(v))
}

// picksFound is how many people a search shows.
const picksFound = 20

// fillPicks lists who is ticked, then whom the search finds.
func fillPicks(r *store.Reader, q *request, a assignAsked, check broker.AssignCheck, v *views.NewAssignmentView) error {
	ticked := a.request.Principals
	for _, item := range check.Items {
		row := views.PickRow{Holder: principalHolder(item.Principal), Ticked: true}
		if item.Principal.ID != "" {
			v.Rows = append(v.Rows, row)
		}
	}
	if a.who == "" && len(ticked) > 0 {
		return nil
	}
	found, err := r.FindPrincipals(a.who, picksFound+1)
	if err != nil {
		return err
	}
	if v.MoreWho = len(found) > picksFound; v.MoreWho {
		found = found[:picksFound]
	}
	has, err := holdsAlready(r, a.place(), found)
	for _, p := range found {
		if !slices.Contains(ticked, p.ID) {
			v.Rows = append(v.Rows, views.PickRow{Holder: principalHolder(p), Note: has[p.ID]})
		}
	}
	return err
}

func principalHolder(p pim.Principal) views.Holder {
	h := views.Holder{Person: personView(p), Group: p.Kind == pim.Group, Workload: p.Kind == pim.Workload}
	switch p.Kind {
	case pim.Group:
		h.Detail = "Group"
	case pim.Workload:
		h.Detail = "Workload"
	}
	return h
}

// holdsAlready says who has an assignment at the very place already.
func holdsAlready(r *store.Reader, place broker.Place, list []pim.Principal) (map[string]string, error) {
	out := map[string]string{}
	if len(list) == 0 {
		return out, nil
	}
	var who []string
	for _, p := range list {
		who = append(who, p.ID)
	}
	all, err := r.AssignmentsOf(who...)
	for _, a := range all {
		if a.RoleID == place.RoleID && a.ResourceID == place.ResourceID && a.StateAt(r.Now) != pim.AssignmentExpired {
			if out[a.PrincipalID] != "" {
				out[a.PrincipalID] += " and "
			}
			out[a.PrincipalID] += string(a.Kind) + " already"
		}
	}
	return out, err
}

// chooseFirst is the page that asks for the role, or for the resource.
func (s *Server) chooseFirst(q *request, roleID, resourceID string) error {
	kept := url.Values{}
	for _, name := range []string{"resource", "principal"} {
		if value := clip(q.QueryParam(name), maxCursorID); value != "" {
			kept.Set(name, value)
		}
	}
	v := views.NewAssignmentView{Role: roleID, Resource: resourceID, Q: strings.TrimSpace(clip(q.QueryParam("q"), 200)), Kept: kept.Get("principal"),
		ChangeAll: "/assignments/new"}
	var err error
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	v, err = read(s, q, func(r *store.Reader) (views.NewAssignmentView, error) {
		if roleID == "" {
			return v, offerRoles(r, q, kept, &v)
		}
		return v, offerPlaces(r, q, kept, &v)
	})
	if err != nil {
		return err
	}
	if len(v.Choices) == 1 && v.Q == "" && roleID != "" && q.QueryParam("all") == "" {
		return q.redirect(v.Choices[0].Href)
	}
	return s.ok(q, views.NewAssignment(v))
}

// offerRoles lists the roles that the reader hands out, at the chosen resource or somewhere.
func offerRoles(r *store.Reader, q *request, kept url.Values, v *views.NewAssignmentView) error {
	c, err := catalogueIn(r)
	if err != nil {
		return err
	}
	at := q.powers.Owns
	if q.powers.Administrator {
		at = nil
	}
	if resource := kept.Get("resource"); resource != "" {
		at = []string{resource}
	}
	for _, role := range rolesNamed(c, v.Q) {
		ok, err := handsOutAt(r, q, role.ID, at)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if v.More = len(v.Choices) == choicesShown; v.More {
			return nil
		}
		to := url.Values{"role": {role.ID}}
		for name := range kept {
			to.Set(name, kept.Get(name))
		}
		row := views.Found{Role: views.Role{Name: role.Name, Kind: kindOf(c, role)}, Href: "/assignments/new?" + to.Encode()}
		if role.Description != "" {
			row.Role.Scope = []string{role.Description}
		}
		if role.Privileged {
			row.Note = "privileged"
		}
		v.Choices = append(v.Choices, row)
	}
	return nil
}

func kindOf(c *catalogue, role pim.RoleDefinition) string {
	if role.Source == pim.SourceBuiltin {
		return "stint"
	}
	for _, m := range c.meanings[role.ID] {
		return c.paths[m.ResourceID].Leaf().Kind
	}
	return ""
}

func handsOutAt(r *store.Reader, q *request, roleID string, at []string) (bool, error) {
	if q.powers.Administrator && len(at) == 0 {
		return true, nil
	}
	for _, resource := range at {
		if ok, err := broker.MayManage(r, q.who, roleID, resource); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// offerPlaces lists where the reader may hand out the role.
func offerPlaces(r *store.Reader, q *request, kept url.Values, v *views.NewAssignmentView) error {
	role, err := r.Role(v.Role)
	if err != nil {
		return err
	}
	v.Shown = views.Role{Name: role.Name}
	paths, err := placesOf(r, role, v.Q)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if !q.powers.Administers(path) {
			continue
		}
		if v.More = len(v.Choices) == choicesShown; v.More {
			return nil
		}
		leaf := path.Leaf()
		ok, err := broker.MayManage(r, q.who, role.ID, leaf.ID)
		if err != nil {
			return err
		}
		if ok {
			to := url.Values{"role": {role.ID}, "resource": {leaf.ID}}
			if p := kept.Get("principal"); p != "" {
				to.Set("principal", p)
			}
			v.Choices = append(v.Choices, views.Found{Role: roleView(leaf.Name, path), Note: leaf.Kind, Href: "/assignments/new?" + to.Encode()})
		}
	}
	return nil
}

// placesOf are the resources at which a role can be held: Stint for its own, else where it means something and above, and
// anywhere when it means nothing at all.
func placesOf(r *store.Reader, role pim.RoleDefinition, q string) ([]pim.Path, error) {
	if pim.CanBeHeldAt(role.ID, pim.StintResource) {
		path, err := r.Path(pim.StintResource)
		return []pim.Path{path}, err
	}
	c, err := catalogueIn(r)
	if err != nil {
		return nil, err
	}
	seen := map[string]pim.Path{}
	for _, m := range c.meanings[role.ID] {
		for path := c.paths[m.ResourceID]; len(path) > 0; path = path[:len(path)-1] {
			if matches(strings.ToLower(path.Leaf().Name), q) {
				seen[path.Leaf().ID] = path
			}
		}
	}
	if len(c.meanings[role.ID]) > 0 {
		return sortedPaths(seen), nil
	}
	list, err := r.FindResources(store.ResourcePage{Query: q, Limit: placesExamined})
	if err != nil {
		return nil, err
	}
	var all []string
	for _, res := range list {
		all = append(all, res.ID)
	}
	seen, err = r.Paths(all)
	delete(seen, pim.StintResource)
	return sortedPaths(seen), err
}

// sortedPaths puts each resource after the one above it.
func sortedPaths(paths map[string]pim.Path) []pim.Path {
	out := make([]pim.Path, 0, len(paths))
	for _, p := range paths {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b pim.Path) int {
		return strings.Compare(strings.ToLower(strings.Join(a.Names(), "\x00"))+a.Leaf().ID, strings.ToLower(strings.Join(b.Names(), "\x00"))+b.Leaf().ID)
	})
	return out
}
