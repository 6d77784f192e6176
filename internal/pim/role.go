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

// Relation is how whoever holds a role stands to what it means: a member of a group, or its owner (BEHAVIOUR A-38).
type Relation string

// The relations.
const (
	Member Relation = ""
	Owner  Relation = "owner" // decides at the target who is a member, by themselves and beside Stint
)

// Meaning says that holding a role at a resource, or above it, is this entitlement at the resource's
// target. Name is what an administrator wrote; EntitlementID is the target's immutable id once found.
type Meaning struct {
	RoleID        string
	ResourceID    string
	Name          string
	EntitlementID string
	Relation      Relation
}

// OwnerOf begins what people read of owning something.
const OwnerOf = "owner of "

// Called is what people read: a group owned is something else than the group.
func (m Meaning) Called() string {
	if m.Relation == Owner {
		return OwnerOf + m.Name
	}
	return m.Name
}
