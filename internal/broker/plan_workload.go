package broker

import (
	"cmp"
	"errors"
	"strings"

	"stint/internal/orgfile"
	"stint/internal/pim"
)

func (p *planner) planWorkloads() {
	have := index(p.workloads, func(w pim.Principal) string { return w.ID })
	for _, f := range p.doc.Workloads {
		id := p.id["workload/"+f.ID]
		row, known := have[id]
		want := p.workload(f, row)
		if !known {
			if f.Owner == "" {
				p.errs.Add(f.Pos, "workloads["+f.ID+"].owner", "is missing; write person/ID or group/ID: who answers for it")
			}
			want.ID, want.Kind, want.Enabled = id, pim.Workload, f.Enabled == nil || *f.Enabled
			off := ""
			if !want.Enabled {
				off = ", disabled"
			}
			p.step(stagePrincipals, "+", f.Pos, emit(personEvent(pim.EvPrincipalSaved, want), func(a *applying) error { return a.tx.InsertPrincipal(want) }), "workload/%s %q%s", f.ID, f.Name, off)
			continue
		}
		p.changedWorkload(f, row, want)
		p.switchedWorkload(f, row)
	}
	for _, row := range p.workloads {
		if !p.leaving[row.ID] {
			p.keepUnlessAdopted(row)
			continue
		}
		event := pim.PersonEvent(pim.EvPrincipalRemoved, pim.System, row.ID, row.ID).With("kind", string(row.Kind)).With("source", string(pim.SourceFile)).With("key", row.Key)
		p.step(stagePeopleOff, "-", orgfile.Pos{}, emit(event, func(a *applying) error {
			if err := a.endAll(row.ID); err != nil {
				return err
			}
			return a.tx.RemovePrincipal(row.ID)
		}), "%s, with all it holds", p.label[row.ID])
	}
}

// workload is a row as the file wants it.
func (p *planner) workload(f orgfile.Workload, row pim.Principal) pim.Principal {
	row.Key, row.Name, row.About, row.Source = f.ID, f.Name, f.Description, pim.SourceFile
	if f.Owner != "" {
		row.OwnerID = p.id[f.Owner]
	}
	return row
}

func (p *planner) keepUnlessAdopted(row pim.Principal) {
	if !p.adopted[row.ID] {
		p.keep(row.Source, p.label[row.ID])
	}
}

func (p *planner) changedWorkload(f orgfile.Workload, row, want pim.Principal) {
	var d diff
	d.said(row.Source != pim.SourceFile, "now owned by the file (%s)", strings.TrimSuffix(why(row.Source), ", left alone"))
	d.text("name", row.Name, want.Name)
	d.text("description", row.About, want.About)
	d.said(row.OwnerID != want.OwnerID, "owner %s", cmp.Or(p.label[want.OwnerID], f.Owner))
	if len(d) == 0 {
		return
	}
	p.step(stagePrincipals, "~", f.Pos, emit(personEvent(pim.EvPrincipalSaved, want), func(a *applying) error {
		return a.updatePrincipal(row.ID, func(w *pim.Principal) { *w = p.workload(f, *w) })
	}), "workload/%s: %s", f.ID, d)
}

func (p *planner) switchedWorkload(f orgfile.Workload, row pim.Principal) {
	event := func(t pim.EventType) pim.Event {
		return pim.PersonEvent(t, pim.System, row.ID, row.ID).With("kind", string(row.Kind)).With("source", string(pim.SourceFile))
	}
	switch {
	case f.Enabled == nil && !row.Enabled:
		p.leave("disabled, and stays so until somebody enables it", "workload/%s", f.ID)
	case f.Enabled == nil || *f.Enabled == row.Enabled:
	case row.Enabled:
		p.step(stagePeopleOff, "~", f.Pos, emit(event(pim.EvPersonDisabled), func(a *applying) error { return a.endAll(row.ID) }), "workload/%s: disabled, with an end to all it holds", f.ID)
	default:
		p.step(stagePeopleOn, "~", f.Pos, emit(event(pim.EvPersonEnabled), func(a *applying) error {
			return errors.Join(a.updatePrincipal(row.ID, func(w *pim.Principal) { w.Enabled = true }), syncAssignmentNeedsOf(a.tx, row.ID))
		}), "workload/%s: enabled", f.ID)
	}
}
