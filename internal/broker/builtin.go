package broker

import (
	"context"
	"errors"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// EnsureBuiltin makes Stint's own target, resource and roles exist, also those that a newer Stint has more; it
// changes nothing when they do.
func (b *Broker) EnsureBuiltin(ctx context.Context) error {
	return do(ctx, b, func(tx *store.Tx) error {
		if err := ensureStint(tx); err != nil {
			return err
		}
		for _, r := range builtinRoles {
			_, err := tx.Role(r.ID)
			if errors.Is(err, store.ErrNotFound) {
				err = addBuiltinRole(tx, r)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func ensureStint(tx *store.Tx) error {
	if _, err := tx.Target(pim.StintTarget); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	t := store.TargetRow{Target: pim.Target{ID: pim.StintTarget, Key: pim.StintTarget, Kind: "stint", Name: "Stint", Source: pim.SourceBuiltin}}
	if err := tx.InsertTarget(t); err != nil {
		return err
	}
	tx.Emit(pim.Event{Type: pim.EvTargetSaved, Actor: pim.System, TargetID: t.ID, ObjectID: t.ID, Result: pim.OK})
	res := pim.Resource{ID: pim.StintResource, Key: pim.StintResource, TargetID: pim.StintTarget, Kind: "stint", Name: "Stint", Source: pim.SourceBuiltin}
	if err := tx.InsertResource(res); err != nil {
		return err
	}
	tx.Emit(pim.Event{Type: pim.EvResourceSaved, Actor: pim.System, ResourceID: res.ID, ObjectID: res.ID, Result: pim.OK})
	return nil
}

// The keys of later ones begin with stint-: a file may call a role of its own by the plain words.
var builtinRoles = []pim.RoleDefinition{
	{ID: pim.RoleAdministrator, Key: "privileged-role-administrator", Name: "Privileged Role Administrator", Privileged: true, Source: pim.SourceBuiltin,
		Description: "Administers Stint: people, accounts, targets; ends anybody's activation."},
	{ID: pim.RoleAuditor, Key: "auditor", Name: "Auditor", Source: pim.SourceBuiltin,
		Description: "Reads the whole audit log."},
	{ID: pim.RoleOwner, Key: "stint-resource-administrator", Name: "Resource Administrator", Privileged: true, Source: pim.SourceBuiltin,
		Description: "Owns a resource and everything below: assignments, settings and requests there. Hands out only the roles its owners may."},
	{ID: pim.RoleReader, Key: "stint-security-reader", Name: "Security Reader", Source: pim.SourceBuiltin,
		Description: "Reads everything that is managed and watched here, and changes nothing."},
}

func addBuiltinRole(tx *store.Tx, r pim.RoleDefinition) error {
	if err := tx.InsertRole(r); err != nil {
		return err
	}
	tx.Emit(pim.Event{Type: pim.EvRoleSaved, Actor: pim.System, RoleID: r.ID, ObjectID: r.ID, Result: pim.OK})
	s := builtinSettings(r)
	tx.Emit(pim.Event{Type: pim.EvSettingsSaved, Actor: pim.System, RoleID: r.ID, ObjectID: r.ID, Result: pim.OK})
	return tx.SaveSettings(s)
}

// builtinSettings are what Stint's own roles come with.
func builtinSettings(r pim.RoleDefinition) pim.RoleSettings {
	longest, usual := 8*time.Hour, 2*time.Hour
	return pim.RoleSettings{RoleID: r.ID, MaxDuration: &longest, DefaultDuration: &usual, Source: pim.SourceBuiltin, ChangedBy: pim.System}
}
