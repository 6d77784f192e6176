package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// targets keeps one open connector per target and version of its definition.
type targets struct {
	mu   sync.Mutex
	open map[string]openTarget
}

type openTarget struct {
	version int64
	conn    connector.Connector
}

func newTargets() *targets { return &targets{open: map[string]openTarget{}} }

// connect returns the connector of a target, opened from its definition as it is now. When the database
// cannot be read the last one opened serves: revoking goes on.
func (b *Broker) connect(ctx context.Context, targetID string) (connector.Connector, error) {
	row, err := store.Read(ctx, b.store, func(r *store.Reader) (store.TargetRow, error) { return r.Target(targetID) })
	b.targets.mu.Lock()
	defer b.targets.mu.Unlock()
	have, ok := b.targets.open[targetID]
	if ok && (err != nil && !errors.Is(err, store.ErrNotFound) || have.version == row.Version) {
		return have.conn, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the target's definition is gone: %w", err)
	}
	conn, err := b.openTarget(row)
	if err != nil {
		return nil, err
	}
	if ok {
		if err := have.conn.Close(); err != nil {
			b.log.Warn("closing a connector", "target", targetID, "error", err)
		}
	}
	b.targets.open[targetID] = openTarget{row.Version, conn}
	return conn, nil
}

func (b *Broker) openTarget(row store.TargetRow) (connector.Connector, error) {
	settings := maps.Clone(row.Settings)
	if settings == nil {
		settings = map[string]string{}
	}
	if len(row.MayWrite) > 0 {
		settings["may_write"] = strings.Join(row.MayWrite, "\n")
	}
	conn, err := b.open(row.Kind, connector.Config{TargetID: row.ID, Settings: settings, Secret: func(string) (string, error) {
		secret, err := b.sealer.Unseal(row.ID, row.Sealed)
		return string(secret), err
	}})
	if err != nil {
		return nil, connector.Errorf(connector.Denied, "open the target: %w", err)
	}
	return conn, nil
}

// TargetTest is what a look at a target found.
type TargetTest struct {
	OK      bool
	Message string
	Took    time.Duration
}

// TestTarget looks whether a target answers with the stored credentials; it changes nothing there.
func (b *Broker) TestTarget(ctx context.Context, actor Actor, targetID string) (TargetTest, error) {
	if err := do(ctx, b, func(tx *store.Tx) error { _, err := administrator(tx, actor); return err }); err != nil {
		return TargetTest{}, err
	}
	return b.Probe(ctx, targetID)
}

// Probe looks whether a target answers, for doctor and for an administrator's test.
func (b *Broker) Probe(ctx context.Context, targetID string) (TargetTest, error) {
	conn, err := b.connect(ctx, targetID)
	if err != nil {
		return TargetTest{Message: err.Error()}, nil
	}
	start := time.Now()
	n := 0
	for _, err := range conn.Browse(ctx, "") {
		if err != nil {
			return TargetTest{Message: err.Error(), Took: time.Since(start)}, nil
		}
		if n++; n == 5 {
			break
		}
	}
	return TargetTest{OK: true, Message: fmt.Sprintf("The target answers; at least %d entries can be read.", n), Took: time.Since(start)}, nil
}

// resolver finds the immutable ids of accounts and entitlements that were only named so far.
type resolver struct {
	busy  atomic.Bool
	mu    sync.Mutex
	tries int
	next  time.Time
}

// Resolve looks up what is not found yet, at most as often as its back-off allows, and lets activations
// and assignments that waited for it go on. It reports whether anything was left.
func (b *Broker) Resolve(ctx context.Context) error {
	now := b.clock()
	b.resolver.mu.Lock()
	defer b.resolver.mu.Unlock()
	if now.Before(b.resolver.next) {
		return nil
	}
	type todo struct {
		accounts []pim.Account
		meanings []pim.Meaning
		targets  map[string]string
	}
	work, err := store.Read(ctx, b.store, func(r *store.Reader) (w todo, err error) {
		if w.accounts, err = r.AccountsUnresolved(); err != nil {
			return w, err
		}
		if w.meanings, err = r.MeaningsUnresolved(); err != nil {
			return w, err
		}
		w.targets, err = targetsOf(r, w.meanings)
		return w, err
	})
	if err != nil || len(work.accounts)+len(work.meanings) == 0 {
		b.resolver.tries = 0
		return err
	}
	var found atomic.Int64
	var lookups sync.WaitGroup
	for target, names := range byTarget(work.meanings, work.accounts, work.targets) {
		lookups.Go(func() { found.Add(int64(b.resolveAt(ctx, target, names))) }) // a hanging target delays no other
	}
	lookups.Wait()
	if found.Load() > 0 {
		err = b.resume(ctx)
	}
	b.resolver.tries++
	if int(found.Load()) == len(work.accounts)+len(work.meanings) {
		b.resolver.tries = 0
	}
	b.resolver.next = now.Add(pim.Backoff(b.resolver.tries, 0.5))
	return err
}

// namesToFind are what is to be looked up at one target.
type namesToFind struct {
	meanings []pim.Meaning
	accounts []pim.Account
}

func byTarget(meanings []pim.Meaning, accounts []pim.Account, targets map[string]string) map[string]*namesToFind {
	out := map[string]*namesToFind{}
	at := func(target string) *namesToFind {
		if out[target] == nil {
			out[target] = &namesToFind{}
		}
		return out[target]
	}
	for _, m := range meanings {
		if target := targets[m.ResourceID]; target != "" {
			at(target).meanings = append(at(target).meanings, m)
		}
	}
	for _, a := range accounts {
		at(a.TargetID).accounts = append(at(a.TargetID).accounts, a)
	}
	return out
}

// resolveAt looks names up at one target and returns how many were found.
func (b *Broker) resolveAt(ctx context.Context, target string, names *namesToFind) (found int) {
	dead := map[string]bool{}
	for _, m := range names.meanings {
		found += b.resolveMeaning(ctx, m, target, dead)
	}
	for _, a := range names.accounts {
		found += b.resolveAccount(ctx, a, dead)
	}
	return found
}

func (b *Broker) resolveMeaning(ctx context.Context, m pim.Meaning, targetID string, dead map[string]bool) int {
	if dead[targetID] {
		return 0
	}
	conn, err := b.connect(ctx, targetID)
	if err == nil {
		var id connector.EntitlementID
		if id, err = connector.Find(ctx, conn, m.Name, m.Relation == pim.Owner); err == nil {
			m.EntitlementID = string(id)
			return b.resolved(ctx, targetID, func(tx *store.Tx) (int, error) {
				e := pim.Event{Type: pim.EvMeaningSaved, Actor: pim.System, RoleID: m.RoleID, ResourceID: m.ResourceID, TargetID: targetID, Result: pim.OK,
					Facts: map[string]any{"entitlement": m.EntitlementID}}
				tx.Emit(e)
				return 1, errors.Join(tx.SaveMeaning(m), tx.AskScan(targetID, ""))
			})
		}
	}
	b.unresolved(ctx, targetID, m.Name, err, dead)
	return 0
}

func (b *Broker) resolveAccount(ctx context.Context, a pim.Account, dead map[string]bool) int {
	if dead[a.TargetID] {
		return 0
	}
	conn, err := b.connect(ctx, a.TargetID)
	if err == nil {
		var id connector.AccountID
		if id, _, err = conn.FindAccount(ctx, a.Name); err == nil {
			return b.resolved(ctx, a.TargetID, func(tx *store.Tx) (int, error) { return linkAccount(tx, a.ID, string(id)) })
		}
	}
	b.unresolved(ctx, a.TargetID, a.Name, err, dead)
	return 0
}

// linkAccount records who an account is at its target, once: it is never matched again because a claim
// changed. What is another's already is not taken over (T10): that is told once, and looked at again.
func linkAccount(tx *store.Tx, id, externalID string) (linked int, err error) {
	a, err := tx.Account(id)
	if err != nil || a.ExternalID != "" {
		return 1, err
	}
	h, err := tx.Principal(a.PrincipalID)
	if err != nil {
		return 0, err
	}
	other, err := othersAccount(tx.Reader, h, a, externalID)
	if err != nil {
		return 0, err
	}
	if other != nil {
		return 0, refuseLink(tx, h, *other, a, externalID)
	}
	a.ExternalID, a.TakenBy = externalID, ""
	if err := tx.UpdateAccount(a); err != nil {
		return 0, moved(err)
	}
	e := pim.PersonEvent(pim.EvAccountLinked, pim.System, a.PrincipalID, a.ID).With("account", externalID)
	e.TargetID = a.TargetID
	tx.Emit(e)
	return 1, nil
}

// refuseLink leaves an account as it is, not found: it is another's.
func refuseLink(tx *store.Tx, h, other pim.Principal, a pim.Account, externalID string) error {
	if a.TakenBy == other.ID {
		return nil
	}
	a.TakenBy = other.ID
	if err := tx.UpdateAccount(a); err != nil {
		return moved(err)
	}
	e := pim.PersonEvent(pim.EvAccountRefused, pim.System, a.PrincipalID, a.ID).With("account", externalID).With("taken_by", other.ID).AsRefused()
	e.TargetID = a.TargetID
	tx.Emit(e)
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	return notify(tx, h.Name+" is not "+a.Name+" at a target: that is the account of "+other.Name+". Nothing is granted by it.", pageOf(h), people...)
}

// resolved records what was found at a target and returns how much of it counts.
func (b *Broker) resolved(ctx context.Context, targetID string, fn func(*store.Tx) (int, error)) int {
	n, err := write(ctx, b, func(tx *store.Tx) (int, error) {
		if err := targetAnswers(tx, targetID); err != nil {
			return 0, err
		}
		return fn(tx)
	})
	if err != nil {
		b.log.Error("recording what was found at a target", "target", targetID, "error", err)
		return 0
	}
	return n
}

// unresolved records why a name was not found; a target that does not answer is not asked again this round.
func (b *Broker) unresolved(ctx context.Context, targetID, name string, cause error, dead map[string]bool) {
	kind := connector.KindOf(cause)
	b.log.Warn("not found at the target", "target", targetID, "name", name, "kind", kind, "error", cause)
	if kind == connector.Gone || kind == connector.Refused {
		return
	}
	dead[targetID] = true
	if err := do(ctx, b, func(tx *store.Tx) error { return targetFails(tx, targetID, cause) }); err != nil {
		b.log.Error("recording a failing target", "target", targetID, "error", err)
	}
}

// targetFails records a failing call; the first of an outage is an event.
func targetFails(tx *store.Tx, targetID string, cause error) error {
	kind := string(connector.KindOf(cause))
	first, err := tx.TargetFailed(targetID, kind, cause.Error())
	if err == nil && first {
		tx.Emit(targetEvent(pim.EvTargetFailing, targetID).With("error", kind))
	}
	return err
}

// targetAnswers records a working call; the end of an outage is an event.
func targetAnswers(tx *store.Tx, targetID string) error {
	recovered, err := tx.TargetOK(targetID)
	if err == nil && recovered {
		tx.Emit(targetEvent(pim.EvTargetRecovered, targetID))
	}
	return err
}

func targetEvent(t pim.EventType, targetID string) pim.Event {
	return pim.Event{Type: t, Actor: pim.System, TargetID: targetID, ObjectID: targetID, Result: pim.OK, Facts: map[string]any{}}
}

// resume lets what waited for a name go on.
func (b *Broker) resume(ctx context.Context) error { return do(ctx, b, b.resumeIn) }

// now is for how long a target takes to answer, which is no time of the domain.
func now() time.Time { return time.Now() }
