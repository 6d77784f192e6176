package broker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// W-65, W-90: nothing changes before the end; then what was denied ends with what was activated by it, and is seen gone.
func TestReviewTakesAwayWhatWasDenied(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.eligible("dan", "viewer", "org")
	c := d.court(nil, "alice-dba", "alice-vault", "dan-viewer")
	id := c.activate("alice", "alice-dba", 30*time.Minute)
	c.tick()
	for item, a := range map[string]pim.ReviewAnswer{"alice-dba": pim.AnswerDeny, "alice-vault": pim.AnswerApprove, "dan-viewer": pim.AnswerDontKnow} {
		if r := c.says("bob", item, a); r != "" {
			t.Fatal(r)
		}
	}
	c.tick()
	if !c.member("alice") || c.instance().Counts != (pim.ReviewCounts{Items: 3, Approved: 1, Denied: 1, DontKnow: 1}) {
		t.Fatalf("before the end: held %v, %+v", c.member("alice"), c.instance().Counts)
	}
	c.over()
	c.came("alice-dba", pim.ResultRemoved, "")
	c.came("alice-vault", pim.ResultKept, "")
	c.came("dan-viewer", pim.ResultKept, "")
	if c.member("alice") || c.activation(id).State != pim.EligibilityEnded || c.assignment("alice-dba").EndedAt.IsZero() {
		t.Errorf("held %v, %s", c.member("alice"), c.activation(id).State)
	}
	if i := c.item("alice-dba"); i.GoneAt.IsZero() || c.instance().State != pim.ReviewApplied {
		t.Errorf("gone at %v, %s", i.GoneAt, c.instance().State)
	}
}

// W-91: a group's assignment that is denied ends for the group; its members stay in it, and what they hold by it is gone.
func TestReviewOfAGroupLine(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("ops", "alice") // bob reviews it, so that he is not in it
	d.active("ops", "dba", "org")
	out, err := d.b.AddMembers(d.ctx, d.as("carol"), "ops", []string{"erin"})
	d.ok(d.confirmed("carol", out, err))
	d.tick()
	if !d.member("erin") {
		t.Fatal("the group holds nothing")
	}
	c := d.court(nil, "ops-active-dba")
	if r := c.says("bob", "ops-active-dba", pim.AnswerDeny); r != "" {
		t.Fatal(r)
	}
	c.over()
	c.came("ops-active-dba", pim.ResultRemoved, "")
	members, err := store.Read(c.ctx, c.b.Store(), func(r *store.Reader) ([]pim.Membership, error) { return r.Memberships("ops", "erin") })
	c.ok(err)
	if c.member("erin") || len(members) != 1 || c.instance().State != pim.ReviewApplied {
		t.Errorf("held %v, %d memberships, %s", c.member("erin"), len(members), c.instance().State)
	}
}

// W-92, W-93: a membership that Stint keeps ends; one of a claim or of the directory is not Stint's to end.
func TestReviewOfMemberships(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("ops", "alice")
	d.do(func(tx *store.Tx) error {
		return errors.Join(tx.AddMember(pim.Membership{GroupID: "ops", MemberID: "dan", Source: pim.SourceSignIn, FreshUntil: tx.Now.Add(1000 * time.Hour)}),
			tx.AddMember(pim.Membership{GroupID: "ops", MemberID: "carol", Source: pim.SourceDirectory}),
			tx.AddMember(pim.Membership{GroupID: "ops", MemberID: "erin", Source: pim.SourceBrowser}))
	})
	d.active("ops", "dba", "org")
	c := d.court(func(t *pim.ReviewTerms) { t.Scope = pim.ReviewScope{Groups: []string{"ops"}} }, "alice of ops", "dan of ops", "carol of ops", "erin of ops")
	for _, item := range []string{"alice of ops", "dan of ops", "carol of ops"} {
		if r := c.says("bob", item, pim.AnswerDeny); r != "" {
			t.Fatal(r)
		}
	}
	if r := c.says("bob", "alice of ops", pim.AnswerShrink, pim.ShrinkTo{How: pim.ShrinkEnd}); !strings.Contains(r, "nothing between") {
		t.Errorf("%q", r)
	}
	c.over()
	c.came("alice of ops", pim.ResultRemoved, "")
	c.came("dan of ops", pim.ResultNotHere, "groups claim")
	c.came("carol of ops", pim.ResultNotHere, "The directory")
	c.came("erin of ops", pim.ResultKept, "")
	for who, n := range map[string]int{"alice": 0, "dan": 1, "carol": 1, "erin": 1} {
		m, err := store.Read(c.ctx, c.b.Store(), func(r *store.Reader) ([]pim.Membership, error) { return r.Memberships("ops", who) })
		c.ok(err)
		if len(m) != n {
			t.Errorf("%s: %d memberships, want %d", who, len(m), n)
		}
	}
	if e := c.events(pim.EvMemberRemoved); len(e) != 1 || !strings.Contains(e[0].Texts["reason"], "Quarterly") {
		t.Errorf("%d entries", len(e))
	}
}

// W-90, EC-24: what the decision was about is the assignment itself, as it stands at the end.
func TestReviewIsAppliedOnWhatStands(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.eligible("dan", "viewer", "org")
	d.eligible("carol", "viewer", "org")
	c := d.court(nil, "alice-dba", "alice-vault", "dan-viewer", "carol-viewer")
	for _, item := range c.all() {
		if r := c.says("bob", item, pim.AnswerDeny); r != "" {
			t.Fatal(r)
		}
	}
	again := pim.Assignment{ID: "alice-dba-again", PrincipalID: "alice", RoleID: "dba", ResourceID: "org", Kind: pim.Eligible, StartsAt: c.clock.Now(), Source: pim.SourceBrowser}
	c.do(func(tx *store.Tx) error { // removed and legitimately assigned anew; turned active; ended by time
		a, err := tx.Assignment("alice-dba")
		v, verr := tx.Assignment("alice-vault")
		v.Kind = pim.Active
		w, werr := tx.Assignment("dan-viewer")
		w.EndsAt = tx.Now.Add(time.Hour)
		return errors.Join(err, verr, werr, tx.EndAssignment(a, false), tx.InsertAssignment(again), tx.UpdateAssignment(v), tx.UpdateAssignment(w))
	})
	c.clock.add(2 * time.Hour)
	c.over()
	c.came("alice-dba", pim.ResultGone, "over before")
	c.came("alice-vault", pim.ResultChanged, "became active")
	c.came("dan-viewer", pim.ResultGone, "over before")
	c.came("carol-viewer", pim.ResultRemoved, "")
	c.legal()
	if a := c.assignment("alice-dba-again"); !a.EndedAt.IsZero() {
		t.Error("a new assignment was touched")
	}
	if a := c.assignment("alice-vault"); !a.EndedAt.IsZero() || a.Kind != pim.Active {
		t.Errorf("what became something else was touched: %+v", a)
	}
}

// all lists the items.
func (c *court) all() (ids []string) {
	c.Helper()
	items, err := store.Read(c.ctx, c.b.Store(), func(r *store.Reader) ([]pim.ReviewItem, error) { return r.ReviewItemsAfter(c.id, "", 1000) })
	c.ok(err)
	for _, i := range items {
		ids = append(ids, i.ID)
	}
	return ids
}

// EC-16, EC-26: whoever is denied, one administrator stays, and the row says why.
func TestReviewKeepsTheLastAdministrator(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	c := d.court(nil, "carol-admin", "dan-admin")
	for _, item := range []string{"carol-admin", "dan-admin"} {
		if r := c.says("bob", item, pim.AnswerDeny); r != "" {
			t.Fatal(r)
		}
	}
	c.over()
	var kept []string
	for _, item := range []string{"carol-admin", "dan-admin"} {
		if i := c.item(item); i.Result == pim.ResultRefused && strings.Contains(i.ResultText, "Nobody would be able to administer Stint") && c.assignment(item).EndedAt.IsZero() {
			kept = append(kept, item)
		}
	}
	c.legal()
	if len(kept) != 1 || c.instance().State != pim.ReviewApplied {
		t.Errorf("kept %v, %s", kept, c.instance().State)
	}
}

// Shrinking makes less of what is held, by the same rules as an administrator's change; what the rules refuse is said.
func TestReviewShrinks(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.active("dan", "viewer", "org")
	d.eligible("dan", "viewer", "org")
	d.eligible("carol", "viewer", "org")
	d.eligible("erin", "viewer", "org")
	c := d.court(nil, "alice-dba", "alice-vault", "dan-active-viewer", "carol-viewer", "erin-viewer")
	end := c.instance().EndsAt.Add(30 * day)
	for item, s := range map[string]pim.ShrinkTo{"alice-dba": {How: pim.ShrinkEnd, EndsAt: end}, "alice-vault": {How: pim.ShrinkScope, ResourceID: "prod"}, "erin-viewer": {How: pim.ShrinkEnd, EndsAt: end},
		"dan-active-viewer": {How: pim.ShrinkEligible}, "carol-viewer": {How: pim.ShrinkScope, ResourceID: "prod"}} {
		if r := c.says("bob", item, pim.AnswerShrink, s); r != "" {
			t.Fatal(item, r)
		}
	}
	c.do(func(tx *store.Tx) error {
		p, err := tx.Principal("erin")
		p.Enabled = false
		return errors.Join(err, tx.UpdatePrincipal(p))
	})
	c.over()
	c.legal()
	c.came("alice-dba", pim.ResultShrunk, "")
	c.came("alice-vault", pim.ResultShrunk, "")
	c.came("erin-viewer", pim.ResultRefused, "erin is disabled")
	c.came("dan-active-viewer", pim.ResultShrunk, "")
	c.came("carol-viewer", pim.ResultShrunk, "")
	if a := c.assignment("alice-dba"); !a.EndsAt.Equal(end) || !a.EndedAt.IsZero() {
		t.Errorf("%+v", a)
	}
	if a := c.assignment("dan-active-viewer"); a.EndedAt.IsZero() { // they are eligible beside it already
		t.Errorf("%+v", a)
	}
	held, err := store.Read(c.ctx, c.b.Store(), func(r *store.Reader) ([]store.Holding, error) { return r.Holdings("carol") })
	c.ok(err)
	var places []string
	for _, h := range held {
		if h.RoleID == "viewer" {
			places = append(places, h.ResourceID)
		}
	}
	if strings.Join(places, " ") != "prod" {
		t.Errorf("carol is a viewer at %v", places)
	}
}

// W-90: what is denied is called gone when it was seen gone, not before: a target that is down is said and tried again.
// What is held through something else is not called gone at all.
func TestReviewReadsBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	give := func(who, role string) string {
		out, err := d.b.Assign(d.ctx, d.as("carol"), broker.AssignRequest{Principals: []string{who}, Places: []broker.Place{{RoleID: role, ResourceID: "org"}},
			AssignmentTerms: pim.AssignmentTerms{Kind: pim.Active, End: d.clock.Now().Add(60 * day)}, Justification: "on call"}, "")
		if err == nil && out.CeremonyID != "" {
			out, err = d.touch("carol", out)
		}
		d.ok(err)
		d.tick()
		return out.AssignmentID
	}
	one, two := give("erin", "dba"), give("erin", "vault")
	other := give("alice", "dba")
	if !d.member("erin") || !d.member("alice") {
		t.Fatal("nothing is held")
	}
	c := d.court(nil, one, other)
	for _, item := range []string{one, other} {
		if r := c.says("bob", item, pim.AnswerDeny); r != "" {
			t.Fatal(r)
		}
	}
	c.ward.mu.Lock()
	c.ward.down = true
	c.ward.mu.Unlock()
	c.over()
	c.came(other, pim.ResultRemoving, "the target is down")
	if c.instance().State != pim.ReviewApplying || c.item(other).Tries == 0 {
		t.Errorf("%s, %d tries", c.instance().State, c.item(other).Tries)
	}
	c.ward.mu.Lock()
	c.ward.down = false
	c.ward.mu.Unlock()
	c.clock.add(2 * time.Minute)
	c.settle()
	c.clock.add(2 * time.Minute)
	c.settle()
	c.came(one, pim.ResultElsewhere, "Still held through Vault on Northwind")
	c.came(other, pim.ResultElsewhere, "Still eligible")
	if c.member("alice") || !c.member("erin") || !c.assignment(two).EndedAt.IsZero() || c.instance().State != pim.ReviewApplied {
		t.Errorf("alice %v, erin %v, %s", c.member("alice"), c.member("erin"), c.instance().State)
	}
}

// W-82: only who may applies, and only what ended; once.
func TestReviewApplyIsForManagersOnce(t *testing.T) {
	t.Parallel()
	c := newDesk(t).court(nil, "alice-dba")
	_, err := c.b.ApplyReview(c.ctx, c.as("bob"), c.id, c.instance().Version, "")
	wantRefusal(t, err, pim.KindForbidden, "")
	_, err = c.b.ApplyReview(c.ctx, c.as("alice"), c.id, c.instance().Version, "")
	wantRefusal(t, err, pim.KindNotFound, "")
	_, err = c.b.ApplyReview(c.ctx, c.as("carol"), c.id, c.instance().Version, "")
	wantRefusal(t, err, pim.KindConflict, "")
	c.over()
	_, err = c.b.ApplyReview(c.ctx, c.as("carol"), c.id, c.instance().Version, "")
	wantRefusal(t, err, pim.KindConflict, "")
	if n := len(c.events(pim.EvReviewApplying)); n != 1 {
		t.Errorf("applied %d times", n)
	}
}
