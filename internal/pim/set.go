package pim

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of what is done together, so that one touch stays readable and one write short (invariant 13).
const (
	MaxSet     = 20 // things confirmed with one touch
	MaxSets    = 50 // sets a person keeps
	MaxSetName = 60 // characters
)

// Set is what a person activates together, such as "Monday on call" (K-03). It names roles, not
// assignments: an assignment that is made anew is found again.
type Set struct {
	ID          string
	PrincipalID string
	Name        string
	Items       []SetItem
	CreatedAt   time.Time
	Version     int64
}

// SetItem is one role of a set and for how long.
type SetItem struct {
	RoleID     string
	ResourceID string
	Duration   time.Duration // zero: the role's default
}

// Check refuses a set that cannot be kept.
func (s Set) Check() *Refusal {
	switch {
	case !Visible(s.Name):
		return Invalid("name", "Give the set a name, such as Monday on call.")
	case utf8.RuneCountInString(s.Name) > MaxSetName:
		return Invalid("name", "At most %d characters for the name; shorten it.", MaxSetName)
	case !readable(s.Name) || strings.ContainsAny(s.Name, "\r\n\t"):
		return Invalid("name", "Use plain text on one line.")
	case len(s.Items) == 0:
		return Invalid("pick", "Choose at least one role.")
	case len(s.Items) > MaxSet:
		return Invalid("pick", "At most %d roles at once. Choose fewer.", MaxSet)
	}
	return nil
}

// CheckTogether refuses a list of things to do at once that is empty, too long, or names one twice.
func CheckTogether(keys []string, what string) *Refusal {
	seen := map[string]bool{}
	for _, k := range keys {
		if seen[k] {
			return Invalid("pick", "One %s is chosen twice. Choose each once.", what)
		}
		seen[k] = true
	}
	switch {
	case len(keys) == 0:
		return Invalid("pick", "Choose at least one %s.", what)
	case len(keys) > MaxSet:
		return Invalid("pick", "At most %d at once. Choose fewer.", MaxSet)
	}
	return nil
}

// ItemResult is what became of one of several things done together: each is refused alone (invariant 4).
type ItemResult struct {
	RoleID       string `json:"role_id"`
	ResourceID   string `json:"resource_id"`
	PrincipalID  string `json:"principal_id,omitempty"`  // whose, where it is somebody else's
	ActivationID string `json:"activation_id,omitempty"` // empty: refused before there was one
	AssignmentID string `json:"assignment_id,omitempty"` // of what was made or taken away
	Refused      string `json:"refused,omitempty"`       // why; empty: done
	Name         string `json:"name,omitempty"`          // what it is called, where there is no role of it yet
}
