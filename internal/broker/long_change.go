package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

const (
	maxTouched = 500                   // what hangs on a resource and is changed in one write; more is carried out in pieces
	looked     = 200                   // things looked up at once, before any is written
	pieceOf    = 25                    // things of one write,
	pieceFor   = 10 * time.Millisecond // or fewer, so that nobody waits long for the writer (invariant 13)
)

// refuseCarried refuses a change of a resource while another one is being carried out there, above it or below it: what
// is left to carry out is found by what stands below the resource it is about.
func refuseCarried(r *store.Reader, resourceID string) error {
	open, err := r.LongChanges()
	if err != nil || len(open) == 0 {
		return err
	}
	ids := []string{resourceID}
	open = slices.DeleteFunc(open, func(c pim.LongChange) bool { return c.GroupID != "" })
	for _, c := range open {
		ids = append(ids, c.ResourceID)
	}
	paths, err := r.Paths(ids)
	if err != nil {
		return err
	}
	for _, c := range open {
		switch {
		case c.ResourceID == resourceID:
			return pim.Refuse(pim.KindConflict, "Another change of this resource is still being carried out. Wait until it is done.")
		case paths[resourceID].Contains(c.ResourceID), paths[c.ResourceID].Contains(resourceID):
			return pim.Refuse(pim.KindConflict, "A change of %s is still being carried out, which this would change too. Wait until it is done.", paths[c.ResourceID].Leaf().Name)
		}
	}
	return nil
}

// decide records a change that too much follows from for one write.
func decide(tx *store.Tx, c pim.LongChange) error {
	e := pim.LongChangeEvent(pim.EvChangeDecided, c, c.By).With("about", c.About)
	tx.Emit(confirmedBy(e, c.Evidence))
	return tx.InsertLongChange(c)
}

// inPieces says that a change is carried out in pieces, and which page shows how far it is.
func inPieces(page string) string {
	return "That is too much for one moment: it holds at once, so that nothing new begins by what it takes away; the rest is carried out in pieces, and " + page + " shows how far it is."
}

// about writes a number that was counted before it matters.
func about(n int64) string {
	round := int64(1)
	for n/round >= 100 {
		round *= 10
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return "about " + pim.Count((n+round/2)/round*round)
}

func abouted(n int64, one, many string) []string {
	switch {
	case n == 0:
		return nil
	case n == 1:
		return []string{"1 " + one}
	}
	words := about(n) + " " + many
	return []string{strings.ToUpper(words[:1]) + words[1:]}
}

// carryOn carries out the next of what was decided, a few hundred things in as many writes as they take, and reports
// whether there is more. Between two writes everybody else comes in turn; whatever is due in time goes before the next.
func (b *Broker) carryOn(ctx context.Context) (more bool, err error) {
	type found struct {
		change pim.LongChange
		items  []string
	}
	f, err := store.Read(ctx, b.store, func(r *store.Reader) (f found, err error) {
		open, err := r.LongChanges()
		if err != nil || len(open) == 0 {
			return f, err
		}
		f.change = open[0]
		if f.change.Phase < len(phasesOf[f.change.Kind]) {
			f.items, err = phasesOf[f.change.Kind][f.change.Phase].find(r, f.change)
		}
		return f, err
	})
	if err != nil || f.change.ID == "" {
		return false, err
	}
	for left := f.items; ; {
		n, err := write(ctx, b, func(tx *store.Tx) (int, error) { return b.piece(tx, f.change.ID, left) })
		var refusal *pim.Refusal
		if errors.As(err, &refusal) || errors.Is(err, store.ErrConflict) {
			var at *refusedItem
			if !errors.As(err, &at) {
				return true, nil // another node carries on: look again
			}
			if before := slices.Index(left, at.item); before > 0 {
				left = left[:before] // what comes before it is carried out
				continue
			}
			return b.heldUp(ctx, f.change, at)
		}
		if err != nil {
			return false, err
		}
		if left = left[n:]; len(left) == 0 {
			return true, nil
		}
	}
}

// onePiece does the first of n things, as many as one write may hold the writer for, and returns how many.
func onePiece(n int, do func(i int) error) (did int, err error) {
	for begun := now(); did < min(n, pieceOf) && (did == 0 || now().Sub(begun) < pieceFor); did++ {
		if err := do(did); err != nil {
			return 0, err
		}
	}
	return did, nil
}

// piece does some of the things of a phase. Without any the phase is over, and with the last one the change.
func (b *Broker) piece(tx *store.Tx, id string, items []string) (int, error) {
	c, err := tx.LongChange(id)
	if err != nil || !c.FinishedAt.IsZero() {
		return len(items), err
	}
	if err := goesOn(tx, id); err != nil {
		return 0, err
	}
	if len(items) == 0 {
		return 0, b.nextPhase(tx, c)
	}
	phase := phasesOf[c.Kind][c.Phase]
	n, err := onePiece(len(items), func(i int) error {
		did, err := phase.do(b, tx, c, items[i])
		if err != nil {
			return &refusedItem{phase.name, items[i], err}
		}
		if did {
			c.Counts[phase.name]++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	c.Done += int64(n)
	if phase.inOrder {
		c.After = items[n-1]
	}
	return n, tx.SaveLongChange(c)
}

func (b *Broker) nextPhase(tx *store.Tx, c pim.LongChange) error {
	c.Phase, c.After = c.Phase+1, ""
	if c.Phase < len(phasesOf[c.Kind]) {
		return tx.SaveLongChange(c)
	}
	c.FinishedAt = tx.Now
	text, link, err := carriedOut(tx.Reader, c)
	if err != nil {
		return err
	}
	e := pim.LongChangeEvent(pim.EvChangeFinished, c, pim.System)
	for name, n := range c.Counts {
		e = e.With(name, n)
	}
	tx.Emit(e)
	return errors.Join(tx.SaveLongChange(c), notify(tx, text, link, c.By))
}

// carriedOut tells whoever decided that it is done, and where to look.
func carriedOut(r *store.Reader, c pim.LongChange) (text, link string, err error) {
	if c.GroupID != "" {
		names, err := r.Names([]string{c.GroupID})
		return fmt.Sprintf("Removing %s is carried out.", names[c.GroupID]), "/groups", err
	}
	path, err := r.Path(c.ResourceID)
	if c.Kind == pim.LongRetire {
		return fmt.Sprintf("Retiring %s is carried out.", path.Leaf().Name), "/resources", err
	}
	return fmt.Sprintf("Moving %s is carried out.", path.Leaf().Name), "/resources/" + c.ResourceID, err
}

// carryAside carries on with what was decided. An error is told, and the same is tried again: nothing due waits for it.
func (b *Broker) carryAside(ctx context.Context) {
	if _, err := b.carryOn(ctx); err != nil && ctx.Err() == nil {
		b.log.Error("carrying out a large change", "error", err)
	}
}

// carryAll carries out everything that was decided.
func (b *Broker) carryAll(ctx context.Context) error {
	for {
		more, err := b.carryOn(ctx)
		if err != nil || !more {
			return err
		}
	}
}
