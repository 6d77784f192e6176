package demo

import (
	"slices"
	"strings"
)

// An entry is one object of the directory. It is never changed once it is in a tree: a change makes a new one.
type entry struct {
	DN    string      `json:"dn"`
	ID    string      `json:"entryUUID"`
	Attrs []attribute `json:"attributes"`

	name     distinguishedName // DN, normalised
	position int               // in the tree, which only grows
}

type attribute struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// syntax says how the values of an attribute type compare.
type syntax int

const (
	textSyntax syntax = iota // caseIgnoreMatch, with substrings
	nameSyntax               // distinguishedNameMatch
	idSyntax                 // objectIdentifierMatch, uuidMatch: any case, no substrings
)

// schema lists every attribute type this directory knows; a filter on any other is Undefined (RFC 4511 4.5.1.7).
var schema = map[string]syntax{
	"objectclass": idSyntax, "entryuuid": idSyntax, "entrydn": nameSyntax, "member": nameSyntax, "owner": nameSyntax,
	"cn": textSyntax, "sn": textSyntax, "givenname": textSyntax, "displayname": textSyntax, "uid": textSyntax,
	"mail": textSyntax, "title": textSyntax, "departmentnumber": textSyntax, "ou": textSyntax, "o": textSyntax,
	"dc": textSyntax, "description": textSyntax, "employeetype": textSyntax,
}

// operational attributes are sent only when asked for by name or with "+" (RFC 3673).
func (e *entry) operational() []attribute {
	if e.ID == "" { // the root DSE is no entry
		return nil
	}
	return []attribute{{"entryUUID", []string{e.ID}}, {"entryDN", []string{e.DN}}}
}

// values returns the values of one attribute, asked for by any of its names.
func (e *entry) values(name string) []string {
	for _, a := range slices.Concat(e.Attrs, e.operational()) {
		if strings.ToLower(a.Name) == attributeType(name) {
			return a.Values
		}
	}
	return nil
}

// selectAttributes answers a search's attribute list (RFC 4511 4.5.1.8): none or "*" is every user attribute, "+" the
// operational ones, "1.1" none.
func (e *entry) selectAttributes(wanted []string, typesOnly bool) []attribute {
	asked := func(name string) bool {
		return slices.ContainsFunc(wanted, func(w string) bool { return attributeType(w) == strings.ToLower(name) })
	}
	var chosen []attribute
	for _, a := range e.Attrs {
		if len(wanted) == 0 || asked("*") || asked(a.Name) {
			chosen = append(chosen, a)
		}
	}
	for _, a := range e.operational() {
		if asked("+") || asked(a.Name) {
			chosen = append(chosen, a)
		}
	}
	if typesOnly {
		for i := range chosen {
			chosen[i].Values = nil
		}
	}
	return chosen
}

// isGroup says whether members and owners can be written to the entry.
func (e *entry) isGroup() bool {
	return slices.ContainsFunc(e.values("objectClass"), func(c string) bool { return strings.EqualFold(c, "groupOfNames") })
}

// with returns a copy of the entry whose attribute has these values; without values it has none.
func (e *entry) with(name string, values []string) *entry {
	changed := *e
	changed.Attrs = slices.Clone(e.Attrs)
	at := slices.IndexFunc(changed.Attrs, func(a attribute) bool { return a.Name == name })
	if at < 0 {
		at, changed.Attrs = len(changed.Attrs), append(changed.Attrs, attribute{Name: name})
	}
	if changed.Attrs[at].Values = values; len(values) == 0 {
		changed.Attrs = slices.Delete(changed.Attrs, at, at+1)
	}
	return &changed
}
