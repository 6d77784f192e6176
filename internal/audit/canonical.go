package audit

import (
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// The encoder is written out instead of taken from encoding/json because the bytes are signed for
// ever: Go 1.22 changed how \b and \f are escaped, and a leaf must not change with the compiler.

const (
	maxInt   = 1<<53 - 1 // RFC 7493 §2.2: exact in every JSON reader
	maxKey   = 128
	maxDepth = 4
)

// validKey keeps keys to printable ASCII, where the UTF-16 order of RFC 8785 is the order of bytes.
func validKey(k string) bool {
	for i := range len(k) {
		if k[i] < 0x20 || k[i] > 0x7e || k[i] == '"' || k[i] == '\\' {
			return false
		}
	}
	return k != "" && len(k) <= maxKey
}

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

func appendText(b []byte, key, value string) []byte {
	return appendString(append(appendString(b, key), ':'), value)
}

func appendOptional(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	return appendText(append(b, ','), key, value)
}

// appendString writes s as RFC 8785 §3.2.2.2 says; s is valid UTF-8.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= 0x20:
			b = append(b, c)
		case c == '\b':
			b = append(b, `\b`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\f':
			b = append(b, `\f`...)
		case c == '\r':
			b = append(b, `\r`...)
		default:
			b = fmt.Appendf(b, `\u%04x`, c)
		}
	}
	return append(b, '"')
}

// keysOf returns the keys in order, in room while they fit.
func keysOf[V any](m map[string]V, room []string) []string {
	for k := range m {
		room = append(room, k)
	}
	slices.Sort(room)
	return room
}

func appendStrings(b []byte, m map[string]string) []byte {
	b = append(b, '{')
	var room [16]string
	for i, k := range keysOf(m, room[:0]) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, k, m[k])
	}
	return append(b, '}')
}

// badFact is a fact that cannot be written.
type badFact struct{ path, what string }

func (f *badFact) at(name string) *badFact {
	f.path = name + f.path
	return f
}

func (f *badFact) Error() string { return "audit entry: " + f.path + " " + f.what }

func appendFacts(b []byte, m map[string]any, depth int) ([]byte, *badFact) {
	if depth > maxDepth {
		return nil, &badFact{"", fmt.Sprintf("is nested deeper than %d", maxDepth)}
	}
	b = append(b, '{')
	var room [16]string
	for i, k := range keysOf(m, room[:0]) {
		if !validKey(k) {
			return nil, &badFact{"", fmt.Sprintf("has the key %q; keys are 1 to %d printable ASCII characters without quote and backslash", k, maxKey)}
		}
		if i > 0 {
			b = append(b, ',')
		}
		var bad *badFact
		if b, bad = appendFact(append(appendString(b, k), ':'), m[k], depth); bad != nil {
			return nil, bad.at("." + k)
		}
	}
	return append(b, '}'), nil
}

func appendFact(b []byte, v any, depth int) ([]byte, *badFact) {
	switch v := v.(type) {
	case string:
		if !utf8.ValidString(v) {
			return nil, &badFact{"", "is not UTF-8"}
		}
		return appendString(b, v), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int:
		return appendFact(b, int64(v), depth)
	case int64:
		if v < -maxInt || v > maxInt {
			return nil, &badFact{"", "is beyond ±(2^53-1); write it as a string"}
		}
		return appendInt(b, v), nil
	case []string:
		return appendList(b, v)
	case map[string]string:
		m := make(map[string]any, len(v))
		for k, s := range v {
			m[k] = s
		}
		return appendFacts(b, m, depth+1)
	case map[string]any:
		return appendFacts(b, v, depth+1)
	}
	return nil, &badFact{"", fmt.Sprintf("is a %T; string, int64, bool, []string and maps of these are allowed", v)}
}

func appendList(b []byte, list []string) ([]byte, *badFact) {
	b = append(b, '[')
	for i, s := range list {
		if !utf8.ValidString(s) {
			return nil, &badFact{fmt.Sprintf("[%d]", i), "is not UTF-8"}
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']'), nil
}
