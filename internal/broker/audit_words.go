package broker

import (
	"context"

	"stint/internal/store"
)

// indexWords takes the words of new entries into their index, at most once a beat: one commit for all that was written
// since. A long log without an index, as an older database has it, is followed piece by piece.
func (b *Broker) indexWords(ctx context.Context) error {
	now := b.clock().UnixMicro()
	if last := b.words.Load(); now-last < beat.Microseconds() && now >= last {
		return nil
	}
	b.words.Store(now)
	behind, err := store.Read(ctx, b.store, func(r *store.Reader) (bool, error) { return r.Unindexed() })
	if err != nil || !behind {
		return err
	}
	more, err := store.Write(ctx, b.store, func(tx *store.Tx) (bool, error) { return tx.IndexWords() })
	if more {
		b.words.Store(0)
		b.Wake()
	}
	return err
}
