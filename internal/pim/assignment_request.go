package pim

import "time"

// AssignmentRequestKind says what a holder asks for: extend what is in force, renew what has expired.
type AssignmentRequestKind string

const (
	ExtendAssignment AssignmentRequestKind = "extend"
	RenewAssignment  AssignmentRequestKind = "renew"
)

// AssignmentRequestState is where a request stands.
type AssignmentRequestState string

const (
	AssignmentRequestPending  AssignmentRequestState = "pending"
	AssignmentRequestApproved AssignmentRequestState = "approved"
	AssignmentRequestDenied   AssignmentRequestState = "denied"
	AssignmentRequestCanceled AssignmentRequestState = "canceled"
	AssignmentRequestTimedOut AssignmentRequestState = "timed_out" // the assignment expired first, or 30 days passed after
	AssignmentRequestEnded    AssignmentRequestState = "ended_with_assignment"
)

// AssignmentRequest is a holder's wish to keep an assignment longer. It names no dates: who decides does.
type AssignmentRequest struct {
	ID            string
	AssignmentID  string
	PrincipalID   string // who holds the assignment
	AskedBy       string // principal id of who answers for the workload that holds it; empty: the holder asked
	PersonID      string // of who asked
	RoleID        string
	ResourceID    string
	Kind          AssignmentRequestKind
	State         AssignmentRequestState
	Justification string
	RequestedAt   time.Time
	TimesOutAt    time.Time
	DecidedAt     time.Time
	DecidedBy     string
	Decision      string // the words of who decided
	StepUpID      string
	ResultID      string // of a renewal: the assignment it made
	Version       int64
}

// Asker is the principal who asked.
func (q AssignmentRequest) Asker() string {
	if q.AskedBy != "" {
		return q.AskedBy
	}
	return q.PrincipalID
}

// AskAssignment judges a holder's request: which kind it is, or why it cannot be made. via names the group through which
// alone the assignment is held; extending that is for its administrators (P-08, EC-19).
func AskAssignment(a Assignment, via string, now time.Time) (AssignmentRequestKind, *Refusal) {
	state := a.StateAt(now)
	switch {
	case via != "":
		return "", Refuse(KindForbidden, "You hold this through the group %s. Its administrators extend it, not its members.", via)
	case state == AssignmentRemoved:
		return "", Refuse(KindForbidden, "This assignment was removed. Ask an administrator for a new one.")
	case a.EndsAt.IsZero():
		return "", Refuse(KindConflict, "This assignment has no end, so there is nothing to extend.")
	case state == AssignmentFuture:
		return "", Refuse(KindConflict, "This assignment has not begun yet.")
	case a.MayExtendAt(now):
		return ExtendAssignment, nil
	case a.MayRenewAt(now):
		return RenewAssignment, nil
	case state == AssignmentExpired:
		return "", Refuse(KindForbidden, "This assignment expired more than 30 days ago. Ask an administrator for a new one.")
	}
	return "", Refuse(KindForbidden, "This assignment ends %s. Ask from %s on, 14 days before.", FormatInstant(a.EndsAt), FormatInstant(a.EndsAt.Add(-ExtendWithin)))
}

// TimesOut is when a request ends by itself: with the assignment, or when it can no longer be renewed.
func (k AssignmentRequestKind) TimesOut(a Assignment) time.Time {
	if k == RenewAssignment {
		return a.EndsAt.Add(RenewWithin)
	}
	return a.EndsAt
}
