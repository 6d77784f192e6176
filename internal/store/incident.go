package store

import (
	"time"

	"stint/internal/pim"
)

const incidentCols = `i.id, i.kind, i.target_id, i.account_id, i.entitlement_id, i.account_name, i.entitlement, i.grant_id,
	i.first_seen_at, i.last_seen_at, i.ends_at, i.closed_at, i.how`

func scanIncident(r row) (i pim.Incident, err error) {
	return i, r.Scan(&i.ID, &i.Kind, &i.TargetID, &i.AccountID, &i.EntitlementID, &i.AccountName, &i.Entitlement, &i.GrantID,
		at(&i.FirstSeenAt), at(&i.LastSeenAt), at(&i.EndsAt), at(&i.ClosedAt), &i.How)
}

// OpenIncidents lists what is open of an account and entitlement at a target.
func (r *Reader) OpenIncidents(targetID, accountID, entitlementID string) ([]pim.Incident, error) {
	return many(r, scanIncident, "SELECT "+incidentCols+` FROM incidents i WHERE i.kind IN ('standing', 'stranger', 'lost') AND i.target_id = $1
		AND i.account_id = $2 AND i.entitlement_id = $3 AND i.closed_at = 0 ORDER BY i.kind`, targetID, accountID, entitlementID)
}

// Incidents lists a target's open or closed ones, newest first; standing access is a list of its own.
func (r *Reader) Incidents(targetID string, standing, open bool, before Keyset, limit int) ([]pim.Incident, error) {
	var w where
	w.add("i.target_id = ?", targetID)
	if standing {
		w.add("i.kind = 'standing'")
	} else {
		w.add("i.kind <> 'standing'")
	}
	if open {
		w.add("i.closed_at = 0")
	} else {
		w.add("i.closed_at > 0")
	}
	if before.ID != "" {
		w.add("(i.first_seen_at, i.id) < (?, ?)", us(before.At), before.ID)
	}
	w.args = append(w.args, limit)
	return many(r, scanIncident, "SELECT "+incidentCols+" FROM incidents i"+w.String()+" ORDER BY i.first_seen_at DESC, i.id DESC LIMIT "+dollar(len(w.args)), w.args...)
}

// CountIncidents counts what is open at a target.
func (r *Reader) CountIncidents(targetID string, kind pim.IncidentKind) (int64, error) {
	return one(r, scanInt, "SELECT COUNT(*) FROM incidents WHERE target_id = $1 AND kind = $2 AND closed_at = 0", targetID, kind)
}

// IncidentsUnseen lists what is held beside Stint by the record and was not seen since an instant.
func (r *Reader) IncidentsUnseen(targetID, entitlementID string, since time.Time, limit int) ([]pim.Incident, error) {
	return many(r, scanIncident, "SELECT "+incidentCols+` FROM incidents i WHERE i.target_id = $1 AND i.entitlement_id = $2 AND i.last_seen_at < $3
		AND i.closed_at = 0 AND i.kind <> 'lost' ORDER BY i.last_seen_at LIMIT $4`, targetID, entitlementID, us(since), limit)
}

// StandingUnnamed lists the values under which standing access is known whose account the target did not show.
func (r *Reader) StandingUnnamed(targetID, entitlementID string) ([]string, error) {
	return many(r, scanString, `SELECT i.account_id FROM incidents i WHERE i.target_id = $1 AND i.entitlement_id = $2 AND i.closed_at = 0
		AND i.kind = 'standing' AND (i.account_id LIKE 'dn:%' OR i.account_id LIKE 'uid:%')`, targetID, entitlementID)
}

// IncidentsLeft lists what is open beside Stint of entitlements that are none of those managed at a target.
func (r *Reader) IncidentsLeft(targetID string, managed []string, limit int) ([]pim.Incident, error) {
	args := []any{targetID, limit}
	return many(r, scanIncident, "SELECT "+incidentCols+` FROM incidents i WHERE i.target_id = $1 AND i.closed_at = 0 AND i.kind <> 'lost'
		AND i.entitlement_id NOT IN `+in(&args, append(managed, ""))+" LIMIT $2", args...)
}

// IncidentsOver lists what was lost and would be over by now.
func (r *Reader) IncidentsOver(limit int) ([]pim.Incident, error) {
	return many(r, scanIncident, "SELECT "+incidentCols+` FROM incidents i WHERE i.ends_at > 0 AND i.ends_at <= $1 AND i.closed_at = 0
		ORDER BY i.ends_at LIMIT $2`, us(r.Now), limit)
}

// OpenIncident adds one, or keeps the one that is open already; it reports whether it is new.
func (tx *Tx) OpenIncident(i pim.Incident) (bool, error) {
	n, err := tx.exec(`INSERT INTO incidents (id, kind, target_id, account_id, entitlement_id, account_name, entitlement, grant_id, first_seen_at, last_seen_at, ends_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10)
		ON CONFLICT (kind, target_id, account_id, entitlement_id) WHERE closed_at = 0 DO NOTHING`,
		i.ID, i.Kind, i.TargetID, i.AccountID, i.EntitlementID, i.AccountName, i.Entitlement, i.GrantID, us(tx.Now), us(i.EndsAt))
	return n > 0, err
}

// SeeIncidents records that accounts still hold an entitlement beside Stint.
func (tx *Tx) SeeIncidents(targetID, entitlementID string, accountIDs []string) error {
	args := []any{us(tx.Now), targetID, entitlementID}
	_, err := tx.exec(`UPDATE incidents SET last_seen_at = $1 WHERE target_id = $2 AND entitlement_id = $3 AND closed_at = 0
		AND kind <> 'lost' AND account_id IN `+in(&args, accountIDs), args...)
	return err
}

// AdoptIncident names the grant that a stranger's holding was taken over as.
func (tx *Tx) AdoptIncident(id, grantID string) error {
	return tx.must("UPDATE incidents SET grant_id = $1 WHERE id = $2 AND closed_at = 0", grantID, id)
}

// CloseIncident closes an open one.
func (tx *Tx) CloseIncident(id string, how pim.IncidentEnd) error {
	return tx.must("UPDATE incidents SET closed_at = $1, how = $2 WHERE id = $3 AND closed_at = 0", us(tx.Now), how, id)
}
