package store

import "stint/internal/audit"

// Change is what a commit was about: enough to tell whose pages show something else now, and no more.
type Change struct {
	Entries []audit.Entry // what was recorded; of these, only the numbers are not known yet
	People  []string      // whose notices changed
}

// Watch has fn called after each commit that recorded something or changed notices, in the order of the
// commits, and within a second of what other nodes recorded. fn may be called from two goroutines at once,
// returns at once and writes nothing: the writer waits for it.
func (s *Store) Watch(fn func(Change)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers = append(s.watchers[:len(s.watchers):len(s.watchers)], fn)
}

// announce tells the watchers what a committed batch was about.
func (s *Store) announce(batch []*job) {
	var c Change
	for _, j := range batch {
		for _, d := range j.events {
			c.Entries = append(c.Entries, d.entry)
		}
		c.People = append(c.People, j.people...)
	}
	s.tell(c)
}

func (s *Store) tell(c Change) {
	if len(c.Entries)+len(c.People) == 0 {
		return
	}
	s.mu.Lock()
	watchers := s.watchers
	s.mu.Unlock()
	for _, fn := range watchers {
		fn(c)
	}
}
