package pim

import "time"

// LongChangeKind is what was decided.
type LongChangeKind string

// The kinds of a long change.
const (
	LongRetire LongChangeKind = "retire" // of a resource with everything below it
	LongMove   LongChangeKind = "move"   // of a resource
	LongGroup  LongChangeKind = "group"  // removal of a group
)

// LongChange is a decision about a resource or a group that too much follows from for one write (invariant 13). What was decided
// holds from its own small write on; the rest is carried out in pieces, each of which looks at what is there then, so
// that one may be done twice.
type LongChange struct {
	ID         string
	Kind       LongChangeKind
	ResourceID string
	GroupID    string   // where it is about a group, which has to do with Stint itself
	Lose       []string // resources above it no longer: what was assigned there does not reach it any more; of a group those around it
	Gain       []string // resources above it from then on; of a group its own assignments
	By         string
	Evidence   string
	DecidedAt  time.Time
	Phase      int    // what is carried out now
	After      string // up to where, in what a phase goes through in order
	Done       int64
	About      int64 // how much was counted before the decision
	Counts     map[string]int64
	FinishedAt time.Time
	Version    int64
}

// ShownDone is how much is carried out of about how much: what came to be meanwhile makes no more than all of it.
func (c LongChange) ShownDone() int64 { return min(c.Done, c.About) }

// LongChangeEvent is the decision or its end.
func LongChangeEvent(t EventType, c LongChange, actor string) Event {
	e := Event{Type: t, Actor: actor, ResourceID: c.ResourceID, ObjectID: c.ResourceID, Result: OK,
		Facts: map[string]any{"change": c.ID, "kind": string(c.Kind)}, Texts: map[string]string{}}
	if c.GroupID != "" {
		e.ObjectID = c.GroupID
	}
	return e
}
