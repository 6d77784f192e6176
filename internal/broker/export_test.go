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
