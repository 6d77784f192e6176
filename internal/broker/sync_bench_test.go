package broker_test

import (
	"fmt"
	"iter"
	"syscall"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

const benchSynced = 100_000

// crowdOf makes entries while they are read, in no order of names.
func crowdOf(n int) iter.Seq[connector.PersonEntry] {
	return func(yield func(connector.PersonEntry) bool) {
		for i := range n {
			id := fmt.Sprintf("%08d-0000-4000-8000-000000000000", i)
			boss := fmt.Sprintf("%08d-0000-4000-8000-000000000000", i/50)
			if !yield(faketarget.Someone(id, "sub", "s"+id, "name", fmt.Sprintf("Person %06d", i*7919%benchSynced), "mail", id+"@x.example", "dept", fmt.Sprintf("Department %d", i%300), "title", "Clerk", "uac", "512", "manager", boss)) {
				return
			}
		}
	}
}

// BenchmarkDirectorySync follows a directory of 100,000: everybody new, and again with nothing changed. Goals: at most
// 60 s, and no write above 50 ms.
func BenchmarkDirectorySync(b *testing.B) {
	for range b.N {
		w := stinttest.New(b)
		w.Person("carol")
		w.Administrator("carol")
		w.Target.SetPeople(crowdOf(benchSynced))
		w.Do(func(tx *store.Tx) error {
			return tx.SaveSync(store.Sync{TargetID: stinttest.Directory, Salt: "salt", Settings: settings(w)})
		})
		for i, name := range []string{"preview", "first", "again"} {
			w.Clock.Advance(time.Minute)
			_, err := w.Broker.AskSync(b.Context(), broker.Actor{PrincipalID: "carol"}, stinttest.Directory, i == 0)
			w.OK(err)
			begun := time.Now()
			w.OK(w.Broker.SyncDue(b.Context()))
			b.ReportMetric(time.Since(begun).Seconds(), name+"-s")
			run := stinttest.Read(w, func(r *store.Reader) ([]store.SyncRun, error) { return r.SyncRuns(stinttest.Directory, 1) })[0]
			if run.State != pim.SyncDone || i == 1 && run.Counts.Added != benchSynced || i == 2 && run.Counts.Added+run.Counts.Changed != 0 {
				b.Fatalf("%s: %+v", name, run)
			}
			b.ReportMetric(float64(run.Counts.LongestMS), name+"-longest-ms")
		}
		b.ReportMetric(float64(peakRSS())/1024, "rss-MB")
	}
}

// peakRSS is the most memory the process ever had, in KB.
func peakRSS() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Maxrss
}
