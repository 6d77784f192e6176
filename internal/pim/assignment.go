package pim

import "time"

// AssignmentKind: eligible may activate, active has it.
type AssignmentKind string

const (
	Eligible AssignmentKind = "eligible"
	Active   AssignmentKind = "active"
)

// Bounds of an assignment's life.
const (
	MinAssignment = 5 * time.Minute     // the shortest time-bound one (A-05; removal is allowed at any age, EC-03)
	ExtendWithin  = 14 * 24 * time.Hour // before its end one may be extended (X-01, EC-17)
	RenewWithin   = 30 * 24 * time.Hour // after its end one is listed and may be renewed (A-23, EC-18)
	MaxAssign     = 50                  // assignments changed in one operation (A-19, K-21)
)

// Assignment is principal × role × resource.
type Assignment struct {
	ID            string
	PrincipalID   string // a person, a group or a workload; each member of an eligible group activates for themselves (P-04)
	RoleID        string
	ResourceID    string
	Kind          AssignmentKind
	StartsAt      time.Time
	EndsAt        time.Time // zero: permanent
	EndedAt       time.Time // zero: neither removed nor expired
	Expired       bool      // ended by time
	Source        Source
	Justification string // why, where the rules ask for it (S-25)
	TicketNumber  string
	TicketSystem  string
	MadeBy        string // principal who made it or changed it last; empty in rows from before this was kept
	CreatedAt     time.Time
	Version       int64
}

// InForceAt reports whether the assignment counts at that instant.
func (a Assignment) InForceAt(now time.Time) bool {
	return a.EndedAt.IsZero() && !a.StartsAt.After(now) && (a.EndsAt.IsZero() || now.Before(a.EndsAt))
}

// AssignmentState is where an assignment stands at an instant.
type AssignmentState string

const (
	AssignmentFuture  AssignmentState = "future"
	AssignmentInForce AssignmentState = "in_force"
	AssignmentExpired AssignmentState = "expired"
	AssignmentRemoved AssignmentState = "removed"
)

// StateAt says where the assignment stands; time decides it, whether its end was recorded yet or not.
func (a Assignment) StateAt(now time.Time) AssignmentState {
	switch {
	case !a.EndedAt.IsZero() && !a.Expired:
		return AssignmentRemoved
	case !a.EndedAt.IsZero(), !a.EndsAt.IsZero() && !now.Before(a.EndsAt):
		return AssignmentExpired
	case a.StartsAt.After(now):
		return AssignmentFuture
	}
	return AssignmentInForce
}

// MayExtendAt reports whether the end is near enough to be extended: from exactly 14 days before it on (EC-17).
func (a Assignment) MayExtendAt(now time.Time) bool {
	return a.StateAt(now) == AssignmentInForce && !a.EndsAt.IsZero() && a.EndsAt.Sub(now) <= ExtendWithin
}

// MayRenewAt reports whether it expired at most 30 days ago (EC-18).
func (a Assignment) MayRenewAt(now time.Time) bool {
	return a.StateAt(now) == AssignmentExpired && now.Sub(a.EndsAt) <= RenewWithin
}

// Gains reports whether a change gives more than there was: another kind, an earlier start, a later end. What is not in
// force any more gives nothing.
func (a Assignment) Gains(before Assignment, now time.Time) bool {
	if before.StateAt(now) == AssignmentExpired || before.StateAt(now) == AssignmentRemoved {
		return true
	}
	later := !before.EndsAt.IsZero() && (a.EndsAt.IsZero() || a.EndsAt.After(before.EndsAt))
	return a.Kind == Active && before.Kind != Active || later || before.StartsAt.After(now) && a.StartsAt.Before(before.StartsAt)
}

// The instants at which somebody is told of an end ahead.
var reminders = []time.Duration{ExtendWithin, 24 * time.Hour}

// RemindAt is when somebody is next told that the assignment ends, after an instant; zero: not any more. Of marks that
// have passed together only the nearest to the end counts.
func (a Assignment) RemindAt(after time.Time) time.Time {
	if a.EndsAt.IsZero() {
		return time.Time{}
	}
	for _, before := range reminders {
		if mark := a.EndsAt.Add(-before); mark.After(after) {
			return mark
		}
	}
	return time.Time{}
}

// CheckAssignment refuses what A-05 and EC-02 refuse.
func CheckAssignment(a Assignment) *Refusal {
	switch {
	case a.Kind != Eligible && a.Kind != Active:
		return Invalid("kind", "kind must be eligible or active.")
	case !a.EndsAt.IsZero() && a.EndsAt.Sub(a.StartsAt) < MinAssignment:
		return Invalid("until", "An assignment lasts at least 5 minutes; choose a later end.")
	}
	return nil
}
