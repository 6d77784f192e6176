package pim

import (
	"slices"
	"time"
)

// Limits of an activation (BEHAVIOUR S-10; Stint also allows short ones, for work that is short).
const (
	MinActivation      = time.Minute
	MaxActivation      = 24 * time.Hour
	MaxApprovalTimeout = 7 * 24 * time.Hour
	MinApprovalTimeout = 5 * time.Minute
	MaxTotalLimit      = 7 * 24 * time.Hour
)

// Settings are the effective rules of one role on one resource.
type Settings struct {
	MaxDuration       time.Duration     `json:"max_duration"`
	DefaultDuration   time.Duration     `json:"default_duration"`
	StepUp            StepUpLevel       `json:"step_up"`
	Justification     bool              `json:"justification"`
	Ticket            bool              `json:"ticket"`
	Approval          bool              `json:"approval"`
	Approvers         []string          `json:"approvers"` // principal ids, people and groups
	ApprovalTimeout   time.Duration     `json:"approval_timeout"`
	MaxLead           time.Duration     `json:"max_lead"`  // how far ahead a start may be planned; 0: not at all
	MaxTotal          time.Duration     `json:"max_total"` // an activation with all its extensions
	ExtensionApproval ExtensionApproval `json:"extension_approval"`
}

// ExtensionApproval says who approves an extension.
type ExtensionApproval string

const (
	ExtensionAsActivation ExtensionApproval = "as_activation" // whoever approves the activation
	ExtensionFree         ExtensionApproval = "none"
)

// Stricter returns the stricter of two; what was never set is the default.
func (e ExtensionApproval) Stricter(other ExtensionApproval) ExtensionApproval {
	if e == ExtensionFree && other == ExtensionFree {
		return ExtensionFree
	}
	return ExtensionAsActivation
}

// total is how long one activation may last in all; unset it is the smaller of twice the maximum and 24 h.
func (s Settings) total() time.Duration {
	if s.MaxTotal > 0 {
		return s.MaxTotal
	}
	return min(2*s.MaxDuration, 24*time.Hour)
}

// DefaultSettings are BEHAVIOUR §2.1 (S-10, S-12–S-16) with a passkey as the step-up.
func DefaultSettings() Settings {
	return Settings{MaxDuration: 8 * time.Hour, DefaultDuration: time.Hour, StepUp: StepUpPasskey,
		Justification: true, ApprovalTimeout: 24 * time.Hour, MaxLead: LongestLead, MaxTotal: 16 * time.Hour, ExtensionApproval: ExtensionAsActivation}
}

// RoleSettings is what somebody set for a role at one node; nil fields are inherited (K-19).
type RoleSettings struct {
	RoleID            string
	ResourceID        string // empty: everywhere the role can be held
	MaxDuration       *time.Duration
	DefaultDuration   *time.Duration
	StepUp            *StepUpLevel
	Justification     *bool
	Ticket            *bool
	Approval          *bool
	Approvers         []string // nil: inherited
	ApprovalTimeout   *time.Duration
	MaxLead           *time.Duration
	MaxTotal          *time.Duration
	ExtensionApproval *ExtensionApproval
	Source            Source
	Version           int64
}

// Effective is Settings with where they came from.
type Effective struct {
	Settings
	Versions map[string]int64 `json:"versions"` // resource id ("" for everywhere) -> version of the row used
}

// ResolveSettings folds what was set from everywhere down to the leaf of path: the nearest wins, field
// by field. A privileged role always asks for a passkey, and the default never exceeds the maximum.
func ResolveSettings(role RoleDefinition, path Path, rows []RoleSettings) Effective {
	eff := Effective{Settings: DefaultSettings(), Versions: map[string]int64{}}
	eff.MaxTotal = 0 // its default follows from the maximum
	order := []string{""}
	for _, r := range path {
		order = append(order, r.ID)
	}
	for _, node := range order {
		for _, row := range rows {
			if row.RoleID == role.ID && row.ResourceID == node {
				row.over(&eff.Settings)
				eff.Versions[node] = row.Version
			}
		}
	}
	if role.Privileged {
		eff.StepUp = StepUpPasskey
	}
	eff.MaxTotal = eff.total()
	eff.MaxDuration = min(eff.MaxDuration, eff.MaxTotal)
	eff.DefaultDuration = min(eff.DefaultDuration, eff.MaxDuration)
	return eff
}

func (r RoleSettings) over(s *Settings) {
	set(&s.MaxDuration, r.MaxDuration)
	set(&s.DefaultDuration, r.DefaultDuration)
	set(&s.StepUp, r.StepUp)
	set(&s.Justification, r.Justification)
	set(&s.Ticket, r.Ticket)
	set(&s.Approval, r.Approval)
	set(&s.ApprovalTimeout, r.ApprovalTimeout)
	set(&s.MaxLead, r.MaxLead)
	set(&s.MaxTotal, r.MaxTotal)
	set(&s.ExtensionApproval, r.ExtensionApproval)
	if r.Approvers != nil {
		s.Approvers = slices.Clone(r.Approvers)
	}
}

func set[T any](dst *T, src *T) {
	if src != nil {
		*dst = *src
	}
}

// Stricter holds of the settings then and now the stricter (invariant 3, THREATS T12): durations the
// minimum, flags or. Approvers are always today's list, so it comes from now.
func (then Settings) Stricter(now Settings) Settings {
	return Settings{
		MaxDuration:       min(then.MaxDuration, now.MaxDuration),
		DefaultDuration:   min(then.DefaultDuration, now.DefaultDuration),
		StepUp:            then.StepUp.Stricter(now.StepUp),
		Justification:     then.Justification || now.Justification,
		Ticket:            then.Ticket || now.Ticket,
		Approval:          then.Approval || now.Approval,
		Approvers:         now.Approvers,
		ApprovalTimeout:   min(then.ApprovalTimeout, now.ApprovalTimeout),
		MaxLead:           min(then.MaxLead, now.MaxLead),
		MaxTotal:          min(then.total(), now.total()),
		ExtensionApproval: then.ExtensionApproval.Stricter(now.ExtensionApproval),
	}
}

// Check refuses settings that contradict each other. Field names are those of the file.
func (r RoleSettings) Check(role RoleDefinition) *Refusal {
	switch {
	case r.MaxDuration != nil && (*r.MaxDuration < MinActivation || *r.MaxDuration > MaxActivation):
		return Invalid("max_duration", "max_duration must be between 1m and 24h.")
	case r.DefaultDuration != nil && (*r.DefaultDuration < MinActivation || *r.DefaultDuration > MaxActivation):
		return Invalid("default_duration", "default_duration must be between 1m and 24h.")
	case r.DefaultDuration != nil && r.MaxDuration != nil && *r.DefaultDuration > *r.MaxDuration:
		return Invalid("default_duration", "default_duration is longer than max_duration; make it at most that.")
	case r.StepUp != nil && *r.StepUp != StepUpNone && *r.StepUp != StepUpPasskey:
		return Invalid("step_up", "step_up must be passkey or none.")
	case r.StepUp != nil && *r.StepUp == StepUpNone && role.Privileged:
		return Invalid("step_up", "step_up: none is only for roles that are not privileged; use passkey.")
	case r.ApprovalTimeout != nil && (*r.ApprovalTimeout < MinApprovalTimeout || *r.ApprovalTimeout > MaxApprovalTimeout):
		return Invalid("approval_timeout", "approval_timeout must be between 5m and 168h.")
	case r.MaxLead != nil && (*r.MaxLead < 0 || *r.MaxLead > LongestLead):
		return Invalid("max_lead", "max_lead must be between 0s and 168h; 0s means that a start cannot be planned.")
	case r.MaxTotal != nil && (*r.MaxTotal < MinActivation || *r.MaxTotal > MaxTotalLimit):
		return Invalid("max_total", "max_total must be between 1m and 168h.")
	case r.MaxTotal != nil && r.MaxDuration != nil && *r.MaxTotal < *r.MaxDuration:
		return Invalid("max_total", "max_total is shorter than max_duration; make it at least that.")
	case r.ExtensionApproval != nil && *r.ExtensionApproval != ExtensionAsActivation && *r.ExtensionApproval != ExtensionFree:
		return Invalid("extension_approval", "extension_approval must be as_activation or none.")
	}
	return nil
}
