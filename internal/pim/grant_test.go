package pim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A pattern of states: before, seen, wanted, adopted, lost, unsure (an unknown outcome may still surface)
// and, for events, confirmed. "*" stands for every value. Each state matches exactly one row.

// nextTable says for every state what comes next after a fresh look, and what an ended need is told.
const nextTable = `
before  seen    wanted adopted lost unsure | next   outcome
*       unknown *      *       *    *      | look   -
unknown present yes    *       *    *      | look   shared
unknown present no     *       *    *      | look   -
unknown absent  yes    *       *    *      | look   -
unknown absent  no     *       no   no     | rest   gone
unknown absent  no     *       no   yes    | look   -
unknown absent  no     *       yes  no     | rest   gone
unknown absent  no     *       yes  yes    | rest   -
absent  present yes    *       *    *      | rest   shared
absent  present no     *       no   *      | revoke -
absent  present no     *       yes  *      | rest   -
present present yes    *       *    *      | rest   shared
present present no     no      *    *      | rest   before
present present no     yes     no   *      | revoke -
present present no     yes     yes  *      | rest   -
absent  absent  yes    *       no   *      | grant  -
absent  absent  yes    *       yes  *      | rest   -
absent  absent  no     *       no   no     | rest   gone
absent  absent  no     *       no   yes    | look   -
absent  absent  no     *       yes  no     | rest   gone
absent  absent  no     *       yes  yes    | rest   -
present absent  yes    *       no   *      | grant  -
present absent  yes    *       yes  *      | rest   -
present absent  no     *       no   no     | rest   gone
present absent  no     *       no   yes    | look   -
present absent  no     *       yes  no     | rest   gone
present absent  no     *       yes  yes    | rest   -
unknown unseen  yes    *       *    *      | look   -
unknown unseen  no     yes     *    *      | look   -
unknown unseen  no     no      *    *      | rest   nothing
absent  unseen  *      *       *    *      | look   -
present unseen  *      *       *    *      | look   -
`

// eventTable says for every state and event what changes; "-" is nothing. A new beginning is a need that
// comes when all is settled.
const eventTable = `
event           before  seen    wanted adopted lost unsure confirmed | changes
needed          *       *       yes    *       no   *      *         | -
needed          *       *       yes    *       yes  *      *         | lost=no confirmed=no
needed          *       unknown no     *       *    *      *         | wanted=yes lost=no confirmed=no
needed          unknown present no     *       *    *      *         | wanted=yes lost=no confirmed=no
needed          unknown absent  no     *       no   yes    *         | wanted=yes lost=no confirmed=no
needed          unknown absent  no     *       no   no     *         | wanted=yes lost=no confirmed=no before=unknown adopted=no
needed          unknown absent  no     *       yes  *      *         | wanted=yes lost=no confirmed=no before=unknown adopted=no
needed          absent  present no     *       no   *      *         | wanted=yes lost=no confirmed=no
needed          absent  present no     *       yes  *      *         | wanted=yes lost=no confirmed=no before=unknown adopted=no
needed          present present no     no      *    *      *         | wanted=yes lost=no confirmed=no before=unknown adopted=no
needed          present present no     yes     no   *      *         | wanted=yes lost=no confirmed=no
needed          present present no     yes     yes  *      *         | wanted=yes lost=no confirmed=no before=unknown adopted=no
needed          absent  absent  no     *       no   yes    *         | wanted=yes lost=no confirmed=no
needed          absent  absent  no     *       no   no     *         | wanted=yes lost=no confirmed=no before=unknown adopted=no
needed          absent  absent  no     *       yes  *      *         | wanted=yes lost=no confirmed=no before=unknown adopted=no
needed          present absent  no     *       no   yes    *         | wanted=yes lost=no confirmed=no
needed          present absent  no     *       no   no     *         | wanted=yes lost=no confirmed=no before=unknown adopted=no
needed          present absent  no     *       yes  *      *         | wanted=yes lost=no confirmed=no before=unknown adopted=no
needed          *       unseen  no     *       *    *      *         | wanted=yes lost=no confirmed=no
unneeded        *       *       *      *       *    *      *         | wanted=no lost=no confirmed=no
looked_present  unknown *       yes    *       *    *      *         | seen=present before=present confirmed=yes lost=no
looked_present  unknown *       no     *       *    *      *         | seen=present before=present lost=no
looked_present  absent  *       yes    *       *    *      *         | seen=present confirmed=yes lost=no
looked_present  absent  *       no     *       *    *      *         | seen=present lost=no
looked_present  present *       yes    *       *    *      *         | seen=present confirmed=yes lost=no
looked_present  present *       no     *       *    *      *         | seen=present lost=no
looked_absent   *       *       yes    *       *    no     yes       | seen=absent before=absent lost=yes
looked_absent   *       *       yes    *       *    yes    yes       | seen=absent before=absent
looked_absent   *       *       yes    *       *    *      no        | seen=absent before=absent
looked_absent   *       *       no     *       *    *      *         | seen=absent before=absent
call_ok         *       present no     *       *    *      *         | seen=unknown
call_ok         *       present yes    *       *    *      *         | seen=unknown unsure=yes
call_ok         *       absent  *      *       *    *      *         | seen=unknown unsure=yes
call_ok         *       unknown *      *       *    *      *         | seen=unknown unsure=yes
call_ok         *       unseen  *      *       *    *      *         | seen=unknown unsure=yes
call_transient  *       *       *      *       *    *      *         | -
call_denied     *       *       *      *       *    *      *         | -
call_gone       *       *       *      *       *    *      *         | seen=absent
call_unseen     *       *       *      *       *    *      *         | seen=unseen
call_refused    *       *       *      *       *    *      *         | -
outcome_unknown *       *       *      *       *    *      *         | seen=unknown unsure=yes
restart         *       present *      *       *    *      yes       | seen=unknown
restart         *       present *      *       *    *      no        | seen=unknown unsure=yes
restart         *       absent  *      *       *    *      *         | seen=unknown unsure=yes
restart         *       unknown *      *       *    *      *         | seen=unknown unsure=yes
restart         *       unseen  *      *       *    *      *         | seen=unknown unsure=yes
restore         *       *       *      *       *    *      *         | seen=unknown
proven          *       *       *      *       *    *      *         | seen=unknown before=absent adopted=no
`

// owesTable says for every state whether sessions must end before an absence is recorded, where a use is not accounted for
// yet. SEEN stands for unknown, present and unseen; absent owes nothing.
const owesTable = `
before  seen    wanted adopted lost unsure confirmed | owes
unknown SEEN    *      no      *    *      *         | no
present SEEN    *      no      *    *      *         | no
absent  SEEN    no     *       *    *      *         | yes
unknown SEEN    no     yes     *    *      *         | yes
present SEEN    no     yes     *    *      *         | yes
absent  SEEN    yes    *       yes  *      *         | yes
absent  SEEN    yes    *       no   no     yes       | yes
absent  SEEN    yes    *       no   no     no        | no
absent  SEEN    yes    *       no   yes    *         | no
unknown SEEN    yes    yes     yes  *      *         | yes
unknown SEEN    yes    yes     no   no     yes       | yes
unknown SEEN    yes    yes     no   no     no        | no
unknown SEEN    yes    yes     no   yes    *         | no
present SEEN    yes    yes     yes  *      *         | yes
present SEEN    yes    yes     no   no     yes       | yes
present SEEN    yes    yes     no   no     no        | no
present SEEN    yes    yes     no   yes    *         | no
`

// Sessions outlive grants (THREATS rule 5): whoever had this may be in it still.
func TestOwesSessions(t *testing.T) {
	var rows []cell
	for _, seen := range []Presence{Unknown, Present, Unseen} {
		rows = append(rows, parseTable(t, strings.ReplaceAll(owesTable, "SEEN", string(seen)))...)
	}
	for _, g := range grantStates() {
		want := "no"
		if g.Seen != Absent {
			want = only(t, rows, describe(g)).want[0]
		}
		if got := yes(g.OwesSessions(t0, true)); got != want {
			t.Errorf("%v: %s, want %s", describe(g), got, want)
		}
		if g.OwesSessions(t0, false) {
			t.Errorf("%v: owed long after the last use", describe(g))
		}
	}
}

type cell struct{ cond, want []string }

func parseTable(t *testing.T, text string) []cell {
	t.Helper()
	var out []cell
	for _, line := range strings.Split(strings.TrimSpace(text), "\n")[1:] {
		cond, want, ok := strings.Cut(line, "|")
		if !ok {
			t.Fatalf("no | in %q", line)
		}
		out = append(out, cell{strings.Fields(cond), strings.Fields(want)})
	}
	return out
}

// only returns the one row that matches.
func only(t *testing.T, rows []cell, state []string) cell {
	t.Helper()
	var found []cell
	for _, r := range rows {
		match := true
		for i, want := range r.cond {
			match = match && (want == "*" || want == state[i])
		}
		if match {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d rows for %v, want exactly one", len(found), state)
	}
	return found[0]
}

const testDelay = time.Minute

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// describe writes a grant as a row's condition.
func describe(g Grant) []string {
	return []string{string(g.Before), string(g.Seen), yes(g.Wanted), yes(g.Adopted), yes(g.Lost), yes(!g.sure()), yes(g.Confirmed)}
}

// grantStates lists every state: last looked at a second ago.
func grantStates() []Grant {
	var out []Grant
	presences := []Presence{Unknown, Absent, Present, Unseen}
	for i := range 3 * 4 << 5 {
		g := Grant{Before: presences[i%3], Seen: presences[i/3%4], SeenAt: t0.Add(-time.Second)}
		bit := func(n int) bool { return i/12>>n&1 == 1 }
		g.Wanted, g.Adopted, g.Lost, g.Confirmed = bit(0), bit(1), bit(2), bit(3)
		if bit(4) {
			g.UnsureUntil = t0.Add(testDelay / 2)
		}
		out = append(out, g)
	}
	return out
}

// Every state of a grant: the next step and the outcome (DESIGN §3).
func TestGrantNextTable(t *testing.T) {
	rows := parseTable(t, nextTable)
	for _, g := range grantStates() {
		want := only(t, rows, describe(g)[:6]).want
		outcome := string(g.OutcomeOf(t0))
		if outcome == "" {
			outcome = "-"
		}
		if got := []string{string(g.Next(t0, true)), outcome}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v: %v, want %v", describe(g), got, want)
		}
		if g.Next(t0, false) != StepLook {
			t.Errorf("%v: nothing is done without a look in the same pass", describe(g))
		}
	}
}

// Every state × event of a grant.
func TestGrantEventTable(t *testing.T) {
	rows := parseTable(t, eventTable)
	for _, e := range GrantEvents {
		for _, g := range grantStates() {
			state := describe(g)
			want := strings.Join(only(t, rows, append([]string{string(e)}, state...)).want, " ")
			if got := changes(state, afterEvent(g, e)); got != normal(state, want) {
				t.Errorf("%s on %v: %s, want %s", e, state, got, normal(state, want))
			}
		}
	}
}

func afterEvent(g Grant, e GrantEvent) []string {
	n := g.Apply(e, t0, testDelay)
	after := describe(n)
	after[5] = yes(n.UnsureUntil.After(t0))
	return after
}

var stateColumns = []string{"before", "seen", "wanted", "adopted", "lost", "unsure", "confirmed"}

func changes(before, after []string) string {
	var out []string
	for i, name := range stateColumns {
		if before[i] != after[i] {
			out = append(out, name+"="+after[i])
		}
	}
	return strings.Join(out, " ")
}

// normal writes what a row says in the order and with the omissions of changes.
func normal(before []string, want string) string {
	var out []string
	for i, name := range stateColumns {
		for _, w := range strings.Fields(want) {
			if n, v, _ := strings.Cut(w, "="); n == name && v != before[i] {
				out = append(out, w)
			}
		}
	}
	return strings.Join(out, " ")
}

// A need that comes while a worker holds the lease, or while nothing is settled, is no new beginning: the
// worker's own write would be taken for what was there before.
func TestNeedDuringALease(t *testing.T) {
	g := Grant{Before: Absent, Seen: Absent, SeenAt: t0, LeaseUntil: t0.Add(time.Minute)}
	if got := g.Apply(GrantNeeded, t0.Add(time.Second), 0); got.Before != Absent {
		t.Errorf("before is %s", got.Before)
	}
	if got := g.Apply(GrantNeeded, t0.Add(time.Minute), 0); got.Before != Absent {
		t.Errorf("the lease ran out, and whoever held it may have written: before is %s", got.Before)
	}
	g.LeaseUntil = time.Time{}
	if got := g.Apply(GrantNeeded, t0.Add(time.Minute), 0); got.Before != Unknown {
		t.Errorf("the lease was given back and all was settled, before is %s", got.Before)
	}
}

// A new need soon after a revoke: a look that is older than it shows what Stint took away, not what was before. It is
// believed once it cannot be that old.
func TestLookThatMayShowWhatWasTakenAway(t *testing.T) {
	g := Grant{Before: Absent, Seen: Absent, SeenAt: t0}.Apply(GrantNeeded, t0.Add(time.Second), 0)
	if !g.MayBeOld(t0.Add(testDelay-time.Microsecond), testDelay) || g.MayBeOld(t0.Add(testDelay), testDelay) || g.MayBeOld(t0, 0) {
		t.Error("what is believed of a new need")
	}
	if (Grant{Before: Unknown}).MayBeOld(t0, testDelay) || (Grant{Before: Absent, SeenAt: t0}).MayBeOld(t0, testDelay) {
		t.Error("what was never seen, or is known, is doubted")
	}
}

// DESIGN §3: after an unknown outcome, gone is seen twice, the second time at least the read delay later.
func TestGoneIsSeenTwiceAfterAnUnknownOutcome(t *testing.T) {
	g := Grant{Before: Absent, Seen: Present, SeenAt: t0}.Apply(GrantUnclear, t0, testDelay)
	early := g.Apply(GrantSawNone, t0.Add(testDelay-time.Microsecond), testDelay)
	if early.OutcomeOf(t0.Add(testDelay-time.Microsecond)) != OutcomeNone || early.Settled(t0.Add(testDelay-time.Microsecond)) {
		t.Error("absence seen too early proves nothing")
	}
	if early.OutcomeOf(t0.Add(time.Hour)) != OutcomeNone || early.Settled(t0.Add(time.Hour)) {
		t.Error("time alone proves nothing: it takes another look")
	}
	late := early.Apply(GrantSawNone, t0.Add(testDelay), testDelay)
	if late.OutcomeOf(t0.Add(testDelay)) != OutcomeGone || !late.Settled(t0.Add(testDelay)) {
		t.Error("seen gone twice, and still not gone")
	}
}

// A grant whose before is unknown is never written; what was there before and not adopted is never
// revoked; nothing is done without a look: over every state, not only reachable ones.
func TestGrantNeverRules(t *testing.T) {
	for _, g := range grantStates() {
		step := g.Next(t0, true)
		writes := step == StepGrant || step == StepRevoke
		switch {
		case writes && g.Before == Unknown:
			t.Errorf("%v: written with before unknown", describe(g))
		case step == StepRevoke && g.Before == Present && !g.Adopted:
			t.Errorf("%v: revokes what was there before", describe(g))
		case step == StepRevoke && g.Wanted, step == StepGrant && !g.Wanted:
			t.Errorf("%v: %s against what is wanted", describe(g), step)
		case writes && g.Lost:
			t.Errorf("%v: fought over silently", describe(g))
		}
	}
}

func TestNeededAt(t *testing.T) {
	n := GrantNeed{StartsAt: t0, EndsAt: t0.Add(h)}
	for _, c := range []struct {
		name string
		n    GrantNeed
		at   time.Duration
		want bool
	}{
		{"before", n, -1, false},
		{"from the start", n, 0, true},
		{"to the end", n, h - 1, true},
		{"not at the end", n, h, false},
		{"ended early", GrantNeed{StartsAt: t0, EndsAt: t0.Add(h), EndedAt: t0.Add(1)}, 1, false},
		{"without an end", GrantNeed{StartsAt: t0}, 1000 * h, true},
	} {
		if c.n.NeededAt(t0.Add(c.at)) != c.want {
			t.Errorf("%s: want %v", c.name, c.want)
		}
	}
}

// Wanted folds needs: somebody needs it now, until the last one, and when that may change by itself.
func TestWantedTable(t *testing.T) {
	need := func(from, to time.Duration) GrantNeed {
		n := GrantNeed{StartsAt: t0.Add(from)}
		if to != 0 {
			n.EndsAt = t0.Add(to)
		}
		return n
	}
	ended := need(-h, h)
	ended.EndedAt = t0.Add(-time.Minute)
	for _, c := range []struct {
		name          string
		needs         []GrantNeed
		wanted        bool
		until, change time.Duration // 0: none
	}{
		{"nobody", nil, false, 0, 0},
		{"one", []GrantNeed{need(-h, 2*h)}, true, 2 * h, 2 * h},
		{"two: until the later, may change at the sooner", []GrantNeed{need(-h, h), need(-h, 2*h)}, true, 2 * h, h},
		{"order does not matter", []GrantNeed{need(-h, 2*h), need(-h, h)}, true, 2 * h, h},
		{"one without an end", []GrantNeed{need(-h, 0)}, true, 0, 0},
		{"one of two without an end", []GrantNeed{need(-h, 0), need(-h, h)}, true, 0, h},
		{"one is over", []GrantNeed{need(-2*h, -h), need(-h, h)}, true, h, h},
		{"all are over", []GrantNeed{need(-2*h, -h), ended}, false, 0, 0},
		{"ended early", []GrantNeed{ended, need(-h, 3*h)}, true, 3 * h, 3 * h},
		{"one begins later", []GrantNeed{need(h, 2*h)}, false, 0, h},
		{"one now, one begins before it ends", []GrantNeed{need(-h, 3*h), need(h, 2*h)}, true, 3 * h, h},
	} {
		at := func(d time.Duration) time.Time {
			if d == 0 {
				return time.Time{}
			}
			return t0.Add(d)
		}
		wanted, until, change := Wanted(c.needs, t0)
		if wanted != c.wanted || !until.Equal(at(c.until)) || !change.Equal(at(c.change)) {
			t.Errorf("%s: %v until %v, change %v", c.name, wanted, until, change)
		}
	}
}

// Between now and the change Wanted names, nothing changes by time alone.
func TestWantedHoldsUntilTheChange(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var needs []GrantNeed
		for range rapid.IntRange(0, 6).Draw(rt, "needs") {
			n := GrantNeed{StartsAt: t0.Add(micro(rt, "starts"))}
			if rapid.Bool().Draw(rt, "ends") {
				n.EndsAt = t0.Add(micro(rt, "ends at"))
			}
			if rapid.IntRange(0, 3).Draw(rt, "ended") == 0 {
				n.EndedAt = t0
			}
			needs = append(needs, n)
		}
		now := t0.Add(micro(rt, "now"))
		wanted, until, change := Wanted(needs, now)
		then := now.Add(time.Duration(rapid.Int64Range(0, 2_000_000).Draw(rt, "later")) * time.Microsecond)
		if !change.IsZero() && !change.After(now) {
			rt.Fatalf("the next change %v is not ahead of %v", change, now)
		}
		if change.IsZero() || then.Before(change) {
			if again, _, _ := Wanted(needs, then); again != wanted {
				rt.Fatalf("wanted turned %v at %v, before the change at %v", again, then, change)
			}
		}
		if wanted && !until.IsZero() && until.Before(now) || !wanted && !until.IsZero() {
			rt.Fatalf("wanted %v until %v at %v", wanted, until, now)
		}
	})
}

// F7: doubling from 1 s, capped at 60 s ± 20 %, for ever.
func TestBackoff(t *testing.T) {
	for _, c := range []struct {
		tries    int
		low, top time.Duration
	}{
		{-1, 800 * time.Millisecond, 1200 * time.Millisecond},
		{0, 800 * time.Millisecond, 1200 * time.Millisecond},
		{1, 800 * time.Millisecond, 1200 * time.Millisecond},
		{2, 1600 * time.Millisecond, 2400 * time.Millisecond},
		{6, 25600 * time.Millisecond, 38400 * time.Millisecond},
		{7, 48 * time.Second, 72 * time.Second},
		{1 << 40, 48 * time.Second, 72 * time.Second},
	} {
		if low, top := Backoff(c.tries, 0), Backoff(c.tries, 1); low != c.low || top != c.top {
			t.Errorf("after %d tries: %v to %v, want %v to %v", c.tries, low, top, c.low, c.top)
		}
	}
}
