// Package static holds what the browser fetches beside the pages: the stylesheet, the pinned htmx, the
// few small scripts, the icons and the font.
//
// It owns the addresses: [URL] gives each file a name with a hash of its bytes, and [Handler] serves only
// those names, so a browser may keep every answer for a year. It hands off nothing and imports nothing of
// Stint. No script here writes HTML: the pages run under Trusted Types (DESIGN §6).
package static
