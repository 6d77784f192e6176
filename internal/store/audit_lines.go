package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Line is an entry as a file takes it: the exact leaf, not decoded, and the texts that are kept beside it.
type Line struct {
	Seq   int64
	Leaf  string
	Texts []LineText // by field
}

// LineText is a personal text of an entry.
type LineText struct{ Field, Value string }

// linesScanned scans into the same places again and again: what each line needs of its own is its text.
func linesScanned() func(row) (Line, error) {
	var l Line
	dest := []any{&l.Seq, &l.Leaf}
	return func(r row) (Line, error) { err := r.Scan(dest...); return l, err }
}

// Lines are the next entries of a search, newest first, at most limit. before is where to go on from (EntryFilter.Before),
// 0 at the end: each call is bounded work, so that a long file is read from many short snapshots (THREATS T31).
func (r *Reader) Lines(f EntryFilter, limit int) (lines []Line, before int64, err error) {
	f.Limit = limit
	own := f.Own && f.Words != "" // read whole, as Rows does
	var rows []EntryRow
	if own {
		rows, before, err = r.ownWords(f)
	} else {
		rows, before, err = r.unindexed(&f)
	}
	if err != nil {
		return nil, 0, err
	}
	for _, e := range rows {
		lines = append(lines, e.line())
	}
	if !own && before == 0 && len(lines) < limit {
		found, back, err := r.walkedLines(f, limit-len(lines))
		if err != nil {
			return nil, 0, err
		}
		lines, before = append(lines, found...), back
	}
	if len(lines) == limit {
		before = lines[limit-1].Seq
	}
	return lines, before, nil
}

func (e EntryRow) line() Line {
	l := Line{Seq: e.Seq, Leaf: string(e.Leaf)}
	for _, field := range slices.Sorted(maps.Keys(e.Texts)) {
		l.Texts = append(l.Texts, LineText{field, e.Texts[field]})
	}
	return l
}

func (r *Reader) walkedLines(f EntryFilter, limit int) (lines []Line, back int64, err error) {
	p, err := r.plan(f)
	if err != nil || p.none {
		return nil, 0, err
	}
	if p.whole() {
		lines, err = manyOf(r, limit, linesScanned(), "SELECT seq, leaf FROM audit_entries WHERE seq >= $1 AND seq < $2 ORDER BY seq DESC LIMIT $3", f.From, f.before(), limit)
	} else {
		lines, back, err = walked(r, p, f, limit, maxCandidates, linesScanned())
	}
	if err != nil {
		return nil, 0, err
	}
	return lines, back, r.fillLines(lines)
}

type lineText struct {
	seq int64
	LineText
}

// joinedLineTexts reads texts joined, or errOdd.
func (r *Reader) joinedLineTexts(cond string, room int, args []any) ([]lineText, error) {
	var t lineText
	var joined *string
	dest := []any{&t.seq, &joined}
	return manyOf(r, room, func(r row) (lineText, error) {
		err := r.Scan(dest...)
		if err == nil {
			err = apart(joined, &t.Field, &t.Value)
		}
		return t, err
	}, "SELECT seq, field || '"+unit+"' || value FROM audit_texts WHERE "+cond+" ORDER BY seq DESC, field", args...)
}

func (r *Reader) lineTexts(cond string, room int, args []any) ([]lineText, error) {
	texts, err := r.joinedLineTexts(cond, room, args)
	if !errors.Is(err, errOdd) {
		return texts, err
	}
	return many(r, func(r row) (t lineText, err error) { return t, r.Scan(&t.seq, &t.Field, &t.Value) },
		"SELECT seq, field, value FROM audit_texts WHERE "+cond+" ORDER BY seq DESC, field", args...)
}

// fillLines reads the texts of lines that are in order, newest first: of neighbours at once, of others by number.
func (r *Reader) fillLines(lines []Line) error {
	const few = 512
	for at := 0; at < len(lines); {
		end := min(len(lines), at+few)
		if first, last := lines[0].Seq, lines[len(lines)-1].Seq; first-last < 2*int64(len(lines)) {
			end = len(lines)
		}
		some := lines[at:end]
		cond, args := between(some)
		texts, err := r.lineTexts(cond, len(some), args)
		if err != nil {
			return err
		}
		give(some, texts)
		at = end
	}
	return nil
}

// between finds the texts of lines: all of a span, or those of each number. The last number of a short list is repeated,
// so that few texts of the query are enough.
func between(lines []Line) (cond string, args []any) {
	first, last := lines[0].Seq, lines[len(lines)-1].Seq
	if first-last < 2*int64(len(lines)) {
		return "seq >= $1 AND seq <= $2", []any{last, first}
	}
	marks := make([]string, lengthOf(len(lines)))
	for i := range marks {
		args = append(args, lines[min(i, len(lines)-1)].Seq)
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	return "seq IN (" + strings.Join(marks, ", ") + ")", args
}

// give hands texts to their lines; both are newest first.
func give(lines []Line, texts []lineText) {
	at, all := 0, make([]LineText, len(texts))
	for i, t := range texts {
		all[i] = t.LineText
	}
	for i := range lines {
		for at < len(texts) && texts[at].seq > lines[i].Seq {
			at++ // between two lines
		}
		from := at
		for at < len(texts) && texts[at].seq == lines[i].Seq {
			at++
		}
		if at > from {
			lines[i].Texts = all[from:at:at]
		}
	}
}
