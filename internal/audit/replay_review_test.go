package audit_test

import (
	"strings"
	"testing"

	"stint/internal/audit"
)

func reviewEntry(seq int64, what, item, actor, subject string, facts map[string]any) audit.Entry {
	return audit.Entry{Seq: seq, Type: "review." + what, Correlation: "r", ObjectID: item, Actor: actor, Subject: subject, Result: "ok", Facts: facts}
}

// T20: what a review took away was decided so, while it ran, by somebody else, and once.
func TestReplayReview(t *testing.T) {
	t.Parallel()
	deny, approve := map[string]any{"answer": "deny"}, map[string]any{"answer": "approve"}
	as := func(result string) map[string]any { return map[string]any{"applied": result} }
	start := []audit.Entry{reviewEntry(1, "started", "r", "system", "", nil), reviewEntry(2, "decided", "i", "bob", "alice", deny)}
	end := []audit.Entry{reviewEntry(3, "ended", "r", "system", "", nil), reviewEntry(4, "applying", "r", "carol", "", nil)}
	join := func(lists ...[]audit.Entry) (all []audit.Entry) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	one := func(e audit.Entry) []audit.Entry { return []audit.Entry{e} }
	for name, c := range map[string]struct {
		entries []audit.Entry
		wrong   string
	}{
		"decided, ended, removed, seen gone, finished": {join(start, end, one(reviewEntry(5, "applied", "i", "system", "alice", as("removing"))), one(reviewEntry(6, "applied", "i", "system", "alice", as("removed"))),
			one(reviewEntry(7, "finished", "r", "system", "", nil))), ""},
		"the last answer counts":    {join(start, one(reviewEntry(3, "decided", "i", "erin", "alice", approve)), end, one(reviewEntry(6, "applied", "i", "system", "alice", as("removed")))), "nobody denied it"},
		"removed without an answer": {join(start, end, one(reviewEntry(5, "applied", "j", "system", "alice", as("removing")))), "nobody denied it"},
		"removed by silence":        {join(start, one(reviewEntry(3, "decided", "j", "system", "dan", map[string]any{"answer": "deny", "as": "silence"})), end, one(reviewEntry(6, "applied", "j", "system", "dan", as("removed")))), ""},
		"gone before":               {join(start, end, one(reviewEntry(5, "applied", "i", "system", "alice", as("gone")))), ""},
		"twice":                     {join(start, end, one(reviewEntry(5, "applied", "i", "system", "alice", as("removed"))), one(reviewEntry(6, "applied", "i", "system", "alice", as("removed")))), "applied before"},
		"an answer after the end":   {join(start, end, one(reviewEntry(5, "decided", "i", "bob", "alice", approve))), "only while it runs"},
		"applied before the end":    {join(start, one(reviewEntry(3, "applied", "i", "system", "alice", as("removed")))), "not being applied"},
		"own access":                {join(start, one(reviewEntry(3, "decided", "k", "bob", "bob", approve))), "their own access"},
		"own access, where asked":   {join(start, one(reviewEntry(3, "decided", "k", "bob", "bob", map[string]any{"answer": "approve", "as": "own"}))), ""},
		"reset, and then removed":   {join(start, one(reviewEntry(3, "reset", "r", "carol", "", nil)), end, one(reviewEntry(6, "applied", "i", "system", "alice", as("removed")))), "nobody denied it"},
		"reset in the second stage, and removed by the first": {join(start, one(reviewEntry(3, "stage_ended", "r", "system", "", map[string]any{"stage": int64(0)})),
			one(reviewEntry(4, "reset", "r", "carol", "", nil)), end, one(reviewEntry(7, "applied", "i", "system", "alice", as("removed")))), ""},
		"never started":  {one(reviewEntry(1, "decided", "i", "bob", "alice", deny)), "only while it runs"},
		"applying twice": {join(start, end, one(reviewEntry(5, "applying", "r", "carol", "", nil))), "has not ended"},
	} {
		s, said := audit.NewStories(), ""
		for _, e := range c.entries {
			if err := s.Replay(e); err != nil {
				said += err.Error() + "\n"
			}
		}
		if c.wrong == "" && said != "" || c.wrong != "" && !strings.Contains(said, c.wrong) {
			t.Errorf("%s: %q, want %q", name, said, c.wrong)
		}
	}
}
