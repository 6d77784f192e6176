package pim_test

import (
	"testing"
	"time"

	"stint/internal/pim"
)

// W-31: what silence means is said by the terms, and a shrink goes with no other answer.
func TestSilent(t *testing.T) {
	t.Parallel()
	less := pim.ShrinkTo{How: pim.ShrinkEligible}
	for _, c := range []struct {
		silence     pim.ReviewSilence
		recommended pim.ReviewAnswer
		answer      pim.ReviewAnswer
		shrink      pim.ShrinkTo
	}{
		{pim.SilenceNoChange, pim.AnswerDeny, pim.AnswerNone, pim.ShrinkTo{}},
		{pim.SilenceRemove, pim.AnswerApprove, pim.AnswerDeny, pim.ShrinkTo{}},
		{pim.SilenceKeep, pim.AnswerDeny, pim.AnswerApprove, pim.ShrinkTo{}},
		{pim.SilenceRecommend, pim.AnswerNone, pim.AnswerNone, pim.ShrinkTo{}},
		{pim.SilenceRecommend, pim.AnswerDeny, pim.AnswerDeny, pim.ShrinkTo{}},
		{pim.SilenceRecommend, pim.AnswerShrink, pim.AnswerShrink, less},
	} {
		item := pim.ReviewItem{Frozen: pim.ReviewUse{Recommended: c.recommended, Shrink: less}}
		if a, s := (pim.ReviewTerms{Silence: c.silence}).Silent(item); a != c.answer || s != c.shrink {
			t.Errorf("%s, %q recommended: %q %+v", c.silence, c.recommended, a, s)
		}
	}
}

// W-62, W-81: the last answer counts; what is taken back leaves the item open and nobody's, and its line says by whom.
func TestDecided(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 19, 14, 0, 0, 0, time.UTC)
	item, line := pim.ReviewItem{ID: "i"}.Answered("d", 1, pim.AnswerShrink, pim.ShrinkTo{How: pim.ShrinkEligible}, "enough", "bob", pim.AsRecommendation, at)
	if item.Answer != pim.AnswerShrink || item.Shrink != line.Shrink || item.Reason != "enough" || item.DecidedBy != "bob" || !item.DecidedAt.Equal(at) || item.DecidedAs != pim.AsRecommendation {
		t.Errorf("answered: %+v", item)
	}
	item = item.Decided(pim.ReviewDecision{By: "carol", As: pim.AsReset, At: at})
	if item.Answer != pim.AnswerNone || item.Shrink != (pim.ShrinkTo{}) || item.Reason != "" || item.DecidedBy != "" || !item.DecidedAt.IsZero() || item.DecidedAs != pim.AsReviewer {
		t.Errorf("taken back: %+v", item)
	}
}
