package store

import (
	"errors"

	"stint/internal/pim"
)

const extensionCols = `x.id, x.activation_id, x.principal_id, x.person_id, x.state, x.duration_s, x.justification, x.ticket_number, x.ticket_system,
	x.requested_at, x.times_out_at, x.starts_at, x.from_end, x.ends_at, x.max_total_s, x.settings, x.verdicts, x.step_up_id,
	x.decided_at, x.decided_by, x.decision_id, x.decision, x.proof_id, x.context, x.version`

func scanExtension(r row) (x pim.Extension, err error) {
	err = r.Scan(&x.ID, &x.ActivationID, &x.PrincipalID, &x.PersonID, &x.State, seconds(&x.Duration), &x.Justification, &x.TicketNumber, &x.TicketSystem,
		at(&x.RequestedAt), at(&x.TimesOutAt), at(&x.StartsAt), at(&x.FromEnd), at(&x.EndsAt), seconds(&x.MaxTotal), asJSON(&x.Settings), asJSON(&x.Verdicts),
		&x.StepUpID, at(&x.DecidedAt), &x.DecidedBy, &x.DecisionID, &x.Decision, &x.ProofID, &x.Context, &x.Version)
	return x, err
}

// Extension returns one extension.
func (r *Reader) Extension(id string) (pim.Extension, error) {
	return one(r, scanExtension, "SELECT "+extensionCols+" FROM extensions x WHERE x.id = $1", id)
}

// Extensions lists the extensions of an activation, oldest first.
func (r *Reader) Extensions(activationID string) ([]pim.Extension, error) {
	return many(r, scanExtension, "SELECT "+extensionCols+" FROM extensions x WHERE x.activation_id = $1 ORDER BY x.requested_at, x.id", activationID)
}

// WaitingExtension returns the extension of an activation that waits for approval, nil when there is none.
func (r *Reader) WaitingExtension(activationID string) (*pim.Extension, error) {
	x, err := one(r, scanExtension, "SELECT "+extensionCols+" FROM extensions x WHERE x.activation_id = $1 AND x.state = 'pending_approval'", activationID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return &x, err
}

// PendingExtensions lists the extensions that wait for approval, oldest first.
func (r *Reader) PendingExtensions(limit int) ([]pim.Extension, error) {
	return many(r, scanExtension, "SELECT "+extensionCols+" FROM extensions x WHERE x.state = 'pending_approval' ORDER BY x.requested_at, x.id LIMIT $1", limit)
}

// WaitingAt is a waiting extension with the role and resource it is for.
type WaitingAt struct {
	ID    string
	Place [2]string
}

// ExtensionsWaiting lists what waits, oldest first, with where it is for.
func (r *Reader) ExtensionsWaiting(limit int) ([]WaitingAt, error) {
	return many(r, func(r row) (w WaitingAt, err error) { return w, r.Scan(&w.ID, &w.Place[0], &w.Place[1]) },
		`SELECT x.id, a.role_id, a.resource_id FROM extensions x JOIN activations a ON a.id = x.activation_id
		WHERE x.state = 'pending_approval' ORDER BY x.requested_at, x.id LIMIT $1`, limit)
}

// ExtensionsDue lists waiting extensions whose time is over.
func (r *Reader) ExtensionsDue(limit int) ([]pim.Extension, error) {
	return many(r, scanExtension, "SELECT "+extensionCols+" FROM extensions x WHERE x.state = 'pending_approval' AND x.times_out_at <= $1 ORDER BY x.times_out_at LIMIT $2", us(r.Now), limit)
}

// ExtensionsDecidedBy lists what a person decided, newest first.
func (r *Reader) ExtensionsDecidedBy(principalID string, before Keyset, limit int) ([]pim.Extension, error) {
	var w where
	w.add("x.decided_by = ? AND x.decided_at > 0 AND x.decision_id <> ''", principalID)
	if before.ID != "" {
		w.add("(x.decided_at, x.id) < (?, ?)", us(before.At), before.ID)
	}
	w.args = append(w.args, limit)
	return many(r, scanExtension, "SELECT "+extensionCols+" FROM extensions x"+w.String()+" ORDER BY x.decided_at DESC, x.id DESC LIMIT "+dollar(len(w.args)), w.args...)
}

// InsertExtension adds an extension; ErrOpen when one waits for the same activation.
func (tx *Tx) InsertExtension(x pim.Extension) error {
	n, err := tx.exec(`INSERT INTO extensions (id, activation_id, principal_id, person_id, state, duration_s, justification, ticket_number, ticket_system,
		requested_at, times_out_at, starts_at, from_end, ends_at, max_total_s, settings, verdicts, step_up_id, decided_at, decided_by, proof_id, context)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22) ON CONFLICT DO NOTHING`,
		x.ID, x.ActivationID, x.PrincipalID, x.PersonID, x.State, int64(x.Duration.Seconds()), x.Justification, x.TicketNumber, x.TicketSystem,
		us(x.RequestedAt), us(x.TimesOutAt), us(x.StartsAt), us(x.FromEnd), us(x.EndsAt), int64(x.MaxTotal.Seconds()), toJSON(x.Settings), toJSON(x.Verdicts), x.StepUpID,
		us(x.DecidedAt), x.DecidedBy, x.ProofID, x.Context)
	if err == nil && n == 0 { // extensions_waiting
		return ErrOpen
	}
	return err
}

// DecideExtension settles an extension that waits: the row must still wait in the version it was read in.
func (tx *Tx) DecideExtension(x pim.Extension) error {
	return tx.must(`UPDATE extensions SET state = $1, from_end = $2, ends_at = $3, max_total_s = $4, decided_at = $5, decided_by = $6, decision_id = $7, decision = $8,
		version = version + 1 WHERE id = $9 AND state = 'pending_approval' AND version = $10`,
		x.State, us(x.FromEnd), us(x.EndsAt), int64(x.MaxTotal.Seconds()), us(x.DecidedAt), x.DecidedBy, x.DecisionID, x.Decision, x.ID, x.Version)
}
