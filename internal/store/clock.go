package store

import (
	"sync"
	"time"
)

// Bounds of a clock that is believed (THREATS T18).
const (
	backTolerance    = 5 * time.Second
	forwardTolerance = 15 * time.Minute
	secureHold       = 2 * time.Minute // how long revocation waits on a forward jump before it fails secure
)

// Clock guards the wall clock with a stored high-water mark and the monotonic clock. Going backwards
// never lengthens a grant; a forward jump is not stored until accepted (invariant 7).
type Clock struct {
	wall func() time.Time
	mono func() time.Duration

	mu       sync.Mutex
	high     time.Time     // latest believed instant
	highMono time.Duration // monotonic reading at that instant
	suspect  string
	since    time.Duration
}

func newClock(wall func() time.Time, mono func() time.Duration, high time.Time) *Clock {
	if mono == nil {
		start := time.Now()
		mono = func() time.Duration { return time.Since(start) }
	}
	c := &Clock{wall: wall, mono: mono, high: high, highMono: mono()}
	// While the program was down only the stored mark is known: later is plausible, earlier is not.
	if w := wall().UTC(); w.After(high) {
		c.high = w
	}
	return c
}

// Now is the instant everything is judged by: never before what was believed plus what has really
// passed; on a forward jump, the believed time for a short hold, then the wall's (fail secure).
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, mono := c.wall().UTC().Truncate(time.Microsecond), c.mono()
	expected := c.high.Add(mono - c.highMono).Truncate(time.Microsecond)
	switch drift := wall.Sub(expected); {
	case drift < -backTolerance:
		c.note("The clock of this server went back. Nothing new is granted until it is right again; everything due is still taken away.", mono)
		return expected
	case drift > forwardTolerance:
		c.note("The clock of this server jumped forward. Nothing new is granted until it is right again or `stint admin clock-accept` confirms it.", mono)
		if mono-c.since < secureHold {
			return expected
		}
		return wall
	default:
		c.suspect = ""
		if wall.Before(expected) {
			wall = expected // small corrections slow time down, they do not turn it back
		}
		c.high, c.highMono = wall, mono
		return wall
	}
}

func (c *Clock) note(why string, mono time.Duration) {
	if c.suspect != why { // a jump the other way has a hold of its own
		c.suspect, c.since = why, mono
	}
}

// Suspect says why the clock is not believed, or "".
func (c *Clock) Suspect() string {
	c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.suspect
}

// Accept believes the wall clock as it is now.
func (c *Clock) Accept() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.high, c.highMono, c.suspect = c.wall().UTC(), c.mono(), ""
}

// believed is the mark to store: never one from a suspect jump.
func (c *Clock) believed() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.high
}
