package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

var reasons = []string{"Repair the stuck invoice run INC-48207", "Überprüfung: billing-prod, inc 48207", "rotate keys", "", "100% <b>repair</b> _x_"}

// placedTree makes org > prod > db.
func placedTree(t *testing.T, s *store.Store) {
	t.Helper()
	do(t, s, func(tx *store.Tx) error {
		for i, id := range []string{"org", "prod", "db"} {
			if err := tx.InsertResource(pim.Resource{ID: id, ParentID: []string{"", "org", "prod"}[i], Kind: "resource", Name: id, Source: pim.SourceBrowser}); err != nil {
				return err
			}
		}
		return nil
	})
}

// placedLog writes events in that tree and beside it.
func placedLog(t *testing.T, s *store.Store, n int) {
	t.Helper()
	for i := range n {
		do(t, s, func(tx *store.Tx) error {
			e := pim.Event{Type: []pim.EventType{pim.EvActRequested, pim.EvSignedIn}[i%2], Actor: []string{"alice", "bob"}[i/2%2], Result: pim.OK,
				ResourceID: []string{"", "org", "prod", "db", "beside"}[i%5], TargetID: []string{"ldap", "", "pg"}[i%3], Texts: map[string]string{}}
			e.Texts["reason"] = reasons[i%len(reasons)]
			if i%7 == 3 {
				e.Result = pim.Refused
			}
			tx.Emit(e)
			return nil
		})
	}
}

// entriesByWords compares filters with a walk over the log, while the index of words covers nothing, a part, and all.
func entriesByWords(t *testing.T, s *store.Store) {
	placedTree(t, s)
	placedLog(t, s, 60)
	whole := get(t, s, func(r *store.Reader) ([]store.EntryRow, error) { return r.Entries(store.EntryFilter{Limit: 200}) })
	below := map[string][]string{"": nil, "org": {"org", "prod", "db"}, "prod": {"prod", "db"}, "beside": {"beside"}, "nowhere": {"nowhere"}}
	check := func(how string) {
		for node, ids := range below {
			for _, target := range []string{"", "pg"} {
				for _, words := range []string{"", "repair", "REP", "ube", "inc 48207", "48207 billing", "b", "nothing", "%", "repair nothing"} {
					for _, span := range [][2]int64{{0, 0}, {10, 40}} {
						f := store.EntryFilter{Below: node, TargetID: target, Words: words, From: span[0], Until: span[1]}
						var want []int64
						for _, e := range whole {
							in := node == "" || slices.Contains(ids, e.ResourceID)
							if in && (target == "" || e.TargetID == target) && e.Seq >= span[0] && (span[1] == 0 || e.Seq < span[1]) && said(e.Texts["reason"], words) {
								want = append(want, e.Seq)
							}
						}
						if got := pageThrough(t, s, f, 7); !slices.Equal(got, want) {
							t.Errorf("%s, %+v:\n have %v\n want %v", how, f, got, want)
						}
					}
				}
			}
		}
	}
	check("no words in the index")
	index := func() bool {
		more := false
		do(t, s, func(tx *store.Tx) (err error) { more, err = tx.IndexWords(); return err })
		return more
	}
	if index() {
		t.Error("60 entries are one piece")
	}
	whole = get(t, s, func(r *store.Reader) ([]store.EntryRow, error) { return r.Entries(store.EntryFilter{Limit: 200}) })
	check("all words in the index")
	placedLog(t, s, 20)
	whole = get(t, s, func(r *store.Reader) ([]store.EntryRow, error) { return r.Entries(store.EntryFilter{Limit: 200}) })
	check("the latest words are not in the index")
	if behind := get(t, s, func(r *store.Reader) (bool, error) { return r.Unindexed() }); !behind {
		t.Error("nobody would index the latest")
	}
	index()
	if behind := get(t, s, func(r *store.Reader) (bool, error) { return r.Unindexed() }); behind {
		t.Error("everything is indexed, and it says there is more")
	}
	index() // does nothing, twice the same row would be refused
}

// said reads a text the slow way: every word of the search begins one of the text.
func said(text, search string) bool {
	if search == "" {
		return true
	}
	split := func(s string) []string {
		return strings.FieldsFunc(store.Fold(s), func(r rune) bool { return strings.ContainsRune(" -:,.%<>_/", r) })
	}
	asked := split(search)
	for _, a := range asked {
		if !slices.ContainsFunc(split(text), func(w string) bool { return strings.HasPrefix(w, a) }) {
			return false
		}
	}
	return len(asked) > 0
}

// histogram holds the counts of buckets against the pages of the same search.
func histogram(t *testing.T, s *store.Store) {
	placedTree(t, s)
	placedLog(t, s, 60)
	do(t, s, func(tx *store.Tx) error { _, err := tx.IndexWords(); return err })
	var bounds []time.Time
	for i := range 6 {
		e := get(t, s, func(r *store.Reader) (store.EntryRow, error) { return r.Entry(int64(10 * i)) })
		bounds = append(bounds, e.At)
	}
	bounds = append(bounds, bounds[5].Add(time.Hour))
	refused := 0
	for _, f := range []store.EntryFilter{{}, {Result: "ok", Person: "bob"}, {From: 10, Until: 33}, {Person: "alice"}, {Below: "prod"}, {Words: "repair"}, {Person: "bob", TargetID: "pg"}, {Result: "refused"}, {Words: "nothing"},
		{Person: "alice", Own: true, Words: "rep"}, {Person: "bob", Own: true, Type: "session.", Words: "48207"}, {Person: "bob", Own: true, Below: "prod"}} {
		found := pageThrough(t, s, f, 200)
		buckets := get(t, s, func(r *store.Reader) ([]store.Bucket, error) { return r.Histogram(f, bounds) })
		total := 0
		for i, b := range buckets {
			want, no := 0, 0
			for _, seq := range found {
				e := get(t, s, func(r *store.Reader) (store.EntryRow, error) { return r.Entry(seq) })
				if !e.At.Before(bounds[i]) && e.At.Before(bounds[i+1]) {
					want++
					if e.Result == "refused" {
						no++
					}
				}
			}
			total += b.Count
			refused += b.Refused
			if b.Count != want || b.More || b.Refused != no || b.RefusedMore {
				t.Errorf("%+v, bucket %d: %+v, want %d and %d refused", f, i, b, want, no)
			}
		}
		if total != len(found) {
			t.Errorf("%+v: %s", f, fmt.Sprint(total, " of ", len(found)))
		}
	}
	if refused == 0 {
		t.Error("nothing was refused: nothing is proved")
	}
}

// ownEntries holds that what somebody searches among their own entries says nothing of others' (U-01): neither how many
// there are, nor which words are in them.
func ownEntries(t *testing.T, s *store.Store) {
	many := func(n int, e func(i int) pim.Event) {
		do(t, s, func(tx *store.Tx) error {
			for i := range n {
				tx.Emit(e(i))
			}
			return nil
		})
	}
	asks := func(who, reason string) pim.Event {
		return pim.Event{Type: pim.EvActRequested, Actor: who, RoleID: "dba", Result: pim.OK, Texts: map[string]string{"reason": reason}}
	}
	many(400, func(int) pim.Event { return pim.Event{Type: pim.EvSignedIn, Actor: "alice", Result: pim.OK} })
	many(1, func(int) pim.Event { return asks("alice", "ledger zulu").AsRefused() })
	many(260, func(i int) pim.Event { return asks("bob", fmt.Sprintf("ledger zap%02d", i%30)).AsRefused() })
	for more := true; more; {
		do(t, s, func(tx *store.Tx) (err error) { more, err = tx.IndexWords(); return err })
	}
	at := func(seq int64) time.Time {
		return get(t, s, func(r *store.Reader) (store.EntryRow, error) { return r.Entry(seq) }).At
	}
	bounds := []time.Time{at(0), at(400), at(660).Add(time.Hour)}
	for _, f := range []store.EntryFilter{{Words: "ledger"}, {Words: "z"}, {RoleID: "dba"}, {Type: "activation."}, {RoleID: "dba", Words: "zu"}} {
		f.Person, f.Own, f.Limit = "alice", true, 50
		type page struct {
			rows    []store.EntryRow
			back    int64
			short   []string
			buckets []store.Bucket
		}
		p := get(t, s, func(r *store.Reader) (p page, err error) {
			var err2, err3 error
			p.rows, p.back, err = r.Search(f)
			p.short, _, err2 = r.Uncounted(f)
			p.buckets, err3 = r.Histogram(f, bounds)
			return p, errors.Join(err, err2, err3)
		})
		if len(p.rows) != 1 || p.back != 0 || p.rows[0].Actor != "alice" {
			t.Errorf("%+v: %d entries, back to %d", f, len(p.rows), p.back)
		}
		lines := get(t, s, func(r *store.Reader) ([]store.Line, error) { lines, _, err := r.Lines(f, 50); return lines, err })
		if len(lines) != 1 || lines[0].Seq != 400 {
			t.Errorf("%+v: %d lines", f, len(lines))
		}
		if b := p.buckets[1]; b.Count != 1 || b.More || b.Refused != 1 || b.RefusedMore || len(p.short) > 0 {
			t.Errorf("%+v: counted %+v, too short %q", f, b, p.short)
		}
	}
	of := store.EntryFilter{Words: "zap ledger on two2 three four4 seven"}
	short := get(t, s, func(r *store.Reader) ([]string, error) { short, _, err := r.Uncounted(of); return short, err })
	left := get(t, s, func(r *store.Reader) ([]string, error) { _, left, err := r.Uncounted(of); return left, err })
	if !slices.Equal(short, []string{"zap"}) || !slices.Equal(left, []string{"on"}) {
		t.Errorf("stands for too many: %q, not looked for: %q", short, left)
	}
}

// belowMuch finds what is below a resource however much that is: few resources have their own walks, more are listed, and
// from more than those the tree is climbed.
func belowMuch(t *testing.T, s *store.Store) {
	sizes := []int{10, 100, 2100}
	insert := func(parent, name string, from, until int) {
		do(t, s, func(tx *store.Tx) error {
			for i := from; i < until; i++ {
				id := fmt.Sprint(name, i)
				if err := tx.InsertResource(pim.Resource{ID: id, ParentID: parent, Kind: "resource", Name: id, Source: pim.SourceBrowser}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, n := range sizes {
		top := fmt.Sprint("top", n)
		insert("", "top", n, n+1)
		for at := 0; at < n; at += 100 {
			insert(top, top+"-", at, min(at+100, n))
		}
	}
	do(t, s, func(tx *store.Tx) error {
		for i := range 90 {
			n := sizes[i%3]
			tx.Emit(pim.Event{Type: pim.EvActRequested, Actor: []string{"alice", "bob"}[i/3%2], ResourceID: fmt.Sprint("top", n, "-", i*7%n), Result: pim.OK, Texts: map[string]string{}})
		}
		return nil
	})
	for i, n := range sizes {
		for _, who := range []string{"", "alice"} {
			var want []int64
			for seq := int64(89); seq >= 0; seq-- {
				if int(seq%3) == i && (who == "" || seq/3%2 == 0) {
					want = append(want, seq)
				}
			}
			f := store.EntryFilter{Below: fmt.Sprint("top", n), Person: who}
			if got := pageThrough(t, s, f, 7); !slices.Equal(got, want) {
				t.Errorf("below %d, %q:\n have %v\n want %v", n, who, got, want)
			}
		}
	}
}
