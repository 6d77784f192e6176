package broker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

const removals = 10_000

// newRemovals is a review of 10,000 eligible assignments, each activated and confirmed at one target, all of them denied.
func newRemovals(b *testing.B) *storm {
	b.Helper()
	c := &storm{World: stinttest.New(b), end: stinttest.Epoch.Add(24 * time.Hour)}
	target := faketarget.New(b, c.Clock.Now)
	group := target.AddEntitlement("group")
	target.Misbehave(faketarget.Faults{Slow: 5 * time.Millisecond})
	c.Do(func(tx *store.Tx) error {
		terms := pim.ReviewTerms{Scope: pim.ReviewScope{Roles: []string{"t"}, Kinds: []pim.AssignmentKind{pim.Eligible}}, Silence: pim.SilenceNoChange,
			Stages: []pim.ReviewStage{{Kind: pim.ReviewersChosen, People: []string{"carol"}, Days: 1}}}
		i := pim.ReviewInstance{ID: "i1", ReviewID: "v1", Number: 1, Name: "Removals", Terms: terms, State: pim.ReviewStarting, PlannedAt: tx.Now, StartedAt: tx.Now, EndsAt: tx.Now}
		err := errors.Join(
			tx.InsertTarget(store.TargetRow{Target: pim.Target{ID: "t", Kind: faketarget.Kind, Name: "t", Settings: target.Settings(), MayWrite: []string{"*"}, Source: pim.SourceFile}}),
			tx.InsertResource(pim.Resource{ID: "t", Kind: "group", Name: "t", TargetID: "t", Source: pim.SourceFile}),
			tx.InsertRole(pim.RoleDefinition{ID: "t", Name: "t", Source: pim.SourceFile}),
			tx.SaveMeaning(pim.Meaning{RoleID: "t", ResourceID: "t", Name: "group", EntitlementID: string(group)}),
			tx.InsertPrincipal(pim.Principal{ID: "carol", Kind: pim.Person, Name: "carol", PersonID: "carol", Enabled: true, Source: pim.SourceFile}),
			tx.InsertReview(pim.ReviewDefinition{ID: "v1", Name: "Removals", Terms: terms, MadeBy: "carol"}), tx.InsertReviewInstance(i), tx.InsertReviewSet(pim.ReviewSet{ID: "s1", InstanceID: "i1"}, ""))
		i.State, i.Counts, i.Version = pim.ReviewCompleted, pim.ReviewCounts{Items: removals, Denied: removals}, 1
		return errors.Join(err, tx.SaveReviewInstance(i))
	})
	c.in(removals, func(tx *store.Tx, p int) error {
		id := fmt.Sprintf("p%03d", p)
		account := target.AddAccount(id)
		target.Put(account, group) // Stint did, by the record below
		item := pim.ReviewItem{ID: "i" + id, InstanceID: "i1", AssignmentID: "t" + id, PrincipalID: id, PersonID: id, RoleID: "t", ResourceID: "t", Kind: pim.Eligible,
			Frozen: pim.ReviewUse{Version: 1, StartsAt: tx.Now}, Sets: []string{"s1"}, SetID: "s1", SortName: id, SortPlace: id, Version: 1}
		err := errors.Join(tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Person, Name: id, PersonID: id, Enabled: true, Source: pim.SourceFile}),
			c.hold(tx, "t", p, account, group), tx.InsertReviewItems([]pim.ReviewItem{item}))
		item.Answer, item.DecidedBy, item.DecidedAt = pim.AnswerDeny, "carol", tx.Now
		return errors.Join(err, tx.AnswerReviewItem(item))
	})
	return c
}

// activates activates and deactivates until it is told to stop, and returns how long each activation took, sorted.
func (c *storm) activates(ctx context.Context, who *stinttest.Person, assignment string) (took []time.Duration) {
	look, next := time.NewTicker(5*time.Millisecond), time.NewTicker(50*time.Millisecond)
	defer look.Stop()
	defer next.Stop()
	for ctx.Err() == nil {
		start := time.Now()
		id := who.Activate(assignment)
		took = append(took, time.Since(start))
		for len(took) > 0 && stinttest.Read(c.World, func(r *store.Reader) (pim.Activation, error) { return r.Activation(id) }).State != pim.ActiveConfirmed {
			<-look.C
		}
		who.Post("/activations/"+id+"/deactivate").Want(c, 303)
		<-next.C
	}
	slices.Sort(took)
	return took
}

// BenchmarkReviewApply takes away 10,000 activated assignments that were denied, at one target that answers in 5 ms, while
// somebody activates another role all the time. Goals: all of them seen gone within 60 s, and the p99 of activations at most
// twice that before. Run it with -benchtime 1x.
func BenchmarkReviewApply(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		c := newRemovals(b)
		alice := c.Person("alice").Ready()
		c.Role("other", stinttest.Rules{NoPasskey: true})
		assignment := c.Eligible("alice", "other", time.Time{})
		ctx, stop := context.WithCancel(context.Background())
		var beside sync.WaitGroup
		beside.Go(func() { c.run(ctx) })
		beside.Go(func() { c.Broker.Run(ctx) })
		idle, rest := context.WithTimeout(ctx, 15*time.Second)
		before := c.activates(idle, alice, assignment)
		rest()
		b.StartTimer()
		c.apply(b, alice, assignment, before)
		stop()
		beside.Wait()
	}
}

func (c *storm) apply(b *testing.B, alice *stinttest.Person, assignment string, before []time.Duration) {
	busy, done := context.WithCancel(context.Background())
	during := make(chan []time.Duration, 1)
	go func() { during <- c.activates(busy, alice, assignment) }()
	start, used, ended := time.Now(), cpu(), time.Duration(0)
	c.Do(func(tx *store.Tx) error {
		i, err := tx.ReviewInstance("i1")
		i.State, i.AppliedAt, i.AppliedBy = pim.ReviewApplying, tx.Now, "carol"
		return errors.Join(err, tx.SaveReviewInstance(i))
	})
	var left map[pim.ReviewResult]int64
	look := time.NewTicker(500 * time.Millisecond)
	defer look.Stop()
	for left == nil || left[pim.ResultRemoved] < removals {
		if time.Since(start) > 5*time.Minute {
			b.Fatalf("results are %v", left)
		}
		<-look.C
		left = stinttest.Read(c.World, func(r *store.Reader) (map[pim.ReviewResult]int64, error) { return r.ReviewResults("i1") })
		if ended == 0 && left[pim.ResultNone] == 0 {
			ended = time.Since(start)
		}
	}
	b.ReportMetric(ended.Seconds(), "s-ended")
	b.ReportMetric(time.Since(start).Seconds(), "s-seen-gone")
	b.ReportMetric((cpu() - used).Seconds(), "s-cpu")
	done()
	took := <-during
	b.ReportMetric(ms(before[len(before)*99/100]), "ms-activation-p99-idle")
	b.ReportMetric(ms(took[len(took)*99/100]), "ms-activation-p99")
}
