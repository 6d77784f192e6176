package store

import (
	"strings"

	"stint/internal/pim"
)

// ResourcePage is a keyset page of resources by name.
type ResourcePage struct {
	Query     string // part of the name
	AfterName string
	AfterID   string
	Limit     int
}

func (p ResourcePage) run(r *Reader, w where) ([]pim.Resource, error) {
	w.add("s.removed_at = 0")
	if err := r.staying(&w, "s.id"); err != nil {
		return nil, err
	}
	if p.Query != "" {
		w.add(`LOWER(s.name) LIKE ? ESCAPE '\'`, "%"+escapeLike(strings.ToLower(p.Query))+"%")
	}
	if p.AfterID != "" {
		w.add("(s.name, s.id) > (?, ?)", p.AfterName, p.AfterID)
	}
	w.args = append(w.args, p.Limit)
	return many(r, scanResource, "SELECT "+resourceCols+" FROM resources s"+w.String()+" ORDER BY s.name, s.id LIMIT "+dollar(len(w.args)), w.args...)
}

// Children lists a page of what stands right below a resource, or of the roots ("").
func (r *Reader) Children(parentID string, p ResourcePage) ([]pim.Resource, error) {
	var w where
	w.add("s.parent_id = ?", parentID)
	return p.run(r, w)
}

// FindResources lists a page of the whole tree by name.
func (r *Reader) FindResources(p ResourcePage) ([]pim.Resource, error) { return p.run(r, where{}) }

// Siblings lists what stands right below a resource or at the top, by name; at most limit.
func (r *Reader) Siblings(parentID string, limit int) ([]pim.Resource, error) {
	return r.Children(parentID, ResourcePage{Limit: limit})
}

// ResourcesOfTarget lists the resources that name a target as their own.
func (r *Reader) ResourcesOfTarget(targetID string, limit int) ([]pim.Resource, error) {
	return many(r, scanResource, "SELECT "+resourceCols+" FROM resources s WHERE s.target_id = $1 AND s.target_id <> '' AND s.removed_at = 0 ORDER BY s.name, s.id LIMIT $2", targetID, limit)
}

type counted struct {
	id string
	n  int
}

func scanCounted(r row) (c counted, err error) { return c, r.Scan(&c.id, &c.n) }

func countedBy(list []counted, err error) (map[string]int, error) {
	out := make(map[string]int, len(list))
	for _, c := range list {
		out[c.id] += c.n
	}
	return out, err
}

// ChildCounts counts what stands right below each resource.
func (r *Reader) ChildCounts(ids []string) (map[string]int, error) {
	var args []any
	list := in(&args, ids)
	return countedBy(many(r, scanCounted, "SELECT parent_id, COUNT(*) FROM resources WHERE removed_at = 0 AND parent_id IN "+list+" GROUP BY parent_id", args...))
}

// AssignmentCounts counts the assignments of a kind in force that were made at each resource itself.
func (r *Reader) AssignmentCounts(ids []string, kind pim.AssignmentKind) (map[string]int, error) {
	args := []any{kind, us(r.Now)}
	list := in(&args, ids)
	return countedBy(many(r, scanCounted, `SELECT resource_id, COUNT(*) FROM assignments WHERE ended_at = 0 AND kind = $1
		AND starts_at <= $2 AND (ends_at = 0 OR ends_at > $2) AND resource_id IN `+list+" GROUP BY resource_id", args...))
}

// ActivationCounts counts the activations that hold at each resource now, made for that very resource.
func (r *Reader) ActivationCounts(ids []string) (map[string]int, error) {
	args := []any{us(r.Now)}
	list := in(&args, ids)
	return countedBy(many(r, scanCounted, `SELECT resource_id, COUNT(*) FROM activations WHERE state IN ('provisioning', 'active')
		AND starts_at <= $1 AND ends_at > $1 AND resource_id IN `+list+" GROUP BY resource_id", args...))
}

// Parents maps every resource that was not removed to the one it stands below.
func (r *Reader) Parents() (map[string]string, error) {
	type pair struct{ id, parent string }
	list, err := many(r, func(r row) (p pair, err error) { return p, r.Scan(&p.id, &p.parent) }, "SELECT id, parent_id FROM resources WHERE removed_at = 0")
	out := make(map[string]string, len(list))
	for _, p := range list {
		out[p.id] = p.parent
	}
	return out, err
}

const downFrom = `WITH RECURSIVE down(id, depth) AS (
	SELECT id, 1 FROM resources WHERE id = $1
	UNION
	SELECT s.id, down.depth + 1 FROM resources s JOIN down ON s.parent_id = down.id WHERE down.depth < 32 AND s.removed_at = 0) `

// Levels is how deep the tree below a resource is, itself included.
func (r *Reader) Levels(id string) (int64, error) {
	return one(r, scanInt, downFrom+"SELECT MAX(depth) FROM down", id)
}

// Subtree lists a resource and what is below it, at most limit of them.
func (r *Reader) Subtree(id string, limit int) ([]pim.Resource, error) {
	return many(r, scanResource, downFrom+"SELECT "+resourceCols+" FROM resources s JOIN down ON down.id = s.id ORDER BY down.depth, s.name, s.id LIMIT $2", id, limit)
}

// MeaningsUnder lists what roles mean at a resource and below it, at most limit of them.
func (r *Reader) MeaningsUnder(id string, limit int) ([]pim.Meaning, error) {
	return many(r, scanMeaning, downFrom+`SELECT m.role_id, m.resource_id, m.name, m.entitlement_id, m.relation FROM role_meanings m JOIN down ON down.id = m.resource_id
		ORDER BY m.resource_id, m.role_id, m.name, m.relation LIMIT $2`, id, limit)
}

// MeaningsOf lists the meanings of entitlements, by the target's immutable id; another target may use the same one.
func (r *Reader) MeaningsOf(entitlementIDs []string) ([]pim.Meaning, error) {
	var args []any
	list := in(&args, entitlementIDs)
	return many(r, scanMeaning, "SELECT role_id, resource_id, name, entitlement_id, relation FROM role_meanings WHERE entitlement_id <> '' AND entitlement_id IN "+list+
		" ORDER BY resource_id, role_id, name, relation", args...)
}

// AssignmentsUnder lists the assignments at a resource and below it that were not removed or expired.
func (r *Reader) AssignmentsUnder(id string, limit int) ([]pim.Assignment, error) {
	return many(r, scanAssignment, downFrom+"SELECT "+assignmentCols+` FROM assignments g JOIN down ON down.id = g.resource_id
		WHERE g.ended_at = 0 ORDER BY g.id LIMIT $2`, id, limit)
}

// AssignmentsAt lists the assignments made at any of some resources, in force or coming, eligible ones last.
func (r *Reader) AssignmentsAt(resourceIDs []string, limit int) ([]pim.Assignment, error) {
	args := []any{us(r.Now), limit}
	list := in(&args, resourceIDs)
	return many(r, scanAssignment, "SELECT "+assignmentCols+` FROM assignments g WHERE g.ended_at = 0 AND (g.ends_at = 0 OR g.ends_at > $1)
		AND g.resource_id IN `+list+" ORDER BY g.kind, g.id LIMIT $2", args...)
}

// HeldFor counts the grants of these entitlements that are held or have something left to do.
func (r *Reader) HeldFor(targetID string, entitlementIDs []string) (int64, error) {
	args := []any{targetID}
	list := in(&args, entitlementIDs)
	return one(r, scanInt, "SELECT COUNT(*) FROM grants WHERE target_id = $1 AND (wanted = 1 OR due_at > 0) AND entitlement_id IN "+list, args...)
}

// SettingsAmong lists the rules that are set at resources.
func (r *Reader) SettingsAmong(resourceIDs []string) ([]pim.RoleSettings, error) {
	var args []any
	list := in(&args, resourceIDs)
	return many(r, scanSettings, "SELECT "+settingsCols+" FROM role_settings WHERE resource_id <> '' AND resource_id IN "+list+" ORDER BY role_id, resource_id", args...)
}
