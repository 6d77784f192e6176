package pim

import "time"

// IncidentKind says what is otherwise at a target than Stint gave it.
type IncidentKind string

const (
	Standing IncidentKind = "standing" // held beside Stint since before Stint first looked: known, and no alarm
	Stranger IncidentKind = "stranger" // held beside Stint, and it appeared since
	LostHold IncidentKind = "lost"     // wanted, and taken away by another hand
)

// IncidentEnd says how an incident was closed.
type IncidentEnd string

const (
	EndedGone    IncidentEnd = "gone"      // no longer held, taken away by another hand
	EndedRemoved IncidentEnd = "removed"   // taken away by Stint, at an authoritative target
	EndedKnown   IncidentEnd = "known"     // Stint gives it now
	EndedBack    IncidentEnd = "returned"  // what was lost is held again
	EndedNeed    IncidentEnd = "unneeded"  // what was lost would be over by now, or nobody needs it any more
	EndedLeft    IncidentEnd = "unmanaged" // Stint manages the entitlement no longer
)

// Incident is one thing an account holds, or does not hold, against what Stint knows (DESIGN §3). An open one is unique
// by kind, target, account and entitlement.
type Incident struct {
	ID            string
	Kind          IncidentKind
	TargetID      string
	AccountID     string
	EntitlementID string
	AccountName   string
	Entitlement   string
	GrantID       string // of what was lost, or was taken over to be removed
	FirstSeenAt   time.Time
	LastSeenAt    time.Time
	EndsAt        time.Time // when what was lost would end anyway; zero: not by itself
	ClosedAt      time.Time // zero: open
	How           IncidentEnd
}

// IncidentEvent opens or closes an incident; person is whose account it is, empty when nobody's that Stint knows.
func IncidentEvent(t EventType, i Incident, person string) Event {
	e := Event{Type: t, Actor: System, Subject: person, TargetID: i.TargetID, ObjectID: i.ID, Result: OK,
		Facts: map[string]any{"kind": string(i.Kind), "account": i.AccountID, "entitlement": i.EntitlementID, "grant": i.GrantID}}
	if t == EvIncidentClosed {
		e.Facts["how"] = string(i.How)
	}
	return e
}

// HeldBefore reports whether Stint saw it held before its first write, and has not taken it over since.
func (g Grant) HeldBefore() bool { return g.Before == Present && !g.Adopted }

// Accounts reports whether Stint accounts for what was listed as held: it gives it, or has not settled what it gave, or
// has looked since the list was begun, so that the list may be older than the record.
func (g Grant) Accounts(listed time.Time, readDelay time.Duration) bool {
	return !g.HeldBefore() && (g.Wanted || g.Seen != Absent || !g.SeenAt.Before(listed.Add(-readDelay)))
}

// TakeOver makes what is held beside Stint its own to take away (grant.adopted).
func (g Grant) TakeOver() Grant {
	g.Before, g.Seen, g.Adopted = Present, Unknown, true
	return g
}

// Regrant lets what another hand took away be given again.
func (g Grant) Regrant() Grant {
	g.Lost, g.Confirmed = false, false
	return g
}
