package web

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/gorilla/sessions"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/views"
)

// EmergencyPage is GET /sign-in/emergency: a sign-in with a passkey alone, for when the provider is down. What the
// answer must match is kept in this browser, sealed: nothing is written for somebody who is nobody yet.
func (s *Server) EmergencyPage(q *request) error {
	return s.emergencyPage(q, http.StatusOK, "")
}

func (s *Server) emergencyPage(q *request, status int, problem string) error {
	begun, err := s.broker.BeginEmergency()
	if err != nil {
		return err
	}
	options := s.sessions.options
	options.MaxAge = 300
	q.SetCookie(sessions.NewCookie(s.sessions.emergency, begun.Kept, &options))
	return s.page(q, status, views.Emergency(views.EmergencyView{Frame: s.frame(q), Options: string(begun.Options), Error: problem, Request: q.id}))
}

// EmergencySignIn is POST /sign-in/emergency: the passkey's answer becomes a short session. Whoever is no account for
// emergencies is told the same whatever they are.
func (s *Server) EmergencySignIn(q *request) error {
	if s.knocks.tooMany(q.client, q.now) {
		return s.emergencyPage(q, http.StatusTooManyRequests, "Too many attempts from your address. Wait a minute, then try again.")
	}
	kept := ""
	if c, err := q.Cookie(s.sessions.emergency); err == nil {
		kept = c.Value
	}
	row, cookie, err := s.sessions.issue(sessionData{}, q.now)
	if err != nil {
		return err
	}
	row.Browser, row.Address = browserWords(q.Request().UserAgent()), q.client
	who, err := s.broker.EmergencySignIn(q.ctx(), kept, []byte(q.FormValue("response")), row)
	var refusal *pim.Refusal
	if errors.As(err, &refusal) {
		s.knocks.count(q.client, q.now)
		s.log.LogAttrs(q.ctx(), slog.LevelWarn, "emergency sign-in refused", slog.String("id", q.id), slog.String("client", q.client))
		return s.emergencyPage(q, http.StatusForbidden, refusal.Message)
	}
	if err != nil {
		return err
	}
	s.log.LogAttrs(q.ctx(), slog.LevelError, "emergency sign-in", slog.String("id", q.id), slog.String("principal", who.ID), slog.String("client", q.client))
	if q.signedIn() { // the one before ends: a browser has one session
		if err := s.broker.SignOut(q.ctx(), q.actor()); err != nil {
			return err
		}
	}
	q.SetCookie(s.sessions.forget(s.sessions.emergency))
	q.SetCookie(cookie)
	return s.follow(q, broker.Outcome{Done: "Signed in by emergency access for one hour. Every administrator has been told.", Back: "/my-roles"})
}
