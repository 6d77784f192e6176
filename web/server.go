package web

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"stint/internal/broker"
	"stint/internal/signin"
	"stint/internal/store"
	"stint/static"
)

// Config is what a Server needs.
type Config struct {
	Broker               *broker.Broker
	SignIn               *signin.Client // nil: nobody can sign in, and the page says so
	PublicURL            string         // scheme, host and port as people open it, no path
	Secure               bool           // people reach Stint by https; false only for http on loopback
	TrustedProxies       []netip.Prefix // whose X-Forwarded-For is believed (THREATS T35)
	OrgName              string         // the installation's name; may be empty
	Provider             string         // the sign-in's name on its button; may be empty
	Contact              string         // whom to ask, at the foot of each page; may be empty
	Version              string         // of the program
	Demo                 bool           // says so on every page
	Log                  *slog.Logger   // nil: silent
	EnrolClaimConfigured bool           // the provider's claim may enrol a first passkey (THREATS T2)
	SessionIdle          time.Duration  // 0: 30 minutes
	SessionAbsolute      time.Duration  // 0: 10 hours
	GroupsFresh          time.Duration  // how long groups of a claim count; 0: 24 hours
	RevalidateEvery      time.Duration  // how often the provider is asked about a session that has a refresh token; 0: never
}

// Server answers the browser. Its dependencies are its fields.
type Server struct {
	broker   *broker.Broker
	store    *store.Store
	signIn   *signin.Client
	origin   string // https://stint.example.org
	secure   bool
	proxies  []netip.Prefix
	org      string
	provider string
	contact  string
	version  string
	demo     bool
	claim    bool
	log      *slog.Logger
	fresh    time.Duration
	recheck  time.Duration
	refused  refusedTokens
	knocks   refusedTokens // emergency sign-ins that were refused
	sessions *sessionStore
	cross    *http.CrossOriginProtection
	ready    readiness
	streams  *streams
	echo     *echo.Echo
}

// New checks the configuration and the route table.
func New(c Config) (*Server, error) {
	public, err := url.Parse(c.PublicURL)
	if err != nil || public.Host == "" || public.Path != "" || (public.Scheme != "https" && public.Scheme != "http") {
		return nil, fmt.Errorf("public URL %q: write it as https://stint.example.org, without a path", c.PublicURL)
	}
	if c.Secure != (public.Scheme == "https") {
		return nil, fmt.Errorf("public URL %q: cookies are Secure with https and only then", c.PublicURL)
	}
	if c.Broker == nil {
		return nil, errors.New("web: Broker is not set")
	}
	s := &Server{broker: c.Broker, store: c.Broker.Store(), signIn: c.SignIn, origin: public.Scheme + "://" + strings.ToLower(public.Host),
		secure: c.Secure, proxies: c.TrustedProxies, org: c.OrgName, provider: c.Provider, contact: c.Contact, version: c.Version, demo: c.Demo,
		claim: c.EnrolClaimConfigured, log: c.Log, fresh: orDefault(c.GroupsFresh, 24*time.Hour), recheck: c.RevalidateEvery, cross: http.NewCrossOriginProtection()}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.sessions = newSessionStore(s.broker, c.Secure, orDefault(c.SessionIdle, 30*time.Minute), orDefault(c.SessionAbsolute, 10*time.Hour))
	s.streams = newStreams(s.watchSessions)
	s.store.Watch(s.streams.publish)
	s.echo = s.newEcho()
	return s, nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// Handler answers every request.
func (s *Server) Handler() http.Handler { return s.echo }

// newEcho wires middleware, in the order in which a request passes, and routes.
func (s *Server) newEcho() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(io.Discard)
	e.HTTPErrorHandler = s.fail
	e.Use(
		timed,           // a span and a duration
		s.identify,      // request id, nonce, client address
		s.secureHeaders, // on every answer, errors included
		s.logAccess,     // one line a request; from here on errors are answered
		s.recovered,     // a panic becomes a 500 page
		s.knownMethod,   // GET, HEAD and POST
		s.limitBody,     // 64 KiB
		s.sameOrigin,    // THREATS T7
		s.plainForm,     // THREATS T34
	)
	e.GET("/static/*", echo.WrapHandler(static.Handler()))
	e.HEAD("/static/*", echo.WrapHandler(static.Handler()))
	for _, r := range routes {
		s.mount(e, r)
	}
	return e
}
