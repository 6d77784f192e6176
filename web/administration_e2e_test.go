//go:build e2e

package web_test

import (
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/stinttest/browser"
	stinttest "stint/internal/stinttest/harness"
)

// The whole of the pages of administration works in a browser that runs no script: what is wrong comes back at its field with
// all that was typed, and what is right is saved.
func TestAdministrationWithoutScript(t *testing.T) {
	w := stinttest.New(t)
	carol := manager(w)
	w.Person("alice")
	w.Role("dba", stinttest.Rules{Max: 6 * time.Hour})
	b := tabOf(t, browser.Start(t, 5*time.Minute), carol, "/groups")
	b.Scripts(false)

	b.Open("/groups/new")
	b.Fill("name", " ")
	b.Fill("claim", "operators")
	b.Press("Add group")
	b.Sees("Give it a name.")
	wrong(b, "name")
	b.Becomes(`document.querySelector("[name=claim]").value`, "operators")
	b.Fill("name", "Operators")
	b.Press("Add group")
	b.Sees("Group made.", "Operators")
	b.Press("Add members")
	b.Fill("q", "alice")
	search(b)
	b.Click(`//main//input[@name="pick"]`)
	b.Click(`//main//button[contains(., "Add members")]`)
	b.Sees("Member added.", "Take out alice")

	b.Open("/resources/" + stinttest.Production + "/edit")
	b.Fill("name", " ")
	b.Click(`//main//form[@method="post"]//button[contains(., "Save")]`)
	b.Sees("The name is missing; give one.")
	wrong(b, "name")
	b.Fill("name", "Production west")
	b.Click(`//main//form[@method="post"]//button[contains(., "Save")]`)
	b.Sees("Production west is saved.")

	b.Open(dbaAtProduction)
	b.Click(`//input[@name="own_max_duration"]`)
	b.Fill("max_duration", "soon")
	b.Press("Look at the change")
	b.Until(`document.querySelector("#s-max_duration-err")?.textContent || ""`, "h")
	b.Becomes(`document.querySelector("[name=max_duration]").value`, "soon")
	b.Fill("max_duration", "2 h")
	b.Press("Look at the change")
	b.Sees("Longest activation", "Try it for")
	b.Fill("try", "alice")
	b.Keys("\r") // looks again, and saves nothing
	b.Sees("Try it for", "Save 2 changes")
	b.Becomes(`document.querySelector("#try").value`, "alice")
	b.Press("Save 2 changes")
	b.Until(`location.pathname + location.search + document.querySelector("[name=max_duration]")?.value`, dbaAtProduction+"2 h")

	b.Open("/assignments/new?role=dba&resource=" + stinttest.Production)
	b.Fill("justification", "On call from Monday")
	b.Fill("who", "ali")
	search(b)
	b.Sees("alice")
	b.Becomes(`document.querySelector("[name=justification]").value`, "On call from Monday")
	b.Click(`//main//button[contains(., "Add assignment")]`)
	b.Until(`document.querySelector("#pick-err")?.textContent || ""`, "Choose")
	b.Click(`//main//input[@name="pick"]`)
	b.Click(`//main//button[contains(., "Add assignment")]`)
	b.Sees("Assignment made", "Change or extend")
	if a := assigned(w, "alice", "dba"); len(a) != 1 || a[0].Justification != "On call from Monday" {
		t.Errorf("alice has %+v", a)
	}
}

func search(b *browser.Tab) { b.Click(`//main//button[normalize-space(.)="Search"]`) }

// wrong sees that a field says that it is wrong, and where the reason stands.
func wrong(b *browser.Tab, name string) {
	b.Becomes(`(() => { const f = document.querySelector("main [name=`+name+`]"); return f.getAttribute("aria-invalid") + " " + f.getAttribute("aria-describedby").split(" ").some((id) => document.getElementById(id)?.classList.contains("err")); })()`, "true true")
}

// The same by keyboard alone: each stop is on the screen and shows that it has the focus, and what script puts in anew takes
// the focus from nobody.
func TestAdministrationByKeyboard(t *testing.T) {
	w := stinttest.New(t)
	carol := manager(w)
	w.Person("alice")
	w.Role("dba", stinttest.Rules{Max: 6 * time.Hour})
	b := tabOf(t, browser.Start(t, 8*time.Minute), carol, "/resources")
	for _, path := range []string{"/resources", "/resources/" + stinttest.Production, "/roles/dba", dbaAtProduction, "/assignments", "/people/alice", "/targets/new", "/sync", "/audit", "/reviews/new"} {
		stops(t, b, path)
	}

	b.Open("/groups/new")
	b.TabTo("Name")
	b.Keys("Operators")
	b.TabTo("Add group")
	b.Keys("\r")
	b.Sees("Group made.")

	b.Open("/assignments/new?role=dba&resource=" + stinttest.Production)
	b.TabTo("Search people")
	b.Keys("ali\r")
	b.Until(`String(document.querySelectorAll("main input[name=pick]").length)`, "1")
	b.Becomes(`document.readyState`, "complete")
	b.TabTo("alice")
	b.Keys(" ")
	b.Until(`document.querySelector("#assign-aside").textContent`, "alice will be able to activate dba") // the checks were put in anew
	b.Becomes(`document.activeElement.name`, "pick")
	b.TabTo("Reason")
	b.Keys("On call")
	b.Becomes(`document.activeElement.name + " " + document.activeElement.value`, "justification On call")
	b.TabTo("Add assignment")
	b.Keys("\r")
	b.Sees("Assignment made", "Change or extend")
	if a := assigned(w, "alice", "dba"); len(a) != 1 || a[0].Kind != pim.Eligible {
		t.Errorf("alice has %+v", a)
	}

	b.Open("/audit")
	b.Becomes(`document.readyState`, "complete")
	b.TabTo("Details of entry")
	b.Keys("\r")
	b.Becomes(`document.activeElement.ariaExpanded`, "true")
	b.Quiet("administration by keyboard")
}

// stops walks over a page by the tabulator key: nothing is passed over, and each stop can be seen.
func stops(t *testing.T, b *browser.Tab, path string) {
	t.Helper()
	b.Open(path)
	b.Becomes(`document.readyState`, "complete")
	b.Run(watchStops)
	for range 200 {
		b.Keys("\t")
		if b.Text(`String(!document.hasFocus() || document.activeElement === document.body || window.walked)`) == "true" {
			break
		}
	}
	if got := b.Text(`window.missed()`); got != "" {
		t.Errorf("%s by keyboard: %s", path, got)
	}
}

// watchStops notes each stop. Of radio buttons one stands for its group.
const watchStops = `(() => {
	const all = [...document.querySelectorAll("main :is(a[href], button, input, select, textarea, summary)")].filter((e) =>
		e.type !== "hidden" && !e.disabled && e.tabIndex >= 0 && e.checkVisibility({visibilityProperty: true}));
	const seen = new Set(), bad = [], name = (e) => (e.textContent || e.name || e.ariaLabel || e.tagName).trim().replace(/\s+/g, " ").slice(0, 40);
	const ring = (e) => { const s = getComputedStyle(e); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== "none"; };
	document.addEventListener("focusin", ({target: e}) => {
		if (seen.has(e)) window.walked = true;
		seen.add(e);
		if (!ring(e) && !(e.closest("label") && ring(e.closest("label")))) bad.push("no ring: " + name(e));
	});
	window.missed = () => [...bad, ...all.filter((e) => !seen.has(e) && e.type !== "radio").map((e) => "not reached: " + name(e))].join("; ");
})()`
