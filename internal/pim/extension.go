package pim

import (
	"fmt"
	"time"
)

// ExtensionState is where an extension of a running activation stands.
type ExtensionState string

const (
	ExtensionPending  ExtensionState = "pending_approval"
	ExtensionApproved ExtensionState = "approved"
	ExtensionDenied   ExtensionState = "denied"
	ExtensionCanceled ExtensionState = "canceled"
	ExtensionTimedOut ExtensionState = "timed_out"
	ExtensionEnded    ExtensionState = "ended_with_activation" // it never revives what has ended
)

// ExtensionStates lists every state once.
var ExtensionStates = []ExtensionState{ExtensionPending, ExtensionApproved, ExtensionDenied, ExtensionCanceled, ExtensionTimedOut, ExtensionEnded}

// NextExtensionState returns the state after an event; only what waits moves. The activation's own end is
// OnExpired.
func NextExtensionState(s ExtensionState, e ActivationEvent) (next ExtensionState, ok bool) {
	if s != ExtensionPending {
		return "", false
	}
	switch e {
	case OnApproved:
		next = ExtensionApproved
	case OnDenied:
		next = ExtensionDenied
	case OnCanceled:
		next = ExtensionCanceled
	case OnTimedOut:
		next = ExtensionTimedOut
	case OnFailed, OnExpired, OnDeactivated, OnRevoked, OnEligibilityEnded, OnPersonDisabled, OnLost:
		next = ExtensionEnded
	}
	return next, next != ""
}

// Extension asks for a later end of a running activation (K-03, DESIGN §3). It is its own row with its own rule
// run, step-up and approval; until it is approved the old window stays as it is.
type Extension struct {
	ID            string
	ActivationID  string
	PrincipalID   string
	PersonID      string
	State         ExtensionState
	Duration      time.Duration // asked for, on top of the end there was
	Justification string
	TicketNumber  string
	TicketSystem  string
	RequestedAt   time.Time
	TimesOutAt    time.Time // zero: it waited for nobody
	StartsAt      time.Time // of the activation
	FromEnd       time.Time // the end it was asked from
	EndsAt        time.Time // the new end: what it would be at the request, then as approved
	MaxTotal      time.Duration
	Settings      Effective
	Verdicts      []Verdict
	StepUpID      string
	ProofID       string // the sign-in again at the provider, where one was asked for
	Context       string // what the provider answered
	DecidedAt     time.Time
	DecidedBy     string // principal id or System
	DecisionID    string // step-up of the one who decided
	Decision      string // what they said
	Version       int64
}

// ExtensionRequest is what a person asks for.
type ExtensionRequest struct {
	ActivationID  string
	Duration      time.Duration
	Justification string
	TicketNumber  string
	TicketSystem  string
}

// ExtensionFacts is everything a decision rests on: the activation's facts as they are now, and what waits.
type ExtensionFacts struct {
	ActivationFacts // Beside leaves the activation itself out
	Activation      Activation
	Waiting         *Extension
}

// ExtendedEnd is the end an extension leads to: what was asked for on top of the end, at most the role's maximum,
// never beyond start + max_total, the eligibility, or the person's next window (T15).
func ExtendedEnd(a Activation, asked time.Duration, rules Settings, f ActivationFacts) time.Time {
	end := a.EndsAt.Add(min(asked, rules.MaxDuration))
	end = sooner(end, a.StartsAt.Add(rules.total()))
	if !f.Assignment.EndsAt.IsZero() {
		end = sooner(end, f.Assignment.EndsAt)
	}
	for _, o := range f.Beside {
		if from, _ := o.span(f.Now); !o.StartAsked.IsZero() && !from.Before(a.EndsAt) {
			end = sooner(end, from)
		}
	}
	return end
}

// EvaluateExtension answers every rule for a later end, by the settings of the activation and now the stricter.
func EvaluateExtension(req ExtensionRequest, f ExtensionFacts) Decision {
	f.Effective.Settings = f.Activation.Settings.Stricter(f.Effective.Settings)
	rules := f.Effective.Settings
	f.Effective.Approval = rules.Approval && rules.ExtensionApproval != ExtensionFree
	d := Decision{NeedsStepUp: rules.StepUp.Asks(), Attested: rules.StepUp == StepUpAttested, Contexts: wantedContexts(f.ActivationFacts), NeedsApproval: f.Effective.Approval,
		Start: f.Activation.StartsAt, End: ExtendedEnd(f.Activation, req.Duration, rules, f.ActivationFacts)}
	words := ActivationRequest{Justification: req.Justification, TicketNumber: req.TicketNumber, TicketSystem: req.TicketSystem}
	add := func(v Verdict) { d.Verdicts = append(d.Verdicts, v) }
	if f.Paused != "" {
		add(Verdict{Rule: RuleGranting, State: No, Message: f.Paused})
	}
	add(runningVerdict(f))
	add(eligibilityVerdict(f.ActivationFacts, f.Now))
	for _, n := range f.Accounts {
		add(accountVerdict(n, f.Role))
	}
	add(extensionVerdict(req, f, rules, d))
	add(justificationVerdict(words, rules.Justification))
	add(ticketVerdict(words, rules.Ticket))
	if v := contextVerdict(f.ActivationFacts); v != nil {
		add(*v)
	}
	add(stepUpVerdict(f.ActivationFacts))
	add(approvalVerdict(f.ActivationFacts))
	return d
}

func runningVerdict(f ExtensionFacts) Verdict {
	v := Verdict{Rule: RuleRunning, State: No, Object: f.Activation.ID}
	switch {
	case !f.Activation.ActiveAt(f.Now):
		v.Message = "This activation is not running, so it cannot be extended. Activate the role again."
	case f.Waiting != nil:
		v.Message = "An extension of this activation waits for approval already. Cancel it first if you need another."
	default:
		v.State, v.Message = Pass, "Running until "+FormatInstant(f.Activation.EndsAt)
	}
	return v
}

func extensionVerdict(req ExtensionRequest, f ExtensionFacts, rules Settings, d Decision) Verdict {
	v := Verdict{Rule: RuleDuration, State: No, Field: "duration"}
	gain := d.End.Sub(f.Activation.EndsAt)
	switch {
	case req.Duration < MinActivation:
		v.Message = "Choose how much longer: at least 1 minute."
	case req.Duration > rules.MaxDuration:
		v.Message = fmt.Sprintf("At most %s at a time for this role.", FormatDuration(rules.MaxDuration))
	case gain <= 0:
		v.Field, v.Message = "", "It cannot end later: "+limitWords(f, rules, d.End)+"."
	case gain < req.Duration:
		v.State, v.Message = Note, fmt.Sprintf("Cut to %s more: %s.", FormatDuration(gain), limitWords(f, rules, d.End))
	default:
		v.State, v.Message = Pass, "Then ends "+FormatInstant(d.End)
	}
	return v
}

// limitWords names the limit that an end was cut to.
func limitWords(f ExtensionFacts, rules Settings, end time.Time) string {
	switch {
	case !f.Assignment.EndsAt.IsZero() && !end.Before(f.Assignment.EndsAt):
		return "your eligibility ends then"
	case !end.Before(f.Activation.StartsAt.Add(rules.total())):
		return fmt.Sprintf("one activation of this role lasts at most %s in all", FormatDuration(rules.total()))
	default:
		return "your next planned window of this role begins then"
	}
}
