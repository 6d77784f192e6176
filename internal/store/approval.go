package store

import "stint/internal/pim"

func scanStage(r row) (s pim.ApprovalStage, err error) {
	return s, r.Scan(&s.ActivationID, &s.Number, &s.Quorum, at(&s.OpenedAt), at(&s.TimesOutAt))
}

// Stages lists the approval stages of an activation in order.
func (r *Reader) Stages(activationID string) ([]pim.ApprovalStage, error) {
	return many(r, scanStage, "SELECT activation_id, number, quorum, opened_at, times_out_at FROM approval_stages WHERE activation_id = $1 ORDER BY number", activationID)
}

// StagesDue lists open stages whose time is over.
func (r *Reader) StagesDue(limit int) ([]pim.ApprovalStage, error) {
	return many(r, scanStage, `SELECT activation_id, number, quorum, opened_at, times_out_at FROM approval_stages
		WHERE closed_at = 0 AND times_out_at <= $1 ORDER BY times_out_at LIMIT $2`, us(r.Now), limit)
}

// InsertStage opens a stage.
func (tx *Tx) InsertStage(s pim.ApprovalStage) error {
	_, err := tx.exec("INSERT INTO approval_stages (activation_id, number, quorum, opened_at, times_out_at) VALUES ($1, $2, $3, $4, $5)",
		s.ActivationID, s.Number, s.Quorum, us(s.OpenedAt), us(s.TimesOutAt))
	return err
}

// CloseStages ends every open stage of an activation.
func (tx *Tx) CloseStages(activationID string) error {
	_, err := tx.exec("UPDATE approval_stages SET closed_at = $1 WHERE activation_id = $2 AND closed_at = 0", us(tx.Now), activationID)
	return err
}

const decisionCols = "e.id, e.activation_id, e.stage, e.principal_id, e.person_id, e.approve, e.justification, e.step_up_id, e.decided_at"

func scanDecision(r row) (d pim.ApprovalDecision, err error) {
	err = r.Scan(&d.ID, &d.ActivationID, &d.Stage, &d.PrincipalID, &d.PersonID, &d.Approve, &d.Justification, &d.StepUpID, at(&d.At))
	return d, err
}

// Decisions lists the decisions on an activation in order.
func (r *Reader) Decisions(activationID string) ([]pim.ApprovalDecision, error) {
	return many(r, scanDecision, "SELECT "+decisionCols+" FROM approval_decisions e WHERE e.activation_id = $1 ORDER BY e.decided_at, e.id", activationID)
}

// DecisionsBy lists what a person decided, newest first.
func (r *Reader) DecisionsBy(principalID string, before Keyset, limit int) ([]pim.ApprovalDecision, error) {
	var w where
	w.add("e.principal_id = ?", principalID)
	if before.ID != "" {
		w.add("(e.decided_at, e.id) < (?, ?)", us(before.At), before.ID)
	}
	w.args = append(w.args, limit)
	return many(r, scanDecision, "SELECT "+decisionCols+" FROM approval_decisions e"+w.String()+" ORDER BY e.decided_at DESC, e.id DESC LIMIT "+dollar(len(w.args)), w.args...)
}

// InsertDecision adds a decision; one person decides a stage once.
func (tx *Tx) InsertDecision(d pim.ApprovalDecision) error {
	_, err := tx.exec(`INSERT INTO approval_decisions (id, activation_id, stage, principal_id, person_id, approve, justification, step_up_id, decided_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, d.ID, d.ActivationID, d.Stage, d.PrincipalID, d.PersonID, num(d.Approve), d.Justification, d.StepUpID, us(d.At))
	return err
}
