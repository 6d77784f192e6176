package broker_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stint/internal/audit"
	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// Applying is idempotent and free of order: whatever was answered, in whatever order and pieces it is applied, again and
// again, the same stands at the end; nothing outside of what was frozen changes; and the counts of the page, of the
// download and of the log agree.
func TestReviewApplyingIsIdempotentAndFreeOfOrder(t *testing.T) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue { // each opens two databases
		if err := flag.Set("rapid.checks", "6"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = flag.Set("rapid.checks", checks.DefValue) })
	}
	all := []string{"alice-dba", "alice-vault", "carol-viewer", "dan-viewer", "carol-admin", "dan-admin", "erin-active-viewer"}
	rapid.Check(t, func(rt *rapid.T) {
		items := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, len(all), rapid.ID[string]).Draw(rt, "frozen")
		answers := map[string]pim.ReviewAnswer{}
		for _, i := range items {
			answers[i] = rapid.SampledFrom(append([]pim.ReviewAnswer{pim.AnswerNone}, pim.AnswerApprove, pim.AnswerDeny, pim.AnswerDeny, pim.AnswerDontKnow)).Draw(rt, i)
		}
		gone := rapid.SliceOfDistinct(rapid.SampledFrom(items), rapid.ID[string]).Draw(rt, "gone meanwhile")
		gone = slices.DeleteFunc(gone, func(id string) bool { return strings.HasSuffix(id, "-admin") })
		anew := rapid.SliceOfDistinct(rapid.SampledFrom(items), rapid.ID[string]).Draw(rt, "given again meanwhile")
		anew = slices.DeleteFunc(anew, func(id string) bool { return slices.Contains(gone, id) || strings.HasSuffix(id, "-admin") })
		var ends []string
		for range 2 {
			c, before := judgedCourt(t, items, answers, gone, anew)
			c.over()
			once := c.stands(all)
			for range 3 { // again
				c.settle()
			}
			if again := c.stands(all); !maps.Equal(once, again) {
				rt.Fatalf("applied again: %v, then %v", once, again)
			}
			c.outside(rt, items, anew, before)
			c.agree(rt)
			c.legal()
			ends = append(ends, fmt.Sprint(c.results()))
			slices.Reverse(items)
		}
		if ends[0] != ends[1] {
			rt.Fatalf("in another order: %s, then %s", ends[0], ends[1])
		}
	})
}

func judgedCourt(t *testing.T, items []string, answers map[string]pim.ReviewAnswer, gone, anew []string) (*court, map[string]string) {
	d := newDesk(t, false)
	d.eligible("carol", "viewer", "org")
	d.eligible("dan", "viewer", "org")
	d.active("erin", "viewer", "org")
	d.active("erin", pim.RoleAuditor, pim.StintResource) // reads it whoever is an administrator then
	c := d.court(nil, items...)
	for _, i := range items {
		if a := answers[i]; a != pim.AnswerNone {
			who := "bob"
			if strings.HasPrefix(i, "bob") {
				who = "erin"
			}
			if r := c.says(who, i, a); r != "" {
				t.Fatal(r)
			}
		}
	}
	c.clock.add(time.Minute)
	c.do(func(tx *store.Tx) error {
		for _, id := range anew {
			a, err := tx.Assignment(id)
			a.StartsAt = tx.Now
			if err := errors.Join(err, tx.UpdateAssignment(a)); err != nil {
				return err
			}
		}
		for _, id := range gone {
			a, err := tx.Assignment(id)
			if err == nil {
				err = tx.EndAssignment(a, false)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return c, c.stands([]string{"alice-dba", "alice-vault", "carol-viewer", "dan-viewer", "carol-admin", "dan-admin", "erin-active-viewer"})
}

// stands is how assignments stand.
func (c *court) stands(ids []string) map[string]string {
	out := map[string]string{}
	for _, id := range ids {
		a := c.assignment(id)
		out[id] = fmt.Sprint(a.Kind, a.EndedAt.IsZero(), a.EndsAt, a.Version)
	}
	return out
}

// outside fails when something that was not frozen, not denied or given again since is not as it was.
func (c *court) outside(rt *rapid.T, items, anew []string, before map[string]string) {
	for id, now := range c.stands(slices.Collect(maps.Keys(before))) {
		denied := slices.Contains(items, id) && !slices.Contains(anew, id) && c.item(id).Answer == pim.AnswerDeny
		if !denied && now != before[id] {
			rt.Fatalf("%s was not denied and changed: %s, then %s", id, before[id], now)
		}
	}
}

// results counts what came of the items. Of several administrators one stays: which one is a matter of order.
func (c *court) results() map[pim.ReviewResult]int64 {
	c.Helper()
	n, err := store.Read(c.ctx, c.b.Store(), func(r *store.Reader) (map[pim.ReviewResult]int64, error) { return r.ReviewResults(c.id) })
	c.ok(err)
	return n
}

// agree holds the counts of the page, of the download and of the log against each other.
func (c *court) agree(rt *rapid.T) {
	var csv, log pim.ReviewCounts
	records, err := c.b.ExportReview(c.ctx, c.as("erin"), broker.ReviewExport{InstanceID: c.id})
	c.ok(err)
	results, at := map[pim.ReviewResult]int64{}, map[string]int{}
	for i, name := range broker.ReviewHead {
		at[name] = i
	}
	first := true
	for record, err := range records {
		c.ok(err)
		if first {
			first = false
			continue
		}
		csv.Items++
		csv.Add(pim.ReviewAnswer(record[at["result"]]), 1)
		results[pim.ReviewResult(record[at["applied_result"]])]++
		if record[at["result"]] == "deny" && len(strings.Fields(record[at["proof"]])) < 2 {
			rt.Fatalf("no proof of %v", record)
		}
	}
	last := map[string]audit.Entry{}
	for _, e := range c.events(pim.EvReviewDecided) {
		last[e.ObjectID] = e.Entry
	}
	for _, e := range last {
		log.Add(pim.ReviewAnswer(e.Facts["answer"].(string)), 1)
	}
	page := c.instance().Counts
	log.Items = page.Items
	if page != csv || page != log || !maps.Equal(results, c.results()) {
		rt.Fatalf("the page says %+v %v, the download %+v %v, the log %+v", page, c.results(), csv, results, log)
	}
	logged := map[pim.ReviewResult]int64{}
	for id, result := range c.logged() {
		if c.item(id).Result != result {
			rt.Fatalf("%s is %s, the log says %s", id, c.item(id).Result, result)
		}
		logged[result]++
	}
	for r, n := range results {
		if r != pim.ResultKept && logged[r] != n {
			rt.Fatalf("%d are %s, the log says %d", n, r, logged[r])
		}
	}
	for _, e := range c.events(pim.EvReviewFinished) {
		for r, n := range results {
			if e.Facts[string(r)] != n {
				rt.Fatalf("the last entry says %v of %s, there are %d", e.Facts[string(r)], r, n)
			}
		}
	}
}

// logged is what the log says last of each item that was applied.
func (c *court) logged() map[string]pim.ReviewResult {
	out, seq := map[string]pim.ReviewResult{}, map[string]int64{}
	for _, e := range c.events(pim.EvReviewItemApplied) {
		if e.Seq > seq[e.ObjectID] || seq[e.ObjectID] == 0 {
			out[e.ObjectID], seq[e.ObjectID] = pim.ReviewResult(e.Facts["applied"].(string)), e.Seq
		}
	}
	return out
}
