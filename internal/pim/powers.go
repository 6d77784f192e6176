package pim

import "slices"

// Stint's own roles. They have no meaning at a target: they hold while an activation or an active assignment
// does. All but RoleOwner are held on the built-in resource alone; RoleOwner is held on any other one.
const (
	StintTarget   = "stint"
	StintResource = "stint"

	RoleAdministrator = "stint-privileged-role-administrator"
	RoleOwner         = "stint-resource-administrator"
	RoleReader        = "stint-security-reader"
	RoleAuditor       = "stint-auditor"
)

// StintRoles are the ids of Stint's own roles.
var StintRoles = []string{RoleAdministrator, RoleOwner, RoleReader, RoleAuditor}

// Held is a role somebody holds at a resource at this instant.
type Held struct{ RoleID, ResourceID string }

// CanBeHeldAt reports whether a role belongs on a resource: Stint's own roles on Stint alone and nothing else
// there, except that its Resource Administrator is held on any other resource.
func CanBeHeldAt(roleID, resourceID string) bool {
	own := slices.Contains(StintRoles, roleID) && roleID != RoleOwner
	return own == (resourceID == StintResource)
}

// Powers are what a person may do in Stint right now, from what they hold at this instant.
type Powers struct {
	Administrator bool
	Reader        bool
	Auditor       bool
	Owns          []string // resources where they hold Resource Administrator, sorted; it reaches everything below
}

// PowersOf folds the Stint roles a person holds now. One held where it does not belong gives nothing.
func PowersOf(held []Held) Powers {
	var p Powers
	for _, h := range held {
		if !CanBeHeldAt(h.RoleID, h.ResourceID) {
			continue
		}
		switch h.RoleID {
		case RoleAdministrator:
			p.Administrator = true
		case RoleReader:
			p.Reader = true
		case RoleAuditor:
			p.Auditor = true
		case RoleOwner:
			p.Owns = append(p.Owns, h.ResourceID)
		}
	}
	slices.Sort(p.Owns)
	p.Owns = slices.Compact(p.Owns)
	return p
}

// Equal reports whether two people may do the same.
func (p Powers) Equal(q Powers) bool {
	return p.Administrator == q.Administrator && p.Reader == q.Reader && p.Auditor == q.Auditor && slices.Equal(p.Owns, q.Owns)
}

// MayAudit reports whether everything may be read, the whole audit log included: administrators, Security
// Readers and Auditors.
func (p Powers) MayAudit() bool { return p.Administrator || p.Reader || p.Auditor }

// MayManage reports whether anything at all is theirs to administer.
func (p Powers) MayManage() bool { return p.Administrator || len(p.Owns) > 0 }

// MayRead reports whether any page of Manage is theirs to read, of which an owner sees their own part.
func (p Powers) MayRead() bool { return p.MayAudit() || p.MayManage() }

// Administers reports whether what lies at the end of a path is theirs to administer; the empty path is Stint
// as a whole. An owner's power comes down the tree as it stands now and never reaches Stint itself.
func (p Powers) Administers(path Path) bool {
	if p.Administrator {
		return true
	}
	if len(path) == 0 || path.Contains(StintResource) {
		return false
	}
	return slices.ContainsFunc(path, func(s Resource) bool { return slices.Contains(p.Owns, s.ID) })
}

// Reads reports whether what lies at the end of a path is theirs to see.
func (p Powers) Reads(path Path) bool { return p.MayAudit() || p.Administers(path) }

// ActionSaveHandOut is a touch for such a list.
const ActionSaveHandOut StepUpAction = "handout.save"

// HandOut is which roles the owners of a resource may hand out there and below (K-33).
type HandOut struct {
	ResourceID string
	Roles      []string // exactly these; empty: none
	Version    int64
}

// HandsOut reports whether an owner may give or take a role at the end of a path, or change its rules there:
// never one of Stint's own; else what the list says that is nearest to where they are owner, from there up.
// Without any list: every role that is not privileged.
func (p Powers) HandsOut(role RoleDefinition, path Path, lists map[string]HandOut) bool {
	if p.Administrator {
		return true
	}
	if !p.Administers(path) {
		return false
	}
	for i, node := range path {
		if slices.Contains(p.Owns, node.ID) && Listed(role, path[:i+1], lists) {
			return true
		}
	}
	return false
}

// Listed reports whether owners of the last resource of a path may hand out a role; none of Stint's own.
func Listed(role RoleDefinition, path Path, lists map[string]HandOut) bool {
	if slices.Contains(StintRoles, role.ID) || role.Source == SourceBuiltin {
		return false
	}
	for i := len(path) - 1; i >= 0; i-- {
		if l, ok := lists[path[i].ID]; ok {
			return slices.Contains(l.Roles, role.ID)
		}
	}
	return !role.Privileged
}
