package store

import (
	"context"
	"time"

	"stint/internal/audit"
)

// lookEvery is how often a node asks whether another one wrote: its pages follow within a second (DESIGN §6).
const lookEvery = 500 * time.Millisecond

// span is some entries of the log: from the first, up to but without the second.
type span struct{ from, to int64 }

// watch looks for what other nodes wrote until the store closes.
func (s *Store) watch() {
	defer s.done.Done()
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		select {
		case <-s.quit:
			return
		case <-t.C:
			_ = s.look(context.Background()) // that the database is away is told by whoever needs it
		}
	}
}

// look takes over the clock and the head that other nodes moved, and announces what they wrote.
func (s *Store) look(ctx context.Context) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	known := s.getHead()
	at, err := s.engine.look(ctx, s.r)
	if err != nil || at == nil {
		return err
	}
	s.clock.follow(*at)
	head, err := s.headAt(ctx, s.r, known, *at)
	if err != nil {
		return err
	}
	s.grow(head)
	return s.announceOthers(ctx, head.Size)
}

// grow moves the head forward only: the writer may have moved it further meanwhile.
func (s *Store) grow(h audit.Head) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.Size > s.head.Size {
		s.head = h
	}
}

// wrote remembers what this node announced itself.
func (s *Store) wrote(entries span) {
	if !s.engine.shared() || entries.from == entries.to {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.own = append(s.own, entries)
}

// announceOthers tells the watchers what other nodes wrote up to a size of the log.
func (s *Store) announceOthers(ctx context.Context, size int64) error {
	for _, others := range s.foreign(size) {
		for others.from < others.to {
			c, err := s.changeIn(ctx, others)
			if err != nil {
				return err
			}
			s.tell(c)
			others.from += int64(len(c.Entries))
			s.told.Store(others.from)
		}
	}
	s.told.Store(size)
	return nil
}

// foreign lists what was not announced yet; what this node wrote is left out, and forgotten.
func (s *Store) foreign(size int64) (out []span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := s.told.Load()
	rest := s.own[:0]
	for _, mine := range s.own { // in the order of the log
		if mine.from >= size {
			rest = append(rest, mine)
			continue
		}
		if mine.from > from {
			out = append(out, span{from, mine.from})
		}
		from = max(from, mine.to)
	}
	s.own = rest
	if from < size {
		out = append(out, span{from, size})
	}
	return out
}

// changeIn reads a page of entries and whose notices came with them.
func (s *Store) changeIn(ctx context.Context, entries span) (c Change, err error) {
	r := &Reader{ctx: ctx, db: s.r}
	rows, err := many(r, scanEntryRow, "SELECT seq, leaf FROM audit_entries WHERE seq >= $1 AND seq < $2 ORDER BY seq LIMIT $3", entries.from, entries.to, verifyPage)
	if err != nil {
		return c, err
	}
	for _, row := range rows {
		c.Entries = append(c.Entries, row.Entry)
	}
	if len(rows) == 0 {
		return c, ErrNotFound
	}
	c.People, err = many(r, scanString, "SELECT DISTINCT principal_id FROM notices WHERE created_at >= $1 AND created_at <= $2",
		us(rows[0].At), us(rows[len(rows)-1].At))
	return c, err
}
