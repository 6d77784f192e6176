package broker

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"stint/internal/orgfile"
	"stint/internal/pim"
)

func (p *planner) planSettings() {
	type key struct{ role, resource string }
	have, want := map[key]pim.RoleSettings{}, map[key]bool{}
	for _, s := range p.settings {
		have[key{s.RoleID, s.ResourceID}] = s
	}
	for _, f := range p.doc.Roles {
		for _, s := range f.Settings {
			rules := p.rules(s)
			rules.RoleID = p.id["role/"+f.ID]
			k := key{rules.RoleID, rules.ResourceID}
			want[k] = true
			row, known := have[k]
			if rules.StepUp != nil && *rules.StepUp == pim.StepUpAttested && !p.keys.Possible() {
				p.errs.Add(s.Pos, "roles.settings.step_up", "attested: no make of passkey is trusted here yet, so nobody could activate; set passkey_roots in the configuration and start Stint first")
			}
			p.settingsStep(f, s, rules, row, known)
		}
	}
	for _, row := range p.settings {
		k := key{row.RoleID, row.ResourceID}
		gone := p.leaving[row.RoleID] || p.leaving[row.ResourceID]
		switch {
		case want[k]:
		case row.Source != pim.SourceFile && !gone:
			p.keep(row.Source, p.settingsName(row))
		default:
			p.dropSettings(row)
		}
	}
}

func (p *planner) rules(s orgfile.Settings) pim.RoleSettings {
	r := s.Rules()
	r.ResourceID, r.Source, r.ChangedBy = p.id["resource/"+s.Resource], pim.SourceFile, pim.System
	for i, ref := range r.Approvers {
		if i == 0 {
			r.Approvers = make([]string, len(s.Approvers))
		}
		r.Approvers[i] = p.id[ref]
	}
	return r
}

func (p *planner) settingsStep(f orgfile.Role, s orgfile.Settings, rules, row pim.RoleSettings, known bool) {
	save := p.loosening(rules, emit(settingsEvent(rules), func(a *applying) error { return a.tx.SaveSettings(rules) }))
	if !known {
		p.step(stageSettings, "+", s.Pos, save, "settings of role/%s%s: %s", f.ID, where(s.Resource), strings.Join(p.words(rules), ", "))
		return
	}
	same := row
	same.Source, same.Version, same.ChangedBy, same.ChangedAt = rules.Source, rules.Version, rules.ChangedBy, rules.ChangedAt
	var d diff
	d.list("settings", p.words(row), p.words(rules))
	d.said(row.Source != pim.SourceFile && row.Source != pim.SourceBuiltin, "now owned by the file (%s)", why(row.Source))
	if !reflect.DeepEqual(same, rules) || row.Source != pim.SourceFile {
		p.step(stageSettings, "~", s.Pos, save, "settings of role/%s%s: %s%s", f.ID, where(s.Resource), strings.TrimPrefix(d.String(), "settings "), p.byHand(row))
	}
}

// dropSettings takes a row away; Stint's own roles fall back to what they came with.
func (p *planner) dropSettings(row pim.RoleSettings) {
	for _, own := range builtinRoles {
		if own.ID == row.RoleID && row.ResourceID == "" {
			back := builtinSettings(own)
			p.step(stageSettings, "~", orgfile.Pos{}, emit(settingsEvent(back), func(a *applying) error { return a.tx.SaveSettings(back) }),
				"%s: back to Stint's own%s", p.settingsName(row), p.byHand(row))
			return
		}
	}
	e := saved(pim.EvSettingsRemoved, row.RoleID, map[string]any{})
	e.RoleID, e.ResourceID = row.RoleID, row.ResourceID
	gone := emit(e, func(a *applying) error { return a.tx.RemoveSettings(row.RoleID, row.ResourceID, pim.System) })
	if !p.leaving[row.RoleID] {
		gone = p.loosening(pim.RoleSettings{RoleID: row.RoleID, ResourceID: row.ResourceID}, gone)
	}
	p.step(stageSettings, "-", orgfile.Pos{}, gone, "%s%s", p.settingsName(row), p.byHand(row))
}

// byHand says who changed a row of the file in the portal, and when: applying overwrites that.
func (p *planner) byHand(row pim.RoleSettings) string {
	if row.Source != pim.SourceFile || row.ChangedBy == "" || row.ChangedBy == pim.System {
		return ""
	}
	name := row.ChangedBy
	for _, h := range p.people {
		if h.ID == row.ChangedBy {
			name = h.Name
		}
	}
	return fmt.Sprintf(" (changed in the portal by %s on %s)", name, row.ChangedAt.UTC().Format(time.DateOnly))
}

// loosening makes a change of a role that is there already, loudly where it makes a privileged one less strict (THREATS
// T21). Files lock nobody: whoever holds the host may do anything, and it is in the log.
func (p *planner) loosening(row pim.RoleSettings, change func(*applying) error) func(*applying) error {
	if !slices.ContainsFunc(p.roles, func(d pim.RoleDefinition) bool { return d.ID == row.RoleID && d.Privileged }) {
		return change
	}
	return func(a *applying) error {
		w, err := weighSettings(a.tx.Reader, row)
		var gone *pim.Refusal
		if errors.As(err, &gone) { // a node that this very file takes away: nothing holds there
			return change(a)
		}
		if err != nil {
			return err
		}
		if err := change(a); err != nil {
			return err
		}
		return loosened(a.tx, w, theFile, "")
	}
}

func (p *planner) settingsName(row pim.RoleSettings) string {
	if row.ResourceID == "" {
		return "settings of " + p.label[row.RoleID]
	}
	return "settings of " + p.label[row.RoleID] + " at " + p.label[row.ResourceID]
}

func where(resource string) string {
	if resource == "" {
		return ""
	}
	return " at resource/" + resource
}

func (p *planner) words(r pim.RoleSettings) (out []string) {
	for _, w := range settingsWords(r, func(id string) string { return p.label[id] }) {
		out = append(out, w[0]+" "+w[1])
	}
	return out
}

// settingsWords are the fields that are set, with the file's names and words.
func settingsWords(r pim.RoleSettings, name func(id string) string) (out [][2]string) {
	length := func(field string, d *time.Duration) {
		if d != nil {
			out = append(out, [2]string{field, orgfile.FormatDuration(*d)})
		}
	}
	word := func(field string, b *bool, no string) {
		if b != nil && *b {
			out = append(out, [2]string{field, "required"})
		} else if b != nil {
			out = append(out, [2]string{field, no})
		}
	}
	length("max_duration", r.MaxDuration)
	length("default_duration", r.DefaultDuration)
	if r.StepUp != nil {
		out = append(out, [2]string{"step_up", string(*r.StepUp)})
	}
	if r.Context != nil {
		out = append(out, [2]string{"context", cmp.Or(*r.Context, "none")})
	}
	word("justification", r.Justification, "optional")
	word("ticket", r.Ticket, "optional")
	word("approval", r.Approval, "none")
	if r.Approvers != nil {
		names := make([]string, len(r.Approvers))
		for i, id := range r.Approvers {
			names[i] = name(id)
		}
		out = append(out, [2]string{"approvers", fmt.Sprintf("[%s]", strings.Join(names, ", "))})
	}
	length("approval_timeout", r.ApprovalTimeout)
	length("max_lead", r.MaxLead)
	length("max_total", r.MaxTotal)
	if r.ExtensionApproval != nil {
		out = append(out, [2]string{"extension_approval", string(*r.ExtensionApproval)})
	}
	return append(out, assignmentWords(r)...)
}

// assignmentWords are the rules of assignments that are set, and what is enforced.
func assignmentWords(r pim.RoleSettings) (out [][2]string) {
	days := func(field string, d *time.Duration) {
		if d != nil {
			out = append(out, [2]string{field, orgfile.FormatDays(*d)})
		}
	}
	word := func(field string, b *bool, yes, no string) {
		if b != nil && *b {
			out = append(out, [2]string{field, yes})
		} else if b != nil {
			out = append(out, [2]string{field, no})
		}
	}
	word("permanent_eligible", r.PermanentEligible, "allowed", "refused")
	days("eligible_max", r.EligibleMax)
	word("permanent_active", r.PermanentActive, "allowed", "refused")
	days("active_max", r.ActiveMax)
	word("assign_step_up", r.AssignStepUp, "required", "none")
	word("assign_justification", r.AssignJustification, "required", "optional")
	if len(r.Enforced) > 0 {
		out = append(out, [2]string{"enforced", "[" + strings.Join(fieldNames(r.Enforced), ", ") + "]"})
	}
	return out
}
