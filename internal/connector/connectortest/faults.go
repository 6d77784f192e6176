package connectortest

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"stint/internal/connector"
)

// callTimeout is the deadline of the faulty targets below; slack what a busy machine adds to it.
const (
	callTimeout = 500 * time.Millisecond
	slack       = 3 * time.Second
)

// listener accepts and never answers, counting. It ends with the test.
func listener(t *testing.T) (addr string, accepted *atomic.Int64, first <-chan struct{}) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted = new(atomic.Int64)
	came := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		var conns []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				for _, c := range conns {
					_ = c.Close()
				}
				return
			}
			conns = append(conns, c)
			if accepted.Add(1) == 1 {
				close(came)
			}
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String(), accepted, came
}

func (b *bench) at(t *testing.T, addr string, timeout time.Duration) connector.Connector {
	return b.open(t, func(cfg *connector.Config) {
		b.Redirect(cfg.Settings, addr)
		cfg.Timeout = timeout
	})
}

func testDead(t *testing.T, b *bench) {
	name, ent := b.entitlement(t)
	_, acc := b.account(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close() // a port where nobody listens
	b.mustAllBeTransient(t, b.at(t, l.Addr().String(), callTimeout), name, acc, ent)
}

func testHanging(t *testing.T, b *bench) {
	name, ent := b.entitlement(t)
	_, acc := b.account(t)
	addr, _, _ := listener(t)
	b.mustAllBeTransient(t, b.at(t, addr, callTimeout), name, acc, ent)
}

// A call that reached nothing is Transient, a write too: nothing was sent that could have taken effect.
func (b *bench) mustAllBeTransient(t *testing.T, c connector.Connector, name string, acc connector.AccountID, ent connector.EntitlementID) {
	t.Helper()
	start := time.Now()
	answers := everyCall(t.Context(), c, name, acc, ent)
	if took, limit := time.Since(start), time.Duration(len(answers))*callTimeout+slack; took > limit {
		t.Errorf("%d calls took %s, at most %s allowed", len(answers), took, limit)
	}
	for call, err := range answers {
		mustBe(t, connector.Transient, call, err)
	}
}

func testCancel(t *testing.T, b *bench) {
	_, ent := b.entitlement(t)
	_, acc := b.account(t)
	addr, _, came := listener(t)
	c := b.at(t, addr, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Grant(ctx, acc, ent, time.Time{}) }()
	<-came
	cancel()
	select {
	case err := <-done:
		mustBe(t, connector.Transient, "a canceled call", err)
	case <-time.After(slack):
		t.Errorf("a canceled call still hangs after %s", slack)
	}

	already, stop := context.WithCancel(t.Context())
	stop()
	if err := b.Grant(already, acc, ent, time.Time{}); err == nil {
		t.Errorf("a call with a canceled context succeeded")
	}
}

// T40: outside the list, and protected names, are refused before the network is touched.
func testGuard(t *testing.T, b *bench) {
	addr, accepted, _ := listener(t)
	c := b.at(t, addr, callTimeout)
	for _, name := range []string{b.Unlisted, b.Protected} {
		_, err := c.Canonical(t.Context(), name)
		mustBe(t, connector.Refused, "Canonical of "+name, err)
	}
	if n := accepted.Load(); n != 0 {
		t.Errorf("the target was contacted %d times for names that are refused", n)
	}
	b.testGuardByID(t)
}

// An id gets nobody past the list either, also one that was resolved while the list still allowed it.
func (b *bench) testGuardByID(t *testing.T) {
	login, acc := b.account(t)
	for _, name := range []string{b.Unlisted, b.Protected} {
		wide := b.open(t, func(cfg *connector.Config) { cfg.Settings[connector.MayWrite] += "\n" + name })
		id, err := wide.Canonical(soon(t), name)
		if err != nil {
			t.Fatalf("Canonical of %q with it on the list: %v", name, err)
		}
		before := b.Holders(t, name)
		mustBe(t, connector.Refused, "Grant of "+name, b.Grant(soon(t), acc, id, time.Time{}))
		mustBe(t, connector.Refused, "Grant of "+name+" again", b.Grant(soon(t), acc, id, time.Time{}))
		if after := b.Holders(t, name); len(after) != len(before) {
			t.Errorf("%s got into %s: %q", login, name, after)
		}
	}
}
