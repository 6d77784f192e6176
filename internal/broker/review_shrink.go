package broker

import (
	"errors"
	"slices"
	"time"

	"stint/internal/pim"
)

// shrink makes less of an assignment, judged as an administrator's change of it is.
func (a reviewApplying) shrink(asg pim.Assignment) error {
	var needs []pim.GrantNeed
	var err error
	switch a.item.Shrink.How {
	case pim.ShrinkEnd:
		needs, err = a.change(asg, pim.AssignmentTerms{Kind: asg.Kind, Start: asg.StartsAt, End: a.item.Shrink.EndsAt})
	case pim.ShrinkEligible:
		needs, err = a.eligible(asg)
	case pim.ShrinkScope:
		needs, err = a.narrow(asg)
	default:
		return a.close(pim.ResultRefused, "It does not say what is left.", time.Time{})
	}
	if err != nil {
		return err
	}
	return a.await(pim.ResultShrinking, needs)
}

// change changes an assignment in place; it tells whose it is.
func (a reviewApplying) change(asg pim.Assignment, t pim.AssignmentTerms) ([]pim.GrantNeed, error) {
	q := ask{before: &asg, assignment: asg, terms: t, bySystem: true}
	if q.assignment.Justification == "" {
		q.assignment.Justification = a.why()
	}
	j, refusal, err := judgeAssignment(a.tx.Reader, a.by(), q)
	if err != nil {
		return nil, err
	}
	if refusal != nil {
		return nil, final(refusal)
	}
	if asg.RoleID == pim.RoleAdministrator {
		if err := keepAdministrator(a.tx, func() error { return moved(a.tx.UpdateAssignment(j.after)) }); err != nil {
			return nil, kept(err)
		}
	}
	return a.ending(asg, func() error { return a.b.changeAssignment(a.tx, a.by(), asg, j, "", "") })
}

// final is a refusal by a rule: the same would be refused the next time.
func final(r *pim.Refusal) error {
	return &pim.Refusal{Kind: pim.KindInvalid, Field: r.Field, Message: r.Message, Object: r.Object, Verdicts: r.Verdicts}
}

// eligible turns active into eligible. Where they are eligible already, the active one just ends; where eligible for ever
// is not allowed, it lasts as long as it may.
func (a reviewApplying) eligible(asg pim.Assignment) ([]pim.GrantNeed, error) {
	like := asg
	like.Kind = pim.Eligible
	other, err := a.tx.AssignmentLike(like)
	if err != nil {
		return nil, err
	}
	if other != nil && other.StateAt(a.tx.Now) != pim.AssignmentExpired {
		return a.end(asg)
	}
	needs, err := a.change(asg, pim.AssignmentTerms{Kind: pim.Eligible, Start: asg.StartsAt, End: asg.EndsAt, Permanent: asg.EndsAt.IsZero()})
	if endless(err) {
		return a.change(asg, pim.AssignmentTerms{Kind: pim.Eligible, Start: asg.StartsAt})
	}
	return needs, err
}

// endless reports whether a change was refused for its end: what lasted for ever lasts as long as it may then.
func endless(err error) bool {
	var refusal *pim.Refusal
	return errors.As(err, &refusal) && slices.ContainsFunc(refusal.Verdicts, func(v pim.Verdict) bool { return v.Rule == pim.RuleEnd && v.State == pim.No })
}

// narrow makes the same assignment at a resource below and ends this one: what stays is never taken away between.
func (a reviewApplying) narrow(asg pim.Assignment) ([]pim.GrantNeed, error) {
	if err := belowIt(a.tx.Reader, a.item, a.item.Shrink.ResourceID); err != nil {
		return nil, err
	}
	below := asg
	below.ID, below.ResourceID, below.Version, below.Justification = a.made, a.item.Shrink.ResourceID, 0, a.why()
	other, err := a.tx.AssignmentLike(below)
	if err != nil {
		return nil, err
	}
	if other == nil || other.StateAt(a.tx.Now) == pim.AssignmentExpired {
		err := a.make(asg, below, asg.EndsAt.IsZero())
		if endless(err) && asg.EndsAt.IsZero() {
			err = a.make(asg, below, false)
		}
		if err != nil {
			return nil, err
		}
	}
	return a.end(asg)
}

func (a reviewApplying) make(asg, below pim.Assignment, permanent bool) error {
	t := pim.AssignmentTerms{Kind: asg.Kind, End: asg.EndsAt, Permanent: permanent}
	if asg.StartsAt.After(a.tx.Now) {
		t.Start = asg.StartsAt
	}
	j, refusal, err := judgeAssignment(a.tx.Reader, a.by(), ask{assignment: below, terms: t, bySystem: true})
	if err != nil {
		return err
	}
	if refusal != nil {
		return final(refusal)
	}
	return a.b.makeAssignment(a.tx, a.by(), j, "", "narrows", asg.ID)
}

// end ends an assignment of which what is left stands beside it.
func (a reviewApplying) end(asg pim.Assignment) ([]pim.GrantNeed, error) {
	if asg.RoleID == pim.RoleAdministrator {
		if err := keepAdministrator(a.tx, func() error { return moved(a.tx.EndAssignment(asg, false)) }); err != nil {
			return nil, kept(err)
		}
	}
	needs, err := a.ending(asg, func() error {
		return a.b.endAssignmentFor(a.tx, asg, pim.System, false, AssignmentRemoval{Reason: a.why()}, "")
	})
	if err == nil {
		err = a.tell(asg, "made less of")
	}
	return needs, err
}

// membership takes somebody out of a group. What another system decides stays with it (W-92, W-93).
func (a reviewApplying) membership() error {
	if a.item.Answer != pim.AnswerDeny {
		return a.close(pim.ResultKept, "", time.Time{})
	}
	ours, theirs, err := a.edges()
	switch {
	case err != nil:
		return err
	case len(ours) == 0 && len(theirs) > 0:
		return a.close(pim.ResultNotHere, notHereWords(theirs[0]), time.Time{})
	case len(ours) == 0:
		return a.close(pim.ResultGone, "They had left the group before the review was applied.", time.Time{})
	}
	since, err := a.tx.MemberSince(a.item.GroupID, a.item.PrincipalID)
	if err != nil {
		return err
	}
	if since.After(a.in.StartedAt) {
		return a.close(pim.ResultChanged, leftAsItIs("They were added to the group again since it was reviewed"), time.Time{})
	}
	if err := a.mayLeave(ours, len(theirs) == 0); err != nil {
		return err
	}
	needs, err := a.leave(ours)
	if err != nil {
		return err
	}
	if err := a.tellLeft(); err != nil {
		return err
	}
	if len(theirs) > 0 {
		a.item.ResultAt = a.tx.Now
		return a.close(pim.ResultElsewhere, notHereWords(theirs[0]), time.Time{})
	}
	return a.await(pim.ResultRemoving, needs)
}

func notHereWords(m pim.Membership) string {
	if m.Source == pim.SourceDirectory {
		return "The directory says who is in this group. Take them out there."
	}
	return "The provider’s groups claim says that they are in this group. Take them out there."
}

// edges are the memberships that Stint decides, and those that another system does.
func (a reviewApplying) edges() (ours, theirs []pim.Membership, err error) {
	all, err := a.tx.Memberships(a.item.GroupID, a.item.PrincipalID)
	for _, m := range all {
		switch {
		case m.Source == pim.SourceDirectory || !m.FreshUntil.IsZero() && m.FreshUntil.After(a.tx.Now):
			theirs = append(theirs, m)
		case m.FreshUntil.IsZero():
			ours = append(ours, m)
		}
	}
	return ours, theirs, err
}

// mayLeave refuses what taking a member out by hand refuses: the last approver, the last administrator.
func (a reviewApplying) mayLeave(edges []pim.Membership, last bool) error {
	g, err := groupOf(a.tx.Reader, a.item.GroupID)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	s, err := stakesOf(a.tx.Reader, g.ID)
	if err != nil {
		return err
	}
	if last {
		if err := s.refuseWithout(a.tx.Reader, g, a.item.PrincipalID); err != nil {
			var refusal *pim.Refusal
			if errors.As(err, &refusal) {
				return final(refusal)
			}
			return err
		}
	}
	if err := keepAdministrator(a.tx, func() error { return removeEdges(a.tx, edges) }); err != nil {
		return kept(err)
	}
	return nil
}

// leave removes memberships with what follows, and returns the needs of the member's grants that end by it.
func (a reviewApplying) leave(edges []pim.Membership) ([]pim.GrantNeed, error) {
	s, err := stakesOf(a.tx.Reader, a.item.GroupID)
	if err != nil {
		return nil, err
	}
	before, err := a.tx.OpenNeedsOf(a.item.PrincipalID)
	if err != nil {
		return nil, err
	}
	if err := removeEdges(a.tx, edges); err != nil {
		return nil, err
	}
	for _, e := range edges {
		tx := a.tx
		tx.Emit(pim.PersonEvent(pim.EvMemberRemoved, pim.System, a.item.PrincipalID, a.item.GroupID).With("source", string(e.Source)).With("review", a.item.ID).WithText("reason", a.why()))
	}
	if err := a.b.followMember(a.tx, s, a.item.PrincipalID); err != nil && !gone(err) {
		return nil, err
	}
	after, err := a.tx.OpenNeedsOf(a.item.PrincipalID)
	return endedBetween(before, after), err
}

func endedBetween(before, after []pim.GrantNeed) (ended []pim.GrantNeed) {
	type key struct{ grant, activation, assignment string }
	of := func(n pim.GrantNeed) key { return key{n.GrantID, n.ActivationID, n.AssignmentID} }
	stays := map[key]bool{}
	for _, n := range after {
		stays[of(n)] = n.EndedAt.IsZero()
	}
	for _, n := range before {
		if n.EndedAt.IsZero() && !stays[of(n)] {
			ended = append(ended, n)
		}
	}
	return ended
}

func (a reviewApplying) tellLeft() error {
	names, err := a.tx.Names([]string{a.item.GroupID})
	if err != nil {
		return err
	}
	p, err := a.tx.Principal(a.item.PrincipalID)
	if gone(err) || err == nil && p.Kind != pim.Person {
		return nil
	}
	if err != nil {
		return err
	}
	text := a.by().Name + " took you out of " + names[a.item.GroupID]
	if a.item.Reason != "" {
		text += ": " + a.item.Reason
	}
	return notify(a.tx, text+".", "/my-roles", p.ID)
}
