package ldap

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"stint/internal/connector"
	"stint/internal/stinttest/slapd"
)

// People are read by pages on the real server, whole or with an error (invariant 9).
func TestPeopleOfSlapd(t *testing.T) {
	t.Parallel()
	s := slapd.Start(t)
	boss := s.AddPerson(t, "boss")
	for i := range 24 {
		s.AddPerson(t, fmt.Sprintf("p%02d", i))
	}
	s.Modify(t, "uid=p03,ou=people,"+slapd.BaseDN, "manager", "UID=Boss, OU=People,"+slapd.BaseDN, true)
	s.Modify(t, "uid=p03,ou=people,"+slapd.BaseDN, "title", "Clerk", true)
	conn, err := open(connector.Config{TargetID: "dir", Settings: map[string]string{"address": s.URL, "bind_dn": slapd.ServiceDN, "base_dn": slapd.BaseDN, "may_write": "x"},
		Secret: func(string) (string, error) { return slapd.ServicePassword, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	d, ok := connector.PeopleOf(conn)
	if !ok {
		t.Fatal("an LDAP target knows people")
	}
	q := connector.PeopleQuery{Base: "ou=people," + slapd.BaseDN, Filter: "(objectClass=inetOrgPerson)", Attributes: []string{"uid", "CN", "title", "entryUUID"}, References: []string{"manager"}, PageSize: 7}
	pages, all := readAll(t, d, q)
	if pages != 4 || len(all) != 25 {
		t.Fatalf("%d people on %d pages, want 25 on 4", len(all), pages)
	}
	p := all["p03"]
	if p.Refs["manager"] != all["boss"].Key || all["boss"].Name != boss || p.Values["title"][0] != "Clerk" || p.Values["CN"][0] != "Person p03" || p.ID != p.Values["entryUUID"][0] {
		t.Errorf("read: %+v; the manager's key is %q", p, all["boss"].Key)
	}
	q.Base = "ou=nowhere," + slapd.BaseDN
	if err := d.ReadPeople(t.Context(), q, func([]connector.PersonEntry) error { return nil }); connector.KindOf(err) != connector.Denied {
		t.Errorf("a base that is not there: %v", err)
	}
	for field, wrong := range map[string]connector.PeopleQuery{"base": {Base: "dc=elsewhere", Filter: "(a=b)"}, "filter": {Filter: "(a=b"}, "attribute": {Filter: "(a=b)", Attributes: []string{"a)(b"}}} {
		var f *connector.FieldError
		if err := d.CheckPeople(wrong); !errors.As(err, &f) || f.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	q.Base = "ou=people," + slapd.BaseDN
	if err := d.ReadPeople(t.Context(), q, func([]connector.PersonEntry) error { s.Stop(); return nil }); err == nil {
		t.Error("a server that went away between two pages passes for the end")
	}
}

// A size limit cuts an answer off: that is no whole answer.
func TestPeopleBeyondTheSizeLimit(t *testing.T) {
	t.Parallel()
	s := slapd.Start(t)
	for i := range 510 {
		s.AddPerson(t, fmt.Sprintf("p%03d", i))
	}
	conn, err := open(connector.Config{TargetID: "dir", Settings: map[string]string{"address": s.URL, "bind_dn": slapd.ServiceDN, "base_dn": slapd.BaseDN, "may_write": "x"},
		Secret: func(string) (string, error) { return slapd.ServicePassword, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	d, _ := connector.PeopleOf(conn)
	err = d.ReadPeople(context.Background(), connector.PeopleQuery{Filter: "(uid=*)", PageSize: 100}, func([]connector.PersonEntry) error { return nil })
	if connector.KindOf(err) != connector.Denied {
		t.Errorf("cut off at 500 of 510: %v", err)
	}
}

func readAll(t *testing.T, d connector.People, q connector.PeopleQuery) (pages int, all map[string]connector.PersonEntry) {
	t.Helper()
	all = map[string]connector.PersonEntry{}
	err := d.ReadPeople(t.Context(), q, func(page []connector.PersonEntry) error {
		pages++
		for _, p := range page {
			all[p.Values["uid"][0]] = p
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages, all
}
