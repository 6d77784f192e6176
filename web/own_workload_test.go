package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// T10, T21: while another administrator could do it, nobody gives a privileged role to a workload that they answer for or
// named the account of, names the account of one they gave it to, nor gives what was their own account to anything else.
func TestNobodyGivesThemselvesByAWorkload(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol, dan := manager(w), w.Person("dan").Ready()
	w.Administrator("dan")
	w.Advance(25 * time.Hour) // their passkeys count
	carol.SignIn()
	dan.SignIn()
	w.Person("bob")
	w.Role("root", stinttest.Rules{Privileged: true})
	for _, account := range []string{"svc-a", "svc-b", "svc-c", "svc-d"} {
		w.Target.AddAccount(account)
	}
	workload := func(name, owner string) string {
		page := done(t, dan, dan.Post("/workloads", "name", name, "owner", owner))
		return strings.TrimPrefix(page.Request.URL.Path, "/workloads/")
	}
	names := func(p *stinttest.Person, id, account string) *stinttest.Page {
		return p.Post("/workloads/"+id+"/accounts", "target", stinttest.Directory, "account", account)
	}
	gives := func(p *stinttest.Person, id string) int {
		page := p.Post("/assignments", "role", "root", "resource", stinttest.Production, "pick", id, "start", "now", "end", "longest", "justification", "Runs", "kind", "active")
		if strings.HasPrefix(page.Location(), "/step-up/") {
			p.Confirm(page.Location())
		}
		return len(assigned(w, id, "root"))
	}

	answered := workload("answered", "carol")
	if gives(carol, answered) != 0 {
		t.Error("who answers for a workload gave it a privileged role")
	}
	if gives(dan, answered) != 1 {
		t.Error("another administrator may not")
	}

	named := workload("named", "bob")
	done(t, carol, touched(t, names(carol, named, "svc-a")))
	if gives(carol, named) != 0 {
		t.Error("who named its account gave it a privileged role")
	}
	if gives(dan, named) != 1 {
		t.Error("another administrator may not")
	}

	given := workload("given", "bob")
	if gives(carol, given) != 1 {
		t.Fatal("an administrator may give a workload of others a privileged role")
	}
	if got := names(carol, given, "svc-b").Want(t, http.StatusForbidden).Text("main"); !strings.Contains(got, "Another administrator") {
		t.Errorf("who gave it a privileged role names its account: %q", got)
	}
	done(t, dan, touched(t, names(dan, given, "svc-b")))

	own := stinttest.Read(w, func(r *store.Reader) (pim.Account, error) {
		all, err := r.AccountsOf("carol")
		return all[0], err
	})
	done(t, carol, carol.Post("/people/carol/accounts/"+own.ID+"/drop"))
	former := workload("former", "bob")
	names(carol, former, own.Name).Want(t, http.StatusForbidden)
	done(t, dan, touched(t, names(dan, former, own.Name)))
}
