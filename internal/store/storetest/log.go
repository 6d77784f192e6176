package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"stint/internal/audit"
	"stint/internal/pim"
	"stint/internal/store"
)

var log = []testCase{
	{"entries by every filter", entriesByFilter},
	{"entries by place, time and words", entriesByWords},
	{"texts with control characters are read as they are", controlTexts},
	{"a histogram counts what a search finds", histogram},
	{"a search below much of the tree", belowMuch},
	{"one's own entries say nothing of others'", ownEntries},
	{"a search examines so many entries and says where it stopped", boundedSearch},
	{"entries with hostile characters", hostileEntries},
	{"a story is told from its beginning", story},
	{"texts stand beside the leaf", textsBesideTheLeaf},
	{"texts that are no text are kept as text", brokenTexts},
	{"checkpoints", checkpoints},
	{"the tree gives proofs", treeProofs},
}

// sampleLog writes events that differ in every column the filters know.
func sampleLog(t *testing.T, s *store.Store, n int) {
	t.Helper()
	types := []pim.EventType{pim.EvActRequested, pim.EvActEnded, pim.EvSignedIn, pim.EvAssignmentMade}
	for from := 0; from < n; from += 16 {
		do(t, s, func(tx *store.Tx) error {
			for i := from; i < min(n, from+16); i++ {
				e := pim.Event{Type: types[i%4], Actor: []string{"alice", "bob", "system"}[i%3], Subject: []string{"", "alice", "bob", "carol", "dave"}[i%5],
					RoleID: []string{"", "dba"}[i%2], Result: pim.OK, Facts: map[string]any{"n": int64(i)}}
				if i%7 == 0 {
					e = e.AsRefused()
				}
				if i%6 == 0 {
					e.Correlation = fmt.Sprint("act-", i%4)
				}
				tx.Emit(e)
			}
			return nil
		})
	}
}

// entriesByFilter compares every combination of filters, in pages, with a walk over the whole log.
func entriesByFilter(t *testing.T, s *store.Store) {
	sampleLog(t, s, 90)
	whole := get(t, s, func(r *store.Reader) ([]store.EntryRow, error) { return r.Entries(store.EntryFilter{Limit: 200}) })
	if len(whole) != 90 {
		t.Fatalf("%d entries", len(whole))
	}
	for _, person := range []string{"", "alice", "system", "nobody"} {
		for _, role := range []string{"", "dba"} {
			for _, kind := range []string{"", "activation.", "activation.ended", "act."} {
				for _, result := range []string{"", "ok", "refused"} {
					f := store.EntryFilter{Person: person, RoleID: role, Type: kind, Result: result}
					want := filterRows(whole, f)
					if got := pageThrough(t, s, f, 7); !slices.Equal(got, want) {
						t.Errorf("%+v:\n have %v\n want %v", f, got, want)
					}
				}
			}
		}
	}
}

// DESIGN §6: what two conditions leave is looked for among so many entries at a time, and found in the end.
func boundedSearch(t *testing.T, s *store.Store) {
	asked := func(tx *store.Tx, role string) {
		tx.Emit(pim.Event{Type: pim.EvActRequested, Actor: "alice", Subject: "alice", RoleID: role, Result: pim.OK})
	}
	do(t, s, func(tx *store.Tx) error { asked(tx, "dba"); return nil })
	for range 12 {
		do(t, s, func(tx *store.Tx) error {
			for range 500 {
				asked(tx, "other")
				tx.Emit(pim.Event{Type: pim.EvActRequested, Actor: "bob", Subject: "bob", RoleID: "dba", Result: pim.OK})
			}
			return nil
		})
	}
	f := store.EntryFilter{Person: "alice", RoleID: "other", Result: "ok", Limit: 10}
	type found struct {
		rows []store.EntryRow
		back int64
	}
	search := func(f store.EntryFilter) found {
		return get(t, s, func(r *store.Reader) (v found, err error) { v.rows, v.back, err = r.Search(f); return v, err })
	}
	if v := search(f); len(v.rows) != 10 || v.back != 0 {
		t.Errorf("a full page has %d rows and stopped at %d", len(v.rows), v.back)
	}
	f.RoleID = "dba"
	v := search(f)
	if len(v.rows) != 0 || v.back != 2001 {
		t.Fatalf("%d rows, stopped at %d; want none, at Alice's 5,000th entry from the end", len(v.rows), v.back)
	}
	f.Before = v.back
	if v = search(f); len(v.rows) != 1 || v.rows[0].Seq != 0 || v.back != 0 {
		t.Errorf("further on there are %d rows, stopped at %d", len(v.rows), v.back)
	}
}

func filterRows(rows []store.EntryRow, f store.EntryFilter) []int64 {
	var out []int64
	for _, e := range rows {
		kind := f.Type == "" || e.Type == f.Type || strings.HasSuffix(f.Type, ".") && strings.HasPrefix(e.Type, f.Type)
		if (f.Person == "" || e.Actor == f.Person || e.Subject == f.Person) && (f.RoleID == "" || e.RoleID == f.RoleID) && kind && (f.Result == "" || e.Result == f.Result) {
			out = append(out, e.Seq)
		}
	}
	return out
}

func pageThrough(t *testing.T, s *store.Store, f store.EntryFilter, limit int) []int64 {
	t.Helper()
	var out []int64
	f.Limit = limit
	for {
		page := get(t, s, func(r *store.Reader) ([]store.EntryRow, error) { return r.Entries(f) })
		for _, e := range page {
			out = append(out, e.Seq)
		}
		if len(page) < limit || out[len(out)-1] == 0 {
			sameLines(t, s, f, limit, out)
			return out
		}
		f.Before = out[len(out)-1]
	}
}

// sameLines holds what an export reads against the entries of the same search: the same leaves, with the same texts.
func sameLines(t *testing.T, s *store.Store, f store.EntryFilter, limit int, want []int64) {
	t.Helper()
	type piece struct {
		lines []store.Line
		next  int64
	}
	var got []int64
	f.Before = 0
	for more := true; more; more = f.Before != 0 {
		p := get(t, s, func(r *store.Reader) (p piece, err error) {
			p.lines, p.next, err = r.Lines(f, limit)
			return p, err
		})
		for _, l := range p.lines {
			got = append(got, l.Seq)
			e := get(t, s, func(r *store.Reader) (store.EntryRow, error) { return r.Entry(l.Seq) })
			texts := map[string]string{}
			for _, text := range l.Texts {
				texts[text.Field] = text.Value
			}
			if string(e.Leaf) != l.Leaf || !maps.Equal(texts, e.Texts) {
				t.Errorf("line %d is %q with %v, the entry %q with %v", l.Seq, l.Leaf, texts, e.Leaf, e.Texts)
			}
		}
		f.Before = p.next
	}
	if !slices.Equal(got, want) {
		t.Errorf("lines of %+v:\n have %v\n want %v", f, got, want)
	}
}

// T22: a filter is a value, whatever is in it.
func hostileEntries(t *testing.T, s *store.Store) {
	hostile := []string{"%", "_", `\`, "' OR 1=1 --", `"`, "$1", "?", "a%b", "ops", "ops-2", "оps", "a>b", "<>", strings.Repeat("x", 256)}
	do(t, s, func(tx *store.Tx) error {
		for _, h := range hostile {
			tx.Emit(pim.Event{Type: pim.EvSignedIn, Actor: h, Subject: h, RoleID: h, Correlation: h, Result: pim.OK})
		}
		return nil
	})
	for i, h := range hostile {
		for name, f := range map[string]store.EntryFilter{"person": {Person: h}, "role": {RoleID: h}, "story": {Correlation: h}, "all": {Person: h, RoleID: h, Type: "session.", Result: "ok"}} {
			f.Limit = 10
			got := get(t, s, func(r *store.Reader) ([]store.EntryRow, error) { return r.Entries(f) })
			if len(got) != 1 || got[0].Seq != int64(i) {
				t.Errorf("%s %q: %d hits", name, h, len(got))
			}
		}
	}
	for _, kind := range []string{"%", "session%", "_", "'", ".", "%.", "session.started' OR '1'='1"} {
		if got := get(t, s, func(r *store.Reader) ([]store.EntryRow, error) {
			return r.Entries(store.EntryFilter{Type: kind, Limit: 10})
		}); len(got) != 0 {
			t.Errorf("type %q: %d hits", kind, len(got))
		}
	}
	if types := get(t, s, (*store.Reader).EntryTypes); !slices.Equal(types, []string{"session.started"}) {
		t.Errorf("types %v", types)
	}
}

// K-17: one story, oldest first.
func story(t *testing.T, s *store.Store) {
	sampleLog(t, s, 60)
	got := get(t, s, func(r *store.Reader) ([]store.EntryRow, error) {
		return r.Story("act-2", 100)
	})
	var seqs []int64
	for _, e := range got {
		if e.Correlation != "act-2" {
			t.Errorf("entry %d is of %q", e.Seq, e.Correlation)
		}
		seqs = append(seqs, e.Seq)
	}
	if len(seqs) != 5 || !slices.IsSorted(seqs) {
		t.Errorf("%v", seqs)
	}
	if types := get(t, s, (*store.Reader).EntryTypes); len(types) != 4 || !slices.IsSorted(types) {
		t.Errorf("types %v", types)
	}
}

// Invariant 11: the leaf holds commitments, the text stands beside it, and both fit together.
func textsBesideTheLeaf(t *testing.T, s *store.Store) {
	texts := map[string]string{"name": "Zoë", "justification": "patch\n'now'"}
	do(t, s, func(tx *store.Tx) error {
		e := pim.PersonEvent(pim.EvActRefused, "alice", "alice", "")
		for k, v := range texts {
			e = e.WithText(k, v)
		}
		tx.Emit(e)
		emit(tx, "bob")
		return nil
	})
	e := get(t, s, func(r *store.Reader) (store.EntryRow, error) { return r.Entry(0) })
	if !maps.Equal(e.Texts, texts) || len(e.Commitments) != 2 || strings.Contains(string(e.Leaf), "Zoë") || strings.Contains(string(e.Leaf), "patch") {
		t.Errorf("texts %v, leaf %s", e.Texts, e.Leaf)
	}
	rows := get(t, s, func(r *store.Reader) ([]store.EntryRow, error) { return r.Entries(store.EntryFilter{Limit: 5}) })
	if len(rows) != 2 || len(rows[0].Texts) != 0 || !maps.Equal(rows[1].Texts, texts) {
		t.Errorf("%+v", rows)
	}
	verifyLog(t, s)
}

// The evidence of a refusal holds what was typed: NUL and broken UTF-8 are no text to PostgreSQL, and would take
// down everybody's operations of the batch. What is kept is what was committed to.
func brokenTexts(t *testing.T, s *store.Store) {
	for typed, kept := range map[string]string{"a\x00b": "a\uFFFDb", "a\xffb": "a\uFFFDb", "\xc3": "\uFFFD", "שלום": "שלום"} {
		refusal := pim.Invalid("justification", "no")
		err := store.Do(context.Background(), s, func(tx *store.Tx) error {
			e := pim.PersonEvent(pim.EvActRefused, "alice", "alice", "").AsRefused()
			tx.Emit(e.WithText("justification", typed))
			return refusal
		})
		if !errors.Is(err, refusal) {
			t.Fatalf("%q: %v", typed, err)
		}
		rows := get(t, s, func(r *store.Reader) ([]store.EntryRow, error) { return r.Entries(store.EntryFilter{Limit: 1}) })
		if len(rows) != 1 || rows[0].Texts["justification"] != kept {
			t.Errorf("%q is kept as %+v", typed, rows)
		}
	}
	verifyLog(t, s)
}

func checkpoints(t *testing.T, s *store.Store) {
	save := func(size int64, note string) {
		do(t, s, func(tx *store.Tx) error { return tx.SaveCheckpoint(audit.Checkpoint{Size: size, Note: []byte(note)}) })
	}
	save(2, "two")
	save(10, "ten")
	save(2, "two again")
	if got := get(t, s, (*store.Reader).Checkpoints); !slices.Equal(got, []string{"two again", "ten"}) {
		t.Errorf("%q", got)
	}
	if n := get(t, s, (*store.Reader).LastCheckpointSize); n != 10 {
		t.Errorf("the last covers %d", n)
	}
}

// The stored hashes are those of the tree: the head rebuilt from them is the head in memory, at every size.
func treeProofs(t *testing.T, s *store.Store) {
	for n := range 17 {
		rebuilt := get(t, s, func(r *store.Reader) (audit.Head, error) { return audit.LoadHead(int64(n), r.HashReader()) })
		if head := s.Head(); rebuilt.Root != head.Root || head.Size != int64(n) {
			t.Fatalf("size %d: rebuilt %v, in memory %v", n, rebuilt.Root, head.Root)
		}
		if err := store.Do(context.Background(), s, func(tx *store.Tx) error { emit(tx, fmt.Sprint("p", n)); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	verifyLog(t, s)
}

// controlTexts: what the store joins columns with on their way may stand in a text itself.
func controlTexts(t *testing.T, s *store.Store) {
	texts := []string{"plain", "a\x1fb\x1f", "\x1f"}
	do(t, s, func(tx *store.Tx) error {
		for _, text := range texts {
			tx.Emit(pim.PersonEvent(pim.EvSignedOut, "system", "p", "").WithText("name", text).WithText("reason", "r"))
		}
		return nil
	})
	lines := get(t, s, func(r *store.Reader) ([]store.Line, error) {
		lines, _, err := r.Lines(store.EntryFilter{}, 50)
		return lines, err
	})
	if len(lines) != len(texts) {
		t.Fatalf("%d lines", len(lines))
	}
	for i, l := range lines {
		if want := []store.LineText{{Field: "name", Value: texts[len(texts)-1-i]}, {Field: "reason", Value: "r"}}; !slices.Equal(l.Texts, want) {
			t.Errorf("entry %d has the texts %q, want %q", l.Seq, l.Texts, want)
		}
	}
	verifyLog(t, s)
}
