package broker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// newSessions is a world before a target whose sessions can be ended, where alice is active.
func newSessions(t *testing.T) (w *world, id string) {
	t.Helper()
	w = newWorld(t)
	w.ward.ends = true
	w.enrol("alice")
	w.tick()
	id = w.activate("alice", "alice-dba", 30*time.Minute)
	w.tick()
	if a := w.activation(id); a.State != pim.ActiveConfirmed || w.ward.ended != 0 {
		t.Fatalf("state %s, sessions ended %d times", a.State, w.ward.ended)
	}
	return w, id
}

func (w *world) grant() store.GrantRow {
	w.Helper()
	g, err := store.Read(w.ctx, w.b.Store(), func(r *store.Reader) (*store.GrantRow, error) { return r.GrantOf("dir", "id:alice", "id:cn=dba") })
	w.ok(err)
	return *g
}

// sessionFacts are what the entries of a kind say of sessions, oldest first.
func (w *world) sessionFacts(kind pim.EventType) (out []any) {
	w.Helper()
	rows, err := store.Read(w.ctx, w.b.Store(), func(r *store.Reader) ([]store.EntryRow, error) {
		return r.Entries(store.EntryFilter{Type: string(kind), Limit: 100})
	})
	w.ok(err)
	for _, r := range rows {
		out = append([]any{r.Facts["sessions_ended"]}, out...)
	}
	return out
}

func (w *world) mustHaveEnded(times int, id string, settled bool) {
	w.Helper()
	if w.ward.ended != times {
		w.Errorf("sessions ended %d times, want %d", w.ward.ended, times)
	}
	if got := !w.activation(id).SettledAt.IsZero(); got != settled {
		w.Errorf("settled: %v, want %v", got, settled)
	}
}

// THREATS rule 5: sessions outlive grants. They are ended after the revoke, once, and the entry says so.
func TestSessionsEndWithTheGrant(t *testing.T) {
	t.Parallel()
	w, id := newSessions(t)
	w.clock.add(30 * time.Minute)
	w.tick()
	w.mustHaveEnded(1, id, true)
	if got := w.sessionFacts(pim.EvGrantGone); len(got) != 1 || got[0] != true {
		t.Errorf("the entry says %v", got)
	}
	w.ok(w.b.Restart(w.ctx))
	w.clock.add(time.Hour)
	w.tick()
	w.mustHaveEnded(1, id, true)
}

// Gone is not said while sessions that may have switched into the role are open; the target is not at fault, and what else
// is to be done there is not held up.
func TestSessionsThatCannotBeEnded(t *testing.T) {
	t.Parallel()
	w, id := newSessions(t)
	w.ok(store.Do(w.ctx, w.b.Store(), func(tx *store.Tx) error {
		return errors.Join(tx.InsertRole(pim.RoleDefinition{ID: "wiki", Name: "Wiki", Source: pim.SourceFile}),
			tx.SaveMeaning(pim.Meaning{RoleID: "wiki", ResourceID: "org", Name: "cn=wiki"}),
			tx.InsertAssignment(pim.Assignment{ID: "alice-wiki", PrincipalID: "alice", RoleID: "wiki", ResourceID: "org", Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}))
	}))
	w.ward.deaf = connector.Errorf(connector.Denied, "not a member of pg_signal_backend")
	w.clock.add(30 * time.Minute)
	for _, wait := range []time.Duration{2 * time.Second, 3 * time.Second, 5 * time.Second, 0} {
		w.tick()
		w.clock.add(wait)
	}
	other := w.activate("alice", "alice-wiki", 30*time.Minute)
	w.tick()
	if a := w.activation(other); a.State != pim.ActiveConfirmed {
		t.Errorf("another role at the target is %s", a.State)
	}
	w.mustHaveEnded(0, id, false)
	if w.member("alice") {
		t.Error("the role itself was not taken back")
	}
	if g := w.grant(); g.ErrorKind != "sessions_open" || g.Tries < 3 || !strings.Contains(g.Error, "sessions could not be ended: not a member") {
		t.Errorf("the grant says %q, %q after %d tries", g.ErrorKind, g.Error, g.Tries)
	}
	if got := w.sessionFacts(pim.EvGrantCalled); len(got) != 1 || got[0] != false {
		t.Errorf("the entries of failed calls say %v, want one, of the first", got)
	}
	target, err := store.Read(w.ctx, w.b.Store(), func(r *store.Reader) (store.TargetRow, error) { return r.Target("dir") })
	w.ok(err)
	if !target.FailingAt.IsZero() {
		t.Error("the target as a whole is called failing")
	}
	w.ward.deaf = nil
	w.clock.add(time.Minute)
	w.tick()
	w.mustHaveEnded(1, id, true)
}

// The process dies between the revoke and the end of the sessions.
func TestSessionsEndAfterACrash(t *testing.T) {
	t.Parallel()
	w, id := newSessions(t)
	w.clock.add(30 * time.Minute)
	w.ok(w.ward.Revoke(w.ctx, "id:alice", "id:cn=dba"))
	w.ok(w.b.Restart(w.ctx))
	w.tick()
	w.mustHaveEnded(1, id, true)
}

// Who still holds it through another role is left in peace until the last one ends.
func TestSessionsOfWhoStillHoldsIt(t *testing.T) {
	t.Parallel()
	w, first := newSessions(t)
	w.enrol("bob")
	second := w.activate("alice", "alice-vault", 2*time.Hour)
	out, err := w.b.Decide(w.ctx, w.as("bob"), second, true, "agreed on call")
	w.ok(err)
	_, err = w.touch("bob", out)
	w.ok(err)
	w.tick()
	w.clock.add(30 * time.Minute)
	w.tick()
	w.mustHaveEnded(0, first, true)
	w.ok(w.b.Deactivate(w.ctx, w.as("alice"), second))
	w.tick()
	w.mustHaveEnded(1, second, true)
}

// What was held before Stint stays, and so do the sessions.
func TestSessionsOfWhatWasHeldBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ward.ends, w.ward.held["id:alice/id:cn=dba"] = true, true
	w.enrol("alice")
	w.tick()
	id := w.activate("alice", "alice-dba", 30*time.Minute)
	w.tick()
	w.clock.add(30 * time.Minute)
	w.tick()
	w.mustHaveEnded(0, id, true)
}

// Another hand took it away: the activation ends and the sessions with it, and when they cannot the end is told all the same.
func TestSessionsOfWhatWasTakenAway(t *testing.T) {
	t.Parallel()
	for what, deaf := range map[string]error{"ended": nil, "not ended": connector.Errorf(connector.Denied, "no right")} {
		w, id := newSessions(t)
		w.ward.deaf = deaf
		w.ok(w.ward.Revoke(w.ctx, "id:alice", "id:cn=dba"))
		w.clock.add(7 * time.Minute)
		w.tick()
		if a := w.activation(id); a.State != pim.LostAtTarget {
			t.Errorf("%s: state %s", what, a.State)
		}
		want := 1
		if deaf != nil {
			want = 0
		}
		w.mustHaveEnded(want, id, true)
	}
}

// Somebody deleted the account or the entitlement: at the target a session of it may go on.
func TestSessionsOfWhatWasDeleted(t *testing.T) {
	t.Parallel()
	for what, deaf := range map[string]error{"ended": nil, "not ended": connector.Errorf(connector.Denied, "no right")} {
		w, id := newSessions(t)
		w.ward.deaf, w.ward.fail = deaf, connector.Errorf(connector.Gone, "no such account")
		w.clock.add(30 * time.Minute)
		w.tick()
		want := 1
		if deaf != nil {
			want = 0
		}
		w.mustHaveEnded(want, id, true)
		if got := w.sessionFacts(pim.EvGrantGone); len(got) != 1 || (got[0] == true) != (want == 1) {
			t.Errorf("%s: the entry says %v", what, got)
		}
	}
}

// Where nobody asked for it no session is touched.
func TestSessionsNotAskedFor(t *testing.T) {
	t.Parallel()
	w, id := newSessions(t)
	w.ward.ends = false
	w.clock.add(30 * time.Minute)
	w.tick()
	w.mustHaveEnded(0, id, true)
	if got := w.sessionFacts(pim.EvGrantGone); len(got) != 1 || got[0] != nil {
		t.Errorf("the entry says %v", got)
	}
}
