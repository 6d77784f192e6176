package web

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
