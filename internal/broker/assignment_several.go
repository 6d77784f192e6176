package broker

import (
	"context"
	"errors"

	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionChangeAssignments] = func() operation { return &changingSeveral{} }
}

// AssignmentEnds is another end for several assignments; kind and start of each stay.
type AssignmentEnds struct {
	IDs []string
	pim.AssignmentTerms
	Justification string
	TicketNumber  string
	TicketSystem  string
}

// changingSeveral gives several assignments another end: each is refused alone (invariant 4).
type changingSeveral struct {
	Request AssignmentEnds
	Results string
	Items   []endItem

	fresh  bool
	judged []judged
	before []pim.Assignment
}

// endItem is one assignment with the version and the end that were shown.
type endItem struct {
	ID      string
	Version int64
	pim.AssignmentTerms
	Refused string
	Hidden  bool // who asks may not know of it (T33)
}

// ChangeEnds gives several assignments another end in one operation. Where every one is refused the first refusal is the
// answer.
func (b *Broker) ChangeEnds(ctx context.Context, actor Actor, q AssignmentEnds, back string) (Outcome, error) {
	if refusal := checkRemoving(q.IDs, q.Justification); refusal != nil {
		return Outcome{}, refusal
	}
	op := &changingSeveral{Request: q, Results: NewID(), fresh: true, Items: make([]endItem, len(q.IDs))}
	return b.operate(ctx, actor, back, op)
}

func (op *changingSeveral) prepare(b *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionChangeAssignments, Object: op.Results}, lessen: true}
	op.judged, op.before = make([]judged, len(op.Items)), make([]pim.Assignment, len(op.Items))
	var first error
	left := 0
	for i := range op.Items {
		item := &op.Items[i]
		if op.fresh {
			*item = endItem{ID: op.Request.IDs[i]}
		} else if item.Refused != "" {
			continue
		}
		err := op.judge(b, tx, who, i)
		var refusal *pim.Refusal
		if errors.As(err, &refusal) {
			item.Refused, item.Hidden = refusal.Message, refusal.Kind == pim.KindNotFound
			if first == nil {
				first = refusal
			}
			continue
		}
		if err != nil {
			return p, err
		}
		left++
		j, before := op.judged[i], op.before[i]
		p.admins = p.admins || before.RoleID == pim.RoleAdministrator
		p.touch = p.touch || j.touch
		p.lessen = p.lessen && !j.after.Gains(before, tx.Now)
		p.says = append(p.says, j.says())
	}
	if left == 0 {
		return p, first
	}
	return p, nil
}

// judge judges one item and keeps the end that is shown.
func (op *changingSeveral) judge(b *Broker, tx *store.Tx, who pim.Principal, i int) (err error) {
	item := &op.Items[i]
	if op.before[i], err = manageable(tx.Reader, who, item.ID); err != nil {
		return err
	}
	if op.fresh {
		item.Version, item.AssignmentTerms = op.before[i].Version, pim.AssignmentTerms{End: op.Request.End, After: op.Request.After, Permanent: op.Request.Permanent}
	}
	if op.before[i].Version != item.Version {
		return pim.Refuse(pim.KindConflict, "Somebody else changed this in the same moment. Look at it again.")
	}
	c := AssignmentChange{ID: item.ID, Version: item.Version, AssignmentTerms: item.AssignmentTerms, Justification: op.Request.Justification, TicketNumber: op.Request.TicketNumber,
		TicketSystem: op.Request.TicketSystem}
	if op.judged[i], err = b.judgeChange(tx, who, changeUpdate, op.before[i], c, "", ""); err != nil {
		return err
	}
	item.AssignmentTerms = pim.AssignmentTerms{End: op.judged[i].after.EndsAt, Permanent: op.judged[i].after.EndsAt.IsZero()}
	return nil
}

func (op *changingSeveral) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/assignments"}
	err := eachAlone(tx, who, op.Results, "ends", len(op.Items), func(i int) (pim.ItemResult, error) {
		r := pim.ItemResult{Refused: op.Items[i].Refused}
		if !op.Items[i].Hidden {
			r.RoleID, r.ResourceID, r.PrincipalID = op.before[i].RoleID, op.before[i].ResourceID, op.before[i].PrincipalID
		}
		return r, nil
	}, func(i int, r *pim.ItemResult) error {
		if err := b.changeEnd(tx, who, op.before[i], op.judged[i], evidence); err != nil {
			return err
		}
		r.AssignmentID, out.AssignmentID, out.Done = op.Items[i].ID, op.Items[i].ID, op.judged[i].done()
		return nil
	})
	if len(op.Items) > 1 {
		out.AssignmentID, out.ResultsID, out.Done = "", op.Results, ""
	}
	return out, err
}

// changeEnd looks again at who stays able to administer Stint: what went before it in the same operation counts.
func (b *Broker) changeEnd(tx *store.Tx, who pim.Principal, before pim.Assignment, j judged, evidence string) error {
	if before.RoleID == pim.RoleAdministrator {
		if err := keepAdministrator(tx, func() error { return moved(tx.UpdateAssignment(j.after)) }); err != nil {
			return err
		}
	}
	return b.changeAssignment(tx, who, before, j, evidence, "")
}
