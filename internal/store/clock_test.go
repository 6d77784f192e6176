package store

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stint/internal/pim"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// twoClocks is a wall clock people can turn and a monotonic one they cannot.
type twoClocks struct {
	real time.Duration // really passed
	off  time.Duration // of the wall clock
}

func (c *twoClocks) wall() time.Time          { return noon.Add(c.real + c.off) }
func (c *twoClocks) mono() time.Duration      { return c.real }
func (c *twoClocks) guard(h time.Time) *Clock { return newClock(c.wall, c.mono, h, nil) }

// T18, F9, invariant 7: what the guarded clock says after a step of the wall clock.
func TestClockSteps(t *testing.T) {
	for _, c := range []struct {
		name    string
		off     time.Duration // the wall clock is turned by this
		after   time.Duration // looked at so long after
		want    time.Duration // since noon, by the guarded clock
		suspect bool
	}{
		{"right", 0, time.Minute, time.Minute, false},
		{"small slew back: time stands, it does not turn back", -3 * time.Second, 0, 0, false},
		{"small slew back: then it goes on from the wall", -3 * time.Second, 10 * time.Second, 10 * time.Second, false},
		{"small slew forward", 40 * time.Second, 0, 40 * time.Second, false},
		{"back by the tolerance", -5 * time.Second, 0, 0, false},
		{"back by more", -5*time.Second - time.Microsecond, 0, 0, true},
		{"back 1 h", -time.Hour, 0, 0, true},
		{"back 1 h, 30 min later: real time has passed", -time.Hour, 30 * time.Minute, 30 * time.Minute, true},
		{"back 1 year", -365 * 24 * time.Hour, time.Minute, time.Minute, true},
		{"forward by the tolerance", 15 * time.Minute, 0, 15 * time.Minute, false},
		{"forward by more: held", 15*time.Minute + time.Microsecond, 0, 0, true},
		{"forward 1 h: held", time.Hour, 0, 0, true},
		{"forward 1 year: held", 365 * 24 * time.Hour, 0, 0, true},
		{"the machine slept 10 min", 10 * time.Minute, 0, 10 * time.Minute, false},
	} {
		k := &twoClocks{}
		g := k.guard(time.Time{})
		g.Now()
		k.off = c.off
		k.real += c.after
		if got := g.Now(); !got.Equal(noon.Add(c.want)) {
			t.Errorf("%s: %v, want %v", c.name, got, noon.Add(c.want))
		}
		if got := g.Suspect(); (got != "") != c.suspect {
			t.Errorf("%s: suspect %q", c.name, got)
		}
	}
}

// T18: on a forward jump revocation waits at most the hold, then it fails secure; the jump is not stored.
func TestClockForwardJumpHoldsThenFailsSecure(t *testing.T) {
	k := &twoClocks{}
	g := k.guard(time.Time{})
	k.off = time.Hour
	if got := g.Now(); !got.Equal(noon) || g.Suspect() == "" {
		t.Fatalf("held: %v, %q", got, g.Suspect())
	}
	k.real = secureHold - time.Second
	if got := g.Now(); !got.Equal(noon.Add(k.real)) {
		t.Fatalf("still held: %v", got)
	}
	k.real = secureHold
	if got := g.Now(); !got.Equal(k.wall()) || g.Suspect() == "" {
		t.Fatalf("fails secure and says so: %v, %q", got, g.Suspect())
	}
	if got := g.believed(); !got.Equal(noon) {
		t.Fatalf("the jump is not stored: %v", got)
	}
	k.off = 0
	if got := g.Now(); !got.Equal(noon.Add(k.real)) || g.Suspect() != "" {
		t.Fatalf("right again: %v, %q", got, g.Suspect())
	}
}

// T18: a jump the other way is a jump of its own, with its own hold.
func TestClockJumpsBothWays(t *testing.T) {
	k := &twoClocks{}
	g := k.guard(time.Time{})
	k.off = -time.Hour
	g.Now()
	k.real = 10 * time.Minute
	g.Now()
	k.off = 24 * time.Hour
	if got := g.Now(); !got.Equal(noon.Add(k.real)) {
		t.Fatalf("a day forward at once: %v", got)
	}
}

// DESIGN invariant 7: a jump counts once an administrator accepts it.
func TestClockAccept(t *testing.T) {
	k := &twoClocks{}
	g := k.guard(time.Time{})
	k.off = time.Hour
	g.Now()
	g.Accept()
	if got := g.Now(); !got.Equal(k.wall()) || g.Suspect() != "" || !g.believed().Equal(k.wall()) {
		t.Fatalf("accepted: %v, %q", got, g.Suspect())
	}
	k.off = -time.Hour
	g.Now()
	g.Accept()
	if got := g.Now(); !got.Equal(k.wall()) || g.Suspect() != "" {
		t.Fatalf("accepted, also backwards: %v, %q", got, g.Suspect())
	}
}

// T18: a restart knows the stored mark alone: later is plausible, earlier is not.
func TestClockAfterARestart(t *testing.T) {
	k := &twoClocks{}
	for _, c := range []struct {
		name    string
		mark    time.Duration
		want    time.Duration
		suspect bool
	}{
		{"down for a day", -24 * time.Hour, 0, false},
		{"a new database", -1e9 * time.Second, 0, false},
		{"down for a moment", -time.Second, 0, false},
		{"started 3 s before the mark: waits for it", 3 * time.Second, 3 * time.Second, false},
		{"started an hour before the mark", time.Hour, time.Hour, true},
	} {
		g := k.guard(noon.Add(c.mark))
		if got := g.Now(); !got.Equal(noon.Add(c.want)) || (g.Suspect() != "") != c.suspect {
			t.Errorf("%s: %v, %q", c.name, got, g.Suspect())
		}
	}
}

// T18: whatever is done to the wall clock, a grant never lives longer than it should by real time, but for
// the tolerated slew; and what is stored never runs ahead of the guarded clock.
func TestClockNeverLengthensAGrant(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k := &twoClocks{}
		g := k.guard(time.Time{})
		last := g.Now()
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			k.real += time.Duration(rapid.IntRange(0, 600).Draw(rt, "passed")) * time.Second
			if rapid.Bool().Draw(rt, "turned back") {
				k.off -= time.Duration(rapid.IntRange(0, 7200).Draw(rt, "back")) * time.Second
			}
			now := g.Now()
			if now.Before(noon.Add(k.real)) {
				rt.Fatalf("%v after %v of real time", now.Sub(noon), k.real)
			}
			if now.Before(last) {
				rt.Fatalf("turned back from %v to %v", last, now)
			}
			if g.believed().After(now) {
				rt.Fatalf("the mark %v is ahead of %v", g.believed(), now)
			}
			last = now
		}
	})
}

// Invariant 7: the mark is stored with every commit and read at the next start.
func TestClockMarkSurvivesARestart(t *testing.T) {
	path, ctx, k := filepath.Join(t.TempDir(), "stint.db"), context.Background(), &twoClocks{}
	start := func() *Store {
		s, err := Open(ctx, Options{Path: path, Now: k.wall, Mono: k.mono})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := start()
	if err := Do(ctx, s, func(tx *Tx) error { return tx.SetMeta("x", "y") }); err != nil {
		t.Fatal(err)
	}
	s.Close()
	k.off = -time.Hour
	s = start()
	if got := s.Clock().Now(); !got.Equal(noon) || s.Clock().Suspect() == "" {
		t.Fatalf("an hour before the mark: %v, %q", got, s.Clock().Suspect())
	}
	now, err := Write(ctx, s, func(tx *Tx) (time.Time, error) { return tx.Now, tx.SetMeta("x", "z") })
	if err != nil || !now.Equal(noon) {
		t.Fatalf("operations are judged by the guarded clock: %v, %v", now, err)
	}
	s.Close()
	k.off = 0
	s = start()
	defer s.Close()
	if s.Clock().Suspect() != "" {
		t.Fatal(s.Clock().Suspect())
	}
	if err := Do(ctx, s, func(tx *Tx) error { tx.Emit(pim.PersonEvent(pim.EvSignedIn, "p", "p", "")); return nil }); err != nil {
		t.Fatal(err)
	}
}
