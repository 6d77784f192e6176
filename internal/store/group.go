package store

import (
	"slices"
	"strconv"

	"stint/internal/pim"
)

// GroupRow is a group as lists show it.
type GroupRow struct {
	pim.Principal
	Members int64 // direct ones
	Roles   int64 // assignments of its own, not removed or expired
}

// MostCounted is how far the members and roles of a group are counted in a list.
const MostCounted = 1000

// Groups lists groups by name, a page at a time; Filter is not looked at.
func (r *Reader) Groups(page PrincipalPage) ([]GroupRow, Searched, error) {
	var w where
	w.add("p.kind = 'group' AND p.removed_at = 0")
	bound := 0
	if page.Query != "" {
		bound = examined
	}
	groups, searched, err := r.searchBy(w, "", page, bound)
	if err != nil {
		return nil, searched, err
	}
	rows, err := r.groupRows(groups)
	return rows, searched, err
}

// groupRows counts the members and roles of groups, each so far and no further, for all of them at once.
func (r *Reader) groupRows(groups []pim.Principal) ([]GroupRow, error) {
	args := []any{us(r.Now), MostCounted + 1}
	list := in(&args, idsOf(groups))
	type counts struct {
		id             string
		members, roles int64
	}
	counted, err := many(r, func(r row) (c counts, err error) { return c, r.Scan(&c.id, &c.members, &c.roles) }, `SELECT p.id,
		(SELECT COUNT(*) FROM (SELECT DISTINCT m.member_id FROM group_members m WHERE m.group_id = p.id AND (m.fresh_until = 0 OR m.fresh_until > $1) LIMIT $2) x),
		(SELECT COUNT(*) FROM (SELECT 1 FROM assignments g WHERE g.principal_id = p.id AND g.ended_at = 0 LIMIT $2) x)
		FROM principals p WHERE p.id IN `+list, args...)
	out := make([]GroupRow, len(groups))
	for i, g := range groups {
		out[i].Principal = g
		if at := slices.IndexFunc(counted, func(c counts) bool { return c.id == g.ID }); at >= 0 {
			out[i].Members, out[i].Roles = counted[at].members, counted[at].roles
		}
	}
	return out, err
}

// Member is one direct member of a group, or a group that somebody is directly in.
type Member struct {
	pim.Principal
	Edges    []pim.Membership // one for each source
	SortName string           // its place in the order of MembersIn
}

// MembersIn lists the direct members of a group by folded name, a page at a time; those of a claim that is not fresh any
// more among them until they are taken out. A search looks at so many members and says how far it came; after that it
// looks at how names and addresses begin.
func (r *Reader) MembersIn(groupID string, page PrincipalPage) ([]Member, Searched, error) {
	var w where
	w.add("m.group_id = ?", groupID)
	if page.AfterID != "" {
		w.add("(m.sort_name, m.member_id) > (?, ?)", page.AfterName, page.AfterID)
	}
	reached, of, from, text := Searched{}, "m", "group_members m", ""
	if page.Query != "" {
		var err error
		if reached, err = r.reachMembers(w); err != nil {
			return nil, reached, err
		}
		// The bound stands in the query, and each is looked up by itself: PostgreSQL would look at everybody there is, and
		// join whom it finds with the group.
		of, from = "x", "(SELECT m.sort_name, m.member_id FROM group_members m"+w.String()+" ORDER BY m.sort_name, m.member_id LIMIT "+strconv.Itoa(examinedMembers)+") x"
		w.conds, text = nil, "(SELECT p.search_text FROM principals p WHERE p.id = x.member_id)"
	}
	keys, err := r.memberKeys(of, from, text, w, page.Query, page.Limit)
	switch {
	case err != nil:
		return nil, reached, err
	case len(keys) == page.Limit:
		reached = Searched{}
	case reached.ID != "":
		var more []Searched
		if more, reached.Begun, err = r.membersBegun(groupID, reached, page.Query, page.Limit-1-len(keys)); err != nil {
			return nil, reached, err
		}
		keys = append(keys, more...)
	}
	out, err := r.membersAt(groupID, keys)
	return out, reached, err
}

// memberKeys are the places of a page of members; of says from which of the tables, and text what is searched.
func (r *Reader) memberKeys(of, from, text string, w where, query string, limit int) ([]Searched, error) {
	w.parts(text, query)
	w.args = append(w.args, limit)
	key := of + ".sort_name, " + of + ".member_id"
	return many(r, scanSearched, "SELECT DISTINCT "+key+" FROM "+from+w.String()+" ORDER BY "+key+" LIMIT "+dollar(len(w.args)), w.args...)
}

// reachMembers is where a walk over so many members ends when there are more.
func (r *Reader) reachMembers(w where) (s Searched, err error) {
	args := append(slices.Clone(w.args), examinedMembers-1)
	ends, err := many(r, scanSearched, "SELECT m.sort_name, m.member_id FROM group_members m"+w.String()+" ORDER BY m.sort_name, m.member_id LIMIT 1 OFFSET "+dollar(len(args)), args...)
	if err != nil || len(ends) == 0 {
		return s, err
	}
	return ends[0], nil
}

// membersBegun is begunAfter among the members of a group.
func (r *Reader) membersBegun(groupID string, after Searched, query string, limit int) ([]Searched, bool, error) {
	rare, none, err := r.rarest(query, fewBegin)
	if err != nil || none || rare == "" {
		return nil, none, err
	}
	var w where
	from := begins(&w, rare, fewBegin) + " CROSS JOIN group_members m"
	w.add("m.member_id = x.principal_id AND m.group_id || '' = ?", groupID) // of each the groups they are in, not the members of this one
	w.add("(m.sort_name || '', m.member_id) > (?, ?)", after.Name, after.ID)
	keys, err := r.memberKeys("m", from, "(SELECT p.search_text FROM principals p WHERE p.id = m.member_id)", w, query, limit)
	return keys, true, err
}

// membersAt loads members in the order of their keys.
func (r *Reader) membersAt(groupID string, keys []Searched) ([]Member, error) {
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.ID
	}
	var args []any
	list := in(&args, ids)
	people, err := many(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p WHERE p.removed_at = 0 AND p.id IN "+list, args...)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(people, func(a, b pim.Principal) int { return slices.Index(ids, a.ID) - slices.Index(ids, b.ID) })
	args = []any{groupID}
	list = in(&args, idsOf(people))
	edges, err := many(r, scanMembership, "SELECT group_id, member_id, source, fresh_until FROM group_members WHERE group_id = $1 AND member_id IN "+list+" ORDER BY source", args...)
	out := withEdges(people, edges, func(m pim.Membership) string { return m.MemberID })
	for i := range out {
		out[i].SortName = keys[slices.Index(ids, out[i].ID)].Name
	}
	return out, err
}

func idsOf(people []pim.Principal) []string {
	out := make([]string, len(people))
	for i, p := range people {
		out[i] = p.ID
	}
	return out
}

func withEdges(people []pim.Principal, edges []pim.Membership, of func(pim.Membership) string) []Member {
	out := make([]Member, len(people))
	for i, p := range people {
		out[i].Principal = p
		for _, e := range edges {
			if of(e) == p.ID {
				out[i].Edges = append(out[i].Edges, e)
			}
		}
	}
	return out
}

// Memberships lists the edges of one member in one group, one for each source.
func (r *Reader) Memberships(groupID, memberID string) ([]pim.Membership, error) {
	return many(r, scanMembership, "SELECT group_id, member_id, source, fresh_until FROM group_members WHERE group_id = $1 AND member_id = $2 ORDER BY source", groupID, memberID)
}

// GroupEdges maps each group to the groups that are its members.
func (r *Reader) GroupEdges() (map[string][]string, error) {
	type edge struct{ group, member string }
	edges, err := many(r, func(r row) (e edge, err error) { return e, r.Scan(&e.group, &e.member) },
		`SELECT m.group_id, m.member_id FROM principals p JOIN group_members m ON m.member_id = p.id
		WHERE p.kind = 'group' AND p.removed_at = 0 ORDER BY m.group_id, m.member_id`)
	out := map[string][]string{}
	for _, e := range edges {
		out[e.group] = append(out[e.group], e.member)
	}
	return out, err
}

// DirectGroupsOf lists the groups a principal is directly in.
func (r *Reader) DirectGroupsOf(principalID string) ([]Member, error) {
	groups, err := many(r, scanPrincipal, "SELECT "+principalCols+` FROM principals p
		WHERE p.id IN (SELECT m.group_id FROM group_members m WHERE m.member_id = $1) AND p.removed_at = 0 ORDER BY p.name, p.id`, principalID)
	if err != nil {
		return nil, err
	}
	edges, err := many(r, scanMembership, "SELECT group_id, member_id, source, fresh_until FROM group_members WHERE member_id = $1 ORDER BY source", principalID)
	return withEdges(groups, edges, func(m pim.Membership) string { return m.GroupID }), err
}

// PeopleWithout is PeopleIn as it would be without one member in a group, or without the whole group when
// memberID is empty.
func (r *Reader) PeopleWithout(ids []string, groupID, memberID string) ([]pim.Principal, error) {
	args := []any{us(r.Now), groupID, memberID}
	list := in(&args, ids)
	return many(r, scanPrincipal, `WITH RECURSIVE within(id, depth) AS (
		SELECT id, 0 FROM principals WHERE id IN `+list+` AND (id <> $2 OR $3 <> '')
		UNION
		SELECT m.member_id, within.depth + 1 FROM group_members m JOIN within ON m.group_id = within.id
		WHERE within.depth < 10 AND (m.fresh_until = 0 OR m.fresh_until > $1)
		AND NOT (m.group_id = $2 AND (m.member_id = $3 OR $3 = '')) AND NOT ($3 = '' AND m.member_id = $2))
		SELECT `+principalCols+` FROM principals p WHERE p.id IN (SELECT id FROM within) AND p.kind = 'person' AND p.enabled = 1 AND p.removed_at = 0
		ORDER BY p.name, p.id`, args...)
}

// PeopleWithoutClaim is PeopleIn as it would be without those who are in one group by a claim only.
func (r *Reader) PeopleWithoutClaim(ids []string, groupID string) ([]pim.Principal, error) {
	args := []any{us(r.Now), groupID}
	list := in(&args, ids)
	return many(r, scanPrincipal, `WITH RECURSIVE within(id, depth) AS (
		SELECT id, 0 FROM principals WHERE id IN `+list+`
		UNION
		SELECT m.member_id, within.depth + 1 FROM group_members m JOIN within ON m.group_id = within.id
		WHERE within.depth < 10 AND (m.fresh_until = 0 OR m.fresh_until > $1) AND NOT (m.group_id = $2 AND m.source = 'signin'))
		SELECT `+principalCols+` FROM principals p WHERE p.id IN (SELECT id FROM within) AND p.kind = 'person' AND p.enabled = 1 AND p.removed_at = 0
		ORDER BY p.name, p.id`, args...)
}

// GroupNamed finds groups by name, whatever its case.
func (r *Reader) GroupNamed(name string) ([]pim.Principal, error) {
	return many(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p WHERE p.kind = 'group' AND LOWER(p.name) = LOWER($1) AND p.removed_at = 0 ORDER BY p.name, p.id LIMIT 2", name)
}

// GroupNames returns what every group is called, by id.
func (r *Reader) GroupNames() (map[string]string, error) { return r.namesOfKind(pim.Group) }

func (r *Reader) namesOfKind(kind pim.PrincipalKind) (map[string]string, error) {
	out := map[string]string{}
	_, err := many(r, func(r row) (id string, err error) {
		var name string
		err = r.Scan(&id, &name)
		out[id] = name
		return id, err
	}, "SELECT id, name FROM principals WHERE kind = $1 AND removed_at = 0", kind)
	return out, err
}

// StaleMembers lets every membership of a group that came from a claim lapse now; it counts for nothing from this
// instant, and the sweep takes it away with what rests on it.
func (tx *Tx) StaleMembers(groupID string) error {
	_, err := tx.exec("UPDATE group_members SET fresh_until = $1 WHERE group_id = $2 AND fresh_until > $1", us(tx.Now), groupID)
	return err
}

func scanMembership(r row) (m pim.Membership, err error) {
	return m, r.Scan(&m.GroupID, &m.MemberID, &m.Source, at(&m.FreshUntil))
}
