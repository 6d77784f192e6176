package broker

import (
	"context"
	"encoding/json"

	"stint/internal/pim"
	"stint/internal/store"
)

// operation is an administrative change as a value: it survives as JSON between the form and the touch, and is
// executed exactly as it was stored (invariant 4). Ids it makes are made before, so that it may run twice.
type operation interface {
	// prepare decides in the transaction: may this person do this now, and what does a touch confirm? Whatever is
	// refused is refused here, before anything is written.
	prepare(b *Broker, tx *store.Tx, who pim.Principal) (prepared, error)
	// apply makes the change with its events and follow-up. evidence names the step-up; empty without one.
	apply(b *Broker, tx *store.Tx, who pim.Principal, evidence string) (Outcome, error)
}

// prepared is what an operation needs to go on.
type prepared struct {
	item   pim.StepUpItem // what is confirmed; without a commitment, which is made of the whole change
	touch  bool           // a passkey confirms it
	says   []string       // what will happen, a sentence each, restated at the touch
	admins bool           // who is able to administer Stint may depend on it
	lessen bool           // it only takes away, so that a passkey in quarantine may confirm it (THREATS T2)
}

// operations make the empty operation of each action, to be filled from a stored change.
var operations = map[pim.StepUpAction]func() operation{}

// operate makes a change, or asks for the touch it needs.
func (b *Broker) operate(ctx context.Context, actor Actor, back string, op operation) (Outcome, error) {
	ceremony, random, salt := NewID(), randomBytes(32), randomBytes(32)
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		who, err := person(tx.Reader, actor)
		if err != nil {
			return Outcome{}, err
		}
		p, err := op.prepare(b, tx, who)
		if err != nil {
			return Outcome{}, err
		}
		if !p.touch {
			return op.apply(b, tx, who, "")
		}
		if p.admins {
			warned, err := warnOfEnd(tx, func() error { _, err := op.apply(b, tx, who, ""); return err })
			if err != nil {
				return Outcome{}, err
			}
			p.says = append(p.says, warned...)
		}
		change, err := json.Marshal(op)
		if err != nil {
			return Outcome{}, err
		}
		p.item.Commitment = commitReason(salt, string(change))
		return b.begin(tx, actor, who, pending{Items: []pim.StepUpItem{p.item}, Salt: salt, Says: p.says, Change: change}, ceremony, random, back)
	})
}

// operationConfirmed decides again and makes the change, when what was signed is still what it is.
func (b *Broker) operationConfirmed(ctx context.Context, actor Actor, p pending, su pim.StepUp) (Outcome, error) {
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		op := operations[p.Items[0].Action]()
		if err := json.Unmarshal(p.Change, op); err != nil {
			return Outcome{}, err
		}
		who, err := person(tx.Reader, actor)
		if err != nil {
			return Outcome{}, err
		}
		now, err := op.prepare(b, tx, who)
		if err != nil {
			return Outcome{}, err
		}
		now.item.Commitment = commitReason(p.Salt, string(p.Change))
		if !itemsMatch(su, who.PersonID, []pim.StepUpItem{now.item}) {
			return Outcome{}, pim.Refuse(pim.KindConflict, "This changed since you confirmed. Look at it again.")
		}
		if !now.lessen {
			role, err := tx.Role(pim.RoleAdministrator)
			if err != nil {
				return Outcome{}, err
			}
			if err := keyCounts(tx.Reader, who, role, su); err != nil {
				return Outcome{}, err
			}
		}
		if now.lessen {
			if err := keepsHelp(tx, who, su, func() error { _, err := op.apply(b, tx, who, su.Digest()); return err }); err != nil {
				return Outcome{}, err
			}
		}
		if err := spend(tx, su); err != nil {
			return Outcome{}, err
		}
		if !now.admins {
			return op.apply(b, tx, who, su.Digest())
		}
		return watchEnd(tx, who.ID, func() (Outcome, error) { return op.apply(b, tx, who, su.Digest()) })
	})
}
