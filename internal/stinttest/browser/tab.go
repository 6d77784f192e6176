//go:build e2e

package browser

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// Tab is one page with cookies of its own: one person at one device.
type Tab struct {
	t     testing.TB
	ctx   context.Context
	base  string
	auth  webauthn.AuthenticatorID
	lock  sync.Mutex
	heard []string
}

// Tab opens a page. Addresses given to it later are below base, such as http://localhost:8080 (an IP address
// is no valid relying party).
func (b *Browser) Tab(t testing.TB, base string) *Tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	tab := &Tab{t: t, ctx: ctx, base: base}
	if err := chromedp.Listen(ctx, tab.hear); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watch}); err != nil {
		t.Fatal(err)
	}
	tab.Size(1280, 860)
	return tab
}

// Address is where the tab is, without the base.
func (b *Tab) Address() string {
	b.t.Helper()
	return strings.TrimPrefix(b.Text("location.href"), b.base)
}

// Open goes to a path below the base.
func (b *Tab) Open(path string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Navigate(b.base+path)); err != nil {
		b.t.Fatalf("open %s: %v", path, err)
	}
}

// Text evaluates an expression, or a promise, to a string.
func (b *Tab) Text(expression string) string {
	b.t.Helper()
	v, err := b.eval(expression)
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (b *Tab) eval(expression string) (string, error) {
	return chromedp.Run(b.ctx, chromedp.Evaluate[string](expression, func(p *runtime.EvaluateParams) { p.AwaitPromise = new(true) }))
}

// Run evaluates statements for what they do.
func (b *Tab) Run(script string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Evaluate[chromedp.Void](script)); err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
}

// Until asks again, through navigations, until the expression contains want.
func (b *Tab) Until(expression, want string) {
	b.t.Helper()
	b.wait(expression, want, func(got string) bool { return strings.Contains(got, want) })
}

// Becomes asks again until the expression is exactly want.
func (b *Tab) Becomes(expression, want string) {
	b.t.Helper()
	b.wait(expression, want, func(got string) bool { return got == want })
}

// Sees waits until the page shows each of the texts.
func (b *Tab) Sees(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		b.Until(shown, text)
	}
}

// SeesWithin is Sees with a patience of its own: for what a clock decides.
func (b *Tab) SeesWithin(limit time.Duration, text string) {
	b.t.Helper()
	b.waitFor(limit, shown, text, func(got string) bool { return strings.Contains(got, text) })
}

// Lacks reports an error when the page shows a text.
func (b *Tab) Lacks(text string) {
	b.t.Helper()
	if got := b.Text(shown); strings.Contains(got, text) {
		b.t.Errorf("%s shows %q", b.Address(), text)
	}
}

// shown is the text of the page as people read it, on one line.
const shown = `document.body.innerText.replace(/\s+/g, " ")`

func (b *Tab) wait(expression, want string, is func(string) bool) {
	b.t.Helper()
	b.waitFor(patience, expression, want, is)
}

func (b *Tab) waitFor(limit time.Duration, expression, want string, is func(string) bool) {
	b.t.Helper()
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(limit); ; {
		got, err := b.eval(expression) // fails while the page changes
		if err == nil && is(got) {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			said, _ := b.eval(shown)
			at, _ := b.eval("location.href")
			b.t.Fatalf("waiting for %q: %q, %v; %s says %q; it complained %q", want, got, err, at, said, b.Complaints())
		}
	}
}
