package pim

import "time"

// Rules of accounts for emergencies (B-01 to B-05, THREATS T36).
const (
	EmergencySession = time.Hour           // a sign-in with a passkey alone lasts no longer
	DrillEvery       = 90 * 24 * time.Hour // how long an account may go unused before administrators are reminded
	MinBreakGlass    = 2                   // so many accounts there should be
)

// What a touch confirms here.
const (
	ActionMarkBreakGlass StepUpAction = "breakglass.mark"
	ActionReviewUse      StepUpAction = "breakglass.review"
)

// BreakGlass marks a person who may sign in with a passkey alone when the provider is down.
type BreakGlass struct {
	PrincipalID string
	MarkedAt    time.Time
	MarkedBy    string
	ToldAt      time.Time // when administrators were last reminded of a drill
}

// DrillDue reports whether an account has gone unused too long. lastUse is zero for one never used.
func (a BreakGlass) DrillDue(lastUse, now time.Time) bool {
	since := a.MarkedAt
	if lastUse.After(since) {
		since = lastUse
	}
	return now.Sub(since) >= DrillEvery
}

// BreakGlassUse is one emergency sign-in; a review of it is owed until somebody else has closed it with words.
type BreakGlassUse struct {
	ID          string
	PrincipalID string
	UsedAt      time.Time
	Browser     string
	Address     string
	ReviewedAt  time.Time // zero: owed
	ReviewedBy  string
	Words       string
	Drill       bool
	Version     int64
}

// BreakGlassUsed is the loud event; unreviewed counts earlier uses nobody has reviewed yet.
func BreakGlassUsed(u BreakGlassUse, evidence string, unreviewed int64) Event {
	e := PersonEvent(EvBreakGlassUsed, u.PrincipalID, u.PrincipalID, u.ID).With("evidence", evidence).With("unreviewed", unreviewed)
	return e.WithText("browser", u.Browser).WithText("address", u.Address)
}

// BreakGlassReviewed closes a use.
func BreakGlassReviewed(u BreakGlassUse, by, words, evidence string, drill bool) Event {
	return PersonEvent(EvBreakGlassReviewed, by, u.PrincipalID, u.ID).With("evidence", evidence).With("drill", drill).WithText("words", words)
}
