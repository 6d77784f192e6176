package broker_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"stint/internal/audit"
	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
)

// records are those of a download as maps.
func (c *court) records(who string, x broker.ReviewExport) ([]map[string]string, error) {
	c.Helper()
	all, err := c.b.ExportReview(c.ctx, c.as(who), x)
	if err != nil {
		return nil, err
	}
	var out []map[string]string
	for record, err := range all {
		c.ok(err)
		if slices.Equal(record, broker.ReviewHead) {
			continue
		}
		row := map[string]string{}
		for i, cell := range record {
			row[broker.ReviewHead[i]] = cell
		}
		out = append(out, row)
	}
	return out, nil
}

// legal replays the log: what it says of the review is a legal story.
func (c *court) legal() {
	c.Helper()
	stories := audit.NewStories()
	_, err := store.Read(c.ctx, c.b.Store(), func(r *store.Reader) (struct{}, error) {
		size, err := r.LogSize()
		for seq := int64(0); seq < size && err == nil; seq++ {
			var e store.EntryRow
			if e, err = r.Entry(seq); err == nil {
				err = stories.Replay(e.Entry)
			}
		}
		return struct{}{}, err
	})
	c.ok(err)
}

// W-85, W-95, W-101, AC-6(7): a download holds every line with its answer, who and when, what came of it and the entries
// that prove it, also of a review that runs; its cells are safe in a spreadsheet.
func TestReviewDownload(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.eligible("dan", "viewer", "org")
	c := d.court(nil, "alice-dba", "dan-viewer")
	_, err := c.b.Answer(c.ctx, c.as("bob"), broker.ReviewAnswers{InstanceID: c.id, Items: []broker.ReviewAnswerItem{{ID: "alice-dba", Answer: pim.AnswerDeny, Reason: "=1+1"}}})
	c.ok(err)
	running, err := c.records("carol", broker.ReviewExport{InstanceID: c.id})
	c.ok(err)
	if len(running) != 2 || running[0]["status"] != "in_progress" || running[1]["result"] != "not_reviewed" && running[0]["result"] != "not_reviewed" {
		t.Errorf("of a review that runs: %v", running)
	}
	c.over()
	c.legal()
	rows, err := c.records("carol", broker.ReviewExport{InstanceID: c.id, Answers: []pim.ReviewAnswer{pim.AnswerDeny}})
	c.ok(err)
	if len(rows) != 1 {
		t.Fatalf("%d denied", len(rows))
	}
	row := rows[0]
	for column, want := range map[string]string{"principal": "alice", "principal_type": "person", "role": "DBA", "resource": "Northwind", "kind": "eligible", "result": "deny", "reason": "'=1+1",
		"reviewer": "bob", "applied_by": "carol", "recommendation": "deny", "applied_result": "removed", "review_type": "role", "owner": "carol", "series_id": "series"} {
		if row[column] != want {
			t.Errorf("%s is %q, want %q", column, row[column], want)
		}
	}
	if row["reviewed_at"] == "" || row["applied_at"] == "" || row["gone_at"] == "" {
		t.Errorf("%v", row)
	}
	types := c.provedBy(row["proof"])
	if !slices.Contains(types, "review.decided") || !slices.Contains(types, "assignment.removed") || !slices.Contains(types, "review.applied") {
		t.Errorf("proved by %v", types)
	}
	plain, err := c.records("carol", broker.ReviewExport{InstanceID: c.id, Plain: true, Types: []string{"group"}})
	if c.ok(err); len(plain) != 0 {
		t.Errorf("%d of groups", len(plain))
	}
	if n := len(c.events(pim.EvReviewExported)); n != 3 {
		t.Errorf("%d downloads in the log", n)
	}
}

func (c *court) provedBy(numbers string) (types []string) {
	c.Helper()
	rows, err := store.Read(c.ctx, c.b.Store(), func(r *store.Reader) ([]string, error) {
		size, err := r.LogSize()
		var out []string
		for seq := int64(0); seq < size && err == nil; seq++ {
			var e store.EntryRow
			if e, err = r.Entry(seq); slices.Contains(strings.Fields(numbers), strconv.FormatInt(seq, 10)) {
				out = append(out, e.Type)
			}
		}
		return out, err
	})
	c.ok(err)
	return rows
}

// W-100: the report of a period holds what ended in it.
func TestReviewReportOfAPeriod(t *testing.T) {
	t.Parallel()
	c := newDesk(t).court(nil, "alice-dba")
	from := c.clock.Now()
	if r := c.says("bob", "alice-dba", pim.AnswerApprove); r != "" {
		t.Fatal(r)
	}
	c.over()
	to := c.clock.Now().Add(day)
	for name, x := range map[string]struct {
		export broker.ReviewExport
		n      int
	}{"around its end": {broker.ReviewExport{From: from, To: to}, 1}, "before": {broker.ReviewExport{From: from.Add(-day), To: from}, 0}, "after": {broker.ReviewExport{From: to, To: to.Add(day)}, 0}} {
		rows, err := c.records("carol", x.export)
		if c.ok(err); len(rows) != x.n {
			t.Errorf("%s: %d", name, len(rows))
		}
	}
	_, err := c.records("carol", broker.ReviewExport{From: to, To: from})
	wantRefusal(t, err, pim.KindInvalid, "to")
	_, err = c.records("bob", broker.ReviewExport{From: from, To: to})
	wantRefusal(t, err, pim.KindNotFound, "")
}

// T33: reviewers see the instances they are in, owners what is at theirs, those who audit everything; nobody else knows.
func TestReviewIsSeenByWhomItConcerns(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.active("erin", pim.RoleAuditor, pim.StintResource)
	d.do(func(tx *store.Tx) error {
		return errors.Join(tx.InsertPrincipal(pim.Principal{ID: "olga", Kind: pim.Person, Name: "olga", PersonID: "olga", Enabled: true, Source: pim.SourceFile}),
			tx.InsertPrincipal(pim.Principal{ID: "otto", Kind: pim.Person, Name: "otto", PersonID: "otto", Enabled: true, Source: pim.SourceFile}),
			tx.InsertResource(pim.Resource{ID: "beside", Kind: "organisation", Name: "Beside", Source: pim.SourceFile}))
	})
	d.active("olga", pim.RoleOwner, "org")
	d.active("otto", pim.RoleOwner, "beside")
	c := d.court(func(t *pim.ReviewTerms) { t.Scope.Resources = []string{"org"} }, "alice-dba")
	for who, want := range map[string]struct{ sees, reads, manages, reviews bool }{"bob": {true, false, false, true}, "erin": {true, true, false, true}, "carol": {true, true, true, false},
		"olga": {true, true, false, false}, "otto": {}, "alice": {}} {
		v, err := store.Read(c.ctx, c.b.Store(), func(r *store.Reader) (broker.ReviewSeen, error) {
			p, err := r.Principal(who)
			if err != nil {
				return broker.ReviewSeen{}, err
			}
			return broker.SeeReview(r, p, c.id)
		})
		if !want.sees {
			wantRefusal(t, err, pim.KindNotFound, "")
			continue
		}
		c.ok(err)
		if v.Reads != want.reads || v.Manages != want.manages || (len(v.Sets) > 0) != want.reviews {
			t.Errorf("%s: reads %v, manages %v, %d sets", who, v.Reads, v.Manages, len(v.Sets))
		}
		_, err = c.records(who, broker.ReviewExport{InstanceID: c.id})
		if want.reads != (err == nil) {
			t.Errorf("%s downloads: %v", who, err)
		}
	}
}
