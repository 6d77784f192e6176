package pim

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of a review.
const (
	MaxReviewText     = 256 // characters of what reviewers are told (W-10)
	MaxReviewName     = 120 // characters of a name
	MaxInactiveDays   = 730 // W-18
	MaxReviewStages   = 3   // W-50
	MaxReviewDays     = 365 // of all stages together
	MaxReviewScope    = 200 // roles, resources or groups named in a scope; a resource stands for everything below it
	MaxReviewPeople   = 50  // reviewers chosen by name in one stage, fallbacks apart
	DefaultReviewDays = 14
	DefaultLookBack   = 30 // days of use that a recommendation looks at (W-40)
	MaxLookBack       = 365
)

// ReviewerKind is who reviews in a stage (W-21).
type ReviewerKind string

// The kinds of reviewers.
const (
	ReviewersChosen  ReviewerKind = "chosen"  // people and members of groups
	ReviewersSelf    ReviewerKind = "self"    // each person their own
	ReviewersManager ReviewerKind = "manager" // of each person
	ReviewersOwners  ReviewerKind = "owners"  // who administers the resource
)

// ReviewStage is one of one to three stages (W-50).
type ReviewStage struct {
	Kind     ReviewerKind
	People   []string // principals, groups among them; only where they are chosen
	Fallback []string // who reviews what nobody else may (W-23); empty: administrators of Stint
	Days     int
}

// ReviewScope is what is reviewed: assignments, or the members of groups.
type ReviewScope struct {
	Roles        []string // empty: every role
	Resources    []string // each with everything below it; empty: everything
	Groups       []string // whose members are reviewed instead of assignments
	Kinds        []AssignmentKind
	GuestsOnly   bool // W-17
	InactiveDays int  // only who did not sign in to Stint for so long; 0: everybody (W-18)
}

// ReviewAnswer is an answer to "is this still needed?" (W-61). Empty is none.
type ReviewAnswer string

// The answers.
const (
	AnswerNone     ReviewAnswer = ""
	AnswerApprove  ReviewAnswer = "approve"
	AnswerDeny     ReviewAnswer = "deny"
	AnswerDontKnow ReviewAnswer = "dont_know" // access stays, and it is told
	AnswerShrink   ReviewAnswer = "shrink"    // kept, but less of it
)

// ReviewAnswers are the answers a reviewer may give.
var ReviewAnswers = []ReviewAnswer{AnswerApprove, AnswerDeny, AnswerDontKnow, AnswerShrink}

// ReviewSilence is what becomes of what nobody answered (W-31).
type ReviewSilence string

// What becomes of silence.
const (
	SilenceNoChange  ReviewSilence = "no_change"
	SilenceRemove    ReviewSilence = "remove"
	SilenceKeep      ReviewSilence = "keep"
	SilenceRecommend ReviewSilence = "recommendation"
)

// ReviewTerms are the terms of a review; those of an instance are fixed at its start.
type ReviewTerms struct {
	Text        string // for reviewers
	Scope       ReviewScope
	Stages      []ReviewStage
	MovesOn     []ReviewAnswer // with which answer something goes on to the next stage (W-52)
	ShowEarlier bool           // later stages see the answers of earlier ones (W-53)
	Apply       bool           // by itself at the end (W-30)
	Silence     ReviewSilence
	NeedReason  bool // W-43; to deny and to shrink as to approve
	Remind      bool // at the middle (W-45)
	Recommend   bool
	LookBack    int // days
}

// Days is how long all stages last together (W-50).
func (t ReviewTerms) Days() (n int) {
	for _, s := range t.Stages {
		n += s.Days
	}
	return n
}

// Dangerous reports whether reviewers who stay silent take access away without anybody looking (W-32, EC-26).
func (t ReviewTerms) Dangerous() bool {
	return t.Apply && (t.Silence == SilenceRemove || t.Silence == SilenceRecommend)
}

// ReviewFrequency is how often a review comes (W-12).
type ReviewFrequency string

// The frequencies.
const (
	ReviewOnce       ReviewFrequency = "once"
	ReviewWeekly     ReviewFrequency = "weekly"
	ReviewMonthly    ReviewFrequency = "monthly"
	ReviewQuarterly  ReviewFrequency = "quarterly"
	ReviewHalfYearly ReviewFrequency = "half_yearly"
	ReviewYearly     ReviewFrequency = "yearly"
	ReviewByRule     ReviewFrequency = "rule" // an RRULE (RFC 5545 §3.3.10)
)

// ReviewFrequencies are all of them.
var ReviewFrequencies = []ReviewFrequency{ReviewOnce, ReviewWeekly, ReviewMonthly, ReviewQuarterly, ReviewHalfYearly, ReviewYearly, ReviewByRule}

// longestReview is how many days a review of a frequency may last, so that it is over before the next begins (W-13, EC-27).
var longestReview = map[ReviewFrequency]int{ReviewOnce: MaxReviewDays, ReviewWeekly: 7, ReviewMonthly: 27, ReviewQuarterly: 89, ReviewHalfYearly: 180, ReviewYearly: 364}

// ReviewSchedule is when the instances of a series begin.
type ReviewSchedule struct {
	Frequency ReviewFrequency
	Rule      string    // RRULE without DTSTART, COUNT and UNTIL; only with ReviewByRule
	StartsAt  time.Time // the first; the wall clock of Zone decides those after it
	Zone      string    // IANA name
	Until     time.Time // none begins after it; zero: for ever
	Count     int       // how many in all; 0: no limit (W-14)
}

// ReviewDefinition is a series of reviews, or one that comes once (DESIGN §3).
type ReviewDefinition struct {
	ID      string
	Name    string
	Terms   ReviewTerms
	When    ReviewSchedule
	AsOwner bool // made by an owner of a resource: it reviews only what owners there hand out (K-33)
	MadeBy  string
	Created time.Time
	NextAt  time.Time // when the next instance begins; zero: none
	Started int64     // instances so far
	Version int64
}

// ReviewState is where an instance stands (W-68).
//
//	starting ──> in_progress ──> advancing ──> in_progress (the next stage)
//	                  └────────> completing ──> completed ──> applying ──> applied
//
// starting freezes the population in pieces, advancing and completing go through it in pieces (AutoReviewing), completed
// waits for somebody to apply it, applying takes away and reads back. An instance may be deleted wherever it stands.
type ReviewState string

// The states of an instance.
const (
	ReviewStarting   ReviewState = "starting"
	ReviewInProgress ReviewState = "in_progress"
	ReviewAdvancing  ReviewState = "advancing"
	ReviewCompleting ReviewState = "completing"
	ReviewCompleted  ReviewState = "completed"
	ReviewApplying   ReviewState = "applying"
	ReviewApplied    ReviewState = "applied"
)

// ReviewCounts are the items of an instance by the answer that counts.
type ReviewCounts struct{ Items, Approved, Denied, Shrunk, DontKnow int64 }

// Decided is how many have an answer.
func (c ReviewCounts) Decided() int64 { return c.Approved + c.Denied + c.Shrunk + c.DontKnow }

// Add counts n items more with an answer.
func (c *ReviewCounts) Add(a ReviewAnswer, n int64) {
	switch a {
	case AnswerApprove:
		c.Approved += n
	case AnswerDeny:
		c.Denied += n
	case AnswerShrink:
		c.Shrunk += n
	case AnswerDontKnow:
		c.DontKnow += n
	}
}

// ReviewInstance is one review that runs or ran.
type ReviewInstance struct {
	ID         string
	ReviewID   string
	Number     int64 // 1, 2, … in its series
	Name       string
	Terms      ReviewTerms
	State      ReviewState
	Stage      int       // from 0
	PlannedAt  time.Time // when the schedule said
	StartedAt  time.Time
	StageEnds  time.Time
	EndsAt     time.Time
	RemindAt   time.Time
	After      string // up to where, in what is gone through in pieces
	Done       int64
	About      int64
	Population string // hash of what was frozen; empty until it is
	Counts     ReviewCounts
	EndedAt    time.Time
	EndedBy    string
	AppliedAt  time.Time
	AppliedBy  string
	Version    int64
}

// OpenAt reports whether answers are taken: until the end of the stage, whether its end was recorded yet or not (M-06).
func (i ReviewInstance) OpenAt(now time.Time) bool {
	return i.State == ReviewInProgress && now.Before(i.StageEnds)
}

// LastStage reports whether no stage comes after this one.
func (i ReviewInstance) LastStage() bool { return i.Stage+1 >= len(i.Terms.Stages) }

// CheckReview refuses terms and a schedule that cannot be (W-10, W-13, W-18, W-50, EC-27). It does not know whether
// people, roles, resources and the zone exist, nor whether an RRULE can be read.
func CheckReview(d ReviewDefinition, now time.Time) *Refusal {
	name := strings.TrimSpace(d.Name)
	switch {
	case name == "":
		return Invalid("name", "Give the review a name that reviewers will recognise.")
	case utf8.RuneCountInString(name) > MaxReviewName:
		return Invalid("name", "At most %d characters.", MaxReviewName)
	case utf8.RuneCountInString(d.Terms.Text) > MaxReviewText:
		return Invalid("text", "At most %d characters.", MaxReviewText)
	}
	if r := checkScope(d.Terms.Scope); r != nil {
		return r
	}
	if r := checkStages(d.Terms); r != nil {
		return r
	}
	switch {
	case !slices.Contains([]ReviewSilence{SilenceNoChange, SilenceRemove, SilenceKeep, SilenceRecommend}, d.Terms.Silence):
		return Invalid("silence", "Choose what becomes of access nobody answers about.")
	case d.Terms.Silence == SilenceRecommend && !d.Terms.Recommend:
		return Invalid("silence", "Without recommendations there is none to follow. Turn them on, or choose something else.")
	case d.Terms.Recommend && (d.Terms.LookBack < 1 || d.Terms.LookBack > MaxLookBack):
		return Invalid("look_back", "From 1 to %d days.", MaxLookBack)
	}
	return checkSchedule(d, now)
}

func checkScope(s ReviewScope) *Refusal {
	switch {
	case len(s.Groups) > 0 && (len(s.Roles) > 0 || len(s.Resources) > 0):
		return Invalid("groups", "A review is about the members of groups, or about roles. Choose one of them.")
	case len(s.Groups) == 0 && len(s.Kinds) == 0:
		return Invalid("kinds", "Choose eligible, active or both.")
	case len(s.Roles) > MaxReviewScope:
		return Invalid("roles", "At most %d roles. Choose none for every role, or make several reviews.", MaxReviewScope)
	case len(s.Resources) > MaxReviewScope:
		return Invalid("resources", "At most %d resources. Choose one above them: it stands for everything below it.", MaxReviewScope)
	case len(s.Groups) > MaxReviewScope:
		return Invalid("groups", "At most %d groups. Make several reviews.", MaxReviewScope)
	case s.InactiveDays < 0 || s.InactiveDays > MaxInactiveDays:
		return Invalid("inactive_days", "From 1 to %d days, or leave it empty.", MaxInactiveDays)
	}
	for _, k := range s.Kinds {
		if k != Eligible && k != Active {
			return Invalid("kinds", "Choose eligible, active or both.")
		}
	}
	return nil
}

func checkStages(t ReviewTerms) *Refusal {
	if len(t.Stages) == 0 || len(t.Stages) > MaxReviewStages {
		return Invalid("stages", "A review has one to %d stages.", MaxReviewStages)
	}
	for i, s := range t.Stages {
		field := func(name string) string { return fmt.Sprintf("%s_%d", name, i+1) }
		switch {
		case !slices.Contains([]ReviewerKind{ReviewersChosen, ReviewersSelf, ReviewersManager, ReviewersOwners}, s.Kind):
			return Invalid(field("reviewers"), "Choose who reviews.")
		case s.Kind == ReviewersChosen && len(s.People) == 0:
			return Invalid(field("people"), "Choose at least one reviewer.")
		case len(s.People) > MaxReviewPeople:
			return Invalid(field("people"), "At most %d people and groups. Choose a group instead.", MaxReviewPeople)
		case len(s.Fallback) > MaxReviewPeople:
			return Invalid(field("fallback"), "At most %d people and groups. Choose a group instead.", MaxReviewPeople)
		case s.Days < 1:
			return Invalid(field("days"), "At least 1 day.")
		}
	}
	if len(t.Stages) > 1 && len(t.MovesOn) == 0 {
		return Invalid("moves_on", "Choose which answers go on to the next stage.")
	}
	return nil
}

func checkSchedule(d ReviewDefinition, now time.Time) *Refusal {
	limit, known := longestReview[d.When.Frequency]
	switch {
	case !known && d.When.Frequency != ReviewByRule:
		return Invalid("frequency", "Choose how often the review comes.")
	case d.When.StartsAt.IsZero():
		return Invalid("start", "Choose when the first one begins.")
	case known && d.Terms.Days() > limit:
		return Invalid("days_1", "All stages together last at most %d days, so that one review is over before the next begins.", limit)
	case d.When.Frequency == ReviewByRule && strings.TrimSpace(d.When.Rule) == "":
		return Invalid("rule", "Write when it comes, such as FREQ=MONTHLY;BYDAY=1MO.")
	case d.Terms.Days() > MaxReviewDays:
		return Invalid("days_1", "All stages together last at most %d days.", MaxReviewDays)
	case d.When.Count < 0:
		return Invalid("count", "At least 1, or leave it empty.")
	case !d.When.Until.IsZero() && d.When.Until.Before(d.When.StartsAt):
		return Invalid("until", "The series ends before it begins. Choose a later end.")
	case !d.When.Until.IsZero() && d.When.Count > 0:
		return Invalid("count", "A series ends on a day or after a number of reviews. Choose one of them.")
	case d.Started == 0 && d.When.StartsAt.Before(now.Add(-time.Hour)):
		return Invalid("start", "That is past. Choose a later start, or now.")
	}
	return nil
}
