package broker_test

import (
	"errors"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// ending gives bob an eligibility for the role that is not privileged, ending in d, and returns its id.
func (p *play) ending(d time.Duration) string {
	p.Helper()
	p.plain()
	out, err := p.give(broker.AssignRequest{Principals: []string{"bob"}, Places: readerOnOrg, AssignmentTerms: bound(pim.Eligible, p, d)})
	p.ok(err)
	return out.AssignmentID
}

// jump lets time pass at once.
func (p *play) jump(d time.Duration) { p.Helper(); p.clock.add(d); p.tick(); p.tick() }

func (p *play) ask(id string) (string, error) {
	p.Helper()
	return p.b.RequestAssignment(p.ctx, p.as("bob"), id, "the project goes on")
}

func (p *play) asked(id string) pim.AssignmentRequest {
	p.Helper()
	q, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) (pim.AssignmentRequest, error) { return r.AssignmentRequest(id) })
	p.ok(err)
	return q
}

func (p *play) decideAsked(who string, d broker.AssignmentDecision) (broker.Outcome, error) {
	p.Helper()
	out, err := p.b.DecideAssignmentRequest(p.ctx, p.as(who), d, "/assignment-requests")
	return p.confirm(who, out, err)
}

// how an assignment is kept longer.
func TestExtendAndRenew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		run  func(*play)
	}{
		{"EC-17: not at 14 days and a minute, at 14 days exactly", func(p *play) {
			id := p.ending(20 * day)
			p.jump(6*day - time.Minute)
			_, err := p.ask(id)
			p.refuses(err, pim.KindForbidden, "Ask from ")
			p.jump(time.Minute)
			_, err = p.ask(id)
			p.ok(err)
		}},
		{"EC-18: renewed on day 30 after its end, a minute later gone", func(p *play) {
			id := p.ending(day)
			p.jump(31*day + time.Minute)
			_, err := p.ask(id)
			p.refuses(err, pim.KindForbidden, "more than 30 days ago")
		}},
		{"EC-18: on day 30 exactly", func(p *play) {
			id := p.ending(day)
			p.jump(31 * day)
			q, err := p.ask(id)
			p.ok(err)
			if k := p.asked(q).Kind; k != pim.RenewAssignment {
				p.Errorf("asks to %s", k)
			}
		}},
		{"X-03, X-04, X-06, X-08: approved by an administrator with the end they name; one waits at a time", func(p *play) {
			id := p.ending(10 * day)
			q, err := p.ask(id)
			p.ok(err)
			_, err = p.ask(id)
			p.refuses(err, pim.KindConflict, "You asked to extend this already")
			if p.told("carol", "bob asks to extend reader on Northwind") != 1 || p.told("alice", "bob asks to extend") != 1 || p.told("bob", "bob asks") != 0 {
				p.Error("administrators are not told")
			}
			end := p.clock.Now().Add(100 * day)
			_, err = p.decideAsked("carol", broker.AssignmentDecision{ID: q, Approve: true, AssignmentTerms: pim.AssignmentTerms{End: end}, Justification: "agreed"})
			p.ok(err)
			if a := p.asg(id); !a.EndsAt.Equal(end) || a.Justification != "the project goes on" || p.asked(q).State != pim.AssignmentRequestApproved {
				p.Errorf("%+v", a)
			}
			if p.told("bob", "carol approved your request to extend reader on Northwind: agreed") != 1 || p.told("alice", "carol approved the request of bob") != 1 ||
				p.told("carol", "the request of bob") != 0 {
				p.Error("X-06: not exactly the requester and the other administrators are told")
			}
			_, err = p.decideAsked("carol", broker.AssignmentDecision{ID: q, Justification: "twice"})
			p.refuses(err, pim.KindConflict, "no longer waits: it is approved")
		}},
		{"X-04: made active while it is extended", func(p *play) {
			id := p.ending(10 * day)
			q, err := p.ask(id)
			p.ok(err)
			if s := p.asked(q).State; s != pim.AssignmentRequestPending {
				p.Errorf("asked for, it is %s", s)
			}
			_, err = p.decideAsked("carol", broker.AssignmentDecision{ID: q, Approve: true, AssignmentTerms: bound(pim.Active, p, 20*day), Justification: "agreed"})
			p.ok(err)
			p.later(time.Minute)
			if p.asg(id).Kind != pim.Active || !p.target.Holds(p.acc["bob"], p.dba) {
				p.Error("not held")
			}
		}},
		{"X-01, X-04: an active one is extended and renewed likewise; a start ahead may be named", func(p *play) {
			p.plain()
			out, err := p.give(broker.AssignRequest{Principals: []string{"bob"}, Places: readerOnOrg, AssignmentTerms: bound(pim.Active, p, 10*day), Justification: "on call"})
			p.ok(err)
			q, err := p.ask(out.AssignmentID)
			p.ok(err)
			if k := p.asked(q).Kind; k != pim.ExtendAssignment {
				p.Errorf("asks to %s", k)
			}
			terms := bound(pim.Active, p, 30*day)
			terms.Start = p.clock.Now().Add(2 * day)
			_, err = p.decideAsked("carol", broker.AssignmentDecision{ID: q, Approve: true, AssignmentTerms: terms, Justification: "agreed"})
			p.ok(err)
			if a := p.asg(out.AssignmentID); !a.StartsAt.Equal(terms.Start) || p.target.Holds(p.acc["bob"], p.dba) {
				p.Errorf("starts %s, held before %v", a.StartsAt, p.target.Holds(p.acc["bob"], p.dba))
			}
			p.later(2 * day)
			if !p.target.Holds(p.acc["bob"], p.dba) {
				p.Error("not held from its new start on")
			}
			p.jump(28*day + time.Minute)
			if p.target.Holds(p.acc["bob"], p.dba) {
				p.Error("held after its end")
			}
			q, err = p.ask(out.AssignmentID)
			p.ok(err)
			if k := p.asked(q).Kind; k != pim.RenewAssignment {
				p.Errorf("after its end it asks to %s", k)
			}
		}},
		{"X-03: not by those who approve activations of the role", func(p *play) {
			id := p.ending(10 * day)
			p.set(pim.RoleSettings{RoleID: "reader", Approval: ptr(true), Approvers: []string{"alice"}})
			p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error { // alice approves, and administers nothing
				a, err := tx.Assignment("alice-pra")
				return errors.Join(err, tx.EndAssignment(a, false))
			}))
			q, err := p.ask(id)
			p.ok(err)
			_, err = p.decideAsked("alice", broker.AssignmentDecision{ID: q, Approve: true, AssignmentTerms: bound(pim.Eligible, p, 30*day), Justification: "agreed"})
			p.refuses(err, pim.KindNotFound, "")
		}},
		{"X-04: denied with a reason, and nothing changes", func(p *play) {
			id := p.ending(10 * day)
			before := p.asg(id)
			q, err := p.ask(id)
			p.ok(err)
			_, err = p.decideAsked("carol", broker.AssignmentDecision{ID: q})
			p.refuses(err, pim.KindInvalid, "Give a reason")
			_, err = p.decideAsked("carol", broker.AssignmentDecision{ID: q, Justification: "no longer needed"})
			p.ok(err)
			if s := p.asked(q).State; s != pim.AssignmentRequestDenied || p.told("alice", "carol denied the request of bob") != 1 {
				p.Errorf("denied, it is %s, or the other administrators are not told", s)
			}
			if p.asg(id) != before || p.told("bob", "carol denied your request to extend reader on Northwind: no longer needed") != 1 {
				p.Error("changed, or not told")
			}
		}},
		{"X-04: a renewal names kind and end anew, and makes a new assignment", func(p *play) {
			id := p.ending(day)
			p.jump(2 * day)
			q, err := p.ask(id)
			p.ok(err)
			_, err = p.decideAsked("carol", broker.AssignmentDecision{ID: q, Approve: true, Justification: "agreed"})
			p.refuses(err, pim.KindInvalid, "Choose eligible or active")
			_, err = p.decideAsked("carol", broker.AssignmentDecision{ID: q, Approve: true, AssignmentTerms: pim.AssignmentTerms{Kind: pim.Eligible}, Justification: "agreed"})
			p.refuses(err, pim.KindInvalid, "Choose when")
			out, err := p.decideAsked("carol", broker.AssignmentDecision{ID: q, Approve: true, AssignmentTerms: bound(pim.Eligible, p, 30*day), Justification: "agreed"})
			p.ok(err)
			if a := p.asg(out.AssignmentID); a.ID == id || !a.InForceAt(p.clock.Now()) || p.asked(q).ResultID != a.ID {
				p.Errorf("%+v", a)
			}
			_, err = p.ask(id)
			p.refuses(err, pim.KindConflict, "You have this again already")
		}},
		{"X-11: the maximum as for a new assignment", func(p *play) {
			id := p.ending(10 * day)
			q, err := p.ask(id)
			p.ok(err)
			_, err = p.decideAsked("carol", broker.AssignmentDecision{ID: q, Approve: true, AssignmentTerms: bound(pim.Eligible, p, 365*day+time.Minute), Justification: "agreed"})
			p.refuses(err, pim.KindInvalid, "At most 365 days for eligible assignments")
			_, err = p.decideAsked("carol", broker.AssignmentDecision{ID: q, Approve: true, AssignmentTerms: bound(pim.Eligible, p, 365*day), Justification: "agreed"})
			p.ok(err)
		}},
		{"X-03, invariant 5: never by the requester, also with another account", func(p *play) {
			id := p.ending(10 * day)
			q, err := p.ask(id)
			p.ok(err)
			p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
				c, err := tx.Principal("carol")
				c.PersonID = "bob"
				return errors.Join(err, tx.UpdatePrincipal(c))
			}))
			_, err = p.decideAsked("carol", broker.AssignmentDecision{ID: q, Approve: true, AssignmentTerms: bound(pim.Eligible, p, 30*day), Justification: "mine"})
			p.refuses(err, pim.KindForbidden, "Nobody decides their own request")
		}},
		{"EC-19, P-08: what is held through a group is extended by its administrators", func(p *play) {
			p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
				return errors.Join(tx.InsertPrincipal(pim.Principal{ID: "ops", Kind: pim.Group, Name: "Operators", Enabled: true, Source: pim.SourceFile}),
					tx.AddMember(pim.Membership{GroupID: "ops", MemberID: "bob", Source: pim.SourceFile}))
			}))
			out, err := p.give(broker.AssignRequest{Principals: []string{"ops"}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Eligible, p, 10*day)})
			p.ok(err)
			_, err = p.ask(out.AssignmentID)
			p.refuses(err, pim.KindForbidden, "through the group Operators")
			v, err := p.b.AssignmentOf(p.ctx, p.as("bob"), out.AssignmentID)
			if err != nil || !v.ViaGroup || v.MayRequest || v.MayManage || v.WhyNot == "" {
				p.Errorf("%+v, %v", v, err)
			}
		}},
		{"X-08 taken back; the queue is empty then", func(p *play) {
			id := p.ending(10 * day)
			q, err := p.ask(id)
			p.ok(err)
			if rows, _, err := p.b.AssignmentRequests(p.ctx, p.as("carol"), store.Keyset{}, 10); err != nil || len(rows) != 1 || rows[0].Requester != "bob" {
				p.Errorf("%+v, %v", rows, err)
			}
			if rows, _, err := p.b.AssignmentRequests(p.ctx, p.as("bob"), store.Keyset{}, 10); err != nil || len(rows) != 0 {
				p.Errorf("the requester's own queue: %+v, %v", rows, err)
			}
			_, err = p.b.CancelAssignmentRequest(p.ctx, p.as("alice"), q)
			p.refuses(err, pim.KindNotFound, "")
			_, err = p.b.CancelAssignmentRequest(p.ctx, p.as("bob"), q)
			p.ok(err)
			_, err = p.decideAsked("carol", broker.AssignmentDecision{ID: q, Justification: "too late"})
			p.refuses(err, pim.KindConflict, "it is canceled")
		}},
		{"A-14: what waits is decided before anything else is changed; removing ends it", func(p *play) {
			id := p.ending(10 * day)
			q, err := p.ask(id)
			p.ok(err)
			a := p.asg(id)
			_, err = p.b.ExtendAssignment(p.ctx, p.as("carol"), broker.AssignmentChange{ID: id, Version: a.Version, AssignmentTerms: bound(pim.Eligible, p, 30*day)}, "")
			p.refuses(err, pim.KindConflict, "A request to extend this waits")
			_, err = p.give(broker.AssignRequest{Principals: []string{"bob"}, Places: readerOnOrg, AssignmentTerms: bound(pim.Active, p, day), Justification: "beside"})
			p.refuses(err, pim.KindConflict, "A request to extend this waits")
			_, err = p.b.RemoveAssignments(p.ctx, p.as("carol"), broker.AssignmentRemoval{IDs: []string{id}, Reason: ""}, "")
			p.ok(err)
			if s := p.asked(q).State; s != pim.AssignmentRequestEnded {
				p.Errorf("the request is %s", s)
			}
		}},
		{"a request ends with its assignment, or when it can be renewed no more", func(p *play) {
			id := p.ending(10 * day)
			q, err := p.ask(id)
			p.ok(err)
			p.jump(10 * day)
			if s := p.asked(q).State; s != pim.AssignmentRequestTimedOut {
				p.Errorf("at the end: %s", s)
			}
			q, err = p.ask(id)
			p.ok(err)
			p.jump(30*day - time.Minute)
			if s := p.asked(q).State; s != pim.AssignmentRequestPending {
				p.Errorf("before day 30: %s", s)
			}
			p.jump(time.Minute)
			if s := p.asked(q).State; s != pim.AssignmentRequestTimedOut || p.told("bob", "Nobody decided in time") != 1 {
				p.Errorf("on day 30: %s", s)
			}
		}},
		{"X-05: by an administrator without a request; the others are told", func(p *play) {
			id := p.ending(10 * day)
			a := p.asg(id)
			_, err := p.b.ExtendAssignment(p.ctx, p.as("carol"), broker.AssignmentChange{ID: id, Version: a.Version, AssignmentTerms: bound(pim.Eligible, p, day)}, "")
			p.refuses(err, pim.KindInvalid, "Choose a later end")
			_, err = p.b.ExtendAssignment(p.ctx, p.as("carol"), broker.AssignmentChange{ID: id, Version: a.Version, AssignmentTerms: bound(pim.Eligible, p, 30*day)}, "")
			p.ok(err)
			if p.told("alice", "carol extended the assignment of bob to reader on Northwind until") != 1 || p.told("carol", "carol extended") != 0 {
				p.Error("the others are not told")
			}
			p.jump(31 * day)
			a = p.asg(id)
			out, err := p.b.RenewAssignment(p.ctx, p.as("carol"), broker.AssignmentChange{ID: id, Version: a.Version, AssignmentTerms: bound(pim.Eligible, p, 30*day)}, "")
			p.ok(err)
			if !p.asg(out.AssignmentID).InForceAt(p.clock.Now()) || p.told("alice", "carol renewed the assignment of bob") != 1 {
				p.Error("not renewed")
			}
		}},
		{"X-07: told 14 days and 1 day before, and at the end, once each", func(p *play) {
			p.ending(20 * day)
			want := func(when string, holder, admin int) {
				p.Helper()
				if h, a := p.told("bob", "Your assignment to reader on Northwind ends"), p.told("carol", "The assignment of bob to reader on Northwind ends"); h != holder || a != admin {
					p.Errorf("%s: bob told %d times, carol %d", when, h, a)
				}
			}
			p.jump(6*day - time.Minute)
			want("before the 14th day", 0, 0)
			p.jump(time.Minute)
			want("on the 14th day", 1, 1)
			p.jump(13*day - time.Minute)
			want("before the last day", 1, 1)
			p.jump(time.Minute)
			want("on the last day", 2, 2)
			p.jump(day)
			want("at the end", 2, 2)
			if p.told("bob", "expired") != 1 || p.told("carol", "expired") != 1 {
				p.Errorf("at the end: bob told %d times, carol %d", p.told("bob", "expired"), p.told("carol", "expired"))
			}
		}},
		{"X-07: a short one is not announced, and marks missed together are one", func(p *play) {
			p.ending(12 * time.Hour)
			p.jump(6 * time.Hour)
			if n := p.told("bob", "ends"); n != 0 {
				p.Errorf("told %d times", n)
			}
			p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
				return tx.InsertAssignment(pim.Assignment{ID: "long", PrincipalID: "bob", RoleID: "dba", ResourceID: "org", Kind: pim.Eligible, StartsAt: tx.Now, EndsAt: tx.Now.Add(15 * day), Source: pim.SourceFile})
			}))
			p.jump(14*day + time.Hour)
			if n := p.told("bob", "Your assignment to dba on Northwind ends"); n != 1 {
				p.Errorf("told %d times", n)
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

// P-11: what somebody disabled was given gives nothing meanwhile, and says so.
func TestSuspendedAssignment(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
		b, err := tx.Principal("bob")
		b.Enabled = false
		return errors.Join(err, tx.UpdatePrincipal(b))
	}))
	_, err := p.give(broker.AssignRequest{Principals: []string{"bob"}, Places: dbaOnOrg, AssignmentTerms: bound(pim.Eligible, p, day)})
	p.refuses(err, pim.KindInvalid, "bob is disabled")
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: "bobs", PrincipalID: "bob", RoleID: "dba", ResourceID: "org", Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile})
	}))
	v, err := p.b.AssignmentOf(p.ctx, p.as("carol"), "bobs")
	if err != nil || v.Suspended != "disabled" || v.Holder.Name != "bob" || !v.MayManage {
		t.Errorf("%+v, %v", v, err)
	}
}

// an export is an operation that leaves an event, children included, safe to open in a spreadsheet.
func TestExportAssignments(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
		errs := []error{tx.InsertResource(pim.Resource{ID: "db", ParentID: "org", Kind: "database", Name: "Ledger", Source: pim.SourceFile}),
			tx.InsertPrincipal(pim.Principal{ID: "evil", Kind: pim.Person, Name: "=HYPERLINK(1)", PersonID: "evil", Enabled: true, Source: pim.SourceSignIn})}
		for i, who := range []string{"bob", "evil"} {
			errs = append(errs, tx.InsertAssignment(pim.Assignment{ID: []string{"x", "y"}[i], PrincipalID: who, RoleID: "dba", ResourceID: "db", Kind: pim.Eligible, StartsAt: tx.Now, Justification: "-1+2", Source: pim.SourceBrowser, MadeBy: "carol"}))
		}
		return errors.Join(errs...)
	}))
	records := func(f store.AssignmentFilter) (out [][]string) {
		seq, err := p.b.ExportAssignments(p.ctx, p.as("carol"), f)
		p.ok(err)
		for record, err := range seq {
			p.ok(err)
			out = append(out, record)
		}
		return out
	}
	if got := records(store.AssignmentFilter{ResourceID: "org"}); len(got) != 4 {
		t.Errorf("without children: %q", got)
	}
	got := records(store.AssignmentFilter{ResourceID: "org", Below: true})
	if len(got) != 6 {
		t.Fatalf("with children: %q", got)
	}
	last := got[5]
	if last[0] != "'=HYPERLINK(1)" || last[2] != "dba" || last[3] != "Ledger" || last[4] != "Northwind / Ledger" || last[10] != "'-1+2" || last[12] != "carol" {
		t.Errorf("%q", last)
	}
	if n := p.count(pim.EvAsgExported); n != 2 {
		t.Errorf("%d events", n)
	}
	_, err := p.b.ExportAssignments(p.ctx, p.as("bob"), store.AssignmentFilter{})
	p.refuses(err, pim.KindNotFound, "")
}
