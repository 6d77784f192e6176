package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// What narrows the log is a chip by the name of what was meant, and each chip leads to the search without it.
func TestAuditChips(t *testing.T) {
	t.Parallel()
	_, people, activation := approvedWorld(t)
	dora := people["dora"]
	page := dora.Get("/audit?person=ALICE@northwind.example&role=DBA&action=activation.requested&result=ok&target="+stinttest.Directory+
		"&resource=production&span=24h&words=ledger&correlation="+activation).Want(t, http.StatusOK)
	want := []string{"Words: ledger", "Person: alice", "At or below: Production", "Role: dba", "Target: ", "Action: Activation requested", "Result: Done", "Last 24 hours", "Activation of dba by alice"}
	chips := page.Find(`nav[aria-label="Filters that hold"] a`)
	if chips.Length() != len(want) {
		t.Fatalf("%d chips: %s", chips.Length(), chips.Text())
	}
	chips.Each(func(i int, chip *goquery.Selection) {
		if !strings.Contains(chip.Text(), want[i]) || !strings.Contains(chip.Text(), "remove this filter") {
			t.Errorf("chip %d is %q, want %q", i, chip.Text(), want[i])
		}
		without := dora.Get(chip.AttrOr("href", "")).Want(t, http.StatusOK)
		if got := without.Find(`nav[aria-label="Filters that hold"] a`); got.Length() != len(want)-1 || strings.Contains(got.Text(), want[i]) {
			t.Errorf("without %q: %s", want[i], got.Text())
		}
	})
	// Without script the form carries along what holds.
	for _, field := range []string{"person", "role", "resource", "target", "action", "result", "span", "correlation"} {
		if page.Find("#audit-search input[type=hidden][name="+field+"]").Length() != 1 {
			t.Errorf("the form forgets %s", field)
		}
	}
	if got := entriesOf(dora.Get("/audit?correlation="+activation+"&person=bob&action=activation.approved").Want(t, http.StatusOK)); len(got) != 1 || !strings.Contains(got[0], "Activation approved") {
		t.Errorf("of the activation bob did %q", got)
	}
	if got := entriesOf(people["erin"].Get("/audit?correlation="+activation).Want(t, http.StatusOK)); len(got) != 0 {
		t.Errorf("erin reads of the activation of alice %q", got)
	}
	if got := people["erin"].Get("/audit?correlation=" + activation).Text(`nav[aria-label="Filters that hold"]`); strings.Contains(got, "alice") || strings.Contains(got, "dba") {
		t.Errorf("erin is told whose it is: %q", got)
	}
}

// A range that goes along with the clock is a calendar quarter of the reader's zone; one of one's own holds before it.
func TestAuditSpans(t *testing.T) {
	t.Parallel()
	w, people, _ := approvedWorld(t)
	w.Advance(45 * 24 * time.Hour) // into the next quarter and year
	dora := people["dora"]
	dora.SignIn()
	found := func(query string) int {
		return len(entriesOf(dora.Get("/audit?action=activation.approved&"+query).Want(t, http.StatusOK)))
	}
	for query, want := range map[string]int{"span=last-quarter": 1, "span=quarter": 0, "span=24h": 0, "span=7d": 0, "span=30d": 0, "span=12m": 1, "span=30d&from=2026-01-01T00:00": 1} {
		if got := found(query); got != want {
			t.Errorf("%s finds %d, want %d", query, got, want)
		}
	}
	dora.Get("/audit?span=ever").Want(t, http.StatusBadRequest)
}

// rowIn reads a fragment that is part of a table.
func rowIn(t *testing.T, page *stinttest.Page) *goquery.Selection {
	t.Helper()
	page.Want(t, http.StatusOK)
	if !strings.HasPrefix(page.Body, "<tbody id=") {
		t.Errorf("the answer is no part of a table: %.80s", page.Body)
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader("<table>" + page.Body + "</table>"))
	if err != nil {
		t.Fatal(err)
	}
	return doc.Selection
}

// An entry opens in its place with its facts and the whole story in order, for whoever may read it; others do not learn
// that it is there (T33).
func TestEntryOpensInItsPlace(t *testing.T) {
	t.Parallel()
	w, people, activation := approvedWorld(t)
	e := w.Events(pim.EvActApproved)[0]
	path := fmt.Sprintf("/audit/%d", e.Seq)
	link := people["dora"].Get("/audit?action=activation.approved").Want(t, http.StatusOK).Find("tbody a[aria-expanded]")
	if link.AttrOr("href", "") != path || link.AttrOr("hx-get", "") != path+"/row" || link.AttrOr("aria-expanded", "") != "false" {
		t.Fatalf("the row leads to %q and %q", link.AttrOr("href", ""), link.AttrOr("hx-get", ""))
	}
	for id, story := range map[string]bool{"dora": true, "alice": true, "bob": true} {
		row := rowIn(t, people[id].Fragment(path+"/row"))
		if got := row.Find(".more").Text(); !strings.Contains(got, "bob") || !strings.Contains(got, "Hash") || story != strings.Contains(got, "Repair the ledger") {
			t.Errorf("%s reads %q", id, got)
		}
		steps := row.Find(".more .timeline li b")
		if first, last := steps.First().Text(), steps.Last().Text(); !strings.Contains(first, "Activation requested") || !strings.Contains(last, "Active, confirmed at the target") {
			t.Errorf("the story goes from %q to %q", first, last)
		}
		if got := row.Find("a[aria-expanded=true]").AttrOr("hx-get", ""); got != path+"/row?closed=yes" {
			t.Errorf("it closes by %q", got)
		}
		if only := row.Find(`.more a:contains("Only this activation")`).AttrOr("href", ""); only != "/audit?correlation="+activation {
			t.Errorf("the story alone is at %q", only)
		}
		if closed := rowIn(t, people[id].Fragment(path+"/row?closed=yes")); closed.Find(".more").Length() != 0 || closed.Find("a[aria-expanded=false]").Length() != 1 {
			t.Error("it does not close")
		}
	}
	people["erin"].Fragment(path+"/row").Want(t, http.StatusNotFound)
	people["erin"].Get(path+"/row").Want(t, http.StatusNotFound)
	if to := people["dora"].Get(path+"/row").Want(t, http.StatusSeeOther).Location(); to != path {
		t.Errorf("without htmx it leads to %q", to)
	}
	// What is no part of an activation has no story.
	in := w.Events(pim.EvSignedIn)[0]
	if row := rowIn(t, people["dora"].Fragment(fmt.Sprintf("/audit/%d/row", in.Seq))); row.Find(".timeline").Length() != 0 || row.Find(".more").Length() != 1 {
		t.Errorf("a sign-in has the story %q", row.Find(".timeline").Text())
	}
}

// Suggestions are real values; others than auditors are suggested roles of their own entries and nothing else (U-01, T33).
func TestAuditSuggestions(t *testing.T) {
	t.Parallel()
	w, people, _ := approvedWorld(t)
	w.Do(func(tx *store.Tx) error {
		for i := range 30 {
			if err := tx.InsertResource(pim.Resource{ID: fmt.Sprint("vault", i), ParentID: stinttest.Production, Kind: "group", Name: fmt.Sprint("vault ", i%29), Source: pim.SourceBrowser}); err != nil {
				return err
			}
		}
		return tx.InsertPrincipal(pim.Principal{ID: "robot", Kind: pim.Workload, Name: "Nightly robot", PersonID: "robot", Enabled: true, Source: pim.SourceFile})
	})
	values := func(p *stinttest.Person, query string) (out []string) {
		p.Fragment("/audit/suggestions?"+query).Want(t, http.StatusOK).Find("option").Each(func(_ int, o *goquery.Selection) {
			out = append(out, o.AttrOr("value", ""))
		})
		return out
	}
	dora, erin, alice := people["dora"], people["erin"], people["alice"]
	for query, want := range map[string]string{"person=ali": "alice@northwind.example", "person=robot": "Nightly robot", "role=db": "dba", "resource=product": stinttest.Production, "resource=vault+0": "vault"} {
		got := values(dora, query)
		if len(got) == 0 || !strings.Contains(strings.ToLower(strings.Join(got, " ")), strings.ToLower(want)) {
			t.Errorf("%s suggests %q", query, got)
			continue
		}
		for _, value := range got { // each of them can be searched by
			field, _, _ := strings.Cut(query, "=")
			dora.Do(http.MethodGet, "/audit?"+stinttest.Form(field, value).Encode(), nil).Want(t, http.StatusOK)
		}
	}
	if got := values(dora, "resource=vault"); len(got) != 20 {
		t.Errorf("%d are suggested", len(got))
	}
	for _, query := range []string{"person=ali", "role=db", "role=adm", "resource=product", ""} {
		if got := values(erin, query); len(got) != 0 {
			t.Errorf("erin is suggested %q for %s", got, query)
		}
	}
	if got := values(alice, "role=db"); len(got) != 1 || got[0] != "dba" {
		t.Errorf("alice is suggested %q", got)
	}
}

// What was refused is told of each bar in words, and drawn.
func TestAuditHistogramTellsRefusals(t *testing.T) {
	t.Parallel()
	w, people, activation := approvedWorld(t)
	w.Advance(12 * time.Minute)
	people["bob"].SignIn()
	people["alice"].SignIn()
	people["alice"].Decide(activation, "approve").Want(t, http.StatusForbidden)
	page := people["dora"].Get("/audit").Want(t, http.StatusOK)
	all := len(w.Events(pim.EvApprovalRefused))
	var told []string
	page.Find(".chart a").Each(func(_ int, bar *goquery.Selection) {
		label := bar.AttrOr("aria-label", "")
		if strings.Contains(label, "refused") != (bar.Find(".s5").Length() == 1) {
			t.Errorf("%q is drawn otherwise", label)
		}
		if strings.Contains(label, "refused") {
			told = append(told, label)
		}
	})
	if all != 1 || len(told) != 1 || !strings.HasSuffix(told[0], ", 1 refused") || !strings.Contains(page.Text("section[aria-label='Entries over time'] p"), "1 refused") {
		t.Errorf("%d was refused, and the bars say %q", all, told)
	}
}
