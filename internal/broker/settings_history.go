package broker

import (
	"context"
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// SettingsPage is how many versions one page of the history holds.
const SettingsPage = 20

// SettingsHistory is a page of the versions of a row, the newest first.
type SettingsHistory struct {
	Role     pim.RoleDefinition
	Path     pim.Path
	Versions []SettingsVersion
	Next     int64 // of the next page; 0: there is none
	Current  int64 // the version that holds; 0: nothing is set
	MayEdit  bool
}

// SettingsVersion is one version with what it changed.
type SettingsVersion struct {
	store.SettingsVersion
	By      string                // name
	Changes []SettingsFieldChange // against the version before: "inherited" where nothing is set
}

// SettingsHistory lists the versions of a role's row at a node, from the one before a version on; 0 for the newest.
func (b *Broker) SettingsHistory(ctx context.Context, actor Actor, roleID, resourceID string, before int64) (SettingsHistory, error) {
	return store.Read(ctx, b.store, func(r *store.Reader) (h SettingsHistory, err error) {
		who, err := person(r, actor)
		if err != nil {
			return h, err
		}
		if h.MayEdit, err = readsSettings(r, who, roleID, resourceID); err != nil {
			return h, err
		}
		w, err := weighSettings(r, pim.RoleSettings{RoleID: roleID, ResourceID: resourceID})
		if err != nil {
			return h, err
		}
		h.Role, h.Path, h.Current = w.role, w.path, versionOf(w.was)
		return h, h.load(r, roleID, resourceID, before)
	})
}

func (h *SettingsHistory) load(r *store.Reader, roleID, resourceID string, before int64) error {
	rows, err := r.SettingsHistory(roleID, resourceID, before, SettingsPage+1)
	if err != nil {
		return err
	}
	var people []string
	for _, v := range rows {
		people = append(append(people, v.ChangedBy), v.Approvers...)
	}
	names, err := r.Names(people)
	if err != nil {
		return err
	}
	names[pim.System], names[""] = "Stint", ""
	for i, v := range rows[:min(len(rows), SettingsPage)] {
		var was pim.RoleSettings
		if i+1 < len(rows) {
			was = rows[i+1].RoleSettings
		}
		h.Versions = append(h.Versions, SettingsVersion{v, names[v.ChangedBy], rowChanges(names, was, v.RoleSettings)})
	}
	if len(rows) > SettingsPage {
		h.Next = rows[SettingsPage-1].Version
	}
	return nil
}

// rowChanges are the fields that two versions of a row set differently.
func rowChanges(names map[string]string, was, is pim.RoleSettings) (out []SettingsFieldChange) {
	words := func(row pim.RoleSettings, f pim.Field) string {
		switch said := row.Words(f); {
		case said == "":
			return "inherited"
		case f == pim.FieldApprovers:
			return approverNames(names, row.Approvers)
		default:
			return said
		}
	}
	for _, f := range pim.Fields() {
		before, now := words(was, f), words(is, f)
		if before != now || f == pim.FieldApprovers && !slices.Equal(was.Approvers, is.Approvers) {
			out = append(out, SettingsFieldChange{Field: f, Title: f.Title(), Was: before, Is: now})
		}
	}
	return append(out, enforcing(&was, &is)...)
}

// SettingsRestore is the change that brings an old version back: for a preview, or to be saved with the same checks.
// current is the version that was looked at.
func (b *Broker) SettingsRestore(ctx context.Context, actor Actor, roleID, resourceID string, version, current int64) (SettingsChange, error) {
	return store.Read(ctx, b.store, func(r *store.Reader) (c SettingsChange, err error) {
		who, err := person(r, actor)
		if err != nil {
			return c, err
		}
		if err := setsRules(r, who, roleID, resourceID); err != nil {
			return c, err
		}
		v, err := r.SettingsVersion(roleID, resourceID, version)
		if err != nil {
			return c, found(err)
		}
		c.Row, c.Restored = v.RoleSettings, version
		c.Row.Version = current
		return c, nil
	})
}

// RestoreSettings brings an old version of a row back, with the checks of SaveSettings.
func (b *Broker) RestoreSettings(ctx context.Context, actor Actor, roleID, resourceID string, version, current int64, confirm bool) (Outcome, error) {
	change, err := b.SettingsRestore(ctx, actor, roleID, resourceID, version, current)
	if err != nil {
		return Outcome{}, err
	}
	change.Confirm = confirm
	return b.SaveSettings(ctx, actor, change)
}
