package pim

import (
	"strings"
	"testing"
	"time"
)

const d = 24 * h

// P-01, P-11, P-12, A-60, X-11, S-20 to S-25, K-27, T21: every rule of an assignment, a row each.
func TestEvaluateAssignment(t *testing.T) {
	person := Principal{ID: "ann", Kind: Person, Name: "Ann", Enabled: true}
	rules := AssignmentRules{Permanent: true, Max: 90 * d}
	plain := RoleDefinition{ID: "reader", Name: "Reader"}
	eligible := AssignmentTerms{Kind: Eligible, Start: t0, End: t0.Add(30 * d)}
	running := Assignment{ID: "a", Kind: Eligible, StartsAt: t0.Add(-300 * d), EndsAt: t0.Add(10 * d)}
	permanent := Assignment{ID: "a", Kind: Eligible, StartsAt: t0.Add(-300 * d)}
	with := func(change func(*AssignmentTerms, *AssignmentFacts)) (AssignmentTerms, AssignmentFacts) {
		terms, f := eligible, AssignmentFacts{Now: t0, Principal: person, Role: plain, Rules: rules}
		change(&terms, &f)
		return terms, f
	}
	for _, c := range []struct {
		name   string
		change func(*AssignmentTerms, *AssignmentFacts)
		rule   Rule // that says no; empty: none
		part   string
	}{
		{"A-01 eligible, time-bound", func(*AssignmentTerms, *AssignmentFacts) {}, "", ""},
		{"A-01 active, permanent", func(q *AssignmentTerms, _ *AssignmentFacts) { q.Kind, q.Permanent, q.End = Active, true, time.Time{} }, "", ""},
		{"no kind", func(q *AssignmentTerms, _ *AssignmentFacts) { q.Kind = "standing" }, RuleKind, "Choose eligible or active"},
		{"A-05 five minutes", func(q *AssignmentTerms, _ *AssignmentFacts) { q.End = t0.Add(5 * time.Minute) }, "", ""},
		{"EC-02 4:59", func(q *AssignmentTerms, _ *AssignmentFacts) { q.End = t0.Add(5*time.Minute - time.Second) }, RuleEnd, "at least 5 minutes"},
		{"A-05 from a start ahead", func(q *AssignmentTerms, _ *AssignmentFacts) { q.Start, q.End = t0.Add(d), t0.Add(d+4*time.Minute) }, RuleEnd, "at least 5 minutes"},
		{"an end that is past", func(q *AssignmentTerms, _ *AssignmentFacts) { q.End = t0.Add(-1) }, RuleEnd, "past"},
		{"A-06 a start ahead", func(q *AssignmentTerms, _ *AssignmentFacts) { q.Start = t0.Add(10 * d) }, "", ""},
		{"a start that is past", func(q *AssignmentTerms, _ *AssignmentFacts) { q.Start = t0.Add(-time.Minute) }, RuleStart, "past"},
		{"a start too far ahead", func(q *AssignmentTerms, _ *AssignmentFacts) { q.Start, q.End = t0.Add(367*d), t0.Add(400*d) }, RuleStart, "more than a year"},
		{"A-08 exactly the maximum", func(q *AssignmentTerms, _ *AssignmentFacts) { q.End = t0.Add(90 * d) }, "", ""},
		{"A-08 a second longer", func(q *AssignmentTerms, _ *AssignmentFacts) { q.End = t0.Add(90*d + time.Second) }, RuleEnd, "At most 90 days for eligible assignments of this role: until"},
		{"A-08 says where the rule is from", func(q *AssignmentTerms, f *AssignmentFacts) { q.End, f.Rules.From = t0.Add(91*d), "Production" }, RuleEnd, "(set at Production)"},
		{"A-08 measured from the start", func(q *AssignmentTerms, _ *AssignmentFacts) { q.Start, q.End = t0.Add(10*d), t0.Add(100*d) }, "", ""},
		{"A-08 permanent forbidden", func(q *AssignmentTerms, f *AssignmentFacts) {
			q.Permanent, q.End, f.Rules.Permanent = true, time.Time{}, false
		}, RuleEnd, "need an end, at most 90 days"},
		{"A-08, S-22 permanent forbidden for active ones", func(q *AssignmentTerms, f *AssignmentFacts) {
			q.Kind, q.Permanent, q.End, f.Rules.Permanent = Active, true, time.Time{}, false
		}, RuleEnd, "Active assignments of this role need an end, at most 90 days"},
		{"A-13 one of its kind", func(_ *AssignmentTerms, f *AssignmentFacts) { f.Existing = &running }, RuleExisting, "Ann has this already"},
		{"A-14 a request waits", func(_ *AssignmentTerms, f *AssignmentFacts) { f.Request = &AssignmentRequest{Kind: ExtendAssignment} }, RuleRequest, "A request to extend this waits"},
		{"P-11 disabled", func(_ *AssignmentTerms, f *AssignmentFacts) { f.Principal.Enabled = false }, RulePrincipal, "Ann is disabled"},
		{"P-11 gone", func(_ *AssignmentTerms, f *AssignmentFacts) { f.Removed = true }, RulePrincipal, "gone"},
		{"P-12 a guest", func(_ *AssignmentTerms, f *AssignmentFacts) { f.Principal.Guest = true }, "", ""},
		{"P-01 a group", func(_ *AssignmentTerms, f *AssignmentFacts) { f.Principal.Kind = Group }, "", ""},
		{"A-60 a workload eligible", func(_ *AssignmentTerms, f *AssignmentFacts) { f.Principal.Kind = Workload }, RulePrincipal, "is a workload"},
		{"A-60 a workload active", func(q *AssignmentTerms, f *AssignmentFacts) { f.Principal.Kind, q.Kind = Workload, Active }, "", ""},
		{"A-60 a workload with a role of Stint's own", func(q *AssignmentTerms, f *AssignmentFacts) {
			f.Principal.Kind, q.Kind, f.Role.Source = Workload, Active, SourceBuiltin
		}, RulePrincipal, "are for people"},
		{"S-25 no reason", func(q *AssignmentTerms, f *AssignmentFacts) { q.Kind, f.Rules.Justification = Active, true }, RuleJustification, "Give a reason"},
		{"X-11 extended to the maximum from now", func(q *AssignmentTerms, f *AssignmentFacts) {
			q.Start, q.End, f.Before = running.StartsAt, t0.Add(90*d), &running
		}, "", ""},
		{"X-11 extended beyond it", func(q *AssignmentTerms, f *AssignmentFacts) {
			q.Start, q.End, f.Before = running.StartsAt, t0.Add(90*d+1), &running
		}, RuleEnd, "At most 90 days"},
		{"an end that stays may be longer than a maximum of today", func(q *AssignmentTerms, f *AssignmentFacts) {
			long := running
			long.EndsAt = t0.Add(200 * d)
			q.Start, q.End, f.Before = t0.Add(d), long.EndsAt, &long
		}, "", ""},
		{"what is permanent may stay so", func(q *AssignmentTerms, f *AssignmentFacts) {
			q.Start, q.Permanent, q.End, f.Before, f.Rules.Permanent = t0.Add(d), true, time.Time{}, &permanent, false
		}, "", ""},
		{"made active it may not", func(q *AssignmentTerms, f *AssignmentFacts) {
			q.Kind, q.Start, q.Permanent, q.End, f.Before, f.Rules.Permanent = Active, permanent.StartsAt, true, time.Time{}, &permanent, false
		}, RuleEnd, "Active assignments of this role need an end"},
		{"T21 one's own, not privileged", func(_ *AssignmentTerms, f *AssignmentFacts) { f.Own, f.OthersAble = true, true }, "", ""},
		{"T21 one's own, privileged", func(_ *AssignmentTerms, f *AssignmentFacts) {
			f.Own, f.OthersAble, f.Role.Privileged = true, true, true
		}, RuleOwn, "Another administrator has to"},
		{"T21 one of Stint's own roles", func(_ *AssignmentTerms, f *AssignmentFacts) {
			f.Own, f.OthersAble, f.Role.Source = true, true, SourceBuiltin
		}, RuleOwn, "Another administrator has to"},
		{"T21 nobody else is able", func(_ *AssignmentTerms, f *AssignmentFacts) { f.Own, f.Role.Privileged = true, true }, "", ""},
		{"T21 one's own made shorter", func(q *AssignmentTerms, f *AssignmentFacts) {
			q.Start, q.End, f.Before, f.Own, f.OthersAble, f.Role.Privileged = running.StartsAt, t0.Add(d), &running, true, true, true
		}, "", ""},
		{"T21 one's own made longer", func(q *AssignmentTerms, f *AssignmentFacts) {
			q.Start, q.End, f.Before, f.Own, f.OthersAble, f.Role.Privileged = running.StartsAt, t0.Add(20*d), &running, true, true, true
		}, RuleOwn, "Another administrator has to"},
	} {
		terms, f := with(c.change)
		var rule Rule
		message := ""
		if r := RefusalOf(EvaluateAssignment(terms, "", "", "", f)); r != nil {
			message = r.Message
			for _, v := range r.Verdicts {
				if v.State == No {
					rule = v.Rule
					break
				}
			}
		}
		if rule != c.rule || !strings.Contains(message, c.part) {
			t.Errorf("%s: %q %q, want %q %q", c.name, rule, message, c.rule, c.part)
		}
	}
}

// without an end, until a time, or what is left open: the longest that the rules allow, from now or from a start ahead.
func TestResolveTerms(t *testing.T) {
	rules := AssignmentRules{Max: 90 * d}
	if q := (AssignmentTerms{}).Resolve(rules, t0); !q.Start.Equal(t0) || !q.End.Equal(t0.Add(90*d)) {
		t.Errorf("%+v", q)
	}
	if q := (AssignmentTerms{Start: t0.Add(d)}).Resolve(rules, t0); !q.End.Equal(t0.Add(91 * d)) {
		t.Errorf("from a start ahead: %+v", q)
	}
	if q := (AssignmentTerms{Start: t0.Add(-300 * d)}).Resolve(rules, t0); !q.End.Equal(t0.Add(90 * d)) {
		t.Errorf("of what began long ago: %+v", q)
	}
	if q := (AssignmentTerms{End: t0, Permanent: true}).Resolve(rules, t0); !q.End.IsZero() {
		t.Errorf("permanent: %+v", q)
	}
}

// S-20 to S-25: the rules of a kind, and what is always confirmed.
func TestRulesFor(t *testing.T) {
	eff := Effective{Settings: DefaultSettings()}
	if r := RulesFor(Eligible, eff, RoleDefinition{}); r != (AssignmentRules{Permanent: true, Max: 365 * d}) {
		t.Errorf("eligible: %+v", r)
	}
	if r := RulesFor(Active, eff, RoleDefinition{}); r != (AssignmentRules{Permanent: true, Max: 180 * d, Justification: true}) {
		t.Errorf("active: %+v", r)
	}
	eff.AssignStepUp = true
	for name, c := range map[string]struct {
		kind AssignmentKind
		role RoleDefinition
		want bool
	}{
		"S-24 active": {Active, RoleDefinition{}, true}, "S-24 not eligible": {Eligible, RoleDefinition{}, false},
		"privileged": {Eligible, RoleDefinition{Privileged: true}, true}, "Stint's own": {Eligible, RoleDefinition{Source: SourceBuiltin}, true},
	} {
		if got := RulesFor(c.kind, eff, c.role).StepUp; got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// X-01, EC-17, EC-18, EC-19, P-08: what a holder may ask for, to the second.
func TestAskAssignment(t *testing.T) {
	a := Assignment{Kind: Eligible, StartsAt: t0, EndsAt: t0.Add(100 * d)}
	end := a.EndsAt
	expired, removed, ahead, active := a, a, a, a
	active.Kind = Active
	expired.EndedAt, expired.Expired = end.Add(time.Minute), true
	removed.EndedAt = t0.Add(d)
	ahead.StartsAt = t0.Add(90 * d)
	for _, c := range []struct {
		name string
		a    Assignment
		via  string
		now  time.Time
		want AssignmentRequestKind
	}{
		{"EC-17 14 d 0 h 1 m before", a, "", end.Add(-14*d - time.Minute), ""},
		{"EC-17 14 days before", a, "", end.Add(-14 * d), ExtendAssignment},
		{"EC-17 13 d 23 h before", a, "", end.Add(-13*d - 23*h), ExtendAssignment},
		{"X-01 active, 14 days before", active, "", end.Add(-14 * d), ExtendAssignment},
		{"X-01 active, after its end", active, "", end.Add(d), RenewAssignment},
		{"a second before the end", a, "", end.Add(-time.Second), ExtendAssignment},
		{"at the end, recorded or not", a, "", end, RenewAssignment},
		{"recorded a minute late", expired, "", end.Add(d), RenewAssignment},
		{"EC-18 day 30", expired, "", end.Add(30 * d), RenewAssignment},
		{"EC-18 a second later", expired, "", end.Add(30*d + time.Second), ""},
		{"removed", removed, "", end.Add(-d), ""},
		{"not begun", ahead, "", t0.Add(89 * d), ""},
		{"permanent", Assignment{Kind: Eligible, StartsAt: t0}, "", t0.Add(d), ""},
		{"EC-19 through a group", a, "Operators", end.Add(-d), ""},
	} {
		if got, refusal := AskAssignment(c.a, c.via, c.now); got != c.want || (refusal == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v", c.name, got, refusal)
		}
	}
}

// the marks before an end; of those that passed together only the nearest counts.
func TestRemindAt(t *testing.T) {
	a := Assignment{StartsAt: t0, EndsAt: t0.Add(100 * d)}
	for _, c := range []struct {
		after, want time.Duration
	}{{0, 86 * d}, {86*d - 1, 86 * d}, {86 * d, 99 * d}, {90 * d, 99 * d}, {99 * d, -1}, {100 * d, -1}} {
		got := a.RemindAt(t0.Add(c.after))
		if c.want < 0 && !got.IsZero() || c.want >= 0 && !got.Equal(t0.Add(c.want)) {
			t.Errorf("after %v: %v", c.after, got)
		}
	}
	if !(Assignment{}).RemindAt(t0).IsZero() {
		t.Error("what has no end is not announced")
	}
}

// nothing in a list is a formula.
func TestSpreadsheetCell(t *testing.T) {
	for in, want := range map[string]string{"Ann": "Ann", "": "", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM": "'@SUM", "\t=1": "'\t=1", "\r=1": "'\r=1", "＝1": "'＝1", "a=1": "a=1", "'=1": "'=1"} {
		if got := SpreadsheetCell(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
