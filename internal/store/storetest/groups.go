package storetest

import (
	"slices"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

func peopleNarrowed(t *testing.T, s *store.Store) {
	do(t, s, func(tx *store.Tx) error {
		off, guest, seen := person("off", "Off"), person("guest", "Guest"), person("seen", "Seen")
		off.Enabled, guest.Guest, guest.Department, seen.LastSeenAt = false, true, "Finance", tx.Now
		for _, p := range []pim.Principal{off, guest, seen} {
			if err := tx.InsertPrincipal(p); err != nil {
				return err
			}
		}
		return tx.InsertCredential(pim.Credential{ID: "k", PrincipalID: "guest", Name: "k", RawID: []byte("k"), PublicKey: []byte("k")})
	})
	for _, tt := range []struct {
		filter store.PeopleFilter
		query  string
		want   []string
	}{
		{"", "", []string{"guest", "off", "seen"}}, {store.PeopleEnabled, "", []string{"guest", "seen"}}, {store.PeopleDisabled, "", []string{"off"}},
		{store.PeopleGuests, "", []string{"guest"}}, {store.PeopleNeverSeen, "", []string{"guest", "off"}}, {store.PeopleNoPasskey, "", []string{"off", "seen"}},
		{store.PeopleGuests, "FIN", []string{"guest"}}, {store.PeopleDisabled, "fin", nil}, {"odd", "", []string{"guest", "off", "seen"}},
	} {
		got := get(t, s, func(r *store.Reader) ([]pim.Principal, error) {
			return r.People(store.PrincipalPage{Query: tt.query, Filter: tt.filter, Limit: 10})
		})
		if !slices.Equal(named(got), tt.want) {
			t.Errorf("%q, %q: %v, want %v", tt.filter, tt.query, named(got), tt.want)
		}
	}
}

func named(people []pim.Principal) (ids []string) {
	for _, p := range people {
		ids = append(ids, p.ID)
	}
	return ids
}

func groupsInPages(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		for _, id := range []string{"a", "b"} {
			if err := tx.InsertPrincipal(group(id)); err != nil {
				return err
			}
		}
		if err := tx.AddMember(pim.Membership{GroupID: "a", MemberID: "alice", Source: pim.SourceFile}); err != nil {
			return err
		}
		return tx.AddMember(pim.Membership{GroupID: "a", MemberID: "bob", Source: pim.SourceSignIn, FreshUntil: tx.Now.Add(-time.Second)})
	})
	var seen []string
	page := store.PrincipalPage{Limit: 2}
	for range 3 {
		rows := get(t, s, func(r *store.Reader) ([]store.GroupRow, error) { rows, _, err := r.Groups(page); return rows, err })
		for _, g := range rows {
			seen = append(seen, g.ID)
			page.AfterName, page.AfterID = g.Name, g.ID
			if want := map[string]int64{"a": 1}[g.ID]; g.ID != "dbas" && g.Members != want {
				t.Errorf("%s has %d members, want %d: a stale claim counts for nobody", g.ID, g.Members, want)
			}
		}
	}
	if !slices.Equal(seen, []string{"a", "b", "dbas"}) {
		t.Errorf("pages: %v", seen)
	}
	if got := get(t, s, func(r *store.Reader) ([]store.GroupRow, error) {
		rows, _, err := r.Groups(store.PrincipalPage{Query: "P_A", Limit: 9})
		return rows, err
	}); len(got) != 0 {
		t.Errorf("an underscore finds %v", got) // T22
	}
}

func membersInPages(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		if err := tx.InsertPrincipal(group("all")); err != nil {
			return err
		}
		for _, m := range []pim.Membership{
			{GroupID: "all", MemberID: "dbas", Source: pim.SourceBrowser}, {GroupID: "all", MemberID: "bob", Source: pim.SourceFile},
			{GroupID: "dbas", MemberID: "bob", Source: pim.SourceFile}, {GroupID: "dbas", MemberID: "bob", Source: pim.SourceSignIn, FreshUntil: tx.Now.Add(time.Hour)},
		} {
			if err := tx.AddMember(m); err != nil {
				return err
			}
		}
		return nil
	})
	rows := get(t, s, func(r *store.Reader) ([]store.Member, error) {
		rows, _, err := r.MembersIn("dbas", store.PrincipalPage{Limit: 10, Query: "bo"})
		return rows, err
	})
	if len(rows) != 1 || rows[0].ID != "bob" || len(rows[0].Edges) != 2 || rows[0].Edges[1].FreshUntil.IsZero() {
		t.Errorf("members: %+v", rows)
	}
	if edges := get(t, s, func(r *store.Reader) (map[string][]string, error) { return r.GroupEdges() }); !slices.Equal(edges["all"], []string{"dbas"}) || len(edges) != 1 {
		t.Errorf("edges between groups: %v", edges)
	}
	in := get(t, s, func(r *store.Reader) ([]store.Member, error) { return r.DirectGroupsOf("bob") })
	if len(in) != 2 || in[0].ID != "all" || len(in[1].Edges) != 2 {
		t.Errorf("bob is directly in %+v", in)
	}
	without := func(group, member string) []string {
		return named(get(t, s, func(r *store.Reader) ([]pim.Principal, error) { return r.PeopleWithout([]string{"all"}, group, member) }))
	}
	if got := without("all", "bob"); !slices.Contains(got, "bob") {
		t.Errorf("bob is in it through dbas too: %v", got)
	}
	if got := without("dbas", "bob"); !slices.Contains(got, "bob") {
		t.Errorf("bob is in it directly too: %v", got)
	}
	if got := without("all", ""); len(got) != 0 {
		t.Errorf("without the group itself: %v", got)
	}
	if got := without("dbas", ""); !slices.Equal(got, []string{"bob"}) {
		t.Errorf("without the inner group: %v", got)
	}
}
