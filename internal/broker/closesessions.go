package broker

import (
	"context"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// sessionsOpen is the error kind of a grant that is gone while sessions that may have switched into it are not: an outage
// of neither the target nor its credentials.
const sessionsOpen = "sessions_open"

// closeSessions ends the account's sessions before a look that shows absence is recorded, where the target can and pim says
// that they are owed. When that fails the absence is not recorded, and the next pass comes here again, whatever crashed in
// between. What another hand took away is recorded all the same: the activation must not stay active for it.
func (b *Broker) closeSessions(ctx context.Context, conn connector.Connector, g store.GrantRow, o observation) observation {
	if o.event != pim.GrantSawNone || !conn.Capabilities().EndsSessions || !g.OwesSessions(b.clock(), o.acted || b.inUse(ctx, g)) {
		return o
	}
	err := conn.EndSessions(ctx, connector.AccountID(g.AccountID))
	switch {
	case err == nil:
		o.sessions = true
	case g.Wanted:
		b.log.Warn("sessions of the account were not ended", "target", g.TargetID, "grant", g.ID, "error", err)
	default:
		o.event, o.sessions, o.final = "", true, true
		o.err = connector.Errorf(connector.KindOf(err), "The role is gone at the target, but the account's open sessions could not be ended: %w", err)
	}
	return o
}

// inUse reports whether an activation or assignment of the grant is not accounted for yet; when that cannot be read, it is.
func (b *Broker) inUse(ctx context.Context, g store.GrantRow) bool {
	needs, err := store.Read(ctx, b.store, func(r *store.Reader) ([]pim.GrantNeed, error) { return r.OpenNeeds(g.ID) })
	return err != nil || len(needs) > 0
}
