//go:build e2e

package web_test

import (
	"testing"
	"time"

	"stint/internal/stinttest/browser"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
	"stint/web"
)

// tabOf opens a page as somebody who has signed in.
func tabOf(t *testing.T, chromium *browser.Browser, p *stinttest.Person, path string) *browser.Tab {
	t.Helper()
	b := chromium.Tab(t, p.URL)
	b.Open("/sign-in")
	cookie(b, p)
	b.Open(path)
	return b
}

func cookie(b *browser.Tab, p *stinttest.Person) {
	b.Run(`document.cookie = "stint=` + p.Cookie("stint") + `; path=/"`)
}

// Three people with an open page each, and nobody reloads: the approver sees the request come, its number in the
// navigation and its going; who asked sees it granted and confirmed; who is disabled is told that the session has ended.
// What they type, have opened and where they are stays (T1, T24).
func TestOpenPagesFollow(t *testing.T) {
	w, alice, carol, dave := newOffice(t)
	carol.Ready()
	chromium := browser.Start(t, 2*time.Minute)
	roles, queue, other := tabOf(t, chromium, alice, "/my-roles"), tabOf(t, chromium, carol, "/approvals"), tabOf(t, chromium, dave, "/my-requests")
	within(t, time.Minute, func() bool { return web.OpenStreams(w.Web) == 3 })
	queue.Sees("Nothing waits for you.")

	id := requestRole(t, alice)
	queue.Sees(why)
	queue.Sees("1 request waits for you")
	queue.Becomes(`document.querySelector("#nav-mine .count").firstChild.textContent.trim()`, "1")
	roles.Sees("Pending approval")

	page := tabOf(t, chromium, alice, "/activations/"+id)
	page.Sees("Pending approval")
	page.Run(`document.querySelector("#activation details").open = true; document.querySelector("#activation summary").focus(); window.marked = true`)
	carol.Approve(id)
	cookie(queue, carol) // her browser has it for all its tabs: a step-up renews the session (T5)
	w.Tick()
	page.Sees("confirmed at the target")
	page.Sees("1 active")
	page.Becomes(`[window.marked, document.activeElement.tagName, document.querySelector("#activation details").open].join()`, "true,SUMMARY,true")
	roles.Sees("1 active")
	queue.Sees("Nothing waits for you.")

	other.Run(`const q = document.querySelector("input[name=q]"); q.focus(); q.value = "half a wo"; window.field = q`)
	w.Do(func(tx *store.Tx) error {
		return tx.InsertNotice(store.Notice{ID: "n", PrincipalID: "dave", Text: "Hello"})
	})
	other.Becomes(`document.querySelector(".bell .count")?.textContent`, "1")
	other.Becomes(`[window.field === document.activeElement, window.field.value].join()`, "true,half a wo")
	w.DisablePerson("dave")
	other.Sees("Your session has ended.")
	other.Becomes(`document.querySelector("#ended a").getAttribute("href")`, "/sign-in?return_to=%2Fmy-requests")
	for name, b := range map[string]*browser.Tab{"my roles": roles, "activation": page, "requests": other} {
		b.Quiet(name)
	}
}
