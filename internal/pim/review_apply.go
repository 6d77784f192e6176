package pim

import (
	"fmt"
	"time"
)

// ActionApplyReview is a touch for taking away what a review denied of Stint's own roles.
const ActionApplyReview StepUpAction = "review.apply"

// ReviewStep is what applying an answer asks for.
type ReviewStep string

// The steps.
const (
	StepKeep       ReviewStep = "keep"
	StepRemoveIt   ReviewStep = "remove"
	StepShrinkIt   ReviewStep = "shrink"
	StepGoneBefore ReviewStep = "gone"    // it was over before
	StepLeaveIt    ReviewStep = "changed" // it is something else now
)

// ReviewStepOf decides what becomes of an assignment that was reviewed, as it stands now: what was decided about is the
// assignment itself, so that another one made since for the same place is not touched (W-90, EC-24). found is whether
// there is one of that id at all, began when the review did.
func ReviewStepOf(i ReviewItem, a Assignment, found bool, began, now time.Time) ReviewStep {
	over := !found || a.StateAt(now) == AssignmentExpired || a.StateAt(now) == AssignmentRemoved
	switch {
	case i.Answer != AnswerDeny && i.Answer != AnswerShrink:
		return StepKeep
	case over:
		return StepGoneBefore
	case i.Anew(a, began) != "":
		return StepLeaveIt
	case i.Answer == AnswerDeny:
		return StepRemoveIt
	case i.Shrink.How == ShrinkEnd && !a.EndsAt.IsZero() && !a.EndsAt.After(i.Shrink.EndsAt):
		return StepKeep // it ends sooner by now
	}
	return StepShrinkIt
}

// Anew says in words what somebody decided about an assignment since a review began: it is another kind, begins anew, or
// lasts longer than what was reviewed. Empty where the denial is about what stands: as it was, under another reason or
// owner, or less by now.
func (i ReviewItem) Anew(a Assignment, began time.Time) string {
	switch {
	case a.Kind != i.Kind:
		return fmt.Sprintf("It became %s since it was reviewed", a.Kind)
	case a.RoleID != i.RoleID || a.ResourceID != i.ResourceID || a.PrincipalID != i.PrincipalID:
		return "It is another assignment by now"
	case a.StartsAt.After(began) || a.CreatedAt.After(began):
		return "It was given again since it was reviewed"
	case i.Frozen.EndsAt.IsZero() || !a.EndsAt.IsZero() && !a.EndsAt.After(i.Frozen.EndsAt):
		return ""
	case a.EndsAt.IsZero():
		return "It was made permanent since it was reviewed"
	}
	return fmt.Sprintf("It was extended until %s since it was reviewed", FormatInstant(a.EndsAt))
}

// Waits reports whether a result waits for a target to be read back, or for another try.
func (r ReviewResult) Waits() bool {
	return r == ResultRemoving || r == ResultShrinking || r == ResultFailed
}

// ReadBack is what was found of the grants that something reviewed had needed.
type ReadBack struct {
	Open   int     // not accounted for yet
	Worst  Outcome // of those that are: shared before before, before gone
	Shared string  // through what it is still held
	At     time.Time
}

// Add takes one need in.
func (b *ReadBack) Add(n GrantNeed) {
	if n.SettledAt.IsZero() {
		b.Open++
		return
	}
	if n.SettledAt.After(b.At) {
		b.At = n.SettledAt
	}
	if rank(n.Outcome) > rank(b.Worst) {
		b.Worst = n.Outcome
	}
	if n.Outcome == OutcomeShared {
		b.Shared = n.SharedWith
	}
}

func rank(o Outcome) int {
	switch o {
	case OutcomeShared:
		return 5
	case OutcomeBefore:
		return 4
	case OutcomeAccepted:
		return 3
	case OutcomeGone:
		return 2
	case OutcomeNothing:
		return 1
	}
	return 0
}

// ReviewSeen is the result of what was removed or shrunk once it was read back (W-90); it waits while something is open.
// through names what still gives it, where something does.
func ReviewSeen(waits ReviewResult, b ReadBack, through string) (ReviewResult, string, time.Time) {
	done := ResultRemoved
	if waits == ResultShrinking {
		done = ResultShrunk
	}
	switch {
	case b.Open > 0:
		return waits, "", time.Time{}
	case waits == ResultShrinking && b.Worst == OutcomeShared: // less of it is held on purpose
		return done, "", b.At
	case b.Worst == OutcomeShared:
		return ResultElsewhere, "Still held through " + through + ".", time.Time{}
	case b.Worst == OutcomeBefore:
		return ResultElsewhere, "It was held at the target before Stint gave it, and is left as it was found.", time.Time{}
	case b.Worst == OutcomeAccepted:
		return done, "An administrator stated that it is gone; nobody saw it.", b.At
	}
	return done, "", b.At
}

// ReviewWait is how long until an item is looked at again: soon at first, then every minute. It never ends.
func ReviewWait(tries int64, jitter float64) time.Duration {
	return Backoff(int(min(tries, 10)), jitter)
}
