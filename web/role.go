package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// RolesPage is GET /roles: what people can be eligible for.
func (s *Server) RolesPage(q *request) error {
	after, err := parseNameCursor(q.QueryParam("cursor"))
	if err != nil {
		return err
	}
	page := store.RolePage{Query: strings.TrimSpace(clip(q.QueryParam("q"), 200)), Only: oneRoleFilter(q.QueryParam("only")),
		Within: broker.ReadableBy(q.powers), AfterName: after.AfterName, AfterID: after.AfterID, Limit: pageSize + 1}
	v, err := read(s, q, func(r *store.Reader) (views.RolesView, error) { return rolesIn(r, q, page) })
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.Roles(v))
}

func oneRoleFilter(s string) store.RoleFilter {
	switch f := store.RoleFilter(s); f {
	case store.RolesPrivileged, store.RolesOwn, store.RolesUnused:
		return f
	}
	return store.RolesAll
}

// RolePage is GET /roles/:id: where rules are set for a role, and what holds where.
func (s *Server) RolePage(q *request) error {
	v, err := read(s, q, func(r *store.Reader) (views.RoleView, error) { return roleIn(r, q) })
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.RolePage(v))
}

// RoleMeaningPage is GET /roles/:id/meaning: what holding it is at each target.
func (s *Server) RoleMeaningPage(q *request) error {
	v, err := read(s, q, func(r *store.Reader) (v views.RoleMeaningView, err error) {
		if v.Role, err = roleHead(r, q, q.Param("id")); err != nil {
			return v, err
		}
		v.Means, err = readableMeanings(r, q, v.Role.ID)
		return v, err
	})
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.RoleMeaning(v))
}

// RoleHistoryPage is GET /roles/:id/history: the audit entries of a role, newest first.
func (s *Server) RoleHistoryPage(q *request) error {
	before, err := parseSeq(q.QueryParam("cursor"))
	if err != nil {
		return echo.ErrBadRequest
	}
	v, err := read(s, q, func(r *store.Reader) (v views.RoleHistoryView, err error) {
		if v.Role, err = roleHead(r, q, q.Param("id")); err != nil {
			return v, err
		}
		entries, err := r.Entries(store.EntryFilter{RoleID: v.Role.ID, Before: before, Limit: pageSize + 1})
		if err != nil {
			return v, err
		}
		next := ""
		if len(entries) > pageSize {
			entries = entries[:pageSize]
			next = strconv.FormatInt(entries[pageSize-1].Seq, 10)
		}
		v.Pager = pagerView("/roles/"+url.PathEscape(v.Role.ID)+"/history", nil, q.QueryParam("cursor"), next)
		v.Rows, err = auditRows(r, entries)
		return v, err
	})
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.RoleHistory(v))
}

// NewRolePage is GET /roles/new.
func (s *Server) NewRolePage(q *request) error {
	return s.roleForm(q, http.StatusOK, views.RoleFormView{})
}

// EditRolePage is GET /roles/:id/edit.
func (s *Server) EditRolePage(q *request) error {
	v, err := read(s, q, func(r *store.Reader) (views.RoleFormView, error) {
		d, err := editable(r, q.Param("id"))
		if err != nil {
			return views.RoleFormView{}, err
		}
		v := views.RoleFormView{ID: d.ID, Version: d.Version, Name: d.Name, About: d.Description, Privileged: d.Privileged}
		v.Means, err = meaningLines(r, d.ID)
		return v, err
	})
	if err != nil {
		return err
	}
	return s.roleForm(q, http.StatusOK, v)
}

// editable is a role whose definition may be changed.
func editable(r *store.Reader, id string) (pim.RoleDefinition, error) {
	d, err := r.Role(id)
	if err == nil && d.Source == pim.SourceBuiltin {
		err = pim.Refuse(pim.KindForbidden, "Stint’s own roles stay as they are. Their settings can be changed.")
	}
	return d, err
}

// MakeRole is POST /roles.
func (s *Server) MakeRole(q *request) error { return s.saveRole(q, "") }

// SaveRole is POST /roles/:id.
func (s *Server) SaveRole(q *request) error {
	id := q.Param("id")
	if _, err := read(s, q, func(r *store.Reader) (pim.RoleDefinition, error) { return editable(r, id) }); err != nil {
		return err
	}
	return s.saveRole(q, id)
}

// saveRole saves the form, or shows it again with what was searched, added or wrong.
func (s *Server) saveRole(q *request, id string) error {
	v := roleFormOf(q, id)
	switch q.FormValue("do") {
	case "find":
		return s.roleForm(q, http.StatusOK, v)
	case "add":
		if status := addMeaning(&v); status != http.StatusOK {
			return s.roleForm(q, status, v)
		}
		v.Where, v.Add = "", ""
		return s.roleForm(q, http.StatusOK, v)
	}
	if v.Add != "" && addMeaning(&v) != http.StatusOK { // what stands in the field is meant, also without the button
		return s.roleForm(q, http.StatusUnprocessableEntity, v)
	}
	d := broker.RoleDraft{RoleID: id, Version: v.Version, Name: v.Name, Description: v.About, Privileged: v.Privileged, Twice: v.Twice}
	for i, m := range v.Means {
		if !v.Off[i] {
			d.Means = append(d.Means, meaningOf(m))
		}
	}
	back := "/roles/new"
	if id != "" {
		back = "/roles/" + url.PathEscape(id) + "/edit"
	}
	out, err := s.broker.SaveRole(q.ctx(), q.actor(), d, back)
	if err == nil {
		return s.follow(q, out)
	}
	if v.Errors, err = fieldErrors(err); err != nil {
		return err
	}
	v.Errors = atMeanings(v)
	return s.roleForm(q, http.StatusUnprocessableEntity, v)
}

func meaningOf(m views.MeaningLine) broker.RoleMeaning {
	out := broker.RoleMeaning{ResourceID: m.Resource, Name: m.Name}
	if m.Owner {
		out.Relation = pim.Owner
	}
	return out
}

// atMeanings moves the error of the n-th meaning sent to the line it has in the form, where some are ticked away.
func atMeanings(v views.RoleFormView) views.Errors {
	sent := 0
	for i := range v.Means {
		if v.Off[i] {
			continue
		}
		if text, ok := v.Errors[broker.MeaningField(sent)]; ok {
			return views.Errors{broker.MeaningField(i): text}
		}
		sent++
	}
	return v.Errors
}

// addMeaning moves what was written below into the list.
func addMeaning(v *views.RoleFormView) int {
	v.Add = strings.TrimSpace(v.Add)
	switch {
	case v.Chosen == "":
		v.Errors = views.Errors{"where": "Choose the resource that has it, from what was found."}
		return http.StatusUnprocessableEntity
	case v.Add == "":
		v.Errors = views.Errors{"add": "Write what it is called there."}
		return http.StatusUnprocessableEntity
	}
	v.Means, v.Off = append(v.Means, views.MeaningLine{Resource: v.Chosen, Name: v.Add, New: true, Owner: v.AddOwner}), append(v.Off, false)
	if v.AddOwner {
		v.Privileged = true // suggested: whoever owns a group hands it out
	}
	v.Chosen, v.AddOwner = "", false
	return http.StatusOK
}

// maxMeaningLines bounds what is read of a form; the operation refuses fewer.
const maxMeaningLines = 60

func roleFormOf(q *request, id string) views.RoleFormView {
	version, _ := strconv.ParseInt(q.FormValue("version"), 10, 64) // another one is a conflict, said in words
	v := views.RoleFormView{ID: id, Version: version, Name: q.FormValue("name"), About: q.FormValue("description"), Privileged: q.FormValue("privileged") == "yes",
		Where: strings.TrimSpace(clip(storable(q.FormValue("where")), 200)), Chosen: storable(q.FormValue("add_resource")), Add: q.FormValue("add"), AddOwner: q.FormValue("add_relation") == string(pim.Owner), Twice: q.FormValue("twice") == "yes"}
	for i := range maxMeaningLines {
		n := strconv.Itoa(i)
		if q.FormValue("means"+n) == "" {
			break
		}
		v.Means = append(v.Means, views.MeaningLine{Resource: storable(q.FormValue("resource" + n)), Name: q.FormValue("means" + n), Owner: q.FormValue("relation"+n) == string(pim.Owner)})
		v.Off = append(v.Off, q.FormValue("off"+n) == "yes")
	}
	return v
}

// storable takes out what is no text to PostgreSQL: asked for it, it fails (invariant 9).
func storable(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "") }

func (s *Server) roleForm(q *request, status int, v views.RoleFormView) error {
	v, err := read(s, q, func(r *store.Reader) (views.RoleFormView, error) { return roleFormIn(r, v) })
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.RoleForm(v))
}

// RetireRole is POST /roles/:id/retire. What stands in the way is said with the way to it.
func (s *Server) RetireRole(q *request) error {
	id := q.Param("id")
	version, _ := strconv.ParseInt(q.FormValue("version"), 10, 64) // another one is a conflict, said in words
	out, err := s.broker.RetireRole(q.ctx(), q.actor(), id, version, "/roles/"+url.PathEscape(id)+"/edit")
	var refusal *pim.Refusal
	if errors.As(err, &refusal) && refusal.Kind == pim.KindConflict {
		return s.errorPage(q, http.StatusConflict, refusal.Message, []views.Link{{Text: "Show the role", Href: "/roles/" + url.PathEscape(id)}})
	}
	if err != nil {
		return err
	}
	return s.follow(q, out)
}
