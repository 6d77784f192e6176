package broker

import (
	"context"
	"fmt"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionAssign] = func() operation { return &assigning{} }
}

// Place is a role on a resource.
type Place struct {
	RoleID     string
	ResourceID string
}

// AssignRequest gives several principals one role on one resource, or one principal several (K-21).
type AssignRequest struct {
	Principals []string
	Places     []Place
	pim.AssignmentTerms
	Justification string
	TicketNumber  string
	TicketSystem  string
}

// check refuses what no rule has to be asked about.
func (q AssignRequest) check() *pim.Refusal {
	seen := map[string]bool{}
	for _, id := range q.Principals {
		if seen[id] {
			return pim.Invalid("pick", "One of them is chosen twice. Choose each once.")
		}
		seen[id] = true
	}
	for _, p := range q.Places {
		key := p.RoleID + " " + p.ResourceID
		if seen[key] {
			return pim.Invalid("role", "One role is chosen twice. Choose each once.")
		}
		seen[key] = true
	}
	switch n := len(q.Principals) * len(q.Places); {
	case len(q.Principals) == 0:
		return pim.Invalid("pick", "Choose who gets it.")
	case len(q.Places) == 0:
		return pim.Invalid("role", "Choose a role and a resource.")
	case n > pim.MaxAssign:
		return pim.Invalid("pick", "At most %d assignments at once; these are %d. Choose fewer.", pim.MaxAssign, n)
	}
	return nil
}

// assigning makes assignments: each is refused alone (invariant 4).
type assigning struct {
	Request AssignRequest
	Results string
	Items   []assignItem

	fresh  bool // not read from a ceremony: what is refused now is refused for good
	judged []judged
}

// assignItem is one assignment to make, with the end that was shown.
type assignItem struct {
	ID          string
	PrincipalID string
	Place
	End     time.Time
	Refused string // why it is not made
	Hidden  bool   // who asks may not know what stands at that place (T33)
}

// Assign makes assignments in one operation. Where every one of them is refused the first refusal is the answer.
func (b *Broker) Assign(ctx context.Context, actor Actor, q AssignRequest, back string) (Outcome, error) {
	if refusal := q.check(); refusal != nil {
		return Outcome{}, refusal
	}
	op := &assigning{Request: q, Results: NewID(), fresh: true}
	for _, id := range q.Principals {
		for _, p := range q.Places {
			op.Items = append(op.Items, assignItem{ID: NewID(), PrincipalID: id, Place: p})
		}
	}
	return b.operate(ctx, actor, back, op)
}

func (op *assigning) prepare(b *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionAssign, Object: op.Results}}
	op.judged = make([]judged, len(op.Items))
	var first *pim.Refusal
	left := 0
	for i := range op.Items {
		item := &op.Items[i]
		if !op.fresh && item.Refused != "" {
			continue
		}
		j, refusal, err := b.judgeNew(tx.Reader, who, op.Request, *item, op.fresh)
		if err != nil {
			return p, err
		}
		op.judged[i] = j
		item.Hidden = refusal != nil && refusal.Kind == pim.KindNotFound
		if item.Refused = ""; refusal != nil {
			item.Refused = refusal.Message
			tx.Emit(pim.AssignmentRefused(j.after, who.ID, refusal.Verdicts, clip(op.Request.Justification)))
			if first == nil {
				first = refusal
			}
			continue
		}
		left++
		item.End = j.after.EndsAt
		p.touch = p.touch || j.touch
		p.says = append(p.says, j.says())
		if len(op.Items) == 1 {
			p.item.RoleID, p.item.ResourceID = item.RoleID, item.ResourceID
		}
	}
	if left == 0 && first != nil {
		return p, first
	}
	return p, nil
}

// judgeNew judges one item; its end is the one that was shown, where that was so.
func (b *Broker) judgeNew(r *store.Reader, who pim.Principal, q AssignRequest, item assignItem, fresh bool) (judged, *pim.Refusal, error) {
	t := q.AssignmentTerms
	if !fresh {
		t.End = item.End
		t.Permanent = item.End.IsZero()
	}
	return judgeAssignment(r, who, ask{assignment: pim.Assignment{ID: item.ID, PrincipalID: item.PrincipalID, RoleID: item.RoleID, ResourceID: item.ResourceID,
		Justification: q.Justification, TicketNumber: q.TicketNumber, TicketSystem: q.TicketSystem}, terms: t})
}

func (op *assigning) apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: "/assignments"}
	err := eachAlone(tx, who, op.Results, "assign", len(op.Items), func(i int) (pim.ItemResult, error) {
		item := op.Items[i]
		r := pim.ItemResult{PrincipalID: item.PrincipalID, Refused: item.Refused}
		if !item.Hidden {
			r.RoleID, r.ResourceID = item.RoleID, item.ResourceID
		}
		return r, nil
	}, func(i int, r *pim.ItemResult) error {
		if err := b.makeAssignment(tx, who, op.judged[i], evidence); err != nil {
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

// makeAssignment inserts an assignment with its event, its grants and who is told.
func (b *Broker) makeAssignment(tx *store.Tx, who pim.Principal, j judged, evidence string, facts ...string) error {
	if j.stale != nil { // its time is up and nobody recorded that yet
		if err := b.endAssignment(tx, *j.stale, pim.System, true); err != nil {
			return err
		}
	}
	if err := tx.InsertAssignment(j.after); err != nil {
		return err
	}
	e := pim.AssignmentMade(pim.EvAssignmentMade, j.after, who.ID, evidence)
	for i := 0; i+1 < len(facts); i += 2 {
		e = e.With(facts[i], facts[i+1])
	}
	tx.Emit(j.loud(e))
	if j.after.Kind == pim.Active {
		if err := syncAssignment(tx, j.after); err != nil {
			return err
		}
	}
	if err := j.tell(tx, who); err != nil {
		return err
	}
	return tellAssigned(tx, j.after, j.principal, fmt.Sprintf("%s made %s %s for %s", who.Name, you(j.principal), j.after.Kind, j.what()+untilWords(j.after)))
}

// says is the sentence the touch restates.
func (j judged) says() string {
	s := fmt.Sprintf("%s becomes %s for %s%s.", j.principal.Name, j.after.Kind, j.what(), untilWords(j.after))
	if j.after.StartsAt.After(j.now) {
		s = strings.TrimSuffix(s, ".") + ", from " + pim.FormatInstant(j.after.StartsAt) + " on."
	}
	if j.alone {
		s += " This is yourself: nobody else is able to, and every administrator is told."
	}
	return s
}

func (j judged) done() string {
	return fmt.Sprintf("%s is %s for %s%s.", j.principal.Name, j.after.Kind, j.what(), untilWords(j.after))
}

// what is the role with its place.
func (j judged) what() string { return j.role.Name + " on " + j.path.Leaf().Name }

func untilWords(a pim.Assignment) string {
	if a.EndsAt.IsZero() {
		return ", without an end"
	}
	return " until " + pim.FormatInstant(a.EndsAt)
}
