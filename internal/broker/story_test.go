package broker_test

import (
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"stint/internal/audit"
	"stint/internal/broker"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/stinttest/database"
	"stint/internal/stinttest/faketarget"
	"stint/internal/store"
)

// play is a world before a target that misbehaves on demand, with a signer for its log.
type play struct {
	*world
	target *faketarget.Target
	acc    map[string]connector.AccountID
	dba    connector.EntitlementID
	extra  map[string]connector.EntitlementID
	signer *audit.Signer
}

func newPlay(t *testing.T) *play {
	t.Helper()
	w := newWorld(t) // its ward is not asked: this broker reaches the fake target
	p := &play{world: w, target: faketarget.New(t, w.clock.Now), acc: map[string]connector.AccountID{}}
	p.dba = p.target.AddEntitlement("cn=dba")
	p.target.AddEntitlement("cn=backup")
	s, err := store.Open(w.ctx, store.Options{Path: database.Migrated(t, filepath.Join(t.TempDir(), "stint.db")), Now: w.clock.Now, Mono: w.clock.Mono})
	w.ok(err)
	t.Cleanup(func() { s.Close() })
	rp, err := stepup.New("http://localhost:8080", "Stint")
	w.ok(err)
	keys := filepath.Join(t.TempDir(), "keys")
	sealer, err := broker.OpenSealer(filepath.Join(keys, "seal.key"), "")
	w.ok(err)
	p.signer, err = audit.OpenSigner(filepath.Join(keys, "audit.key"), "stint.test/stint/audit", "")
	w.ok(err)
	w.b = broker.New(broker.Config{Store: s, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), StepUp: rp, Sealer: sealer, Signer: p.signer})
	w.ok(w.b.EnsureBuiltin(w.ctx))
	w.ok(store.Do(w.ctx, s, p.seed))
	for _, id := range []string{"alice", "bob", "carol"} {
		w.enrol(id)
	}
	w.tick()
	return p
}

// seed: alice may be DBA (which is also Backup), DBA2 on the same group, and Vault after bob approved; carol administers.
func (p *play) seed(tx *store.Tx) error {
	yes := true
	errs := []error{
		tx.InsertTarget(store.TargetRow{Target: pim.Target{ID: "dir", Kind: faketarget.Kind, Name: "Directory", Settings: p.target.Settings(), Source: pim.SourceFile}}),
		tx.InsertResource(pim.Resource{ID: "org", Kind: "organisation", Name: "Northwind", TargetID: "dir", Source: pim.SourceFile}),
	}
	for _, role := range []string{"dba", "dba2", "vault"} {
		errs = append(errs, tx.InsertRole(pim.RoleDefinition{ID: role, Name: role, Privileged: true, Source: pim.SourceFile}),
			tx.SaveMeaning(pim.Meaning{RoleID: role, ResourceID: "org", Name: "cn=dba"}))
	}
	errs = append(errs, tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: "org", Name: "cn=backup"}),
		tx.SaveSettings(pim.RoleSettings{RoleID: "vault", Approval: &yes, Approvers: []string{"bob"}, Source: pim.SourceFile}))
	for _, id := range []string{"alice", "bob", "carol"} {
		p.acc[id] = p.target.AddAccount(id)
		errs = append(errs, tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Person, Name: id, PersonID: id, Enabled: true, Source: pim.SourceFile}),
			tx.InsertAccount(pim.Account{ID: "acc-" + id, PrincipalID: id, TargetID: "dir", Name: id, ConfirmedAt: tx.Now, ConfirmedBy: pim.System, Source: pim.SourceFile}))
	}
	for _, role := range []string{"dba", "dba2", "vault"} {
		errs = append(errs, tx.InsertAssignment(pim.Assignment{ID: "alice-" + role, PrincipalID: "alice", RoleID: role, ResourceID: "org", Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}))
	}
	errs = append(errs, tx.InsertAssignment(pim.Assignment{ID: "carol-pra", PrincipalID: "carol", RoleID: pim.RoleAdministrator, ResourceID: pim.StintResource, Kind: pim.Active, StartsAt: tx.Now, Source: pim.SourceFile}),
		tx.InsertAssignment(pim.Assignment{ID: "alice-pra", PrincipalID: "alice", RoleID: pim.RoleAdministrator, ResourceID: pim.StintResource, Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}))
	return errors.Join(errs...)
}

// hold activates and lets the target follow.
func (p *play) hold(assignment string, d time.Duration) string {
	p.Helper()
	id := p.activate("alice", assignment, d)
	p.tick()
	if a := p.activation(id); a.State != pim.ActiveConfirmed {
		p.Fatalf("%s is %s", assignment, a.State)
	}
	return id
}

func (p *play) decide(id string, approve bool) {
	p.Helper()
	out, err := p.b.Decide(p.ctx, p.as("bob"), id, approve, "as agreed on call")
	p.ok(err)
	_, err = p.touch("bob", out)
	p.ok(err)
	p.tick()
}

// later lets time pass in steps that retries and late reads can follow.
func (p *play) later(d time.Duration) {
	p.Helper()
	for range 10 {
		p.clock.add(d / 10)
		p.tick()
	}
}

func (p *play) administer(out broker.Outcome, err error) {
	p.Helper()
	p.ok(err)
	_, err = p.touch("carol", out)
	p.ok(err)
	p.tick()
}

// verify replays the whole log and returns what is still open in it.
func (p *play) verify() []audit.Story {
	p.Helper()
	_, err := p.b.Checkpoint(p.ctx, true)
	p.ok(err)
	stories := audit.NewStories()
	report, err := store.Read(p.ctx, p.b.Store(), func(r *store.Reader) (audit.Report, error) {
		l, err := r.VerifyLog()
		if err != nil {
			return audit.Report{}, err
		}
		l.Origin, l.VKeys, l.Replay = p.signer.Origin(), []string{p.signer.VKey()}, stories.Replay
		return audit.Verify(l)
	})
	p.ok(err)
	for _, f := range report.Findings {
		p.Errorf("the log contradicts itself: %s", f)
	}
	if report.Signed != report.Size {
		p.Errorf("%d of %d entries are signed", report.Signed, report.Size)
	}
	return stories.Open()
}

// Every way an activation can go leaves a log that tells a legal story to its end: what ended was read
// back, and the entry that looked last says what the outcome says (THREATS rule 2 and §5).
func TestStoriesOfTheLogAreLegal(t *testing.T) {
	t.Parallel()
	settled := func(p *play, id string, want pim.ActivationState) {
		p.Helper()
		if a := p.activation(id); a.State != want || (!a.StartsAt.IsZero() && a.SettledAt.IsZero()) {
			p.Fatalf("state %s (want %s), settled %v", a.State, want, a.SettledAt)
		}
	}
	for _, c := range []struct {
		name string
		run  func(*play)
	}{
		{"expired", func(p *play) {
			id := p.hold("alice-dba", 30*time.Minute)
			p.later(31 * time.Minute)
			settled(p, id, pim.Expired)
		}},
		{"deactivated while granting", func(p *play) {
			id := p.activate("alice", "alice-dba", time.Hour)
			p.ok(p.b.Deactivate(p.ctx, p.as("alice"), id))
			p.tick()
			settled(p, id, pim.Deactivated)
		}},
		{"ended while the target is down", func(p *play) {
			p.target.Misbehave(faketarget.Faults{Down: true})
			id := p.activate("alice", "alice-dba", time.Hour)
			p.later(2 * time.Hour)
			p.target.Misbehave(faketarget.Faults{})
			p.later(10 * time.Minute)
			settled(p, id, pim.Expired)
		}},
		{"approved and revoked by an administrator", func(p *play) {
			id := p.activate("alice", "alice-vault", time.Hour)
			p.decide(id, true)
			p.administer(p.b.RevokeActivation(p.ctx, p.as("carol"), id, "no longer needed"))
			settled(p, id, pim.Revoked)
		}},
		{"denied", func(p *play) {
			id := p.activate("alice", "alice-vault", time.Hour)
			p.decide(id, false)
			settled(p, id, pim.Denied)
		}},
		{"canceled", func(p *play) {
			id := p.activate("alice", "alice-vault", time.Hour)
			p.ok(p.b.Cancel(p.ctx, p.as("alice"), id))
			settled(p, id, pim.Canceled)
		}},
		{"canceled by an administrator", func(p *play) {
			id := p.activate("alice", "alice-vault", time.Hour)
			p.administer(p.b.RevokeActivation(p.ctx, p.as("carol"), id, "not today"))
			settled(p, id, pim.Canceled)
		}},
		{"timed out", func(p *play) {
			id := p.activate("alice", "alice-vault", time.Hour)
			p.later(25 * time.Hour)
			settled(p, id, pim.TimedOut)
		}},
		{"shared", func(p *play) {
			first := p.hold("alice-dba", 30*time.Minute)
			second := p.hold("alice-dba2", 2*time.Hour)
			p.later(31 * time.Minute)
			settled(p, first, pim.Expired)
			p.later(2 * time.Hour)
			settled(p, second, pim.Expired)
		}},
		{"activated again while one of two groups cannot be taken away", func(p *play) {
			first := p.hold("alice-dba", time.Hour)
			p.target.Misbehave(faketarget.Faults{Lies: true, Only: p.dba})
			p.ok(p.b.Deactivate(p.ctx, p.as("alice"), first))
			p.later(5 * time.Minute)
			second := p.hold("alice-dba", time.Hour)
			p.target.Misbehave(faketarget.Faults{})
			p.later(5 * time.Minute)
			settled(p, first, pim.Deactivated)
			p.later(2 * time.Hour)
			settled(p, second, pim.Expired)
		}},
		{"held before", func(p *play) {
			p.target.Put(p.acc["alice"], p.dba)
			id := p.hold("alice-dba", 30*time.Minute)
			p.later(31 * time.Minute)
			settled(p, id, pim.Expired)
			if !p.target.Holds(p.acc["alice"], p.dba) {
				p.Error("what was there before Stint was taken away")
			}
		}},
		{"lost at the target", func(p *play) {
			id := p.hold("alice-dba2", time.Hour)
			p.target.Take(p.acc["alice"], p.dba)
			p.ok(p.b.Restart(p.ctx))
			p.tick()
			settled(p, id, pim.LostAtTarget)
		}},
		{"failed: the account is gone", func(p *play) {
			p.target.RemoveAccount(p.acc["alice"])
			id := p.activate("alice", "alice-dba", time.Hour)
			p.tick()
			settled(p, id, pim.Failed)
		}},
		{"failed: the account is not visible", func(p *play) {
			p.target.Misbehave(faketarget.Faults{Hidden: p.acc["alice"]})
			id := p.activate("alice", "alice-dba", time.Hour)
			p.tick()
			settled(p, id, pim.Failed)
		}},
		{"hidden at the end", func(p *play) {
			id := p.hold("alice-dba", time.Hour)
			p.target.Misbehave(faketarget.Faults{Hidden: p.acc["alice"]})
			p.ok(p.b.Deactivate(p.ctx, p.as("alice"), id))
			p.later(5 * time.Minute)
			p.target.Misbehave(faketarget.Faults{})
			p.later(5 * time.Minute)
			settled(p, id, pim.Deactivated)
		}},
		{"failed after errors", func(p *play) {
			id := p.hold("alice-dba2", time.Hour)
			p.target.Misbehave(faketarget.Faults{Down: true})
			p.ok(p.b.Restart(p.ctx))
			p.later(5 * time.Minute)
			p.target.RemoveAccount(p.acc["alice"])
			p.target.Misbehave(faketarget.Faults{})
			p.later(5 * time.Minute)
			settled(p, id, pim.Failed)
		}},
		{"lost answers", func(p *play) {
			p.target.Misbehave(faketarget.Faults{LoseAnswers: 1, ReadDelay: 10 * time.Second})
			id := p.activate("alice", "alice-dba2", time.Hour)
			p.later(5 * time.Minute)
			p.target.Misbehave(faketarget.Faults{LoseAnswers: 1, ReadDelay: 10 * time.Second})
			p.ok(p.b.Deactivate(p.ctx, p.as("alice"), id))
			p.later(10 * time.Minute)
			settled(p, id, pim.Deactivated)
		}},
		{"lost writes", func(p *play) {
			id := p.hold("alice-dba2", time.Hour)
			p.target.Misbehave(faketarget.Faults{LoseWrites: 2, ReadDelay: 10 * time.Second})
			p.ok(p.b.Deactivate(p.ctx, p.as("alice"), id))
			p.later(10 * time.Minute)
			settled(p, id, pim.Deactivated)
		}},
		{"a target that lies", func(p *play) {
			p.target.Misbehave(faketarget.Faults{Lies: true})
			id := p.activate("alice", "alice-dba2", time.Hour)
			p.later(2 * time.Hour)
			p.target.Misbehave(faketarget.Faults{})
			p.later(5 * time.Minute)
			settled(p, id, pim.Expired)
		}},
		{"again", func(p *play) {
			p.hold("alice-dba", 30*time.Minute)
			p.later(31 * time.Minute)
			id := p.hold("alice-dba", 30*time.Minute)
			p.later(31 * time.Minute)
			settled(p, id, pim.Expired)
		}},
		{"put back by another hand", func(p *play) {
			p.hold("alice-dba2", 30*time.Minute)
			p.later(31 * time.Minute)
			p.target.Put(p.acc["alice"], p.dba)
			id := p.hold("alice-dba2", 30*time.Minute)
			p.later(31 * time.Minute)
			settled(p, id, pim.Expired)
		}},
		{"the person is disabled", func(p *play) {
			id := p.hold("alice-dba", time.Hour)
			waiting := p.activate("alice", "alice-vault", time.Hour)
			p.administer(p.b.PersonAction(p.ctx, p.as("carol"), pim.ActionDisablePerson, "alice", ""))
			settled(p, id, pim.PersonDisabled)
			settled(p, waiting, pim.PersonDisabled)
		}},
		{"a role of Stint itself", func(p *play) {
			id := p.activate("alice", "alice-pra", time.Hour)
			p.later(2 * time.Hour)
			settled(p, id, pim.Expired)
		}},
		{"restart in the middle", func(p *play) {
			id := p.hold("alice-dba", 30*time.Minute)
			p.ok(p.b.Restart(p.ctx))
			p.later(31 * time.Minute)
			p.ok(p.b.Restart(p.ctx))
			p.tick()
			settled(p, id, pim.Expired)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlay(t)
			c.run(p)
			for _, open := range p.verify() {
				t.Errorf("the story %s never ends in the log: %s since entry %d", open.ID, open.State, open.Seq)
			}
		})
	}
}
