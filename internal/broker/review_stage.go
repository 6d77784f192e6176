package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// carryReviews lets reviews begin and go on whose time has come, in as many writes as that takes, and reports whether
// there was any. Between two writes everybody else comes in turn (invariant 13).
func (b *Broker) carryReviews(ctx context.Context) (more bool, err error) {
	type due struct {
		series    []pim.ReviewDefinition
		instances []pim.ReviewInstance
	}
	f, err := store.Read(ctx, b.store, func(r *store.Reader) (f due, err error) {
		if at, err := r.ReviewDue(); err != nil || at.IsZero() || at.After(r.Now) {
			return f, err
		}
		if f.series, err = r.ReviewsDue(chunk); err == nil {
			f.instances, err = r.ReviewInstancesDue(chunk)
		}
		return f, err
	})
	if err != nil {
		return false, err
	}
	var failed error
	for _, i := range f.instances {
		failed = errors.Join(failed, inItsTurn(b.carryReview(ctx, i)))
	}
	for _, d := range f.series {
		id := NewID()
		failed = errors.Join(failed, inItsTurn(do(ctx, b, func(tx *store.Tx) error { return beginReview(tx, d.ID, id) })))
	}
	return failed == nil && len(f.series)+len(f.instances) > 0, failed
}

// inItsTurn forgives what another node or a person was faster with: it is looked at again.
func inItsTurn(err error) error {
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) || refused(err) {
		return nil
	}
	return err
}

// carryReview lets one instance go on.
func (b *Broker) carryReview(ctx context.Context, i pim.ReviewInstance) error {
	switch {
	case i.State == pim.ReviewStarting:
		return b.freeze(ctx, i)
	case i.State == pim.ReviewInProgress && !b.clock().Before(i.StageEnds):
		return do(ctx, b, func(tx *store.Tx) error { return endStage(tx, i.ID, pim.System) })
	case strings.HasPrefix(i.After, walkReset):
		return b.walk(ctx, i, walkReset, resetItem, reopen)
	case i.State == pim.ReviewAdvancing:
		return b.walk(ctx, i, "", advanceItem, b.beginStage)
	case i.State == pim.ReviewCompleting:
		return b.walk(ctx, i, "", silentItem, b.endReview)
	case i.After != "":
		return b.tellReviewers(ctx, i)
	}
	return do(ctx, b, func(tx *store.Tx) error { return remindAtHalf(tx, i.ID) })
}

// endStage closes a stage: what goes on is moved to the next one, or silence answers, in pieces from then on.
func endStage(tx *store.Tx, id, by string) error {
	i, err := tx.ReviewInstance(id)
	if err != nil || i.State != pim.ReviewInProgress || by == pim.System && i.OpenAt(tx.Now) {
		return err
	}
	i.State, i.After, i.Done, i.About, i.RemindAt = pim.ReviewAdvancing, "", 0, i.Counts.Items, time.Time{}
	if i.LastStage() {
		i.State, i.EndedBy = pim.ReviewCompleting, by
	}
	if tx.Now.Before(i.StageEnds) {
		i.StageEnds = tx.Now
	}
	if i.LastStage() {
		i.EndsAt = i.StageEnds
	}
	return tx.SaveReviewInstance(i)
}

// walk goes through the items of an instance in pieces, and does what comes after the last.
func (b *Broker) walk(ctx context.Context, i pim.ReviewInstance, phase string, each func(*walking, pim.ReviewItem, string) error, over func(*store.Tx, pim.ReviewInstance) error) error {
	for {
		items, err := store.Read(ctx, b.store, func(r *store.Reader) ([]string, error) {
			return r.ReviewItemIDsAfter(i.ID, strings.TrimPrefix(i.After, phase), looked)
		})
		if err != nil {
			return err
		}
		if len(items) == 0 {
			return do(ctx, b, func(tx *store.Tx) error {
				now, err := walkedTo(tx, i)
				if err != nil {
					return err
				}
				return over(tx, now)
			})
		}
		made := newIDs(len(items))
		for len(items) > 0 {
			at := i
			did, err := write(ctx, b, func(tx *store.Tx) (frozen, error) { return walkPiece(tx, at, phase, items, made, each) })
			if err != nil {
				return err
			}
			i, items, made = did.instance, items[did.n:], made[did.n:]
		}
	}
}

// walkedTo is an instance as it is now, while nobody else has gone on with it.
func walkedTo(tx *store.Tx, at pim.ReviewInstance) (pim.ReviewInstance, error) {
	i, err := tx.ReviewInstance(at.ID)
	if err == nil && (i.State != at.State || i.Stage != at.Stage || i.After != at.After) {
		err = store.ErrConflict
	}
	return i, err
}

// walking is one write of a walk: the instance with its counters, those of the sets, and what is known of the items.
type walking struct {
	tx      *store.Tx
	i       *pim.ReviewInstance
	sets    map[string][2]int64 // items and decided ones more
	history map[string][]pim.ReviewDecision
}

func walkPiece(tx *store.Tx, at pim.ReviewInstance, phase string, ids, made []string, each func(*walking, pim.ReviewItem, string) error) (frozen, error) {
	i, err := walkedTo(tx, at)
	if err != nil {
		return frozen{}, err
	}
	ids = ids[:min(len(ids), pieceOf)]
	items, err := tx.ReviewItems(ids)
	if err != nil {
		return frozen{}, err
	}
	w := &walking{tx: tx, i: &i, sets: map[string][2]int64{}}
	if i.Stage > 0 {
		if w.history, err = tx.ReviewDecisions(ids); err != nil {
			return frozen{}, err
		}
	}
	n, err := onePiece(len(items), func(n int) error { return each(w, items[n], made[n]) })
	if err != nil {
		return frozen{}, err
	}
	for id, by := range w.sets {
		if err := tx.CountReviewSet(id, by[0], by[1]); err != nil {
			return frozen{}, err
		}
	}
	i.Done, i.After = i.Done+int64(n), phase+items[n-1].ID
	err = tx.SaveReviewInstance(i)
	i.Version++
	return frozen{instance: i, n: n}, err
}

// answered gives an item another answer, or none, and counts that.
func (w *walking) answered(t *pim.ReviewItem, d pim.ReviewDecision) {
	before, by := t.Answer, w.sets[t.SetID]
	w.i.Counts.Add(before, -1)
	w.i.Counts.Add(d.Answer, 1)
	by[1] += one(d.Answer) - one(before)
	w.sets[t.SetID] = by
	*t = t.Decided(d)
}

func one(a pim.ReviewAnswer) int64 {
	if a == pim.AnswerNone {
		return 0
	}
	return 1
}

// advanceItem lets an item go on to the next stage where its answer says so: it is open there, and what was answered stays
// in its history (W-52).
func advanceItem(w *walking, t pim.ReviewItem, _ string) error {
	next := w.i.Stage + 1
	if t.SetID != t.Sets[w.i.Stage] || !slices.Contains(w.i.Terms.MovesOn, t.Answer) {
		return nil
	}
	w.i.Counts.Add(t.Answer, -1)
	t = t.Decided(pim.ReviewDecision{})
	t.SetID = t.Sets[next]
	by := w.sets[t.SetID]
	by[0]++
	w.sets[t.SetID] = by
	return w.tx.AnswerReviewItem(t)
}

// beginStage opens the next stage where anything goes on to it, else ends the review.
func (b *Broker) beginStage(tx *store.Tx, i pim.ReviewInstance) error {
	d, err := tx.ReviewOf(i.ReviewID)
	if err != nil {
		return err
	}
	i.Stage++
	goOn, err := tx.ReviewGoesOn(i.ID, i.Stage)
	if err != nil {
		return err
	}
	tx.Emit(pim.ReviewEvent(pim.EvReviewStageEnded, i, pim.System).With("stage", int64(i.Stage-1)).With("go_on", goOn))
	i.After, i.Done, i.About = "", 0, 0
	if goOn > 0 {
		timeReview(&i, d.When, tx.Now)
		i.State, i.After = pim.ReviewInProgress, walkTell
		return tx.SaveReviewInstance(i)
	}
	i.Stage-- // what stayed behind is what there is
	i.State, i.About, i.EndedBy, i.EndsAt = pim.ReviewCompleting, i.Counts.Items, pim.System, i.StageEnds
	return tx.SaveReviewInstance(i)
}

// silentItem answers for what nobody answered about: an earlier stage, else silence as the terms say (W-31).
func silentItem(w *walking, t pim.ReviewItem, made string) error {
	if t.Answer != pim.AnswerNone {
		return nil
	}
	if d, ok := lastAnswer(w.history[t.ID]); ok {
		w.answered(&t, d)
		return w.tx.AnswerReviewItem(t)
	}
	answer, shrink := w.i.Terms.Silent(t)
	if answer == pim.AnswerNone {
		return nil
	}
	if answer != pim.AnswerApprove { // an account for emergencies is not used and not answered for: only somebody who says so takes from it (T36)
		if _, err := w.tx.BreakGlassOf(t.PrincipalID); !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	d := pim.ReviewDecision{ID: made, InstanceID: t.InstanceID, ItemID: t.ID, Stage: w.i.Stage, Answer: answer, Shrink: shrink, By: pim.System, As: pim.AsSilence, At: w.tx.Now}
	w.answered(&t, d)
	w.tx.Emit(pim.ReviewDecided(t, d))
	return errors.Join(w.tx.AnswerReviewItem(t), w.tx.InsertReviewDecision(d))
}

// lastAnswer is what an item was answered last, unless that was taken back.
func lastAnswer(history []pim.ReviewDecision) (pim.ReviewDecision, bool) {
	for _, d := range slices.Backward(history) {
		switch {
		case d.As == pim.AsReset:
			return d, false
		case d.Answer != pim.AnswerNone:
			return d, true
		}
	}
	return pim.ReviewDecision{}, false
}

// endReview ends an instance: its answers are final, and are applied by themselves or wait for somebody (W-30).
func (b *Broker) endReview(tx *store.Tx, i pim.ReviewInstance) error {
	d, err := tx.ReviewOf(i.ReviewID)
	if err != nil {
		return err
	}
	i.State, i.After, i.EndedAt = pim.ReviewCompleted, "", tx.Now
	tx.Emit(pim.ReviewEnded(i))
	words := "Apply what came of it when you have looked at it."
	if i.Terms.Apply {
		startApplying(tx, &i, pim.System, "")
		words = "It is being applied."
	}
	if err := tx.SaveReviewInstance(i); err != nil {
		return err
	}
	c := i.Counts
	text := fmt.Sprintf("The review %s has ended: of %d, %d approved, %d denied, %d made less, %d not known, %d unanswered. %s", i.Name, c.Items, c.Approved, c.Denied, c.Shrunk, c.DontKnow,
		c.Items-c.Decided(), words)
	return notify(tx, text, "/reviews/"+i.ID, d.MadeBy) // W-34, W-44
}

// resetItem takes an answer back (W-81); the line stays in the history. Who asked for it stands in EndedBy meanwhile.
func resetItem(w *walking, t pim.ReviewItem, made string) error {
	if t.Answer == pim.AnswerNone || t.SetID != t.Sets[w.i.Stage] {
		return nil // open, or left behind by an earlier stage
	}
	d := pim.ReviewDecision{ID: made, InstanceID: t.InstanceID, ItemID: t.ID, Stage: w.i.Stage, By: w.i.EndedBy, As: pim.AsReset, At: w.tx.Now}
	w.answered(&t, d)
	return errors.Join(w.tx.AnswerReviewItem(t), w.tx.InsertReviewDecision(d))
}

// reopen ends a reset: answers are taken again, until the stage ends as before.
func reopen(tx *store.Tx, i pim.ReviewInstance) error {
	i.State, i.After, i.EndedBy = pim.ReviewInProgress, "", ""
	return tx.SaveReviewInstance(i)
}

// reviewsAside carries on with reviews beside the worker: nothing due in time waits for a large one.
func (b *Broker) reviewsAside(ctx context.Context, passes *sync.WaitGroup) {
	if !b.reviewing.CompareAndSwap(false, true) {
		return
	}
	passes.Go(func() {
		defer b.reviewing.Store(false)
		if _, err := b.carryReviews(ctx); err != nil && ctx.Err() == nil {
			b.log.Error("carrying on with reviews", "error", err)
		}
	})
}

// reviewAll carries on with reviews until none has anything to do now.
func (b *Broker) reviewAll(ctx context.Context) error {
	for range 1000 {
		more, err := b.carryReviews(ctx)
		if err != nil || !more {
			return err
		}
	}
	return errors.New("broker: reviews do not come to rest")
}
