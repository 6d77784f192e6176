//go:build e2e

package stepup_test

import (
	"html/template"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/stinttest/browser"
)

// csp is the policy of DESIGN §6: the script has to work under nonces and Trusted Types.
const csp = "default-src 'none'; script-src 'nonce-n1'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types htmx"

var blank = template.Must(template.New("").Parse(`<!doctype html><title>{{.Title}}</title>
<h1>{{.Title}}</h1>{{with .Form}}<form method="post" action="{{.Action}}" data-stepup="{{.Kind}}" data-options="{{.Options}}"{{if .Auto}} data-auto{{end}}>
<input type="hidden" name="response" value="stale"><p data-stepup-error role="alert" hidden></p>
<button name="with" value="button">Confirm with passkey</button></form>{{end}}
<script nonce="n1" src="/stepup.js"></script>`))

type form struct {
	Action, Kind, Options string
	Auto                  bool
}

// site is the smallest caller of the package: pages, ceremonies consumed by their id, one person.
type site struct {
	*desk
	open map[string]stepup.Ceremony
	last pim.StepUp
}

func (s *site) page(w http.ResponseWriter, title string, f *form) {
	w.Header().Set("Content-Security-Policy", csp)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := blank.Execute(w, map[string]any{"Title": title, "Form": f}); err != nil {
		s.t.Error(err)
	}
}

func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stepup.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		http.ServeFile(w, r, "../../static/stepup.js")
	})
	mux.HandleFunc("GET /create", func(w http.ResponseWriter, _ *http.Request) {
		options, c, err := s.rp.BeginRegistration(s.visit, s.seed(), s.held)
		s.ask(w, "create", options, c, err, false)
	})
	mux.HandleFunc("GET /get", func(w http.ResponseWriter, r *http.Request) {
		options, c, err := s.rp.BeginAssertion(s.visit, s.seed(), s.held, pim.CanonicalItems("p-ada", []pim.StepUpItem{activate}))
		s.ask(w, "get", options, c, err, r.URL.Query().Has("auto"))
	})
	mux.HandleFunc("POST /finish/{id}", s.finish)
	return mux
}

func (s *site) ask(w http.ResponseWriter, kind string, options []byte, c stepup.Ceremony, err error, auto bool) {
	if err != nil {
		s.page(w, err.Error(), nil)
		return
	}
	s.open[c.ID] = c
	s.page(w, kind, &form{"/finish/" + c.ID, kind, string(options), auto})
}

func (s *site) finish(w http.ResponseWriter, r *http.Request) {
	c := s.open[r.PathValue("id")]
	delete(s.open, c.ID)
	if r.FormValue("with") != "button" && !strings.Contains(r.Referer(), "auto") {
		s.page(w, "the button got lost", nil)
		return
	}
	response := []byte(r.FormValue("response"))
	var err error
	if c.Kind == stepup.Registration {
		var made pim.Credential
		if made, err = s.rp.FinishRegistration(s.visit, c, response); err == nil {
			made.ID = "cred-1"
			s.held = append(s.held, made)
		}
	} else if s.last, err = s.rp.FinishAssertion(s.visit, c, s.held, response); err == nil {
		s.held[0].SignCount = s.last.SignCount
	}
	title := "done"
	if err != nil {
		title = err.Error()
	}
	s.page(w, title, nil)
}

// tab is one page of a browser with an authenticator at the test site.
type tab struct {
	*browser.Tab
	site *site
}

func newTab(t *testing.T) *tab {
	t.Helper()
	chromium := browser.Start(t, 4*time.Minute)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://localhost:" + strings.TrimPrefix(l.Addr().String(), "127.0.0.1:")
	b := &tab{chromium.Tab(t, base), &site{desk: newDesk(t), open: map[string]stepup.Ceremony{}}}
	if b.site.rp, err = stepup.New(base, "Stint"); err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: b.site.handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	b.Authenticator()
	b.Open("/create")
	return b
}

func (b *tab) press()            { b.Click(`//button`) }
func (b *tab) title(want string) { b.Until("document.querySelector('h1').textContent", want) }
func (b *tab) said(want string) {
	b.Until("(p => p.hidden ? '' : p.textContent)(document.querySelector('[data-stepup-error]'))", want)
}

// THREATS §3b, positive path in a real browser: enrol, confirm by button and by itself, refuse without
// user verification, say in plain words what did not work.
func TestBrowser(t *testing.T) {
	b := newTab(t)
	b.press()
	b.title("done")

	b.Open("/create") // the same device again
	b.press()
	b.said("already holds a passkey")

	b.Open("/get")
	b.press()
	b.title("done")
	if err := stepup.VerifyEvidence(b.site.last, b.site.held[0].PublicKey, b.site.rp.ID(), b.site.rp.Origin()); err != nil {
		t.Error(err)
	}
	b.Open("/get?auto")
	b.title("done")

	b.Verifies(false)
	b.Open("/get")
	b.press()
	b.said("canceled or took too long")
	b.Verifies(true)
	b.press() // the same form, tried again
	b.title("done")

	b.Open("/get") // a form that came later, as htmx would swap it in
	b.Run(`{ const old = document.querySelector("form"); old.replaceWith(old.cloneNode(true)); }`)
	b.press()
	b.title("done")

	b.Open("/get")
	b.Run(`delete window.PublicKeyCredential`)
	b.press()
	b.said("cannot use passkeys here")
}
