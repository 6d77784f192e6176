package broker

import (
	"context"

	"stint/internal/store"
)

// RecheckNarrower is what applying a file does after it changed a resource.
func (b *Broker) RecheckNarrower(ctx context.Context) error {
	return do(ctx, b, func(tx *store.Tx) error { return b.recheckNarrower(tx) })
}
