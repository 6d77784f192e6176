package broker

import (
	"context"
	"errors"
	"slices"
	"strings"

	"stint/internal/pim"
	"stint/internal/store"
)

// savePeople writes what differs, in small writes, and then disables who is to go: the run was judged as a whole by now.
func (b *Broker) savePeople(ctx context.Context, run *syncing) error {
	total := 0
	for _, differs := range run.todo {
		if differs {
			total++
		}
	}
	run.Phase, run.Done, run.Total = "saving", 0, total+len(run.losing)
	var batch []pim.SyncedPerson
	err := run.entries.each(func() int { return syncBatch }, func(first int, people []pim.SyncedPerson) error {
		for i, p := range people {
			if run.todo[first+i] {
				batch = append(batch, p)
			}
		}
		if !run.sortedAt(first + len(people)) {
			return ctx.Err()
		}
		slices.SortFunc(batch, func(a, b pim.SyncedPerson) int { return strings.Compare(a.Name, b.Name) })
		err := b.saveBatch(ctx, run, batch)
		batch = batch[:0]
		return err
	})
	if err != nil {
		return err
	}
	return b.disablePeople(ctx, run)
}

func (b *Broker) saveBatch(ctx context.Context, run *syncing, batch []pim.SyncedPerson) error {
	for len(batch) > 0 {
		some := batch[:min(run.size, len(batch))]
		if err := b.paced(ctx, run, func(tx *store.Tx) error { return b.saveSome(tx, run, some) }); err != nil {
			return err
		}
		run.Done += len(some)
		batch = batch[len(some):]
	}
	return ctx.Err()
}

// saveSome decides again about a few people and writes it: who is new with one statement for many, the others each
// alone.
func (b *Broker) saveSome(tx *store.Tx, run *syncing, people []pim.SyncedPerson) error {
	verdicts, err := weigh(tx.Reader, run, people, byID)
	if err != nil {
		return err
	}
	var joining []pim.Principal
	var matches []store.SyncMatch
	for _, v := range verdicts {
		if v.kind == added {
			joining = append(joining, v.next)
		}
		if v.link && (v.kind == added || v.kind == changed) {
			matches = append(matches, store.SyncMatch{ExternalID: v.said.ID, PrincipalID: v.next.ID})
		}
	}
	if err := errors.Join(tx.InsertPrincipals(joining), tx.InsertSyncLinks(run.TargetID, matches)); err != nil {
		return err
	}
	for _, v := range verdicts {
		if err := b.savePersonSynced(tx, run, v); err != nil {
			return err
		}
	}
	return nil
}

// savePersonSynced changes who is known already, and tells of everybody.
func (b *Broker) savePersonSynced(tx *store.Tx, run *syncing, v verdict) error {
	by := func(e pim.Event) pim.Event { return e.With("target", run.TargetID).With("run", run.run.ID) }
	switch v.kind {
	case added:
		tx.Emit(by(savedEvent(pim.System, v.next)))
	case changed:
		if v.next != v.was {
			if err := tx.ChangePrincipal(v.was, v.next); err != nil {
				return err
			}
			v.next.Version++
			tx.Emit(by(savedEvent(pim.System, v.next)))
		}
	}
	if !v.enable {
		return nil
	}
	v.next.Enabled = true
	if err := tx.UpdatePrincipal(v.next); err != nil {
		return err
	}
	tx.Emit(by(pim.PersonEvent(pim.EvPersonEnabled, pim.System, v.next.ID, v.next.ID).With("source", string(pim.SourceDirectory))))
	return errors.Join(tx.SetSyncOff(run.TargetID, v.said.ID, false), syncAssignmentNeedsOf(tx, v.next.ID))
}

// disableAtOnce is how many people one write disables: each may hold much that ends with it.
const disableAtOnce = 4

func (b *Broker) disablePeople(ctx context.Context, run *syncing) error {
	for len(run.losing) > 0 {
		some := run.losing[:min(disableAtOnce, len(run.losing))]
		var kept []store.SyncChange
		err := b.paced(ctx, run, func(tx *store.Tx) (err error) {
			kept, err = watchEnd(tx, pim.System, func() ([]store.SyncChange, error) { return b.disableSome(tx, run, some) })
			return err
		})
		if err != nil {
			return err
		}
		for _, c := range kept {
			run.run.Counts.Kept++
			run.trouble = append(run.trouble, c.Name+" is disabled in the directory or gone from it, and stays enabled here: "+c.Words[0])
			run.list(c)
		}
		run.Done += len(some)
		run.losing = run.losing[len(some):]
	}
	return nil
}

// disableSome disables people unless they are needed; those it returns, and administrators are told of them.
func (b *Broker) disableSome(tx *store.Tx, run *syncing, some []losing) (kept []store.SyncChange, err error) {
	var ids []string
	for _, l := range some {
		ids = append(ids, l.external)
	}
	links, err := tx.SyncLinks(run.TargetID, ids)
	if err != nil {
		return nil, err
	}
	for _, l := range some {
		p := links[l.external].Principal
		if p.ID == "" || links[l.external].Removed || !p.Enabled {
			continue
		}
		why, err := needed(tx, p)
		if err != nil {
			return nil, err
		}
		if why != "" {
			kept = append(kept, store.SyncChange{Kind: "kept", PrincipalID: p.ID, Name: p.Name, Words: []string{why}})
			if err := tellKept(tx, run, p, why); err != nil {
				return nil, err
			}
			continue
		}
		if err := b.switchOff(tx, run, p, l); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// needed says why the directory alone must not disable somebody: without them nobody could administer Stint, or come in
// when the provider is down (EC-16, B-01).
func needed(tx *store.Tx, p pim.Principal) (why string, err error) {
	accounts, err := tx.BreakGlass()
	if err != nil {
		return "", err
	}
	for _, a := range accounts {
		if a.PrincipalID == p.ID {
			return "the account is kept for emergencies.", nil
		}
	}
	err = keepAdministrator(tx, disabling(tx, p.ID))
	var refusal *pim.Refusal
	if errors.As(err, &refusal) {
		return "without them nobody would be able to administer Stint.", nil
	}
	return "", err
}

func tellKept(tx *store.Tx, run *syncing, p pim.Principal, why string) error {
	tx.Emit(pim.PersonEvent(pim.EvSyncKept, pim.System, p.ID, p.ID).AsRefused().With("target", run.TargetID).With("run", run.run.ID))
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	return notify(tx, p.Name+" is disabled in the directory, or gone from it, and stays enabled in Stint: "+why+" Disable them by hand once another one can stand in.", "/people/"+p.ID, people...)
}

func (b *Broker) switchOff(tx *store.Tx, run *syncing, p pim.Principal, l losing) error {
	p.Enabled = false
	if err := tx.UpdatePrincipal(p); err != nil {
		return err
	}
	p.Version++
	if err := tx.SetSyncOff(run.TargetID, l.external, true); err != nil {
		return err
	}
	tx.Emit(pim.PersonEvent(pim.EvPersonDisabled, pim.System, p.ID, p.ID).With("source", string(pim.SourceDirectory)).With("missing", l.missing).With("target", run.TargetID).With("run", run.run.ID))
	return b.endAllOf(tx, p, pim.System)
}
