package broker_test

import (
	"testing"
	"time"

	"stint/internal/pim"
)

// W-65, W-90: nothing changes before the end; then what was denied ends with what was activated by it, and is seen gone.
func TestReviewTakesAwayWhatWasDenied(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.eligible("dan", "viewer", "org")
	c := d.court(nil, "alice-dba", "alice-vault", "dan-viewer")
	id := c.activate("alice", "alice-dba", 30*time.Minute)
	c.tick()
	for item, a := range map[string]pim.ReviewAnswer{"alice-dba": pim.AnswerDeny, "alice-vault": pim.AnswerApprove, "dan-viewer": pim.AnswerDontKnow} {
		if r := c.says("bob", item, a); r != "" {
			t.Fatal(r)
		}
	}
	c.tick()
	if !c.member("alice") || c.instance().Counts != (pim.ReviewCounts{Items: 3, Approved: 1, Denied: 1, DontKnow: 1}) {
		t.Fatalf("before the end: held %v, %+v", c.member("alice"), c.instance().Counts)
	}
	c.over()
	c.came("alice-dba", pim.ResultRemoved, "")
	c.came("alice-vault", pim.ResultKept, "")
	c.came("dan-viewer", pim.ResultKept, "")
	if c.member("alice") || c.activation(id).State != pim.EligibilityEnded || c.assignment("alice-dba").EndedAt.IsZero() {
		t.Errorf("held %v, %s", c.member("alice"), c.activation(id).State)
	}
	if i := c.item("alice-dba"); i.GoneAt.IsZero() || c.instance().State != pim.ReviewApplied {
		t.Errorf("gone at %v, %s", i.GoneAt, c.instance().State)
	}
}
