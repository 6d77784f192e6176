package broker_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// BenchmarkAuditExport writes a log of 200,000 entries (STINT_ENTRIES) into a file, alone and while people activate roles.
// Goals: 200,000 entries a second, at most 200 MB, an activation at most twice as slow (THREATS T31).
func BenchmarkAuditExport(b *testing.B) { onEngines(b, benchAuditExport) }

func benchAuditExport(b *testing.B, o store.Options) {
	w := benchWorld(b, o)
	n := 200_000
	if text := os.Getenv("STINT_ENTRIES"); text != "" {
		n, _ = strconv.Atoi(text)
	}
	const piece = 1_000
	for at := 0; at < n; at += piece {
		w.ok(store.Do(w.ctx, w.b.Store(), func(tx *store.Tx) error {
			for i := range piece {
				tx.Emit(pim.Event{Type: pim.EvActApproved, Actor: fmt.Sprintf("p%04d", i%benchPeople), Subject: fmt.Sprintf("p%04d", i%7), RoleID: "viewer", ResourceID: "org",
					Correlation: fmt.Sprint("a", at, "-", i%1000), Result: pim.OK}.WithText("reason", fmt.Sprint("Repair the stuck invoice run ", i)))
			}
			return nil
		}))
	}
	w.ok(store.Do(w.ctx, w.b.Store(), func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: "auditor", PrincipalID: "p0000", RoleID: pim.RoleAuditor, ResourceID: pim.StintResource, Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile})
	}))
	for _, format := range []string{broker.AuditJSONL, broker.AuditCSV} {
		b.Run(format, func(b *testing.B) {
			used := cpu()
			for b.Loop() {
				exportToFile(b, w, format, int64(n))
			}
			b.ReportMetric(float64((cpu()-used).Nanoseconds())/1e3/float64(n*b.N), "us-cpu/entry")
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
	next := 0
	alone := p99Activations(b, w, &next, 300)
	var stop atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for !stop.Load() {
			exportToFile(b, w, broker.AuditJSONL, int64(n))
		}
	}()
	beside := p99Activations(b, w, &next, 90)
	stop.Store(true)
	<-ended
	b.Logf("an activation takes %v (p99) alone, %v beside an export", alone, beside)
}

func exportToFile(b *testing.B, w *world, format string, atLeast int64) {
	x, err := w.b.BeginAuditExport(w.ctx, w.as("p0000"), broker.AuditAsk{Format: format})
	if err != nil {
		b.Error(err)
		return
	}
	file, err := os.Create(filepath.Join(b.TempDir(), "audit."+format))
	if err != nil {
		b.Error(err)
		return
	}
	defer file.Close()
	if err := x.Write(w.ctx, file); err != nil {
		b.Error(err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapInuse)/1e6, "MB-heap")
	if info, err := file.Stat(); err != nil || info.Size() < 300*atLeast {
		b.Errorf("the file is too small: %v, %v", info.Size(), err)
	}
}

// p99Activations requests so many activations, one after the other, each of another person.
func p99Activations(b *testing.B, w *world, next *int, n int) time.Duration {
	var took []time.Duration
	for range n {
		*next++
		start := time.Now()
		if _, err := request(w, *next); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}
