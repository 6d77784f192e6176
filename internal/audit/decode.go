package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// wire is the JSON shape of a leaf.
type wire struct {
	Actor       string            `json:"actor"`
	At          int64             `json:"at"`
	Commitments map[string]string `json:"commitments"`
	Correlation string            `json:"correlation"`
	Facts       map[string]any    `json:"facts"`
	Object      string            `json:"object"`
	Resource    string            `json:"resource"`
	Result      string            `json:"result"`
	Role        string            `json:"role"`
	Seq         int64             `json:"seq"`
	Subject     string            `json:"subject"`
	Target      string            `json:"target"`
	Type        string            `json:"type"`
	V           int               `json:"v"`
}

// Decode reads what Encode wrote and nothing else: the entry it returns encodes to the very same
// bytes, so duplicate keys, unknown fields, other spellings, other versions and trailing data are
// refused. Numbers in Facts come back as int64, lists as []string, objects as map[string]any.
func Decode(leaf []byte) (Entry, error) {
	if len(leaf) > MaxLeaf {
		return Entry{}, fmt.Errorf("audit leaf: %d bytes; at most %d are allowed", len(leaf), MaxLeaf)
	}
	dec := json.NewDecoder(bytes.NewReader(leaf))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	var w wire
	if err := dec.Decode(&w); err != nil {
		return Entry{}, fmt.Errorf("audit leaf: %w", err)
	}
	if w.V != leafVersion {
		return Entry{}, fmt.Errorf("audit leaf: version %d is not known here; a newer Stint may have written it", w.V)
	}
	facts, err := readFacts(w.Facts, 1)
	if err != nil {
		return Entry{}, fmt.Errorf("audit leaf: facts: %w", err)
	}
	e := Entry{
		Seq: w.Seq, At: time.UnixMicro(w.At).UTC(), Type: w.Type, Actor: w.Actor, Subject: w.Subject,
		RoleID: w.Role, ResourceID: w.Resource, TargetID: w.Target, ObjectID: w.Object,
		Correlation: w.Correlation, Result: w.Result, Facts: facts, Commitments: w.Commitments,
	}
	again, err := Encode(e)
	if err != nil {
		return Entry{}, err
	}
	if !bytes.Equal(again, leaf) { // encoding/json forgives case, duplicates and spacing; this does not
		return Entry{}, errors.New("audit leaf: not in canonical form")
	}
	return e, nil
}

func readFacts(m map[string]any, depth int) (map[string]any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	for k, v := range m {
		fact, err := readFact(v, depth)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", k, err)
		}
		m[k] = fact
	}
	return m, nil
}

func readFact(v any, depth int) (any, error) {
	switch v := v.(type) {
	case string, bool:
		return v, nil
	case json.Number:
		return v.Int64()
	case map[string]any:
		return readFacts(v, depth+1)
	case []any:
		list := make([]string, len(v))
		for i, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("item %d is not a string", i)
			}
			list[i] = s
		}
		return list, nil
	}
	return nil, errors.New("is null")
}
