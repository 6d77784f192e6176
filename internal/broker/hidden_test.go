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

// What nobody can see is accepted as gone by somebody else's word, with a touch and a reason; it is never called seen gone.
// Should it turn up, it is an incident, and taken away.
func TestAcceptGone(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	id := p.hold("alice-dba2", time.Hour)
	g := p.grantOf(p.acc["alice"], p.dba)
	accept := func(who, reason string) error {
		_, err := p.b.AcceptGone(p.ctx, p.as(who), g.ID, reason, "/")
		return err
	}
	wantRefusal(t, accept("carol", "He left"), pim.KindConflict, "") // it is wanted, and visible
	p.target.Misbehave(faketarget.Faults{Hidden: p.acc["alice"]})
	p.ok(p.b.Deactivate(p.ctx, p.as("alice"), id))
	p.later(5 * time.Minute)
	wantRefusal(t, accept("carol", " "), pim.KindInvalid, "reason")
	wantRefusal(t, accept("bob", "He left"), pim.KindNotFound, "")
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: "alice-pra-now", PrincipalID: "alice", RoleID: pim.RoleAdministrator, ResourceID: pim.StintResource, Kind: pim.Active,
			StartsAt: tx.Now, EndsAt: tx.Now.Add(time.Minute), Source: pim.SourceFile})
	}))
	wantRefusal(t, accept("alice", "I left"), pim.KindForbidden, "")
	p.administer(p.b.AcceptGone(p.ctx, p.as("carol"), g.ID, "The account was deleted, ticket 12", "/"))
	a := p.activation(id)
	needs, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) ([]pim.GrantNeed, error) { return r.NeedsOf(id) })
	p.ok(err)
	if a.SettledAt.IsZero() || len(needs) != 1 || needs[0].Outcome != pim.OutcomeAccepted || needs[0].SharedWith != "carol" {
		t.Errorf("settled %v, %+v", a.SettledAt, needs)
	}
	if g = p.grantOf(p.acc["alice"], p.dba); !g.DueAt.IsZero() || !g.LateSince.IsZero() || p.count(pim.EvGrantGone) != 0 || p.count(pim.EvGrantAccepted) != 1 {
		t.Errorf("after it: %+v", g.Grant)
	}
	wantRefusal(t, accept("carol", "Once more"), pim.KindConflict, "")
	p.verify()

	p.target.Misbehave(faketarget.Faults{})
	p.later(2 * time.Hour)
	_, err = p.b.ScanDue(p.ctx)
	p.ok(err)
	p.later(time.Minute)
	if p.target.Holds(p.acc["alice"], p.dba) || p.count(pim.EvIncidentOpened) != 1 || p.count(pim.EvGrantGone) != 1 {
		t.Errorf("it turned up: held %v, %d incidents, told gone %d times", p.target.Holds(p.acc["alice"], p.dba), p.count(pim.EvIncidentOpened), p.count(pim.EvGrantGone))
	}
	p.verify()
}

// What was accepted as gone and is wanted again while it cannot be seen stays Stint's own: it was not held before.
func TestAcceptedIsNotHeldBefore(t *testing.T) {
	t.Parallel()
	g := pim.Grant{Before: pim.Absent, Seen: pim.Unseen}.AcceptGone()
	now := time.Unix(0, 0)
	if g.Next(now, true) != pim.StepRest || g.OutcomeOf(now) != pim.OutcomeAccepted {
		t.Errorf("at rest: %s %s", g.Next(now, true), g.OutcomeOf(now))
	}
	g = g.Apply(pim.GrantNeeded, now, 0)
	if g.Next(now, true) != pim.StepLook {
		t.Errorf("wanted: %s", g.Next(now, true))
	}
	g = g.Apply(pim.GrantSawIt, now, 0).Apply(pim.GrantUnneeded, now, 0)
	if g.Accepted || g.Next(now, true) != pim.StepRevoke {
		t.Errorf("seen again, and over: %s %+v", g.Next(now, true), g)
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
