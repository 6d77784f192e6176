package broker

import (
	"context"
	"errors"
	"strings"
	"sync"

	"stint/internal/pim"
	"stint/internal/store"
)

// heldUpAfter is how often the same thing is refused before it is no race any more.
const heldUpAfter = 3

// refusedItem is one thing of a large change that could not be carried out.
type refusedItem struct {
	phase, item string
	err         error
}

func (e *refusedItem) Error() string {
	why := e.err.Error()
	var refusal *pim.Refusal
	if errors.As(e.err, &refusal) {
		why = refusal.Message
	}
	return e.phase + " " + strings.ReplaceAll(e.item, "\n", " ") + ": " + why
}

func (e *refusedItem) Unwrap() error { return e.err }

// refusals counts how often the same thing was refused on this node, one time after the other.
type refusals struct {
	mu           sync.Mutex
	change, item string
	times        int
}

func (s *refusals) again(change string, at *refusedItem) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if item := at.phase + "\n" + at.item; s.change != change || s.item != item {
		s.change, s.item, s.times = change, item, 0
	}
	s.times++
	return s.times
}

// heldUp is told of what was refused. Once may be a race: it is looked at again. What is refused again and again is told to
// the log, and to whoever looks how far the change is; it is tried again with every round of the worker.
func (b *Broker) heldUp(ctx context.Context, c pim.LongChange, at *refusedItem) (more bool, err error) {
	switch n := b.refusals.again(c.ID, at); {
	case n < heldUpAfter:
		return true, nil
	case n > heldUpAfter:
		return false, nil
	}
	b.log.Error("a large change is held up", "change", c.ID, "kind", string(c.Kind), "resource", c.ResourceID, "phase", at.phase, "item", at.item, "error", at.err)
	return false, do(ctx, b, func(tx *store.Tx) error { return tx.SetHeldUp(c.ID, at.Error()) })
}

// goesOn takes back that a change is held up.
func goesOn(tx *store.Tx, changeID string) error {
	why, err := tx.HeldUp(changeID)
	if err != nil || why == "" {
		return err
	}
	return tx.SetHeldUp(changeID, "")
}
