package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

const (
	scanLease   = 5 * time.Minute // renewed with every entitlement
	scanWidth   = 4               // targets scanned at once
	scanBatch   = 50              // accounts judged in one write
	maxHolders  = 100_000         // of one entitlement: what a list may take of memory
	maxUnlisted = 200             // no longer listed, of one entitlement: looked at one by one in a scan, the rest in the next
)

// scans paces the looks at who holds what.
type scans struct {
	every time.Duration
	busy  atomic.Bool
}

// scanned is what a scan found at one target.
type scanned struct {
	standing, opened, closed, adopted int
}

func (s scanned) plus(t scanned) scanned {
	return scanned{s.standing + t.standing, s.opened + t.opened, s.closed + t.closed, s.adopted + t.adopted}
}

// listing is one list of the holders of an entitlement.
type listing struct {
	store.Scan
	target      store.TargetRow
	entitlement string
	name        string // by which roles mean it
	begun       time.Time
	delay       time.Duration
	first       bool // nothing is known of it: what is found is standing access
	mayRemove   bool
	hidden      bool // what is not listed may be held all the same: it is gone, or is listed under a value
}

// ScanNow asks for a scan of a target, and for a look at everything that is held there.
func (b *Broker) ScanNow(ctx context.Context, actor Actor, targetID string) error {
	return do(ctx, b, func(tx *store.Tx) error {
		who, err := administrator(tx, actor)
		if err != nil {
			return err
		}
		if _, err := tx.Target(targetID); err != nil {
			return found(err)
		}
		if targetID == pim.StintTarget {
			return pim.Refuse(pim.KindForbidden, "Stint itself is no system to connect to, so there is nothing to scan.")
		}
		at, err := tx.ScanOf(targetID)
		if err != nil || !at.AskedAt.IsZero() || at.LeaseUntil.After(tx.Now) {
			return err // it is on its way
		}
		e := targetEvent(pim.EvScanRequested, targetID)
		e.Actor = who.ID
		tx.Emit(e)
		return errors.Join(tx.AskScan(targetID, who.ID), tx.LookAgainAt(targetID))
	})
}

// ScanDue scans the targets that are due, and reports how many could not be asked.
func (b *Broker) ScanDue(ctx context.Context) (unasked int, err error) {
	if err := b.closeOver(ctx); err != nil {
		return 0, err
	}
	due, err := store.Read(ctx, b.store, func(r *store.Reader) ([]string, error) { return r.ScansDue() })
	if err != nil {
		return 0, err
	}
	var failed atomic.Int64
	var all sync.WaitGroup
	slots, errs := make(chan struct{}, scanWidth), make(chan error, len(due))
	for _, target := range due {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			whole, err := b.scanTarget(ctx, target)
			if errs <- err; !whole {
				failed.Add(1)
			}
		})
	}
	all.Wait()
	close(errs)
	for e := range errs {
		err = errors.Join(err, e)
	}
	return int(failed.Load()), err
}

// scanAside scans beside the worker, as resolveAside does.
func (b *Broker) scanAside(ctx context.Context, passes *sync.WaitGroup) {
	if !b.scans.busy.CompareAndSwap(false, true) {
		return
	}
	passes.Go(func() {
		defer b.scans.busy.Store(false)
		if _, err := b.ScanDue(ctx); err != nil && ctx.Err() == nil {
			b.log.Error("scanning targets", "error", err)
		}
	})
}

// scanTarget asks one target who holds what Stint manages there. It reports whether everything was read: a list that
// broke off is no list, and nothing in it is believed.
func (b *Broker) scanTarget(ctx context.Context, targetID string) (whole bool, err error) {
	at, err := store.Write(ctx, b.store, func(tx *store.Tx) (store.Scan, error) {
		if ok, err := tx.ClaimScan(targetID, scanLease); err != nil || !ok {
			return store.Scan{}, err
		}
		return tx.ScanOf(targetID)
	})
	if err != nil || at.TargetID == "" {
		return err == nil, err // another node has it
	}
	lists, err := store.Read(ctx, b.store, func(r *store.Reader) ([]listing, error) { return listsOf(r, at) })
	if err != nil {
		return false, err
	}
	var sum scanned
	var trouble error
	at.Total = len(lists)
	for _, l := range lists {
		found, cause, err := b.scanEntitlement(ctx, l)
		if err != nil {
			return false, err
		}
		sum = sum.plus(found)
		if trouble = cmp.Or(trouble, cause); outage(cause) {
			break
		}
		at.Done++
		if at, err = b.saveScan(ctx, at); err != nil {
			return false, err
		}
	}
	if trouble == nil {
		left, err := write(ctx, b, func(tx *store.Tx) (int, error) { return closeLeft(tx, targetID, lists) })
		if err != nil {
			return false, err
		}
		sum.closed += left
	}
	return trouble == nil, b.finishScan(ctx, at, sum, trouble)
}

// outage reports whether an error says something about the target as a whole.
func outage(err error) bool {
	if err == nil {
		return false
	}
	kind := connector.KindOf(err)
	return kind != connector.Gone && kind != connector.Refused
}

func (b *Broker) saveScan(ctx context.Context, at store.Scan) (store.Scan, error) {
	return store.Write(ctx, b.store, func(tx *store.Tx) (store.Scan, error) {
		now, err := tx.ScanOf(at.TargetID)
		if err != nil {
			return at, err
		}
		now.Attempt, now.Done, now.Total, now.LeaseUntil = at.Attempt, at.Done, at.Total, tx.Now.Add(scanLease)
		return now, tx.SaveScan(now)
	})
}

// listsOf are the lists that make a scan: each entitlement that a role means at the target.
func listsOf(r *store.Reader, at store.Scan) (out []listing, err error) {
	target, err := r.Target(at.TargetID)
	if err != nil {
		return nil, err
	}
	meanings, err := r.Meanings()
	if err != nil {
		return nil, err
	}
	where, err := targetsOf(r, meanings)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{"": true}
	for _, m := range meanings {
		if where[m.ResourceID] != at.TargetID || seen[m.EntitlementID] {
			continue
		}
		seen[m.EntitlementID] = true
		known, err := r.Scanned(at.TargetID, m.EntitlementID)
		if err != nil {
			return nil, err
		}
		out = append(out, listing{Scan: at, target: target, entitlement: m.EntitlementID, name: m.Name, first: !known})
	}
	return out, nil
}

// scanEntitlement lists the holders of one entitlement and judges each. cause is what the target said against it.
func (b *Broker) scanEntitlement(ctx context.Context, l listing) (sum scanned, cause, err error) {
	conn, cause := b.connect(ctx, l.TargetID)
	if cause != nil {
		return sum, cause, nil
	}
	l.begun, l.delay = b.clock(), conn.Capabilities().ReadDelay
	holders, gone, cause := holdersOf(ctx, conn, l.entitlement)
	if cause != nil {
		return sum, cause, nil
	}
	l.hidden = gone || slices.ContainsFunc(holders, unnamed)
	if l.mayRemove, err = b.mayRemove(ctx, conn, l, holders); err != nil {
		return sum, nil, err
	}
	for batch := range slices.Chunk(holders, scanBatch) {
		found, err := write(ctx, b, func(tx *store.Tx) (scanned, error) { return judge(tx, l, batch) })
		if err != nil {
			return sum, nil, err
		}
		sum = sum.plus(found)
	}
	closed, cause, err := b.closeMissing(ctx, conn, l)
	if sum.closed += closed; err != nil || cause != nil || gone { // of what cannot be seen nothing is known: what it holds when it can is standing
		return sum, cause, err
	}
	return sum, nil, store.Do(ctx, b.store, func(tx *store.Tx) error { return tx.KeepScanned(l.TargetID, l.entitlement) })
}

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
	id, refused := conn.Canonical(ctx, l.name)
	return refused == nil && string(id) == l.entitlement, nil
}

// unnamed reports whether a holder is listed under a value, which may hide somebody who is known by an id.
func unnamed(account string) bool { return connector.AccountID(account).Unnamed() }

// holdersOf lists who holds an entitlement, whole or not at all; gone says that the target shows no such entitlement.
func holdersOf(ctx context.Context, conn connector.Connector, entitlement string) (out []string, gone bool, err error) {
	for account, err := range conn.List(ctx, connector.EntitlementID(entitlement)) {
		switch {
		case err != nil && connector.KindOf(err) == connector.Gone:
			return nil, true, nil // nobody holds what no longer exists
		case err != nil:
			return nil, false, err
		case len(out) == maxHolders:
			return nil, false, connector.Errorf(connector.Refused, "more than %d accounts hold one entitlement: it is not scanned", maxHolders)
		}
		out = append(out, string(account))
	}
	return out, false, nil
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

// finishScan records the end of a scan and tells what is new; one notice for many.
func (b *Broker) finishScan(ctx context.Context, at store.Scan, sum scanned, trouble error) error {
	return do(ctx, b, func(tx *store.Tx) error {
		now, err := tx.ScanOf(at.TargetID)
		if err != nil {
			return err
		}
		asked, anew := !now.AskedAt.IsZero(), now.DueAt.After(at.BegunAt) // anew: somebody asked while it ran
		now.Attempt, now.Done, now.Total, now.LeaseUntil = at.Attempt, at.Done, at.Total, time.Time{}
		if now.Error = ""; trouble != nil {
			now.Error = trouble.Error()
			now.Tries++
		} else {
			now.Tries, now.EndedAt = 0, tx.Now
		}
		if !anew {
			if trouble == nil || now.AskedBy != pim.System { // a restore asks until it is answered
				now.AskedAt, now.AskedBy = time.Time{}, ""
			}
			now.DueAt = tx.Now.Add(b.nextScan(now.Tries))
		}
		if err := tx.SaveScan(now); errors.Is(err, store.ErrConflict) {
			return nil // asked for anew since: that scan says what it finds
		} else if err != nil {
			return err
		}
		if outage(trouble) {
			err = targetFails(tx, at.TargetID, trouble)
		} else if at.Total > 0 {
			err = targetAnswers(tx, at.TargetID)
		}
		if err != nil || !asked && sum == (scanned{}) {
			return err
		}
		return tellScan(tx, at.TargetID, sum, trouble)
	})
}

// nextScan spreads the targets' scans; a failed one comes again sooner.
func (b *Broker) nextScan(tries int) time.Duration {
	if tries == 0 {
		return time.Duration(float64(b.scans.every) * (0.95 + 0.1*jitter()))
	}
	return min(b.scans.every, 10*pim.Backoff(tries, jitter()))
}

func tellScan(tx *store.Tx, targetID string, sum scanned, trouble error) error {
	e := targetEvent(pim.EvScanCompleted, targetID)
	for name, n := range map[string]int{"standing": sum.standing, "strangers": sum.opened, "closed": sum.closed, "adopted": sum.adopted} {
		e.Facts[name] = int64(n)
	}
	if trouble != nil {
		e.Facts["error"] = string(connector.KindOf(trouble))
	}
	tx.Emit(e)
	t, err := tx.Target(targetID)
	if err != nil || sum.standing+sum.opened == 0 {
		return err
	}
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	if sum.opened > 0 {
		text := fmt.Sprintf("Held beside Stint at %s, and new since the last scan: %d.", t.Name, sum.opened)
		if sum.adopted > 0 {
			text += " Stint takes it away, for the target is authoritative."
		}
		if err := notify(tx, text, "/targets/"+targetID, people...); err != nil {
			return err
		}
	}
	if sum.standing > 0 {
		return notify(tx, fmt.Sprintf("Standing access found at %s: %d. Stint did not give it and leaves it.", t.Name, sum.standing), "/targets/"+targetID, people...)
	}
	return nil
}
