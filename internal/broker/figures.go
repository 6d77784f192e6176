package broker

import (
	"context"

	"stint/internal/store"
)

// Figures are what a node tells of itself and its database to whoever watches it.
type Figures struct {
	store.Figures
	Paused bool // nothing is granted, see Paused
}

// Figures reads how things stand now.
func (b *Broker) Figures(ctx context.Context) (Figures, error) {
	f, err := store.Read(ctx, b.store, (*store.Reader).Figures)
	return Figures{f, b.Paused() != ""}, err
}
