package pim_test

import (
	"cmp"
	"maps"
	"strings"
	"testing"
	"time"

	"stint/internal/audit"
	"stint/internal/pim"
)

var at = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// secret stands in every field that holds personal text.
const secret = "Zoë's private words"

func activation(state pim.ActivationState) pim.Activation {
	return pim.Activation{ID: "act-1", AssignmentID: "asg-1", PrincipalID: "alice", PersonID: "human-1", RoleID: "dba", ResourceID: "prod", State: state,
		Duration: time.Hour, Justification: secret, TicketNumber: secret, TicketSystem: secret, RequestedAt: at, StartsAt: at, EndsAt: at.Add(time.Hour),
		EndedAt: at.Add(time.Hour), EndReason: secret, StepUpID: "su-1",
		Verdicts: []pim.Verdict{{Rule: pim.RuleTicket, State: pim.Pass, Message: secret}, {Rule: pim.RuleAccount, State: pim.No, Message: secret, Object: secret}, {Rule: pim.RuleAccount, State: pim.Pass}}}
}

// everyEvent is one of each constructor, an activation's end once for each state.
func everyEvent() map[string]pim.Event {
	a := activation(pim.ActiveConfirmed)
	stage := pim.ApprovalStage{ActivationID: a.ID, Number: 1, Quorum: 1, OpenedAt: at, TimesOutAt: at.Add(time.Hour)}
	decision := pim.ApprovalDecision{Stage: 1, PrincipalID: "bob", PersonID: "human-2", Justification: secret, StepUpID: "su-2", At: at}
	approve := decision
	approve.Approve = true
	grant := pim.Grant{ID: "g-1", TargetID: "dir", AccountID: "uuid-1", EntitlementID: "uuid-2", Before: pim.Absent, Seen: pim.Present, Error: secret}
	asg := pim.Assignment{ID: "asg-1", PrincipalID: "alice", RoleID: "dba", ResourceID: "prod", Kind: pim.Eligible, StartsAt: at, Source: pim.SourceFile}
	events := map[string]pim.Event{
		"requested": pim.ActivationRequested(a), "refused": pim.ActivationRefused(pim.Principal{ID: "alice", Name: secret, Email: secret}, asg, a.Verdicts, secret),
		"asked": pim.ActivationApprovalAsked(a, stage), "approved": pim.ActivationDecided(a, approve), "denied": pim.ActivationDecided(a, decision),
		"provisioning": pim.ActivationProvisioning(a, "bob"), "confirmed": pim.ActivationConfirmed(a),
		"settled": pim.ActivationSettled(a, map[string]pim.Outcome{"g-1": pim.OutcomeGone}),
		"grant":   pim.GrantEventOf(pim.EvGrantObserved, grant, map[string]any{"late": true}), "assignment": pim.AssignmentEvent(pim.EvAssignmentMade, asg, "bob"),
		"person": pim.PersonEvent(pim.EvVoucherRefused, "alice", "alice", "v-1").With("kind", "passkey").WithText("name", secret).AsRefused(),
	}
	for _, s := range pim.ActivationStates {
		events["over "+string(s)] = pim.ActivationOver(activation(s), "bob", "su-3")
	}
	return events
}

// Invariants 8 and 11: every event names its actor, can be encoded, and its leaf holds no personal text.
func TestEventsHoldNoPersonalText(t *testing.T) {
	events := everyEvent()
	maps.Copy(events, reviewEvents())
	for name, e := range events {
		if e.Actor == "" || e.Result == "" || e.Type == "" {
			t.Errorf("%s: actor %q, result %q, type %q", name, e.Actor, e.Result, e.Type)
		}
		leaf, err := audit.Encode(audit.Entry{At: at, Type: string(e.Type), Actor: e.Actor, Subject: e.Subject, RoleID: e.RoleID, ResourceID: e.ResourceID,
			TargetID: e.TargetID, ObjectID: e.ObjectID, Correlation: e.Correlation, Result: string(e.Result), Facts: e.Facts})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(string(leaf), "private") {
			t.Errorf("%s: personal text in the leaf: %s", name, leaf)
		}
	}
}

// reviewEvents is one of each constructor of a review and its items.
func reviewEvents() map[string]pim.Event {
	terms := pim.ReviewTerms{Text: secret, Stages: []pim.ReviewStage{{Kind: pim.ReviewersChosen, People: []string{"bob"}, Days: 14}}, Scope: pim.ReviewScope{Resources: []string{"prod"}}}
	series := pim.ReviewDefinition{ID: "series", Name: secret, Terms: terms, When: pim.ReviewSchedule{Frequency: pim.ReviewMonthly, StartsAt: at}}
	in := pim.ReviewInstance{ID: "review", ReviewID: "series", Name: secret, Terms: terms, StartedAt: at, EndedBy: "carol"}
	item := pim.ReviewItem{ID: "item", InstanceID: "review", AssignmentID: "asg-1", GroupID: "g-1", PrincipalID: "alice", SortName: secret, SortPlace: secret, Reason: secret, ResultText: secret, GoneAt: at,
		Shrink: pim.ShrinkTo{How: pim.ShrinkScope, ResourceID: "db", EndsAt: at}, Frozen: pim.ReviewUse{Department: secret, Title: secret}}
	line := pim.ReviewDecision{ID: "line", ItemID: "item", Answer: pim.AnswerShrink, Shrink: item.Shrink, Reason: secret, By: "bob", As: pim.AsOwnAccess}
	return map[string]pim.Event{
		"review saved": pim.ReviewSaved(series, "carol"), "review removed": pim.ReviewRemoved(series, "carol"), "review started": pim.ReviewStarted(in),
		"review ended": pim.ReviewEnded(in), "review deleted": pim.ReviewDeleted(in, "carol"), "review item decided": pim.ReviewDecided(item, line),
		"review item handed over": pim.ReviewHandedOver(item, line, "erin"), "review item applied": pim.ReviewItemApplied(item, "carol"),
		"review item refused": pim.ReviewAnswerRefused(item, "alice", "own"),
	}
}

// AC-6(7): what happened to an item of a review says whose access it is, in which review, and keeps the reason beside the leaf.
func TestReviewStory(t *testing.T) {
	for name, e := range reviewEvents() {
		if !strings.HasPrefix(name, "review item") {
			continue
		}
		if e.Correlation != "review" || e.ObjectID != "item" || e.Subject != "alice" || e.Facts["assignment"] != "asg-1" {
			t.Errorf("%s: %+v", name, e)
		}
		if field := map[string]string{"review item applied": "words", "review item refused": ""}[name]; name != "review item refused" && e.Texts[cmp.Or(field, "reason")] != secret {
			t.Errorf("%s: the words are lost: %v", name, e.Texts)
		}
	}
}

// K-17: every event of an activation's story carries its id, role and scope, and the reason stays readable
// beside the leaf.
func TestActivationStory(t *testing.T) {
	for name, e := range everyEvent() {
		if name == "grant" || name == "assignment" || name == "person" || name == "refused" {
			continue
		}
		if e.Correlation != "act-1" || e.ObjectID != "act-1" || e.Subject != "alice" || e.RoleID != "dba" || e.ResourceID != "prod" {
			t.Errorf("%s: %+v", name, e)
		}
	}
	events := everyEvent()
	for name, field := range map[string]string{"requested": "justification", "refused": "justification", "approved": "justification", "denied": "justification", "over revoked": "reason"} {
		if events[name].Texts[field] != secret {
			t.Errorf("%s: the %s is lost: %v", name, field, events[name].Texts)
		}
	}
	verdicts := events["requested"].Facts["verdicts"].(map[string]any)
	if verdicts["account"] != "no" || verdicts["ticket"] != "pass" {
		t.Errorf("of two verdicts of one rule the no counts: %v", verdicts)
	}
}

// U-20 to U-27 in Stint's words: each end has its own type, or says its state.
func TestEndEvents(t *testing.T) {
	for state, want := range map[pim.ActivationState]pim.EventType{
		pim.Denied: pim.EvActDenied, pim.Canceled: pim.EvActCanceled, pim.TimedOut: pim.EvActTimedOut, pim.Failed: pim.EvActFailed,
		pim.Expired: pim.EvActEnded, pim.Deactivated: pim.EvActEnded, pim.Revoked: pim.EvActEnded, pim.EligibilityEnded: pim.EvActEnded,
		pim.PersonDisabled: pim.EvActEnded, pim.LostAtTarget: pim.EvActEnded,
	} {
		e := pim.ActivationOver(activation(state), "bob", "su-3")
		if e.Type != want || e.Facts["state"] != string(state) || e.Facts["step_up"] != "su-3" {
			t.Errorf("%s: %s %v", state, e.Type, e.Facts)
		}
	}
	if e := pim.ActivationOver(activation(pim.Expired), pim.System, ""); e.Facts["step_up"] != nil {
		t.Error("no step-up, and one is named")
	}
}

// With and WithText give a new event: the one they start from stays as it was.
func TestEventsAreValues(t *testing.T) {
	e := pim.PersonEvent(pim.EvSignedIn, "alice", "alice", "")
	_, _ = e.With("a", int64(1)), e.WithText("name", secret)
	if len(e.Facts) != 0 || len(e.Texts) != 0 || e.Result != pim.OK {
		t.Errorf("%+v", e)
	}
	if got := (pim.Event{}).With("a", true).WithText("name", ""); got.Facts["a"] != true || len(got.Texts) != 0 {
		t.Errorf("%+v", got)
	}
}
