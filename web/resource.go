package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// ResourcesPage is GET /resources: the tree, opened down to one node, or a search by name.
func (s *Server) ResourcesPage(q *request) error {
	at, err := parseNameCursor(q.QueryParam("cursor"))
	if err != nil {
		return err
	}
	page := store.ResourcePage{Query: strings.TrimSpace(clip(q.QueryParam("q"), 200)), AfterName: at.AfterName, AfterID: at.AfterID, Limit: pageSize + 1}
	v, err := read(s, q, func(r *store.Reader) (v views.ResourcesView, err error) {
		if page.Query != "" || q.QueryParam("in") != "" {
			v, err = foundResources(r, q, page)
		} else {
			v, err = treeOf(r, q)
		}
		if err == nil {
			v.Carried, err = longChangesIn(r, q, "")
		}
		return v, err
	})
	if err != nil {
		return err
	}
	v.CanAdd, v.CanConnect = q.powers.Administrator, q.powers.Administrator
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.Resources(v))
}

// ResourcePage is GET /resources/:id.
func (s *Server) ResourcePage(q *request) error {
	v, err := read(s, q, func(r *store.Reader) (views.ResourceView, error) {
		v, err := resourceIn(r, q, q.Param("id"))
		if err == nil {
			v.Carried, err = longChangesIn(r, q, v.Row.ID)
		}
		return v, err
	})
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	if v.Can.Assignments {
		v.Assign = "/assignments?" + url.Values{"resource": {v.Row.ID}}.Encode()
	}
	if v.Can.Roles {
		for i := range v.Roles {
			v.Roles[i].Role.Href = "/roles/" + v.Roles[i].Role.Href
		}
	} else {
		for i := range v.Roles {
			v.Roles[i].Role.Href = ""
		}
	}
	return s.ok(q, views.Resource(v))
}

// NewResourcePage is GET /resources/new: the form, with the kinds that are usual below a node.
func (s *Server) NewResourcePage(q *request) error {
	f := broker.ResourceForm{ParentID: q.QueryParam("below")}
	return s.resourceForm(q, http.StatusOK, f, nil)
}

// AddResource is POST /resources.
func (s *Server) AddResource(q *request) error {
	f := resourceFields(q)
	f.ID, f.Version = "", 0
	return s.saveResource(q, f)
}

// EditResourcePage is GET /resources/:id/edit.
func (s *Server) EditResourcePage(q *request) error {
	row, err := read(s, q, func(r *store.Reader) (pim.Resource, error) { return r.Resource(q.Param("id")) })
	if err != nil {
		return err
	}
	return s.resourceForm(q, http.StatusOK, broker.ResourceForm{ID: row.ID, Kind: row.Kind, Name: row.Name, TargetID: row.TargetID, Version: row.Version}, nil)
}

// EditResource is POST /resources/:id.
func (s *Server) EditResource(q *request) error {
	f := resourceFields(q)
	f.ID, f.ParentID = q.Param("id"), ""
	if !q.powers.Administrator { // the field is not theirs: it stays as it is
		row, err := read(s, q, func(r *store.Reader) (pim.Resource, error) { return r.Resource(f.ID) })
		if err != nil {
			return err
		}
		f.TargetID = row.TargetID
	}
	return s.saveResource(q, f)
}

func resourceFields(q *request) broker.ResourceForm {
	version, _ := strconv.ParseInt(q.FormValue("version"), 10, 64)
	return broker.ResourceForm{ParentID: q.FormValue("below"), Kind: q.FormValue("kind"), Name: clip(q.FormValue("name"), 1000), TargetID: q.FormValue("target"),
		Version: version, Alike: q.FormValue("alike") == "yes"}
}

func (s *Server) saveResource(q *request, f broker.ResourceForm) error {
	out, err := s.broker.SaveResource(q.ctx(), q.actor(), f)
	if wrong, other := fieldErrors(err); wrong != nil {
		return s.resourceForm(q, http.StatusUnprocessableEntity, f, wrong)
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}

func (s *Server) resourceForm(q *request, status int, f broker.ResourceForm, wrong views.Errors) error {
	v, err := read(s, q, func(r *store.Reader) (views.ResourceFormView, error) { return resourceFormIn(r, q, f) })
	if err != nil {
		return err
	}
	v.Errors = wrong
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.ResourceForm(v))
}

// MoveResourcePage is GET /resources/:id/move: where to, and then what it would change.
func (s *Server) MoveResourcePage(q *request) error {
	v, err := s.relocation(q, q.QueryParam("to"))
	if err != nil {
		return err
	}
	return s.ok(q, views.ResourceChange(v))
}

// MoveResource is POST /resources/:id/move; the passkey comes next. What makes a privileged role less strict asks for the
// name first (T21).
func (s *Server) MoveResource(q *request) error {
	to := q.FormValue("to")
	v, err := s.relocation(q, to)
	if err != nil {
		return err
	}
	if to == "" {
		v.Refused = "Choose the place it goes to."
	}
	if to == "" || v.Refused == "" && !typedOut(q, &v.Typed) {
		return s.page(q, http.StatusUnprocessableEntity, views.ResourceChange(v))
	}
	version, _ := strconv.ParseInt(q.FormValue("version"), 10, 64)
	out, err := s.broker.MoveResource(q.ctx(), q.actor(), q.Param("id"), placeID(to), version)
	if wrong, other := fieldErrors(err); wrong != nil {
		v.Says, v.Refused = nil, wrong["parent"]
		return s.page(q, http.StatusUnprocessableEntity, views.ResourceChange(v))
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}

// top is the place above every node, as an address names it.
const top = "top"

func placeID(to string) string {
	if to == top {
		return ""
	}
	return to
}

// relocation is the page of a move: what it does where a place is chosen.
func (s *Server) relocation(q *request, to string) (views.ResourceChangeView, error) {
	v, err := read(s, q, func(r *store.Reader) (v views.ResourceChangeView, err error) {
		if v, err = changeIn(r, q); err != nil {
			return v, err
		}
		v.Title, v.Move, v.To = "Move "+v.Row.Name, true, to
		if err = placesIn(r, q, &v); err != nil || to == "" {
			return v, err
		}
		move, err := s.broker.PreviewMove(r, q.who, v.Row.ID, placeID(to))
		if v.Says = move.Says; move.Looser {
			v.Typed.Name = v.Row.Name
		}
		return v, refusedInWords(err, &v)
	})
	if err != nil {
		return v, err
	}
	v.Shell, err = s.shell(q)
	return v, err
}

// refusedInWords keeps a refusal for the page that asks; nothing can be confirmed then.
func refusedInWords(err error, v *views.ResourceChangeView) error {
	var r *pim.Refusal
	if !errors.As(err, &r) || r.Kind == pim.KindNotFound {
		return err
	}
	v.Says, v.Refused = nil, r.Message
	return nil
}

// RetireResourcePage is GET /resources/:id/retire: what goes with it.
func (s *Server) RetireResourcePage(q *request) error {
	v, err := s.retirement(q)
	if err != nil {
		return err
	}
	return s.ok(q, views.ResourceChange(v))
}

func (s *Server) retirement(q *request) (views.ResourceChangeView, error) {
	v, err := read(s, q, func(r *store.Reader) (v views.ResourceChangeView, err error) {
		if v, err = changeIn(r, q); err != nil {
			return v, err
		}
		v.Title, v.Typed = "Retire "+v.Row.Name, views.Typed{Name: v.Row.Name}
		v.Says, err = s.broker.PreviewRetire(r, q.who, v.Row.ID)
		return v, refusedInWords(err, &v)
	})
	if err != nil {
		return v, err
	}
	v.Shell, err = s.shell(q)
	return v, err
}

// RetireResource is POST /resources/:id/retire; the passkey comes next.
func (s *Server) RetireResource(q *request) error {
	v, err := s.retirement(q)
	if err != nil {
		return err
	}
	if !typedOut(q, &v.Typed) && v.Refused == "" {
		return s.page(q, http.StatusUnprocessableEntity, views.ResourceChange(v))
	}
	version, _ := strconv.ParseInt(q.FormValue("version"), 10, 64)
	out, err := s.broker.RetireResource(q.ctx(), q.actor(), q.Param("id"), version)
	if err != nil {
		return err
	}
	return s.follow(q, out)
}
