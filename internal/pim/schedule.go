package pim

import (
	"fmt"
	"time"
)

// Limits of a start that is asked for (R-06, DESIGN §3 Activation).
const (
	LongestLead = 7 * 24 * time.Hour // the most a role's max_lead may be
	FreshLead   = 24 * time.Hour     // beyond it a privileged role wants a fresh touch at the start
	startGrace  = 5 * time.Minute    // a start that passed while its passkey was asked for means now
)

// startVerdict refuses a start that is past or too far ahead, and says the limit.
func startVerdict(start time.Time, f ActivationFacts) Verdict {
	v := Verdict{Rule: RuleStart, State: No, Field: "start"}
	grace := time.Minute // the form knows minutes, so the running one is "now"
	if f.StepUp != nil {
		grace = startGrace
	}
	lead := f.Effective.MaxLead
	switch {
	case start.Before(f.Now.Add(-grace)):
		v.Message = "That start is past. Choose a later one, or start now."
	case start.After(f.Now) && lead == 0:
		v.Message = "This role starts at once or not at all: it cannot be planned ahead."
	case start.After(f.Now.Add(lead)):
		v.Message = fmt.Sprintf("At most %s ahead for this role: no later than %s.", formatLead(lead), FormatInstant(f.Now.Add(lead)))
	default:
		v.State, v.Message = Pass, "Starts "+FormatInstant(later(start, f.Now))
	}
	return v
}

func formatLead(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == day:
		return "1 day"
	case d > day && d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	default:
		return FormatDuration(d)
	}
}

// span is the window an open activation holds, or would hold if it were approved now.
func (a Activation) span(now time.Time) (from, to time.Time) {
	if !a.StartsAt.IsZero() {
		return a.StartsAt, a.EndsAt
	}
	from = later(now, a.StartAsked)
	return from, from.Add(a.Duration)
}

// Overlapping returns the first of the others whose window meets this one. Windows of one person, role and
// resource may touch but not overlap (DESIGN §3).
func Overlapping(others []Activation, start, end, now time.Time) *Activation {
	for _, o := range others {
		if from, to := o.span(now); start.Before(to) && from.Before(end) {
			return &o
		}
	}
	return nil
}

// openVerdict allows one open activation, and scheduled ones beside it that do not overlap (EC-04, EC-05).
func openVerdict(req ActivationRequest, f ActivationFacts, d Decision) Verdict {
	other := Overlapping(f.Beside, d.Start, d.End, f.Now)
	for _, b := range f.Beside {
		if other == nil && req.Start.IsZero() && b.StartAsked.IsZero() {
			other = &b
		}
	}
	v := Verdict{Rule: RuleOpen, State: No}
	switch {
	case other == nil:
		return Verdict{Rule: RuleOpen, State: Pass, Message: "Not active or waiting already"}
	case !other.StartAsked.IsZero():
		from, to := other.span(f.Now)
		v.Message = fmt.Sprintf("You have planned this role from %s to %s. Choose a time outside that, or cancel it first.", FormatInstant(from), FormatInstant(to))
	case other.State == PendingApproval:
		v.Message = "You have already asked for this role; that request waits for approval."
	default:
		v.Message = "This role is already active for you. Extend it, or deactivate it first if you need a new window."
	}
	v.Object = other.ID
	return v
}

// Asked is the request an activation was made from.
func (a Activation) Asked() ActivationRequest {
	return ActivationRequest{AssignmentID: a.AssignmentID, Duration: a.Duration, Justification: a.Justification,
		TicketNumber: a.TicketNumber, TicketSystem: a.TicketSystem, Start: a.StartAsked, ResourceID: a.ResourceID}
}

// TouchAtStart reports whether the start needs a fresh touch of the passkey: a privileged role that was asked
// for more than 24 h ahead (DESIGN §3).
func (a Activation) TouchAtStart(role RoleDefinition) bool {
	return role.Privileged && a.StartAsked.Sub(a.RequestedAt) > FreshLead
}

// EvaluateStart answers every rule again when a scheduled start has come: by the settings then and now the
// stricter, with what is true now (invariant 3, T12, T14). The end stays where it was fixed, or comes earlier.
// f.StepUp is the fresh touch, where one was given; f.Beside leaves a itself out.
func EvaluateStart(a Activation, f ActivationFacts) Decision {
	rules := a.Settings.Stricter(f.Effective.Settings)
	req := a.Asked()
	d := Decision{Start: later(a.StartsAt, f.Now), NeedsStepUp: a.TouchAtStart(f.Role) && f.StepUp == nil}
	_, d.End = Window(req.Duration, rules, f.Assignment, a.StartsAt)
	if a.EndsAt.Before(d.End) {
		d.End = a.EndsAt
	}
	add := func(v Verdict) { d.Verdicts = append(d.Verdicts, v) }
	if f.Paused != "" {
		add(Verdict{Rule: RuleGranting, State: No, Message: f.Paused})
	}
	add(eligibilityVerdict(f, f.Now))
	if f.locked() {
		add(lockVerdict(f))
	}
	if req.narrower(f.Assignment) {
		add(scopeVerdict(f))
	}
	add(windowVerdict(a, d))
	if Overlapping(f.Beside, d.Start, d.End, f.Now) != nil {
		add(Verdict{Rule: RuleOpen, State: No, Message: "Another window of this role overlaps it."})
	}
	for _, n := range f.Accounts {
		add(accountVerdict(n, f.Role))
	}
	add(justificationVerdict(req, rules.Justification))
	add(ticketVerdict(req, rules.Ticket))
	if !rules.Accepts(a.Context) {
		add(Verdict{Rule: RuleContext, State: No, Message: "This role asks for another sign-in at the provider since it was requested. Request it again."})
	}
	add(evidenceVerdict(a, rules, d, f.StepUp != nil))
	add(approvedVerdict(a, rules))
	return d
}

func windowVerdict(a Activation, d Decision) Verdict {
	switch {
	case !d.End.After(d.Start) && d.NeedsStepUp:
		return Verdict{Rule: RuleStepUp, State: No, Message: "The passkey it asks for at its start was not touched before its time was over."}
	case !d.End.After(d.Start):
		return Verdict{Rule: RuleDuration, State: No, Message: "Its time was over before it could start."}
	case d.End.Before(a.EndsAt):
		return Verdict{Rule: RuleDuration, State: Note, Message: "Cut to " + FormatInstant(d.End) + ": less is allowed since it was requested."}
	default:
		return Verdict{Rule: RuleDuration, State: Pass, Message: "Ends " + FormatInstant(d.End)}
	}
}

func evidenceVerdict(a Activation, rules Settings, d Decision, touched bool) Verdict {
	switch {
	case rules.StepUp == StepUpAttested && a.Settings.StepUp != StepUpAttested && !d.NeedsStepUp && !touched:
		return Verdict{Rule: RuleStepUp, State: No, Message: "This role asks for a passkey that stays on its device since it was requested. Request it again."}
	case rules.StepUp.Asks() && a.StepUpID == "":
		return Verdict{Rule: RuleStepUp, State: No, Message: "This role asks for a passkey since it was requested. Request it again."}
	case d.NeedsStepUp:
		return Verdict{Rule: RuleStepUp, State: Todo, Message: "Planned more than 24 h ahead: your passkey is asked for again"}
	default:
		return Verdict{Rule: RuleStepUp, State: Pass, Message: "Confirmed with a passkey where one is asked for"}
	}
}

func approvedVerdict(a Activation, rules Settings) Verdict {
	if rules.Approval && !a.Settings.Approval { // what asked for approval did not leave it unapproved
		return Verdict{Rule: RuleApproval, State: No, Message: "This role asks for approval since it was requested. Request it again."}
	}
	return Verdict{Rule: RuleApproval, State: Pass, Message: "Approved where approval is asked for"}
}
