package pim

import (
	"fmt"
	"time"
)

// ReviewShrink is how what somebody holds becomes less.
type ReviewShrink string

// The ways to shrink. A proposal carries what it needs in ShrinkTo.
const (
	ShrinkNone     ReviewShrink = ""
	ShrinkEnd      ReviewShrink = "end"      // a permanent assignment gets an end
	ShrinkEligible ReviewShrink = "eligible" // active becomes eligible
	ShrinkScope    ReviewShrink = "scope"    // at a resource below, the only one it was used at
)

// ShrinkTo is what is left after shrinking.
type ShrinkTo struct {
	How        ReviewShrink
	EndsAt     time.Time `json:",omitzero"`
	ResourceID string    `json:",omitempty"`
}

// ReviewUse is what is known of the use of one item at the start of a review, frozen with it (W-41).
type ReviewUse struct {
	Version     int64     // of the assignment
	StartsAt    time.Time `json:",omitzero"`
	EndsAt      time.Time `json:",omitzero"` // zero: permanent
	Source      Source    `json:",omitempty"`
	MemberOf    string    `json:",omitempty"` // where a membership came from: file, local, claim or directory
	LastUsed    time.Time `json:",omitzero"`  // start of the last activation, ever
	Uses        int       `json:",omitempty"` // activations in the period
	LastSeen    time.Time `json:",omitzero"`  // last sign-in at Stint
	Department  string    `json:",omitempty"`
	Title       string    `json:",omitempty"`
	Manager     string    `json:",omitempty"`
	Moved       string    `json:",omitempty"` // "department" or "manager": changed since the last instance that reviewed it
	Peers       int       `json:",omitempty"` // others of the same department and job who hold the same
	PeersUse    int       `json:",omitempty"` // of them who used it in the period
	OnlyAt      string    `json:",omitempty"` // the one resource below it was used at in the period
	Within      []string  `json:",omitempty"` // of a group: its reviewers who were in it at the start
	Enabled     bool
	Because     []Because `json:",omitempty"`
	Shrink      ShrinkTo  `json:",omitzero"` // what is proposed where the recommendation is to shrink
	Recommended ReviewAnswer
}

// Because is one reason of a recommendation.
type Because string

// The reasons; the words for them are made where they are shown.
const (
	BecauseUsed          Because = "used"           // activated in the period
	BecauseUnused        Because = "unused"         // not activated in the period
	BecauseNeverUsed     Because = "never_used"     // never activated
	BecauseNew           Because = "new"            // assigned too lately to tell
	BecausePeersUse      Because = "peers_use"      // most of the same department and job use it
	BecausePeersDoNot    Because = "peers_do_not"   // none of them does
	BecauseNotSeen       Because = "not_seen"       // did not sign in to Stint in the period
	BecauseSeen          Because = "seen"           // signed in to Stint in the period
	BecauseDisabled      Because = "disabled"       // cannot sign in any more
	BecauseMoved         Because = "moved"          // another department or manager
	BecauseStanding      Because = "standing"       // active all the time although eligible would do
	BecausePermanent     Because = "permanent"      // eligible without an end
	BecauseNarrower      Because = "narrower"       // used at one resource below alone
	BecauseNotMeasurable Because = "not_measurable" // a workload or a group: nobody activates it
)

// ReviewResult is what came of an answer at the end (W-90).
type ReviewResult string

// The results.
const (
	ResultNone      ReviewResult = ""          // not applied yet (New)
	ResultKept      ReviewResult = "kept"      // approved, not known, or left as it was
	ResultRemoving  ReviewResult = "removing"  // no longer assigned; not seen gone at the target yet
	ResultRemoved   ReviewResult = "removed"   // and seen gone where it meant something (AppliedSuccessfully)
	ResultShrinking ReviewResult = "shrinking" // less of it assigned; not seen gone yet
	ResultShrunk    ReviewResult = "shrunk"    //
	ResultElsewhere ReviewResult = "elsewhere" // removed, and still held through something else
	ResultGone      ReviewResult = "gone"      // it was gone before (AppliedSuccessfullyButObjectNotFound)
	ResultChanged   ReviewResult = "changed"   // it became something else since: left alone
	ResultRefused   ReviewResult = "refused"   // by a rule, such as the last administrator
	ResultFailed    ReviewResult = "failed"    // tried again (AppliedWithUnknownFailure)
	ResultNotHere   ReviewResult = "not_by_us" // a membership another system decides (ApplyNotSupported, W-92, W-93)
)

// ReviewResults are all of them.
var ReviewResults = []ReviewResult{ResultNone, ResultKept, ResultRemoving, ResultRemoved, ResultShrinking, ResultShrunk, ResultElsewhere, ResultGone, ResultChanged, ResultRefused,
	ResultFailed, ResultNotHere}

// AnsweredAs says how an answer came to be.
type AnsweredAs string

// How answers come to be.
const (
	AsReviewer       AnsweredAs = ""
	AsOwnAccess      AnsweredAs = "own"            // of their own access, where people review themselves
	AsRecommendation AnsweredAs = "recommendation" // accepted for what was open
	AsSilence        AnsweredAs = "silence"        // by what the terms say of silence
	AsDelegation     AnsweredAs = "delegation"     // no answer: handed to somebody else
	AsReset          AnsweredAs = "reset"          // no answer: all were taken back (W-81)
)

// ReviewItem is one thing that is reviewed: an assignment, or a membership of a group.
type ReviewItem struct {
	ID           string
	InstanceID   string
	AssignmentID string
	GroupID      string // of a membership
	PrincipalID  string
	PersonID     string // of a person
	RoleID       string
	ResourceID   string
	Kind         AssignmentKind
	Frozen       ReviewUse
	Sets         []string // of reviewers, by stage
	SetID        string   // the one whose turn it is
	SortName     string   // folded: whose, then what
	SortPlace    string   // folded: where, then what, then whose
	Answer       ReviewAnswer
	Shrink       ShrinkTo
	Reason       string
	DecidedBy    string
	DecidedAt    time.Time
	DecidedAs    AnsweredAs
	Result       ReviewResult
	ResultText   string
	ResultAt     time.Time
	GoneAt       time.Time // seen gone at the target
	DueAt        time.Time // when to look again
	Tries        int64
	Version      int64
}

// ReviewDecision is one line of an item's history (W-62, EC-23): the last one counts.
type ReviewDecision struct {
	ID         string
	InstanceID string
	ItemID     string
	Stage      int
	Answer     ReviewAnswer
	Shrink     ShrinkTo
	Reason     string
	By         string
	As         AnsweredAs
	At         time.Time
}

// ReviewSet is who reviews some items in a stage, frozen at the start.
type ReviewSet struct {
	ID         string
	InstanceID string
	Stage      int
	Members    []ReviewSetMember
	Items      int64
	Decided    int64
}

// ReviewSetMember is one reviewer of a set.
type ReviewSetMember struct {
	PrincipalID string
	PersonID    string
	Fallback    bool
	ToldAt      time.Time // last told that something waits (W-47)
}

// ReviewFrozenTerms are the terms of an item as the hash of a population takes them in.
func ReviewFrozenTerms(u ReviewUse) string {
	return fmt.Sprintf("%d %d %d %s", u.Version, micros(u.StartsAt), micros(u.EndsAt), u.Recommended)
}
