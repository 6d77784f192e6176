package broker

import (
	"context"

	"stint/internal/pim"
	"stint/internal/store"
)

// RecheckNarrower is what applying a file does after it changed a resource.
func (b *Broker) RecheckNarrower(ctx context.Context) error {
	return do(ctx, b, func(tx *store.Tx) error { return b.recheckNarrower(tx) })
}

// InsertActive makes an active assignment with its needs, as a file does.
func InsertActive(tx *store.Tx, a pim.Assignment) error {
	if err := tx.InsertAssignment(a); err != nil {
		return err
	}
	return syncAssignment(tx, a)
}

// EndAssignment ends one with everything that rests on it.
func (b *Broker) EndAssignment(tx *store.Tx, a pim.Assignment) error {
	return b.endAssignment(tx, a, pim.System, false)
}

// CarryOn carries out a part of what was decided, and reports whether there is more.
func (b *Broker) CarryOn(ctx context.Context) (bool, error) { return b.carryOn(ctx) }

// LongRefused is a kind of large change one thing of which is refused until meta says that it may be: as if two rules
// contradicted each other.
const LongRefused pim.LongChangeKind = "refused"

func init() {
	phasesOf[LongRefused] = []phase{{"things", false, func(r *store.Reader, _ pim.LongChange) (left []string, err error) {
		for _, item := range []string{"a", "b\nthere", "c"} {
			if done, bad := r.Meta("done:" + item); bad != nil || done == "" {
				left, err = append(left, item), bad
			}
		}
		return left, err
	}, func(_ *Broker, tx *store.Tx, _ pim.LongChange, item string) (bool, error) {
		if may, err := tx.Meta("may"); err != nil || item == "b\nthere" && may == "" {
			return false, pim.Refuse(pim.KindConflict, "Not this one.")
		}
		return true, tx.SetMeta("done:"+item, "yes")
	}}}
}

// ReviewAll carries on with reviews until none has anything to do now.
func (b *Broker) ReviewAll(ctx context.Context) error { return b.reviewAll(ctx) }
