package store

import (
	"strings"

	"stint/internal/pim"
)

const longChangeCols = "id, kind, resource_id, lose, gain, decided_by, evidence, decided_at, phase, after_id, done, about, counts, finished_at, version, group_id"

func scanLongChange(r row) (c pim.LongChange, err error) {
	return c, r.Scan(&c.ID, &c.Kind, &c.ResourceID, asJSON(&c.Lose), asJSON(&c.Gain), &c.By, &c.Evidence, at(&c.DecidedAt), &c.Phase, &c.After, &c.Done, &c.About,
		asJSON(&c.Counts), at(&c.FinishedAt), &c.Version, &c.GroupID)
}

// LongChanges lists what is being carried out, the oldest first.
func (r *Reader) LongChanges() ([]pim.LongChange, error) {
	return many(r, scanLongChange, "SELECT "+longChangeCols+" FROM long_changes WHERE finished_at = 0 ORDER BY decided_at, id")
}

// LongChange returns one, carried out or not.
func (r *Reader) LongChange(id string) (pim.LongChange, error) {
	return one(r, scanLongChange, "SELECT "+longChangeCols+" FROM long_changes WHERE id = $1", id)
}

// InsertLongChange records a decision. That of retiring comes before the resource is removed: what is remembered of the
// definitions from then on knows of it.
func (tx *Tx) InsertLongChange(c pim.LongChange) error {
	_, err := tx.exec(`INSERT INTO long_changes (id, kind, resource_id, lose, gain, decided_by, evidence, decided_at, about, counts, group_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, c.ID, c.Kind, c.ResourceID, toJSON(append([]string{}, c.Lose...)), toJSON(append([]string{}, c.Gain...)), c.By, c.Evidence,
		us(tx.Now), c.About, toJSON(map[string]int64{}), c.GroupID)
	return err
}

// SaveLongChange records how far a change is carried out; the version must be the one read.
func (tx *Tx) SaveLongChange(c pim.LongChange) error {
	return tx.must(`UPDATE long_changes SET phase = $1, after_id = $2, done = $3, counts = $4, finished_at = $5, version = version + 1
		WHERE id = $6 AND version = $7 AND finished_at = 0`, c.Phase, c.After, c.Done, toJSON(c.Counts), us(c.FinishedAt), c.ID, c.Version)
}

// HeldUp says what of a change is refused again and again, and why, or "".
func (r *Reader) HeldUp(id string) (string, error) { return r.Meta(metaHeldUp + id) }

// SetHeldUp says so, or takes it back.
func (tx *Tx) SetHeldUp(id, why string) error { return tx.SetMeta(metaHeldUp+id, why) }

// metaHeldUp begins the name of a row in meta for a large change.
const metaHeldUp = "held_up:"

type leavingKey struct{}

// leaving lists the resources that are being retired: they are removed, and what is below them is not yet.
func (r *Reader) leaving() ([]string, error) {
	return Remembered(r, leavingKey{}, func() ([]string, error) {
		return many(r, scanString, "SELECT resource_id FROM long_changes WHERE finished_at = 0 AND kind = 'retire' ORDER BY resource_id")
	})
}

// Leaving reports whether a resource, or one above it, is being retired.
func (r *Reader) Leaving(id string) (bool, error) {
	roots, err := r.leaving()
	if err != nil || len(roots) == 0 {
		return false, err
	}
	paths, err := r.Paths([]string{id})
	for _, root := range roots {
		if paths[id].Contains(root) {
			return true, err
		}
	}
	return false, err
}

// staying leaves out what is being retired.
func (r *Reader) staying(w *where, column string) error {
	roots, err := r.leaving()
	if err != nil || len(roots) == 0 {
		return err
	}
	var out where
	out.args = w.args
	out.under(column, Subtree{Roots: roots})
	w.args = out.args
	w.conds = append(w.conds, "NOT "+out.conds[0])
	return nil
}

// Under counts what stands at a resource and below it.
type Under struct {
	Resources, Assignments, Activations, Meanings, Settings int64
}

// All is how much there is.
func (u Under) All() int64 {
	return u.Resources + u.Assignments + u.Activations + u.Meanings + u.Settings
}

// CountUnder counts all that stands at a resource and below it.
func (r *Reader) CountUnder(id string) (u Under, err error) {
	return one(r, func(r row) (u Under, err error) {
		return u, r.Scan(&u.Resources, &u.Assignments, &u.Activations, &u.Meanings, &u.Settings)
	}, downFrom+`SELECT (SELECT COUNT(*) FROM down),
		(SELECT COUNT(*) FROM assignments g WHERE g.ended_at = 0 AND g.resource_id IN (SELECT id FROM down)),
		(SELECT COUNT(*) FROM activations a WHERE a.state IN `+openStates+` AND a.resource_id IN (SELECT id FROM down)),
		(SELECT COUNT(*) FROM role_meanings m WHERE m.resource_id IN (SELECT id FROM down)),
		(SELECT COUNT(*) FROM role_settings c WHERE c.resource_id <> '' AND c.resource_id IN (SELECT id FROM down))`, id)
}

// MuchUnder reports whether more than so much stands at a resource and below it, looking at no more than that.
func (r *Reader) MuchUnder(id string, limit int) (bool, error) {
	nodes, err := many(r, scanString, downFrom+"SELECT id FROM down LIMIT $2", id, limit+1)
	if err != nil || len(nodes) > limit {
		return true, err
	}
	n := int64(len(nodes))
	for _, from := range []string{"assignments WHERE ended_at = 0 AND ", "role_meanings WHERE ", "role_settings WHERE resource_id <> '' AND "} {
		args := []any{limit + 1}
		more, err := one(r, scanInt, "SELECT COUNT(*) FROM (SELECT 1 FROM "+from+"resource_id IN "+in(&args, nodes)+" LIMIT $1) x", args...)
		if n += more; err != nil || n > int64(limit) {
			return true, err
		}
	}
	return false, nil
}

// AssignmentsAmong lists assignments of some roles made at some resources; at most limit of them.
func (r *Reader) AssignmentsAmong(roles, at []string, limit int) ([]pim.Assignment, error) {
	args := []any{limit}
	list := in(&args, roles)
	return many(r, scanAssignment, "SELECT "+assignmentCols+" FROM assignments g WHERE g.ended_at = 0 AND g.role_id IN "+list+" AND g.resource_id IN "+in(&args, at)+" LIMIT $1", args...)
}

// CountAmong counts the assignments of some roles made at some resources.
func (r *Reader) CountAmong(roles, at []string) (int64, error) {
	var args []any
	list := in(&args, roles)
	return one(r, scanInt, "SELECT COUNT(*) FROM assignments g WHERE g.ended_at = 0 AND g.role_id IN "+list+" AND g.resource_id IN "+in(&args, at), args...)
}

// AssignmentsOfEach returns one assignment of each of some roles that is assigned at some resources.
func (r *Reader) AssignmentsOfEach(roles, at []string) ([]pim.Assignment, error) {
	var args []any
	list, places := in(&args, roles), in(&args, at)
	return many(r, scanAssignment, "SELECT "+assignmentCols+` FROM assignments g WHERE g.id IN (
		SELECT (SELECT x.id FROM assignments x WHERE x.role_id = d.id AND x.ended_at = 0 AND x.resource_id IN `+places+" LIMIT 1) FROM role_definitions d WHERE d.id IN "+list+") ORDER BY g.id", args...)
}

// WorkloadsAmong lists the assignments of some roles made at some resources to workloads; at most limit of them.
func (r *Reader) WorkloadsAmong(roles, at []string, limit int) ([]pim.Assignment, error) {
	args := []any{limit}
	list := in(&args, roles)
	return many(r, scanAssignment, "SELECT "+assignmentCols+` FROM principals p CROSS JOIN assignments g WHERE p.kind = 'workload' AND p.removed_at = 0 AND g.principal_id = p.id
		AND g.ended_at = 0 AND g.role_id IN `+list+" AND g.resource_id IN "+in(&args, at)+" LIMIT $1", args...)
}

// What is left to carry out of a change, each list bounded: ids, or two with a line break between.

// OpenUnder lists open activations of a resource or of what is below it.
func (r *Reader) OpenUnder(id, after string, limit int) ([]string, error) {
	return many(r, scanString, downFrom+"SELECT a.id FROM activations a WHERE a.state IN "+openStates+" AND a.resource_id IN (SELECT id FROM down) AND a.id > $2 ORDER BY a.id LIMIT $3", id, after, limit)
}

// NeedsUnder lists what active assignments at a resource or below it hold.
func (r *Reader) NeedsUnder(id string, limit int) ([]string, error) {
	return many(r, scanPair, downFrom+`SELECT n.need_id, n.grant_id FROM assignments g JOIN grant_needs n ON n.need_kind = 'assignment' AND n.need_id = g.id
		WHERE g.kind = 'active' AND g.ended_at = 0 AND g.resource_id IN (SELECT id FROM down) AND n.ended_at = 0 AND n.settled_at = 0 LIMIT $2`, id, limit)
}

// AssignedUnder lists assignments made at a resource or below it.
func (r *Reader) AssignedUnder(id string, limit int) ([]string, error) {
	return many(r, scanString, downFrom+"SELECT g.id FROM down CROSS JOIN assignments g WHERE g.resource_id = down.id AND g.ended_at = 0 LIMIT $2", id, limit)
}

// HeldThroughAbove lists the activations that hold by an assignment of some roles at some resources.
func (r *Reader) HeldThroughAbove(roles, at []string, after string, limit int) ([]string, error) {
	args := []any{after, limit}
	list := in(&args, roles)
	return many(r, scanString, "SELECT a.id FROM activations a JOIN assignments g ON g.id = a.assignment_id WHERE a.state IN "+openStates+` AND a.state IN ('provisioning', 'active')
		AND g.role_id IN `+list+" AND g.resource_id IN "+in(&args, at)+" AND a.id > $1 ORDER BY a.id LIMIT $2", args...)
}

// NeedsAbove lists what active assignments of some roles at some resources hold, in order.
func (r *Reader) NeedsAbove(roles, at []string, after string, limit int) ([]string, error) {
	assignment, grant, _ := strings.Cut(after, "\n")
	args := []any{assignment, grant, limit}
	list := in(&args, roles)
	return many(r, scanPair, `SELECT n.need_id, n.grant_id FROM assignments g JOIN grant_needs n ON n.need_kind = 'assignment' AND n.need_id = g.id
		WHERE g.kind = 'active' AND g.ended_at = 0 AND g.role_id IN `+list+" AND g.resource_id IN "+in(&args, at)+` AND n.ended_at = 0 AND n.settled_at = 0
		AND (n.need_id, n.grant_id) > ($1, $2) ORDER BY n.need_id, n.grant_id LIMIT $3`, args...)
}

// ActiveAbove lists the active assignments of some roles at some resources, from an id on.
func (r *Reader) ActiveAbove(roles, at []string, from string, limit int) ([]pim.Assignment, error) {
	args := []any{from, limit}
	list := in(&args, roles)
	return many(r, scanAssignment, "SELECT "+assignmentCols+" FROM assignments g WHERE g.kind = 'active' AND g.ended_at = 0 AND g.role_id IN "+list+" AND g.resource_id IN "+in(&args, at)+
		" AND g.id >= $1 ORDER BY g.id LIMIT $2", args...)
}

// NarrowerAfter lists open activations of a resource below the one their assignment is for.
func (r *Reader) NarrowerAfter(after string, limit int) ([]string, error) {
	return many(r, scanString, "SELECT a.id FROM activations a JOIN assignments g ON g.id = a.assignment_id WHERE a.state IN "+openStates+
		" AND a.resource_id <> g.resource_id AND a.id > $1 ORDER BY a.id LIMIT $2", after, limit)
}

// ProvisioningAfter lists activations that are not confirmed yet.
func (r *Reader) ProvisioningAfter(after string, limit int) ([]string, error) {
	return many(r, scanString, "SELECT a.id FROM activations a WHERE a.state IN "+openStates+" AND a.state = 'provisioning' AND a.id > $1 ORDER BY a.id LIMIT $2", after, limit)
}

// RulesUnder lists the role and resource of settings at a resource and below it.
func (r *Reader) RulesUnder(id string, limit int) ([]string, error) {
	return many(r, scanPair, downFrom+"SELECT c.role_id, c.resource_id FROM role_settings c WHERE c.resource_id <> '' AND c.resource_id IN (SELECT id FROM down) LIMIT $2", id, limit)
}

// LowestUnder lists a resource and what is below it, the lowest first. One that is removed itself comes without it.
func (r *Reader) LowestUnder(id string, limit int) ([]string, error) {
	return many(r, scanString, downFrom+"SELECT s.id FROM down JOIN resources s ON s.id = down.id WHERE s.removed_at = 0 ORDER BY down.depth DESC, s.id LIMIT $2", id, limit)
}

func scanPair(r row) (string, error) {
	var a, b string
	err := r.Scan(&a, &b)
	return a + "\n" + b, err
}
