package pim

import "time"

// AssignmentKind: eligible may activate, active has it.
type AssignmentKind string

const (
	Eligible AssignmentKind = "eligible"
	Active   AssignmentKind = "active"
)

// MinAssignment is the shortest time-bound assignment (A-05; removal is allowed at any age, EC-03).
const MinAssignment = 5 * time.Minute

// Assignment is principal × role × resource.
type Assignment struct {
	ID          string
	PrincipalID string // a person or a group; each member of an eligible group activates for themselves (P-04)
	RoleID      string
	ResourceID  string
	Kind        AssignmentKind
	StartsAt    time.Time
	EndsAt      time.Time // zero: permanent
	EndedAt     time.Time // zero: not removed
	Source      Source
	CreatedAt   time.Time
	Version     int64
}

// InForceAt reports whether the assignment counts at that instant.
func (a Assignment) InForceAt(now time.Time) bool {
	return a.EndedAt.IsZero() && !a.StartsAt.After(now) && (a.EndsAt.IsZero() || now.Before(a.EndsAt))
}

// CheckAssignment refuses what and EC-02 refuse.
func CheckAssignment(a Assignment) *Refusal {
	switch {
	case a.Kind != Eligible && a.Kind != Active:
		return Invalid("kind", "kind must be eligible or active.")
	case !a.EndsAt.IsZero() && a.EndsAt.Sub(a.StartsAt) < MinAssignment:
		return Invalid("until", "An assignment lasts at least 5 minutes; choose a later end.")
	}
	return nil
}
