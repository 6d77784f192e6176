package signin

import (
	"net/url"
	"path"
	"strings"
)

const maxReturnTo = 2048 // bytes, before and after

// ReturnTo returns raw as a path of this site, parsed and written again, or "/" when it could lead
// anywhere else (THREATS T6, RFC 9700 §4.11). The query is kept, sorted; a fragment is dropped.
func ReturnTo(raw string) string {
	if len(raw) > maxReturnTo || !strings.HasPrefix(raw, "/") || ambiguous(raw) {
		return "/"
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return "/"
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || ambiguous(u.Path) || !strings.HasPrefix(u.Path, "/") || strings.Contains(u.Path, "//") {
		return "/"
	}
	safe := (&url.URL{Path: path.Clean(u.Path), RawQuery: query.Encode()}).String()
	if len(safe) > maxReturnTo {
		return "/"
	}
	return safe
}

// ambiguous finds what browsers drop or turn into a slash and servers do not (WHATWG URL §4.4).
func ambiguous(s string) bool {
	return strings.Contains(s, `\`) || strings.ContainsFunc(s, isControl)
}
