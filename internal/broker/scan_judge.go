package broker

import (
	"context"
	"errors"
	"slices"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// mayRemove reports whether strangers among the holders are taken away. The list of what may be written may be shorter
// than when the role was found; and who was known under a value, and is not any more, may now stand there under an id.
func (b *Broker) mayRemove(ctx context.Context, conn connector.Connector, l listing, holders []string) (bool, error) {
	if !l.target.Authoritative || l.first {
		return false, nil
	}
	values, err := store.Read(ctx, b.store, func(r *store.Reader) ([]string, error) { return r.StandingUnnamed(l.TargetID, l.entitlement) })
	listed := make(map[string]bool, len(holders))
	for _, h := range holders {
		listed[h] = true
	}
	if err != nil || slices.ContainsFunc(values, func(v string) bool { return !listed[v] }) {
		return false, err
	}
	id, refused := connector.Find(ctx, conn, l.name, l.owners)
	return refused == nil && string(id) == l.entitlement, nil
}

// judge records what is held beside Stint among some holders.
func judge(tx *store.Tx, l listing, holders []string) (sum scanned, err error) {
	if err := tx.SeeIncidents(l.TargetID, l.entitlement, holders); err != nil {
		return sum, err
	}
	for _, account := range holders {
		one, err := judgeOne(tx, l, Held{l.TargetID, account, l.entitlement})
		if err != nil {
			return sum, err
		}
		sum = sum.plus(one)
	}
	return sum, nil
}

func judgeOne(tx *store.Tx, l listing, h Held) (sum scanned, err error) {
	g, err := tx.GrantOf(h.Target, h.Account, h.Entitlement)
	if err != nil {
		return sum, err
	}
	if g != nil && g.Accepted && !g.Wanted {
		return cameBack(tx, h, *g)
	}
	i, err := besideOf(tx.Reader, h)
	if err != nil {
		return sum, err
	}
	if g != nil && g.Accounts(l.begun, l.delay) {
		if i != nil && g.Wanted && g.Before != pim.Unknown && i.GrantID == "" { // not looked at yet, it may turn out held before
			sum.closed++
			return sum, closeIncident(tx, *i, pim.EndedKnown)
		}
		return sum, nil
	}
	if i == nil {
		if err := closeLost(tx, h, pim.EndedBack, false); err != nil {
			return sum, err
		}
		kind := pim.Stranger
		if l.first { // what a grant found held before it is no older than that: known since the last whole list, or new since
			kind = pim.Standing
		}
		if i, err = openIncident(tx, pim.Incident{Kind: kind, TargetID: h.Target, AccountID: h.Account, EntitlementID: h.Entitlement}); err != nil {
			return sum, err
		}
		if kind == pim.Standing {
			sum.standing++
		} else {
			sum.opened++
		}
	}
	if i.Kind == pim.Stranger && l.mayRemove && !unnamed(h.Account) {
		sum.adopted++
		return sum, takeOver(tx, *i, g)
	}
	return sum, nil
}

// takeOver makes a stranger's holding a grant that nobody wants, so that the reconciler takes it away and reads it back.
func takeOver(tx *store.Tx, i pim.Incident, g *store.GrantRow) error {
	isNew := g == nil
	if isNew {
		g = &store.GrantRow{AccountName: i.AccountName, Entitlement: i.Entitlement, Grant: pim.Grant{ID: NewID(), TargetID: i.TargetID, AccountID: i.AccountID,
			EntitlementID: i.EntitlementID, Before: pim.Unknown, Seen: pim.Unknown, Version: 1}}
		if err := tx.InsertGrant(*g); err != nil {
			return err
		}
	}
	g.Grant = g.TakeOver()
	g.DueAt, g.LateSince, g.Tries = tx.Now, tx.Now, 0
	tx.Emit(pim.GrantEventOf(pim.EvGrantAdopted, g.Grant, map[string]any{"incident": i.ID}))
	return errors.Join(tx.SaveGrant(*g), tx.AdoptIncident(i.ID, g.ID))
}

// closeMissing looks at what was held beside Stint and is not listed any more, one by one: a list may be late, and an
// absence in it alone closes nothing.
func (b *Broker) closeMissing(ctx context.Context, conn connector.Connector, l listing) (closed int, cause, err error) {
	missing, err := store.Read(ctx, b.store, func(r *store.Reader) ([]pim.Incident, error) {
		return r.IncidentsUnseen(l.TargetID, l.entitlement, l.begun, maxUnlisted)
	})
	if err != nil {
		return 0, nil, err
	}
	for _, i := range missing {
		h, cause := conn.Observe(ctx, connector.AccountID(i.AccountID), connector.EntitlementID(i.EntitlementID))
		if cause != nil && connector.KindOf(cause) != connector.Gone {
			return closed, cause, nil
		}
		if h.Present || cause != nil && l.hidden && i.Kind == pim.Standing { // forgotten, it would be a stranger when it shows again
			continue
		}
		n, err := write(ctx, b, func(tx *store.Tx) (int, error) { return closeGone(tx, i) })
		if err != nil {
			return closed, nil, err
		}
		closed += n
	}
	return closed, nil, nil
}

// closeGone closes what is held beside Stint no longer; a grant that says it was held before Stint is looked at again.
func closeGone(tx *store.Tx, i pim.Incident) (int, error) {
	now, err := besideOf(tx.Reader, Held{i.TargetID, i.AccountID, i.EntitlementID})
	if err != nil || now == nil || now.ID != i.ID {
		return 0, err
	}
	g, err := tx.GrantOf(i.TargetID, i.AccountID, i.EntitlementID)
	if err != nil {
		return 0, err
	}
	if g != nil {
		g.DueAt = tx.Now
		if err := tx.SaveGrant(*g); err != nil {
			return 0, err
		}
	}
	return 1, closeIncident(tx, *now, endOf(*now))
}

func endOf(i pim.Incident) pim.IncidentEnd {
	if i.GrantID != "" {
		return pim.EndedRemoved
	}
	return pim.EndedGone
}

// closeLeft closes, some in each scan, what is held of entitlements that no role means at the target any more; should one
// be managed again, what is held then is standing.
func closeLeft(tx *store.Tx, targetID string, lists []listing) (int, error) {
	managed := make([]string, 0, len(lists)+1)
	for _, l := range lists {
		managed = append(managed, l.entitlement)
	}
	left, err := tx.IncidentsLeft(targetID, managed, chunk)
	if err != nil {
		return 0, err
	}
	for _, i := range left {
		if err := closeIncident(tx, i, pim.EndedLeft); err != nil {
			return 0, err
		}
	}
	return len(left), tx.KeepScannedOnly(targetID, managed)
}
