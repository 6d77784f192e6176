package store

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"stint/internal/audit"
)

// Verification reads columns joined, because each value costs a driver as much as a short row. What is joined can be taken
// apart in one way only, or errOdd: then verify_rows.go reads the same page column by column.
var errOdd = errors.New("store: joined columns cannot be told apart")

// unit is between joined columns. As many as were put there means that no column holds one, and none was NULL.
const unit = "\x1f"

// apart fills to with the columns of a joined text.
func apart(joined *string, to ...*string) error {
	if joined == nil || strings.Count(*joined, unit) != len(to)-1 {
		return errOdd
	}
	rest := *joined
	for _, column := range to {
		*column, rest, _ = strings.Cut(rest, unit)
	}
	return nil
}

const joinedColumns = "type || '" + unit + "' || actor_id || '" + unit + "' || subject_id || '" + unit + "' || role_id || '" + unit + "' || resource_id || '" + unit +
	"' || target_id || '" + unit + "' || object_id || '" + unit + "' || correlation || '" + unit + "' || result"

func (r *Reader) joinedEntries(after int64) ([]audit.StoredEntry, error) {
	var seq, at any
	var joined *string
	var leaf []byte
	dest := []any{&seq, &at, &joined, &leaf}
	return manyOf(r, verifyPage, func(r row) (s audit.StoredEntry, err error) {
		if err := r.Scan(dest...); err != nil {
			return s, err
		}
		number(&s.Entry, seq, at)
		s.Leaf = leaf
		texts := textsOf(&s.Entry)
		return s, apart(joined, texts[:]...)
	}, "SELECT seq, at, "+joinedColumns+", leaf FROM audit_entries WHERE seq > $1 ORDER BY seq LIMIT $2", after, verifyPage)
}

// addHashes fills in the stored hashes.
func (r *Reader) addHashes(page []audit.StoredEntry) error {
	first, last := page[0].Entry.Seq, page[len(page)-1].Entry.Seq
	if last-first != int64(len(page)-1) {
		return r.plainHashes(page)
	}
	from, _ := audit.HashesOf(first)
	at, n := audit.HashesOf(last)
	kept := make([]tlog.Hash, at+int64(n)-from)
	whole, err := r.joinedHashes(kept, from)
	if err != nil {
		return err
	}
	if !whole {
		return r.plainHashes(page)
	}
	share(page, kept, from)
	return nil
}

// joinedHashes reports whether all hashes from an index on are there, each once and readable.
func (r *Reader) joinedHashes(kept []tlog.Hash, from int64) (whole bool, err error) {
	var rows int64
	var joined *string
	err = r.db.QueryRowContext(r.ctx, "SELECT COUNT(hash), STRING_AGG(idx || ':' || hash, ',') FROM audit_hashes WHERE idx >= $1 AND idx < $2", from, from+int64(len(kept))).Scan(&rows, &joined)
	if err != nil || joined == nil || rows != int64(len(kept)) {
		return false, err
	}
	// As many parts as rows with a hash: each row is one part, whatever it holds.
	if strings.Count(*joined, ",")+1 != len(kept) {
		return false, nil
	}
	for part := range strings.SplitSeq(*joined, ",") {
		idx, hash, _ := strings.Cut(part, ":")
		n, err := strconv.ParseInt(idx, 10, 64)
		if err != nil || n < from || n-from >= int64(len(kept)) || kept[n-from] != (tlog.Hash{}) || !readHash(&kept[n-from], hash) {
			return false, nil
		}
	}
	return true, nil
}

// readHash reads what tlog.ParseHash reads, but for the zero Hash.
func readHash(to *tlog.Hash, text string) bool {
	var text44 [44]byte
	var raw [33]byte
	if copy(text44[:], text) != len(text) || len(text) != len(text44) {
		return false
	}
	n, err := base64.StdEncoding.Decode(raw[:], text44[:])
	*to = tlog.Hash(raw[:32])
	return err == nil && n == tlog.HashSize && *to != tlog.Hash{}
}

func (r *Reader) joinedTexts(page []audit.StoredEntry) ([]storedText, error) {
	var seq int64
	var joined *string
	dest := []any{&seq, &joined}
	return manyOf(r, len(page), func(r row) (t storedText, err error) {
		if err := r.Scan(dest...); err != nil {
			return t, err
		}
		salt := ""
		t.seq, err = seq, apart(joined, &t.field, &salt, &t.Value)
		t.salted(salt)
		return t, err
	}, "SELECT seq, field || '"+unit+"' || salt || '"+unit+"' || value FROM audit_texts WHERE seq >= $1 AND seq <= $2 ORDER BY seq, field LIMIT $3",
		page[0].Entry.Seq, page[len(page)-1].Entry.Seq, maxTexts)
}
