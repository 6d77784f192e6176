package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

const (
	maxEntryWords = 200 // words kept of one entry
	maxWordLen    = 32  // bytes kept of a word
	maxAsked      = 6   // words of a search that count
	maxBeginnings = MaxBeginnings
	indexPiece    = 500
)

// MaxBeginnings is how many words one beginning stands for in a search of the whole log.
const MaxBeginnings = 16

// metaIndexed is how many entries the index of words covers.
const metaIndexed = "audit_words_size"

// entryWords are the words by which an entry is found, each once: runs of letters and digits.
func entryWords(texts map[string]string) []string {
	var all []string
	for _, text := range texts {
		all = append(all, splitWords(text)...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(len(all), maxEntryWords)]
}

func splitWords(text string) []string {
	out := strings.FieldsFunc(Fold(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, w := range out {
		for len(w) > maxWordLen {
			r := []rune(w)
			w = string(r[:len(r)-1])
		}
		out[i] = w
	}
	return out
}

// askedWords are the words of a search, the longest first.
func askedWords(query string) []string {
	asked := uniqueWords(query)
	return asked[:min(len(asked), maxAsked)]
}

func uniqueWords(query string) []string {
	asked := splitWords(query)
	slices.Sort(asked)
	asked = slices.Compact(asked)
	slices.SortStableFunc(asked, func(a, b string) int { return len(b) - len(a) })
	return asked
}

// indexed is how many entries the index of words covers; those after it are read.
func (r *Reader) indexed() (int64, error) {
	text, err := r.Meta(metaIndexed)
	if err != nil || text == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("store: %s is no number: %w", metaIndexed, err)
	}
	return n, nil
}

// IndexWords takes the words of the next entries into the index, and says whether there are more. It follows the
// log instead of being written with it: an activation does not wait for it, and a search reads what it has not reached.
func (tx *Tx) IndexWords() (more bool, err error) {
	from, err := tx.indexed()
	if err != nil {
		return false, err
	}
	size, err := tx.LogSize()
	if err != nil || from >= size {
		return false, err
	}
	until := min(size, from+indexPiece)
	texts, err := tx.textsOf(from, until)
	if err != nil {
		return false, err
	}
	var values []any
	for seq, t := range texts {
		for _, w := range entryWords(t) {
			values = append(values, w, seq)
		}
	}
	if err := insertRows(tx.ctx, tx.db, "audit_words (word, seq)", values); err != nil {
		return false, err
	}
	return until < size, tx.SetMeta(metaIndexed, strconv.FormatInt(until, 10))
}

// Unindexed says whether the index of words is behind the log.
func (r *Reader) Unindexed() (bool, error) {
	n, err := r.indexed()
	if err != nil {
		return false, err
	}
	size, err := r.LogSize()
	return n < size, err
}

func (r *Reader) textsOf(from, until int64) (map[int64]map[string]string, error) {
	type text struct {
		seq          int64
		field, value string
	}
	rows, err := many(r, func(r row) (t text, err error) { return t, r.Scan(&t.seq, &t.field, &t.value) },
		"SELECT seq, field, value FROM audit_texts WHERE seq >= $1 AND seq < $2", from, until)
	out := map[int64]map[string]string{}
	for _, t := range rows {
		if out[t.seq] == nil {
			out[t.seq] = map[string]string{}
		}
		out[t.seq][t.field] = t.value
	}
	return out, err
}

// maxTail is how many entries that the index of words has not reached one page reads.
const maxTail = 1000

// unindexed finds among the entries that the index of words has not reached, and leaves the others to the filter.
func (r *Reader) unindexed(f *EntryFilter) (rows []EntryRow, back int64, err error) {
	if f.Words == "" {
		return nil, 0, nil
	}
	indexed, err := r.indexed()
	if err != nil || indexed >= f.before() {
		return nil, 0, err
	}
	size, err := r.LogSize()
	if err != nil {
		return nil, 0, err
	}
	tail := *f
	end := max(f.From, indexed)
	tail.Before = min(f.before(), size)
	tail.Words, tail.From, tail.Limit = "", max(end, tail.Before-maxTail), maxTail
	found, _, err := r.Search(tail)
	if err != nil {
		return nil, 0, err
	}
	asked := askedWords(f.Words)
	for _, e := range found {
		if len(rows) < f.Limit && hasWords(e.Texts, asked) {
			rows = append(rows, e)
		}
	}
	if len(rows) < f.Limit && tail.From > end {
		back = tail.From
	}
	f.Until = indexed
	return rows, back, nil
}

// ownWords finds among a person's own entries, of which one page reads at most maxTail.
func (r *Reader) ownWords(f EntryFilter) (rows []EntryRow, back int64, err error) {
	own := f
	own.Words, own.Limit = "", maxTail
	found, back, err := r.Search(own)
	if err != nil {
		return nil, 0, err
	}
	if len(found) == maxTail {
		back = found[maxTail-1].Seq
	}
	asked := askedWords(f.Words)
	for _, e := range found {
		if !hasWords(e.Texts, asked) {
			continue
		}
		if rows = append(rows, e); len(rows) == f.Limit {
			return rows, 0, nil
		}
	}
	return rows, back, nil
}

func hasWords(texts map[string]string, asked []string) bool {
	words := entryWords(texts)
	for _, a := range asked {
		if !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, a) }) {
			return false
		}
	}
	return len(asked) > 0
}

// Uncounted are the words of a search that do not count for all they mean: beginnings of so many words that they stand for
// those alone that come first, and those beyond the longest few, which are not looked for.
func (r *Reader) Uncounted(f EntryFilter) (short, left []string, err error) {
	asked := uniqueWords(f.Words)
	asked, left = asked[:min(len(asked), maxAsked)], asked[min(len(asked), maxAsked):]
	if f.Own { // read whole
		return nil, left, nil
	}
	for _, a := range asked {
		words, err := r.beginnings(a, maxBeginnings+1)
		if err != nil {
			return nil, nil, err
		}
		if len(words) > maxBeginnings {
			short = append(short, a)
		}
	}
	return short, left, nil
}

// wordFacets are the conditions of a search for words; nil: a word occurs nowhere. A beginning of very many words
// stands for those that come first and for itself as a word.
func (r *Reader) wordFacets(f EntryFilter) (facets []facet, err error) {
	for _, a := range askedWords(f.Words) {
		words, err := r.beginnings(a, maxBeginnings)
		if err != nil || len(words) == 0 {
			return nil, err
		}
		var c facet
		for _, w := range words {
			c.values = append(c.values, w)
			c.walks = append(c.walks, walk{"audit_words", "word = ?", []any{w}})
		}
		c.cond = "EXISTS (SELECT 1 FROM audit_words x WHERE x.seq = e.seq AND x.word IN (" + marks(len(words)) + "))"
		facets = append(facets, c)
	}
	return facets, nil
}

// beginnings lists words that begin so, by a few look-ups in the index.
func (r *Reader) beginnings(word string, limit int) ([]string, error) {
	return many(r, scanString, `WITH RECURSIVE t(word, n) AS (
		SELECT (SELECT MIN(word) FROM audit_words WHERE word >= $1 AND word < $2), 1 UNION ALL
		SELECT (SELECT MIN(word) FROM audit_words WHERE word > t.word AND word < $2), n + 1 FROM t WHERE t.word IS NOT NULL AND n < $3)
		SELECT word FROM t WHERE word IS NOT NULL`, word, word+"\U0010FFFF", limit)
}
