package broker

import (
	"context"
	"fmt"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionChangeAssignment] = func() operation { return &changing{} }
	operations[pim.ActionRemoveAssignment] = func() operation { return &removing{} }
}

// AssignmentChange is another kind, start or end of an assignment, whose version is the one that was shown.
type AssignmentChange struct {
	ID      string
	Version int64
	pim.AssignmentTerms
	Justification string
	TicketNumber  string // empty, with the system: as it is
	TicketSystem  string
}

// How an assignment is changed.
const (
	changeUpdate = "update" // in place
	changeExtend = "extend" // a later end, told to the other administrators
	changeRenew  = "renew"  // a new one for one that expired
)

// changing changes one assignment.
type changing struct {
	Mode   string
	Change AssignmentChange
	NewID  string // of what a renewal makes

	fresh  bool
	before pim.Assignment
	judged judged
}

// UpdateAssignment changes kind, start and end in place; another kind is "make active" or "make eligible".
func (b *Broker) UpdateAssignment(ctx context.Context, actor Actor, c AssignmentChange, back string) (Outcome, error) {
	return b.operate(ctx, actor, back, &changing{Mode: changeUpdate, Change: c, fresh: true})
}

// ExtendAssignment gives an assignment a later end without a request; the other administrators are told.
func (b *Broker) ExtendAssignment(ctx context.Context, actor Actor, c AssignmentChange, back string) (Outcome, error) {
	return b.operate(ctx, actor, back, &changing{Mode: changeExtend, Change: c, fresh: true})
}

// RenewAssignment makes a new assignment for one that expired at most 30 days ago (X-05, EC-18).
func (b *Broker) RenewAssignment(ctx context.Context, actor Actor, c AssignmentChange, back string) (Outcome, error) {
	return b.operate(ctx, actor, back, &changing{Mode: changeRenew, Change: c, NewID: NewID(), fresh: true})
}

func (op *changing) prepare(b *Broker, tx *store.Tx, who pim.Principal) (p prepared, err error) {
	if op.before, err = manageable(tx.Reader, who, op.Change.ID); err != nil {
		return p, err
	}
	if op.before.Version != op.Change.Version {
		return p, pim.Refuse(pim.KindConflict, "Somebody else changed this in the same moment. Look at it again.")
	}
	if op.judged, err = b.judgeChange(tx, who, op.Mode, op.before, op.Change, op.NewID, ""); err != nil {
		return p, err
	}
	if op.fresh { // what is confirmed is the end that was shown
		op.Change.End, op.Change.Permanent = op.judged.after.EndsAt, op.judged.after.EndsAt.IsZero()
	}
	return prepared{item: pim.StepUpItem{Action: pim.ActionChangeAssignment, Object: op.before.ID, Version: op.before.Version, RoleID: op.before.RoleID,
		ResourceID: op.before.ResourceID}, touch: op.judged.touch, says: []string{op.judged.says()}, admins: op.before.RoleID == pim.RoleAdministrator, lessen: !op.judged.after.Gains(op.before, tx.Now)}, nil
}

// judgeChange judges a change against the rules and against what the assignment is now.
func (b *Broker) judgeChange(tx *store.Tx, who pim.Principal, mode string, before pim.Assignment, c AssignmentChange, newID, decided string) (judged, error) {
	if refusal := changeable(mode, before, tx); refusal != nil {
		return judged{}, refusal
	}
	q := ask{before: &before, assignment: before, terms: c.AssignmentTerms, decided: decided}
	q.assignment.Justification = c.Justification
	if c.Justification == "" && mode == changeUpdate {
		q.assignment.Justification = before.Justification
	}
	if c.TicketNumber != "" || c.TicketSystem != "" {
		q.assignment.TicketNumber, q.assignment.TicketSystem = c.TicketNumber, c.TicketSystem
	}
	if q.terms.Kind == "" {
		q.terms.Kind = before.Kind
	}
	if mode == changeRenew {
		q.assignment.ID, q.assignment.EndedAt, q.assignment.Expired, q.assignment.Version = newID, time.Time{}, false, 0
	} else if q.terms.Start.IsZero() {
		q.terms.Start = before.StartsAt
	}
	j, refusal, err := judgeAssignment(tx.Reader, who, q)
	if err != nil {
		return j, err
	}
	if refusal == nil {
		refusal = sense(mode, before, j.after)
	}
	if refusal != nil {
		tx.Emit(pim.AssignmentRefused(j.after, who.ID, refusal.Verdicts, clip(c.Justification)))
		return j, refusal
	}
	if before.RoleID == pim.RoleAdministrator && mode != changeRenew {
		err = keepAdministrator(tx, func() error { return moved(tx.UpdateAssignment(j.after)) })
	}
	return j, err
}

func changeable(mode string, before pim.Assignment, tx *store.Tx) *pim.Refusal {
	over := before.StateAt(tx.Now) == pim.AssignmentExpired || before.StateAt(tx.Now) == pim.AssignmentRemoved
	switch {
	case mode == changeRenew && !before.MayRenewAt(tx.Now):
		return pim.Refuse(pim.KindConflict, "Only what expired at most 30 days ago is renewed. Make a new assignment.")
	case mode != changeRenew && over:
		return pim.Refuse(pim.KindConflict, "This assignment is over. Renew it, or make a new one.")
	}
	return nil
}

// sense refuses a change that changes nothing, and an extension that does not extend.
func sense(mode string, before, after pim.Assignment) *pim.Refusal {
	later := !before.EndsAt.IsZero() && (after.EndsAt.IsZero() || after.EndsAt.After(before.EndsAt))
	switch {
	case mode == changeExtend && !later:
		return pim.Invalid("end", "Choose a later end than %s.", pim.FormatInstant(before.EndsAt))
	case mode == changeUpdate && after.Kind == before.Kind && after.StartsAt.Equal(before.StartsAt) && after.EndsAt.Equal(before.EndsAt) && after.Justification == before.Justification &&
		after.TicketNumber == before.TicketNumber && after.TicketSystem == before.TicketSystem:
		return pim.Invalid("end", "Nothing is changed yet.")
	}
	return nil
}

func (op *changing) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{AssignmentID: op.before.ID, Back: "/assignments/" + op.before.ID, Done: op.judged.done()}
	if op.Mode == changeRenew {
		out.AssignmentID, out.Back = op.NewID, "/assignments/"+op.NewID
		if err := b.makeAssignment(tx, who, op.judged, evidence, "renews", op.before.ID); err != nil {
			return out, err
		}
	} else if err := b.changeAssignment(tx, who, op.before, op.judged, evidence, ""); err != nil {
		return out, err
	}
	if op.Mode == changeUpdate {
		return out, nil
	}
	verb := map[string]string{changeExtend: "extended", changeRenew: "renewed"}[op.Mode]
	text := fmt.Sprintf("%s %s the assignment of %s to %s%s.", who.Name, verb, op.judged.principal.Name, op.judged.what(), untilWords(op.judged.after))
	return out, tellOtherAdministrators(tx, op.before.RoleID, op.before.ResourceID, text, out.Back, who.ID, op.judged.principal.ID)
}

// changeAssignment changes an assignment in place, with what follows for activations and grants.
func (b *Broker) changeAssignment(tx *store.Tx, who pim.Principal, before pim.Assignment, j judged, evidence, request string) error {
	after := j.after
	if j.stale != nil {
		if err := b.endAssignment(tx, *j.stale, pim.System, true); err != nil {
			return err
		}
	}
	if err := tx.UpdateAssignment(after); err != nil {
		return moved(err)
	}
	e := pim.AssignmentMade(pim.EvAssignmentChanged, after, who.ID, evidence).With("from_kind", string(before.Kind)).
		With("from_starts_at", micros(before.StartsAt)).With("from_ends_at", micros(before.EndsAt))
	if request != "" {
		e = e.With("request", request)
	}
	tx.Emit(j.loud(e))
	// What is needed anew is wanted before what is not any more is let go: what stays is never taken away between.
	if err := syncAssignment(tx, after); err != nil {
		return err
	}
	if err := b.endUnfounded(tx, after, who.ID); err != nil {
		return err
	}
	if err := j.tell(tx, who); err != nil {
		return err
	}
	return tellAssigned(tx, after, j.principal, fmt.Sprintf("%s changed %s: %s for %s%s", who.Name, yours(j.principal), after.Kind, j.what(), untilWords(after)))
}

// endUnfounded ends what was activated with an assignment that is not eligible, or not in force, any more.
func (b *Broker) endUnfounded(tx *store.Tx, asg pim.Assignment, actor string) error {
	if asg.Kind == pim.Eligible && asg.InForceAt(tx.Now) {
		return nil
	}
	open, err := tx.OpenActivationsUsing(asg.ID)
	if err != nil {
		return err
	}
	for _, a := range open {
		if err := b.end(tx, a, pim.OnEligibilityEnded, actor, "The eligibility was changed.", ""); err != nil {
			return err
		}
	}
	return nil
}

// manageable loads an assignment for somebody who may give and take its role there.
func manageable(r *store.Reader, who pim.Principal, id string) (pim.Assignment, error) {
	a, err := r.Assignment(id)
	if err != nil {
		return a, found(err)
	}
	return a, handsOut(r, who, a.RoleID, a.ResourceID)
}
