package web

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"stint/internal/pim"
)

// maxBody is the largest request: no form of Stint comes near it.
const maxBody = 64 << 10

// stamp is what every request has from its first moment.
type stamp struct {
	id     string // request id
	nonce  string // of this answer's Content-Security-Policy
	client string // address of the client
}

const stampKey = "stint.stamp"

func stampOf(c echo.Context) stamp {
	st, _ := c.Get(stampKey).(stamp)
	return st
}

func (s *Server) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		st := stamp{id: rand.Text()[:16], nonce: rand.Text(), client: clientAddress(c.Request(), s.proxies)}
		c.Set(stampKey, st)
		c.Response().Header().Set("X-Request-Id", st.id)
		return next(c)
	}
}

// csp is DESIGN §6; style-src and script-src never say 'unsafe-inline'.
const csp = "default-src 'none'; script-src 'nonce-%s'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types htmx"

func (s *Server) secureHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", fmt.Sprintf(csp, stampOf(c).nonce))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin") // no-referrer would make browsers send "Origin: null" with our own forms
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-get=(self), publickey-credentials-create=(self)")
		h.Set("Cache-Control", "no-store") // static.Handler replaces it for its hashed files
		if s.secure {
			h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
		}
		return next(c)
	}
}

// logAccess writes one line a request: no query, no header, no form, and of a secret path only its route.
func (s *Server) logAccess(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now() // how long an answer took is no time of the domain
		if err := next(c); err != nil {
			c.Error(err)
		}
		st := stampOf(c)
		attrs := []slog.Attr{slog.String("id", st.id), slog.String("method", c.Request().Method), slog.String("path", loggedPath(c)),
			slog.Int("status", c.Response().Status), slog.Int64("bytes", c.Response().Size), slog.Duration("took", time.Since(start)), slog.String("client", st.client)}
		if v := visitorOf(c); v.who.ID != "" {
			attrs = append(attrs, slog.String("principal", v.who.ID))
		}
		s.log.LogAttrs(c.Request().Context(), slog.LevelInfo, "request", attrs...)
		return nil
	}
}

// loggedPath hides what follows /admin-link: it is a secret even when it is misspelled.
func loggedPath(c echo.Context) string {
	path := c.Request().URL.Path
	if strings.HasPrefix(strings.ToLower(path), "/admin-link") {
		return "/admin-link/…"
	}
	if len(path) > 200 {
		return path[:200] + "…"
	}
	return path
}

func (s *Server) recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if p := recover(); p != nil {
				if e, ok := p.(error); ok && errors.Is(e, http.ErrAbortHandler) {
					panic(p)
				}
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		return next(c)
	}
}

func (s *Server) knownMethod(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		switch c.Request().Method {
		case http.MethodGet, http.MethodHead, http.MethodPost:
			return next(c)
		}
		c.Response().Header().Set("Allow", "GET, HEAD, POST")
		return echo.ErrMethodNotAllowed
	}
}

func (s *Server) limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.ContentLength > maxBody {
			return echo.ErrStatusRequestEntityTooLarge
		}
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxBody)
		return next(c)
	}
}

func unsafe(method string) bool { return method != http.MethodGet && method != http.MethodHead }

// sameOrigin refuses writes that another site began (THREATS T7). The standard library lets requests
// pass that carry neither header; a browser of today always sends one, so Stint does not. Origin is
// compared with the configured address, not with Host, which a proxy may have rewritten.
func (s *Server) sameOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if !unsafe(r.Method) {
			return next(c)
		}
		// The one write that does not come from a page of Stint: the provider's machine sends it, and what it carries is
		// signed for Stint. Whose browser might send it does not matter: no session is looked at (Back-Channel Logout §2.5).
		if r.Method == http.MethodPost && c.Path() == providerLogout {
			return next(c)
		}
		origin, site := r.Header.Values("Origin"), r.Header.Values("Sec-Fetch-Site")
		ours := len(origin) == 1 && strings.EqualFold(origin[0], s.origin)
		switch {
		case len(origin) > 0 && !ours, len(site) > 1, len(origin)+len(site) == 0,
			len(site) == 1 && s.cross.Check(r) != nil:
			return pim.Refuse(pim.KindForbidden, "This was not sent from a page of Stint, so nothing was done. Open Stint and do it there.")
		}
		return next(c)
	}
}

// plainForm takes forms as browsers send them and nothing that two parsers could read differently: no
// field twice but what is ticked in a list, none in both address and body, no other content type (THREATS T34).
func (s *Server) plainForm(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		query, err := url.ParseQuery(r.URL.RawQuery)
		if r.URL.Path == "/sign-in/callback" {
			return next(c) // the sign-in refuses what was sent twice itself, with its own words and code
		}
		if err != nil || repeated(query) {
			return echo.ErrBadRequest
		}
		if !mayName(append(query[picks], r.URL.Path)...) {
			return pim.NotFound()
		}
		if strings.Contains(r.URL.RawQuery, "%00") {
			return echo.ErrBadRequest
		}
		if !unsafe(r.Method) {
			return next(c)
		}
		if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "" && !strings.EqualFold(strings.TrimSpace(kind), echo.MIMEApplicationForm) {
			return echo.ErrUnsupportedMediaType
		}
		if err := r.ParseForm(); err != nil {
			return formError(err)
		}
		if repeated(r.Form) || query.Has(picks) && r.PostForm.Has(picks) { // Form holds query and body together
			return echo.ErrBadRequest
		}
		if !mayName(r.PostForm[picks]...) {
			return pim.NotFound()
		}
		return next(c)
	}
}

// mayName reports whether these could be somebody's ids. NUL and broken UTF-8 are no text to PostgreSQL: asked for
// them it fails, and they name nothing anywhere (invariant 9).
func mayName(ids ...string) bool {
	return !slices.ContainsFunc(ids, func(id string) bool { return !utf8.ValidString(id) || strings.Contains(id, "\x00") })
}

func formError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return echo.ErrStatusRequestEntityTooLarge
	}
	return echo.ErrBadRequest
}

// picks is the one field that may stand several times: what is ticked in a list.
const picks = "pick"

func repeated(values url.Values) bool {
	for name, v := range values {
		if len(v) > 1 && name != picks {
			return true
		}
	}
	return false
}
