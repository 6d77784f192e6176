package broker_test

import (
	"errors"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// EC-24, W-90: a denial takes away what stood when the review began, never what was decided anew since: a membership given
// again, an assignment that was extended, made permanent or begun again. Another reason, owner or an earlier end is none.
func TestReviewLeavesWhatWasDecidedAnew(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("ops", "alice", "erin")
	end := d.clock.Now().Add(60 * day)
	people := []string{"extended", "endless", "again", "reworded", "sooner"}
	for _, who := range people {
		d.do(func(tx *store.Tx) error {
			return errors.Join(tx.InsertPrincipal(pim.Principal{ID: who, Kind: pim.Person, Name: who, PersonID: who, Enabled: true, Source: pim.SourceFile}),
				tx.InsertAssignment(pim.Assignment{ID: who + "-viewer", PrincipalID: who, RoleID: "viewer", ResourceID: "org", Kind: pim.Eligible, StartsAt: tx.Now, EndsAt: end, Source: pim.SourceBrowser, Justification: "old"}))
		})
	}
	items := []string{"alice of ops", "erin of ops"}
	for _, who := range people {
		items = append(items, who+"-viewer")
	}
	c := d.court(nil, items...)
	for _, i := range items {
		if r := c.says("bob", i, pim.AnswerDeny); r != "" {
			t.Fatal(r)
		}
	}
	d.clock.add(day)
	out, err := d.b.RemoveMember(d.ctx, d.as("carol"), "ops", "alice")
	d.ok(d.confirmed("carol", out, err))
	out, err = d.b.AddMembers(d.ctx, d.as("carol"), "ops", []string{"alice"})
	d.ok(d.confirmed("carol", out, err))
	d.do(func(tx *store.Tx) error {
		var errs []error
		for who, change := range map[string]func(*pim.Assignment){
			"extended": func(a *pim.Assignment) { a.EndsAt = end.Add(day) },
			"endless":  func(a *pim.Assignment) { a.EndsAt = time.Time{} },
			"again":    func(a *pim.Assignment) { a.StartsAt = tx.Now },
			"reworded": func(a *pim.Assignment) { a.Justification, a.Source = "new", pim.SourceFile },
			"sooner":   func(a *pim.Assignment) { a.EndsAt = end.Add(-day) },
		} {
			a, err := tx.Assignment(who + "-viewer")
			change(&a)
			errs = append(errs, err, tx.UpdateAssignment(a))
		}
		return errors.Join(errs...)
	})
	c.over()
	c.came("alice of ops", pim.ResultChanged, "added to the group again")
	c.came("erin of ops", pim.ResultRemoved, "")
	c.came("extended-viewer", pim.ResultChanged, "extended until")
	c.came("endless-viewer", pim.ResultChanged, "made permanent")
	c.came("again-viewer", pim.ResultChanged, "given again")
	c.came("reworded-viewer", pim.ResultRemoved, "")
	c.came("sooner-viewer", pim.ResultRemoved, "")
	for _, who := range []string{"extended", "endless", "again"} {
		if a := c.assignment(who + "-viewer"); !a.EndedAt.IsZero() {
			t.Errorf("%s ended", a.ID)
		}
	}
	if n := len(look(d, func(r *store.Reader) ([]pim.Membership, error) { return r.Memberships("ops", "alice") })); n != 1 {
		t.Errorf("alice has %d memberships", n)
	}
}

// EC-24: who joins a group while its review is being prepared is not in it.
func TestReviewOfMembersThatJoinMeanwhile(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("ops", "alice")
	began := d.clock.Now()
	d.clock.add(time.Second)
	d.do(func(tx *store.Tx) error {
		return errors.Join(tx.AddMember(pim.Membership{GroupID: "ops", MemberID: "alice", Source: pim.SourceFile}),
			tx.AddMember(pim.Membership{GroupID: "ops", MemberID: "erin", Source: pim.SourceBrowser}))
	})
	s := pim.ReviewScope{Groups: []string{"ops"}}
	found := look(d, func(r *store.Reader) ([]store.ReviewCandidate, error) { return r.Reviewed(s, began, "", 10) })
	n := look(d, func(r *store.Reader) (int64, error) { return r.CountReviewed(s, began) })
	if len(found) != 1 || found[0].Holder.ID != "alice" || found[0].MemberOf != pim.SourceBrowser || n != 1 {
		t.Errorf("%d in scope: %+v", n, found)
	}
}
