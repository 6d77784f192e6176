package broker

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

// renamed lets a person of the file be somebody who is known already by who they are at the provider: who
// signed in before, or had another id in the file.
func (p *planner) renamed() {
	keys := map[string]bool{}
	for _, f := range p.doc.People {
		keys[f.ID] = true
	}
	for _, f := range p.doc.People {
		if f.Subject == "" || p.id["person/"+f.ID] != "" {
			continue
		}
		for _, row := range p.people {
			if row.Issuer == f.Issuer && row.Subject == f.Subject && (row.Key == "" || !keys[row.Key]) {
				p.id["person/"+f.ID] = row.ID
			}
		}
	}
}

func (p *planner) planPeople() {
	have := index(p.people, func(h pim.Principal) string { return h.ID })
	for _, f := range p.doc.People {
		id := p.id["person/"+f.ID]
		row, known := have[id]
		p.checkSubject(f, row)
		f := managed{f, p.id["person/"+f.Manager]}
		if !known {
			p.newPerson(f, id)
			continue
		}
		p.changedPerson(f, row)
	}
	for _, row := range p.people {
		if !p.leaving[row.ID] {
			p.keep(row.Source, p.label[row.ID])
			continue
		}
		event := pim.PersonEvent(pim.EvPrincipalRemoved, pim.System, row.ID, row.ID).With("source", string(pim.SourceFile)).With("key", row.Key)
		p.step(stagePeopleOff, "-", orgfile.Pos{}, emit(event, func(a *applying) error {
			if err := a.endAll(row.ID); err != nil {
				return err
			}
			return a.tx.RemovePrincipal(row.ID)
		}), "%s, with all they hold", p.label[row.ID])
	}
}

// checkSubject: who somebody is at the provider is fixed once; an id of the file is not handed on.
func (p *planner) checkSubject(f orgfile.Person, row pim.Principal) {
	if f.Subject == "" {
		return
	}
	where := "people[" + f.ID + "].subject"
	if row.Subject != "" && (row.Subject != f.Subject || row.Issuer != f.Issuer) {
		p.errs.Add(f.Pos, where, "person/%s signed in as somebody else already. Give the other one an id of their own; an id is never handed on", f.ID)
		return
	}
	for _, other := range p.people {
		if other.ID != p.id["person/"+f.ID] && other.Issuer == f.Issuer && other.Subject == f.Subject {
			p.errs.Add(f.Pos, where, "whoever has this subject is known already as %s. Use a new id here instead of %s, and Stint takes that person over", p.label[other.ID], f.ID)
		}
	}
}

func personEvent(t pim.EventType, h pim.Principal) pim.Event {
	if h.Kind == pim.Workload {
		return pim.PersonEvent(t, pim.System, h.ID, h.ID).With("kind", string(h.Kind)).With("source", string(h.Source)).With("key", h.Key).With("enabled", h.Enabled).With("owner", h.OwnerID).
			WithText("name", h.Name).WithText("description", h.About)
	}
	return pim.PersonEvent(t, pim.System, h.ID, h.ID).With("source", string(h.Source)).With("key", h.Key).With("enabled", h.Enabled).With("match_claim", h.MatchClaim).With("manager", h.ManagerID).With("guest", h.Guest).
		WithText("name", h.Name).WithText("email", h.Email).WithText("department", h.Department).WithText("title", h.Title).
		WithText("match_value", h.MatchValue).WithText("issuer", h.Issuer).WithText("subject", h.Subject)
}

func (p *planner) newPerson(f managed, id string) {
	h := pim.Principal{ID: id, Kind: pim.Person, PersonID: id, Enabled: f.Enabled == nil || *f.Enabled}
	fill(&h, f)
	off := ""
	if !h.Enabled {
		off = ", disabled"
	}
	p.step(stagePrincipals, "+", f.Pos, emit(personEvent(pim.EvPrincipalSaved, h), func(a *applying) error { return a.tx.InsertPrincipal(h) }), "person/%s %q%s", f.ID, f.Name, off)
}

// managed is a person of the file with their manager's principal id.
type managed struct {
	orgfile.Person
	manager string
}

// fill sets what the file owns of a person.
func fill(h *pim.Principal, f managed) {
	h.Key, h.Name, h.Source = f.ID, f.Name, pim.SourceFile
	*h = h.Give(f.Department, f.Title, f.manager, f.Guest)
	h.MatchClaim, h.MatchValue = f.MatchClaim, f.MatchValue
	if f.Email != "" || h.Subject == "" { // without one in the file, what the provider said stays
		h.Email = f.Email
	}
	if f.Subject != "" {
		h.Issuer, h.Subject = f.Issuer, f.Subject
	}
}

func (p *planner) changedPerson(f managed, row pim.Principal) {
	want := row
	fill(&want, f)
	var d diff
	d.said(row.Source != pim.SourceFile, "now owned by the file (%s)", strings.TrimSuffix(why(row.Source), ", left alone"))
	d.said(row.Source == pim.SourceFile && row.Key != want.Key, "was person/%s", row.Key)
	d.text("name", row.Name, want.Name)
	d.text("email", row.Email, want.Email)
	d.text("department", row.Department, want.Department)
	d.text("title", row.Title, want.Title)
	d.said(row.ManagerID != want.ManagerID, "manager %s", cmp.Or(p.label[want.ManagerID], "none"))
	d.said(row.Guest != want.Guest, "guest %t", want.Guest)
	d.text("match", strings.Trim(row.MatchClaim+": "+row.MatchValue, ": "), strings.Trim(want.MatchClaim+": "+want.MatchValue, ": "))
	d.said(row.Subject != want.Subject, "who they are at the provider")
	if len(d) > 0 {
		p.step(stagePrincipals, "~", f.Pos, emit(personEvent(pim.EvPrincipalSaved, want), func(a *applying) error {
			return a.updatePrincipal(row.ID, func(h *pim.Principal) { fill(h, f) })
		}), "person/%s: %s", f.ID, d)
	}
	switch {
	case f.Enabled == nil && !row.Enabled:
		p.leave("disabled, and stays so until somebody enables them", "person/%s", f.ID)
	case f.Enabled == nil || *f.Enabled == row.Enabled:
	case row.Enabled:
		event := pim.PersonEvent(pim.EvPersonDisabled, pim.System, row.ID, row.ID).With("source", string(pim.SourceFile))
		p.step(stagePeopleOff, "~", f.Pos, emit(event, func(a *applying) error { return a.endAll(row.ID) }), "person/%s: disabled, with an end to all they hold", f.ID)
	default:
		event := pim.PersonEvent(pim.EvPersonEnabled, pim.System, row.ID, row.ID).With("source", string(pim.SourceFile))
		p.step(stagePeopleOn, "~", f.Pos, emit(event, func(a *applying) error {
			if err := a.updatePrincipal(row.ID, func(h *pim.Principal) { h.Enabled = true }); err != nil {
				return err
			}
			return errors.Join(a.tx.ForgetSyncOff(row.ID), syncAssignmentNeedsOf(a.tx, row.ID))
		}), "person/%s: enabled", f.ID)
	}
}

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

// planAccounts: an account whose name changed is another account, looked up anew; what was held at the old one
// is taken away.
func (p *planner) planAccounts() {
	type key struct{ person, target string }
	have, want := map[key]pim.Account{}, map[key]bool{}
	for _, a := range p.accounts {
		have[key{a.PrincipalID, a.TargetID}] = a
	}
	for _, f := range p.doc.Accounts {
		k := key{p.id[f.Holder()], p.id["target/"+f.Target]}
		want[k] = true
		row, known := have[k]
		switch {
		case !known:
			p.addAccount(f, k.person, k.target, "")
		case row.Name != f.Account:
			p.dropAccount(row)
			p.addAccount(f, k.person, k.target, " instead of \""+row.Name+"\"")
		case row.Source != pim.SourceFile || !row.Confirmed():
			row.Source = pim.SourceFile
			p.step(stageAccounts, "~", f.Pos, emit(accountEvent(pim.EvAccountConfirmed, row), func(a *applying) error {
				row := row
				row.ConfirmedAt, row.ConfirmedBy = a.tx.Now, pim.System
				return a.tx.UpdateAccount(row)
			}), "account %s at target/%s: %q, confirmed by the file", f.Holder(), f.Target, f.Account)
		}
	}
	for _, row := range p.accounts {
		switch {
		case want[key{row.PrincipalID, row.TargetID}]:
		case row.Source != pim.SourceFile && !p.leaving[row.PrincipalID] && !p.leaving[row.TargetID]:
			p.keep(row.Source, "account "+p.label[row.PrincipalID]+" at "+p.label[row.TargetID])
		default:
			p.dropAccount(row)
		}
	}
}

func accountEvent(t pim.EventType, row pim.Account) pim.Event {
	e := pim.PersonEvent(t, pim.System, row.PrincipalID, row.ID).With("account", row.ExternalID).With("source", string(row.Source)).WithText("account", row.Name)
	e.TargetID = row.TargetID
	return e
}

func (p *planner) addAccount(f orgfile.Account, person, target, instead string) {
	row := pim.Account{ID: p.newID("account", person, target, f.Account), PrincipalID: person, TargetID: target, Name: f.Account, ConfirmedBy: pim.System, Source: pim.SourceFile}
	p.step(stageAccounts, "+", f.Pos, emit(accountEvent(pim.EvAccountConfirmed, row), func(a *applying) error {
		row := row
		row.ConfirmedAt = a.tx.Now
		known := slices.ContainsFunc(p.workloads, func(h pim.Principal) bool { return h.ID == person })
		return errors.Join(a.tx.InsertAccount(row), a.accountOf(person, known))
	}), "account %s at target/%s: %q%s", f.Holder(), f.Target, f.Account, instead)
}

func (p *planner) dropAccount(row pim.Account) {
	p.step(stageAccountsOff, "-", orgfile.Pos{}, emit(accountEvent(pim.EvAccountUnlinked, row), func(a *applying) error {
		return errors.Join(a.dropAccount(row), a.accountOf(row.PrincipalID, !p.leaving[row.PrincipalID]))
	}),
		"account %s at %s: %q", p.label[row.PrincipalID], p.label[row.TargetID], row.Name)
}

func (p *planner) planAssignments() {
	type key struct {
		principal, role, resource string
		kind                      pim.AssignmentKind
	}
	of := func(a pim.Assignment) key { return key{a.PrincipalID, a.RoleID, a.ResourceID, a.Kind} }
	type ended struct {
		key
		at int64
	}
	have, want := index(p.assignments, of), map[key]bool{}
	over := index(p.expired, func(a pim.Assignment) ended { return ended{of(a), a.EndsAt.UnixMicro()} })
	for _, f := range p.doc.Assignments {
		k := key{p.id[f.Principal], p.id["role/"+f.Role], p.id["resource/"+f.Resource], f.Kind}
		want[k] = true
		if row, known := have[k]; known {
			p.changedAssignment(f, row)
			continue
		}
		a := pim.Assignment{ID: p.newID("assignment", k.principal, k.role, k.resource, string(k.kind)), PrincipalID: k.principal, RoleID: k.role, ResourceID: k.resource,
			Kind: f.Kind, StartsAt: p.starts(f), EndsAt: f.Until, Justification: f.Reason, MadeBy: pim.System, Source: pim.SourceFile}
		if _, was := over[ended{k, f.Until.UnixMicro()}]; was {
			p.leave("ended by time, can leave the file", "assignment %s", assignmentName(f))
		} else if p.checkUntil(f, a) {
			p.step(stageAssignments, "+", f.Pos, func(ap *applying) error { return ap.addAssignment(a) }, "assignment %s", assignmentName(f))
		}
	}
	for _, row := range p.assignments {
		gone := p.leaving[row.PrincipalID] || p.leaving[row.RoleID] || p.leaving[row.ResourceID]
		name := "assignment " + p.label[row.PrincipalID] + " " + string(row.Kind) + " for " + p.label[row.RoleID] + " on " + p.label[row.ResourceID]
		switch {
		case want[of(row)]:
		case row.Source != pim.SourceFile && !gone:
			p.keep(row.Source, name)
		default:
			p.step(stageAssignmentsOff, "-", orgfile.Pos{}, func(a *applying) error { return a.b.endAssignment(a.tx, row, pim.System, false) }, "%s", name)
		}
	}
}

// starts is when an assignment of the file begins: at once where that is past, or nothing is said.
func (p *planner) starts(f orgfile.Assignment) time.Time {
	if f.From.After(p.now) {
		return f.From
	}
	return p.now
}

func assignmentName(f orgfile.Assignment) string {
	until := ""
	if !f.From.IsZero() {
		until = " from " + orgfile.FormatFrom(f.From)
	}
	if !f.Until.IsZero() {
		until += " until " + orgfile.FormatTime(f.Until)
	}
	return f.Principal + " " + string(f.Kind) + " for role/" + f.Role + " on resource/" + f.Resource + until
}

// checkUntil refuses an end that is past or too near (A-05, EC-02).
func (p *planner) checkUntil(f orgfile.Assignment, a pim.Assignment) bool {
	where := "assignments.until"
	if !f.Until.IsZero() && !f.Until.After(p.now) {
		p.errs.Add(f.UntilPos, where, "%s is past; give a later end, or take the assignment out of the file to end it now", orgfile.FormatTime(f.Until))
		return false
	}
	if refusal := pim.CheckAssignment(a); refusal != nil {
		p.errs.Add(f.UntilPos, where, "%s", refusal.Message)
		return false
	}
	return true
}

func (p *planner) changedAssignment(f orgfile.Assignment, row pim.Assignment) {
	want := row
	want.EndsAt, want.Source, want.MadeBy = f.Until, pim.SourceFile, pim.System
	if f.Reason != "" { // left out it stays as it is
		want.Justification = f.Reason
	}
	prepared := row.StartsAt.Equal(store.Unopened)
	if start := p.starts(f); !prepared && (start.After(p.now) || row.StartsAt.After(p.now)) { // what has begun stays begun
		want.StartsAt = start
	}
	if row.EndsAt.Equal(f.Until) && row.Source == pim.SourceFile && want.StartsAt.Equal(row.StartsAt) && want.Justification == row.Justification {
		return
	}
	check := want
	if prepared {
		check.StartsAt = p.now
	}
	if (!row.EndsAt.Equal(f.Until) || !want.StartsAt.Equal(row.StartsAt)) && !p.checkUntil(f, check) {
		return
	}
	var d diff
	d.said(row.Source != pim.SourceFile, "now owned by the file (%s)", p.madeBy(row))
	d.said(!want.StartsAt.Equal(row.StartsAt), "from %s → %s", orgfile.FormatFrom(row.StartsAt), orgfile.FormatFrom(want.StartsAt))
	d.text("until", until(row), until(want))
	d.text("reason", row.Justification, want.Justification)
	p.step(stageAssignments, "~", f.Pos, emit(pim.AssignmentMade(pim.EvAssignmentChanged, opened(want), pim.System, ""), func(a *applying) error {
		if err := a.tx.UpdateAssignment(want); err != nil {
			return err
		}
		if err := a.follow(want); err != nil {
			return err
		}
		if prepared || !want.StartsAt.After(a.tx.Now) {
			return nil
		}
		return a.b.endUnfounded(a.tx, want, pim.System)
	}), "assignment %s: %s", assignmentName(f), d)
}

// madeBy says where a row came from that the file takes over, and whose it was.
func (p *planner) madeBy(row pim.Assignment) string {
	where := strings.TrimSuffix(why(row.Source), ", left alone")
	if who := p.label[row.MadeBy]; who != "" && row.Source == pim.SourceBrowser {
		where += " by " + who
	}
	return where
}

func until(a pim.Assignment) string {
	if a.EndsAt.IsZero() {
		return "for good"
	}
	return orgfile.FormatTime(a.EndsAt)
}

// opened is an assignment as events tell it: one that is not open yet has no start.
func opened(a pim.Assignment) pim.Assignment {
	if a.StartsAt.Equal(store.Unopened) {
		a.StartsAt = time.Time{}
	}
	return a
}
