package web

import (
	"strings"

	"stint/internal/broker"
	"stint/internal/store"
	"stint/views"
)

// typedOut reports whether the name that confirms something dangerous was typed, exactly but for spaces around it. What
// was typed instead stays in the field.
func typedOut(q *request, t *views.Typed) bool {
	t.Value = clip(storable(q.FormValue("typed")), 500)
	if t.Name == "" || strings.TrimSpace(t.Value) == strings.TrimSpace(t.Name) {
		return true
	}
	t.Error = "Type the name exactly as it is written here, with its capitals."
	return false
}

// typedForAdministrator asks for the name of whoever administers Stint, or may.
func typedForAdministrator(r *store.Reader, personID, name string) (t views.Typed, err error) {
	able, err := broker.MayBecomeAdministrator(r, personID)
	if able {
		t.Name = name
	}
	return t, err
}
