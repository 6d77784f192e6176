package broker

import (
	"cmp"
	"slices"
	"strings"

	"stint/internal/orgfile"
	"stint/internal/pim"
)

// planHandOuts: which roles owners of a resource may hand out (K-33). A resource that says nothing of it keeps what the
// portal says.
func (p *planner) planHandOuts() {
	for _, f := range p.doc.Resources {
		id := p.id["resource/"+f.ID]
		have, known := p.handOuts[id]
		if f.HandOut == nil {
			if known {
				p.leave("made in the portal, left alone", "what owners of resource/%s may hand out", f.ID)
			}
			continue
		}
		want := pim.HandOut{ResourceID: id, Roles: make([]string, 0, len(f.HandOut)), Version: have.Version}
		for _, key := range f.HandOut {
			want.Roles = append(want.Roles, p.id["role/"+key])
		}
		slices.Sort(want.Roles)
		if known && slices.Equal(slices.Sorted(slices.Values(have.Roles)), want.Roles) {
			continue
		}
		e := pim.Event{Type: pim.EvHandOutSaved, Actor: pim.System, ResourceID: id, ObjectID: id, Result: pim.OK, Facts: map[string]any{"roles": want.Roles}, Texts: map[string]string{}}
		op, was := "+", ""
		if known {
			op, was = "~", " (was "+p.roleList(have.Roles)+")"
		}
		p.step(stageSettings, op, f.Pos, emit(e, func(a *applying) error { return a.tx.SaveHandOut(want) }),
			"owners of resource/%s may hand out %s%s", f.ID, p.roleList(want.Roles), was)
	}
}

func (p *planner) roleList(ids []string) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = cmp.Or(p.label[id], id)
	}
	slices.Sort(names)
	return "[" + strings.Join(names, ", ") + "]"
}

// handOut is the list of a resource as the file writes it; nil where there is none, or where it names what no file owns.
func (e *exporter) handOut(id string) (keys []string, foreign bool) {
	have, known := e.handOuts[id]
	if !known {
		return nil, false
	}
	keys = []string{}
	for _, role := range have.Roles {
		if e.key[role] == "" {
			return nil, true
		}
		keys = append(keys, e.key[role])
	}
	slices.Sort(keys)
	return keys, false
}

// portalKeys gives what was made in the portal the name by which a file takes it over: its own id.
func (e *exporter) portalKeys() {
	for _, t := range e.targets {
		if t.Source == pim.SourceBrowser {
			e.key[t.ID] = t.ID
		}
	}
	for _, s := range e.resources {
		if s.Source == pim.SourceBrowser {
			e.key[s.ID] = s.ID
		}
	}
	for _, w := range e.workloads {
		if w.Source == pim.SourceBrowser {
			e.key[w.ID] = "workload/" + w.ID
		}
	}
	for _, d := range e.roles {
		if d.Source == pim.SourceBrowser {
			e.key[d.ID] = d.ID
		}
	}
}

// portal are the lines of targets, resources and roles that were made in the portal, and of what owners may hand out.
func (e *exporter) portal(add func(pim.Source, string)) {
	for _, s := range e.resources {
		_, foreign := e.handOut(s.ID)
		e.foreignHandOut = append(e.foreignHandOut, foreign)
	}
	e.portalKeys()
	for _, t := range e.targets {
		if t.Source == pim.SourceBrowser { // a credential typed in the portal stands nowhere else: say where the file reads it
			add(t.Source, "targets: "+orgfile.Line(orgfile.Target{ID: t.ID, Kind: t.Kind, Name: t.Name, Settings: t.Settings, Secret: secretRef(t.SecretFrom),
				MayWrite: t.MayWrite, Authoritative: t.Authoritative}))
		}
	}
	for i, s := range e.resources {
		list, _ := e.handOut(s.ID)
		if s.Source == pim.SourceBrowser {
			add(s.Source, "resources: "+orgfile.Line(orgfile.Resource{ID: s.ID, Kind: s.Kind, Name: s.Name, Parent: e.key[s.ParentID], Target: e.key[s.TargetID], HandOut: list}))
		} else if e.foreignHandOut[i] {
			add(pim.SourceBrowser, "owners_hand_out of "+e.key[s.ID]+": ["+strings.Join(list, ", ")+"]")
		}
	}
	for _, d := range e.roles {
		if d.Source == pim.SourceBrowser {
			f := e.role(d)
			f.ID, f.Settings = d.ID, nil
			add(d.Source, "roles: "+orgfile.Line(f))
		}
	}
}
