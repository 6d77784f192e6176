package pim

import (
	"slices"
	"time"
)

// Field names one rule of the settings, as the file does.
type Field string

const (
	FieldMaxDuration         Field = "max_duration"
	FieldDefaultDuration     Field = "default_duration"
	FieldStepUp              Field = "step_up"
	FieldContext             Field = "context"
	FieldJustification       Field = "justification"
	FieldTicket              Field = "ticket"
	FieldApproval            Field = "approval"
	FieldApprovers           Field = "approvers"
	FieldApprovalTimeout     Field = "approval_timeout"
	FieldMaxLead             Field = "max_lead"
	FieldMaxTotal            Field = "max_total"
	FieldExtensionApproval   Field = "extension_approval"
	FieldPermanentEligible   Field = "permanent_eligible"
	FieldEligibleMax         Field = "eligible_max"
	FieldPermanentActive     Field = "permanent_active"
	FieldActiveMax           Field = "active_max"
	FieldAssignStepUp        Field = "assign_step_up"
	FieldAssignJustification Field = "assign_justification"
)

// rule is what can be done with one field, whatever its type.
type rule struct {
	field    Field
	title    string // on the screen
	isSet    func(r *RoleSettings) bool
	drop     func(r *RoleSettings)
	over     func(r *RoleSettings, s *Settings) // what the row sets goes over s
	copy     func(to, from *Settings)
	stricter func(s, other *Settings) // s gets the stricter of both; its own stays where they cannot be compared
	same     func(a, b *Settings) bool
	words    func(s *Settings) string
}

// rules are all fields in the order of the screen: the one table that resolving, comparing and explaining share.
var rules = []rule{
	scalar(FieldMaxDuration, "Longest activation", func(r *RoleSettings) **time.Duration { return &r.MaxDuration }, func(s *Settings) *time.Duration { return &s.MaxDuration }, shorter, FormatDuration),
	scalar(FieldDefaultDuration, "Usual activation", func(r *RoleSettings) **time.Duration { return &r.DefaultDuration }, func(s *Settings) *time.Duration { return &s.DefaultDuration }, shorter, FormatDuration),
	scalar(FieldStepUp, "Confirmed with", func(r *RoleSettings) **StepUpLevel { return &r.StepUp }, func(s *Settings) *StepUpLevel { return &s.StepUp }, StepUpLevel.Stricter, stepUpWords),
	scalar(FieldContext, "Authentication context", func(r *RoleSettings) **string { return &r.Context }, func(s *Settings) *string { return &s.Context }, anyContext, contextWords),
	scalar(FieldJustification, "Reason", func(r *RoleSettings) **bool { return &r.Justification }, func(s *Settings) *bool { return &s.Justification }, either, required),
	scalar(FieldTicket, "Ticket", func(r *RoleSettings) **bool { return &r.Ticket }, func(s *Settings) *bool { return &s.Ticket }, either, required),
	scalar(FieldApproval, "Approval", func(r *RoleSettings) **bool { return &r.Approval }, func(s *Settings) *bool { return &s.Approval }, either, required),
	approversRule(),
	scalar(FieldApprovalTimeout, "Time to approve", func(r *RoleSettings) **time.Duration { return &r.ApprovalTimeout }, func(s *Settings) *time.Duration { return &s.ApprovalTimeout }, shorter, FormatDuration),
	scalar(FieldMaxLead, "Planned ahead", func(r *RoleSettings) **time.Duration { return &r.MaxLead }, func(s *Settings) *time.Duration { return &s.MaxLead }, shorter, leadWords),
	scalar(FieldMaxTotal, "Longest with extensions", func(r *RoleSettings) **time.Duration { return &r.MaxTotal }, func(s *Settings) *time.Duration { return &s.MaxTotal }, shorterIfSet, FormatDuration),
	scalar(FieldExtensionApproval, "Approval of extensions", func(r *RoleSettings) **ExtensionApproval { return &r.ExtensionApproval }, func(s *Settings) *ExtensionApproval { return &s.ExtensionApproval }, ExtensionApproval.Stricter, extensionWords),
	scalar(FieldPermanentEligible, "Eligible without an end", func(r *RoleSettings) **bool { return &r.PermanentEligible }, func(s *Settings) *bool { return &s.PermanentEligible }, both, allowed),
	scalar(FieldEligibleMax, "Longest eligible assignment", func(r *RoleSettings) **time.Duration { return &r.EligibleMax }, func(s *Settings) *time.Duration { return &s.EligibleMax }, shorter, FormatDays),
	scalar(FieldPermanentActive, "Active without an end", func(r *RoleSettings) **bool { return &r.PermanentActive }, func(s *Settings) *bool { return &s.PermanentActive }, both, allowed),
	scalar(FieldActiveMax, "Longest active assignment", func(r *RoleSettings) **time.Duration { return &r.ActiveMax }, func(s *Settings) *time.Duration { return &s.ActiveMax }, shorter, FormatDays),
	scalar(FieldAssignStepUp, "Passkey to assign active", func(r *RoleSettings) **bool { return &r.AssignStepUp }, func(s *Settings) *bool { return &s.AssignStepUp }, either, required),
	scalar(FieldAssignJustification, "Reason to assign active", func(r *RoleSettings) **bool { return &r.AssignJustification }, func(s *Settings) *bool { return &s.AssignJustification }, either, required),
}

// Fields lists every field in the order of the screen.
func Fields() []Field {
	out := make([]Field, len(rules))
	for i, r := range rules {
		out[i] = r.field
	}
	return out
}

// Title is what the screen calls a field.
func (f Field) Title() string {
	if n := f.number(); n >= 0 {
		return rules[n].title
	}
	return string(f)
}

// number is the field's place in rules, -1 for what is none.
func (f Field) number() int {
	return slices.IndexFunc(rules, func(r rule) bool { return r.field == f })
}

func scalar[T comparable](f Field, title string, in func(*RoleSettings) **T, of func(*Settings) *T, stricter func(a, b T) T, words func(T) string) rule {
	return rule{field: f, title: title,
		isSet: func(r *RoleSettings) bool { return *in(r) != nil },
		drop:  func(r *RoleSettings) { *in(r) = nil },
		over: func(r *RoleSettings, s *Settings) {
			if v := *in(r); v != nil {
				*of(s) = *v
			}
		},
		copy:     func(to, from *Settings) { *of(to) = *of(from) },
		stricter: func(s, other *Settings) { *of(s) = stricter(*of(s), *of(other)) },
		same:     func(a, b *Settings) bool { return *of(a) == *of(b) },
		words:    func(s *Settings) string { return words(*of(s)) },
	}
}

// approversRule: the stricter of two lists is who stands in both. Where nobody does it is the first, for a list
// that is empty would lock everybody out.
func approversRule() rule {
	return rule{field: FieldApprovers, title: "Approvers",
		isSet: func(r *RoleSettings) bool { return r.Approvers != nil },
		drop:  func(r *RoleSettings) { r.Approvers = nil },
		over: func(r *RoleSettings, s *Settings) {
			if r.Approvers != nil {
				s.Approvers = slices.Clone(r.Approvers)
			}
		},
		copy: func(to, from *Settings) { to.Approvers = from.Approvers },
		stricter: func(s, other *Settings) {
			var in []string
			for _, id := range other.Approvers {
				if slices.Contains(s.Approvers, id) {
					in = append(in, id)
				}
			}
			if len(in) > 0 {
				s.Approvers = in
			}
		},
		same:  func(a, b *Settings) bool { return slices.Equal(sortedIDs(a.Approvers), sortedIDs(b.Approvers)) },
		words: func(s *Settings) string { return countWords(len(s.Approvers)) },
	}
}

func sortedIDs(ids []string) []string { return slices.Sorted(slices.Values(ids)) }

func shorter(a, b time.Duration) time.Duration { return min(a, b) }

// shorterIfSet: zero is a length that follows from another.
func shorterIfSet(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

func either(a, b bool) bool { return a || b }

func both(a, b bool) bool { return a && b }

// anyContext: one context is not stricter than another, any is stricter than none.
func anyContext(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// Stricter holds of the settings then and now the stricter (invariant 3, THREATS T12): durations the minimum, demands
// or, permissions and. Approvers are always today's list, so it comes from now.
func (then Settings) Stricter(now Settings) Settings {
	then.MaxTotal, now.MaxTotal = then.total(), now.total()
	s := now
	for _, r := range rules {
		if r.field != FieldApprovers {
			r.stricter(&s, &then)
		}
	}
	return s
}

// Looser lists the fields in which s is less strict than before (THREATS T21).
func (s Settings) Looser(before Settings) (out []Field) {
	for _, r := range rules {
		if r.looser(&before, &s) {
			out = append(out, r.field)
		}
	}
	return out
}

// looser: whoever was not asked for approval loses nothing when approvers are named.
func (r rule) looser(was, is *Settings) bool {
	if r.field == FieldApprovers && !was.Approval {
		return false
	}
	both := *was
	r.stricter(&both, is)
	return !r.same(&both, is)
}

// Differs lists the fields in which two settings differ.
func (s Settings) Differs(other Settings) (out []Field) {
	for _, r := range rules {
		if !r.same(&s, &other) {
			out = append(out, r.field)
		}
	}
	return out
}

// Sets lists the fields a row sets.
func (r RoleSettings) Sets() (out []Field) {
	for _, rule := range rules {
		if rule.isSet(&r) {
			out = append(out, rule.field)
		}
	}
	return out
}

// Without returns the row with one field inherited again.
func (r RoleSettings) Without(f Field) RoleSettings {
	if n := f.number(); n >= 0 {
		rules[n].drop(&r)
		r.Enforced = slices.DeleteFunc(slices.Clone(r.Enforced), func(e Field) bool { return e == f })
	}
	return r
}
