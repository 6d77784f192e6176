package web

import (
	"strings"

	"stint/internal/store"
	"stint/views"
)

// MyRolesPage is GET /my-roles: what the visitor holds, waits for and may activate.
func (s *Server) MyRolesPage(q *request) error {
	after, err := parseNameCursor(q.QueryParam("cursor"))
	if err != nil {
		return err
	}
	asked := rolesAsked{q: strings.TrimSpace(clip(q.QueryParam("q"), 200)), state: oneRoleState(q.QueryParam("state")), after: after, cursor: q.QueryParam("cursor")}
	v, err := read(s, q, func(r *store.Reader) (views.MyRolesView, error) { return loadMyRoles(r, q, asked) })
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.MyRoles(v))
}

// SetFavourite is POST /my-roles/:assignment/favourite.
func (s *Server) SetFavourite(q *request) error {
	if err := s.broker.SetFavourite(q.ctx(), q.actor(), q.Param("assignment"), q.FormValue("favourite") == "yes"); err != nil {
		return err
	}
	return q.redirect("/my-roles")
}

// clip cuts a text from an address to at most n bytes.
func clip(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }

// rolesAsked is what an address asks of My roles.
type rolesAsked struct {
	q, state, cursor string
	after            store.PrincipalPage
}

func oneRoleState(s string) string {
	if s == "active" || s == "waiting" || s == "coming" || s == "eligible" {
		return s
	}
	return ""
}

// later reports whether this is not the first page: what is held and what waits stands on the first one.
func (a rolesAsked) later() bool { return a.after.AfterID != "" }

// matches reports whether a text has every word of q.
func matches(text, q string) bool {
	for _, word := range strings.Fields(strings.ToLower(q)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// searchText is what a search looks at: role, scope and kind.
func searchText(r views.Role) string {
	return strings.ToLower(r.Name + " " + strings.Join(r.Scope, " ") + " " + r.Kind)
}

// matching keeps the rows whose role, scope or kind contains every word of q.
func matching(rows []views.RoleRow, q string) []views.RoleRow {
	if q == "" {
		return rows
	}
	var out []views.RoleRow
	for _, row := range rows {
		if matches(searchText(row.Role), q) {
			out = append(out, row)
		}
	}
	return out
}
