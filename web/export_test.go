package web

import "errors"

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

// OpenStreams counts the open streams.
func OpenStreams(s *Server) int {
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	return len(s.streams.open)
}
