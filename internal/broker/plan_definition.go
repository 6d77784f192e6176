package broker

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

// maxFacts keeps a definition's facts well within an audit leaf.
const maxFacts = 8 << 10

// saved is the event of a definition. What would not fit into a leaf is there as a digest.
func saved(t pim.EventType, object string, facts map[string]any) pim.Event {
	e := pim.Event{Type: t, Actor: pim.System, ObjectID: object, Result: pim.OK, Facts: facts, Texts: map[string]string{}}
	if text, err := json.Marshal(facts); err == nil && len(text) > maxFacts {
		e.Facts = map[string]any{"sha256": sha256Hex(text)}
	}
	return e.With("source", string(pim.SourceFile))
}

func index[K comparable, T any](items []T, key func(T) K) map[K]T {
	m := make(map[K]T, len(items))
	for _, item := range items {
		m[key(item)] = item
	}
	return m
}

func (p *planner) planTargets() {
	have := index(p.targets, func(t store.TargetRow) string { return t.ID })
	for _, f := range p.doc.Targets {
		id := p.id["target/"+f.ID]
		row, known := have[id]
		want := store.TargetRow{Target: pim.Target{ID: id, Key: f.ID, Kind: f.Kind, Name: f.Name, Settings: f.Settings, MayWrite: f.MayWrite,
			Authoritative: f.Authoritative, SecretFrom: f.Secret.String(), Source: pim.SourceFile, Version: row.Version}}
		var fresh bool
		want.Sealed, fresh = p.seal(f, row)
		event := saved(pim.EvTargetSaved, id, map[string]any{"key": f.ID, "kind": f.Kind, "settings": maps.Clone(f.Settings), "may_write": f.MayWrite,
			"authoritative": f.Authoritative, "secret_from": want.SecretFrom}).With("secret_changed", fresh).WithText("name", f.Name)
		event.TargetID = id
		if !known {
			p.step(stageTargets, "+", f.Pos, emit(event, func(a *applying) error { return a.tx.InsertTarget(want) }), "target/%s (%s) %q", f.ID, f.Kind, f.Name)
			continue
		}
		if f.Kind != row.Kind {
			p.errs.Add(f.Pos, "targets["+f.ID+"].kind", "a target stays of its kind (%s), for its accounts are known by ids of that kind; give the new one an id of its own", row.Kind)
		}
		d := targetDiff(row, want, fresh)
		d.said(p.adopted[id], "now owned by the file (made in the portal)")
		if len(d) > 0 {
			p.step(stageTargets, "~", f.Pos, emit(event, func(a *applying) error { return errors.Join(a.tx.UpdateTarget(want), unscan(a.tx, row, want)) }), "target/%s: %s", f.ID, d)
		}
	}
	for _, row := range p.targets {
		if p.adopted[row.ID] {
			continue
		}
		if !p.leaving[row.ID] {
			p.keep(row.Source, p.label[row.ID])
			continue
		}
		if n := p.unsettled[row.ID]; n > 0 {
			p.errs.Add(orgfile.Pos{}, "targets", "%s cannot leave the file while %d grants are held or being taken away there: first take out what gives them, apply, and wait until they are gone", p.label[row.ID], n)
		}
		event := saved(pim.EvTargetRemoved, row.ID, map[string]any{"key": row.Key})
		event.TargetID = row.ID
		p.step(stageGoing, "-", orgfile.Pos{}, emit(event, func(a *applying) error { return a.tx.RemoveTarget(row.ID) }), "%s", p.label[row.ID])
	}
}

// unscan makes the next scan the first where a target is reached otherwise than before: it may be another one, in which
// what is held was there before Stint looked.
func unscan(tx *store.Tx, old, new store.TargetRow) error {
	if maps.Equal(old.Settings, new.Settings) {
		return nil
	}
	return tx.KeepScannedOnly(new.ID, nil)
}

// seal returns the sealed credential of a target; fresh when it is not the one that is kept already.
func (p *planner) seal(f orgfile.Target, row store.TargetRow) (sealed string, fresh bool) {
	secret, has := p.secrets[f.ID]
	if !has {
		return "", row.Sealed != ""
	}
	id := p.id["target/"+f.ID]
	if row.Sealed != "" && !p.reseal {
		if kept, err := p.sealer.Unseal(id, row.Sealed); err == nil && string(kept) == secret {
			return row.Sealed, false
		}
	}
	if p.sealed[id] == "" {
		s, err := p.sealer.Seal(id, []byte(secret))
		if err != nil {
			p.errs.Add(f.Secret.Pos, "targets["+f.ID+"].secret", "cannot be sealed: %s", err)
		}
		p.sealed[id] = s
	}
	return p.sealed[id], true
}

func targetDiff(old, new store.TargetRow, fresh bool) (d diff) {
	d.text("name", old.Name, new.Name)
	names := slices.Sorted(maps.Keys(new.Settings))
	for name := range old.Settings {
		if _, ok := new.Settings[name]; !ok {
			names = append(names, name)
		}
	}
	for _, name := range names {
		d.text(name, old.Settings[name], new.Settings[name])
	}
	d.list("may_write", old.MayWrite, new.MayWrite)
	d.said(old.Authoritative != new.Authoritative, "authoritative %v → %v", old.Authoritative, new.Authoritative)
	d.text("secret", old.SecretFrom, new.SecretFrom)
	d.said(fresh && old.SecretFrom == new.SecretFrom, "the secret at %s has changed", new.SecretFrom)
	return d
}

// keep lists what no file owns.
func (p *planner) keep(s pim.Source, what string) {
	if s != pim.SourceFile && s != pim.SourceBuiltin {
		p.leave(why(s), "%s", what)
	}
}

// emit makes a change with its one event.
func emit(e pim.Event, do func(*applying) error) func(*applying) error {
	return func(a *applying) error {
		a.tx.Emit(e)
		return do(a)
	}
}

func (p *planner) planResources() {
	have := index(p.resources, func(s pim.Resource) string { return s.ID })
	for _, f := range p.parentsFirst() {
		id := p.id["resource/"+f.ID]
		row, known := have[id]
		want := pim.Resource{ID: id, Key: f.ID, ParentID: p.id["resource/"+f.Parent], TargetID: p.id["target/"+f.Target], Kind: f.Kind, Name: f.Name,
			Source: pim.SourceFile, Version: row.Version}
		event := saved(pim.EvResourceSaved, id, map[string]any{"key": f.ID, "kind": f.Kind, "parent": want.ParentID, "target": want.TargetID}).WithText("name", f.Name)
		event.ResourceID = id
		var d diff
		d.text("kind", row.Kind, want.Kind)
		d.text("name", row.Name, want.Name)
		d.text("parent", p.label[row.ParentID], p.label[want.ParentID])
		d.text("target", p.label[row.TargetID], p.label[want.TargetID])
		d.said(p.adopted[id], "now owned by the file (made in the portal)")
		switch {
		case !known:
			p.step(stageResources, "+", f.Pos, emit(event, func(a *applying) error { return a.tx.InsertResource(want) }), "resource/%s (%s) %q%s", f.ID, f.Kind, f.Name, below(f))
		case len(d) > 0:
			p.step(stageResources, "~", f.Pos, emit(event, func(a *applying) error {
				a.redefined = true
				if row.ParentID != want.ParentID {
					return a.moveLoudly(row, want)
				}
				return a.tx.UpdateResource(want)
			}), "resource/%s: %s", f.ID, d)
		}
	}
	for _, row := range p.resources {
		if p.adopted[row.ID] {
			continue
		}
		if !p.leaving[row.ID] {
			p.keep(row.Source, p.label[row.ID])
			continue
		}
		event := saved(pim.EvResourceRemoved, row.ID, map[string]any{"key": row.Key})
		event.ResourceID = row.ID
		p.step(stageGoing, "-", orgfile.Pos{}, emit(event, func(a *applying) error {
			a.redefined = true
			a.redefined = true
			return a.tx.RemoveResource(row.ID)
		}), "%s", p.label[row.ID])
	}
}

func below(f orgfile.Resource) string {
	if f.Parent == "" {
		return ""
	}
	return " below " + f.Parent
}

// parentsFirst orders the file's resources from the roots down.
func (p *planner) parentsFirst() []orgfile.Resource {
	byID := index(p.doc.Resources, func(r orgfile.Resource) string { return r.ID })
	depth := func(r orgfile.Resource) (n int) {
		for ok := true; ok && n <= orgfile.MaxTreeDepth; n++ {
			r, ok = byID[r.Parent]
		}
		return n
	}
	return slices.SortedStableFunc(slices.Values(p.doc.Resources), func(a, b orgfile.Resource) int { return cmp.Compare(depth(a), depth(b)) })
}

func (p *planner) planRoles() {
	have := index(p.roles, func(d pim.RoleDefinition) string { return d.ID })
	for _, f := range p.doc.Roles {
		if f.Builtin {
			continue
		}
		id := p.id["role/"+f.ID]
		row, known := have[id]
		want := pim.RoleDefinition{ID: id, Key: f.ID, Name: f.Name, Description: f.Description, Privileged: f.Privileged, Source: pim.SourceFile, Version: row.Version}
		event := saved(pim.EvRoleSaved, id, map[string]any{"key": f.ID, "privileged": f.Privileged}).WithText("name", f.Name).WithText("description", f.Description)
		event.RoleID = id
		var d diff
		d.text("name", row.Name, want.Name)
		d.text("description", row.Description, want.Description)
		d.said(row.Privileged != want.Privileged, "privileged %v → %v", row.Privileged, want.Privileged)
		d.said(p.adopted[id], "now owned by the file (made in the portal)")
		switch {
		case !known:
			p.step(stageRoles, "+", f.Pos, emit(event, func(a *applying) error { return a.tx.InsertRole(want) }), "role/%s %q%s", f.ID, f.Name, privileged(f.Privileged))
		case len(d) > 0:
			p.step(stageRoles, "~", f.Pos, emit(event, func(a *applying) error {
				if row.Privileged && !want.Privileged {
					return errors.Join(a.tx.UpdateRole(want), a.unprivileged(want))
				}
				return a.tx.UpdateRole(want)
			}), "role/%s: %s", f.ID, d)
		}
	}
	for _, row := range p.roles {
		if p.adopted[row.ID] {
			continue
		}
		if !p.leaving[row.ID] {
			p.keep(row.Source, p.label[row.ID])
			continue
		}
		event := saved(pim.EvRoleRemoved, row.ID, map[string]any{"key": row.Key})
		event.RoleID = row.ID
		p.step(stageGoing, "-", orgfile.Pos{}, emit(event, func(a *applying) error { return a.tx.RemoveRole(row.ID) }), "%s", p.label[row.ID])
	}
}

func privileged(yes bool) string {
	if yes {
		return ", privileged"
	}
	return ""
}

// planMeanings: running activations keep what they hold until their end; new ones, and active assignments at
// once, follow the new meaning.
func (p *planner) planMeanings() {
	roles := index(p.roles, func(d pim.RoleDefinition) string { return d.ID })
	type key = pim.Meaning // without the target's id
	have, want := map[key]bool{}, map[key]bool{}
	for _, m := range p.meanings {
		m.EntitlementID = ""
		have[m] = true
	}
	event := func(t pim.EventType, k key) pim.Event {
		e := relating(saved(t, k.RoleID, map[string]any{}), k.Relation).WithText("name", k.Name)
		e.RoleID, e.ResourceID = k.RoleID, k.ResourceID
		return e
	}
	for _, f := range p.doc.Roles {
		for _, m := range f.Means {
			k := key{RoleID: p.id["role/"+f.ID], ResourceID: p.id["resource/"+m.Resource], Name: m.Entitlement, Relation: m.Relation}
			if want[k] = true; have[k] {
				continue
			}
			p.step(stageMeanings, "+", m.Pos, emit(event(pim.EvMeaningSaved, k), func(a *applying) error {
				a.redefined = true
				return a.tx.SaveMeaning(k)
			}), "meaning of role/%s at resource/%s: %q", f.ID, m.Resource, k.Called())
		}
	}
	for _, m := range p.meanings {
		k := m
		k.EntitlementID = ""
		if want[k] || roles[m.RoleID].Source != pim.SourceFile && !p.adopted[m.RoleID] {
			continue
		}
		e := event(pim.EvMeaningRemoved, k).With("entitlement", m.EntitlementID)
		p.step(stageMeaningsOff, "-", orgfile.Pos{}, emit(e, func(a *applying) error {
			a.redefined = true
			return a.tx.RemoveMeaning(m)
		}), "meaning of %s at %s: %q", p.label[m.RoleID], p.label[m.ResourceID], m.Called())
	}
}

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

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
