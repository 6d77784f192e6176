package broker

import (
	"crypto/sha256"
	"maps"
	"strings"
	"sync"
	"time"
)

// KeepBegun seals what a sign-in needs until the provider's answer for the browser itself to keep: whoever
// is nobody yet writes no row (THREATS T5).
func (b *Broker) KeepBegun(state []byte) (string, error) {
	return sealWith(b.sealer.begun, "sign-in", state)
}

// KeepKnown seals who has signed in with a browser, for the browser itself to keep.
func (b *Broker) KeepKnown(people []string) (string, error) {
	return sealWith(b.sealer.begun, "known browser", []byte(strings.Join(people, " ")))
}

// Known opens what KeepKnown sealed; of anything else it knows nobody.
func (b *Broker) Known(kept string) []string {
	people, ok := b.sealer.openBegun("known browser", kept)
	if !ok {
		return nil
	}
	return strings.Fields(string(people))
}

// TakeBegun opens what a browser kept, once: an answer counts a single time on this node, and the provider's
// code a single time everywhere (THREATS T4, T5). Until says when it is forgotten by itself. ok is false for
// what was taken before, or is not Stint's.
func (b *Broker) TakeBegun(kept string, until func(state []byte) time.Time) (state []byte, ok bool) {
	state, ok = b.sealer.openBegun("sign-in", kept)
	if !ok {
		return nil, false
	}
	now := b.clock()
	end := until(state)
	return state, now.Before(end) && b.begun.once(sha256.Sum256(state), now, end)
}

// taken remembers which begun sign-ins were finished, until they are too old to be finished again.
type taken struct {
	mu   sync.Mutex
	ends map[[sha256.Size]byte]time.Time
}

// maxTaken bounds the memory. Whoever is nobody can fill it within ten minutes, and must not keep everybody else
// from signing in by that: then it begins anew, and the provider's code alone counts once.
const maxTaken = 100_000

// once reports whether this is the first time.
func (t *taken) once(id [sha256.Size]byte, now, end time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.ends[id]; known {
		return false
	}
	if len(t.ends) >= maxTaken {
		maps.DeleteFunc(t.ends, func(_ [sha256.Size]byte, e time.Time) bool { return !now.Before(e) })
	}
	if t.ends == nil || len(t.ends) >= maxTaken {
		t.ends = map[[sha256.Size]byte]time.Time{}
	}
	t.ends[id] = end
	return true
}

// again lets an id count once more: what it stood for was not done.
func (t *taken) again(id [sha256.Size]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.ends, id)
}
