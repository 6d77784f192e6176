package broker

import (
	"errors"
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// movedRules are the changes a move makes to the rules of roles that mean something at a node or below it (T21, T23).
func movedRules(r *store.Reader, node pim.Resource, from, to pim.Path) (out []weighedSettings, err error) {
	above, err := r.SettingsAmong(slices.Concat(from.Ancestors(to), to.Ancestors(from)))
	if err != nil || len(above) == 0 {
		return nil, err
	}
	s, err := standsAt(r, node.ID)
	if err != nil {
		return nil, err
	}
	var roles []string
	for _, row := range above {
		if slices.Contains(s.roles, row.RoleID) && !slices.Contains(roles, row.RoleID) {
			roles = append(roles, row.RoleID)
		}
	}
	for _, id := range roles {
		c, err := movedRule(r, id, node, from, to)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(c.places, func(p settingsPlace) bool { return len(p.is.Differs(p.was.Settings)) > 0 }) {
			out = append(out, c)
		}
	}
	return out, nil
}

// movedRule weighs the rules of a role as they would be with a node elsewhere: of the node, and of each below with a row.
func movedRule(r *store.Reader, roleID string, node pim.Resource, from, to pim.Path) (c weighedSettings, err error) {
	c.row = pim.RoleSettings{RoleID: roleID, ResourceID: node.ID}
	c.path = append(slices.Clone(to), node)
	if c.role, err = r.Role(roleID); err != nil {
		return c, err
	}
	if c.rows, err = r.Settings(roleID); err != nil {
		return c, err
	}
	place := func(below pim.Path) {
		was, is := slices.Concat(from, below), slices.Concat(to, below)
		c.places = append(c.places, settingsPlace{is, pim.ResolveSettings(c.role, was, c.rows), pim.ResolveSettings(c.role, is, c.rows)})
	}
	place(pim.Path{node})
	var ids []string
	for _, row := range c.rows {
		if row.ResourceID != "" && row.ResourceID != node.ID {
			ids = append(ids, row.ResourceID)
		}
	}
	if len(ids) == 0 {
		return c, nil
	}
	paths, err := r.Paths(ids)
	for _, id := range ids {
		if p := paths[id]; len(p) > len(from) && p[len(from)].ID == node.ID {
			place(p[len(from):])
		}
	}
	return c, err
}

// judgeRules refuses a move that leaves nobody to approve (EC-15, K-28), or by which an owner loosens rules that are not
// theirs to set (K-33); it says what changes.
func (m *relocation) judgeRules(r *store.Reader, who pim.Principal, from pim.Path) error {
	powers, err := Powers(r, who.ID)
	if err != nil {
		return err
	}
	lists, err := handOuts(r)
	if err != nil {
		return err
	}
	for _, c := range m.rules {
		if len(c.loosenedFields()) > 0 && !powers.HandsOut(c.role, append(slices.Clone(from), m.node), lists) {
			return pim.Refuse(pim.KindForbidden, "There the settings of %s are less strict, and here you do not set them. Ask a Privileged Role Administrator to move it.", c.role.Name)
		}
		warnings, err := c.approvableAt(r)
		if err != nil {
			return err
		}
		says, err := c.says(r)
		if err != nil {
			return err
		}
		m.says = append(append(m.says, says...), warnings...)
	}
	if !m.looser() {
		return nil
	}
	said, err := saysLoosened(r, who)
	m.says = append(m.says, said)
	return err
}

// approvableAt looks at each place whose approval or approvers the move changes.
func (c weighedSettings) approvableAt(r *store.Reader) (warnings []string, err error) {
	for _, p := range c.places {
		if !p.is.Approval || p.was.Approval && !slices.Contains(p.is.Differs(p.was.Settings), pim.FieldApprovers) {
			continue
		}
		said, err := c.approvable(r, p)
		var refusal *pim.Refusal
		if errors.As(err, &refusal) {
			return nil, pim.Refuse(pim.KindConflict, "There, for %s: %s", c.name(), refusal.Message)
		}
		if err != nil {
			return nil, err
		}
		warnings = append(warnings, said...)
	}
	return warnings, nil
}
