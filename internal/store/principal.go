package store

import (
	"slices"
	"time"

	"stint/internal/pim"
)

const principalCols = `p.id, p.kind, p.file_key, p.name, p.email, p.department, p.title, p.issuer, p.subject, p.match_claim, p.match_value,
	p.person_id, p.manager_id, p.owner_id, p.description, p.guest, p.claimed, p.enabled, p.source, p.zone, p.theme, p.created_at, p.last_seen_at, p.version`

func scanPrincipal(r row) (p pim.Principal, err error) {
	err = r.Scan(&p.ID, &p.Kind, &p.Key, &p.Name, &p.Email, &p.Department, &p.Title, &p.Issuer, &p.Subject, &p.MatchClaim, &p.MatchValue,
		&p.PersonID, &p.ManagerID, &p.OwnerID, &p.About, &p.Guest, &p.Claimed, &p.Enabled, &p.Source, &p.Zone, &p.Theme, at(&p.CreatedAt), at(&p.LastSeenAt), &p.Version)
	return p, err
}

// Principal returns one principal that was not removed.
func (r *Reader) Principal(id string) (pim.Principal, error) {
	return one(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p WHERE p.id = $1 AND p.removed_at = 0", id)
}

// The next three repeat what their partial index says: an engine uses one only for a query that implies it.

// PrincipalByKey finds a principal by its id in the file.
func (r *Reader) PrincipalByKey(kind pim.PrincipalKind, key string) (pim.Principal, error) {
	return one(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p WHERE p.kind = $1 AND p.file_key = $2 AND p.file_key <> '' AND p.removed_at = 0", kind, key)
}

// PrincipalBySubject finds who signed in.
func (r *Reader) PrincipalBySubject(issuer, subject string) (pim.Principal, error) {
	return one(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p WHERE p.issuer = $1 AND p.subject = $2 AND p.subject <> '' AND p.removed_at = 0", issuer, subject)
}

// PrincipalsToBind lists people never bound before whose claim has this value.
func (r *Reader) PrincipalsToBind(claim, value string) ([]pim.Principal, error) {
	return many(r, scanPrincipal, "SELECT "+principalCols+` FROM principals p
		WHERE p.match_claim = $1 AND p.match_claim <> '' AND p.match_value = $2 AND p.subject = '' AND p.removed_at = 0 LIMIT 2`, claim, value)
}

// Principals lists every principal of a kind that was not removed, by name.
func (r *Reader) Principals(kind pim.PrincipalKind) ([]pim.Principal, error) {
	return many(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p WHERE p.kind = $1 AND p.removed_at = 0 ORDER BY p.name, p.id", kind)
}

// PrincipalPage is a keyset page of people.
type PrincipalPage struct {
	Query     string // parts of name, address, department or claim, with spaces between
	Filter    PeopleFilter
	AfterName string
	AfterID   string
	Limit     int
}

// PeopleFilter narrows the list of people.
type PeopleFilter string

const (
	PeopleEnabled   PeopleFilter = "enabled"
	PeopleDisabled  PeopleFilter = "disabled"
	PeopleNeverSeen PeopleFilter = "unseen"  // never signed in
	PeopleNoPasskey PeopleFilter = "keyless" // have no passkey
	PeopleGuests    PeopleFilter = "guests"
)

// Conditions repeat what their partial index says: an engine uses one only for a query that implies it.
var peopleFilters = map[PeopleFilter]string{
	PeopleEnabled:   "p.enabled = 1",
	PeopleDisabled:  "p.enabled = 0",
	PeopleNeverSeen: "p.last_seen_at = 0",
	PeopleNoPasskey: "NOT EXISTS (SELECT 1 FROM credentials c WHERE c.principal_id = p.id AND c.removed_at = 0)",
	PeopleGuests:    "p.guest = 1",
}

// Names returns the names of principals by id, removed ones included: history stays readable.
func (r *Reader) Names(ids []string) (map[string]string, error) {
	return r.pairs("SELECT id, name FROM principals WHERE id IN ", ids)
}

// InsertPrincipal adds a principal.
func (tx *Tx) InsertPrincipal(p pim.Principal) error {
	return tx.InsertPrincipals([]pim.Principal{p})
}

// InsertPrincipals adds principals, many with one statement.
func (tx *Tx) InsertPrincipals(all []pim.Principal) error {
	tx.version = "" // this may define
	var rows, found []any
	for _, p := range all {
		rows = append(rows, p.ID, p.Kind, p.Key, p.Name, p.Email, p.Department, p.Title, p.Issuer, p.Subject, p.MatchClaim, p.MatchValue,
			p.PersonID, p.ManagerID, num(p.Guest), p.Claimed, num(p.Enabled), p.Source, p.Zone, p.Theme, us(tx.Now), us(p.LastSeenAt), Fold(p.Name), searchText(p), p.OwnerID, p.About, 1)
		found = appendWords(found, p)
	}
	err := insertRows(tx.ctx, tx.db, `principals (id, kind, file_key, name, email, department, title, issuer, subject, match_claim, match_value,
		person_id, manager_id, guest, claimed, enabled, source, zone, theme, created_at, last_seen_at, sort_name, search_text, owner_id, description, version)`, rows)
	if err != nil {
		return err
	}
	return insertRows(tx.ctx, tx.db, "principal_words (word, principal_id)", found)
}

// UpdatePrincipal saves everything but kind and creation; the version must be the one read.
func (tx *Tx) UpdatePrincipal(p pim.Principal) error {
	if err := tx.rename(p); err != nil {
		return err
	}
	return tx.updatePrincipal(p)
}

// ChangePrincipal is UpdatePrincipal for whoever has just read how the principal was.
func (tx *Tx) ChangePrincipal(was, p pim.Principal) error {
	if p.Name != was.Name || searchText(p) != searchText(was) {
		return tx.UpdatePrincipal(p)
	}
	return tx.updatePrincipal(p)
}

func (tx *Tx) updatePrincipal(p pim.Principal) error {
	return tx.must(`UPDATE principals SET file_key = $1, name = $2, email = $3, department = $4, title = $5, issuer = $6, subject = $7,
		match_claim = $8, match_value = $9, person_id = $10, manager_id = $11, guest = $12, claimed = $13, enabled = $14, source = $15, zone = $16,
		theme = $17, last_seen_at = $18, owner_id = $19, description = $20, version = version + 1
		WHERE id = $21 AND version = $22 AND removed_at = 0`,
		p.Key, p.Name, p.Email, p.Department, p.Title, p.Issuer, p.Subject, p.MatchClaim, p.MatchValue, p.PersonID, p.ManagerID, num(p.Guest), p.Claimed, num(p.Enabled), p.Source,
		p.Zone, p.Theme, us(p.LastSeenAt), p.OwnerID, p.About, p.ID, p.Version)
}

// RemovePrincipal marks a principal removed and takes it out of every group; its history stays. Who signed in
// as a removed person is a stranger from then on.
func (tx *Tx) RemovePrincipal(id string) error {
	if _, err := tx.exec("DELETE FROM group_members WHERE group_id = $1", id); err != nil {
		return err
	}
	return tx.RemoveGroupFirst(id)
}

// RemoveGroupFirst is RemovePrincipal of a group whose members, too many for one write, are taken out after it. It is in
// no group from then on, and whoever asks for the people in it by its name (PeopleIn) finds none.
func (tx *Tx) RemoveGroupFirst(id string) error {
	if _, err := tx.exec("DELETE FROM group_members WHERE member_id = $1", id); err != nil {
		return err
	}
	if _, err := tx.exec("DELETE FROM carried_values WHERE principal_id = $1", id); err != nil {
		return err
	}
	if _, err := tx.exec("UPDATE principals SET manager_id = '', version = version + 1 WHERE manager_id = $1 AND manager_id <> ''", id); err != nil {
		return err
	}
	if _, err := tx.exec("UPDATE principals SET owner_id = '', version = version + 1 WHERE owner_id = $1 AND owner_id <> '' AND removed_at = 0", id); err != nil {
		return err
	}
	return tx.must(`UPDATE principals SET removed_at = $1, enabled = 0, issuer = '', subject = '', match_claim = '', match_value = '', version = version + 1
		WHERE id = $2 AND removed_at = 0`, us(tx.Now), id)
}

// groupsOf is every group a principal is in, directly or nested, with the principal itself. A membership
// from a claim counts while it is fresh (invariant 9).
const groupsOf = `WITH RECURSIVE mine(id, depth) AS (
	SELECT CAST($1 AS TEXT), 0
	UNION
	SELECT m.group_id, mine.depth + 1 FROM group_members m JOIN mine ON m.member_id = mine.id
	WHERE mine.depth < 10 AND (m.fresh_until = 0 OR m.fresh_until > $2)) `

// GroupsOf returns the ids of a principal and of every group it is in.
func (r *Reader) GroupsOf(principalID string) ([]string, error) {
	return many(r, scanString, groupsOf+"SELECT DISTINCT id FROM mine", principalID, us(r.Now))
}

// Within reports whether a principal is another one or in it, directly or nested. Most people stand
// directly where a role was assigned, and walking the groups costs ten times as much as looking there.
func (r *Reader) Within(principalID, groupID string) (bool, error) {
	if principalID == groupID {
		return true, nil
	}
	n, err := one(r, scanInt, `SELECT COUNT(*) FROM group_members WHERE group_id = $1 AND member_id = $2 AND (fresh_until = 0 OR fresh_until > $3)`,
		groupID, principalID, us(r.Now))
	if err != nil || n > 0 {
		return n > 0, err
	}
	groups, err := r.GroupsOf(principalID)
	return slices.Contains(groups, groupID), err
}

// PeopleIn returns the enabled people among principals and the groups within them, nested ones included.
func (r *Reader) PeopleIn(ids []string) ([]pim.Principal, error) {
	args := []any{us(r.Now)}
	list := in(&args, ids)
	return many(r, scanPrincipal, `WITH RECURSIVE within(id, depth) AS (
		SELECT id, 0 FROM principals WHERE removed_at = 0 AND id IN `+list+`
		UNION
		SELECT m.member_id, within.depth + 1 FROM group_members m JOIN within ON m.group_id = within.id
		WHERE within.depth < 10 AND (m.fresh_until = 0 OR m.fresh_until > $1))
		SELECT `+principalCols+` FROM principals p WHERE p.id IN (SELECT id FROM within) AND p.kind = 'person' AND p.enabled = 1 AND p.removed_at = 0
		ORDER BY p.name, p.id`, args...)
}

// Members lists every membership edge.
func (r *Reader) Members() ([]pim.Membership, error) {
	return many(r, scanMembership, "SELECT group_id, member_id, source, fresh_until FROM group_members ORDER BY group_id, member_id")
}

// AddMember adds an edge, or refreshes one that came from a claim.
func (tx *Tx) AddMember(m pim.Membership) error {
	_, err := tx.exec(`INSERT INTO group_members (group_id, member_id, source, fresh_until, since, sort_name) VALUES ($1, $2, $3, $4, $5,
		COALESCE((SELECT p.sort_name FROM principals p WHERE p.id = $2), ''))
		ON CONFLICT (group_id, member_id, source) DO UPDATE SET fresh_until = excluded.fresh_until`, m.GroupID, m.MemberID, m.Source, us(m.FreshUntil), us(tx.Now))
	return err
}

// RemoveMember removes an edge of one source.
func (tx *Tx) RemoveMember(m pim.Membership) error {
	_, err := tx.exec("DELETE FROM group_members WHERE group_id = $1 AND member_id = $2 AND source = $3", m.GroupID, m.MemberID, m.Source)
	return err
}

// SawPerson records the last time a person used Stint.
func (tx *Tx) SawPerson(id string, when time.Time) error {
	_, err := tx.exec("UPDATE principals SET last_seen_at = $1 WHERE id = $2", us(when), id)
	return err
}

// ClaimGroupsOf lists the groups a person is in by the provider's claim.
func (r *Reader) ClaimGroupsOf(principalID string) (map[string]bool, error) {
	ids, err := many(r, scanString, "SELECT group_id FROM group_members WHERE member_id = $1 AND source = 'signin'", principalID)
	out := make(map[string]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	return out, err
}

// LapsedMembers lists memberships from a claim that was not seen again in time.
func (r *Reader) LapsedMembers(limit int) ([]pim.Membership, error) {
	return many(r, scanMembership, "SELECT group_id, member_id, source, fresh_until FROM group_members WHERE fresh_until > 0 AND fresh_until <= $1 ORDER BY fresh_until LIMIT $2", us(r.Now), limit)
}

// LinkedTo lists the principals that are the same human as one by person, or by an account they share.
func (r *Reader) LinkedTo(principalID string) ([]string, error) {
	return many(r, scanString, `SELECT q.id FROM principals p JOIN principals q ON q.person_id = p.person_id
		WHERE p.id = $1 AND p.person_id <> '' AND q.removed_at = 0
		UNION SELECT b.principal_id FROM accounts a JOIN accounts b ON b.target_id = a.target_id AND b.external_id = a.external_id
		WHERE a.principal_id = $1 AND a.external_id <> '' AND a.removed_at = 0 AND b.removed_at = 0`, principalID)
}

// PeopleOf lists the principals that are one person.
func (r *Reader) PeopleOf(personID string) ([]pim.Principal, error) {
	return many(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p WHERE p.person_id = $1 AND p.person_id <> '' AND p.removed_at = 0 ORDER BY p.name, p.id", personID)
}

// DecidedByBoth counts the requests that wait and that two persons have decided both.
func (r *Reader) DecidedByBoth(personID, other string) (int64, error) {
	return one(r, scanInt, `SELECT COUNT(*) FROM activations a WHERE a.state = 'pending_approval'
		AND EXISTS (SELECT 1 FROM approval_decisions d WHERE d.activation_id = a.id AND d.person_id = $1)
		AND EXISTS (SELECT 1 FROM approval_decisions d WHERE d.activation_id = a.id AND d.person_id = $2)`, personID, other)
}

// MergePeople makes everybody of one person another one, with what they have open. What is over keeps whose it was.
func (tx *Tx) MergePeople(from, into string) error {
	for _, query := range []string{
		"UPDATE principals SET person_id = $1, version = version + 1 WHERE person_id = $2 AND removed_at = 0",
		"UPDATE activations SET person_id = $1 WHERE person_id = $2 AND state IN " + openStates,
		"UPDATE extensions SET person_id = $1 WHERE person_id = $2 AND state = 'pending_approval'",
		"UPDATE approval_decisions SET person_id = $1 WHERE person_id = $2 AND activation_id IN (SELECT id FROM activations WHERE state = 'pending_approval')",
	} {
		if _, err := tx.exec(query, into, from); err != nil {
			return err
		}
	}
	return nil
}
