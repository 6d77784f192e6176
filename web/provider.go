package web

import (
	"errors"
	"net/http"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/signin"
	"stint/views"
)

// SignInAgain is GET /step-up/:id/provider: to the provider, to sign in again for what waits. Like the start of any
// sign-in it changes nothing here but this browser's sealed cookie.
func (s *Server) SignInAgain(q *request) error {
	step, err := s.broker.ProviderStepOf(q.ctx(), q.actor(), q.Param("id"))
	if err != nil {
		return s.stepUpGone(q, err)
	}
	if s.signIn == nil {
		return errNoProvider
	}
	to, state, err := s.signIn.BeginAgain(q.ctx(), q.Param("id"), step.Contexts)
	var refusal signin.Refusal
	if errors.As(err, &refusal) {
		s.logSignIn(q, refusal)
		return s.errorPage(q, http.StatusServiceUnavailable, refusal.Message, startAgain(step.Back))
	}
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

// finishAgain goes on with what waited when its person is back from the provider. The session stays the one it was: an
// answer opens none.
func (s *Server) finishAgain(q *request, state signin.State) error {
	if !q.signedIn() {
		return s.errorPage(q, http.StatusForbidden, "Your session ended while you were at the provider. Sign in and ask again.", []views.Link{{Text: "Sign in", Href: "/sign-in"}})
	}
	id, err := s.signIn.Finish(q.ctx(), state, q.QueryParams())
	if err == nil {
		err = state.Again.CheckAgain(id)
	}
	var refusal signin.Refusal
	if errors.As(err, &refusal) {
		s.logSignIn(q, refusal)
	}
	out, err := s.broker.FinishProof(q.ctx(), q.actor(), state.Again.For, id, err)
	if err != nil {
		return s.providerRefused(q, out, err)
	}
	return s.follow(q, out)
}

func (s *Server) providerRefused(q *request, out broker.Outcome, err error) error {
	var refusal *pim.Refusal
	if !errors.As(err, &refusal) || refusal.Kind == pim.KindNotFound {
		return s.stepUpGone(q, err)
	}
	return s.errorPage(q, statuses[refusal.Kind], refusal.Message, startAgain(out.Back))
}

func startAgain(back string) []views.Link {
	if back == "" {
		back = "/my-roles"
	}
	return []views.Link{{Text: "Start again", Href: back}}
}
