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

// admins makes people who administer now.
func admins(w *stinttest.World, ids ...string) (out []*stinttest.Person) {
	for _, id := range ids {
		p := w.Person(id)
		w.Administrator(id)
		out = append(out, p.Ready())
	}
	w.Advance(25 * time.Hour) // their passkeys count (T2)
	for _, p := range out {
		p.SignIn().Want(w, http.StatusSeeOther)
	}
	return out
}

func confirmOf(t *testing.T, page *stinttest.Page) string {
	t.Helper()
	action := page.Find("form[action$='/confirm']").AttrOr("action", "")
	if action == "" {
		t.Fatalf("nothing to confirm: %q", page.Text("main"))
	}
	return action
}

// T3: replacing lost passkeys takes two administrators, who are two other people; all is told, and the new passkey is new.
func TestRecoveryTakesTwoAdministrators(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	people := admins(w, "carol", "dave")
	carol, dave := people[0], people[1]
	alice := w.Person("alice").Ready()
	twin := w.Person("carol2")
	w.Administrator("carol2")
	twin.Ready()
	w.SamePerson("carol2", "carol")

	if got := carol.Post("/people/alice/recovery", "reason", " ").Want(t, http.StatusUnprocessableEntity).Text("#reason-err"); got == "" {
		t.Error("without a reason")
	}
	page := done(t, carol, touched(t, carol.Post("/people/alice/recovery", "reason", "Lost on the train")))
	if got := page.Text(".callout"); !strings.Contains(got, "carol asked to replace the passkeys of alice") || !strings.Contains(got, "Another administrator has to confirm") {
		t.Errorf("the page says %q", got)
	}
	if len(stinttest.Read(w, func(r *store.Reader) ([]pim.Credential, error) { return r.CredentialsOf("alice") })) != 1 {
		t.Fatal("asking alone took the passkey away")
	}
	confirm := confirmOf(t, dave.Get("/people/alice"))
	carol.Post("/people/alice/recovery", "reason", "Again").Want(t, http.StatusConflict)
	for _, p := range []*stinttest.Person{carol, twin} { // the same administrator, and a second account of the same
		if got := p.Post(confirm).Want(t, http.StatusForbidden).Text("main"); !strings.Contains(got, "A second administrator has to confirm it") {
			t.Errorf("%s: %q", p.ID, got)
		}
	}
	if got := carol.Post("/people/carol2/recovery", "reason", "Mine").Want(t, http.StatusForbidden).Text("main"); !strings.Contains(got, "another account of theirs") {
		t.Errorf("for oneself: %q", got)
	}
	shown := dave.Confirm(touched(t, dave.Post(confirm)).Location()).Want(t, http.StatusOK)
	code := shown.Text("#voucher")
	if len(code) < 20 {
		t.Fatalf("no voucher: %q", shown.Text("main"))
	}
	alice.Get("/my-roles").Want(t, http.StatusSeeOther) // her sessions are over
	dave.Post(confirm).Want(t, http.StatusConflict)     // once
	alice.SignIn().Want(t, http.StatusSeeOther)
	if got := alice.Get("/notices").Text("main"); !strings.Contains(got, "Your passkeys were removed as lost") {
		t.Errorf("alice is told %q", got)
	}
	if got := carol.Get("/notices").Text("main"); !strings.Contains(got, "dave confirmed it: the passkeys of alice were removed as lost") {
		t.Errorf("carol is told %q", got)
	}
	made := alice.Post("/passkeys/new", "name", "New", "voucher", code).Want(t, http.StatusSeeOther)
	alice.Confirm(made.Location()).Want(t, http.StatusSeeOther)
	w.Role("root", stinttest.Rules{Privileged: true})
	asg := w.Eligible("alice", "root", time.Time{})
	if page := alice.Ask(asg); page.StatusCode == http.StatusSeeOther && strings.HasPrefix(page.Location(), "/step-up/") { // T2
		if alice.Confirm(page.Location()).StatusCode == http.StatusSeeOther {
			t.Error("the new passkey counts at once for a privileged role")
		}
	}
	if e := w.Events(pim.EvRecoveryConfirmed); len(e) != 1 || e[0].Actor != "dave" || e[0].Facts["asked_by"] != "carol" {
		t.Errorf("events: %+v", e)
	}
	if e := w.Events(pim.EvRecoveryRefused); len(e) != 3 {
		t.Errorf("refusals: %+v", e)
	}
}

// T3: what waits for a second administrator ends after 24 hours, can be taken back, and needs a second one at all.
func TestRecoveryExpiresAndNeedsASecond(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	people := admins(w, "carol", "dave")
	carol, dave := people[0], people[1]
	w.Person("alice").Ready()
	w.Person("newcomer")
	if got := carol.Post("/people/newcomer/recovery", "reason", "Lost").Want(t, http.StatusConflict).Text("main"); !strings.Contains(got, "never had a passkey") {
		t.Errorf("somebody without a passkey: %q", got)
	}
	page := done(t, carol, carol.Post("/people/alice/recovery", "reason", "Lost"))
	done(t, carol, carol.Post(page.Find("form[action$='/cancel']").AttrOr("action", "")))
	done(t, carol, carol.Post("/people/alice/recovery", "reason", "Lost after all"))
	confirm := confirmOf(t, dave.Get("/people/alice"))
	w.Advance(24*time.Hour + time.Second)
	for _, p := range people {
		p.SignIn().Want(t, http.StatusSeeOther)
	}
	if got := dave.Post(confirm).Want(t, http.StatusConflict).Text("main"); !strings.Contains(got, "older than 24 hours") {
		t.Errorf("after a day: %q", got)
	}
	done(t, carol, carol.Post("/people/alice/recovery", "reason", "Once more"))
	w.DisablePerson("dave")
	done(t, carol, carol.Post(carol.Get("/people/alice").Find("form[action$='/cancel']").AttrOr("action", "")))
	if got := carol.Post("/people/alice/recovery", "reason", "Alone").Want(t, http.StatusConflict).Text("main"); !strings.Contains(got, "stint admin voucher --lost") {
		t.Errorf("alone: %q", got)
	}
}

// T10: linked accounts are one person for every approval; linking is refused where it would make one of one's own.
func TestLinkingPeople(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol, alice, bob := manager(w), w.Person("alice").Ready(), w.Person("bob").Ready()
	w.Person("erin").Ready()
	w.Role("dba", stinttest.Rules{Approvers: []string{"bob", "erin"}})
	asg := w.Eligible("alice", "dba", time.Time{})
	id := alice.Activate(asg)
	bob.Approve(id)
	w.Tick()
	if got := carol.Post("/people/alice/link", "other", "bob").Want(t, http.StatusConflict).Text("main"); !strings.Contains(got, "bob approved an activation of the other one") {
		t.Errorf("with an approval open: %q", got)
	}
	if got := carol.Post("/people/alice/link", "other", "alice").Want(t, http.StatusUnprocessableEntity).Text("[role=alert]"); got == "" {
		t.Error("with itself")
	}
	alice.Post("/activations/"+id+"/deactivate").Want(t, http.StatusSeeOther)
	w.Tick()
	id = alice.Activate(asg)
	page := done(t, carol, touched(t, carol.Post("/people/alice/link", "other", "bob")))
	if got := page.Text("main"); !strings.Contains(got, "bob@northwind.example") {
		t.Errorf("the page says %q", got)
	}
	if page := bob.Decide(id, "approve"); page.StatusCode == http.StatusSeeOther {
		t.Error("one account approves for the other")
	}
	if w.Activation(id).State != pim.PendingApproval {
		t.Errorf("state %s", w.Activation(id).State)
	}
	if got := alice.Get("/my-roles").Want(t, http.StatusOK).Text("main"); !strings.Contains(got, "dba") {
		t.Errorf("alice sees %q", got)
	}
	carol.Post("/people/bob/unlink").Want(t, http.StatusConflict) // something is open
	alice.Post("/activations/"+id+"/cancel", "justification", "Not needed").Want(t, http.StatusSeeOther)
	done(t, carol, touched(t, carol.Post("/people/alice/unlink")))
	if one := stinttest.Read(w, func(r *store.Reader) ([]pim.Principal, error) { return r.PeopleOf("alice") }); len(one) != 1 {
		t.Errorf("after unlinking: %v", one)
	}
	w.SamePerson("erin", "carol")
	if got := carol.Post("/people/erin/unlink").Want(t, http.StatusConflict).Text("main"); !strings.Contains(got, "Nobody unlinks their own accounts") {
		t.Errorf("one's own: %q", got)
	}
}
