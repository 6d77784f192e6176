//go:build e2e

package views_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a-h/templ"

	"stint/internal/stinttest/browser"
	"stint/static"
	"stint/views"
	"stint/views/sample"
)

// policy is DESIGN §6's, with a fresh nonce for every answer, fragments included.
const policy = "default-src 'none'; script-src 'nonce-%s'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types htmx"

// site serves samples under the policy; /activations/x2 is a running activation that ends when it is read again, which
// its stream says all the time.
type site struct {
	t     *testing.T
	text  sample.Text
	theme string
	reads atomic.Int32
	down  atomic.Bool
	deaf  atomic.Bool // no stream
	out   atomic.Bool // nobody is signed in
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, static.URL("live.js")) {
		s.hurried(w)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/static/") {
		static.Handler().ServeHTTP(w, r)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/events") {
		s.events(w, r)
		return
	}
	if r.URL.Path == "/shell" { // a page that is open for long looks for news
		w.WriteHeader(http.StatusNoContent)
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

// events has news all the time for the activation; the other pages have no stream.
func (s *site) events(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/events/activations/x2" || s.deaf.Load() {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
			fmt.Fprint(w, "event: news\ndata:\n\n")
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func (s *site) activation(w http.ResponseWriter, r *http.Request, samples sample.Samples) {
	if s.down.Load() {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	if s.out.Load() {
		w.Header().Set("HX-Redirect", "/sign-in")
		http.Error(w, "", http.StatusUnauthorized)
		return
	}
	v := samples.Running()
	if r.Header.Get("HX-Request") != "" && s.reads.Add(1) > 1 {
		v.Body.Status = views.StatusView{State: views.Ended, How: views.Expired, Seen: views.SeenGone, At: sample.Now}
		v.Unread = 7
	}
	s.answer(w, samples.Nonce, views.Activation(v))
}

// tab is one page of a browser at the site.
func newTab(t *testing.T, h http.Handler) *browser.Tab {
	t.Helper()
	chromium := browser.Start(t, 18*time.Minute)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return chromium.Tab(t, server.URL)
}

// T24: every page in Chromium, plain and with hostile texts: no violation of the policy, no script runs.
func TestBrowserPolicy(t *testing.T) {
	for _, text := range []string{"", strings.Join(polyglots, " ")} {
		s := &site{t: t, text: func(v string) string { return v + text }}
		b := newTab(t, s)
		for _, p := range samples(t, sample.Plain).Pages() {
			b.Open("/" + p.Name)
			b.Quiet(p.Name + " with " + text)
			if text == "" && b.Text(`getComputedStyle(document.body).fontFamily`) == "" {
				t.Error("no stylesheet")
			}
		}
	}
}

// UI.md §3: no sideways scroll on a phone.
func TestBrowserPhone(t *testing.T) {
	b := newTab(t, &site{t: t, text: sample.Plain})
	for _, width := range []int64{390, 320} {
		b.Size(width, 844)
		for _, p := range samples(t, sample.Plain).Pages() {
			b.Open("/" + p.Name)
			if got := b.Sideways(); got != "0" {
				t.Errorf("%s at %d px scrolls sideways by %s px", p.Name, width, got)
			}
		}
	}
}

// WCAG 2.2 A and AA, and best practices, by axe-core: light on a screen, dark on a phone.
func TestBrowserAccessibility(t *testing.T) {
	for theme, width := range map[string]int64{"light": 1280, "dark": 390} {
		t.Run(theme, func(t *testing.T) {
			t.Parallel() // each in a browser of its own: looking takes as long as there are processors for it
			still := &site{t: t, text: sample.Plain, theme: theme}
			still.deaf.Store(true) // a page that changes while it is looked at is judged half changed
			b := newTab(t, still)
			b.Size(width, 860)
			for _, p := range samples(t, sample.Plain).Pages() {
				b.Open("/" + p.Name)
				b.Accessible(fmt.Sprintf("%s, %s, %d px", p.Name, theme, width))
			}
		})
	}
}

// The activation follows its stream under the policy, with what surrounds it, and keeps what the reader has opened and
// where they are.
func TestBrowserFollows(t *testing.T) {
	s := &site{t: t, text: sample.Plain}
	b := newTab(t, s)
	b.Open("/activations/x2")
	b.Run(`document.querySelector("#activation details").open = true; document.querySelector("#activation summary").focus()`)
	badge := `document.querySelector("#activation .badge").textContent`
	b.Becomes(badge, "Active")
	b.Becomes(badge, "Expired")
	b.Becomes(`document.querySelector(".bell .count").textContent`, "7")
	b.Quiet("after reading again")
	if got := b.Text(`String(document.querySelector("#activation details").open)`); got != "true" {
		t.Error("reading again closed what the reader had opened")
	}
	if got := b.Text(`document.activeElement.tagName`); got != "SUMMARY" {
		t.Errorf("the focus went to %s", got)
	}
}

// hurried is live.js with a second in place of 15, so that nobody waits for it.
func (s *site) hurried(w http.ResponseWriter) {
	script, err := os.ReadFile("../static/live.js")
	if err != nil || !strings.Contains(string(script), "}, 15000);") {
		s.t.Error("live.js looks at another interval", err)
	}
	w.Header().Set("Content-Type", "text/javascript")
	_, _ = w.Write([]byte(strings.Replace(string(script), "}, 15000);", "}, 1000);", 1)))
}

// Over a limit of streams the page looks by itself, and listens as soon as it may.
func TestBrowserLooksWithoutAStream(t *testing.T) {
	s := &site{t: t, text: sample.Plain}
	s.deaf.Store(true)
	b := newTab(t, s)
	b.Open("/activations/x2")
	b.Becomes(`document.querySelector("#activation .badge").textContent`, "Expired")
	listens := `String(Boolean(document.getElementById("events")._htmx?.sse))`
	if got := b.Text(listens); got != "false" {
		t.Error("it had a stream all the time")
	}
	s.deaf.Store(false)
	b.Becomes(listens, "true")
	b.Quiet("without a stream")
	s.out.Store(true) // the stream has not said so
	b.Becomes(`String(document.getElementById("ended").hidden)`, "false")
	if got := b.Address(); got != "/activations/x2" {
		t.Errorf("the reader was led to %s", got)
	}
}

// A page that cannot be read again keeps the old state and says that it is old.
func TestBrowserSaysWhenStale(t *testing.T) {
	s := &site{t: t, text: sample.Plain}
	b := newTab(t, s)
	b.Open("/activations/x2")
	s.down.Store(true)
	b.Becomes(`String(document.getElementById("stale").hidden)`, "false")
	if got := b.Text(`document.querySelector("#activation .badge").textContent`); got != "Active" {
		t.Errorf("the failed answer replaced the state by %q", got)
	}
	s.down.Store(false)
	b.Becomes(`String(document.getElementById("stale").hidden)`, "true")
}

// UTC is one touch away and back.
func TestBrowserTimes(t *testing.T) {
	b := newTab(t, &site{t: t, text: sample.Plain})
	b.Open("/activation")
	first := `document.querySelector(".timeline time").textContent`
	b.Becomes(first, "13:54:07")
	press := `document.querySelector("[data-zone-toggle]").click()`
	b.Run(press)
	b.Becomes(first, "12:54:07")
	b.Becomes(`document.querySelector("[data-zone-name]").textContent`, "UTC")
	b.Run(press)
	b.Becomes(first, "13:54:07")
}
