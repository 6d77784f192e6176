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

// Invariant 4: what is ticked in a list gets another end, or goes, with one touch; each is judged alone.
func TestSeveralAssignments(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Role("dba", stinttest.Rules{Privileged: true})
	w.Role("backup", stinttest.Rules{})

	pick := []string{}
	for _, id := range []string{"alice", "bob", "erin"} {
		w.Person(id)
		role := map[string]string{"alice": "dba"}[id]
		if role == "" {
			role = "backup"
		}
		asg := w.Eligible(id, role, time.Time{})
		pick = append(pick, "pick", asg)

	}
	list := carol.Get("/assignments").Want(t, http.StatusOK)
	if list.Find("form#several").AttrOr("action", "") != "/assignments/several" || list.Find("input[name=pick][form=several]").Length() < 3 {
		t.Errorf("the list offers %q", list.Text("main"))
	}
	address := "/assignments/several?pick=" + pick[1] + "&pick=" + pick[3] + "&pick=" + pick[5]
	page := carol.Get(address).Want(t, http.StatusOK)
	if got := page.Text("main"); !strings.Contains(got, "3 assignments") || !strings.Contains(got, "alice") || !strings.Contains(got, "erin") {
		t.Errorf("the page says %q", got)
	}
	wrong := carol.Post("/assignments/several/end", append(pick, "end", "after", "end_after", "4000", "justification", "Quarter")...).Want(t, http.StatusUnprocessableEntity)
	if got := wrong.Text("#end-err"); !strings.Contains(got, "from 1 to 3650") || wrong.Find("#end-after[checked]").Length() != 1 {
		t.Errorf("too many days: %q", got)
	}
	terms := append(pick, "end", "after", "end_after", "30", "justification", "Quarter", "ticket_number", "CHG-7")
	results := done(t, carol, carol.Post("/assignments/several/end", terms...))
	if got := results.Text("main"); !strings.Contains(got, "3 of 3 assignments changed") {
		t.Errorf("the results say %q", got)
	}
	a := assigned(w, "alice", "dba")[0]
	if a.EndsAt.Sub(a.StartsAt) > 31*24*time.Hour || a.EndsAt.Sub(a.StartsAt) < 29*24*time.Hour || a.TicketNumber != "CHG-7" || a.Justification != "Quarter" || a.Kind != pim.Eligible {
		t.Errorf("%+v", a)
	}

	w.Do(func(tx *store.Tx) error { // gone meanwhile
		bob, err := tx.Assignment(pick[3])
		if err == nil {
			err = tx.EndAssignment(bob, false)
		}
		return err
	})
	later := carol.Post("/assignments/several/end", append(pick, "end", "after", "end_after", "60", "justification", "Longer")...)
	results = done(t, carol, touched(t, later)) // of a privileged role a later end is confirmed
	if got := results.Text("main"); !strings.Contains(got, "2 of 3 assignments changed") || !strings.Contains(got, "This assignment is over") {
		t.Errorf("the results say %q", got)
	}
	results = done(t, carol, carol.Post("/assignments/several/remove", append(pick, "remove_justification", "Left the team")...))
	if got := results.Text("main"); !strings.Contains(got, "2 of 3 assignments removed") || !strings.Contains(got, "over already") {
		t.Errorf("the results say %q", got)
	}
	if len(assigned(w, "alice", "dba"))+len(assigned(w, "erin", "backup")) != 0 {
		t.Error("still there")
	}
}

// Invariant 9, K-33: several at once are nobody's way around what they may not hand out.
func TestSeveralOfOthers(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	manager(w)
	olga, bob := w.Person("olga").Ready(), w.Person("bob").Ready()
	w.Owner("olga", stinttest.Production)
	w.Person("alice")
	w.Role("backup", stinttest.Rules{})
	w.Role("dba", stinttest.Rules{Privileged: true})
	backup, dba := w.Eligible("alice", "backup", time.Time{}), w.Eligible("alice", "dba", time.Time{})

	bob.Post("/assignments/several/remove", "pick", backup).Want(t, http.StatusNotFound)
	olga.Get("/assignments/several?pick="+backup+"&pick="+dba).Want(t, http.StatusNotFound)
	list := olga.Get("/assignments").Want(t, http.StatusOK)
	if list.Find("input[name=pick][value='"+backup+"']").Length() != 1 || list.Find("input[name=pick][value='"+dba+"']").Length() != 0 {
		t.Errorf("an owner may tick %q", list.Text("main"))
	}
	page := olga.Post("/assignments/several/remove", "pick", backup, "pick", dba)
	done(t, olga, page)
	if len(assigned(w, "alice", "backup")) != 0 || len(assigned(w, "alice", "dba")) != 1 {
		t.Error("an owner took away what they do not hand out")
	}
}

// an end is given as a number of days from the start, too; its bounds are those of any end.
func TestAnEndAfterSomeDays(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Person("alice")
	w.Role("backup", stinttest.Rules{})
	form := func(days string) []string {
		return []string{"role", "backup", "resource", stinttest.Production, "pick", "alice", "kind", "eligible", "start", "at", "start_at", "2026-12-24T08:00", "zone", "UTC", "end", "after", "end_after", days,
			"justification", "Holidays"}
	}
	for _, days := range []string{"", "0", "-3", "1.5", "3651", "x"} {
		if got := carol.Post("/assignments", form(days)...).Want(t, http.StatusUnprocessableEntity).Text("#end-err"); !strings.Contains(got, "from 1 to 3650") {
			t.Errorf("%q days: %q", days, got)
		}
	}
	if got := carol.Post("/assignments", form("3650")...).Want(t, http.StatusUnprocessableEntity).Text("#end-err"); !strings.Contains(got, "At most 365 days") {
		t.Errorf("ten years: %q", got)
	}
	done(t, carol, carol.Post("/assignments", form("30")...))
	a := assigned(w, "alice", "backup")[0]
	if want := time.Date(2027, 1, 23, 8, 0, 0, 0, time.UTC); !a.EndsAt.Equal(want) {
		t.Errorf("ends %s, want %s", a.EndsAt, want)
	}
}
