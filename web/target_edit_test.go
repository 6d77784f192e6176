package web_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
	"stint/views"
)

const canary = "canary-credential-5Qx"

// connect sends the form of a new fake target that needs a credential.
func connect(w *stinttest.World, p *stinttest.Person, more ...string) *stinttest.Page {
	form := append([]string{"kind", faketarget.Kind, "s-name", w.Target.Settings()["name"], "may_write", "*"}, more...)
	return p.Post("/targets", form...)
}

// Adding a target: refused by field, tried before it is saved, confirmed with a passkey; a credential is never seen
// again anywhere (T28).
func TestConnectTarget(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Target.AddEntitlement("ops")
	if got := carol.Get("/targets/new").Want(t, http.StatusOK); got.Find(`a[href="/targets/new?kind=`+faketarget.Kind+`"]`).Length() != 1 {
		t.Errorf("kinds: %s", got.Text("main"))
	}
	before := len(w.Events(pim.EvTargetSaved))
	for field, more := range map[string][]string{"name": {"name", "", "may_write", "*"}, "secret": {"name", "New", "s-address", "ldap.example", "may_write", "*"},
		"may_write": {"name", "New", "may_write", " "}} {
		page := carol.Post("/targets", append([]string{"kind", faketarget.Kind, "s-name", "x"}, more...)...).Want(t, http.StatusUnprocessableEntity)
		if page.Find("#"+field+"-err").Length() != 1 {
			t.Errorf("%s: no word at the field: %s", field, page.Text(".err"))
		}
	}
	tried := connect(w, carol, "name", "Branch", "s-address", "ldap.example", "secret", canary, "do", "test").Want(t, http.StatusOK)
	if got := tried.Text(".callout.ok"); !strings.Contains(got, "can be read: 1; accounts: 1") || !strings.Contains(got, "ops") {
		t.Errorf("tried: %q", got)
	}
	if n := len(w.Events(pim.EvTargetSaved)) - before; n != 0 {
		t.Errorf("a try saved %d targets", n)
	}
	step := connect(w, carol, "name", "Branch", "s-address", "ldap.example", "secret", canary, "do", "save").Want(t, http.StatusSeeOther)
	touch := carol.Get(step.Location())
	if got := touch.Text("main"); !strings.Contains(got, "Connect Branch") || !strings.Contains(got, "ldap.example") {
		t.Errorf("the touch: %s", got)
	}
	done := carol.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	id := strings.TrimSuffix(strings.TrimPrefix(done.Location(), "/targets/"), "/browse")
	seen := tried.Body + touch.Body + w.Log.String()
	for _, path := range []string{"/targets", "/targets/" + id, "/targets/" + id + "/edit", "/targets/" + id + "/browse", "/audit", "/resources"} {
		seen += carol.Get(path).Want(t, http.StatusOK).Body
	}
	file, err := broker.Export(context.Background(), w.Store)
	w.OK(err)
	for _, e := range w.Events("") {
		seen += string(e.Leaf) + strings.Join(values(e.Texts), " ")
	}
	if seen += string(file); strings.Contains(seen, canary) {
		t.Error("the credential is seen again")
	}
	if w.Path != "" {
		for _, name := range []string{w.Path, w.Path + "-wal"} {
			if b, err := os.ReadFile(name); err == nil && strings.Contains(string(b), canary) {
				t.Errorf("%s holds the credential", name)
			}
		}
	}
}

func values(m map[string]string) (out []string) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// T28: a kept credential goes only where it was entered for: whoever changes that enters it again, for a try too.
func TestKeptCredentialStaysWhereItWasEnteredFor(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	step := connect(w, carol, "name", "Branch", "s-address", "ldap.example", "secret", canary).Want(t, http.StatusSeeOther)
	done := carol.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	path := strings.TrimSuffix(done.Location(), "/browse")
	edit := func(more ...string) *stinttest.Page {
		form := []string{"name", "Branch", "s-name", w.Target.Settings()["name"], "may_write", "*"}
		return carol.Post(path, append(form, more...)...)
	}
	for _, do := range []string{"test", "save"} {
		page := edit("s-address", "evil.example", "do", do).Want(t, http.StatusUnprocessableEntity)
		if !strings.Contains(page.Text("#secret-err"), "again") {
			t.Errorf("%s at another address: %s", do, page.Text(".err"))
		}
	}
	if got := edit("s-address", "ldap.example", "s-base", "dc=x", "do", "test").Want(t, http.StatusOK).Text(".callout.ok"); !strings.Contains(got, "It answers") {
		t.Errorf("a try with the kept one where it belongs: %q", got)
	}
	step = edit("s-address", "evil.example", "secret", "another").Want(t, http.StatusSeeOther)
	carol.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	if got := carol.Get(path + "/edit").Text("main"); strings.Contains(got, "another") || !strings.Contains(got, "One is kept") {
		t.Errorf("the form: %s", got)
	}
	w.Target.Misbehave(faketarget.Faults{Down: true})
	if got := edit("s-address", "evil.example", "do", "test").Want(t, http.StatusOK).Text(".callout.bad"); !strings.Contains(got, "down") {
		t.Errorf("a target that is down: %q", got)
	}
}

// Browsing marks what is here already and what may not be given; what is picked becomes resources and roles with one
// touch, each refused alone.
func TestBringIn(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Role("dba", stinttest.Rules{})
	ops, guarded := w.Target.AddEntitlement("ops"), w.Target.AddEntitlement("protected")
	known := w.Target.AddEntitlement("known")
	w.Do(func(tx *store.Tx) error {
		return tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: stinttest.Production, Name: "known", EntitlementID: string(known)})
	})
	page := carol.Get("/targets/dir/browse").Want(t, http.StatusOK)
	if page.Find(`input[name=pick][value="`+string(ops)+`"]`).Length() != 1 || page.Find(`input[name=pick][value="`+string(known)+`"]`).Length() != 0 ||
		page.Find(`input[name=pick][value="`+string(guarded)+`"]`).Length() != 0 {
		t.Errorf("to choose from: %s", page.Text("tbody"))
	}
	if got := page.Text("tbody"); !strings.Contains(got, "dba on Production") || !strings.Contains(got, "protected") {
		t.Errorf("marks: %s", got)
	}
	if got := carol.Get("/targets/dir/browse?q=op").Want(t, http.StatusOK).Find("tbody tr").Length(); got != 1 {
		t.Errorf("a search finds %d", got)
	}
	carol.Post("/targets/dir/browse", "below", stinttest.Northwind).Want(t, http.StatusUnprocessableEntity)
	carol.Post("/targets/dir/browse", "below", pim.StintResource, "pick", string(ops)).Want(t, http.StatusUnprocessableEntity)
	step := carol.Post("/targets/dir/browse", "below", stinttest.Northwind, "privileged", "yes", "pick", string(ops), "pick", string(guarded), "pick", string(known)).Want(t, http.StatusSeeOther)
	if got := carol.Get(step.Location()).Text("main"); !strings.Contains(got, "ops becomes a resource with the role Member of ops") || !strings.Contains(got, "Left out: known") {
		t.Errorf("the touch: %s", got)
	}
	done := carol.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	results := carol.Get(done.Location()).Want(t, http.StatusOK)
	if got := results.Text("main"); !strings.Contains(got, "1 of 3 entries brought in") || !strings.Contains(got, "dba on Production") {
		t.Errorf("results: %s", got)
	}
	meaning := stinttest.Read(w, func(r *store.Reader) ([]pim.Meaning, error) { return r.MeaningsOf([]string{string(ops)}) })
	if len(meaning) != 1 || meaning[0].Name != "ops" {
		t.Fatalf("meanings: %+v", meaning)
	}
	role := stinttest.Read(w, func(r *store.Reader) (pim.RoleDefinition, error) { return r.Role(meaning[0].RoleID) })
	if role.Name != "Member of ops" || !role.Privileged {
		t.Errorf("role: %+v", role)
	}
	if got := carol.Post("/targets/dir/browse", "below", stinttest.Northwind, "pick", string(ops)).Want(t, http.StatusUnprocessableEntity).Text(".callout.bad"); !strings.Contains(got, "here already") {
		t.Errorf("a second time: %q", got)
	}
	alice := w.Person("alice").Ready()
	w.Do(func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: "a-ops", PrincipalID: "alice", RoleID: role.ID, ResourceID: meaning[0].ResourceID, Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceBrowser})
	})
	alice.Activate("a-ops")
	w.Tick()
	if !w.Target.Holds(alice.Account, ops) {
		t.Error("what was brought in gives nothing")
	}
	w.Target.Misbehave(faketarget.Faults{Down: true})
	if got := carol.Get("/targets/dir/browse").Want(t, http.StatusOK).Text(".callout.bad"); !strings.Contains(got, "down") {
		t.Errorf("a target that is down: %q", got)
	}
}

// a group's members and owners are chosen each for itself, in one step or later, and stand on one resource. Roles of
// owners are suggested as privileged. A group without owners says why.
func TestBringInOwners(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	ops, flat, wiki := w.Target.AddEntitlement("ops"), w.Target.AddEntitlement("flat"), w.Target.AddEntitlement("wiki")
	page := carol.Get("/targets/dir/browse").Want(t, http.StatusOK)
	if page.Find(`input[name=pick][value="`+string(connector.OwnersOf(ops))+`"]`).Length() != 1 || page.Find(`input[name=pick][value="`+string(connector.OwnersOf(flat))+`"]`).Length() != 0 {
		t.Errorf("owners to choose: %s", page.Text("tbody"))
	}
	if got := page.Text("tbody"); !strings.Contains(got, "No owners: a flat group has none.") {
		t.Errorf("a group without owners: %s", got)
	}
	if page.Find("input[name=privileged_owners][checked]").Length() != 1 {
		t.Error("the roles of owners are not suggested as privileged")
	}
	bring := func(pairs ...string) *stinttest.Page {
		step := carol.Post("/targets/dir/browse", append([]string{"below", stinttest.Northwind}, pairs...)...).Want(t, http.StatusSeeOther)
		said := carol.Get(step.Location())
		carol.Confirm(step.Location()).Want(t, http.StatusSeeOther)
		return said
	}
	said := bring("pick", string(ops), "pick", string(connector.OwnersOf(ops)), "pick", string(connector.OwnersOf(flat)), "privileged_owners", "yes").Text("main")
	for _, want := range []string{"ops becomes a resource with the role Member of ops", "ops, which is a resource already, gets the role Owner of ops",
		"Whoever owns a group decides at the target", "The roles of owners are privileged", "a flat group has none"} {
		if !strings.Contains(said, want) {
			t.Errorf("the touch does not say %q: %s", want, said)
		}
	}
	bring("pick", string(wiki))
	bring("pick", string(connector.OwnersOf(wiki)))
	for _, group := range []connector.EntitlementID{ops, wiki} {
		means := stinttest.Read(w, func(r *store.Reader) ([]pim.Meaning, error) {
			return r.MeaningsOf([]string{string(group), string(connector.OwnersOf(group))})
		})
		if len(means) != 2 || means[0].ResourceID != means[1].ResourceID {
			t.Fatalf("meanings of %s: %+v", group, means)
		}
		for _, m := range means {
			role := stinttest.Read(w, func(r *store.Reader) (pim.RoleDefinition, error) { return r.Role(m.RoleID) })
			if role.Privileged != (group == ops && m.Relation == pim.Owner) {
				t.Errorf("%s: privileged %v", role.Name, role.Privileged)
			}
			note := carol.Get("/roles/"+role.ID+"/meaning").Want(t, http.StatusOK).Text("main")
			if strings.Contains(note, views.OwnersNote) != (m.Relation == pim.Owner) {
				t.Errorf("%s: %s", role.Name, note)
			}
		}
	}
}

// A target at which something is held, or to which resources belong, stays; then it goes with its credential.
func TestRetireTarget(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	page := carol.Get("/targets/dir/retire").Want(t, http.StatusOK)
	if got := page.Text(".callout.bad"); !strings.Contains(got, "Northwind") {
		t.Errorf("a target with resources: %q", got)
	}
	w.Role("dba", stinttest.Rules{})
	alice := w.Person("alice").Ready()
	alice.Activate(w.Eligible("alice", "dba", time.Time{}))
	w.Tick()
	if got := carol.Get("/targets/dir/retire").Text(".callout.bad"); !strings.Contains(got, "1 grants are held") {
		t.Errorf("a target at which something is held: %q", got)
	}
	carol.Post("/targets/dir/retire").Want(t, http.StatusConflict)
	w.Advance(9 * time.Hour)
	w.Tick()
	carol.SignIn()
	w.Do(func(tx *store.Tx) error {
		r, err := tx.Resource(stinttest.Northwind)
		if err != nil {
			return err
		}
		r.TargetID = ""
		return tx.UpdateResource(r)
	})
	name := carol.Get("/targets/dir/retire").Text("#typed-help")
	carol.Post("/targets/dir/retire", "typed", "dir ectory").Want(t, http.StatusUnprocessableEntity) // T21
	step := carol.Post("/targets/dir/retire", "typed", strings.TrimPrefix(name, "Exactly: ")).Want(t, http.StatusSeeOther)
	carol.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	carol.Get("/targets/dir").Want(t, http.StatusNotFound)
	carol.Get("/targets/"+pim.StintTarget+"/edit").Want(t, http.StatusForbidden)
}
