package connector

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
)

// MayWrite is the setting every target has: the entitlements it may grant, one pattern a line. Besides the patterns of
// its kind (Factory.Covers), "id:…" names one by its immutable id.
const MayWrite = "may_write"

const idPattern = "id:"

// guard stands before every connector: it refuses what the target may not write and ends every call at its deadline
// (THREATS T40). A name is judged before the network is touched; an id is judged by what the entitlement is called
// now, because groups are renamed and moved.
//
// Revoke does not ask the list. Taking back what the record says Stint gave must not fail because the group was
// renamed or the list shortened since (DESIGN invariant 6); only protected entitlements are left alone.
type guard struct {
	inner     Connector
	target    string // its id
	timeout   time.Duration
	mayWrite  []string
	protected []string
	covers    func(pattern, name string) Match

	shut sync.Map // EntitlementID -> error: seen to be protected, refused from then on without asking the target
}

func newGuard(inner Connector, cfg Config, f Factory) *guard {
	return &guard{
		inner:     inner,
		target:    cfg.TargetID,
		timeout:   cfg.Timeout,
		mayWrite:  Lines(cfg.Settings[MayWrite]),
		protected: f.Protected(cfg.Settings),
		covers:    f.Covers,
	}
}

func (g *guard) Capabilities() Capabilities { return g.inner.Capabilities() }
func (g *guard) Close() error               { return g.inner.Close() }

func (g *guard) Canonical(ctx context.Context, name string) (_ EntitlementID, err error) {
	ctx, told := g.told(ctx, "canonical")
	defer told(&err)
	if err = g.judgeName(name); err != nil {
		return "", err
	}
	return within(ctx, g.timeout, Transient, func(ctx context.Context) (EntitlementID, error) {
		id, err := g.inner.Canonical(ctx, name)
		if err != nil {
			return "", err
		}
		if err := g.mayGrant(ctx, id); err != nil {
			return "", err
		}
		return id, nil
	})
}

func (g *guard) Describe(ctx context.Context, ent EntitlementID) (_ Entry, err error) {
	ctx, told := g.told(ctx, "describe")
	defer told(&err)
	return within(ctx, g.timeout, Transient, func(ctx context.Context) (Entry, error) {
		return g.inner.Describe(ctx, ent)
	})
}

func (g *guard) FindAccount(ctx context.Context, name string) (_ AccountID, _ string, err error) {
	ctx, told := g.told(ctx, "find_account")
	defer told(&err)
	type found struct {
		id    AccountID
		shown string
	}
	f, err := within(ctx, g.timeout, Transient, func(ctx context.Context) (found, error) {
		id, shown, err := g.inner.FindAccount(ctx, name)
		return found{id, shown}, err
	})
	return f.id, f.shown, err
}

func (g *guard) Observe(ctx context.Context, acc AccountID, ent EntitlementID) (_ Holding, err error) {
	ctx, told := g.told(ctx, "observe")
	defer told(&err)
	return within(ctx, g.timeout, Transient, func(ctx context.Context) (Holding, error) {
		return g.inner.Observe(ctx, acc, ent)
	})
}

func (g *guard) Grant(ctx context.Context, acc AccountID, ent EntitlementID, until time.Time) (err error) {
	ctx, told := g.told(ctx, "grant")
	defer told(&err)
	return g.write(ctx, ent, g.mayGrant, func(ctx context.Context) error { return g.inner.Grant(ctx, acc, ent, until) })
}

func (g *guard) Revoke(ctx context.Context, acc AccountID, ent EntitlementID) (err error) {
	ctx, told := g.told(ctx, "revoke")
	defer told(&err)
	return g.write(ctx, ent, g.mayRevoke, func(ctx context.Context) error { return g.inner.Revoke(ctx, acc, ent) })
}

func (g *guard) EndSessions(ctx context.Context, acc AccountID) (err error) {
	if !g.inner.Capabilities().EndsSessions {
		return nil
	}
	ctx, told := g.told(ctx, "end_sessions")
	defer told(&err)
	_, err = within(ctx, g.timeout, OutcomeUnknown, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, g.inner.EndSessions(ctx, acc)
	})
	return err
}

func (g *guard) List(ctx context.Context, ent EntitlementID) iter.Seq2[AccountID, error] {
	return eachWithin(ctx, g.timeout, func(ctx context.Context) iter.Seq2[AccountID, error] {
		return g.inner.List(ctx, ent)
	})
}

func (g *guard) Browse(ctx context.Context, query string) iter.Seq2[Entry, error] {
	return eachWithin(ctx, g.timeout, func(ctx context.Context) iter.Seq2[Entry, error] {
		return g.inner.Browse(ctx, query)
	})
}

// write asks may first, under a deadline of its own, so that a slow look-up is Transient and not an unknown outcome.
func (g *guard) write(ctx context.Context, ent EntitlementID, may func(context.Context, EntitlementID) error,
	do func(context.Context) error) error {
	if err, isShut := g.shut.Load(ent); isShut {
		return err.(error)
	}
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	nothing := struct{}{}
	if _, err := within(ctx, g.timeout, Transient, func(ctx context.Context) (struct{}, error) {
		return nothing, may(ctx, ent)
	}); err != nil {
		return err
	}
	_, err := within(ctx, g.timeout, OutcomeUnknown, func(ctx context.Context) (struct{}, error) {
		return nothing, do(ctx)
	})
	return err
}

// judgeName refuses what can be refused by the name alone, without the network.
func (g *guard) judgeName(name string) error {
	listed, literally := No, false
	for _, p := range g.mayWrite {
		m := g.match(p, "", name)
		listed = max(listed, m)
		literally = literally || m > No && !strings.Contains(p, "*")
	}
	if !literally && slices.ContainsFunc(g.protected, func(p string) bool { return g.covers(p, name) == Yes }) {
		return g.refuseProtected(name)
	}
	if listed == No {
		return g.refuseUnlisted(name)
	}
	return nil
}

// mayGrant judges everything the entitlement is called now: a protected group does not get past under an alias.
func (g *guard) mayGrant(ctx context.Context, ent EntitlementID) error {
	e, err := g.inner.Describe(ctx, ent)
	if err != nil {
		return err
	}
	if err := g.protects(ent, e); err != nil {
		return err
	}
	if !slices.ContainsFunc(g.mayWrite, func(p string) bool { return g.means(p, ent, e) }) {
		return g.refuseUnlisted(e.Name)
	}
	if _, owners := ent.Owned(); owners {
		if err := refuseOwners(e); err != nil {
			return err
		}
	}
	// Not asked of a revoke, nor remembered: what an entitlement can do may change after it was given.
	if e.Protected != "" && !g.listsLiterally(ent, e) {
		return Errorf(Refused, "%q is protected, because %s: name it in full, without a *, under what Stint may give at the target",
			e.Name, e.Protected)
	}
	return nil
}

func (g *guard) mayRevoke(ctx context.Context, ent EntitlementID) error {
	e, err := g.inner.Describe(ctx, ent)
	if err != nil {
		return err
	}
	return g.protects(ent, e)
}

func (g *guard) protects(ent EntitlementID, e Entry) error {
	if !slices.ContainsFunc(g.protected, func(p string) bool { return g.means(p, ent, e) }) {
		return nil
	}
	if g.listsLiterally(ent, e) {
		return nil
	}
	err := g.refuseProtected(e.Name)
	g.shut.Store(ent, err)
	return err
}

func (g *guard) listsLiterally(ent EntitlementID, e Entry) bool {
	return slices.ContainsFunc(g.mayWrite, func(p string) bool { return !strings.Contains(p, "*") && g.means(p, ent, e) })
}

func (g *guard) means(pattern string, ent EntitlementID, e Entry) bool {
	return g.match(pattern, ent, e.Name) == Yes ||
		slices.ContainsFunc(e.Aliases, func(a string) bool { return g.match(pattern, ent, a) == Yes })
}

// match knows the id patterns; a bare name (no id) may be any of them.
func (g *guard) match(pattern string, ent EntitlementID, name string) Match {
	id, isID := strings.CutPrefix(pattern, idPattern)
	about, _ := ent.Owned() // who may be made a member of it may be made its owner
	switch {
	case !isID:
		return g.covers(pattern, name)
	case ent == "":
		return Maybe
	case strings.EqualFold(strings.TrimSpace(id), string(about)):
		return Yes
	}
	return No
}

func (g *guard) refuseProtected(name string) error {
	return Errorf(Refused, "%q is protected: name it in full, without a *, under what Stint may give at the target", name)
}

func (g *guard) refuseUnlisted(name string) error {
	return Errorf(Refused, "%q is not among what Stint may give at the target: add it there", name)
}
