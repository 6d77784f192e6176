package web_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// sinks is everything that is kept of a world, or handed out by it to read on elsewhere, by name; a test looks there for
// what must be in none of it.
func sinks(t *testing.T, w *stinttest.World, people []string, export func(path string) string) map[string]string {
	t.Helper()
	file, err := broker.Export(t.Context(), w.Store)
	w.OK(err)
	out := map[string]string{"the log": w.Log.String(), "stint export": string(file)}
	for _, path := range []string{"/assignments/export", "/roles/root/members/export"} {
		out[path] = export(path)
	}
	for i, e := range stinttest.Read(w, func(r *store.Reader) ([]store.EntryRow, error) { return r.Entries(store.EntryFilter{Limit: 1000}) }) {
		out[fmt.Sprint("entry ", i, " ", e.Type)] = string(e.Leaf) + fmt.Sprint(e.Texts)
	}
	for _, id := range people {
		out["notices of "+id] = fmt.Sprintf("%+v", stinttest.Read(w, func(r *store.Reader) ([]store.Notice, error) { return r.Notices(id, store.Keyset{}, 100) }))
	}
	for _, name := range []string{w.Path, w.Path + "-wal"} { // there is none on PostgreSQL
		if raw, err := os.ReadFile(name); err == nil {
			out["the database file "+name[len(name)-3:]] = string(raw)
		}
	}
	return out
}

// T1, T28: through a real journey no secret of it is kept, logged, exported or told: the codes and tokens of the provider,
// sessions, vouchers, those of a recovery, what the browser of a link holds, and the credential of a target, refused or not.
func TestSecretsThroughAJourney(t *testing.T) {
	t.Parallel()
	w := newRefreshing(t)
	carol, dave, alice := manager(w), w.Person("dave").Ready(), w.Person("alice").Ready()
	w.Administrator("dave")
	w.Advance(25 * time.Hour)
	secrets := map[string]string{"the credential": canary}
	session := func(p *stinttest.Person) {
		if c := p.Cookie("stint"); c != "" {
			secrets[fmt.Sprint("a session of ", p.ID, len(secrets))] = c
		}
	}
	for _, p := range []*stinttest.Person{carol, dave, alice} {
		p.SignIn(map[string]any{"groups": []string{"staff"}})
		session(p)
	}
	w.Role("root", stinttest.Rules{Privileged: true})
	asg := w.Eligible("alice", "root", time.Time{})
	act := alice.Activate(asg)
	session(alice) // a touch gives another one
	w.Tick()
	alice.Post("/activations/" + act + "/deactivate")

	connect(w, carol, "name", "", "s-address", "ldap.example", "secret", canary, "do", "save")
	carol.Confirm(connect(w, carol, "name", "Branch", "s-address", "ldap.example", "secret", canary).Want(t, http.StatusSeeOther).Location())
	step := carol.Post("/people/alice/recovery", "reason", "Lost on a train").Want(t, http.StatusSeeOther)
	carol.Confirm(step.Location()).Want(t, http.StatusSeeOther)
	shown := dave.Confirm(touched(t, dave.Post(confirmOf(t, dave.Get("/people/alice")))).Location()).Want(t, http.StatusOK)
	secrets["the voucher of a recovery"] = shown.Text("#voucher")
	alice.SignIn().Want(t, http.StatusSeeOther)
	session(alice)
	alice.Post("/passkeys/new", "name", "New", "voucher", secrets["the voucher of a recovery"]+"x").Want(t, http.StatusUnprocessableEntity)
	made := alice.Post("/passkeys/new", "name", "New", "voucher", secrets["the voucher of a recovery"]).Want(t, http.StatusSeeOther)
	alice.Confirm(made.Location()).Want(t, http.StatusSeeOther)
	w.Person("eve").SignIn()
	voucher := carol.Confirm(carol.Post("/people/eve/voucher").Want(t, http.StatusSeeOther).Location())
	secrets["a voucher"] = voucher.Text("#voucher")
	w.Advance(20 * time.Minute)
	dave.Get("/my-roles") // the provider is asked again
	for i, s := range w.Provider.Issued() {
		secrets[fmt.Sprint("code or token ", i)] = s
	}

	shownAgain := func(text string) bool { return strings.Contains(text, "Lost on a train") } // the reason, which is no secret
	found := 0
	pages := sinks(t, w, []string{"carol", "dave", "alice", "eve"}, func(path string) string { return carol.Post(path).Want(t, http.StatusOK).Body })
	for _, path := range []string{"/audit", "/targets", "/people/alice", "/people/alice/access", "/people/eve/access", "/notices", "/sessions", "/no-such-page", "/activations/" + act} {
		pages["the page "+path] = carol.Get(path).Body
	}
	for what, secret := range secrets {
		if len(secret) < 10 {
			t.Fatalf("%s is %q: nothing to look for", what, secret)
		}
		for where, text := range pages {
			if strings.Contains(text, secret) {
				t.Errorf("%s stands in %s", what, where)
			}
		}
	}
	types := map[string]bool{}
	for where, text := range pages {
		if shownAgain(text) {
			found++
		}
		types[where[strings.LastIndex(where, " ")+1:]] = true
	}
	for _, want := range []pim.EventType{pim.EvRecoveryConfirmed, pim.EvVoucherIssued, pim.EvCredentialAdded, pim.EvTargetSaved, pim.EvActEnded} {
		if !types[string(want)] {
			t.Errorf("the journey did not come to %s", want)
		}
	}
	if found < 2 {
		t.Errorf("what is no secret stands in %d places: the test looks at nothing", found)
	}
	if len(secrets) < 20 {
		t.Errorf("only %d secrets were looked for", len(secrets))
	}
}
