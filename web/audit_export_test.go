package web_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// T25, U-06: a search as a file for spreadsheets has the entries of the page, no cell that is a formula, and leaves two
// entries: what is about to be read, and how much was.
func TestAuditExportForSpreadsheets(t *testing.T) {
	t.Parallel()
	w, people, activation := approvedWorld(t)
	dora := people["dora"]
	for _, evil := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", "  =1", "＝1"} {
		w.Do(func(tx *store.Tx) error {
			tx.Emit(pim.PersonEvent(pim.EvPersonDisabled, "alice", "alice", "alice").WithText("reason", evil))
			return nil
		})
	}
	page := dora.Post("/audit/export", "format", "csv", "person", "alice").Want(t, http.StatusOK)
	if got := page.Header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="audit-2026-`) || !strings.HasSuffix(got, `.csv"`) {
		t.Errorf("the file is %q", got)
	}
	records, err := csv.NewReader(strings.NewReader(page.Body)).ReadAll()
	w.OK(err)
	found := stinttest.Read(w, func(r *store.Reader) ([]store.EntryRow, error) {
		return r.Entries(store.EntryFilter{Person: "alice", Limit: 500})
	})
	if len(records) != len(found)+1 || strings.Join(records[0][:4], " ") != "entry time event result" {
		t.Fatalf("%d lines for %d entries, the first %q", len(records), len(found), records[0])
	}
	said := map[string]bool{}
	for i, record := range records[1:] {
		if record[0] != fmt.Sprint(found[i].Seq) || record[2] != found[i].Type || record[18] != string(found[i].Leaf) {
			t.Errorf("line %d is %q, want entry %d", i, record, found[i].Seq)
		}
		for _, cell := range record {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("the cell %q may be a formula", cell)
			}
		}
		said[record[16]] = true
	}
	if !said["'=1+1"] || !said["Repair the ledger"] {
		t.Errorf("the reasons are %v", said)
	}
	asked, ended := w.Events(pim.EvAuditExported)[0], w.Events(pim.EvAuditExportEnded)[0]
	if asked.Actor != "dora" || asked.Facts["person"] != "alice" || asked.Texts["search"] != "person=alice" || asked.ObjectID != ended.ObjectID ||
		ended.Facts["entries"] != int64(len(found)) || ended.Facts["complete"] != true {
		t.Errorf("the log says %+v %v and %+v", asked.Facts, asked.Texts, ended.Facts)
	}
	if got := dora.Get("/audit/exports").Want(t, http.StatusOK).Text("#export-state"); !strings.Contains(got, fmt.Sprintf("Exported: %d entries", len(found))) {
		t.Errorf("its page says %q", got)
	}
	// What erin exports is hers alone (U-01, T33), whatever she asks for.
	records, err = csv.NewReader(strings.NewReader(people["erin"].Post("/audit/export", "format", "csv", "person", "alice", "correlation", "").Want(t, http.StatusOK).Body)).ReadAll()
	w.OK(err)
	for _, record := range records[1:] {
		if record[5] != "erin" && record[7] != "erin" {
			t.Errorf("erin exports %q", record)
		}
	}
	if len(records) < 3 {
		t.Errorf("erin exports %d lines", len(records))
	}
	if got := people["erin"].Post("/audit/export", "format", "csv", "correlation", activation).Want(t, http.StatusOK).Body; strings.Count(got, "\n") != 1 {
		t.Errorf("erin exports of the activation of alice %q", got)
	}
	dora.Post("/audit/export", "format", "pdf").Want(t, http.StatusBadRequest)
	dora.Post("/audit/export", "format", "csv", "result", "maybe").Want(t, http.StatusBadRequest)
	if to := dora.Post("/audit/export", "format", "csv", "person", "nobody").Want(t, http.StatusSeeOther).Location(); to != "/audit?person=nobody" {
		t.Errorf("a search that means nobody leads to %q", to)
	}
}

// The whole log as JSON lines has every entry once, newest first, and each leaf as it is hashed.
func TestAuditExportAsJSONLines(t *testing.T) {
	t.Parallel()
	w, people, _ := approvedWorld(t)
	w.Do(func(tx *store.Tx) error {
		for i := range 2500 { // several pieces
			tx.Emit(pim.PersonEvent(pim.EvSessionsEnded, "erin", "erin", "erin").WithText("reason", fmt.Sprintf("\"<é>\u2028\\ %d", i)))
		}
		return nil
	})
	size := w.Store.Head().Size
	lines := strings.Split(strings.TrimSuffix(people["dora"].Post("/audit/export", "format", "jsonl").Want(t, http.StatusOK).Body, "\n"), "\n")
	if int64(len(lines)) != size {
		t.Fatalf("%d lines of %d entries", len(lines), size)
	}
	for i, line := range lines {
		var got struct {
			Entry        int64
			Event, Actor string
			Texts        map[string]string
			Leaf         json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("line %d: %v: %s", i, err, line)
		}
		if got.Entry != size-1-int64(i) {
			t.Fatalf("line %d is entry %d", i, got.Entry)
		}
		if i%100 != 0 && i < 2400 {
			continue
		}
		e := stinttest.Read(w, func(r *store.Reader) (store.EntryRow, error) { return r.Entry(got.Entry) })
		if string(got.Leaf) != string(e.Leaf) || got.Event != e.Type || got.Texts["reason"] != e.Texts["reason"] || e.Actor == "erin" && got.Actor != "erin" {
			t.Errorf("line %d is %s, the entry %s with %v", i, line, e.Leaf, e.Texts)
		}
	}
}

// T31: one export of a person runs at a time; one whose process is gone says nothing any more, and the next one tells its end.
func TestAuditExportsRunOneAtATime(t *testing.T) {
	t.Parallel()
	w, people, _ := approvedWorld(t)
	dora := people["dora"]
	if got := dora.Get("/audit/exports").Want(t, http.StatusOK); !strings.Contains(got.Text(".empty"), "No export yet") {
		t.Errorf("before the first export: %q", got.Text("main"))
	}
	running := store.AuditExport{PrincipalID: "dora", ID: "x", Format: "csv", Filters: "role=dba", State: store.ExportRunning}
	w.Do(func(tx *store.Tx) error { return tx.BeginAuditExport(running) })
	running.Entries, running.BackSeq = 3, 5
	w.Do(func(tx *store.Tx) error { return tx.SaveAuditExport(running) })
	if got := dora.Post("/audit/export", "format", "csv").Want(t, http.StatusConflict).Text("main"); !strings.Contains(got, "3 entries so far") {
		t.Errorf("the second is answered %q", got)
	}
	for _, page := range []*stinttest.Page{dora.Get("/audit"), dora.Fragment("/audit/exports")} {
		part := page.Want(t, http.StatusOK).Find("#export-state")
		if !strings.Contains(strings.Join(strings.Fields(part.Text()), " "), "Exporting: 3 entries so far, back to 2026-") || !strings.HasPrefix(part.AttrOr("hx-trigger", ""), "every 2s") || part.Find(`a[href="/audit?role=dba"]`).Length() != 1 {
			t.Errorf("the page tells %q by %q", part.Text(), part.AttrOr("hx-trigger", ""))
		}
	}
	people["erin"].Post("/audit/export", "format", "csv").Want(t, http.StatusOK) // another person's turn is another
	w.Advance(2 * time.Minute)
	dora.Post("/audit/export", "format", "csv").Want(t, http.StatusOK)
	var ends []string
	for _, e := range w.Events(pim.EvAuditExportEnded) {
		if e.Actor == "dora" {
			ends = append(ends, fmt.Sprint(e.ObjectID == "x", e.Facts["complete"]))
		}
	}
	if got := strings.Join(ends, ", "); got != "false true, true false" {
		t.Errorf("the ends are %q", got)
	}
}

// An export outlives no right, and a reader that goes away ends it; both leave an entry of how far it came.
func TestAuditExportEndsWithItsRight(t *testing.T) {
	t.Parallel()
	w, _, _ := approvedWorld(t)
	ask := broker.AuditAsk{Format: broker.AuditJSONL}
	x, err := w.Broker.BeginAuditExport(t.Context(), broker.Actor{PrincipalID: "dora"}, ask)
	w.OK(err)
	w.DisablePerson("dora")
	var out strings.Builder
	if err := x.Write(t.Context(), &out); err == nil || out.Len() != 0 {
		t.Errorf("%v, and %d bytes were written", err, out.Len())
	}
	x, err = w.Broker.BeginAuditExport(t.Context(), broker.Actor{PrincipalID: "carol"}, ask)
	w.OK(err)
	if err := x.Write(t.Context(), gone{}); err == nil {
		t.Error("nobody reads, and it is complete")
	}
	for _, e := range w.Events(pim.EvAuditExportEnded) {
		if e.Facts["complete"] != false || e.Facts["entries"] != int64(0) {
			t.Errorf("%s: %v", e.Actor, e.Facts)
		}
	}
	if n := len(w.Events(pim.EvAuditExportEnded)); n != 2 {
		t.Errorf("%d ends", n)
	}
}

// Nor is a file whole of which the second half is another search, or read by whoever has no session any more.
func TestAuditExportEndsWithItsSession(t *testing.T) {
	t.Parallel()
	w, people, _ := approvedWorld(t)
	sessions := stinttest.Read(w, func(r *store.Reader) ([]store.SessionRow, error) { return r.SessionsOf("dora", time.Hour) })
	begin := func() *broker.AuditExport {
		x, err := w.Broker.BeginAuditExport(t.Context(), broker.Actor{PrincipalID: "dora", SessionID: sessions[0].ID, Session: sessions[0].Handle}, broker.AuditAsk{Format: broker.AuditJSONL})
		w.OK(err)
		return x
	}
	var out strings.Builder
	w.OK(begin().Write(t.Context(), &out))
	if out.Len() == 0 {
		t.Fatal("the start is another one")
	}
	x := begin()
	people["dora"].Post("/sign-out").Want(t, http.StatusSeeOther)
	if out.Reset(); x.Write(t.Context(), &out) == nil || out.Len() != 0 {
		t.Errorf("%d bytes are read without a session", out.Len())
	}
	x, err := w.Broker.BeginAuditExport(t.Context(), broker.Actor{PrincipalID: "dora"}, broker.AuditAsk{Format: broker.AuditJSONL})
	w.OK(err)
	w.Do(func(tx *store.Tx) error {
		all, err := tx.AssignmentsOf("dora")
		for _, a := range all {
			err = errors.Join(err, tx.EndAssignment(a, false))
		}
		return err
	})
	if x.Write(t.Context(), &out) == nil || out.Len() != 0 {
		t.Errorf("%d bytes are read by whoever is no auditor any more", out.Len())
	}
	for i, e := range w.Events(pim.EvAuditExportEnded) {
		if e.Facts["complete"] != (i == 2) { // the first one, newest first
			t.Errorf("end %d: %v", i, e.Facts)
		}
	}
}

// What somebody writes in the place of an activation is kept beside the log, where it can be erased, and not in it.
func TestAuditExportKeepsWhatWasTypedOutOfTheLog(t *testing.T) {
	t.Parallel()
	w, people, activation := approvedWorld(t)
	people["erin"].Post("/audit/export", "format", "csv", "correlation", "Alice Example is ill").Want(t, http.StatusOK)
	people["dora"].Post("/audit/export", "format", "csv", "correlation", activation).Want(t, http.StatusOK)
	asked := w.Events(pim.EvAuditExported)
	if asked[1].Facts["activation"] != nil || asked[1].Texts["search"] != "correlation=Alice+Example+is+ill" || asked[0].Facts["activation"] != activation {
		t.Errorf("the log says %v %v and %v", asked[1].Facts, asked[1].Texts, asked[0].Facts)
	}
}

type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// A search is kept under a name, of each person their own, and its address is the search.
func TestAuditSearchesAreKept(t *testing.T) {
	t.Parallel()
	_, people, _ := approvedWorld(t)
	dora, erin := people["dora"], people["erin"]
	keep := func(p *stinttest.Person, name string, pairs ...string) *stinttest.Page {
		return p.Post("/audit/searches", append([]string{"name", name}, pairs...)...)
	}
	if to := keep(dora, "Approvals of last quarter", "action", "activation.approved", "span", "last-quarter").Want(t, http.StatusSeeOther).Location(); to != "/audit?action=activation.approved&span=last-quarter" {
		t.Errorf("it is kept as %q", to)
	}
	keep(dora, "Approvals of last quarter", "action", "activation.approved", "span", "quarter").Want(t, http.StatusSeeOther) // replaces
	links := dora.Get("/audit").Want(t, http.StatusOK).Find(`nav[aria-label="Saved searches"] a`)
	if links.Length() != 1 || links.AttrOr("href", "") != "/audit?action=activation.approved&span=quarter" || !strings.Contains(links.Text(), "Approvals of last quarter") {
		t.Fatalf("%d are kept, the first %q", links.Length(), links.AttrOr("href", ""))
	}
	if got := entriesOf(dora.Get(links.AttrOr("href", "")).Want(t, http.StatusOK)); len(got) != 1 {
		t.Errorf("it finds %q", got)
	}
	if erin.Get("/audit").Find(`nav[aria-label="Saved searches"]`).Length() != 0 {
		t.Error("erin sees what dora keeps")
	}
	for name, pairs := range map[string][]string{"": {"result", "ok"}, "Everything": nil, strings.Repeat("x", 61): {"result", "ok"}, "a\nb": {"result", "ok"}} {
		page := keep(dora, name, pairs...).Want(t, http.StatusUnprocessableEntity)
		if len(pairs) > 0 && (page.Text("#search-name-err") == "" || page.Find("input[type=hidden][name=result]").AttrOr("value", "") != "ok") {
			t.Errorf("%q is refused with %q", name, page.Text("main"))
		}
	}
	for i := range pim.MaxAuditSearches - 1 {
		keep(dora, fmt.Sprint("Search ", i), "words", url.QueryEscape(fmt.Sprint(i))).Want(t, http.StatusSeeOther)
	}
	if got := keep(dora, "One more", "result", "ok").Want(t, http.StatusUnprocessableEntity).Text("#search-name-err"); !strings.Contains(got, "20 searches already") {
		t.Errorf("the 21st is answered %q", got)
	}
	deletes := dora.Get("/audit").Find(`form[action^="/audit/searches/"]`)
	path := deletes.First().AttrOr("action", "")
	erin.Post(path).Want(t, http.StatusNotFound)
	dora.Post(path).Want(t, http.StatusSeeOther)
	dora.Post(path).Want(t, http.StatusNotFound)
	if got := dora.Get("/audit").Find(`form[action^="/audit/searches/"]`).Length(); deletes.Length() != 20 || got != 19 {
		t.Errorf("%d are kept after one of %d was deleted", got, deletes.Length())
	}
}
