package connector

import (
	"context"
	"strings"
)

// ownerPrefix begins the id of owning what the rest is the id of. Ids are the target's (UUIDs, OIDs): none begins so.
const ownerPrefix = "owner:"

// OwnersOf is the entitlement of owning ent: a group's or role's owners decide at the target who its members are. Holding
// it and being a member are two facts.
func OwnersOf(ent EntitlementID) EntitlementID { return ownerPrefix + ent }

// Owned returns what an entitlement is about, and whether it is owning it rather than being a member.
func (e EntitlementID) Owned() (EntitlementID, bool) {
	about, owners := strings.CutPrefix(string(e), ownerPrefix)
	return EntitlementID(about), owners
}

// Find resolves a name to the entitlement of being a member, or of owning it. Refused, in words, where the target keeps
// no owners of it.
func Find(ctx context.Context, c Connector, name string, owners bool) (EntitlementID, error) {
	id, err := c.Canonical(ctx, name)
	if err != nil || !owners {
		return id, err
	}
	e, err := c.Describe(ctx, id)
	if err == nil {
		err = refuseOwners(e)
	}
	return OwnersOf(id), err
}

func refuseOwners(e Entry) error {
	if e.NoOwners == "" {
		return nil
	}
	return Errorf(Refused, "%q has no owners that Stint could give: %s", e.Name, e.NoOwners)
}

// OwnersAreMembers reports whether, at this kind of target, nobody owns what they are no member of.
func OwnersAreMembers(kind string) bool {
	f, err := factory(kind)
	return err == nil && f.OwnersAreMembers
}
