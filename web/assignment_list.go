package web

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// AssignmentsPage is GET /assignments: who may be what, as far as the reader may know.
func (s *Server) AssignmentsPage(q *request) error {
	f := assignmentFilter(q)
	v := views.AssignmentsView{Filter: f, WhereQ: strings.TrimSpace(clip(q.QueryParam("where"), 200))}
	if err := s.shelled(q, &v.Shell, func(r *store.Reader) error { return fillAssignments(r, q, &v) }); err != nil {
		return err
	}
	return s.ok(q, views.Assignments(v))
}

// MembersPage is GET /roles/:id/members: who has one role, on one resource or anywhere.
func (s *Server) MembersPage(q *request) error {
	var v views.MembersView
	if err := s.shelled(q, &v.Shell, func(r *store.Reader) error { return fillMembers(r, q, &v) }); err != nil {
		return err
	}
	return s.ok(q, views.Members(v))
}

// PersonRolesPage is GET /people/:id/roles: what a person may be, directly and through groups.
func (s *Server) PersonRolesPage(q *request) error {
	var v views.PersonRolesView
	if err := s.shelled(q, &v.Shell, func(r *store.Reader) error { return fillPersonRoles(r, q, &v) }); err != nil {
		return err
	}
	return s.ok(q, views.PersonRoles(v))
}

// ExportAssignments is POST /assignments/export: the list with its filters, as a file.
func (s *Server) ExportAssignments(q *request) error {
	asked := filterIn(q.FormValue)
	f, err := read(s, q, func(r *store.Reader) (store.AssignmentFilter, error) {
		return askedOf(r, q, asked, store.AssignmentCursor{})
	})
	if err != nil {
		return err
	}
	return s.exportAssignments(q, f, asked.Resource)
}

// ExportMembers is POST /roles/:id/members/export: the resources below are in it too.
func (s *Server) ExportMembers(q *request) error {
	asked := filterIn(q.FormValue)
	asked.Role = q.Param("id")
	f, err := read(s, q, func(r *store.Reader) (store.AssignmentFilter, error) {
		return askedOf(r, q, asked, store.AssignmentCursor{})
	})
	if err != nil {
		return err
	}
	return s.exportAssignments(q, f, asked.Resource)
}

// exportAssignments sends the records of a list; of a resource what is below it too.
func (s *Server) exportAssignments(q *request, f store.AssignmentFilter, resource string) error {
	f.ResourceID, f.Below = resource, resource != ""
	records, err := s.broker.ExportAssignments(q.ctx(), q.actor(), f)
	if err != nil {
		return err
	}
	q.Response().Header().Set("Content-Type", "text/csv; charset=utf-8")
	q.Response().Header().Set("Content-Disposition", `attachment; filename="assignments.csv"`)
	q.Response().WriteHeader(http.StatusOK)
	w := csv.NewWriter(q.Response())
	for record, err := range records {
		if err == nil {
			err = w.Write(record)
		}
		if err != nil { // the head is out: a file that ends in the middle of a line tells it
			s.log.Error("exporting assignments", "id", q.id, "error", err)
			panic(http.ErrAbortHandler)
		}
	}
	w.Flush()
	return w.Error()
}

// assignmentFilter is what an address asks for.
func assignmentFilter(q *request) views.AssignmentFilter { return filterIn(q.QueryParam) }

func filterIn(value func(string) string) views.AssignmentFilter {
	f := views.AssignmentFilter{Q: strings.TrimSpace(clip(value("q"), 200)), Role: clip(value("role"), maxCursorID), Resource: clip(value("resource"), maxCursorID)}
	if state := views.AssignmentsTab(value("state")); state == views.TabLater || state == views.TabExpired {
		f.State = state
	}
	if kind := value("kind"); kind == string(pim.Eligible) || kind == string(pim.Active) {
		f.Kind = kind
	}
	if until := value("until"); (until == "soon" || until == "never") && f.State == views.TabCurrent {
		f.Until = until
	}
	return f
}

// askedOf is a filter as the store knows it, within what the reader may read.
func askedOf(r *store.Reader, q *request, f views.AssignmentFilter, after store.AssignmentCursor) (store.AssignmentFilter, error) {
	out := store.AssignmentFilter{RoleID: f.Role, Kind: pim.AssignmentKind(f.Kind), Search: f.Q, After: after, Limit: pageSize + 1,
		State: map[views.AssignmentsTab]string{views.TabLater: store.ListFuture, views.TabExpired: store.ListExpired}[f.State]}
	switch f.Until {
	case "soon":
		out.State, out.EndingBy = store.ListEnding, r.Now.Add(pim.ExtendWithin)
	case "never":
		out.Permanent = true
	}
	under := broker.ReadableBy(q.powers)
	if f.Resource != "" {
		if err := broker.MayRead(r, q.powers, f.Resource); err != nil {
			return out, err
		}
		under = store.Subtree{Roots: []string{f.Resource}}
	}
	if !under.All {
		out.Within = &under
	}
	return out, nil
}

// assignmentCursor writes where a page ended into an address.
func assignmentCursor(c store.AssignmentCursor) string {
	if c.At.IsZero() {
		return nameCursor(c.ID, c.Name)
	}
	return cursor(store.Keyset{At: c.At, ID: c.ID})
}

// parseAssignmentCursor reads it again; lists that time orders have instants in theirs.
func parseAssignmentCursor(text string, f views.AssignmentFilter) (store.AssignmentCursor, error) {
	if f.State != views.TabCurrent || f.Until == "soon" {
		k, err := parseCursor(text)
		return store.AssignmentCursor{At: k.At, ID: k.ID}, err
	}
	p, err := parseNameCursor(text)
	return store.AssignmentCursor{Name: p.AfterName, ID: p.AfterID}, err
}

// listed is one page of rows, and where the next one begins.
func listed(rows []store.AssignmentRow, state string) ([]store.AssignmentRow, string) {
	if len(rows) <= pageSize {
		return rows, ""
	}
	return rows[:pageSize], assignmentCursor(rows[pageSize-1].Cursor(state))
}

func fillAssignments(r *store.Reader, q *request, v *views.AssignmentsView) error {
	after, err := parseAssignmentCursor(q.QueryParam("cursor"), v.Filter)
	if err != nil {
		return err
	}
	f, err := askedOf(r, q, v.Filter, after)
	if err != nil {
		return err
	}
	rows, err := r.ListAssignments(f)
	if err != nil {
		return err
	}
	rows, next := listed(rows, f.State)
	if v.Rows, err = assignmentRows(r, q, v.Can, rows, ""); err != nil {
		return err
	}
	v.Pager = assignmentPager("/assignments", v.Filter, q.QueryParam("cursor"), next)
	if v.CanAdd = q.powers.MayManage(); v.CanAdd {
		v.CanDecide = true
		if v.Requests, err = broker.CountAssignmentRequests(r, q.who); err != nil {
			return err
		}
	}
	return fillFilters(r, q, v)
}

func assignmentPager(path string, f views.AssignmentFilter, current, next string) views.Pager {
	p := pagerView(path, url.Values{"q": {f.Q}, "state": {string(f.State)}, "kind": {f.Kind}, "until": {f.Until}, "role": {f.Role}, "resource": {f.Resource}}, current, next)
	p.Forward = true
	return p
}

// fillFilters names what the list is narrowed to, and what a search may mean beside a person.
func fillFilters(r *store.Reader, q *request, v *views.AssignmentsView) error {
	c, err := catalogueIn(r)
	if err != nil {
		return err
	}
	if v.Filter.Role != "" {
		v.RoleName = c.roles[v.Filter.Role].Name
	}
	if v.Filter.Resource != "" {
		path, err := r.Path(v.Filter.Resource)
		if err != nil {
			return err
		}
		v.Where = path.Leaf().Name
	}
	if v.Filter.Q != "" && v.Filter.Role == "" {
		for _, role := range rolesNamed(c, v.Filter.Q) {
			f := v.Filter
			f.Q, f.Role = "", role.ID
			if v.Roles = append(v.Roles, views.Chip{Text: role.Name, Href: f.At("/assignments")}); len(v.Roles) == 8 {
				break
			}
		}
	}
	if v.WhereQ == "" {
		return nil
	}
	found, _, err := placesNamed(r, q, v.WhereQ)
	for _, path := range found {
		f := v.Filter
		f.Resource = path.Leaf().ID
		v.Places = append(v.Places, views.Found{Role: roleView(path.Leaf().Name, path), Href: f.At("/assignments")})
	}
	return err
}

// rolesNamed lists the roles whose names hold every word, by name.
func rolesNamed(c *catalogue, q string) []pim.RoleDefinition {
	var out []pim.RoleDefinition
	for _, role := range c.roles {
		if matches(strings.ToLower(role.Name), q) {
			out = append(out, role)
		}
	}
	slices.SortFunc(out, func(a, b pim.RoleDefinition) int {
		return strings.Compare(strings.ToLower(a.Name)+a.ID, strings.ToLower(b.Name)+b.ID)
	})
	return out
}

// choicesShown is how many resources or roles a page offers; a search finds the others.
const choicesShown = 20

// placesExamined bounds how many resources a search looks at for those that are the reader's business (THREATS T31).
const placesExamined = 200

// placesNamed lists the resources that a reader may read and that have this in their name.
func placesNamed(r *store.Reader, q *request, name string) (out []pim.Path, more bool, err error) {
	list, err := r.FindResources(store.ResourcePage{Query: name, Limit: placesExamined})
	if err != nil {
		return nil, false, err
	}
	var all []string
	for _, res := range list {
		all = append(all, res.ID)
	}
	paths, err := r.Paths(all)
	for _, id := range all {
		if !q.powers.Reads(paths[id]) {
			continue
		}
		if len(out) == choicesShown {
			return out, true, err
		}
		out = append(out, paths[id])
	}
	return out, false, err
}

func fillMembers(r *store.Reader, q *request, v *views.MembersView) error {
	role, err := roleHead(r, q, q.Param("id"))
	if err != nil {
		return err
	}
	v.Role, v.Filter = role, assignmentFilter(q)
	v.Filter.Role, v.Filter.Until, v.Resource = "", "", v.Filter.Resource
	after, err := parseAssignmentCursor(q.QueryParam("cursor"), v.Filter)
	if err != nil {
		return err
	}
	f, err := membersAsked(r, q, v, after)
	if err != nil {
		return err
	}
	rows, err := r.ListAssignments(f)
	if err != nil {
		return err
	}
	rows, next := listed(rows, f.State)
	if v.Rows, err = assignmentRows(r, q, v.Can, rows, v.Resource); err != nil {
		return err
	}
	if v.CanAdd = q.powers.MayManage(); v.CanAdd && v.Resource != "" {
		if v.CanAdd, err = broker.MayHandOut(r, q.who.ID, role.ID, v.Resource); err != nil {
			return err
		}
	}
	v.Pager = assignmentPager("/roles/"+role.ID+"/members", v.Filter, q.QueryParam("cursor"), next)
	return nil
}

// membersAsked is the filter of a role's members: at a resource what is inherited from above counts too.
func membersAsked(r *store.Reader, q *request, v *views.MembersView, after store.AssignmentCursor) (store.AssignmentFilter, error) {
	asked := v.Filter
	asked.Role, asked.Resource = v.Role.ID, ""
	f, err := askedOf(r, q, asked, after)
	if err != nil || v.Resource == "" {
		return f, err
	}
	if err := broker.MayRead(r, q.powers, v.Resource); err != nil {
		return f, err
	}
	path, err := r.Path(v.Resource)
	if err != nil {
		return f, err
	}
	v.Scope = roleView("", path).Scope
	f.ResourceID, f.Within = v.Resource, nil
	for _, above := range path[:len(path)-1] {
		f.Above = append(f.Above, above.ID)
	}
	return f, nil
}

func fillPersonRoles(r *store.Reader, q *request, v *views.PersonRolesView) error {
	p, err := r.Principal(q.Param("id"))
	if err != nil || p.Kind != pim.Person {
		return orNotFound(err)
	}
	if v.Person, err = personHead(r, q, p); err != nil {
		return err
	}
	v.Filter = assignmentFilter(q)
	v.Filter.Role, v.Filter.Resource, v.Filter.Until, v.CanAdd = "", "", "", q.powers.MayManage()
	at, err := parseNameCursor(q.QueryParam("cursor"))
	if err != nil {
		return err
	}
	f, err := askedOf(r, q, v.Filter, store.AssignmentCursor{Name: at.AfterName, ID: at.AfterID})
	if err != nil {
		return err
	}
	rows, err := r.HeldBy(p.ID, f)
	if err != nil {
		return err
	}
	rows, next := listed(rows, "")
	if v.Rows, err = assignmentRows(r, q, v.Can, rows, ""); err != nil {
		return err
	}
	v.Pager = assignmentPager("/people/"+p.ID+"/roles", v.Filter, q.QueryParam("cursor"), next)
	if v.Filter.State != views.TabCurrent || v.Filter.Q != "" || at.AfterID != "" {
		return nil
	}
	h, err := loadHoldings(r, p)
	h.active, h.eligible = nil, nil
	v.Holds = h.rows()
	if err == nil && len(rows) > 0 {
		err = lastUses(r, p.ID, v.Rows)
	}
	return err
}

func lastUses(r *store.Reader, principalID string, rows []views.AssignmentRow) error {
	list := make([]string, len(rows))
	for i, row := range rows {
		list[i] = row.ID
	}
	uses, err := r.LastUses(principalID, list)
	for i := range rows {
		rows[i].LastActive = uses[rows[i].ID]
	}
	return err
}
