package store

import (
	"time"

	"stint/internal/pim"
)

// Sync is a directory whose people Stint follows, with how far its run came.
type Sync struct {
	TargetID   string
	Settings   pim.SyncSettings
	Salt       string // ids of new people are derived from it
	Previewed  bool   // the settings as they are were looked at in a preview
	DueAt      time.Time
	Asked      string // "run", "preview" or empty
	AskedBy    string
	Allowed    int // people who may go in the run that was asked for
	LeaseUntil time.Time
	Attempt    int64
	RunID      string
	Phase      string // reading, comparing, saving, ending; empty: no run
	Done       int
	Total      int // 0: not known yet
	Tries      int // failed runs in a row
	Version    int64
}

const syncCols = `s.target_id, s.settings, s.salt, s.previewed, s.due_at, s.asked, s.asked_by, s.allowed, s.lease_until, s.attempt, s.run_id, s.phase, s.done, s.total, s.tries, s.version`

func scanSync(r row) (s Sync, err error) {
	return s, r.Scan(&s.TargetID, asJSON(&s.Settings), &s.Salt, &s.Previewed, at(&s.DueAt), &s.Asked, &s.AskedBy, &s.Allowed, at(&s.LeaseUntil), &s.Attempt, &s.RunID,
		&s.Phase, &s.Done, &s.Total, &s.Tries, &s.Version)
}

// Sync returns the sync of a target.
func (r *Reader) Sync(targetID string) (Sync, error) {
	return one(r, scanSync, "SELECT "+syncCols+" FROM syncs s WHERE s.target_id = $1", targetID)
}

// Syncs lists the syncs of targets that were not retired.
func (r *Reader) Syncs() ([]Sync, error) {
	return many(r, scanSync, "SELECT "+syncCols+" FROM syncs s JOIN targets t ON t.id = s.target_id WHERE t.removed_at = 0 ORDER BY t.name, t.id")
}

// SyncsDue lists the targets whose sync is asked for or due, and that nobody runs.
func (r *Reader) SyncsDue() ([]string, error) {
	return many(r, scanString, `SELECT s.target_id FROM syncs s JOIN targets t ON t.id = s.target_id
		WHERE t.removed_at = 0 AND s.lease_until <= $1 AND (s.asked <> '' OR (s.due_at > 0 AND s.due_at <= $1)) ORDER BY s.target_id`, us(r.Now))
}

// SaveSync makes a sync or changes its settings; the version must be the one read, 0 for a new one.
func (tx *Tx) SaveSync(s Sync) error {
	if s.Version == 0 {
		_, err := tx.exec("INSERT INTO syncs (target_id, settings, salt) VALUES ($1, $2, $3)", s.TargetID, toJSON(s.Settings), s.Salt)
		return err
	}
	return tx.must("UPDATE syncs SET settings = $1, previewed = $2, due_at = $3, version = version + 1 WHERE target_id = $4 AND version = $5",
		toJSON(s.Settings), num(s.Previewed), us(s.DueAt), s.TargetID, s.Version)
}

// RemoveSync ends following a directory. Who is who stays known, in case it is followed again.
func (tx *Tx) RemoveSync(targetID string) error {
	return tx.must("DELETE FROM syncs WHERE target_id = $1", targetID)
}

// Followed reports whether somebody's entry in a directory is one that a sync follows.
func (r *Reader) Followed(principalID string) (bool, error) {
	n, err := one(r, scanInt, "SELECT COUNT(*) FROM sync_people l JOIN syncs s ON s.target_id = l.target_id WHERE l.principal_id = $1", principalID)
	return n > 0, err
}

// AskSync makes a sync due now: a run, or a preview. allowed people may go in it.
func (tx *Tx) AskSync(targetID, what, by string, allowed int) error {
	return tx.must("UPDATE syncs SET asked = $1, asked_by = $2, allowed = $3 WHERE target_id = $4", what, by, allowed, targetID)
}

// ClaimSync begins a run; nobody else begins one until the lease ends. What was running and is not any more failed.
func (tx *Tx) ClaimSync(targetID, runID string, lease time.Duration) (bool, error) {
	n, err := tx.exec(`UPDATE syncs SET attempt = attempt + 1, lease_until = $1, run_id = $2, phase = 'reading', done = 0, total = 0
		WHERE target_id = $3 AND lease_until <= $4 AND (asked <> '' OR (due_at > 0 AND due_at <= $4))`, us(tx.Now.Add(lease)), runID, targetID, us(tx.Now))
	if err != nil || n == 0 {
		return false, err
	}
	_, err = tx.exec("UPDATE sync_runs SET state = 'failed', ended_at = $1, message = $2 WHERE target_id = $3 AND state = 'running'", us(tx.Now), "Stint was stopped in the middle. The next run begins anew.", targetID)
	return true, err
}

// KeepSync renews the lease and says how far the run came. A run that another one has replaced is refused.
func (tx *Tx) KeepSync(s Sync, lease time.Duration) error {
	return tx.must("UPDATE syncs SET lease_until = $1, phase = $2, done = $3, total = $4 WHERE target_id = $5 AND attempt = $6", us(tx.Now.Add(lease)), s.Phase, s.Done, s.Total, s.TargetID, s.Attempt)
}

// EndSync ends a run.
func (tx *Tx) EndSync(s Sync) error {
	return tx.must(`UPDATE syncs SET lease_until = 0, phase = '', previewed = $1, due_at = $2, tries = $3, asked = '', asked_by = '', allowed = 0
		WHERE target_id = $4 AND attempt = $5`, num(s.Previewed), us(s.DueAt), s.Tries, s.TargetID, s.Attempt)
}

// SyncLink is who an entry is here.
type SyncLink struct {
	ExternalID string
	Off        bool // the sync disabled them
	Removed    bool // taken out of Stint since
	Principal  pim.Principal
}

const linkCols = "l.external_id, l.off, p.removed_at, " + principalCols

func scanSyncLink(r row) (l SyncLink, err error) {
	var removed time.Time
	l.Principal, err = scanPrincipal(leading{r, []any{&l.ExternalID, &l.Off, at(&removed)}})
	l.Removed = !removed.IsZero()
	return l, err
}

// leading scans columns before those a scanner knows.
type leading struct {
	row
	first []any
}

func (l leading) Scan(dest ...any) error {
	return l.row.Scan(append(append([]any{}, l.first...), dest...)...)
}

// SyncLinks returns who entries are here, by their ids.
func (r *Reader) SyncLinks(targetID string, externalIDs []string) (map[string]SyncLink, error) {
	args := []any{targetID}
	links, err := many(r, scanSyncLink, "SELECT "+linkCols+" FROM sync_people l JOIN principals p ON p.id = l.principal_id WHERE l.target_id = $1 AND l.external_id IN "+in(&args, externalIDs), args...)
	out := make(map[string]SyncLink, len(links))
	for _, l := range links {
		out[l.ExternalID] = l
	}
	return out, err
}

// SyncLinksAfter lists who is known from a directory, a page at a time.
func (r *Reader) SyncLinksAfter(targetID, externalID string, limit int) ([]SyncLink, error) {
	return many(r, scanSyncLink, "SELECT "+linkCols+` FROM sync_people l JOIN principals p ON p.id = l.principal_id
		WHERE l.target_id = $1 AND l.external_id > $2 ORDER BY l.external_id LIMIT $3`, targetID, externalID, limit)
}

// SyncLinksOf returns the entries of principals in one directory, by principal.
func (r *Reader) SyncLinksOf(targetID string, principalIDs []string) (map[string]string, error) {
	return r.pairs("SELECT l.principal_id, l.external_id FROM sync_people l WHERE l.target_id = $1 AND l.principal_id IN ", principalIDs, targetID)
}

// SyncKnown counts the enabled people known from a directory.
func (r *Reader) SyncKnown(targetID string) (int64, error) {
	return one(r, scanInt, "SELECT COUNT(*) FROM sync_people l JOIN principals p ON p.id = l.principal_id WHERE l.target_id = $1 AND p.enabled = 1 AND p.removed_at = 0", targetID)
}

// SyncMatch is an entry with who it is here.
type SyncMatch struct{ ExternalID, PrincipalID string }

// InsertSyncLinks notes who entries are.
func (tx *Tx) InsertSyncLinks(targetID string, matches []SyncMatch) error {
	var rows []any
	for _, m := range matches {
		rows = append(rows, targetID, m.ExternalID, m.PrincipalID)
	}
	return insertRows(tx.ctx, tx.db, "sync_people (target_id, external_id, principal_id)", rows)
}

// SetSyncOff notes whether the sync disabled somebody.
func (tx *Tx) SetSyncOff(targetID, externalID string, off bool) error {
	return tx.must("UPDATE sync_people SET off = $1 WHERE target_id = $2 AND external_id = $3", num(off), targetID, externalID)
}

// ForgetSyncOff notes that somebody's being enabled or not is not the sync's any more.
func (tx *Tx) ForgetSyncOff(principalID string) error {
	_, err := tx.exec("UPDATE sync_people SET off = 0 WHERE principal_id = $1 AND off = 1", principalID)
	return err
}

// MatchedBy lists people by the value of a claim, bound already or not.
func (r *Reader) MatchedBy(claim string, values []string) ([]pim.Principal, error) {
	args := []any{claim}
	return many(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p WHERE p.match_claim = $1 AND p.match_claim <> '' AND p.removed_at = 0 AND p.kind = 'person' AND p.match_value IN "+in(&args, values)+" ORDER BY p.id", args...)
}

// BySubjects lists people by their subjects at an issuer.
func (r *Reader) BySubjects(issuer string, subjects []string) ([]pim.Principal, error) {
	args := []any{issuer}
	return many(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p WHERE p.issuer = $1 AND p.subject <> '' AND p.removed_at = 0 AND p.kind = 'person' AND p.subject IN "+in(&args, subjects)+" ORDER BY p.id", args...)
}

// MembersFrom lists the direct members a group has from one source.
func (r *Reader) MembersFrom(groupID string, source pim.Source) ([]string, error) {
	return many(r, scanString, "SELECT member_id FROM group_members WHERE group_id = $1 AND source = $2 ORDER BY member_id", groupID, source)
}

// CountMembersFrom counts them.
func (r *Reader) CountMembersFrom(groupID string, source pim.Source) (int64, error) {
	return one(r, scanInt, "SELECT COUNT(*) FROM group_members WHERE group_id = $1 AND source = $2", groupID, source)
}

// LeaveMembers makes up to limit members that a group has from a directory members that were added by hand, and returns
// how many.
func (tx *Tx) LeaveMembers(groupID string, limit int) (int, error) {
	ids, err := many(tx.Reader, scanString, "SELECT member_id FROM group_members WHERE group_id = $1 AND source = 'directory' ORDER BY member_id LIMIT $2", groupID, limit)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	args := []any{groupID}
	list := in(&args, ids)
	for _, query := range []string{
		"DELETE FROM group_members WHERE group_id = $1 AND source = 'directory' AND member_id IN (SELECT m.member_id FROM group_members m WHERE m.group_id = $1 AND m.source = 'browser' AND m.member_id IN " + list + ")",
		"UPDATE group_members SET source = 'browser' WHERE group_id = $1 AND source = 'directory' AND member_id IN " + list,
	} {
		if _, err := tx.exec(query, args...); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}

// SyncStop is a directory whose latest run that came to an end of its own changed nothing, for too many would have gone.
type SyncStop struct {
	TargetID string
	Name     string
	At       time.Time
}

// SyncStops lists the syncs that stopped, until a run is let go on or comes through.
func (r *Reader) SyncStops() ([]SyncStop, error) {
	return many(r, func(r row) (s SyncStop, err error) { return s, r.Scan(&s.TargetID, &s.Name, at(&s.At)) },
		`SELECT s.target_id, t.name, MAX(v.begun_at) FROM syncs s JOIN targets t ON t.id = s.target_id JOIN sync_runs v ON v.target_id = s.target_id
		WHERE t.removed_at = 0 AND s.allowed = 0 AND v.state = 'stopped' AND v.preview = 0
		AND NOT EXISTS (SELECT 1 FROM sync_runs x WHERE x.target_id = v.target_id AND x.begun_at > v.begun_at AND x.state = 'done' AND x.preview = 0)
		GROUP BY s.target_id, t.name ORDER BY t.name, s.target_id`)
}
