package web

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

var peopleStates = []store.PeopleFilter{store.PeopleEnabled, store.PeopleDisabled, store.PeopleNeverSeen, store.PeopleNoPasskey, store.PeopleGuests}

// PeoplePage is GET /people: everybody Stint knows, by name.
func (s *Server) PeoplePage(q *request) error {
	search, state := strings.TrimSpace(clip(q.QueryParam("q"), 200)), q.QueryParam("state")
	page, err := parseNameCursor(q.QueryParam("cursor"))
	if err != nil {
		return err
	}
	page.Query = search
	if page.Filter = store.PeopleFilter(state); !slices.Contains(peopleStates, page.Filter) {
		state, page.Filter = "", ""
	}
	v := views.PeopleView{Q: search, State: state, CanManage: q.powers.Administrator}
	var rows peopleRows
	err = s.shelled(q, &v.Shell, func(r *store.Reader) (err error) {
		rows, err = peopleIn(r, page)
		return err
	})
	if err != nil {
		return err
	}
	v.Rows, v.Pager = rows.rows, pagerView("/people", url.Values{"q": {search}, "state": {state}}, q.QueryParam("cursor"), rows.next)
	v.Pager.Forward, v.Pager.Note = true, rows.note
	return s.ok(q, views.People(v))
}

const maxNameCursor = 2 << 10 // bytes

// nameCursor is a place in a list ordered by name, as an address holds it.
func nameCursor(id, name string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(id + "\x00" + name))
}

// parseNameCursor reads what nameCursor wrote; "" is the first page.
func parseNameCursor(text string) (store.PrincipalPage, error) {
	if text == "" {
		return store.PrincipalPage{}, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	id, name, ok := strings.Cut(string(b), "\x00")
	if err != nil || !ok || id == "" || len(b) > maxNameCursor || !utf8.Valid(b) || strings.ContainsAny(text, "\r\n") || strings.ContainsFunc(id, notInID) {
		return store.PrincipalPage{}, echo.ErrBadRequest
	}
	return store.PrincipalPage{AfterID: id, AfterName: name}, nil
}

// PersonPage is GET /people/:id.
func (s *Server) PersonPage(q *request) error {
	v, err := read(s, q, func(r *store.Reader) (v views.PersonView, err error) {
		p, err := personByID(r, q.Param("id"))
		if err != nil {
			return v, err
		}
		return personIn(r, q, p)
	})
	if err != nil {
		return err
	}
	if v.Shell, err = s.shell(q); err != nil {
		return err
	}
	return s.ok(q, views.PersonPage(v))
}

// PersonAccessPage is GET /people/:id/access: how a person comes in.
func (s *Server) PersonAccessPage(q *request) error {
	v, err := s.accessPage(q)
	if err != nil {
		return err
	}
	return s.ok(q, views.PersonAccess(v))
}

func (s *Server) accessPage(q *request) (views.PersonAccessView, error) {
	v, err := read(s, q, func(r *store.Reader) (v views.PersonAccessView, err error) {
		p, err := personByID(r, q.Param("id"))
		if err != nil {
			return v, err
		}
		if v, err = accessIn(r, q, p); err != nil {
			return v, err
		}
		if v.Sessions, v.SessionRows, err = s.personSessions(r, q.powers, p.ID); err != nil {
			return v, err
		}
		v.Typed, err = typedForAdministrator(r, p.ID, p.Name)
		return v, err
	})
	if err != nil {
		return v, err
	}
	v.Shell, err = s.shell(q)
	return v, err
}

// ConfirmAccount is POST /people/:id/accounts/:account/confirm, and the same of workloads.
func (s *Server) ConfirmAccount(q *request) error {
	return s.personAction(q, pim.ActionConfirmAccount, q.Param("account"))
}

// IssueVoucher is POST /people/:id/voucher.
func (s *Server) IssueVoucher(q *request) error {
	return s.personAction(q, pim.ActionIssueVoucher, "")
}

// DisablePerson is POST /people/:id/disable.
func (s *Server) DisablePerson(q *request) error {
	v, err := s.accessPage(q)
	if err != nil {
		return err
	}
	if !typedOut(q, &v.Typed) && !v.Self && v.Person.Enabled {
		return s.page(q, http.StatusUnprocessableEntity, views.PersonAccess(v))
	}
	return s.personAction(q, pim.ActionDisablePerson, "")
}

// EnablePerson is POST /people/:id/enable.
func (s *Server) EnablePerson(q *request) error {
	return s.personAction(q, pim.ActionEnablePerson, "")
}

// EndSessions is POST /people/:id/end-sessions.
func (s *Server) EndSessions(q *request) error {
	return s.personAction(q, pim.ActionEndSessions, "")
}

// personAction stores what will be done and leads to the administrator's passkey.
func (s *Server) personAction(q *request, action pim.StepUpAction, accountID string) error {
	out, err := s.broker.PersonAction(q.ctx(), q.actor(), action, q.Param("id"), accountID)
	if err != nil {
		return err
	}
	return s.follow(q, out)
}
