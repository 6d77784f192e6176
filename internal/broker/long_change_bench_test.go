package broker_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// BenchmarkRetireOfMuch retires a subtree of 1,000 resources with 20,000 assignments, a few hundred of them active or
// activated, while somebody else writes all the time. Goal: no write holds the writer above 50 ms.
func BenchmarkRetireOfMuch(b *testing.B) {
	for range b.N {
		d := newDesk(b, false)
		d.do(func(tx *store.Tx) error {
			errs := []error{insertGroup(tx, "region", "org", "Region North")}
			for i := range 1000 {
				id := fmt.Sprintf("db%d", i)
				errs = append(errs, tx.InsertResource(pim.Resource{ID: id, ParentID: "region", Kind: "database", Name: id, Source: pim.SourceFile}))
				if i < 300 {
					errs = append(errs, tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: id, Name: "cn=" + id}))
				}
			}
			return errors.Join(errs...)
		})
		d.assigned("db%d", 20_000)
		d.eligible("bob", "dba", "db5")
		d.activate("alice", "alice-dba", time.Hour)
		d.later()
		begun := time.Now()
		out, err := d.b.RetireResource(d.ctx, d.as("carol"), "region", 0)
		d.ok(err)
		b.ReportMetric(ms(time.Since(begun)), "ask-ms")
		begun = time.Now()
		d.ok(d.confirmed("carol", out, err))
		b.ReportMetric(ms(time.Since(begun)), "decide-ms")
		d.carriedBesideOthers(b)
	}
}

// carriedBesideOthers carries out what was decided while somebody else writes all the time.
func (d *desk) carriedBesideOthers(b *testing.B) {
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
			took = append(took, time.Since(at))
		}
	}()
	begun := time.Now()
	for more := true; more; {
		var err error
		more, err = d.b.CarryOn(d.ctx)
		d.ok(err)
	}
	b.ReportMetric(time.Since(begun).Seconds(), "carried-s")
	close(stop)
	took := <-waits
	slices.Sort(took)
	b.ReportMetric(ms(took[len(took)*99/100]), "others-p99-ms")
	b.ReportMetric(ms(took[len(took)-1]), "others-longest-ms")
}

// BenchmarkRemoveLargeGroup removes a group of 20,000 people which is in another one, with 100 assignments and a hundred
// activations through it, while somebody else writes all the time. Goal: no write holds the writer above 50 ms.
func BenchmarkRemoveLargeGroup(b *testing.B) {
	for range b.N {
		d := newDesk(b, false)
		d.group("crowd", "alice")
		d.group("around", "crowd")
		d.crowd("crowd", 20_000)
		d.do(func(tx *store.Tx) (err error) {
			for i := range 100 {
				id := fmt.Sprintf("r%d", i)
				err = errors.Join(err, tx.InsertResource(pim.Resource{ID: id, ParentID: "org", Kind: "database", Name: id, Source: pim.SourceFile}),
					tx.InsertAssignment(pim.Assignment{ID: "a" + id, PrincipalID: "crowd", RoleID: "dba", ResourceID: id, Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}))
			}
			return err
		})
		for i := range 100 {
			d.activate("alice", fmt.Sprintf("ar%d", i), time.Hour)
		}
		begun := time.Now()
		out, err := d.b.RemoveGroup(d.ctx, d.as("carol"), "crowd", 1)
		d.ok(err)
		b.ReportMetric(ms(time.Since(begun)), "ask-ms")
		begun = time.Now()
		d.ok(d.confirmed("carol", out, err))
		b.ReportMetric(ms(time.Since(begun)), "decide-ms")
		d.carriedBesideOthers(b)
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
