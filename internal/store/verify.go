package store

import (
	"cmp"
	"database/sql"
	"encoding/base64"
	"errors"
	"iter"
	"math"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"stint/internal/audit"
)

// verifyPage is how many entries are in memory at once while the log is verified.
const verifyPage = 200

// maxTexts is more than the commitments one leaf has room for, so a page cut short by it holds an entry
// with a text it does not commit to, and verification ends there.
const maxTexts = 300 * verifyPage

// VerifyLog is the log as it is kept, for audit.Verify: entries with their columns, leaves, hashes and
// texts, the kept checkpoints, and what the head row records. What cannot be read as what it should be
// is handed on as a value that cannot be right, so that it becomes a finding and not an error. It reads
// in pages inside this snapshot; Origin, VKeys, Remembered and Replay are the caller's.
func (r *Reader) VerifyLog() (audit.Log, error) {
	size, root, err := r.recordedHead()
	return audit.Log{Entries: r.storedEntries(), Checkpoints: r.storedCheckpoints(), Size: size, Root: root}, err
}

// recordedHead is 0 entries where there is no head row: Open makes one before the first entry.
func (r *Reader) recordedHead() (int64, tlog.Hash, error) {
	var size any
	var root sql.NullString
	err := r.db.QueryRowContext(r.ctx, "SELECT size, root FROM audit_head WHERE id = 1").Scan(&size, &root)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, tlog.Hash{}, nil
	}
	n, bad := toInt(size)
	if bad != nil || n < 0 {
		n = 0
	}
	hash, bad := tlog.ParseHash(root.String)
	if bad != nil || hash == (tlog.Hash{}) {
		hash = tlog.Hash{0xff} // the zero Hash would mean that there is nothing to compare with
	}
	return n, hash, err
}

// pages yields what fetch returns for ever later places, until a page is not full.
func pages[T any](fetch func(after int64) ([]T, error), place func(T) int64) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		after := int64(math.MinInt64)
		for {
			page, err := fetch(after)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, v := range page {
				if !yield(v, nil) {
					return
				}
			}
			if len(page) < verifyPage || place(page[len(page)-1]) <= after {
				return
			}
			after = place(page[len(page)-1])
		}
	}
}

func (r *Reader) storedEntries() iter.Seq2[audit.StoredEntry, error] {
	return pages(r.entriesAfter, func(e audit.StoredEntry) int64 { return e.Entry.Seq })
}

func (r *Reader) entriesAfter(after int64) ([]audit.StoredEntry, error) {
	page, err := many(r, scanStored, `SELECT seq, at, type, actor_id, subject_id, role_id, resource_id, target_id, object_id, correlation, result, leaf
		FROM audit_entries WHERE seq > $1 ORDER BY seq LIMIT $2`, after, verifyPage)
	if err != nil || len(page) == 0 {
		return nil, err
	}
	sound := page
	for len(sound) > 0 && sound[len(sound)-1].Entry.Seq < 0 {
		sound = sound[:len(sound)-1] // no number: the database sorts it last, and nothing belongs to it
	}
	if len(sound) == 0 || sound[0].Entry.Seq < 0 {
		return page, nil
	}
	if err := r.addHashes(sound); err != nil {
		return nil, err
	}
	return page, r.addTexts(sound)
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
	for i, to := range []*string{&e.Type, &e.Actor, &e.Subject, &e.RoleID, &e.ResourceID, &e.TargetID, &e.ObjectID, &e.Correlation, &e.Result} {
		*to = text[i].String
	}
	e.Seq = -1
	if n, err := toInt(seq); err == nil {
		e.Seq = n
	}
	if n, err := toInt(at); err == nil {
		e.At = time.UnixMicro(n).UTC()
	}
	return s, nil
}

// addHashes fills in the stored hashes; one that is missing or unreadable stays the zero Hash.
func (r *Reader) addHashes(page []audit.StoredEntry) error {
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
	for i := range page {
		first, n := audit.HashesOf(page[i].Entry.Seq)
		if at := first - from; at >= 0 && at <= int64(len(kept)-n) {
			page[i].Hashes = kept[at : at+int64(n)]
		} else {
			page[i].Hashes = make([]tlog.Hash, n) // far behind a gap, which is what will be said
		}
	}
	return nil
}

// addTexts fills in the texts kept beside the leaves; a salt that cannot be read stays nil.
func (r *Reader) addTexts(page []audit.StoredEntry) error {
	type stored struct {
		seq   int64
		field string
		audit.Text
	}
	rows, err := many(r, func(r row) (stored, error) {
		var t stored
		var field, salt, value sql.NullString
		err := r.Scan(&t.seq, &field, &salt, &value)
		t.field, t.Value = field.String, value.String
		if raw, bad := base64.StdEncoding.DecodeString(salt.String); bad == nil && len(raw) > 0 {
			t.Salt = raw
		}
		return t, err
	}, "SELECT seq, field, salt, value FROM audit_texts WHERE seq >= $1 AND seq <= $2 ORDER BY seq, field LIMIT $3",
		page[0].Entry.Seq, page[len(page)-1].Entry.Seq, maxTexts)
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

func (r *Reader) storedCheckpoints() iter.Seq2[audit.StoredCheckpoint, error] {
	scan := func(r row) (audit.StoredCheckpoint, error) {
		var size any
		c := audit.StoredCheckpoint{Size: -1}
		err := r.Scan(&size, &c.Note)
		if n, bad := toInt(size); bad == nil {
			c.Size = n
		}
		return c, err
	}
	return pages(func(after int64) ([]audit.StoredCheckpoint, error) {
		return many(r, scan, "SELECT size, note FROM audit_checkpoints WHERE size > $1 ORDER BY size LIMIT $2", after, verifyPage)
	}, func(c audit.StoredCheckpoint) int64 { return c.Size })
}
