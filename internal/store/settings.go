package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"stint/internal/pim"
)

const settingsCols = `role_id, resource_id, max_duration_s, default_duration_s, step_up, justification, ticket, approval, approvers,
	approval_timeout_s, max_lead_s, max_total_s, extension_approval, context, permanent_eligible, eligible_max_s, permanent_active, active_max_s,
	assign_step_up, assign_justification, enforced, source, changed_by, changed_at, version`

func scanSettings(r row) (s pim.RoleSettings, err error) {
	var maxS, defS, timeout, lead, total, eligible, active sql.NullInt64
	var stepUp, approvers, extension, context sql.NullString
	var justification, ticket, approval, foreverEligible, foreverActive, touch, reason sql.NullBool
	var enforced string
	err = r.Scan(&s.RoleID, &s.ResourceID, &maxS, &defS, &stepUp, &justification, &ticket, &approval, &approvers, &timeout,
		&lead, &total, &extension, &context, &foreverEligible, &eligible, &foreverActive, &active, &touch, &reason, &enforced,
		&s.Source, &s.ChangedBy, at(&s.ChangedAt), &s.Version)
	if err != nil {
		return s, err
	}
	s.MaxDuration, s.DefaultDuration, s.ApprovalTimeout = secondsPtr(maxS), secondsPtr(defS), secondsPtr(timeout)
	s.Justification, s.Ticket, s.Approval = boolPtr(justification), boolPtr(ticket), boolPtr(approval)
	s.MaxLead, s.MaxTotal = secondsPtr(lead), secondsPtr(total)
	s.StepUp, s.ExtensionApproval, s.Context = textPtr[pim.StepUpLevel](stepUp), textPtr[pim.ExtensionApproval](extension), textPtr[string](context)
	s.PermanentEligible, s.EligibleMax = boolPtr(foreverEligible), secondsPtr(eligible)
	s.PermanentActive, s.ActiveMax = boolPtr(foreverActive), secondsPtr(active)
	s.AssignStepUp, s.AssignJustification = boolPtr(touch), boolPtr(reason)
	for _, f := range strings.Fields(enforced) {
		s.Enforced = append(s.Enforced, pim.Field(f))
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

func textPtr[T ~string](s sql.NullString) *T {
	if !s.Valid {
		return nil
	}
	t := T(s.String)
	return &t
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

func nullText[T ~string](s *T) any {
	if s == nil {
		return nil
	}
	return string(*s)
}

// Settings lists what was set for roles, at any node.
func (r *Reader) Settings(roleIDs ...string) ([]pim.RoleSettings, error) {
	var args []any
	list := in(&args, roleIDs)
	return many(r, scanSettings, "SELECT "+settingsCols+" FROM role_settings WHERE role_id IN "+list+" ORDER BY role_id, resource_id", args...)
}

// SettingsOn lists what was set for a role everywhere and at the nodes of a path.
func (r *Reader) SettingsOn(roleID string, path pim.Path) ([]pim.RoleSettings, error) {
	nodes := []string{""}
	for _, n := range path {
		nodes = append(nodes, n.ID)
	}
	args := []any{roleID}
	list := in(&args, nodes)
	return many(r, scanSettings, "SELECT "+settingsCols+" FROM role_settings WHERE role_id = $1 AND resource_id IN "+list+" ORDER BY resource_id", args...)
}

// SettingsAt returns the row of (role, resource); nothing set there is ErrNotFound.
func (r *Reader) SettingsAt(roleID, resourceID string) (pim.RoleSettings, error) {
	return one(r, scanSettings, "SELECT "+settingsCols+" FROM role_settings WHERE role_id = $1 AND resource_id = $2", roleID, resourceID)
}

// AllSettings lists every settings row.
func (r *Reader) AllSettings() ([]pim.RoleSettings, error) {
	return many(r, scanSettings, "SELECT "+settingsCols+" FROM role_settings ORDER BY role_id, resource_id")
}

// SaveSettings writes the row of (role, resource), counting its version up, and keeps every version. Who changed it is
// s.ChangedBy, and when is now.
func (tx *Tx) SaveSettings(s pim.RoleSettings) error {
	version, err := tx.nextSettings(s.RoleID, s.ResourceID)
	if err != nil {
		return err
	}
	s.Version, s.ChangedAt = version, tx.Now
	var approvers any
	if s.Approvers != nil {
		approvers = toJSON(s.Approvers)
	}
	_, err = tx.exec(`INSERT INTO role_settings (`+settingsCols+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)
		ON CONFLICT (role_id, resource_id) DO UPDATE SET max_duration_s = excluded.max_duration_s, default_duration_s = excluded.default_duration_s,
		step_up = excluded.step_up, justification = excluded.justification, ticket = excluded.ticket, approval = excluded.approval,
		approvers = excluded.approvers, approval_timeout_s = excluded.approval_timeout_s, max_lead_s = excluded.max_lead_s, max_total_s = excluded.max_total_s,
		extension_approval = excluded.extension_approval, context = excluded.context, permanent_eligible = excluded.permanent_eligible,
		eligible_max_s = excluded.eligible_max_s, permanent_active = excluded.permanent_active, active_max_s = excluded.active_max_s,
		assign_step_up = excluded.assign_step_up, assign_justification = excluded.assign_justification, enforced = excluded.enforced,
		source = excluded.source, changed_by = excluded.changed_by, changed_at = excluded.changed_at, version = excluded.version`,
		s.RoleID, s.ResourceID, nullSeconds(s.MaxDuration), nullSeconds(s.DefaultDuration), nullText(s.StepUp), nullBool(s.Justification), nullBool(s.Ticket),
		nullBool(s.Approval), approvers, nullSeconds(s.ApprovalTimeout), nullSeconds(s.MaxLead), nullSeconds(s.MaxTotal), nullText(s.ExtensionApproval),
		nullText(s.Context), nullBool(s.PermanentEligible), nullSeconds(s.EligibleMax), nullBool(s.PermanentActive), nullSeconds(s.ActiveMax),
		nullBool(s.AssignStepUp), nullBool(s.AssignJustification), joinFields(s.Enforced), s.Source, s.ChangedBy, us(s.ChangedAt), s.Version)
	if err != nil {
		return err
	}
	return tx.keepSettings(SettingsVersion{RoleSettings: s})
}

func joinFields(fields []pim.Field) string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = string(f)
	}
	return strings.Join(out, " ")
}

// RemoveSettings removes the row of (role, resource); its versions are kept, and that it was removed by whom.
func (tx *Tx) RemoveSettings(roleID, resourceID, by string) error {
	version, err := tx.nextSettings(roleID, resourceID)
	if err != nil {
		return err
	}
	if err := tx.must("DELETE FROM role_settings WHERE role_id = $1 AND resource_id = $2", roleID, resourceID); err != nil {
		return err
	}
	gone := pim.RoleSettings{RoleID: roleID, ResourceID: resourceID, Version: version, ChangedBy: by, ChangedAt: tx.Now}
	return tx.keepSettings(SettingsVersion{RoleSettings: gone, Removed: true})
}

// nextSettings is the number of the next version, also of a row that was removed and comes again. What stands there is
// kept first where its version is not yet: it may be older than the history.
func (tx *Tx) nextSettings(roleID, resourceID string) (int64, error) {
	last, err := one(tx.Reader, scanInt, "SELECT COALESCE(MAX(version), 0) FROM settings_history WHERE role_id = $1 AND resource_id = $2", roleID, resourceID)
	if err != nil {
		return 0, err
	}
	was, err := tx.SettingsAt(roleID, resourceID)
	switch {
	case errors.Is(err, ErrNotFound):
		return last + 1, nil
	case err == nil && was.Version > last:
		last, err = was.Version, tx.keepSettings(SettingsVersion{RoleSettings: was})
	}
	return last + 1, err
}
