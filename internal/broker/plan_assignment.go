package broker

import (
	"strings"
	"time"

	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

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
