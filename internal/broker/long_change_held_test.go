package broker_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// Invariant 13: what is refused again and again is no race. The log names the change and the thing once, whoever looks how
// far the change is sees it, what comes before it is carried out, and when it goes through at last nothing is held up.
func TestALargeChangeThatIsHeldUpSaysSo(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	var told bytes.Buffer
	d.b = broker.New(broker.Config{Store: d.b.Store(), Log: slog.New(slog.NewTextHandler(&told, nil))})
	d.do(func(tx *store.Tx) error {
		return errors.Join(tx.InsertResource(pim.Resource{ID: "region", ParentID: "org", Kind: "group", Name: "Region North", Source: pim.SourceFile}),
			tx.InsertLongChange(pim.LongChange{ID: "change", Kind: broker.LongRefused, ResourceID: "region", By: "carol", About: 3}))
	})
	held := func() string {
		why, err := store.Read(d.ctx, d.b.Store(), func(r *store.Reader) (string, error) { return r.HeldUp("change") })
		d.ok(err)
		return why
	}
	carry := func(times int, wantMore bool) {
		t.Helper()
		for i := range times {
			if more, err := d.b.CarryOn(d.ctx); err != nil || more != wantMore {
				t.Fatalf("%d: more is %v, %v", i, more, err)
			}
		}
	}
	carry(3, true) // a goes through; b is refused twice, as after a race
	if held() != "" || told.Len() > 0 {
		t.Errorf("called held up too soon: %q, %s", held(), told.String())
	}
	carry(5, false)
	if got := held(); got != "things b there: Not this one." {
		t.Errorf("it is held up by %q", got)
	}
	if got := told.String(); strings.Count(got, "held up") != 1 || !strings.Contains(got, "change=change") || !strings.Contains(got, `item="b\nthere"`) || !strings.Contains(got, "Not this one.") {
		t.Errorf("the log says %s", got)
	}
	d.do(func(tx *store.Tx) error { return tx.SetMeta("may", "yes") })
	carry(1, true)
	if got := held(); got != "" {
		t.Errorf("it goes on, and is held up by %q", got)
	}
	carry(1, true)
	carry(1, false)
	c, err := store.Read(d.ctx, d.b.Store(), func(r *store.Reader) (pim.LongChange, error) { return r.LongChange("change") })
	d.ok(err)
	if c.FinishedAt.IsZero() || c.Done != 3 || c.Counts["things"] != 3 {
		t.Errorf("%+v", c)
	}
}
