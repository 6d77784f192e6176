package store

import (
	"context"
	"database/sql"
	"time"
)

// Reader reads one consistent snapshot. Its methods stand in the file of their noun.
type Reader struct {
	ctx context.Context
	db  conn
	Now time.Time // one instant for the whole snapshot
}

// Read runs fn on a read-only snapshot.
func Read[T any](ctx context.Context, s *Store, fn func(*Reader) (T, error)) (T, error) {
	var zero T
	tx, err := s.r.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return zero, err
	}
	defer tx.Rollback() //nolint:errcheck // a read has nothing to lose
	return fn(&Reader{ctx: ctx, db: tx, Now: s.clock.Now()})
}
