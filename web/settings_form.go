package web

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/views"
)

// The fields of each tab, in the order of the screen.
var settingsTabs = map[string][]pim.Field{
	"activation": {pim.FieldMaxDuration, pim.FieldDefaultDuration, pim.FieldStepUp, pim.FieldContext, pim.FieldJustification, pim.FieldTicket, pim.FieldApproval, pim.FieldApprovers,
		pim.FieldApprovalTimeout, pim.FieldMaxLead, pim.FieldMaxTotal, pim.FieldExtensionApproval},
	"assignment": {pim.FieldPermanentEligible, pim.FieldEligibleMax, pim.FieldPermanentActive, pim.FieldActiveMax, pim.FieldAssignStepUp, pim.FieldAssignJustification},
}

// lengths are the fields that are a length of time.
var lengths = map[pim.Field]func(*pim.RoleSettings) **time.Duration{
	pim.FieldMaxDuration:     func(r *pim.RoleSettings) **time.Duration { return &r.MaxDuration },
	pim.FieldDefaultDuration: func(r *pim.RoleSettings) **time.Duration { return &r.DefaultDuration },
	pim.FieldApprovalTimeout: func(r *pim.RoleSettings) **time.Duration { return &r.ApprovalTimeout },
	pim.FieldMaxLead:         func(r *pim.RoleSettings) **time.Duration { return &r.MaxLead },
	pim.FieldMaxTotal:        func(r *pim.RoleSettings) **time.Duration { return &r.MaxTotal },
	pim.FieldEligibleMax:     func(r *pim.RoleSettings) **time.Duration { return &r.EligibleMax },
	pim.FieldActiveMax:       func(r *pim.RoleSettings) **time.Duration { return &r.ActiveMax },
}

// flags are the fields that are on or off.
var flags = map[pim.Field]func(*pim.RoleSettings) **bool{
	pim.FieldJustification:       func(r *pim.RoleSettings) **bool { return &r.Justification },
	pim.FieldTicket:              func(r *pim.RoleSettings) **bool { return &r.Ticket },
	pim.FieldApproval:            func(r *pim.RoleSettings) **bool { return &r.Approval },
	pim.FieldPermanentEligible:   func(r *pim.RoleSettings) **bool { return &r.PermanentEligible },
	pim.FieldPermanentActive:     func(r *pim.RoleSettings) **bool { return &r.PermanentActive },
	pim.FieldAssignStepUp:        func(r *pim.RoleSettings) **bool { return &r.AssignStepUp },
	pim.FieldAssignJustification: func(r *pim.RoleSettings) **bool { return &r.AssignJustification },
}

// settingsForm is a form of settings as it was sent, or as a row fills it.
type settingsForm struct {
	resource, tab string
	version       int64
	own, enforce  map[pim.Field]bool
	value         map[pim.Field]string
	picks         []string // approvers
	who           string   // the search for others
}

func newSettingsForm(resource, tab string) settingsForm {
	return settingsForm{resource: resource, tab: tab, own: map[pim.Field]bool{}, enforce: map[pim.Field]bool{}, value: map[pim.Field]string{}}
}

// settingsFormOf reads what was sent.
func settingsFormOf(q *request) (f settingsForm, err error) {
	f = newSettingsForm(storable(q.FormValue("resource")), settingsTab(q.FormValue("tab")))
	if f.version, err = parseSeq(q.FormValue("version")); err != nil {
		return f, err
	}
	for _, field := range settingsTabs[f.tab] {
		name := string(field)
		f.own[field], f.enforce[field] = q.FormValue("own_"+name) == "yes", q.FormValue("enforce_"+name) == "yes"
		f.value[field] = strings.TrimSpace(clip(q.FormValue(name), maxSettingField))
	}
	f.picks = unique(q.Request().PostForm[picks])
	f.picks = f.picks[:min(len(f.picks), maxApprovers)]
	f.who = strings.TrimSpace(clip(storable(q.FormValue("who")), 200))
	return f, nil
}

// maxSettingField bounds what one field of the form holds: five authentication contexts.
const maxSettingField = 520

// maxApprovers bounds what one form names; a group names more.
const maxApprovers = 100

// formOf is the form as the row of a place fills it: what is not set here begins with what is inherited.
func formOf(v broker.SettingsView, tab string) settingsForm {
	f := newSettingsForm(v.Path.Leaf().ID, tab)
	if own := v.Explained.Own; own != nil {
		f.version = own.Version
	}
	for _, state := range v.Explained.Fields {
		f.own[state.Field], f.enforce[state.Field] = state.Own, state.EnforcedHere
		f.value[state.Field] = inputOf(state.Field, v.Explained)
	}
	f.picks = v.Explained.Approvers
	if own := v.Explained.Own; own != nil && own.Approvers != nil {
		f.picks = own.Approvers
	}
	return f
}

// inputOf is what the control of a field begins with.
func inputOf(f pim.Field, x pim.Explained) string {
	all := whole(x)
	if of := lengths[f]; of != nil {
		return pim.FormatDays(**of(&all))
	}
	if of := flags[f]; of != nil {
		return yesNo(**of(&all))
	}
	switch f {
	case pim.FieldStepUp:
		return string(*all.StepUp)
	case pim.FieldContext:
		return *all.Context
	case pim.FieldExtensionApproval:
		return string(*all.ExtensionApproval)
	}
	return ""
}

// whole is a row that sets every field: to what is set here, or else to what holds.
func whole(x pim.Explained) pim.RoleSettings {
	var own pim.RoleSettings
	if x.Own != nil {
		own = *x.Own
	}
	s := x.Settings
	return pim.RoleSettings{MaxDuration: or(own.MaxDuration, &s.MaxDuration), DefaultDuration: or(own.DefaultDuration, &s.DefaultDuration), StepUp: or(own.StepUp, &s.StepUp), Context: or(own.Context, &s.Context),
		Justification: or(own.Justification, &s.Justification), Ticket: or(own.Ticket, &s.Ticket), Approval: or(own.Approval, &s.Approval),
		ApprovalTimeout: or(own.ApprovalTimeout, &s.ApprovalTimeout), MaxLead: or(own.MaxLead, &s.MaxLead), MaxTotal: or(own.MaxTotal, &s.MaxTotal),
		ExtensionApproval: or(own.ExtensionApproval, &s.ExtensionApproval), PermanentEligible: or(own.PermanentEligible, &s.PermanentEligible),
		EligibleMax: or(own.EligibleMax, &s.EligibleMax), PermanentActive: or(own.PermanentActive, &s.PermanentActive), ActiveMax: or(own.ActiveMax, &s.ActiveMax),
		AssignStepUp: or(own.AssignStepUp, &s.AssignStepUp), AssignJustification: or(own.AssignJustification, &s.AssignJustification)}
}

func or[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// row is what the form says the row of its place is to be: the other tab's fields stay as they are. A field that is not
// set here is ignored, whatever stands in its control.
func (f settingsForm) row(v broker.SettingsView) (pim.RoleSettings, views.Errors) {
	var row pim.RoleSettings
	if v.Explained.Own != nil {
		row = *v.Explained.Own
	}
	row.RoleID, row.ResourceID, row.Version = v.Role.ID, f.resource, f.version
	wrong := views.Errors{}
	for _, field := range settingsTabs[f.tab] {
		row = row.Without(field)
		if !f.own[field] {
			continue
		}
		if text := f.set(&row, field); text != "" {
			wrong[string(field)] = text
		} else if f.enforce[field] {
			row.Enforced = append(slices.Clone(row.Enforced), field)
		}
	}
	return row, wrong
}

// set puts what was typed for a field into the row, or says what is wrong with it.
func (f settingsForm) set(row *pim.RoleSettings, field pim.Field) string {
	text := f.value[field]
	if of := lengths[field]; of != nil {
		d, ok := parseLength(text)
		if !ok {
			return "Write a length such as 30 min, 4 h, 1:30 or 7 days."
		}
		*of(row) = &d
		return ""
	}
	if of := flags[field]; of != nil {
		if text != "yes" && text != "no" {
			return "Choose one of the two."
		}
		on := text == "yes"
		*of(row) = &on
		return ""
	}
	switch field {
	case pim.FieldApprovers:
		row.Approvers = append([]string{}, f.picks...)
	case pim.FieldStepUp:
		level := pim.StepUpLevel(text)
		row.StepUp = &level
	case pim.FieldContext:
		names := strings.Join(strings.Fields(storable(text)), " ")
		row.Context = &names
	case pim.FieldExtensionApproval:
		how := pim.ExtensionApproval(text)
		row.ExtensionApproval = &how
	}
	return ""
}

var lengthForm = regexp.MustCompile(`^(?:([0-9]{1,4}) ?(?:d|days?))? ?(?:([0-9]{1,4}) ?(?:h|hours?))? ?(?:([0-9]{1,4}) ?(?:m|min|minutes?))?$`)

// parseLength reads a length as the screen says it: 4 h, 1 h 30 min, 1:30, 7 days.
func parseLength(text string) (time.Duration, bool) {
	text = strings.ToLower(text)
	if m := clockForm.FindStringSubmatch(text); m != nil {
		return inMinutes(m[1], m[2]), true
	}
	m := lengthForm.FindStringSubmatch(text)
	if m == nil || text == "" {
		return 0, false
	}
	days, _ := strconv.Atoi(m[1]) // the pattern lets only digits through
	return time.Duration(days)*24*time.Hour + inMinutes(m[2], m[3]), true
}
