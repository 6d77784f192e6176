package audit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Decode reads what Encode wrote and nothing else: the entry it returns encodes to the very same
// bytes, so duplicate keys, unknown fields, other spellings, other versions and trailing data are
// refused. Numbers in Facts come back as int64, lists as []string, objects as map[string]any.
func Decode(leaf []byte) (Entry, error) { return DecodeText(string(leaf)) }

// DecodeText is Decode of a leaf that is text already; what it returns keeps parts of it.
func DecodeText(leaf string) (Entry, error) {
	if len(leaf) > MaxLeaf {
		return Entry{}, fmt.Errorf("audit leaf: %d bytes; at most %d are allowed", len(leaf), MaxLeaf)
	}
	p := parser{rest: leaf}
	var e Entry
	version := int64(0)
	p.object(func(key string) { p.field(&e, &version, key) })
	switch {
	case p.err != nil:
		return Entry{}, fmt.Errorf("audit leaf: %w", p.err)
	case version != leafVersion:
		return Entry{}, fmt.Errorf("audit leaf: version %d is not known here; a newer Stint may have written it", version)
	}
	if err := writesAs(&e, leaf); err != nil { // the parser forgives order, duplicates and what follows; this does not
		return Entry{}, err
	}
	return e, nil
}

// rooms are where entries are written to be compared.
var rooms = sync.Pool{New: func() any { return new([]byte) }}

func writesAs(e *Entry, leaf string) error {
	room := rooms.Get().(*[]byte)
	defer rooms.Put(room)
	again, err := appendEntry((*room)[:0], e)
	if err != nil {
		return err
	}
	if *room = again; string(again) != leaf {
		return errNotCanonical
	}
	return nil
}

var errNotCanonical = errors.New("audit leaf: not in canonical form")

// parser reads the JSON that Encode writes and is faster than encoding/json: verifying a million
// entries is a promise (THREATS §7). What it lets through wrongly, encoding again finds.
type parser struct {
	rest string
	err  error
}

func (p *parser) field(e *Entry, version *int64, key string) {
	switch key {
	case "at":
		e.At = time.UnixMicro(p.number()).UTC()
	case "seq":
		e.Seq = p.number()
	case "v":
		*version = p.number()
	case "facts":
		e.Facts = p.facts(1)
	case "commitments":
		e.Commitments = map[string]string{}
		p.object(func(field string) { e.Commitments[field] = p.text() })
	default:
		if text := textField(e, key); text != nil {
			*text = p.text()
			return
		}
		p.fail("unknown field %q", key)
	}
}

func textField(e *Entry, key string) *string {
	switch key {
	case "actor":
		return &e.Actor
	case "correlation":
		return &e.Correlation
	case "object":
		return &e.ObjectID
	case "resource":
		return &e.ResourceID
	case "result":
		return &e.Result
	case "role":
		return &e.RoleID
	case "subject":
		return &e.Subject
	case "target":
		return &e.TargetID
	case "type":
		return &e.Type
	}
	return nil
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	p.rest = "" // every reader stops at the end
}

// take eats c when it is next.
func (p *parser) take(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *parser) expect(c byte) {
	if !p.take(c) {
		p.fail("a %q is missing", c)
	}
}

// object calls member at each value, which must read it.
func (p *parser) object(member func(key string)) {
	p.expect('{')
	if p.take('}') {
		return
	}
	for more := true; more && p.err == nil; more = p.take(',') {
		key := p.text()
		p.expect(':')
		member(key)
	}
	p.expect('}')
}

func (p *parser) facts(depth int) map[string]any {
	m := map[string]any{}
	if depth > maxDepth {
		p.fail("facts are nested deeper than %d", maxDepth)
		return m
	}
	p.object(func(key string) { m[key] = p.fact(depth) })
	return m
}

func (p *parser) fact(depth int) any {
	switch {
	case p.rest == "":
		p.fail("a value is missing")
	case p.rest[0] == '"':
		return p.text()
	case p.rest[0] == '{':
		return p.facts(depth + 1)
	case p.rest[0] == '[':
		return p.list()
	case strings.HasPrefix(p.rest, "true"):
		p.rest = p.rest[len("true"):]
		return true
	case strings.HasPrefix(p.rest, "false"):
		p.rest = p.rest[len("false"):]
		return false
	}
	return p.number()
}

func (p *parser) list() []string {
	p.expect('[')
	list := []string{}
	if p.take(']') {
		return list
	}
	for more := true; more && p.err == nil; more = p.take(',') {
		list = append(list, p.text())
	}
	p.expect(']')
	return list
}

func (p *parser) number() int64 {
	end := 0
	for end < len(p.rest) && (p.rest[end] == '-' || '0' <= p.rest[end] && p.rest[end] <= '9') {
		end++
	}
	n, err := strconv.ParseInt(p.rest[:end], 10, 64)
	if err != nil {
		p.fail("a whole number is missing")
		return 0
	}
	p.rest = p.rest[end:]
	return n
}

func (p *parser) text() string {
	p.expect('"')
	end, escaped := 0, false
	for end < len(p.rest) && p.rest[end] != '"' {
		if p.rest[end] == '\\' {
			escaped = true
			end++
		}
		end++
	}
	if end >= len(p.rest) {
		p.fail("a text does not end")
		return ""
	}
	s := p.rest[:end]
	p.rest = p.rest[end+1:]
	if escaped { // every escape of the canonical form means the same in Go
		var err error
		if s, err = strconv.Unquote(`"` + s + `"`); err != nil {
			p.fail("a text has a wrong escape")
		}
	}
	return s
}
