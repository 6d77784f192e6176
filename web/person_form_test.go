package web_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// Somebody added by hand signs in as the one the form named; afterwards who they are is fixed.
func TestPersonByHand(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	form := func(pairs ...string) []string {
		return append([]string{"name", "Zoe Zimmer", "department", "Finance", "manager", "carol@northwind.example", "issuer", w.Provider.Issuer, "subject", "zoe"}, pairs...)
	}
	for field, pairs := range map[string][]string{
		"name": {"name", "", "issuer", "x", "subject", "y"}, "subject": {"name", "Z", "issuer", "x"}, "claim": {"name", "Z"}, "email": {"name", "Z", "email", "z", "issuer", "x", "subject", "y"},
		"manager": {"name", "Z", "manager", "nobody at all", "issuer", "x", "subject", "y"}, "value": {"name", "Z", "claim", "email"},
	} {
		if carol.Post("/people", pairs...).Want(t, http.StatusUnprocessableEntity).Text("#"+field+"-err") == "" {
			t.Errorf("%v: nothing is said at %s", pairs, field)
		}
	}
	if got := carol.Post("/people", "name", "Z", "claim", "name", "value", "z").Want(t, http.StatusUnprocessableEntity).Text("#claim-err"); !strings.Contains(got, "oidc_binding_claims") {
		t.Errorf("a claim that binds nobody: %q", got)
	}
	page := done(t, carol, touched(t, carol.Post("/people", form()...)))
	id := strings.TrimPrefix(page.Request.URL.Path, "/people/")
	for _, want := range []string{"Zoe Zimmer", "Finance", "this portal", "carol"} {
		if !strings.Contains(page.Text("main"), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	carol.Post("/people", form()...).Want(t, http.StatusUnprocessableEntity) // the subject is taken
	edit := carol.Get("/people/"+id+"/edit").Want(t, http.StatusOK)
	version := edit.Find("input[name=version]").AttrOr("value", "")
	done(t, carol, carol.Post("/people/"+id+"/edit", form("title", "Buyer", "guest", "yes", "version", version)...))
	carol.Post("/people/"+id+"/edit", form("version", version)...).Want(t, http.StatusConflict)
	w.Provider.SignInAs("zoe", map[string]any{"name": "Other name", "job_title": "Clerk", "department": "Ops"})
	zoe := &stinttest.Person{World: w, Client: w.Client(), ID: "zoe"}
	zoe.SignIn(map[string]any{"job_title": "Clerk", "department": "Ops"}).Want(t, http.StatusSeeOther)
	p := stinttest.Read(w, func(r *store.Reader) (pim.Principal, error) { return r.Principal(id) })
	if p.LastSeenAt.IsZero() || p.Department != "Finance" || p.Title != "Buyer" || !p.Guest || p.ManagerID != "carol" {
		t.Errorf("signed in: %+v", p)
	}
	if carol.Get("/people/"+id+"/edit").Find("#subject").Length() != 0 {
		t.Error("who they are at the provider is asked again")
	}
	carol.Get("/people/carol/edit").Want(t, http.StatusConflict) // the file's
	if got := carol.Get("/people?state=guests").Text("tbody"); !strings.Contains(got, "Zoe Zimmer") {
		t.Errorf("guests: %q", got)
	}
	if got := carol.Get("/people?q=finan").Text("tbody"); !strings.Contains(got, "Zoe Zimmer") {
		t.Errorf("by department: %q", got)
	}
}

// P-12: attributes follow the claims of a sign-in, and the page says so; a guest activates like anybody, and is marked.
func TestAttributesFromClaims(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol, alice := manager(w), w.Person("alice")
	alice.SignIn(map[string]any{"department": "Finance", "job_title": "Buyer", "manager": "carol", "acct": 1}).Want(t, http.StatusSeeOther)
	got := carol.Get("/people/alice").Text("main")
	for _, want := range []string{"Finance (from sign-in)", "Buyer (from sign-in)", "carol (from sign-in)", "Guest"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not say %q: %s", want, got)
		}
	}
	w.Role("reader", stinttest.Rules{NoPasskey: true})
	if a := w.Activation(alice.Activate(w.Eligible("alice", "reader", time.Time{}))); !a.State.Holds() {
		t.Errorf("a guest's activation is %s", a.State)
	}
	alice.SignIn().Want(t, http.StatusSeeOther) // absent is not empty
	p := stinttest.Read(w, func(r *store.Reader) (pim.Principal, error) { return r.Principal("alice") })
	if p.Department != "Finance" || !p.Guest {
		t.Errorf("without the claims: %+v", p)
	}
	alice.SignIn(map[string]any{"department": "x\u202ey", "acct": 0}).Want(t, http.StatusSeeOther)
	p = stinttest.Read(w, func(r *store.Reader) (pim.Principal, error) { return r.Principal("alice") })
	if p.Department != "Finance" || p.Guest {
		t.Errorf("with others: %+v", p)
	}
}

// P-11, K-26: removing somebody ends everything and leaves no assignment without a holder; whoever signs in as them
// afterwards is a stranger.
func TestRemovingAPerson(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol, alice := manager(w), w.Person("alice").Ready()
	entitlement := w.Role("reader", stinttest.Rules{})
	mine := alice.Activate(w.Eligible("alice", "reader", time.Time{}))
	w.Group("oncall", "alice")
	w.Tick()
	preview := carol.Get("/people/alice/remove").Want(t, http.StatusOK)
	if got := preview.Text("main"); !strings.Contains(got, "Their eligible assignment of reader on Production ends.") || !strings.Contains(got, "The file names them") {
		t.Errorf("the preview says %q", got)
	}
	carol.Get("/people/carol/remove").Want(t, http.StatusOK)
	if got := carol.Post("/people/carol/remove", "version", versionOf(w, "carol")).Want(t, http.StatusConflict).Text("main"); !strings.Contains(got, "Nobody removes themselves") {
		t.Errorf("oneself: %q", got)
	}
	done(t, carol, touched(t, carol.Post("/people/alice/remove", "version", preview.Find("input[name=version]").AttrOr("value", ""))))
	w.Tick()
	if a := w.Activation(mine); a.State != pim.PersonDisabled || w.Target.Holds(alice.Account, entitlement) {
		t.Errorf("after removing: %s, held %v", a.State, w.Target.Holds(alice.Account, entitlement))
	}
	carol.Get("/people/alice").Want(t, http.StatusNotFound)
	left := stinttest.Read(w, func(r *store.Reader) ([]pim.Assignment, error) { return r.AssignmentsOf("alice") })
	if len(left) != 0 || strings.Contains(carol.Get("/assignments").Want(t, http.StatusOK).Text("tbody"), "alice") { // K-26
		t.Errorf("assignments of somebody who is gone: %+v", left)
	}
	alice.Get("/my-roles").Want(t, http.StatusSeeOther)
	alice.SignIn().Want(t, http.StatusSeeOther)
	again := stinttest.Read(w, func(r *store.Reader) (pim.Principal, error) { return r.PrincipalBySubject(w.Provider.Issuer, "alice") })
	mineNow := stinttest.Read(w, func(r *store.Reader) ([]pim.Assignment, error) { return r.AssignmentsFor(again.ID, pim.Eligible) })
	if again.ID == "alice" || len(mineNow) != 0 {
		t.Errorf("a re-created account is %s with %v", again.ID, mineNow)
	}
}

func versionOf(w *stinttest.World, id string) string {
	p := stinttest.Read(w, func(r *store.Reader) (pim.Principal, error) { return r.Principal(id) })
	return strconv.FormatInt(p.Version, 10)
}
