package broker

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// metaBeside holds, by target, what accounts hold there beside Stint, since a restore asked for it.
const metaBeside = "beside:"

// maxBeside is how many memberships beside Stint are kept for a target; the rest is counted.
const maxBeside = 200

// Beside is what accounts hold at a target that neither the database nor the journal says Stint gave: standing
// access, most likely. After a restore it is listed and never touched (THREATS T19).
type Beside struct {
	At   time.Time `json:"at"` // zero: not looked yet
	Held []Held    `json:"held"`
	More int       `json:"more,omitempty"` // further ones
}

// beside paces the looks.
type beside struct {
	busy  atomic.Bool
	mu    sync.Mutex
	next  time.Time
	tries int
}

// Every how often a list is made anew: while it holds something, so that what was cleared by hand leaves it.
const besideEvery = time.Hour

// askBeside asks for a look at every target after a restore.
func askBeside(tx *store.Tx) error {
	targets, err := tx.Targets()
	if err != nil {
		return err
	}
	for _, t := range targets {
		if t.ID == pim.StintTarget {
			continue
		}
		if err := tx.SetMeta(metaBeside+t.ID, "{}"); err != nil {
			return err
		}
	}
	return nil
}

// BesideAt returns what is held beside Stint at a target, nil when no restore asked. What Stint has a record
// of by now is left out.
func BesideAt(r *store.Reader, targetID string) (*Beside, error) {
	text, err := r.Meta(metaBeside + targetID)
	if err != nil || text == "" {
		return nil, err
	}
	var kept Beside
	if err := json.Unmarshal([]byte(text), &kept); err != nil {
		return nil, err
	}
	out := Beside{At: kept.At, More: kept.More}
	for _, h := range kept.Held {
		if known, err := recorded(r, h); err != nil {
			return nil, err
		} else if !known {
			out.Held = append(out.Held, h)
		}
	}
	return &out, nil
}

// recorded reports whether a record of Stint's accounts for a membership that was seen at a target.
func recorded(r *store.Reader, h Held) (bool, error) {
	g, err := r.GrantOf(h.Target, h.Account, h.Entitlement)
	if err != nil || g == nil {
		return false, err
	}
	return g.Wanted || g.Seen != pim.Absent, nil
}

// LookBeside looks at the targets that are due for it, and reports how many could not be asked.
func (b *Broker) LookBeside(ctx context.Context) (unasked int, err error) {
	due, err := store.Read(ctx, b.store, besideDue)
	if err != nil {
		return 0, err
	}
	for target, entitlements := range due {
		found, err := b.listBeside(ctx, target, entitlements)
		if err != nil {
			b.log.Warn("listing who holds what at a target", "target", target, "kind", connector.KindOf(err))
			unasked++
			continue
		}
		text, err := json.Marshal(found)
		if err != nil {
			return unasked, err
		}
		if err := store.Do(ctx, b.store, func(tx *store.Tx) error { return tx.SetMeta(metaBeside+target, string(text)) }); err != nil {
			return unasked, err
		}
	}
	return unasked, nil
}

// besideDue lists the entitlements that Stint manages at each target that is due for a look.
func besideDue(r *store.Reader) (map[string][]string, error) {
	targets, err := r.Targets()
	if err != nil {
		return nil, err
	}
	due := map[string][]string{}
	for _, t := range targets {
		kept, err := BesideAt(r, t.ID)
		if err != nil {
			return nil, err
		}
		if kept != nil && (kept.At.IsZero() || len(kept.Held)+kept.More > 0 && r.Now.Sub(kept.At) >= besideEvery) {
			due[t.ID] = nil
		}
	}
	if len(due) == 0 {
		return nil, nil
	}
	meanings, err := r.Meanings()
	if err != nil {
		return nil, err
	}
	where, err := targetsOf(r, meanings)
	seen := map[Held]bool{}
	for _, m := range meanings {
		target := where[m.ResourceID]
		key := Held{Target: target, Entitlement: m.EntitlementID}
		if _, asked := due[target]; asked && m.EntitlementID != "" && !seen[key] {
			seen[key] = true
			due[target] = append(due[target], m.EntitlementID)
		}
	}
	return due, err
}

// listBeside asks a target who holds what Stint manages there, and keeps what nothing accounts for.
func (b *Broker) listBeside(ctx context.Context, target string, entitlements []string) (Beside, error) {
	out := Beside{At: b.clock()}
	conn, err := b.connect(ctx, target)
	if err != nil {
		return out, err
	}
	for _, e := range entitlements {
		for account, err := range conn.List(ctx, connector.EntitlementID(e)) {
			if connector.KindOf(err) == connector.Gone && err != nil {
				break // nobody holds what no longer exists
			}
			if err != nil {
				return out, err
			}
			h := Held{target, string(account), e}
			known, err := store.Read(ctx, b.store, func(r *store.Reader) (bool, error) { return recorded(r, h) })
			switch {
			case err != nil:
				return out, err
			case known:
			case len(out.Held) == maxBeside:
				out.More++
			default:
				out.Held = append(out.Held, h)
			}
		}
	}
	return out, nil
}

// besideAside looks beside the worker, as resolveAside does.
func (b *Broker) besideAside(ctx context.Context, passes *sync.WaitGroup) {
	b.beside.mu.Lock()
	due := !b.clock().Before(b.beside.next)
	b.beside.mu.Unlock()
	if !due || !b.beside.busy.CompareAndSwap(false, true) {
		return
	}
	passes.Go(func() {
		defer b.beside.busy.Store(false)
		unasked, err := b.LookBeside(ctx)
		if err != nil && !errors.Is(err, context.Canceled) {
			b.log.Error("looking for what is held beside Stint", "error", err)
		}
		b.beside.mu.Lock()
		defer b.beside.mu.Unlock()
		if b.beside.tries++; unasked == 0 && err == nil {
			b.beside.tries = 0
		}
		b.beside.next = b.clock().Add(max(pim.Backoff(b.beside.tries, 0.5), 10*time.Second))
	})
}
