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

// GroupsPage is GET /groups: every group, by name.
func (s *Server) GroupsPage(q *request) error {
	search := strings.TrimSpace(clip(q.QueryParam("q"), 200))
	page, err := parseNameCursor(q.QueryParam("cursor"))
	if err != nil {
		return err
	}
	page.Query = search
	v := views.GroupsView{Q: search, CanManage: q.powers.Administrator}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	var next, note string
	v.Rows, err = read(s, q, func(r *store.Reader) (rows []views.GroupRow, err error) {
		if v.Carried, err = longChangesOfGroups(r, q); err != nil {
			return nil, err
		}
		rows, next, note, err = groupsIn(r, page)
		return rows, err
	})
	if err != nil {
		return err
	}
	v.Pager = forwardPager("/groups", url.Values{"q": {search}}, q.QueryParam("cursor"), next)
	v.Pager.Note = note
	return s.ok(q, views.Groups(v))
}

func forwardPager(path string, filters url.Values, current, next string) views.Pager {
	p := pagerView(path, filters, current, next)
	p.Forward = true
	return p
}

// NewGroupPage is GET /groups/new.
func (s *Server) NewGroupPage(q *request) error {
	return s.newGroupPage(q, http.StatusOK, views.GroupValues{}, nil)
}

func (s *Server) newGroupPage(q *request, status int, values views.GroupValues, wrong views.Errors) error {
	sh, err := s.shell(q)
	if err != nil {
		return err
	}
	return s.page(q, status, views.NewGroup(views.NewGroupView{Shell: sh, Values: values, Errors: wrong}))
}

// NewGroup is POST /groups.
func (s *Server) NewGroup(q *request) error {
	values := groupValues(q)
	out, err := s.broker.NewGroup(q.ctx(), q.actor(), broker.GroupForm(values))
	if wrong, other := fieldErrors(err); wrong != nil {
		return s.newGroupPage(q, http.StatusUnprocessableEntity, values, wrong)
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}

func groupValues(q *request) views.GroupValues {
	return views.GroupValues{Name: clip(q.FormValue("name"), 2000), Claim: clip(q.FormValue("claim"), 2000)}
}

// version reads the version a form was made of; a form without one is never the current one.
func version(q *request) int64 {
	n, err := strconv.ParseInt(q.FormValue("version"), 10, 64)
	if err != nil || n < 1 {
		return -1
	}
	return n
}

// GroupPage is GET /groups/:id.
func (s *Server) GroupPage(q *request) error { return s.groupPage(q, http.StatusOK, nil, nil) }

// groupPage shows a group; values are what was typed and refused.
func (s *Server) groupPage(q *request, status int, values *views.GroupValues, wrong views.Errors) error {
	page, err := parseNameCursor(q.QueryParam("cursor"))
	if err != nil {
		return err
	}
	page.Query = strings.TrimSpace(clip(q.QueryParam("q"), 200))
	var next string
	v, err := read(s, q, func(r *store.Reader) (v views.GroupView, err error) {
		v, next, err = groupIn(r, q.Param("id"), page)
		return v, err
	})
	if err != nil {
		return err
	}
	v.Errors, v.CanManage = wrong, q.powers.Administrator
	if values != nil {
		v.Values = *values
	}
	note := v.Pager.Note
	v.Pager = forwardPager("/groups/"+v.ID, url.Values{"q": {v.Q}}, q.QueryParam("cursor"), next)
	v.Pager.Note = note
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.GroupPage(v))
}

// SaveGroup is POST /groups/:id.
func (s *Server) SaveGroup(q *request) error {
	values := groupValues(q)
	out, err := s.broker.SaveGroup(q.ctx(), q.actor(), q.Param("id"), version(q), broker.GroupForm(values))
	if wrong, other := fieldErrors(err); wrong != nil {
		return s.groupPage(q, http.StatusUnprocessableEntity, &values, wrong)
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}

// RemoveGroupPage is GET /groups/:id/remove: what would end.
func (s *Server) RemoveGroupPage(q *request) error { return s.removalPage(q, groupRemoval) }

// removalPage previews a removal.
func (s *Server) removalPage(q *request, preview func(*store.Reader, *request) (views.RemovalView, error)) error {
	v, err := read(s, q, func(r *store.Reader) (views.RemovalView, error) { return preview(r, q) })
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.Removal(v))
}

// notTyped answers a removal whose name was not typed; false: it may go on.
func (s *Server) notTyped(q *request, preview func(*store.Reader, *request) (views.RemovalView, error)) (bool, error) {
	v, err := read(s, q, func(r *store.Reader) (views.RemovalView, error) { return preview(r, q) })
	if err != nil || typedOut(q, &v.Typed) || v.Refused != "" {
		return err != nil, err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return true, err
	}
	return true, s.page(q, http.StatusUnprocessableEntity, views.Removal(v))
}

func groupRemoval(r *store.Reader, q *request) (views.RemovalView, error) {
	g, err := groupNamedBy(r, q.Param("id"))
	if err != nil {
		return views.RemovalView{}, err
	}
	page := "/groups/" + g.ID
	v := views.RemovalView{Nav: views.NavGroups, Crumbs: []views.Link{{Text: "Groups", Href: "/groups"}, {Text: g.Name, Href: page}}, Title: "Remove " + g.Name,
		Action: page + "/remove", Version: g.Version, Button: "Remove " + g.Name, Back: page}
	gives, err := broker.GroupGives(r, g.ID)
	if err != nil {
		return v, err
	}
	if gives {
		v.Typed.Name = g.Name
	}
	v.Says, err = broker.GroupRemoval(r, g)
	v.Refused, err = refusedBy(err)
	return v, err
}

// refusedBy turns a refusal into the words a preview shows.
func refusedBy(err error) (string, error) {
	var refusal *pim.Refusal
	if errors.As(err, &refusal) && refusal.Kind != pim.KindNotFound {
		return refusal.Message, nil
	}
	return "", err
}

// RemoveGroup is POST /groups/:id/remove.
func (s *Server) RemoveGroup(q *request) error {
	if answered, err := s.notTyped(q, groupRemoval); answered {
		return err
	}
	out, err := s.broker.RemoveGroup(q.ctx(), q.actor(), q.Param("id"), version(q))
	if err != nil {
		return err
	}
	return s.follow(q, out)
}

// AddMembersPage is GET /groups/:id/members/new.
func (s *Server) AddMembersPage(q *request) error {
	return s.addMembersPage(q, http.StatusOK, q.QueryParam("q"), nil)
}

func (s *Server) addMembersPage(q *request, status int, search string, wrong views.Errors) error {
	search = strings.TrimSpace(clip(search, 200))
	v, err := read(s, q, func(r *store.Reader) (views.AddMembersView, error) { return membersFound(r, q.Param("id"), search) })
	if err != nil {
		return err
	}
	v.Errors = wrong
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.page(q, status, views.AddMembers(v))
}

// AddMembers is POST /groups/:id/members.
func (s *Server) AddMembers(q *request) error {
	form, err := q.FormParams()
	if err != nil {
		return err
	}
	for _, id := range form[picks] {
		if strings.ContainsFunc(id, notInID) {
			return pim.NotFound()
		}
	}
	out, err := s.broker.AddMembers(q.ctx(), q.actor(), q.Param("id"), form[picks])
	if wrong, other := fieldErrors(err); wrong != nil {
		return s.addMembersPage(q, http.StatusUnprocessableEntity, q.FormValue("q"), wrong)
	} else if other != nil {
		return other
	}
	return s.follow(q, out)
}

// RemoveMember is POST /groups/:id/members/:member/remove.
func (s *Server) RemoveMember(q *request) error {
	out, err := s.broker.RemoveMember(q.ctx(), q.actor(), q.Param("id"), q.Param("member"))
	if err != nil {
		return err
	}
	return s.follow(q, out)
}
