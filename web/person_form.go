package web

import (
	"net/http"
	"net/url"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// NewPersonPage is GET /people/new.
func (s *Server) NewPersonPage(q *request) error {
	return s.personForm(q, http.StatusOK, views.PersonFormView{})
}

func (s *Server) personForm(q *request, status int, v views.PersonFormView) error {
	var err error
	v.Binding = s.broker.BindingClaims()
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.PersonForm(v))
}

func personValues(q *request) views.PersonValues {
	field := func(name string) string { return strings.TrimSpace(clip(q.FormValue(name), 4000)) }
	return views.PersonValues{Name: field("name"), Email: field("email"), Department: field("department"), Title: field("title"), Manager: field("manager"),
		Guest: field("guest") == "yes", MatchClaim: field("claim"), MatchValue: field("value"), Issuer: field("issuer"), Subject: field("subject")}
}

// personFormOf is what was typed, with the manager found.
func (s *Server) personFormOf(q *request, v views.PersonValues) (broker.PersonForm, views.Errors, error) {
	f := broker.PersonForm(v)
	if v.Manager == "" {
		return f, nil, nil
	}
	wrong := views.Errors{}
	id, err := read(s, q, func(r *store.Reader) (string, error) { return personNamed(r, v.Manager, wrong) })
	if len(wrong) > 0 {
		return f, views.Errors{"manager": wrong["person"]}, err
	}
	f.Manager = id
	return f, nil, err
}

// NewPerson is POST /people.
func (s *Server) NewPerson(q *request) error {
	values := personValues(q)
	f, wrong, err := s.personFormOf(q, values)
	if err != nil {
		return err
	}
	var out broker.Outcome
	if wrong == nil {
		out, err = s.broker.NewPerson(q.ctx(), q.actor(), f)
		if wrong, err = fieldErrors(err); err != nil {
			return err
		}
	}
	if wrong != nil {
		return s.personForm(q, http.StatusUnprocessableEntity, views.PersonFormView{Values: values, Errors: wrong})
	}
	return s.follow(q, out)
}

// EditPersonPage is GET /people/:id/edit.
func (s *Server) EditPersonPage(q *request) error {
	v, err := s.editForm(q)
	if err != nil {
		return err
	}
	return s.personForm(q, http.StatusOK, v)
}

func (s *Server) editForm(q *request) (views.PersonFormView, error) {
	return read(s, q, func(r *store.Reader) (v views.PersonFormView, err error) {
		p, err := personByID(r, q.Param("id"))
		if err != nil {
			return v, err
		}
		here, err := broker.Editable(r, p)
		if err != nil {
			return v, err
		}
		if !here {
			return v, pim.Refuse(pim.KindConflict, "%s was not added here: change them in the file, at the provider or in the directory they come from.", p.Name)
		}
		g := p.Given()
		manager, err := r.Names([]string{g.ManagerID})
		v = views.PersonFormView{ID: p.ID, Name: p.Name, Version: p.Version, Fixed: !p.LastSeenAt.IsZero(), Left: p.Source == pim.SourceDirectory, Values: views.PersonValues{Name: p.Name, Email: p.Email,
			Department: g.Department, Title: g.Title, Manager: manager[g.ManagerID], Guest: g.Guest, MatchClaim: p.MatchClaim, MatchValue: p.MatchValue}}
		if p.MatchClaim == "" {
			v.Values.Issuer, v.Values.Subject = p.Issuer, p.Subject
		}
		return v, err
	})
}

func personByID(r *store.Reader, id string) (pim.Principal, error) {
	p, err := r.Principal(id)
	if err != nil || p.Kind != pim.Person {
		return p, orNotFound(err)
	}
	return p, nil
}

// EditPerson is POST /people/:id/edit.
func (s *Server) EditPerson(q *request) error {
	v, err := s.editForm(q)
	if err != nil {
		return err
	}
	identity := v.Values
	v.Values = personValues(q)
	if v.Fixed { // the form does not ask for it
		v.Values.MatchClaim, v.Values.MatchValue, v.Values.Issuer, v.Values.Subject = identity.MatchClaim, identity.MatchValue, identity.Issuer, identity.Subject
	}
	f, wrong, err := s.personFormOf(q, v.Values)
	if err != nil {
		return err
	}
	var out broker.Outcome
	if wrong == nil {
		out, err = s.broker.SavePerson(q.ctx(), q.actor(), v.ID, version(q), f)
		if wrong, err = fieldErrors(err); err != nil {
			return err
		}
	}
	if v.Errors = wrong; wrong != nil {
		return s.personForm(q, http.StatusUnprocessableEntity, v)
	}
	return s.follow(q, out)
}

// RemovePersonPage is GET /people/:id/remove: what would end.
func (s *Server) RemovePersonPage(q *request) error { return s.removalPage(q, personRemoval) }

func personRemoval(r *store.Reader, q *request) (v views.RemovalView, err error) {
	p, err := personByID(r, q.Param("id"))
	if err != nil {
		return v, err
	}
	page := "/people/" + p.ID
	v = views.RemovalView{Nav: views.NavPeople, Crumbs: []views.Link{{Text: "People", Href: "/people"}, {Text: p.Name, Href: page}}, Title: "Remove " + p.Name,
		Action: page + "/remove", Version: p.Version, Button: "Remove " + p.Name, Back: page + "/access"}
	if v.Typed, err = typedForAdministrator(r, p.ID, p.Name); err != nil {
		return v, err
	}
	v.Says, err = broker.PersonRemoval(r, q.who, p)
	v.Refused, err = refusedBy(err)
	return v, err
}

// RemovePerson is POST /people/:id/remove.
func (s *Server) RemovePerson(q *request) error {
	if answered, err := s.notTyped(q, personRemoval); answered {
		return err
	}
	out, err := s.broker.RemovePerson(q.ctx(), q.actor(), q.Param("id"), version(q))
	if err != nil {
		return err
	}
	return s.follow(q, out)
}

// PersonActivationsPage is GET /people/:id/activations: what a person asked for, newest first.
func (s *Server) PersonActivationsPage(q *request) error {
	from, err := parseCursor(q.QueryParam("cursor"))
	if err != nil {
		return err
	}
	var next string
	v, err := read(s, q, func(r *store.Reader) (v views.ActivationsView, err error) {
		p, err := personByID(r, q.Param("id"))
		if err != nil {
			return v, err
		}
		if v.Person, err = personHead(r, q, p); err != nil {
			return v, err
		}
		v.Rows, next, err = requestsOf(r, q, p.ID, from, "", "")
		return v, err
	})
	if err != nil {
		return err
	}
	v.Pager = pagerView("/people/"+v.Person.Who.ID+"/activations", url.Values{}, q.QueryParam("cursor"), next)
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.ActivationsPage(v))
}
