package broker_test

import (
	"testing"
	"time"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	"stint/internal/store"
)

// DESIGN §3: what the target does not show is not gone. An account, or a group, that is hidden while a role is held is
// looked at until it is visible, taken away then, and only then called gone. What Stint gave and cannot see stays Stint's own.
func TestHiddenIsNotGone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hide func(*play) faketarget.Faults
		kind string
	}{
		"account": {func(p *play) faketarget.Faults { return faketarget.Faults{Hidden: p.acc["alice"]} }, "account_unseen"},
		"group":   {func(p *play) faketarget.Faults { return faketarget.Faults{NoGroup: p.dba} }, "role_unseen"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t)
			id := p.hold("alice-dba2", time.Hour)
			p.target.Misbehave(c.hide(p))
			p.ok(p.b.Deactivate(p.ctx, p.as("alice"), id))
			p.later(5 * time.Minute)
			g := p.grantOf(p.acc["alice"], p.dba)
			if a := p.activation(id); !a.Ending() || g.Seen != pim.Unseen || g.ErrorKind != c.kind {
				t.Errorf("hidden: settled %v, %+v", a.SettledAt, g.Grant)
			}
			if wait := g.DueAt.Sub(p.clock.Now()); wait > 72*time.Second {
				t.Errorf("looked at again in %v", wait)
			}
			if p.count(pim.EvGrantGone) != 0 {
				t.Error("called gone, and nobody saw it")
			}
			again := p.activate("alice", "alice-dba2", time.Hour)
			p.tick()
			if a := p.activation(again); a.State != pim.Failed {
				t.Errorf("given to what is hidden: %s", a.State)
			}
			p.target.Misbehave(faketarget.Faults{})
			p.later(2 * time.Minute)
			for _, id := range []string{id, again} {
				if a := p.activation(id); a.SettledAt.IsZero() {
					t.Errorf("visible again, and %s is not settled", a.State)
				}
			}
			if p.target.Holds(p.acc["alice"], p.dba) || p.count(pim.EvGrantGone) != 1 {
				t.Errorf("visible again: held %v, told gone %d times", p.target.Holds(p.acc["alice"], p.dba), p.count(pim.EvGrantGone))
			}
		})
	}
}

func (p *play) grantOf(acc connector.AccountID, ent connector.EntitlementID) store.GrantRow {
	p.Helper()
	g, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) (*store.GrantRow, error) { return r.GrantOf("dir", string(acc), string(ent)) })
	p.ok(err)
	if g == nil {
		p.Fatal("there is no such grant")
	}
	return *g
}
