//go:build e2e

package web_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"stint/internal/stinttest/browser"
)

// Who approved what last quarter, in under five actions: the log, the action, the quarter, the entry with its proof and its
// whole story. Then a suggestion of a real value, a search that is kept, the export, which the open page tells of, and the
// proof as a file.
func TestWhoApprovedWhatLastQuarter(t *testing.T) {
	w, people, _ := approvedWorld(t)
	w.Advance(45 * 24 * time.Hour)
	w.Sign()
	dora := people["dora"]
	dora.SignIn()
	b := tabOf(t, browser.Start(t, 5*time.Minute), dora, "/my-roles")
	b.Press("Audit")
	b.Sees("Any action")
	choose(b, "action", "activation.approved")
	b.Sees("Action: Activation approved")
	choose(b, "span", "last-quarter")
	b.Sees("Last quarter", "bob")
	b.Becomes(`document.readyState`, "complete")
	b.Click(`//a[@aria-expanded="false"]`)
	b.Sees("Repair the ledger", "Active, confirmed at the target", "Hash")
	b.Becomes(`document.activeElement.getAttribute("aria-expanded")`, "true") // the keyboard stays where it was
	show(t, b, "audit-opened")
	b.Click(`//a[@aria-expanded="true"]`)
	b.Becomes(`String(document.querySelectorAll("tr.more").length)`, "0")

	b.Run(`document.querySelector("summary.fchip .icon") && [...document.querySelectorAll("summary")].find(s => s.textContent.includes("Save this search")).click()`)
	b.Fill("name", "Approvals of last quarter")
	b.Click(`//button[normalize-space()="Save"]`)
	b.Sees("The search Approvals of last quarter is kept.")

	b.Becomes(`document.readyState`, "complete")
	b.Run(`const f = document.querySelector("input[name=person]"); f.focus(); f.value = "bo"; f.dispatchEvent(new Event("input", {bubbles: true}))`)
	b.Becomes(`document.querySelector("#person-suggested option")?.value`, "bob@northwind.example")
	b.Becomes(`document.readyState`, "complete")
	b.Press("Export CSV")
	b.Sees("Exported: 1 entry")
	show(t, b, "audit-exported")

	b.Click(`//a[@aria-expanded="false"]`)
	b.Press("Page of this entry")
	b.Sees("Download proof")
	b.Run(`fetch(document.querySelector("a[download]").href).then(r => r.text()).then(t => { document.title = t.split("\n")[0] })`)
	b.Becomes(`document.title`, "c2sp.org/tlog-proof@v1")
	b.Quiet("the audit log")
}

func choose(b *browser.Tab, name, value string) {
	b.Becomes(`document.readyState`, "complete") // its scripts too
	b.Run(`const s = document.querySelector("select[name=` + name + `]"); s.value = "` + value + `"; s.dispatchEvent(new Event("change", {bubbles: true}))`)
}

// show looks at a page in every size and scheme, as files where STINT_SHOTS names a directory.
func show(t *testing.T, b *browser.Tab, name string) {
	t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		b.Scheme(scheme)
		for size, width := range map[string]int64{"wide": 1280, "phone": 390} {
			b.Size(width, 860)
			b.Accessible(name + " " + scheme + " " + size)
			if wide := b.Sideways(); wide != "0" {
				t.Errorf("%s scrolls sideways: %s", name, wide)
			}
			if dir := os.Getenv("STINT_SHOTS"); dir != "" {
				if err := os.WriteFile(filepath.Join(dir, name+"-"+scheme+"-"+size+".png"), b.Shot(), 0o600); err != nil {
					t.Error(err)
				}
			}
		}
	}
	b.Size(1280, 860)
	b.Scheme("light")
}
