package broker

import (
	"cmp"
	"context"
	"errors"
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
	owners      bool   // they mean owning it
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
		out = append(out, listing{Scan: at, target: target, entitlement: m.EntitlementID, name: m.Name, owners: m.Relation == pim.Owner, first: !known})
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
