package store

import (
	"cmp"
	"errors"
	"time"

	"stint/internal/pim"
)

const activationCols = `a.id, a.assignment_id, a.principal_id, a.person_id, a.role_id, a.resource_id, a.state, a.duration_s, a.justification,
	a.ticket_number, a.ticket_system, a.requested_at, a.starts_at, a.ends_at, a.ended_at, a.confirmed_at, a.settled_at, a.settings, a.verdicts,
	a.step_up_id, a.ended_by, a.end_reason, a.start_asked, a.ends_by, a.start_due, a.proof_id, a.context, a.version`

func scanActivation(r row) (a pim.Activation, err error) {
	err = r.Scan(&a.ID, &a.AssignmentID, &a.PrincipalID, &a.PersonID, &a.RoleID, &a.ResourceID, &a.State, seconds(&a.Duration), &a.Justification,
		&a.TicketNumber, &a.TicketSystem, at(&a.RequestedAt), at(&a.StartsAt), at(&a.EndsAt), at(&a.EndedAt), at(&a.ConfirmedAt), at(&a.SettledAt),
		asJSON(&a.Settings), asJSON(&a.Verdicts), &a.StepUpID, &a.EndedBy, &a.EndReason,
		at(&a.StartAsked), at(&a.EndsBy), at(&a.StartDue), &a.ProofID, &a.Context, &a.Version)
	return a, err
}

// openStates are the states of an activation that waits or holds, as SQL.
const openStates = "('pending_approval', 'scheduled', 'provisioning', 'active')"

// ErrOpen says that the person has an open activation of this role and resource already.
var ErrOpen = errors.New("store: an activation of this role is open")

// Activation returns one activation.
func (r *Reader) Activation(id string) (pim.Activation, error) {
	return one(r, scanActivation, "SELECT "+activationCols+" FROM activations a WHERE a.id = $1", id)
}

// OpenActivations lists what a person has open or planned of a role and resource, by start.
func (r *Reader) OpenActivations(personID, roleID, resourceID string) ([]pim.Activation, error) {
	return many(r, scanActivation, "SELECT "+activationCols+" FROM activations a WHERE a.person_id = $1 AND a.role_id = $2 AND a.resource_id = $3 AND a.state IN "+openStates+
		" ORDER BY a.start_asked", personID, roleID, resourceID)
}

// StartsDue lists scheduled activations to be looked at: their start has come, or the end of waiting for a touch.
func (r *Reader) StartsDue(limit int) ([]pim.Activation, error) {
	return many(r, scanActivation, "SELECT "+activationCols+" FROM activations a WHERE a.state = 'scheduled' AND a.start_due <= $1 ORDER BY a.start_due LIMIT $2",
		us(r.Now), limit)
}

// OpenActivationsOf lists what a person has open.
func (r *Reader) OpenActivationsOf(personID string) ([]pim.Activation, error) {
	return many(r, scanActivation, "SELECT "+activationCols+" FROM activations a WHERE a.person_id = $1 AND a.state IN "+openStates+" ORDER BY a.requested_at, a.id", personID)
}

// OpenActivationsBy lists what one principal has open.
func (r *Reader) OpenActivationsBy(principalID string) ([]pim.Activation, error) {
	return many(r, scanActivation, "SELECT "+activationCols+" FROM activations a WHERE a.principal_id = $1 AND a.state IN "+openStates+" ORDER BY a.requested_at, a.id", principalID)
}

// OpenActivationsUsing lists open activations that rest on an assignment.
func (r *Reader) OpenActivationsUsing(assignmentID string) ([]pim.Activation, error) {
	return many(r, scanActivation, "SELECT "+activationCols+" FROM activations a WHERE a.assignment_id = $1 AND a.state IN "+openStates, assignmentID)
}

// NarrowerActivations lists open activations of a resource below the one their assignment is for.
func (r *Reader) NarrowerActivations() ([]pim.Activation, error) {
	return many(r, scanActivation, "SELECT "+activationCols+` FROM activations a JOIN assignments g ON g.id = a.assignment_id
		WHERE a.state IN `+openStates+" AND a.resource_id <> g.resource_id")
}

// EndingActivationsOf lists a person's activations that are over but not yet seen clean at the target.
func (r *Reader) EndingActivationsOf(principalID string) ([]pim.Activation, error) {
	return many(r, scanActivation, "SELECT "+activationCols+` FROM activations a
		WHERE a.settled_at = 0 AND a.starts_at > 0 AND a.ended_at > 0 AND a.principal_id = $1 ORDER BY a.ended_at`, principalID)
}

// ActivationsDue lists activations whose end has come.
func (r *Reader) ActivationsDue(limit int) ([]pim.Activation, error) {
	return many(r, scanActivation, "SELECT "+activationCols+" FROM activations a WHERE a.state IN ('provisioning', 'active') AND a.ends_at <= $1 ORDER BY a.ends_at LIMIT $2",
		us(r.Now), limit)
}

// Keyset is a place in a list ordered by time.
type Keyset struct {
	At time.Time
	ID string
}

// Compare orders by time.
func (k Keyset) Compare(than Keyset) int {
	return cmp.Or(k.At.Compare(than.At), cmp.Compare(k.ID, than.ID))
}

// ActivationsOf lists a person's requests, newest first.
func (r *Reader) ActivationsOf(principalID string, before Keyset, limit int) ([]pim.Activation, error) {
	var w where
	w.add("a.principal_id = ?", principalID)
	if before.ID != "" {
		w.add("(a.requested_at, a.id) < (?, ?)", us(before.At), before.ID)
	}
	w.args = append(w.args, limit)
	return many(r, scanActivation, "SELECT "+activationCols+" FROM activations a"+w.String()+" ORDER BY a.requested_at DESC, a.id DESC LIMIT "+dollar(len(w.args)), w.args...)
}

// LastActivation returns a person's latest activation of a role and resource, nil when there was none.
func (r *Reader) LastActivation(principalID, roleID, resourceID string) (*pim.Activation, error) {
	a, err := one(r, scanActivation, "SELECT "+activationCols+` FROM activations a
		WHERE a.principal_id = $1 AND a.role_id = $2 AND a.resource_id = $3 ORDER BY a.requested_at DESC, a.id DESC LIMIT 1`, principalID, roleID, resourceID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return &a, err
}

// LastUses returns when a person last asked for what assignments are about, by assignment; zero: never.
func (r *Reader) LastUses(principalID string, assignmentIDs []string) (map[string]time.Time, error) {
	args := []any{principalID}
	list := in(&args, assignmentIDs)
	type use struct {
		id string
		at time.Time
	}
	uses, err := many(r, func(r row) (u use, err error) { return u, r.Scan(&u.id, at(&u.at)) }, `SELECT g.id,
		(SELECT MAX(a.requested_at) FROM activations a WHERE a.principal_id = $1 AND a.role_id = g.role_id AND a.resource_id = g.resource_id)
		FROM assignments g WHERE g.id IN `+list, args...)
	out := make(map[string]time.Time, len(uses))
	for _, u := range uses {
		out[u.id] = u.at
	}
	return out, err
}

// PendingActivations lists what waits for approval, oldest first, a page at a time.
func (r *Reader) PendingActivations(after Keyset, limit int) ([]pim.Activation, error) {
	return many(r, scanActivation, "SELECT "+activationCols+` FROM activations a WHERE a.state = 'pending_approval' AND (a.requested_at, a.id) > ($1, $2)
		ORDER BY a.requested_at, a.id LIMIT $3`, us(after.At), after.ID, limit)
}

// CountPending counts what waits for approval, to at most a limit.
func (r *Reader) CountPending(limit int) (int64, error) {
	return one(r, scanInt, "SELECT COUNT(*) FROM (SELECT 1 FROM activations WHERE state = 'pending_approval' LIMIT $1) e", limit)
}

// PendingPlaces lists the roles and resources for which something waits. It steps from one to the next in the
// index, however much waits for each.
func (r *Reader) PendingPlaces() ([][2]string, error) {
	const next = "FROM activations a WHERE a.state = 'pending_approval' AND (a.role_id, a.resource_id) > (t.role_id, t.resource_id) ORDER BY a.role_id, a.resource_id LIMIT 1"
	return many(r, func(r row) (p [2]string, err error) { return p, r.Scan(&p[0], &p[1]) }, `WITH RECURSIVE t(role_id, resource_id) AS (
		SELECT CAST('' AS TEXT), CAST('' AS TEXT) UNION ALL
		SELECT (SELECT a.role_id `+next+"), (SELECT a.resource_id "+next+`) FROM t WHERE t.role_id IS NOT NULL)
		SELECT role_id, resource_id FROM t WHERE role_id <> ''`)
}

// PendingAt lists where in the order of time requests for a role on a resource wait, oldest first.
func (r *Reader) PendingAt(place [2]string, after Keyset, limit int) ([]Keyset, error) {
	return many(r, func(r row) (k Keyset, err error) { return k, r.Scan(at(&k.At), &k.ID) }, `SELECT requested_at, id FROM activations
		WHERE state = 'pending_approval' AND role_id = $1 AND resource_id = $2 AND (requested_at, id) > ($3, $4) ORDER BY requested_at, id LIMIT $5`,
		place[0], place[1], us(after.At), after.ID, limit)
}

// InsertActivation adds an activation; ErrOpen when one is open for the same person, role and resource.
func (tx *Tx) InsertActivation(a pim.Activation) error {
	n, err := tx.exec(`INSERT INTO activations (id, assignment_id, principal_id, person_id, role_id, resource_id, state, duration_s, justification,
		ticket_number, ticket_system, requested_at, starts_at, ends_at, settings, verdicts, step_up_id, start_asked, start_due, proof_id, context)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) ON CONFLICT DO NOTHING`,
		a.ID, a.AssignmentID, a.PrincipalID, a.PersonID, a.RoleID, a.ResourceID, a.State, int64(a.Duration.Seconds()), a.Justification,
		a.TicketNumber, a.TicketSystem, us(a.RequestedAt), us(a.StartsAt), us(a.EndsAt), toJSON(a.Settings), toJSON(a.Verdicts), a.StepUpID,
		us(a.StartAsked), us(a.StartDue), a.ProofID, a.Context)
	if err == nil && n == 0 { // activations_open
		return ErrOpen
	}
	return err
}

// MoveActivation saves a transition: the row must still be in the state and version it was read in.
func (tx *Tx) MoveActivation(from pim.ActivationState, a pim.Activation) error {
	return tx.must(`UPDATE activations SET state = $1, starts_at = $2, ends_at = $3, ended_at = $4, confirmed_at = $5, settled_at = $6,
		ended_by = $7, end_reason = $8, start_asked = $9, ends_by = $10, start_due = $11, version = version + 1 WHERE id = $12 AND state = $13 AND version = $14`,
		a.State, us(a.StartsAt), us(a.EndsAt), us(a.EndedAt), us(a.ConfirmedAt), us(a.SettledAt), a.EndedBy, a.EndReason,
		us(a.StartAsked), us(a.EndsBy), us(a.StartDue), a.ID, from, a.Version)
}

// ProvisioningActivations lists activations that are wanted and not yet seen at their target.
func (r *Reader) ProvisioningActivations() ([]pim.Activation, error) {
	return many(r, scanActivation, "SELECT "+activationCols+" FROM activations a WHERE a.state = 'provisioning'")
}
