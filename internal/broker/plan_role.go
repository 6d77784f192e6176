package broker

import (
	"errors"

	"stint/internal/orgfile"
	"stint/internal/pim"
)

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
