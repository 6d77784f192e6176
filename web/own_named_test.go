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

// accountOf is somebody's account at the directory.
func accountOf(w *stinttest.World, id string) pim.Account {
	w.Helper()
	return stinttest.Read(w, func(r *store.Reader) (pim.Account, error) { return r.AccountAt(id, stinttest.Directory) })
}

// T10, T21: while another administrator could do it, nobody lets a privileged role be held by an account that they said is
// somebody's who did not sign in since, in whatever order; one that has to be activated takes that person, and is theirs
// to give.
func TestNobodyGivesThemselvesBySomebodyMadeUp(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol, dan, erin := manager(w), w.Person("dan").Ready(), w.Person("erin").Ready()
	w.Administrator("dan")
	w.Advance(25 * time.Hour) // their passkeys count
	carol.SignIn()
	dan.SignIn()
	w.Role("root", stinttest.Rules{Privileged: true})
	madeUp := func(name string) string {
		w.Target.AddAccount("at-" + name)
		page := done(t, carol, carol.Post("/people", "name", name, "email", name+"@northwind.example", "issuer", w.Provider.Issuer, "subject", name))
		return strings.TrimPrefix(page.Request.URL.Path, "/people/")
	}
	names := func(p *stinttest.Person, id, name string) *stinttest.Page {
		return p.Post("/people/"+id+"/accounts", "target", stinttest.Directory, "account", "at-"+name)
	}
	gives := func(p *stinttest.Person, id, kind string) *stinttest.Page {
		page := p.Post("/assignments", "role", "root", "resource", stinttest.Production, "pick", id, "start", "now", "end", "longest", "justification", "On call", "kind", kind)
		if strings.HasPrefix(page.Location(), "/step-up/") {
			return p.Confirm(page.Location())
		}
		return page
	}

	named := madeUp("named")
	done(t, carol, touched(t, names(carol, named, "named")))
	if page := gives(carol, named, "active"); len(assigned(w, named, "root")) != 0 || !strings.Contains(page.Text("main"), "whose account they named") {
		t.Errorf("who named the account gave a privileged role that is held at once: %s", page.Text("main"))
	}
	if gives(carol, named, "eligible"); len(assigned(w, named, "root")) != 1 {
		t.Error("what has to be activated is not theirs to give")
	}
	if gives(dan, named, "active"); len(assigned(w, named, "root")) != 2 {
		t.Error("another administrator may not")
	}

	given := madeUp("given")
	if gives(carol, given, "active"); len(assigned(w, given, "root")) != 1 {
		t.Fatal("an administrator may give somebody without an account a privileged role")
	}
	if got := names(carol, given, "given").Want(t, http.StatusForbidden).Text("main"); !strings.Contains(got, "Another administrator") {
		t.Errorf("who gave a privileged role names the account: %q", got)
	}
	done(t, dan, touched(t, names(dan, given, "given")))

	w.Group("ops")
	gives(dan, "ops", "active")
	joins := madeUp("joins")
	done(t, carol, touched(t, names(carol, joins, "joins")))
	if got := carol.Post("/groups/ops/members", "pick", joins).Want(t, http.StatusForbidden).Text("main"); !strings.Contains(got, "You named the account of joins") {
		t.Errorf("who named the account lets it into a group: %q", got)
	}
	w.Group("outer")
	w.Group("inner", joins)
	w.Join("outer", "inner")
	if gives(carol, "outer", "active"); len(assigned(w, "outer", "root")) != 0 {
		t.Error("who named the account gave it to a group around it")
	}
	done(t, dan, touched(t, dan.Post("/groups/ops/members", "pick", joins)))

	done(t, carol, carol.Post("/people/erin/accounts/"+accountOf(w, "erin").ID+"/drop"))
	w.Advance(time.Minute)
	done(t, carol, touched(t, carol.Post("/people/erin/accounts", "target", stinttest.Directory, "account", "erin")))
	if gives(carol, "erin", "active"); len(assigned(w, "erin", "root")) != 0 {
		t.Error("erin did not read of it yet")
	}
	w.Advance(time.Minute)
	erin.SignIn()
	if gives(carol, "erin", "active"); len(assigned(w, "erin", "root")) != 1 {
		t.Error("erin signed in since, and read which account is said to be theirs")
	}
}

// T10: whose account was named or taken away is told to the other administrators, and of a workload to who answers for it.
func TestTheAccountOfAWorkloadIsToldOf(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol, dan := manager(w), w.Person("dan").Ready()
	w.Administrator("dan")
	bob := w.Person("bob").Ready()
	w.Target.AddAccount("svc")
	page := done(t, carol, carol.Post("/workloads", "name", "Nightly", "owner", "bob"))
	id := strings.TrimPrefix(page.Request.URL.Path, "/workloads/")
	done(t, carol, touched(t, carol.Post("/workloads/"+id+"/accounts", "target", stinttest.Directory, "account", "svc")))
	done(t, carol, touched(t, carol.Post("/workloads/"+id+"/accounts/"+accountOf(w, id).ID+"/drop")))
	for _, p := range []*stinttest.Person{dan, bob} {
		got := p.Get("/notices").Text("main")
		if !strings.Contains(got, "carol says that Nightly is svc at Directory") || !strings.Contains(got, "carol took the account svc at Directory away from Nightly") {
			t.Errorf("%s is told %q", p.ID, got)
		}
	}
	if strings.Contains(carol.Get("/notices").Text("main"), "Nightly") {
		t.Error("carol is told what she did")
	}
	for _, typ := range []pim.EventType{pim.EvAccountConfirmed, pim.EvAccountUnlinked} {
		if list := w.Events(typ); len(list) != 1 || list[0].Subject != id || list[0].Actor != "carol" {
			t.Errorf("%s: %+v", typ, list)
		}
	}
}
