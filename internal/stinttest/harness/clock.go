package stinttest

import (
	"sync"
	"time"
)

// Epoch is when every World begins: a Sunday morning.
var Epoch = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// Clock is a wall clock and a monotonic one, both standing until they are moved.
type Clock struct {
	mu   sync.Mutex
	wall time.Time
	mono time.Duration
}

func newClock() *Clock { return &Clock{wall: Epoch} }

// Now reads the wall clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

// Mono reads the monotonic clock.
func (c *Clock) Mono() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mono
}

// Advance lets time pass on both.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.mono = c.wall.Add(d), c.mono+d
}

// Step turns the wall clock alone, as a wrong clock or a hand does (THREATS T18).
func (c *Clock) Step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = c.wall.Add(d)
}
