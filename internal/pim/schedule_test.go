package pim

import (
	"strings"
	"testing"
	"time"
)

func plannedFacts() ActivationFacts {
	return ActivationFacts{Now: t0, Person: Principal{ID: "alice", PersonID: "alice", Enabled: true}, Belongs: true,
		Assignment: Assignment{ID: "asg", Kind: Eligible, RoleID: "dba", ResourceID: "org", StartsAt: t0.Add(-time.Hour)},
		Role:       RoleDefinition{ID: "dba", Privileged: true}, Path: Path{{ID: "org", Name: "Northwind"}}, Means: true,
		Effective: Effective{Settings: DefaultSettings()}, Accounts: []AccountNeed{{TargetName: "Directory", Account: &Account{Name: "alice", ConfirmedAt: t0}}}}
}

// a start that is past or too far ahead is refused with the limit.
func TestStartVerdict(t *testing.T) {
	for _, c := range []struct {
		name  string
		start time.Duration
		lead  time.Duration
		touch bool
		want  VerdictState
		words string
	}{
		{"in an hour", h, 168 * h, false, Pass, "Starts 2026-03-02 10:00 UTC"},
		{"the running minute", -59 * time.Second, 168 * h, false, Pass, ""},
		{"past", -2 * time.Minute, 168 * h, false, No, "past"},
		{"passed while the passkey was asked for", -4 * time.Minute, 168 * h, true, Pass, ""},
		{"passed long before the passkey", -6 * time.Minute, 168 * h, true, No, "past"},
		{"the very limit", 168 * h, 168 * h, false, Pass, ""},
		{"just beyond the limit", 168*h + time.Microsecond, 168 * h, false, No, "At most 7 days ahead for this role: no later than 2026-03-09 09:00 UTC."},
		{"in ten years", 10 * 365 * 24 * h, 168 * h, false, No, "At most 7 days"},
		{"a role's own limit", 25 * h, 24 * h, false, No, "At most 1 day"},
		{"half a day", 13 * h, 12 * h, false, No, "At most 12 h"},
		{"not to be planned", h, 0, false, No, "cannot be planned"},
		{"beyond all years", 1<<63 - 1, 168 * h, false, No, "At most"},
	} {
		f := plannedFacts()
		f.Effective.MaxLead = c.lead
		if c.touch {
			f.StepUp = &StepUp{UserVerified: true}
		}
		d := EvaluateActivation(ActivationRequest{Start: t0.Add(c.start), Duration: h, Justification: "x"}, f)
		v := verdictOf(d, RuleStart)
		if v.State != c.want || !strings.Contains(v.Message, c.words) || c.want == No && v.Field != "start" {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
}

// the duration counts from the start; eligibility has to hold there, and cuts the window there.
func TestPlannedWindow(t *testing.T) {
	f := plannedFacts()
	req := ActivationRequest{Start: t0.Add(10 * h), Duration: 2 * h, Justification: "x"}
	if d := EvaluateActivation(req, f); !d.Start.Equal(t0.Add(10*h)) || !d.End.Equal(t0.Add(12*h)) {
		t.Errorf("%v to %v", d.Start, d.End)
	}
	f.Assignment.EndsAt = t0.Add(11 * h)
	if d := EvaluateActivation(req, f); !d.End.Equal(t0.Add(11*h)) || d.Refused() {
		t.Errorf("cut to the eligibility: %v, %v", d.End, d.Verdicts)
	}
	f.Assignment.EndsAt = t0.Add(10 * h)
	if d := EvaluateActivation(req, f); verdictOf(d, RuleEligibility).State != No {
		t.Errorf("eligibility ends before the start: %v", d.Verdicts)
	}
}

// EC-04, EC-05, DESIGN §3: windows of one person, role and resource stand beside each other but do not overlap.
func TestWindowsBeside(t *testing.T) {
	running := Activation{ID: "now", State: ActiveConfirmed, StartsAt: t0.Add(-h), EndsAt: t0.Add(2 * h)}
	later := Activation{ID: "later", State: Scheduled, StartAsked: t0.Add(10 * h), StartsAt: t0.Add(10 * h), EndsAt: t0.Add(12 * h)}
	asked := Activation{ID: "asked", State: PendingApproval, StartAsked: t0.Add(10 * h), Duration: 2 * h}
	waiting := Activation{ID: "waiting", State: PendingApproval, Duration: h}
	for _, c := range []struct {
		name   string
		beside Activation
		start  time.Duration // 0: now
		long   time.Duration
		object string
	}{
		{"now beside what runs", running, 0, time.Minute, "now"},
		{"planned over what runs", running, h, h, "now"},
		{"planned when it ends", running, 2 * h, h, ""},
		{"now until the planned one", later, 0, 8 * h, ""},
		{"planned before, touching", later, 9 * h, h, ""},
		{"planned before, one minute too long", later, 9 * h, h + time.Minute, "later"},
		{"inside", later, 10*h + time.Minute, time.Minute, "later"},
		{"after, touching", later, 12 * h, h, ""},
		{"over what waits for approval", asked, 11 * h, h, "asked"},
		{"beside what waits for approval", asked, 12 * h, h, ""},
		{"now though one waits", waiting, 0, time.Minute, "waiting"},
		{"planned though one waits", waiting, 2 * h, h, ""},
	} {
		f := plannedFacts()
		f.Beside = []Activation{c.beside}
		req := ActivationRequest{Duration: c.long, Justification: "x"}
		if c.start > 0 {
			req.Start = t0.Add(c.start)
		}
		v := verdictOf(EvaluateActivation(req, f), RuleOpen)
		if v.Object != c.object || (v.State == No) != (c.object != "") {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
}

// the assignment's resource or one below it, where the role gives something.
func TestScope(t *testing.T) {
	for _, c := range []struct {
		name  string
		path  Path
		means bool
		want  VerdictState
	}{
		{"below", Path{{ID: "org"}, {ID: "payments"}}, true, Pass},
		{"nothing there", Path{{ID: "org"}, {ID: "payments"}}, false, No},
		{"beside", Path{{ID: "org-2"}, {ID: "payments"}}, true, No},
		{"above", Path{{ID: "payments"}}, true, No},
	} {
		f := plannedFacts()
		f.Path, f.Means = c.path, c.means
		d := EvaluateActivation(ActivationRequest{ResourceID: "payments", Duration: h, Justification: "x"}, f)
		if v := verdictOf(d, RuleScope); v.State != c.want || d.Refused() != (c.want == No) {
			t.Errorf("%s: %+v, refused %v", c.name, v, d.Refused())
		}
	}
	f := plannedFacts()
	if v := verdictOf(EvaluateActivation(ActivationRequest{ResourceID: "org", Duration: h}, f), RuleScope); v.Rule != "" {
		t.Errorf("the assignment's own resource needs no verdict: %+v", v)
	}
}

// T12, T14, invariant 3: at the start everything is checked again, by the stricter settings.
func TestEvaluateStart(t *testing.T) {
	base := Activation{ID: "a", State: Scheduled, Duration: 2 * h, Justification: "patch", TicketNumber: "CHG-1", StepUpID: "su", RequestedAt: t0.Add(-h),
		StartAsked: t0, StartsAt: t0, EndsAt: t0.Add(2 * h), Settings: Effective{Settings: DefaultSettings()}}
	for _, c := range []struct {
		name   string
		change func(*Activation, *ActivationFacts)
		rule   Rule // that refuses, or ""
		end    time.Duration
	}{
		{"as planned", func(*Activation, *ActivationFacts) {}, "", 2 * h},
		{"a late sweep does not lengthen it", func(_ *Activation, f *ActivationFacts) { f.Now = t0.Add(h) }, "", 2 * h},
		{"the maximum was lowered", func(_ *Activation, f *ActivationFacts) { f.Effective.MaxDuration = h }, "", h},
		{"the maximum was raised", func(_ *Activation, f *ActivationFacts) { f.Effective.MaxDuration = 24 * h }, "", 2 * h},
		{"eligibility ends sooner now", func(_ *Activation, f *ActivationFacts) { f.Assignment.EndsAt = t0.Add(h) }, "", h},
		{"too late", func(_ *Activation, f *ActivationFacts) { f.Now = t0.Add(2 * h) }, RuleDuration, 2 * h},
		{"eligibility removed", func(_ *Activation, f *ActivationFacts) { f.Assignment.EndedAt = t0 }, RuleEligibility, 2 * h},
		{"no longer in the group", func(_ *Activation, f *ActivationFacts) { f.Belongs = false }, RuleEligibility, 2 * h},
		{"disabled", func(_ *Activation, f *ActivationFacts) { f.Person.Enabled = false }, RuleEligibility, 2 * h},
		{"account gone", func(_ *Activation, f *ActivationFacts) { f.Accounts[0].Account = nil }, RuleAccount, 2 * h},
		{"account no longer confirmed", func(_ *Activation, f *ActivationFacts) { f.Accounts[0].Account.ConfirmedAt = time.Time{} }, RuleAccount, 2 * h},
		{"approval asked for since", func(_ *Activation, f *ActivationFacts) { f.Effective.Approval = true }, RuleApproval, 2 * h},
		{"approval asked for then and given", func(a *Activation, f *ActivationFacts) { a.Settings.Approval, f.Effective.Approval = true, true }, "", 2 * h},
		{"a ticket asked for since", func(a *Activation, f *ActivationFacts) { a.TicketNumber, f.Effective.Ticket = "", true }, RuleTicket, 2 * h},
		{"a reason asked for since", func(a *Activation, _ *ActivationFacts) { a.Justification = "" }, RuleJustification, 2 * h},
		{"a passkey asked for since", func(a *Activation, _ *ActivationFacts) { a.StepUpID = "" }, RuleStepUp, 2 * h},
		{"another window meets it", func(_ *Activation, f *ActivationFacts) {
			f.Beside = []Activation{{StartsAt: t0.Add(h), EndsAt: t0.Add(3 * h)}}
		}, RuleOpen, 2 * h},
		{"nothing is granted now", func(_ *Activation, f *ActivationFacts) { f.Paused = "paused" }, RuleGranting, 2 * h},
		{"moved away from the assignment", func(a *Activation, f *ActivationFacts) {
			a.ResourceID, f.Path = "payments", Path{{ID: "elsewhere"}, {ID: "payments"}}
		}, RuleScope, 2 * h},
	} {
		a, f := base, plannedFacts()
		c.change(&a, &f)
		d := EvaluateStart(a, f)
		if d.Refused() != (c.rule != "") || c.rule != "" && verdictOf(d, c.rule).State != No || !d.End.Equal(t0.Add(c.end)) || d.NeedsStepUp {
			t.Errorf("%s: end %v, touch %v, %v", c.name, d.End.Sub(t0), d.NeedsStepUp, d.Verdicts)
		}
	}
}

// DESIGN §3: a privileged role planned more than 24 h ahead asks for a fresh touch at its start; untouched it is
// refused when its time is over.
func TestTouchAtStart(t *testing.T) {
	a := Activation{State: Scheduled, Duration: 2 * h, Justification: "patch", StepUpID: "su", RequestedAt: t0.Add(-25 * h), StartAsked: t0, StartsAt: t0, EndsAt: t0.Add(2 * h),
		Settings: Effective{Settings: DefaultSettings()}}
	f := plannedFacts()
	if d := EvaluateStart(a, f); !d.NeedsStepUp || d.Refused() {
		t.Errorf("waits for the touch: %+v", d)
	}
	f.Now = t0.Add(2 * h)
	if d := EvaluateStart(a, f); verdictOf(d, RuleStepUp).State != No {
		t.Errorf("never touched: %v", d.Verdicts)
	}
	f.Now, f.StepUp = t0.Add(h), &StepUp{UserVerified: true}
	if d := EvaluateStart(a, f); d.NeedsStepUp || d.Refused() || !d.End.Equal(a.EndsAt) || !d.Start.Equal(f.Now) {
		t.Errorf("touched: %+v", d)
	}
	for name, other := range map[string]func(){
		"24 h to the microsecond": func() { a.RequestedAt = t0.Add(-24 * h) },
		"not privileged":          func() { a.RequestedAt, f.Role.Privileged = t0.Add(-48*h), false },
	} {
		if other(); a.TouchAtStart(f.Role) {
			t.Errorf("%s asks for a touch", name)
		}
	}
	if (Activation{RequestedAt: t0}).TouchAtStart(RoleDefinition{Privileged: true}) {
		t.Error("what starts at once needs no second touch")
	}
}
