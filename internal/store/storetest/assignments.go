package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

var assignments = []testCase{
	{"assignments by name, in pages", assignmentsByName},
	{"assignments searched by beginnings of words (T22)", assignmentsSearched},
	{"the many and the few of a search are the same people", searchEitherWay},
	{"assignments by state", assignmentsByState},
	{"assignments of a place, inherited ones, children and an owner's part", assignmentsByPlace},
	{"what somebody holds, and through which group", heldBy},
	{"a name that changes", renamed},
	{"starts and reminders are due once", dueOnce},
	{"requests about assignments", assignmentRequests},
}

// crowd gives n people of a name each the role, eligible and active in turn.
func crowd(t *testing.T, s *store.Store, n int, name func(i int) string) {
	t.Helper()
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		for i := range n {
			kind := pim.Eligible
			if i%2 == 1 {
				kind = pim.Active
			}
			who := person(id("q", i), name(i))
			if err := tx.InsertPrincipal(who); err != nil {
				return err
			}
			if err := tx.InsertAssignment(assignment(id("a", i), who.ID, kind, tx.Now.Add(-time.Hour))); err != nil {
				return err
			}
		}
		return nil
	})
}

// pages reads a list to its end, a page at a time.
func pages(t *testing.T, s *store.Store, f store.AssignmentFilter) (ids []string) {
	t.Helper()
	for range 1000 {
		rows := get(t, s, func(r *store.Reader) ([]store.AssignmentRow, error) { return r.ListAssignments(f) })
		for _, a := range rows {
			ids = append(ids, a.ID)
		}
		if len(rows) < f.Limit {
			return ids
		}
		f.After = rows[len(rows)-1].Cursor(f.State)
	}
	t.Fatal("a list without an end")
	return nil
}

// everybody once, in the order of names folded alike on both engines, whatever the page.
func assignmentsByName(t *testing.T, s *store.Store) {
	names := []string{"émile Zola", "Emil Adam", "zoë", "Åsa", "adam", "Adam", "ADAM"}
	crowd(t, s, 35, func(i int) string { return names[i%len(names)] })
	all := pages(t, s, store.AssignmentFilter{RoleID: "dba", Limit: 100})
	if len(all) != 36 {
		t.Fatalf("%d of 36", len(all))
	}
	for _, limit := range []int{1, 4, 36, 37} {
		if got := pages(t, s, store.AssignmentFilter{RoleID: "dba", Limit: limit}); !slices.Equal(got, all) {
			t.Errorf("pages of %d: %v, want %v", limit, got, all)
		}
	}
	var order []string
	for _, a := range get(t, s, func(r *store.Reader) ([]store.AssignmentRow, error) {
		return r.ListAssignments(store.AssignmentFilter{RoleID: "dba", Limit: 100})
	}) {
		order = append(order, store.Fold(a.PrincipalName))
	}
	if !slices.IsSorted(order) || order[0] != "adam" || order[35] != "zoe" {
		t.Errorf("%q", order)
	}
	eligible := pages(t, s, store.AssignmentFilter{RoleID: "dba", Kind: pim.Eligible, Limit: 5})
	active := pages(t, s, store.AssignmentFilter{RoleID: "dba", Kind: pim.Active, Limit: 5})
	if len(eligible) != 19 || len(active) != 17 {
		t.Errorf("%d eligible, %d active", len(eligible), len(active))
	}
	if n := get(t, s, func(r *store.Reader) (int, error) {
		return r.CountAssignments(store.AssignmentFilter{RoleID: "dba"}, 20)
	}); n != 21 {
		t.Errorf("counted %d, no further than 20 and one", n)
	}
}

func assignmentsSearched(t *testing.T, s *store.Store) {
	names := []string{"Zoë Keller", "Anna-Maria Kel", "100% sure", "under_score", "O'Neil", "Keller Zoe"}
	crowd(t, s, len(names), func(i int) string { return names[i] })
	for search, want := range map[string][]string{
		"kel": {"a-000", "a-001", "a-005"}, "zoe kel": {"a-000", "a-005"}, "ZOË": {"a-000", "a-005"}, "%": nil, "1": {"a-002"}, "100%": {"a-002"}, "under_": {"a-003"}, "u_d": nil,
		"o'n": {"a-004"}, "eller": nil, "'; DROP TABLE assignments": nil, "alice": {"asg"}, "": {"a-000", "a-001", "a-002", "a-003", "a-004", "a-005", "asg"}, "kel nobody": nil,
	} {
		got := pages(t, s, store.AssignmentFilter{RoleID: "dba", Search: search, Limit: 2})
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %v, want %v", search, got, want)
		}
	}
	people := get(t, s, func(r *store.Reader) ([]pim.Principal, error) { return r.FindPrincipals("kel z", 10) })
	if len(people) != 2 || people[0].ID != "q-005" {
		t.Errorf("a picker finds %v", people)
	}
}

// Few hits are looked up one by one and many are met on a walk: both list the same.
func searchEitherWay(t *testing.T, s *store.Store) {
	crowd(t, s, 230, func(i int) string {
		if i%10 == 0 {
			return fmt.Sprintf("Rare Common%03d", i)
		}
		return fmt.Sprintf("Common%03d Often", i)
	})
	if got := pages(t, s, store.AssignmentFilter{RoleID: "dba", Search: "common", Limit: 50}); len(got) != 230 {
		t.Errorf("%d of 230 met", len(got))
	}
	for _, search := range []string{"rare", "common rare", "rare common"} {
		if got := pages(t, s, store.AssignmentFilter{RoleID: "dba", Search: search, Limit: 7}); len(got) != 23 {
			t.Errorf("%q: %d of 23 found", search, len(got))
		}
	}
}

// in force, ahead, ending soon, expired at most 30 days ago; what was removed is not listed.
func assignmentsByState(t *testing.T, s *store.Store) {
	world(t, s)
	day := 24 * time.Hour
	do(t, s, func(tx *store.Tx) error {
		make := func(n string, start, end time.Duration) error {
			who := person("p"+n, "Person "+n)
			a := assignment(n, who.ID, pim.Eligible, tx.Now.Add(start))
			if end != 0 {
				a.EndsAt = tx.Now.Add(end)
			}
			return errors.Join(tx.InsertPrincipal(who), tx.InsertAssignment(a))
		}
		over := func(n string, expired bool) error {
			a, err := tx.Assignment(n)
			return errors.Join(err, tx.EndAssignment(a, expired))
		}
		return errors.Join(make("soon", -day, 3*day), make("later", -day, 40*day), make("ahead", 2*day, 50*day), make("ahead1", day, 0), make("lapsed", -5*day, -time.Hour),
			make("old", -90*day, -31*day), make("gone", -day, 0), over("lapsed", true), over("old", true), over("gone", false))
	})
	at := now(s)
	for _, c := range []struct {
		name string
		f    store.AssignmentFilter
		want string
	}{
		{"in force", store.AssignmentFilter{State: store.ListInForce}, "asg later soon"},
		{"in force and ahead", store.AssignmentFilter{}, "asg ahead ahead1 later soon"},
		{"ahead, soonest first", store.AssignmentFilter{State: store.ListFuture}, "ahead1 ahead"},
		{"ending within 14 days", store.AssignmentFilter{State: store.ListEnding, EndingBy: at.Add(14 * day)}, "soon"},
		{"ending within 60 days", store.AssignmentFilter{State: store.ListEnding, EndingBy: at.Add(60 * day)}, "soon later ahead"},
		{"expired", store.AssignmentFilter{State: store.ListExpired}, "lapsed"},
		{"permanent", store.AssignmentFilter{Permanent: true}, "asg ahead1"},
	} {
		for _, role := range []string{"", "dba"} {
			f := c.f
			f.RoleID, f.Limit = role, 2
			if got := strings.Join(pages(t, s, f), " "); got != c.want {
				t.Errorf("%s of role %q: %s, want %s", c.name, role, got, c.want)
			}
		}
	}
}

// a resource's own, what it inherits, what is below, and an owner's part.
func assignmentsByPlace(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		errs := []error{tx.InsertResource(resource("below", "prod")), tx.InsertResource(resource("deep", "below")), tx.InsertResource(resource("aside", "prod"))}
		for _, place := range []string{"below", "deep", "aside"} {
			a := assignment("on-"+place, "bob", pim.Eligible, tx.Now.Add(-time.Hour))
			a.ResourceID = place
			errs = append(errs, tx.InsertAssignment(a))
		}
		return errors.Join(errs...)
	})
	for _, c := range []struct {
		name string
		f    store.AssignmentFilter
		want string
	}{
		{"its own", store.AssignmentFilter{ResourceID: "below"}, "on-below"},
		{"of a role", store.AssignmentFilter{ResourceID: "below", RoleID: "dba"}, "on-below"},
		{"inherited", store.AssignmentFilter{ResourceID: "below", Above: []string{"prod"}}, "asg on-below"},
		{"an owner's part", store.AssignmentFilter{Within: &store.Subtree{Roots: []string{"below"}}}, "on-below on-deep"},
		{"nobody's part", store.AssignmentFilter{Within: &store.Subtree{}}, ""},
	} {
		c.f.Limit = 10
		if got := strings.Join(pages(t, s, c.f), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	var below []string
	after := ""
	for {
		rows := get(t, s, func(r *store.Reader) ([]store.AssignmentRow, error) {
			return r.EachAssignment(store.AssignmentFilter{ResourceID: "below", Below: true}, after, 1)
		})
		if len(rows) == 0 {
			break
		}
		after = rows[0].ID
		below = append(below, after)
	}
	if !slices.Equal(below, []string{"on-below", "on-deep"}) {
		t.Errorf("with children: %v", below)
	}
}

func heldBy(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.InsertAssignment(assignment("team's", "dbas", pim.Active, tx.Now.Add(-time.Hour))),
			tx.AddMember(pim.Membership{GroupID: "dbas", MemberID: "alice", Source: pim.SourceFile}))
	})
	rows := get(t, s, func(r *store.Reader) ([]store.AssignmentRow, error) {
		return r.HeldBy("alice", store.AssignmentFilter{Limit: 10})
	})
	if len(rows) != 2 || rows[0].ID != "asg" || rows[0].Via != "" || rows[1].Via != "dbas" || rows[1].ViaName != "Group dbas" || rows[1].RoleName != "Database administrator" {
		t.Errorf("%+v", rows)
	}
	next := get(t, s, func(r *store.Reader) ([]store.AssignmentRow, error) {
		return r.HeldBy("alice", store.AssignmentFilter{Limit: 1, After: rows[0].Cursor("")})
	})
	if len(next) != 1 || next[0].ID != "team's" {
		t.Errorf("the next page: %+v", next)
	}
	if got := get(t, s, func(r *store.Reader) ([]store.AssignmentRow, error) {
		return r.HeldBy("alice", store.AssignmentFilter{Limit: 10, Search: "production", Kind: pim.Active})
	}); len(got) != 1 {
		t.Errorf("searched: %+v", got)
	}
	do(t, s, func(tx *store.Tx) error { return tx.RemovePrincipal("alice") })
	gone := get(t, s, func(r *store.Reader) ([]store.AssignmentRow, error) {
		return r.ListAssignments(store.AssignmentFilter{RoleID: "dba", Kind: pim.Eligible, Limit: 10})
	})
	if len(gone) != 1 || gone[0].Suspended != "removed" || gone[0].PrincipalName != "Alice" {
		t.Errorf("P-11: %+v", gone)
	}
}

func renamed(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		p, err := tx.Principal("alice")
		p.Name = "Zoë New"
		return errors.Join(err, tx.UpdatePrincipal(p))
	})
	for search, want := range map[string]int{"alice": 0, "zoe": 1, "new": 1} {
		if got := pages(t, s, store.AssignmentFilter{Search: search, Limit: 5}); len(got) != want {
			t.Errorf("%q: %v", search, got)
		}
	}
	rows := get(t, s, func(r *store.Reader) ([]store.AssignmentRow, error) {
		return r.ListAssignments(store.AssignmentFilter{Limit: 5})
	})
	if c := rows[0].Cursor(""); c.Name != "zoe new" {
		t.Errorf("sorted by %q", c.Name)
	}
}

//
func dueOnce(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		a := assignment("b", "bob", pim.Active, tx.Now.Add(time.Hour))
		a.EndsAt = tx.Now.Add(20 * 24 * time.Hour)
		return tx.InsertAssignment(a)
	})
	next := get(t, s, (*store.Reader).NextDue)
	if left := next.Sub(now(s)); left <= 0 || left > time.Hour {
		t.Errorf("next due in %v", left)
	}
	a := get(t, s, func(r *store.Reader) (pim.Assignment, error) { return r.Assignment("b") })
	a.StartsAt = now(s).Add(-time.Second)
	do(t, s, func(tx *store.Tx) error { return tx.UpdateAssignment(a) })
	if got := get(t, s, func(r *store.Reader) ([]pim.Assignment, error) { return r.AssignmentsToStart(5) }); len(got) != 0 {
		t.Errorf("began when it was changed, and is due again: %v", got)
	}
	do(t, s, func(tx *store.Tx) error { return tx.Reminded("b", tx.Now.Add(-time.Second)) })
	if got := get(t, s, func(r *store.Reader) ([]pim.Assignment, error) { return r.AssignmentsToRemind(5) }); len(got) != 1 {
		t.Errorf("to remind of: %v", got)
	}
	do(t, s, func(tx *store.Tx) error { return tx.Reminded("b", time.Time{}) })
	if got := get(t, s, func(r *store.Reader) ([]pim.Assignment, error) { return r.AssignmentsToRemind(5) }); len(got) != 0 {
		t.Errorf("reminded of twice: %v", got)
	}
}

// exactly one of many open requests.
func assignmentRequests(t *testing.T, s *store.Store) {
	world(t, s)
	ask := func(i int) error {
		return store.Do(t.Context(), s, func(tx *store.Tx) error {
			return tx.InsertAssignmentRequest(pim.AssignmentRequest{ID: id("r", i), AssignmentID: "asg", PrincipalID: "alice", PersonID: "human-alice", RoleID: "dba", ResourceID: "prod",
				Kind: pim.ExtendAssignment, State: pim.AssignmentRequestPending, Justification: "more", RequestedAt: tx.Now, TimesOutAt: tx.Now.Add(time.Hour)})
		})
	}
	if won := race(t, ask, store.ErrOpen); won != 1 {
		t.Fatalf("%d of %d", won, parallel)
	}
	open := get(t, s, func(r *store.Reader) (*pim.AssignmentRequest, error) {
		return r.OpenAssignmentRequest("alice", "dba", "prod")
	})
	q := *open
	q.State, q.DecidedAt, q.DecidedBy, q.Decision = pim.AssignmentRequestApproved, now(s), "bob", "yes"
	decide := func(int) error {
		return store.Do(t.Context(), s, func(tx *store.Tx) error { return tx.DecideAssignmentRequest(q) })
	}
	if won := race(t, decide, store.ErrConflict); won != 1 {
		t.Errorf("decided %d times", won)
	}
	got := get(t, s, func(r *store.Reader) (pim.AssignmentRequest, error) { return r.AssignmentRequest(q.ID) })
	if q.Version++; got != q {
		t.Errorf("\n have %+v\n want %+v", got, q)
	}
	if err := ask(99); err != nil {
		t.Errorf("after a decision one may ask again: %v", err)
	}
	for what, n := range map[string]int{
		"waiting": len(get(t, s, func(r *store.Reader) ([]pim.AssignmentRequest, error) {
			return r.PendingAssignmentRequests(store.Keyset{}, 5)
		})),
		"of alice": len(get(t, s, func(r *store.Reader) ([]pim.AssignmentRequest, error) {
			return r.AssignmentRequestsBy("alice", store.Keyset{}, 5)
		})) - 1,
		"on it":       len(get(t, s, func(r *store.Reader) ([]pim.AssignmentRequest, error) { return r.AssignmentRequestsOn("asg", 5) })) - 1,
		"not yet due": len(get(t, s, func(r *store.Reader) ([]pim.AssignmentRequest, error) { return r.AssignmentRequestsDue(5) })) + 1,
	} {
		if n != 1 {
			t.Errorf("%s: %d", what, n)
		}
	}
}
