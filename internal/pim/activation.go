package pim

import "time"

// ActivationState is where an activation stands; the ends are states of their own, so that the state
// always says why it is over.
type ActivationState string

const (
	PendingApproval  ActivationState = "pending_approval"
	Scheduled        ActivationState = "scheduled"    // waits for its start; everything is checked again then
	Provisioning     ActivationState = "provisioning" // wanted at the target, not yet seen there
	ActiveConfirmed  ActivationState = "active"       // seen at the target
	Denied           ActivationState = "denied"
	Canceled         ActivationState = "canceled"
	TimedOut         ActivationState = "timed_out"
	RefusedAtStart   ActivationState = "refused_at_start" // the rules said no when the start came (T14)
	Failed           ActivationState = "failed"           // the account or entitlement is gone, or the target refuses it for good
	Expired          ActivationState = "expired"
	Deactivated      ActivationState = "deactivated"
	Revoked          ActivationState = "revoked"
	EligibilityEnded ActivationState = "eligibility_ended"
	PersonDisabled   ActivationState = "person_disabled"
	LostAtTarget     ActivationState = "lost_at_target"
)

// ActivationStates lists every state once, in the order of a life.
var ActivationStates = []ActivationState{PendingApproval, Scheduled, Provisioning, ActiveConfirmed, Denied, Canceled, TimedOut,
	RefusedAtStart, Failed, Expired, Deactivated, Revoked, EligibilityEnded, PersonDisabled, LostAtTarget}

// ActivationEvent is what can happen to an activation.
type ActivationEvent string

const (
	OnApproved         ActivationEvent = "approved"
	OnScheduled        ActivationEvent = "scheduled" // leaves approval, or never needed it, with its start ahead
	OnStarted          ActivationEvent = "started"   // the start has come and every rule still says yes
	OnRefusedAtStart   ActivationEvent = "refused_at_start"
	OnDenied           ActivationEvent = "denied"
	OnCanceled         ActivationEvent = "canceled"
	OnTimedOut         ActivationEvent = "timed_out"
	OnSeen             ActivationEvent = "seen" // every grant it needs was read back
	OnFailed           ActivationEvent = "failed"
	OnExpired          ActivationEvent = "expired"
	OnDeactivated      ActivationEvent = "deactivated"
	OnRevoked          ActivationEvent = "revoked"
	OnEligibilityEnded ActivationEvent = "eligibility_ended"
	OnPersonDisabled   ActivationEvent = "person_disabled"
	OnLost             ActivationEvent = "lost" // somebody took it away at the target
)

// ActivationEvents lists every event once.
var ActivationEvents = []ActivationEvent{OnApproved, OnScheduled, OnStarted, OnRefusedAtStart, OnDenied, OnCanceled, OnTimedOut, OnSeen, OnFailed, OnExpired,
	OnDeactivated, OnRevoked, OnEligibilityEnded, OnPersonDisabled, OnLost}

var activationNext = map[ActivationState]map[ActivationEvent]ActivationState{
	PendingApproval: {
		OnApproved: Provisioning, OnScheduled: Scheduled, OnDenied: Denied, OnCanceled: Canceled, OnTimedOut: TimedOut,
		OnEligibilityEnded: EligibilityEnded, OnPersonDisabled: PersonDisabled,
	},
	Scheduled: {
		OnStarted: Provisioning, OnRefusedAtStart: RefusedAtStart, OnCanceled: Canceled,
		OnEligibilityEnded: EligibilityEnded, OnPersonDisabled: PersonDisabled,
	},
	Provisioning: {
		OnSeen: ActiveConfirmed, OnFailed: Failed, OnExpired: Expired, OnDeactivated: Deactivated, OnRevoked: Revoked,
		OnEligibilityEnded: EligibilityEnded, OnPersonDisabled: PersonDisabled,
	},
	ActiveConfirmed: {
		OnFailed: Failed, OnExpired: Expired, OnDeactivated: Deactivated, OnRevoked: Revoked,
		OnEligibilityEnded: EligibilityEnded, OnPersonDisabled: PersonDisabled, OnLost: LostAtTarget,
	},
}

// NextActivationState returns the state after an event; ok is false where the event does not apply.
// Terminal states have no way out (THREATS T13).
func NextActivationState(s ActivationState, e ActivationEvent) (next ActivationState, ok bool) {
	next, ok = activationNext[s][e]
	return next, ok
}

// Open reports whether the activation still waits or holds.
func (s ActivationState) Open() bool { return s.Waits() || s.Holds() }

// Waits reports whether the activation waits for an approver or for its start: it can be canceled.
func (s ActivationState) Waits() bool { return s == PendingApproval || s == Scheduled }

// Holds reports whether the activation is wanted at the target.
func (s ActivationState) Holds() bool { return s == Provisioning || s == ActiveConfirmed }

// Activation is one use of an eligible assignment, from request to end.
type Activation struct {
	ID            string
	AssignmentID  string
	PrincipalID   string
	PersonID      string
	RoleID        string
	ResourceID    string
	State         ActivationState
	Duration      time.Duration // asked for; a shorter remaining eligibility cuts the window, not this
	Justification string
	TicketNumber  string
	TicketSystem  string
	RequestedAt   time.Time
	StartAsked    time.Time // the start that was asked for, until it has started; zero: as soon as allowed
	StartsAt      time.Time // zero until it leaves approval, and again when it ends before its start
	EndsAt        time.Time // fixed when it leaves approval; a slow target does not lengthen it, only an extension does
	EndsBy        time.Time // no extension goes beyond this; zero: never extended
	StartDue      time.Time // while scheduled: when to look at it next
	EndedAt       time.Time // when it stopped holding or waiting
	ConfirmedAt   time.Time // when every grant was seen at the target
	SettledAt     time.Time // after the end: when every grant was seen gone, shared or as found
	Settings      Effective // as they were at the request (M-09)
	Verdicts      []Verdict // every rule's, as they were at the request (M-10)
	ProofID       string    // the sign-in again at the provider, where one was asked for
	Context       string    // what the provider answered
	StepUpID      string    // the evidence, where one was asked for
	EndedBy       string    // principal id or System
	EndReason     string    // what the one who ended, denied or canceled it said
	Version       int64
}

// ActiveAt reports whether the person holds the role at that instant. It is computed from the window,
// so a late worker never extends a right (invariant 1).
func (a Activation) ActiveAt(now time.Time) bool {
	return a.State.Holds() && !now.Before(a.StartsAt) && now.Before(a.EndsAt)
}

// Ending reports whether it is over and the target was not yet seen clean.
func (a Activation) Ending() bool {
	return !a.State.Open() && !a.StartsAt.IsZero() && a.SettledAt.IsZero()
}

// Window returns start and end of an activation that starts at an instant: the duration asked for, cut
// to the assignment's end (A-21, EC-10) and to the stricter maximum (R-46, R-48, invariant 3).
func Window(asked time.Duration, rules Settings, eligible Assignment, start time.Time) (from, end time.Time) {
	end = start.Add(min(asked, rules.MaxDuration))
	if !eligible.EndsAt.IsZero() && eligible.EndsAt.Before(end) {
		end = eligible.EndsAt
	}
	return start, end
}
