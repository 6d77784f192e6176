package store

import "stint/internal/pim"

// Resting counts what rests on a group that is removed.
type Resting struct {
	Members, Activations, Held int64
}

// All is how much there is.
func (u Resting) All() int64 { return u.Members + u.Activations + u.Held }

const (
	usingThem  = "activations a WHERE a.state IN " + openStates + " AND a.assignment_id IN "
	heldByThem = "grant_needs n WHERE n.need_kind = 'assignment' AND n.ended_at = 0 AND n.settled_at = 0 AND n.need_id IN "
)

// CountResting counts the members of a group, and what is activated and held with its assignments and those of the groups
// around it.
func (r *Reader) CountResting(groupID string, assignments []string) (u Resting, err error) {
	args := []any{groupID}
	list := in(&args, assignments)
	return one(r, func(r row) (u Resting, err error) { return u, r.Scan(&u.Members, &u.Activations, &u.Held) },
		"SELECT (SELECT COUNT(*) FROM group_members WHERE group_id = $1), (SELECT COUNT(*) FROM "+usingThem+list+"), (SELECT COUNT(*) FROM "+heldByThem+list+")", args...)
}

// MuchRests reports whether more than so much of it is there, or so many are in the group or in those that hold something
// around it, looking at no more than that.
func (r *Reader) MuchRests(groupID string, assignments, holding []string, limit int) (bool, error) {
	n := 0
	for _, from := range []string{usingThem, heldByThem} {
		args := []any{limit + 1}
		more, err := many(r, scanInt, "SELECT 1 FROM "+from+in(&args, assignments)+" LIMIT $1", args...)
		if n += len(more); err != nil || n > limit {
			return true, err
		}
	}
	args := []any{limit + 1, us(r.Now)}
	people, err := many(r, scanString, `WITH RECURSIVE within(id, depth) AS (
		SELECT id, 0 FROM principals WHERE id IN `+in(&args, append([]string{groupID}, holding...))+`
		UNION
		SELECT m.member_id, within.depth + 1 FROM group_members m JOIN within ON m.group_id = within.id
		WHERE within.depth < 10 AND (m.fresh_until = 0 OR m.fresh_until > $2))
		SELECT id FROM within LIMIT $1`, args...)
	return n+len(people) > limit, err
}

// What is left to carry out of a removal, each list bounded.

// OpenWith lists open activations made with some assignments.
func (r *Reader) OpenWith(assignments []string, after string, limit int) ([]string, error) {
	args := []any{after, limit}
	return many(r, scanString, "SELECT a.id FROM "+usingThem+in(&args, assignments)+" AND a.id > $1 ORDER BY a.id LIMIT $2", args...)
}

// NeedsWith lists what some assignments hold.
func (r *Reader) NeedsWith(assignments []string, after, afterGrant string, limit int) ([]string, error) {
	args := []any{after, afterGrant, limit}
	return many(r, scanPair, "SELECT n.need_id, n.grant_id FROM "+heldByThem+in(&args, assignments)+
		" AND (n.need_id, n.grant_id) > ($1, $2) ORDER BY n.need_id, n.grant_id LIMIT $3", args...)
}

// MembersLeft lists memberships of a group.
func (r *Reader) MembersLeft(groupID string, limit int) ([]pim.Membership, error) {
	return many(r, scanMembership, "SELECT group_id, member_id, source, fresh_until FROM group_members WHERE group_id = $1 LIMIT $2", groupID, limit)
}
