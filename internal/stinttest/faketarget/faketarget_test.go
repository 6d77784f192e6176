package faketarget_test

import (
	"context"
	"testing"
	"time"

	"stint/internal/connector"
	"stint/internal/stinttest/faketarget"
)

type bench struct {
	*faketarget.Target
	conn connector.Connector
	acc  connector.AccountID
	ent  connector.EntitlementID
	now  time.Time
}

func newBench(t *testing.T) *bench {
	b := &bench{now: time.Date(2026, 11, 19, 14, 0, 0, 0, time.UTC)}
	b.Target = faketarget.New(t, func() time.Time { return b.now })
	b.acc, b.ent = b.AddAccount("alice"), b.AddEntitlement("admins")
	conn, err := connector.Open(faketarget.Kind, connector.Config{TargetID: "t", Settings: b.Settings(), Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	b.conn = conn
	return b
}

func TestRoundTrip(t *testing.T) {
	b, ctx := newBench(t), context.Background()
	ent, err := b.conn.Canonical(ctx, "ADMINS")
	if err != nil || ent != b.ent {
		t.Fatalf("Canonical: %q, %v", ent, err)
	}
	acc, shown, err := b.conn.FindAccount(ctx, "alice")
	if err != nil || acc != b.acc || shown != "alice" {
		t.Fatalf("FindAccount: %q %q %v", acc, shown, err)
	}
	until := b.now.Add(time.Hour)
	for range 2 { // already there is nil
		if err := b.conn.Grant(ctx, acc, ent, until); err != nil {
			t.Fatal(err)
		}
	}
	if h, err := b.conn.Observe(ctx, acc, ent); err != nil || !h.Present || !b.Holds(acc, ent) {
		t.Fatalf("Observe: %v %v", h, err)
	}
	if err := b.conn.Revoke(ctx, acc, ent); err != nil || b.Holds(acc, ent) {
		t.Fatalf("Revoke: %v, still held %v", err, b.Holds(acc, ent))
	}
	journal := b.Journal()
	if len(journal) != 4 || !journal[0].Changed || journal[1].Changed || journal[0].Until != until || journal[3].Op != "revoke" {
		t.Fatalf("journal: %+v", journal)
	}
}

func TestFaults(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	for _, c := range []struct {
		name   string
		faults faketarget.Faults
		want   connector.Kind
		held   bool
	}{
		{"down", faketarget.Faults{Down: true}, connector.Transient, false},
		{"denied", faketarget.Faults{Denied: true}, connector.Denied, false},
		{"hanging", faketarget.Faults{Hang: hang}, connector.Transient, false}, // the guard's look-up hangs before the write
		{"lost answer", faketarget.Faults{LoseAnswers: 1}, connector.OutcomeUnknown, true},
		{"lost write", faketarget.Faults{LoseWrites: 1}, connector.OutcomeUnknown, false},
		{"lies", faketarget.Faults{Lies: true}, connector.None, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.Misbehave(c.faults)
			err := b.conn.Grant(context.Background(), b.acc, b.ent, time.Time{})
			if got := connector.KindOf(err); got != c.want {
				t.Errorf("kind %q (%v), want %q", got, err, c.want)
			}
			if b.Holds(b.acc, b.ent) != c.held {
				t.Errorf("held at the target: %v, want %v", !c.held, c.held)
			}
		})
	}
}

func TestFaultOfOneEntitlement(t *testing.T) {
	b, ctx := newBench(t), context.Background()
	other := b.AddEntitlement("readers")
	b.Misbehave(faketarget.Faults{Lies: true, Only: b.ent})
	for _, ent := range []connector.EntitlementID{b.ent, other} {
		if err := b.conn.Grant(ctx, b.acc, ent, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if b.Holds(b.acc, ent) != (ent == other) {
			t.Errorf("%s is held: %v", ent, b.Holds(b.acc, ent))
		}
	}
}

func TestLateReadsAndHalfPages(t *testing.T) {
	b, ctx := newBench(t), context.Background()
	b.Misbehave(faketarget.Faults{ReadDelay: time.Minute, HalfPages: true})
	b.Put(b.acc, b.ent)
	if h, _ := b.conn.Observe(ctx, b.acc, b.ent); h.Present {
		t.Error("a late read saw the change at once")
	}
	b.now = b.now.Add(time.Minute)
	if h, _ := b.conn.Observe(ctx, b.acc, b.ent); !h.Present {
		t.Error("a late read never saw the change")
	}
	var last error
	for _, err := range b.conn.Browse(ctx, "") {
		last = err
	}
	if connector.KindOf(last) != connector.Transient {
		t.Errorf("half a page ended with %v", last)
	}
	b.RemoveAccount(b.acc)
	if _, err := b.conn.Observe(ctx, b.acc, b.ent); connector.KindOf(err) != connector.Gone {
		t.Errorf("a removed account: %v", err)
	}
}
