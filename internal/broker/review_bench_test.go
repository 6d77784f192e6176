package broker_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// BenchmarkReviewStart freezes 100,000 assignments of 10,000 people with 100 managers, while somebody else writes all the
// time. Goal: at most 20 s and 200 MB, and nobody waits for the writer above 50 ms.
func BenchmarkReviewStart(b *testing.B) {
	const people, each = 10_000, 10
	for range b.N {
		d := newDesk(b, false)
		d.do(func(tx *store.Tx) error {
			var errs []error
			for n := range each {
				errs = append(errs, tx.InsertRole(pim.RoleDefinition{ID: fmt.Sprintf("r%d", n), Name: fmt.Sprintf("Role %d", n), Source: pim.SourceFile}))
			}
			return errors.Join(errs...)
		})
		for done := 0; done < people; done += 200 {
			d.do(func(tx *store.Tx) error {
				for n := done; n < done+200; n++ {
					p := pim.Principal{ID: fmt.Sprintf("p%05d", n), Kind: pim.Person, Name: fmt.Sprintf("Person %d", n), Department: fmt.Sprint("d", n%50), Title: "Engineer", Enabled: true, Source: pim.SourceFile}
					p.PersonID = p.ID
					if n >= 100 {
						p.ManagerID = fmt.Sprintf("p%05d", n%100)
					}
					if err := tx.InsertPrincipal(p); err != nil {
						return err
					}
					for r := range each {
						err := tx.InsertAssignment(pim.Assignment{ID: fmt.Sprintf("a%05d-%d", n, r), PrincipalID: p.ID, RoleID: fmt.Sprintf("r%d", r), ResourceID: "org", Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile})
						if err != nil {
							return err
						}
					}
				}
				return nil
			})
		}
		var roles []string
		for n := range each {
			roles = append(roles, fmt.Sprintf("r%d", n))
		}
		id, err := d.saves("carol", d.campaign(func(s *broker.ReviewSave) {
			s.Terms.Scope.Roles, s.Terms.Stages = roles, []pim.ReviewStage{{Kind: pim.ReviewersManager, Fallback: []string{"bob"}, Days: 14}}
		}))
		d.ok(err)
		var most atomic.Uint64
		stop, waits := make(chan struct{}), make(chan []time.Duration)
		go func() {
			var took []time.Duration
			for {
				select {
				case <-stop:
					waits <- took
					return
				default:
				}
				at := time.Now()
				_ = store.Do(d.ctx, d.b.Store(), func(tx *store.Tx) error { _, err := tx.Principal("alice"); return err })
				if took = append(took, time.Since(at)); len(took)%500 == 0 {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					most.Store(max(most.Load(), m.HeapInuse))
				}
			}
		}()
		begun := time.Now()
		for d.started(id) == 0 {
			d.ok(d.b.ReviewAll(d.ctx))
		}
		b.ReportMetric(time.Since(begun).Seconds(), "started-s")
		close(stop)
		took := <-waits
		slices.Sort(took)
		b.ReportMetric(ms(took[len(took)*99/100]), "others-p99-ms")
		b.ReportMetric(ms(took[len(took)-1]), "others-longest-ms")
		b.ReportMetric(float64(most.Load())/1e6, "heap-MB")
		if i := d.latest(id); i.Counts.Items != people*each || i.State != pim.ReviewInProgress {
			b.Fatalf("%+v", i)
		}
	}
}

func (d *desk) started(reviewID string) int64 {
	d.Helper()
	return look(d, func(r *store.Reader) (pim.ReviewDefinition, error) { return r.Review(reviewID) }).Started
}
