package store

import (
	"time"

	"stint/internal/pim"
)

// Refusals are evidence, but nobody may fill the log with them: beyond so many of one actor in a window
// they are counted, and the count is an entry of its own (invariant 11).
const (
	refusalWindow = time.Minute
	refusalsKept  = 20
)

// refusals counts refusals by actor. It belongs to the writer alone.
type refusals struct {
	by      map[string]*refusalCount
	touched map[string]refusalCount // as they were before the transaction
}

type refusalCount struct {
	since   time.Time
	kept    int
	dropped int64
}

// keep picks the events of a refused operation that may stand: its refusals, as long as the actor's
// window has room. What the operation would have done is left out with its state.
func (r *refusals) keep(events []pim.Event, now time.Time) []pim.Event {
	var out []pim.Event
	for _, e := range events {
		if e.Result == pim.Refused && r.room(e.Actor, now) {
			out = append(out, e)
		}
	}
	return out
}

// within leaves out what an operation that went on refused alone beyond the actor's window; all else it did stands.
func (r *refusals) within(tx *Tx, now time.Time) []pim.Event {
	if len(tx.alone) == 0 {
		return tx.events
	}
	var out []pim.Event
	for i, e := range tx.events {
		if !tx.alone[i] || r.room(e.Actor, now) {
			out = append(out, e)
		}
	}
	return out
}

// mark begins a transaction; the returned function takes back what it counted, when it died.
func (r *refusals) mark() (undo func()) {
	r.touched = map[string]refusalCount{}
	return func() {
		for actor, was := range r.touched {
			if r.by[actor] = &was; was == (refusalCount{}) {
				delete(r.by, actor)
			}
		}
	}
}

func (r *refusals) room(actor string, now time.Time) bool {
	c := r.by[actor]
	if c == nil {
		c = &refusalCount{}
		r.by[actor] = c
	}
	if _, known := r.touched[actor]; !known {
		r.touched[actor] = *c
	}
	if c.since.IsZero() {
		c.since = now
	}
	if c.kept >= refusalsKept {
		c.dropped++
		return false
	}
	c.kept++
	return true
}

// counted returns an entry for each window that is over and had to count; forget follows the commit.
func (r *refusals) counted(now time.Time) []pim.Event {
	var out []pim.Event
	for actor, c := range r.by {
		if now.Sub(c.since) >= refusalWindow && c.dropped > 0 {
			e := pim.PersonEvent(pim.EvRefusalsCounted, actor, actor, "").AsRefused()
			out = append(out, e.With("count", c.dropped).With("since", c.since.UnixMicro()))
		}
	}
	return out
}

// forget drops the windows that are over, once their counts are durable.
func (r *refusals) forget(now time.Time) {
	for actor, c := range r.by {
		if now.Sub(c.since) >= refusalWindow {
			delete(r.by, actor)
		}
	}
}
