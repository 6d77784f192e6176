package web

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/signin"
	"stint/internal/store"
	"stint/views"
)

// Home is GET /: to the roles, or to the sign-in.
func (s *Server) Home(q *request) error {
	if q.signedIn() {
		return q.redirect("/my-roles")
	}
	return q.redirect("/sign-in")
}

// SignInPage is GET /sign-in: one button to the provider. After signing out it offers the provider's own
// sign-out as a link, since form-action forbids a form to lead there (DESIGN §6).
func (s *Server) SignInPage(q *request) error {
	back := signin.ReturnTo(q.QueryParam("return_to"))
	out := q.QueryParam("signed_out") == "yes"
	if q.signedIn() && !out {
		return q.redirect(back)
	}
	none, err := read(s, q, nobodyAdministers)
	if err != nil {
		return err
	}
	v := views.SignInView{Frame: s.frame(q), Provider: s.provider, Start: "/sign-in/start", SignedOut: out, NoAdmin: none}
	if back != "/" {
		v.Start += "?return_to=" + url.QueryEscape(back)
	}
	if out && s.signIn != nil {
		v.ProviderOut = s.signIn.LogoutURL("", s.origin+"/sign-in")
	}
	return s.ok(q, views.SignIn(v))
}

// nobodyAdministers reports whether no assignment of Privileged Role Administrator exists.
func nobodyAdministers(r *store.Reader) (bool, error) {
	holders, err := r.EligibleOrActiveFor(pim.RoleAdministrator)
	return len(holders) == 0, err
}

var errNoProvider = signin.Refusal{Code: signin.CodeMisconfigured, Message: "Signing in is not set up here yet. Tell those who run Stint."}

// StartSignIn is GET /sign-in/start: keeps what the answer must match in this browser, sealed, and leads to
// the provider (THREATS T4, T5).
func (s *Server) StartSignIn(q *request) error {
	if s.signIn == nil {
		return errNoProvider
	}
	to, state, err := s.signIn.Begin(q.ctx(), q.QueryParam("return_to"))
	if err != nil {
		return err
	}
	cookie, err := s.sessions.issuePre(state)
	if err != nil {
		return err
	}
	q.SetCookie(cookie)
	return q.redirect(to)
}

// FinishSignIn is GET /sign-in/callback: the provider's answer becomes a session with a new id.
func (s *Server) FinishSignIn(q *request) error {
	if s.signIn == nil {
		return errNoProvider
	}
	state := s.takeState(q)
	if state.Again != nil {
		return s.finishAgain(q, state)
	}
	id, err := s.signIn.Finish(q.ctx(), state, q.QueryParams())
	if err != nil {
		return err
	}
	row, cookie, err := s.sessions.issue(sessionData{Claim: id.PhishingResistant && s.claim}, q.now)
	if err != nil {
		return err
	}
	row.Browser, row.Address = browserWords(q.Request().UserAgent()), q.client
	if s.recheck > 0 {
		row.RecheckAt = q.now.Add(s.recheck)
	}
	known := s.sessions.knows(q.Request())
	who, err := s.broker.SignIn(q.ctx(), id, broker.Arrival{Session: row, GroupsFresh: s.fresh, Known: func(id string) bool { return slices.Contains(known, id) }})
	if err != nil {
		return err
	}
	if q.signedIn() { // the one before ends: a browser has one session
		if err := s.broker.SignOut(q.ctx(), q.actor()); err != nil {
			return err
		}
	}
	q.SetCookie(cookie)
	if cookie, err = s.sessions.issueKnown(known, who.ID); err != nil {
		return err
	}
	q.SetCookie(cookie)
	return q.redirect(state.ReturnTo)
}

// takeState takes what this browser began out of its cookie, once. A browser that began nothing gets the
// empty state, which matches no answer.
func (s *Server) takeState(q *request) signin.State {
	c, err := q.Cookie(s.sessions.pre)
	if err != nil {
		return signin.State{}
	}
	q.SetCookie(s.sessions.forget(s.sessions.pre))
	return s.sessions.begun(c.Value)
}

// logSignIn is where those who run Stint read why the provider's answer was refused.
func (s *Server) logSignIn(c echo.Context, r signin.Refusal) {
	s.log.LogAttrs(c.Request().Context(), slog.LevelWarn, "sign-in refused", slog.String("id", stampOf(c).id),
		slog.String("code", string(r.Code)), slog.String("detail", r.Detail), slog.String("client", stampOf(c).client))
}

// signInProblem says in plain words why there is no session. The refusal goes to the log: who did not
// sign in is nobody yet, and anonymous noise is no audit entry (DESIGN §4 invariant 11).
func (s *Server) signInProblem(c echo.Context, r signin.Refusal) error {
	s.logSignIn(c, r)
	status := http.StatusForbidden
	switch r.Code {
	case signin.CodeUnavailable:
		status = http.StatusServiceUnavailable
	case signin.CodeMisconfigured:
		status = http.StatusInternalServerError
	}
	q := &request{Context: c, visitor: visitorOf(c), stamp: stampOf(c), now: s.store.Clock().Now()}
	v := views.SignInProblemView{Frame: s.frame(q), Title: "You are not signed in", Text: r.Message, Request: q.id}
	if r.Code != signin.CodeMisconfigured {
		v.Retry = "/sign-in"
	}
	return s.page(q, status, views.SignInProblem(v))
}

// SignOut is POST /sign-out: the session dies in the table, not only in the browser.
func (s *Server) SignOut(q *request) error {
	q.session.Options.MaxAge = -1
	if err := q.session.Save(q.Request(), q.Response()); err != nil {
		return err
	}
	return q.redirect("/sign-in?signed_out=yes")
}
