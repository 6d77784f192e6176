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
