package audit

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
)

// ev is one entry of a story in short: type, actor, facts.
type ev struct {
	kind  string
	actor string
	facts map[string]any
}

// proved are the facts of a request whose rules asked for a sign-in again at the provider by one of asked.
func proved(context, proof string, asked ...string) map[string]any {
	return map[string]any{"contexts": asked, "context": context, "proof": proof}
}

func (e ev) entry(seq int64) Entry {
	out := Entry{Seq: seq, At: time.UnixMicro(seq), Type: e.kind, Actor: e.actor, Subject: "asker", Correlation: "act-1", ObjectID: "act-1", Result: ResultOK, Facts: e.facts}
	if out.Actor == "" {
		out.Actor = "system"
	}
	if strings.HasPrefix(e.kind, "grant.") {
		out.ObjectID, out.Correlation, out.Subject = "g1", "", ""
	}
	return out
}

func verdicts(approval string) map[string]any {
	return map[string]any{"verdicts": map[string]any{"approval": approval}}
}

func stage(quorum int64) map[string]any { return map[string]any{"quorum": quorum} }

func accepting(who, evidence string) ev {
	return ev{"grant.accepted_gone", who, map[string]any{"seen": "unseen", "evidence": evidence}}
}
func outcome(o string) map[string]any { return map[string]any{"outcomes": map[string]any{"g1": o}} }

func saw(what string) ev { return ev{"grant.observed", "", map[string]any{"seen": what}} }

var (
	requested    = ev{"activation.requested", "asker", verdicts("pass")}
	asking       = ev{"activation.requested", "asker", verdicts("todo")}
	waiting      = ev{"activation.approval_requested", "asker", stage(1)}
	approved     = ev{"activation.approved", "boss", nil}
	denied       = ev{"activation.denied", "boss", nil}
	canceled     = ev{"activation.canceled", "asker", nil}
	timedOut     = ev{"activation.timed_out", "", nil}
	provisioning = ev{"activation.provisioning", "", nil}
	confirmed    = ev{"activation.confirmed", "", nil}
	failed       = ev{"activation.failed", "", nil}
	ended        = ev{"activation.ended", "asker", nil}
	settled      = ev{"activation.settled", "", outcome("gone")}
	scheduled    = ev{"activation.scheduled", "asker", nil}
	atStart      = ev{"activation.refused_at_start", "", nil}
	askTouched   = ev{"activation.touch_requested", "", nil}
	touch        = ev{"activation.touched", "asker", nil}
)

func TestStories(t *testing.T) {
	for name, c := range map[string]struct {
		story []ev
		want  string     // of the first error, "" for a legal story
		state StoryState // at the end
	}{
		"without approval": {[]ev{requested, provisioning, saw("present"), confirmed, ended, saw("absent"), settled}, "", StorySettled},
		"approved":         {[]ev{asking, waiting, approved, provisioning, saw("present"), confirmed, ended, saw("absent"), settled}, "", StorySettled},
		"shared":           {[]ev{requested, provisioning, saw("present"), confirmed, ended, {"activation.settled", "", outcome("shared")}}, "", StorySettled},
		"held before":      {[]ev{requested, provisioning, saw("present"), confirmed, ended, {"activation.settled", "", outcome("before")}}, "", StorySettled},
		"without a grant":  {[]ev{requested, provisioning, confirmed, ended, {"activation.settled", "", nil}}, "", StorySettled},
		"still cleaning":   {[]ev{requested, provisioning, saw("present"), confirmed, ended}, "", StoryEnding},
		"failed":           {[]ev{requested, provisioning, failed, saw("absent"), settled}, "", StorySettled},
		"ended early":      {[]ev{requested, provisioning, ended, saw("absent"), settled}, "", StorySettled},
		"denied":           {[]ev{asking, waiting, denied}, "", StoryOver},
		"canceled":         {[]ev{asking, waiting, canceled}, "", StoryOver},
		"timed out":        {[]ev{asking, waiting, timedOut}, "", StoryOver},
		"person disabled":  {[]ev{asking, waiting, ended}, "", StoryOver},
		"two of two":       {[]ev{asking, {waiting.kind, "asker", stage(2)}, approved, {approved.kind, "chief", nil}, provisioning}, "", StoryProvisioning},
		"two stages":       {[]ev{asking, waiting, approved, waiting, approved, provisioning}, "", StoryProvisioning},

		"planned":                {[]ev{requested, scheduled, provisioning, ended, saw("absent"), settled}, "", StorySettled},
		"planned after approval": {[]ev{asking, waiting, approved, scheduled, canceled}, "", StoryOver},
		"refused at its start":   {[]ev{requested, scheduled, atStart}, "", StoryOver}, // T14
		"touched at its start":   {[]ev{requested, scheduled, askTouched, touch, provisioning}, "", StoryProvisioning},
		"planned unapproved":     {[]ev{asking, scheduled}, "without the approval", StoryScheduled},
		"not touched":            {[]ev{requested, scheduled, askTouched, provisioning}, "without the passkey", StoryProvisioning},
		"touched by another":     {[]ev{requested, scheduled, askTouched, {touch.kind, "boss", nil}}, "somebody else", StoryScheduled},

		"with its passkey":       {[]ev{{requested.kind, "asker", map[string]any{"passkey": true, "step_up": "c1"}}}, "", StoryRequested},
		"without its passkey":    {[]ev{{requested.kind, "asker", map[string]any{"passkey": true, "step_up": ""}}}, "without the passkey its rules asked for", StoryRequested}, // T9
		"with its sign-in":       {[]ev{{requested.kind, "asker", proved("mfa", "p1", "card", "mfa")}}, "", StoryRequested},
		"without its sign-in":    {[]ev{{requested.kind, "asker", proved("", "", "card", "mfa")}}, "without the sign-in at the provider", StoryRequested}, // T9
		"by another context":     {[]ev{{requested.kind, "asker", proved("password", "p1", "card", "mfa")}}, "without the sign-in at the provider", StoryRequested},
		"a context, no proof":    {[]ev{{requested.kind, "asker", proved("mfa", "", "card", "mfa")}}, "without the sign-in at the provider", StoryRequested},
		"none was asked for":     {[]ev{{requested.kind, "asker", map[string]any{"passkey": false, "step_up": ""}}}, "", StoryRequested},
		"never requested":        {[]ev{provisioning}, "never requested", StoryProvisioning},
		"requested twice":        {[]ev{requested, requested}, "which is requested since entry 0", StoryRequested},
		"approval skipped":       {[]ev{asking, provisioning}, "without the approval", StoryProvisioning},
		"approval not waited":    {[]ev{asking, waiting, provisioning}, "which is pending_approval", StoryProvisioning},
		"one of two":             {[]ev{asking, {waiting.kind, "asker", stage(2)}, approved, provisioning}, "without the approval", StoryProvisioning},
		"one twice":              {[]ev{asking, {waiting.kind, "asker", stage(2)}, approved, approved, provisioning}, "counts only once", StoryProvisioning},
		"first stage short":      {[]ev{asking, {waiting.kind, "asker", stage(2)}, approved, waiting}, "not approved by enough", StoryWaiting},
		"by themselves":          {[]ev{asking, waiting, {approved.kind, "asker", nil}}, "the one who asked", StoryApproved}, // T10
		"denied by themselves":   {[]ev{asking, waiting, {denied.kind, "asker", nil}}, "the one who asked", StoryOver},
		"approved after denial":  {[]ev{asking, waiting, denied, approved}, "which is over since entry 2", StoryApproved}, // T13
		"granted after canceled": {[]ev{asking, waiting, canceled, provisioning}, "which is over", StoryProvisioning},
		"confirmed after end":    {[]ev{requested, provisioning, ended, confirmed}, "which is ending", StoryActive},
		"revived":                {[]ev{requested, provisioning, ended, saw("absent"), settled, provisioning}, "which is settled", StoryProvisioning},
		"settled while active":   {[]ev{requested, provisioning, saw("present"), confirmed, settled}, "which is active", StorySettled},
		"gone, never looked":     {[]ev{requested, provisioning, ended, settled}, "did not see it absent", StorySettled},
		"gone, seen present":     {[]ev{requested, provisioning, saw("absent"), saw("present"), confirmed, ended, settled}, "did not see it absent", StorySettled},
		"gone, outcome unknown":  {[]ev{requested, provisioning, saw("present"), confirmed, ended, saw("absent"), saw("unknown"), settled}, "did not see it absent", StorySettled},
		"shared, seen absent":    {[]ev{requested, provisioning, ended, saw("absent"), {"activation.settled", "", outcome("shared")}}, "did not see it present", StorySettled},
		"accepted by nobody":     {[]ev{requested, provisioning, ended, saw("unseen"), {"activation.settled", "", outcome("accepted")}}, "nobody stated that", StorySettled},
		"accepted, then seen":    {[]ev{requested, provisioning, ended, accepting("carol", "e"), saw("present"), {"activation.settled", "", outcome("accepted")}}, "did not see it unseen", StorySettled},
		"accepted by Stint":      {[]ev{requested, provisioning, ended, accepting("system", "e")}, "not stated by a person", StoryEnding},
		"accepted, no passkey":   {[]ev{requested, provisioning, ended, accepting("carol", "")}, "not stated by a person", StoryEnding},
		"accepted":               {[]ev{requested, provisioning, ended, saw("unseen"), accepting("carol", "e"), {"activation.settled", "", outcome("accepted")}}, "", StorySettled},
		"no end":                 {[]ev{requested, provisioning, ended, {"activation.settled", "", outcome("")}}, "no end", StorySettled},
		"odd outcome":            {[]ev{requested, provisioning, ended, {"activation.settled", "", map[string]any{"outcomes": map[string]any{"g1": []string{"gone"}}}}}, "no end", StorySettled},
		"unknown event":          {[]ev{requested, {"activation.forgiven", "", nil}}, "not an event", StoryRequested},
	} {
		t.Run(name, func(t *testing.T) {
			s, first := NewStories(), ""
			for i, e := range c.story {
				if err := s.Replay(e.entry(int64(i))); err != nil && first == "" {
					first = err.Error()
				}
			}
			if (c.want == "") != (first == "") || !strings.Contains(first, c.want) {
				t.Fatalf("got error %q, want %q", first, c.want)
			}
			if got := s.stories["act-1"].State; got != c.state {
				t.Errorf("ends as %s, want %s", got, c.state)
			}
		})
	}
}

func TestEveryStateAndEventOfAStory(t *testing.T) {
	path := map[StoryState][]ev{
		"": nil, StoryRequested: {requested}, StoryWaiting: {asking, waiting}, StoryApproved: {asking, waiting, approved}, StoryProvisioning: {requested, provisioning},
		StoryScheduled: {requested, scheduled}, StoryActive: {requested, provisioning, confirmed}, StoryOver: {asking, waiting, denied}, StoryEnding: {requested, provisioning, ended},
		StorySettled: {requested, provisioning, ended, saw("absent"), settled},
	}
	legal := map[StoryState][]ev{
		"": {requested}, StoryRequested: {waiting, canceled, ended, scheduled, provisioning}, StoryWaiting: {approved, denied, canceled, timedOut, ended},
		StoryApproved:     {waiting, approved, denied, canceled, timedOut, ended, scheduled, provisioning},
		StoryScheduled:    {canceled, ended, askTouched, touch, atStart, provisioning},
		StoryProvisioning: {confirmed, failed, ended}, StoryActive: {failed, ended}, StoryEnding: {settled}, StoryOver: nil, StorySettled: nil,
	}
	all := []ev{requested, waiting, approved, denied, canceled, timedOut, provisioning, confirmed, failed, ended, settled, scheduled, atStart, askTouched, touch}
	for state, before := range path {
		for _, e := range all {
			s := NewStories()
			for i, b := range append(slices.Clone(before), saw("absent")) {
				if err := s.Replay(b.entry(int64(i))); err != nil {
					t.Fatalf("on the way to %q: %v", state, err)
				}
			}
			if e.kind == approved.kind {
				e.actor = "chief" // boss has approved on the way
			}
			err := s.Replay(e.entry(9))
			want := slices.ContainsFunc(legal[state], func(l ev) bool { return l.kind == e.kind })
			if (err == nil) != want {
				t.Errorf("%s in state %q: %v, legal %v", e.kind, state, err, want)
			}
		}
	}
}

func TestStoriesLeaveOtherEntriesAlone(t *testing.T) {
	s := NewStories()
	refused := provisioning.entry(0)
	refused.Result = ResultRefused
	for _, e := range []Entry{refused, sample(1), saw("absent").entry(2)} {
		if err := s.Replay(e); err != nil {
			t.Error(err)
		}
	}
	lonely := requested.entry(3)
	lonely.Correlation = ""
	if s.Replay(lonely) == nil || len(s.Open()) != 0 {
		t.Error("an activation's entry without its activation passed")
	}
}

func TestUnsettledWantsAReadBackOrAnOpenCleaning(t *testing.T) { // THREATS rule 2
	s := NewStories()
	seq := int64(0)
	for _, id := range []string{"cleaning", "forgotten", "running"} {
		for _, e := range []ev{requested, provisioning, saw("present"), confirmed, ended} {
			if id == "running" && e.kind == ended.kind {
				continue
			}
			entry := e.entry(seq)
			if entry.Correlation != "" {
				entry.Correlation = id
			}
			if err := s.Replay(entry); err != nil {
				t.Fatal(err)
			}
			seq++
		}
	}
	if open := s.Open(); len(open) != 3 || open[0].ID != "cleaning" || open[2].State != StoryActive {
		t.Errorf("%+v", open)
	}
	f := s.Unsettled(func(id string) bool { return id == "cleaning" })
	if len(f) != 1 || f[0].Seq != 9 || !strings.Contains(f[0].What, "forgotten") {
		t.Errorf("%v", f)
	}
}

func TestVerifyReplaysStories(t *testing.T) {
	m := newMemLog(t)
	for i, e := range []ev{requested, provisioning, confirmed, provisioning} {
		m.add(t, e.entry(int64(i)))
	}
	l := m.read()
	l.Replay = NewStories().Replay
	r := verify(t, l)
	if len(r.Findings) != 1 || r.Findings[0].Seq != 3 || r.Size != 4 {
		t.Errorf("%+v", r.Findings)
	}
}

// The vocabulary lives in pim; a new activation event needs a row in steps.
func TestEveryActivationEventOfTheDomainHasAStep(t *testing.T) {
	files, err := filepath.Glob("../pim/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	known := NewStories().byEvent
	found := 0
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`EventType = "((?:activation|extension)\.[a-z_]+)"`).FindAllStringSubmatch(string(src), -1) {
			found++
			if _, ok := known[m[1]]; !ok && m[1] != string(pim.EvActRefused) && m[1] != string(pim.EvExtRefused) { // never an activation, so no story
				t.Errorf("%s (%s) has no row in steps", m[1], file)
			}
		}
	}
	if found < len(known) {
		t.Errorf("%d activation events in pim, %d in steps", found, len(known))
	}
}

// The domain's own constructors, encoded and decoded as the store does it, tell a legal story.
func TestStoryOfTheDomain(t *testing.T) {
	now := time.UnixMicro(1_790_000_000_000_000).UTC()
	a := pim.Activation{ID: "act-1", PrincipalID: "asker", StepUpID: "c1", RoleID: "r", ResourceID: "s", Duration: time.Hour, StartsAt: now, EndsAt: now.Add(time.Hour),
		Verdicts: []pim.Verdict{{Rule: pim.RuleApproval, State: pim.Todo}, {Rule: pim.RuleDuration, State: pim.Pass}}}
	over := a
	over.State, over.EndedAt = pim.Expired, now.Add(time.Hour)
	events := []pim.Event{
		pim.ActivationRequested(a),
		pim.ActivationApprovalAsked(a, pim.ApprovalStage{Number: 1, Quorum: 1, TimesOutAt: now}),
		pim.ActivationDecided(a, pim.ApprovalDecision{PrincipalID: "boss", Approve: true, Stage: 1}),
		pim.ActivationProvisioning(a, pim.System),
		pim.GrantEventOf(pim.EvGrantConfirmed, pim.Grant{ID: "g1", Seen: pim.Present, Before: pim.Absent}, nil),
		pim.ActivationConfirmed(a),
		pim.ActivationOver(over, pim.System, ""),
		pim.GrantEventOf(pim.EvGrantGone, pim.Grant{ID: "g1", Seen: pim.Absent, Before: pim.Absent}, nil),
		pim.ActivationSettled(over, map[string]pim.Outcome{"g1": pim.OutcomeGone}),
	}
	s := NewStories()
	for i, e := range events {
		leaf, err := Encode(Entry{Seq: int64(i), At: now, Type: string(e.Type), Actor: e.Actor, Subject: e.Subject, RoleID: e.RoleID, ResourceID: e.ResourceID,
			TargetID: e.TargetID, ObjectID: e.ObjectID, Correlation: e.Correlation, Result: string(e.Result), Facts: e.Facts})
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(leaf)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Replay(back); err != nil {
			t.Error(err)
		}
	}
	if got := s.stories["act-1"]; got.State != StorySettled || !got.asked {
		t.Errorf("%+v", got)
	}
}
