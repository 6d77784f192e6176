package broker

import (
	"context"
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionLinkPeople] = func() operation { return &linkPeople{} }
	operations[pim.ActionUnlinkPerson] = func() operation { return &unlinkPerson{} }
}

// linkPeople says that two principals are one human: from then on they are one wherever persons are compared. It
// narrows, so one administrator is enough.
type linkPeople struct{ ID, Other string }

// LinkPeople makes two principals one person (THREATS T10).
func (b *Broker) LinkPeople(ctx context.Context, actor Actor, id, other string) (Outcome, error) {
	return b.operate(ctx, actor, accessPage(id), &linkPeople{ID: id, Other: other})
}

func (o *linkPeople) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionLinkPeople, Object: o.ID}, touch: true, admins: true}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	a, b, err := twoPeople(tx.Reader, o.ID, o.Other)
	if err != nil {
		return p, err
	}
	if a.Same(b.PersonID) {
		return p, pim.Invalid("other", "%s and %s are one person already.", a.Name, b.Name)
	}
	if err := refuseOwnDecisions(tx.Reader, a, b); err != nil {
		return p, err
	}
	p.says = []string{a.Name + " and " + b.Name + " are one person from now on: neither approves, confirms or recovers for the other.",
		"What only the other one could approve waits for nobody and times out."}
	return p, keepAdministrator(tx, func() error { return tx.MergePeople(b.PersonID, a.PersonID) })
}

func twoPeople(r *store.Reader, id, other string) (a, b pim.Principal, err error) {
	if a, err = personOf(r, id); err != nil {
		return a, b, err
	}
	if b, err = personOf(r, other); err != nil {
		return a, b, pim.Invalid("other", "Choose the other account of this person.")
	}
	if a.ID == b.ID {
		err = pim.Invalid("other", "This is the same account.")
	}
	return a, b, err
}

// refuseOwnDecisions refuses to make two principals one person while something open was approved by the one for the
// other, or while both have the same role open: afterwards it would be an approval of one's own.
func refuseOwnDecisions(r *store.Reader, a, b pim.Principal) error {
	for _, pair := range [][2]pim.Principal{{a, b}, {b, a}} {
		asker, decider := pair[0], pair[1]
		open, err := r.OpenActivationsOf(asker.PersonID)
		if err != nil {
			return err
		}
		for _, act := range open {
			if err := refuseOwnDecision(r, act, decider); err != nil {
				return err
			}
		}
	}
	twice, err := r.DecidedByBoth(a.PersonID, b.PersonID)
	if err == nil && twice > 0 {
		err = pim.Refuse(pim.KindConflict, "%s and %s both decided a request that still waits, and would count twice. Let it be decided first.", a.Name, b.Name)
	}
	return err
}

func refuseOwnDecision(r *store.Reader, act pim.Activation, decider pim.Principal) error {
	decisions, err := r.Decisions(act.ID)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(decisions, func(d pim.ApprovalDecision) bool { return d.PersonID == decider.PersonID }) {
		return &pim.Refusal{Kind: pim.KindConflict, Object: act.ID,
			Message: decider.Name + " approved an activation of the other one that is still open. End it first: it would be an approval of one’s own."}
	}
	same, err := r.OpenActivations(decider.PersonID, act.RoleID, act.ResourceID)
	if err == nil && len(same) > 0 {
		err = &pim.Refusal{Kind: pim.KindConflict, Object: act.ID, Message: "Both have the same role open. End one of them first: a person has it once."}
	}
	return err
}

func (o *linkPeople) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: accessPage(o.ID), Done: "Linked. They count as one person now."}
	a, b, err := twoPeople(tx.Reader, o.ID, o.Other)
	if err != nil {
		return out, err
	}
	if err := tx.MergePeople(b.PersonID, a.PersonID); err != nil {
		return out, err
	}
	tx.Emit(confirmedBy(pim.PersonEvent(pim.EvPeopleLinked, who.ID, a.ID, b.ID), evidence))
	return out, tellOfLink(tx, a, b, who.Name+" linked "+a.Name+" and "+b.Name+": they count as one person now.")
}

func tellOfLink(tx *store.Tx, a, b pim.Principal, text string) error {
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	return notify(tx, text, accessPage(a.ID), unique(append(people, a.ID, b.ID))...)
}

func unique(ids []string) []string { return slices.Compact(slices.Sorted(slices.Values(ids))) }

// unlinkPerson says that a principal is another human than those it was linked with. It widens: who could not decide
// for the other can afterwards. So nothing of either may be open, and nobody does it to their own accounts.
type unlinkPerson struct{ ID string }

// UnlinkPerson makes a principal a person of its own again.
func (b *Broker) UnlinkPerson(ctx context.Context, actor Actor, id string) (Outcome, error) {
	return b.operate(ctx, actor, accessPage(id), &unlinkPerson{ID: id})
}

func (o *unlinkPerson) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: pim.StepUpItem{Action: pim.ActionUnlinkPerson, Object: o.ID}, touch: true}
	if err := administers(tx.Reader, who, ""); err != nil {
		return p, err
	}
	h, err := personOf(tx.Reader, o.ID)
	if err != nil {
		return p, err
	}
	others, err := tx.PeopleOf(h.PersonID)
	if err != nil {
		return p, err
	}
	if len(others) < 2 {
		return p, pim.Refuse(pim.KindConflict, "%s is linked with nobody.", h.Name)
	}
	mine, err := samePeople(tx.Reader, who.ID)
	if err != nil {
		return p, err
	}
	if mine[h.ID] {
		return p, pim.Refuse(pim.KindConflict, "Nobody unlinks their own accounts. Another administrator has to.")
	}
	open, err := tx.OpenActivationsOf(h.PersonID)
	if err == nil && len(open) > 0 {
		err = pim.Refuse(pim.KindConflict, "Something of this person is still open. End it first: the other account could approve it afterwards.")
	}
	p.says = []string{h.Name + " is a person of their own again, and may approve for those they were linked with.",
		"Accounts that share one at a target stay one person there."}
	return p, err
}

func (o *unlinkPerson) apply(_ *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error) {
	out := Outcome{Back: accessPage(o.ID), Done: "Unlinked. They count as two people now."}
	h, err := personOf(tx.Reader, o.ID)
	if err != nil {
		return out, err
	}
	people, err := tx.PeopleOf(h.PersonID)
	if err != nil {
		return out, err
	}
	others := slices.DeleteFunc(people, func(p pim.Principal) bool { return p.ID == h.ID })
	if len(others) == 0 {
		return out, moved(store.ErrConflict)
	}
	if h.PersonID == h.ID { // the others have their name from this one
		if err := tx.MergePeople(h.ID, others[0].ID); err != nil {
			return out, err
		}
		if h, err = personOf(tx.Reader, o.ID); err != nil {
			return out, err
		}
	}
	h.PersonID = h.ID
	if err := tx.UpdatePrincipal(h); err != nil {
		return out, moved(err)
	}
	tx.Emit(confirmedBy(pim.PersonEvent(pim.EvPersonUnlinked, who.ID, h.ID, others[0].ID), evidence))
	return out, tellOfLink(tx, h, others[0], who.Name+" unlinked "+h.Name+": they count as a person of their own now.")
}
