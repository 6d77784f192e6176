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

// T16: answers that are refused leave as many entries as other refusals do, however many are sent.
func TestReviewRefusedAnswersAreCounted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.eligible("bob", "viewer", "org")
	c := d.court(nil, "bob-viewer")
	for range 60 {
		if r := c.says("bob", "bob-viewer", pim.AnswerApprove); !strings.Contains(r, "Nobody reviews their own access") {
			t.Fatalf("answered: %q", r)
		}
	}
	if n := len(c.events(pim.EvReviewRefused)); n == 0 || n > 20 {
		t.Errorf("60 refused answers left %d entries", n)
	}
}

// W-26, W-84: reviewers are added to every set of a stage, however many there are.
func TestReviewersAreAddedToEverySet(t *testing.T) {
	t.Parallel()
	c := newDesk(t).court(nil, "alice-dba")
	c.do(func(tx *store.Tx) error {
		for n := range 12 {
			s := pim.ReviewSet{ID: fmt.Sprint("more", n), InstanceID: c.id, Members: []pim.ReviewSetMember{{PrincipalID: "bob", PersonID: "bob"}}}
			if err := errors.Join(tx.InsertReviewSet(s, s.ID), tx.CountReviewSet(s.ID, 1, 0)); err != nil {
				return err
			}
		}
		return nil
	})
	_, err := c.b.AddReviewers(c.ctx, c.as("carol"), broker.ReviewerAddition{InstanceID: c.id, Version: c.instance().Version, People: []string{"dan"}}, "")
	c.ok(err)
	if n := len(look(c.desk, func(r *store.Reader) ([]pim.ReviewSet, error) { return r.ReviewSetsOf(c.id, 0, "dan") })); n != 13 {
		t.Errorf("dan is in %d sets of 13", n)
	}
}

// EC-23, W-62: an answer to a line of which no version was shown does not override what was answered meanwhile.
func TestReviewAnswerWithoutAVersion(t *testing.T) {
	t.Parallel()
	c := newDesk(t).court(nil, "alice-dba")
	if r := c.says("bob", "alice-dba", pim.AnswerApprove); r != "" {
		t.Fatal(r)
	}
	q := broker.ReviewAnswerItem{ID: "alice-dba", Answer: pim.AnswerDeny, Reason: "no"}
	out, err := c.b.Answer(c.ctx, c.as("erin"), broker.ReviewAnswers{InstanceID: c.id, Items: []broker.ReviewAnswerItem{q}})
	if c.ok(err); !strings.Contains(out.Refused["alice-dba"], "in the meantime") || c.item("alice-dba").Answer != pim.AnswerApprove {
		t.Errorf("%+v", out)
	}
}

// W-44: whoever takes over is told, also where others handed the same to them before.
func TestReviewHandOverTellsEveryTime(t *testing.T) {
	t.Parallel()
	c := newDesk(t).court(nil, "alice-dba", "alice-vault")
	told := func() (n int) {
		for _, words := range c.noticesOf("dan") {
			if strings.Contains(words, "asks you to review") {
				n++
			}
		}
		return n
	}
	for n, item := range []string{"alice-dba", "alice-vault"} {
		out, err := c.b.HandOver(c.ctx, c.as("bob"), broker.ReviewHandOver{InstanceID: c.id, Items: []string{item}, To: "dan", Reason: "on leave"})
		if c.ok(err); out.Done != 1 || told() != n+1 {
			t.Errorf("%s: %+v, told %d times", item, out, told())
		}
		c.clock.add(time.Minute)
	}
	if c.item("alice-dba").SetID != c.item("alice-vault").SetID {
		t.Error("two sets of the same people")
	}
}
