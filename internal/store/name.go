package store

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"stint/internal/pim"
)

// Fold is what a name is sorted and searched by: small letters without marks, single spaces, alike on both engines.
func Fold(name string) string {
	plain := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(name))
	if folded := strings.Join(strings.Fields(plain), " "); folded != "" {
		return folded
	}
	return " " // the empty text says that a row was not folded yet
}

// maxWords bounds what is kept of one name.
const maxWords = 8

// words are the beginnings a search goes by, each once.
func words(folded string) []string {
	all := strings.Fields(folded)
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(len(all), maxWords)]
}

// appendWords adds the rows of the beginnings by which a principal is found: the words of the name, and the whole address.
func appendWords(rows []any, p pim.Principal) []any {
	found := words(Fold(p.Name))
	if p.Email != "" && !slices.Contains(found, Fold(p.Email)) {
		found = append(found, Fold(p.Email))
	}
	for _, w := range found {
		rows = append(rows, w, p.ID)
	}
	return rows
}

// maxSearchText keeps what a search reads within an entry of an index of PostgreSQL, which is at most 2,700 bytes.
const maxSearchText = 1000

// searchText is what a search for a part of something looks at; no part reaches from one field into the next.
func searchText(p pim.Principal) string {
	text := Fold(strings.Join([]string{p.Name, p.Email, p.Department, p.MatchValue}, "\x1f"))
	for len(text) > maxSearchText {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}

// rename lets what is sorted and searched by a principal's name, and the rest of what finds one, follow a change of it.
func (tx *Tx) rename(p pim.Principal) error {
	folded, text := Fold(p.Name), searchText(p)
	old, err := one(tx.Reader, func(r row) (old [2]string, err error) { return old, r.Scan(&old[0], &old[1]) },
		"SELECT sort_name, search_text FROM principals WHERE id = $1", p.ID)
	if errors.Is(err, ErrNotFound) || err == nil && old == [2]string{folded, text} {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := tx.exec("UPDATE principals SET sort_name = $1, search_text = $2 WHERE id = $3", folded, text, p.ID); err != nil {
		return err
	}
	if old[0] != folded || old[1] == "" {
		if _, err := tx.exec("UPDATE assignments SET sort_name = $1 WHERE principal_id = $2 AND ended_at = 0 AND sort_name <> $1", folded, p.ID); err != nil {
			return err
		}
		if _, err := tx.exec("UPDATE group_members SET sort_name = $1 WHERE member_id = $2 AND sort_name <> $1", folded, p.ID); err != nil {
			return err
		}
	}
	if _, err := tx.exec("DELETE FROM principal_words WHERE principal_id = $1", p.ID); err != nil {
		return err
	}
	return insertRows(tx.ctx, tx.db, "principal_words (word, principal_id)", appendWords(nil, p))
}

const (
	foldPiece   = 1000 // bounds one transaction of foldNames
	foldedSince = 19   // the migration from which on names are folded as they are now
)

// foldNames folds the names of rows that were written before names were folded.
func (s *Store) foldNames(ctx context.Context) error {
	files, err := fs.ReadDir(s.opts.schema, "migrations/common")
	if err != nil || newest(files) < foldedSince {
		return err
	}
	for {
		n, err := s.foldSome(ctx)
		if err != nil || n < foldPiece {
			return err
		}
	}
}

func (s *Store) foldSome(ctx context.Context) (int, error) {
	db, err := s.w.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Rollback() }()
	tx := &Tx{Reader: &Reader{db: db, ctx: ctx}}
	old, err := many(tx.Reader, scanPrincipal, "SELECT "+principalCols+" FROM principals p WHERE p.search_text = '' ORDER BY p.id LIMIT $1", foldPiece)
	if err != nil || len(old) == 0 {
		return 0, err
	}
	for _, p := range old {
		if err := tx.rename(p); err != nil {
			return 0, err
		}
	}
	return len(old), db.Commit()
}

// prefixEnd is the first text after all that begin with a prefix; both engines sort by code point.
func prefixEnd(prefix string) string { return prefix + string(unicode.MaxRune) }

// pickable bounds what a picker's search looks at: with more hits whoever searches has to write on.
const pickable = 1000

// FindPrincipals lists enabled people, groups and workloads by name whose name has words that begin with those of a
// search, or whose address does, for a picker; without a search the first ones.
func (r *Reader) FindPrincipals(search string, limit int) ([]pim.Principal, error) {
	var w where
	w.add("p.removed_at = 0 AND p.enabled = 1")
	lead := ""
	for _, word := range words(Fold(search)) {
		like := escapeLike(word) + "%"
		w.add(`(p.sort_name LIKE ? ESCAPE '\' OR p.sort_name LIKE ? ESCAPE '\' OR LOWER(p.email) LIKE ? ESCAPE '\')`, like, "% "+like, like)
		if len(word) > len(lead) {
			lead = word
		}
	}
	if lead == "" {
		w.args = append(w.args, limit)
		return many(r, scanPrincipal, "SELECT "+principalCols+" FROM principals p"+w.String()+" ORDER BY p.sort_name, p.id LIMIT "+dollar(len(w.args)), w.args...)
	}
	w.add("p.id = x.principal_id")
	from := "(SELECT DISTINCT principal_id FROM (SELECT principal_id FROM principal_words WHERE word >= $" + next(&w, lead) + " AND word < $" + next(&w, prefixEnd(lead)) +
		" ORDER BY word, principal_id LIMIT $" + next(&w, pickable) + ") d) x CROSS JOIN principals p"
	w.args = append(w.args, limit)
	return many(r, scanPrincipal, "SELECT "+principalCols+" FROM "+from+w.String()+" ORDER BY p.sort_name, p.id LIMIT "+dollar(len(w.args)), w.args...)
}
