package store

import (
	"errors"
	"time"

	"stint/internal/pim"
)

const assignmentCols = `g.id, g.principal_id, g.role_id, g.resource_id, g.kind, g.starts_at, g.ends_at, g.ended_at, g.expired, g.source,
	g.justification, g.ticket_number, g.ticket_system, g.made_by, g.created_at, g.version`

func assignmentDest(a *pim.Assignment) []any {
	return []any{&a.ID, &a.PrincipalID, &a.RoleID, &a.ResourceID, &a.Kind, at(&a.StartsAt), at(&a.EndsAt), at(&a.EndedAt), &a.Expired, &a.Source,
		&a.Justification, &a.TicketNumber, &a.TicketSystem, &a.MadeBy, at(&a.CreatedAt), &a.Version}
}

func scanAssignment(r row) (a pim.Assignment, err error) { return a, r.Scan(assignmentDest(&a)...) }

// Assignment returns one assignment, ended ones included.
func (r *Reader) Assignment(id string) (pim.Assignment, error) {
	return one(r, scanAssignment, "SELECT "+assignmentCols+" FROM assignments g WHERE g.id = $1", id)
}

// AssignmentsFor lists the assignments of a kind that are in force for a person, through groups too.
func (r *Reader) AssignmentsFor(principalID string, kind pim.AssignmentKind) ([]pim.Assignment, error) {
	return many(r, scanAssignment, groupsOf+"SELECT "+assignmentCols+` FROM assignments g
		WHERE g.principal_id IN (SELECT id FROM mine) AND g.kind = $3 AND g.ended_at = 0 AND g.starts_at <= $2 AND (g.ends_at = 0 OR g.ends_at > $2)
		ORDER BY g.id`, principalID, us(r.Now), kind)
}

// Holding is what lists show of an assignment in force: all of it stands in one index.
type Holding struct {
	ID          string
	PrincipalID string // the person's, or the group's it comes through
	RoleID      string
	ResourceID  string
	Kind        pim.AssignmentKind
	EndsAt      time.Time
}

// At is the role and the resource.
func (h Holding) At() [2]string { return [2]string{h.RoleID, h.ResourceID} }

func scanHolding(r row) (h Holding, err error) {
	return h, r.Scan(&h.ID, &h.PrincipalID, &h.RoleID, &h.ResourceID, (*string)(&h.Kind), at(&h.EndsAt))
}

// Holdings lists the assignments of both kinds that are in force for a person, through groups too.
func (r *Reader) Holdings(principalID string) ([]Holding, error) {
	return many(r, scanHolding, groupsOf+`SELECT g.id, g.principal_id, g.role_id, g.resource_id, g.kind, g.ends_at FROM assignments g
		WHERE g.principal_id IN (SELECT id FROM mine) AND g.ended_at = 0 AND g.starts_at <= $2 AND (g.ends_at = 0 OR g.ends_at > $2)`, principalID, us(r.Now))
}

// Assignments lists every assignment that was not removed or expired.
func (r *Reader) Assignments() ([]pim.Assignment, error) {
	return many(r, scanAssignment, "SELECT "+assignmentCols+" FROM assignments g WHERE g.ended_at = 0 ORDER BY g.id")
}

// AssignmentsDue lists assignments whose end has come and was not recorded yet.
func (r *Reader) AssignmentsDue(limit int) ([]pim.Assignment, error) {
	return many(r, scanAssignment, "SELECT "+assignmentCols+" FROM assignments g WHERE g.ended_at = 0 AND g.ends_at > 0 AND g.ends_at <= $1 ORDER BY g.ends_at, g.id LIMIT $2",
		us(r.Now), limit)
}

// StintRoles returns which of Stint's own roles a person holds at this instant and where, by activation or by an
// active assignment; one held in two ways is named twice.
func (r *Reader) StintRoles(principalID string) ([]pim.Held, error) {
	args := []any{principalID, us(r.Now)}
	list := in(&args, pim.StintRoles)
	return many(r, func(r row) (h pim.Held, err error) { return h, r.Scan(&h.RoleID, &h.ResourceID) },
		groupsOf+`SELECT g.role_id, g.resource_id FROM assignments g
		WHERE g.principal_id IN (SELECT id FROM mine) AND g.role_id IN `+list+` AND g.kind = 'active' AND g.ended_at = 0
		AND g.starts_at <= $2 AND (g.ends_at = 0 OR g.ends_at > $2)
		UNION ALL SELECT a.role_id, a.resource_id FROM activations a WHERE a.principal_id = $1 AND a.role_id IN `+list+` AND a.state IN `+openStates+`
		AND a.state IN ('provisioning', 'active') AND a.starts_at <= $2 AND a.ends_at > $2`, args...)
}

// EligibleOrActiveFor lists the principals assigned a role in any kind; groups are not expanded.
func (r *Reader) EligibleOrActiveFor(roleID string) ([]string, error) {
	return many(r, scanString, "SELECT DISTINCT principal_id FROM assignments WHERE role_id = $1 AND ended_at = 0 AND (ends_at = 0 OR ends_at > $2)", roleID, us(r.Now))
}

// Standing lists the assignments of a role that are in force now, to whomever.
func (r *Reader) Standing(roleID string) ([]pim.Assignment, error) {
	return many(r, scanAssignment, "SELECT "+assignmentCols+` FROM assignments g WHERE g.role_id = $1 AND g.ended_at = 0 AND g.starts_at <= $2
		AND (g.ends_at = 0 OR g.ends_at > $2) ORDER BY g.id`, roleID, us(r.Now))
}

// Assigned lists the assignments of a role that are in force now or begin later, to whomever.
func (r *Reader) Assigned(roleID string) ([]pim.Assignment, error) {
	return many(r, scanAssignment, "SELECT "+assignmentCols+` FROM assignments g WHERE g.role_id = $1 AND g.ended_at = 0 AND (g.ends_at = 0 OR g.ends_at > $2)
		ORDER BY g.id`, roleID, us(r.Now))
}

// InsertAssignment adds an assignment; a second one of the same kind, principal, role and scope fails.
func (tx *Tx) InsertAssignment(a pim.Assignment) error {
	_, err := tx.exec(`INSERT INTO assignments (id, principal_id, role_id, resource_id, kind, starts_at, ends_at, source, created_at,
		justification, ticket_number, ticket_system, made_by, start_due, remind_at, sort_name)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, COALESCE((SELECT sort_name FROM principals WHERE id = $2), ''))`,
		a.ID, a.PrincipalID, a.RoleID, a.ResourceID, a.Kind, us(a.StartsAt), us(a.EndsAt), a.Source, us(tx.Now),
		a.Justification, a.TicketNumber, a.TicketSystem, a.MadeBy, startDue(a, tx.Now), us(a.RemindAt(tx.Now)))
	return err
}

// startDue is when an assignment has yet to begin; what a large file has prepared does not begin by time.
func startDue(a pim.Assignment, now time.Time) int64 {
	if a.StartsAt.Equal(Unopened) || !a.StartsAt.After(now) {
		return 0
	}
	return us(a.StartsAt)
}

// UpdateAssignment changes kind, window, reason and owner; the version must be the one read.
func (tx *Tx) UpdateAssignment(a pim.Assignment) error {
	return tx.must(`UPDATE assignments SET starts_at = $1, ends_at = $2, source = $3, kind = $4, justification = $5, ticket_number = $6, ticket_system = $7,
		made_by = $8, start_due = $9, remind_at = $10, version = version + 1 WHERE id = $11 AND version = $12 AND ended_at = 0`,
		us(a.StartsAt), us(a.EndsAt), a.Source, a.Kind, a.Justification, a.TicketNumber, a.TicketSystem, a.MadeBy, startDue(a, tx.Now), us(a.RemindAt(tx.Now)),
		a.ID, a.Version)
}

// AssignmentsToStart lists assignments whose planned start has come and was not recorded yet.
func (r *Reader) AssignmentsToStart(limit int) ([]pim.Assignment, error) {
	return many(r, scanAssignment, "SELECT "+assignmentCols+` FROM assignments g
		WHERE g.ended_at = 0 AND g.start_due > 0 AND g.start_due <= $1 ORDER BY g.start_due, g.id LIMIT $2`, us(r.Now), limit)
}

// BeginAssignment records that a planned start has come.
func (tx *Tx) BeginAssignment(id string) error {
	return tx.must("UPDATE assignments SET start_due = 0 WHERE id = $1 AND ended_at = 0 AND start_due > 0", id)
}

// AssignmentsToRemind lists assignments of whose end somebody is to be told.
func (r *Reader) AssignmentsToRemind(limit int) ([]pim.Assignment, error) {
	return many(r, scanAssignment, "SELECT "+assignmentCols+` FROM assignments g
		WHERE g.ended_at = 0 AND g.remind_at > 0 AND g.remind_at <= $1 ORDER BY g.remind_at LIMIT $2`, us(r.Now), limit)
}

// Reminded records that somebody was told; next is when to tell them again.
func (tx *Tx) Reminded(id string, next time.Time) error {
	return tx.must("UPDATE assignments SET remind_at = $1 WHERE id = $2 AND ended_at = 0", us(next), id)
}

// AssignmentLike finds what stands in the way of another of its kind, nil when nothing does.
func (r *Reader) AssignmentLike(a pim.Assignment) (*pim.Assignment, error) {
	found, err := one(r, scanAssignment, "SELECT "+assignmentCols+` FROM assignments g
		WHERE g.principal_id = $1 AND g.role_id = $2 AND g.resource_id = $3 AND g.kind = $4 AND g.ended_at = 0`, a.PrincipalID, a.RoleID, a.ResourceID, a.Kind)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return &found, err
}

// HoldersAt lists the principals assigned a role in force on any of some resources.
func (r *Reader) HoldersAt(roleID string, resourceIDs []string) ([]string, error) {
	args := []any{roleID, us(r.Now)}
	return many(r, scanString, `SELECT DISTINCT principal_id FROM assignments WHERE role_id = $1 AND ended_at = 0 AND starts_at <= $2 AND (ends_at = 0 OR ends_at > $2)
		AND resource_id IN `+in(&args, resourceIDs), args...)
}

// AssignmentsOf lists the assignments made to these very principals and not removed or expired.
func (r *Reader) AssignmentsOf(principalIDs ...string) ([]pim.Assignment, error) {
	var args []any
	list := in(&args, principalIDs)
	return many(r, scanAssignment, "SELECT "+assignmentCols+" FROM assignments g WHERE g.principal_id IN "+list+" AND g.ended_at = 0 ORDER BY g.id", args...)
}

// Unopened is the start of an assignment that a large file has prepared and not opened yet: nobody holds or
// may activate it (invariant 13).
var Unopened = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// OpenAssignments lets every prepared assignment begin now, in one small write, and counts them.
func (tx *Tx) OpenAssignments() (int64, error) {
	return tx.exec("UPDATE assignments SET starts_at = $1, version = version + 1 WHERE starts_at = $2 AND ended_at = 0", us(tx.Now), us(Unopened))
}

// ExpiredAssignments lists those of a source that ended by time: what a file still names is no news then.
func (r *Reader) ExpiredAssignments(source pim.Source) ([]pim.Assignment, error) {
	return many(r, scanAssignment, "SELECT "+assignmentCols+" FROM assignments g WHERE g.expired = 1 AND g.source = $1 ORDER BY g.id", source)
}

// EndAssignment records the end of an assignment, removed or expired.
func (tx *Tx) EndAssignment(a pim.Assignment, expired bool) error {
	return tx.must("UPDATE assignments SET ended_at = $1, expired = $2, start_due = 0, remind_at = 0, version = version + 1 WHERE id = $3 AND ended_at = 0", us(tx.Now), num(expired), a.ID)
}

// SweepDue reports whether time has ended something that was not recorded yet.
func (r *Reader) SweepDue() (bool, error) {
	n, err := one(r, scanInt, `SELECT COUNT(*) FROM (SELECT due FROM (
		SELECT MIN(ends_at) AS due FROM activations WHERE state IN ('provisioning', 'active')
		UNION ALL SELECT MIN(start_due) FROM activations WHERE state = 'scheduled'
		UNION ALL SELECT MIN(times_out_at) FROM approval_stages WHERE closed_at = 0
		UNION ALL SELECT MIN(times_out_at) FROM extensions WHERE state = 'pending_approval'
		UNION ALL SELECT MIN(ends_at) FROM assignments WHERE ended_at = 0 AND ends_at > 0
		UNION ALL SELECT MIN(start_due) FROM assignments WHERE ended_at = 0 AND start_due > 0
		UNION ALL SELECT MIN(remind_at) FROM assignments WHERE ended_at = 0 AND remind_at > 0
		UNION ALL SELECT MIN(times_out_at) FROM assignment_requests WHERE state = 'pending'
		UNION ALL SELECT MIN(fresh_until) FROM group_members WHERE fresh_until > 0) d WHERE due <= $1) x`, us(r.Now))
	return n > 0, err
}

// NextDue is the earliest instant at which time alone changes something; zero when nothing will.
func (r *Reader) NextDue() (time.Time, error) {
	var t time.Time
	err := r.db.QueryRowContext(r.ctx, `SELECT MIN(due) FROM (
		SELECT MIN(ends_at) AS due FROM activations WHERE state IN ('provisioning', 'active')
		UNION ALL SELECT MIN(start_due) FROM activations WHERE state = 'scheduled'
		UNION ALL SELECT MIN(times_out_at) FROM approval_stages WHERE closed_at = 0
		UNION ALL SELECT MIN(times_out_at) FROM extensions WHERE state = 'pending_approval'
		UNION ALL SELECT MIN(ends_at) FROM assignments WHERE ended_at = 0 AND ends_at > 0
		UNION ALL SELECT MIN(start_due) FROM assignments WHERE ended_at = 0 AND start_due > 0
		UNION ALL SELECT MIN(remind_at) FROM assignments WHERE ended_at = 0 AND remind_at > 0
		UNION ALL SELECT MIN(times_out_at) FROM assignment_requests WHERE state = 'pending'
		UNION ALL SELECT MIN(fresh_until) FROM group_members WHERE fresh_until > 0
		UNION ALL SELECT MIN(decided_at) FROM long_changes WHERE finished_at = 0
		UNION ALL SELECT MIN(due_at) FROM grants WHERE due_at > 0) d`).Scan(at(&t))
	return t, err
}

// AssignmentsReaching lists the active assignments that reach a principal now, and those that still hold
// a grant for one of its accounts.
func (r *Reader) AssignmentsReaching(principalID string) ([]pim.Assignment, error) {
	return many(r, scanAssignment, groupsOf+"SELECT "+assignmentCols+` FROM assignments g
		WHERE g.kind = 'active' AND ((g.ended_at = 0 AND g.principal_id IN (SELECT id FROM mine)) OR g.id IN (
			SELECT n.need_id FROM accounts c JOIN grants f ON f.target_id = c.target_id AND f.account_id = c.external_id
			JOIN grant_needs n ON n.grant_id = f.id AND n.need_kind = 'assignment' AND n.settled_at = 0
			WHERE c.principal_id = $1 AND c.external_id <> ''))`, principalID, us(r.Now))
}

// ActiveAssignments lists active assignments in force.
func (r *Reader) ActiveAssignments() ([]pim.Assignment, error) {
	return many(r, scanAssignment, "SELECT "+assignmentCols+` FROM assignments g
		WHERE g.kind = 'active' AND g.ended_at = 0 AND g.starts_at <= $1 AND (g.ends_at = 0 OR g.ends_at > $1)`, us(r.Now))
}
