package broker

import (
	"cmp"
	"slices"

	"stint/internal/orgfile"
	"stint/internal/pim"
)

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
