package pim

import (
	"fmt"
	"strings"
	"time"
)

// Rules of an assignment, beside those it shares with an activation.
const (
	RuleKind      Rule = "kind"
	RulePrincipal Rule = "principal"
	RuleEnd       Rule = "end"
	RuleExisting  Rule = "existing" // another of its kind
	RuleRequest   Rule = "request"  // a request waits
	RuleOwn       Rule = "own"      // nobody gives themselves what is privileged (T21)
)

// AssignmentTerms is what is asked for or named.
type AssignmentTerms struct {
	Kind      AssignmentKind
	Start     time.Time     // zero: now, or as it is
	End       time.Time     // zero: without an end where Permanent, else as long as the rules allow
	After     time.Duration // instead of End: how long from the start, or from now where that is past
	Permanent bool
}

// AssignmentRules are what a role's settings say of assignments of one kind (S-20–S-25).
type AssignmentRules struct {
	Permanent     bool
	Max           time.Duration // also what a form offers
	Justification bool          // asked of who assigns (S-25)
	StepUp        bool          // asked of who assigns, never of the holder at use (S-24)
	From          string        // the resource at which the maximum was set; empty: everywhere or the default
}

// RulesFor returns the rules of a kind. What gives a privileged role or one of Stint's own is always confirmed.
func RulesFor(kind AssignmentKind, eff Effective, role RoleDefinition) AssignmentRules {
	r := AssignmentRules{Permanent: eff.PermanentEligible, Max: eff.EligibleMax}
	if kind == Active {
		r = AssignmentRules{Permanent: eff.PermanentActive, Max: eff.ActiveMax, Justification: eff.AssignJustification, StepUp: eff.AssignStepUp}
	}
	r.StepUp = r.StepUp || role.Privileged || role.Source == SourceBuiltin
	return r
}

// AssignmentRulesFrom names the resource at which the maximum of a kind was set; empty: everywhere, or nobody set it.
func AssignmentRulesFrom(kind AssignmentKind, role RoleDefinition, path Path, rows []RoleSettings) string {
	field := FieldEligibleMax
	if kind == Active {
		field = FieldActiveMax
	}
	for _, s := range ExplainSettings(role, path, rows).Fields {
		if s.Field != field || s.Default {
			continue
		}
		for _, node := range path {
			if node.ID == s.Source {
				return node.Name
			}
		}
	}
	return ""
}

// Resolve fills in what terms leave open, for a new assignment at an instant.
func (t AssignmentTerms) Resolve(rules AssignmentRules, now time.Time) AssignmentTerms {
	if t.Start.IsZero() {
		t.Start = now
	}
	if t.End.IsZero() && !t.Permanent {
		length := rules.Max
		if t.After > 0 {
			length = t.After
		}
		t.End = later(now, t.Start).Add(length)
	}
	t.After = 0
	if t.Permanent {
		t.End = time.Time{}
	}
	return t
}

// AssignmentFacts is everything a decision about one assignment rests on, read in the same transaction.
type AssignmentFacts struct {
	Now        time.Time
	Principal  Principal
	Removed    bool // the principal is gone (P-11)
	Role       RoleDefinition
	Path       Path
	Rules      AssignmentRules
	Before     *Assignment        // what is changed, extended or renewed; nil: a new one
	Existing   *Assignment        // of the same kind, another than Before
	Request    *AssignmentRequest // that waits for this principal, role and resource, another than the one decided
	Own        bool               // it would reach whoever makes it
	OthersAble bool               // another administrator is able to do it instead
}

// EvaluateAssignment answers every rule about terms that are resolved already.
func EvaluateAssignment(t AssignmentTerms, justification, number, system string, f AssignmentFacts) []Verdict {
	vs := []Verdict{principalVerdict(t, f), startAssignmentVerdict(t, f), endVerdict(t, f), existingVerdict(t, f), reasonVerdict(t, justification, f)}
	if v := kindVerdict(t); v.State == No {
		vs = append([]Verdict{v}, vs...)
	}
	if f.Request != nil {
		vs = append(vs, Verdict{Rule: RuleRequest, State: No, Object: f.Request.ID,
			Message: fmt.Sprintf("A request to %s this waits already. Decide it first.", f.Request.Kind)})
	}
	if v := ticketVerdict(ActivationRequest{TicketNumber: number, TicketSystem: system}, false); v.State == No {
		vs = append(vs, v)
	}
	return append(vs, ownVerdict(t, f))
}

func kindVerdict(t AssignmentTerms) Verdict {
	if t.Kind != Eligible && t.Kind != Active {
		return Verdict{Rule: RuleKind, State: No, Field: "kind", Message: "Choose eligible or active."}
	}
	return Verdict{Rule: RuleKind, State: Pass}
}

// principalVerdict: people, groups and workloads; the last cannot do what activating asks for (A-60, P-01).
func principalVerdict(t AssignmentTerms, f AssignmentFacts) Verdict {
	v := Verdict{Rule: RulePrincipal, State: No, Field: "pick"}
	switch {
	case f.Removed:
		v.Message = "This principal is gone."
	case !f.Principal.Enabled:
		v.Message = f.Principal.Name + " is disabled. Enable them first."
	case f.Principal.Kind == Workload && t.Kind == Eligible:
		v.Field, v.Message = "kind", f.Principal.Name+" is a workload and cannot activate. Choose active."
	case f.Principal.Kind == Workload && f.Role.Source == SourceBuiltin:
		v.Message = f.Principal.Name + " is a workload; Stint's own roles are for people, who sign in."
	case f.Principal.Kind == Group && t.Kind == Eligible:
		v.State, v.Message = Pass, "Each member may activate it for themselves"
	case f.Principal.Kind == Group:
		v.State, v.Message = Pass, "Every member holds it"
	default:
		v.State, v.Message = Pass, f.Principal.Name+" can hold it"
	}
	return v
}

func startAssignmentVerdict(t AssignmentTerms, f AssignmentFacts) Verdict {
	v := Verdict{Rule: RuleStart, State: Pass, Field: "start", Message: "From now on"}
	if f.Before != nil && t.Start.Equal(f.Before.StartsAt) {
		v.Message = "The start stays"
		return v
	}
	switch {
	case t.Start.Before(f.Now):
		v.State, v.Message = No, "That start is past. Leave it empty to begin now."
	case t.Start.After(f.Now.Add(farthestStart)):
		v.State, v.Message = No, "That start is more than a year ahead. Choose an earlier one."
	case t.Start.After(f.Now):
		v.Message = "From " + FormatInstant(t.Start)
	}
	return v
}

const farthestStart = 366 * 24 * time.Hour

// endVerdict holds the end against: the maximum is measured as for a new assignment, from now or a
// start ahead. An end that does not move later is nobody's gain, so it stays allowed.
func endVerdict(t AssignmentTerms, f AssignmentFacts) Verdict {
	v := Verdict{Rule: RuleEnd, State: No, Field: "end"}
	kept := f.Before != nil && f.Before.StateAt(f.Now) != AssignmentExpired && t.Kind == f.Before.Kind && !gainsEnd(t.End, f.Before.EndsAt)
	length := t.End.Sub(later(f.Now, t.Start))
	switch {
	case t.End.IsZero() && !f.Rules.Permanent && !kept:
		v.Message = fmt.Sprintf("%s assignments of this role need an end, at most %s ahead%s.", kindWord(t.Kind), FormatDays(f.Rules.Max), f.Rules.from())
	case t.End.IsZero():
		v.State, v.Message = Pass, "Without an end"
	case !t.End.After(f.Now):
		v.Message = "That end is past. To end it now, remove it."
	case t.End.Sub(t.Start) < MinAssignment:
		v.Message = "An assignment lasts at least 5 minutes; choose a later end."
	case length > f.Rules.Max && !kept:
		v.Message = fmt.Sprintf("At most %s for %s assignments of this role%s: until %s.", FormatDays(f.Rules.Max), strings.ToLower(kindWord(t.Kind)), f.Rules.from(),
			FormatInstant(later(f.Now, t.Start).Add(f.Rules.Max)))
	default:
		v.State, v.Message = Pass, "Until "+FormatInstant(t.End)
	}
	return v
}

func gainsEnd(end, before time.Time) bool {
	return !before.IsZero() && (end.IsZero() || end.After(before))
}

// from says where a maximum was set.
func (r AssignmentRules) from() string {
	if r.From == "" {
		return ""
	}
	return " (set at " + r.From + ")"
}

func kindWord(k AssignmentKind) string {
	if k == Active {
		return "Active"
	}
	return "Eligible"
}

// existingVerdict: one of a kind; eligible and active may stand side by side.
func existingVerdict(t AssignmentTerms, f AssignmentFacts) Verdict {
	if f.Existing == nil {
		return Verdict{Rule: RuleExisting, State: Pass, Message: "No other of its kind"}
	}
	return Verdict{Rule: RuleExisting, State: No, Object: f.Existing.ID,
		Message: fmt.Sprintf("%s has this already: %s. Change that one instead.", f.Principal.Name, strings.ToLower(kindWord(t.Kind)))}
}

// reasonVerdict: a reason is asked for what gives something (S-25).
func reasonVerdict(t AssignmentTerms, justification string, f AssignmentFacts) Verdict {
	v := Verdict{Rule: RuleJustification, State: No, Field: "justification"}
	if problem := CheckJustification(justification, f.Rules.Justification && t.gain(f)); problem != "" {
		v.Message = problem
		return v
	}
	v.State, v.Message = Pass, "Reason given"
	if strings.TrimSpace(justification) == "" {
		v.Message = "No reason needed"
	}
	return v
}

// ownVerdict: nobody gives what is privileged to themselves, alone or through a group, where another administrator is
// able to (T10, T21). Where nobody else is, it is done and told.
func ownVerdict(t AssignmentTerms, f AssignmentFacts) Verdict {
	switch {
	case !f.Own || !t.gain(f) || !f.Role.Privileged && f.Role.Source != SourceBuiltin:
		return Verdict{Rule: RuleOwn, State: Pass, Message: "Given to somebody else, or not privileged"}
	case f.OthersAble:
		return Verdict{Rule: RuleOwn, State: No, Field: "pick", Message: "Nobody gives a privileged role to themselves, nor to a group they are in, nor to a workload they answer for or named the account of, nor to hold at once to somebody whose account they named and who did not sign in since. Another administrator has to."}
	}
	return Verdict{Rule: RuleOwn, State: Note, Message: "You give this to yourself: nobody else is able to. Every administrator is told."}
}

// gain reports whether terms give more than there was.
func (t AssignmentTerms) gain(f AssignmentFacts) bool {
	return f.Before == nil || Assignment{Kind: t.Kind, StartsAt: t.Start, EndsAt: t.End}.Gains(*f.Before, f.Now)
}

// RefusalOf turns verdicts into one refusal that lists them all, nil when none says no.
func RefusalOf(verdicts []Verdict) *Refusal {
	for _, v := range verdicts {
		if v.State != No {
			continue
		}
		kind := KindInvalid
		switch v.Rule {
		case RuleExisting, RuleRequest:
			kind = KindConflict
		case RuleOwn:
			kind = KindForbidden
		}
		return &Refusal{Kind: kind, Field: v.Field, Message: v.Message, Object: v.Object, Verdicts: verdicts}
	}
	return nil
}
