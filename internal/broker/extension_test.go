package broker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

func (p *play) extend(id string, d time.Duration) error {
	p.Helper()
	out, err := p.b.RequestExtension(p.ctx, p.as("alice"), pim.ExtensionRequest{ActivationID: id, Duration: d, Justification: "not done yet"})
	if err != nil {
		return err
	}
	_, err = p.touch("alice", out)
	p.tick()
	return err
}

func (p *play) waiting(id string) pim.Extension {
	p.Helper()
	list, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) ([]pim.Extension, error) { return r.Extensions(id) })
	p.ok(err)
	if len(list) == 0 {
		p.Fatal("no extension")
	}
	return list[len(list)-1]
}

func (p *play) decideExtension(x string, approve bool) error {
	p.Helper()
	out, err := p.b.DecideExtension(p.ctx, p.as("bob"), x, approve, "as agreed on call")
	p.ok(err)
	_, err = p.touch("bob", out)
	p.tick()
	return err
}

func refusedOf(err error, rule pim.Rule) bool {
	var r *pim.Refusal
	if !errors.As(err, &r) {
		return false
	}
	for _, v := range r.Verdicts {
		if v.Rule == rule && v.State == pim.No {
			return true
		}
	}
	return false
}

// held activates the role that needs approval and lets bob approve it.
func (p *play) held(d time.Duration) string {
	p.Helper()
	id := p.activate("alice", "alice-vault", d)
	p.decide(id, true)
	p.is(id, pim.ActiveConfirmed)
	return id
}

// K-03, DESIGN §3, T15: the ways an extension goes; each leaves a legal story.
func TestExtensions(t *testing.T) {
	short, yes, free := 90*time.Minute, true, pim.ExtensionFree
	for _, c := range []struct {
		name string
		run  func(*play)
	}{
		{"extended without a new grant", func(p *play) {
			id := p.hold("alice-dba2", time.Hour)
			end, calls := p.activation(id).EndsAt, p.granted()
			p.ok(p.extend(id, 30*time.Minute))
			a := p.is(id, pim.ActiveConfirmed)
			if !a.EndsAt.Equal(end.Add(30*time.Minute)) || !a.EndsBy.Equal(a.StartsAt.Add(16*time.Hour)) {
				p.Errorf("ends %v, by %v", a.EndsAt, a.EndsBy)
			}
			p.later(time.Hour + time.Minute)
			p.is(id, pim.ActiveConfirmed)
			if !p.target.Holds(p.acc["alice"], p.dba) || p.granted() != calls {
				p.Errorf("%d grants, %d before it was extended", p.granted(), calls)
			}
			p.later(30 * time.Minute)
			p.is(id, pim.Expired)
			if p.target.Holds(p.acc["alice"], p.dba) {
				p.Error("held after the new end")
			}
		}},
		{"approved; the old window stays meanwhile", func(p *play) {
			id := p.held(time.Hour)
			end := p.activation(id).EndsAt
			p.ok(p.extend(id, time.Hour))
			if a := p.is(id, pim.ActiveConfirmed); !a.EndsAt.Equal(end) {
				p.Errorf("moved before it was approved: %v", a.EndsAt)
			}
			if err := p.extend(id, time.Hour); !refusedOf(err, pim.RuleRunning) {
				p.Errorf("a second one waits: %v", err)
			}
			x := p.waiting(id)
			queue, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) ([]pim.Extension, error) { return broker.ExtensionQueueOf(r, "bob", 10) })
			if err != nil || len(queue) != 1 || queue[0].ID != x.ID {
				p.Errorf("bob's queue: %v, %v", queue, err)
			}
			p.later(59 * time.Minute)
			p.ok(p.decideExtension(x.ID, true))
			if a := p.is(id, pim.ActiveConfirmed); !a.EndsAt.Equal(end.Add(time.Hour)) {
				p.Errorf("ends %v", a.EndsAt)
			}
			p.noticed("bob extended vault on Northwind to")
			p.later(time.Hour + 2*time.Minute)
			p.is(id, pim.Expired)
		}},
		{"denied", func(p *play) {
			id := p.held(time.Hour)
			end := p.activation(id).EndsAt
			p.ok(p.extend(id, time.Hour))
			p.ok(p.decideExtension(p.waiting(id).ID, false))
			if a := p.is(id, pim.ActiveConfirmed); !a.EndsAt.Equal(end) || p.waiting(id).State != pim.ExtensionDenied {
				p.Errorf("ends %v", a.EndsAt)
			}
			p.later(time.Hour + time.Second)
		}},
		{"canceled, and asked for again", func(p *play) {
			id := p.held(time.Hour)
			p.ok(p.extend(id, time.Hour))
			if _, err := p.b.CancelExtension(p.ctx, p.as("bob"), p.waiting(id).ID); err == nil {
				p.Error("somebody else cancels")
			}
			_, err := p.b.CancelExtension(p.ctx, p.as("alice"), p.waiting(id).ID)
			p.ok(err)
			p.clock.add(time.Second)
			p.ok(p.extend(id, 30*time.Minute))
			p.ok(p.decideExtension(p.waiting(id).ID, true))
			p.later(90*time.Minute + time.Second)
			p.is(id, pim.Expired)
		}},
		{"nobody decides before the old end", func(p *play) {
			id := p.held(time.Hour)
			p.ok(p.extend(id, time.Hour))
			p.later(time.Hour + time.Second)
			p.is(id, pim.Expired)
			if x := p.waiting(id); x.State != pim.ExtensionEnded {
				p.Errorf("the extension is %s", x.State)
			}
			_, err := p.b.DecideExtension(p.ctx, p.as("bob"), p.waiting(id).ID, true, "too late")
			if err == nil {
				p.Error("revived by a late approval")
			}
		}},
		{"timed out before the old end", func(p *play) {
			p.set(pim.RoleSettings{RoleID: "vault", Approval: &yes, Approvers: []string{"bob"}, ApprovalTimeout: ptr(10 * time.Minute)})
			id := p.held(time.Hour)
			p.ok(p.extend(id, time.Hour))
			p.later(11 * time.Minute)
			p.is(id, pim.ActiveConfirmed)
			if x := p.waiting(id); x.State != pim.ExtensionTimedOut {
				p.Errorf("the extension is %s", x.State)
			}
			p.later(time.Hour)
		}},
		{"given back while one waits", func(p *play) {
			id := p.held(time.Hour)
			p.ok(p.extend(id, time.Hour))
			p.ok(p.b.Deactivate(p.ctx, p.as("alice"), id))
			p.tick()
			if x := p.waiting(id); x.State != pim.ExtensionEnded {
				p.Errorf("the extension is %s", x.State)
			}
		}},
		{"touched after the end", func(p *play) {
			id := p.hold("alice-dba2", 2*time.Minute)
			out, err := p.b.RequestExtension(p.ctx, p.as("alice"), pim.ExtensionRequest{ActivationID: id, Duration: time.Hour, Justification: "not done yet"})
			p.ok(err)
			p.clock.add(2 * time.Minute)
			if _, err = p.touch("alice", out); !refusedOf(err, pim.RuleRunning) {
				p.Errorf("at the very end: %v", err)
			}
			p.later(time.Minute)
			p.is(id, pim.Expired)
		}},
		{"T12: the maximum in all was lowered while it waited", func(p *play) {
			id := p.held(time.Hour)
			p.ok(p.extend(id, time.Hour))
			p.set(pim.RoleSettings{RoleID: "vault", Approval: &yes, Approvers: []string{"bob"}, MaxTotal: &short})
			p.ok(p.decideExtension(p.waiting(id).ID, true))
			if a := p.is(id, pim.ActiveConfirmed); a.EndsAt.Sub(a.StartsAt) != short {
				p.Errorf("lasts %v", a.EndsAt.Sub(a.StartsAt))
			}
			p.later(2 * time.Hour)
		}},
		{"approval for the activation only", func(p *play) {
			p.set(pim.RoleSettings{RoleID: "vault", Approval: &yes, Approvers: []string{"bob"}, ExtensionApproval: &free})
			id := p.held(time.Hour)
			end := p.activation(id).EndsAt
			p.ok(p.extend(id, time.Hour))
			if a := p.activation(id); !a.EndsAt.Equal(end.Add(time.Hour)) {
				p.Errorf("ends %v", a.EndsAt)
			}
			p.later(2*time.Hour + time.Second)
		}},
		{"never beyond the total", func(p *play) {
			p.set(pim.RoleSettings{RoleID: "dba2", MaxTotal: &short, MaxDuration: ptr(time.Hour)})
			id := p.hold("alice-dba2", time.Hour)
			p.ok(p.extend(id, time.Hour))
			if a := p.activation(id); a.EndsAt.Sub(a.StartsAt) != short {
				p.Errorf("lasts %v", a.EndsAt.Sub(a.StartsAt))
			}
			if err := p.extend(id, time.Minute); !refusedOf(err, pim.RuleDuration) || !strings.Contains(err.Error(), "at most 1 h 30 min in all") {
				p.Errorf("beyond the total: %v", err)
			}
			p.later(short)
		}},
		{"shared with another activation", func(p *play) {
			first := p.hold("alice-dba", time.Hour)
			second := p.hold("alice-dba2", time.Hour)
			p.ok(p.extend(second, time.Hour))
			p.later(time.Hour + time.Second)
			p.is(first, pim.Expired)
			p.is(second, pim.ActiveConfirmed)
			if !p.target.Holds(p.acc["alice"], p.dba) {
				p.Error("taken away with the first")
			}
			p.later(time.Hour)
		}},
		{"not somebody else's", func(p *play) {
			id := p.hold("alice-dba2", time.Hour)
			_, err := p.b.RequestExtension(p.ctx, p.as("bob"), pim.ExtensionRequest{ActivationID: id, Duration: time.Hour, Justification: "mine now"})
			var refusal *pim.Refusal
			if !errors.As(err, &refusal) || refusal.Kind != pim.KindNotFound {
				p.Errorf("%v", err)
			}
			p.later(time.Hour + time.Second)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t)
			c.run(p)
			for _, open := range p.verify() {
				t.Errorf("the story %s never ends in the log: %s since entry %d", open.ID, open.State, open.Seq)
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

// granted counts the target's grants.
func (p *play) granted() (n int) {
	for _, c := range p.target.Journal() {
		if c.Op == "grant" {
			n++
		}
	}
	return n
}

// T10: an extension is not approved by its holder, by whatever account; the refusal is evidence.
func TestNobodyApprovesTheirOwnExtension(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.set(pim.RoleSettings{RoleID: "vault", Approval: ptr(true), Approvers: []string{"bob", "alice"}})
	id := p.held(time.Hour)
	p.ok(p.extend(id, time.Hour))
	_, err := p.b.DecideExtension(p.ctx, p.as("alice"), p.waiting(id).ID, true, "I say so")
	var refusal *pim.Refusal
	if !errors.As(err, &refusal) || refusal.Kind != pim.KindForbidden {
		t.Errorf("%v", err)
	}
	if _, err := p.b.DecideExtension(p.ctx, p.as("carol"), p.waiting(id).ID, true, "not named"); !errors.As(err, &refusal) || refusal.Kind != pim.KindNotFound {
		t.Errorf("who is not named: %v", err)
	}
}
