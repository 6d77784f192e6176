package web_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/stinttest/database"
	"stint/internal/stinttest/harness"
	"stint/internal/store"
)

// BenchmarkLists is the server's time for a page of the members of a role with 100,000 assignments, and of 100,000
// people, by the way it is asked for; beside it that of the list's query alone. Goals: p99 at most 10 ms, of a search
// among people 50 ms. STINT_TEST_ENGINE says on which engine.
func BenchmarkLists(b *testing.B) {
	w := stinttest.New(b)
	auditor, owner, narrow := w.Person("auditor"), w.Person("owner"), w.Person("narrow")
	w.Auditor("auditor")
	w.Administrator("auditor")
	database.Crowd(b, w.Database, w.Clock.Now())
	w.Owner("owner", database.CrowdRoot)
	w.Owner("narrow", "res999")
	for _, p := range []*stinttest.Person{auditor, owner, narrow} {
		p.SignIn()
	}
	members := "/roles/" + database.CrowdRole + "/members?"
	for _, c := range []struct {
		name, path string
		raw        func(*store.Reader) error
	}{
		{"members, first page", members, assignmentsRead(store.AssignmentFilter{RoleID: database.CrowdRole})},
		{"members, a deep page", members + "cursor=" + deep("a90000", "given900 family90000"), assignmentsRead(store.AssignmentFilter{RoleID: database.CrowdRole, After: store.AssignmentCursor{Name: "given900 family90000", ID: "a90000"}})},
		{"members, active", members + "kind=active", assignmentsRead(store.AssignmentFilter{RoleID: database.CrowdRole, Kind: pim.Active})},
		{"members, starting later", members + "state=later", assignmentsRead(store.AssignmentFilter{RoleID: database.CrowdRole, State: store.ListFuture})},
		{"members, expired", members + "state=expired", assignmentsRead(store.AssignmentFilter{RoleID: database.CrowdRole, State: store.ListExpired})},
		{"members, at a resource", members + "resource=res7", assignmentsRead(store.AssignmentFilter{RoleID: database.CrowdRole, ResourceID: "res7", Above: []string{"branch0", "root"}})},
		{"members, search of all", members + "q=family", assignmentsRead(store.AssignmentFilter{RoleID: database.CrowdRole, Search: "family"})},
		{"members, search of a hundred", members + "q=given777", assignmentsRead(store.AssignmentFilter{RoleID: database.CrowdRole, Search: "given777"})},
		{"members, search of one", members + "q=family77777", assignmentsRead(store.AssignmentFilter{RoleID: database.CrowdRole, Search: "family77777"})},
		{"members, search of nobody", members + "q=zzz", assignmentsRead(store.AssignmentFilter{RoleID: database.CrowdRole, Search: "zzz"})},
		{"people, first page", "/people?", peopleRead(store.PrincipalPage{})},
		{"people, a deep page", "/people?cursor=" + deep("p90000", "Given900 Family90000"), peopleRead(store.PrincipalPage{AfterName: "Given900 Family90000", AfterID: "p90000"})},
		{"people, enabled", "/people?state=enabled", peopleRead(store.PrincipalPage{Filter: store.PeopleEnabled})},
		{"people, disabled", "/people?state=disabled", peopleRead(store.PrincipalPage{Filter: store.PeopleDisabled})},
		{"people, never seen", "/people?state=unseen", peopleRead(store.PrincipalPage{Filter: store.PeopleNeverSeen})},
		{"people, without a passkey", "/people?state=keyless", peopleRead(store.PrincipalPage{Filter: store.PeopleNoPasskey})},
		{"people, guests", "/people?state=guests", peopleRead(store.PrincipalPage{Filter: store.PeopleGuests})},
		{"people, search of all", "/people?q=family", peopleRead(store.PrincipalPage{Query: "family"})},
		{"people, search of 10,000", "/people?q=given9", peopleRead(store.PrincipalPage{Query: "given9"})},
		{"people, search of a thousand", "/people?q=given77", peopleRead(store.PrincipalPage{Query: "given77"})},
		{"people, search of one", "/people?q=family77777", peopleRead(store.PrincipalPage{Query: "family77777"})},
		{"people, search of a department", "/people?q=dept39", peopleRead(store.PrincipalPage{Query: "dept39"})},
		{"people, search of two words", "/people?q=given9+dept39", peopleRead(store.PrincipalPage{Query: "given9 dept39"})},
		{"people, search of nobody", "/people?q=zzz", peopleRead(store.PrincipalPage{Query: "zzz"})},
		{"people, search of nobody disabled", "/people?q=family77777&state=disabled", peopleRead(store.PrincipalPage{Query: "family77777", Filter: store.PeopleDisabled})},
		{"people, search of nobody by two words", "/people?q=given9+family1", peopleRead(store.PrincipalPage{Query: "given9 family1"})},
		{"assignments, first page", "/assignments?", assignmentsRead(store.AssignmentFilter{})},
		{"groups, first page", "/groups?", nil},
		{"a group of all, first page", "/groups/all?", nil},
		{"a group of all, search of one", "/groups/all?q=family77777", nil},
		{"a group of all, search of nobody", "/groups/all?q=zzz", nil},
	} {
		b.Run(c.name, func(b *testing.B) { measureBoth(b, w, auditor, c.path, c.raw) })
	}
	for _, p := range []*stinttest.Person{owner, narrow} {
		b.Run("members, first page of "+p.ID, func(b *testing.B) { measureBoth(b, w, p, members, nil) })
		b.Run("members, search of a hundred by "+p.ID, func(b *testing.B) { measureBoth(b, w, p, members+"q=given777", nil) })
	}
}

// measureBoth measures a page, and the list's query alone.
func measureBoth(b *testing.B, w *stinttest.World, p *stinttest.Person, path string, raw func(*store.Reader) error) {
	measure(b, w, p, strings.TrimSuffix(path, "?"))
	if raw == nil {
		return
	}
	took := make([]time.Duration, min(b.N, 500))
	for i := range took {
		start := time.Now()
		_, err := store.Read(b.Context(), w.Store, func(r *store.Reader) (struct{}, error) { return struct{}{}, raw(r) })
		if took[i] = time.Since(start); err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-query-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-query-p99")
}

// deep is the cursor of a place in a list ordered by name.
func deep(id, name string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(id + "\x00" + name))
}

const rowsRead = 51 // of a page, and one that tells whether there are more

func assignmentsRead(f store.AssignmentFilter) func(*store.Reader) error {
	f.Limit = rowsRead
	return func(r *store.Reader) error { _, err := r.ListAssignments(f); return err }
}

func peopleRead(p store.PrincipalPage) func(*store.Reader) error {
	p.Limit = rowsRead
	return func(r *store.Reader) error { _, _, err := r.SearchPeople(p); return err }
}
