package broker

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

const (
	laneWidth = 4 // passes at one target at once
	stalled   = 100 * time.Millisecond
	beat      = time.Second // the worker looks at least so often: wall clocks jump and machines sleep (THREATS rule 8)
)

// lanes keep targets apart: a hanging one delays no other, and a dead one is probed, not stormed.
type lanes struct {
	mu   sync.Mutex
	busy map[string]int
	hold map[string]time.Time // circuit breaker: no claims before this
	fail map[string]int
}

func newLanes() *lanes {
	return &lanes{busy: map[string]int{}, hold: map[string]time.Time{}, fail: map[string]int{}}
}

// free is how many more passes may begin at a target now.
func (l *lanes) free(target string, now time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.hold[target]) {
		return 0
	}
	return max(0, laneWidth-l.busy[target])
}

func (l *lanes) enter(target string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy[target]++
}

// leave ends a pass; after three failures in a row the target is held back for a growing while.
func (l *lanes) leave(target string, failed bool, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy[target]--; l.busy[target] <= 0 {
		delete(l.busy, target)
	}
	if !failed {
		delete(l.fail, target)
		delete(l.hold, target)
		return
	}
	if l.fail[target]++; l.fail[target] >= 3 {
		l.hold[target] = now.Add(min(pim.Backoff(l.fail[target]-2, 0.5), 30*time.Second))
	}
}

// Run does due work until ctx ends: at every wake, at the next due time, and at least every second.
func (b *Broker) Run(ctx context.Context) {
	var passes sync.WaitGroup
	defer passes.Wait()
	for ctx.Err() == nil {
		b.round(ctx, &passes)
		b.sleep(ctx)
	}
}

// Restart looks again at everything unsettled, before anything recorded is believed and before anybody
// is served. Where another node ran on, nothing is unsettled by the start of this one.
func (b *Broker) Restart(ctx context.Context) error {
	live, err := store.Read(ctx, b.store, func(r *store.Reader) ([]store.GrantRow, error) { return r.LiveGrants() })
	if err != nil {
		return err
	}
	for _, g := range live {
		b.memory.keep(g)
	}
	others, err := b.store.Others(ctx)
	if err != nil || others > 0 { // they have looked all the while, and take over what this node held
		return err
	}
	return do(ctx, b, func(tx *store.Tx) error {
		_, err := tx.RestartGrants(tx.Now.Add(lease)) // every lease is of a process that is gone
		return err
	})
}

func (b *Broker) round(ctx context.Context, passes *sync.WaitGroup) {
	if err := b.Sweep(ctx); err != nil {
		b.emergency(ctx, err)
		return
	}
	b.carryAside(ctx)
	b.reviewsAside(ctx, passes)
	b.applyAside(ctx, passes)
	b.refresh(ctx)
	b.resolveAside(ctx, passes)
	b.scanAside(ctx, passes)
	b.syncAside(ctx, passes)
	if err := b.lookLate(ctx); err != nil {
		b.log.Error("telling about late grants", "error", err)
	}
	if err := b.remindOfDrills(ctx); err != nil {
		b.log.Error("telling about accounts for emergencies", "error", err)
	}
	if err := b.indexWords(ctx); err != nil {
		b.log.Error("indexing the words of the audit log", "error", err)
	}
	for {
		claimed, err := b.claim(ctx)
		if err != nil {
			b.emergency(ctx, err)
			return
		}
		if len(claimed) == 0 {
			return
		}
		for _, g := range claimed {
			b.lanes.enter(g.TargetID)
			passes.Go(func() { b.work(ctx, g) })
		}
	}
}

// resolveAside looks names up beside the worker, one look-up at a time: a target that hangs must not hold
// back what is due elsewhere.
func (b *Broker) resolveAside(ctx context.Context, passes *sync.WaitGroup) {
	if !b.resolver.busy.CompareAndSwap(false, true) {
		return
	}
	passes.Go(func() {
		defer b.resolver.busy.Store(false)
		if err := b.Resolve(ctx); err != nil && ctx.Err() == nil {
			b.log.Error("looking up names at targets", "error", err)
		}
	})
}

// claim takes due grants, as many of each target as it has free lanes: an idle round writes nothing.
func (b *Broker) claim(ctx context.Context) ([]store.GrantRow, error) {
	due, err := store.Read(ctx, b.store, func(r *store.Reader) ([]string, error) { return r.TargetsDue() })
	if err != nil {
		return nil, err
	}
	free, now := map[string]int{}, b.clock()
	for _, target := range due {
		if n := b.lanes.free(target, now); n > 0 && len(free) < chunk {
			free[target] = n
		}
	}
	if len(free) == 0 {
		return nil, nil
	}
	return store.Write(ctx, b.store, func(tx *store.Tx) (all []store.GrantRow, err error) {
		for target, n := range free {
			claimed, err := tx.ClaimGrants(target, n, b.lease())
			if err != nil {
				return nil, err
			}
			all = append(all, claimed...)
		}
		return all, nil
	})
}

// notTheTarget are errors of one grant that say nothing against its target as a whole.
var notTheTarget = []string{"", string(connector.Gone), AccountUnseen, RoleUnseen, string(connector.Refused), "no_effect", sessionsOpen}

func (b *Broker) work(ctx context.Context, g store.GrantRow) {
	release := b.hold(ctx, g)
	err := b.pass(b.store.Follow(ctx, g.ID), g)
	release()
	after, readErr := store.Read(ctx, b.store, func(r *store.Reader) (store.GrantRow, error) { return r.Grant(g.ID) })
	failed := readErr == nil && !slices.Contains(notTheTarget, after.ErrorKind)
	b.lanes.leave(g.TargetID, failed, b.clock())
	if readErr == nil {
		b.memory.keep(after)
		if err := b.journal.settle(after.Grant, b.clock()); err != nil {
			b.log.Error("noting a grant that is gone", "grant", g.ID, "error", err)
		}
	}
	if err != nil && !errors.Is(err, errStale) && ctx.Err() == nil {
		b.log.Error("reconciling a grant", "grant", g.ID, "target", g.TargetID, "error", err)
	}
	b.Wake()
}

func (b *Broker) sleep(ctx context.Context) {
	wait := beat
	next, err := store.Read(ctx, b.store, func(r *store.Reader) (time.Time, error) { return r.NextDue() })
	if err == nil && !next.IsZero() {
		// What is due already and was not taken is in work or held back: its end wakes the worker.
		if wait = min(beat, next.Sub(b.clock())); wait <= 0 {
			wait = stalled
		}
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-b.wake:
	}
}

// Tick does everything due at this instant and waits for it, for commands and tests.
func (b *Broker) Tick(ctx context.Context) error {
	if err := errors.Join(b.Sweep(ctx), b.carryAll(ctx), b.reviewAll(ctx), b.applyAll(ctx)); err != nil {
		return err
	}
	if err := b.Resolve(ctx); err != nil {
		return err
	}
	if err := errors.Join(b.TellLate(ctx), b.remindOfDrills(ctx)); err != nil {
		return err
	}
	for range 1000 {
		claimed, err := b.claim(ctx)
		if err != nil || len(claimed) == 0 {
			return err
		}
		for _, g := range claimed {
			b.lanes.enter(g.TargetID)
			b.work(ctx, g)
		}
	}
	return errors.New("broker: due work does not come to rest")
}
