package broker_test

import (
	"errors"
	"strings"
	"testing"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// W-67, T10: what a group holds is the own access of who is in it: they do not answer about it, nor choose who does; where
// all reviewers are in it others review; who was in it at the start is not let off by leaving, and who joins later is held.
func TestReviewOfOnesOwnGroup(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.group("inner", "bob")
	d.group("ops")
	d.do(func(tx *store.Tx) error {
		return tx.AddMember(pim.Membership{GroupID: "ops", MemberID: "inner", Source: pim.SourceBrowser})
	})
	d.eligible("ops", "dba", "org")
	alone := d.begins(func(s *broker.ReviewSave) {
		s.Name, s.Terms.Stages = "Alone", []pim.ReviewStage{{Kind: pim.ReviewersChosen, People: []string{"bob"}, Fallback: []string{"erin"}, Days: 3}}
	})
	if got := d.reviewersOf(d.lines(alone)["ops-dba"], 0); got != "erin" {
		t.Errorf("all reviewers are in the group, and %q review it", got)
	}
	i := d.begins(nil)
	c, line := &court{d, i.ID}, d.lines(i)["ops-dba"]
	if got := d.reviewersOf(line, 0); got != "bob erin" || strings.Join(line.Frozen.Within, " ") != "bob" {
		t.Fatalf("reviewed by %q, of them in it %v", got, line.Frozen.Within)
	}
	refused := func(who, when string) {
		t.Helper()
		if r := c.says(who, line.ID, pim.AnswerApprove); !strings.Contains(r, "Nobody reviews their own access") || !strings.Contains(r, "in this group") {
			t.Errorf("%s: answered: %q", when, r)
		}
		out, err := c.b.AcceptRecommendations(c.ctx, c.as(who), i.ID, []string{line.ID})
		if c.ok(err); out.Done != 0 {
			t.Errorf("%s: accepted", when)
		}
		out, err = c.b.HandOver(c.ctx, c.as(who), broker.ReviewHandOver{InstanceID: i.ID, Items: []string{line.ID}, To: "dan", Reason: "a friend"})
		if c.ok(err); !strings.Contains(out.Refused[line.ID], "not yours to choose") {
			t.Errorf("%s: handed over: %+v", when, out)
		}
	}
	refused("bob", "nested")
	out, err := c.b.HandOver(c.ctx, c.as("erin"), broker.ReviewHandOver{InstanceID: i.ID, Items: []string{line.ID}, To: "bob", Reason: "on leave"})
	if c.ok(err); !strings.Contains(out.Refused[line.ID], "in this group") {
		t.Errorf("handed to a member: %+v", out)
	}
	d.do(func(tx *store.Tx) error {
		return errors.Join(tx.RemoveMember(pim.Membership{GroupID: "inner", MemberID: "bob", Source: pim.SourceBrowser}),
			tx.AddMember(pim.Membership{GroupID: "ops", MemberID: "erin", Source: pim.SourceBrowser}))
	})
	refused("bob", "who left")
	refused("erin", "who joined")
	d.do(func(tx *store.Tx) error {
		return tx.RemoveMember(pim.Membership{GroupID: "ops", MemberID: "erin", Source: pim.SourceBrowser})
	})
	if r := c.says("erin", line.ID, pim.AnswerApprove); r != "" {
		t.Errorf("who was not in it at the start and is not now: %q", r)
	}
}
