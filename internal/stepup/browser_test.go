//go:build e2e

package stepup_test

import (
	"context"
	"html/template"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"stint/internal/pim"
	"stint/internal/stepup"
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

// browser starts Chromium or skips; STINT_E2E=1 makes a missing one a failure.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("STINT_E2E") == "1" {
			t.Fatal("STINT_E2E=1 and no chromium")
		}
		t.Skip("no chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// tab is one page of a browser with an authenticator at the test site.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string
	site *site
	auth webauthn.AuthenticatorID
}

func newTab(t *testing.T) *tab {
	t.Helper()
	ctx := browser(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &tab{t: t, ctx: ctx, base: "http://localhost:" + strings.TrimPrefix(l.Addr().String(), "127.0.0.1:")}
	b.site = &site{desk: newDesk(t), open: map[string]stepup.Ceremony{}}
	if b.site.rp, err = stepup.New(b.base, "Stint"); err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: b.site.handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	b.do(chromedp.Navigate(b.base + "/create"))
	if _, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	added, err := chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	if err != nil {
		t.Fatal(err)
	}
	b.auth = added.AuthenticatorID
	return b
}

func (b *tab) do(a ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, a...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) open(path string) { b.t.Helper(); b.do(chromedp.Navigate(b.base + path)) }
func (b *tab) press()           { b.t.Helper(); b.do(chromedp.Click(chromedp.CSS("button"))) }
func (b *tab) script(js string) { b.t.Helper(); b.do(chromedp.Evaluate[chromedp.Void](js)) }

func (b *tab) title(want string) {
	b.t.Helper()
	until(b.t, b.ctx, "document.querySelector('h1').textContent", want)
}

func (b *tab) said(want string) {
	b.t.Helper()
	until(b.t, b.ctx, "(p => p.hidden ? '' : p.textContent)(document.querySelector('[data-stepup-error]'))", want)
}

func (b *tab) verifies(v bool) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: b.auth, IsUserVerified: v}); err != nil {
		b.t.Fatal(err)
	}
}

// THREATS §3b, positive path in a real browser: enrol, confirm by button and by itself, refuse without
// user verification, say in plain words what did not work.
func TestBrowser(t *testing.T) {
	b := newTab(t)
	b.press()
	b.title("done")

	b.open("/create") // the same device again
	b.press()
	b.said("already holds a passkey")

	b.open("/get")
	b.press()
	b.title("done")
	if err := stepup.VerifyEvidence(b.site.last, b.site.held[0].PublicKey, b.site.rp.ID(), b.site.rp.Origin()); err != nil {
		t.Error(err)
	}
	b.open("/get?auto")
	b.title("done")

	b.verifies(false)
	b.open("/get")
	b.press()
	b.said("canceled or took too long")
	b.verifies(true)
	b.press() // the same form, tried again
	b.title("done")

	b.open("/get") // a form that came later, as htmx would swap it in
	b.script(`{ const old = document.querySelector("form"); old.replaceWith(old.cloneNode(true)); }`)
	b.press()
	b.title("done")

	b.open("/get")
	b.script(`delete window.PublicKeyCredential`)
	b.press()
	b.said("cannot use passkeys here")
}

// until asks the page again and again, through navigations, until the expression contains want.
func until(t *testing.T, ctx context.Context, js, want string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(15 * time.Second); ; {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](js))
		if err == nil && strings.Contains(got, want) {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			page, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
			t.Fatalf("waiting for %q: %q, %v; the page says %q", want, got, err, page)
		}
	}
}
