//go:build e2e

package browser

import (
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// watch runs before each page: refusals of the policy and dialogs become console errors.
const watch = `document.addEventListener("securitypolicyviolation", (e) => console.error("policy: " + e.violatedDirective + " " + e.blockedURI + " " + e.sample));
for (const k of ["alert", "confirm", "prompt"]) window[k] = () => { console.error("dialog: " + k); return null; };`

// hear keeps what a page complains about; it may not block.
func (b *Tab) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			var said []string
			for _, a := range e.Args {
				said = append(said, string(a.Value)+a.Description)
			}
			b.complain("console", strings.Join(said, " "))
		}
	case *runtime.EventExceptionThrown:
		d := e.ExceptionDetails
		text := d.Text
		if d.Exception != nil {
			text += " " + d.Exception.Description
		}
		b.complain("exception", text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.complain(string(e.Entry.Source), fmt.Sprint(e.Entry.Text, " ", e.Entry.URL))
		}
	case *page.EventJavascriptDialogOpening:
		b.complain("dialog", e.Message)
	}
}

func (b *Tab) complain(kind, text string) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.heard = append(b.heard, kind+": "+text)
}

// Complaints returns what the pages of the tab complained about since the last call: "console: …",
// "exception: …", "security: …", "network: …", "dialog: …".
func (b *Tab) Complaints() []string {
	b.lock.Lock()
	defer b.lock.Unlock()
	list := b.heard
	b.heard = nil
	return list
}

// Quiet reports each complaint since the last call as an error.
func (b *Tab) Quiet(where string) {
	b.t.Helper()
	b.Text("document.readyState") // what came before this answer has been heard
	for _, c := range b.Complaints() {
		b.t.Errorf("%s: %s", where, c)
	}
}

// Complained takes one expected complaint that contains text out of the list, such as the browser's own line
// about an answer 422, and reports an error when there is none.
func (b *Tab) Complained(text string) {
	b.t.Helper()
	b.Text("document.readyState")
	b.lock.Lock()
	defer b.lock.Unlock()
	for i, c := range b.heard {
		if strings.Contains(c, text) {
			b.heard = append(b.heard[:i:i], b.heard[i+1:]...)
			return
		}
	}
	b.t.Errorf("no complaint contains %q: %q", text, b.heard)
}
