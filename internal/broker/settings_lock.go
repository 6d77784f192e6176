package broker

import (
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// lockedUntil is when a person may activate a role at a node again whose settings they loosened; zero when they may.
// The person counts, not the account (THREATS T21).
func lockedUntil(r *store.Reader, role pim.RoleDefinition, path pim.Path, principalID string) (until time.Time, err error) {
	locks, err := r.SettingsLocks(role.ID)
	if err != nil || len(locks) == 0 {
		return until, err
	}
	same, err := samePeople(r, principalID)
	for _, l := range locks {
		if same[l.PrincipalID] && (l.ResourceID == "" || path.Contains(l.ResourceID)) && l.Until.After(until) {
			until = l.Until
		}
	}
	return until, err
}

// refuseLocked refuses to let begin what somebody asked for and then loosened the settings of.
func refuseLocked(r *store.Reader, role pim.RoleDefinition, a pim.Activation) error {
	path, err := r.Path(a.ResourceID)
	if err != nil {
		return found(err)
	}
	until, err := lockedUntil(r, role, path, a.PrincipalID)
	if err == nil && r.Now.Before(until) {
		return pim.Refuse(pim.KindForbidden, "The requester made the settings of %s less strict, so they cannot activate it before %s.", role.Name, pim.FormatInstant(until))
	}
	return err
}

// anotherAble reports whether somebody else is able to administer, whom no lock keeps from it.
func anotherAble(r *store.Reader, who pim.Principal) (bool, error) {
	helped, err := anotherCanHelp(r, who)
	if err != nil || !helped {
		return false, err
	}
	locks, err := r.SettingsLocks(pim.RoleAdministrator)
	if err != nil || len(locks) == 0 {
		return helped, err
	}
	able, err := ableAdministrators(r)
	if err != nil {
		return false, err
	}
	out := []string{who.ID}
	for _, l := range locks {
		out = append(out, l.PrincipalID)
	}
	same, err := samePeople(r, out...)
	for id := range able {
		if !same[id] {
			return true, err
		}
	}
	return false, err
}

// loosened records that the settings of a privileged role became less strict, tells the administrators, and locks
// whoever did it out of the role, where another is able to administer. The file locks nobody.
func loosened(tx *store.Tx, c weighedSettings, who pim.Principal, evidence string) error {
	fields := c.loosenedFields()
	if len(fields) == 0 || !c.role.Privileged {
		return nil
	}
	e := pim.Event{Type: pim.EvSettingsLoosened, Actor: who.ID, RoleID: c.role.ID, ResourceID: c.row.ResourceID, ObjectID: c.role.ID, Result: pim.OK,
		Facts: map[string]any{"fields": fieldNames(fields)}}
	if evidence != "" {
		e = e.With("evidence", evidence)
	}
	if who.ID != pim.System {
		var err error
		if e, err = lockOutEditor(tx, e, who); err != nil {
			return err
		}
	}
	tx.Emit(e)
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	return notify(tx, who.Name+" made the settings of "+c.name()+" less strict: "+titles(fields)+".", settingsLink(c.row), others(people, who.ID)...)
}

// lockOutEditor keeps whoever loosened what an event names out of its role there, where another is able to administer.
func lockOutEditor(tx *store.Tx, e pim.Event, who pim.Principal) (pim.Event, error) {
	locks, err := anotherAble(tx.Reader, who)
	if err != nil || !locks {
		return e.With("locked", false), err
	}
	until := tx.Now.Add(pim.SettingsLock)
	err = tx.LockSettings(store.SettingsLock{RoleID: e.RoleID, ResourceID: e.ResourceID, PrincipalID: who.ID, Until: until})
	return e.With("locked", true).With("locked_until", until.UnixMicro()), err
}

func others(people []string, but string) (out []string) {
	for _, id := range people {
		if id != but {
			out = append(out, id)
		}
	}
	return out
}

func fieldNames(fields []pim.Field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = string(f)
	}
	return out
}

func titles(fields []pim.Field) string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Title()
	}
	return strings.Join(out, ", ")
}
