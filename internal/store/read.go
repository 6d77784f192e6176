package store

import (
	"context"
	"time"
)

// readers is how many snapshots are read at once.
const readers = 8

// Reader reads one consistent snapshot. Its methods stand in the file of their noun.
type Reader struct {
	ctx context.Context
	db  conn
	Now time.Time // one instant for the whole snapshot

	memory  *memory
	version string // of the definitions; empty: not read yet
}

// Read runs fn on a read-only snapshot.
func Read[T any](ctx context.Context, s *Store, fn func(*Reader) (T, error)) (v T, err error) {
	l, err := s.takeReader(ctx)
	if err != nil {
		return v, err
	}
	// A canceled request must still give its snapshot back.
	defer func() {
		ctx, cancel := s.bounded(context.WithoutCancel(ctx))
		defer cancel()
		s.giveReader(l, l.run(ctx, "ROLLBACK") == nil)
	}()
	return fn(&Reader{ctx: ctx, db: l, Now: s.clock.Now(), memory: &s.memory})
}

// takeReader waits for a free connection and begins a snapshot. A broken one was left out of the pool and
// is made anew; one that broke while nobody used it is replaced at once.
func (s *Store) takeReader(ctx context.Context) (*link, error) {
	var l *link
	select {
	case l = <-s.pool:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.quit:
		return nil, ErrClosed
	}
	begin, cancel := s.bounded(ctx)
	defer cancel()
	for kept := l != nil; ; kept = false {
		var err error
		if l == nil {
			if l, err = s.newLink(begin, s.r); err == nil {
				l.ran = &s.asked
			}
		}
		if err == nil {
			err = s.engine.snapshot(begin, l)
		}
		if err == nil {
			return l, nil
		}
		if !kept || !s.engine.again(err) {
			s.giveReader(l, false)
			return nil, err
		}
		_ = l.close() // broken
		l = nil
	}
}

func (s *Store) giveReader(l *link, healthy bool) {
	if !healthy && l != nil {
		_ = l.close() // the connection is broken already
		l = nil
	}
	s.pool <- l
}
