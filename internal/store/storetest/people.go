package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

var people = []testCase{
	{"principals come back as they were", principalsComeBack},
	{"many principals at once", manyAtOnce},
	{"a version that has moved on", staleVersion},
	{"one person a subject", oneSubject},
	{"binding by claim", bindingByClaim},
	{"people in pages", peopleInPages},
	{"people searched with hostile characters", hostileSearch},
	{"a search is bounded and finds everybody (T31)", searchIsBounded},
	{"uses of people", usesOfPeople},
	{"names that look alike are different groups", lookAlikes},
	{"people narrowed down", peopleNarrowed},
	{"groups in pages", groupsInPages}, {"syncs run once", syncsRunOnce}, {"syncs that stopped, and members left behind", syncsStop},
	{"members in pages, and a group as it would be without one", membersInPages},
	{"groups nest", groupsNest},
	{"groups in a circle", groupsInACircle},
	{"membership from a claim lapses", membershipLapses},
	{"the people in groups", peopleInGroups},
	{"what sign-ins showed", carriedValues},
	{"workloads and who answers for them", workloads},
	{"notices", notices},
	{"notices have a bound (T31)", noticesHaveABound},
	{"favourites", favourites},
}

func principalsComeBack(t *testing.T, s *store.Store) {
	want := pim.Principal{ID: "p", Kind: pim.Person, Key: "key", Name: "Zoë O'Neil", Email: "z@example.org", Department: "Ops", Title: "Lead",
		Issuer: "https://idp", Subject: "sub", MatchClaim: "email", MatchValue: "z@example.org", PersonID: "human", ManagerID: "boss", OwnerID: "ops", About: "what it is", Guest: true, Claimed: "guest", Enabled: true,
		Source: pim.SourceFile, Zone: "Europe/Paris", Theme: "dark", LastSeenAt: now(s).Truncate(time.Second)}
	do(t, s, func(tx *store.Tx) error { return tx.InsertPrincipal(want) })
	for name, find := range map[string]func(*store.Reader) (pim.Principal, error){
		"by id":      func(r *store.Reader) (pim.Principal, error) { return r.Principal("p") },
		"by key":     func(r *store.Reader) (pim.Principal, error) { return r.PrincipalByKey(pim.Person, "key") },
		"by subject": func(r *store.Reader) (pim.Principal, error) { return r.PrincipalBySubject("https://idp", "sub") },
	} {
		got := get(t, s, find)
		want.CreatedAt, want.Version = got.CreatedAt, 1
		if got != want || got.CreatedAt.IsZero() {
			t.Errorf("%s:\n have %+v\n want %+v", name, got, want)
		}
	}
	do(t, s, func(tx *store.Tx) error { return tx.RemovePrincipal("p") })
	if _, err := store.Read(context.Background(), s, func(r *store.Reader) (pim.Principal, error) { return r.Principal("p") }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("removed and still found: %v", err)
	}
	if names := get(t, s, func(r *store.Reader) (map[string]string, error) { return r.Names([]string{"p", "absent"}) }); names["p"] != "Zoë O'Neil" || len(names) != 1 {
		t.Errorf("history stays readable: %v", names)
	}
}

// Many are added as each alone is, and found by all they are found by.
func manyAtOnce(t *testing.T, s *store.Store) {
	var all []pim.Principal
	var ids []string
	for i := range 77 {
		p := person(id("p", i), fmt.Sprintf("Crowd Nr%02d", i))
		all, ids = append(all, p), append(ids, p.ID)
	}
	do(t, s, func(tx *store.Tx) error { return tx.InsertPrincipals(all) })
	if names := get(t, s, func(r *store.Reader) (map[string]string, error) { return r.Names(ids) }); len(names) != 77 || names[ids[76]] != "Crowd Nr76" {
		t.Errorf("%d names, the last %q", len(names), names[ids[76]])
	}
	for _, search := range []string{"nr00", "nr32", "nr76"} {
		if got := get(t, s, func(r *store.Reader) ([]pim.Principal, error) { return r.FindPrincipals(search, 5) }); len(got) != 1 {
			t.Errorf("%s finds %d people", search, len(got))
		}
	}
	was := all[40]
	was.Version = 1
	next := was
	next.Title = "Clerk"
	do(t, s, func(tx *store.Tx) error { return tx.ChangePrincipal(was, next) })
	was, next.Version = next, 2
	was.Version = 2
	next.Name = "Otherwise"
	do(t, s, func(tx *store.Tx) error { return tx.ChangePrincipal(was, next) })
	if got := get(t, s, func(r *store.Reader) ([]pim.Principal, error) { return r.FindPrincipals("otherw", 5) }); len(got) != 1 || got[0].Title != "Clerk" || got[0].Version != 3 {
		t.Errorf("changed: %+v", got)
	}
}

// Invariant 3: a conditional update on the version read.
func staleVersion(t *testing.T, s *store.Store) {
	do(t, s, func(tx *store.Tx) error { return tx.InsertPrincipal(person("p", "P")) })
	read := get(t, s, func(r *store.Reader) (pim.Principal, error) { return r.Principal("p") })
	rename := func(i int) error {
		return store.Do(context.Background(), s, func(tx *store.Tx) error {
			p := read
			p.Name = fmt.Sprint("P", i)
			return tx.UpdatePrincipal(p)
		})
	}
	if won := race(t, rename, store.ErrConflict); won != 1 {
		t.Fatalf("%d of %d updates of one version", won, parallel)
	}
}

// The key is (issuer, subject), never the e-mail (DESIGN §3).
func oneSubject(t *testing.T, s *store.Store) {
	a, b := person("a", "A"), person("b", "B")
	a.Issuer, a.Subject, b.Issuer, b.Subject = "iss", "sub", "iss", "sub"
	do(t, s, func(tx *store.Tx) error { return tx.InsertPrincipal(a) })
	if err := store.Do(context.Background(), s, func(tx *store.Tx) error { return tx.InsertPrincipal(b) }); err == nil {
		t.Fatal("two people with one subject")
	}
	b.Issuer = "another"
	do(t, s, func(tx *store.Tx) error { return tx.InsertPrincipal(b) })
	do(t, s, func(tx *store.Tx) error {
		return all(func() error { return tx.InsertPrincipal(person("c", "C")) }, func() error { return tx.InsertPrincipal(person("d", "D")) })
	})
	if _, err := store.Read(context.Background(), s, func(r *store.Reader) (pim.Principal, error) { return r.PrincipalBySubject("", "") }); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("nobody has the empty subject: %v", err)
	}
}

// Someone known before is bound with exactly one hit, and never again (DESIGN §3).
func bindingByClaim(t *testing.T, s *store.Store) {
	known := func(id, value, subject string) pim.Principal {
		p := person(id, id)
		p.MatchClaim, p.MatchValue, p.Issuer, p.Subject = "email", value, "iss", subject
		return p
	}
	do(t, s, func(tx *store.Tx) error {
		for _, p := range []pim.Principal{known("one", "one@x", ""), known("two-a", "two@x", ""), known("two-b", "two@x", ""), known("bound", "bound@x", "sub"), person("plain", "Plain")} {
			if err := tx.InsertPrincipal(p); err != nil {
				return err
			}
		}
		return nil
	})
	for value, want := range map[string]int{"one@x": 1, "two@x": 2, "bound@x": 0, "ONE@X": 0, "one@": 0, "%": 0, "": 0} {
		if got := get(t, s, func(r *store.Reader) ([]pim.Principal, error) { return r.PrincipalsToBind("email", value) }); len(got) != want {
			t.Errorf("%q: %d hits, want %d", value, len(got), want)
		}
	}
	if got := get(t, s, func(r *store.Reader) ([]pim.Principal, error) { return r.PrincipalsToBind("", "") }); len(got) != 0 {
		t.Errorf("no claim binds nobody: %v", got)
	}
}

// Keyset pages: everybody once, in order, also with equal names and while people come and go.
func peopleInPages(t *testing.T, s *store.Store) {
	do(t, s, func(tx *store.Tx) error {
		for i := range 25 {
			if err := tx.InsertPrincipal(person(id("p", i), fmt.Sprint("Name ", i/10))); err != nil {
				return err
			}
		}
		return tx.InsertPrincipal(group("g"))
	})
	var seen []string
	page := store.PrincipalPage{Limit: 4}
	for {
		got := get(t, s, func(r *store.Reader) ([]pim.Principal, error) { return r.People(page) })
		for _, p := range got {
			seen = append(seen, p.Name+"/"+p.ID)
		}
		if len(got) < page.Limit {
			break
		}
		last := got[len(got)-1]
		page.AfterName, page.AfterID = last.Name, last.ID
		if len(seen) == 8 { // whom one removes does not move the next page
			do(t, s, func(tx *store.Tx) error { return tx.RemovePrincipal(got[0].ID) })
		}
	}
	if len(seen) != 25 || !slices.IsSorted(seen) || len(slices.Compact(seen)) != 25 {
		t.Fatalf("%d: %v", len(seen), seen)
	}
}

// T22: % and _ and \ mean themselves in a search.
func hostileSearch(t *testing.T, s *store.Store) {
	names := []string{"100% sure", "under_score", `back\slash`, "plain", "O'Neil", "Percent%Under_"}
	do(t, s, func(tx *store.Tx) error {
		for i, n := range names {
			if err := tx.InsertPrincipal(person(id("p", i), n)); err != nil {
				return err
			}
		}
		return nil
	})
	for query, want := range map[string]int{"%": 2, "_": 2, `\`: 1, "%%": 0, "a_n": 0, "PLAIN": 1, "o'neil": 1, "lai": 1, "'; DROP TABLE principals; --": 0, "100% S": 1} {
		if got := get(t, s, func(r *store.Reader) ([]pim.Principal, error) {
			return r.People(store.PrincipalPage{Query: query, Limit: 10})
		}); len(got) != want {
			t.Errorf("%q: %d hits, want %d", query, len(got), want)
		}
	}
}

// T22: a member of one group has no right of another whose id or name looks like it.
func lookAlikes(t *testing.T, s *store.Store) {
	world(t, s)
	ids := []string{"ops", "ops-2", "ops/", "ops%", "OPS", "оps", "ops ", "op_"}
	start := now(s).Add(-time.Hour)
	do(t, s, func(tx *store.Tx) error {
		for _, g := range ids {
			if err := tx.InsertPrincipal(group(g)); err != nil {
				return err
			}
		}
		return all(
			func() error { return tx.InsertAssignment(assignment("of ops", "ops", pim.Eligible, start)) },
			func() error {
				return tx.AddMember(pim.Membership{GroupID: "ops", MemberID: "alice", Source: pim.SourceFile})
			},
		)
	})
	for i, g := range ids[1:] {
		do(t, s, func(tx *store.Tx) error {
			p := person(id("member", i), "Member of "+g)
			if err := tx.InsertPrincipal(p); err != nil {
				return err
			}
			return tx.AddMember(pim.Membership{GroupID: g, MemberID: p.ID, Source: pim.SourceFile})
		})
		if got := eligible(t, s, id("member", i)); len(got) != 0 {
			t.Errorf("a member of %q has %v", g, got)
		}
	}
	if got := eligible(t, s, "alice"); !slices.Contains(got, "of ops") {
		t.Errorf("alice has %v", got)
	}
}

func eligible(t *testing.T, s *store.Store, principal string) []string {
	t.Helper()
	var out []string
	for _, a := range get(t, s, func(r *store.Reader) ([]pim.Assignment, error) { return r.AssignmentsFor(principal, pim.Eligible) }) {
		out = append(out, a.ID)
	}
	var listed []string
	for _, a := range get(t, s, func(r *store.Reader) ([]store.Holding, error) { return r.Holdings(principal) }) {
		if a.Kind == pim.Eligible {
			listed = append(listed, a.ID)
		}
	}
	slices.Sort(listed)
	if !slices.Equal(listed, out) {
		t.Errorf("%s holds %v and lists %v", principal, out, listed)
	}
	return out
}

// nest makes g0 > g1 > … with alice in the innermost.
func nest(t *testing.T, s *store.Store, depth int) {
	t.Helper()
	do(t, s, func(tx *store.Tx) error {
		if err := tx.InsertPrincipal(person("alice", "Alice")); err != nil {
			return err
		}
		member := "alice"
		for i := depth - 1; i >= 0; i-- {
			if err := tx.InsertPrincipal(group(id("g", i))); err != nil {
				return err
			}
			if err := tx.AddMember(pim.Membership{GroupID: id("g", i), MemberID: member, Source: pim.SourceFile}); err != nil {
				return err
			}
			member = id("g", i)
		}
		return nil
	})
}

// T22: groups nest to depth 10, and what data holds below that gives no right.
func groupsNest(t *testing.T, s *store.Store) {
	nest(t, s, pim.MaxGroupDepth+1)
	in := get(t, s, func(r *store.Reader) ([]string, error) { return r.GroupsOf("alice") })
	if !slices.Contains(in, "alice") || !slices.Contains(in, id("g", 1)) || slices.Contains(in, id("g", 0)) || len(in) != pim.MaxGroupDepth+1 {
		t.Errorf("alice is in %v", in)
	}
	if got := peopleIn(t, s, id("g", 1)); !slices.Equal(got, []string{"alice"}) {
		t.Errorf("ten deep: %v", got)
	}
	if got := peopleIn(t, s, id("g", 0)); len(got) != 0 {
		t.Errorf("eleven deep: %v", got)
	}
}

func peopleIn(t *testing.T, s *store.Store, ids ...string) []string {
	t.Helper()
	var out []string
	for _, p := range get(t, s, func(r *store.Reader) ([]pim.Principal, error) { return r.PeopleIn(ids) }) {
		out = append(out, p.ID)
	}
	return out
}

// T22: a circle in the data ends every walk.
func groupsInACircle(t *testing.T, s *store.Store) {
	nest(t, s, 3)
	do(t, s, func(tx *store.Tx) error {
		return tx.AddMember(pim.Membership{GroupID: id("g", 2), MemberID: id("g", 0), Source: pim.SourceFile})
	})
	in := get(t, s, func(r *store.Reader) ([]string, error) { return r.GroupsOf("alice") })
	slices.Sort(in)
	if !slices.Equal(in, []string{"alice", id("g", 0), id("g", 1), id("g", 2)}) {
		t.Errorf("alice is in %v", in)
	}
	if got := peopleIn(t, s, id("g", 2)); !slices.Equal(got, []string{"alice"}) {
		t.Errorf("in the circle: %v", got)
	}
}

// Invariant 9: membership from a claim lapses without a fresh one; a file's does not, and each source is
// an edge of its own.
func membershipLapses(t *testing.T, s *store.Store) {
	world(t, s)
	edge := func(source pim.Source, fresh time.Time) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			return tx.AddMember(pim.Membership{GroupID: "dbas", MemberID: "bob", Source: source, FreshUntil: fresh})
		}
	}
	member := func(want bool, when string) {
		t.Helper()
		in := get(t, s, func(r *store.Reader) ([]string, error) { return r.GroupsOf("bob") })
		if slices.Contains(in, "dbas") != want || slices.Contains(peopleIn(t, s, "dbas"), "bob") != want {
			t.Errorf("%s: bob is in %v, in the group are %v", when, in, peopleIn(t, s, "dbas"))
		}
	}
	member(false, "at first")
	do(t, s, edge(pim.SourceSignIn, now(s).Add(time.Hour)))
	member(true, "with a fresh claim")
	do(t, s, edge(pim.SourceSignIn, now(s).Add(-time.Second)))
	member(false, "with a claim that is not fresh")
	if got := get(t, s, func(r *store.Reader) ([]pim.Membership, error) { return r.LapsedMembers(10) }); len(got) != 1 || got[0].MemberID != "bob" {
		t.Errorf("lapsed: %v", got)
	}
	do(t, s, edge(pim.SourceFile, time.Time{}))
	member(true, "named in the file too")
	do(t, s, func(tx *store.Tx) error {
		return tx.RemoveMember(pim.Membership{GroupID: "dbas", MemberID: "bob", Source: pim.SourceSignIn})
	})
	member(true, "the claim is gone, the file stays")
	do(t, s, func(tx *store.Tx) error {
		return tx.RemoveMember(pim.Membership{GroupID: "dbas", MemberID: "bob", Source: pim.SourceFile})
	})
	member(false, "removed")
}

func peopleInGroups(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		off, gone := person("off", "Off"), person("gone", "Gone")
		off.Enabled = false
		for _, p := range []pim.Principal{off, gone, group("all")} {
			if err := tx.InsertPrincipal(p); err != nil {
				return err
			}
		}
		for _, m := range [][2]string{{"all", "dbas"}, {"dbas", "bob"}, {"all", "alice"}, {"all", "off"}, {"all", "gone"}, {"dbas", "alice"}} {
			if err := tx.AddMember(pim.Membership{GroupID: m[0], MemberID: m[1], Source: pim.SourceFile}); err != nil {
				return err
			}
		}
		return tx.RemovePrincipal("gone")
	})
	for name, c := range map[string]struct{ ids, want []string }{
		"a group":               {[]string{"all"}, []string{"alice", "bob"}},
		"a person":              {[]string{"bob"}, []string{"bob"}},
		"a person and a group":  {[]string{"bob", "all"}, []string{"alice", "bob"}},
		"nobody":                {nil, nil},
		"absent":                {[]string{"absent"}, nil},
		"disabled":              {[]string{"off"}, nil},
		"removed":               {[]string{"gone"}, nil},
		"twice the same person": {[]string{"alice", "alice", "dbas"}, []string{"alice", "bob"}},
	} {
		if got := peopleIn(t, s, c.ids...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func notices(t *testing.T, s *store.Store) {
	world(t, s)
	for i := range 7 {
		do(t, s, func(tx *store.Tx) error {
			return tx.InsertNotice(store.Notice{ID: id("n", i), PrincipalID: "alice", Text: fmt.Sprint("Notice ", i), Link: "/x"})
		})
	}
	do(t, s, func(tx *store.Tx) error {
		return tx.InsertNotice(store.Notice{ID: "other", PrincipalID: "bob", Text: "Bob's"})
	})
	var seen []string
	var last store.Keyset
	for {
		page := get(t, s, func(r *store.Reader) ([]store.Notice, error) { return r.Notices("alice", last, 3) })
		for _, n := range page {
			seen = append(seen, n.ID)
			last = store.Keyset{At: n.CreatedAt, ID: n.ID}
		}
		if len(page) < 3 {
			break
		}
	}
	if len(seen) != 7 || seen[0] != id("n", 6) || seen[6] != id("n", 0) {
		t.Errorf("newest first, each once: %v", seen)
	}
	do(t, s, func(tx *store.Tx) error { return tx.ReadNotices("alice", last.At) })
	unread := get(t, s, func(r *store.Reader) (int64, error) { return r.UnreadNotices("alice") })
	if unread >= 7 || get(t, s, func(r *store.Reader) (int64, error) { return r.UnreadNotices("bob") }) != 1 {
		t.Errorf("%d unread after reading up to the oldest; bob's are his own", unread)
	}
}

// T31: notices have a bound. Read ones go first; what was not read stays much longer.
func noticesHaveABound(t *testing.T, s *store.Store) {
	world(t, s)
	n := 0
	add := func(many int) {
		for end := n + many; n < end; {
			from, to := n, min(n+20, end)
			do(t, s, func(tx *store.Tx) error {
				for i := from; i < to; i++ {
					if err := tx.InsertNotice(store.Notice{ID: id6(i), PrincipalID: "alice", Text: "Hello"}); err != nil {
						return err
					}
				}
				return nil
			})
			n = to
		}
	}
	kept := func() []store.Notice {
		return get(t, s, func(r *store.Reader) ([]store.Notice, error) { return r.Notices("alice", store.Keyset{}, 5000) })
	}
	do(t, s, func(tx *store.Tx) error {
		return tx.InsertNotice(store.Notice{ID: "other", PrincipalID: "bob", Text: "Hello"})
	})
	add(store.KeptNotices + 20)
	if got := kept(); len(got) != store.KeptNotices+20 {
		t.Errorf("%d kept, all of them unread", len(got))
	}
	do(t, s, func(tx *store.Tx) error { return tx.ReadNotices("alice", tx.Now) })
	add(1)
	if got := kept(); len(got) != store.KeptNotices || got[0].ID != id6(n-1) {
		t.Errorf("%d kept after reading", len(got))
	}
	add(store.KeptUnreadNotices + 20)
	if got := kept(); len(got) != store.KeptUnreadNotices || got[len(got)-1].ID != id6(n-store.KeptUnreadNotices) {
		t.Errorf("%d unread ones kept", len(got))
	}
	do(t, s, func(tx *store.Tx) error { return tx.DropUnread("Hello", "alice") })
	others := get(t, s, func(r *store.Reader) (int64, error) { return r.UnreadNotices("bob") })
	if got := kept(); len(got) != 0 || others != 1 {
		t.Errorf("%d of alice's left, %d of bob's", len(got), others)
	}
}

func id6(n int) string { return fmt.Sprintf("n%06d", n) }

func favourites(t *testing.T, s *store.Store) {
	world(t, s)
	mark := func(on bool) {
		do(t, s, func(tx *store.Tx) error { return tx.SetFavourite("alice", "dba", "prod", on) })
	}
	marked := func(who string) int {
		return len(get(t, s, func(r *store.Reader) (map[[2]string]bool, error) { return r.Favourites(who) }))
	}
	mark(true)
	mark(true)
	if marked("alice") != 1 || marked("bob") != 0 {
		t.Errorf("alice %d, bob %d", marked("alice"), marked("bob"))
	}
	mark(false)
	mark(false)
	if marked("alice") != 0 {
		t.Error("still marked")
	}
}
