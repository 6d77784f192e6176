package broker_test

import (
	"testing"
	"time"

	"stint/internal/store"
)

// A role given back while it is being granted is taken away at once: nothing failed, so nothing is said to have failed
// and no back-off grows, however often somebody does it (THREATS F7, T15).
func TestGivenBackWhileBeingGranted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("alice")
	w.tick()
	for range 5 {
		id := w.activate("alice", "alice-dba", 30*time.Minute)
		w.ward.after = func() { w.ok(w.b.Deactivate(w.ctx, w.as("alice"), id)) }
		w.tick() // the clock stands
		if w.member("alice") || w.activation(id).SettledAt.IsZero() {
			t.Fatalf("still a member: %v; settled %s", w.member("alice"), w.activation(id).SettledAt)
		}
		grants, err := store.Read(w.ctx, w.b.Store(), func(r *store.Reader) ([]store.GrantRow, error) { return r.AllGrants() })
		w.ok(err)
		if len(grants) != 1 || grants[0].ErrorKind != "" || grants[0].Tries != 0 {
			t.Errorf("%+v", grants)
		}
	}
}
