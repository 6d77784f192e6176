package ldap_test

import (
	"fmt"
	"strings"
	"testing"

	"stint/internal/connector"
	"stint/internal/stinttest/samba"
)

const adStaff = "OU=Staff," + samba.BaseDN

// employ adds somebody beneath OU=Staff. Without a password a controller lets an account be enabled only when it is said
// that none is required (32).
func (d domain) employ(t *testing.T, dn, login string, enabled bool, pairs ...string) {
	t.Helper()
	uac := "546"
	if enabled {
		uac = "544"
	}
	all := map[string][]string{"objectClass": {"user"}, "sAMAccountName": {login}, "userPrincipalName": {login + "@stint.test"}, "displayName": {"Person " + login}, "userAccountControl": {uac}}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = []string{pairs[i+1]}
	}
	d.Add(t, dn, all)
}

// People of a domain are read by pages: whether they are disabled, their objectGUID, their manager by whatever spelling,
// from organizational units in others; contacts, groups and computers are none (invariant 9).
func (d domain) testPeople(t *testing.T) {
	d.AddOU(t, adStaff)
	d.AddOU(t, "OU=Berlin,"+adStaff)
	boss := `CN=Berg\, Bo,OU=Berlin,` + adStaff
	d.employ(t, boss, "bo", true, "department", "Board", "title", "Head")
	for i := range 20 {
		d.employ(t, fmt.Sprintf("CN=Staff %02d,%s", i, adStaff), fmt.Sprintf("staff%02d", i), true)
	}
	d.employ(t, "CN=Gone,"+adStaff, "gone", false, "manager", strings.ToUpper(boss), "mail", "gone@stint.test")
	d.Add(t, "CN=contact,"+adStaff, map[string][]string{"objectClass": {"contact"}})
	d.AddGroup(t, "CN=team,"+adStaff, "team", boss)

	c := d.open(t)
	reader, ok := connector.PeopleOf(c)
	if !ok {
		t.Fatal("a domain knows people")
	}
	q := connector.PeopleQuery{Base: adStaff, Filter: "(&(objectCategory=person)(objectClass=user))", PageSize: 7, References: []string{"manager"},
		Attributes: []string{"displayName", "mail", "department", "userPrincipalName", "userAccountControl", "objectGUID", "objectSid"}}
	pages, all := staffOf(t, reader, q)
	if pages < 4 || len(all) != 22 {
		t.Fatalf("%d people on %d pages, want 22 on 4", len(all), pages)
	}
	gone, bo := all["gone@stint.test"], all["bo@stint.test"]
	if gone.Refs["manager"] != bo.Key || bo.Key == "" || gone.Values["mail"][0] != "gone@stint.test" || bo.Values["department"][0] != "Board" || len(bo.Refs) != 0 {
		t.Errorf("read %+v, whose manager is %+v", gone, bo)
	}
	if gone.Values["userAccountControl"][0] != "546" || bo.Values["userAccountControl"][0] != "544" {
		t.Errorf("disabled: %v and %v", gone.Values["userAccountControl"], bo.Values["userAccountControl"])
	}
	if bo.Values["objectGUID"][0] != bo.ID || len(bo.ID) != 36 || !strings.HasPrefix(bo.Values["objectSid"][0], "S-1-5-21-") {
		t.Errorf("ids: %+v", bo)
	}
	if find(t, c, "bo") != connector.AccountID(bo.ID) {
		t.Error("who is read and whose account is found are two")
	}
	d.Rename(t, boss, "CN=Bo Berg-Blom", adStaff)
	if _, now := staffOf(t, reader, q); now["bo@stint.test"].ID != bo.ID || now["gone@stint.test"].Refs["manager"] != now["bo@stint.test"].Key || now["bo@stint.test"].Key == bo.Key {
		t.Errorf("moved and married: %+v", now["bo@stint.test"])
	}
}

func staffOf(t *testing.T, d connector.People, q connector.PeopleQuery) (pages int, all map[string]connector.PersonEntry) {
	t.Helper()
	all = map[string]connector.PersonEntry{}
	err := d.ReadPeople(t.Context(), q, func(page []connector.PersonEntry) error {
		pages++
		for _, p := range page {
			all[p.Values["userPrincipalName"][0]] = p
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages, all
}
