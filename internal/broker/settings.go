package broker

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionSaveSettings] = func() operation { return &SettingsChange{} }
}

// SettingsChange is the whole row of a role at a node as it is to be. A row that sets nothing takes it away.
type SettingsChange struct {
	Row      pim.RoleSettings `json:"row"`                // Version: of the row it was made from, 0 where there was none
	Confirm  bool             `json:"confirm"`            // the warnings were read
	Restored int64            `json:"restored,omitempty"` // the version it brings back
}

// SaveSettings saves the settings of a role at a node, or asks for the touch that a privileged role's need. What locks
// everybody out is refused; what is risky is refused with field "confirm" and the warnings as verdicts, until Confirm.
func (b *Broker) SaveSettings(ctx context.Context, actor Actor, change SettingsChange) (Outcome, error) {
	preview, err := b.PreviewSettings(ctx, actor, change)
	if err != nil {
		return Outcome{}, b.settingsRefused(ctx, actor, change, err)
	}
	if len(preview.Warnings) > 0 && !change.Confirm {
		return Outcome{}, unconfirmed(preview.Warnings)
	}
	return b.operate(ctx, actor, settingsLink(change.Row), &change)
}

func unconfirmed(warnings []string) *pim.Refusal {
	refusal := pim.Invalid("confirm", "%s", strings.Join(warnings, " ")+" Confirm that you want this.")
	for _, w := range warnings {
		refusal.Verdicts = append(refusal.Verdicts, pim.Verdict{State: pim.Note, Message: w})
	}
	return refusal
}

// settingsRefused leaves an event for a change that would have locked somebody out; a slip in the form leaves none.
func (b *Broker) settingsRefused(ctx context.Context, actor Actor, change SettingsChange, cause error) error {
	var refusal *pim.Refusal
	if !errors.As(cause, &refusal) || refusal.Kind != pim.KindConflict || refusal.Field == "" {
		return cause
	}
	return do(ctx, b, func(tx *store.Tx) error {
		tx.Emit(pim.Event{Type: pim.EvSettingsRefused, Actor: actor.PrincipalID, RoleID: change.Row.RoleID, ResourceID: change.Row.ResourceID,
			ObjectID: change.Row.RoleID, Result: pim.Refused, Facts: map[string]any{"field": refusal.Field}})
		return cause
	})
}

// settingsLink is the page of a role's settings at a node.
func settingsLink(row pim.RoleSettings) string {
	link := "/roles/" + row.RoleID + "/settings"
	if row.ResourceID != "" {
		link += "?resource=" + url.QueryEscape(row.ResourceID)
	}
	return link
}

// setsRules refuses whoever may not change a role's rules at a node; those of everywhere are Stint's as a whole.
func setsRules(r *store.Reader, who pim.Principal, roleID, resourceID string) error {
	if resourceID == "" {
		return administers(r, who, "")
	}
	if _, err := r.Role(roleID); err != nil {
		return found(err)
	}
	return handsOut(r, who, roleID, resourceID)
}

// decide refuses whatever this change may not be; the row it returns is owned as it is to be.
func (c *SettingsChange) decide(r *store.Reader, who pim.Principal) (w weighedSettings, err error) {
	if err := setsRules(r, who, c.Row.RoleID, c.Row.ResourceID); err != nil {
		return w, err
	}
	row := c.Row
	row.ChangedBy = who.ID
	if w, err = weighSettings(r, row); err != nil {
		return w, err
	}
	if version := versionOf(w.was); version != c.Row.Version {
		return w, pim.Refuse(pim.KindConflict, "Somebody else changed these settings meanwhile. Look at them again.")
	}
	if w.row.Source = pim.SourceBrowser; w.was != nil && w.was.Source == pim.SourceFile {
		w.row.Source = pim.SourceFile // what a file owns stays its own: the next apply says what it overwrites
	}
	return w, w.check(r)
}

func versionOf(row *pim.RoleSettings) int64 {
	if row == nil {
		return 0
	}
	return row.Version
}

func (c *SettingsChange) prepare(b *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	w, err := c.decide(tx.Reader, who)
	if err != nil {
		return prepared{}, err
	}
	if _, err := w.lockedOut(tx.Reader); err != nil {
		return prepared{}, err
	}
	says, err := w.says(tx.Reader)
	item := pim.StepUpItem{Action: pim.ActionSaveSettings, Object: w.role.ID, Version: c.Row.Version, RoleID: w.role.ID, ResourceID: c.Row.ResourceID}
	return prepared{item: item, touch: w.role.Privileged || w.own(), admins: w.role.ID == pim.RoleAdministrator, says: says}, err
}

func (c *SettingsChange) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	w, err := c.decide(tx.Reader, who)
	if err != nil {
		return Outcome{}, err
	}
	if err := saveRow(tx, w, c.Restored, evidence); err != nil {
		return Outcome{}, moved(err)
	}
	return Outcome{Done: "Settings saved.", Back: settingsLink(c.Row)}, loosened(tx, w, who, evidence)
}

// saveRow writes the row with its event. One that sets nothing goes, but where a file owns it, so that the next plan
// says who emptied it, and where it is Stint's own, which falls back to what it came with.
func saveRow(tx *store.Tx, w weighedSettings, restored int64, evidence string) error {
	row := w.row
	empty := len(row.Sets()) == 0
	own := slices.IndexFunc(builtinRoles, func(d pim.RoleDefinition) bool { return d.ID == row.RoleID && row.ResourceID == "" })
	if empty && own >= 0 && row.Source != pim.SourceFile {
		by := row.ChangedBy
		row, empty = builtinSettings(builtinRoles[own]), false
		row.ChangedBy = by
	}
	if empty && w.was == nil {
		return nil
	}
	if empty && row.Source != pim.SourceFile {
		e := pim.Event{Type: pim.EvSettingsRemoved, Actor: row.ChangedBy, RoleID: row.RoleID, ResourceID: row.ResourceID, ObjectID: row.RoleID, Result: pim.OK}
		tx.Emit(withEvidence(e, evidence))
		return tx.RemoveSettings(row.RoleID, row.ResourceID, row.ChangedBy)
	}
	e := settingsEvent(row)
	if restored > 0 {
		e = e.With("restored", restored)
	}
	tx.Emit(withEvidence(e, evidence))
	return tx.SaveSettings(row)
}

func withEvidence(e pim.Event, evidence string) pim.Event {
	if evidence == "" {
		return e
	}
	return e.With("evidence", evidence)
}

// settingsEvent is a row that was saved, with the file's names and words.
func settingsEvent(row pim.RoleSettings) pim.Event {
	facts := map[string]any{}
	for _, w := range settingsWords(row, func(id string) string { return id }) {
		facts[w[0]] = w[1]
	}
	e := saved(pim.EvSettingsSaved, row.RoleID, facts).With("source", string(row.Source))
	e.Actor, e.RoleID, e.ResourceID = row.ChangedBy, row.RoleID, row.ResourceID
	return e
}

// says restates the change at the touch, field by field.
func (c weighedSettings) says(r *store.Reader) ([]string, error) {
	changes, err := c.changes(r)
	out := []string{"The settings of " + c.name() + " change:"}
	for _, ch := range changes {
		line := ch.Title + ": " + ch.Was + " → " + ch.Is
		if ch.Looser {
			line += " (less strict)"
		}
		out = append(out, line)
	}
	if len(changes) == 0 {
		out = []string{"The settings of " + c.name() + " are saved; what holds there stays the same."}
	}
	return out, err
}
