package broker

import (
	"context"
	"fmt"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionChangeReview] = func() operation { return &changeReview{} }
	operations[pim.ActionStopReview] = func() operation { return &stopReview{} }
	operations[pim.ActionResetReview] = func() operation { return &resetReview{} }
	operations[pim.ActionRemindReviewers] = func() operation { return &remindReviewers{} }
	operations[pim.ActionDeleteReview] = func() operation { return &deleteReview{} }
}

// runningReview is a review that runs, as somebody changes it: what each of these operations begins with.
type runningReview struct {
	ID      string
	Version int64
}

// load returns the instance for whoever may change it.
func (o runningReview) load(tx *store.Tx, who pim.Principal) (pim.ReviewInstance, error) {
	i, err := tx.ReviewInstance(o.ID)
	if err != nil {
		return i, found(err)
	}
	if err := managesReview(tx.Reader, who, i); err != nil {
		return i, err
	}
	if i.Version != o.Version {
		return i, moved(store.ErrConflict)
	}
	return i, nil
}

// open is load for what takes answers now.
func (o runningReview) open(tx *store.Tx, who pim.Principal) (pim.ReviewInstance, error) {
	i, err := o.load(tx, who)
	if err == nil && !i.OpenAt(tx.Now) {
		err = pim.Refuse(pim.KindConflict, "This review takes no answers now: it begins, goes on to its next stage, or has ended.")
	}
	return i, err
}

func (o runningReview) item(action pim.StepUpAction) pim.StepUpItem {
	return pim.StepUpItem{Action: action, Object: o.ID, Version: o.Version}
}

// ReviewInstanceChange changes a review that runs, and no other one of its series (W-69).
type ReviewInstanceChange struct {
	ID      string
	Version int64
	EndsAt  time.Time // of the stage that runs; those after it move along
	Text    string
	Remind  bool
}

type changeReview struct {
	runningReview
	EndsAt time.Time
	Text   string
	Remind bool
}

// ChangeReviewInstance moves the end of a review that runs, or changes what its reviewers are told.
func (b *Broker) ChangeReviewInstance(ctx context.Context, actor Actor, c ReviewInstanceChange, back string) (Outcome, error) {
	return b.operate(ctx, actor, back, &changeReview{runningReview{c.ID, c.Version}, c.EndsAt.Truncate(time.Second), strings.TrimSpace(c.Text), c.Remind})
}

func (o *changeReview) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: o.item(pim.ActionChangeReview), lessen: true}
	i, err := o.open(tx, who)
	if err != nil {
		return p, err
	}
	switch wrong := pim.CheckJustification(o.Text, false); {
	case !o.EndsAt.After(tx.Now):
		err = pim.Invalid("ends_at", "That is past. Choose a later end, or stop the review.")
	case o.EndsAt.After(i.StartedAt.AddDate(0, 0, pim.MaxReviewDays)):
		err = pim.Invalid("ends_at", "At most %d days after its start.", pim.MaxReviewDays)
	case len([]rune(o.Text)) > pim.MaxReviewText:
		err = pim.Invalid("text", "At most %d characters.", pim.MaxReviewText)
	case wrong != "":
		err = pim.Invalid("text", "%s", wrong)
	}
	if err == nil && o.EndsAt.Before(i.StageEnds) { // an end in a moment is stopping it
		p.touch, err = touchesReview(tx.Reader, i.Terms)
		p.says = []string{fmt.Sprintf("“%s” takes answers until %s instead of %s, and what comes of it is applied by itself.", i.Name, pim.FormatInstant(o.EndsAt), pim.FormatInstant(i.StageEnds))}
	}
	return p, err
}

func (o *changeReview) apply(_ *Broker, tx *store.Tx, who pim.Principal, _ string) (Outcome, error) {
	out := Outcome{Back: "/reviews/" + o.ID, Done: "Saved for this review alone."}
	i, err := o.open(tx, who)
	if err != nil {
		return out, err
	}
	later := o.EndsAt.Sub(i.StageEnds)
	i.StageEnds, i.EndsAt = o.EndsAt, i.EndsAt.Add(later)
	i.Terms.Text = o.Text
	if later != 0 || o.Remind != i.Terms.Remind {
		i.Terms.Remind, i.RemindAt = o.Remind, time.Time{}
		if o.Remind {
			i.RemindAt = tx.Now.Add(i.StageEnds.Sub(tx.Now) / 2).Truncate(time.Second)
		}
	}
	e := pim.ReviewEvent(pim.EvReviewChanged, i, who.ID).With("ends_at", i.EndsAt.UnixMicro()).With("remind", o.Remind)
	tx.Emit(e.WithText("text", o.Text))
	return out, moved(tx.SaveReviewInstance(i))
}

type stopReview struct{ runningReview }

// StopReview ends the stage that runs now rather than when its time is over (W-51), and with the last one the review
// (W-80). There is no starting it again.
func (b *Broker) StopReview(ctx context.Context, actor Actor, instanceID string, version int64, back string) (Outcome, error) {
	return b.operate(ctx, actor, back, &stopReview{runningReview{instanceID, version}})
}

func (o *stopReview) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: o.item(pim.ActionStopReview), lessen: true}
	i, err := o.open(tx, who)
	if err != nil || !i.LastStage() {
		return p, err
	}
	if p.touch, err = touchesReview(tx.Reader, i.Terms); err == nil && p.touch {
		c := i.Counts
		p.says = []string{fmt.Sprintf("“%s” ends now, and what came of it is applied by itself: %d denied and %d made less so far, and %d that nobody answered about.", i.Name, c.Denied, c.Shrunk, c.Items-c.Decided())}
	}
	return p, err
}

func (o *stopReview) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/reviews/" + o.ID, Done: "The review ends now."}
	i, err := o.open(tx, who)
	if err != nil {
		return out, err
	}
	if !i.LastStage() {
		out.Done = "This stage ends now, and the next one begins."
	}
	tx.Emit(confirmedBy(pim.ReviewEvent(pim.EvReviewStopped, i, who.ID).With("stage", int64(i.Stage)), evidence))
	return out, endStage(tx, i.ID, who.ID)
}

type resetReview struct{ runningReview }

// ResetReview takes every answer of the stage that runs back; the history keeps them (W-81).
func (b *Broker) ResetReview(ctx context.Context, actor Actor, instanceID string, version int64, back string) (Outcome, error) {
	return b.operate(ctx, actor, back, &resetReview{runningReview{instanceID, version}})
}

func (o *resetReview) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: o.item(pim.ActionResetReview), lessen: true}
	i, err := o.open(tx, who)
	if err == nil && i.Counts.Decided() == 0 {
		err = pim.Refuse(pim.KindConflict, "Nothing is answered yet, so that there is nothing to take back.")
	}
	return p, err
}

func (o *resetReview) apply(_ *Broker, tx *store.Tx, who pim.Principal, _ string) (Outcome, error) {
	out := Outcome{Back: "/reviews/" + o.ID, Done: "The answers are being taken back. Reviewers begin again."}
	i, err := o.open(tx, who)
	if err != nil {
		return out, err
	}
	tx.Emit(pim.ReviewEvent(pim.EvReviewReset, i, who.ID).With("stage", int64(i.Stage)).With("answers", i.Counts.Decided()))
	i.State, i.After, i.Done, i.About, i.EndedBy = pim.ReviewAdvancing, walkReset, 0, i.Counts.Items, who.ID
	return out, moved(tx.SaveReviewInstance(i))
}

type remindReviewers struct{ runningReview }

// RemindReviewers tells everybody who has something open once more (W-84).
func (b *Broker) RemindReviewers(ctx context.Context, actor Actor, instanceID string, version int64, back string) (Outcome, error) {
	return b.operate(ctx, actor, back, &remindReviewers{runningReview{instanceID, version}})
}

func (o *remindReviewers) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: o.item(pim.ActionRemindReviewers), lessen: true}
	i, err := o.open(tx, who)
	switch {
	case err != nil:
	case i.After != "":
		err = pim.Refuse(pim.KindConflict, "Reviewers are being told right now. Try again in a moment.")
	case i.Counts.Decided() >= i.Counts.Items:
		err = pim.Refuse(pim.KindConflict, "Everything is answered: nobody is left to remind.")
	}
	return p, err
}

func (o *remindReviewers) apply(_ *Broker, tx *store.Tx, who pim.Principal, _ string) (Outcome, error) {
	out := Outcome{Back: "/reviews/" + o.ID, Done: "Whoever has something left to answer is reminded."}
	i, err := o.open(tx, who)
	if err != nil {
		return out, err
	}
	tx.Emit(pim.ReviewEvent(pim.EvReviewReminded, i, who.ID).With("stage", int64(i.Stage)))
	i.After = walkRemind
	return out, moved(tx.SaveReviewInstance(i))
}

// ReviewDeletion deletes one review of a series; Confirm is its name (W-83).
type ReviewDeletion struct {
	ID      string
	Version int64
	Confirm string
}

type deleteReview struct {
	runningReview
	Confirm string
}

// DeleteReviewInstance deletes one review, whether it runs or is over. What the log says of it stays.
func (b *Broker) DeleteReviewInstance(ctx context.Context, actor Actor, v ReviewDeletion, back string) (Outcome, error) {
	return b.operate(ctx, actor, back, &deleteReview{runningReview{v.ID, v.Version}, v.Confirm})
}

func (o *deleteReview) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: o.item(pim.ActionDeleteReview), lessen: true}
	i, err := o.load(tx, who)
	switch {
	case err != nil:
	case i.State == pim.ReviewApplying:
		err = pim.Refuse(pim.KindConflict, "It is being applied. Wait until it says Applied: its page shows what each line waits for. Then delete it.")
	case o.Confirm != i.Name:
		err = pim.Invalid("confirm", "Type the name of the review to delete it: %s", i.Name)
	}
	return p, err
}

func (o *deleteReview) apply(_ *Broker, tx *store.Tx, who pim.Principal, _ string) (Outcome, error) {
	out := Outcome{Back: "/reviews", Done: "Review deleted. What the audit log says of it stays."}
	i, err := o.load(tx, who)
	if err != nil {
		return out, err
	}
	tx.Emit(pim.ReviewDeleted(i, who.ID))
	return out, moved(tx.DeleteReviewInstance(i.ID, i.Version))
}
