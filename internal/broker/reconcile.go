package broker

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"time"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// A claim keeps others away for its lease. Where one process works, that is as long as a pass may take: at most
// four calls of a connector, each ended by connector.DefaultTimeout. Where several nodes do, it is short and
// renewed while the pass runs, so that what a dead node held is taken over within seconds.
const (
	lease       = 5 * connector.DefaultTimeout
	sharedLease = 3 * time.Second
	renewEvery  = time.Second
)

// errStale says that somebody else works on the grant since; the result is not recorded.
var errStale = errors.New("broker: a newer worker has this grant")

// observation is what one step of a pass found, to be applied to the row as it is when recorded.
type observation struct {
	event     pim.GrantEvent
	err       error
	readDelay time.Duration
	acted     bool   // a write went before it: until this look succeeds nothing is known
	held      bool   // nothing is granted now: come back
	wanted    bool   // what a pass that ends here without an error was for
	first     bool   // nothing was done in this pass before it
	gave      bool   // a grant was written before it, or may have been
	sessions  string // sessionsEnded, sessionsOpen, or empty: they were not to be ended
	final     bool   // the pass ends here: release the lease

	native  bool      // the target ends what it gave by itself
	until   time.Time // at this instant, as it was seen; zero: never
	asked   time.Time // the end that was asked of it
	reissue bool      // it held it already, with another end
}

// pass brings one claimed grant to where it is wanted: look, act, look again, record. It is the same for
// the first grant, the last revoke, a retry, a restart and a restore.
func (b *Broker) pass(ctx context.Context, g store.GrantRow) error {
	conn, err := b.connect(ctx, g.TargetID)
	if err != nil {
		_, err = b.record(ctx, g, observation{event: pim.GrantDenied, err: err, final: true})
		return err
	}
	delay := conn.Capabilities().ReadDelay
	first := look(ctx, conn, g, delay)
	first.first = true
	g, err = b.note(ctx, g, b.closeSessions(ctx, conn, g, first))
	if err != nil || g.LeaseUntil.IsZero() {
		return err
	}
	step := g.Next(b.clock(), true)
	reissue := step == pim.StepRest && first.native && g.Reissues(first.until)
	if reissue { // the second rope follows the latest need
		step = pim.StepGrant
	}
	if step != pim.StepGrant && step != pim.StepRevoke {
		_, err = b.record(ctx, g, observation{wanted: g.Wanted, final: true})
		return err
	}
	if step == pim.StepGrant && b.Paused() != "" { // fail closed to grant, open to revoke (invariant 6)
		_, err = b.record(ctx, g, observation{held: true, final: true})
		return err
	}
	if step == pim.StepGrant {
		if err := b.journal.begin(g.Grant); err != nil { // no grant that a restored database could not be told of (T19)
			b.log.Error("noting a grant outside the database", "grant", g.ID, "target", g.TargetID, "error", err)
			_, err = b.record(ctx, g, observation{held: true, final: true})
			return err
		}
	}
	acted := act(ctx, conn, g, step, delay)
	wrote := acted.event == pim.GrantOK || acted.event == pim.GrantUnclear // else the target was left as it was
	acted.gave = step == pim.StepGrant && !reissue && wrote
	if acted.err != nil {
		_, err = b.record(ctx, g, acted)
		return err
	}
	seen := look(ctx, conn, g, delay)
	seen.final, seen.acted, seen.wanted, seen.asked, seen.reissue, seen.gave = true, true, g.Wanted, g.WantedUntil, reissue, acted.gave
	_, err = b.record(ctx, g, b.closeSessions(ctx, conn, g, seen))
	return err
}

// note records a first look. One that found, on the way to a revoke, just what is recorded already needs no
// write: the look after the revoke is. It still asks whether the claim holds, so that a worker that was
// stopped for long does not write after another one.
func (b *Broker) note(ctx context.Context, g store.GrantRow, o observation) (store.GrantRow, error) {
	if g.Wanted || g.Seen != pim.Present || g.Before != pim.Absent || g.ErrorKind != "" || o.event != pim.GrantSawIt || o.native {
		return b.record(ctx, g, o)
	}
	now, err := store.Read(ctx, b.store, func(r *store.Reader) (store.GrantRow, error) { return r.Grant(g.ID) })
	if err != nil || now.Version != g.Version || now.Attempt != g.Attempt {
		return b.record(ctx, g, o)
	}
	now.Grant = now.Apply(o.event, b.clock(), o.readDelay)
	return now, nil
}

func look(ctx context.Context, conn connector.Connector, g store.GrantRow, delay time.Duration) observation {
	h, err := conn.Observe(ctx, connector.AccountID(g.AccountID), connector.EntitlementID(g.EntitlementID))
	switch {
	case err != nil:
		return observation{event: failure(err, false), err: err, readDelay: delay, final: true}
	case h.Present:
		return observation{event: pim.GrantSawIt, readDelay: delay, native: conn.Capabilities().NativeExpiry, until: h.Until}
	default:
		return observation{event: pim.GrantSawNone, readDelay: delay}
	}
}

func act(ctx context.Context, conn connector.Connector, g store.GrantRow, step pim.GrantStep, delay time.Duration) observation {
	var err error
	if step == pim.StepGrant {
		err = conn.Grant(ctx, connector.AccountID(g.AccountID), connector.EntitlementID(g.EntitlementID), g.WantedUntil)
	} else {
		err = conn.Revoke(ctx, connector.AccountID(g.AccountID), connector.EntitlementID(g.EntitlementID))
	}
	if err != nil {
		return observation{event: failure(err, true), err: err, readDelay: delay, final: true}
	}
	return observation{event: pim.GrantOK, readDelay: delay}
}

// failure names an error as an event; a write whose answer was lost may have taken effect (THREATS F8).
func failure(err error, wrote bool) pim.GrantEvent {
	switch connector.KindOf(err) {
	case connector.Gone:
		if connector.UnseenIn(err) != "" {
			return pim.GrantUnseen
		}
		return pim.GrantGone
	case connector.Denied:
		return pim.GrantDenied
	case connector.Refused:
		return pim.GrantRefused
	case connector.OutcomeUnknown:
		if wrote {
			return pim.GrantUnclear
		}
	}
	return pim.GrantTransient
}

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

// follow lets activations follow from what was seen: confirmed, failed, lost, or settled.
func (b *Broker) follow(tx *store.Tx, g store.GrantRow, o observation) error {
	needs, err := tx.OpenNeeds(g.ID)
	if err != nil {
		return err
	}
	for _, n := range needs {
		if n.ActivationID == "" || !n.NeededAt(tx.Now) {
			continue
		}
		a, err := tx.Activation(n.ActivationID)
		if err != nil {
			return err
		}
		if err := b.followOne(tx, a, g, o); err != nil {
			return err
		}
	}
	if g, err = tx.Grant(g.ID); err != nil {
		return err
	}
	return settleNeeds(tx, g)
}

// AccountUnseen and RoleUnseen are a grant's ErrorKind while the target does not show the account, or what the role means.
const (
	AccountUnseen = "account_unseen"
	RoleUnseen    = "role_unseen"
)

func errorKind(err error) string {
	switch connector.UnseenIn(err) {
	case connector.Account:
		return AccountUnseen
	case connector.Entitlement:
		return RoleUnseen
	}
	return string(connector.KindOf(err))
}

// failureWords tell the holder why; the target's own words stay with the grant, for those who watch it.
func failureWords(err error) string {
	switch errorKind(err) {
	case AccountUnseen:
		return "The account is not visible at the target any more."
	case RoleUnseen:
		return "What the role means is not visible at the target any more."
	case string(connector.Gone):
		return "The account or what the role means no longer exists at the target."
	}
	return "Stint may not give this at the target. An administrator can see why on the target's page."
}

func (b *Broker) followOne(tx *store.Tx, a pim.Activation, g store.GrantRow, o observation) error {
	kind := connector.KindOf(o.err)
	switch {
	case g.Lost && a.State == pim.ActiveConfirmed:
		if err := b.end(tx, a, pim.OnLost, pim.System, "", ""); err != nil {
			return err
		}
		return tellHolder(tx, a, "Another hand took away at the target:", ".")
	case (kind == connector.Gone || kind == connector.Refused) && a.State.Holds():
		if err := b.end(tx, a, pim.OnFailed, pim.System, failureWords(o.err), ""); err != nil {
			return err
		}
		return tellHolder(tx, a, "Failed at the target:", ".")
	default:
		_, err := confirmIfSeen(tx, a)
		return err
	}
}
