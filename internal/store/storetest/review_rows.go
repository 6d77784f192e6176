package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// reviewRows: a page of a reviewer is merged from the sets they are in, forwards and back, by person or by place, and what
// is narrowed says how far it looked.
func reviewRows(t *testing.T, s *store.Store) {
	world(t, s)
	at, d := now(s), reviewOf("v", "Quarter", "prod")
	i := pim.ReviewInstance{ID: "i1", ReviewID: "v", Number: 1, Name: d.Name, Terms: d.Terms, State: pim.ReviewInProgress, PlannedAt: at, StartedAt: at, StageEnds: at.Add(time.Hour), EndsAt: at.Add(time.Hour)}
	var items []pim.ReviewItem
	for n := range 9 {
		set := "s" + fmt.Sprint(n%3) // s2 is somebody else's
		item := pim.ReviewItem{ID: fmt.Sprintf("t%d", n), InstanceID: "i1", AssignmentID: fmt.Sprintf("a%d", n), PrincipalID: "alice", RoleID: "dba", ResourceID: "prod", Kind: pim.Eligible, Sets: []string{set}, SetID: set}
		item.SortName, item.SortPlace = store.ReviewSort(fmt.Sprintf("Person %d", 9-n), "DBA", fmt.Sprintf("Place %d", n))
		items = append(items, item)
	}
	do(t, s, func(tx *store.Tx) error {
		steps := []func() error{func() error { return tx.InsertReview(d) }, func() error { return tx.InsertReviewInstance(i) }}
		for n, members := range [][]pim.ReviewSetMember{{{PrincipalID: "bob", PersonID: "b"}}, {{PrincipalID: "alice", PersonID: "a"}, {PrincipalID: "bob", PersonID: "b", Fallback: true}}, {{PrincipalID: "alice", PersonID: "a"}}} {
			set := pim.ReviewSet{ID: "s" + fmt.Sprint(n), InstanceID: "i1", Members: members}
			steps = append(steps, func() error { return tx.InsertReviewSet(set, set.ID) }, func() error { return tx.CountReviewSet(set.ID, 3, 0) })
		}
		return all(append(steps, func() error { return tx.InsertReviewItems(items) })...)
	})
	id := func(t pim.ReviewItem) string { return t.ID }
	page := func(p store.ReviewItemPage) []string {
		p.InstanceID = "i1"
		return reviewIDs(get(t, s, func(r *store.Reader) ([]pim.ReviewItem, error) {
			rows, reached, err := r.ReviewItemsBy(p)
			if err == nil && reached.ID != "" {
				err = fmt.Errorf("looked at %v and no further", reached)
			}
			return rows, err
		}), id)
	}
	mine := []string{"s0", "s1"}
	cursor := func(n int) store.ReviewItemCursor {
		return store.ReviewItemCursor{Key: items[n].SortPlace, ID: items[n].ID}
	}
	byName := store.ReviewItemCursor{Key: items[6].SortName, ID: items[6].ID}
	same(t, "by place", page(store.ReviewItemPage{Sets: mine, Limit: 4}), "t0", "t1", "t3", "t4")
	same(t, "the next page", page(store.ReviewItemPage{Sets: mine, After: cursor(4), Limit: 4}), "t6", "t7")
	same(t, "the page before", page(store.ReviewItemPage{Sets: mine, Before: cursor(6), Limit: 3}), "t1", "t3", "t4")
	same(t, "by person", page(store.ReviewItemPage{Sets: mine, ByName: true, Limit: 3}), "t7", "t6", "t4")
	same(t, "by person, next", page(store.ReviewItemPage{Sets: mine, ByName: true, After: byName, Limit: 3}), "t4", "t3", "t1")
	same(t, "by person, before", page(store.ReviewItemPage{Sets: mine, ByName: true, Before: store.ReviewItemCursor{Key: items[3].SortName, ID: "t3"}, Limit: 2}), "t6", "t4")
	same(t, "words", page(store.ReviewItemPage{Sets: mine, Words: "pers PLACE 4", Limit: 9}), "t4")
	same(t, "nobody's", page(store.ReviewItemPage{Sets: []string{}, Limit: 9}))
	same(t, "everything", page(store.ReviewItemPage{Limit: 3, After: cursor(1)}), "t2", "t3", "t4")
	answered := items[3]
	answered.Answer, answered.DecidedBy, answered.DecidedAt, answered.Version = pim.AnswerDeny, "bob", at, 1
	do(t, s, func(tx *store.Tx) error { return tx.AnswerReviewItem(answered) })
	same(t, "open", page(store.ReviewItemPage{Sets: mine, Only: store.ReviewOpen, Limit: 3}), "t0", "t1", "t4")
	same(t, "open by person", page(store.ReviewItemPage{Sets: mine, Only: store.ReviewOpen, ByName: true, Limit: 9}), "t7", "t6", "t4", "t1", "t0")
	same(t, "decided", page(store.ReviewItemPage{Sets: mine, Only: store.ReviewDecided, Limit: 3}), "t3")
	todo := get(t, s, func(r *store.Reader) ([]store.ReviewMine, error) { return r.ReviewsToAnswer("bob", store.Keyset{}, 9) })
	if len(todo) != 1 || todo[0].ID != "i1" || todo[0].Items != 6 || todo[0].Decided != 0 {
		t.Errorf("to answer: %+v", todo)
	}
	if n := get(t, s, func(r *store.Reader) (int64, error) { return r.CountReviewsToAnswer("bob", 9) }); n != 1 {
		t.Errorf("%d reviews to answer", n)
	}
	people := get(t, s, func(r *store.Reader) (map[string][]string, error) { return r.ReviewersIn([]string{"s1", "s2"}) })
	same(t, "who reviews", people["s1"], "alice", "bob")
	sets := get(t, s, func(r *store.Reader) ([]pim.ReviewSet, error) { return r.ReviewSetsIn("i1", "bob") })
	same(t, "their sets", reviewIDs(sets, func(s pim.ReviewSet) string { return s.ID }), "s0", "s1")
	contacts := get(t, s, func(r *store.Reader) (map[string]store.Contact, error) { return r.Contacts([]string{"bob", "nobody"}) })
	if len(contacts) != 1 || contacts["bob"].Kind != pim.Person || contacts["bob"].Name == "" {
		t.Errorf("%+v", contacts)
	}
	reviewResults(t, s, answered)
}

// reviewResults: what came of items, what is looked at again and when, and what is left.
func reviewResults(t *testing.T, s *store.Store, denied pim.ReviewItem) {
	keep := []string{"t0", "t1", "t3"} // one of them is denied: it is not kept by this
	do(t, s, func(tx *store.Tx) (err error) {
		k, err := tx.KeepReviewItems("i1", keep)
		if err == nil && k != 2 {
			err = fmt.Errorf("%d kept", k)
		}
		return err
	})
	same(t, "nothing came of yet", reviewIDs(get(t, s, func(r *store.Reader) ([]pim.ReviewItem, error) { return r.ReviewItemsNew("i1", 3) }), func(t pim.ReviewItem) string { return t.ID }), "t2", "t3", "t4")
	do(t, s, func(tx *store.Tx) error {
		i, err := tx.ReviewItem(denied.ID)
		i.Result, i.ResultAt, i.DueAt = pim.ResultRemoving, tx.Now, tx.Now
		return errors.Join(err, tx.SaveReviewResult(i), tx.AwaitReviewItem(i.ID, []pim.GrantNeed{{GrantID: "no such grant", AssignmentID: "a3"}}))
	})
	due := func() []string {
		return reviewIDs(get(t, s, func(r *store.Reader) ([]pim.ReviewItem, error) { return r.ReviewItemsDue(9) }), func(t pim.ReviewItem) string { return t.ID })
	}
	same(t, "due", due(), "t3")
	if needs := get(t, s, func(r *store.Reader) ([]pim.GrantNeed, error) { return r.AwaitedBy("t3") }); len(needs) != 0 {
		t.Errorf("needs that are not there: %+v", needs)
	}
	if needs := get(t, s, func(r *store.Reader) ([]pim.GrantNeed, error) { return r.OpenNeedsOf("alice") }); len(needs) != 0 {
		t.Errorf("needs of alice: %+v", needs)
	}
	do(t, s, func(tx *store.Tx) error { return tx.PutOffReviewItems([]string{"t3", "t4"}, tx.Now.Add(time.Hour)) })
	same(t, "put off", due())
	if i := get(t, s, func(r *store.Reader) (pim.ReviewItem, error) { return r.ReviewItem("t3") }); i.Tries != 1 {
		t.Errorf("%d tries", i.Tries)
	}
	if waits := get(t, s, func(r *store.Reader) (bool, error) { return r.ReviewWaits("i1") }); !waits {
		t.Error("nothing waits")
	}
	results := get(t, s, func(r *store.Reader) (map[pim.ReviewResult]int64, error) { return r.ReviewResults("i1") })
	if results[pim.ResultKept] != 2 || results[pim.ResultRemoving] != 1 || results[pim.ResultNone] != 6 {
		t.Errorf("%v", results)
	}
	removing := pim.ResultRemoving
	same(t, "by result", reviewIDs(get(t, s, func(r *store.Reader) ([]pim.ReviewItem, error) {
		rows, _, err := r.ReviewItemsBy(store.ReviewItemPage{InstanceID: "i1", Result: &removing, Limit: 9})
		return rows, err
	}), func(t pim.ReviewItem) string { return t.ID }), "t3")
	same(t, "places", get(t, s, func(r *store.Reader) ([]string, error) { return r.ReviewPlaces("v") }), "prod")
	if d := get(t, s, func(r *store.Reader) (pim.ReviewDefinition, error) { return r.ReviewOf("v") }); d.Name != "Quarter" {
		t.Errorf("%+v", d)
	}
	do(t, s, func(tx *store.Tx) error {
		in, err := tx.ReviewInstance("i1")
		in.State, in.AppliedAt = pim.ReviewApplying, tx.Now
		tx.Emit(pim.ReviewItemApplied(denied, "bob"))
		return errors.Join(err, tx.SaveReviewInstance(in))
	})
	applying := get(t, s, func(r *store.Reader) ([]pim.ReviewInstance, error) { return r.ReviewsApplying(9) })
	same(t, "being applied", reviewIDs(applying, func(i pim.ReviewInstance) string { return i.ID }), "i1")
	if rows := get(t, s, func(r *store.Reader) ([]store.EntryRow, error) { return r.ReviewProof(denied, 9) }); len(rows) != 1 || rows[0].ObjectID != "t3" {
		t.Errorf("proof: %+v", rows)
	}
	if seq := get(t, s, func(r *store.Reader) (int64, error) { return r.GoneEntry("no such grant", now(s)) }); seq != 0 {
		t.Errorf("entry %d", seq)
	}
}
