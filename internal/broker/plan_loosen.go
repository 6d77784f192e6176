package broker

import (
	"slices"
	"strings"

	"stint/internal/pim"
)

// theFile is who changed what a file changes, as notices name it. It is locked out of nothing: whoever holds the host may
// do anything, and it is in the log (T21).
var theFile = pim.Principal{ID: pim.System, Name: "A file that was applied"}

// moveLoudly puts a node of the file elsewhere, loudly where rules of a privileged role become less strict by it.
func (a *applying) moveLoudly(row, want pim.Resource) error {
	from, err := pathOrTop(a.tx.Reader, row.ParentID)
	if err != nil {
		return err
	}
	to, err := pathOrTop(a.tx.Reader, want.ParentID)
	if err != nil {
		return err
	}
	rules, err := movedRules(a.tx.Reader, row, from, to)
	if err != nil {
		return err
	}
	if err := a.tx.UpdateResource(want); err != nil {
		return err
	}
	for _, c := range rules {
		if err := loosened(a.tx, c, theFile, ""); err != nil {
			return err
		}
	}
	return nil
}

// feedLoudly lets another value of the claim feed a group: who comes in by it is not known.
func (a *applying) feedLoudly(g pim.Principal) error {
	s, err := stakesOf(a.tx.Reader, g.ID)
	if err != nil {
		return err
	}
	gets := slices.DeleteFunc(slices.Clone(s.holds), func(k stake) bool { return !k.role.Privileged })
	link := pageOf(g)
	if err := lockOutOf(a.tx, theFile, gets, "claim", "changed the claim that feeds "+g.Name+", whose members get", link, ""); err != nil {
		return err
	}
	return s.loosened(a.tx, theFile, link, "")
}

// approving are the groups whose members approve for a privileged role that is there already, the groups in them too.
func (p *planner) approving() map[string]bool {
	out := map[string]bool{}
	for _, row := range p.settings {
		if slices.ContainsFunc(p.roles, func(d pim.RoleDefinition) bool { return d.ID == row.RoleID && d.Privileged }) {
			for _, id := range row.Approvers {
				out[id] = true
			}
		}
	}
	if len(out) == 0 {
		return out
	}
	groups := map[string]bool{}
	for _, g := range p.groups {
		groups[g.ID] = true
	}
	var in []pim.Membership // of groups in groups
	for _, m := range p.members {
		if groups[m.MemberID] {
			in = append(in, m)
		}
	}
	for _, g := range p.doc.Groups {
		for _, f := range g.Members {
			if strings.HasPrefix(f.Ref, "group/") {
				in = append(in, pim.Membership{GroupID: p.id["group/"+g.ID], MemberID: p.id[f.Ref]})
			}
		}
	}
	for range pim.MaxGroupDepth {
		for _, m := range in {
			out[m.MemberID] = out[m.MemberID] || out[m.GroupID]
		}
	}
	return out
}

// joinLoudly notes what somebody who comes into a group decides from then on.
func (a *applying) joinLoudly(m pim.Membership) error {
	s, err := stakesOf(a.tx.Reader, m.GroupID)
	if err != nil {
		return err
	}
	coming, err := a.tx.Principal(m.MemberID)
	if err != nil {
		return err
	}
	anew, err := s.newlyApproved(a.tx.Reader, []pim.Principal{coming})
	for _, k := range anew.approves {
		if k.role.Privileged && !slices.ContainsFunc(a.anew, func(o stake) bool { return o.role.ID == k.role.ID && o.resourceID == k.resourceID }) {
			a.anew = append(a.anew, k)
		}
	}
	return err
}

// tellAnew tells of the approvers who came in.
func (a *applying) tellAnew() error {
	return stakes{approves: a.anew}.loosened(a.tx, theFile, "/roles", "")
}

// tellOfAccounts tells whoever answers for a workload whose account changed, and every administrator of all of them.
func (a *applying) tellOfAccounts() error {
	if len(a.accounts) == 0 {
		return nil
	}
	var names []string
	for _, h := range a.accounts {
		names = append(names, h.Name)
		if err := tellOwners(a.tx, h, "A file that was applied changed the account of "+h.Name+" at a target.", pageOf(h), ""); err != nil {
			return err
		}
	}
	return tellAdministrators(a.tx, theFile, "A file that was applied changed accounts at targets of workloads: "+listed(names)+".", "/workloads")
}

// accountOf notes that the account of a workload changes, which was there before.
func (a *applying) accountOf(id string, known bool) error {
	h, err := a.tx.Principal(id)
	if gone(err) {
		return nil
	}
	if err == nil && known && h.Kind == pim.Workload && !slices.ContainsFunc(a.accounts, func(o pim.Principal) bool { return o.ID == id }) {
		a.accounts = append(a.accounts, h)
	}
	return err
}

// unprivileged tells that a role asks for less from now on.
func (a *applying) unprivileged(d pim.RoleDefinition) error {
	a.tx.Emit(pim.Event{Type: pim.EvSettingsLoosened, Actor: pim.System, RoleID: d.ID, ObjectID: d.ID, Result: pim.OK, Facts: map[string]any{"fields": []string{"privileged"}}})
	return tellAdministrators(a.tx, theFile, theFile.Name+" made the role "+d.Name+" unprivileged: activating it may do without a passkey now.", "/roles/"+d.ID)
}
