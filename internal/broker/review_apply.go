package broker

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionApplyReview] = func() operation { return &applyReview{} }
}

// applyReview applies the answers of a review that ended and waits for somebody to do so (W-82).
type applyReview struct {
	ID      string
	Version int64
}

// ApplyReview takes away what was denied and makes less of what is to shrink, each as it stands by then, in pieces that
// go on by themselves.
func (b *Broker) ApplyReview(ctx context.Context, actor Actor, instanceID string, version int64, back string) (Outcome, error) {
	return b.operate(ctx, actor, back, &applyReview{ID: instanceID, Version: version})
}

func (o *applyReview) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionApplyReview, Object: o.ID, Version: o.Version}, lessen: true}
	in, err := SeeReview(tx.Reader, who, o.ID)
	if err != nil {
		return p, err
	}
	if !in.Manages {
		return p, pim.Refuse(pim.KindForbidden, "You may read this review, not apply it.")
	}
	switch {
	case in.State == pim.ReviewApplying || in.State == pim.ReviewApplied:
		return p, pim.Refuse(pim.KindConflict, "This review is applied already.")
	case in.State != pim.ReviewCompleted:
		return p, pim.Refuse(pim.KindConflict, "This review has not ended yet. Stop it first, or wait for its end.")
	case in.Version != o.Version:
		return p, moved(store.ErrConflict)
	}
	own := ofStint(in.Terms.Scope)
	p.touch, p.admins = own && in.Counts.Denied+in.Counts.Shrunk > 0, own
	p.says = []string{appliesWords(in.Counts)}
	return p, nil
}

// ofStint reports whether a review may be about Stint's own roles.
func ofStint(s pim.ReviewScope) bool {
	roles := len(s.Roles) == 0 || slices.ContainsFunc(s.Roles, func(id string) bool { return slices.Contains(pim.StintRoles, id) })
	return len(s.Groups) > 0 || roles && (len(s.Resources) == 0 || slices.Contains(s.Resources, pim.StintResource) || slices.Contains(s.Roles, pim.RoleOwner))
}

func appliesWords(c pim.ReviewCounts) string {
	return fmt.Sprintf("What was denied is taken away (%d), and what is to shrink becomes less (%d), each as it stands then; what was activated with it ends.", c.Denied, c.Shrunk)
}

func (o *applyReview) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/reviews/" + o.ID, Done: "Being applied. This page shows what came of each line."}
	in, err := tx.ReviewInstance(o.ID)
	if err != nil {
		return out, found(err)
	}
	startApplying(tx, &in, who.ID, evidence)
	return out, moved(tx.SaveReviewInstance(in))
}

// startApplying lets the answers of an instance that ended be applied from now on; the caller saves it.
func startApplying(tx *store.Tx, in *pim.ReviewInstance, by, evidence string) {
	in.State, in.AppliedAt, in.AppliedBy, in.After = pim.ReviewApplying, tx.Now, by, ""
	e := pim.ReviewEvent(pim.EvReviewApplying, *in, by).With("denied", in.Counts.Denied).With("shrunk", in.Counts.Shrunk)
	tx.Emit(confirmedBy(e, evidence))
}

// applyOn applies the next answers, in as many writes as they take, and looks at what waits to be seen gone; it reports
// whether there is more, and whether any of it was new. Between two writes everybody else comes in turn.
func (b *Broker) applyOn(ctx context.Context) (more, fresh bool, err error) {
	type found struct {
		instances []pim.ReviewInstance
		items     []pim.ReviewItem
		done      []string // instances with nothing left
		due       []pim.ReviewItem
	}
	f, err := store.Read(ctx, b.store, func(r *store.Reader) (f found, err error) {
		if f.due, err = r.ReviewItemsDue(looked); err != nil {
			return f, err
		}
		if f.instances, err = r.ReviewsApplying(chunk); err != nil {
			return f, err
		}
		for _, in := range f.instances {
			if f.items, err = r.ReviewItemsNew(in.ID, looked); err != nil || len(f.items) > 0 {
				return f, err
			}
			waits, err := r.ReviewWaits(in.ID)
			if err != nil {
				return f, err
			}
			if !waits {
				f.done = append(f.done, in.ID)
			}
		}
		return f, nil
	})
	if err != nil {
		return false, false, err
	}
	for _, id := range f.done {
		if err := do(ctx, b, func(tx *store.Tx) error { return finishReview(tx, id) }); err != nil && !refused(err) {
			return false, false, err
		}
	}
	if err := b.applyItems(ctx, f.items); err != nil {
		return false, false, err
	}
	if err := b.lookAgain(ctx, f.due); err != nil {
		return false, false, err
	}
	fresh = len(f.done)+len(f.items) > 0
	return fresh || len(f.due) > 0, fresh, nil
}

// applyItems applies answers of one instance: those that change nothing many at once, the others a few a write.
func (b *Broker) applyItems(ctx context.Context, items []pim.ReviewItem) error {
	var keep, act []string
	for _, i := range items {
		if i.Answer == pim.AnswerDeny || i.Answer == pim.AnswerShrink {
			act = append(act, i.ID)
		} else {
			keep = append(keep, i.ID)
		}
	}
	if len(keep) > 0 {
		id := items[0].InstanceID
		if err := do(ctx, b, func(tx *store.Tx) error { _, err := tx.KeepReviewItems(id, keep); return err }); err != nil {
			return err
		}
	}
	return b.eachApplied(ctx, act)
}

// eachApplied applies items in pieces. Where a piece fails each of its items is tried alone, and the one that fails is
// recorded as failed and tried again later: it holds up no other.
func (b *Broker) eachApplied(ctx context.Context, ids []string) error {
	made := newIDs(len(ids)) // of assignments that shrinking may make
	for len(ids) > 0 {
		n, err := write(ctx, b, func(tx *store.Tx) (int, error) {
			return onePiece(len(ids), func(i int) error { return b.applyItem(tx, ids[i], made[i]) })
		})
		if err != nil {
			n = 1
			if err := b.applyAlone(ctx, ids[0], made[0]); err != nil {
				return err
			}
		}
		ids, made = ids[n:], made[n:]
	}
	return nil
}

func (b *Broker) applyAlone(ctx context.Context, id, made string) error {
	err := do(ctx, b, func(tx *store.Tx) error { return b.applyItem(tx, id, made) })
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	b.log.Error("applying an answer of a review", "item", id, "error", err)
	return do(ctx, b, func(tx *store.Tx) error {
		i, err := tx.ReviewItem(id)
		if err != nil {
			return err
		}
		return putOff(tx, i, pim.ResultFailed, "Stint could not apply this yet, and tries again.")
	})
}

// putOff lets an item be tried or looked at again, later each time.
func putOff(tx *store.Tx, i pim.ReviewItem, result pim.ReviewResult, words string) error {
	i.Tries++
	i.Result, i.ResultText, i.ResultAt, i.DueAt = result, words, tx.Now, tx.Now.Add(pim.ReviewWait(i.Tries, 0.5))
	return moved(tx.SaveReviewResult(i))
}

// finishReview ends an instance of which nothing is left to apply or to see gone.
func finishReview(tx *store.Tx, id string) error {
	in, err := tx.ReviewInstance(id)
	if gone(err) {
		return nil
	}
	if err != nil || in.State != pim.ReviewApplying {
		return err
	}
	if waits, err := tx.ReviewWaits(id); err != nil || waits {
		return err
	}
	results, err := tx.ReviewResults(id)
	if err != nil {
		return err
	}
	e := pim.ReviewEvent(pim.EvReviewFinished, in, pim.System)
	for r, n := range results {
		e = e.With(string(r), n)
	}
	tx.Emit(e)
	in.State, in.After = pim.ReviewApplied, ""
	if err := moved(tx.SaveReviewInstance(in)); err != nil {
		return err
	}
	return tellApplied(tx, in, results)
}

// tellApplied tells whoever applied it, or whoever made the review, what came of it.
func tellApplied(tx *store.Tx, in pim.ReviewInstance, results map[pim.ReviewResult]int64) error {
	to := in.AppliedBy
	if to == pim.System {
		d, err := tx.ReviewOf(in.ReviewID)
		if err != nil {
			return err
		}
		to = d.MadeBy
	}
	text := fmt.Sprintf("The review %s is applied: %d taken away and seen gone, %d made less", in.Name, results[pim.ResultRemoved]+results[pim.ResultGone], results[pim.ResultShrunk])
	if n := results[pim.ResultRefused] + results[pim.ResultElsewhere] + results[pim.ResultChanged] + results[pim.ResultNotHere]; n > 0 {
		text += fmt.Sprintf(", %d for somebody to look at", n)
	}
	return notify(tx, text+".", "/reviews/"+in.ID, to)
}

// restOfApplying is how long applying rests when nothing new was there to apply: the worker comes by after every pass at a
// target, and what waits to be seen gone is looked at in its time.
const restOfApplying = 250 * time.Millisecond

// applyAside applies what comes next beside the worker: nothing due in time waits for it. An error is told, and the same
// is tried again.
func (b *Broker) applyAside(ctx context.Context, passes *sync.WaitGroup) {
	if at := b.applied.Load(); at > 0 && b.clock().UnixMicro()-at < restOfApplying.Microseconds() || !b.applying.CompareAndSwap(false, true) {
		return
	}
	passes.Go(func() {
		defer b.applying.Store(false)
		_, fresh, err := b.applyOn(ctx)
		if err != nil && ctx.Err() == nil {
			b.log.Error("applying a review", "error", err)
		}
		b.applied.Store(0)
		if !fresh {
			b.applied.Store(b.clock().UnixMicro())
		}
	})
}

// applyAll applies everything that can be now.
func (b *Broker) applyAll(ctx context.Context) error {
	for {
		more, _, err := b.applyOn(ctx)
		if err != nil || !more {
			return err
		}
	}
}
