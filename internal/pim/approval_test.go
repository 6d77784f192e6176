package pim

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

const requester = "person-requester"

// word is one decision, in the order people gave it.
type word struct {
	stage   int
	who     string
	approve bool
	after   time.Duration
}

func (w word) decision() ApprovalDecision {
	return ApprovalDecision{Stage: w.stage, PrincipalID: "account of " + w.who, PersonID: w.who, Approve: w.approve, At: t0.Add(w.after)}
}

func stagesOf(quorums ...int) []ApprovalStage {
	var out []ApprovalStage
	for i, q := range quorums {
		out = append(out, ApprovalStage{Number: i + 1, Quorum: q, OpenedAt: t0, TimesOutAt: t0.Add(24 * time.Hour)})
	}
	return out
}

const h = time.Hour

// Approval is a fold over stages (V-01, V-13, EC-07, EC-08, T10, T13): quorum × stages × who × when.
func TestFoldApproval(t *testing.T) {
	waits := func(stage, have, need int) ApprovalStanding {
		return ApprovalStanding{Outcome: ApprovalWaiting, Stage: stage, Have: have, Need: need}
	}
	by := func(o ApprovalOutcome, stage, have, need int, who string) ApprovalStanding {
		return ApprovalStanding{Outcome: o, Stage: stage, Have: have, Need: need, DecidedBy: "account of " + who}
	}
	over := func(stage, have, need int) ApprovalStanding {
		return ApprovalStanding{Outcome: ApprovalTimedOut, Stage: stage, Have: have, Need: need}
	}
	for _, c := range []struct {
		name    string
		quorums []int
		words   []word
		at      time.Duration
		want    ApprovalStanding
	}{
		{"nobody has spoken", []int{1}, nil, h, waits(1, 0, 1)},
		{"one approves of one", []int{1}, []word{{1, "ann", true, h}}, 2 * h, by(ApprovalApproved, 1, 1, 1, "ann")},
		{"one denies of one", []int{1}, []word{{1, "ann", false, h}}, 2 * h, by(ApprovalDenied, 1, 0, 1, "ann")},
		{"EC-07 first wins: approve, then deny", []int{1}, []word{{1, "ann", true, h}, {1, "bob", false, h}}, 2 * h, by(ApprovalApproved, 1, 1, 1, "ann")},
		{"EC-07 first wins: deny, then approve", []int{1}, []word{{1, "ann", false, h}, {1, "bob", true, h}}, 2 * h, by(ApprovalDenied, 1, 0, 1, "ann")},
		{"quorum 0 is 1", []int{0}, nil, h, waits(1, 0, 1)},
		{"quorum below 0 is 1", []int{-3}, []word{{1, "ann", true, h}}, h, by(ApprovalApproved, 1, 1, 1, "ann")},

		{"one of two", []int{2}, []word{{1, "ann", true, h}}, 2 * h, waits(1, 1, 2)},
		{"two of two", []int{2}, []word{{1, "ann", true, h}, {1, "bob", true, 2 * h}}, 3 * h, by(ApprovalApproved, 1, 2, 2, "bob")},
		{"the same person twice is one", []int{2}, []word{{1, "ann", true, h}, {1, "ann", true, 2 * h}}, 3 * h, waits(1, 1, 2)},
		{"one approves, another denies", []int{2}, []word{{1, "ann", true, h}, {1, "bob", false, 2 * h}}, 3 * h, by(ApprovalDenied, 1, 1, 2, "bob")},
		{"the same person changes to deny", []int{2}, []word{{1, "ann", true, h}, {1, "ann", false, 2 * h}}, 3 * h, by(ApprovalDenied, 1, 1, 2, "ann")},
		{"two of three", []int{3}, []word{{1, "ann", true, h}, {1, "bob", true, h}, {1, "ann", true, h}}, 2 * h, waits(1, 2, 3)},
		{"three of three", []int{3}, []word{{1, "ann", true, h}, {1, "bob", true, h}, {1, "cem", true, h}}, 2 * h, by(ApprovalApproved, 1, 3, 3, "cem")},

		{"T10 the requester approves", []int{1}, []word{{1, requester, true, h}}, 2 * h, waits(1, 0, 1)},
		{"T10 the requester makes up the quorum", []int{2}, []word{{1, "ann", true, h}, {1, requester, true, h}}, 2 * h, waits(1, 1, 2)},
		{"T10 the requester denies: canceling is another act", []int{1}, []word{{1, requester, false, h}}, 2 * h, waits(1, 0, 1)},

		{"EC-08 at the very end of the time", []int{1}, []word{{1, "ann", true, 24 * h}}, 24 * h, over(1, 0, 1)},
		{"EC-08 a second late", []int{1}, []word{{1, "ann", true, 24*h + time.Second}}, 25 * h, over(1, 0, 1)},
		{"EC-08 a late denial denies nothing either", []int{1}, []word{{1, "ann", false, 25 * h}}, 26 * h, over(1, 0, 1)},
		{"in the last microsecond", []int{1}, []word{{1, "ann", true, 24*h - time.Microsecond}}, 25 * h, by(ApprovalApproved, 1, 1, 1, "ann")},
		{"just before the time is over it waits", []int{1}, nil, 24*h - time.Microsecond, waits(1, 0, 1)},
		{"the time is over", []int{1}, nil, 24 * h, over(1, 0, 1)},
		{"half a quorum times out", []int{2}, []word{{1, "ann", true, h}}, 24 * h, over(1, 1, 2)},
		{"the second of two comes late", []int{2}, []word{{1, "ann", true, h}, {1, "bob", true, 24 * h}}, 25 * h, over(1, 1, 2)},

		{"the first of two stages waits", []int{1, 1}, nil, h, waits(1, 0, 1)},
		{"the second of two stages waits", []int{1, 1}, []word{{1, "ann", true, h}}, 2 * h, waits(2, 0, 1)},
		{"a word for the second stage settles nothing in the first", []int{1, 1}, []word{{2, "ann", true, h}}, 2 * h, waits(1, 0, 1)},
		{"both stages", []int{1, 2}, []word{{1, "ann", true, h}, {2, "ann", true, h}, {2, "bob", true, h}}, 2 * h, by(ApprovalApproved, 2, 2, 2, "bob")},
		{"denied in the second stage", []int{1, 2}, []word{{1, "ann", true, h}, {2, "bob", false, h}}, 2 * h, by(ApprovalDenied, 2, 0, 2, "bob")},
		{"timed out in the second stage", []int{1, 1}, []word{{1, "ann", true, h}}, 24 * h, over(2, 0, 1)},
		{"denied in the first stage: the second is not asked", []int{1, 1}, []word{{1, "ann", false, h}, {2, "bob", true, h}}, 2 * h, by(ApprovalDenied, 1, 0, 1, "ann")},
		{"three stages", []int{1, 1, 1}, []word{{1, "ann", true, h}, {2, "ann", true, h}, {3, "ann", true, h}}, 2 * h, by(ApprovalApproved, 3, 1, 1, "ann")},
		{"the requester in a later stage", []int{1, 1}, []word{{1, "ann", true, h}, {2, requester, true, h}}, 2 * h, waits(2, 0, 1)},
		{"a stage nobody opened", []int{1}, []word{{7, "ann", true, h}}, 2 * h, waits(1, 0, 1)},

		{"no stage at all is no approval", nil, []word{{1, "ann", true, h}}, h, ApprovalStanding{}},
	} {
		var ds []ApprovalDecision
		for _, w := range c.words {
			ds = append(ds, w.decision())
		}
		if got := FoldApproval(requester, stagesOf(c.quorums...), ds, t0.Add(c.at)); got != c.want {
			t.Errorf("%s:\n have %+v\n want %+v", c.name, got, c.want)
		}
	}
}

// Invariant 5, V-01: approved means that in every stage a quorum of distinct other people approved in
// time; and once settled, later words change nothing.
func TestFoldApprovalProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		quorums := rapid.SliceOfN(rapid.IntRange(1, 3), 1, 3).Draw(rt, "quorums")
		stages := stagesOf(quorums...)
		var ds []ApprovalDecision
		for range rapid.IntRange(0, 12).Draw(rt, "words") {
			ds = append(ds, word{rapid.IntRange(1, 3).Draw(rt, "stage"), rapid.SampledFrom([]string{requester, "ann", "bob", "cem", "dora"}).Draw(rt, "who"),
				rapid.IntRange(0, 4).Draw(rt, "approve") > 0, time.Duration(rapid.IntRange(0, 30).Draw(rt, "hour")) * h}.decision())
		}
		now := t0.Add(time.Duration(rapid.IntRange(0, 30).Draw(rt, "now")) * h)
		got := FoldApproval(requester, stages, ds, now)
		if got.Outcome == ApprovalApproved {
			for i, s := range stages {
				if n := approversIn(s, ds); n < quorums[i] {
					rt.Fatalf("approved with %d of %d in stage %d", n, quorums[i], s.Number)
				}
			}
		}
		if got.Outcome == ApprovalApproved || got.Outcome == ApprovalDenied {
			more := append(ds, word{got.Stage, "eve", got.Outcome == ApprovalDenied, h}.decision(), word{got.Stage, requester, false, h}.decision())
			if again := FoldApproval(requester, stages, more, now.Add(48*h)); again != got {
				rt.Fatalf("settled as %+v, later %+v", got, again)
			}
		}
	})
}

func approversIn(s ApprovalStage, ds []ApprovalDecision) int {
	people := map[string]bool{}
	for _, d := range ds {
		if d.Stage == s.Number && d.Approve && d.PersonID != requester && d.At.Before(s.TimesOutAt) {
			people[d.PersonID] = true
		}
	}
	return len(people)
}

// T10: the shapes of approving for oneself that exist here. Groups, nesting and today's list are in Named,
// which the store computes at the moment of decision.
func TestCheckApprover(t *testing.T) {
	a := Activation{PrincipalID: "alice", PersonID: "human-alice"}
	for _, c := range []struct {
		name string
		who  Approver
		want RefusalKind
	}{
		{"another named person", Approver{"bob", "human-bob", true, true}, ""},
		{"the requester, named directly", Approver{"alice", "human-alice", true, true}, KindForbidden},
		{"the requester's second account, named", Approver{"alice-admin", "human-alice", true, true}, KindForbidden},
		{"the requester, not named: sees the request, so is told why", Approver{"alice", "human-alice", true, false}, KindForbidden},
		{"an approver whose account was joined to the requester's person after the request", Approver{"bob", "human-alice", true, true}, KindForbidden},
		{"no longer in the approver group", Approver{"bob", "human-bob", true, false}, KindNotFound},
		{"named but disabled", Approver{"bob", "human-bob", false, true}, KindNotFound},
		{"neither named nor enabled", Approver{"bob", "human-bob", false, false}, KindNotFound},
	} {
		got := RefusalKind("")
		if r := CheckApprover(a, c.who); r != nil {
			got = r.Kind
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if CheckApprover(Activation{}, Approver{Enabled: true, Named: true}) == nil {
		t.Error("without person ids nobody can be told apart: refuse")
	}
}
