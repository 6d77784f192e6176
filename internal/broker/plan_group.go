package broker

import (
	"stint/internal/orgfile"
	"stint/internal/pim"
)

func (p *planner) planGroups() {
	have := index(p.groups, func(g pim.Principal) string { return g.ID })
	for _, f := range p.doc.Groups {
		id := p.id["group/"+f.ID]
		row, known := have[id]
		want := row
		want.Key, want.Name, want.MatchValue, want.Source = f.ID, f.Name, f.Claim, pim.SourceFile
		if !known {
			want.ID, want.Kind, want.Enabled = id, pim.Group, true
			p.step(stagePrincipals, "+", f.Pos, emit(personEvent(pim.EvPrincipalSaved, want), func(a *applying) error { return a.tx.InsertPrincipal(want) }), "group/%s %q", f.ID, f.Name)
			continue
		}
		var d diff
		d.text("name", row.Name, want.Name)
		d.text("claim", row.MatchValue, want.MatchValue)
		if len(d) > 0 {
			p.step(stagePrincipals, "~", f.Pos, emit(personEvent(pim.EvPrincipalSaved, want), func(a *applying) error {
				if err := a.updatePrincipal(id, func(g *pim.Principal) { g.Name, g.MatchValue = f.Name, f.Claim }); err != nil || f.Claim == "" || f.Claim == row.MatchValue {
					return err
				}
				return a.feedLoudly(want)
			}), "group/%s: %s", f.ID, d)
		}
	}
	for _, row := range p.groups {
		if !p.leaving[row.ID] {
			p.keep(row.Source, p.label[row.ID])
			continue
		}
		event := pim.PersonEvent(pim.EvPrincipalRemoved, pim.System, row.ID, row.ID).With("source", string(pim.SourceFile)).With("key", row.Key)
		p.step(stageGoing, "-", orgfile.Pos{}, emit(event, func(a *applying) error { return a.tx.RemovePrincipal(row.ID) }), "%s", p.label[row.ID])
	}
}

func (p *planner) planMembers() {
	type key struct{ group, member string }
	want, have := map[key]bool{}, map[key]bool{}
	approving := p.approving()
	for _, m := range p.members {
		have[key{m.GroupID, m.MemberID}] = have[key{m.GroupID, m.MemberID}] || m.Source == pim.SourceFile
	}
	for _, g := range p.doc.Groups {
		for _, f := range g.Members {
			k := key{p.id["group/"+g.ID], p.id[f.Ref]}
			if want[k] = true; have[k] {
				continue
			}
			m := pim.Membership{GroupID: k.group, MemberID: k.member, Source: pim.SourceFile}
			p.step(stageMembers, "+", f.Pos, emit(memberEvent(pim.EvMemberAdded, m), func(a *applying) error {
				if approving[m.GroupID] {
					if err := a.joinLoudly(m); err != nil {
						return err
					}
				}
				if err := a.tx.AddMember(m); err != nil {
					return err
				}
				return a.touch(m.GroupID)
			}), "member %s of group/%s", f.Ref, g.ID)
		}
	}
	for _, m := range p.members {
		gone := p.leaving[m.GroupID] || p.leaving[m.MemberID]
		switch {
		case m.Source == pim.SourceFile && want[key{m.GroupID, m.MemberID}]:
		case m.Source != pim.SourceFile && !gone:
			p.keep(m.Source, "member "+p.label[m.MemberID]+" of "+p.label[m.GroupID])
		default:
			p.dropMember(m)
		}
	}
}

func (p *planner) dropMember(m pim.Membership) {
	p.step(stageMembersOff, "-", orgfile.Pos{}, emit(memberEvent(pim.EvMemberRemoved, m), func(a *applying) error {
		if err := a.touch(m.GroupID); err != nil { // while the way up is still there
			return err
		}
		return a.tx.RemoveMember(m)
	}), "member %s of %s", p.label[m.MemberID], p.label[m.GroupID])
}

func memberEvent(t pim.EventType, m pim.Membership) pim.Event {
	return pim.PersonEvent(t, pim.System, m.MemberID, m.GroupID).With("source", string(m.Source))
}
