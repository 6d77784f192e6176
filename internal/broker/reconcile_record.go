package broker

import (
	"context"
	"maps"
	"math/rand/v2"
	"time"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// record applies what was found to the grant as it is now, in one transaction with everything that
// follows from it. A result with an older attempt number is refused, and the target is looked at again.
func (b *Broker) record(ctx context.Context, claimed store.GrantRow, o observation) (store.GrantRow, error) {
	jitter := rand.Float64() // #nosec G404 -- spreads retries, protects nothing
	g, err := write(ctx, b, func(tx *store.Tx) (store.GrantRow, error) {
		g, err := tx.Grant(claimed.ID)
		if err != nil {
			return g, err
		}
		if g.Attempt != claimed.Attempt {
			if o.gave { // what is there now may be Stint's own, whatever a newer look took it for
				g.Grant = g.Apply(pim.GrantProven, tx.Now, 0)
			}
			g.Grant = g.Apply(pim.GrantUnclear, tx.Now, o.readDelay) // a late write may have come after the newer look
			g.DueAt = tx.Now
			return g, tx.SaveGrant(g)
		}
		return b.recordIn(tx, g, o, jitter)
	})
	if err == nil && g.Attempt != claimed.Attempt {
		err = errStale
	}
	return g, err
}

func (b *Broker) recordIn(tx *store.Tx, g store.GrantRow, o observation, jitter float64) (_ store.GrantRow, err error) {
	was := g.Grant
	if err := b.expireNeeds(tx, &g); err != nil {
		return g, err
	}
	if o.first && g.Interrupted() {
		g.Grant = g.Apply(pim.GrantUnclear, tx.Now, o.readDelay)
	}
	if o.acted {
		g.Grant = g.Apply(pim.GrantOK, tx.Now, o.readDelay)
	}
	if o.acted && !o.wanted && o.event == pim.GrantSawIt { // answered with yes, and it may take effect yet
		g.Grant = g.Apply(pim.GrantUnclear, tx.Now, o.readDelay)
	}
	if o.event == pim.GrantSawIt && g.MayBeOld(tx.Now, o.readDelay) {
		o.event = pim.GrantUnclear
	}
	if o.event != "" {
		g.Grant = g.Apply(o.event, tx.Now, o.readDelay)
	}
	if err := adoptAfterLoss(tx, was, &g); err != nil {
		return g, err
	}
	if err := b.health(tx, g, o); err != nil {
		return g, err
	}
	emitGrant(tx, was, g.Grant, o)
	if err := incidents(tx, was, g); err != nil {
		return g, err
	}
	schedule(&g, o, tx.Now, jitter)
	if err := tx.SaveGrant(g); err != nil {
		return g, moved(err)
	}
	g.Version++
	if err := b.follow(tx, g, o); err != nil {
		return g, err
	}
	if g, err = tx.Grant(g.ID); err == nil { // what followed may have changed what is wanted
		err = regrant(tx, &g)
	}
	if err != nil {
		return g, err
	}
	return tx.Grant(g.ID)
}

// adoptAfterLoss takes over what is found at a target when the log that could say whether Stint put it
// there was lost by a restore: at its end it is removed (DESIGN §3).
func adoptAfterLoss(tx *store.Tx, was pim.Grant, g *store.GrantRow) error {
	if was.Before != pim.Unknown || g.Before != pim.Present || !g.Wanted {
		return nil
	}
	untrusted, err := tx.Meta(metaUntrusted)
	if err != nil || untrusted == "" {
		return err
	}
	g.Adopted = true
	tx.Emit(pim.GrantEventOf(pim.EvGrantAdopted, g.Grant, map[string]any{"epoch": untrusted}))
	return nil
}

// expireNeeds folds the needs at this instant: time may have ended some since the claim.
func (b *Broker) expireNeeds(tx *store.Tx, g *store.GrantRow) error {
	needs, err := tx.OpenNeeds(g.ID)
	if err != nil {
		return err
	}
	wanted, until, _ := pim.Wanted(needs, tx.Now)
	if !wanted && g.Wanted {
		g.Grant = g.Apply(pim.GrantUnneeded, tx.Now, 0)
	}
	g.WantedUntil = until
	return nil
}

// schedule sets error, lateness and the next due time; retries never end (THREATS rule 3).
func schedule(g *store.GrantRow, o observation, now time.Time, jitter float64) {
	if o.err != nil {
		g.ErrorKind, g.Error = errorKind(o.err), o.err.Error()
		if o.sessions == sessionsOpen {
			g.ErrorKind = sessionsOpen
		}
		g.Tries++
	} else if o.event != "" {
		g.ErrorKind, g.Error = "", ""
	}
	settled := g.Settled(now) && !(o.native && g.Reissues(o.until))
	if settled && o.err == nil {
		g.Tries, g.LateSince, g.LateToldAt = 0, time.Time{}, time.Time{}
	} else if g.LateSince.IsZero() {
		g.LateSince = now
	}
	if !o.final && o.err == nil {
		return // the pass goes on under its lease
	}
	g.LeaseUntil = time.Time{}
	switch {
	case o.next:
		g.DueAt = now.Add(nextTry)
	case o.held:
		g.DueAt = now.Add(pausedLook)
	case o.err == nil && settled:
		g.DueAt = nextLook(*g, now, jitter)
	case o.err == nil && (g.Seen == pim.Unknown || g.Seen == pim.Absent && !g.Wanted) && now.Before(g.UnsureUntil):
		g.DueAt = g.UnsureUntil
	case o.err == nil && (g.Wanted != o.wanted || o.native && !o.asked.Equal(g.WantedUntil)):
		g.DueAt = now // the need changed while the target was written: nothing failed, and nothing waits
	default:
		if o.err == nil {
			g.Tries++ // the target said yes and did nothing (THREATS T40)
			g.ErrorKind, g.Error = "no_effect", "The target accepted the change, but reading it back shows no effect. Stint keeps trying."
		}
		g.DueAt = now.Add(pim.Backoff(g.Tries, jitter))
	}
}

// pausedLook is how often a grant that may not be given now is tried again.
const pausedLook = 10 * time.Second

// nextTry is how soon a grant is tried again that waits for another one of the same need.
const nextTry = time.Second

// lookAgain is how often a grant that is held is looked at, so that what another hand takes away is found.
const lookAgain = 5 * time.Minute

// nextLook is when a settled grant is looked at again: while it is wanted every few minutes and at its
// end; never once nobody needs it.
func nextLook(g store.GrantRow, now time.Time, jitter float64) time.Time {
	if !g.Wanted {
		return time.Time{}
	}
	look := now.Add(lookAgain + time.Duration(jitter*float64(time.Minute)))
	if now.Before(g.UnsureUntil) {
		look = g.UnsureUntil // a call from before may take away what was just seen
	}
	if !g.WantedUntil.IsZero() && g.WantedUntil.Before(look) {
		return g.WantedUntil
	}
	return look
}

// emitGrant leaves an entry for what a step did and for every change of what was seen: the latest entry of
// a grant always says how it was last seen, which is what an activation's settling is held against.
func emitGrant(tx *store.Tx, was, g pim.Grant, o observation) {
	told := false
	var sessions map[string]any
	if o.sessions != "" {
		sessions = map[string]any{"sessions_ended": o.sessions == sessionsEnded}
	}
	tell := func(t pim.EventType, facts map[string]any) {
		told = true
		tx.Emit(pim.GrantEventOf(t, g, facts))
	}
	switch {
	case was.Before == pim.Unknown && g.Before != pim.Unknown:
		tell(pim.EvGrantObserved, nil)
	case o.err != nil && was.Tries == 0:
		facts := map[string]any{"error": string(connector.KindOf(o.err))}
		maps.Copy(facts, sessions)
		tell(pim.EvGrantCalled, facts)
	}
	if o.reissue && o.err == nil && !g.Reissues(o.until) {
		tell(pim.EvGrantReissued, map[string]any{"until": micros(o.until)})
	}
	switch settled := g.Settled(tx.Now); {
	case g.Lost && !was.Lost:
		tell(pim.EvGrantLost, sessions)
	case g.Wanted && g.Confirmed && !was.Confirmed:
		tell(pim.EvGrantConfirmed, nil)
	case !g.Wanted && g.Seen == pim.Absent && settled && (was.Seen != pim.Absent || !was.Settled(tx.Now)):
		tell(pim.EvGrantGone, sessions)
	case g.Seen != was.Seen && g.Seen != pim.Unknown && !told:
		tell(pim.EvGrantObserved, sessions)
	}
}

// health records what a call says about its target as a whole.
func (b *Broker) health(tx *store.Tx, g store.GrantRow, o observation) error {
	if o.event == "" {
		return nil
	}
	switch connector.KindOf(o.err) {
	case connector.Transient, connector.Denied, connector.OutcomeUnknown:
		return targetFails(tx, g.TargetID, o.err)
	default:
		return targetAnswers(tx, g.TargetID)
	}
}
