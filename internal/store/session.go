package store

import "time"

// SessionRow is a server-side session. ID is the hash of the cookie's secret, so that the database alone
// opens nothing (THREATS T1).
type SessionRow struct {
	ID          string
	PrincipalID string // empty before sign-in
	Data        string // JSON
	CreatedAt   time.Time
	SeenAt      time.Time
	ExpiresAt   time.Time // absolute
	Handle      string    // names it on pages and in the log, opens nothing and stays; empty: from before there were any
	Browser     string    // in words
	Address     string    // it signed in from
	SID         string    // the provider's own name of it; may be empty
	Refresh     string    // the provider's refresh token, sealed; empty: none
	RecheckAt   time.Time // when the provider is asked again; zero: never
}

const sessionCols = "s.id, s.principal_id, s.data, s.created_at, s.seen_at, s.expires_at, s.handle, s.browser, s.address, s.sid, s.refresh, s.recheck_at"

func scanSession(r row) (s SessionRow, err error) {
	return s, r.Scan(&s.ID, &s.PrincipalID, &s.Data, at(&s.CreatedAt), at(&s.SeenAt), at(&s.ExpiresAt), &s.Handle, &s.Browser, &s.Address, &s.SID, &s.Refresh, at(&s.RecheckAt))
}

// Session returns a session that is neither expired nor idle for too long.
func (r *Reader) Session(id string, idle time.Duration) (SessionRow, error) {
	return one(r, scanSession, "SELECT "+sessionCols+" FROM sessions s WHERE s.id = $1 AND s.expires_at > $2 AND s.seen_at > $3",
		id, us(r.Now), us(r.Now.Add(-idle)))
}

// SessionsOf lists a person's sessions that are neither expired nor idle for too long, the last used first.
func (r *Reader) SessionsOf(principalID string, idle time.Duration) ([]SessionRow, error) {
	return many(r, scanSession, "SELECT "+sessionCols+" FROM sessions s WHERE s.principal_id = $1 AND s.expires_at > $2 AND s.seen_at > $3 ORDER BY s.seen_at DESC, s.id",
		principalID, us(r.Now), us(r.Now.Add(-idle)))
}

// SessionsNamed lists the sessions that a provider calls sid.
func (r *Reader) SessionsNamed(issuer, sid string) ([]SessionRow, error) {
	return many(r, scanSession, "SELECT "+sessionCols+" FROM sessions s JOIN principals p ON p.id = s.principal_id WHERE s.sid = $1 AND s.sid <> '' AND p.issuer = $2 ORDER BY s.id", sid, issuer)
}

// LiveSessions returns the ids of every session that is neither expired nor idle for too long and whose person is enabled.
func (r *Reader) LiveSessions(idle time.Duration) (map[string]bool, error) {
	ids, err := many(r, scanString, `SELECT s.id FROM sessions s JOIN principals p ON p.id = s.principal_id
		WHERE p.enabled = 1 AND s.expires_at > $1 AND s.seen_at > $2`, us(r.Now), us(r.Now.Add(-idle)))
	live := make(map[string]bool, len(ids))
	for _, id := range ids {
		live[id] = true
	}
	return live, err
}

// InsertSession starts a session and forgets expired ones.
func (tx *Tx) InsertSession(s SessionRow) error {
	if _, err := tx.exec("DELETE FROM sessions WHERE expires_at <= $1", us(tx.Now)); err != nil {
		return err
	}
	_, err := tx.exec(`INSERT INTO sessions (id, principal_id, data, created_at, seen_at, expires_at, handle, browser, address, sid, refresh, recheck_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		s.ID, s.PrincipalID, s.Data, us(tx.Now), us(tx.Now), us(s.ExpiresAt), s.Handle, s.Browser, s.Address, s.SID, s.Refresh, us(s.RecheckAt))
	return err
}

// SaveSession writes a session's data.
func (tx *Tx) SaveSession(s SessionRow) error {
	return tx.must("UPDATE sessions SET data = $1, seen_at = $2 WHERE id = $3", s.Data, us(tx.Now), s.ID)
}

// SawSession records use; at most once a minute (invariant 10).
func (tx *Tx) SawSession(id string) error {
	_, err := tx.exec("UPDATE sessions SET seen_at = $1 WHERE id = $2", us(tx.Now), id)
	return err
}

// RenewSession gives a session another id; ErrConflict when it is over.
func (tx *Tx) RenewSession(old, id string) error {
	return tx.must("UPDATE sessions SET id = $1 WHERE id = $2 AND principal_id <> ''", id, old)
}

// ClaimRecheck takes the turn to ask the provider about a session; ErrConflict when somebody else has it or the
// session is over. Whoever has it is alone until the given instant.
func (tx *Tx) ClaimRecheck(s SessionRow, until time.Time) error {
	return tx.must("UPDATE sessions SET recheck_at = $1 WHERE handle = $2 AND handle <> '' AND recheck_at = $3", us(until), s.Handle, us(s.RecheckAt))
}

// SaveRefresh keeps the provider's new refresh token and when to ask again; ErrConflict when the session is over.
func (tx *Tx) SaveRefresh(handle, sealed string, next time.Time) error {
	return tx.must("UPDATE sessions SET refresh = $1, recheck_at = $2 WHERE handle = $3 AND handle <> ''", sealed, us(next), handle)
}

// SessionByHandle returns a session that is not expired by what names it on pages.
func (r *Reader) SessionByHandle(handle string) (SessionRow, error) {
	return one(r, scanSession, "SELECT "+sessionCols+" FROM sessions s WHERE s.handle = $1 AND s.handle <> '' AND s.expires_at > $2", handle, us(r.Now))
}

// EndSession ends one session with what was begun in it; it reports whether there was one.
func (tx *Tx) EndSession(id string) (bool, error) {
	if _, err := tx.exec("DELETE FROM ceremonies WHERE session_id = $1", id); err != nil {
		return false, err
	}
	n, err := tx.exec("DELETE FROM sessions WHERE id = $1", id)
	return n > 0, err
}

// EndSessionsOf ends a person's sessions and unfinished ceremonies.
func (tx *Tx) EndSessionsOf(principalID string) (int64, error) {
	if _, err := tx.exec("DELETE FROM ceremonies WHERE principal_id = $1", principalID); err != nil {
		return 0, err
	}
	return tx.exec("DELETE FROM sessions WHERE principal_id = $1", principalID)
}

// EndAllSessions ends every session, ceremony and voucher: a new epoch (invariant 14).
func (tx *Tx) EndAllSessions() error {
	for _, q := range []string{"DELETE FROM sessions", "DELETE FROM ceremonies"} {
		if _, err := tx.exec(q); err != nil {
			return err
		}
	}
	_, err := tx.exec("UPDATE vouchers SET used_at = $1 WHERE used_at = 0", us(tx.Now))
	return err
}

// SessionCount counts a person's sessions that are not expired.
func (r *Reader) SessionCount(principalID string) (int64, error) {
	return one(r, scanInt, "SELECT COUNT(*) FROM sessions WHERE principal_id = $1 AND expires_at > $2", principalID, us(r.Now))
}
