package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/stinttest/postgres"
	"stint/internal/stinttest/slapd"
	"stint/internal/store"

	_ "stint/internal/connector/ldap"
	_ "stint/internal/connector/postgres"
)

// wire connects a target in its form, tried first, brings one entry in by its name and lets alice, whose account there
// is of that name, be eligible for it; it returns alice, ready, and the assignment.
func wire(w *stinttest.World, carol *stinttest.Person, entry, account string, form ...string) (*stinttest.Person, string) {
	w.Helper()
	tried := carol.Post("/targets", append(form, "do", "test")...).Want(w, http.StatusOK)
	if got := tried.Text(".callout.ok"); !strings.Contains(got, "It answers") || !strings.Contains(got, entry) {
		w.Fatalf("tried: %s", tried.Text("main"))
	}
	step := carol.Post("/targets", append(form, "do", "save")...).Want(w, http.StatusSeeOther)
	browse := carol.Confirm(step.Location()).Want(w, http.StatusSeeOther).Location()
	page := carol.Get(browse+"?q="+entry).Want(w, http.StatusOK)
	id := page.Find("tbody input[name=pick]").AttrOr("value", "")
	step = carol.Post(browse, "below", page.Find("select[name=below] option").AttrOr("value", ""), "privileged", "yes", "pick", id).Want(w, http.StatusSeeOther)
	results := carol.Get(carol.Confirm(step.Location()).Want(w, http.StatusSeeOther).Location())
	resource := strings.TrimPrefix(results.Find("tbody th a").AttrOr("href", ""), "/resources/")
	if got := carol.Get("/resources/"+resource).Want(w, http.StatusOK).Text("main"); !strings.Contains(got, "Member of "+entry) {
		w.Fatalf("brought in: %s", got)
	}
	alice := w.Person("alice").Ready()
	target := strings.TrimSuffix(strings.TrimPrefix(browse, "/targets/"), "/browse")
	w.Do(func(tx *store.Tx) error {
		meanings, err := tx.MeaningsUnder(resource, 1)
		if err != nil {
			return err
		}
		if err := tx.InsertAccount(pim.Account{ID: "alice-there", PrincipalID: "alice", TargetID: target, Name: account, ConfirmedAt: tx.Now, ConfirmedBy: "carol", Source: pim.SourceBrowser}); err != nil {
			return err
		}
		return tx.InsertAssignment(pim.Assignment{ID: "alice-real", PrincipalID: "alice", RoleID: meanings[0].RoleID, ResourceID: resource, Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceBrowser})
	})
	w.Advance(time.Minute)
	return alice, "alice-real"
}

// Item 1 on a real OpenLDAP: connected, tried, browsed and brought in by forms alone; what is activated is held there.
func TestConnectRealDirectory(t *testing.T) {
	t.Parallel()
	s := slapd.Start(t)
	s.AddPerson(t, "alice")
	group := "cn=ledger,ou=groups," + slapd.BaseDN
	s.Add(t, group, "objectClass", "groupOfNames", "member", "cn=stint-filler,"+slapd.BaseDN)
	w := stinttest.New(t)
	carol := manager(w)
	form := []string{"kind", "ldap", "name", "Real directory", "s-address", s.TLSURL, "s-ca_file", s.CAFile, "s-bind_dn", slapd.ServiceDN, "s-base_dn", slapd.BaseDN, "may_write", "*,ou=groups," + slapd.BaseDN}
	wrong := carol.Post("/targets", append(form, "secret", "not it", "do", "test")...).Want(t, http.StatusOK)
	if wrong.Find(".callout.bad").Length() != 1 || strings.Contains(wrong.Body, "not it") {
		t.Errorf("a wrong password: %s", wrong.Text("main"))
	}
	alice, asg := wire(w, carol, "ledger", "alice", append(form, "secret", slapd.ServicePassword)...)
	alice.Activate(asg)
	w.Tick()
	if got := s.Values(t, group, "member"); !strings.Contains(strings.Join(got, " "), "uid=alice") {
		t.Errorf("members: %v", got)
	}
	if strings.Contains(w.Log.String(), slapd.ServicePassword) {
		t.Error("the log holds the password")
	}
}

// Item 1 on a real PostgreSQL.
func TestConnectRealCluster(t *testing.T) {
	t.Parallel()
	s := postgres.StartOwn(t, postgres.Options{NoSync: true})
	s.Exec(t, "CREATE ROLE ledger_admin; CREATE ROLE alice LOGIN; CREATE ROLE stint LOGIN NOINHERIT PASSWORD 'of-the-cluster'; GRANT ledger_admin TO stint WITH ADMIN OPTION")
	w := stinttest.New(t)
	carol := manager(w)
	alice, asg := wire(w, carol, "ledger_admin", "alice", "kind", "postgres", "name", "Real cluster", "s-address", s.Addr(), "s-ca_file", s.CAFile, "s-user", "stint",
		"secret", "of-the-cluster", "may_write", "ledger_*")
	alice.Activate(asg)
	w.Tick()
	held := s.Strings(t, "SELECT m.rolname FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member WHERE r.rolname = 'ledger_admin'")
	if !strings.Contains(strings.Join(held, " "), "alice") {
		t.Errorf("members: %v", held)
	}
}
