package store

import (
	"cmp"
	"database/sql"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"stint/internal/audit"
)

// The rows of a log that is verified, column by column, whatever the columns hold.

func (r *Reader) plainEntries(after int64) ([]audit.StoredEntry, error) {
	return many(r, scanStored, `SELECT seq, at, type, actor_id, subject_id, role_id, resource_id, target_id, object_id, correlation, result, leaf
		FROM audit_entries WHERE seq > $1 ORDER BY seq LIMIT $2`, after, verifyPage)
}

// scanStored takes whatever the columns hold: one that was made to hold something else differs from its leaf.
func scanStored(r row) (audit.StoredEntry, error) {
	var s audit.StoredEntry
	var seq, at any
	text := make([]sql.NullString, 9)
	dest := []any{&seq, &at}
	for i := range text {
		dest = append(dest, &text[i])
	}
	if err := r.Scan(append(dest, &s.Leaf)...); err != nil {
		return s, err
	}
	e := &s.Entry
	for i, to := range textsOf(e) {
		*to = text[i].String
	}
	number(e, seq, at)
	return s, nil
}

func textsOf(e *audit.Entry) [9]*string {
	return [9]*string{&e.Type, &e.Actor, &e.Subject, &e.RoleID, &e.ResourceID, &e.TargetID, &e.ObjectID, &e.Correlation, &e.Result}
}

func number(e *audit.Entry, seq, at any) {
	e.Seq = -1
	if n, err := toInt(seq); err == nil {
		e.Seq = n
	}
	if n, err := toInt(at); err == nil {
		e.At = time.UnixMicro(n).UTC()
	}
}

// plainHashes fills in the stored hashes; one that is missing or unreadable stays the zero Hash.
func (r *Reader) plainHashes(page []audit.StoredEntry) error {
	from, _ := audit.HashesOf(page[0].Entry.Seq)
	type stored struct {
		idx  int64
		hash tlog.Hash
	}
	rows, err := many(r, func(r row) (stored, error) {
		var idx any
		var text sql.NullString
		if err := r.Scan(&idx, &text); err != nil {
			return stored{}, err
		}
		h := stored{idx: -1}
		if n, err := toInt(idx); err == nil {
			h.idx = n
		}
		if hash, err := tlog.ParseHash(text.String); err == nil {
			h.hash = hash
		}
		return h, nil
	}, "SELECT idx, hash FROM audit_hashes WHERE idx >= $1 ORDER BY idx LIMIT $2", from, 2*verifyPage+64)
	if err != nil {
		return err
	}
	kept := make([]tlog.Hash, 2*verifyPage+64)
	for _, h := range rows {
		if h.idx >= from && h.idx-from < int64(len(kept)) {
			kept[h.idx-from] = h.hash
		}
	}
	share(page, kept, from)
	return nil
}

// share hands each entry its part of the hashes that are kept from an index on.
func share(page []audit.StoredEntry, kept []tlog.Hash, from int64) {
	for i := range page {
		first, n := audit.HashesOf(page[i].Entry.Seq)
		if at := first - from; at >= 0 && at <= int64(len(kept)-n) {
			page[i].Hashes = kept[at : at+int64(n)]
		} else {
			page[i].Hashes = make([]tlog.Hash, n) // far behind a gap, which is what will be said
		}
	}
}

// maxTexts is more than the commitments one leaf has room for, so a page cut short by it holds an entry
// with a text it does not commit to, and verification ends there.
const maxTexts = 300 * verifyPage

// storedText is a text kept beside a leaf; a salt that cannot be read stays nil.
type storedText struct {
	seq   int64
	field string
	audit.Text
}

func (t *storedText) salted(salt string) {
	if raw, bad := base64.StdEncoding.DecodeString(salt); bad == nil && len(raw) > 0 {
		t.Salt = raw
	}
}

func scanStoredText(r row) (t storedText, err error) {
	var field, salt, value sql.NullString
	err = r.Scan(&t.seq, &field, &salt, &value)
	t.field, t.Value = field.String, value.String
	t.salted(salt.String)
	return t, err
}

func (r *Reader) plainTexts(page []audit.StoredEntry) ([]storedText, error) {
	return many(r, scanStoredText, "SELECT seq, field, salt, value FROM audit_texts WHERE seq >= $1 AND seq <= $2 ORDER BY seq, field LIMIT $3",
		page[0].Entry.Seq, page[len(page)-1].Entry.Seq, maxTexts)
}

// addTexts fills in the texts kept beside the leaves.
func (r *Reader) addTexts(page []audit.StoredEntry) error {
	rows, err := r.joinedTexts(page)
	if errors.Is(err, errOdd) {
		rows, err = r.plainTexts(page)
	}
	for _, t := range rows {
		i, found := slices.BinarySearchFunc(page, t.seq, func(e audit.StoredEntry, seq int64) int { return cmp.Compare(e.Entry.Seq, seq) })
		if !found {
			continue // its entry is missing, which is what will be said
		}
		if page[i].Texts == nil {
			page[i].Texts = map[string]audit.Text{}
		}
		page[i].Texts[t.field] = t.Text
	}
	return err
}
