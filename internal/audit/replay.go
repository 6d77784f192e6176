package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// StoryState is where an activation's story stands in the log.
type StoryState string

// The states of a story. The empty state is a story that has not begun.
const (
	StoryRequested    StoryState = "requested"
	StoryWaiting      StoryState = "pending_approval"
	StoryApproved     StoryState = "approved"
	StoryScheduled    StoryState = "scheduled"
	StoryProvisioning StoryState = "provisioning"
	StoryActive       StoryState = "active"
	StoryOver         StoryState = "over"    // never wanted at a target, nothing to clean up
	StoryEnding       StoryState = "ending"  // was wanted at a target, not yet seen clean
	StorySettled      StoryState = "settled" // read back: gone, shared, or as it was before
)

// step is one row of the table: an event type, where it may happen, where it leads, and a rule about
// the entry beside the state (nil: none).
type step struct {
	event string
	from  []StoryState
	to    StoryState
	rule  func(*Stories, *Story, Entry) string // what is wrong, or ""
}

// steps is the legal life of an activation as entries tell it (DESIGN §3, the picture of pim/doc.go).
// A new event of an activation is a new row here; an activation event without a row is a finding.
var steps = []step{
	{"activation.requested", []StoryState{""}, StoryRequested, begin},
	{"activation.approval_requested", []StoryState{StoryRequested, StoryApproved}, StoryWaiting, openStage},
	{"activation.approved", []StoryState{StoryWaiting, StoryApproved}, StoryApproved, countApproval},
	{"activation.denied", []StoryState{StoryWaiting, StoryApproved}, StoryOver, notByThemselves},
	{"activation.canceled", []StoryState{StoryRequested, StoryWaiting, StoryApproved, StoryScheduled}, StoryOver, nil},
	{"activation.timed_out", []StoryState{StoryWaiting, StoryApproved}, StoryOver, nil},
	{"activation.ended", []StoryState{StoryRequested, StoryWaiting, StoryApproved, StoryScheduled}, StoryOver, nil},
	{"activation.scheduled", []StoryState{StoryRequested, StoryApproved}, StoryScheduled, mayProvision},
	{"activation.touch_requested", []StoryState{StoryScheduled}, StoryScheduled, askTouch},
	{"activation.touched", []StoryState{StoryScheduled}, StoryScheduled, touched},
	{"activation.refused_at_start", []StoryState{StoryScheduled}, StoryOver, nil},
	{"activation.provisioning", []StoryState{StoryRequested, StoryApproved, StoryScheduled}, StoryProvisioning, mayProvision},
	{"activation.extended", []StoryState{StoryProvisioning}, StoryProvisioning, extended},
	{"activation.extended", []StoryState{StoryActive}, StoryActive, extended},
	{"extension.requested", []StoryState{StoryProvisioning}, StoryProvisioning, askExtension},
	{"extension.requested", []StoryState{StoryActive}, StoryActive, askExtension},
	{"extension.approved", []StoryState{StoryProvisioning}, StoryProvisioning, approveExtension},
	{"extension.approved", []StoryState{StoryActive}, StoryActive, approveExtension},
	{"extension.denied", []StoryState{StoryProvisioning}, StoryProvisioning, denyExtension},
	{"extension.denied", []StoryState{StoryActive}, StoryActive, denyExtension},
	{"extension.canceled", []StoryState{StoryProvisioning}, StoryProvisioning, closeExtension},
	{"extension.canceled", []StoryState{StoryActive}, StoryActive, closeExtension},
	{"extension.timed_out", []StoryState{StoryProvisioning}, StoryProvisioning, closeExtension},
	{"extension.timed_out", []StoryState{StoryActive}, StoryActive, closeExtension},
	{"extension.ended_with_activation", []StoryState{StoryProvisioning}, StoryProvisioning, closeExtension},
	{"extension.ended_with_activation", []StoryState{StoryActive}, StoryActive, closeExtension},
	{"activation.confirmed", []StoryState{StoryProvisioning}, StoryActive, nil},
	{"activation.failed", []StoryState{StoryProvisioning, StoryActive}, StoryEnding, nil},
	{"activation.ended", []StoryState{StoryProvisioning, StoryActive}, StoryEnding, nil},
	{"activation.settled", []StoryState{StoryEnding}, StorySettled, readBack},
}

// Story is one activation as far as the log tells it.
type Story struct {
	ID    string // the activation's id, its entries' Correlation
	State StoryState
	Seq   int64 // its latest entry
	At    time.Time

	asked     bool     // the rules asked for approval
	quorum    int      // of the stage that is open
	approved  []string // who approved in it
	untouched bool     // its start waits for the holder's passkey
	extension extension
}

// extension is the one of an activation that waits for approval, or was granted and has not moved the end yet.
type extension struct {
	id        string
	asked, ok bool // the rules asked for approval; it may move the end
}

// Stories replays the log's meaning beside its bytes: every activation takes only legal steps, is
// approved where approval was asked for and never by its own subject, and is called clean only after
// its grants were read back (THREATS rule 2 and §5, offline verify 4). Use a new one for each log.
type Stories struct {
	stories map[string]*Story
	seen    map[string]string // by grant id: what the latest entry of the grant saw at the target
	stated  map[string]bool   // by grant id: somebody stated that it is gone, and it was not seen since
	byEvent map[string][]step
	reviews map[string]*reviewStory
}

// NewStories returns Stories before the first entry.
func NewStories() *Stories {
	s := &Stories{stories: map[string]*Story{}, seen: map[string]string{}, stated: map[string]bool{}, byEvent: map[string][]step{}, reviews: map[string]*reviewStory{}}
	for _, st := range steps {
		s.byEvent[st.event] = append(s.byEvent[st.event], st)
	}
	return s
}

// Replay takes the next entry, in the order of the log; it is made for Log.Replay. The error says in
// plain words which step is illegal; the story goes on from the state the entry leads to.
func (s *Stories) Replay(e Entry) error {
	if e.Result == ResultRefused {
		return nil // evidence of what did not happen
	}
	if strings.HasPrefix(e.Type, "grant.") {
		if seen, ok := e.Facts["seen"].(string); ok {
			s.seen[e.ObjectID] = seen
			s.stated[e.ObjectID] = seen == "unseen" && (s.stated[e.ObjectID] || e.Type == "grant.accepted_gone")
		}
		if e.Type == "grant.accepted_gone" {
			return acceptable(e)
		}
		return nil
	}
	if strings.HasPrefix(e.Type, "review.") {
		return s.replayReview(e)
	}
	if !strings.HasPrefix(e.Type, "activation.") && !strings.HasPrefix(e.Type, "extension.") {
		return nil
	}
	if e.Correlation == "" {
		return fmt.Errorf("%s does not say which activation it belongs to", e.Type)
	}
	rows, ok := s.byEvent[e.Type]
	if !ok {
		return fmt.Errorf("%s is not an event of an activation that this Stint knows", e.Type)
	}
	return s.step(rows, e)
}

func (s *Stories) step(rows []step, e Entry) error {
	story := s.stories[e.Correlation]
	if story == nil {
		story = &Story{ID: e.Correlation}
		s.stories[e.Correlation] = story
	}
	before := *story
	i := slices.IndexFunc(rows, func(r step) bool { return slices.Contains(r.from, before.State) })
	legal := i >= 0
	if !legal {
		i = len(rows) - 1 // the row that leaves most to be cleaned up
	}
	row := rows[i]
	what := ""
	if row.rule != nil {
		what = row.rule(s, story, e)
	}
	story.State, story.Seq, story.At = row.to, e.Seq, e.At
	switch {
	case !legal && before.State == "":
		return fmt.Errorf("%s of activation %s, which was never requested", e.Type, e.Correlation)
	case !legal:
		return fmt.Errorf("%s of activation %s, which is %s since entry %d", e.Type, e.Correlation, before.State, before.Seq)
	case what != "":
		return fmt.Errorf("%s of activation %s: %s", e.Type, e.Correlation, what)
	}
	return nil
}

// begin remembers whether the rules asked for approval, and holds the passkey they asked for against what was given.
// Entries from before that was told do not say.
func begin(_ *Stories, story *Story, e Entry) string {
	verdicts, _ := e.Facts["verdicts"].(map[string]any)
	story.asked = verdicts["approval"] == "todo"
	if asked, _ := e.Facts["passkey"].(bool); asked && e.Facts["step_up"] == "" {
		return "requested without the passkey its rules asked for"
	}
	if unproved(e) {
		return "requested without the sign-in at the provider its rules asked for"
	}
	return ""
}

// unproved reports whether the rules asked for a sign-in again at the provider and none of those they name is there.
func unproved(e Entry) bool {
	asked, _ := e.Facts["contexts"].([]string)
	proof, _ := e.Facts["proof"].(string)
	context, _ := e.Facts["context"].(string)
	return len(asked) > 0 && (proof == "" || !slices.Contains(asked, context))
}

func openStage(_ *Stories, story *Story, e Entry) string {
	short := story.State == StoryApproved && len(story.approved) < story.quorum
	quorum, _ := e.Facts["quorum"].(int64)
	story.asked, story.quorum, story.approved = true, max(int(quorum), 1), nil
	if short {
		return "the stage before it was not approved by enough people"
	}
	return ""
}

func countApproval(_ *Stories, story *Story, e Entry) string {
	if slices.Contains(story.approved, e.Actor) {
		return "the same approver counts only once"
	}
	story.approved = append(story.approved, e.Actor)
	return notByThemselves(nil, story, e)
}

// notByThemselves compares accounts: which accounts are one person is not in the entry.
func notByThemselves(_ *Stories, _ *Story, e Entry) string {
	if e.Actor == e.Subject {
		return "decided by the one who asked (DESIGN invariant 5)"
	}
	return ""
}

func mayProvision(_ *Stories, story *Story, _ Entry) string {
	if story.asked && (story.quorum == 0 || len(story.approved) < story.quorum) {
		return "granted without the approval its rules asked for"
	}
	if story.untouched {
		return "started without the passkey it asked for at its start"
	}
	return ""
}

func askTouch(_ *Stories, story *Story, _ Entry) string {
	story.untouched = true
	return ""
}

func touched(_ *Stories, story *Story, e Entry) string {
	story.untouched = false
	if e.Actor != e.Subject {
		return "touched by somebody else than its holder"
	}
	return ""
}

func askExtension(_ *Stories, story *Story, e Entry) string {
	what := ""
	if story.extension.id != "" {
		what = "another extension of it waits already"
	}
	if what == "" && unproved(e) {
		what = "asked for without the sign-in at the provider its rules asked for"
	}
	verdicts, _ := e.Facts["verdicts"].(map[string]any)
	asked := verdicts["approval"] == "todo"
	story.extension = extension{id: e.ObjectID, asked: asked, ok: !asked}
	return what
}

func approveExtension(_ *Stories, story *Story, e Entry) string {
	if story.extension.id != e.ObjectID || !story.extension.asked {
		return "no such extension waits"
	}
	story.extension.ok = true
	return notByThemselves(nil, story, e)
}

func denyExtension(_ *Stories, story *Story, e Entry) string {
	if what := closeExtension(nil, story, e); what != "" {
		return what
	}
	return notByThemselves(nil, story, e)
}

func closeExtension(_ *Stories, story *Story, e Entry) string {
	waits := story.extension.id == e.ObjectID && !story.extension.ok
	story.extension = extension{}
	if !waits {
		return "no such extension waits"
	}
	return ""
}

// extended holds a later end against the extension that allows it, its cap, and the end it moves (T15).
func extended(_ *Stories, story *Story, e Entry) string {
	id, _ := e.Facts["extension"].(string)
	from, _ := e.Facts["from_end"].(int64)
	end, _ := e.Facts["ends_at"].(int64)
	by, _ := e.Facts["ends_by"].(int64)
	allowed := id != "" && story.extension.id == id && story.extension.ok
	story.extension = extension{}
	switch {
	case !allowed:
		return "extended without an extension that allows it"
	case end <= from || end > by:
		return "extended to an end that is not within its limits"
	}
	return ""
}

// seenAtEnd is what the last look at a grant must have seen for each outcome.
var seenAtEnd = map[string]string{"gone": "absent", "shared": "present", "before": "present", "nothing": "unseen", "accepted": "unseen"}

// acceptable: a person states, with a passkey, that what nobody can see is gone.
func acceptable(e Entry) error {
	if evidence, _ := e.Facts["evidence"].(string); e.Actor == "system" || evidence == "" || e.Facts["seen"] != "unseen" {
		return fmt.Errorf("%s of grant %s is not stated by a person with a passkey about what is not visible", e.Type, e.ObjectID)
	}
	return nil
}

// readBack holds "ended means read back" (THREATS rule 2) against the entries of the grants.
func readBack(s *Stories, _ *Story, e Entry) string {
	outcomes, _ := e.Facts["outcomes"].(map[string]any)
	for _, grant := range slices.Sorted(maps.Keys(outcomes)) {
		outcome, _ := outcomes[grant].(string)
		want, ok := seenAtEnd[outcome]
		switch {
		case !ok:
			return fmt.Sprintf("grant %s has the outcome %q, which is no end", grant, outcome)
		case s.seen[grant] != want:
			return fmt.Sprintf("grant %s is called %s, but the entry before it that looked last did not see it %s", grant, outcome, want)
		case outcome == "accepted" && !s.stated[grant]:
			return fmt.Sprintf("grant %s is called accepted as gone, and nobody stated that", grant)
		}
	}
	return ""
}

// Open returns the stories that are not over, oldest entry first: waiting, granting, active, or ended
// and still being cleaned up.
func (s *Stories) Open() []Story {
	var open []Story
	for _, story := range s.stories {
		if story.State != StoryOver && story.State != StorySettled {
			open = append(open, *story)
		}
	}
	slices.SortFunc(open, func(a, b Story) int { return cmp.Compare(a.Seq, b.Seq) })
	return open
}

// Unsettled returns a finding for each activation that ended, was wanted at a target, was not read
// back since, and for which no cleaning is open either. cleaning answers whether one is, for an
// activation id.
func (s *Stories) Unsettled(cleaning func(activationID string) bool) []Finding {
	var findings []Finding
	for _, story := range s.Open() {
		if story.State == StoryEnding && !cleaning(story.ID) {
			findings = append(findings, Finding{Seq: story.Seq, Through: story.Seq, Checkpoint: -1,
				What: fmt.Sprintf("activation %s ended here, nobody saw its grants gone, and no cleaning is open", story.ID)})
		}
	}
	return findings
}
