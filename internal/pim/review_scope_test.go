package pim_test

import (
	"testing"
	"time"

	"stint/internal/pim"
)

// W-19: a scope names so many and no more, and the refusal names the field.
func TestReviewScopeIsBounded(t *testing.T) {
	now := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	many := make([]string, pim.MaxReviewScope+1)
	for field, scope := range map[string]pim.ReviewScope{
		"roles":     {Roles: many, Kinds: []pim.AssignmentKind{pim.Eligible}},
		"resources": {Resources: many, Kinds: []pim.AssignmentKind{pim.Eligible}},
		"groups":    {Groups: many},
		"":          {Roles: many[1:], Resources: many[1:], Kinds: []pim.AssignmentKind{pim.Eligible}},
	} {
		d := pim.ReviewDefinition{Name: "Q", When: pim.ReviewSchedule{Frequency: pim.ReviewOnce, StartsAt: now, Zone: "UTC"},
			Terms: pim.ReviewTerms{Scope: scope, Silence: pim.SilenceNoChange, Stages: []pim.ReviewStage{{Kind: pim.ReviewersManager, Days: 3}}}}
		got := ""
		if r := pim.CheckReview(d, now); r != nil {
			got = r.Field
		}
		if got != field {
			t.Errorf("%q is refused, want %q", got, field)
		}
	}
}
