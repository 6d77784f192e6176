package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo/v4"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// visitor is who asks; the zero visitor is anonymous.
type visitor struct {
	session  *sessions.Session
	who      pim.Principal
	powers   pim.Powers
	approver bool // named by some role's settings
}

// request is one request and who makes it: what every handler gets.
type request struct {
	echo.Context
	visitor
	stamp
	now  time.Time
	head int64 // of the audit log, before anything was read for this request
}

const visitorKey = "stint.visitor"

func visitorOf(c echo.Context) visitor {
	v, _ := c.Get(visitorKey).(visitor)
	return v
}

func (q *request) ctx() context.Context { return q.Request().Context() }

func (q *request) signedIn() bool { return q.who.ID != "" }

// actor is the visitor as operations know them.
func (q *request) actor() broker.Actor {
	row := rowOf(q.session)
	return broker.Actor{PrincipalID: q.who.ID, SessionID: row.ID, Session: row.Handle}
}

// fragment reports whether htmx asks for the part of the page that follows what happens.
func (q *request) fragment() bool { return fragment(q.Context) }

func fragment(c echo.Context) bool { return c.Request().Header.Get("HX-Request") == "true" }

// redirect sends the browser on after a form (303: the next request is a GET).
func (q *request) redirect(path string) error { return q.Redirect(http.StatusSeeOther, path) }

// visit finds out who asks and whether the route is for them.
func (s *Server) visit(c echo.Context, who access) (*request, error) {
	q := &request{Context: c, stamp: stampOf(c), now: s.store.Clock().Now(), head: s.store.Head().Size}
	v, err := s.visitor(c)
	if err != nil {
		return q, err
	}
	q.visitor = v
	c.Set(visitorKey, v)
	return q, who.admit(v)
}

// visitor reads the session and its person, and records use at most once a minute. What htmx asks for is no use: a page
// left open asks for its parts by itself, and would keep the session from ever being idle (invariant 10).
func (s *Server) visitor(c echo.Context) (visitor, error) {
	session, err := s.sessions.Get(c.Request(), s.sessions.cookie)
	if err != nil || session.IsNew {
		return visitor{session: session}, err
	}
	row := rowOf(session)
	ctx := c.Request().Context()
	asked := s.revalidate(ctx, stampOf(c).id, row)
	type loaded struct {
		visitor
		now time.Time
	}
	l, err := store.Read(ctx, s.store, func(r *store.Reader) (l loaded, err error) {
		l.now = r.Now
		if asked { // the provider may have ended it
			if _, err := r.SessionByHandle(row.Handle); err != nil {
				return l, err
			}
		}
		l.visitor, err = loadVisitor(r, row.PrincipalID)
		return l, err
	})
	l.session = session
	if errors.Is(err, store.ErrNotFound) {
		return visitor{session: session}, nil
	}
	if err != nil {
		return visitor{}, err
	}
	if !unattended(c) && l.now.Sub(row.SeenAt) >= touchEvery {
		if err := s.broker.TouchSession(ctx, row.ID, l.who.ID); err != nil {
			s.log.Warn("recording use of a session", "error", err) // a page can still be read
		}
	}
	return l.visitor, nil
}

// loadVisitor reads an enabled person and what they may do; without one, ErrNotFound.
func loadVisitor(r *store.Reader, principalID string) (v visitor, err error) {
	if v.who, err = r.Principal(principalID); err != nil {
		return v, err
	}
	if !v.who.Enabled {
		return v, store.ErrNotFound
	}
	if v.powers, err = broker.Powers(r, v.who.ID); err != nil {
		return v, err
	}
	v.approver, err = namedApprover(r, v.who.ID)
	return v, err
}

// unattended reports whether a page asks by itself.
func unattended(c echo.Context) bool { return fragment(c) || strings.HasPrefix(c.Path(), "/events") }

// namedApprover reports whether some role's settings name the person, directly or through a group.
func namedApprover(r *store.Reader, principalID string) (bool, error) {
	c, err := catalogueIn(r)
	if err != nil {
		return false, err
	}
	mine, err := r.GroupsOf(principalID)
	return c.names(mine), err
}

// access is who may use a route at all; what they may do with one thing behind it, the operation decides.
type access string

const (
	anonymous     access = "anonymous"     // everybody
	person        access = "person"        // somebody signed in
	approver      access = "approver"      // named as approver somewhere, or an administrator
	manager       access = "manager"       // administers something: Stint, or a resource and what is below it
	reader        access = "reader"        // reads something of Manage: everything, or an owner what is theirs
	auditor       access = "auditor"       // reads everything: Auditor, Security Reader or Privileged Role Administrator
	administrator access = "administrator" // holds Privileged Role Administrator now
)

// errSignIn says that a session is needed first.
var errSignIn = errors.New("web: sign in first")

// admit lets a visitor in, asks them to sign in, or shows them nothing (invariant 9).
func (a access) admit(v visitor) error {
	allowed := map[access]bool{anonymous: true, person: true, approver: v.approver || v.powers.Administrator,
		manager: v.powers.MayManage(), reader: v.powers.MayRead(),
		auditor: v.powers.MayAudit(), administrator: v.powers.Administrator}[a]
	switch {
	case a != anonymous && v.who.ID == "":
		return errSignIn
	case !allowed:
		return pim.NotFound()
	}
	return nil
}

// toSignIn leads a browser to the sign-in and back; others get the status.
func (s *Server) toSignIn(c echo.Context) error {
	r := c.Request()
	back := "/"
	if !unsafe(r.Method) && r.Header.Get("HX-Request") == "" {
		back = r.URL.RequestURI()
	} else if u, err := url.Parse(r.Header.Get("Referer")); err == nil && strings.HasPrefix(r.Header.Get("Referer"), s.origin+"/") {
		back = u.RequestURI()
	}
	if strings.HasPrefix(strings.ToLower(back), "/admin-link") {
		back = "/first-run" // the link is a secret: it is opened again after signing in, not carried along
	}
	to := "/sign-in?return_to=" + url.QueryEscape(back)
	if fragment(c) {
		c.Response().Header().Set("HX-Redirect", to)
		return s.errorPage(c, http.StatusUnauthorized, "", nil)
	}
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		return s.errorPage(c, http.StatusUnauthorized, "", nil)
	}
	return c.Redirect(http.StatusSeeOther, to)
}
