package broker_test

import (
	"net/http"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// native is a world whose target ends by itself what it gave.
func native(t *testing.T) (*stinttest.World, *stinttest.Person, connector.EntitlementID, string) {
	t.Helper()
	w := stinttest.New(t)
	w.Target.EndsByItself()
	alice := w.Person("alice")
	alice.SignIn()
	group := w.Role("dba", stinttest.Rules{NoPasskey: true})
	return w, alice, group, w.Eligible("alice", "dba", time.Time{})
}

func wantUntil(t *testing.T, w *stinttest.World, p *stinttest.Person, group connector.EntitlementID, want time.Time) {
	t.Helper()
	if got := w.Target.Until(p.Account, group); !got.Equal(want) || !w.Target.Holds(p.Account, group) {
		t.Errorf("held %v until %v, want %v", w.Target.Holds(p.Account, group), got, want)
	}
}

// extend asks for more time, as the holder of the activation does.
func extend(w *stinttest.World, id string, d time.Duration) {
	w.Helper()
	_, err := w.Broker.RequestExtension(w.Context(), broker.Actor{PrincipalID: "alice"}, pim.ExtensionRequest{ActivationID: id, Duration: d, Justification: "Not done yet"})
	w.OK(err)
}

// DESIGN §3, native expiry: an extension raises the target's own end before the old one comes, once; the target is not
// written again while nothing changes; lost answers and lies are tried again.
func TestNativeEndFollowsAnExtension(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]faketarget.Faults{"good": {}, "loses the answer": {LoseAnswers: 1}, "loses the call": {LoseWrites: 1}} {
		t.Run(name, func(t *testing.T) {
			w, alice, group, eligible := native(t)
			id := alice.Activate(eligible)
			w.Tick()
			end := w.Activation(id).EndsAt
			wantUntil(t, w, alice, group, end)
			w.Advance(20 * time.Minute)
			w.Target.Misbehave(faults)
			extend(w, id, time.Hour)
			w.Tick()
			w.Advance(2 * time.Minute)
			raised := w.Activation(id).EndsAt
			if !raised.After(end) {
				t.Fatalf("the extension ends at %v", raised)
			}
			wantUntil(t, w, alice, group, raised)
			before := len(w.Target.Journal())
			w.Advance(10 * time.Minute) // looks, and writes nothing
			for _, c := range w.Target.Journal()[before:] {
				if c.Op == "grant" {
					t.Errorf("written again: %+v", c)
				}
			}
			if name == "good" && len(w.Events(pim.EvGrantReissued)) != 1 {
				t.Errorf("%d entries for the new end", len(w.Events(pim.EvGrantReissued)))
			}
			w.Clock.Advance(raised.Sub(w.Clock.Now()))
			w.Tick()
			if a := w.Activation(id); a.State != pim.Expired || w.Target.Holds(alice.Account, group) {
				t.Errorf("at the end: %s", a.State)
			}
		})
	}
}

// A lie is not believed: the target says yes and keeps its old end, and Stint keeps trying (T40).
func TestNativeEndIsReadBack(t *testing.T) {
	t.Parallel()
	w, alice, group, eligible := native(t)
	id := alice.Activate(eligible)
	w.Tick()
	w.Target.Misbehave(faketarget.Faults{Lies: true})
	extend(w, id, time.Hour)
	w.Tick()
	w.Advance(time.Minute)
	if n := len(w.Events(pim.EvGrantReissued)); n != 0 {
		t.Errorf("%d entries say that the end was set", n)
	}
	w.Target.Misbehave(faketarget.Faults{})
	w.Advance(2 * time.Minute)
	wantUntil(t, w, alice, group, w.Activation(id).EndsAt)
}

// The end is lowered only after the longer need is over.
func TestNativeEndIsLoweredAfter(t *testing.T) {
	t.Parallel()
	w, alice, group, eligible := native(t)
	w.Role("other", stinttest.Rules{NoPasskey: true})
	w.Do(func(tx *store.Tx) error {
		return tx.SaveMeaning(pim.Meaning{RoleID: "other", ResourceID: stinttest.Production, Name: "dba", EntitlementID: string(group)})
	})
	long := alice.Activate(w.Eligible("alice", "other", time.Time{}), "duration", "120", "justification", "Mend the index")
	short := alice.Activate(eligible, "duration", "60", "justification", "Mend the index")
	w.Tick()
	wantUntil(t, w, alice, group, w.Activation(long).EndsAt)
	w.Advance(10 * time.Minute)
	alice.Post("/activations/"+long+"/deactivate").Want(t, http.StatusSeeOther)
	w.Tick()
	wantUntil(t, w, alice, group, w.Activation(short).EndsAt)
}

// What was there before Stint gets no end.
func TestNativeEndIsNeverSetOnWhatWasThere(t *testing.T) {
	t.Parallel()
	w, alice, group, eligible := native(t)
	w.Target.Put(alice.Account, group)
	id := alice.Activate(eligible)
	w.Tick()
	w.Advance(10 * time.Minute)
	wantUntil(t, w, alice, group, time.Time{})
	for _, c := range w.Target.Journal() {
		if c.Op == "grant" {
			t.Errorf("written: %+v", c)
		}
	}
	alice.Post("/activations/"+id+"/deactivate").Want(t, http.StatusSeeOther)
	w.Tick()
	wantUntil(t, w, alice, group, time.Time{})
}
