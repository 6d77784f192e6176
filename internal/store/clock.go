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
	accepted string // as the database last had it
	whose    string // the clock of what, for people

	told     time.Time     // the database's clock, when it was last asked; zero: the wall clock counts
	toldMono time.Duration // monotonic reading at that instant
}

func newClock(wall func() time.Time, mono func() time.Duration, high time.Time, at *place) *Clock {
	if mono == nil {
		start := time.Now()
		mono = func() time.Duration { return time.Since(start) }
	}
	c := &Clock{wall: wall, mono: mono, high: high, highMono: mono(), whose: "this server"}
	if at != nil {
		c.whose, c.told, c.toldMono, c.accepted = "the database server", at.now, c.highMono, at.accepted
	}
	// While the program was down only the stored mark is known: later is plausible, earlier is not.
	if w := c.reading(); w.After(high) {
		c.high = w
	}
	return c
}

// reading is the clock that is guarded.
func (c *Clock) reading() time.Time {
	if c.told.IsZero() {
		return c.wall().UTC()
	}
	return c.told.Add(c.mono() - c.toldMono)
}

// Now is the instant everything is judged by: never before what was believed plus what has really
// passed; on a forward jump, the believed time for a short hold, then the wall's (fail secure).
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, mono := c.reading().Truncate(time.Microsecond), c.mono()
	expected := c.high.Add(mono - c.highMono).Truncate(time.Microsecond)
	switch drift := wall.Sub(expected); {
	case drift < -backTolerance:
		c.note("The clock of "+c.whose+" went back. Nothing new is granted until it is right again; everything due is still taken away.", mono)
		return expected
	case drift > forwardTolerance:
		c.note("The clock of "+c.whose+" jumped forward. Nothing new is granted until it is right again or `stint admin clock-accept` confirms it.", mono)
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
	c.high, c.highMono, c.suspect = c.reading(), c.mono(), ""
}

// follow takes over what another node stored: believed time never goes back from one node to the next, and
// what an administrator accepted on one is accepted on all. Its clock is the one
// that is guarded (DESIGN §4 invariant 7).
func (c *Clock) follow(at place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !at.now.IsZero() {
		c.told, c.toldMono = at.now, c.mono()
	}
	if at.accepted != c.accepted {
		c.high, c.highMono, c.suspect, c.accepted = c.reading(), c.mono(), "", at.accepted
	}
	if at.mark.After(c.high) {
		c.high, c.highMono = at.mark, c.mono()
	}
}

// believed is the mark to store: never one from a suspect jump.
func (c *Clock) believed() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.high
}
