package store

import (
	"strings"

	"stint/internal/pim"
)

// eligibleAt selects the principals with an eligible assignment of a role that settings at the leaf of a path touch:
// made there, below, or above, from where a part may be activated. An empty path is everywhere.
func eligibleAt(args *[]any, now int64, roleID string, path pim.Path) (with, query string) {
	*args = append(*args, path.Leaf().ID, roleID, now)
	with = `WITH RECURSIVE down(id, depth) AS (SELECT CAST($1 AS TEXT), 0 UNION
		SELECT s.id, down.depth + 1 FROM resources s JOIN down ON s.parent_id = down.id WHERE down.depth < 32 AND down.id <> '')`
	query = `SELECT g.principal_id FROM assignments g WHERE g.role_id = $2 AND g.kind = 'eligible' AND g.ended_at = 0 AND (g.ends_at = 0 OR g.ends_at > $3)`
	if len(path) == 0 {
		return with, query
	}
	above := make([]string, len(path))
	for i, r := range path {
		above[i] = r.ID
	}
	return with, query + " AND (g.resource_id IN (SELECT id FROM down) OR g.resource_id IN " + in(args, above) + ")"
}

// EligibleCounts counts the people and the groups that settings of a role at the leaf of a path touch.
func (r *Reader) EligibleCounts(roleID string, path pim.Path) (people, groups int64, err error) {
	var args []any
	with, query := eligibleAt(&args, us(r.Now), roleID, path)
	counts, err := many(r, func(r row) (c [2]int64, err error) { return c, r.Scan(&c[0], &c[1]) },
		with+` SELECT COALESCE(SUM(CASE WHEN p.kind = 'group' THEN 0 ELSE 1 END), 0), COALESCE(SUM(CASE WHEN p.kind = 'group' THEN 1 ELSE 0 END), 0)
		FROM principals p WHERE p.removed_at = 0 AND p.id IN (`+query+")", args...)
	if err != nil || len(counts) == 0 {
		return 0, 0, err
	}
	return counts[0][0], counts[0][1], nil
}

const withinEligible = `, within(id, depth) AS (SELECT principal_id, 0 FROM eligible
		UNION SELECT m.member_id, within.depth + 1 FROM group_members m JOIN within ON m.group_id = within.id
		WHERE within.depth < 10 AND (m.fresh_until = 0 OR m.fresh_until > $3))`

const hasPasskey = "EXISTS (SELECT 1 FROM credentials c WHERE c.principal_id = p.id AND c.removed_at = 0)"

// hasKey is hasPasskey for those that count by a rule; one without roots takes any passkey.
func hasKey(args *[]any, rule pim.KeyRule) string {
	if !rule.Possible() {
		return hasPasskey
	}
	more := " AND c.backup_eligible = 0 AND c.backed_up = 0 AND c.attested_by IN " + in(args, rule.Roots)
	if len(rule.Models) > 0 {
		models := make([]string, len(rule.Models))
		for i, m := range rule.Models {
			models[i] = to64(m)
		}
		more += " AND c.aaguid IN " + in(args, models)
	}
	return strings.TrimSuffix(hasPasskey, ")") + more + ")"
}

// EligiblePeople lists the enabled people of EligibleCounts, groups expanded, by name; lacking, where given, wants only
// those without a passkey that counts by it.
func (r *Reader) EligiblePeople(roleID string, path pim.Path, lacking *pim.KeyRule, limit int) ([]pim.Principal, error) {
	from, args := r.eligiblePeople(roleID, path, lacking)
	args = append(args, limit)
	return many(r, scanPrincipal, from("SELECT "+principalCols)+" ORDER BY p.name, p.id LIMIT "+dollar(len(args)), args...)
}

// CountEligiblePeople counts them.
func (r *Reader) CountEligiblePeople(roleID string, path pim.Path, lacking *pim.KeyRule) (int64, error) {
	from, args := r.eligiblePeople(roleID, path, lacking)
	return one(r, scanInt, from("SELECT COUNT(*)"), args...)
}

func (r *Reader) eligiblePeople(roleID string, path pim.Path, lacking *pim.KeyRule) (from func(what string) string, args []any) {
	with, query := eligibleAt(&args, us(r.Now), roleID, path)
	tail := " FROM principals p WHERE p.id IN (SELECT id FROM within) AND p.kind = 'person' AND p.enabled = 1 AND p.removed_at = 0"
	if lacking != nil {
		tail += " AND NOT " + hasKey(&args, *lacking)
	}
	return func(what string) string {
		return with + ", eligible(principal_id) AS (" + query + ")" + withinEligible + " " + what + tail
	}, args
}

// AbleIn lists the people of PeopleIn who have a passkey, up to a limit.
func (r *Reader) AbleIn(ids []string, limit int) ([]pim.Principal, error) {
	args := []any{us(r.Now)}
	list := in(&args, ids)
	args = append(args, limit)
	return many(r, scanPrincipal, `WITH RECURSIVE within(id, depth) AS (
		SELECT id, 0 FROM principals WHERE id IN `+list+`
		UNION
		SELECT m.member_id, within.depth + 1 FROM group_members m JOIN within ON m.group_id = within.id
		WHERE within.depth < 10 AND (m.fresh_until = 0 OR m.fresh_until > $1))
		SELECT `+principalCols+` FROM principals p WHERE p.id IN (SELECT id FROM within) AND p.kind = 'person' AND p.enabled = 1 AND p.removed_at = 0
		AND `+hasPasskey+` ORDER BY p.name, p.id LIMIT `+dollar(len(args)), args...)
}

// HeldNow counts the running activations of a role at the leaf of a path and below; an empty path is everywhere.
func (r *Reader) HeldNow(roleID string, path pim.Path) (int64, error) {
	query := "SELECT COUNT(*) FROM activations a WHERE a.state IN " + openStates + " AND a.state IN ('provisioning', 'active') AND a.role_id = $2"
	if len(path) > 0 {
		query += " AND a.resource_id IN (SELECT id FROM down)"
	}
	return one(r, scanInt, `WITH RECURSIVE down(id, depth) AS (SELECT CAST($1 AS TEXT), 0 UNION
		SELECT s.id, down.depth + 1 FROM resources s JOIN down ON s.parent_id = down.id WHERE down.depth < 32 AND down.id <> '') `+query, path.Leaf().ID, roleID)
}
