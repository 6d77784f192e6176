package pim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// System is the actor of what Stint does by itself; an event without an actor does not exist (invariant 8).
const System = "system"

// PrincipalKind is what can hold an assignment.
type PrincipalKind string

const (
	Person   PrincipalKind = "person"
	Group    PrincipalKind = "group"
	Workload PrincipalKind = "workload"
)

// Source is who owns a row: what came from a file is changed by the file alone.
type Source string

const (
	SourceFile      Source = "file"      // written by `stint apply`
	SourceSignIn    Source = "signin"    // made at first sign-in, or from a claim
	SourceBrowser   Source = "browser"   // made by an administrator in the portal
	SourceDirectory Source = "directory" // kept by a directory sync
	SourceLink      Source = "link"      // made by `stint admin link`
	SourceBuiltin   Source = "builtin"   // Stint's own target, resource and roles
)

// Principal is a person, a group or a workload. People are found by (Issuer, Subject), never by e-mail.
type Principal struct {
	ID         string
	Kind       PrincipalKind
	Key        string // id in the file, unique per kind; empty when not from a file
	Name       string
	Email      string
	Department string
	Title      string
	Issuer     string
	Subject    string
	MatchClaim string // claim that binds this person at first sign-in
	MatchValue string
	PersonID   string // people who are the same human share it; separation rules compare it
	ManagerID  string // principal id of the person's manager, or empty
	OwnerID    string // principal id of the person or group who answers for a workload, or empty
	About      string // what a workload is, in words
	Guest      bool   // of another organisation
	Claimed    string // attributes that the provider's claims gave: their names, commas between
	Enabled    bool
	Source     Source
	Zone       string // IANA name chosen in the profile, or empty
	Theme      string // light, dark or empty for the system's
	CreatedAt  time.Time
	LastSeenAt time.Time
	Version    int64
}

// Same reports whether two principals are one human (invariant 5: persons are compared, not accounts).
func (p Principal) Same(personID string) bool { return p.PersonID != "" && p.PersonID == personID }

// Account is who a principal is at a target, by the target's immutable id.
type Account struct {
	ID          string
	PrincipalID string
	TargetID    string
	Name        string // login name as matched, for people to read
	ExternalID  string // entryUUID, objectGUID, role OID; empty until found
	ConfirmedAt time.Time
	ConfirmedBy string // principal id
	TakenBy     string // principal id of whose account it turned out to be; empty: of nobody else
	Source      Source
	Version     int64
}

// Confirmed reports whether an administrator or the file vouched for this account.
func (a Account) Confirmed() bool { return !a.ConfirmedAt.IsZero() }

// Membership is one edge: Member is in Group. FreshUntil is zero unless it came from a claim; such a
// membership lapses without a fresh claim (invariant 9: absent is not empty).
type Membership struct {
	GroupID    string
	MemberID   string
	Source     Source
	FreshUntil time.Time
}

// CarriedFor is how long a value of the provider's groups claim counts as somebody's own after their sign-ins stopped
// showing it (T10).
const CarriedFor = 30 * 24 * time.Hour

// MaxGroupDepth is how deep groups nest (THREATS T22).
const MaxGroupDepth = 10

// CheckNesting refuses cycles and nests deeper than MaxGroupDepth. edges maps a group to the groups
// that are its members; the offending path is returned, outermost first.
func CheckNesting(edges map[string][]string) (path []string, err error) {
	depth := map[string]int{}
	var visit func(id string, trail []string) (int, []string, error)
	visit = func(id string, trail []string) (int, []string, error) {
		if slices.Contains(trail, id) {
			return 0, append(trail, id), fmt.Errorf("groups contain each other: %s", strings.Join(append(trail, id), " > "))
		}
		if d, ok := depth[id]; ok {
			return d, nil, nil
		}
		deepest := 1
		for _, child := range edges[id] {
			d, p, err := visit(child, append(slices.Clone(trail), id))
			if err != nil {
				return 0, p, err
			}
			deepest = max(deepest, d+1)
		}
		if deepest > MaxGroupDepth {
			return 0, append(trail, id), fmt.Errorf("groups nest %d deep; at most %d are allowed", deepest, MaxGroupDepth)
		}
		depth[id] = deepest
		return deepest, nil, nil
	}
	for _, id := range sortedKeys(edges) {
		if _, p, err := visit(id, nil); err != nil {
			return p, err
		}
	}
	return nil, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
