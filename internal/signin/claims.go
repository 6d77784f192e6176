package signin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"time"
	"unicode"
)

// claims is a JSON object by exact member names; numbers stay text, so that long ids keep every digit.
type claims map[string]any

// UnmarshalJSON accepts one object and nothing after it.
func (c *claims) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return err
	}
	if _, err := d.Token(); m == nil || !errors.Is(err, io.EOF) {
		return errors.New("claims must be one JSON object")
	}
	*c = m
	return nil
}

func (c claims) has(name string) bool {
	_, ok := c[name]
	return ok
}

// text returns the claim when it is a string, otherwise "".
func (c claims) text(name string) string {
	s, _ := c[name].(string)
	return s
}

// list returns a claim that is a string or an array of strings; false when it is absent or anything else.
func (c claims) list(name string) ([]string, bool) {
	switch v := c[name].(type) {
	case string:
		return []string{v}, true
	case []any:
		out := make([]string, len(v))
		for i, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, false
			}
			out[i] = s
		}
		return out, true
	}
	return nil, false
}

// time returns a NumericDate (RFC 7519 §2) between 1970 and 9999.
func (c claims) time(name string) (time.Time, bool) {
	n, ok := c[name].(json.Number)
	if !ok {
		return time.Time{}, false
	}
	seconds, err := n.Float64()
	if err != nil || seconds <= 0 || seconds > 253402300799 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0).UTC(), true
}

func isControl(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }
