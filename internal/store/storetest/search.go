package storetest

import (
	"fmt"
	"slices"
	"testing"

	"stint/internal/pim"
	"stint/internal/store"
)

// T31: a search looks at so much on one page, says how far it came, and finds everybody page by page; a picker finds by
// the beginnings of names and addresses whoever stands behind that.
func searchIsBounded(t *testing.T, s *store.Store) {
	const many = 1_200 // more than the members, or the people without a passkey, that one page of a search looks at
	for from := 0; from < many; from += 100 {
		do(t, s, func(tx *store.Tx) error {
			if from == 0 {
				if err := tx.InsertPrincipal(group("all")); err != nil {
					return err
				}
			}
			for i := from; i < from+100; i++ {
				p := person(fmt.Sprintf("p%05d", i), fmt.Sprintf("Name %05d", i))
				p.Email = fmt.Sprintf("mail%d@x.example", i)
				if err := tx.InsertPrincipal(p); err != nil {
					return err
				}
				if err := tx.AddMember(pim.Membership{GroupID: "all", MemberID: p.ID, Source: pim.SourceFile}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	pages := 0
	through := func(first store.PrincipalPage, read func(*store.Reader, store.PrincipalPage) ([]string, store.Searched, error)) (found []string) {
		for pages = 0; ; pages++ {
			searched := store.Searched{}
			hits := get(t, s, func(r *store.Reader) (hits []string, err error) {
				hits, searched, err = read(r, first)
				return hits, err
			})
			for _, id := range hits {
				if !slices.Contains(found, id) { // who is found by a beginning stands on the first page, and again where the walk meets them
					found = append(found, id)
				}
			}
			if searched.ID == "" {
				return found
			}
			if !searched.Begun {
				t.Errorf("a search came as far as %s and looked at no beginnings after that", searched.Name)
			}
			first.AfterName, first.AfterID = searched.Name, searched.ID
		}
	}
	members := func(r *store.Reader, p store.PrincipalPage) (ids []string, _ store.Searched, _ error) {
		rows, searched, err := r.MembersIn("all", p)
		for _, m := range rows {
			ids = append(ids, m.ID)
		}
		return ids, searched, err
	}
	if got := through(store.PrincipalPage{Query: "MAIL1199@", Limit: 9}, members); !slices.Equal(got, []string{"p01199"}) || pages != 1 {
		t.Errorf("members found on %d further pages: %v", pages, got)
	}
	people := func(r *store.Reader, p store.PrincipalPage) ([]string, store.Searched, error) {
		rows, searched, err := r.SearchPeople(p)
		return named(rows), searched, err
	}
	if got := through(store.PrincipalPage{Query: "0119", Filter: store.PeopleNoPasskey, Limit: 50}, people); len(got) != 11 || pages != 1 {
		t.Errorf("without a passkey, on %d further pages: %v", pages, got)
	}
	for query, want := range map[string][]string{"mail1199@": {"p01199"}, "ail1199@": nil, "name 01198": {"p01198"}, "ame 01198": nil, "nobody": nil} {
		page := store.PrincipalPage{Query: query, Filter: store.PeopleNoPasskey, Limit: 9}
		first := get(t, s, func(r *store.Reader) ([]string, error) { ids, _, err := people(r, page); return ids, err })
		inGroup := get(t, s, func(r *store.Reader) ([]string, error) { ids, _, err := members(r, page); return ids, err })
		if !slices.Equal(first, want) || !slices.Equal(inGroup, want) {
			t.Errorf("the first page of %q has %v, of the members %v, want %v", query, first, inGroup, want)
		}
	}
	if got := get(t, s, func(r *store.Reader) ([]pim.Principal, error) {
		return r.People(store.PrincipalPage{Query: "mail1198@x.example", Filter: store.PeopleNoPasskey, Limit: 9})
	}); !slices.Equal(named(got), []string{"p01198"}) {
		t.Errorf("a picker finds %v", named(got))
	}
}

// What a list says of people, for all of a page at once.
func usesOfPeople(t *testing.T, s *store.Store) {
	world(t, s)
	do(t, s, func(tx *store.Tx) error {
		return all(
			func() error {
				return tx.AddMember(pim.Membership{GroupID: "dbas", MemberID: "alice", Source: pim.SourceFile})
			},
			func() error {
				return tx.AddMember(pim.Membership{GroupID: "dbas", MemberID: "alice", Source: pim.SourceBrowser})
			},
			func() error { return tx.InsertAssignment(assignment("through", "dbas", pim.Eligible, tx.Now)) },
			func() error { return tx.InsertAssignment(assignment("own", "alice", pim.Active, tx.Now)) },
			func() error {
				return tx.InsertCredential(pim.Credential{ID: "k", PrincipalID: "alice", Name: "k", RawID: []byte("k"), PublicKey: []byte("k")})
			},
		)
	})
	got := get(t, s, func(r *store.Reader) (map[string]store.PersonUse, error) {
		return r.PeopleUses([]string{"alice", "bob", "nobody"})
	})
	if got["alice"].Eligible != 2 || got["alice"].Active != 1 || got["alice"].Passkeys != 1 || got["nobody"] != (store.PersonUse{}) {
		t.Errorf("%+v", got)
	}
}
