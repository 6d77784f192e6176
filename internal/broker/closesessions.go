package broker

import (
	"context"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// What became of the account's sessions in a pass that had to end them. sessionsOpen is also the error kind of a grant that
// is gone while they are not: an outage of neither the target nor its credentials.
const (
	sessionsEnded = "sessions_ended"
	sessionsOpen  = "sessions_open"
)

// closeSessions ends the account's sessions before a look that shows absence is recorded, where the target can and pim says
// that they are owed. When that fails the absence is not recorded, and the next pass comes here again, whatever crashed in
// between. What another hand took away, or deleted, is recorded all the same: the activation must not stay active for it.
func (b *Broker) closeSessions(ctx context.Context, conn connector.Connector, g store.GrantRow, o observation) observation {
	absent := o.event == pim.GrantSawNone || o.event == pim.GrantGone // a deleted account's sessions may go on as well
	if !absent || !conn.Capabilities().EndsSessions || !g.OwesSessions(b.clock(), o.acted || b.inUse(ctx, g)) {
		return o
	}
	err := conn.EndSessions(ctx, connector.AccountID(g.AccountID))
	switch {
	case err == nil:
		o.sessions = sessionsEnded
	case g.Wanted || o.event == pim.GrantGone:
		b.log.Warn("sessions of the account were not ended", "target", g.TargetID, "grant", g.ID, "error", err)
	default:
		o.event, o.sessions, o.final = "", sessionsOpen, true
		o.err = connector.Errorf(connector.KindOf(err), "The role is gone at the target, but the account's open sessions could not be ended: %w", err)
	}
	return o
}

// inUse reports whether an activation or assignment of the grant is not accounted for yet; when that cannot be read, it is.
func (b *Broker) inUse(ctx context.Context, g store.GrantRow) bool {
	needs, err := store.Read(ctx, b.store, func(r *store.Reader) ([]pim.GrantNeed, error) { return r.OpenNeeds(g.ID) })
	return err != nil || len(needs) > 0
}
