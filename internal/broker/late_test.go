package broker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// F7: what is late is told in one piece: an entry each, three at a target by name, and more as many; again after an hour.
func TestManyLateAreToldAsMany(t *testing.T) {
	t.Parallel()
	for _, many := range []int{3, 5} {
		t.Run(fmt.Sprint(many), func(t *testing.T) {
			t.Parallel()
			w := stinttest.New(t)
			w.Person("carol")
			w.Administrator("carol")
			w.Role("reader", stinttest.Rules{NoPasskey: true})
			w.Target.Misbehave(faketarget.Faults{Down: true})
			for i := range many {
				p := w.Person(fmt.Sprint("person-", i))
				p.SignIn()
				p.Activate(w.Eligible(p.ID, "reader", time.Time{}), "duration", "240", "justification", "Look it up")
			}
			notices := func() (one, all int) {
				for _, n := range stinttest.Read(w, func(r *store.Reader) ([]store.Notice, error) { return r.Notices("carol", store.Keyset{}, 100) }) {
					if strings.HasPrefix(n.Text, "Late: person-") {
						one++
					}
					if strings.HasPrefix(n.Text, fmt.Sprintf("Late at Directory: %d are not as they should be, the first since ", many)) {
						all++
					}
				}
				return one, all
			}
			tell := func(d time.Duration, times int) {
				t.Helper()
				w.Advance(d)
				w.OK(w.Broker.TellLate(t.Context()))
				one, all := notices()
				if many == 3 && (one != 3*times || all != 0) || many == 5 && (one != 0 || all != times) {
					t.Errorf("%d of %d by name, %d as many", one, many, all)
				}
				if n := len(w.Events(pim.EvGrantLate)); n != many*times {
					t.Errorf("%d entries", n)
				}
			}
			tell(10*time.Second, 0)
			tell(40*time.Second, 1)
			tell(time.Minute, 1)
			tell(time.Hour, 2)
		})
	}
}

// Who asks for a scan while one runs is answered by the next, which begins at once.
func TestScanAskedForWhileOneRuns(t *testing.T) {
	t.Parallel()
	d := newDrift(t)
	ask := make(chan struct{})
	d.Target.Misbehave(faketarget.Faults{Hang: ask})
	d.Clock.Advance(70 * time.Minute)
	done := make(chan error)
	go func() { _, err := d.Broker.ScanDue(d.Context()); done <- err }()
	await(t, func() bool { return !d.scanOf().LeaseUntil.IsZero() })
	d.Clock.Advance(time.Second)
	d.Do(func(tx *store.Tx) error { return tx.AskScan(stinttest.Directory, "carol") })
	close(ask)
	d.OK(<-done)
	if at := d.scanOf(); at.AskedAt.IsZero() || at.AskedBy != "carol" || at.DueAt.After(d.Clock.Now()) || !at.LeaseUntil.IsZero() {
		t.Errorf("asked for, and %+v", at)
	}
	n, err := d.Broker.ScanDue(d.Context())
	if at := d.scanOf(); err != nil || n != 0 || !at.AskedAt.IsZero() || !at.DueAt.After(d.Clock.Now()) {
		t.Errorf("after the next: %+v, %v", at, err)
	}
}

func (d *drift) scanOf() store.Scan {
	d.Helper()
	return stinttest.Read(d.World, func(r *store.Reader) (store.Scan, error) { return r.ScanOf(stinttest.Directory) })
}

// await waits for what happens beside the test.
func await(t *testing.T, done func() bool) {
	t.Helper()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	for !done() {
		select {
		case <-look.C:
		case <-late.C:
			t.Fatal("it did not happen in 20 s")
		}
	}
}
