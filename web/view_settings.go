package web

import (
	"net/http"
	"slices"
	"strings"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// settingsHelp says what a field is for.
var settingsHelp = map[pim.Field]string{
	pim.FieldMaxDuration: "1 min to 24 h", pim.FieldDefaultDuration: "What the form opens with", pim.FieldStepUp: "Asked each time, bound to the request",
	pim.FieldJustification: "Why, in words that approvers and auditors read", pim.FieldTicket: "The number of a change or an incident",
	pim.FieldContext:  "Names the provider knows (acr values), with spaces between them: it must answer one of them. Empty: no sign-in again",
	pim.FieldApproval: "Nobody approves for themselves", pim.FieldApprovers: "One of them decides; people and groups",
	pim.FieldApprovalTimeout: "5 min to 7 days, then the request times out", pim.FieldMaxLead: "How far ahead a start may be planned; 0 min: not at all",
	pim.FieldMaxTotal: "One activation with all its extensions", pim.FieldExtensionApproval: "Of what runs already",
	pim.FieldPermanentEligible: "Eligible until somebody takes it away", pim.FieldEligibleMax: "Longest, and what the form opens with",
	pim.FieldPermanentActive: "Standing access, always on", pim.FieldActiveMax: "Longest for a direct active assignment",
	pim.FieldAssignStepUp: "Asked of the administrator who assigns", pim.FieldAssignJustification: "Why somebody holds it without activating",
}

var requiredOptions = []views.Option{{Value: "yes", Label: "Required"}, {Value: "no", Label: "Not required"}}
var allowedOptions = []views.Option{{Value: "yes", Label: "Allowed"}, {Value: "no", Label: "Not allowed"}}

// settingsChoices are the answers of the fields that are chosen from a few.
func settingsChoices(f pim.Field, role pim.RoleDefinition, attested bool) []views.Option {
	switch f {
	case pim.FieldStepUp:
		levels := []views.Option{{Value: string(pim.StepUpPasskey), Label: "Passkey"}}
		if attested {
			levels = append(levels, views.Option{Value: string(pim.StepUpAttested), Label: "Attested device"})
		}
		if !role.Privileged {
			levels = append(levels, views.Option{Value: string(pim.StepUpNone), Label: "Nothing"})
		}
		return levels
	case pim.FieldExtensionApproval:
		return []views.Option{{Value: string(pim.ExtensionAsActivation), Label: "As for the activation"}, {Value: string(pim.ExtensionFree), Label: "None"}}
	case pim.FieldPermanentEligible, pim.FieldPermanentActive:
		return allowedOptions
	}
	if flags[f] != nil {
		return requiredOptions
	}
	return nil
}

func (s *Server) settingsView(q *request, view broker.SettingsView, f settingsForm) (views.SettingsView, error) {
	return read(s, q, func(r *store.Reader) (v views.SettingsView, err error) {
		v = views.SettingsView{Resource: f.resource, Scope: view.Path.Names(), Tab: f.tab, Version: f.version, CanEdit: view.MayEdit}
		if v.Role, err = roleHeadIn(r, q, view.Role.ID); err != nil {
			return v, err
		}
		if own := view.Explained.Own; own != nil {
			v.FromFile, v.Changed = own.Source == pim.SourceFile, changedWords(*own, view.ChangedBy)
		}
		if !view.LockedUntil.IsZero() {
			at := views.TimeView{Reader: q.reader(), At: view.LockedUntil, Style: views.Full}
			v.Locked = "You made these settings less strict, so you cannot activate this role yourself before " + at.Format() + "."
		}
		if v.Rows, err = settingRows(r, view, f); err != nil {
			return v, err
		}
		s.suggestContexts(v.Rows)
		v.Demands, v.Then = settingsWords(view, f.tab)
		v.Affected = affectedBy(r, q, view)
		return v, nil
	})
}

func changedWords(own pim.RoleSettings, by string) string {
	words := "Version " + views.Count(own.Version)
	if by != "" {
		words += ", by " + by
	}
	return words
}

func settingRows(r *store.Reader, view broker.SettingsView, f settingsForm) ([]views.SettingRow, error) {
	rows, err := r.Settings(view.Role.ID)
	if err != nil {
		return nil, err
	}
	place := view.Path.Leaf().ID
	above := pim.ExplainSettings(view.Role, view.Path, slices.DeleteFunc(slices.Clone(rows), func(s pim.RoleSettings) bool { return s.ResourceID == place }))
	names, err := r.Names(slices.Concat(view.Explained.Approvers, above.Approvers))
	if err != nil {
		return nil, err
	}
	var out []views.SettingRow
	for i, state := range view.Explained.Fields {
		if !slices.Contains(settingsTabs[f.tab], state.Field) {
			continue
		}
		row := settingRow(view, f, state, above.Fields[i])
		if state.Field == pim.FieldStepUp {
			if err := stepUpRow(r, view, &row); err != nil {
				return nil, err
			}
		}
		if state.Field == pim.FieldApprovers {
			row.Value, row.Search = namedWords(names, view.Explained.Approvers), f.who
			if row.Was != "" {
				row.Was = namedWords(names, above.Approvers) + ", " + sourceOf(view, above.Fields[i])
			}
			if row.People, err = approverChoices(r, f); err != nil {
				return nil, err
			}
		}
		out = append(out, row)
	}
	return out, nil
}

func settingRow(view broker.SettingsView, f settingsForm, state, above pim.FieldState) views.SettingRow {
	row := views.SettingRow{Field: string(state.Field), Title: state.Field.Title(), Help: settingsHelp[state.Field], Kind: "choice", Value: capital(state.Value),
		Own: f.own[state.Field], Enforce: f.enforce[state.Field], Ignored: state.Ignored, Input: f.value[state.Field], Options: settingsChoices(state.Field, view.Role, false),
		From: views.Link{Text: capital(sourceOf(view, above))}}
	switch {
	case lengths[state.Field] != nil:
		row.Kind = "length"
	case state.Field == pim.FieldContext:
		row.Kind = "text"
	case state.Field == pim.FieldApprovers:
		row.Kind = "people"
	}
	if state.Own {
		row.Was = above.Value + ", " + sourceOf(view, above)
	}
	if !above.Default && above.Source != view.Path.Leaf().ID {
		row.From.Href = settingsHref(view.Role.ID, above.Source)
	}
	if state.Enforced {
		row.Enforced = view.Nodes[state.EnforcedBy]
	}
	return row
}

// suggestContexts says which the provider told of, where it did.
func (s *Server) suggestContexts(rows []views.SettingRow) {
	if s.signIn == nil {
		return
	}
	for i := range rows {
		if known := s.signIn.Contexts(); rows[i].Field == string(pim.FieldContext) && len(known) > 0 {
			rows[i].Help += ". The provider offers " + strings.Join(known[:min(len(known), 6)], ", ")
		}
	}
}

// stepUpRow offers the levels that somebody could satisfy here, and says what the strongest takes.
func stepUpRow(r *store.Reader, view broker.SettingsView, row *views.SettingRow) error {
	rule, err := broker.KeyRule(r)
	if view.Role.Privileged {
		row.Help = "Always a passkey for a privileged role"
	}
	attested := rule.Possible() || row.Input == string(pim.StepUpAttested)
	row.Options = settingsChoices(pim.FieldStepUp, view.Role, attested)
	switch {
	case !rule.Possible():
		row.Help += ". One of an attested make cannot be asked for: no maker is trusted here yet (passkey_roots)"
	default:
		row.Help += ". Attested device: a passkey that cannot be copied, of a make trusted here"
	}
	return err
}

// sourceOf says where a field comes from, without the row of the place itself.
func sourceOf(view broker.SettingsView, state pim.FieldState) string {
	switch {
	case state.Default:
		return "Stint’s default"
	case state.Source == "":
		return "from everywhere"
	}
	return "from " + view.Nodes[state.Source]
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func namedWords(names map[string]string, ids []string) string {
	var out []string
	for _, id := range ids {
		if names[id] != "" {
			out = append(out, names[id])
		}
	}
	if len(out) == 0 {
		return "Nobody"
	}
	return strings.Join(out, ", ")
}

// approverChoices are those who are named, and who was searched for.
func approverChoices(r *store.Reader, f settingsForm) (out []views.SettingPerson, err error) {
	for _, id := range f.picks {
		p, err := r.Principal(id)
		if err == nil {
			out = append(out, choiceView(p, true))
		}
	}
	if f.who == "" {
		return out, nil
	}
	found, err := r.FindPrincipals(f.who, 10)
	for _, p := range found {
		if p.Kind != pim.Workload && !slices.Contains(f.picks, p.ID) {
			out = append(out, choiceView(p, false))
		}
	}
	return out, err
}

func choiceView(p pim.Principal, chosen bool) views.SettingPerson {
	detail := personView(p).Detail
	if p.Kind == pim.Group {
		detail = "group"
	}
	return views.SettingPerson{ID: p.ID, Name: p.Name, Detail: detail, Chosen: chosen}
}

// settingsWords says what the rules come to, for activating or for being assigned.
func settingsWords(view broker.SettingsView, tab string) (demands []views.Verdict, then string) {
	s := view.Explained.Settings
	say := func(icon, text string) { demands = append(demands, views.Verdict{Text: text, Detail: icon}) }
	if tab == "assignment" {
		say("key-round", "eligible for at most "+pim.FormatDays(s.EligibleMax)+orForEver(s.PermanentEligible))
		say("shield", "active without activation for at most "+pim.FormatDays(s.ActiveMax)+orForEver(s.PermanentActive))
		if s.AssignJustification {
			say("message-square-text", "a reason to make somebody active")
		}
		if s.AssignStepUp {
			say("fingerprint", "the administrator’s passkey to make somebody active")
		}
		if !s.PermanentEligible && !s.PermanentActive {
			then = "Every assignment of this role has an end."
		}
		return demands, then
	}
	for _, n := range needViews(s) {
		if n.Icon == "user-check" {
			n.Text = approvalWords(view)
		}
		say(n.Icon, n.Text)
	}
	if len(demands) == 0 {
		say("circle-check", "nothing more")
	}
	return demands, "The form suggests " + pim.FormatDuration(s.DefaultDuration) + ", and allows at most " + pim.FormatDuration(s.MaxDuration) + "."
}

func orForEver(yes bool) string {
	if yes {
		return ", or without an end"
	}
	return ""
}

func approvalWords(view broker.SettingsView) string {
	var names []string
	for _, p := range view.Approvers {
		names = append(names, p.Name)
	}
	switch {
	case view.Able == 0:
		return "approval, which nobody could give"
	case view.Able == 1:
		return "approval by 1 person: " + strings.Join(names, ", ")
	}
	return "approval by one of " + views.Count(int64(view.Able)) + ": " + strings.Join(names, ", ")
}

func affectedBy(r *store.Reader, q *request, view broker.SettingsView) views.Affected {
	a := views.Affected{People: int(view.People), Groups: int(view.Groups)}
	for _, b := range view.Below {
		a.Below = append(a.Below, views.RulesAt{Resource: b.Row.ResourceID, Scope: b.Path.Names(), Set: strings.Join(setFields(b.Row), ", ")})
	}
	return a
}

// checkView is the preview of a change; with unconfirmed warnings that were sent without their tick it is 422.
func (s *Server) checkView(q *request, p broker.SettingsPreview, change broker.SettingsChange, unconfirmed bool) (v views.SettingsCheckView, status int, err error) {
	v = views.SettingsCheckView{Resource: change.Row.ResourceID, Scope: p.Path.Names(), Changes: changeViews(p.Changes), Warnings: p.Warnings, Notes: p.Notes, Summary: p.Summary,
		Held: int(p.Held), Affected: views.Affected{People: int(p.People), Groups: int(p.Groups)}, Touch: p.Touch, Confirm: change.Confirm}
	status = http.StatusOK
	if unconfirmed && len(p.Warnings) > 0 && !change.Confirm {
		v.Error, status = "Tick this first: the change is risky.", http.StatusUnprocessableEntity
	}
	if v.Typed = typedForLooser(p); !unconfirmed {
		v.Typed.Value = clip(q.FormValue("typed"), 500)
	} else if !typedOut(q, &v.Typed) {
		status = http.StatusUnprocessableEntity
	}
	if v.Role, err = s.roleHeadOf(q, p.Role.ID); err != nil {
		return v, status, err
	}
	if v.Try = strings.TrimSpace(clip(storable(q.FormValue("try")), 200)); v.Try != "" {
		if v.Trial, v.TryHits, err = s.tryFor(q, p.Role.ID, change.Row.ResourceID, v.Try, &change); err != nil {
			return v, status, err
		}
	}
	v.Shell, err = s.shell(q)
	return v, status, err
}

// tryFor is the dry run for whom a name or an id means; several are listed to choose from.
func (s *Server) tryFor(q *request, roleID, resource, text string, change *broker.SettingsChange) (*views.Trial, []views.SettingPerson, error) {
	people, err := read(s, q, func(r *store.Reader) ([]pim.Principal, error) {
		if p, err := r.Principal(text); err == nil && p.Kind == pim.Person {
			return []pim.Principal{p}, nil
		}
		return r.People(store.PrincipalPage{Query: text, Limit: 10})
	})
	if err != nil || len(people) == 0 {
		return nil, nil, err
	}
	if len(people) > 1 {
		var hits []views.SettingPerson
		for _, p := range people {
			hits = append(hits, choiceView(p, false))
		}
		return nil, hits, nil
	}
	d, err := s.broker.DryRunSettings(q.ctx(), q.actor(), roleID, resource, people[0].ID, change)
	if err != nil {
		return nil, nil, err
	}
	t := &views.Trial{Person: personView(d.Person), Summary: d.Summary, Refused: d.Refused, Verdicts: verdictViews(d.Verdicts)}
	var names []string
	for _, p := range d.Approvers[:min(len(d.Approvers), 5)] {
		names = append(names, p.Name)
	}
	if t.Approver = strings.Join(names, ", "); len(d.Approvers) > 5 {
		t.Approver += " and others"
	}
	return t, nil, nil
}
