package pim

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Every state × event of an extension: only what waits moves (T13).
func TestExtensionTable(t *testing.T) {
	ends := map[ActivationEvent]ExtensionState{OnApproved: ExtensionApproved, OnDenied: ExtensionDenied, OnCanceled: ExtensionCanceled, OnTimedOut: ExtensionTimedOut,
		OnFailed: ExtensionEnded, OnExpired: ExtensionEnded, OnDeactivated: ExtensionEnded, OnRevoked: ExtensionEnded, OnEligibilityEnded: ExtensionEnded,
		OnPersonDisabled: ExtensionEnded, OnLost: ExtensionEnded}
	for _, s := range ExtensionStates {
		for _, e := range ActivationEvents {
			want := ends[e]
			if s != ExtensionPending {
				want = ""
			}
			if next, ok := NextExtensionState(s, e); next != want || ok != (want != "") {
				t.Errorf("%s + %s = %q, %v; want %q", s, e, next, ok, want)
			}
		}
	}
}

func extensionFacts() ExtensionFacts {
	f := ExtensionFacts{ActivationFacts: plannedFacts()}
	f.Activation = Activation{ID: "a", State: ActiveConfirmed, StartsAt: t0.Add(-h), EndsAt: t0.Add(h), Settings: Effective{Settings: DefaultSettings()}}
	return f
}

// K-03, T12, T15: each rule of an extension at its edge.
func TestEvaluateExtension(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*ExtensionRequest, *ExtensionFacts)
		rule   Rule // that refuses, or ""
		end    time.Duration
	}{
		{"half an hour", func(*ExtensionRequest, *ExtensionFacts) {}, "", 90 * time.Minute},
		{"while granting", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Activation.State = Provisioning }, "", 90 * time.Minute},
		{"in the last second", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Now = t0.Add(h - time.Second) }, "", 90 * time.Minute},
		{"at the end, not yet swept", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Now = t0.Add(h) }, RuleRunning, 90 * time.Minute},
		{"a microsecond after", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Now = t0.Add(h + time.Microsecond) }, RuleRunning, 90 * time.Minute},
		{"given back", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Activation.State = Deactivated }, RuleRunning, 90 * time.Minute},
		{"planned, not started", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Activation.State = Scheduled }, RuleRunning, 90 * time.Minute},
		{"one waits", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Waiting = &Extension{} }, RuleRunning, 90 * time.Minute},
		{"no time", func(r *ExtensionRequest, _ *ExtensionFacts) { r.Duration = 0 }, RuleDuration, h},
		{"less than nothing", func(r *ExtensionRequest, _ *ExtensionFacts) { r.Duration = -1 }, RuleDuration, h - 1},
		{"the maximum", func(r *ExtensionRequest, _ *ExtensionFacts) { r.Duration = 8 * h }, "", 9 * h},
		{"one second more", func(r *ExtensionRequest, _ *ExtensionFacts) { r.Duration = 8*h + time.Second }, RuleDuration, 9 * h},
		{"the longest there is", func(r *ExtensionRequest, _ *ExtensionFacts) { r.Duration = 1<<63 - 1 }, RuleDuration, 9 * h},
		{"cut to max_total", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Effective.MaxTotal = 2*h + 10*time.Minute }, "", h + 10*time.Minute},
		{"max_total then, more now", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Activation.Settings.MaxTotal = 2*h + 10*time.Minute }, "", h + 10*time.Minute},
		{"max_total is used up", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Effective.MaxTotal = 2 * h }, RuleDuration, h},
		{"max_total was lowered below the window", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Effective.MaxTotal = h }, RuleDuration, 0},
		{"the eligibility ends then", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Assignment.EndsAt = t0.Add(70 * time.Minute) }, "", 70 * time.Minute},
		{"the eligibility ends with it", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Assignment.EndsAt = t0.Add(h) }, RuleDuration, h},
		{"the next planned window", func(_ *ExtensionRequest, f *ExtensionFacts) {
			f.Beside = []Activation{{StartAsked: t0.Add(80 * time.Minute), StartsAt: t0.Add(80 * time.Minute), EndsAt: t0.Add(3 * h)}}
		}, "", 80 * time.Minute},
		{"no reason", func(r *ExtensionRequest, _ *ExtensionFacts) { r.Justification = " " }, RuleJustification, 90 * time.Minute},
		{"no ticket", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Effective.Ticket = true }, RuleTicket, 90 * time.Minute},
		{"disabled", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Person.Enabled = false }, RuleEligibility, 90 * time.Minute},
		{"no account", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Accounts[0].Account = nil }, RuleAccount, 90 * time.Minute},
		{"nobody to approve", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Effective.Approval = true }, RuleApproval, 90 * time.Minute},
		{"nothing is granted now", func(_ *ExtensionRequest, f *ExtensionFacts) { f.Paused = "paused" }, RuleGranting, 90 * time.Minute},
	} {
		req, f := ExtensionRequest{Duration: 30 * time.Minute, Justification: "not done"}, extensionFacts()
		c.change(&req, &f)
		d := EvaluateExtension(req, f)
		if d.Refused() != (c.rule != "") || c.rule != "" && verdictOf(d, c.rule).State != No || !d.End.Equal(t0.Add(c.end)) {
			t.Errorf("%s: end %v, %v", c.name, d.End.Sub(t0), d.Verdicts)
		}
	}
}

// DESIGN §3: approval as for the activation, or none; then and now the stricter.
func TestExtensionApproval(t *testing.T) {
	for _, c := range []struct {
		then, now ExtensionApproval
		approval  bool
		want      bool
	}{
		{ExtensionAsActivation, ExtensionAsActivation, true, true}, {ExtensionFree, ExtensionFree, true, false},
		{ExtensionFree, ExtensionAsActivation, true, true}, {ExtensionAsActivation, ExtensionFree, true, true},
		{"", ExtensionFree, true, true}, {ExtensionAsActivation, ExtensionAsActivation, false, false},
	} {
		f := extensionFacts()
		f.Approvers, f.Effective.Approval = 1, c.approval
		f.Activation.Settings.ExtensionApproval, f.Effective.ExtensionApproval = c.then, c.now
		d := EvaluateExtension(ExtensionRequest{Duration: h, Justification: "x"}, f)
		if d.NeedsApproval != c.want || d.Refused() {
			t.Errorf("%+v: needs approval %v, %v", c, d.NeedsApproval, d.Verdicts)
		}
	}
}

// T15: whatever is asked for, in whatever order and with whatever settings meanwhile, no end passes any cap, and no
// extension is longer than the maximum.
func TestExtensionsStayWithinEveryCap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := extensionFacts()
		f.Activation.StartsAt, f.Activation.EndsAt = t0, t0.Add(rapid.Custom(func(rt *rapid.T) time.Duration {
			return time.Duration(rapid.Int64Range(1, int64(8*h)).Draw(rt, "window"))
		}).Draw(rt, "end"))
		if rapid.Bool().Draw(rt, "eligibility ends") {
			f.Assignment.EndsAt = f.Activation.EndsAt.Add(time.Duration(rapid.Int64Range(0, int64(24*h)).Draw(rt, "eligible for")))
		}
		smallest := f.Activation.Settings.MaxTotal
		for range rapid.IntRange(1, 12).Draw(rt, "extensions") {
			f.Now = t0.Add(time.Duration(rapid.Int64Range(0, int64(30*h)).Draw(rt, "now")))
			f.Effective.MaxTotal = time.Duration(rapid.Int64Range(int64(time.Minute), int64(30*h)).Draw(rt, "max total"))
			f.Effective.MaxDuration = time.Duration(rapid.Int64Range(int64(time.Minute), int64(8*h)).Draw(rt, "max"))
			asked := time.Duration(rapid.Int64().Draw(rt, "asked"))
			if rapid.Bool().Draw(rt, "sensible") {
				asked = time.Duration(rapid.Int64Range(0, int64(9*h)).Draw(rt, "for"))
			}
			d := EvaluateExtension(ExtensionRequest{Duration: asked, Justification: "x"}, f)
			if d.Refused() {
				continue
			}
			old := f.Activation.EndsAt
			total := min(smallest, f.Effective.MaxTotal)
			switch gain := d.End.Sub(old); {
			case !f.Now.Before(old):
				rt.Fatalf("revived at %v, ended %v", f.Now, old)
			case gain <= 0 || gain > asked || gain > f.Effective.MaxDuration:
				rt.Fatalf("asked %v, at most %v: %v more", asked, f.Effective.MaxDuration, gain)
			case d.End.After(t0.Add(total)), !f.Assignment.EndsAt.IsZero() && d.End.After(f.Assignment.EndsAt):
				rt.Fatalf("ends %v: total %v, eligible until %v", d.End.Sub(t0), total, f.Assignment.EndsAt)
			}
			f.Activation.EndsAt = d.End
		}
	})
}
