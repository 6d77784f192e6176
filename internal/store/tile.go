package store

import (
	"fmt"
	"iter"

	"stint/internal/audit"
)

// Leaves yields the exact bytes of the entries from one number to before another, in order; one that is missing is an
// error. It reads in pages inside this snapshot.
func (r *Reader) Leaves(from, until int64) iter.Seq2[[]byte, error] {
	type leaf struct {
		seq  int64
		text []byte
	}
	scan := func(r row) (l leaf, err error) { return l, r.Scan(&l.seq, &l.text) }
	return func(yield func([]byte, error) bool) {
		for from < until {
			page, err := many(r, scan, "SELECT seq, leaf FROM audit_entries WHERE seq >= $1 AND seq < $2 ORDER BY seq LIMIT $3", from, until, audit.TileWidth)
			if err == nil && len(page) == 0 {
				err = missingEntry(from)
			}
			for _, l := range page {
				if l.seq != from {
					err = missingEntry(from)
					break
				}
				if !yield(l.text, nil) {
					return
				}
				from++
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

func missingEntry(seq int64) error {
	return fmt.Errorf("audit entry %d is missing; run stint audit verify", seq)
}

// Tile is a tile of the log as C2SP tlog-tiles serves it; the caller knows that the log has it.
func (r *Reader) Tile(t audit.Tile) ([]byte, error) {
	if !t.Entries {
		hashes, err := r.HashReader().ReadHashes(t.Indexes())
		return audit.AppendHashes(nil, hashes), err
	}
	leaves := make([][]byte, 0, t.Width)
	for leaf, err := range r.Leaves(t.First(), t.First()+int64(t.Width)) {
		if err != nil {
			return nil, err
		}
		leaves = append(leaves, leaf)
	}
	return audit.AppendBundle(nil, leaves), nil
}

// KeptCheckpoints yields the kept checkpoints, smallest first, as they are kept.
func (r *Reader) KeptCheckpoints() iter.Seq2[audit.StoredCheckpoint, error] {
	return r.storedCheckpoints()
}
