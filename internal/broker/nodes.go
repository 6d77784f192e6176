package broker

import (
	"context"
	"sync"
	"time"

	"stint/internal/store"
)

func (b *Broker) lease() time.Duration {
	if b.store.Shared() {
		return sharedLease
	}
	return lease
}

// hold renews the lease of a grant in work until it is released. A node that stops renews nothing: another one
// takes the grant over, and refuses what this one may still find.
func (b *Broker) hold(ctx context.Context, g store.GrantRow) (release func()) {
	if !b.store.Shared() {
		return func() {}
	}
	ctx, stop := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		t := time.NewTicker(renewEvery)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				err := store.Do(ctx, b.store, func(tx *store.Tx) error { return tx.RenewLease(g, sharedLease) })
				if err != nil && ctx.Err() == nil {
					b.log.Warn("renewing the lease of a grant", "grant", g.ID, "error", err)
				}
			}
		}
	})
	return func() {
		stop()
		done.Wait()
	}
}

// freshness is up to where the memory of live grants knows what other nodes wrote.
type freshness struct {
	size int64
	at   time.Time
}

// refreshEvery bounds how often the live grants are read again.
const refreshEvery = 2 * time.Second

// refresh takes over the ends of grants that other nodes wrote, for the time when the database is away.
func (b *Broker) refresh(ctx context.Context) {
	size := b.store.Head().Size
	if !b.store.Shared() || size == b.fresh.size || b.clock().Sub(b.fresh.at) < refreshEvery {
		return
	}
	live, err := store.Read(ctx, b.store, func(r *store.Reader) ([]store.GrantRow, error) { return r.LiveGrants() })
	if err != nil {
		return // whoever needs the database next says so
	}
	b.fresh = freshness{size, b.clock()}
	b.memory.replace(live)
	if err := b.settleElsewhere(ctx, live); err != nil && ctx.Err() == nil {
		b.log.Error("noting grants that are gone", "error", err)
	}
}

// settleElsewhere notes in this node's journal what another node has taken away.
func (b *Broker) settleElsewhere(ctx context.Context, live []store.GrantRow) error {
	open := b.journal.pending()
	for _, g := range live {
		delete(open, heldOf(g.Grant))
	}
	for h := range open {
		g, err := store.Read(ctx, b.store, func(r *store.Reader) (*store.GrantRow, error) { return r.GrantOf(h.Target, h.Account, h.Entitlement) })
		if err != nil || g == nil {
			return err
		}
		if err := b.journal.settle(g.Grant, b.clock()); err != nil {
			return err
		}
	}
	return nil
}
