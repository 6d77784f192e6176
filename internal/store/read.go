package store

import (
	"context"
	"time"
)

// readers is how many snapshots are read at once.
const readers = 8

// Reader reads one consistent snapshot. Its methods stand in the file of their noun.
type Reader struct {
	ctx  context.Context
	db   conn
	Now  time.Time // one instant for the whole snapshot
	size int64

	memory  *memory
	version string // of the definitions; empty: not read yet
}

// LogSize is how many audit entries this snapshot holds at least. What is kept in memory as long as the
// log does not grow is kept by this number: other nodes write too.
func (r *Reader) LogSize() int64 { return r.size }

// Read runs fn on a read-only snapshot.
func Read[T any](ctx context.Context, s *Store, fn func(*Reader) (T, error)) (v T, err error) {
	size := s.Head().Size
	l, at, err := s.takeReader(ctx)
	if err != nil {
		return v, err
	}
	// A canceled request must still give its snapshot back.
	defer func() {
		ctx, cancel := s.bounded(context.WithoutCancel(ctx))
		defer cancel()
		s.giveReader(l, l.run(ctx, "ROLLBACK") == nil)
	}()
	if at != nil {
		size = at.size
	}
	return fn(&Reader{ctx: ctx, db: l, Now: s.clock.Now(), size: size, memory: &s.memory})
}

// takeReader waits for a free connection and begins a snapshot. A broken one was left out of the pool and
// is made anew; one that broke while nobody used it is replaced at once.
func (s *Store) takeReader(ctx context.Context) (*link, *place, error) {
	var l *link
	select {
	case l = <-s.pool:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	case <-s.quit:
		return nil, nil, ErrClosed
	}
	for kept := l != nil; ; kept = false {
		var err error
		if l == nil {
			l, err = s.newLink(ctx, s.r)
		}
		var at *place
		if err == nil {
			at, err = s.engine.snapshot(ctx, l)
		}
		if err == nil {
			return l, at, nil
		}
		if !kept || !s.engine.again(err) {
			s.giveReader(l, false)
			return nil, nil, err
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
