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
	MinAssignmentRule  = time.Hour // of eligible_max and active_max
	MaxAssignmentRule  = 3650 * 24 * time.Hour
)

// Settings are the effective rules of one role on one resource: of an activation, and of an assignment (S-20 to S-25).
type Settings struct {
	MaxDuration       time.Duration     `json:"max_duration"`
	DefaultDuration   time.Duration     `json:"default_duration"`
	StepUp            StepUpLevel       `json:"step_up"`
	Context           string            `json:"context,omitempty"` // authentication context asked of the provider in addition; empty: none
	Justification     bool              `json:"justification"`
	Ticket            bool              `json:"ticket"`
	Approval          bool              `json:"approval"`
	Approvers         []string          `json:"approvers"` // principal ids, people and groups
	ApprovalTimeout   time.Duration     `json:"approval_timeout"`
	MaxLead           time.Duration     `json:"max_lead"`  // how far ahead a start may be planned; 0: not at all
	MaxTotal          time.Duration     `json:"max_total"` // an activation with all its extensions
	ExtensionApproval ExtensionApproval `json:"extension_approval"`

	PermanentEligible   bool          `json:"permanent_eligible"` // an eligible assignment may have no end (S-20)
	EligibleMax         time.Duration `json:"eligible_max"`       // the longest eligible assignment that has one (S-21)
	PermanentActive     bool          `json:"permanent_active"`   // S-22
	ActiveMax           time.Duration `json:"active_max"`         // S-23
	AssignStepUp        bool          `json:"assign_step_up"`     // whoever makes an active assignment touches their passkey, never its holder (S-24)
	AssignJustification bool          `json:"assign_justification"`
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

// DefaultSettings are BEHAVIOUR §2.1 (S-10, S-12–S-16, S-20–S-25) with a passkey as the step-up.
func DefaultSettings() Settings {
	const day = 24 * time.Hour
	return Settings{MaxDuration: 8 * time.Hour, DefaultDuration: time.Hour, StepUp: StepUpPasskey,
		Justification: true, ApprovalTimeout: day, MaxLead: LongestLead, MaxTotal: 16 * time.Hour, ExtensionApproval: ExtensionAsActivation,
		PermanentEligible: true, EligibleMax: 365 * day, PermanentActive: true, ActiveMax: 180 * day, AssignJustification: true}
}

// RoleSettings is what somebody set for a role at one node; nil fields are inherited (K-19).
type RoleSettings struct {
	RoleID              string             `json:"role_id,omitzero"`
	ResourceID          string             `json:"resource_id,omitzero"` // empty: everywhere the role can be held
	MaxDuration         *time.Duration     `json:"max_duration,omitzero"`
	DefaultDuration     *time.Duration     `json:"default_duration,omitzero"`
	StepUp              *StepUpLevel       `json:"step_up,omitzero"`
	Context             *string            `json:"context,omitzero"`
	Justification       *bool              `json:"justification,omitzero"`
	Ticket              *bool              `json:"ticket,omitzero"`
	Approval            *bool              `json:"approval,omitzero"`
	Approvers           []string           `json:"approvers,omitzero"` // nil: inherited
	ApprovalTimeout     *time.Duration     `json:"approval_timeout,omitzero"`
	MaxLead             *time.Duration     `json:"max_lead,omitzero"`
	MaxTotal            *time.Duration     `json:"max_total,omitzero"`
	ExtensionApproval   *ExtensionApproval `json:"extension_approval,omitzero"`
	PermanentEligible   *bool              `json:"permanent_eligible,omitzero"`
	EligibleMax         *time.Duration     `json:"eligible_max,omitzero"`
	PermanentActive     *bool              `json:"permanent_active,omitzero"`
	ActiveMax           *time.Duration     `json:"active_max,omitzero"`
	AssignStepUp        *bool              `json:"assign_step_up,omitzero"`
	AssignJustification *bool              `json:"assign_justification,omitzero"`
	Enforced            []Field            `json:"enforced,omitzero"` // fields set here that below accept only stricter values (THREATS T23)
	Source              Source             `json:"source,omitzero"`
	ChangedBy           string             `json:"changed_by,omitzero"` // principal id or System; empty where nobody noted it
	ChangedAt           time.Time          `json:"changed_at,omitzero"` // zero where nobody noted it
	Version             int64              `json:"version,omitzero"`
}

// Effective is Settings with where they came from.
type Effective struct {
	Settings
	Versions map[string]int64 `json:"versions"` // resource id ("" for everywhere) -> version of the row used
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
	case r.StepUp != nil && !r.StepUp.known():
		return Invalid("step_up", "step_up must be attested, passkey or none.")
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
	case r.EligibleMax != nil && (*r.EligibleMax < MinAssignmentRule || *r.EligibleMax > MaxAssignmentRule):
		return Invalid("eligible_max", "eligible_max must be between 1h and 3650d.")
	case r.ActiveMax != nil && (*r.ActiveMax < MinAssignmentRule || *r.ActiveMax > MaxAssignmentRule):
		return Invalid("active_max", "active_max must be between 1h and 3650d.")
	}
	if r.Context != nil {
		if problem := checkContext(*r.Context); problem != "" {
			return Invalid("context", "%s", problem)
		}
	}
	return r.checkEnforced()
}

// checkEnforced wants a value where a field is enforced: what is enforced is what is set here.
func (r RoleSettings) checkEnforced() *Refusal {
	for i, f := range r.Enforced {
		n := f.number()
		switch {
		case n < 0:
			return Invalid("enforced", "enforced: %s is not one of the settings.", f)
		case slices.Contains(r.Enforced[:i], f):
			return Invalid("enforced", "enforced: %s is there twice; keep one.", f)
		case !rules[n].isSet(&r):
			return Invalid("enforced", "enforced: %s is not set here; give it a value, or take it out of enforced.", f)
		case f == FieldApprovers && len(r.Approvers) == 0:
			return Invalid("approvers", "approvers cannot be enforced while nobody is named: below, only some of those named here may be named.")
		}
	}
	return nil
}
