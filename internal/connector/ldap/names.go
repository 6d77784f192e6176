package ldap

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	goldap "github.com/go-ldap/ldap/v3"
	"golang.org/x/text/unicode/norm"

	"stint/internal/connector"
)

// maxName is the longest name or DN looked up, in bytes.
const maxName = 1024

// checkName refuses what is no name before it reaches the network: NUL and other controls, invisible and
// direction-changing characters, broken UTF-8 (THREATS T22).
func checkName(name string) (string, error) {
	switch {
	case strings.TrimSpace(name) == "":
		return "", connector.Errorf(connector.Refused, "the name is empty")
	case len(name) > maxName:
		return "", connector.Errorf(connector.Refused, "the name is longer than %d bytes", maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, invisible):
		return "", connector.Errorf(connector.Refused, "the name %q holds characters that cannot be seen", name)
	case strings.ContainsFunc(name, disguised):
		return "", connector.Errorf(connector.Refused, "the name %q holds a look-alike of a plain character", name)
	}
	return norm.NFC.String(name), nil
}

func invisible(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp)
}

// disguised characters, such as the Kelvin sign, become ASCII by mere composition.
func disguised(r rune) bool {
	return r >= utf8.RuneSelf && norm.NFC.String(string(r))[0] < utf8.RuneSelf
}

// sameName reports whether two names differ in nothing but case and Unicode composition.
func sameName(a, b string) bool { return fold(a) == fold(b) }

// fold lowers case without ever turning another script's letter into ASCII: to strings.EqualFold the Kelvin sign is
// a k and the long s an s.
func fold(s string) string {
	s = strings.Map(func(r rune) rune {
		if disguised(r) {
			return utf8.RuneError
		}
		return r
	}, s)
	return strings.Map(func(r rune) rune {
		if l := unicode.ToLower(r); l < utf8.RuneSelf == (r < utf8.RuneSelf) {
			return l
		}
		return r
	}, norm.NFC.String(s))
}

// dn is a parsed DN in comparable form: one string an RDN, leaf first.
type dn []string

// attributeAliases are the attribute types people write in more than one way in DNs (RFC 4519 §2).
var attributeAliases = map[string]string{
	"commonname": "cn", "organizationalunitname": "ou", "organizationname": "o", "domaincomponent": "dc",
	"userid": "uid", "2.5.4.3": "cn", "2.5.4.11": "ou", "2.5.4.10": "o",
	"0.9.2342.19200300.100.1.25": "dc", "0.9.2342.19200300.100.1.1": "uid",
}

// attributeType is a short name or a numeric OID (RFC 4512 §1.4).
var attributeType = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)*)$`)

// parseDN reads a DN (RFC 4514) of at least one RDN. Two spellings of one DN come out equal.
func parseDN(s string) (dn, error) {
	if !utf8.ValidString(s) {
		return nil, errors.New("not UTF-8")
	}
	parsed, err := goldap.ParseDN(s)
	if err != nil {
		return nil, err
	}
	if len(parsed.RDNs) == 0 {
		return nil, errors.New("empty")
	}
	out := make(dn, len(parsed.RDNs))
	for i, rdn := range parsed.RDNs {
		parts := make([]string, len(rdn.Attributes))
		for j, a := range rdn.Attributes {
			if !attributeType.MatchString(a.Type) {
				return nil, errors.New("not an attribute's name: " + a.Type)
			}
			parts[j] = rdnPart(a.Type, a.Value)
		}
		slices.Sort(parts)
		out[i] = strings.Join(parts, "+")
	}
	return out, nil
}

// rdnPart escapes the value, so that what joins the parts cannot occur in them.
func rdnPart(typ, value string) string {
	typ = strings.ToLower(typ)
	if short, ok := attributeAliases[typ]; ok {
		typ = short
	}
	return typ + "=" + goldap.EscapeDN(fold(value))
}

func sameDN(a, b string) bool {
	x, errX := parseDN(a)
	y, errY := parseDN(b)
	return errX == nil && errY == nil && slices.Equal(x, y)
}

// under reports whether d lies anywhere beneath base.
func (d dn) under(base dn) bool {
	return len(d) > len(base) && slices.Equal(d[len(d)-len(base):], base)
}

// leafValue is the value of a DN's own RDN, unescaped; "" when it has several parts.
func leafValue(s string) string {
	parsed, err := goldap.ParseDN(s)
	if err != nil || len(parsed.RDNs) == 0 || len(parsed.RDNs[0].Attributes) != 1 {
		return ""
	}
	return parsed.RDNs[0].Attributes[0].Value
}

// isDN tells a DN from a bare name.
func isDN(s string) bool {
	_, err := parseDN(s)
	return err == nil
}

// equals is the filter (attribute=value).
func equals(attribute, value string) string {
	return "(" + attribute + "=" + goldap.EscapeFilter(value) + ")"
}

// contains is the filter (attribute=*part*).
func contains(attribute, part string) string {
	return "(" + attribute + "=*" + goldap.EscapeFilter(part) + "*)"
}
