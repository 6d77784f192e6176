package store

import (
	"errors"

	"stint/internal/pim"
)

const assignmentRequestCols = `q.id, q.assignment_id, q.principal_id, q.person_id, q.role_id, q.resource_id, q.kind, q.state, q.justification, q.requested_at,
	q.times_out_at, q.decided_at, q.decided_by, q.decision, q.step_up_id, q.result_id, q.asked_by, q.version`

func scanAssignmentRequest(r row) (q pim.AssignmentRequest, err error) {
	err = r.Scan(&q.ID, &q.AssignmentID, &q.PrincipalID, &q.PersonID, &q.RoleID, &q.ResourceID, &q.Kind, &q.State, &q.Justification, at(&q.RequestedAt),
		at(&q.TimesOutAt), at(&q.DecidedAt), &q.DecidedBy, &q.Decision, &q.StepUpID, &q.ResultID, &q.AskedBy, &q.Version)
	return q, err
}

const fromAssignmentRequests = "SELECT " + assignmentRequestCols + " FROM assignment_requests q "

// AssignmentRequest returns one request to extend or renew.
func (r *Reader) AssignmentRequest(id string) (pim.AssignmentRequest, error) {
	return one(r, scanAssignmentRequest, fromAssignmentRequests+"WHERE q.id = $1", id)
}

// OpenAssignmentRequest returns the request that waits for a principal, role and resource, nil when none does.
func (r *Reader) OpenAssignmentRequest(principalID, roleID, resourceID string) (*pim.AssignmentRequest, error) {
	q, err := one(r, scanAssignmentRequest, fromAssignmentRequests+"WHERE q.principal_id = $1 AND q.role_id = $2 AND q.resource_id = $3 AND q.state = 'pending'",
		principalID, roleID, resourceID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return &q, err
}

// AssignmentRequestsOn lists the requests about an assignment, newest first.
func (r *Reader) AssignmentRequestsOn(assignmentID string, limit int) ([]pim.AssignmentRequest, error) {
	return many(r, scanAssignmentRequest, fromAssignmentRequests+"WHERE q.assignment_id = $1 ORDER BY q.requested_at DESC, q.id DESC LIMIT $2", assignmentID, limit)
}

// AssignmentRequestsBy lists what a principal has asked for, newest first.
func (r *Reader) AssignmentRequestsBy(principalID string, before Keyset, limit int) ([]pim.AssignmentRequest, error) {
	var w where
	w.add("q.principal_id = ?", principalID)
	if before.ID != "" {
		w.add("(q.requested_at, q.id) < (?, ?)", us(before.At), before.ID)
	}
	w.args = append(w.args, limit)
	return many(r, scanAssignmentRequest, fromAssignmentRequests+w.String()+" ORDER BY q.requested_at DESC, q.id DESC LIMIT "+dollar(len(w.args)), w.args...)
}

// PendingAssignmentRequests lists what waits for administrators, oldest first.
func (r *Reader) PendingAssignmentRequests(after Keyset, limit int) ([]pim.AssignmentRequest, error) {
	var w where
	w.add("q.state = 'pending'")
	if after.ID != "" {
		w.add("(q.requested_at, q.id) > (?, ?)", us(after.At), after.ID)
	}
	w.args = append(w.args, limit)
	return many(r, scanAssignmentRequest, fromAssignmentRequests+w.String()+" ORDER BY q.requested_at, q.id LIMIT "+dollar(len(w.args)), w.args...)
}

// AssignmentRequestsDue lists those nobody decided in time.
func (r *Reader) AssignmentRequestsDue(limit int) ([]pim.AssignmentRequest, error) {
	return many(r, scanAssignmentRequest, fromAssignmentRequests+"WHERE q.state = 'pending' AND q.times_out_at <= $1 ORDER BY q.times_out_at LIMIT $2", us(r.Now), limit)
}

// InsertAssignmentRequest adds a request; ErrOpen when one waits already.
func (tx *Tx) InsertAssignmentRequest(q pim.AssignmentRequest) error {
	n, err := tx.exec(`INSERT INTO assignment_requests (id, assignment_id, principal_id, person_id, role_id, resource_id, kind, state, justification, requested_at, times_out_at, asked_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING`,
		q.ID, q.AssignmentID, q.PrincipalID, q.PersonID, q.RoleID, q.ResourceID, q.Kind, q.State, q.Justification, us(q.RequestedAt), us(q.TimesOutAt), q.AskedBy)
	if err == nil && n == 0 {
		err = ErrOpen
	}
	return err
}

// DecideAssignmentRequest writes how a waiting request ended; the version must be the one read.
func (tx *Tx) DecideAssignmentRequest(q pim.AssignmentRequest) error {
	return tx.must(`UPDATE assignment_requests SET state = $1, decided_at = $2, decided_by = $3, decision = $4, step_up_id = $5, result_id = $6, version = version + 1
		WHERE id = $7 AND version = $8 AND state = 'pending'`, q.State, us(q.DecidedAt), q.DecidedBy, q.Decision, q.StepUpID, q.ResultID, q.ID, q.Version)
}
