package broker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

func (c *court) history(item string) (out []string) {
	c.Helper()
	all, err := store.Read(c.ctx, c.b.Store(), func(r *store.Reader) (map[string][]pim.ReviewDecision, error) {
		return r.ReviewDecisions([]string{item})
	})
	c.ok(err)
	for _, d := range all[item] {
		out = append(out, fmt.Sprintf("%s %s%s", d.By, d.Answer, d.As))
	}
	return out
}

// recount holds the counters against the items themselves.
func (c *court) recount() {
	c.Helper()
	counted, err := store.Read(c.ctx, c.b.Store(), func(r *store.Reader) (pim.ReviewCounts, error) { return r.ReviewCounted(c.id) })
	c.ok(err)
	if got := c.instance().Counts; got != counted {
		c.Errorf("the counters say %+v, the items %+v", got, counted)
	}
	bySet := map[string][2]int64{}
	items, err := store.Read(c.ctx, c.b.Store(), func(r *store.Reader) ([]pim.ReviewItem, error) { return r.ReviewItemsAfter(c.id, "", 1000) })
	c.ok(err)
	for _, i := range items {
		n := bySet[i.SetID]
		n[0]++
		if i.Answer != pim.AnswerNone {
			n[1]++
		}
		bySet[i.SetID] = n
	}
	for id, n := range bySet {
		set, err := store.Read(c.ctx, c.b.Store(), func(r *store.Reader) (pim.ReviewSet, error) { return r.ReviewSet(id) })
		c.ok(err)
		if set.Items != n[0] || set.Decided != n[1] {
			c.Errorf("set %s says %d of %d, its items %d of %d", id, set.Decided, set.Items, n[1], n[0])
		}
	}
}

// W-61, W-62, W-63, EC-23: the last answer counts, whoever gave it, until the end; everyone's history stays.
func TestReviewTheLastAnswerCounts(t *testing.T) {
	t.Parallel()
	c := newDesk(t).court(nil, "alice-dba", "alice-vault")
	for _, step := range []struct {
		who string
		a   pim.ReviewAnswer
	}{{"bob", pim.AnswerDeny}, {"erin", pim.AnswerApprove}, {"bob", pim.AnswerDontKnow}, {"bob", pim.AnswerDontKnow}} {
		if r := c.says(step.who, "alice-dba", step.a); r != "" {
			t.Fatal(r)
		}
		c.recount()
	}
	if h := strings.Join(c.history("alice-dba"), ", "); h != "bob deny, erin approve, bob dont_know" {
		t.Errorf("history: %s", h)
	}
	if i := c.item("alice-dba"); i.Answer != pim.AnswerDontKnow || i.DecidedBy != "bob" || i.Reason != "because" {
		t.Errorf("%+v", i)
	}
	if n := len(c.events(pim.EvReviewDecided)); n != 3 {
		t.Errorf("%d entries; the same answer again is none", n)
	}
	if e := c.events(pim.EvReviewDecided)[0]; e.Correlation != c.id || e.ObjectID != "alice-dba" || e.Subject != "alice" || e.RoleID != "dba" || e.Texts["reason"] != "because" {
		t.Errorf("%+v", e)
	}
}

// EC-23: two reviewers on one row at once: the second one sees what the first one said before overriding it.
func TestReviewTwoReviewersOnOneRow(t *testing.T) {
	t.Parallel()
	c := newDesk(t).court(nil, "alice-dba")
	shown := c.item("alice-dba").Version
	answer := func(who string, a pim.ReviewAnswer, version int64) string {
		out, err := c.b.Answer(c.ctx, c.as(who), broker.ReviewAnswers{InstanceID: c.id, Items: []broker.ReviewAnswerItem{{ID: "alice-dba", Version: version, Answer: a}}})
		c.ok(err)
		return out.Refused["alice-dba"]
	}
	if r := answer("bob", pim.AnswerDeny, shown); r != "" {
		t.Fatal(r)
	}
	if r := answer("erin", pim.AnswerApprove, shown); !strings.HasPrefix(r, "Bob answered Deny in the meantime") {
		t.Errorf("overridden unseen: %q", r)
	}
	if r := answer("bob", pim.AnswerDontKnow, shown); r != "" { // their own, from another tab
		t.Errorf("own answer not changed: %q", r)
	}
	if r := answer("erin", pim.AnswerApprove, c.item("alice-dba").Version); r != "" {
		t.Errorf("seen, and not taken: %q", r)
	}
	c.recount()
}

// W-65, W-67, W-43 and 404: what is refused, to whom, and in which words.
func TestReviewRefusesAnswers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.eligible("bob", "viewer", "org")
	d.active("alice", "viewer", "org")
	c := d.court(func(t *pim.ReviewTerms) { t.NeedReason = true }, "alice-dba", "bob-viewer", "alice-active-viewer")
	answer := func(who, item string, a broker.ReviewAnswerItem) (string, error) {
		a.ID = item
		out, err := c.b.Answer(c.ctx, c.as(who), broker.ReviewAnswers{InstanceID: c.id, Items: []broker.ReviewAnswerItem{a}})
		return out.Refused[item], err
	}
	after := c.instance().EndsAt.Add(time.Hour)
	for name, x := range map[string]struct {
		who, item string
		a         broker.ReviewAnswerItem
		refused   string
	}{
		"own access":                    {"bob", "bob-viewer", broker.ReviewAnswerItem{Answer: pim.AnswerApprove, Reason: "x"}, "Nobody reviews their own access. erin decides."},
		"no reason":                     {"bob", "alice-dba", broker.ReviewAnswerItem{Answer: pim.AnswerApprove, Reason: " "}, "Give a reason"},
		"no reason to deny":             {"bob", "alice-dba", broker.ReviewAnswerItem{Answer: pim.AnswerDeny}, "Give a reason"},
		"none needed":                   {"bob", "alice-dba", broker.ReviewAnswerItem{Answer: pim.AnswerDontKnow}, ""},
		"no answer":                     {"bob", "alice-dba", broker.ReviewAnswerItem{Answer: "remove", Reason: "x"}, "Choose one of the answers"},
		"shrink to nothing":             {"bob", "alice-dba", broker.ReviewAnswerItem{Answer: pim.AnswerShrink, Reason: "x"}, "Choose what is left"},
		"eligible is eligible":          {"bob", "alice-dba", broker.ReviewAnswerItem{Answer: pim.AnswerShrink, Reason: "x", Shrink: pim.ShrinkTo{How: pim.ShrinkEligible}}, "does not become less that way"},
		"an end before the review ends": {"bob", "alice-dba", broker.ReviewAnswerItem{Answer: pim.AnswerShrink, Reason: "x", Shrink: pim.ShrinkTo{How: pim.ShrinkEnd, EndsAt: c.clock.Now()}}, "after the review is over"},
		"a resource above":              {"bob", "alice-dba", broker.ReviewAnswerItem{Answer: pim.AnswerShrink, Reason: "x", Shrink: pim.ShrinkTo{How: pim.ShrinkScope, ResourceID: "stint"}}, "below the one"},
		"a shrink with another answer":  {"bob", "alice-dba", broker.ReviewAnswerItem{Answer: pim.AnswerDeny, Reason: "x", Shrink: pim.ShrinkTo{How: pim.ShrinkEnd, EndsAt: after}}, "Only Shrink"},
		"an end":                        {"bob", "alice-dba", broker.ReviewAnswerItem{Answer: pim.AnswerShrink, Reason: "x", Shrink: pim.ShrinkTo{How: pim.ShrinkEnd, EndsAt: after}}, ""},
		"a resource below":              {"bob", "alice-dba", broker.ReviewAnswerItem{Answer: pim.AnswerShrink, Reason: "x", Shrink: pim.ShrinkTo{How: pim.ShrinkScope, ResourceID: "prod"}}, ""},
		"eligible instead of active":    {"bob", "alice-active-viewer", broker.ReviewAnswerItem{Answer: pim.AnswerShrink, Reason: "x", Shrink: pim.ShrinkTo{How: pim.ShrinkEligible}}, ""},
		"no such line":                  {"bob", "elsewhere", broker.ReviewAnswerItem{Answer: pim.AnswerDeny, Reason: "x"}, "There is nothing here"},
		"not theirs, seen by the other": {"erin", "bob-viewer", broker.ReviewAnswerItem{Answer: pim.AnswerApprove, Reason: "x"}, ""},
	} {
		r, err := answer(x.who, x.item, x.a)
		if err != nil || x.refused == "" && r != "" || !strings.Contains(r, x.refused) {
			t.Errorf("%s: %q, %v; want %q", name, r, err, x.refused)
		}
	}
	_, err := answer("alice", "alice-dba", broker.ReviewAnswerItem{Answer: pim.AnswerApprove, Reason: "x"})
	wantRefusal(t, err, pim.KindNotFound, "")
	_, err = answer("carol", "alice-dba", broker.ReviewAnswerItem{Answer: pim.AnswerApprove, Reason: "x"})
	wantRefusal(t, err, pim.KindForbidden, "")
	if e := c.events(pim.EvReviewRefused); len(e) == 0 || e[0].Facts["why"] != "own" || e[0].Result != "refused" {
		t.Errorf("the refusal of their own access is no entry: %d", len(e))
	}
	c.recount()
}

// W-65, M-06: an answer in the instant of the end comes too late, one before it counts, and the words say which.
func TestReviewAnswerInTheInstantOfTheEnd(t *testing.T) {
	t.Parallel()
	c := newDesk(t).court(nil, "alice-dba")
	end := c.instance().EndsAt
	c.clock.add(end.Add(-time.Microsecond).Sub(c.clock.Now()))
	if r := c.says("bob", "alice-dba", pim.AnswerDeny); r != "" {
		t.Fatal(r)
	}
	c.clock.add(time.Microsecond)
	_, err := c.b.Answer(c.ctx, c.as("erin"), broker.ReviewAnswers{InstanceID: c.id, Items: []broker.ReviewAnswerItem{{ID: "alice-dba", Answer: pim.AnswerApprove}}})
	if wrong := isRefused(err, pim.KindConflict, "came too late"); wrong != nil {
		t.Error(wrong)
	}
	if i := c.item("alice-dba"); i.Answer != pim.AnswerDeny {
		t.Errorf("%s", i.Answer)
	}
	if e := c.events(pim.EvReviewRefused); len(e) != 1 || e[0].Facts["why"] != "over" {
		t.Errorf("%d refusals in the log", len(e))
	}
}

// W-64: what is recommended fills only what is open, on a selection and on all; nobody accepts for their own access.
func TestReviewAcceptRecommendations(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.eligible("bob", "viewer", "org")
	d.eligible("dan", "viewer", "org")
	c := d.court(func(t *pim.ReviewTerms) { t.NeedReason = true }, "alice-dba", "alice-vault", "bob-viewer", "dan-viewer")
	if r := c.says("erin", "alice-dba", pim.AnswerApprove); r != "" {
		t.Fatal(r)
	}
	out, err := c.b.AcceptRecommendations(c.ctx, c.as("bob"), c.id, []string{"alice-dba", "dan-viewer"})
	c.ok(err)
	if out.Done != 1 || c.item("alice-dba").Answer != pim.AnswerApprove || c.item("dan-viewer").Answer != pim.AnswerDeny {
		t.Errorf("a selection: %+v", out)
	}
	out, err = c.b.AcceptRecommendations(c.ctx, c.as("bob"), c.id, nil)
	c.ok(err)
	if out.Done != 1 || c.item("alice-vault").DecidedAs != pim.AsRecommendation || c.item("bob-viewer").Answer != pim.AnswerNone {
		t.Errorf("all open ones: %+v", out)
	}
	c.recount()
}

// Handing over moves what waits for a reviewer, with a reason; the others of the set still review, and the answers stay.
func TestReviewHandOver(t *testing.T) {
	t.Parallel()
	c := newDesk(t).court(nil, "alice-dba", "alice-vault")
	if r := c.says("bob", "alice-dba", pim.AnswerDeny); r != "" {
		t.Fatal(r)
	}
	for to, words := range map[string]string{"bob": "That is yourself", "alice": "nobody reviews their own", "empty": "can sign in", "nobody": "from the list"} {
		out, err := c.b.HandOver(c.ctx, c.as("bob"), broker.ReviewHandOver{InstanceID: c.id, Items: []string{"alice-dba"}, To: to, Reason: "on leave"})
		c.ok(err)
		if !strings.Contains(out.Refused["alice-dba"], words) {
			t.Errorf("to %s: %q", to, out.Refused["alice-dba"])
		}
	}
	_, err := c.b.HandOver(c.ctx, c.as("bob"), broker.ReviewHandOver{InstanceID: c.id, To: "dan"})
	wantRefusal(t, err, pim.KindInvalid, "reason")
	out, err := c.b.HandOver(c.ctx, c.as("bob"), broker.ReviewHandOver{InstanceID: c.id, To: "dan", Reason: "on leave"})
	c.ok(err)
	c.recount()
	if i := c.item("alice-dba"); out.Done != 2 || i.Answer != pim.AnswerDeny || i.SetID == "set" || c.item("alice-vault").SetID != i.SetID {
		t.Errorf("%+v, %+v", out, i)
	}
	for who, may := range map[string]bool{"bob": false, "erin": true, "dan": true} {
		answers, err := c.b.Answer(c.ctx, c.as(who), broker.ReviewAnswers{InstanceID: c.id, Items: []broker.ReviewAnswerItem{{ID: "alice-vault", Version: c.item("alice-vault").Version, Answer: pim.AnswerApprove}}})
		c.ok(err)
		if may != (answers.Refused["alice-vault"] == "") {
			t.Errorf("%s: %v", who, answers.Refused)
		}
	}
	if h := strings.Join(c.history("alice-dba"), ", "); h != "bob deny, bob delegation" {
		t.Errorf("history: %s", h)
	}
	if e := c.events(pim.EvReviewHandedOver); len(e) != 2 || e[0].Facts["to"] != "dan" || e[0].Texts["reason"] != "on leave" {
		t.Errorf("%d entries", len(e))
	}
}
