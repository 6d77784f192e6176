package pim

import "time"

// Presence is what was seen at the target.
type Presence string

const (
	Unknown Presence = "unknown"
	Absent  Presence = "absent"
	Present Presence = "present"
	Unseen  Presence = "unseen" // the account, or what it would hold, is not visible: of the holding nothing is known
)

// Grant is the fact at the target: one per target, account and entitlement, keyed by the target's
// immutable ids. Activations and active assignments that need it share it; the last one out revokes.
type Grant struct {
	ID            string
	TargetID      string
	AccountID     string // the target's id
	EntitlementID string // the target's id
	Before        Presence
	Seen          Presence
	SeenAt        time.Time
	Wanted        bool
	Confirmed     bool      // seen present since it became wanted
	Lost          bool      // seen, wanted, and then gone by another hand: never fought over silently
	WantedUntil   time.Time // the latest need's end; zero: no end, or not wanted
	UnsureUntil   time.Time // after an unknown outcome: absence seen before this instant proves nothing
	Adopted       bool      // taken over although it was there before (grant.adopted)
	Accepted      bool      // unseen, and an administrator stated that it is gone (grant.accepted_gone)
	DueAt         time.Time // when to look next; zero: settled
	LateSince     time.Time // since when it should have been gone or there
	Tries         int       // failed tries in a row
	Attempt       int64     // fencing number: a stale worker's result is refused
	LeaseUntil    time.Time
	ErrorKind     string
	Error         string // plain words without secrets
	Version       int64
}

// GrantStep is what the reconciler does next.
type GrantStep string

const (
	StepLook   GrantStep = "look"   // observe and record
	StepGrant  GrantStep = "grant"  // write, then look again
	StepRevoke GrantStep = "revoke" // write, then look again
	StepRest   GrantStep = "rest"   // the target is as wanted
)

// Next returns the next step at an instant, given what was last looked at in this same pass (fresh).
// A grant whose before is unknown is never written; what was there before Stint is put back as found.
func (g Grant) Next(now time.Time, fresh bool) GrantStep {
	switch {
	case !fresh || g.Seen == Unknown:
		return StepLook
	case g.Seen == Unseen && (g.Wanted || !g.Accepted && (g.Before != Unknown || g.Adopted)):
		return StepLook // until it is visible, or somebody sees that it is no more
	case g.Before == Unknown && (g.Wanted || g.Seen == Present):
		return StepLook // absent and not wanted needs no second look: nothing was ever written
	case g.Lost:
		return StepRest
	case g.Wanted && g.Seen == Absent:
		return StepGrant
	case !g.Wanted && g.Seen == Present && (g.Before == Absent || g.Adopted):
		return StepRevoke
	case !g.Wanted && g.Seen == Absent && !g.sure():
		return StepLook
	default:
		return StepRest
	}
}

// Interrupted reports, at the beginning of a pass, whether the one before may have ended with a call under way whose
// outcome nobody recorded: the process died, or another worker took over (THREATS F1, F6).
func (g Grant) Interrupted() bool { return g.Seen == Unknown && g.Before != Unknown && !g.Confirmed }

// MayBeOld reports whether a look at an instant that shows presence may be older than the last look, and show what
// Stint has taken away since, not what was there before a new need.
func (g Grant) MayBeOld(now time.Time, readDelay time.Duration) bool {
	return g.Before == Unknown && !g.SeenAt.IsZero() && now.Before(g.SeenAt.Add(readDelay))
}

// Settled reports whether nothing is left to do: the target is as wanted, and an unknown outcome can no
// longer surface.
func (g Grant) Settled(now time.Time) bool { return g.Next(now, true) == StepRest }

// Reissues reports, of a target that ends what it gave by itself, whether its own end has to follow the latest need: until
// is that end as it was just seen. What was there before Stint is never given an end. A target may keep whole seconds.
func (g Grant) Reissues(until time.Time) bool {
	given := g.Wanted && g.Seen == Present && !g.Lost && (g.Before == Absent || g.Adopted)
	return given && (until.IsZero() != g.WantedUntil.IsZero() || until.Sub(g.WantedUntil).Abs() >= time.Second)
}

// OwesSessions reports, of what is recorded, whether the account's open sessions must end before a look that shows absence
// is recorded: Stint had given this, so that a session may have switched into it (THREATS rule 5). That is so when it is no
// longer wanted, and when another hand took it away. inUse is whether a use of it is not accounted for yet: long after one,
// and after a restore, an absence says nothing about sessions.
func (g Grant) OwesSessions(now time.Time, inUse bool) bool {
	given := g.Seen != Absent && (g.Before == Absent || g.Adopted)
	return inUse && given && (!g.Wanted || g.Apply(GrantSawNone, now, 0).Lost)
}

// GrantEvent is what can happen to a grant.
type GrantEvent string

const (
	GrantNeeded    GrantEvent = "needed"
	GrantUnneeded  GrantEvent = "unneeded"
	GrantSawIt     GrantEvent = "looked_present"
	GrantSawNone   GrantEvent = "looked_absent"
	GrantOK        GrantEvent = "call_ok"
	GrantTransient GrantEvent = "call_transient"
	GrantDenied    GrantEvent = "call_denied"
	GrantGone      GrantEvent = "call_gone"
	GrantUnseen    GrantEvent = "call_unseen"
	GrantRefused   GrantEvent = "call_refused"
	GrantUnclear   GrantEvent = "outcome_unknown"
	GrantRestart   GrantEvent = "restart"
	GrantRestored  GrantEvent = "restore"
	GrantProven    GrantEvent = "proven" // evidence outside the database says that Stint wrote it
)

// GrantEvents lists every event once.
var GrantEvents = []GrantEvent{GrantNeeded, GrantUnneeded, GrantSawIt, GrantSawNone, GrantOK, GrantTransient, GrantDenied,
	GrantGone, GrantUnseen, GrantRefused, GrantUnclear, GrantRestart, GrantRestored, GrantProven}

// Apply returns the grant after an event. readDelay is how late a read of this target may be.
func (g Grant) Apply(e GrantEvent, now time.Time, readDelay time.Duration) Grant {
	switch e {
	case GrantNeeded:
		// Whoever holds the lease, or let it run out, may have written since Seen was recorded: that is not "before".
		// What was only stated to be gone is Stint's own still, should it turn up.
		if !g.Wanted && g.Settled(now) && g.LeaseUntil.IsZero() && !g.Accepted {
			g.Before, g.Adopted = Unknown, false // a new beginning: what is there now is what was before
		}
		if !g.Wanted || g.Lost {
			g.Confirmed, g.Lost = false, false
		}
		g.Wanted = true
	case GrantUnneeded:
		g.Wanted, g.Confirmed, g.Lost, g.WantedUntil = false, false, false, time.Time{}
	case GrantSawIt:
		g = g.saw(Present, now)
	case GrantSawNone:
		g = g.saw(Absent, now)
	case GrantUnclear:
		g.Seen, g.UnsureUntil = Unknown, later(g.UnsureUntil, now.Add(readDelay))
	case GrantOK:
		if g.Wanted || g.Seen != Present { // all but a plain revoke: a late read may still show what was before
			g.UnsureUntil = later(g.UnsureUntil, now.Add(readDelay))
		}
		g.Seen = Unknown // a write is believed only after the next look (THREATS T40)
	case GrantGone:
		g.Seen, g.SeenAt, g.Accepted = Absent, now, false // the account or entitlement itself is gone: nobody holds it
	case GrantUnseen:
		g.Seen = Unseen // SeenAt stays: it was no look
	case GrantTransient, GrantDenied, GrantRefused:
	case GrantRestart:
		if !g.Confirmed || g.Seen != Present { // a call may have been under way: its outcome is unknown
			g.UnsureUntil = later(g.UnsureUntil, now.Add(readDelay))
		}
		g.Seen, g.LeaseUntil = Unknown, time.Time{}
	case GrantRestored: // what the restored log observed before Stint's writes stays observed
		g.Seen, g.LeaseUntil = Unknown, time.Time{}
	case GrantProven: // Stint writes only what it saw absent, so nothing was there before
		g.Before, g.Seen, g.Adopted = Absent, Unknown, false
	}
	return g
}

// MayBeAccepted reports whether an administrator may state that it is gone: it is over, and the target does not show it.
func (g Grant) MayBeAccepted(now time.Time) bool {
	return g.Seen == Unseen && !g.Wanted && !g.Settled(now)
}

// AcceptGone rests what cannot be seen, as gone. Should it be seen again, it is taken away.
func (g Grant) AcceptGone() Grant {
	g.Accepted, g.DueAt, g.LateSince, g.Tries, g.ErrorKind, g.Error = true, time.Time{}, time.Time{}, 0, "", ""
	return g
}

// sure reports whether the last look came after every unknown outcome had surfaced; time alone proves
// nothing, it takes a look (DESIGN §3: gone is seen twice).
func (g Grant) sure() bool { return !g.SeenAt.Before(g.UnsureUntil) }

func (g Grant) saw(p Presence, now time.Time) Grant {
	// Stint never takes away what was there before, so when that is gone another hand did it, and a later
	// write by Stint is Stint's own to take back.
	if g.Before == Unknown || p == Absent {
		g.Before = p
	}
	// A presence seen while an outcome was unknown may have been taken away by that very call.
	g.Lost = p == Absent && (g.Lost || g.Wanted && g.Confirmed && g.sure())
	g.Seen, g.SeenAt, g.Accepted = p, now, false
	g.Confirmed = g.Confirmed || (g.Wanted && p == Present)
	return g
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Outcome of one need of a grant after its end.
type Outcome string

const (
	OutcomeNone    Outcome = ""        // not over, or not yet seen
	OutcomeGone    Outcome = "gone"    // read back and seen gone
	OutcomeShared  Outcome = "shared"  // still held through another activation or assignment
	OutcomeBefore  Outcome = "before"  // held before Stint; put back as found
	OutcomeNothing Outcome = "nothing" // nothing was ever given: the account, or what it would hold, was not visible

	OutcomeAccepted Outcome = "accepted" // nobody saw it gone: an administrator stated that it is
)

// OutcomeOf tells an ended need how the grant ended for it.
func (g Grant) OutcomeOf(now time.Time) Outcome {
	switch {
	case g.Wanted && g.Seen == Present:
		return OutcomeShared
	case g.Wanted:
		return OutcomeNone
	case g.Seen == Absent && g.sure():
		return OutcomeGone
	case g.Seen == Unseen && g.Accepted:
		return OutcomeAccepted
	case g.Seen == Unseen && g.Settled(now):
		return OutcomeNothing
	case g.Seen == Present && g.Before == Present && !g.Adopted:
		return OutcomeBefore
	default:
		return OutcomeNone
	}
}

// GrantNeed ties an activation or an active assignment to a grant it needs.
type GrantNeed struct {
	GrantID      string
	ActivationID string // one of the two is set
	AssignmentID string
	StartsAt     time.Time
	EndsAt       time.Time // zero: no end
	EndedAt      time.Time // zero: still needed until EndsAt
	Outcome      Outcome
	SharedWith   string // the other need's activation or assignment id, for OutcomeShared
	SettledAt    time.Time
}

// NeededAt reports whether this need wants the grant at that instant.
func (n GrantNeed) NeededAt(now time.Time) bool {
	return n.EndedAt.IsZero() && !now.Before(n.StartsAt) && (n.EndsAt.IsZero() || now.Before(n.EndsAt))
}

// Wanted folds needs: whether anything wants the grant now, until when (zero: no end), and the next
// instant at which that may change (zero: never by itself).
func Wanted(needs []GrantNeed, now time.Time) (wanted bool, until, change time.Time) {
	forever := false
	for _, n := range needs {
		if n.EndedAt.IsZero() && now.Before(n.StartsAt) {
			change = sooner(change, n.StartsAt)
		}
		if !n.NeededAt(now) {
			continue
		}
		wanted = true
		if n.EndsAt.IsZero() {
			forever = true
			continue
		}
		until, change = later(until, n.EndsAt), sooner(change, n.EndsAt)
	}
	if forever {
		until = time.Time{}
	}
	return wanted, until, change
}

// sooner returns the earlier of two instants, where the zero a means none yet.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// Backoff is how long to wait after so many failed tries: doubling from 1 s, at most 60 s, spread by
// ±20 % with jitter in [0,1). It never ends (THREATS rule 3).
func Backoff(tries int, jitter float64) time.Duration {
	d := time.Second << min(max(tries-1, 0), 6)
	d = min(d, 60*time.Second)
	return time.Duration(float64(d) * (0.8 + 0.4*jitter))
}

// LateAfter is how long an overdue grant may be late before administrators are told (THREATS F7).
const LateAfter = 30 * time.Second
