package broker_test

import (
	"slices"
	"strings"
	"testing"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// K-33, T33: the series of an ex-owner does not go on: it is paused and says so, who administers there is told, and whoever
// saves it takes it over.
func TestReviewOfAnExOwnerIsPaused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.active("bob", pim.RoleOwner, "org")
	d.active("erin", pim.RoleOwner, "org")
	save := d.campaign(func(s *broker.ReviewSave) {
		s.Terms.Scope.Resources, s.Terms.Stages[0].Days, s.When.Frequency = []string{"org"}, 1, pim.ReviewWeekly
	})
	id, err := d.saves("bob", save)
	d.ok(err)
	d.tick()
	begun := d.latest(id)
	d.do(func(tx *store.Tx) error {
		a, err := tx.Assignment("bob-active-" + pim.RoleOwner)
		if err != nil {
			return err
		}
		return tx.EndAssignment(a, false)
	})
	d.clock.add(8 * day)
	d.tick()
	s := look(d, func(r *store.Reader) (pim.ReviewDefinition, error) { return r.Review(id) })
	paused := look(d, func(r *store.Reader) (string, error) { return broker.ReviewPaused(r, s) })
	if last := d.latest(id); last.Number != begun.Number || !s.NextAt.IsZero() || !strings.Contains(paused, "bob, who made it, is no owner") {
		t.Fatalf("number %d, next at %v: %q", last.Number, s.NextAt, paused)
	}
	for who, told := range map[string]bool{"carol": true, "erin": true, "alice": false} {
		if got := slices.ContainsFunc(d.noticesOf(who), func(n string) bool { return strings.Contains(n, "It is paused") }); got != told {
			t.Errorf("%s was told: %v", who, got)
		}
	}
	d.do(func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: "bob-again", PrincipalID: "bob", RoleID: pim.RoleOwner, ResourceID: "org", Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile})
	})
	d.clock.add(8 * day)
	d.tick()
	paused = look(d, func(r *store.Reader) (string, error) { return broker.ReviewPaused(r, s) })
	if last := d.latest(id); last.Number != begun.Number || !strings.Contains(paused, "Save it again to let it go on") {
		t.Errorf("number %d after bob is owner again: %q", last.Number, paused)
	}
	listed := func() []pim.ReviewDefinition {
		return look(d, func(r *store.Reader) ([]pim.ReviewDefinition, error) {
			return broker.PausedReviews(r, store.Subtree{All: true})
		})
	}
	if list := listed(); len(list) != 1 || list[0].ID != id {
		t.Errorf("paused: %v", list)
	}
	save.ID, save.Version = id, s.Version
	_, err = d.saves("erin", save)
	d.ok(err)
	if list := listed(); len(list) != 0 {
		t.Errorf("paused when taken over: %v", list)
	}
	d.clock.add(8 * day)
	d.tick()
	if last := d.latest(id); last.Number != begun.Number+1 {
		t.Errorf("taken over, and number %d is the last", last.Number)
	}
}
