package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// OwnersPage is GET /resources/:id/owners: which roles the owners of a resource may hand out (K-33).
func (s *Server) OwnersPage(q *request) error { return s.ownersPage(q, http.StatusOK, nil) }

func (s *Server) ownersPage(q *request, status int, wrong views.Errors) error {
	v, err := read(s, q, func(r *store.Reader) (views.OwnersView, error) { return ownersIn(r, q.Param("id")) })
	if err != nil {
		return err
	}
	if v.Errors = wrong; wrong != nil {
		v.Own = q.FormValue("list") == "own"
		for i := range v.Roles {
			v.Roles[i].Picked = slices.Contains(q.Request().PostForm[picks], v.Roles[i].ID)
		}
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.Owners(v))
}

func ownersIn(r *store.Reader, id string) (v views.OwnersView, err error) {
	if id == pim.StintResource {
		return v, pim.NotFound()
	}
	node, err := r.Resource(id)
	if err != nil {
		return v, err
	}
	path, err := r.Path(id)
	if err != nil {
		return v, err
	}
	roles, err := r.Roles()
	if err != nil {
		return v, err
	}
	o, err := broker.OwnershipOf(r, path)
	if err != nil {
		return v, err
	}
	v.ID, v.Name, v.Path, v.Version = id, node.Name, path.Names(), "0"
	if v.Own = o.List.ResourceID == id; v.Own {
		v.Version = strconv.FormatInt(o.List.Version, 10)
	}
	for _, d := range roles {
		if d.Source != pim.SourceBuiltin {
			v.Roles = append(v.Roles, views.HandOutRole{ID: d.ID, Name: d.Name, Privileged: d.Privileged, Picked: slices.Contains(o.List.Roles, d.ID)})
		}
	}
	above, err := broker.OwnershipOf(r, path[:len(path)-1])
	v.Above = "every role that is not privileged"
	if n := len(above.List.Roles); above.List.Version > 0 {
		v.Above = views.Plural(n, "role", "roles")
	}
	return v, err
}

// SaveOwners is POST /resources/:id/owners.
func (s *Server) SaveOwners(q *request) error {
	version, err := strconv.ParseInt(q.FormValue("version"), 10, 64)
	list := q.FormValue("list")
	if err != nil || list != "own" && list != "follow" {
		return s.ownersPage(q, http.StatusUnprocessableEntity, views.Errors{"follow": "Choose one of these."})
	}
	h := pim.HandOut{ResourceID: q.Param("id"), Roles: q.Request().PostForm[picks], Version: version}
	out, err := s.broker.SaveHandOut(q.ctx(), q.actor(), h, list == "follow")
	if wrong, other := fieldErrors(err); wrong != nil {
		return s.ownersPage(q, http.StatusUnprocessableEntity, wrong)
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}

// ownersAt fills the section of a resource's page.
func ownersAt(r *store.Reader, q *request, path pim.Path, v *views.ResourceView) error {
	if path.Contains(pim.StintResource) {
		return nil
	}
	o, err := broker.OwnershipOf(r, path)
	if err != nil {
		return err
	}
	panel := &views.OwnersPanel{Any: o.List.Version == 0}
	if q.powers.Administrator {
		panel.Edit = "/resources/" + path.Leaf().ID + "/owners"
	}
	name := map[string]string{}
	for _, node := range path[:len(path)-1] {
		name[node.ID] = node.Name
	}
	panel.From = name[o.List.ResourceID]
	for _, a := range o.Owners {
		p, err := r.Principal(a.PrincipalID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		panel.Rows = append(panel.Rows, views.OwnerRow{Who: personView(p), Group: p.Kind == pim.Group, Active: a.Kind == pim.Active, From: name[a.ResourceID]})
	}
	names, err := r.RoleNames(o.List.Roles)
	for _, id := range o.List.Roles {
		panel.Roles = append(panel.Roles, names[id])
	}
	slices.Sort(panel.Roles)
	v.Owners = panel
	return err
}
