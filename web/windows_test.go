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

// confirmed follows a request through its passkey to the activation's id.
func confirmed(p *stinttest.Person, page *stinttest.Page) string {
	p.World.Helper()
	page.Want(p, http.StatusSeeOther)
	if strings.HasPrefix(page.Location(), "/step-up/") {
		page = p.Confirm(page.Location()).Want(p, http.StatusSeeOther)
	}
	return strings.TrimPrefix(page.Location(), "/activations/")
}

// planned in the reader's zone, listed among what is coming, shown to the approver, started on time.
func TestPlannedStart(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Role("operator", stinttest.Rules{Approvers: []string{"bob"}})
	alice, bob := w.Person("alice"), w.Person("bob")
	assignment := w.Eligible("alice", "operator", time.Time{})
	alice.Ready()
	bob.Ready()
	alice.Post("/profile", "zone", "Europe/Berlin", "theme", "").Want(t, http.StatusSeeOther)
	form := alice.Get("/my-roles/"+assignment+"/activate").Want(t, http.StatusOK)
	if form.Find("input[type=datetime-local][name=start_at]").Length() != 1 || !strings.Contains(form.Text("#start-help"), "Europe/Berlin, at most 7 days ahead") {
		t.Errorf("the form says %q", form.Text("#start-help"))
	}
	at := stinttest.Epoch.Add(5 * time.Hour)
	berlin, err := time.LoadLocation("Europe/Berlin")
	w.OK(err)
	page := alice.Ask(assignment, "duration", "60", "justification", "Tonight's window", "start", "at", "start_at", at.In(berlin).Format("2006-01-02T15:04"), "zone", "Asia/Tokyo")
	page.Want(t, http.StatusSeeOther)
	if shown := alice.Get(page.Location()).Text("main"); !strings.Contains(shown, at.In(berlin).Format("15:04:05")) || !strings.Contains(shown, "from the start") {
		t.Errorf("the passkey's page says %q", shown)
	}
	id := confirmed(alice, page)
	if queue := bob.Get("/approvals").Text("#approvals"); !strings.Contains(queue, "starts "+at.Format("15:04")) {
		t.Errorf("the queue says %q", queue)
	}
	if asked := bob.Get("/approvals/" + id).Text("main"); !strings.Contains(asked, "counted from the start") {
		t.Errorf("the approver reads %q", asked)
	}
	bob.Approve(id)
	coming := alice.Get("/my-roles").Text("#a-" + id)
	if !strings.Contains(coming, "Scheduled") || !strings.Contains(coming, "starts "+at.In(berlin).Format("15:04")) {
		t.Errorf("what is coming: %q", coming)
	}
	if alice.Get("/my-roles").Find("#e-"+assignment).Length() != 1 {
		t.Error("the role cannot be activated before")
	}
	w.Advance(5 * time.Hour)
	if a := w.Activation(id); a.State != pim.ActiveConfirmed || !a.StartsAt.Equal(at) {
		t.Errorf("%s, started %v", a.State, a.StartsAt)
	}
}

// Starts that cannot be: the words are at the field, the values stay, and nothing is half done.
func TestStartField(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Role("operator", stinttest.Rules{})
	alice := w.Person("alice")
	assignment := w.Eligible("alice", "operator", time.Time{})
	alice.Ready()
	for name, c := range map[string]struct{ start, at, want string }{
		"past":                  {"at", "2020-01-01T10:00", "That start is past"},
		"in ten years":          {"at", "2036-11-22T09:00", "At most 7 days ahead for this role: no later than"},
		"nothing":               {"at", "", "Choose a day and a time"},
		"words":                 {"at", "tonight", "Choose a day and a time"},
		"full-width digits":     {"at", "２０２６-11-23T09:00", "Choose a day and a time"},
		"a time, but now":       {"now", "2026-11-23T09:00", "Now is chosen"},
		"a day that is none":    {"at", "2026-11-31T09:00", "Choose a day and a time"},
		"EC-32: in the gap":     {"at", "2027-03-28T02:30", "There is no 02:30 on 2027-03-28 in Europe/Berlin"},
		"a year of five digits": {"at", "99999-01-01T00:00", "Choose a day and a time"},
	} {
		page := alice.Ask(assignment, "duration", "60", "justification", "Tonight's window", "start", c.start, "start_at", c.at, "zone", "Europe/Berlin")
		if page.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page.Text("#start-err"), c.want) || page.Find("[name=start_at]").AttrOr("value", "") != c.at {
			t.Errorf("%s: %d %q, kept %q", name, page.StatusCode, page.Text("#start-err"), page.Find("[name=start_at]").AttrOr("value", ""))
		}
	}
	if n := len(w.Events(pim.EvActRequested)); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

// K-03: extended from its page, approved by somebody else as what it is; bad durations are refused in words.
func TestExtend(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Role("operator", stinttest.Rules{Max: 2 * time.Hour, Approvers: []string{"bob"}})
	alice, bob := w.Person("alice"), w.Person("bob")
	assignment := w.Eligible("alice", "operator", time.Time{})
	alice.Ready()
	bob.Ready()
	id := alice.Activate(assignment)
	bob.Approve(id)
	w.Tick()
	end := w.Activation(id).EndsAt
	if alice.Get("/activations/"+id).Find(`a[href="/activations/`+id+`/extend"]`).Length() != 1 {
		t.Error("no way to extend")
	}
	alice.Get("/activations/"+id+"/extend").Want(t, http.StatusOK)
	for duration, want := range map[string]string{"0": "Choose one of the durations", "-1": "Choose one of the durations", "121": "At most 2 h at a time", "999999999999999999": "Choose one of the durations", "６０": "Choose one of the durations"} {
		page := alice.Post("/activations/"+id+"/extensions", "duration", duration, "justification", "Not done yet")
		if page.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page.Text("#duration-err"), want) {
			t.Errorf("%s: %d %q", duration, page.StatusCode, page.Text("#duration-err"))
		}
	}
	confirmed(alice, alice.Post("/activations/"+id+"/extensions", "duration", "30", "justification", "Not done yet"))
	if a := w.Activation(id); !a.EndsAt.Equal(end) {
		t.Errorf("moved before it was approved: %v", a.EndsAt)
	}
	if body := alice.Get("/activations/" + id); !strings.Contains(body.Text("#activation"), "waits for an approver") || body.Find(`form[action$="/cancel"]`).Length() != 1 {
		t.Errorf("the page says %q", body.Text("#activation"))
	}
	queue := bob.Get("/approvals")
	href := queue.Find(`#approvals a[href^="/approvals/extensions/"]`).AttrOr("href", "")
	if !strings.Contains(queue.Text("#approvals"), "Extends a running activation") || href == "" {
		t.Fatalf("the queue says %q", queue.Text("#approvals"))
	}
	if asked := bob.Get(href).Text("main"); !strings.Contains(asked, "alice asks to extend operator") || !strings.Contains(asked, "30 min longer") {
		t.Errorf("the approver reads %q", asked)
	}
	bob.Post(href+"/decision", "decision", "perhaps", "justification", "x").Want(t, http.StatusUnprocessableEntity)
	bob.Post(href+"/decision", "decision", "approve", "justification", " ").Want(t, http.StatusUnprocessableEntity)
	bob.Confirm(bob.Post(href+"/decision", "decision", "approve", "justification", "It is planned work").Want(t, http.StatusSeeOther).Location()).Want(t, http.StatusSeeOther)
	if a := w.Activation(id); !a.EndsAt.Equal(end.Add(30 * time.Minute)) {
		t.Errorf("ends %v, want half an hour after %v", a.EndsAt, end)
	}
	if said := alice.Get("/activations/" + id).Text(".timeline"); !strings.Contains(said, "Extended by bob") {
		t.Errorf("the story says %q", said)
	}
	if said := bob.Get("/approvals/decided").Text("#decided"); !strings.Contains(said, "30 min longer") {
		t.Errorf("what bob decided: %q", said)
	}
	if said := bob.Get(href).Text("main"); !strings.Contains(said, "Already approved by you") {
		t.Errorf("decided: %q", said)
	}
}

// one or several resources below, each as an activation of its own; what is not below is refused at the field.
func TestChooseBelow(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Role("operator", stinttest.Rules{NoPasskey: true})
	w.Do(func(tx *store.Tx) error {
		for _, id := range []string{"ledger", "wages"} {
			ent := w.Target.AddEntitlement("cn=" + id)
			if err := tx.InsertResource(pim.Resource{ID: id, ParentID: stinttest.Production, Kind: "database", Name: strings.ToUpper(id), Source: pim.SourceFile}); err != nil {
				return err
			}
			if err := tx.SaveMeaning(pim.Meaning{RoleID: "operator", ResourceID: id, Name: "cn=" + id, EntitlementID: string(ent)}); err != nil {
				return err
			}
		}
		return nil
	})
	alice := w.Person("alice")
	assignment := w.Eligible("alice", "operator", time.Time{})
	alice.Ready()
	form := alice.Get("/my-roles/"+assignment+"/activate").Want(t, http.StatusOK)
	if form.Find("input[type=checkbox][name=pick]").Length() != 2 {
		t.Errorf("to choose from: %q", form.Text("#activate-form"))
	}
	for _, bad := range []string{stinttest.Northwind, "absent", "'; DROP TABLE resources"} {
		page := alice.Ask(assignment, "duration", "60", "justification", "Only there", "pick", bad)
		if page.StatusCode != http.StatusUnprocessableEntity || page.Text("#scope-err") == "" {
			t.Errorf("%s: %d %q", bad, page.StatusCode, page.Text("#scope-err"))
		}
	}
	page := alice.Ask(assignment, "duration", "60", "justification", "Only there", "pick", "ledger", "pick", "wages").Want(t, http.StatusSeeOther)
	if !strings.HasPrefix(page.Location(), "/results/") {
		t.Errorf("led to %s", page.Location())
	}
	open := stinttest.Read(w, func(r *store.Reader) ([]pim.Activation, error) { return r.OpenActivationsOf("alice") })
	if len(open) != 2 || open[0].ResourceID == open[1].ResourceID || open[0].ResourceID == stinttest.Production {
		t.Errorf("%+v", open)
	}
}
