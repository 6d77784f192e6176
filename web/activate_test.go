package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
)

// Every field of the activation form: empty, too long, no number, look-alikes, other people's ids. The
// words are at the field, the values are kept, and nothing is half done.
func TestActivationFields(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Role("operator", stinttest.Rules{Max: 4 * time.Hour, Ticket: true})
	alice, bob := w.Person("alice"), w.Person("bob")
	assignment := w.Eligible("alice", "operator", time.Time{})
	theirs := w.Eligible("bob", "operator", time.Time{})
	alice.Ready()
	bob.SignIn()

	reason, ticket := "Rotate the keys", "INC-1"
	for name, c := range map[string]struct {
		duration, other, reason, ticket, system string
		field                                   string
	}{
		"no duration":            {"", "", reason, ticket, "", "duration"},
		"duration not a number":  {"sixty", "", reason, ticket, "", "duration"},
		"duration of zero":       {"0", "", reason, ticket, "", "duration"},
		"negative duration":      {"-60", "", reason, ticket, "", "duration"},
		"duration with a point":  {"60.5", "", reason, ticket, "", "duration"},
		"Arabic-Indic digits":    {"٦٠", "", reason, ticket, "", "duration"},
		"duration too long":      {"300", "", reason, ticket, "", "duration"},
		"exponent":               {"1e2", "", reason, ticket, "", "duration"},
		"huge duration":          {"99999999999999999999", "", reason, ticket, "", "duration"},
		"other beyond maximum":   {"", "4:01", reason, ticket, "", "duration"},
		"other with odd minutes": {"", "1:75", reason, ticket, "", "duration"},
		"other ISO":              {"", "PT24H", reason, ticket, "", "duration"},
		"other nothing":          {"", "0:00", reason, ticket, "", "duration"},
		"no reason (EC-22)":      {"60", "", " \t\n", ticket, "", "justification"},
		"invisible reason":       {"60", "", "\u200b\u2060\u00a0", ticket, "", "justification"},
		"long reason":            {"60", "", strings.Repeat("x", 1001), ticket, "", "justification"},
		"no ticket (EC-21)":      {"60", "", reason, "", "Jira", "ticket_number"},
		"long ticket":            {"60", "", reason, strings.Repeat("9", 65), "", "ticket_number"},
		"long ticket system":     {"60", "", reason, ticket, strings.Repeat("9", 65), "ticket_system"},
	} {
		page := alice.Ask(assignment, "duration", c.duration, "other", c.other, "justification", c.reason, "ticket_number", c.ticket, "ticket_system", c.system)
		if page.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, page.StatusCode)
			continue
		}
		if page.Text("#"+c.field+"-err") == "" {
			t.Errorf("%s: nothing at %s; the form says %q", name, c.field, page.Text("form#activate-form"))
		}
		if page.Find("#ticket_number").AttrOr("value", "") != c.ticket {
			t.Errorf("%s: the ticket was not kept", name)
		}
	}
	if n := len(w.Events(pim.EvActRequested)); n != 0 {
		t.Errorf("%d requests were made", n)
	}
	both := alice.Ask(assignment, "duration", "600").Want(t, http.StatusUnprocessableEntity) // all at once
	for _, field := range []string{"duration", "justification", "ticket_number"} {
		if both.Text("#"+field+"-err") == "" {
			t.Errorf("not all at once: nothing at %s", field)
		}
	}
	alice.Ask(assignment, "other", "1h30m", "justification", reason, "ticket_number", ticket).Want(t, http.StatusSeeOther) // EC-21: no system needed

	absent := alice.Ask("nothing").Want(t, http.StatusNotFound)
	other := alice.Ask(theirs).Want(t, http.StatusNotFound)
	if absent.Text("h1") != other.Text("h1") || absent.Text(".mut") == "" {
		t.Error("another's assignment and an absent one differ")
	}
}

// the dry run follows the chosen duration, writes nothing, and needs no reason in the address.
func TestDryRun(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Role("operator", stinttest.Rules{Max: 2 * time.Hour})
	alice := w.Person("alice")
	assignment := w.Eligible("alice", "operator", stinttest.Epoch.Add(90*time.Minute))
	alice.Ready()
	before := w.Store.Head().Size
	for query, want := range map[string]string{
		"duration=60":                     "1 h is within the 2 h allowed",
		"duration=120":                    "Cut to 1 h 30 min", // EC-10
		"duration=&other=3:00":            "At most 2 h",
		"duration=&other=x":               "Write hours and minutes",
		"":                                "1 h is within the 2 h allowed",
		"justification=Repair+the+ledger": "Met: Reason",
	} {
		form, err := url.ParseQuery(query)
		w.OK(err)
		page := alice.Do(http.MethodPost, "/my-roles/"+assignment+"/checks", form, "HX-Request", "true", "Sec-Fetch-Site", "same-origin").Want(t, http.StatusOK)
		if got := page.Text("#activate-aside"); !strings.Contains(got, want) || strings.Contains(page.Body, "<form") {
			t.Errorf("%s: %q", query, got)
		}
	}
	if page := alice.Get("/my-roles/" + assignment + "/activate"); page.Find("li.no").Length() != 0 || !strings.Contains(page.Text("li.todo"), "Give a reason") {
		t.Errorf("an empty form is called wrong before anything was typed: %q", page.Text(".checks"))
	}
	if w.Store.Head().Size != before {
		t.Error("a dry run left an audit entry")
	}
}

// EC-04, EC-05: a second request while one is open is told so and led to it.
func TestOpenAlready(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, bob := w.Person("alice"), w.Person("bob")
	w.Role("operator", stinttest.Rules{NoPasskey: true})
	w.Role("dba", stinttest.Rules{NoPasskey: true, Approvers: []string{"bob"}})
	operator, dba := w.Eligible("alice", "operator", time.Time{}), w.Eligible("alice", "dba", time.Time{})
	alice.SignIn()
	bob.SignIn()
	for _, assignment := range []string{operator, dba} {
		id := alice.Activate(assignment)
		page := alice.Ask(assignment).Want(t, http.StatusConflict)
		if page.Find(`a[href="/activations/`+id+`"]`).Length() == 0 {
			t.Errorf("%s: the page does not lead to the open one: %q", assignment, page.Text("main"))
		}
	}
	if rows := alice.Get("/my-roles").Find(`tr[id^="e-"]`).Length(); rows != 0 {
		t.Errorf("%d eligible rows beside the open ones", rows)
	}
	w.Tick()
	alice.Post("/activations/nothing/deactivate").Want(t, http.StatusNotFound)
}

// K-09, P-07: one list of what is one's own and what comes through groups; favourites come first; the last reason and duration are offered again; search and filter narrow the list.
func TestMyRoles(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	w.Role("alpha", stinttest.Rules{NoPasskey: true})
	w.Role("beta", stinttest.Rules{NoPasskey: true})
	w.Role("gamma", stinttest.Rules{NoPasskey: true, Max: 3 * time.Hour})
	w.Group("sre", "alice")
	w.Eligible("alice", "alpha", time.Time{})
	w.Eligible("sre", "beta", time.Time{})
	gamma := w.Eligible("alice", "gamma", time.Time{})
	alice.SignIn()

	order := func(path string) string {
		var names []string
		alice.Get(path).Find(`tr[id] th b`).Each(func(_ int, s *goquerySelection) { names = append(names, strings.TrimSpace(s.Text())) })
		return strings.Join(names, " ")
	}
	if got := order("/my-roles"); got != "alpha beta gamma" {
		t.Errorf("by name: %q", got)
	}
	alice.Post("/my-roles/"+gamma+"/favourite", "favourite", "yes").Want(t, http.StatusSeeOther)
	if got := order("/my-roles"); got != "gamma alpha beta" {
		t.Errorf("with a favourite: %q", got)
	}
	alice.Post("/my-roles/"+gamma+"/favourite", "favourite", "no").Want(t, http.StatusSeeOther)
	if got := alice.Get("/my-roles").Text("#e-sre-beta"); !strings.Contains(got, "through sre") {
		t.Errorf("a group's eligibility says %q", got)
	}

	id := alice.Activate(gamma, "other", "1:10", "justification", "Rotate the keys")
	if got := order("/my-roles?state=active"); got != "gamma" {
		t.Errorf("active: %q", got)
	}
	if got := order("/my-roles?state=eligible&q=ALPH"); got != "alpha" {
		t.Errorf("search: %q", got)
	}
	if got := order("/my-roles?q=production+bet"); got != "beta" {
		t.Errorf("search by scope and name: %q", got)
	}
	if got := alice.Get("/my-roles?q=%3Cscript%3E").Want(t, http.StatusOK); !strings.Contains(got.Text(".empty"), "<script>") || got.Find("#my-roles script").Length() > 0 {
		t.Error("a search for markup is not repeated as text")
	}
	pill := alice.Get("/profile").Text(".live")
	if !strings.Contains(pill, "1 active") || !strings.Contains(pill, "1 h 10 min") {
		t.Errorf("the pill says %q", pill)
	}

	alice.Post("/activations/"+id+"/deactivate").Want(t, http.StatusSeeOther)
	w.Tick()
	w.Tick()
	form := alice.Get("/my-roles/" + gamma + "/activate")
	if got := form.Text(".last"); !strings.Contains(got, "Rotate the keys") || !strings.Contains(got, "1 h 10 min") {
		t.Errorf("the last use is offered as %q", got)
	}
	again := alice.Get("/my-roles/" + gamma + "/activate?again=1")
	if again.Text("#justification") != "Rotate the keys" || again.Find("input[name=other]").AttrOr("value", "") != "1:10" {
		t.Errorf("again: %q", again.Text("#activate-form"))
	}
}

// A role whose account is missing or not confirmed says so in the list, before the form.
func TestBlockedRole(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	w.Role("operator", stinttest.Rules{Privileged: true})
	alice := w.Person("alice")
	w.Eligible("alice", "operator", time.Time{})
	w.ForgetAccount("alice")
	alice.SignIn()
	if got := alice.Get("/my-roles").Text(`tr[id^="e-"]`); !strings.Contains(got, "No account is known at Directory") {
		t.Errorf("the row says %q", got)
	}
	alice.Ask("alice-operator").Want(t, http.StatusForbidden)
}

// My requests go on page by page, each request once.
func TestMyRequestsPages(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	w.Role("operator", stinttest.Rules{NoPasskey: true})
	assignment := w.Eligible("alice", "operator", time.Time{})
	alice.SignIn()
	for range 60 {
		id := alice.Activate(assignment)
		alice.Post("/activations/"+id+"/deactivate").Want(t, http.StatusSeeOther)
	}
	seen := map[string]int{}
	path := "/my-requests?state=over"
	pages := 0
	for path != "" {
		page := alice.Get(path).Want(t, http.StatusOK)
		page.Find("tbody th a").Each(func(_ int, s *goquerySelection) { seen[s.AttrOr("href", "")]++ })
		path = page.Find(".pager a:last-child").AttrOr("href", "")
		if pages++; pages > 2 || !strings.Contains(path, "cursor=") {
			break
		}
	}
	if len(seen) != 60 || pages != 2 {
		t.Errorf("%d requests on %d pages", len(seen), pages)
	}
	for _, bad := range []string{"x", "AAAA", "%00", "AAAAAAAAAAA=", strings.Repeat("A", 200)} {
		alice.Get("/my-requests?cursor="+bad).Want(t, http.StatusBadRequest)
	}
	if rows := alice.Get("/my-requests?state=open").Find("tbody tr").Length(); rows != 0 {
		t.Errorf("%d open requests", rows)
	}
}

// The profile's zone moves every time on the page; nonsense is refused at its field.
func TestProfile(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice := w.Person("alice")
	alice.SignIn()
	alice.Post("/profile", "zone", "Europe/Berlin", "theme", "dark").Want(t, http.StatusSeeOther)
	page := alice.Get("/profile")
	if page.Find("html").AttrOr("data-zone", "") != "Europe/Berlin" || page.Find("html").AttrOr("data-theme", "") != "dark" || page.Text(".toast") != "Saved.Dismiss" && !strings.Contains(page.Text(".toast"), "Saved.") {
		t.Errorf("profile: %v %q", page.Find("html").Nodes, page.Text(".toast"))
	}
	if again := alice.Get("/profile"); again.Find(".toast").Length() != 0 {
		t.Error("the sentence is said twice")
	}
	for _, zone := range []string{"Europe/Berln", "Local", "../../etc/passwd", "/etc/passwd", strings.Repeat("A", 300), "Europe/Berlin\x00"} {
		if got := alice.Post("/profile", "zone", zone, "theme", ""); got.StatusCode != 422 || got.Text("#zone-err") == "" {
			t.Errorf("zone %.20q: %d", zone, got.StatusCode)
		}
	}
	alice.Post("/profile", "zone", "", "theme", "neon").Want(t, http.StatusUnprocessableEntity)
	alice.Get("/profile").Find("input").Each(func(_ int, s *goquerySelection) {
		if s.AttrOr("name", "") == "zone" && s.AttrOr("value", "") != "Europe/Berlin" {
			t.Errorf("the zone is %q", s.AttrOr("value", ""))
		}
	})
}

// What the pages keep in memory follows a change of the definitions at once.
func TestDefinitionsAreFresh(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	alice, bob := w.Person("alice"), w.Person("bob")
	w.Role("operator", stinttest.Rules{NoPasskey: true, Max: 2 * time.Hour})
	assignment := w.Eligible("alice", "operator", time.Time{})
	alice.SignIn()
	bob.SignIn()
	if got := alice.Get("/my-roles").Text("#e-" + assignment); !strings.Contains(got, "2 h") || strings.Contains(got, "approval") {
		t.Errorf("before: %q", got)
	}
	bob.Get("/approvals").Want(t, http.StatusNotFound)
	w.Rules("operator", stinttest.Rules{NoPasskey: true, Max: 3 * time.Hour, Approvers: []string{"bob"}})
	if got := alice.Get("/my-roles").Text("#e-" + assignment); !strings.Contains(got, "3 h") || !strings.Contains(got, "approval") {
		t.Errorf("after: %q", got)
	}
	bob.Get("/approvals").Want(t, http.StatusOK)
	w.Rules("operator", stinttest.Rules{NoPasskey: true})
	bob.Get("/approvals").Want(t, http.StatusNotFound)
}
