package store

import (
	"strings"
	"time"

	"stint/internal/pim"
)

// ReviewCandidate is an assignment or a membership of a group that a review is about, as it is now.
type ReviewCandidate struct {
	Assignment pim.Assignment // empty for a membership
	GroupID    string
	MemberOf   pim.Source // where a membership came from; of several, the one that Stint can least take away
	Holder     pim.Principal
}

// Key is its place in the order in which a review goes through them.
func (c ReviewCandidate) Key() string {
	if c.GroupID != "" {
		return c.GroupID + "\n" + c.Holder.ID
	}
	return c.Assignment.ID
}

const holderCols = "p.id, p.kind, p.name, p.department, p.title, p.person_id, p.manager_id, p.owner_id, p.guest, p.enabled, p.created_at, p.last_seen_at"

func holderDest(p *pim.Principal) []any {
	return []any{&p.ID, &p.Kind, &p.Name, &p.Department, &p.Title, &p.PersonID, &p.ManagerID, &p.OwnerID, &p.Guest, &p.Enabled, at(&p.CreatedAt), at(&p.LastSeenAt)}
}

// reviewed narrows to what is in the scope of a review that began at an instant: what was made after it is not.
func (r *Reader) reviewed(w *where, s pim.ReviewScope, began time.Time) error {
	w.add("p.removed_at = 0")
	if s.GuestsOnly { // W-17
		w.add("p.kind = 'person' AND p.guest = 1")
	}
	if s.InactiveDays > 0 { // W-18: an account younger than that was not inactive for so long
		since := us(began.AddDate(0, 0, -s.InactiveDays))
		w.add("p.kind = 'person' AND p.last_seen_at < ? AND p.created_at < ?", since, since)
	}
	if len(s.Groups) > 0 {
		w.conds = append(w.conds, "m.group_id IN "+in(&w.args, s.Groups))
		w.add("(m.fresh_until = 0 OR m.fresh_until > ?) AND m.since <= ?", us(r.Now), us(began))
		return nil
	}
	w.add("g.ended_at = 0 AND g.starts_at <= ? AND (g.ends_at = 0 OR g.ends_at > ?) AND g.created_at <= ?", us(began), us(r.Now), us(began))
	w.conds = append(w.conds, "g.kind IN "+in(&w.args, s.Kinds))
	if len(s.Roles) > 0 {
		w.conds = append(w.conds, "g.role_id IN "+in(&w.args, s.Roles))
	}
	if len(s.Resources) == 0 {
		return nil
	}
	return r.within(w, "g.resource_id", Subtree{Roots: s.Resources})
}

// CountReviewed counts what is in a scope.
func (r *Reader) CountReviewed(s pim.ReviewScope, began time.Time) (int64, error) {
	var w where
	if err := r.reviewed(&w, s, began); err != nil {
		return 0, err
	}
	if len(s.Groups) > 0 {
		return one(r, scanInt, "SELECT COUNT(*) FROM (SELECT DISTINCT m.group_id, m.member_id FROM group_members m JOIN principals p ON p.id = m.member_id"+w.String()+") x", w.args...)
	}
	return one(r, scanInt, "SELECT COUNT(*) FROM assignments g JOIN principals p ON p.id = g.principal_id"+w.String(), w.args...)
}

// Reviewed goes through what is in a scope, in the order of Key and after one.
func (r *Reader) Reviewed(s pim.ReviewScope, began time.Time, after string, limit int) ([]ReviewCandidate, error) {
	var w where
	if err := r.reviewed(&w, s, began); err != nil {
		return nil, err
	}
	if len(s.Groups) > 0 {
		return r.membersReviewed(w, after, limit)
	}
	w.add("g.id > ?", after)
	for i, cond := range w.conds { // in the order of the ids: by another index all of them would be sorted for each piece
		for _, column := range []string{"g.role_id", "g.kind"} {
			if list, ok := strings.CutPrefix(cond, column+" IN "); ok {
				w.conds[i] = column + " || '' IN " + list
			}
		}
	}
	w.args = append(w.args, limit)
	return many(r, func(r row) (c ReviewCandidate, err error) {
		return c, r.Scan(append(assignmentDest(&c.Assignment), holderDest(&c.Holder)...)...)
	}, "SELECT "+assignmentCols+", "+holderCols+" FROM assignments g JOIN principals p ON p.id = g.principal_id"+w.String()+" ORDER BY g.id LIMIT "+dollar(len(w.args)), w.args...)
}

// leastOurs orders the sources of a membership by how little Stint can take one away (W-92, W-93).
const leastOurs = "MIN(CASE m.source WHEN 'directory' THEN '1directory' WHEN 'signin' THEN '2signin' WHEN 'file' THEN '3file' ELSE '4browser' END)"

func (r *Reader) membersReviewed(w where, after string, limit int) ([]ReviewCandidate, error) {
	group, member, _ := strings.Cut(after, "\n")
	w.add("(m.group_id, m.member_id) > (?, ?)", group, member)
	w.args = append(w.args, limit)
	return many(r, func(r row) (c ReviewCandidate, err error) {
		var source string
		err = r.Scan(append([]any{&c.GroupID, &source}, holderDest(&c.Holder)...)...)
		c.MemberOf = pim.Source(strings.TrimLeft(source, "1234"))
		return c, err
	}, "SELECT m.group_id, "+leastOurs+", "+holderCols+" FROM group_members m JOIN principals p ON p.id = m.member_id"+w.String()+
		" GROUP BY m.group_id, m.member_id, "+holderCols+" ORDER BY m.group_id, m.member_id LIMIT "+dollar(len(w.args)), w.args...)
}

// heldStates are those of activations that held for a while.
const heldStates = "('provisioning', 'active', 'expired', 'deactivated', 'revoked', 'eligibility_ended', 'person_disabled', 'lost_at_target')"

// ReviewUse is how a principal used a role at a resource through an assignment of their own.
type ReviewUse struct {
	PrincipalID string
	RoleID      string
	ResourceID  string
	Last        time.Time // start of the last activation
	Uses        int       // in the period
}

// ReviewUses tells how some principals used what they are assigned themselves, since an instant and ever.
func (r *Reader) ReviewUses(principalIDs []string, since, until time.Time) ([]ReviewUse, error) {
	args := []any{us(since), us(until)}
	return many(r, func(r row) (u ReviewUse, err error) {
		return u, r.Scan(&u.PrincipalID, &u.RoleID, &u.ResourceID, at(&u.Last), &u.Uses)
	}, `SELECT x.principal_id, x.role_id, x.resource_id, MAX(x.starts_at), SUM(CASE WHEN x.starts_at >= $1 THEN 1 ELSE 0 END) FROM activations x
		JOIN assignments g ON g.id = x.assignment_id AND g.principal_id = x.principal_id
		WHERE x.principal_id IN `+in(&args, principalIDs)+` AND x.starts_at > 0 AND x.starts_at <= $2 AND x.state IN `+heldStates+`
		GROUP BY x.principal_id, x.role_id, x.resource_id`, args...)
}

// ReviewPeers are the people of one department and job who hold a role at a resource.
type ReviewPeers struct {
	RoleID, ResourceID, Department, Title string
}

// ReviewPeerUse counts peers, and those of them who used the role there in the period.
type ReviewPeerUse struct{ Holders, Used int }

// ReviewPeersUse counts the people of each department and job who hold a role at a resource as eligible, where there are
// two or more.
func (r *Reader) ReviewPeersUse(since time.Time) (map[ReviewPeers]ReviewPeerUse, error) {
	out := map[ReviewPeers]ReviewPeerUse{}
	_, err := many(r, func(r row) (k ReviewPeers, err error) {
		var u ReviewPeerUse
		err = r.Scan(&k.RoleID, &k.ResourceID, &k.Department, &k.Title, &u.Holders, &u.Used)
		out[k] = u
		return k, err
	}, `SELECT g.role_id, g.resource_id, p.department, p.title, COUNT(*), COUNT(u.principal_id) FROM assignments g JOIN principals p ON p.id = g.principal_id
		LEFT JOIN (SELECT DISTINCT x.principal_id, x.assignment_id FROM activations x WHERE x.starts_at >= $1 AND x.starts_at <= $2 AND x.state IN `+heldStates+`) u
		ON u.principal_id = g.principal_id AND u.assignment_id = g.id
		WHERE g.ended_at = 0 AND g.kind = 'eligible' AND g.starts_at <= $2 AND (g.ends_at = 0 OR g.ends_at > $2) AND p.kind = 'person' AND p.department <> '' AND p.title <> ''
		GROUP BY g.role_id, g.resource_id, p.department, p.title HAVING COUNT(*) > 1`, us(since), us(r.Now))
	return out, err
}

// ReviewedBefore returns what another instance froze of some assignments.
func (r *Reader) ReviewedBefore(instanceID string, assignmentIDs []string) (map[string]pim.ReviewUse, error) {
	out := map[string]pim.ReviewUse{}
	if instanceID == "" {
		return out, nil
	}
	args := []any{instanceID}
	_, err := many(r, func(r row) (id string, err error) {
		var u pim.ReviewUse
		err = r.Scan(&id, asJSON(&u))
		out[id] = u
		return id, err
	}, "SELECT assignment_id, frozen FROM review_items WHERE instance_id = $1 AND assignment_id <> '' AND assignment_id IN "+in(&args, assignmentIDs), args...)
	return out, err
}

// AssignmentVersions returns the versions of the assignments among some that were not ended.
func (r *Reader) AssignmentVersions(ids []string) (map[string]int64, error) {
	out := make(map[string]int64, len(ids))
	var args []any
	_, err := many(r, func(r row) (id string, err error) {
		var version int64
		err = r.Scan(&id, &version)
		out[id] = version
		return id, err
	}, "SELECT id, version FROM assignments WHERE ended_at = 0 AND id IN "+in(&args, ids), args...)
	return out, err
}

// PrincipalsOf returns the principals with some ids that were not removed, by id.
func (r *Reader) PrincipalsOf(ids []string) (map[string]pim.Principal, error) {
	var args []any
	all, err := many(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p WHERE p.removed_at = 0 AND p.id IN "+in(&args, ids), args...)
	out := make(map[string]pim.Principal, len(all))
	for _, p := range all {
		out[p.ID] = p
	}
	return out, err
}

// ReviewSetsFor lists the sets of an instance and stage, those of fallback reviewers alone or the others, without their members.
func (r *Reader) ReviewSetsFor(instanceID string, stage int, fallback bool, limit int) ([]pim.ReviewSet, error) {
	return many(r, scanReviewSet, fromReviewSets+`WHERE s.instance_id = $1 AND s.stage = $2 AND EXISTS (SELECT 1 FROM review_set_members m WHERE m.set_id = s.id)
		AND $3 = (SELECT MIN(m.fallback) FROM review_set_members m WHERE m.set_id = s.id) ORDER BY s.id LIMIT $4`, instanceID, stage, num(fallback), limit)
}

// ReviewGoesOn counts the items whose turn it is in a stage.
func (r *Reader) ReviewGoesOn(instanceID string, stage int) (int64, error) {
	return one(r, scanInt, "SELECT COALESCE(SUM(items), 0) FROM review_sets WHERE instance_id = $1 AND stage = $2", instanceID, stage)
}
