package store

import "time"

// Recovery asks to replace the lost passkeys of somebody; another administrator confirms it (THREATS T3).
type Recovery struct {
	ID        string
	PersonID  string // principal id
	AskedBy   string
	Reason    string
	AskedAt   time.Time
	ExpiresAt time.Time
	Version   int64
}

// OpenRecovery returns what waits for a person now.
func (r *Reader) OpenRecovery(personID string) (Recovery, error) {
	return one(r, func(r row) (v Recovery, err error) {
		return v, r.Scan(&v.ID, &v.PersonID, &v.AskedBy, &v.Reason, at(&v.AskedAt), at(&v.ExpiresAt), &v.Version)
	}, "SELECT id, person_id, asked_by, reason, asked_at, expires_at, version FROM recoveries WHERE person_id = $1 AND closed_at = 0 AND expires_at > $2", personID, us(r.Now))
}

// InsertRecovery adds one and closes what expired before it.
func (tx *Tx) InsertRecovery(v Recovery) error {
	if _, err := tx.exec("UPDATE recoveries SET closed_at = $1, version = version + 1 WHERE person_id = $2 AND closed_at = 0 AND expires_at <= $1", us(tx.Now), v.PersonID); err != nil {
		return err
	}
	_, err := tx.exec("INSERT INTO recoveries (id, person_id, asked_by, reason, asked_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
		v.ID, v.PersonID, v.AskedBy, v.Reason, us(tx.Now), us(v.ExpiresAt))
	return err
}

// CloseRecovery ends one, confirmed by somebody or, with an empty name, taken back.
func (tx *Tx) CloseRecovery(v Recovery, by string) error {
	return tx.must("UPDATE recoveries SET closed_at = $1, confirmed_by = $2, version = version + 1 WHERE id = $3 AND version = $4 AND closed_at = 0",
		us(tx.Now), by, v.ID, v.Version)
}
