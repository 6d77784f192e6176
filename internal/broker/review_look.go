package broker

import (
	"context"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// lookAgain looks at what waits to be seen gone, and tries again what failed.
func (b *Broker) lookAgain(ctx context.Context, due []pim.ReviewItem) error {
	var failed []string
	type look struct {
		ready []string // something changed
		waits map[int64][]string
	}
	l, err := store.Read(ctx, b.store, func(r *store.Reader) (l look, err error) {
		l.waits = map[int64][]string{}
		for _, i := range due {
			if i.Result == pim.ResultFailed {
				continue
			}
			same, err := asBefore(r, i)
			if err != nil {
				same = false // it is looked at alone
			}
			if same {
				l.waits[i.Tries] = append(l.waits[i.Tries], i.ID)
			} else {
				l.ready = append(l.ready, i.ID)
			}
		}
		return l, nil
	})
	if err != nil {
		return err
	}
	for _, i := range due {
		if i.Result == pim.ResultFailed {
			failed = append(failed, i.ID)
		}
	}
	if err := b.eachApplied(ctx, failed); err != nil {
		return err
	}
	for tries, ids := range l.waits {
		wait := pim.ReviewWait(tries+1, 0.5)
		if err := do(ctx, b, func(tx *store.Tx) error { return tx.PutOffReviewItems(ids, tx.Now.Add(wait)) }); err != nil {
			return err
		}
	}
	for left := l.ready; len(left) > 0; {
		n, err := write(ctx, b, func(tx *store.Tx) (int, error) {
			return onePiece(len(left), func(i int) error { return b.see(tx, left[i]) })
		})
		if err != nil {
			n = 1
			if err := b.seeAlone(ctx, left[0]); err != nil {
				return err
			}
		}
		left = left[n:]
	}
	return nil
}

// seeAlone looks at one item of a piece that failed; where it is the one that fails it says so, and holds up no other.
func (b *Broker) seeAlone(ctx context.Context, id string) error {
	err := do(ctx, b, func(tx *store.Tx) error { return b.see(tx, id) })
	if err == nil || ctx.Err() != nil || refused(err) { // refused: somebody else moved a row, and it is still due
		return ctx.Err()
	}
	b.log.Error("looking at what a review took away", "item", id, "error", err)
	return do(ctx, b, func(tx *store.Tx) error {
		i, err := tx.ReviewItem(id)
		if err != nil {
			return err
		}
		return putOff(tx, i, i.Result, "Stint could not look whether it is gone yet, and tries again.")
	})
}

// asBefore reports whether an item still waits for the same.
func asBefore(r *store.Reader, i pim.ReviewItem) (bool, error) {
	needs, err := r.AwaitedBy(i.ID)
	if err != nil {
		return false, err
	}
	var back pim.ReadBack
	for _, n := range needs {
		back.Add(n)
	}
	if back.Open == 0 {
		return false, nil
	}
	words, err := waitsWords(r, needs)
	return words == i.ResultText, err
}

// see closes an item when everything it waits for is accounted for.
func (b *Broker) see(tx *store.Tx, id string) error {
	i, err := tx.ReviewItem(id)
	if err != nil || i.Result != pim.ResultRemoving && i.Result != pim.ResultShrinking {
		return err
	}
	in, err := tx.ReviewInstance(i.InstanceID)
	if gone(err) { // deleted: nobody asks any more
		i.DueAt = time.Time{}
		return moved(tx.SaveReviewResult(i))
	}
	if err != nil {
		return err
	}
	needs, err := tx.AwaitedBy(id)
	if err != nil {
		return err
	}
	return reviewApplying{b: b, tx: tx, in: in, item: i}.seen(needs)
}
