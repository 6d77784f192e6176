package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"stint/internal/pim"
	"stint/internal/signin"
	"stint/internal/store"
	"stint/views"
)

// statuses is the only translation of a refusal into HTTP (DESIGN §7.5, §4 invariant 9).
var statuses = map[pim.RefusalKind]int{
	pim.KindInvalid:   http.StatusUnprocessableEntity,
	pim.KindNotFound:  http.StatusNotFound,
	pim.KindForbidden: http.StatusForbidden,
	pim.KindConflict:  http.StatusConflict,
	pim.KindStepUp:    http.StatusForbidden,
	pim.KindPaused:    http.StatusServiceUnavailable,
}

// fail answers whatever a handler returned instead of an answer.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	if answerErr := s.answer(err, c); answerErr != nil {
		s.log.Error("answering an error", "id", stampOf(c).id, "error", answerErr)
	}
}

func (s *Server) answer(err error, c echo.Context) error {
	var refusal *pim.Refusal
	var routing *echo.HTTPError
	var provider signin.Refusal
	switch {
	case errors.Is(err, errSignIn):
		return s.toSignIn(c)
	case errors.As(err, &refusal):
		return s.refuse(c, refusal)
	case errors.As(err, &provider):
		return s.signInProblem(c, provider)
	case errors.Is(err, store.ErrNotFound):
		return s.refuse(c, pim.NotFound())
	case errors.As(err, &routing):
		return s.errorPage(c, routing.Code, "", nil)
	case errors.Is(err, context.Canceled) && c.Request().Context().Err() != nil:
		return nil // the reader went away
	}
	s.log.Error("request failed", "id", stampOf(c).id, "path", loggedPath(c), "error", err)
	return s.errorPage(c, http.StatusInternalServerError, "", nil)
}

// refuse says no in the words of the domain. Without a passkey the way on is to enrol one: a needed
// step-up is a step, not an error.
func (s *Server) refuse(c echo.Context, r *pim.Refusal) error {
	text := r.Message
	var links []views.Link
	switch r.Kind {
	case pim.KindNotFound:
		text = "" // the page's own words, the same for absent and hidden
	case pim.KindStepUp:
		links = []views.Link{{Text: "Add a passkey", Href: "/passkeys"}}
	case pim.KindConflict:
		if r.Object != "" {
			links = []views.Link{{Text: "Show it", Href: "/activations/" + r.Object}}
		}
	}
	return s.errorPage(c, statuses[r.Kind], text, links)
}

// errorPage is the page instead of the one asked for; text "" leaves the usual words of the status.
func (s *Server) errorPage(c echo.Context, status int, text string, links []views.Link) error {
	if status < http.StatusBadRequest {
		status = http.StatusInternalServerError
	}
	q := &request{Context: c, visitor: visitorOf(c), stamp: stampOf(c), now: s.store.Clock().Now()}
	if links == nil {
		links = waysOn(q, status)
	}
	return s.page(q, status, views.Error(views.ErrorView{Frame: s.frame(q), Status: status, Text: text, Links: links, Request: q.id}))
}

// waysOn are the links of an error that has none of its own. Only what was a GET can be tried again by a link.
func waysOn(q *request, status int) []views.Link {
	switch again := q.Request().URL.RequestURI(); {
	case !q.signedIn():
		return []views.Link{{Text: "Go to the start", Href: "/"}}
	case status >= http.StatusInternalServerError && q.Request().Method == get && !strings.HasPrefix(again, "//"):
		return []views.Link{{Text: "Try again", Href: again}, {Text: "Go to my roles", Href: "/my-roles"}}
	}
	return nil
}

// fieldErrors turns a refusal of a form into errors by field (422), or returns the error as it is.
func fieldErrors(err error) (views.Errors, error) {
	var r *pim.Refusal
	if !errors.As(err, &r) || r.Kind != pim.KindInvalid {
		return nil, err
	}
	return views.Errors{r.Field: r.Message}, nil
}
