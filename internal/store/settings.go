package store

import (
	"database/sql"
	"encoding/json"
	"time"

	"stint/internal/pim"
)

const settingsCols = `role_id, resource_id, max_duration_s, default_duration_s, step_up, justification, ticket, approval, approvers,
	approval_timeout_s, max_lead_s, max_total_s, extension_approval, source, version`

func scanSettings(r row) (s pim.RoleSettings, err error) {
	var maxS, defS, timeout, lead, total sql.NullInt64
	var stepUp, approvers, extension sql.NullString
	var justification, ticket, approval sql.NullBool
	err = r.Scan(&s.RoleID, &s.ResourceID, &maxS, &defS, &stepUp, &justification, &ticket, &approval, &approvers, &timeout,
		&lead, &total, &extension, &s.Source, &s.Version)
	if err != nil {
		return s, err
	}
	s.MaxDuration, s.DefaultDuration, s.ApprovalTimeout = secondsPtr(maxS), secondsPtr(defS), secondsPtr(timeout)
	s.Justification, s.Ticket, s.Approval = boolPtr(justification), boolPtr(ticket), boolPtr(approval)
	s.MaxLead, s.MaxTotal = secondsPtr(lead), secondsPtr(total)
	if extension.Valid {
		e := pim.ExtensionApproval(extension.String)
		s.ExtensionApproval = &e
	}
	if stepUp.Valid {
		l := pim.StepUpLevel(stepUp.String)
		s.StepUp = &l
	}
	if approvers.Valid {
		s.Approvers = []string{}
		err = json.Unmarshal([]byte(approvers.String), &s.Approvers)
	}
	return s, err
}

func secondsPtr(n sql.NullInt64) *time.Duration {
	if !n.Valid {
		return nil
	}
	d := time.Duration(n.Int64) * time.Second
	return &d
}

func boolPtr(b sql.NullBool) *bool {
	if !b.Valid {
		return nil
	}
	return &b.Bool
}

func nullSeconds(d *time.Duration) any {
	if d == nil {
		return nil
	}
	return int64(d.Seconds())
}

func nullBool(b *bool) any {
	if b == nil {
		return nil
	}
	return num(*b)
}

// Settings lists what was set for roles, at any node.
func (r *Reader) Settings(roleIDs ...string) ([]pim.RoleSettings, error) {
	var args []any
	list := in(&args, roleIDs)
	return many(r, scanSettings, "SELECT "+settingsCols+" FROM role_settings WHERE role_id IN "+list+" ORDER BY role_id, resource_id", args...)
}

// AllSettings lists every settings row.
func (r *Reader) AllSettings() ([]pim.RoleSettings, error) {
	return many(r, scanSettings, "SELECT "+settingsCols+" FROM role_settings ORDER BY role_id, resource_id")
}

// SaveSettings writes the row of (role, resource), counting its version up.
func (tx *Tx) SaveSettings(s pim.RoleSettings) error {
	var stepUp, approvers, extension any
	if s.ExtensionApproval != nil {
		extension = string(*s.ExtensionApproval)
	}
	if s.StepUp != nil {
		stepUp = string(*s.StepUp)
	}
	if s.Approvers != nil {
		approvers = toJSON(s.Approvers)
	}
	_, err := tx.exec(`INSERT INTO role_settings (`+settingsCols+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1)
		ON CONFLICT (role_id, resource_id) DO UPDATE SET max_duration_s = excluded.max_duration_s, default_duration_s = excluded.default_duration_s,
		step_up = excluded.step_up, justification = excluded.justification, ticket = excluded.ticket, approval = excluded.approval,
		approvers = excluded.approvers, approval_timeout_s = excluded.approval_timeout_s,
		max_lead_s = excluded.max_lead_s, max_total_s = excluded.max_total_s, extension_approval = excluded.extension_approval, source = excluded.source, version = role_settings.version + 1`,
		s.RoleID, s.ResourceID, nullSeconds(s.MaxDuration), nullSeconds(s.DefaultDuration), stepUp, nullBool(s.Justification), nullBool(s.Ticket),
		nullBool(s.Approval), approvers, nullSeconds(s.ApprovalTimeout), nullSeconds(s.MaxLead), nullSeconds(s.MaxTotal), extension, s.Source)
	return err
}

// RemoveSettings removes the row of (role, resource).
func (tx *Tx) RemoveSettings(roleID, resourceID string) error {
	return tx.must("DELETE FROM role_settings WHERE role_id = $1 AND resource_id = $2", roleID, resourceID)
}
