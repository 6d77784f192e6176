package broker_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// below makes two resources under org, each with a meaning of dba, and one without.
func (p *play) below() {
	p.Helper()
	p.extra = map[string]connector.EntitlementID{}
	for _, name := range []string{"cn=payments", "cn=ledger"} {
		p.extra[name] = p.target.AddEntitlement(name)
	}
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
		var errs []error
		for _, id := range []string{"payments", "ledger", "idle"} {
			errs = append(errs, tx.InsertResource(pim.Resource{ID: id, ParentID: "org", Kind: "database", Name: strings.ToUpper(id), Source: pim.SourceFile}))
		}
		errs = append(errs, tx.InsertResource(pim.Resource{ID: "foreign", Kind: "database", Name: "Foreign", Source: pim.SourceFile}))
		for _, id := range []string{"payments", "ledger"} {
			errs = append(errs, tx.SaveMeaning(pim.Meaning{RoleID: "dba", ResourceID: id, Name: "cn=" + id}))
		}
		return errors.Join(errs...)
	}))
	p.later(10 * time.Minute) // names are looked up at the target
}

func (p *play) holds(name string) bool {
	p.Helper()
	return p.target.Holds(p.acc["alice"], p.extra[name])
}

// held on one resource below only; what lies beside or above is untouched, each for itself.
func TestNarrower(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.below()
	scopes, more, err := p.b.Scopes(p.ctx, p.as("alice"), "alice-dba", "", []string{"foreign", "org", "absent"})
	p.ok(err)
	var names []string
	for _, s := range scopes {
		names = append(names, strings.Join(s.Path.Names(), "/"))
	}
	if !slices.Equal(names, []string{"LEDGER", "PAYMENTS"}) || more {
		t.Errorf("to choose from: %v", names)
	}
	ask := func(resource string) (string, error) {
		out, err := p.b.RequestActivation(p.ctx, p.as("alice"), pim.ActivationRequest{AssignmentID: "alice-dba", ResourceID: resource, Duration: time.Hour, Justification: "only there"})
		if err != nil {
			return "", err
		}
		out, err = p.touch("alice", out)
		p.ok(err)
		p.tick()
		return out.ActivationID, nil
	}
	id, err := ask("payments")
	p.ok(err)
	if a := p.is(id, pim.ActiveConfirmed); a.ResourceID != "payments" {
		t.Errorf("on %s", a.ResourceID)
	}
	if !p.holds("cn=payments") || p.holds("cn=ledger") || p.target.Holds(p.acc["alice"], p.dba) {
		t.Error("reaches beyond the chosen resource")
	}
	second, err := ask("ledger")
	p.ok(err)
	p.is(second, pim.ActiveConfirmed)
	for _, bad := range []string{"idle", "foreign", "absent", "payments"} {
		var refusal *pim.Refusal
		if _, err := ask(bad); !errors.As(err, &refusal) || refusal.Field != "resource" && refusal.Object != id {
			t.Errorf("%s: %v", bad, err)
		}
	}
	p.later(time.Hour + time.Second)
	if p.holds("cn=payments") || p.holds("cn=ledger") {
		t.Error("still held")
	}
	if open := p.verify(); len(open) != 0 {
		t.Errorf("open stories: %v", open)
	}
}

// several at once are several activations made with one touch.
func TestSeveralBelow(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.below()
	var reqs []pim.ActivationRequest
	for _, r := range []string{"payments", "ledger"} {
		reqs = append(reqs, pim.ActivationRequest{AssignmentID: "alice-dba", ResourceID: r, Duration: time.Hour, Justification: "only there"})
	}
	out, err := p.b.RequestActivations(p.ctx, p.as("alice"), reqs)
	p.ok(err)
	_, err = p.touch("alice", out)
	p.ok(err)
	p.tick()
	if !p.holds("cn=payments") || !p.holds("cn=ledger") || p.target.Holds(p.acc["alice"], p.dba) {
		t.Error("not held on exactly the two")
	}
	if _, err := p.b.RequestActivations(p.ctx, p.as("alice"), []pim.ActivationRequest{reqs[0], reqs[0]}); err == nil {
		t.Error("one resource twice")
	}
}

// A resource that is moved from beneath the assignment takes its activation along.
func TestMovedFromBeneath(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.below()
	out, err := p.b.RequestActivation(p.ctx, p.as("alice"), pim.ActivationRequest{AssignmentID: "alice-dba", ResourceID: "payments", Duration: time.Hour, Justification: "only there"})
	p.ok(err)
	out, err = p.touch("alice", out)
	p.ok(err)
	p.tick()
	p.ok(store.Do(p.ctx, p.b.Store(), func(tx *store.Tx) error {
		r, err := tx.Resource("payments")
		if err != nil {
			return err
		}
		r.ParentID = "foreign"
		return tx.UpdateResource(r)
	}))
	p.ok(p.b.RecheckNarrower(p.ctx))
	p.tick()
	p.is(out.ActivationID, pim.EligibilityEnded)
	if p.holds("cn=payments") {
		t.Error("still held")
	}
}
