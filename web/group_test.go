package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// done confirms with the passkey where a change asks for it, and goes where it leads.
func done(t *testing.T, p *stinttest.Person, page *stinttest.Page) *stinttest.Page {
	t.Helper()
	page.Want(t, http.StatusSeeOther)
	if strings.HasPrefix(page.Location(), "/step-up/") {
		page = p.Confirm(page.Location()).Want(t, http.StatusSeeOther)
	}
	return p.Get(page.Location()).Want(t, http.StatusOK)
}

// touched fails when a change asked for no passkey.
func touched(t *testing.T, page *stinttest.Page) *stinttest.Page {
	t.Helper()
	if page.Want(t, http.StatusSeeOther); !strings.HasPrefix(page.Location(), "/step-up/") {
		t.Errorf("%s asked for no passkey", page.Request.URL.Path)
	}
	return page
}

// P-02 to P-06: any group may be assigned, to what makes members of another one too; administrators alone feed it, with a touch where it gives a role; each member
// activates for themselves; who leaves loses it at once.
func TestGroupLifeInTheBrowser(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol, alice, bob := manager(w), w.Person("alice").Ready(), w.Person("bob").Ready()
	wrong := carol.Post("/groups", "name", " ", "claim", "x").Want(t, http.StatusUnprocessableEntity)
	if wrong.Text("#name-err") == "" || wrong.Find("#claim").AttrOr("value", "") != "x" {
		t.Errorf("an empty name: %q", wrong.Text("main"))
	}
	page := done(t, carol, carol.Post("/groups", "name", "On call"))
	id := strings.TrimPrefix(page.Request.URL.Path, "/groups/")
	if carol.Post("/groups", "name", "ON CALL").Want(t, http.StatusUnprocessableEntity).Text("#name-err") == "" {
		t.Error("a second group of the same name is taken") // T22: names that look alike
	}
	found := carol.Get("/groups/"+id+"/members/new?q=bo").Want(t, http.StatusOK)
	if got := found.Find("input[name=pick]").AttrOr("value", ""); got != "bob" {
		t.Errorf("found %q", got)
	}
	done(t, carol, carol.Post("/groups/"+id+"/members", "pick", "alice", "pick", "bob"))
	entitlement := w.Role("dba", stinttest.Rules{Privileged: true})
	asg := w.Eligible(id, "dba", time.Time{})
	mine := alice.Activate(asg)
	w.Tick()
	if !w.Target.Holds(alice.Account, entitlement) || w.Target.Holds(bob.Account, entitlement) {
		t.Fatal("one member's activation is theirs alone")
	}
	olga := w.Person("olga").Ready()
	w.Owner("olga", stinttest.Production)
	olga.Post("/groups/"+id+"/members", "pick", "olga").Want(t, http.StatusNotFound) // P-03: nor by who owns what it reaches
	step := touched(t, carol.Post("/groups/"+id+"/members/alice/remove"))
	if says := carol.Get(step.Location()).Text("main"); !strings.Contains(says, "alice leaves On call") || !strings.Contains(says, "Members may activate dba on Production") {
		t.Errorf("the touch restates %q", says)
	}
	page = done(t, carol, step)
	w.Tick()
	if a := w.Activation(mine); a.State != pim.EligibilityEnded || w.Target.Holds(alice.Account, entitlement) {
		t.Errorf("after leaving: %s", a.State)
	}
	if got := page.Text("section[aria-label=Members]"); strings.Contains(got, "alice") || !strings.Contains(got, "bob") {
		t.Errorf("members: %q", got)
	}
	touched(t, carol.Post("/groups/"+id+"/members", "pick", "alice")) // it gives a role
	if e := w.Events(pim.EvMemberRemoved); len(e) != 1 || e[0].Actor != "carol" || e[0].Subject != "alice" || e[0].Facts["evidence"] == "" {
		t.Errorf("events: %+v", e)
	}
}

// T22: circles and depth are refused in words, with the path.
func TestGroupsNestWithoutCircles(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Group("inner")
	w.Group("middle", "inner")
	w.Group("outer", "middle")
	got := carol.Post("/groups/inner/members", "pick", "outer").Want(t, http.StatusUnprocessableEntity).Text("[role=alert]")
	if !strings.Contains(got, "inner > outer > middle > inner") {
		t.Errorf("a circle: %q", got)
	}
	if got := carol.Post("/groups/inner/members", "pick", "inner").Want(t, http.StatusUnprocessableEntity).Text("[role=alert]"); !strings.Contains(got, "inner > inner") {
		t.Errorf("itself: %q", got)
	}
	below := "inner"
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} { // outer is 3 deep already
		w.Group(name, below)
		below = name
	}
	w.Group("h", "outer")
	done(t, carol, carol.Post("/groups/h/members", "pick", "g"))
	w.Group("i", "h")
	w.Group("j")
	done(t, carol, carol.Post("/groups/j/members", "pick", "h"))
	got = carol.Post("/groups/g/members", "pick", "j").Want(t, http.StatusUnprocessableEntity).Text("[role=alert]")
	if !strings.Contains(got, "contain each other") {
		t.Errorf("a circle through a long way: %q", got)
	}
	got = carol.Post("/groups/middle/members", "pick", "g").Want(t, http.StatusUnprocessableEntity).Text("[role=alert]")
	if !strings.Contains(got, "at most 10 deep") {
		t.Errorf("too deep: %q", got)
	}
}

// P-10: what a preview says is what happens, and the group is nowhere afterwards; an approving group and the last way to administer stay (T21, EC-16).
func TestRemovingAGroup(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol, alice := manager(w), w.Person("alice").Ready()
	w.Person("dave")
	w.Group("oncall", "alice")
	w.Group("leads", "dave")
	w.Role("dba", stinttest.Rules{})
	w.Role("root", stinttest.Rules{Privileged: true, Approvers: []string{"leads"}})
	mine := alice.Activate(w.Eligible("oncall", "dba", time.Time{}))
	preview := carol.Get("/groups/oncall/remove").Want(t, http.StatusOK)
	if got := preview.Text("main"); !strings.Contains(got, "Nobody may activate dba on Production through it any more, and 1 running or waiting activation ends at once.") {
		t.Errorf("the preview says %q", got)
	}
	kept := carol.Post("/groups/oncall/remove", "version", "1", "typed", "on call").Want(t, http.StatusUnprocessableEntity) // T21
	if kept.Find("#typed").AttrOr("value", "") != "on call" || kept.Text("#typed-err") == "" {
		t.Errorf("a name not typed: %q", kept.Text("form"))
	}
	done(t, carol, carol.Post("/groups/oncall/remove", "typed", "oncall", "version", preview.Find("input[name=version]").AttrOr("value", "")))
	if a := w.Activation(mine); a.State != pim.EligibilityEnded {
		t.Errorf("after the removal: %s", a.State)
	}
	carol.Get("/groups/oncall").Want(t, http.StatusNotFound)
	if got := carol.Get("/groups").Want(t, http.StatusOK).Text("main") + carol.Get("/assignments").Text("tbody"); strings.Contains(got, "oncall") { // P-10: at once
		t.Errorf("the removed group is still listed: %q", got)
	}
	if got := carol.Get("/groups/leads/remove").Text(".callout"); !strings.Contains(got, "leads approves requests for root") {
		t.Errorf("an approving group: %q", got)
	}
	carol.Post("/groups/leads/remove", "version", "1").Want(t, http.StatusConflict)
	if got := carol.Post("/groups/leads/members/dave/remove").Want(t, http.StatusConflict).Text("main"); !strings.Contains(got, "Nobody would be left to approve requests for root") {
		t.Errorf("the last approver: %q", got)
	}
	touched(t, carol.Post("/groups/leads/members", "pick", "alice")) // T21: another approver loosens a privileged role's rules
	carol.Post("/groups/leads", "version", "9", "name", "x").Want(t, http.StatusConflict)
}

// EC-16: the last person able to administer stays so when groups change, too.
func TestTheLastAdministratorStaysInTheGroup(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := w.Person("carol")
	w.Group("admins", "carol")
	w.Administrator("admins")
	carol.Ready()
	for _, what := range []string{"/groups/admins/members/carol/remove", "/groups/admins/remove"} {
		if got := carol.Post(what, "version", "1").Want(t, http.StatusConflict).Text("main"); !strings.Contains(got, "Nobody able to administer Stint would be left") {
			t.Errorf("%s: %q", what, got)
		}
	}
	w.Person("bob").Ready()
	w.Administrator("bob")
	carol.Confirm(touched(t, carol.Post("/groups/admins/members/carol/remove")).Location()).Want(t, http.StatusSeeOther)
	carol.Get("/groups").Want(t, http.StatusNotFound)
}

// Invariant 9: members by the provider's claim are shown with how long that counts, are not taken out here, lapse after
// 24 hours without a fresh claim, and at once when the group's claim is another one.
func TestMembersByClaim(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol, alice := manager(w), w.Person("alice")
	w.Group("oncall")
	done(t, carol, carol.Post("/groups/oncall", "version", "1", "name", "oncall", "claim", "sre"))
	groups := map[string]any{"groups": []string{"sre"}}
	alice.SignIn(groups).Want(t, http.StatusSeeOther)
	alice.Enrol()
	w.Role("dba", stinttest.Rules{})
	asg := w.Eligible("oncall", "dba", time.Time{})
	mine := alice.Activate(asg, "duration", "480", "justification", "Mend it")
	w.Tick()
	if got := carol.Get("/groups/oncall").Text("section[aria-label=Members]"); !strings.Contains(got, "by the provider’s claim, fresh until") {
		t.Errorf("members: %q", got)
	}
	if got := carol.Post("/groups/oncall/members/alice/remove").Want(t, http.StatusConflict).Text("main"); !strings.Contains(got, "by the provider’s groups claim") {
		t.Errorf("taking out: %q", got)
	}
	done(t, carol, touched(t, carol.Post("/groups/oncall", "version", "2", "name", "oncall", "claim", "other")))
	w.Tick()
	if a := w.Activation(mine); a.State != pim.EligibilityEnded {
		t.Errorf("with another claim: %s", a.State)
	}
	alice.SignIn(map[string]any{"groups": []string{"other"}}).Want(t, http.StatusSeeOther)
	mine = alice.Activate(asg)
	w.Advance(24*time.Hour + time.Second)
	if a := w.Activation(mine); a.State == pim.ActiveConfirmed {
		t.Errorf("a day later: %s", a.State)
	}
	if got := stinttest.Read(w, func(r *store.Reader) (bool, error) { return r.Within("alice", "oncall") }); got {
		t.Error("a member without a fresh claim")
	}
}

func TestGroupsSearchAndPages(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol, dora := manager(w), w.Person("dora").Ready()
	w.Auditor("dora")
	for i := range 60 {
		w.Group("g" + string(rune('a'+i/26)) + string(rune('a'+i%26)))
	}
	seen := map[string]bool{}
	for next, rounds := "/groups", 0; next != "" && rounds < 3; rounds++ {
		page := carol.Get(next).Want(t, http.StatusOK)
		page.Find("tbody th a").Each(func(_ int, s *goquery.Selection) { seen[s.Text()] = true })
		next = ""
		if strings.Contains(page.Text(".pager"), "Next") {
			next = page.Find(".pager a:last-child").AttrOr("href", "")
		}
	}
	if len(seen) != 60 {
		t.Errorf("the pages show %d groups, want 60", len(seen))
	}
	if got := carol.Get("/groups?q=%25").Want(t, http.StatusOK).Text(".empty"); !strings.Contains(got, "%") { // T22: no wildcard
		t.Errorf("a search for %%: %q", got)
	}
	page := dora.Get("/groups/gaa").Want(t, http.StatusOK)
	if page.Find("main form[method=post]").Length() != 0 {
		t.Error("an auditor is offered what only administrators may do")
	}
	carol.Get("/groups/dora").Want(t, http.StatusNotFound) // a person is no group
}
