package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"stint/internal/audit"
	"stint/internal/pim"
	"stint/internal/store"
)

// BenchmarkVerify is verifying tree and checkpoints of a log of 1,000,000 entries (STINT_ENTRIES) out of its database,
// a checkpoint every 100 entries. Goal: at most 10 s. Beside it, reading the same rows and doing nothing with them, and an
// export of the same log into a file.
func BenchmarkVerify(b *testing.B) {
	n := int64(1_000_000)
	if text := os.Getenv("STINT_ENTRIES"); text != "" {
		n, _ = strconv.ParseInt(text, 10, 64)
	}
	s, err := store.Open(b.Context(), store.Options{Path: filepath.Join(b.TempDir(), "stint.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	signer, err := audit.OpenSigner(filepath.Join(b.TempDir(), "keys", "audit.key"), "stint.example/stint/audit", "")
	if err != nil {
		b.Fatal(err)
	}
	for s.Head().Size < n {
		if err := store.Do(b.Context(), s, func(tx *store.Tx) error {
			if head := tx.Head(); head.Size > 0 {
				c, err := signer.Sign(head)
				if err != nil {
					return err
				}
				if err := tx.SaveCheckpoint(c); err != nil {
					return err
				}
			}
			for i := range min(100, n-tx.Head().Size) {
				e := pim.Event{Type: pim.EvAssignmentMade, Actor: fmt.Sprint("p", i), Subject: "p1", RoleID: "r1", ResourceID: "s1", ObjectID: fmt.Sprint("o", i), Result: pim.OK,
					Facts: map[string]any{"kind": "eligible", "ends_at": i, "privileged": true}}
				tx.Emit(e.WithText("reason", "Because it is measured"))
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	read := func(b *testing.B, fn func(l audit.Log, r *store.Reader) error) {
		b.Helper()
		for b.Loop() {
			if _, err := store.Read(b.Context(), s, func(r *store.Reader) (struct{}, error) {
				l, err := r.VerifyLog()
				if err == nil {
					l.Origin, l.VKeys = signer.Origin(), []string{signer.VKey()}
					err = fn(l, r)
				}
				return struct{}{}, err
			}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(n*int64(b.N))/b.Elapsed().Seconds(), "entries/s")
		b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/log")
	}
	b.Run("rows alone", func(b *testing.B) {
		read(b, func(l audit.Log, _ *store.Reader) error {
			for _, err := range l.Entries {
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	b.Run("tree and checkpoints", func(b *testing.B) {
		read(b, func(l audit.Log, _ *store.Reader) error {
			report, err := audit.Verify(l)
			if err == nil && (!report.OK() || report.Size != n) {
				b.Fatal(report.Findings)
			}
			return err
		})
	})
	b.Run("export", func(b *testing.B) {
		read(b, func(l audit.Log, r *store.Reader) error {
			f, err := os.Create(filepath.Join(b.TempDir(), "log.jsonl"))
			if err != nil {
				return err
			}
			defer f.Close()
			size, err := r.LastCheckpointSize()
			if err != nil {
				return err
			}
			return audit.WriteExport(f, signer.Origin(), size, r.Leaves(0, size), r.KeptCheckpoints())
		})
	})
}

// BenchmarkAppend is what the two entries of an activation add to a transaction: one with them and one without, in turns.
// Goal: at most 1 ms in the median.
func BenchmarkAppend(b *testing.B) {
	s, err := store.Open(b.Context(), store.Options{Path: filepath.Join(b.TempDir(), "stint.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	var took [2][]time.Duration
	for i := 0; b.Loop(); i++ {
		for with := range 2 {
			start := time.Now()
			if err := store.Do(b.Context(), s, func(tx *store.Tx) error {
				for range 2 * with {
					tx.Emit(pim.Event{Type: pim.EvActRequested, Actor: "p1", Subject: "p1", RoleID: "r1", ResourceID: "s1", ObjectID: "a1", Correlation: "a1", Result: pim.OK,
						Facts: map[string]any{"assignment": "as1", "duration_s": int64(3600)}}.WithText("justification", "Because it is measured"))
				}
				return tx.SetMeta("measured", strconv.Itoa(i))
			}); err != nil {
				b.Fatal(err)
			}
			took[with] = append(took[with], time.Since(start))
		}
	}
	p50 := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(d[len(d)/2].Microseconds())
	}
	without, with := p50(took[0]), p50(took[1])
	b.ReportMetric(without, "µs-without")
	b.ReportMetric(with, "µs-with")
	b.ReportMetric(with-without, "µs-added")
}
