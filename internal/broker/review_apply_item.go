package broker

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// applyItem applies the answer of one item on what stands now. Again, or after another order, it does nothing more: what
// came of it is recorded with it. made is the id of an assignment it may make.
func (b *Broker) applyItem(tx *store.Tx, id, made string) error {
	i, err := tx.ReviewItem(id)
	if err != nil || i.Result != pim.ResultNone && i.Result != pim.ResultFailed {
		return err
	}
	in, err := tx.ReviewInstance(i.InstanceID)
	if gone(err) || err == nil && in.State != pim.ReviewApplying {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	a := reviewApplying{b: b, tx: tx, in: in, item: i, made: made}
	if i.GroupID != "" {
		err = a.membership()
	} else {
		err = a.assignment()
	}
	var refusal *pim.Refusal
	if errors.As(err, &refusal) && refusal.Kind != pim.KindConflict || errors.Is(err, errLast) {
		words := keptLast
		if refusal != nil {
			words = refusal.Message
		}
		return a.close(pim.ResultRefused, words, time.Time{})
	}
	return err
}

// errLast says that a rule keeps the last administrator.
var errLast = errors.New("the last administrator")

const keptLast = "Nobody would be able to administer Stint without it. Make another person able first, then remove it."

// reviewApplying is one item being applied in a transaction.
type reviewApplying struct {
	b    *Broker
	tx   *store.Tx
	in   pim.ReviewInstance
	item pim.ReviewItem
	made string
}

// by is how events and notices name who does it: the review, not whoever applied it, decided.
func (a reviewApplying) by() pim.Principal {
	return pim.Principal{ID: pim.System, Name: "The review " + a.in.Name}
}

func (a reviewApplying) why() string {
	words := "Review “" + a.in.Name + "”"
	if a.item.Reason != "" {
		words += ": " + a.item.Reason
	}
	return clip(words)
}

// close records what came of the item for good.
func (a reviewApplying) close(r pim.ReviewResult, words string, goneAt time.Time) error {
	i := a.item
	i.Result, i.ResultText, i.GoneAt, i.DueAt = r, words, goneAt, time.Time{}
	if i.ResultAt.IsZero() || a.item.Result == pim.ResultFailed {
		i.ResultAt = a.tx.Now
	}
	if err := moved(a.tx.SaveReviewResult(i)); err != nil {
		return err
	}
	a.tx.Emit(pim.ReviewItemApplied(i, a.in.AppliedBy))
	return nil
}

// await records that the item is done at Stint, and what it is read back from at targets; without anything it is gone.
func (a reviewApplying) await(r pim.ReviewResult, needs []pim.GrantNeed) error {
	i := a.item
	i.Result, i.ResultText, i.ResultAt, i.Tries = r, "", a.tx.Now, 0
	if len(needs) > 0 {
		i.DueAt = a.tx.Now.Add(time.Second)
		if err := moved(a.tx.SaveReviewResult(i)); err != nil {
			return err
		}
		a.tx.Emit(pim.ReviewItemApplied(i, a.in.AppliedBy))
		return a.tx.AwaitReviewItem(i.ID, needs)
	}
	a.item = i
	return a.seen(nil)
}

// seen closes an item whose needs are all accounted for, or says what it waits for.
func (a reviewApplying) seen(needs []pim.GrantNeed) error {
	var back pim.ReadBack
	for _, n := range needs {
		back.Add(n)
	}
	if back.Open > 0 {
		words, err := waitsWords(a.tx.Reader, needs)
		if err != nil {
			return err
		}
		at := a.item.ResultAt
		a.item.Tries++
		a.item.ResultText, a.item.ResultAt, a.item.DueAt = words, at, a.tx.Now.Add(pim.ReviewWait(a.item.Tries, 0.5))
		return moved(a.tx.SaveReviewResult(a.item))
	}
	if back.At.IsZero() {
		back.At = a.tx.Now
	}
	through, err := a.through(back)
	if err != nil {
		return err
	}
	r, words, at := pim.ReviewSeen(a.item.Result, back, through)
	if r == pim.ResultRemoved {
		other, err := a.stillHeld()
		if err != nil {
			return err
		}
		if other != "" {
			r, words = pim.ResultElsewhere, other
		}
	}
	return a.close(r, words, at)
}

// waitsWords say why something is not seen gone yet, in the words of the target.
func waitsWords(r *store.Reader, needs []pim.GrantNeed) (string, error) {
	for _, n := range needs {
		if !n.SettledAt.IsZero() {
			continue
		}
		g, err := r.Grant(n.GrantID)
		if err != nil {
			return "", err
		}
		if g.Error != "" {
			return "Not seen gone yet: " + g.Error + " Stint keeps trying.", nil
		}
	}
	return "", nil
}

// through names what a grant is still held through.
func (a reviewApplying) through(back pim.ReadBack) (string, error) {
	if back.Shared == "" {
		return "something else", nil
	}
	asg, err := a.tx.Assignment(back.Shared)
	if errors.Is(err, store.ErrNotFound) {
		var act pim.Activation
		if act, err = a.tx.Activation(back.Shared); err == nil {
			asg, err = a.tx.Assignment(act.AssignmentID)
		}
	}
	if gone(err) {
		return "something else", nil
	}
	if err != nil {
		return "", err
	}
	return roleAt(a.tx.Reader, asg)
}

// stillHeld says by what a person is given the same role there all the same: through a group, or anew.
func (a reviewApplying) stillHeld() (string, error) {
	if a.item.PersonID == "" || a.item.RoleID == "" {
		return "", nil
	}
	held, err := a.tx.Holdings(a.item.PrincipalID)
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(held, func(h store.Holding) bool {
		return h.RoleID == a.item.RoleID && h.ResourceID == a.item.ResourceID && h.ID != a.item.AssignmentID
	})
	if at < 0 {
		return "", nil
	}
	if h := held[at]; h.PrincipalID != a.item.PrincipalID {
		names, err := a.tx.Names([]string{h.PrincipalID})
		return fmt.Sprintf("Still %s through %s.", h.Kind, names[h.PrincipalID]), err
	}
	return fmt.Sprintf("Still %s by another assignment.", held[at].Kind), nil
}

// assignment applies a deny or a shrink of an assignment.
func (a reviewApplying) assignment() error {
	asg, err := a.tx.Assignment(a.item.AssignmentID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	switch pim.ReviewStepOf(a.item, asg, err == nil, a.in.StartedAt, a.tx.Now) {
	case pim.StepGoneBefore:
		return a.close(pim.ResultGone, "It was over before the review was applied.", asg.EndedAt)
	case pim.StepLeaveIt:
		return a.close(pim.ResultChanged, leftAsItIs(a.item.Anew(asg, a.in.StartedAt)), time.Time{})
	case pim.StepRemoveIt:
		return a.remove(asg)
	case pim.StepShrinkIt:
		return a.shrink(asg)
	}
	return a.close(pim.ResultKept, "", time.Time{})
}

// leftAsItIs says that a review takes nothing away that was decided after it began (EC-24).
func leftAsItIs(why string) string {
	return why + ", and is left as it is. The next review asks about it."
}

// remove ends an assignment as an administrator's removal does, with what was activated with it.
func (a reviewApplying) remove(asg pim.Assignment) error {
	if asg.RoleID == pim.RoleAdministrator {
		if err := keepAdministrator(a.tx, func() error { return moved(a.tx.EndAssignment(asg, false)) }); err != nil {
			return kept(err)
		}
	}
	needs, err := a.ending(asg, func() error {
		return a.b.endAssignmentFor(a.tx, asg, pim.System, false, AssignmentRemoval{Reason: a.why()}, "")
	})
	if err != nil {
		return err
	}
	if err := a.tell(asg, "removed"); err != nil {
		return err
	}
	return a.await(pim.ResultRemoving, needs)
}

// kept makes the refusal to remove the last administrator a result: it is no race, which is tried again.
func kept(err error) error {
	if refused(err) {
		return errLast
	}
	return err
}

// ending makes a change of an assignment and returns the needs that end by it.
func (a reviewApplying) ending(asg pim.Assignment, change func() error) ([]pim.GrantNeed, error) {
	open, err := a.tx.OpenActivationsUsing(asg.ID)
	if err != nil {
		return nil, err
	}
	if asg.RoleID == pim.RoleAdministrator {
		_, err = watchEnd(a.tx, pim.System, func() (struct{}, error) { return struct{}{}, change() })
	} else {
		err = change()
	}
	if err != nil {
		return nil, err
	}
	needs, err := a.tx.NeedsOfAssignment(asg.ID)
	if err != nil {
		return nil, err
	}
	for _, act := range open {
		of, err := a.tx.NeedsOf(act.ID)
		if err != nil {
			return nil, err
		}
		needs = append(needs, of...)
	}
	return slices.DeleteFunc(needs, func(n pim.GrantNeed) bool { return n.EndedAt.IsZero() || n.EndedAt.Before(a.tx.Now) }), nil
}

// tell tells whose assignment it was, or who answers for the workload.
func (a reviewApplying) tell(asg pim.Assignment, did string) error {
	holder, err := a.tx.Principal(asg.PrincipalID)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	what, err := roleAt(a.tx.Reader, asg)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s %s %s to %s", a.by().Name, did, yours(holder), what)
	if a.item.Reason != "" {
		text += ": " + a.item.Reason
	}
	switch holder.Kind {
	case pim.Workload:
		return tellOwners(a.tx, holder, text+".", "/assignments/"+asg.ID, pim.System)
	case pim.Person:
		return notify(a.tx, text+".", "/my-roles", holder.ID)
	}
	return nil
}
