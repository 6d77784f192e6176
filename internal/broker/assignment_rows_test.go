package broker_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// what a use takes from an eligibility, and how ways to one role stand beside each other.
func TestUsesOfAssignments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		run  func(*play)
	}{
		{"A-03: whether activated or assigned, the same is held", func(p *play) {
			_, err := p.give(broker.AssignRequest{Principals: []string{"bob"}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Active, p, day), Justification: "on call"})
			p.ok(err)
			p.hold("alice-dba", time.Hour)
			given := map[string][]connector.EntitlementID{}
			for _, c := range p.target.Journal() {
				for _, who := range []string{"alice", "bob"} {
					if c.Op == "grant" && c.Account == p.acc[who] && p.target.Holds(c.Account, c.Entitlement) {
						given[who] = append(given[who], c.Entitlement)
					}
				}
			}
			slices.Sort(given["alice"])
			slices.Sort(given["bob"])
			if len(given["bob"]) != 2 || !slices.Equal(given["alice"], given["bob"]) { // dba means two groups
				p.Errorf("alice, who activated, holds %v; bob, who is assigned, %v", given["alice"], given["bob"])
			}
		}},
		{"A-10, A-11: an activation takes nothing from the eligibility, which is used again at once and as often as one likes", func(p *play) {
			before := p.asg("alice-dba")
			for i := range 4 {
				id := p.hold("alice-dba", time.Hour)
				if a := p.activation(id); a.AssignmentID != "alice-dba" {
					p.Errorf("use %d leads back to %q", i, a.AssignmentID)
				}
				if now := p.asg("alice-dba"); now != before {
					p.Errorf("use %d left %+v, was %+v", i, now, before)
				}
				p.ok(p.b.Deactivate(p.ctx, p.as("alice"), id))
				p.tick()
				if p.target.Holds(p.acc["alice"], p.dba) {
					p.Fatalf("use %d is not given back", i)
				}
			}
		}},
		{"A-18: assigned to somebody and to their group, it is held once and goes with the last of the two", func(p *play) {
			p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
				return errors.Join(tx.InsertPrincipal(pim.Principal{ID: "ops", Kind: pim.Group, Name: "Operators", Enabled: true, Source: pim.SourceFile}),
					tx.AddMember(pim.Membership{GroupID: "ops", MemberID: "bob", Source: pim.SourceFile}))
			}))
			var ids []string
			for _, who := range []string{"bob", "ops"} {
				out, err := p.give(broker.AssignRequest{Principals: []string{who}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Active, p, day), Justification: "on call"})
				p.ok(err)
				ids = append(ids, out.AssignmentID)
			}
			once := p.granted()
			for i, id := range ids {
				out, err := p.b.RemoveAssignments(p.ctx, p.as("carol"), broker.AssignmentRemoval{IDs: []string{id}, Reason: ""}, "")
				_, err = p.confirm("carol", out, err)
				p.ok(err)
				if held := p.target.Holds(p.acc["bob"], p.dba); held != (i == 0) {
					p.Errorf("after %d of 2 were removed: held %v", i+1, held)
				}
			}
			if again := p.granted(); again != once {
				p.Errorf("granted %d times, %d before: it was taken away in between", again, once)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t)
			c.run(p)
			p.verify()
		})
	}
}
