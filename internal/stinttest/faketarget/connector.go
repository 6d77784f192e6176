package faketarget

import (
	"context"
	"iter"
	"strings"
	"time"

	"stint/internal/connector"
)

func init() {
	whole := connector.Factory{
		Open: func(cfg connector.Config) (connector.Connector, error) {
			t, ok := find(cfg.Settings["name"])
			if !ok {
				return nil, &connector.FieldError{Field: "name", Message: "no fake target of this name stands in this test"}
			}
			return reach{t}, nil
		},
		Validate: func(map[string]string) error { return nil },
		Secrets: func(settings map[string]string) []string {
			if settings["address"] == "" {
				return nil
			}
			return []string{"password"}
		},
		People:    true,
		Fields:    []connector.Field{{Name: "name", Free: true}, {Name: "address"}, {Name: "base", Free: true}},
		Protected: func(map[string]string) []string { return []string{"protected"} },
		Covers:    covers,
	}
	connector.Register(Kind, whole)
	whole.OwnersAreMembers = true
	connector.Register(ClusterKind, whole)
}

// covers knows names and "*" for every one.
func covers(pattern, name string) connector.Match {
	if pattern == "*" || strings.EqualFold(pattern, name) {
		return connector.Yes
	}
	return connector.No
}

// reach is the way to a Target: a connector.Connector.
type reach struct{ t *Target }

func (r reach) Capabilities() connector.Capabilities {
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	return connector.Capabilities{NativeExpiry: r.t.expires, ListsStrangers: true, ReadDelay: r.t.slowest}
}

func (r reach) Close() error { return nil }

// enter waits and fails as the faults say; the caller unlocks when err is nil.
func (r reach) enter(ctx context.Context) error {
	r.t.mu.Lock()
	hang, slow := r.t.faults.Hang, r.t.faults.Slow
	if slow > 0 {
		r.t.mu.Unlock()
		answer := time.NewTimer(slow)
		defer answer.Stop()
		select {
		case <-answer.C:
		case <-ctx.Done():
			return connector.Errorf(connector.Transient, "the fake target was too slow: %w", ctx.Err())
		}
		r.t.mu.Lock()
	}
	if hang != nil {
		r.t.mu.Unlock()
		select {
		case <-hang:
		case <-ctx.Done():
			return connector.Errorf(connector.Transient, "the fake target hung: %w", ctx.Err())
		}
		r.t.mu.Lock()
	}
	switch f := r.t.faults; {
	case f.Down:
		r.t.mu.Unlock()
		return connector.Errorf(connector.Transient, "the fake target is down")
	case f.Denied:
		r.t.mu.Unlock()
		return connector.Errorf(connector.Denied, "the fake target refuses these credentials")
	}
	r.t.arrive()
	return nil
}

func (r reach) Canonical(ctx context.Context, name string) (connector.EntitlementID, error) {
	if err := r.enter(ctx); err != nil {
		return "", err
	}
	defer r.t.mu.Unlock()
	for id, n := range r.t.entitlements {
		if strings.EqualFold(n, name) {
			return id, nil
		}
	}
	return "", connector.Errorf(connector.Gone, "the fake target has no %q", name)
}

func (r reach) Describe(ctx context.Context, ent connector.EntitlementID) (connector.Entry, error) {
	if err := r.enter(ctx); err != nil {
		return connector.Entry{}, err
	}
	defer r.t.mu.Unlock()
	about, _ := ent.Owned()
	name, ok := r.t.entitlements[about]
	if !ok {
		return connector.Entry{}, connector.Errorf(connector.Gone, "%s is gone at the fake target", ent)
	}
	return entry(ent, name), nil
}

// entry describes a group; one called flat keeps no owners.
func entry(ent connector.EntitlementID, name string) connector.Entry {
	e := connector.Entry{ID: string(ent), Name: name, Kind: connector.GroupEntry}
	if name == "flat" {
		e.NoOwners = "a flat group has none."
	}
	return e
}

func (r reach) FindAccount(ctx context.Context, name string) (connector.AccountID, string, error) {
	if err := r.enter(ctx); err != nil {
		return "", "", err
	}
	defer r.t.mu.Unlock()
	for id, login := range r.t.accounts {
		if strings.EqualFold(login, name) {
			return id, login, nil
		}
	}
	return "", "", connector.Errorf(connector.Gone, "the fake target has no account %q", name)
}

func (r reach) Observe(ctx context.Context, acc connector.AccountID, ent connector.EntitlementID) (connector.Holding, error) {
	if err := r.enter(ctx); err != nil {
		return connector.Holding{}, err
	}
	defer r.t.mu.Unlock()
	if err := r.t.exist(acc, ent); err != nil {
		return connector.Holding{}, err
	}
	r.t.journal = append(r.t.journal, Call{At: r.t.now(), Op: "observe", Account: acc, Entitlement: ent})
	at := r.t.now().Add(-r.t.faults.ReadDelay)
	h := connector.Holding{Present: r.t.heldAt(behind(acc), ent, at)}
	if h.Present {
		h.Until = r.t.untilAt(acc, ent, at)
	}
	return h, nil
}

// valuePrefix begins a holder that is listed under a value.
const valuePrefix = "dn:"

// behind returns the account that a value means, and any other as it is.
func behind(acc connector.AccountID) connector.AccountID {
	return connector.AccountID(strings.TrimPrefix(string(acc), valuePrefix))
}

// shown lists holders, the hidden one under a value; the caller holds the lock.
func (t *Target) shown(holders []connector.AccountID) []connector.AccountID {
	for i, acc := range holders {
		if acc == t.faults.Hidden {
			holders[i] = valuePrefix + acc
		}
	}
	return holders
}

func (t *Target) exist(acc connector.AccountID, ent connector.EntitlementID) error {
	switch {
	case acc == t.faults.Hidden:
		return connector.Unseen(connector.Account, connector.Errorf(connector.Gone, "%s is not visible at the fake target", acc))
	case ent == t.faults.NoGroup:
		return connector.Unseen(connector.Entitlement, connector.Errorf(connector.Gone, "%s is not visible at the fake target", ent))
	}
	if _, ok := t.accounts[behind(acc)]; !ok {
		return connector.Errorf(connector.Gone, "%s is gone at the fake target", acc)
	}
	about, _ := ent.Owned()
	if _, ok := t.entitlements[about]; !ok {
		return connector.Errorf(connector.Gone, "%s is gone at the fake target", ent)
	}
	return nil
}

func (r reach) Grant(ctx context.Context, acc connector.AccountID, ent connector.EntitlementID, until time.Time) error {
	return r.write(ctx, "grant", acc, ent, until)
}

func (r reach) Revoke(ctx context.Context, acc connector.AccountID, ent connector.EntitlementID) error {
	return r.write(ctx, "revoke", acc, ent, time.Time{})
}

func (r reach) write(ctx context.Context, op string, acc connector.AccountID, ent connector.EntitlementID, until time.Time) error {
	if err := r.enter(ctx); err != nil {
		return err
	}
	defer r.t.mu.Unlock()
	if err := r.t.exist(acc, ent); err != nil {
		return err
	}
	lost := connector.Errorf(connector.OutcomeUnknown, "the fake target lost the answer")
	switch f := &r.t.faults; {
	case f.Only != "" && f.Only != ent:
	case f.LoseWrites > 0:
		f.LoseWrites--
		return lost
	case f.Lies:
		r.t.journal = append(r.t.journal, Call{At: r.t.now(), Op: op, Account: acc, Entitlement: ent, Until: until})
		return nil
	case f.Late > 0:
		now := r.t.now()
		r.t.coming = append(r.t.coming, change{at: now.Add(f.Late), acc: acc, ent: ent, held: op == "grant"})
		r.t.journal = append(r.t.journal, Call{At: now, Op: op, Account: acc, Entitlement: ent, Until: until})
		return nil
	case f.LoseAnswers > 0:
		f.LoseAnswers--
		r.t.set(op, acc, ent, op == "grant")
		if op == "grant" {
			r.t.end(acc, ent, until)
		}
		return lost
	}
	r.t.set(op, acc, ent, op == "grant")
	r.t.journal[len(r.t.journal)-1].Until = until
	if op == "grant" {
		r.t.end(acc, ent, until)
	}
	return nil
}

func (r reach) EndSessions(context.Context, connector.AccountID) error { return nil }

func (r reach) List(ctx context.Context, ent connector.EntitlementID) iter.Seq2[connector.AccountID, error] {
	return func(yield func(connector.AccountID, error) bool) {
		if err := r.enter(ctx); err != nil {
			yield("", err)
			return
		}
		if ent == r.t.faults.NoGroup {
			r.t.mu.Unlock()
			yield("", connector.Errorf(connector.Gone, "%s is gone at the fake target", ent))
			return
		}
		holders, half := r.t.shown(r.t.holdersAt(ent, r.t.now().Add(-r.t.faults.ReadDelay))), r.t.faults.HalfPages
		r.t.journal = append(r.t.journal, Call{At: r.t.now(), Op: "list", Entitlement: ent})
		r.t.mu.Unlock()
		page(holders, half, yield)
	}
}

func (r reach) Browse(ctx context.Context, query string) iter.Seq2[connector.Entry, error] {
	return func(yield func(connector.Entry, error) bool) {
		if err := r.enter(ctx); err != nil {
			yield(connector.Entry{}, err)
			return
		}
		var found []connector.Entry
		for id, name := range r.t.entitlements {
			found = append(found, entry(id, name))
		}
		for id, login := range r.t.accounts {
			found = append(found, connector.Entry{ID: string(id), Name: login, Kind: connector.AccountEntry})
		}
		half := r.t.faults.HalfPages
		r.t.mu.Unlock()
		page(matching(found, query), half, yield)
	}
}

func matching(found []connector.Entry, query string) []connector.Entry {
	var out []connector.Entry
	for _, e := range found {
		if strings.Contains(strings.ToLower(e.Name), strings.ToLower(query)) && len(out) < connector.BrowseLimit {
			out = append(out, e)
		}
	}
	return out
}

// page yields a list, or its first half and then an error.
func page[T any](all []T, half bool, yield func(T, error) bool) {
	if half {
		all = all[:len(all)/2]
	}
	for _, v := range all {
		if !yield(v, nil) {
			return
		}
	}
	if half {
		var zero T
		yield(zero, connector.Errorf(connector.Transient, "the fake target broke off in the middle"))
	}
}
