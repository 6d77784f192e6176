package web

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"stint/internal/broker"
	"stint/internal/store"
	"stint/views"
)

// typedOut reports whether the name that confirms something dangerous was typed, exactly but for what nobody sees: names
// that a provider or a directory gives may hold any of it. What was typed instead stays in the field.
func typedOut(q *request, t *views.Typed) bool {
	typed := storable(q.FormValue("typed"))
	t.Value = clip(typed, 500)
	if name := visible(t.Name); name == "" || visible(typed) == name {
		return true
	}
	t.Error = "Type the name exactly as it is written here, with its capitals."
	return false
}

// visible is a name as it is read: one space for several, composed letters, nothing that has no width.
func visible(name string) string {
	seen := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, norm.NFC.String(name))
	return strings.Join(strings.Fields(seen), " ")
}

// typedForAdministrator asks for the name of whoever administers Stint, or may.
func typedForAdministrator(r *store.Reader, personID, name string) (t views.Typed, err error) {
	able, err := broker.MayBecomeAdministrator(r, personID)
	if able {
		t.Name = name
	}
	return t, err
}
