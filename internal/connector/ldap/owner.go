package ldap

import (
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"stint/internal/connector"
)

// ownerAttribute names who is responsible for a group, by DN, several side by side (RFC 4519 §2.21).
const ownerAttribute = "owner"

// kept is where a group keeps its members or its owners.
type kept struct {
	attribute string
	prefix    string // of holders without an immutable id, and so also whether values are DNs or uids
	owners    bool
}

// keptIn returns the group an entitlement is about, and where in it its holders stand.
func (d *directory) keptIn(ent connector.EntitlementID) (connector.EntitlementID, kept) {
	about, owners := ent.Owned()
	switch {
	case owners:
		return about, kept{ownerAttribute, dnPrefix, true}
	case d.membership == byMemberUID:
		return about, kept{string(d.membership), uidPrefix, false}
	}
	return about, kept{string(d.membership), dnPrefix, false}
}

// ownable are the classes that let a group have owners (RFC 4519 §3.5, §3.6; groupOfMembers of rfc2307bis). Those of
// posixGroup alone (RFC 2307 §4) do not.
var ownable = []string{"groupOfNames", "groupOfUniqueNames", "groupOfMembers"}

// noOwners says why a group has no owners that could be given. Active Directory's managedBy takes one value, which may
// name a group, and gives no right by itself (MS-ADA2 §2.4): a second owner would put the first one out.
func (d *directory) noOwners(e *goldap.Entry) string {
	if d.flavour == activeDirectory {
		return "Active Directory names at most one manager of a group (managedBy), who may not even change its members by that. Use a group whose members have been given the right to write the members of this one."
	}
	classes := e.GetEqualFoldAttributeValues("objectClass")
	if slices.ContainsFunc(classes, func(c string) bool {
		return slices.ContainsFunc(ownable, func(o string) bool { return strings.EqualFold(c, o) })
	}) {
		return ""
	}
	return "a group of its class (" + strings.Join(classes, ", ") + ") has no attribute for owners; groupOfNames and groupOfUniqueNames have."
}
