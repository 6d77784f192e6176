package store_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/stinttest/postgres"
	"stint/internal/store"
)

// BenchmarkAudit is one page of a log of 5,000,000 entries (STINT_ENTRIES), by the way it is asked for. Goals: p99 at most
// 10 ms on SQLite and 20 ms on PostgreSQL, the worst at most 50 ms. "one row" beside it is what any read costs. STINT_LOG
// names a file that keeps the log of SQLite for the next time: writing it takes longer than all the rest.
func BenchmarkAudit(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) {
		path := os.Getenv("STINT_LOG")
		if path == "" {
			path = filepath.Join(b.TempDir(), "stint.db")
		}
		benchAudit(b, store.Options{Path: path})
	})
	b.Run("postgres", func(b *testing.B) {
		benchAudit(b, store.Options{URL: postgres.Start(b).Lasting(b)})
	})
}

func benchAudit(b *testing.B, o store.Options) {
	s, err := store.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	n := seedAudit(b, s)
	for _, c := range []struct {
		name string
		f    store.EntryFilter
	}{
		{"latest", store.EntryFilter{}},
		{"deep", store.EntryFilter{Before: n / 2}},
		{"person who does much", store.EntryFilter{Person: "p0"}},
		{"person who does little", store.EntryFilter{Person: "p1900"}},
		{"role", store.EntryFilter{RoleID: "r7"}},
		{"target", store.EntryFilter{TargetID: "t1"}},
		{"action", store.EntryFilter{Type: "activation.approved"}},
		{"kind of action", store.EntryFilter{Type: "activation."}},
		{"refused", store.EntryFilter{Result: "refused"}},
		{"below a node of 255", store.EntryFilter{Below: "s1"}},
		{"below the root", store.EntryFilter{Below: "s0"}},
		{"two broad conditions", store.EntryFilter{Person: "p0", TargetID: "t1"}},
		{"two conditions that never meet", store.EntryFilter{RoleID: "r0", TargetID: "t4"}},
		{"five conditions", store.EntryFilter{Person: "p0", TargetID: "t1", Type: "activation.", Below: "s0", Result: "ok"}},
		{"rare word", store.EntryFilter{Words: "w4999x"}},
		{"word in every tenth", store.EntryFilter{Words: "w0x"}},
		{"beginning of many words", store.EntryFilter{Words: "w"}},
		{"two words", store.EntryFilter{Words: "w0x w1x"}},
		{"two words that never meet", store.EntryFilter{Words: "w0x nextto"}},
		{"word and person", store.EntryFilter{Words: "w0x", Person: "p3"}},
		{"ten thousand in the middle", store.EntryFilter{From: n / 2, Until: n/2 + 10_000, RoleID: "r7"}},
	} {
		c.f.Limit = benchPage
		b.Run(c.name, func(b *testing.B) {
			timeRead(b, s, func(r *store.Reader) error { _, _, err := r.Search(c.f); return err })
		})
		if c.f.Before == 0 {
			b.Run("histogram, "+c.name, func(b *testing.B) {
				var ends [2]time.Time
				timeRead(b, s, func(r *store.Reader) error {
					first, err := r.Entry(0)
					if err == nil {
						ends = [2]time.Time{first.At, r.Now}
						_, err = r.Histogram(c.f, evenly(ends, 12))
					}
					return err
				})
			})
		}
	}
	b.Run("one row", func(b *testing.B) {
		timeRead(b, s, func(r *store.Reader) error { _, err := r.Entry(n / 3); return err })
	})
}

func evenly(ends [2]time.Time, n int) (out []time.Time) {
	for i := range n + 1 {
		out = append(out, ends[0].Add(ends[1].Sub(ends[0])*time.Duration(i)/time.Duration(n)))
	}
	return out
}

var benchTypes = []pim.EventType{pim.EvActRequested, pim.EvActApproved, pim.EvActScheduled, pim.EvActEnded, pim.EvGrantGone, pim.EvSignedIn, pim.EvAssignmentMade, pim.EvStepUpRefused}

// seedAudit writes a log as a company writes it: few people do much, reasons share words, one in fifty is refused.
func seedAudit(b *testing.B, s *store.Store) int64 {
	if kept := s.Head().Size; kept > 0 {
		return int64(kept)
	}
	n := int64(5_000_000)
	if text := os.Getenv("STINT_ENTRIES"); text != "" {
		n, _ = strconv.ParseInt(text, 10, 64)
	}
	write := func(fn func(tx *store.Tx) error) {
		if err := store.Do(b.Context(), s, fn); err != nil {
			b.Fatal(err)
		}
	}
	write(func(tx *store.Tx) error {
		for i := range 511 { // nine levels, two below each
			parent := ""
			if i > 0 {
				parent = fmt.Sprint("s", (i-1)/2)
			}
			if err := tx.InsertResource(pim.Resource{ID: fmt.Sprint("s", i), ParentID: parent, Kind: "resource", Name: fmt.Sprint("s", i), Source: pim.SourceFile}); err != nil {
				return err
			}
		}
		return nil
	})
	rng := rand.New(rand.NewPCG(1, 2))
	people, roles, words := rand.NewZipf(rng, 1.2, 8, 1999), rand.NewZipf(rng, 1.2, 4, 299), rand.NewZipf(rng, 1.1, 20, 4999)
	const piece = 5_000
	for at := int64(0); at < n; at += piece {
		write(func(tx *store.Tx) error {
			for range min(piece, n-at) {
				role := roles.Uint64()
				e := pim.Event{Type: benchTypes[rng.IntN(len(benchTypes))], Actor: fmt.Sprint("p", people.Uint64()), Subject: fmt.Sprint("p", people.Uint64()),
					RoleID: fmt.Sprint("r", role), TargetID: fmt.Sprint("t", role%4), ResourceID: fmt.Sprint("s", rng.IntN(511)),
					Correlation: fmt.Sprint("a", at/piece, "-", rng.IntN(1000)), Result: pim.OK}
				if rng.IntN(50) == 0 {
					e = e.AsRefused()
				}
				tx.Emit(e.WithText("reason", fmt.Sprintf("w%dx w%dx w%dx w%dx", words.Uint64(), words.Uint64(), words.Uint64(), words.Uint64())))
			}
			return nil
		})
	}
	write(func(tx *store.Tx) error {
		tx.Emit(pim.Event{Type: pim.EvSignedIn, Actor: "p1", Result: pim.OK}.WithText("reason", "nextto"))
		return nil
	})
	for more := true; more; {
		write(func(tx *store.Tx) (err error) { more, err = tx.IndexWords(); return err })
	}
	return n + 1
}
