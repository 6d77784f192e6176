//go:build e2e && linux

package main

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"stint/internal/pim"
	"stint/internal/stinttest/slapd"
	"stint/internal/store"
)

// reviewCourse is a review of who is a member of a group in OpenLDAP and of a role in PostgreSQL.
type reviewCourse struct {
	*office
	ben, cleo *somebody // reviewers: one with the keyboard only, one on a phone
	page      string    // /reviews/ID
}

const (
	reviewName  = "Who needs the ledger"
	inDirectory = "Member of ledger"
	inCluster   = "Member of ledger_owner"
	movedAway   = "Moved to the warehouse team"
	leftBooks   = "Keeps no books any more" // what Ben writes
	onDuty      = "Closes the books each month"
)

// An administrator makes a review of what two people really hold in a real OpenLDAP and a real PostgreSQL; two reviewers
// answer on devices of their own, one without a mouse, one on a phone; it ends, and the systems themselves say that what
// was denied is gone and what was approved is still there (W-10, W-61, W-65, W-80, W-95, W-101).
func TestReviewTakesAccessAwayAtTheSystems(t *testing.T) {
	o := newOffice(t)
	o.newcomer.seen = nil // how systems are connected is looked at by TestAdministrator
	o.directory.AddPerson(t, "dan")
	o.cluster.Exec(t, `CREATE ROLE dan LOGIN`)
	c := &reviewCourse{office: o}
	mia, dan := o.arrives("mia", "Mia Ferro"), o.arrives("dan", "Dan Osei")
	c.ben, c.cleo = o.arrives("ben", "Ben Oduya"), o.arrives("cleo", "Cleo Marsh")
	o.begins()
	o.connects()
	o.newcomer.seen = map[string]bool{}
	for _, s := range []*somebody{mia, dan} {
		c.hasAccounts(s)
	}
	c.assignsActive(inDirectory, "ledger", "Mia", "Dan")
	c.assignsActive(inCluster, "ledger_owner", "Mia", "Dan")
	c.held("mia", true)
	c.held("dan", true)

	c.creates()
	c.answersByKeyboard()
	c.answersOnAPhone()
	c.held("mia", true) // nothing changes before the end (W-65)
	c.ends()
	c.held("mia", false)
	c.held("dan", true)
	c.provesIt()
}

// hasAccounts says who somebody is at both systems.
func (c *reviewCourse) hasAccounts(s *somebody) {
	c.host.Helper()
	a := c.admin
	a.Open("/people")
	a.link(s.name)
	for _, target := range []string{"Example directory", "Example cluster"} {
		a.link("Name an account")
		a.picks("target", target)
		a.Fill("account", s.uid)
		a.button("Look it up")
		a.touches(s.name+" is", target)
		a.Sees("looked up at the target")
	}
}

// assignsActive gives people a role all the time.
func (c *reviewCourse) assignsActive(role, resource string, people ...string) {
	c.host.Helper()
	a := c.admin
	a.Open("/roles")
	a.leaves(fmt.Sprintf(`(//main//a[normalize-space(.)=%q])[1]`, role))
	id := strings.TrimPrefix(strings.SplitN(a.Address(), "?", 2)[0], "/roles/")
	a.Open("/assignments/new?role=" + id + "&resource=" + c.resource(resource))
	for _, who := range people {
		a.Fill("who", who)
		a.button("Search")
		a.tick(who)
	}
	a.Choose("Active")
	a.Fill("end_after", "7")
	a.Fill("justification", "Set up by hand, as it was before Stint")
	a.look("assignment-active")
	a.button("Continue with passkey")
	a.touches(people...)
	a.Sees(people...)
}

// held asks both systems themselves.
func (c *reviewCourse) held(uid string, want bool) {
	c.host.Helper()
	c.await(soon, func() string {
		member := slices.Contains(c.directory.Values(c.host.T, "cn=ledger"+engineerDN, "member"), "uid="+uid+",ou=people,"+slapd.BaseDN)
		role := c.cluster.Strings(c.host.T, "SELECT pg_has_role('"+uid+"', 'ledger_owner', 'MEMBER')")[0]
		if member != want || role != fmt.Sprint(want) {
			return fmt.Sprintf("of %s the directory says %v, the cluster %s, want %v", uid, member, role, want)
		}
		return ""
	})
}

// creates fills the form, looks at the preview, and starts the review; both reviewers then have it.
func (c *reviewCourse) creates() {
	c.host.Helper()
	a := c.admin
	a.Open("/reviews/new")
	a.look("review-new")
	a.says("name", reviewName, "text", "Whoever left the books is to lose the ledger.")
	c.chooses("role", "ledger", inDirectory, inCluster)
	c.chooses("reviewer_1", "Ben", "Ben Oduya")
	c.chooses("reviewer_1", "Cleo", "Cleo Marsh")
	a.picks("frequency", "Once")
	a.Choose("By itself")
	a.tick("Each answer needs a reason")
	a.button("Preview")
	a.Sees("Who would review what", "4 items", "Ben Oduya", "Cleo Marsh")
	a.look("review-preview")
	a.button("Create review")
	if strings.HasPrefix(a.Address(), "/step-up/") {
		a.touches(reviewName)
	}
	c.await(soon, func() string {
		running := inDatabase(c.host, func(r *store.Reader) ([]pim.ReviewInstance, error) {
			return r.ReviewsRunning(store.Subtree{All: true}, store.Keyset{}, 5)
		})
		if len(running) != 1 || running[0].State != pim.ReviewInProgress {
			return fmt.Sprintf("running: %+v", running)
		}
		c.page = "/reviews/" + running[0].ID
		return ""
	})
	a.Open("/reviews/running")
	a.Sees(reviewName)
	a.look("reviews-running")
}

// chooses searches in a chooser of the form and ticks what has exactly these names.
func (c *reviewCourse) chooses(chooser, words string, names ...string) {
	c.host.Helper()
	a := c.admin
	a.Fill("find_"+chooser, words)
	a.leaves(fmt.Sprintf(`//fieldset[.//input[@name="find_%s"]]//button`, chooser))
	for _, name := range names {
		a.Click(fmt.Sprintf(`//label[.//b[normalize-space(.)=%q]]//input[starts-with(@value, %q)]`, name, chooser+":"))
	}
}

// item is the id of the row that is about somebody's role.
func (c *reviewCourse) item(s *somebody, name, role string) string {
	c.host.Helper()
	row := fmt.Sprintf(`([...document.querySelectorAll("tr[id^=item-]")].find((r) => r.textContent.includes(%q) && [...r.querySelectorAll("small")].some((s) => s.textContent.trim() === %q))?.id || "")`, name, role)
	s.Until(`String(`+row+` !== "")`, "true")
	return strings.TrimPrefix(s.Text(row), "item-")
}

// reaches goes on with the tabulator key to the field of a name.
func (s *somebody) reaches(name string) {
	s.n.Helper()
	for range 80 {
		s.Keys("\t")
		if s.Text(`document.activeElement?.name || ""`) == name {
			return
		}
	}
	s.n.Fatalf("%s: no tabulator leads to the field %s", s.Address(), name)
}

// answersByKeyboard: Ben opens what waits for him and answers about the directory, without a mouse.
func (c *reviewCourse) answersByKeyboard() {
	c.host.Helper()
	b := c.ben
	b.Open("/my-roles")
	b.enter("Reviews")
	b.Sees(reviewName)
	b.look("reviews")
	b.enter("Start")
	b.Sees("0 of 4 decided")
	b.Becomes(`document.readyState`, "complete")
	dan, mia := c.item(b, "Dan Osei", inDirectory), c.item(b, "Mia Ferro", inDirectory)
	b.reaches("answer-" + dan)
	b.Keys(" ")
	b.Becomes(fmt.Sprintf(`String(document.querySelector("#item-%s .err") !== null)`, dan), "true") // a reason is missing yet
	b.reaches("reason-" + dan)
	b.Keys(onDuty + "\t")
	b.Sees("1 of 4 decided")
	if at := b.Text(`document.activeElement?.name || ""`); at != "answer-"+mia {
		b.reaches("answer-" + mia)
	}
	b.Keys(kb.ArrowRight)
	b.Becomes(`document.activeElement?.value`, "deny")
	b.reaches("reason-" + mia)
	b.Keys(leftBooks + "\t")
	b.Sees("2 of 4 decided")
	b.look("review-answers")
}

// answersOnAPhone: Cleo has what is left on a phone.
func (c *reviewCourse) answersOnAPhone() {
	c.host.Helper()
	p := c.cleo
	p.Size(390, 844)
	p.Open(c.page + "/answers")
	p.Sees("2 of 4 decided")
	for n, row := range []struct{ name, answer, reason string }{{"Mia Ferro", "Deny", movedAway}, {"Dan Osei", "Approve", onDuty}} {
		id := c.item(p, row.name, inCluster)
		p.Click(fmt.Sprintf(`//tr[@id="item-%s"]//label[normalize-space(.)=%q]`, id, row.answer))
		p.Fill("reason-"+id, row.reason)
		p.Keys("\t")
		p.Sees(fmt.Sprintf("%d of 4 decided", 3+n))
	}
	if by := p.Sideways(); by != "0" {
		c.host.Errorf("the rows of a review scroll sideways by %s px on a phone", by)
	}
	p.shot("review-answers-at-the-phone")
	p.Quiet("answering on a phone")
}

// ends: the administrator stops the review; it applies by itself, and the results say what was seen.
func (c *reviewCourse) ends() {
	c.host.Helper()
	a := c.admin
	a.Open(c.page)
	a.Sees("4 of 4 decided", "Ben Oduya", "Cleo Marsh")
	a.look("review")
	a.Press("Stop the review")
	a.Sees("Everything is answered", "it cannot be started again")
	a.tick("I read this and want it")
	a.look("review-stop")
	a.button("Stop the review")
	if strings.HasPrefix(a.Address(), "/step-up/") {
		a.touches(reviewName)
	}
	c.await(soon, func() string {
		done := inDatabase(c.host, func(r *store.Reader) (pim.ReviewInstance, error) {
			return r.ReviewInstance(strings.TrimPrefix(c.page, "/reviews/"))
		})
		if done.State != pim.ReviewApplied {
			return "the review is " + string(done.State)
		}
		return ""
	})
	a.Open(c.page)
	a.Sees("2 removed", "2 kept")
	a.look("review-applied")
	a.Open(c.page + "/results")
	for _, id := range []string{c.result("Mia Ferro", inDirectory), c.result("Mia Ferro", inCluster)} {
		if !strings.Contains(id, "seen gone at") || !strings.Contains(id, "Removed") {
			c.host.Errorf("the result of what was denied: %s", id)
		}
	}
	for _, id := range []string{c.result("Dan Osei", inDirectory), c.result("Dan Osei", inCluster)} {
		if !strings.Contains(id, "Kept") {
			c.host.Errorf("the result of what was approved: %s", id)
		}
	}
	a.look("review-results")
}

// result is the text of a line of the results.
func (c *reviewCourse) result(name, role string) string {
	c.host.Helper()
	return c.admin.Text(fmt.Sprintf(`[...document.querySelectorAll("#review-results tbody tr")].find((r) => r.textContent.includes(%q) && [...r.querySelectorAll("b")].some((b) => b.textContent.trim() === %q))?.innerText || "no such row"`, name, role))
}

// provesIt: the file, the log and the page of a row say the same.
func (c *reviewCourse) provesIt() {
	c.host.Helper()
	a := c.admin
	a.Open(c.page)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(a.Text(`(() => { const b = document.querySelector("form[data-download] button[value=csv]");
		return fetch(b.form.action, {method: "POST", body: new URLSearchParams(new FormData(b.form, b))}).then((r) => r.ok ? r.text() : "status," + r.status) })()`), "\ufeff"))).ReadAll()
	c.ok(err)
	if len(rows) != 5 {
		c.host.Fatalf("the file has %d lines: %v", len(rows), rows)
	}
	of := func(row []string, column string) string { return row[slices.Index(rows[0], column)] }
	choice := func(denied bool, yes, no string) string {
		if denied {
			return yes
		}
		return no
	}
	for _, row := range rows[1:] {
		denied := strings.Contains(strings.Join(row, " "), "Mia Ferro")
		if of(row, "result") != choice(denied, "deny", "approve") || of(row, "applied_result") != choice(denied, "removed", "kept") || of(row, "reason") == "" || denied == (of(row, "gone_at") == "") {
			c.host.Errorf("a line of the file: %v", row)
		}
	}
	events := map[string]int{}
	for _, e := range inDatabase(c.host, func(r *store.Reader) ([]store.EntryRow, error) {
		return r.Entries(store.EntryFilter{Type: "review.", Limit: 100})
	}) {
		events[e.Type]++
	}
	for kind, want := range map[pim.EventType]int{pim.EvReviewStarted: 1, pim.EvReviewDecided: 4, pim.EvReviewStopped: 1, pim.EvReviewEnded: 1, pim.EvReviewItemApplied: 4, pim.EvReviewExported: 1} {
		if events[string(kind)] != want {
			c.host.Errorf("the log has %d entries %s, want %d: %v", events[string(kind)], kind, want, events)
		}
	}
	c.host.says(c.stint("audit", "verify"), "are good")
	a.Open(c.page + "/results?q=Mia")
	a.link("Mia Ferro")
	a.Sees("Ben Oduya: Deny", leftBooks, "seen gone at", "Proof, audit entries")
	a.look("review-item")
	a.Open("/reviews/history")
	a.Sees(reviewName)
	a.look("review-history")
}
