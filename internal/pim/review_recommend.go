package pim

import "time"

const (
	usedOnceAlready = 365 * 24 * time.Hour // used so lately, it is made to end rather than taken away
	keptFor         = 90 * 24 * time.Hour  // the end that is proposed for what has none
	fewPeers        = 3                    // fewer of the same department and job say nothing
)

// ReviewCase is what a recommendation is made from, as it was at the start.
type ReviewCase struct {
	Holder   PrincipalKind
	Kind     AssignmentKind // empty: a membership
	Use      ReviewUse
	LookBack int // days
	At       time.Time
}

// Recommend says what the use of something speaks for, with the reasons and with what would be left after shrinking; no
// answer where it speaks for none (W-40). It changes nothing but these three.
func Recommend(c ReviewCase) ReviewUse {
	c.Use.Recommended, c.Use.Because, c.Use.Shrink = AnswerNone, nil, ShrinkTo{}
	switch {
	case !c.Use.Enabled && c.Holder != Group:
		c.answer(AnswerDeny, BecauseDisabled)
	case c.Holder != Person:
		c.answer(AnswerNone, BecauseNotMeasurable)
	case c.Kind == Active:
		c.standing()
	case c.Kind == Eligible:
		c.eligible()
	default:
		c.member()
	}
	return c.Use
}

func (c *ReviewCase) answer(a ReviewAnswer, because ...Because) {
	c.Use.Recommended = a
	c.Use.Because = append(c.Use.Because, because...)
}

func (c *ReviewCase) shrink(to ShrinkTo, because ...Because) {
	c.Use.Shrink = to
	c.answer(AnswerShrink, because...)
}

func (c *ReviewCase) since() time.Time { return c.At.AddDate(0, 0, -c.LookBack) }

func (c *ReviewCase) moved() bool { return c.Use.Moved != "" }

// standing is what somebody has without activating it: Stint does not see how it is used, and eligible would do.
func (c *ReviewCase) standing() {
	if c.moved() {
		c.Use.Because = append(c.Use.Because, BecauseMoved)
	}
	c.shrink(ShrinkTo{How: ShrinkEligible}, BecauseStanding)
}

func (c *ReviewCase) eligible() {
	switch {
	case c.Use.Uses > 0 && c.moved(): // still used where they came from, or already where they are now: nobody but a person knows
		c.answer(AnswerNone, BecauseUsed, BecauseMoved)
	case c.Use.Uses > 0 && c.Use.OnlyAt != "":
		c.shrink(ShrinkTo{How: ShrinkScope, ResourceID: c.Use.OnlyAt}, BecauseUsed, BecauseNarrower)
	case c.Use.Uses > 0:
		c.answer(AnswerApprove, BecauseUsed)
	case c.moved():
		c.answer(AnswerDeny, BecauseMoved, c.unused())
	case c.Use.StartsAt.After(c.since()) && c.Use.LastUsed.IsZero():
		c.answer(AnswerNone, BecauseNew)
	default:
		c.notUsed()
	}
}

// notUsed is what was not used in the period: others of the same work, or a use not long ago, speak for an end rather
// than for taking it away.
func (c *ReviewCase) notUsed() {
	peers := c.Use.Peers >= fewPeers && 2*c.Use.PeersUse > c.Use.Peers
	lately := !c.Use.LastUsed.IsZero() && c.At.Sub(c.Use.LastUsed) <= usedOnceAlready
	because := []Because{c.unused()}
	switch {
	case peers:
		because = append(because, BecausePeersUse)
	case c.Use.Peers >= fewPeers && c.Use.PeersUse == 0:
		because = append(because, BecausePeersDoNot)
	}
	if c.Use.LastSeen.Before(c.since()) {
		because = append(because, BecauseNotSeen)
	}
	switch {
	case !peers && !lately:
		c.answer(AnswerDeny, because...)
	case c.Use.EndsAt.IsZero():
		c.shrink(ShrinkTo{How: ShrinkEnd, EndsAt: c.At.Add(keptFor)}, append(because, BecausePermanent)...)
	case peers:
		c.answer(AnswerApprove, because...)
	default:
		c.answer(AnswerNone, because...)
	}
}

func (c *ReviewCase) unused() Because {
	if c.Use.LastUsed.IsZero() {
		return BecauseNeverUsed
	}
	return BecauseUnused
}

// member is a membership: what is known is whether the person comes to Stint at all.
func (c *ReviewCase) member() {
	switch {
	case c.moved():
		c.answer(AnswerNone, BecauseMoved)
	case c.Use.LastSeen.Before(c.since()):
		c.answer(AnswerDeny, BecauseNotSeen)
	default:
		c.answer(AnswerApprove, BecauseSeen)
	}
}
