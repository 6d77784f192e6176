package broker_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// T33: before a review starts an owner learns how much a group would review, and not who is in it, whichever group it is;
// nor who administers Stint.
func TestReviewPreviewNamesNoMembers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.active("bob", pim.RoleOwner, "org")
	d.eligible("alice", "viewer", "org")
	d.do(func(tx *store.Tx) error {
		return errors.Join(tx.InsertPrincipal(pim.Principal{ID: "board", Kind: pim.Group, Name: "Board", Enabled: true, Source: pim.SourceFile}),
			tx.AddMember(pim.Membership{GroupID: "board", MemberID: "dan", Source: pim.SourceFile}), tx.AddMember(pim.Membership{GroupID: "board", MemberID: "erin", Source: pim.SourceFile}))
	})
	seen := func(who string, stage pim.ReviewStage) string {
		save := d.campaign(func(s *broker.ReviewSave) {
			s.Terms.Scope.Roles, s.Terms.Scope.Resources, s.Terms.Stages = []string{"viewer"}, []string{"org"}, []pim.ReviewStage{stage}
		})
		v := look(d, func(r *store.Reader) (broker.ReviewPreview, error) {
			p, err := r.Principal(who)
			if err != nil {
				return broker.ReviewPreview{}, err
			}
			return broker.PreviewReview(r, p, pim.ReviewDefinition{Name: save.Name, Terms: save.Terms, When: save.When})
		})
		var names []string
		for _, row := range v.Rows {
			if row.Items == 0 || row.Items > v.Items {
				t.Errorf("%s would review %d of %d", row.Name, row.Items, v.Items)
			}
			names = append(names, row.Name)
		}
		return strings.Join(names, ", ")
	}
	for name, c := range map[string]struct {
		stage        pim.ReviewStage
		owner, carol string
	}{
		"a group":     {pim.ReviewStage{Kind: pim.ReviewersChosen, People: []string{"board"}, Days: 14}, "Members of Board", "dan, erin"},
		"one of them": {pim.ReviewStage{Kind: pim.ReviewersChosen, People: []string{"board", "dan"}, Days: 14}, "Members of Board, dan", "dan, erin"},
		"a fallback":  {pim.ReviewStage{Kind: pim.ReviewersManager, Fallback: []string{"board"}, Days: 14}, "Members of Board", "dan, erin"},
		"nobody":      {pim.ReviewStage{Kind: pim.ReviewersManager, Days: 14}, "Administrators of Stint", "carol, dan"},
		"people":      {pim.ReviewStage{Kind: pim.ReviewersChosen, People: []string{"dan"}, Days: 14}, "dan", "dan"},
	} {
		if got := seen("bob", c.stage); got != c.owner {
			t.Errorf("%s: an owner sees %q, want %q", name, got, c.owner)
		}
		if got := seen("carol", c.stage); got != c.carol {
			t.Errorf("%s: an administrator sees %q, want %q", name, got, c.carol)
		}
	}
}

// T33: what an instance was about at its start decides who reads it, also where that does not exist any more.
func TestReviewOfARemovedPlaceStaysTheirs(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.do(func(tx *store.Tx) error {
		return errors.Join(tx.InsertResource(pim.Resource{ID: "beside", Kind: "organisation", Name: "Beside", Source: pim.SourceFile}),
			tx.InsertResource(pim.Resource{ID: "below", ParentID: "org", Kind: "project", Name: "Below", Source: pim.SourceFile}))
	})
	d.active("erin", pim.RoleOwner, "org")
	c := d.court(func(t *pim.ReviewTerms) { t.Scope.Resources = []string{"org", "beside"} }, "alice-dba")
	reads := func(of ...string) bool {
		return look(d, func(r *store.Reader) (bool, error) {
			powers, err := broker.Powers(r, "erin")
			if err != nil {
				return false, err
			}
			in := c.instance()
			in.Terms.Scope.Resources = of
			return broker.ReadsInstance(r, powers, in)
		})
	}
	d.do(func(tx *store.Tx) error {
		for _, id := range []string{"beside", "below"} {
			if err := tx.RemoveResource(id); err != nil {
				return err
			}
		}
		return nil
	})
	if reads("org", "beside") || reads("beside") || reads("below") || !reads("org", "below") {
		t.Errorf("with one beside it %v, that alone %v, one below alone %v, with one below %v", reads("org", "beside"), reads("beside"), reads("below"), reads("org", "below"))
	}
}

// T31: one download of each person runs at a time; one that ended, by its end or with its request, leaves the turn.
func TestReviewDownloadsRunOneAtATime(t *testing.T) {
	t.Parallel()
	c := newDesk(t).court(nil, "alice-dba")
	x := broker.ReviewExport{InstanceID: c.id}
	first, err := c.b.ExportReview(c.ctx, c.as("carol"), x)
	c.ok(err)
	_, err = c.records("carol", x)
	wantRefusal(t, err, pim.KindConflict, "")
	if rows, err := c.records("dan", x); err != nil || len(rows) != 1 {
		t.Errorf("another person's turn is another: %d, %v", len(rows), err)
	}
	for range first {
		break
	}
	if rows, err := c.records("carol", x); err != nil || len(rows) != 1 {
		t.Errorf("after the first one: %d, %v", len(rows), err)
	}
	ctx, cancel := context.WithCancel(c.ctx)
	_, err = c.b.ExportReview(ctx, c.as("carol"), x)
	c.ok(err)
	cancel()
	_, err = c.records("carol", x)
	c.ok(err)
	_, err = c.records("alice", x)
	wantRefusal(t, err, pim.KindNotFound, "")
	_, err = c.records("alice", x)
	wantRefusal(t, err, pim.KindNotFound, "")
}

// T31: a download whose reader may read no more is no whole file; a review that was deleted is none of its period.
func TestReviewDownloadIsNotCutShort(t *testing.T) {
	t.Parallel()
	c := newDesk(t).court(nil, "alice-dba")
	from := c.clock.Now()
	c.over()
	period := broker.ReviewExport{From: from, To: c.clock.Now().Add(day)}
	read := func(x broker.ReviewExport, meanwhile func(*store.Tx) error) (n int, err error) {
		all, err := c.b.ExportReview(c.ctx, c.as("carol"), x)
		c.ok(err)
		c.do(meanwhile)
		for _, err := range all {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	}
	version := c.instance().Version
	if n, err := read(period, func(tx *store.Tx) error { return tx.DeleteReviewInstance(c.id, version) }); n != 1 || err != nil {
		t.Errorf("a deleted one: %d, %v", n, err)
	}
	c = newDesk(t).court(nil, "alice-dba")
	c.over()
	period.To = c.clock.Now().Add(day)
	held := "carol-admin"
	for _, x := range []broker.ReviewExport{period, {InstanceID: c.id}} {
		n, err := read(x, func(tx *store.Tx) error {
			a, err := tx.Assignment(held)
			return errors.Join(err, tx.EndAssignment(a, false))
		})
		if n != 1 || err == nil {
			t.Errorf("%d lines by whoever is no administrator any more, %v", n, err)
		}
		held += "-again"
		c.do(func(tx *store.Tx) error {
			return tx.InsertAssignment(pim.Assignment{ID: held, PrincipalID: "carol", RoleID: pim.RoleAdministrator, ResourceID: pim.StintResource, Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile})
		})
	}
	version = c.instance().Version
	if n, err := read(broker.ReviewExport{InstanceID: c.id}, func(tx *store.Tx) error { return tx.DeleteReviewInstance(c.id, version) }); n != 1 || err == nil {
		t.Errorf("the one that was asked for is deleted: %d, %v", n, err)
	}
}
