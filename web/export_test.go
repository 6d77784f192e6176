package web

import (
	"errors"
	"strconv"
)

// Break adds routes that fail: /broken returns an error, /panics panics.
func (s *Server) Break() {
	s.mount(s.echo, route{get, "/broken", anonymous, func(*Server, *request) error { return errors.New("the secret inside") }})
	s.mount(s.echo, route{get, "/panics", anonymous, func(*Server, *request) error { panic("the secret inside") }})
}

// RouteInfo is a line of the route table, for tests that walk it.
type RouteInfo struct{ Method, Path, Who string }

// Routes lists the route table.
func Routes() []RouteInfo {
	var out []RouteInfo
	for _, r := range routes {
		out = append(out, RouteInfo{r.method, r.path, string(r.who)})
	}
	return out
}

// FillStreams opens streams of as many people; empty closes them.
func FillStreams(s *Server, n int) (empty func()) {
	var open []*stream
	for i := range n {
		if st, ok := s.streams.add(strconv.Itoa(i), strconv.Itoa(i), nil); ok {
			open = append(open, st)
		}
	}
	return func() {
		for _, st := range open {
			s.streams.remove(st)
		}
	}
}

// OpenStreams counts the open streams.
func OpenStreams(s *Server) int {
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	return len(s.streams.open)
}
