package store

import "stint/internal/pim"

// RolePage is one page of the roles, by name.
type RolePage struct {
	Query     string // part of a name, a description or what a role means
	Only      RoleFilter
	Within    Subtree // what means something there; whoever reads everything gets all
	AfterName string  // the last of the page before
	AfterID   string
	Limit     int
}

// RoleFilter narrows the list of roles.
type RoleFilter string

// The filters; unused is what nobody is assigned and nothing holds.
const (
	RolesAll        RoleFilter = ""
	RolesPrivileged RoleFilter = "privileged"
	RolesOwn        RoleFilter = "stint"
	RolesUnused     RoleFilter = "unused"
)

// RolesBy lists role definitions by name, a page at a time.
func (r *Reader) RolesBy(page RolePage) ([]pim.RoleDefinition, error) {
	var w where
	w.add("d.removed_at = 0")
	if page.Query != "" {
		like := "%" + escapeLike(page.Query) + "%"
		w.add(`(LOWER(d.name) LIKE LOWER(?) ESCAPE '\' OR LOWER(d.description) LIKE LOWER(?) ESCAPE '\' OR EXISTS (
			SELECT 1 FROM role_meanings m WHERE m.role_id = d.id AND LOWER(m.name) LIKE LOWER(?) ESCAPE '\'))`, like, like, like)
	}
	switch page.Only {
	case RolesPrivileged:
		w.add("d.privileged = 1")
	case RolesOwn:
		w.add("d.source = ?", pim.SourceBuiltin)
	case RolesUnused:
		w.add(`NOT EXISTS (SELECT 1 FROM assignments g WHERE g.role_id = d.id AND g.ended_at = 0)
			AND NOT EXISTS (SELECT 1 FROM activations a WHERE a.role_id = d.id AND a.state IN ` + openStates + `)`)
	}
	if !page.Within.All {
		var m where
		m.args = w.args
		m.under("m.resource_id", page.Within)
		w.args = m.args
		w.conds = append(w.conds, "d.id IN (SELECT m.role_id FROM role_meanings m"+m.String()+")")
	}
	if page.AfterID != "" {
		w.add("(d.name, d.id) > (?, ?)", page.AfterName, page.AfterID)
	}
	w.args = append(w.args, page.Limit)
	return many(r, scanRole, "SELECT "+roleCols+" FROM role_definitions d"+w.String()+" ORDER BY d.name, d.id LIMIT "+dollar(len(w.args)), w.args...)
}

// RoleUse is how much a role is used; each number is counted no further than was asked.
type RoleUse struct {
	Eligible int64 // assignments, of people and groups
	Assigned int64 // active assignments
	Open     int64 // activations that wait, are planned or hold
	Held     int64 // activations that hold
}

// RoleUses counts the use of roles by id, each up to a limit.
func (r *Reader) RoleUses(ids []string, upTo int) (map[string]RoleUse, error) {
	args := []any{upTo}
	list := in(&args, ids)
	count := func(from, cond string) string {
		return "(SELECT COUNT(*) FROM (SELECT 1 FROM " + from + " x WHERE x.role_id = d.id AND " + cond + " LIMIT $1) e)"
	}
	type use struct {
		id string
		RoleUse
	}
	rows, err := many(r, func(r row) (u use, err error) { return u, r.Scan(&u.id, &u.Eligible, &u.Assigned, &u.Open, &u.Held) },
		"SELECT d.id, "+count("assignments", "x.ended_at = 0 AND x.kind = 'eligible'")+", "+count("assignments", "x.ended_at = 0 AND x.kind = 'active'")+", "+
			count("activations", "x.state IN "+openStates)+", "+count("activations", "x.state IN "+openStates+" AND x.state IN ('provisioning', 'active')")+
			" FROM role_definitions d WHERE d.id IN "+list, args...)
	out := make(map[string]RoleUse, len(rows))
	for _, u := range rows {
		out[u.id] = u.RoleUse
	}
	return out, err
}

// MeaningsOfRoles lists what roles mean, by resource and name.
func (r *Reader) MeaningsOfRoles(roleIDs ...string) ([]pim.Meaning, error) {
	var args []any
	list := in(&args, roleIDs)
	return many(r, scanMeaning, "SELECT role_id, resource_id, name, entitlement_id, relation FROM role_meanings WHERE role_id IN "+list+" ORDER BY role_id, resource_id, name, relation", args...)
}

// MeaningsLike lists what other roles mean by the same name or the same immutable id, at whatever target. Members and
// owners of one group are not alike.
func (r *Reader) MeaningsLike(m pim.Meaning) ([]pim.Meaning, error) {
	return many(r, scanMeaning, `SELECT m.role_id, m.resource_id, m.name, m.entitlement_id, m.relation FROM role_meanings m JOIN role_definitions d ON d.id = m.role_id
		WHERE m.role_id <> $1 AND d.removed_at = 0 AND m.relation = $4 AND (LOWER(m.name) = LOWER($2) OR (m.entitlement_id <> '' AND m.entitlement_id = $3)) ORDER BY m.role_id, m.name, m.relation`,
		m.RoleID, m.Name, m.EntitlementID, m.Relation)
}

// ResourcesNamed lists resources by name that have a part of it, after those whose name it is.
func (r *Reader) ResourcesNamed(query string, limit int) ([]pim.Resource, error) {
	return many(r, scanResource, "SELECT "+resourceCols+` FROM resources s WHERE s.removed_at = 0 AND LOWER(s.name) LIKE LOWER($1) ESCAPE '\'
		ORDER BY CASE WHEN LOWER(s.name) = LOWER($2) THEN 0 ELSE 1 END, s.name, s.id LIMIT $3`, "%"+escapeLike(query)+"%", query, limit)
}

// PlacesOf lists the resources on which a role means something or is assigned.
func (r *Reader) PlacesOf(roleID string, limit int) ([]string, error) {
	return many(r, scanString, `SELECT resource_id FROM role_meanings WHERE role_id = $1
		UNION SELECT resource_id FROM assignments WHERE role_id = $1 AND ended_at = 0 ORDER BY 1 LIMIT $2`, roleID, limit)
}
