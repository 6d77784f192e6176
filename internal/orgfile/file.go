package orgfile

import (
	"time"

	"stint/internal/pim"
)

// Version is the format's number, the first line of a file.
const Version = 1

// MaxSize is the largest file that is read: some 100,000 people with what they may do.
const MaxSize = 16 << 20

// Bounds of texts, in characters.
const (
	maxID          = 64
	maxName        = 120
	maxText        = 500  // descriptions
	maxShort       = 200  // departments, titles, claims
	maxEmail       = 254  // RFC 5321 §4.5.3.1.3, less the brackets
	maxEntitlement = 1000 // distinguished names
	maxSetting     = 4000
	maxURL         = 500
)

// MaxTreeDepth is how deep resources nest.
const MaxTreeDepth = pim.MaxTreeDepth

// Pos is where something stands in the file, from 1; the zero Pos is nowhere.
type Pos struct{ Line, Column int }

// Doc is a file that was read and checked. References hold ids of the file: "person/alice", "group/dba-leads"
// where either may stand, and plain ids elsewhere. Stint's own resource and roles go by their keys.
type Doc struct {
	Name        string // of the file, as errors call it; secrets' paths are relative to its folder
	Digest      string // SHA-256 of its bytes, in hex
	Targets     []Target
	Resources   []Resource
	Roles       []Role
	People      []Person
	Groups      []Group
	Workloads   []Workload
	Accounts    []Account
	Assignments []Assignment
}

// Target is an external system.
type Target struct {
	Pos
	ID       string
	Kind     string
	Name     string
	Settings map[string]string // several values one a line
	Secret   Secret
	MayWrite []string
	// Authoritative: what appears beside Stint is taken away.
	Authoritative bool
	Sync          *pim.SyncSettings // how its people are followed; without its groups. nil: as the portal says
}

// Secret says where a credential is kept; both are empty where none is needed.
type Secret struct {
	Pos
	Env  string // name of an environment variable of the process that applies
	File string // path, relative to the file's folder
}

// String is the reference as Stint keeps it: env:NAME or file:PATH.
func (s Secret) String() string {
	switch {
	case s.Env != "":
		return "env:" + s.Env
	case s.File != "":
		return "file:" + s.File
	}
	return ""
}

// Resource is a node of the scope tree.
type Resource struct {
	Pos
	ID     string
	Kind   string
	Name   string
	Parent string // empty: a root
	Target string // empty: its nearest ancestor's
	// HandOut: ids of the roles that its owners may hand out there and below (owners_hand_out); nil: as it is.
	HandOut []string
}

// Role is a named role. Of Stint's own roles only the settings can be given.
type Role struct {
	Pos
	ID          string
	Name        string
	Description string
	Privileged  bool
	Builtin     bool
	Means       []Meaning
	Settings    []Settings
}

// Meaning is what holding the role at a resource is at the target.
type Meaning struct {
	Pos
	Resource    string
	Entitlement string
	Relation    pim.Relation // relation: member (left out) or owner
}

// Settings are the rules of the role at a resource and below it, or everywhere; what is nil is inherited, and
// at last the default (BEHAVIOUR §2.1).
type Settings struct {
	Pos
	Resource          string // empty: everywhere
	MaxDuration       *time.Duration
	DefaultDuration   *time.Duration
	StepUp            *pim.StepUpLevel
	Context           *string // acr values, with spaces between them; empty: none is asked for
	Justification     *bool
	Ticket            *bool
	Approval          *bool
	Approvers         []string // person/ID and group/ID; nil: inherited
	ApprovalTimeout   *time.Duration
	MaxLead           *time.Duration
	MaxTotal          *time.Duration
	ExtensionApproval *pim.ExtensionApproval

	PermanentEligible   *bool // BEHAVIOUR S-20 to S-25: what an assignment may be
	EligibleMax         *time.Duration
	PermanentActive     *bool
	ActiveMax           *time.Duration
	AssignStepUp        *bool
	AssignJustification *bool
	Enforced            []pim.Field // fields set here that below accept only stricter values
}

// Person is somebody known before their first sign-in.
type Person struct {
	Pos
	ID         string
	Name       string
	Email      string
	Department string
	Title      string
	Manager    string // id of a person
	Guest      bool   // of another organisation
	MatchClaim string // binds the person at first sign-in
	MatchValue string
	Issuer     string // instead: who they are at the provider, where that is known
	Subject    string
	Enabled    *bool // nil: as it is, so that somebody disabled in the portal stays so
}

// Group is a group of Stint's own.
type Group struct {
	Pos
	ID      string
	Name    string
	Claim   string   // value in the provider's groups claim that makes somebody a member, too
	Members []Member // people and groups
}

// Member is one member of a group.
type Member struct {
	Pos
	Ref string
}

// Workload is a program that holds roles and that nobody signs in as.
type Workload struct {
	Pos
	ID          string
	Name        string
	Description string
	Owner       string // person/ID or group/ID: who answers for it; empty: as it is
	Enabled     *bool  // nil: as it is
}

// Account is who a person or workload is at a target; in the file means confirmed.
type Account struct {
	Pos
	Person   string // id; empty: a workload's
	Workload string
	Target   string
	Account  string
}

// Holder is whose account it is: person/ID or workload/ID.
func (a Account) Holder() string {
	switch {
	case a.Workload != "":
		return "workload/" + a.Workload
	case a.Person != "":
		return "person/" + a.Person
	}
	return ""
}

// Assignment is principal × role × resource.
type Assignment struct {
	Pos
	Principal string
	Role      string
	Resource  string
	Kind      pim.AssignmentKind
	From      time.Time // zero: from when it is applied
	Until     time.Time // zero: permanent
	Reason    string
	FromPos   Pos
	UntilPos  Pos
}

// Builtin maps what a file calls Stint's own roles to their ids.
var Builtin = map[string]string{
	"privileged-role-administrator": pim.RoleAdministrator,
	"auditor":                       pim.RoleAuditor,
	"stint-resource-administrator":  pim.RoleOwner,
	"stint-security-reader":         pim.RoleReader,
}
