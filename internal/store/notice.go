package store

import (
	"errors"
	"time"
)

// Notice is a line for one person in the portal.
type Notice struct {
	ID          string
	PrincipalID string
	Text        string
	Link        string
	CreatedAt   time.Time
	ReadAt      time.Time
}

func scanNotice(r row) (n Notice, err error) {
	return n, r.Scan(&n.ID, &n.PrincipalID, &n.Text, &n.Link, at(&n.CreatedAt), at(&n.ReadAt))
}

// Notices lists a person's notices, newest first.
func (r *Reader) Notices(principalID string, before Keyset, limit int) ([]Notice, error) {
	var w where
	w.add("principal_id = ?", principalID)
	if before.ID != "" {
		w.add("(created_at, id) < (?, ?)", us(before.At), before.ID)
	}
	w.args = append(w.args, limit)
	return many(r, scanNotice, "SELECT id, principal_id, text, link, created_at, read_at FROM notices"+w.String()+" ORDER BY created_at DESC, id DESC LIMIT "+dollar(len(w.args)), w.args...)
}

// UnreadNotices counts what a person has not read.
func (r *Reader) UnreadNotices(principalID string) (int64, error) {
	return one(r, scanInt, "SELECT COUNT(*) FROM notices WHERE principal_id = $1 AND read_at = 0", principalID)
}

// How many notices a person keeps (THREATS T31): read ones go first.
const (
	KeptNotices       = 100
	KeptUnreadNotices = 300
)

// InsertNotice adds a notice. Beyond KeptNotices the oldest read ones go, beyond KeptUnreadNotices the others too.
func (tx *Tx) InsertNotice(n Notice) error {
	tx.people = append(tx.people, n.PrincipalID)
	_, err := tx.exec("INSERT INTO notices (id, principal_id, text, link, created_at) VALUES ($1, $2, $3, $4, $5)", n.ID, n.PrincipalID, n.Text, n.Link, us(tx.Now))
	if err != nil {
		return err
	}
	const nth = "FROM notices WHERE principal_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET "
	last, err := one(tx.Reader, func(r row) (k Keyset, err error) { return k, r.Scan(at(&k.At), &k.ID) }, "SELECT created_at, id "+nth+"$2", n.PrincipalID, KeptNotices)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = tx.exec("DELETE FROM notices WHERE principal_id = $1 AND (created_at, id) <= ($2, $3) AND (read_at > 0 OR (created_at, id) <= (SELECT created_at, id "+nth+"$4))",
		n.PrincipalID, us(last.At), last.ID, KeptUnreadNotices)
	return err
}

// DropUnread removes what people have not read of a text: something newer says the same.
func (tx *Tx) DropUnread(text string, people ...string) error {
	args := []any{text}
	_, err := tx.exec("DELETE FROM notices WHERE text = $1 AND read_at = 0 AND principal_id IN "+in(&args, people), args...)
	return err
}

// ReadNotices marks a person's notices read up to an instant.
func (tx *Tx) ReadNotices(principalID string, until time.Time) error {
	tx.people = append(tx.people, principalID)
	_, err := tx.exec("UPDATE notices SET read_at = $1 WHERE principal_id = $2 AND read_at = 0 AND created_at <= $3", us(tx.Now), principalID, us(until))
	return err
}

// Favourites lists the (role, resource) pairs a person marked.
func (r *Reader) Favourites(principalID string) (map[[2]string]bool, error) {
	rows, err := many(r, func(r row) (p [2]string, err error) { return p, r.Scan(&p[0], &p[1]) },
		"SELECT role_id, resource_id FROM favourites WHERE principal_id = $1", principalID)
	out := make(map[[2]string]bool, len(rows))
	for _, p := range rows {
		out[p] = true
	}
	return out, err
}

// SetFavourite marks or unmarks a role on a resource.
func (tx *Tx) SetFavourite(principalID, roleID, resourceID string, on bool) error {
	if !on {
		_, err := tx.exec("DELETE FROM favourites WHERE principal_id = $1 AND role_id = $2 AND resource_id = $3", principalID, roleID, resourceID)
		return err
	}
	_, err := tx.exec("INSERT INTO favourites (principal_id, role_id, resource_id) VALUES ($1, $2, $3) ON CONFLICT (principal_id, role_id, resource_id) DO NOTHING", principalID, roleID, resourceID)
	return err
}
