package broker_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

const day = 24 * time.Hour

// give lets carol make assignments, with her passkey where one is asked for.
func (p *play) give(q broker.AssignRequest) (broker.Outcome, error) {
	p.Helper()
	out, err := p.b.Assign(p.ctx, p.as("carol"), q, "/assignments")
	return p.confirm("carol", out, err)
}

func (p *play) confirm(who string, out broker.Outcome, err error) (broker.Outcome, error) {
	p.Helper()
	if err == nil && out.CeremonyID != "" {
		out, err = p.touch(who, out)
	}
	p.tick()
	return out, err
}

func (p *play) asg(id string) pim.Assignment {
	p.Helper()
	a, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) (pim.Assignment, error) { return r.Assignment(id) })
	p.ok(err)
	return a
}

// told reports how many of somebody's notices hold a text.
func (p *play) told(who, part string) (n int) {
	p.Helper()
	list, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) ([]store.Notice, error) { return r.Notices(who, store.Keyset{}, 300) })
	p.ok(err)
	for _, l := range list {
		if strings.Contains(l.Text, part) {
			n++
		}
	}
	return n
}

// plain is a role that is not privileged, so that nothing is confirmed.
func (p *play) plain() {
	p.Helper()
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
		return errors.Join(tx.InsertRole(pim.RoleDefinition{ID: "reader", Name: "reader", Source: pim.SourceFile}),
			tx.SaveMeaning(pim.Meaning{RoleID: "reader", ResourceID: "org", Name: "cn=dba"}))
	}))
}

func bound(kind pim.AssignmentKind, p *play, d time.Duration) pim.AssignmentTerms {
	return pim.AssignmentTerms{Kind: kind, End: p.clock.Now().Add(d)}
}

var dbaOnOrg, readerOnOrg = []broker.Place{{RoleID: "dba", ResourceID: "org"}}, []broker.Place{{RoleID: "reader", ResourceID: "org"}}

func isRefused(err error, kind pim.RefusalKind, part string) error {
	var r *pim.Refusal
	if !errors.As(err, &r) || r.Kind != kind || !strings.Contains(r.Message, part) {
		return fmt.Errorf("want %s %q, have %v", kind, part, err)
	}
	return nil
}

func (p *play) refuses(err error, kind pim.RefusalKind, part string) {
	p.Helper()
	if wrong := isRefused(err, kind, part); wrong != nil {
		p.Error(wrong)
	}
}

// EC-03, EC-11, S-24: the life of assignments, each story legal in the log.
func TestAssignmentLife(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		run  func(*play)
	}{
		{"A-01 active, time-bound: granted, and gone at its end", func(p *play) {
			out, err := p.give(broker.AssignRequest{Principals: []string{"bob"}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Active, p, 2*time.Hour), Justification: "on call"})
			p.ok(err)
			if !p.target.Holds(p.acc["bob"], p.dba) || p.told("bob", "carol made you active for dba on Northwind until") != 1 {
				p.Errorf("held %v, told %d", p.target.Holds(p.acc["bob"], p.dba), p.told("bob", "carol made you"))
			}
			a := p.asg(out.AssignmentID)
			if a.Justification != "on call" || a.MadeBy != "carol" || a.Source != pim.SourceBrowser {
				p.Errorf("%+v", a)
			}
			p.later(2*time.Hour + time.Minute)
			if p.target.Holds(p.acc["bob"], p.dba) || !p.asg(out.AssignmentID).Expired {
				p.Error("held after its end")
			}
		}},
		{"A-06 active from a start ahead", func(p *play) {
			q := broker.AssignRequest{Principals: []string{"bob"}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Active, p, 5*time.Hour), Justification: "on call"}
			q.Start = p.clock.Now().Add(2 * time.Hour)
			_, err := p.give(q)
			p.ok(err)
			p.later(2*time.Hour - time.Minute)
			if p.target.Holds(p.acc["bob"], p.dba) {
				p.Error("held before its start")
			}
			p.later(time.Minute)
			if !p.target.Holds(p.acc["bob"], p.dba) || p.count(pim.EvAssignmentStarted) != 1 {
				p.Error("did not begin")
			}
		}},
		{"S-24: the administrator of a privileged role touches their passkey, and nothing is made before", func(p *play) {
			out, err := p.b.Assign(p.ctx, p.as("carol"), broker.AssignRequest{Principals: []string{"bob"}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Eligible, p, day)}, "")
			p.ok(err)
			if out.CeremonyID == "" || p.count(pim.EvAssignmentMade) != 0 {
				p.Errorf("%+v", out)
			}
			v, err := p.b.StepUp(p.ctx, p.as("carol"), out.CeremonyID)
			p.ok(err)
			if len(v.Says) != 1 || !strings.HasPrefix(v.Says[0], "bob becomes eligible for dba on Northwind until ") {
				p.Errorf("%q", v.Says)
			}
		}},
		{"no touch for a role that is not privileged", func(p *play) {
			p.plain()
			out, err := p.b.Assign(p.ctx, p.as("carol"), broker.AssignRequest{Principals: []string{"bob"}, Places: readerOnOrg, AssignmentTerms: bound(pim.Eligible, p, day)}, "")
			p.ok(err)
			if out.CeremonyID != "" || out.AssignmentID == "" {
				p.Errorf("%+v", out)
			}
		}},
		{"A-20, EC-11, EC-03: removing an eligibility ends what was activated with it, at any age", func(p *play) {
			id := p.hold("alice-dba", time.Hour)
			out, err := p.b.RemoveAssignments(p.ctx, p.as("carol"), broker.AssignmentRemoval{IDs: []string{"alice-dba"}, Reason: "moved to another team"}, "")
			_, err = p.confirm("carol", out, err)
			p.ok(err)
			a := p.is(id, pim.EligibilityEnded)
			if p.target.Holds(p.acc["alice"], p.dba) || a.EndReason != "The eligibility was removed." || p.told("alice", "moved to another team") != 1 {
				p.Errorf("held %v, reason %q", p.target.Holds(p.acc["alice"], p.dba), a.EndReason)
			}
		}},
		{"A-22 made active: what was activated ends, what is held stays without a gap", func(p *play) {
			id := p.hold("alice-dba", time.Hour)
			before := p.granted()
			asg := p.asg("alice-dba")
			out, err := p.b.UpdateAssignment(p.ctx, p.as("carol"), broker.AssignmentChange{ID: asg.ID, Version: asg.Version, AssignmentTerms: bound(pim.Active, p, 3*day), Justification: "roll-back"}, "")
			_, err = p.confirm("carol", out, err)
			p.ok(err)
			p.is(id, pim.EligibilityEnded)
			if !p.target.Holds(p.acc["alice"], p.dba) || p.granted() != before {
				p.Errorf("held %v, %d grants, %d before", p.target.Holds(p.acc["alice"], p.dba), p.granted(), before)
			}
		}},
		{"A-22 made eligible: no longer held", func(p *play) {
			out, err := p.give(broker.AssignRequest{Principals: []string{"bob"}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Active, p, day), Justification: "on call"})
			p.ok(err)
			a := p.asg(out.AssignmentID)
			out, err = p.b.UpdateAssignment(p.ctx, p.as("carol"), broker.AssignmentChange{ID: a.ID, Version: a.Version, AssignmentTerms: pim.AssignmentTerms{Kind: pim.Eligible, End: a.EndsAt}}, "")
			if out.CeremonyID != "" {
				p.Error("taking away asks for a touch")
			}
			_, err = p.confirm("carol", out, err)
			p.ok(err)
			if p.target.Holds(p.acc["bob"], p.dba) || p.asg(a.ID).Kind != pim.Eligible {
				p.Error("still held")
			}
		}},
		{"A-15 a start moved ahead takes away until then", func(p *play) {
			id := p.hold("alice-dba", time.Hour)
			asg := p.asg("alice-dba")
			out, err := p.b.UpdateAssignment(p.ctx, p.as("carol"), broker.AssignmentChange{ID: asg.ID, Version: asg.Version,
				AssignmentTerms: pim.AssignmentTerms{Start: p.clock.Now().Add(day), Permanent: true}}, "")
			_, err = p.confirm("carol", out, err)
			p.ok(err)
			p.is(id, pim.EligibilityEnded)
			if p.asg("alice-dba").StateAt(p.clock.Now()) != pim.AssignmentFuture {
				p.Error("still in force")
			}
		}},
		{"two tabs: the second one is told in words", func(p *play) {
			asg := p.asg("alice-dba")
			change := broker.AssignmentChange{ID: asg.ID, Version: asg.Version, AssignmentTerms: bound(pim.Eligible, p, 3*day)}
			out, err := p.b.UpdateAssignment(p.ctx, p.as("carol"), change, "")
			_, err = p.confirm("carol", out, err)
			p.ok(err)
			_, err = p.b.UpdateAssignment(p.ctx, p.as("carol"), change, "")
			p.refuses(err, pim.KindConflict, "Somebody else changed this")
		}},
		{"A-13: a second of its kind is refused with the first; A-12: of the other kind it stands beside", func(p *play) {
			_, err := p.give(broker.AssignRequest{Principals: []string{"alice"}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Eligible, p, day)})
			p.refuses(err, pim.KindConflict, "alice has this already")
			var r *pim.Refusal
			if errors.As(err, &r) && r.Object != "alice-dba" {
				p.Errorf("links to %q", r.Object)
			}
			_, err = p.give(broker.AssignRequest{Principals: []string{"alice"}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Active, p, day), Justification: "both"})
			p.ok(err)
			if p.count(pim.EvAssignmentRefused) != 1 {
				p.Error("a refusal leaves no event")
			}
		}},
		{"A-17: the last able administrator stays", func(p *play) {
			out, err := p.b.RemoveAssignments(p.ctx, p.as("carol"), broker.AssignmentRemoval{IDs: []string{"alice-pra"}, Reason: ""}, "")
			_, err = p.confirm("carol", out, err)
			p.ok(err)
			_, err = p.b.RemoveAssignments(p.ctx, p.as("carol"), broker.AssignmentRemoval{IDs: []string{"carol-pra"}, Reason: ""}, "")
			p.refuses(err, pim.KindConflict, "nobody would be able to administer Stint")
			asg := p.asg("carol-pra")
			_, err = p.b.UpdateAssignment(p.ctx, p.as("carol"), broker.AssignmentChange{ID: asg.ID, Version: asg.Version,
				AssignmentTerms: pim.AssignmentTerms{Start: p.clock.Now().Add(day), Permanent: true}}, "")
			p.refuses(err, pim.KindConflict, "nobody would be able to administer Stint")
		}},
		{"A-17: both of the last two at once: one stays", func(p *play) {
			out, err := p.b.RemoveAssignments(p.ctx, p.as("carol"), broker.AssignmentRemoval{IDs: []string{"alice-pra", "carol-pra"}, Reason: ""}, "")
			out, err = p.confirm("carol", out, err)
			p.ok(err)
			v := p.results(out.ResultsID)
			if len(v.Items) != 2 || v.Items[0].Refused != "" || v.Items[1].Refused == "" || !p.asg("carol-pra").InForceAt(p.clock.Now()) {
				p.Errorf("%+v", v.Items)
			}
		}},
		{"T21: nobody gives a privileged role to themselves, nor through a group, where another is able", func(p *play) {
			p.later(2 * day) // passkeys count
			p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
				return errors.Join(tx.InsertPrincipal(pim.Principal{ID: "ops", Kind: pim.Group, Name: "ops", Enabled: true, Source: pim.SourceFile}),
					tx.AddMember(pim.Membership{GroupID: "ops", MemberID: "carol", Source: pim.SourceFile}))
			}))
			for _, who := range []string{"carol", "ops"} {
				_, err := p.give(broker.AssignRequest{Principals: []string{who}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Eligible, p, day)})
				p.refuses(err, pim.KindForbidden, "Nobody gives a privileged role to themselves")
			}
			out, err := p.b.RemoveAssignments(p.ctx, p.as("carol"), broker.AssignmentRemoval{IDs: []string{"alice-pra"}, Reason: ""}, "")
			_, err = p.confirm("carol", out, err)
			p.ok(err)
			_, err = p.give(broker.AssignRequest{Principals: []string{"carol"}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Eligible, p, day)})
			p.ok(err)
			if p.told("carol", "carol gave themselves dba on Northwind") != 1 {
				p.Error("nobody was told")
			}
		}},
		{"A-60: a workload is active, never eligible", func(p *play) {
			p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
				return tx.InsertPrincipal(pim.Principal{ID: "robot", Kind: pim.Workload, Name: "robot", Enabled: true, Source: pim.SourceFile})
			}))
			_, err := p.give(broker.AssignRequest{Principals: []string{"robot"}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Eligible, p, day)})
			p.refuses(err, pim.KindInvalid, "is a workload and cannot activate")
			_, err = p.give(broker.AssignRequest{Principals: []string{"robot"}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Active, p, day), Justification: "nightly"})
			p.ok(err)
		}},
		{"for who is no administrator there is nothing (invariant 9)", func(p *play) {
			_, err := p.b.Assign(p.ctx, p.as("bob"), broker.AssignRequest{Principals: []string{"bob"}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Eligible, p, day)}, "")
			p.refuses(err, pim.KindNotFound, "")
			_, err = p.b.RemoveAssignments(p.ctx, p.as("bob"), broker.AssignmentRemoval{IDs: []string{"alice-dba"}, Reason: ""}, "")
			p.refuses(err, pim.KindNotFound, "")
			_, err = p.b.AssignmentOf(p.ctx, p.as("bob"), "alice-dba")
			p.refuses(err, pim.KindNotFound, "")
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

// A-19, K-21, invariant 4: of a batch with refused items only the others are made, with one touch.
func TestAssignSeveral(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.plain()
	out, err := p.give(broker.AssignRequest{Principals: []string{"alice", "bob", "nobody"}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Eligible, p, day)})
	p.ok(err)
	v := p.results(out.ResultsID)
	if len(v.Items) != 3 || !strings.Contains(v.Items[0].Refused, "alice has this already") || v.Items[1].Refused != "" || !strings.Contains(v.Items[2].Refused, "not known") {
		t.Fatalf("%+v", v.Items)
	}
	if n := p.count(pim.EvAssignmentMade); n != 1 {
		t.Errorf("%d made", n)
	}
	out, err = p.give(broker.AssignRequest{Principals: []string{"bob"}, Places: []broker.Place{{RoleID: "vault", ResourceID: "org"}, {RoleID: "reader", ResourceID: "org"}, {RoleID: "dba", ResourceID: "org"}},
		AssignmentTerms: bound(pim.Eligible, p, day)})
	p.ok(err)
	v = p.results(out.ResultsID)
	if len(v.Items) != 3 || v.Items[0].Refused != "" || v.Items[1].Refused != "" || v.Items[2].Refused == "" {
		t.Errorf("K-21: %+v", v.Items)
	}
	var many []string
	for i := range pim.MaxAssign + 1 {
		many = append(many, fmt.Sprint("p", i))
	}
	_, err = p.give(broker.AssignRequest{Principals: many, Places: dbaOnOrg, AssignmentTerms: bound(pim.Eligible, p, day)})
	p.refuses(err, pim.KindInvalid, "At most 50")
	p.verify()
}

// What was refused when the touch was asked for is not made later, though it would be allowed by then (invariant 4).
func TestAssignAddsNothing(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	out, err := p.b.Assign(p.ctx, p.as("carol"), broker.AssignRequest{Principals: []string{"alice", "bob"}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Eligible, p, day)}, "")
	p.ok(err)
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
		a, err := tx.Assignment("alice-dba")
		return errors.Join(err, tx.EndAssignment(a, false))
	}))
	out, err = p.touch("carol", out)
	p.ok(err)
	v := p.results(out.ResultsID)
	if v.Items[0].Refused == "" || v.Items[1].Refused != "" || p.count(pim.EvAssignmentMade) != 1 {
		t.Errorf("%+v", v.Items)
	}
}
