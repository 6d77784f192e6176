package broker

import (
	"context"
	"fmt"
	"time"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// soon lets the next look for names wait for no back-off: there may be new ones.
func (r *resolver) soon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries, r.next = 0, time.Time{}
}

// find looks up at the targets what is only named so far, and tells what was not found.
func (b *Broker) find(ctx context.Context, wait time.Duration) ([]Missing, error) {
	ctx, stop := context.WithTimeout(ctx, wait)
	defer stop()
	if err := b.Resolve(ctx); err != nil && ctx.Err() == nil {
		return nil, err
	}
	return b.missing(ctx)
}

// named is a name that was not found yet, and how to look it up.
type named struct {
	target string
	what   string
	look   func(context.Context, connector.Connector) error
}

func unresolvedNames(r *store.Reader) (out []named, err error) {
	meanings, err := r.MeaningsUnresolved()
	if err != nil {
		return nil, err
	}
	accounts, err := r.AccountsUnresolved()
	if err != nil {
		return nil, err
	}
	targets, err := targetsOf(r, meanings)
	for _, m := range meanings {
		out = append(out, named{targets[m.ResourceID], fmt.Sprintf("entitlement %q", m.Called()), func(ctx context.Context, c connector.Connector) error {
			_, err := connector.Find(ctx, c, m.Name, m.Relation == pim.Owner)
			return err
		}})
	}
	for _, a := range accounts {
		out = append(out, named{a.TargetID, fmt.Sprintf("account %q", a.Name), func(ctx context.Context, c connector.Connector) error {
			_, _, err := c.FindAccount(ctx, a.Name)
			if err == nil && a.TakenBy != "" {
				err = connector.Errorf(connector.Refused, "it is the account of somebody else already")
			}
			return err
		}})
	}
	return out, err
}

// maxMissing bounds how many names are asked for once more to learn why they were not found.
const maxMissing = 50

// missing tells which names were not found, and why; a target that does not answer is told of once.
func (b *Broker) missing(ctx context.Context) (out []Missing, err error) {
	type known struct {
		names []named
		keys  map[string]string
	}
	k, err := store.Read(context.WithoutCancel(ctx), b.store, func(r *store.Reader) (k known, err error) {
		if k.names, err = unresolvedNames(r); err != nil {
			return k, err
		}
		targets, err := r.Targets()
		k.keys = make(map[string]string, len(targets))
		for _, t := range targets {
			k.keys[t.ID] = t.Key
		}
		return k, err
	})
	dead, more := map[string]int{}, map[int]int{}
	for i, n := range k.names {
		if at, isDead := dead[n.target]; isDead {
			more[at]++
			continue
		}
		m := Missing{k.keys[n.target], n.what, "not looked up yet; Stint keeps trying"}
		if i < maxMissing && ctx.Err() == nil {
			if kind, why := b.lookUp(ctx, n); kind != connector.None {
				m.Why = why
				if kind != connector.Gone && kind != connector.Refused {
					dead[n.target] = len(out)
				}
			}
		}
		out = append(out, m)
	}
	for at, n := range more {
		out[at].What += fmt.Sprintf(" and %d more", n)
	}
	return out, err
}

func (b *Broker) lookUp(ctx context.Context, n named) (connector.Kind, string) {
	conn, err := b.connect(ctx, n.target)
	if err == nil {
		err = n.look(ctx, conn)
	}
	if err == nil {
		return connector.None, ""
	}
	return connector.KindOf(err), err.Error()
}
