package connector

// Field describes one plain setting, for forms.
type Field struct {
	Name    string
	Help    string
	Choices []string // exactly one of these, the first when left out; "false", "true" for yes or no
	Lines   bool     // several values, one a line
	// Free: another value shows the credential to nobody else. Whatever else changes, the credential is entered again, so
	// that a kept one is never sent to where it was not entered for.
	Free bool
}

// Fields lists the plain settings of a kind in the order of a form, without may_write; none for a kind that does not
// say.
func Fields(kind string) []Field {
	f, err := factory(kind)
	if err != nil {
		return nil
	}
	return f.Fields
}

// Guarded reports whether two settings of a kind differ in what decides to whom a credential is shown.
func Guarded(kind string, old, next map[string]string) bool {
	free := map[string]bool{MayWrite: true}
	for _, f := range Fields(kind) {
		free[f.Name] = f.Free
	}
	for _, all := range []map[string]string{old, next} {
		for name := range all {
			if !free[name] && old[name] != next[name] {
				return true
			}
		}
	}
	return false
}

// Allowed says whether a target with these settings may grant a browsed entry, by what is known of it; the target
// itself is not asked, so that it may still refuse.
func Allowed(kind string, settings map[string]string, e Entry) error {
	f, err := factory(kind)
	if err != nil {
		return err
	}
	g := newGuard(nil, Config{Settings: settings}, f)
	id := EntitlementID(e.ID)
	if err := g.protects(id, e); err != nil {
		return err
	}
	for _, p := range g.mayWrite {
		if g.means(p, id, e) {
			return nil
		}
	}
	return g.refuseUnlisted(e.Name)
}
