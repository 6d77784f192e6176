package store

import (
	"database/sql"
	"errors"
	"iter"
	"math"

	"golang.org/x/mod/sumdb/tlog"

	"stint/internal/audit"
)

// verifyPage is how many entries are read at once while the log is verified.
const verifyPage = 500

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
	page, err := r.joinedEntries(after)
	if errors.Is(err, errOdd) {
		page, err = r.plainEntries(after)
	}
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
