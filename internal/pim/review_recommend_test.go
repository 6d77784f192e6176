package pim_test

import (
	"slices"
	"testing"
	"time"

	"stint/internal/pim"
)

// W-40: what the use of something speaks for, with every reason there is.
func TestRecommend(t *testing.T) {
	now := time.Date(2027, 1, 4, 8, 0, 0, 0, time.UTC)
	days := func(n int) time.Time { return now.AddDate(0, 0, -n) }
	old, lately := days(400), days(3)
	use := func(change func(*pim.ReviewUse)) pim.ReviewUse {
		u := pim.ReviewUse{StartsAt: old, LastSeen: lately, Enabled: true}
		if change != nil {
			change(&u)
		}
		return u
	}
	for _, c := range []struct {
		name    string
		holder  pim.PrincipalKind
		kind    pim.AssignmentKind
		use     pim.ReviewUse
		want    pim.ReviewAnswer
		shrink  pim.ShrinkTo
		because []pim.Because
	}{
		{"used", pim.Person, pim.Eligible, use(func(u *pim.ReviewUse) { u.Uses, u.LastUsed = 3, lately }), pim.AnswerApprove, pim.ShrinkTo{}, []pim.Because{pim.BecauseUsed}},
		{"used at one place below alone", pim.Person, pim.Eligible, use(func(u *pim.ReviewUse) { u.Uses, u.LastUsed, u.OnlyAt = 3, lately, "db" }),
			pim.AnswerShrink, pim.ShrinkTo{How: pim.ShrinkScope, ResourceID: "db"}, []pim.Because{pim.BecauseUsed, pim.BecauseNarrower}},
		{"used, and moved", pim.Person, pim.Eligible, use(func(u *pim.ReviewUse) { u.Uses, u.Moved = 3, "manager" }), pim.AnswerNone, pim.ShrinkTo{}, []pim.Because{pim.BecauseUsed, pim.BecauseMoved}},
		{"not used, and moved", pim.Person, pim.Eligible, use(func(u *pim.ReviewUse) { u.LastUsed, u.Moved = days(60), "department" }),
			pim.AnswerDeny, pim.ShrinkTo{}, []pim.Because{pim.BecauseMoved, pim.BecauseUnused}},
		{"never used", pim.Person, pim.Eligible, use(nil), pim.AnswerDeny, pim.ShrinkTo{}, []pim.Because{pim.BecauseNeverUsed}},
		{"never used and not seen, as nobody like them", pim.Person, pim.Eligible, use(func(u *pim.ReviewUse) { u.Peers, u.LastSeen = 5, days(90) }),
			pim.AnswerDeny, pim.ShrinkTo{}, []pim.Because{pim.BecauseNeverUsed, pim.BecausePeersDoNot, pim.BecauseNotSeen}},
		{"not used for years", pim.Person, pim.Eligible, use(func(u *pim.ReviewUse) { u.LastUsed = days(366) }), pim.AnswerDeny, pim.ShrinkTo{}, []pim.Because{pim.BecauseUnused}},
		{"not used in the period alone", pim.Person, pim.Eligible, use(func(u *pim.ReviewUse) { u.LastUsed = days(31) }),
			pim.AnswerShrink, pim.ShrinkTo{How: pim.ShrinkEnd, EndsAt: now.AddDate(0, 0, 90)}, []pim.Because{pim.BecauseUnused, pim.BecausePermanent}},
		{"the same with an end", pim.Person, pim.Eligible, use(func(u *pim.ReviewUse) { u.LastUsed, u.EndsAt = days(31), now.AddDate(1, 0, 0) }),
			pim.AnswerNone, pim.ShrinkTo{}, []pim.Because{pim.BecauseUnused}},
		{"never used where most like them do", pim.Person, pim.Eligible, use(func(u *pim.ReviewUse) { u.Peers, u.PeersUse = 4, 3 }),
			pim.AnswerShrink, pim.ShrinkTo{How: pim.ShrinkEnd, EndsAt: now.AddDate(0, 0, 90)}, []pim.Because{pim.BecauseNeverUsed, pim.BecausePeersUse, pim.BecausePermanent}},
		{"the same with an end", pim.Person, pim.Eligible, use(func(u *pim.ReviewUse) { u.Peers, u.PeersUse, u.EndsAt = 4, 3, now.AddDate(1, 0, 0) }),
			pim.AnswerApprove, pim.ShrinkTo{}, []pim.Because{pim.BecauseNeverUsed, pim.BecausePeersUse}},
		{"half of those like them say nothing", pim.Person, pim.Eligible, use(func(u *pim.ReviewUse) { u.Peers, u.PeersUse = 4, 2 }), pim.AnswerDeny, pim.ShrinkTo{}, []pim.Because{pim.BecauseNeverUsed}},
		{"two are too few to say something", pim.Person, pim.Eligible, use(func(u *pim.ReviewUse) { u.Peers, u.PeersUse = 2, 2 }), pim.AnswerDeny, pim.ShrinkTo{}, []pim.Because{pim.BecauseNeverUsed}},
		{"new", pim.Person, pim.Eligible, use(func(u *pim.ReviewUse) { u.StartsAt = days(29) }), pim.AnswerNone, pim.ShrinkTo{}, []pim.Because{pim.BecauseNew}},
		{"as old as the period", pim.Person, pim.Eligible, use(func(u *pim.ReviewUse) { u.StartsAt = days(30) }), pim.AnswerDeny, pim.ShrinkTo{}, []pim.Because{pim.BecauseNeverUsed}},
		{"cannot sign in", pim.Person, pim.Eligible, use(func(u *pim.ReviewUse) { u.Enabled, u.Uses = false, 3 }), pim.AnswerDeny, pim.ShrinkTo{}, []pim.Because{pim.BecauseDisabled}},
		{"standing", pim.Person, pim.Active, use(nil), pim.AnswerShrink, pim.ShrinkTo{How: pim.ShrinkEligible}, []pim.Because{pim.BecauseStanding}},
		{"standing, and moved", pim.Person, pim.Active, use(func(u *pim.ReviewUse) { u.Moved = "manager" }), pim.AnswerShrink, pim.ShrinkTo{How: pim.ShrinkEligible},
			[]pim.Because{pim.BecauseMoved, pim.BecauseStanding}},
		{"a group", pim.Group, pim.Eligible, use(func(u *pim.ReviewUse) { u.Enabled = false }), pim.AnswerNone, pim.ShrinkTo{}, []pim.Because{pim.BecauseNotMeasurable}},
		{"a workload", pim.Workload, pim.Active, use(nil), pim.AnswerNone, pim.ShrinkTo{}, []pim.Because{pim.BecauseNotMeasurable}},
		{"a workload that is disabled", pim.Workload, pim.Active, use(func(u *pim.ReviewUse) { u.Enabled = false }), pim.AnswerDeny, pim.ShrinkTo{}, []pim.Because{pim.BecauseDisabled}},
		{"a member", pim.Person, "", use(nil), pim.AnswerApprove, pim.ShrinkTo{}, []pim.Because{pim.BecauseSeen}},
		{"a member nobody sees", pim.Person, "", use(func(u *pim.ReviewUse) { u.LastSeen = time.Time{} }), pim.AnswerDeny, pim.ShrinkTo{}, []pim.Because{pim.BecauseNotSeen}},
		{"a member who moved", pim.Person, "", use(func(u *pim.ReviewUse) { u.Moved = "department" }), pim.AnswerNone, pim.ShrinkTo{}, []pim.Because{pim.BecauseMoved}},
	} {
		got := pim.Recommend(pim.ReviewCase{Holder: c.holder, Kind: c.kind, Use: c.use, LookBack: 30, At: now})
		if got.Recommended != c.want || got.Shrink != c.shrink || !slices.Equal(got.Because, c.because) {
			t.Errorf("%s: %q %+v %v, want %q %+v %v", c.name, got.Recommended, got.Shrink, got.Because, c.want, c.shrink, c.because)
		}
		again := pim.Recommend(pim.ReviewCase{Holder: c.holder, Kind: c.kind, Use: got, LookBack: 30, At: now})
		if !slices.Equal(again.Because, got.Because) || again.Recommended != got.Recommended { // frozen ones may be made again
			t.Errorf("%s: made twice: %+v", c.name, again)
		}
	}
}
