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
	l, err := s.takeReader(ctx)
	if err != nil {
		return v, err
	}
	healthy := false
	defer func() { s.giveReader(l, healthy) }()
	reader := &Reader{ctx: ctx, db: l, size: s.Head().Size, memory: &s.memory}
	at, err := s.engine.snapshot(ctx, l)
	if err != nil {
		return v, err
	}
	// A canceled request must still give its snapshot back.
	defer func() {
		ctx, cancel := s.bounded(context.WithoutCancel(ctx))
		defer cancel()
		healthy = l.run(ctx, "ROLLBACK") == nil
	}()
	if at != nil {
		reader.size = at.size
	}
	reader.Now = s.clock.Now()
	return fn(reader)
}

// takeReader waits for a free connection; a broken one was left out of the pool and is made anew.
func (s *Store) takeReader(ctx context.Context) (*link, error) {
	select {
	case l := <-s.pool:
		if l != nil {
			return l, nil
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.quit:
		return nil, ErrClosed
	}
	l, err := s.newLink(ctx, s.r)
	if err != nil {
		s.pool <- nil
	}
	return l, err
}

func (s *Store) giveReader(l *link, healthy bool) {
	if !healthy {
		_ = l.close() // the connection is broken already
		l = nil
	}
	s.pool <- l
}
