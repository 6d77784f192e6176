package demo

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"
)

// distinguishedName is a DN made comparable: one normalised string for each relative name, the entry's own first.
type distinguishedName []string

var (
	errDN         = errors.New("not a distinguished name (RFC 4514)")
	attributeName = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)*)$`)
)

// aliases are other names of attribute types that DNs are made of (RFC 4519).
var aliases = map[string]string{
	"commonname": "cn", "2.5.4.3": "cn", "surname": "sn", "2.5.4.4": "sn", "userid": "uid", "0.9.2342.19200300.100.1.1": "uid",
	"organizationname": "o", "2.5.4.10": "o", "organizationalunitname": "ou", "2.5.4.11": "ou",
	"domaincomponent": "dc", "0.9.2342.19200300.100.1.25": "dc",
}

// attributeType is the one name of an attribute type, in lower case.
func attributeType(name string) string {
	name = strings.ToLower(name)
	return cmp.Or(aliases[name], name)
}

// parseDN normalises case, insignificant spaces, escapes and the order within multi-valued names, so that two
// spellings of one DN are equal (RFC 4514, RFC 4518; distinguishedNameMatch of RFC 4517 4.2.15).
func parseDN(text string) (distinguishedName, error) {
	if !utf8.ValidString(text) {
		return nil, errDN
	}
	parsed, err := ldap.ParseDN(text)
	if err != nil {
		return nil, errDN
	}
	names := make(distinguishedName, 0, len(parsed.RDNs))
	for _, rdn := range parsed.RDNs {
		for _, part := range rdn.Attributes {
			if !attributeName.MatchString(part.Type) || !utf8.ValidString(part.Value) {
				return nil, errDN
			}
			part.Type, part.Value = attributeType(part.Type), fold(part.Value)
		}
		names = append(names, rdn.String())
	}
	return names, nil
}

// key is the DN as one comparable string.
func (n distinguishedName) key() string { return strings.Join(n, ",") }

// within says whether n lies in the part of the tree that a search from base with this scope looks at.
func (n distinguishedName) within(base distinguishedName, scope int64) bool {
	depth := len(n) - len(base)
	if depth < 0 || n[depth:].key() != base.key() {
		return false
	}
	switch scope {
	case ldap.ScopeBaseObject:
		return depth == 0
	case ldap.ScopeSingleLevel:
		return depth == 1
	default:
		return true
	}
}

// fold prepares a text for caseIgnoreMatch (RFC 4518): one case, no outer spaces, single inner ones.
func fold(text string) string { return strings.Join(strings.Fields(strings.ToLower(text)), " ") }
