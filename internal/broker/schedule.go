package broker

import (
	"context"
	"errors"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// ahead is a start that still lies ahead; one that has passed means now.
func ahead(start, now time.Time) time.Time {
	if start.After(now) {
		return start
	}
	return time.Time{}
}

// refuseOverlap holds the window an activation would have against the person's others of that role and resource.
func refuseOverlap(r *store.Reader, a pim.Activation) error {
	others, err := othersOpen(r, a)
	if err != nil {
		return err
	}
	o := pim.Overlapping(others, a.StartsAt, a.EndsAt, r.Now)
	if o == nil {
		o = openNow(others, a)
	}
	if o != nil {
		refusal := pim.Refuse(pim.KindConflict, "It would overlap another window of this role that the requester has. One of the two has to be canceled first.")
		refusal.Object = o.ID
		return refusal
	}
	return nil
}

// openNow returns another that is open now, when the activation is to hold now: its window may be over and not
// swept yet.
func openNow(others []pim.Activation, a pim.Activation) *pim.Activation {
	for _, o := range others {
		if o.StartAsked.IsZero() && a.StartAsked.IsZero() {
			return &o
		}
	}
	return nil
}

// othersOpen lists what the person has open of the role and resource, but for the activation itself.
func othersOpen(r *store.Reader, a pim.Activation) ([]pim.Activation, error) {
	open, err := r.OpenActivations(a.PersonID, a.RoleID, a.ResourceID)
	return without(open, a.ID), err
}

func without(list []pim.Activation, id string) (out []pim.Activation) {
	for _, o := range list {
		if o.ID != id {
			out = append(out, o)
		}
	}
	return out
}

// factsOf loads what an activation rests on as it is now. What is gone entirely shows as no longer eligible.
func (b *Broker) factsOf(r *store.Reader, a pim.Activation) (f considered, err error) {
	f.Now = r.Now
	if f.Assignment, err = r.Assignment(a.AssignmentID); err != nil {
		return f, err
	}
	if f.Person, err = r.Principal(a.PrincipalID); err != nil {
		return f, goneIs(err)
	}
	if f.Belongs, err = r.Within(a.PrincipalID, f.Assignment.PrincipalID); err != nil {
		return f, err
	}
	if err = b.weigh(r, &f, a.ResourceID); err != nil {
		f.Belongs = false
	}
	f.Beside = without(f.Beside, a.ID)
	return f, goneIs(err)
}

func goneIs(err error) error {
	var refusal *pim.Refusal
	if errors.Is(err, store.ErrNotFound) || errors.As(err, &refusal) {
		return nil
	}
	return err
}

func (b *Broker) startScheduled(tx *store.Tx) (int, error) {
	due, err := tx.StartsDue(chunk)
	if err != nil {
		return 0, err
	}
	for _, a := range due {
		if err := b.startPlanned(tx, a, nil); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}

// startPlanned starts a planned activation whose time has come, if every rule still says yes (T14). Where a fresh
// touch is asked for it waits for that, its end fixed.
func (b *Broker) startPlanned(tx *store.Tx, a pim.Activation, touch *pim.StepUp) error {
	f, err := b.factsOf(tx.Reader, a)
	if err != nil {
		return err
	}
	f.StepUp = touch
	touched := f.ActivationFacts
	touched.Effective.StepUp = a.Settings.StepUp.Stricter(f.Effective.StepUp)
	if refusal := pim.CheckTouch(touched); refusal != nil { // it goes on waiting for one that counts
		tx.Emit(pim.ActivationRefused(f.Person, f.Assignment, refusal.Verdicts, ""))
		return refusal
	}
	if f.Paused != "" && tx.Now.Before(a.EndsAt) { // nothing is granted now: come back (invariant 6)
		a.StartDue = tx.Now.Add(pausedLook)
		return moved(tx.MoveActivation(pim.Scheduled, a))
	}
	asked, others := unplanned(f.Beside)
	f.Beside = others
	d := pim.EvaluateStart(a, f.ActivationFacts)
	switch {
	case d.Refused():
		return b.refuseStart(tx, a, d)
	case d.NeedsStepUp:
		return askTouch(tx, a, d)
	}
	for _, o := range asked {
		if err := b.end(tx, o, pim.OnCanceled, pim.System, "What was planned for this role starts now.", ""); err != nil {
			return err
		}
	}
	a.State, _ = pim.NextActivationState(a.State, pim.OnStarted)
	a.StartsAt, a.EndsAt, a.StartAsked, a.StartDue = d.Start, d.End, time.Time{}, time.Time{}
	if openNow(f.Beside, a) != nil {
		return pim.Refuse(pim.KindConflict, "Another activation of this role is being ended. Try again in a moment.")
	}
	if err := tx.MoveActivation(pim.Scheduled, a); err != nil {
		return moved(err)
	}
	a.Version++
	actor := pim.System
	if touch != nil {
		actor = a.PrincipalID
	}
	if err := granting(tx, a, actor, f.reach); err != nil {
		return err
	}
	return tellHolder(tx, a, "Starts now as planned:", ".")
}

// unplanned separates requests that still wait for an approver, to start as soon as that comes, from the rest: what
// was planned goes before them.
func unplanned(list []pim.Activation) (waiting, others []pim.Activation) {
	for _, o := range list {
		if o.State == pim.PendingApproval && o.StartAsked.IsZero() {
			waiting = append(waiting, o)
		} else {
			others = append(others, o)
		}
	}
	return waiting, others
}

func (b *Broker) refuseStart(tx *store.Tx, a pim.Activation, d pim.Decision) error {
	var why []string
	for _, v := range d.Verdicts {
		if v.State == pim.No {
			why = append(why, v.Message)
		}
	}
	reason := strings.Join(why, " ")
	a.Verdicts = d.Verdicts
	if err := b.end(tx, a, pim.OnRefusedAtStart, pim.System, reason, ""); err != nil {
		return err
	}
	return tellHolder(tx, a, "Not started as planned:", ". "+reason)
}

// askTouch lets a planned activation wait for its holder's passkey until its end.
func askTouch(tx *store.Tx, a pim.Activation, d pim.Decision) error {
	a.EndsAt, a.StartDue = d.End, d.End
	if err := tx.MoveActivation(pim.Scheduled, a); err != nil {
		return moved(err)
	}
	tx.Emit(pim.ActivationTouchAsked(a))
	return tellHolder(tx, a, "Touch your passkey to start", ": it was planned more than 24 h ahead.")
}

// WaitsForTouch reports whether a planned activation waits for its holder's passkey.
func WaitsForTouch(a pim.Activation) bool {
	return a.State == pim.Scheduled && a.StartDue.Equal(a.EndsAt)
}

// StartNow begins the fresh touch that a planned activation waits for.
func (b *Broker) StartNow(ctx context.Context, actor Actor, id string) (Outcome, error) {
	ceremony, random := NewID(), randomBytes(32)
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		who, err := person(tx.Reader, actor)
		if err != nil {
			return Outcome{}, err
		}
		a, err := touchable(tx, actor, id)
		if err != nil {
			return Outcome{}, err
		}
		_, _, eff, err := effective(tx.Reader, a.RoleID, a.ResourceID)
		if err != nil {
			return Outcome{}, found(err)
		}
		attested := a.Settings.StepUp.Stricter(eff.StepUp) == pim.StepUpAttested
		return b.begin(tx, actor, who, pending{Items: []pim.StepUpItem{startItem(a)}, Attested: attested}, ceremony, random, "/activations/"+id)
	})
}

func touchable(tx *store.Tx, actor Actor, id string) (pim.Activation, error) {
	a, err := ownActivation(tx.Reader, actor, id)
	if err != nil {
		return a, err
	}
	if a.PrincipalID != actor.PrincipalID {
		return a, pim.NotFound()
	}
	if !WaitsForTouch(a) || !tx.Now.Before(a.EndsAt) {
		return a, movedOn(a, "This does not wait for your passkey.")
	}
	return a, nil
}

func startItem(a pim.Activation) pim.StepUpItem {
	return pim.StepUpItem{Action: pim.ActionStart, Object: a.ID, Version: a.Version, RoleID: a.RoleID, ResourceID: a.ResourceID,
		Start: micros(a.StartsAt), Until: micros(a.EndsAt)}
}

// startConfirmed starts what a passkey confirmed; when a rule says no by now, that is its end.
func (b *Broker) startConfirmed(ctx context.Context, actor Actor, p pending, su pim.StepUp) (Outcome, error) {
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		a, err := touchable(tx, actor, p.Items[0].Object)
		if err != nil {
			return Outcome{}, err
		}
		if !itemsMatch(su, a.PersonID, []pim.StepUpItem{startItem(a)}) {
			return Outcome{}, movedOn(a, "This changed since you confirmed. Look at it again.")
		}
		if err := spend(tx, su); err != nil {
			return Outcome{}, err
		}
		tx.Emit(pim.ActivationTouched(a, su))
		return Outcome{ActivationID: a.ID}, b.startPlanned(tx, a, &su)
	})
}
