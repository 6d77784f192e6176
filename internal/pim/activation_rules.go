package pim

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Rule names one rule of an activation.
type Rule string

const (
	RuleEligibility   Rule = "eligibility"
	RuleScope         Rule = "scope" // a chosen resource below the assignment's
	RuleStart         Rule = "start"
	RuleOpen          Rule = "open"
	RuleRunning       Rule = "running" // of an extension
	RuleAccount       Rule = "account"
	RuleDuration      Rule = "duration"
	RuleJustification Rule = "justification"
	RuleTicket        Rule = "ticket"
	RuleStepUp        Rule = "step_up"
	RuleApproval      Rule = "approval"
	RuleGranting      Rule = "granting"
)

// VerdictState is what a rule says.
type VerdictState string

const (
	Pass VerdictState = "pass"
	Todo VerdictState = "todo" // will be asked for; not an obstacle yet
	Note VerdictState = "note" // passes, with something to know
	No   VerdictState = "no"
)

// Verdict is one rule's answer; the form, the refusal and the audit entry show the same list (R-08, M-07).
type Verdict struct {
	Rule    Rule         `json:"rule"`
	State   VerdictState `json:"state"`
	Field   string       `json:"field,omitempty"`
	Message string       `json:"message"`
	Object  string       `json:"object,omitempty"`
	Same    []string     `json:"same,omitempty"` // of the approval: principals who were one person with the requester then
}

// ActivationRequest is what a person asks for.
type ActivationRequest struct {
	AssignmentID  string
	Duration      time.Duration
	Justification string
	TicketNumber  string
	TicketSystem  string
	Start         time.Time // zero: as soon as allowed
	ResourceID    string    // a resource below the assignment's, to hold the role there only; empty: the assignment's own
}

// ActivationFacts is everything a decision rests on, read in the same transaction (invariant 3).
type ActivationFacts struct {
	Now        time.Time
	Person     Principal
	Assignment Assignment
	Belongs    bool // the assignment is the person's own or of a group they are in
	Role       RoleDefinition
	Path       Path // of the resource it is asked for
	Means      bool // the role means something there, or means nothing at any target
	Effective  Effective
	Beside     []Activation // what this person has open or scheduled of this role and resource
	Accounts   []AccountNeed
	Approvers  int                  // enabled people who could decide, the person's own accounts left out
	Proof      *SignInProof         // the sign-in again for exactly this request
	StepUp     *StepUp              // verified evidence for exactly this request
	Passkeys   int                  // of the person; looked at only where new ones do not count yet
	NewKeys    map[string]time.Time // by credential id: passkeys that count for privileged roles only from then on (T2)
	Attested   []string             // of the person's passkeys those that count as attested; looked at only where one is asked for
	Paused     string               // why nothing is granted now, empty when fine (invariant 6)

	LockedUntil time.Time // the person loosened the settings of the role and does not activate it before then (T21)
}

// AccountNeed is a target the role reaches and the person's account there, if any.
type AccountNeed struct {
	TargetID   string
	TargetName string
	Account    *Account
}

// Decision is the outcome of the rules.
type Decision struct {
	Verdicts      []Verdict
	NeedsStepUp   bool
	Contexts      []string // a sign-in again at the provider, by one of these, comes first
	Attested      bool     // with a passkey that counts as attested
	NeedsApproval bool
	Start, End    time.Time // the window if it were approved now
}

// Refused reports whether any rule says no.
func (d Decision) Refused() bool {
	for _, v := range d.Verdicts {
		if v.State == No {
			return true
		}
	}
	return false
}

// Refusal turns the verdicts into one refusal that lists them all at once.
func (d Decision) Refusal() *Refusal {
	for _, v := range d.Verdicts {
		if v.State == No {
			kind := KindInvalid
			switch v.Rule {
			case RuleOpen, RuleRunning:
				kind = KindConflict
			case RuleEligibility, RuleSettingsLock, RuleAccount, RuleApproval, RuleStepUp, RuleContext:
				kind = KindForbidden
			case RuleGranting:
				kind = KindPaused
			}
			return &Refusal{Kind: kind, Field: v.Field, Message: v.Message, Object: v.Object, Verdicts: d.Verdicts}
		}
	}
	return nil
}

// EvaluateActivation answers every rule, so that a person sees all of them at once.
func EvaluateActivation(req ActivationRequest, f ActivationFacts) Decision {
	d := Decision{NeedsStepUp: f.Effective.StepUp.Asks(), Attested: f.Effective.StepUp == StepUpAttested, Contexts: wantedContexts(f), NeedsApproval: f.Effective.Approval}
	d.Start, d.End = Window(req.Duration, f.Effective.Settings, f.Assignment, later(f.Now, req.Start))
	add := func(v Verdict) { d.Verdicts = append(d.Verdicts, v) }
	if f.Paused != "" {
		add(Verdict{Rule: RuleGranting, State: No, Message: f.Paused})
	}
	add(eligibilityVerdict(f, d.Start))
	if f.locked() {
		add(lockVerdict(f))
	}
	if req.narrower(f.Assignment) {
		add(scopeVerdict(f))
	}
	if !req.Start.IsZero() {
		add(startVerdict(req.Start, f))
	}
	add(openVerdict(req, f, d))
	for _, n := range f.Accounts {
		add(accountVerdict(n, f.Role))
	}
	add(durationVerdict(req, f, d))
	add(justificationVerdict(req, f.Effective.Justification))
	add(ticketVerdict(req, f.Effective.Ticket))
	if v := contextVerdict(f); v != nil {
		add(*v)
	}
	add(stepUpVerdict(f))
	add(approvalVerdict(f))
	return d
}

func (req ActivationRequest) narrower(asg Assignment) bool {
	return req.ResourceID != "" && req.ResourceID != asg.ResourceID
}

// scopeVerdict holds a chosen resource against the assignment's.
func scopeVerdict(f ActivationFacts) Verdict {
	v := Verdict{Rule: RuleScope, State: No, Field: "resource"}
	switch {
	case !f.Path.Contains(f.Assignment.ResourceID):
		v.Message = "Choose the resource you are eligible on, or one below it."
	case !f.Means:
		v.Message = fmt.Sprintf("This role gives nothing on %s. Choose a resource where it does.", f.Path.Leaf().Name)
	default:
		v.State, v.Message = Pass, "Only on "+f.Path.Leaf().Name
	}
	return v
}

func eligibilityVerdict(f ActivationFacts, start time.Time) Verdict {
	v := Verdict{Rule: RuleEligibility, State: No}
	switch {
	case !f.Person.Enabled:
		v.Message = "Your access to Stint is disabled. Ask an administrator."
	case !f.Belongs || f.Assignment.Kind != Eligible:
		v.Message = "You are not eligible for this role here."
	case !f.Assignment.InForceAt(f.Now):
		v.Message = "Your eligibility for this role is not in force. Ask an administrator."
	case !f.Assignment.InForceAt(start):
		v.Message = "Your eligibility for this role ends before that start, " + FormatInstant(f.Assignment.EndsAt) + ". Choose an earlier start or ask an administrator."
	case f.Assignment.EndsAt.IsZero():
		v.State, v.Message = Pass, "Eligible without an end"
	default:
		v.State, v.Message = Pass, "Eligible until "+FormatInstant(f.Assignment.EndsAt)
	}
	return v
}

func accountVerdict(n AccountNeed, role RoleDefinition) Verdict {
	v := Verdict{Rule: RuleAccount, State: Pass}
	switch {
	case n.Account == nil:
		v.State, v.Message = No, fmt.Sprintf("No account is known at %s. An administrator has to add it.", n.TargetName)
	case role.Privileged && !n.Account.Confirmed():
		v.State, v.Message = No, fmt.Sprintf("The account %s at %s is not confirmed yet. An administrator has to confirm it.", n.Account.Name, n.TargetName)
	default:
		v.Message = fmt.Sprintf("Account at %s: %s", n.TargetName, n.Account.Name)
	}
	return v
}

func durationVerdict(req ActivationRequest, f ActivationFacts, d Decision) Verdict {
	v := Verdict{Rule: RuleDuration, State: No, Field: "duration"}
	switch {
	case req.Duration < MinActivation:
		v.Message = "Choose how long: at least 1 minute."
	case req.Duration > f.Effective.MaxDuration:
		v.Message = fmt.Sprintf("At most %s for this role.", FormatDuration(f.Effective.MaxDuration))
	case d.End.Sub(d.Start) < req.Duration && d.End.After(d.Start):
		v.State, v.Message = Note, fmt.Sprintf("Cut to %s: your eligibility ends then.", FormatDuration(d.End.Sub(d.Start)))
	default:
		v.State, v.Message = Pass, fmt.Sprintf("%s is within the %s allowed", FormatDuration(req.Duration), FormatDuration(f.Effective.MaxDuration))
	}
	return v
}

// Lengths of free text, in characters.
const (
	MaxJustification = 1000
	MaxTicket        = 64
)

func justificationVerdict(req ActivationRequest, required bool) Verdict {
	v := Verdict{Rule: RuleJustification, State: No, Field: "justification"}
	if problem := CheckJustification(req.Justification, required); problem != "" {
		v.Message = problem
		return v
	}
	v.State, v.Message = Pass, "Reason given"
	if strings.TrimSpace(req.Justification) == "" {
		v.Message = "No reason needed"
	}
	return v
}

// CheckJustification says what is wrong with a reason, or "". Spaces and invisible characters are no reason (EC-22).
func CheckJustification(s string, required bool) string {
	switch {
	case required && !Visible(s):
		return "Give a reason in words; approvers and auditors read it."
	case utf8.RuneCountInString(s) > MaxJustification:
		return fmt.Sprintf("At most %d characters for the reason; shorten it.", MaxJustification)
	case !readable(s):
		return "Use plain text: it holds control characters that would read differently than they are."
	default:
		return ""
	}
}

// Visible wants a letter or a digit; Unicode counts some invisible fillers (U+3164) among its letters.
func Visible(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return (unicode.IsLetter(r) || unicode.IsNumber(r)) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
	})
}

// readable refuses what an approver would not read as written: control characters (NUL is no text in
// PostgreSQL either), broken UTF-8 and the explicit changes of direction (Unicode UAX #9 §2). Right-to-left
// languages need none of them.
func readable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
	})
}

// CheckTicket refuses a ticket that is missing where one is required, or that cannot be kept.
func CheckTicket(number, system string, required bool) *Refusal {
	v := ticketVerdict(ActivationRequest{TicketNumber: number, TicketSystem: system}, required)
	if v.State != No {
		return nil
	}
	return Invalid(v.Field, "%s", v.Message)
}

func ticketVerdict(req ActivationRequest, required bool) Verdict {
	v := Verdict{Rule: RuleTicket, State: No, Field: "ticket_number"}
	switch {
	case required && !Visible(req.TicketNumber):
		v.Message = "Give the ticket number." // EC-21: number required, system optional
	case utf8.RuneCountInString(req.TicketNumber) > MaxTicket:
		v.Message = fmt.Sprintf("At most %d characters for the ticket number; shorten it.", MaxTicket)
	case utf8.RuneCountInString(req.TicketSystem) > MaxTicket:
		v.Field, v.Message = "ticket_system", fmt.Sprintf("At most %d characters for the ticket system; shorten it.", MaxTicket)
	case !readable(req.TicketNumber):
		v.Message = "Use plain text without control characters."
	case !readable(req.TicketSystem):
		v.Field, v.Message = "ticket_system", "Use plain text without control characters."
	case req.TicketNumber == "":
		v.State, v.Message = Pass, "No ticket needed"
	default:
		v.State, v.Message = Pass, "Ticket "+req.TicketNumber
	}
	return v
}

func stepUpVerdict(f ActivationFacts) Verdict {
	switch {
	case !f.Effective.StepUp.Asks():
		return Verdict{Rule: RuleStepUp, State: Pass, Message: "No passkey needed"}
	case f.unattested():
		return unattestedVerdict(f.StepUp != nil)
	case f.quarantined():
		return f.quarantineVerdict()
	case f.StepUp != nil && f.StepUp.UserVerified:
		return Verdict{Rule: RuleStepUp, State: Pass, Message: "Confirmed with " + stepUpWords(f.Effective.StepUp)}
	case f.Effective.StepUp == StepUpAttested:
		return Verdict{Rule: RuleStepUp, State: Todo, Message: "A passkey that stays on its device, of a trusted make, will be asked for"}
	default:
		return Verdict{Rule: RuleStepUp, State: Todo, Message: "A passkey will be asked for"}
	}
}

// unattested reports whether the role asks for an attested passkey and the one that was used, or every one there is, is
// none. What the passkey said of itself when it was used counts too: one that has become copyable is another.
func (f ActivationFacts) unattested() bool {
	switch {
	case f.Effective.StepUp != StepUpAttested:
		return false
	case f.StepUp == nil:
		return len(f.Attested) == 0
	default:
		return !slices.Contains(f.Attested, f.StepUp.CredentialID) || f.StepUp.BackupEligible || f.StepUp.BackedUp
	}
}

func unattestedVerdict(used bool) Verdict {
	what := "you have none"
	if used {
		what = "the one you used is not"
	}
	return Verdict{Rule: RuleStepUp, State: No, Message: "This role asks for a passkey that stays on its device and is of a make trusted here, such as a security key; " + what +
		". Add one at Passkeys, and let the browser tell its make and model when it asks. One added before makes were asked for has to be added again."}
}

// Quarantine is how long a new passkey does not count for privileged roles, where another administrator is
// able to help: a phished sign-in that adds a passkey of its own is noticed first (T2).
const Quarantine = 24 * time.Hour

func (f ActivationFacts) quarantined() bool { return f.Role.Privileged && !f.keyCountsFrom().IsZero() }

func (f ActivationFacts) quarantineVerdict() Verdict {
	return Verdict{Rule: RuleStepUp, State: No, Message: QuarantineRefusal(f.keyCountsFrom()).Message}
}

// QuarantineRefusal refuses a passkey that counts only from an instant on.
func QuarantineRefusal(from time.Time) *Refusal {
	return Refuse(KindForbidden, "A new passkey counts for privileged roles only 24 hours after it was added: yours from %s on. "+
		"Use one you had before, or wait. If you did not add it, tell an administrator now.", FormatInstant(from))
}

// CheckTouch refuses a fresh touch at a planned start with a passkey that does not count, or not yet (T2).
func CheckTouch(f ActivationFacts) *Refusal {
	switch {
	case f.StepUp == nil:
		return nil
	case f.unattested():
		return Decision{Verdicts: []Verdict{unattestedVerdict(true)}}.Refusal()
	case f.quarantined():
		return Decision{Verdicts: []Verdict{f.quarantineVerdict()}}.Refusal()
	}
	return nil
}

// keyCountsFrom is when the passkey that was used, or else the first of the person's, counts for privileged
// roles; zero when one does now.
func (f ActivationFacts) keyCountsFrom() (from time.Time) {
	if f.StepUp != nil {
		return f.NewKeys[f.StepUp.CredentialID]
	}
	if f.Effective.StepUp == StepUpAttested {
		return f.attestedFrom()
	}
	if len(f.NewKeys) < f.Passkeys {
		return time.Time{}
	}
	for _, t := range f.NewKeys {
		from = sooner(from, t)
	}
	return from
}

// attestedFrom is the same among the passkeys that count as attested.
func (f ActivationFacts) attestedFrom() (from time.Time) {
	for _, id := range f.Attested {
		t, isNew := f.NewKeys[id]
		if !isNew {
			return time.Time{}
		}
		from = sooner(from, t)
	}
	return from
}

func approvalVerdict(f ActivationFacts) Verdict {
	switch {
	case !f.Effective.Approval:
		return Verdict{Rule: RuleApproval, State: Pass, Message: "No approval needed"}
	case f.Approvers == 0:
		return Verdict{Rule: RuleApproval, State: No, Message: "Nobody else can approve this role now. Ask an administrator to name an approver."}
	case f.Approvers == 1:
		return Verdict{Rule: RuleApproval, State: Todo, Message: "Approval by 1 person"}
	default:
		return Verdict{Rule: RuleApproval, State: Todo, Message: fmt.Sprintf("Approval by one of %d people", f.Approvers)}
	}
}

// FormatInstant writes an instant for sentences; pages show times in the reader's zone beside it.
func FormatInstant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// FormatDuration writes "1 h 40 min", the form used on every screen.
func FormatDuration(d time.Duration) string {
	d = d.Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	var parts []string
	if h > 0 {
		parts = append(parts, fmt.Sprintf("%d h", h))
	}
	if m > 0 {
		parts = append(parts, fmt.Sprintf("%d min", m))
	}
	if s > 0 && h == 0 {
		parts = append(parts, fmt.Sprintf("%d s", s))
	}
	if len(parts) == 0 {
		return "0 min"
	}
	return strings.Join(parts, " ")
}
