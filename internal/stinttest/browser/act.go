//go:build e2e

package browser

import (
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
)

// Press clicks the first button or link whose text, hidden words included, contains the given one.
func (b *Tab) Press(text string) {
	b.t.Helper()
	b.Click(fmt.Sprintf(`(//*[self::a or self::button or self::summary][contains(normalize-space(.), %s)])[1]`, literal(text)))
}

// Click clicks what an XPath finds, with the mouse.
func (b *Tab) Click(xpath string) {
	b.t.Helper()
	b.do(xpath, chromedp.Click(xpath, chromedp.NodeVisible))
}

// Choose picks a radio button or a check box by the text of its label.
func (b *Tab) Choose(label string) {
	b.t.Helper()
	b.Click(fmt.Sprintf(`//label[normalize-space(.)=%s]`, literal(label)))
}

// Fill empties the field of a name and types into it, key by key.
func (b *Tab) Fill(name, text string) {
	b.t.Helper()
	field := fmt.Sprintf(`//*[self::input or self::textarea][not(@type="hidden")][@name=%s]`, literal(name))
	b.do(name, chromedp.Focus(field, chromedp.NodeVisible))
	b.Run(`document.activeElement.select()`)
	b.Keys("\b" + text)
}

// Keys types wherever the focus is.
func (b *Tab) Keys(keys string) {
	b.t.Helper()
	b.do("keys", chromedp.KeyEvent(keys))
}

// TabTo moves the focus by the tabulator key until it is on an element whose text, label or name contains the
// given one: what cannot be reached that way cannot be used without a mouse.
func (b *Tab) TabTo(text string) {
	b.t.Helper()
	var passed []string
	for range 80 {
		b.Keys("\t")
		at := b.Text(focused)
		if strings.Contains(at, text) {
			return
		}
		passed = append(passed, at)
	}
	b.t.Fatalf("%s: no tabulator leads to %q; passed %q", b.Address(), text, passed)
}

const focused = `((e) => !e ? "" : ((e.labels && e.labels.length ? e.labels[0].textContent : e.textContent) || e.name || "").replace(/\s+/g, " ").trim())(document.activeElement)`

func (b *Tab) do(what string, a chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := contextWithPatience(b.ctx)
	defer cancel()
	if err := chromedp.Do(ctx, a); err != nil {
		said, _ := b.eval(shown)
		b.t.Fatalf("%s: %v; the page says %q", what, err, said)
	}
}

// literal quotes a text for XPath 1.0, which has no escapes.
func literal(s string) string {
	if !strings.Contains(s, `"`) {
		return `"` + s + `"`
	}
	return `'` + s + `'`
}
