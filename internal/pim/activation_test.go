package pim

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Every state × event of an activation (THREATS T13); "-" means that the event does not apply.
const activationTable = `
state             approved     scheduled started      refused_at_start denied canceled timed_out seen   failed expired deactivated revoked eligibility_ended person_disabled lost
pending_approval  provisioning scheduled -            -                denied canceled timed_out -      -      -       -           -       eligibility_ended person_disabled -
scheduled         -            -         provisioning refused_at_start -      canceled -         -      -      -       -           -       eligibility_ended person_disabled -
provisioning      -            -         -            -                -      -        -         active failed expired deactivated revoked eligibility_ended person_disabled -
active            -            -         -            -                -      -        -         -      failed expired deactivated revoked eligibility_ended person_disabled lost_at_target
denied            -            -         -            -                -      -        -         -      -      -       -           -       -                 -               -
canceled          -            -         -            -                -      -        -         -      -      -       -           -       -                 -               -
timed_out         -            -         -            -                -      -        -         -      -      -       -           -       -                 -               -
refused_at_start  -            -         -            -                -      -        -         -      -      -       -           -       -                 -               -
failed            -            -         -            -                -      -        -         -      -      -       -           -       -                 -               -
expired           -            -         -            -                -      -        -         -      -      -       -           -       -                 -               -
deactivated       -            -         -            -                -      -        -         -      -      -       -           -       -                 -               -
revoked           -            -         -            -                -      -        -         -      -      -       -           -       -                 -               -
eligibility_ended -            -         -            -                -      -        -         -      -      -       -           -       -                 -               -
person_disabled   -            -         -            -                -      -        -         -      -      -       -           -       -                 -               -
lost_at_target    -            -         -            -                -      -        -         -      -      -       -           -       -                 -               -
`

// T13, EC-01 (deactivate at any age), EC-11: T14 (scheduled): the whole table, 15 × 15.
func TestActivationTable(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(activationTable), "\n")
	events := strings.Fields(lines[0])[1:]
	if len(events) != len(ActivationEvents) || len(lines)-1 != len(ActivationStates) {
		t.Fatalf("the table has %d states and %d events, the domain %d and %d", len(lines)-1, len(events), len(ActivationStates), len(ActivationEvents))
	}
	for i, line := range lines[1:] {
		cells := strings.Fields(line)
		from := ActivationState(cells[0])
		if from != ActivationStates[i] {
			t.Errorf("row %d is %s, want %s", i, from, ActivationStates[i])
		}
		for j, want := range cells[1:] {
			next, ok := NextActivationState(from, ActivationEvent(events[j]))
			if ok != (want != "-") || ok && string(next) != want || !ok && next != "" {
				t.Errorf("%s + %s = %q, %v; want %s", from, events[j], next, ok, want)
			}
		}
	}
}

func TestActivationStatesWaitHoldOrAreOver(t *testing.T) {
	for _, s := range ActivationStates {
		over := true
		for _, e := range ActivationEvents {
			_, ok := NextActivationState(s, e)
			over = over && !ok
		}
		if s.Open() == over {
			t.Errorf("%s: open is %v, but it has a way out: %v", s, s.Open(), !over)
		}
		if s.Holds() != (s == Provisioning || s == ActiveConfirmed) {
			t.Errorf("%s: holds is %v", s, s.Holds())
		}
	}
	if _, ok := NextActivationState("unheard_of", OnApproved); ok {
		t.Error("a state nobody knows has a next one")
	}
}

// T13, I4: whatever happens in whatever order, an end stays the end, and it is reached at most once.
func TestEndsStayEnded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		state := rapid.SampledFrom(ActivationStates).Draw(rt, "from")
		for _, e := range rapid.SliceOfN(rapid.SampledFrom(ActivationEvents), 1, 30).Draw(rt, "events") {
			next, ok := NextActivationState(state, e)
			if !ok {
				continue
			}
			if !state.Open() {
				rt.Fatalf("%s left by %s", state, e)
			}
			if next == PendingApproval || next == state {
				rt.Fatalf("%s + %s leads back to %s", state, e, next)
			}
			state = next
		}
	})
}

// Invariant 1: rights are computed from the window; a late worker never extends one.
func TestActiveAt(t *testing.T) {
	a := Activation{State: ActiveConfirmed, StartsAt: t0, EndsAt: t0.Add(time.Hour)}
	for _, c := range []struct {
		name  string
		state ActivationState
		at    time.Duration
		want  bool
	}{
		{"before the start", ActiveConfirmed, -time.Microsecond, false},
		{"at the start", ActiveConfirmed, 0, true},
		{"while granting", Provisioning, time.Minute, true},
		{"last instant", ActiveConfirmed, time.Hour - time.Microsecond, true},
		{"at the end, not yet swept", ActiveConfirmed, time.Hour, false},
		{"long after the end, not yet swept", Provisioning, 48 * time.Hour, false},
		{"planned, its start passed, not yet started", Scheduled, time.Minute, false},
		{"waiting", PendingApproval, time.Minute, false},
		{"given back", Deactivated, time.Minute, false},
		{"lost", LostAtTarget, time.Minute, false},
	} {
		a.State = c.state
		if got := a.ActiveAt(t0.Add(c.at)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if (Activation{State: ActiveConfirmed}).ActiveAt(t0) {
		t.Error("without a window nothing is held")
	}
}

func TestActiveAtNeverAfterTheEnd(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := Activation{State: rapid.SampledFrom(ActivationStates).Draw(rt, "state"), StartsAt: t0.Add(micro(rt, "start")), EndsAt: t0.Add(micro(rt, "end"))}
		now := t0.Add(micro(rt, "now"))
		if a.ActiveAt(now) && (!now.Before(a.EndsAt) || now.Before(a.StartsAt) || !a.State.Open()) {
			rt.Fatalf("%+v is active at %v", a, now)
		}
	})
}

func micro(rt *rapid.T, name string) time.Duration {
	return time.Duration(rapid.Int64Range(-1_000_000, 1_000_000).Draw(rt, name)) * time.Microsecond
}

func TestEnding(t *testing.T) {
	for _, c := range []struct {
		name string
		a    Activation
		want bool
	}{
		{"active", Activation{State: ActiveConfirmed, StartsAt: t0}, false},
		{"given back, target not yet seen", Activation{State: Deactivated, StartsAt: t0}, true},
		{"given back and seen gone", Activation{State: Deactivated, StartsAt: t0, SettledAt: t0}, false},
		{"canceled while waiting: nothing was ever granted", Activation{State: Canceled}, false},
		{"failed: still being cleaned up", Activation{State: Failed, StartsAt: t0}, true},
	} {
		if got := c.a.Ending(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// A-21, EC-10, R-48, invariant 3.
func TestWindow(t *testing.T) {
	rules := Settings{MaxDuration: 8 * time.Hour}
	for _, c := range []struct {
		name     string
		asked    time.Duration
		eligible time.Time
		want     time.Duration
	}{
		{"as asked", 2 * time.Hour, time.Time{}, 2 * time.Hour},
		{"over the maximum", 9 * time.Hour, time.Time{}, 8 * time.Hour},
		{"EC-10: eligibility ends in 30 min, 2 h asked", 2 * time.Hour, t0.Add(30 * time.Minute), 30 * time.Minute},
		{"eligibility ends exactly then", 2 * time.Hour, t0.Add(2 * time.Hour), 2 * time.Hour},
		{"eligibility is over: an empty window", time.Hour, t0.Add(-time.Hour), -time.Hour},
	} {
		start, end := Window(c.asked, rules, Assignment{EndsAt: c.eligible}, t0)
		if start != t0 || end.Sub(start) != c.want {
			t.Errorf("%s: %v to %v", c.name, start, end)
		}
	}
}

// A-21, invariant 3: never longer than asked, than the maximum, than the eligibility.
func TestWindowNeverExceeds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		asked, longest := micro(rt, "asked"), micro(rt, "max")
		asg := Assignment{}
		if rapid.Bool().Draw(rt, "ends") {
			asg.EndsAt = t0.Add(micro(rt, "eligible until"))
		}
		now := t0.Add(micro(rt, "now"))
		start, end := Window(asked, Settings{MaxDuration: longest}, asg, now)
		got := end.Sub(start)
		if start != now || got > asked || got > longest || !asg.EndsAt.IsZero() && end.After(asg.EndsAt) {
			rt.Fatalf("asked %v, at most %v, eligible until %v: %v to %v", asked, longest, asg.EndsAt, start, end)
		}
		if got < asked && got < longest && !end.Equal(asg.EndsAt) {
			rt.Fatalf("cut to %v without a reason", got)
		}
	})
}
