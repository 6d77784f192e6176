package broker

import (
	"fmt"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
)

// retireRole removes a role definition with what it means and what was set for it.
type retireRole struct {
	RoleID  string
	Version int64
}

func (op *retireRole) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	if err := administers(tx.Reader, who, ""); err != nil {
		return prepared{}, err
	}
	d, err := ownRole(tx.Reader, op.RoleID, op.Version)
	if err != nil {
		return prepared{}, err
	}
	if err := refuseUsed(tx.Reader, d); err != nil {
		return prepared{}, err
	}
	return prepared{item: pim.StepUpItem{Action: pim.ActionRetireRole, Object: d.ID, Version: d.Version}, touch: d.Privileged, lessen: true,
		says: []string{fmt.Sprintf("The role “%s” is retired, with what was set for it. Its history stays.", d.Name)}}, nil
}

// refuseUsed keeps a role while somebody is assigned it or something holds or waits: what would become of them is for
// an administrator to say, one by one.
func refuseUsed(r *store.Reader, d pim.RoleDefinition) error {
	use, err := RoleInUse(r, d)
	if err == nil && use != "" {
		err = pim.Refuse(pim.KindConflict, "%s Remove those first, or let them end; then the role can be retired.", use)
	}
	return err
}

// RoleInUse says what stands in the way of retiring a role, or "".
func RoleInUse(r *store.Reader, d pim.RoleDefinition) (string, error) {
	uses, err := r.RoleUses([]string{d.ID}, 1000)
	if err != nil {
		return "", err
	}
	var parts []string
	for _, n := range []struct {
		count     int64
		one, many string
	}{{uses[d.ID].Eligible, "eligible assignment", "eligible assignments"}, {uses[d.ID].Assigned, "active assignment", "active assignments"},
		{uses[d.ID].Open, "open activation", "open activations"}} {
		switch {
		case n.count == 1:
			parts = append(parts, "1 "+n.one)
		case n.count > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n.count, n.many))
		}
	}
	if len(parts) == 0 {
		return "", nil
	}
	return fmt.Sprintf("“%s” is in use: %s.", d.Name, strings.Join(parts, ", ")), nil
}

func (op *retireRole) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	d, err := tx.Role(op.RoleID)
	if err != nil {
		return Outcome{}, found(err)
	}
	meanings, err := tx.MeaningsOfRoles(d.ID)
	if err != nil {
		return Outcome{}, err
	}
	for _, m := range meanings {
		e := roleEvent(pim.EvMeaningRemoved, who.ID, d, evidence).With("entitlement", m.EntitlementID).WithText("name", m.Name)
		e.ResourceID = m.ResourceID
		tx.Emit(e)
		if err := tx.RemoveMeaning(m); err != nil {
			return Outcome{}, moved(err)
		}
	}
	rules, err := tx.Settings(d.ID)
	if err != nil {
		return Outcome{}, err
	}
	for _, s := range rules {
		e := roleEvent(pim.EvSettingsRemoved, who.ID, d, evidence)
		e.ResourceID = s.ResourceID
		tx.Emit(e)
		if err := tx.RemoveSettings(d.ID, s.ResourceID, who.ID); err != nil {
			return Outcome{}, moved(err)
		}
	}
	tx.Emit(roleEvent(pim.EvRoleRemoved, who.ID, d, evidence).WithText("name", d.Name))
	return Outcome{Back: "/roles", Done: "Role retired."}, moved(tx.RemoveRole(d.ID))
}
