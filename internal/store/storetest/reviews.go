package storetest

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

var reviews = []testCase{
	{"reviews are saved, found due and by place", reviewSeries},
	{"an instance of a review, its items, answers and reviewers", reviewInstance},
	{"pages of items of a review, and what came of them", reviewRows},
}

func reviewOf(id, name string, at ...string) pim.ReviewDefinition {
	return pim.ReviewDefinition{ID: id, Name: name, MadeBy: "alice", Terms: pim.ReviewTerms{Text: "Look.", Scope: pim.ReviewScope{Resources: at, Kinds: []pim.AssignmentKind{pim.Eligible}},
		Stages: []pim.ReviewStage{{Kind: pim.ReviewersChosen, People: []string{"bob"}, Days: 14}}, Silence: pim.SilenceKeep, Recommend: true, LookBack: 30},
		When: pim.ReviewSchedule{Frequency: pim.ReviewQuarterly, Zone: "Europe/Berlin"}}
}

func reviewIDs[T any](list []T, id func(T) string) (out []string) {
	for _, v := range list {
		out = append(out, id(v))
	}
	return out
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func reviewSeries(t *testing.T, s *store.Store) {
	world(t, s)
	at := now(s)
	soon, later := reviewOf("v1", "Beta"), reviewOf("v2", "Alpha", "prod")
	soon.When.StartsAt, soon.NextAt, later.NextAt, later.AsOwner = at.Add(-time.Minute), at.Add(-time.Minute), at.Add(time.Hour), true
	do(t, s, func(tx *store.Tx) error { return errors.Join(tx.InsertReview(soon), tx.InsertReview(later)) })
	id := func(d pim.ReviewDefinition) string { return d.ID }
	list := func(page store.ReviewPage) []string {
		return reviewIDs(get(t, s, func(r *store.Reader) ([]pim.ReviewDefinition, error) { return r.Reviews(page) }), id)
	}
	same(t, "by name", list(store.ReviewPage{Part: store.Subtree{All: true}, Limit: 9}), "v2", "v1")
	same(t, "after a name", list(store.ReviewPage{Part: store.Subtree{All: true}, AfterName: "Alpha", AfterID: "v2", Limit: 9}), "v1")
	same(t, "of an owner", list(store.ReviewPage{Part: store.Subtree{Roots: []string{"prod"}}, Limit: 9}), "v2")
	same(t, "of nobody", list(store.ReviewPage{Limit: 9}))
	for part, want := range map[string]bool{"prod": true, "elsewhere": false} {
		got := get(t, s, func(r *store.Reader) (bool, error) { return r.ReviewAbout("v2", store.Subtree{Roots: []string{part}}) })
		if got != want {
			t.Errorf("about %s: %v", part, got)
		}
	}
	same(t, "due", reviewIDs(get(t, s, func(r *store.Reader) ([]pim.ReviewDefinition, error) { return r.ReviewsDue(9) }), id), "v1")
	same(t, "ahead", reviewIDs(get(t, s, func(r *store.Reader) ([]pim.ReviewDefinition, error) {
		return r.ReviewsAhead(store.Subtree{All: true}, store.Keyset{At: soon.NextAt, ID: "v1"}, 9)
	}), id), "v2")
	got := get(t, s, func(r *store.Reader) (pim.ReviewDefinition, error) { return r.Review("v1") })
	soon.Created, soon.Version = got.Created, 1
	if !reflect.DeepEqual(got, soon) {
		t.Errorf("read back:\n%+v\nwant\n%+v", got, soon)
	}
	do(t, s, func(tx *store.Tx) error { return tx.ReviewBegun(soon, at.Add(2*time.Hour)) })
	if err := store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.ReviewBegun(soon, at.Add(2*time.Hour)) }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("begun twice: %v", err)
	}
	if due := get(t, s, func(r *store.Reader) (time.Time, error) { return r.ReviewDue() }); !due.Equal(later.NextAt) {
		t.Errorf("next at %v", due)
	}
	atRest := func(part store.Subtree) []string {
		return reviewIDs(get(t, s, func(r *store.Reader) ([]pim.ReviewDefinition, error) { return r.ReviewsAtRest(part, 9) }), id)
	}
	later.Version = 1
	same(t, "at rest, while one comes", atRest(store.Subtree{All: true}))
	do(t, s, func(tx *store.Tx) error { return tx.PutOffReview(later, time.Time{}) })
	same(t, "at rest", atRest(store.Subtree{All: true}), "v2")
	same(t, "at rest, of an owner", atRest(store.Subtree{Roots: []string{"prod"}}), "v2")
	same(t, "at rest, of another owner", atRest(store.Subtree{Roots: []string{"elsewhere"}}))
	later.Terms.Scope.Resources = nil
	do(t, s, func(tx *store.Tx) error { return errors.Join(tx.UpdateReview(later), tx.RemoveReview("v1", 1)) })
	same(t, "of an owner whose resource it is not about any more", list(store.ReviewPage{Part: store.Subtree{Roots: []string{"prod"}}, Limit: 9}))
	same(t, "removed", list(store.ReviewPage{Part: store.Subtree{All: true}, Limit: 9}), "v2")
	if _, err := store.Read(context.Background(), s, func(r *store.Reader) (pim.ReviewDefinition, error) { return r.Review("v1") }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a removed one: %v", err)
	}
}

func reviewInstance(t *testing.T, s *store.Store) {
	world(t, s)
	at, d := now(s), reviewOf("v", "Quarter", "prod")
	i := pim.ReviewInstance{ID: "i1", ReviewID: "v", Number: 1, Name: d.Name, Terms: d.Terms, State: pim.ReviewStarting, PlannedAt: at, StartedAt: at, StageEnds: at.Add(time.Hour),
		EndsAt: at.Add(time.Hour), RemindAt: at.Add(time.Minute), About: 2, Version: 1}
	byName, byPlace := store.ReviewSort("Alice", "DBA", "Production")
	item := pim.ReviewItem{ID: "t1", InstanceID: "i1", AssignmentID: "a", PrincipalID: "alice", PersonID: "human-alice", RoleID: "dba", ResourceID: "prod", Kind: pim.Eligible,
		Frozen: pim.ReviewUse{Version: 3, Uses: 2, Recommended: pim.AnswerShrink, Shrink: pim.ShrinkTo{How: pim.ShrinkEnd, EndsAt: at.Add(time.Hour)}}, Sets: []string{"s1"}, SetID: "s1",
		SortName: byName, SortPlace: byPlace, Version: 1}
	other := item
	other.ID, other.AssignmentID, other.GroupID = "t2", "", "dbas"
	set := pim.ReviewSet{ID: "s1", InstanceID: "i1", Members: []pim.ReviewSetMember{{PrincipalID: "alice", PersonID: "human-alice"}, {PrincipalID: "bob", PersonID: "human-bob", Fallback: true}}}
	do(t, s, func(tx *store.Tx) error {
		return all(func() error { return tx.InsertReview(d) }, func() error { return tx.InsertReviewInstance(i) },
			func() error { return tx.InsertReviewSet(set, "hash") }, func() error { return tx.AddReviewMembers("s1", set.Members) }, // who is in it stays
			func() error { return tx.InsertReviewItems([]pim.ReviewItem{item, other}) }, func() error { return tx.CountReviewSet("s1", 2, 0) })
	})
	second := i
	second.ID = "i2"
	if err := store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.InsertReviewInstance(second) }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a second one of its number: %v", err)
	}
	instance := func() pim.ReviewInstance {
		return get(t, s, func(r *store.Reader) (pim.ReviewInstance, error) { return r.ReviewInstance("i1") })
	}
	if got := instance(); !reflect.DeepEqual(got, i) {
		t.Errorf("read back:\n%+v\nwant\n%+v", got, i)
	}
	if got := get(t, s, func(r *store.Reader) (pim.ReviewItem, error) { return r.ReviewItem("t1") }); !reflect.DeepEqual(got, item) {
		t.Errorf("read back:\n%+v\nwant\n%+v", got, item)
	}
	i.State, i.Population, i.Counts.Items = pim.ReviewInProgress, "hash", 2
	decided := item
	decided.Answer, decided.Reason, decided.DecidedBy, decided.DecidedAt, decided.DecidedAs = pim.AnswerShrink, "Less.", "bob", at, pim.AsRecommendation
	decided.Shrink = item.Frozen.Shrink
	line := pim.ReviewDecision{ID: "d1", InstanceID: "i1", ItemID: "t1", Answer: pim.AnswerShrink, Shrink: decided.Shrink, Reason: "Less.", By: "bob", As: pim.AsRecommendation, At: at}
	do(t, s, func(tx *store.Tx) error {
		return all(func() error { return tx.SaveReviewInstance(i) }, func() error { return tx.AnswerReviewItem(decided) }, func() error { return tx.InsertReviewDecision(line) },
			func() error { return tx.CountReviewAnswers("i1", pim.ReviewCounts{Shrunk: 1}) }, func() error { return tx.CountReviewSet("s1", 0, 1) },
			func() error { return tx.ToldReviewer("i1", 0, "bob") })
	})
	if err := store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.AnswerReviewItem(decided) }); !errors.Is(err, store.ErrConflict) { // invariant 3
		t.Errorf("answered from what is not there any more: %v", err)
	}
	if c, want := get(t, s, func(r *store.Reader) (pim.ReviewCounts, error) { return r.ReviewCounted("i1") }), (pim.ReviewCounts{Items: 2, Shrunk: 1}); c != want || instance().Counts != want {
		t.Errorf("counted %+v, kept %+v", c, instance().Counts)
	}
	history := get(t, s, func(r *store.Reader) (map[string][]pim.ReviewDecision, error) {
		return r.ReviewDecisions([]string{"t1", "t2"})
	})
	if len(history) != 1 || !reflect.DeepEqual(history["t1"], []pim.ReviewDecision{line}) {
		t.Errorf("history: %+v", history)
	}
	reviewers := get(t, s, func(r *store.Reader) ([]store.ReviewReviewer, error) { return r.ReviewReviewers("i1", 0, "", 9) })
	if len(reviewers) != 2 || reviewers[1].PrincipalID != "bob" || !reviewers[1].Fallback || reviewers[1].ToldAt.IsZero() || reviewers[0].Fallback || !reviewers[0].ToldAt.IsZero() ||
		reviewers[1].Items != 2 || reviewers[1].Decided != 1 {
		t.Errorf("reviewers: %+v", reviewers)
	}
	reviewInstanceLists(t, s, i)
}

func reviewInstanceLists(t *testing.T, s *store.Store, i pim.ReviewInstance) {
	id := func(i pim.ReviewInstance) string { return i.ID }
	list := func(fn func(*store.Reader) ([]pim.ReviewInstance, error)) []string {
		return reviewIDs(get(t, s, fn), id)
	}
	everything, here := store.Subtree{All: true}, store.Subtree{Roots: []string{"prod"}}
	running := func(part store.Subtree) []string {
		return list(func(r *store.Reader) ([]pim.ReviewInstance, error) { return r.ReviewsRunning(part, store.Keyset{}, 9) })
	}
	same(t, "running", running(everything), "i1")
	same(t, "running at an owner's", running(here), "i1")
	same(t, "running elsewhere", running(store.Subtree{}))
	of := func(who string) []string {
		return list(func(r *store.Reader) ([]pim.ReviewInstance, error) { return r.ReviewsFor(who, true, store.Keyset{}, 9) })
	}
	same(t, "of a reviewer", of("bob"), "i1")
	same(t, "of somebody else", of("dbas"))
	due := func() []string {
		return list(func(r *store.Reader) ([]pim.ReviewInstance, error) { return r.ReviewInstancesDue(9) })
	}
	same(t, "nothing is due", due())
	i.Version, i.After = 2, "tell"
	do(t, s, func(tx *store.Tx) error { return tx.SaveReviewInstance(i) })
	same(t, "gone through", due(), "i1")
	if next := get(t, s, func(r *store.Reader) (time.Time, error) { return r.ReviewDue() }); !next.Equal(i.StartedAt) {
		t.Errorf("next at %v", next)
	}
	i.Version, i.After, i.State, i.EndedAt, i.EndedBy = 3, "", pim.ReviewApplied, i.EndsAt, pim.System
	do(t, s, func(tx *store.Tx) error { return tx.SaveReviewInstance(i) })
	same(t, "applied", running(everything))
	same(t, "done", list(func(r *store.Reader) ([]pim.ReviewInstance, error) { return r.ReviewsDone(here, store.Keyset{}, 9) }), "i1")
	same(t, "of its series", list(func(r *store.Reader) ([]pim.ReviewInstance, error) { return r.ReviewInstances("v", 0, 9) }), "i1")
	same(t, "before it", list(func(r *store.Reader) ([]pim.ReviewInstance, error) { return r.ReviewInstances("v", 1, 9) }))
	do(t, s, func(tx *store.Tx) error { return tx.DeleteReviewInstance("i1", 4) })
	same(t, "deleted", list(func(r *store.Reader) ([]pim.ReviewInstance, error) { return r.ReviewInstances("v", 0, 9) }))
}
