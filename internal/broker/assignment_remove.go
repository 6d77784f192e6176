package broker

import (
	"context"
	"errors"
	"fmt"

	"stint/internal/pim"
	"stint/internal/store"
)

// AssignmentRemoval is what to take away, and why.
type AssignmentRemoval struct {
	IDs          []string
	Reason       string
	TicketNumber string `json:",omitempty"` // needed where the settings of a role want a ticket
	TicketSystem string `json:",omitempty"`
}

// removing takes assignments away; each is refused alone.
type removing struct {
	AssignmentRemoval
	Results string
	Refused []string // by place in IDs: why it is not removed

	fresh bool
}

// RemoveAssignments takes assignments away at any age (EC-03), and ends at once what was activated with them (EC-11).
func (b *Broker) RemoveAssignments(ctx context.Context, actor Actor, q AssignmentRemoval, back string) (Outcome, error) {
	if refusal := checkRemoving(q.IDs, q.Reason); refusal != nil {
		return Outcome{}, refusal
	}
	return b.operate(ctx, actor, back, &removing{AssignmentRemoval: q, Results: NewID(), fresh: true})
}

func checkRemoving(ids []string, reason string) *pim.Refusal {
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			return pim.Invalid("pick", "One assignment is chosen twice. Choose each once.")
		}
		seen[id] = true
	}
	switch problem := pim.CheckJustification(reason, false); {
	case len(ids) == 0:
		return pim.Invalid("pick", "Choose at least one assignment.")
	case len(ids) > pim.MaxAssign:
		return pim.Invalid("pick", "At most %d at once. Choose fewer.", pim.MaxAssign)
	case problem != "":
		return pim.Invalid("justification", "%s", problem)
	}
	return nil
}

func (op *removing) prepare(b *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionRemoveAssignment, Object: op.Results}, lessen: true}
	if op.fresh {
		op.Refused = make([]string, len(op.IDs))
	}
	var first error
	left := 0
	for i, id := range op.IDs {
		if !op.fresh && op.Refused[i] != "" {
			continue
		}
		r, err := removable(tx, who, id)
		if err == nil {
			err = op.ticketFor(tx.Reader, r)
		}
		var refusal *pim.Refusal
		if errors.As(err, &refusal) {
			op.Refused[i] = refusal.Message
			if refusal.Kind != pim.KindNotFound {
				tx.Emit(pim.AssignmentRefused(r.Assignment, who.ID, nil, clip(op.Reason)))
			}
			if first == nil {
				first = refusal
			}
			continue
		}
		if err != nil {
			return p, err
		}
		left++
		p.admins = p.admins || r.RoleID == pim.RoleAdministrator
		p.touch = p.touch || r.role.Source == pim.SourceBuiltin
		p.says = append(p.says, r.says())
		if len(op.IDs) == 1 {
			p.item.Object, p.item.Version, p.item.RoleID, p.item.ResourceID = r.ID, r.Version, r.RoleID, r.ResourceID
		}
	}
	if left == 0 {
		return p, first
	}
	return p, nil
}

// goes is an assignment that may be taken away.
type goes struct {
	pim.Assignment
	role   pim.RoleDefinition
	what   string
	holder string
}

func (g goes) says() string {
	return fmt.Sprintf("%s is no longer %s for %s; what was activated with it ends.", g.holder, g.Kind, g.what)
}

func removable(tx *store.Tx, who pim.Principal, id string) (g goes, err error) {
	r := tx.Reader
	if g.Assignment, err = manageable(r, who, id); err != nil {
		return g, err
	}
	if !g.EndedAt.IsZero() {
		return g, pim.Refuse(pim.KindConflict, "This assignment is over already.")
	}
	if g.RoleID == pim.RoleAdministrator {
		if err = keepAdministrator(tx, func() error { return moved(tx.EndAssignment(g.Assignment, false)) }); err != nil {
			return g, err
		}
	}
	if g.role, err = r.Role(g.RoleID); err != nil && !gone(err) {
		return g, err
	}
	if g.what, err = roleAt(r, g.Assignment); err != nil {
		return g, err
	}
	names, err := r.Names([]string{g.PrincipalID})
	g.holder = names[g.PrincipalID]
	return g, err
}

// ticketFor refuses a removal without a ticket where the settings of the role want one.
func (q AssignmentRemoval) ticketFor(r *store.Reader, g goes) error {
	_, _, eff, err := effective(r, g.RoleID, g.ResourceID)
	if err != nil && !gone(err) {
		return err
	}
	if refusal := pim.CheckTicket(q.TicketNumber, q.TicketSystem, err == nil && eff.Ticket); refusal != nil {
		return refusal
	}
	return nil
}

func (op *removing) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/assignments"}
	err := eachAlone(tx, who, op.Results, "unassign", len(op.IDs), func(i int) (pim.ItemResult, error) {
		r := pim.ItemResult{Refused: op.Refused[i]}
		asg, err := manageable(tx.Reader, who, op.IDs[i])
		if err == nil {
			r.RoleID, r.ResourceID, r.PrincipalID, r.AssignmentID = asg.RoleID, asg.ResourceID, asg.PrincipalID, op.IDs[i]
		} else if refused(err) {
			err = nil // a result that names nothing
		}
		return r, err
	}, func(i int, _ *pim.ItemResult) error {
		return b.removeAssignment(tx, who, op.IDs[i], op.AssignmentRemoval, evidence)
	})
	if len(op.IDs) == 1 {
		out.Done = "Removed. What was activated with it is being taken away."
	} else {
		out.ResultsID = op.Results
	}
	return out, err
}

// removeAssignment looks again: what went before it in the same operation counts.
func (b *Broker) removeAssignment(tx *store.Tx, who pim.Principal, id string, why AssignmentRemoval, evidence string) error {
	g, err := removable(tx, who, id)
	if err == nil {
		err = why.ticketFor(tx.Reader, g)
	}
	if err != nil {
		return err
	}
	if err := b.endAssignmentFor(tx, g.Assignment, who.ID, false, why, evidence); err != nil {
		return err
	}
	holder, err := tx.Principal(g.PrincipalID)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s removed %s to %s", who.Name, yours(holder), g.what)
	if why.Reason != "" {
		text += ": " + why.Reason
	}
	if holder.Kind == pim.Workload {
		return tellOwners(tx, holder, text+".", "/assignments/"+id, who.ID)
	}
	if holder.Kind != pim.Person || holder.ID == who.ID {
		return nil
	}
	return notify(tx, text+".", "/my-roles", holder.ID)
}
