//go:build e2e

package views_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"stint/static"
	"stint/views"
	"stint/views/sample"
)

// policy is DESIGN §6's, with a fresh nonce for every answer, fragments included.
const policy = "default-src 'none'; script-src 'nonce-%s'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types htmx"

// watch runs before each page: it notes what the policy refused and what a script complained about.
const watch = `window.seen = [];
document.addEventListener("securitypolicyviolation", (e) => seen.push(e.violatedDirective + " " + e.blockedURI + " " + e.sample));
window.addEventListener("error", (e) => seen.push("error: " + e.message));
for (const k of ["alert", "confirm", "prompt"]) window[k] = () => seen.push("dialog");`

// site serves samples under the policy; polls answers /activations/x2 as a running activation that ends.
type site struct {
	t     *testing.T
	text  sample.Text
	theme string
	polls atomic.Int32
	down  atomic.Bool
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/static/") {
		static.Handler().ServeHTTP(w, r)
		return
	}
	nonce := rand.Text()
	samples := sample.Samples{T: s.text, Nonce: nonce, Theme: s.theme, Zone: berlin(s.t)}
	if r.URL.Path == "/activations/x2" {
		s.activation(w, r, samples)
		return
	}
	for _, p := range samples.Pages() {
		if "/"+p.Name == r.URL.Path {
			s.answer(w, nonce, p.Body)
			return
		}
	}
	http.NotFound(w, r)
}

func (s *site) answer(w http.ResponseWriter, nonce string, c templ.Component) {
	var b bytes.Buffer
	if err := c.Render(context.Background(), &b); err != nil {
		s.t.Error(err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", fmt.Sprintf(policy, nonce))
	_, _ = w.Write(b.Bytes())
}

func (s *site) activation(w http.ResponseWriter, r *http.Request, samples sample.Samples) {
	if s.down.Load() {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	v := samples.Running()
	if r.Header.Get("HX-Request") == "" {
		s.answer(w, samples.Nonce, views.Activation(v))
		return
	}
	if s.polls.Add(1) > 1 {
		v.Body.Status = views.StatusView{State: views.Ended, How: views.Expired, Seen: views.SeenGone, At: sample.Now}
	}
	v.Body.Reader = v.Reader
	s.answer(w, samples.Nonce, views.ActivationBody(v.Body))
}

// tab is one page of a browser.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string
}

func newTab(t *testing.T, h http.Handler) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("STINT_E2E") == "1" {
			t.Fatal("STINT_E2E=1 and no chromium")
		}
		t.Skip("no chromium")
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(cancel)
	b := &tab{t, ctx, server.URL}
	b.open("/error-404")
	if _, err := chromedp.Call(ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: watch}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *tab) open(path string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Navigate(b.base+path)); err != nil {
		b.t.Fatal(path, ": ", err)
	}
}

func (b *tab) size(width, height int64) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 500,
	}); err != nil {
		b.t.Fatal(err)
	}
}

// js evaluates an expression to a string.
func (b *tab) js(expression string) string {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression, func(p *runtime.EvaluateParams) { p.AwaitPromise = new(true) }))
	if err != nil {
		b.t.Fatal(expression, ": ", err)
	}
	return v
}

// until waits for an expression to become want.
func (b *tab) until(expression, want string) {
	b.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		got := b.js(expression)
		if got == want {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			b.t.Fatalf("%s is %q, want %q", expression, got, want)
		}
	}
}

func (b *tab) nothingSeen(where string) {
	b.t.Helper()
	if got := b.js(`JSON.stringify(window.seen || ["not watched"])`); got != "[]" {
		b.t.Errorf("%s: %s", where, got)
	}
}

// T24: every page in Chromium, plain and with hostile texts: no violation of the policy, no script runs.
func TestBrowserPolicy(t *testing.T) {
	for _, text := range []string{"", strings.Join(polyglots, " ")} {
		s := &site{t: t, text: func(v string) string { return v + text }}
		b := newTab(t, s)
		for _, p := range samples(t, sample.Plain).Pages() {
			b.open("/" + p.Name)
			b.nothingSeen(p.Name + " with " + text)
			if text == "" && b.js(`getComputedStyle(document.body).fontFamily`) == "" {
				t.Error("no stylesheet")
			}
		}
	}
}

// UI.md §3: no sideways scroll on a phone.
func TestBrowserPhone(t *testing.T) {
	b := newTab(t, &site{t: t, text: sample.Plain})
	for _, width := range []int64{390, 320} {
		b.size(width, 844)
		for _, p := range samples(t, sample.Plain).Pages() {
			b.open("/" + p.Name)
			if got := b.js(`String(document.documentElement.scrollWidth - document.documentElement.clientWidth)`); got != "0" {
				t.Errorf("%s at %d px scrolls sideways by %s px", p.Name, width, got)
			}
		}
	}
}

// WCAG 2.2 A and AA, and best practices, by axe-core: light on a screen, dark on a phone.
func TestBrowserAccessibility(t *testing.T) {
	axe, err := os.ReadFile("testdata/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	for theme, width := range map[string]int64{"light": 1280, "dark": 390} {
		b := newTab(t, &site{t: t, text: sample.Plain, theme: theme})
		b.size(width, 860)
		for _, p := range samples(t, sample.Plain).Pages() {
			b.open("/" + p.Name)
			b.axe(string(axe), fmt.Sprintf("%s, %s, %d px", p.Name, theme, width))
		}
	}
}

const runAxe = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"]})
.then((r) => JSON.stringify(r.passes.length < 5 ? ["axe did not look"] : r.violations.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | "))))`

func (b *tab) axe(source, where string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[chromedp.Void](source)); err != nil {
		b.t.Fatal(err)
	}
	var found []string
	if err := json.Unmarshal([]byte(b.js(runAxe)), &found); err != nil {
		b.t.Fatal(err)
	}
	for _, f := range found {
		b.t.Errorf("%s: %s", where, f)
	}
}

// The activation follows itself under the policy, keeps what the reader has opened, and stops at the end.
func TestBrowserFollows(t *testing.T) {
	s := &site{t: t, text: sample.Plain}
	b := newTab(t, s)
	b.open("/activations/x2")
	b.js(`document.querySelector("#activation details").open = true; "opened"`)
	badge := `document.querySelector("#activation .badge").textContent`
	b.until(badge, "Active")
	b.until(badge, "Expired")
	b.nothingSeen("after polls")
	if got := b.js(`String(document.querySelector("#activation details").open)`); got != "true" {
		t.Error("a poll closed what the reader had opened")
	}
	if got := b.js(`String(document.querySelector("#activation").hasAttribute("hx-get"))`); got != "false" {
		t.Error("the final fragment still polls")
	}
	// One more poll would have come after 3 s; the browser's own clock says when that is over.
	after := s.polls.Load()
	b.js(`new Promise((done) => setTimeout(() => done("waited"), 4000))`)
	if s.polls.Load() != after {
		t.Errorf("%d polls after the end", s.polls.Load()-after)
	}
}

// A poll that fails keeps the old state and says that it is old.
func TestBrowserSaysWhenStale(t *testing.T) {
	s := &site{t: t, text: sample.Plain}
	b := newTab(t, s)
	b.open("/activations/x2")
	s.down.Store(true)
	b.until(`String(document.getElementById("stale").hidden)`, "false")
	if got := b.js(`document.querySelector("#activation .badge").textContent`); got != "Active" {
		t.Errorf("the failed poll replaced the state by %q", got)
	}
	s.down.Store(false)
	b.until(`String(document.getElementById("stale").hidden)`, "true")
}

// UTC is one touch away and back.
func TestBrowserTimes(t *testing.T) {
	b := newTab(t, &site{t: t, text: sample.Plain})
	b.open("/activation")
	first := `document.querySelector(".timeline time").textContent`
	b.until(first, "13:54:07")
	press := `document.querySelector("[data-zone-toggle]").click(); "pressed"`
	b.js(press)
	b.until(first, "12:54:07")
	b.until(`document.querySelector("[data-zone-name]").textContent`, "UTC")
	b.js(press)
	b.until(first, "13:54:07")
}
