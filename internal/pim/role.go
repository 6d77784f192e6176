package pim

// RoleDefinition is a named role. What holding it at a resource means at the target is a Meaning.
type RoleDefinition struct {
	ID          string
	Key         string
	Name        string
	Description string
	Privileged  bool
	Source      Source
	Version     int64
}

// Meaning says that holding a role at a resource, or above it, is this entitlement at the resource's
// target. Name is what an administrator wrote; EntitlementID is the target's immutable id once found.
type Meaning struct {
	RoleID        string
	ResourceID    string
	Name          string
	EntitlementID string
}

// Stint's own roles, on the built-in target and resource "stint". They have no meaning at a target:
// they hold while an activation or an active assignment does.
const (
	StintTarget   = "stint"
	StintResource = "stint"

	RoleAdministrator = "stint-privileged-role-administrator"
	RoleAuditor       = "stint-auditor"
)

// Powers are what a person may do in Stint right now, from what they hold at this instant.
type Powers struct {
	Administrator bool
	Auditor       bool
}

// MayAudit reports whether the whole audit log is open to this person.
func (p Powers) MayAudit() bool { return p.Administrator || p.Auditor }

// PowersOf folds the ids of the Stint roles a person holds now.
func PowersOf(roleIDs []string) Powers {
	var p Powers
	for _, id := range roleIDs {
		p.Administrator = p.Administrator || id == RoleAdministrator
		p.Auditor = p.Auditor || id == RoleAuditor
	}
	return p
}
