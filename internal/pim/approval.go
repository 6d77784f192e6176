package pim

import (
	"slices"
	"time"
)

// ApprovalStage is one round of approval. Stages open one after the other; this version makes one.
type ApprovalStage struct {
	ActivationID string
	Number       int // from 1
	Quorum       int // distinct people needed, at least 1
	OpenedAt     time.Time
	TimesOutAt   time.Time
}

// ApprovalDecision is one approver's word, given with their own passkey.
type ApprovalDecision struct {
	ID            string
	ActivationID  string
	Stage         int
	PrincipalID   string
	PersonID      string
	Approve       bool
	Justification string
	StepUpID      string
	At            time.Time
}

// ApprovalOutcome is where the fold stands.
type ApprovalOutcome string

const (
	ApprovalWaiting  ApprovalOutcome = "waiting"
	ApprovalApproved ApprovalOutcome = "approved"
	ApprovalDenied   ApprovalOutcome = "denied"
	ApprovalTimedOut ApprovalOutcome = "timed_out"
)

// ApprovalStanding is the result of FoldApproval.
type ApprovalStanding struct {
	Outcome   ApprovalOutcome
	Stage     int // the stage that waits or decided it
	Have      int // distinct people who approved in that stage
	Need      int
	DecidedBy string // principal id of the decision that settled it
}

// FoldApproval folds decisions over stages at an instant. In each stage one denial denies (V-01), a
// quorum of distinct people approves (FIELD §2.7: people are counted, not groups), and a stage whose
// time is over times out. Decisions made at or after the time-out do not count (EC-08). The requester's
// own word never counts, by whatever path it came (invariant 5).
func FoldApproval(requesterPersonID string, stages []ApprovalStage, decisions []ApprovalDecision, now time.Time) ApprovalStanding {
	var last ApprovalStanding
	for _, s := range stages {
		last = foldStage(requesterPersonID, s, decisions, now)
		if last.Outcome != ApprovalApproved {
			return last
		}
	}
	return last
}

func foldStage(requester string, s ApprovalStage, decisions []ApprovalDecision, now time.Time) ApprovalStanding {
	st := ApprovalStanding{Outcome: ApprovalWaiting, Stage: s.Number, Need: max(1, s.Quorum)}
	people := map[string]bool{}
	for _, d := range decisions {
		if d.Stage != s.Number || d.PersonID == requester || !d.At.Before(s.TimesOutAt) {
			continue
		}
		if !d.Approve {
			st.Outcome, st.DecidedBy = ApprovalDenied, d.PrincipalID
			return st
		}
		people[d.PersonID] = true
		st.Have = len(people)
		if st.Have >= st.Need {
			st.Outcome, st.DecidedBy = ApprovalApproved, d.PrincipalID
			return st
		}
	}
	if !now.Before(s.TimesOutAt) {
		st.Outcome = ApprovalTimedOut
	}
	return st
}

// Approver is a person as the approval rules see them at the moment of decision.
type Approver struct {
	PrincipalID string
	PersonID    string
	Enabled     bool
	Named       bool // named by today's settings, directly or through groups, nested ones included (V-13, V-16)
}

// CheckApprover refuses who may not decide. What they may not see is not found (invariant 9).
func CheckApprover(a Activation, who Approver) *Refusal {
	switch {
	case who.PersonID == a.PersonID:
		return Refuse(KindForbidden, "Nobody approves their own request. Another approver has to decide.")
	case !who.Enabled || !who.Named:
		return NotFound()
	}
	return nil
}

// Asking returns the verdicts of a request with the principals that are one person with its requester at
// this moment, sorted. A file that takes them apart later makes none of them an approver of it (T10).
func Asking(verdicts []Verdict, same []string) []Verdict {
	out := slices.Clone(verdicts)
	for i := range out {
		if out[i].Rule == RuleApproval {
			out[i].Same = same
		}
	}
	return out
}

// Askers returns every principal that was one person with the requester when the activation was requested.
func (a Activation) Askers() []string {
	askers := []string{a.PrincipalID}
	for _, v := range a.Verdicts {
		askers = append(askers, v.Same...)
	}
	return askers
}
