package web_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/mod/sumdb/tlog"

	"stint/internal/audit"
	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// approvedWorld has a story: alice asked for dba, bob approved, carol administers, dora audits, erin is nobody.
func approvedWorld(t *testing.T) (w *stinttest.World, people map[string]*stinttest.Person, activation string) {
	t.Helper()
	w = stinttest.New(t)
	people = map[string]*stinttest.Person{"carol": manager(w)}
	for _, id := range []string{"alice", "bob", "dora", "erin"} {
		people[id] = w.Person(id).Ready()
	}
	w.Auditor("dora")
	w.Role("dba", stinttest.Rules{Approvers: []string{"bob"}, Ticket: true})
	activation = people["alice"].Activate(w.Eligible("alice", "dba", time.Time{}), "duration", "60", "justification", "Repair the ledger", "ticket_number", "INC-7")
	people["bob"].Approve(activation)
	w.Tick()
	return w, people, activation
}

func entriesOf(page *stinttest.Page) []string {
	var out []string
	page.Find("tbody tr").Each(func(_ int, tr *goquery.Selection) {
		var cells []string
		tr.Find("td").Each(func(_ int, td *goquery.Selection) {
			td.Find(".avatar").Remove() // the initials beside the name
			cells = append(cells, strings.Join(strings.Fields(td.Text()), " "))
		})
		out = append(out, strings.Join(cells, " | "))
	})
	return out
}

// U-01, A-54: auditors see the whole log, everybody else what they did and what is about them.
func TestAuditIsReadByThoseItConcerns(t *testing.T) {
	t.Parallel()
	w, people, _ := approvedWorld(t)
	all := people["dora"].Get("/audit").Want(t, http.StatusOK)
	if got := strings.Join(entriesOf(all), "\n"); !strings.Contains(got, "alice | Activation requested | dba on Production | Done") || !strings.Contains(got, "Activation approved") || !strings.Contains(got, "Grant seen at the target") {
		t.Errorf("an auditor reads\n%s", got)
	}
	for _, line := range entriesOf(people["erin"].Get("/audit").Want(t, http.StatusOK)) {
		if !strings.Contains(line, "erin") {
			t.Errorf("erin reads what does not concern her: %s", line)
		}
	}
	if got := people["erin"].Get("/audit"); got.Text("h1") != "My audit" || got.Find("input[name=person]").Length() != 0 {
		t.Errorf("erin's page is %q", got.Text("h1"))
	}
	// The filter cannot widen it.
	if got := entriesOf(people["erin"].Get("/audit?person=alice").Want(t, http.StatusOK)); strings.Contains(strings.Join(got, ""), "alice") {
		t.Errorf("erin filtered for alice and read %q", got)
	}
	requested := w.Events(pim.EvActRequested)[0].Seq
	for id, want := range map[string]int{"alice": 200, "bob": 200, "carol": 200, "dora": 200, "erin": 404} {
		people[id].Get(fmt.Sprintf("/audit/%d", requested)).Want(t, want)
	}
	issued := w.Events(pim.EvVoucherIssued)[0] // the latest: erin's
	people["erin"].Get(fmt.Sprintf("/audit/%d", issued.Seq)).Want(t, http.StatusOK)
	people["alice"].Get(fmt.Sprintf("/audit/%d", issued.Seq)).Want(t, http.StatusNotFound)
	for _, seq := range []string{"999999", "-1", "01", "1e3", "abc", "99999999999999999999", "%31", "1%00"} {
		people["dora"].Get("/audit/"+seq).Want(t, http.StatusNotFound)
	}
}

func TestAuditFilters(t *testing.T) {
	t.Parallel()
	w, people, activation := approvedWorld(t)
	dora := people["dora"]
	people["erin"].Get("/audit?cursor=5").Want(t, http.StatusOK)
	for query, check := range map[string]func(line string) bool{
		"person=alice":                       func(l string) bool { return strings.Contains(l, "alice") },
		"person=ALICE@northwind.example":     func(l string) bool { return strings.Contains(l, "alice") },
		"person=stint":                       func(l string) bool { return strings.Contains(l, "Stint") },
		"role=DBA":                           func(l string) bool { return strings.Contains(l, "dba") },
		"action=activation.approved":         func(l string) bool { return strings.Contains(l, "bob | Activation approved") },
		"role=dba&person=bob&result=ok":      func(l string) bool { return strings.Contains(l, "bob") && strings.Contains(l, "dba") },
		"words=ledger":                       func(l string) bool { return strings.Contains(l, "alice") },
		"words=inc+7+LEDG":                   func(l string) bool { return strings.Contains(l, "alice") },
		"resource=production&person=bob":     func(l string) bool { return strings.Contains(l, "bob") && strings.Contains(l, "Production") },
		"until=2100-01-01T00:00&role=dba":    func(l string) bool { return strings.Contains(l, "dba") },
		"action=voucher.issued&person=carol": func(l string) bool { return strings.Contains(l, "carol") },
	} {
		lines := entriesOf(dora.Get("/audit?"+query).Want(t, http.StatusOK))
		if len(lines) == 0 {
			t.Errorf("%s finds nothing", query)
		}
		for _, l := range lines {
			if !check(l) {
				t.Errorf("%s finds %q", query, l)
			}
		}
	}
	w.Do(func(tx *store.Tx) error {
		return tx.InsertPrincipal(pim.Principal{ID: "alic2", Kind: pim.Person, Name: "alicia", PersonID: "alic2", Enabled: true, Source: pim.SourceFile})
	})
	for query, words := range map[string]string{"person=nobody": "Nobody here has this", "person=ali": "2 match: alice, alicia", "role=zzz": "No role has this",
		"resource=nowhere": "No resource has this", "from=tomorrow": "Choose a day and a time", "until=2026-13-01T00:00": "Choose a day and a time"} {
		if got := dora.Get("/audit?"+query).Want(t, http.StatusUnprocessableEntity).Text("#audit-search .err"); !strings.Contains(got, words) {
			t.Errorf("%s: %q", query, got)
		}
	}
	for _, query := range []string{"action=made.up", "result=maybe", "target=none", "words=a&words=b", "cursor=x", "person=a&person=b"} {
		dora.Get("/audit?"+query).Want(t, http.StatusBadRequest)
	}
	for _, query := range []string{"words=nothing+like+it", "until=2001-01-01T00:00", "from=2100-01-01T00:00", "words=ledger&action=voucher.issued"} {
		if got := entriesOf(dora.Get("/audit?"+query).Want(t, http.StatusOK)); len(got) != 0 {
			t.Errorf("%s finds %q", query, got)
		}
	}
	// U-01: the words of others find nothing for somebody else.
	if got := entriesOf(people["erin"].Get("/audit?words=ledger").Want(t, http.StatusOK)); len(got) != 0 {
		t.Errorf("erin searched the reasons of alice and read %q", got)
	}
	if got := entriesOf(dora.Get("/audit?result=refused").Want(t, http.StatusOK)); len(got) != 0 {
		t.Errorf("nothing was refused, but %q", got)
	}
	people["alice"].Decide(activation, "approve").Want(t, http.StatusForbidden)
	if got := entriesOf(dora.Get("/audit?result=refused").Want(t, http.StatusOK)); len(got) != 1 || !strings.Contains(got[0], "Decision refused") {
		t.Errorf("refused: %q", got)
	}
}

// A bar of the histogram leads to the entries it counts.
func TestAuditHistogram(t *testing.T) {
	t.Parallel()
	w, people, _ := approvedWorld(t)
	w.Advance(12 * time.Minute)
	w.Do(func(tx *store.Tx) error {
		tx.Emit(pim.PersonEvent(pim.EvSessionsEnded, "erin", "erin", "erin"))
		return nil
	})
	page := people["dora"].Get("/audit?person=erin").Want(t, http.StatusOK)
	bars, all := page.Find(".chart a"), 0
	bars.Each(func(_ int, bar *goquery.Selection) {
		narrowed := people["dora"].Get(bar.AttrOr("href", "")).Want(t, http.StatusOK)
		lines := entriesOf(narrowed)
		all += len(lines)
		if want := fmt.Sprintf(": %d entr", len(lines)); !strings.Contains(bar.AttrOr("aria-label", ""), want) || len(lines) == 0 {
			t.Errorf("%s leads to %d entries", bar.AttrOr("aria-label", ""), len(lines))
		}
	})
	if want := len(entriesOf(page)); bars.Length() < 2 || all != want {
		t.Errorf("%d bars lead to %d entries of %d", bars.Length(), all, want)
	}
}

func TestAuditPages(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol := manager(w)
	w.Do(func(tx *store.Tx) error {
		for range 120 {
			tx.Emit(pim.PersonEvent(pim.EvSessionsEnded, "carol", "carol", "carol"))
		}
		return nil
	})
	rows, next := 0, "/audit?action=sessions.ended"
	for range 4 {
		page := carol.Get(next).Want(t, http.StatusOK)
		rows += page.Find("tbody tr").Length()
		if !strings.Contains(page.Text(".pager"), "Older") {
			break
		}
		next = page.Find(".pager a:last-child").AttrOr("href", "")
	}
	if rows != 120 {
		t.Errorf("the pages show %d entries, want 120", rows)
	}
}

// Item 9: an entry shows every fact and text, the very bytes that are hashed, and the checkpoint over it.
func TestEntryShowsWhatIsKept(t *testing.T) {
	t.Parallel()
	w, people, activation := approvedWorld(t)
	e := w.Events(pim.EvActRequested)[0]
	w.Do(func(tx *store.Tx) error {
		return tx.SaveCheckpoint(audit.Checkpoint{Size: e.Seq + 1, Note: []byte("northwind.example/stint/audit\n")})
	})
	page := people["dora"].Get(fmt.Sprintf("/audit/%d", e.Seq)).Want(t, http.StatusOK)
	if got := page.Find("pre.code code").Text(); got != string(e.Leaf) {
		t.Errorf("the leaf is\n%s\nand not\n%s", got, e.Leaf)
	}
	for _, want := range []string{"Repair the ledger", "INC-7", "Activation requested", "activation.requested", "Duration", "1 h", "dba on Production", tlog.RecordHash(e.Leaf).String(),
		fmt.Sprintf("%d entries, signed 2026-11-22", e.Seq+1), "northwind.example/stint/audit"} {
		if !strings.Contains(page.Text("main"), want) {
			t.Errorf("the entry does not say %q: %s", want, page.Text("main"))
		}
	}
	for _, id := range []string{activation, "Step-up evidence"} { // ids are there, but folded away
		if told := page.Find("main .kv").First().Text(); !strings.Contains(page.Text("main details"), id) || strings.Contains(told, id) {
			t.Errorf("%q is not folded away: %s", id, told)
		}
	}
	if got := page.Text("main .checks"); !strings.Contains(got, "Met: Eligible") || !strings.Contains(got, "Still needed: Approval") {
		t.Errorf("the rules said %q", got)
	}
	if href := page.Find("dd a[href^='/audit/story/']").AttrOr("href", ""); href != "/audit/story/"+activation {
		t.Errorf("the story is %q", href)
	}
	w.NeedsFile()
	db, err := sql.Open("sqlite", w.Path)
	w.OK(err)
	defer db.Close()
	_, err = db.Exec("DELETE FROM audit_texts WHERE seq = $1 AND field = 'justification'", e.Seq)
	w.OK(err)
	if got := people["dora"].Get(fmt.Sprintf("/audit/%d", e.Seq)).Text("main"); !strings.Contains(got, "erased") || strings.Contains(got, "Repair the ledger") {
		t.Errorf("after an erasure: %q", got)
	}
}

func TestStoryIsForThoseInIt(t *testing.T) {
	t.Parallel()
	_, people, activation := approvedWorld(t)
	for id, want := range map[string]int{"alice": 200, "bob": 200, "carol": 200, "dora": 200, "erin": 404} {
		page := people[id].Get("/audit/story/"+activation).Want(t, want)
		if want != http.StatusOK {
			continue
		}
		text := page.Text(".timeline")
		for _, step := range []string{"Activation requested", "by alice", "Repair the ledger", "Approval asked for", "Activation approved", "by bob", "Active, confirmed at the target", "by Stint"} {
			if !strings.Contains(text, step) {
				t.Errorf("%s's story does not say %q: %s", id, step, text)
			}
		}
		for i := range page.Find(".timeline a").Length() { // every entry it links can be opened
			people[id].Get(page.Find(".timeline a").Eq(i).AttrOr("href", "")).Want(t, http.StatusOK)
		}
	}
	people["dora"].Get("/audit/story/absent").Want(t, http.StatusNotFound)
}

// U-01, T33: the filters of somebody's own log are no way to the roles, the actions and the times of others.
func TestMyAuditTellsNothingOfOthers(t *testing.T) {
	t.Parallel()
	w, people, _ := approvedWorld(t)
	erin, alice := people["erin"], people["alice"]
	same := func(a, b string) {
		t.Helper()
		one, other := erin.Get("/audit?"+a), erin.Get("/audit?"+b)
		if one.StatusCode != other.StatusCode || one.Text("#audit-search .err") != other.Text("#audit-search .err") || one.Text("main table") != other.Text("main table") {
			t.Errorf("%s: %d %q; %s: %d %q", a, one.StatusCode, one.Text("#audit-search .err"), b, other.StatusCode, other.Text("#audit-search .err"))
		}
	}
	same("role=dba", "role=nothing")
	same("role=a", "role=nothing")
	same("role="+pim.RoleAdministrator, "role=nothing")
	same("action=activation.approved", "action=made.up")
	if got := erin.Get("/audit").Want(t, http.StatusOK).Text("select[name=action]"); strings.Contains(got, "Activation approved") || !strings.Contains(got, "Signed in") {
		t.Errorf("erin may choose from %q", got)
	}
	for _, query := range []string{"role=db", "action=activation.requested"} { // what is hers stays found
		if got := entriesOf(alice.Get("/audit?"+query).Want(t, http.StatusOK)); len(got) == 0 || !strings.Contains(got[0], "dba") {
			t.Errorf("%s: %q", query, got)
		}
	}

	w.Advance(time.Hour)
	from := w.Clock.Now().UTC()
	for _, id := range []string{"bob", "erin", "bob"} {
		w.Advance(3 * time.Minute)
		w.Do(func(tx *store.Tx) error { tx.Emit(pim.PersonEvent(pim.EvSessionsEnded, id, id, id)); return nil })
	}
	w.Advance(5 * time.Minute)
	erin.SignIn()
	until := from.Add(8 * time.Minute).Format("2006-01-02T15:04")
	shown := erin.Get("/audit?action="+string(pim.EvSessionsEnded)+"&from="+from.Format("2006-01-02T15:04")+"&until="+until).Want(t, http.StatusOK).Text(".chart ol.x")
	if want := from.Add(6 * time.Minute).Format("2006-01-02 15:04"); !strings.HasPrefix(shown, want) {
		t.Errorf("the bars cover %q, want from %s: an entry of somebody else's shows", shown, want)
	}
}

// A short beginning of a word counts for the first of what it stands for, and the page says so (T31). Somebody who reads what
// is theirs alone is told nothing by that of what others wrote (U-01).
func TestAuditSaysWhichWordsDoNotCount(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	carol, alice := manager(w), w.Person("alice").Ready()
	w.Do(func(tx *store.Tx) error {
		for i := range 20 {
			tx.Emit(pim.PersonEvent(pim.EvSessionsEnded, "carol", "carol", "carol").WithText("reason", fmt.Sprintf("ann%02d ledger", i)))
		}
		return nil
	})
	for more := true; more; {
		w.Do(func(tx *store.Tx) (err error) { more, err = tx.IndexWords(); return err })
	}
	note := func(p *stinttest.Person, words string) string {
		page := p.Get("/audit?"+url.Values{"words": {words}}.Encode()).Want(t, http.StatusOK)
		return page.Text(".callout.info p.wrap")
	}
	if got := note(carol, "ann led"); !strings.Contains(got, "“ann…” stands for more than 16 words") || !strings.Contains(got, "type more letters") || strings.Contains(got, "led…") {
		t.Errorf("the page says %q", got)
	}
	if got := note(carol, "ann1 ledger"); got != "" {
		t.Errorf("ten words are not too many: %q", got)
	}
	if got := note(carol, "one three four five seven eight nine"); !strings.Contains(got, "Not looked for, as there are longer words: one.") {
		t.Errorf("seven words: %q", got)
	}
	if got := note(alice, "ann"); got != "" {
		t.Errorf("alice is told %q", got)
	}
}
