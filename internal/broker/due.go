package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// chunk bounds one write of due work, so that none holds the writer long (invariant 13).
const chunk = 50

// Sweep ends what time has ended (activations, waiting approvals, assignments, memberships from a claim), and
// starts what was planned for now.
// Rights are computed from the window, so a late sweep never extends one (invariant 1).
func (b *Broker) Sweep(ctx context.Context) error {
	// An idle round must not write: it would wake itself for ever.
	due, err := store.Read(ctx, b.store, func(r *store.Reader) (bool, error) { return r.SweepDue() })
	if err != nil || !due {
		return err
	}
	steps := []func(*store.Tx) (int, error){b.expireActivations, b.timeOutApprovals, b.timeOutExtensions, b.expireAssignments, b.beginAssignments,
		b.remindAssignments, b.timeOutAssignmentRequests, b.lapseMembers, b.startScheduled}
	for _, step := range steps {
		for {
			n, err := write(ctx, b, step)
			var refusal *pim.Refusal
			if errors.As(err, &refusal) {
				break // somebody else moved a row in the same moment; the next sweep looks again
			}
			if err != nil {
				return err
			}
			if n < chunk {
				break
			}
		}
	}
	return nil
}

func (b *Broker) expireActivations(tx *store.Tx) (int, error) {
	due, err := tx.ActivationsDue(chunk)
	if err != nil {
		return 0, err
	}
	for _, a := range due {
		event, err := b.endEvent(tx, a)
		if err != nil {
			return 0, err
		}
		if err := b.end(tx, a, event, pim.System, "", ""); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}

// endEvent says why an activation whose time is up ends: its own window, or the eligibility that cut it.
func (b *Broker) endEvent(tx *store.Tx, a pim.Activation) (pim.ActivationEvent, error) {
	asg, err := tx.Assignment(a.AssignmentID)
	if err != nil {
		return "", err
	}
	if !asg.EndsAt.IsZero() && !a.EndsAt.Before(asg.EndsAt) {
		return pim.OnEligibilityEnded, nil
	}
	return pim.OnExpired, nil
}

func (b *Broker) timeOutApprovals(tx *store.Tx) (int, error) {
	due, err := tx.StagesDue(chunk)
	if err != nil {
		return 0, err
	}
	for _, s := range due {
		a, err := tx.Activation(s.ActivationID)
		if err != nil {
			return 0, err
		}
		if a.State != pim.PendingApproval {
			if err := tx.CloseStages(a.ID); err != nil {
				return 0, err
			}
			continue
		}
		if err := b.end(tx, a, pim.OnTimedOut, pim.System, "", ""); err != nil {
			return 0, err
		}
		if err := tellHolder(tx, a, "Nobody decided your request for", " in time. Ask again if you still need it."); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}

func (b *Broker) expireAssignments(tx *store.Tx) (int, error) {
	due, err := tx.AssignmentsDue(chunk)
	if err != nil {
		return 0, err
	}
	for _, asg := range due {
		if err := b.endAssignment(tx, asg, pim.System, true); err != nil {
			return 0, err
		}
	}
	return len(due), tellEnds(tx, due, true)
}

// endAssignment ends an assignment with everything that rests on it.
func (b *Broker) endAssignment(tx *store.Tx, asg pim.Assignment, actor string, expired bool) error {
	return b.endAssignmentFor(tx, asg, actor, expired, AssignmentRemoval{}, "")
}

// endAssignmentFor is endAssignment for a reason, confirmed with evidence.
func (b *Broker) endAssignmentFor(tx *store.Tx, asg pim.Assignment, actor string, expired bool, why AssignmentRemoval, evidence string) error {
	if err := b.closeAssignment(tx, asg, actor, expired, why, evidence); err != nil {
		return err
	}
	asg.EndedAt, asg.Expired = tx.Now, expired
	return syncAssignment(tx, asg)
}

// closeAssignment is endAssignmentFor where nothing is held through the assignment itself.
func (b *Broker) closeAssignment(tx *store.Tx, asg pim.Assignment, actor string, expired bool, why AssignmentRemoval, evidence string) error {
	if err := endAlone(tx, asg, actor, expired, why, evidence); err != nil {
		return err
	}
	open, err := tx.OpenActivationsUsing(asg.ID)
	if err != nil {
		return err
	}
	for _, a := range open {
		if err := b.end(tx, a, pim.OnEligibilityEnded, actor, wordsOfEnd(expired), ""); err != nil {
			return err
		}
	}
	return nil
}

func wordsOfEnd(expired bool) string {
	if expired {
		return "The eligibility has expired."
	}
	return "The eligibility was removed."
}

// endAlone ends an assignment; what was activated and is held with it ends apart.
func endAlone(tx *store.Tx, asg pim.Assignment, actor string, expired bool, why AssignmentRemoval, evidence string) error {
	if err := tx.EndAssignment(asg, expired); err != nil {
		return moved(err)
	}
	asg.EndedAt, asg.Expired = tx.Now, expired
	t := pim.EvAssignmentRemoved
	if expired {
		t = pim.EvAssignmentExpired
	}
	e := pim.AssignmentEvent(t, asg, actor).WithText("reason", why.Reason)
	if why.TicketNumber != "" { // that of the removal, which is another one than that of the assignment
		e = e.WithText("ticket_number", why.TicketNumber).WithText("ticket_system", why.TicketSystem)
	}
	if evidence != "" {
		e = e.With("evidence", evidence)
	}
	tx.Emit(e)
	return endAssignmentRequest(tx, asg)
}

func (b *Broker) lapseMembers(tx *store.Tx) (int, error) {
	lapsed, err := tx.LapsedMembers(chunk)
	if err != nil {
		return 0, err
	}
	for _, m := range lapsed {
		if err := tx.RemoveMember(m); err != nil {
			return 0, err
		}
		tx.Emit(pim.PersonEvent(pim.EvMemberRemoved, pim.System, m.MemberID, m.GroupID).With("source", "claim").With("lapsed", true))
		p, err := tx.Principal(m.MemberID)
		if err != nil {
			return 0, err
		}
		if err := b.recheck(tx, p); err != nil {
			return 0, err
		}
	}
	return len(lapsed), nil
}

// lateBatch is how many late grants are told in one write.
const lateBatch = 500

// lateNamed is how many that are late at a target are told one by one.
const lateNamed = 3

// TellLate leaves a notice for administrators when a grant is late (THREATS F7): within 60 s, then hourly.
func (b *Broker) TellLate(ctx context.Context) error {
	late, err := store.Read(ctx, b.store, lateGrants)
	for err == nil && len(late) > 0 {
		late, err = write(ctx, b, func(tx *store.Tx) ([]store.GrantRow, error) {
			if err := tellLate(tx); err != nil {
				return nil, err
			}
			return lateGrants(tx.Reader)
		})
	}
	return err
}

// lookLate is TellLate once a beat: the worker comes by after every pass at a target.
func (b *Broker) lookLate(ctx context.Context) error {
	now := b.clock().UnixMicro()
	if last := b.late.Load(); now-last < beat.Microseconds() && now >= last {
		return nil
	}
	b.late.Store(now)
	return b.TellLate(ctx)
}

func lateGrants(r *store.Reader) ([]store.GrantRow, error) {
	return r.LateGrants(r.Now.Add(-pim.LateAfter), r.Now.Add(-time.Hour), lateBatch)
}

// tellLate leaves an entry for each that is late, and notices; many at one target are told as many.
func tellLate(tx *store.Tx) error {
	late, err := lateGrants(tx.Reader)
	if err != nil || len(late) == 0 {
		return err
	}
	ids, targets, at := make([]string, 0, len(late)), []string(nil), map[string][]store.GrantRow{}
	for _, g := range late {
		if ids = append(ids, g.ID); len(at[g.TargetID]) == 0 {
			targets = append(targets, g.TargetID)
		}
		at[g.TargetID] = append(at[g.TargetID], g)
		tx.Emit(pim.GrantEventOf(pim.EvGrantLate, g.Grant, map[string]any{"wanted": g.Wanted, "since": g.LateSince.UnixMicro()}))
	}
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	for _, id := range targets {
		if err := tellLateAt(tx, id, at[id], people); err != nil {
			return err
		}
	}
	return tx.ToldLate(ids)
}

func tellLateAt(tx *store.Tx, targetID string, late []store.GrantRow, people []string) error {
	since := func(g store.GrantRow) string { return g.LateSince.UTC().Format("15:04:05 UTC") }
	if len(late) > lateNamed {
		t, err := tx.Target(targetID)
		if err != nil {
			return err
		}
		text := fmt.Sprintf("Late at %s: %d are not as they should be, the first since %s. Stint keeps trying.", t.Name, len(late), since(late[0]))
		return notify(tx, text, "/targets/"+targetID, people...)
	}
	for _, g := range late {
		text := fmt.Sprintf("Late: %s in %s is not as it should be since %s. Stint keeps trying.", g.AccountName, g.Entitlement, since(g))
		if err := notify(tx, text, "/targets/"+targetID, people...); err != nil {
			return err
		}
	}
	return nil
}

// administrators lists everybody who is or may become an administrator: with nobody active, somebody
// must still be told (E-25).
func administrators(r *store.Reader) ([]string, error) {
	assigned, err := r.EligibleOrActiveFor(pim.RoleAdministrator)
	if err != nil || len(assigned) == 0 {
		return nil, err
	}
	people, err := r.PeopleIn(assigned)
	return ids(people), err
}
