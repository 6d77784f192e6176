package pim

import (
	"slices"
	"time"
)

// MaxReviewAnswers is how many items one form answers.
const MaxReviewAnswers = 100

// MayShrink reports whether what an item holds can become less in a way: a permanent assignment may get an end, an active
// one of people may become eligible, and any of them may be held at a resource below. A membership cannot.
func (i ReviewItem) MayShrink(how ReviewShrink, holder PrincipalKind) bool {
	if i.AssignmentID == "" {
		return false
	}
	switch how {
	case ShrinkEnd:
		return i.Frozen.EndsAt.IsZero()
	case ShrinkEligible:
		return i.Kind == Active && holder != Workload
	case ShrinkScope:
		return true
	}
	return false
}

// CheckReviewAnswer refuses an answer that cannot be given to an item of an instance. It does not know whether a resource
// is below another.
func CheckReviewAnswer(in ReviewInstance, i ReviewItem, holder PrincipalKind, a ReviewAnswer, s ShrinkTo, reason string) *Refusal {
	if !slices.Contains(ReviewAnswers, a) {
		return Invalid("answer", "Choose one of the answers.")
	}
	if a == AnswerShrink {
		if r := checkShrink(in, i, holder, s); r != nil {
			return r
		}
	} else if s.How != ShrinkNone {
		return Invalid("shrink", "Only Shrink says what is left.")
	}
	return CheckReviewReason(in.Terms.NeedReason && a != AnswerDontKnow, reason)
}

// CheckReviewReason holds a reviewer's reason against what every reason is held against.
func CheckReviewReason(need bool, reason string) *Refusal {
	if problem := CheckJustification(reason, need); problem != "" {
		return Invalid("reason", "%s", problem)
	}
	return nil
}

func checkShrink(in ReviewInstance, i ReviewItem, holder PrincipalKind, s ShrinkTo) *Refusal {
	switch {
	case s.How == ShrinkNone:
		return Invalid("shrink", "Choose what is left: an end, eligible instead of active, or a narrower resource.")
	case i.AssignmentID == "":
		return Invalid("shrink", "A membership is kept or ended: there is nothing between.")
	case !i.MayShrink(s.How, holder):
		return Invalid("shrink", "This does not become less that way. Choose another one.")
	case s.How == ShrinkEnd && s.EndsAt.Before(in.EndsAt.Add(MinAssignment)):
		return Invalid("shrink_end", "Choose an end after the review is over, later than %s. To end it with the review, deny it.", FormatInstant(in.EndsAt))
	case s.How == ShrinkScope && (s.ResourceID == "" || s.ResourceID == i.ResourceID):
		return Invalid("shrink_resource", "Choose a resource below the one it is held at.")
	}
	return nil
}

// OwnAccess reports whether an item is a person's own.
func (i ReviewItem) OwnAccess(personID string) bool {
	return i.PersonID != "" && i.PersonID == personID
}

// OwnThrough reports whether an item is a group's that somebody is in, or was in when the review began: what the group
// holds they hold. groups are those they are in now.
func (i ReviewItem) OwnThrough(principalID string, groups map[string]bool) bool {
	return i.PersonID == "" && (groups[i.PrincipalID] || slices.Contains(i.Frozen.Within, principalID))
}

// MayAnswer reports whether a reviewer whose turn it is may answer: nobody does about their own access, but where
// everybody reviews their own, and nobody about what a group of theirs holds (W-67).
func (i ReviewItem) MayAnswer(stage ReviewStage, who Principal, groups map[string]bool) bool {
	return !i.OwnThrough(who.ID, groups) && (!i.OwnAccess(who.PersonID) || stage.Kind == ReviewersSelf)
}

// TurnOf is the stage whose turn it is; of an instance that is over the last one that was.
func (i ReviewInstance) TurnOf() ReviewStage {
	if i.Stage < 0 || i.Stage >= len(i.Terms.Stages) {
		return ReviewStage{}
	}
	return i.Terms.Stages[i.Stage]
}

// Answered is an item after an answer, with its line of history. The last answer counts (W-62).
func (i ReviewItem) Answered(id string, stage int, a ReviewAnswer, s ShrinkTo, reason, by string, as AnsweredAs, now time.Time) (ReviewItem, ReviewDecision) {
	if a != AnswerShrink {
		s = ShrinkTo{}
	}
	d := ReviewDecision{ID: id, InstanceID: i.InstanceID, ItemID: i.ID, Stage: stage, Answer: a, Shrink: s, Reason: reason, By: by, As: as, At: now}
	return i.Decided(d), d
}

// Decided is an item with what a line of its history says; without an answer it is open and nobody's.
func (i ReviewItem) Decided(d ReviewDecision) ReviewItem {
	if d.Answer == AnswerNone {
		d = ReviewDecision{As: AsReviewer}
	}
	i.Answer, i.Shrink, i.Reason, i.DecidedBy, i.DecidedAt, i.DecidedAs = d.Answer, d.Shrink, d.Reason, d.By, d.At, d.As
	return i
}

// SaysTheSame reports whether an answer is the one an item has from the same person.
func (i ReviewItem) SaysTheSame(a ReviewAnswer, s ShrinkTo, reason, by string) bool {
	same := i.Shrink.How == s.How && i.Shrink.EndsAt.Equal(s.EndsAt) && i.Shrink.ResourceID == s.ResourceID
	return a != AnswerNone && i.Answer == a && (a != AnswerShrink || same) && i.Reason == reason && i.DecidedBy == by
}

// Accepts is the answer that an item's recommendation gives; none where nothing is recommended, or it cannot be done.
func (i ReviewItem) Accepts(in ReviewInstance, holder PrincipalKind) (ReviewAnswer, ShrinkTo) {
	a, s := i.Frozen.Recommended, ShrinkTo{}
	if a == AnswerShrink {
		s = i.Frozen.Shrink
		if checkShrink(in, i, holder, s) != nil {
			return AnswerNone, s
		}
	}
	if a == AnswerNone || !slices.Contains(ReviewAnswers, a) {
		return AnswerNone, s
	}
	return a, s
}

// Silent is what an item is taken to be answered with at the end when nobody did (W-31); no answer is no change.
func (t ReviewTerms) Silent(i ReviewItem) (ReviewAnswer, ShrinkTo) {
	switch t.Silence {
	case SilenceRemove:
		return AnswerDeny, ShrinkTo{}
	case SilenceKeep:
		return AnswerApprove, ShrinkTo{}
	case SilenceRecommend:
		if i.Frozen.Recommended == AnswerShrink {
			return AnswerShrink, i.Frozen.Shrink
		}
		return i.Frozen.Recommended, ShrinkTo{}
	}
	return AnswerNone, ShrinkTo{}
}
