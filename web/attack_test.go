package web_test

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
	"stint/web"
)

// T10, T21: an administrator's own sign-in shows a value; they do not feed a group that has a privileged role by it.
func TestAttackOwnClaim(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Person("dan").Ready()
	w.Administrator("dan")
	w.Advance(pim.Quarantine)
	carol.SignIn(map[string]any{"groups": []string{"staff", "night-shift"}})
	w.Group("ops")
	w.Role("root", stinttest.Rules{Privileged: true})
	w.Eligible("ops", "root", time.Time{})
	page := carol.Post("/groups/ops", "version", "1", "name", "ops", "claim", "night-shift").Want(t, http.StatusForbidden)
	if !strings.Contains(page.Text("main"), "let yourself into a group") {
		t.Errorf("the page says %s", page.Text("main"))
	}
	carol.Post("/groups/ops", "version", "1", "name", "ops", "claim", "day-shift").Want(t, http.StatusSeeOther)
}

// T10, T21: nor by what a directory says of them, which they named themselves; others come in by it.
func TestAttackOwnDirectoryGroup(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Person("dan").Ready()
	w.Administrator("dan")
	w.Advance(pim.Quarantine)
	carol.SignIn()
	w.Group("ops")
	w.Role("root", stinttest.Rules{Privileged: true})
	w.Eligible("ops", "root", time.Time{})
	ent := w.Target.AddEntitlement("cn=ops")
	var people []connector.PersonEntry
	for _, who := range []string{"carol", "dora"} {
		account := w.Target.AddAccount("at-" + who)
		people = append(people, faketarget.Someone(string(account), "sub", who, "cn", who))
		w.Target.Put(account, ent)
	}
	w.Target.SetPeople(slices.Values(people))
	saved := carol.Post("/sync/dir", "version", "", "filter", "(objectClass=person)", "match", "sub", "issuer", w.Provider.Issuer, "name", "cn", "every", "6", "share", "10",
		"groups", "ops = cn=ops").Want(t, http.StatusSeeOther)
	carol.Confirm(saved.Location()).Want(t, http.StatusSeeOther)
	if n := len(w.Events(pim.EvSettingsLoosened)); n != 1 {
		t.Errorf("%d events say that people come in whom nobody named", n)
	}
	for _, what := range []string{"preview", "run"} {
		w.Advance(time.Minute)
		carol.Post("/sync/dir/"+what).Want(t, http.StatusSeeOther)
		w.OK(w.Broker.SyncDue(t.Context()))
	}
	members := stinttest.Read(w, func(r *store.Reader) ([]store.Member, error) {
		list, _, err := r.MembersIn("ops", store.PrincipalPage{Limit: 10})
		return list, err
	})
	if len(members) != 1 || members[0].Name != "dora" {
		t.Errorf("in the group: %+v", members)
	}
	runs := stinttest.Read(w, func(r *store.Reader) ([]store.SyncRun, error) { return r.SyncRuns(stinttest.Directory, 1) })
	if text := runs[0].Message; !strings.Contains(text, "carol does not join ops") {
		t.Errorf("the run does not say so: %s", text)
	}
}

// hostile are values that nobody's browser sends.
var hostile = []string{"\x00", "a\x00b", "\xff\xfe", "%", "_", "'\"--;", strings.Repeat("x", 8000), "\u202e\u2066", "‰😀", "../../etc/passwd", "-1", "9223372036854775808", "NaN"}

// T31, T34: whatever a list is asked for, it answers in words: never a fault, nothing is written, no statement leaks.
func TestAttackListFilters(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Role("dba", stinttest.Rules{})
	w.Eligible("carol", "dba", time.Time{})
	before := w.Store.Head().Size
	names := []string{"q", "cursor", "role", "resource", "state", "kind", "until", "only", "in", "sort", "order", "limit", "offset", "below", "to", "try", "tab", "type", "actor", "from", "pick"}
	for _, path := range []string{"/people", "/groups", "/groups/new", "/roles", "/roles/dba", "/roles/dba/members", "/roles/dba/settings", "/roles/dba/settings/history", "/resources", "/resources/new",
		"/resources/" + stinttest.Production + "/move", "/assignments", "/assignments/new", "/assignment-requests", "/targets", "/sync", "/audit", "/approvals/all", "/notices", "/break-glass"} {
		for i, name := range names {
			value := hostile[i%len(hostile)]
			for _, v := range []string{value, hostile[(i+5)%len(hostile)]} {
				page := carol.Get(path + "?" + url.Values{name: {v}}.Encode())
				if page.StatusCode >= 500 || strings.Contains(page.Body, "SQLSTATE") || strings.Contains(page.Body, "SQL logic") {
					t.Errorf("%s?%s=%.20q: %d %s", path, name, v, page.StatusCode, page.Text("main"))
				}
			}
		}
	}
	if w.Store.Head().Size != before {
		t.Error("looking has written something")
	}
}

// T34: forms with the ids and versions of other things, or with what no id can be, change nothing.
func TestAttackHiddenFields(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Person("alice")
	w.Group("ops", "alice")
	w.Role("dba", stinttest.Rules{})
	w.Role("other", stinttest.Rules{})
	id := w.Eligible("alice", "dba", time.Time{})
	for _, v := range append(hostile, "dba", "alice", "ops", stinttest.Northwind, pim.StintResource, "system", "") {
		for path, pairs := range map[string][]string{
			"/resources/" + stinttest.Production + "/move": {"to", v, "version", "99"},
			"/resources/" + pim.StintResource + "/move":    {"to", v},
			"/resources/" + pim.StintResource + "/retire":  {"typed", "Stint", "version", v},
			"/assignments/" + id:                           {"version", v, "kind", "eligible", "resource", v, "role", "other", "principal_id", v},
			"/groups/ops":                                  {"version", v, "name", "Mine", "claim", "x", "id", v, "kind", "person"},
			"/groups/ops/remove":                           {"version", v + "0", "typed", v},
			"/roles/" + pim.RoleAdministrator + "/retire":  {"version", v},
			"/roles/dba/settings/restore":                  {"resource", v, "version", "1", "current", "7", "do", "save"},
			"/targets/" + pim.StintTarget + "/retire":      {"version", v, "typed", "Stint"},
		} {
			page := carol.Post(path, pairs...)
			if page.StatusCode >= 500 || page.StatusCode < 400 && !strings.HasPrefix(page.Location(), "/step-up/") && page.StatusCode != http.StatusOK {
				t.Errorf("%s %.60q: %d to %s", path, pairs, page.StatusCode, page.Location())
			}
		}
	}
	for _, v := range hostile {
		for path, pairs := range map[string][]string{"/groups": {"name", v, "claim", v}, "/resources": {"below", v, "kind", v, "name", v, "target", v}, "/people/dba/disable": {"typed", v},
			"/roles/dba/settings": {"resource", v, "do", "save", "own_max_duration", "yes", "max_duration", v}, "/groups/ops/members": {"pick", v, "q", v}} {
			if page := carol.Post(path, pairs...); page.StatusCode >= 500 {
				t.Errorf("%s %.60q: %d", path, pairs, page.StatusCode)
			}
		}
	}
	for _, e := range append(append(w.Events(pim.EvPrincipalSaved), w.Events(pim.EvResourceSaved)...), w.Events(pim.EvAssignmentChanged)...) {
		if e.Actor == "carol" && !strings.Contains(string(e.Leaf), `"source":"browser"`) { // of the file: what was there
			t.Errorf("changed: %s", e.Leaf)
		}
	}
}

// Two tabs: what was made of an older page is refused, in words, and nothing of it is done.
func TestAttackTwoTabs(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Group("ops")
	tab := carol.Get("/groups/ops").Find("input[name=version]").AttrOr("value", "")
	carol.Post("/groups/ops", "version", tab, "name", "Operations", "claim", "").Want(t, http.StatusSeeOther)
	for path, pairs := range map[string][]string{
		"/groups/ops":        {"version", tab, "name", "Mine", "claim", "mine"},
		"/groups/ops/remove": {"version", tab},
	} {
		if page := carol.Post(path, pairs...).Want(t, http.StatusConflict); page.Text("main") == "" {
			t.Errorf("%s: no words", path)
		}
	}
	move := carol.Post("/resources/"+stinttest.Production+"/retire", "typed", "Production").Want(t, http.StatusSeeOther).Location()
	carol.Post("/resources/"+stinttest.Production, "version", "1", "name", "Renamed", "kind", "database")
	if page := carol.Confirm(move); page.StatusCode < 400 { // what was signed is not what it is any more
		t.Errorf("confirming an older page: %d to %s", page.StatusCode, page.Location())
	}
}

// T6, T35: no header decides where a page leads, and no page names a host but its own.
func TestAttackHostHeader(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	for _, r := range web.Routes() {
		if r.Method != http.MethodGet || strings.Contains(r.Path, ":") || strings.Contains(r.Path, "*") || strings.Contains(r.Path, "stream") || strings.Contains(r.Path, "events") {
			continue
		}
		page := carol.Do(http.MethodGet, r.Path, nil, "X-Forwarded-Host", "evil.example", "Forwarded", "host=evil.example", "X-Original-URL", "/evil", "X-Forwarded-Proto", "gopher", "X-Forwarded-Prefix", "//evil.example", "Referer", "https://evil.example/")
		if strings.Contains(page.Body, "evil") || strings.Contains(page.Location(), "evil") || page.StatusCode >= 500 {
			t.Errorf("%s: %d to %s", r.Path, page.StatusCode, page.Location())
		}
	}
	for _, name := range []string{"next", "return", "return_to", "back", "redirect", "to", "url"} {
		for _, to := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "javascript:alert(1)"} {
			page := carol.Post("/groups", "name", "g"+name+to[:1]+to[len(to)-1:], "claim", "", name, to)
			if strings.Contains(page.Location(), "evil") || strings.HasPrefix(page.Location(), "javascript") {
				t.Errorf("%s=%s led to %s", name, to, page.Location())
			}
		}
	}
}

// T25, T33: an owner exports what is theirs alone, whatever the form says; nothing in it is computed by a spreadsheet.
func TestAttackExports(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol, olga := manager(w), w.Person("olga")
	w.Role("dba", stinttest.Rules{})
	w.Person("alice")
	w.Do(func(tx *store.Tx) error {
		return tx.InsertResource(pim.Resource{ID: "theirs", ParentID: stinttest.Northwind, Kind: "group", Name: "=1+1", Source: pim.SourceFile})
	})
	w.Owner("olga", "theirs")
	olga.Ready()
	starts := []string{"=", "+", "-", "@", "\t=", "\r=", " =", "\u00a0=", "＝", "＋", "－", "＠", "'="}
	for i, s := range starts {
		w.Do(func(tx *store.Tx) error {
			id := "evil" + string(rune('a'+i))
			if err := tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Person, Name: s + "cmd|' /C calc'!A0", PersonID: id, Enabled: true, Source: pim.SourceSignIn}); err != nil {
				return err
			}
			return tx.InsertAssignment(pim.Assignment{ID: "asg-" + id, PrincipalID: id, RoleID: "dba", ResourceID: "theirs", Kind: pim.Eligible, StartsAt: tx.Now, Justification: s + "SUM(1)",
				TicketNumber: s + "2", TicketSystem: s + "3", Source: pim.SourceBrowser})
		})
	}
	w.Eligible("alice", "dba", time.Time{})
	for _, who := range []*stinttest.Person{carol, olga} {
		for path, pairs := range map[string][]string{"/assignments/export": {}, "/roles/dba/members/export": {}} {
			records, err := csv.NewReader(strings.NewReader(who.Post(path, pairs...).Want(t, http.StatusOK).Body)).ReadAll()
			if err != nil || len(records) < len(starts)+1 {
				t.Fatalf("%s: %v, %d records", path, err, len(records))
			}
			for _, cell := range slices.Concat(records...) {
				if bare := strings.TrimLeft(cell, " \t\r\n\u00a0"); bare != "" && strings.ContainsAny(string([]rune(bare)[0]), "=+-@＝＋－＠") {
					t.Errorf("%s: a spreadsheet computes %q", path, cell)
				}
				if who == olga && (cell == "alice" || cell == "carol") {
					t.Errorf("%s: an owner got %q", path, records)
				}
			}
		}
	}
	for _, resource := range []string{stinttest.Production, stinttest.Northwind, pim.StintResource, "absent"} {
		olga.Post("/assignments/export", "resource", resource).Want(t, http.StatusNotFound)
	}
	if records, err := csv.NewReader(strings.NewReader(olga.Post("/roles/" + pim.RoleAdministrator + "/members/export").Body)).ReadAll(); err != nil || len(records) > 1 {
		t.Errorf("who administers Stint: %v, %v", records, err)
	}
}

// T28: what is secret stands in no log, no audit entry and no page: a credential, a voucher, a session, also when it is refused.
func TestAttackSecretsStayHidden(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	eve := w.Person("eve")
	eve.SignIn()
	const canary = "canary-5ecret-value"
	refused := connect(w, carol, "name", "", "s-address", "ldap.example", "secret", canary, "do", "save")
	tested := connect(w, carol, "name", "Branch", "s-address", "nowhere.invalid", "secret", canary, "do", "test")
	step := connect(w, carol, "name", "Branch", "s-address", "ldap.example", "secret", canary, "do", "save").Want(t, http.StatusSeeOther)
	asked := carol.Get(step.Location())
	carol.Confirm(step.Location())
	voucher := carol.Confirm(carol.Post("/people/eve/voucher").Want(t, http.StatusSeeOther).Location())
	eve.Post("/passkeys/new", "name", "Laptop", "voucher", canary).Want(t, http.StatusUnprocessableEntity)
	secrets := []string{canary, carol.Cookie("stint"), eve.Cookie("stint")}
	for name, page := range map[string]*stinttest.Page{"refused": refused, "tested": tested, "the touch": asked, "voucher": voucher, "targets": carol.Get("/targets"), "audit": carol.Get("/audit")} {
		if strings.Contains(page.Body, canary) {
			t.Errorf("%s shows the credential", name)
		}
	}
	entries := stinttest.Read(w, func(r *store.Reader) ([]store.EntryRow, error) { return r.Entries(store.EntryFilter{Limit: 200}) })
	for _, s := range secrets {
		if s == "" {
			t.Fatal("nothing to look for")
		}
		if strings.Contains(w.Log.String(), s) {
			t.Errorf("the log holds %.10s", s)
		}
		for _, e := range entries {
			if strings.Contains(string(e.Leaf), s) {
				t.Errorf("%s holds %.10s", e.Leaf, s)
			}
		}
	}
}
