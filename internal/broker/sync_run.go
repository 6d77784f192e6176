package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

const (
	syncLease   = 2 * time.Minute       // renewed with every page and every write
	syncBatch   = 500                   // people compared on one snapshot
	syncTold    = 2000                  // entries read before it is said again how many
	syncRuns    = 30                    // kept of each directory
	syncListed  = 200                   // changes of each kind that a run lists
	syncSorted  = 20_000                // entries sorted by name before they are saved: neighbours in the indexes go together
	syncAim     = 30 * time.Millisecond // for one write, with its commit
	syncAtMost  = 256                   // people in one write
	syncAtLeast = 8
	syncAtFirst = 16
)

// syncing is one run, as far as it came. It lives in memory: what a crash leaves undone the next run finds again.
type syncing struct {
	store.Sync
	run     store.SyncRun
	entries spool
	people  map[digest]string // external ids by the keys of their entries
	seen    map[digest]int    // place in the answer by external id, from 1, of usable entries and others
	matches map[digest]bool   // what people are recognised by; true: more than one is
	unused  map[string]bool   // external ids of entries that cannot be used
	todo    []bool            // by the order in the spool: what differs
	losing  []losing
	adding  map[string]string // names by external id, where a preview shows groups
	joining []arrival         // who is added of the entries compared since the last were ranked
	ranked  int
	listed  map[string]int
	changes []store.SyncChange
	size    int           // people in the next write
	longest time.Duration // write
	trouble []string      // what went wrong without stopping the run
}

type losing struct {
	external string
	missing  bool
}

// SyncDue runs the syncs that are asked for or due, one after the other.
func (b *Broker) SyncDue(ctx context.Context) error {
	due, err := store.Read(ctx, b.store, func(r *store.Reader) ([]string, error) { return r.SyncsDue() })
	for _, target := range due {
		err = errors.Join(err, b.sync(ctx, target))
	}
	return errors.Join(err, b.leaveDue(ctx))
}

// syncAside syncs beside the worker, as scanAside does.
func (b *Broker) syncAside(ctx context.Context, passes *sync.WaitGroup) {
	if !b.syncs.CompareAndSwap(false, true) {
		return
	}
	passes.Go(func() {
		defer b.syncs.Store(false)
		if err := b.SyncDue(ctx); err != nil && ctx.Err() == nil {
			b.log.Error("syncing directories", "error", err)
		}
	})
}

// sync runs one: read everything, compare, judge, and only then write.
func (b *Broker) sync(ctx context.Context, targetID string) error {
	run, err := b.beginSync(ctx, targetID)
	if err != nil || run == nil {
		return err // another node has it
	}
	trouble := b.syncPeople(ctx, run)
	if errors.Is(trouble, store.ErrConflict) || ctx.Err() != nil {
		return ctx.Err() // another run has taken over, or takes over when the lease ends
	}
	var broken *connector.Error
	if trouble != nil && !errors.As(trouble, &broken) {
		b.log.Error("syncing a directory", "target", targetID, "error", trouble)
	}
	return b.endSync(ctx, run, trouble)
}

func (b *Broker) beginSync(ctx context.Context, targetID string) (*syncing, error) {
	id := NewID()
	return write(ctx, b, func(tx *store.Tx) (*syncing, error) {
		if ok, err := tx.ClaimSync(targetID, id, syncLease); err != nil || !ok {
			return nil, err
		}
		s, err := tx.Sync(targetID)
		if err != nil {
			return nil, err
		}
		run := store.SyncRun{ID: id, TargetID: targetID, Preview: s.Asked == syncPreview, AskedBy: s.AskedBy, State: pim.SyncRunning, BegunAt: tx.Now}
		if run.AskedBy == "" {
			run.AskedBy = pim.System
		}
		e := targetEvent(pim.EvSyncStarted, targetID).With("run", id).With("preview", run.Preview)
		e.Actor = run.AskedBy
		tx.Emit(e)
		return &syncing{Sync: s, run: run, adding: map[string]string{}, people: map[digest]string{}, seen: map[digest]int{}, matches: map[digest]bool{}, unused: map[string]bool{},
			listed: map[string]int{}, size: syncAtFirst}, tx.InsertSyncRun(run)
	})
}

func (b *Broker) syncPeople(ctx context.Context, run *syncing) error {
	if err := b.readPeople(ctx, run); err != nil {
		return err
	}
	known, err := b.comparePeople(ctx, run)
	if err != nil {
		return err
	}
	if why := run.Settings.Stop(run.run.Counts, known, run.Allowed); why != "" {
		run.run.State, run.run.Message = pim.SyncStopped, why
	}
	if run.run.State == pim.SyncStopped {
		return nil
	}
	if !run.run.Preview {
		if err := b.savePeople(ctx, run); err != nil {
			return err
		}
	}
	return b.syncGroups(ctx, run)
}

// keep says how far a run came, in a write of its own.
func (b *Broker) keepSync(ctx context.Context, run *syncing, phase string, done, total int) error {
	run.Phase, run.Done, run.Total = phase, done, total
	return store.Do(ctx, b.store, func(tx *store.Tx) error { return tx.KeepSync(run.Sync, syncLease) })
}

// paced makes one write of a run and fits the size of the next to how long it took (invariant 13).
func (b *Broker) paced(ctx context.Context, run *syncing, fn func(*store.Tx) error) error {
	var took time.Duration
	err := do(ctx, b, func(tx *store.Tx) error {
		begun := now()
		tx.AfterCommit(func() { took = now().Sub(begun) })
		if err := tx.KeepSync(run.Sync, syncLease); err != nil {
			return err
		}
		return fn(tx)
	})
	run.longest = max(run.longest, took)
	run.size = nextSize(run.size, took)
	return err
}

// nextSize is how many the next write may have after one that took so long.
func nextSize(size int, took time.Duration) int {
	switch {
	case took < syncAim/2:
		return min(size*2, syncAtMost)
	case took > syncAim:
		return max(size/2, syncAtLeast)
	}
	return size
}

// list notes a change for whoever looks at the run; the first of each kind.
func (run *syncing) list(c store.SyncChange) {
	if run.listed[c.Kind]++; run.listed[c.Kind] <= syncListed {
		run.changes = append(run.changes, c)
	}
}

// endSync records how a run ended and tells administrators what they must see to.
func (b *Broker) endSync(ctx context.Context, run *syncing, trouble error) error {
	if err := b.keepChanges(ctx, run); err != nil {
		return err
	}
	v := run.run
	v.Counts.LongestMS = run.longest.Milliseconds()
	switch {
	case trouble != nil:
		v.State, v.Message = pim.SyncFailed, sentence(trouble.Error())+". Nobody was disabled."
	case v.State == pim.SyncRunning:
		v.State, v.Message = pim.SyncDone, listedWords(run.trouble)
	}
	return do(ctx, b, func(tx *store.Tx) error {
		s, err := tx.Sync(run.TargetID)
		if err != nil {
			return err
		}
		before, err := lastEnd(tx.Reader, run.TargetID)
		if err != nil {
			return err
		}
		s.Attempt, s.Tries = run.Attempt, s.Tries+1
		if v.State == pim.SyncDone {
			s.Tries = 0
		}
		if v.Preview && trouble == nil {
			s.Previewed = true
		}
		s.DueAt = nextSync(s, v, tx.Now)
		if err := tx.EndSync(s); err != nil {
			return err
		}
		if err := tx.EndSyncRun(v, syncRuns); err != nil {
			return err
		}
		if err := tellSync(tx, v, before); err != nil {
			return err
		}
		if outage(trouble) && connector.KindOf(trouble) != connector.OutcomeUnknown {
			return targetFails(tx, run.TargetID, trouble)
		}
		if trouble != nil {
			return nil
		}
		return targetAnswers(tx, run.TargetID)
	})
}

// lastEnd is how the latest run that was none of a preview ended.
func lastEnd(r *store.Reader, targetID string) (pim.SyncState, error) {
	runs, err := r.SyncRuns(targetID, syncRuns)
	for _, v := range runs {
		if !v.Preview && v.State != pim.SyncRunning {
			return v.State, err
		}
	}
	return "", err
}

// nextSync: a scheduled sync that failed comes again sooner, not sooner than in ten minutes.
func nextSync(s store.Sync, v store.SyncRun, now time.Time) time.Time {
	switch {
	case !s.Previewed || s.Settings.EveryHours == 0:
		return time.Time{}
	case v.Preview && !s.DueAt.IsZero():
		return s.DueAt
	case v.State == pim.SyncFailed:
		return now.Add(min(time.Duration(s.Tries)*10*time.Minute, time.Duration(s.Settings.EveryHours)*time.Hour))
	}
	return s.Settings.NextSync(v.BegunAt)
}

func (b *Broker) keepChanges(ctx context.Context, run *syncing) error {
	for first := 0; first < len(run.changes); first += syncBatch / 2 {
		some := run.changes[first:min(first+syncBatch/2, len(run.changes))]
		if err := store.Do(ctx, b.store, func(tx *store.Tx) error { return tx.InsertSyncChanges(run.run.ID, first+1, some) }); err != nil {
			return err
		}
	}
	return nil
}

func listedWords(trouble []string) string {
	if len(trouble) > 5 {
		trouble = append(trouble[:5:5], fmt.Sprintf("and %d more.", len(trouble)-5))
	}
	out := ""
	for i, t := range trouble {
		if i > 0 {
			out += " "
		}
		out += t
	}
	return out
}

var syncEnds = map[pim.SyncState]pim.EventType{pim.SyncDone: pim.EvSyncCompleted, pim.SyncStopped: pim.EvSyncStopped, pim.SyncFailed: pim.EvSyncFailed}

// tellSync leaves the event of a run's end, and a notice where somebody has to act: the first of several alike.
func tellSync(tx *store.Tx, v store.SyncRun, before pim.SyncState) error {
	e := targetEvent(syncEnds[v.State], v.TargetID).With("run", v.ID).With("preview", v.Preview)
	e.Actor = v.AskedBy
	c := v.Counts
	for name, n := range map[string]int{"read": c.Read, "added": c.Added, "changed": c.Changed, "disabled": c.Disabled, "missing": c.Missing, "enabled": c.Enabled,
		"kept": c.Kept, "skipped": c.Skipped, "joined": c.Joined, "left": c.Left} {
		e.Facts[name] = int64(n)
	}
	tx.Emit(e.WithText("message", v.Message))
	t, err := tx.Target(v.TargetID)
	if err != nil || v.Preview || v.State == pim.SyncDone || v.State == before {
		return err
	}
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	text := "The directory sync of " + t.Name + " failed. " + v.Message
	if v.State == pim.SyncStopped {
		text = "The directory sync of " + t.Name + " stopped and changed nothing. " + v.Message + " Look at what it would do: it may be right, or a part of the directory is hidden."
	}
	return notify(tx, text, "/sync/"+v.TargetID, people...)
}
