package broker

import (
	"context"
	"errors"
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
	next      bool   // held, and only until another grant of the same need was given
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
		if waits, err := b.awaitsMembership(ctx, g); err != nil || waits {
			if err == nil {
				_, err = b.record(ctx, g, observation{held: true, next: true, final: true})
			}
			return err
		}
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

// awaitsMembership reports whether somebody is to own what they are no member of yet, where owners are members: given
// first, the ownership would bring a membership that was then taken for held before Stint.
func (b *Broker) awaitsMembership(ctx context.Context, g store.GrantRow) (bool, error) {
	about, owners := connector.EntitlementID(g.EntitlementID).Owned()
	if !owners {
		return false, nil
	}
	return store.Read(ctx, b.store, func(r *store.Reader) (bool, error) {
		t, err := r.Target(g.TargetID)
		if err != nil || !connector.OwnersAreMembers(t.Kind) {
			return false, err
		}
		member, err := r.GrantOf(g.TargetID, g.AccountID, string(about))
		return member == nil || member.Seen != pim.Present, err
	})
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
