package demo

import (
	"errors"
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// truth is the three-valued result of a filter (RFC 4511 4.5.1.7): only yes selects an entry, and a test on an
// attribute type the directory does not know stays undefined under "not".
type truth int

const (
	no truth = iota
	undefined
	yes
)

// maxFilter bounds what a client may make the directory evaluate, in bytes.
const maxFilter = 16 << 10

var errFilter = errors.New("not a search filter (RFC 4515)")

// parseFilter reads the textual form of a filter.
func parseFilter(text string) (*ber.Packet, error) {
	if len(text) > maxFilter {
		return nil, errFilter
	}
	filter, err := ldap.CompileFilter(text)
	if err != nil || filter == nil {
		return nil, errFilter
	}
	return filter, nil
}

// evaluate tests one entry.
func evaluate(filter *ber.Packet, e *entry) truth {
	switch filter.Tag {
	case ldap.FilterAnd:
		result := yes // "and" of nothing is true (RFC 4526)
		for _, part := range filter.Children {
			result = min(result, evaluate(part, e))
		}
		return result
	case ldap.FilterOr:
		result := no
		for _, part := range filter.Children {
			result = max(result, evaluate(part, e))
		}
		return result
	case ldap.FilterNot:
		return yes - evaluate(filter.Children[0], e)
	case ldap.FilterPresent:
		name := text(filter)
		return test(name, func(syntax) truth { return claim(len(e.values(name)) > 0) })
	case ldap.FilterExtensibleMatch:
		return undefined // no matching rules beyond those of the attribute types
	default:
		return compare(filter, e)
	}
}

// compare tests an attribute against an asserted value.
func compare(filter *ber.Packet, e *entry) truth {
	if len(filter.Children) != 2 {
		return undefined
	}
	name, asserted := text(filter.Children[0]), filter.Children[1]
	return test(name, func(kind syntax) truth {
		switch filter.Tag {
		case ldap.FilterEqualityMatch, ldap.FilterApproxMatch:
			return equality(kind, e.values(name), text(asserted))
		case ldap.FilterSubstrings:
			return substring(kind, e.values(name), asserted.Children)
		case ldap.FilterGreaterOrEqual:
			return order(kind, e.values(name), func(v string) bool { return v >= fold(text(asserted)) })
		case ldap.FilterLessOrEqual:
			return order(kind, e.values(name), func(v string) bool { return v <= fold(text(asserted)) })
		default:
			return undefined
		}
	})
}

func test(name string, known func(syntax) truth) truth {
	kind, ok := schema[attributeType(name)]
	if !ok {
		return undefined
	}
	return known(kind)
}

func equality(kind syntax, values []string, asserted string) truth {
	want, err := matchKey(kind, asserted)
	if err != nil {
		return undefined
	}
	return claim(slices.ContainsFunc(values, func(v string) bool {
		have, err := matchKey(kind, v)
		return err == nil && have == want
	}))
}

func order(kind syntax, values []string, holds func(string) bool) truth {
	if kind != textSyntax {
		return undefined
	}
	return claim(slices.ContainsFunc(values, func(v string) bool { return holds(fold(v)) }))
}

func substring(kind syntax, values []string, parts []*ber.Packet) truth {
	if kind != textSyntax {
		return undefined
	}
	return claim(slices.ContainsFunc(values, func(v string) bool { return hasParts(fold(v), parts) }))
}

// hasParts finds initial, any and final parts in order, none overlapping another (caseIgnoreSubstringsMatch).
func hasParts(value string, parts []*ber.Packet) bool {
	for _, part := range parts {
		want := strings.ToLower(text(part))
		var found bool
		switch part.Tag {
		case ldap.FilterSubstringsInitial:
			value, found = strings.CutPrefix(value, want)
		case ldap.FilterSubstringsFinal:
			value, found = strings.CutSuffix(value, want)
		default:
			_, value, found = strings.Cut(value, want)
		}
		if !found {
			return false
		}
	}
	return true
}

// matchKey brings a value into the form in which equal values are equal strings.
func matchKey(kind syntax, value string) (string, error) {
	if kind != nameSyntax {
		return fold(value), nil
	}
	name, err := parseDN(value)
	return name.key(), err
}

func text(p *ber.Packet) string { return ber.DecodeString(p.Data.Bytes()) }

func claim(holds bool) truth {
	if holds {
		return yes
	}
	return no
}
