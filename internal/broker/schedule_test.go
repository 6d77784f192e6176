package broker_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/stinttest/passkey"
	"stint/internal/store"
)

// plan asks for a start ahead, with the passkey where it is asked for.
func (p *play) plan(assignment string, in, d time.Duration) string {
	p.Helper()
	req := pim.ActivationRequest{AssignmentID: assignment, Duration: d, Justification: "maintenance window", Start: p.clock.Now().Add(in)}
	out, err := p.b.RequestActivation(p.ctx, p.as("alice"), req)
	p.ok(err)
	out, err = p.touch("alice", out)
	p.ok(err)
	return out.ActivationID
}

func (p *play) is(id string, want pim.ActivationState) pim.Activation {
	p.Helper()
	a := p.activation(id)
	if a.State != want {
		p.Fatalf("state %s (%s), want %s", a.State, a.EndReason, want)
	}
	return a
}

func (p *play) noticed(part string) {
	p.Helper()
	list, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) ([]store.Notice, error) { return r.Notices("alice", store.Keyset{}, 50) })
	p.ok(err)
	if !slices.ContainsFunc(list, func(n store.Notice) bool { return strings.Contains(n.Text, part) }) {
		p.Errorf("no notice says %q: %v", part, list)
	}
}

func (p *play) set(s pim.RoleSettings) {
	p.Helper()
	s.Source = pim.SourceFile
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error { return tx.SaveSettings(s) }))
}

// R-06, T14, DESIGN §3 Activation: the ways a planned activation goes; each leaves a legal story.
func TestPlannedActivations(t *testing.T) {
	yes, hour, none := true, time.Hour, time.Duration(0)
	for _, c := range []struct {
		name string
		run  func(*play)
	}{
		{"starts on time and ends on time", func(p *play) {
			start := p.clock.Now().Add(3 * time.Hour)
			id := p.plan("alice-dba", 3*time.Hour, time.Hour)
			if a := p.is(id, pim.Scheduled); !a.StartsAt.Equal(start) || !a.EndsAt.Equal(start.Add(time.Hour)) {
				p.Errorf("window %v to %v", a.StartsAt, a.EndsAt)
			}
			p.later(3*time.Hour - time.Second)
			p.is(id, pim.Scheduled)
			if p.target.Holds(p.acc["alice"], p.dba) {
				p.Error("held before the start")
			}
			p.later(time.Second)
			if a := p.is(id, pim.ActiveConfirmed); !a.EndsAt.Equal(start.Add(time.Hour)) || !p.target.Holds(p.acc["alice"], p.dba) {
				p.Errorf("ends %v", a.EndsAt)
			}
			p.noticed("Starts now as planned: dba on Northwind.")
			p.later(time.Hour + time.Second)
			p.is(id, pim.Expired)
		}},
		{"stands beside what runs", func(p *play) {
			p.hold("alice-dba", time.Hour)
			id := p.plan("alice-dba", time.Hour, time.Hour)
			p.is(id, pim.Scheduled)
			_, err := p.b.RequestActivation(p.ctx, p.as("alice"), pim.ActivationRequest{AssignmentID: "alice-dba", Duration: time.Hour, Justification: "again", Start: p.clock.Now().Add(90 * time.Minute)})
			var refusal *pim.Refusal
			if !errors.As(err, &refusal) || refusal.Kind != pim.KindConflict || refusal.Object != id {
				p.Errorf("an overlapping window: %v", err)
			}
			p.later(time.Hour + time.Second)
			p.is(id, pim.ActiveConfirmed)
			p.later(time.Hour)
		}},
		{"canceled", func(p *play) {
			id := p.plan("alice-dba", time.Hour, time.Hour)
			p.ok(p.b.Cancel(p.ctx, p.as("alice"), id))
			if a := p.is(id, pim.Canceled); !a.StartsAt.IsZero() || a.Ending() {
				p.Errorf("%+v", a)
			}
			p.later(2 * time.Hour)
		}},
		{"canceled by an administrator", func(p *play) {
			id := p.plan("alice-dba", time.Hour, time.Hour)
			p.administer(p.b.RevokeActivation(p.ctx, p.as("carol"), id, "not tonight"))
			p.is(id, pim.Canceled)
		}},
		{"approved before its start", func(p *play) {
			id := p.plan("alice-vault", 3*time.Hour, time.Hour)
			p.later(time.Hour)
			p.decide(id, true)
			p.is(id, pim.Scheduled)
			p.later(2 * time.Hour)
			p.is(id, pim.ActiveConfirmed)
			p.later(time.Hour + time.Second)
		}},
		{"R-46: approved after its start", func(p *play) {
			id := p.plan("alice-vault", time.Hour, 2*time.Hour)
			p.later(2 * time.Hour)
			p.decide(id, true)
			if a := p.is(id, pim.ActiveConfirmed); a.EndsAt.Sub(a.StartsAt) != 2*time.Hour || !a.StartsAt.Equal(p.clock.Now()) {
				p.Errorf("window %v to %v", a.StartsAt, a.EndsAt)
			}
			p.later(2*time.Hour + time.Second)
		}},
		{"R-46: never approved", func(p *play) {
			id := p.plan("alice-vault", time.Hour, time.Hour)
			p.later(2*time.Hour + time.Second)
			p.is(id, pim.TimedOut)
		}},
		{"T12: approval asked for since", func(p *play) {
			id := p.plan("alice-dba", time.Hour, time.Hour)
			p.set(pim.RoleSettings{RoleID: "dba", Approval: &yes, Approvers: []string{"bob"}})
			p.later(time.Hour + time.Second)
			if a := p.is(id, pim.RefusedAtStart); !strings.Contains(a.EndReason, "asks for approval since") {
				p.Errorf("reason %q", a.EndReason)
			}
			p.noticed("Not started as planned: dba on Northwind. This role asks for approval")
		}},
		{"T12: shorter since", func(p *play) {
			id := p.plan("alice-dba", time.Hour, 4*time.Hour)
			p.set(pim.RoleSettings{RoleID: "dba", MaxDuration: &hour})
			p.later(time.Hour)
			if a := p.is(id, pim.ActiveConfirmed); a.EndsAt.Sub(a.StartsAt) != time.Hour {
				p.Errorf("window %v to %v", a.StartsAt, a.EndsAt)
			}
			p.later(time.Hour + time.Second)
		}},
		{"T14: the account is gone", func(p *play) {
			id := p.plan("alice-dba", time.Hour, time.Hour)
			p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
				acc, err := tx.AccountAt("alice", "dir")
				if err != nil {
					return err
				}
				return tx.RemoveAccount(acc.ID)
			}))
			p.later(time.Hour + time.Second)
			p.is(id, pim.RefusedAtStart)
			if p.target.Holds(p.acc["alice"], p.dba) {
				p.Error("granted all the same")
			}
		}},
		{"T14: disabled before the start", func(p *play) {
			id := p.plan("alice-dba", time.Hour, time.Hour)
			p.administer(p.b.PersonAction(p.ctx, p.as("carol"), pim.ActionDisablePerson, "alice", ""))
			p.is(id, pim.PersonDisabled)
			p.later(2 * time.Hour)
			if p.target.Holds(p.acc["alice"], p.dba) {
				p.Error("granted all the same")
			}
		}},
		{"the eligibility ends before the start", func(p *play) {
			id := p.plan("alice-dba", 3*time.Hour, time.Hour)
			p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
				asg, err := tx.Assignment("alice-dba")
				if err != nil {
					return err
				}
				asg.EndsAt = tx.Now.Add(time.Hour)
				return tx.UpdateAssignment(asg)
			}))
			p.later(time.Hour + time.Second)
			p.is(id, pim.EligibilityEnded)
		}},
		{"planned far ahead: touched at its start", func(p *play) {
			id := p.plan("alice-dba", 30*time.Hour, 2*time.Hour)
			p.later(30 * time.Hour)
			a := p.is(id, pim.Scheduled)
			p.noticed("Touch your passkey to start dba on Northwind")
			if _, err := p.b.StartNow(p.ctx, p.as("bob"), id); err == nil {
				p.Error("somebody else touches")
			}
			p.later(30 * time.Minute)
			out, err := p.b.StartNow(p.ctx, p.as("alice"), id)
			p.ok(err)
			_, err = p.touch("alice", out)
			p.ok(err)
			p.tick()
			if b := p.is(id, pim.ActiveConfirmed); !b.EndsAt.Equal(a.EndsAt) {
				p.Errorf("the end moved from %v to %v", a.EndsAt, b.EndsAt)
			}
			p.later(2 * time.Hour)
		}},
		{"planned far ahead: never touched", func(p *play) {
			id := p.plan("alice-dba", 30*time.Hour, time.Hour)
			p.later(30 * time.Hour)
			p.is(id, pim.Scheduled)
			if _, err := p.b.StartNow(p.ctx, p.as("alice"), id); err != nil {
				p.Error(err)
			}
			p.later(time.Hour)
			if a := p.is(id, pim.RefusedAtStart); !strings.Contains(a.EndReason, "not touched") {
				p.Errorf("reason %q", a.EndReason)
			}
			_, err := p.b.StartNow(p.ctx, p.as("alice"), id)
			if err == nil {
				p.Error("touched after the end")
			}
		}},
		{"planned far ahead, approved after its start: touched all the same", func(p *play) {
			week := 7 * 24 * time.Hour
			p.set(pim.RoleSettings{RoleID: "vault", Approval: &yes, Approvers: []string{"bob"}, ApprovalTimeout: &week})
			id := p.plan("alice-vault", 30*time.Hour, 2*time.Hour)
			p.later(31 * time.Hour)
			p.decide(id, true)
			a := p.is(id, pim.Scheduled)
			if !a.StartsAt.Before(p.clock.Now().Add(time.Second)) {
				p.Errorf("starts %v", a.StartsAt)
			}
			out, err := p.b.StartNow(p.ctx, p.as("alice"), id)
			p.ok(err)
			_, err = p.touch("alice", out)
			p.ok(err)
			p.tick()
			p.is(id, pim.ActiveConfirmed)
			p.later(3 * time.Hour)
		}},
		{"settled by an overlap: approval of what would run into a planned window", func(p *play) {
			later := p.plan("alice-vault", 2*time.Hour, time.Hour)
			p.decide(later, true)
			req := p.activate("alice", "alice-vault", time.Hour)
			p.later(90 * time.Minute)
			out, err := p.b.Decide(p.ctx, p.as("bob"), req, true, "as agreed on call")
			p.ok(err)
			var refusal *pim.Refusal
			if _, err = p.touch("bob", out); !errors.As(err, &refusal) || refusal.Kind != pim.KindConflict || refusal.Object != later {
				p.Errorf("approved into an overlap: %v", err)
			}
			p.ok(p.b.Cancel(p.ctx, p.as("alice"), req))
			p.later(2 * time.Hour)
		}},
		{"goes before a request that still waits", func(p *play) {
			planned := p.plan("alice-vault", 2*time.Hour, time.Hour)
			p.decide(planned, true)
			waiting := p.activate("alice", "alice-vault", time.Hour)
			p.later(2*time.Hour + time.Second)
			p.is(planned, pim.ActiveConfirmed)
			if a := p.is(waiting, pim.Canceled); !strings.Contains(a.EndReason, "starts now") {
				p.Errorf("reason %q", a.EndReason)
			}
			p.later(time.Hour + time.Second)
		}},
		{"a role that cannot be planned", func(p *play) {
			p.set(pim.RoleSettings{RoleID: "dba", MaxLead: &none})
			_, err := p.b.RequestActivation(p.ctx, p.as("alice"), pim.ActivationRequest{AssignmentID: "alice-dba", Duration: time.Hour, Justification: "x y", Start: p.clock.Now().Add(time.Hour)})
			var refusal *pim.Refusal
			if !errors.As(err, &refusal) || refusal.Kind != pim.KindInvalid || refusal.Field != "start" {
				p.Errorf("%v", err)
			}
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

// EC-32: what is planned across a change of clocks is a matter of UTC; the window is as long as it was asked for.
func TestPlannedAcrossAClockChange(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlay(t)
	p.clock.add(time.Date(2027, 3, 27, 22, 0, 0, 0, berlin).Sub(p.clock.Now())) // forward by four months: not believed at once
	p.ok(p.b.AcceptClock(p.ctx))
	start := time.Date(2027, 3, 28, 1, 30, 0, 0, berlin) // half an hour before the clocks go forward
	id := p.plan("alice-dba", start.Sub(p.clock.Now()), time.Hour)
	p.later(start.Sub(p.clock.Now()))
	a := p.is(id, pim.ActiveConfirmed)
	if a.EndsAt.Sub(a.StartsAt) != time.Hour || a.EndsAt.In(berlin).Format("15:04") != "03:30" {
		t.Errorf("%v to %v", a.StartsAt.In(berlin), a.EndsAt.In(berlin))
	}
}

// further adds a passkey with the one there is; from then on it is the one that is touched. It returns the other.
func (p *play) further(id string) *passkey.Passkey {
	p.Helper()
	out, err := p.b.BeginCredential(p.ctx, p.as(id), "Further", broker.Enrolment{})
	p.ok(err)
	out, err = p.touch(id, out)
	p.ok(err)
	was := p.keys[id]
	p.keys[id] = newKey()
	v, err := p.b.StepUp(p.ctx, p.as(id), out.CeremonyID)
	p.ok(err)
	response, err := p.keys[id].Create(v.Options)
	p.ok(err)
	_, err = p.b.FinishStepUp(p.ctx, p.as(id), out.CeremonyID, response)
	p.ok(err)
	return was
}

// T2, T14: a passkey that does not count yet for privileged roles does not start a planned one either; the
// activation goes on waiting for one that does.
func TestNewPasskeyStartsNothingPlanned(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	id := p.plan("alice-dba", 48*time.Hour, 4*time.Hour)
	p.later(47 * time.Hour)
	old := p.further("alice")
	p.later(time.Hour + time.Second)
	start := func() error {
		out, err := p.b.StartNow(p.ctx, p.as("alice"), id)
		p.ok(err)
		_, err = p.touch("alice", out)
		p.tick()
		return err
	}
	err := start()
	wantRefusal(t, err, pim.KindForbidden, "")
	if a := p.is(id, pim.Scheduled); !strings.Contains(err.Error(), "24 hours") || !broker.WaitsForTouch(a) || p.target.Holds(p.acc["alice"], p.dba) {
		t.Errorf("%v; %+v", err, a)
	}
	if n := p.count(pim.EvActTouched); n != 0 {
		t.Errorf("%d touches in the log", n)
	}
	p.keys["alice"] = old
	p.ok(start())
	p.is(id, pim.ActiveConfirmed)
	p.later(4 * time.Hour)
	p.verify()
}

func (p *play) count(kind pim.EventType) int {
	p.Helper()
	rows, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) ([]store.EntryRow, error) {
		return r.Entries(store.EntryFilter{Type: string(kind), Limit: 50})
	})
	p.ok(err)
	return len(rows)
}

// T2: nor does it approve a request for a privileged role; it may deny.
func TestNewPasskeyApprovesNothingPrivileged(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.later(25 * time.Hour) // carol, who administers, has a passkey that counts
	id := p.activate("alice", "alice-vault", time.Hour)
	old := p.further("bob")
	decide := func(approve bool) error {
		out, err := p.b.Decide(p.ctx, p.as("bob"), id, approve, "as agreed on call")
		p.ok(err)
		_, err = p.touch("bob", out)
		return err
	}
	err := decide(true)
	wantRefusal(t, err, pim.KindForbidden, "")
	if p.is(id, pim.PendingApproval); !strings.Contains(err.Error(), "24 hours") {
		t.Error(err)
	}
	p.ok(decide(false))
	p.is(id, pim.Denied)
	p.keys["bob"], id = old, p.activate("alice", "alice-vault", time.Hour)
	p.ok(decide(true))
	p.tick()
	p.is(id, pim.ActiveConfirmed)
}

// T2: an administrator's new passkey gives nobody a way in; what takes away needs no such care.
func TestNewPasskeyAdministersNothing(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
		return tx.InsertAssignment(pim.Assignment{ID: "bob-pra", PrincipalID: "bob", RoleID: pim.RoleAdministrator, ResourceID: pim.StintResource, Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile})
	}))
	p.later(25 * time.Hour)
	p.further("carol")
	act := func(action pim.StepUpAction, object string) error {
		out, err := p.b.PersonAction(p.ctx, p.as("carol"), action, "alice", object)
		p.ok(err)
		_, err = p.touch("carol", out)
		return err
	}
	p.ok(act(pim.ActionEndSessions, ""))
	p.ok(act(pim.ActionDisablePerson, ""))
	wantRefusal(t, act(pim.ActionEnablePerson, ""), pim.KindForbidden, "")
}
