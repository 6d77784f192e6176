package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
)

// An export is the log as lines of text, each in canonical JSON:
//
//	{"entries":2,"format":"stint-audit-export","origin":"stint.example/stint/audit","v":1}
//	{"actor":…,"seq":0,…}                       the exact bytes that are hashed
//	{"actor":…,"seq":1,…}
//	{"checkpoint":"stint.example/…\n2\n…\n\n— stint.example/… …\n"}   signed over the entries above it
//
// It ends with a checkpoint over all of its entries, so that nothing can be cut off, changed or added without the key;
// who has the key, or gives an older export for a newer one, is found with a remembered checkpoint.
const (
	exportFormat   = "stint-audit-export"
	checkpointLine = `{"checkpoint":`
	maxLine        = 6*maxNote + 64 // the longest spelling of a checkpoint
)

// WriteExport writes an export of the first size entries. checkpoints come by size; the last one is over all of them.
func WriteExport(w io.Writer, origin string, size int64, leaves iter.Seq2[[]byte, error], checkpoints iter.Seq2[StoredCheckpoint, error]) error {
	next, stop := pull(checkpoints)
	defer stop()
	b := bufio.NewWriterSize(w, 64<<10)
	if _, err := b.Write(headLine(origin, size)); err != nil {
		return err
	}
	n := int64(0)
	c, err, more := next()
	for leaf, readErr := range leaves {
		if err = errors.Join(err, readErr); err != nil {
			return err
		}
		if bytes.IndexByte(leaf, '\n') >= 0 {
			return fmt.Errorf("entry %d holds a line's end, which no entry does; run stint audit verify", n)
		}
		if _, err := b.Write(leaf); err != nil {
			return err
		}
		if err := b.WriteByte('\n'); err != nil {
			return err
		}
		for n++; more && c.Size <= n && err == nil; c, err, more = next() {
			if _, err := b.Write(append(appendString([]byte(checkpointLine), string(c.Note)), '}', '\n')); err != nil {
				return err
			}
		}
	}
	if n != size {
		err = errors.Join(err, fmt.Errorf("of %d signed entries only %d are there; run stint audit verify", size, n))
	}
	return errors.Join(err, b.Flush())
}

func headLine(origin string, size int64) []byte {
	b := appendInt([]byte(`{"entries":`), size)
	b = appendText(append(b, ','), "format", exportFormat)
	b = appendText(append(b, ','), "origin", origin)
	return append(appendInt(append(b, `,"v":`...), leafVersion), '}', '\n')
}

// ReadExport is the log in an export, for Verify; the caller sets VKeys. It reads the text three times, a line at a time: at
// once, when Entries is read, and beside that for Checkpoints.
func ReadExport(r io.ReaderAt) (Log, error) {
	l := Log{Bare: true, Entries: exportEntries(r), Checkpoints: exportCheckpoints(r)}
	n := int64(-1) // the line before the first entry
	for line, err := range lines(r) {
		switch {
		case err != nil:
			return l, fmt.Errorf("the export cannot be read after entry %d: %w", n-1, err)
		case n < 0:
			if l.Origin, l.Size, err = readHeadLine(line); err != nil {
				return l, err
			}
			n++
		case !isCheckpoint(line):
			n++
		}
	}
	if n < 0 {
		return l, errNoExport
	}
	return l, nil
}

func isCheckpoint(line []byte) bool { return bytes.HasPrefix(line, []byte(checkpointLine)) }

// exportCheckpoints yields each with the number of entries above it.
func exportCheckpoints(r io.ReaderAt) iter.Seq2[StoredCheckpoint, error] {
	return func(yield func(StoredCheckpoint, error) bool) {
		n := int64(-1)
		for line, err := range lines(r) {
			if err == nil && (n < 0 || !isCheckpoint(line)) {
				n++
				continue
			}
			if !yield(StoredCheckpoint{n, noteIn(line)}, err) || err != nil {
				return
			}
		}
	}
}

var errNoExport = errors.New("this is no export of an audit log: its first line is not one that stint audit export writes")

func readHeadLine(line []byte) (origin string, size int64, err error) {
	p := parser{rest: string(line)}
	p.object(func(key string) {
		switch key {
		case "entries":
			size = p.number()
		case "origin":
			origin = p.text()
		case "format":
			_ = p.text()
		case "v":
			_ = p.number()
		default:
			p.fail("unknown field %q", key)
		}
	})
	if p.err != nil || size < 0 || string(headLine(origin, size)) != string(line)+"\n" {
		return "", 0, errNoExport
	}
	return origin, size, nil
}

// noteIn is the signed note of a line, or nil when it is not spelt as it must be.
func noteIn(line []byte) []byte {
	p, note := parser{rest: string(line)}, ""
	p.object(func(string) { note = p.text() })
	if p.err != nil || string(appendString([]byte(checkpointLine), note))+"}" != string(line) {
		return nil
	}
	return []byte(note)
}

func exportEntries(r io.ReaderAt) iter.Seq2[StoredEntry, error] {
	return func(yield func(StoredEntry, error) bool) {
		head := true
		for line, err := range lines(r) {
			if skip := err == nil && (head || isCheckpoint(line)); skip {
				head = false
				continue
			}
			if !yield(StoredEntry{Leaf: bytes.Clone(line)}, err) || err != nil {
				return
			}
		}
	}
}

// lines yields the lines of a text from its beginning; a line is good until the next one.
func lines(r io.ReaderAt) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		s := bufio.NewScanner(io.NewSectionReader(r, 0, math.MaxInt64))
		s.Buffer(make([]byte, 0, 64<<10), maxLine)
		s.Split(exactLines)
		for s.Scan() {
			if !yield(s.Bytes(), nil) {
				return
			}
		}
		if err := s.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// exactLines is bufio.ScanLines without its mercy on carriage returns: every byte of a line is hashed.
func exactLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}
