package ldap

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"stint/internal/connector"
)

type flavour string

const (
	openLDAP        flavour = "openldap"
	activeDirectory flavour = "ad"
)

type membership string

const (
	byMember       membership = "member"       // groupOfNames and Active Directory: the member's DN
	byUniqueMember membership = "uniqueMember" // groupOfUniqueNames: the member's DN
	byMemberUID    membership = "memberUid"    // posixGroup: the member's uid
)

// settings is a target's plain settings, checked. The names in the file are those of the fields array below.
type settings struct {
	addresses        []*url.URL
	startTLS         bool
	caFile           string
	allowPlaintext   bool
	bindDN           string
	baseDN           string
	flavour          flavour
	membership       membership
	accountAttribute string
	fillerDN         string
	readDelay        time.Duration
}

var fields = []string{
	"address", "start_tls", "ca_file", "allow_plaintext", "bind_dn", "base_dn", "flavour", "membership",
	"account_attribute", "filler_dn", "read_delay", connector.MayWrite,
}

// adReadDelay is how late a second domain controller of the same site may be (two default notification intervals of
// 15 s); it matters only when the controller that was written has since been lost.
const adReadDelay = 30 * time.Second

// validate is connector.Factory.Validate.
func validate(plain map[string]string) error {
	_, err := parse(plain)
	return err
}

func parse(plain map[string]string) (settings, error) {
	p := parser{plain: plain}
	p.onlyKnown()
	s := settings{
		startTLS:       p.boolean("start_tls"),
		allowPlaintext: p.boolean("allow_plaintext"),
		caFile:         plain["ca_file"],
		flavour:        flavour(p.choice("flavour", string(openLDAP), string(activeDirectory))),
		membership:     membership(p.choice("membership", string(byMember), string(byMemberUID), string(byUniqueMember))),
		baseDN:         p.dn("base_dn", ""),
		readDelay:      p.duration("read_delay"),
	}
	s.addresses = p.addresses("address", s.startTLS, s.allowPlaintext)
	s.bindDN = p.bindDN("bind_dn", s.flavour)
	s.accountAttribute = p.attribute("account_attribute", s.flavour)
	s.fillerDN = p.dn("filler_dn", "cn=stint-filler,"+s.baseDN)
	if s.flavour == activeDirectory {
		if s.membership != byMember {
			p.fail("membership", "Active Directory groups have member only")
		}
		s.readDelay = max(s.readDelay, adReadDelay)
	}
	if _, set := plain["filler_dn"]; set && (s.flavour == activeDirectory || s.membership == byMemberUID) {
		p.fail("filler_dn", "only groups that may not be empty need one (flavour openldap with member or uniqueMember)")
	}
	p.mayWrite(connector.MayWrite)
	return s, p.err
}

// parser reads settings and keeps the first fault.
type parser struct {
	plain map[string]string
	err   error
}

func (p *parser) fail(field, message string) {
	if p.err == nil {
		p.err = &connector.FieldError{Field: field, Message: message}
	}
}

func (p *parser) onlyKnown() {
	known := map[string]bool{}
	for _, f := range fields {
		known[f] = true
	}
	for f := range p.plain {
		if !known[f] {
			p.fail(f, "unknown setting of an LDAP target; known: "+strings.Join(fields, ", "))
		}
	}
}

func (p *parser) boolean(field string) bool {
	switch v := p.plain[field]; v {
	case "", "false":
		return false
	case "true":
		return true
	default:
		p.fail(field, "true or false, not "+strconv.Quote(v))
		return false
	}
}

// choice returns the field's value, the first allowed one when it is left out.
func (p *parser) choice(field string, allowed ...string) string {
	v := p.plain[field]
	if v == "" {
		return allowed[0]
	}
	for _, a := range allowed {
		if v == a {
			return v
		}
	}
	p.fail(field, "one of "+strings.Join(allowed, ", ")+", not "+strconv.Quote(v))
	return allowed[0]
}

func (p *parser) duration(field string) time.Duration {
	v := p.plain[field]
	if v == "" {
		return 0
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 || d > time.Hour {
		p.fail(field, "a duration from 0s to 1h, such as 15s, not "+strconv.Quote(v))
		return 0
	}
	return d
}

func (p *parser) dn(field, fallback string) string {
	v := p.plain[field]
	if v == "" {
		v = fallback
	}
	if v == "" {
		p.fail(field, "needed: a distinguished name such as dc=example,dc=org")
		return v
	}
	if _, err := parseDN(v); err != nil {
		p.fail(field, "not a distinguished name (such as dc=example,dc=org): "+strconv.Quote(v))
	}
	return v
}

// bindDN also takes what Active Directory binds with besides a DN: user@domain and DOMAIN\user.
func (p *parser) bindDN(field string, f flavour) string {
	v := p.plain[field]
	if f == activeDirectory && !strings.Contains(v, "=") && strings.ContainsAny(v, `@\`) {
		return v
	}
	return p.dn(field, "")
}

func (p *parser) attribute(field string, f flavour) string {
	v := p.plain[field]
	if v == "" {
		if f == activeDirectory {
			return "sAMAccountName"
		}
		return "uid"
	}
	for i, r := range v {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || (r < '0' || r > '9') && r != '-') {
			p.fail(field, "an attribute's name such as uid, mail or sAMAccountName, not "+strconv.Quote(v))
			break
		}
	}
	return v
}

// mayWrite refuses a mistyped DN, which would otherwise pass for a name that nothing has.
func (p *parser) mayWrite(field string) {
	for _, line := range connector.Lines(p.plain[field]) {
		dn := strings.TrimPrefix(line, "*,")
		if strings.Contains(dn, "=") && !isDN(dn) {
			p.fail(field, "a group's name, its DN, or *,DN for all beneath; not "+strconv.Quote(line))
		}
	}
}

func (p *parser) addresses(field string, startTLS, plaintext bool) []*url.URL {
	var out []*url.URL
	for _, line := range connector.Lines(p.plain[field]) {
		u, err := url.Parse(line)
		if err != nil || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
			p.fail(field, "ldaps://host[:port] or ldap://host[:port], not "+strconv.Quote(line))
			continue
		}
		switch {
		case u.Scheme != "ldap" && u.Scheme != "ldaps":
			p.fail(field, "ldaps://host[:port] or ldap://host[:port], not "+strconv.Quote(line))
		case u.Scheme == "ldaps" && startTLS:
			p.fail("start_tls", "ldaps:// is encrypted from the start: use it without start_tls")
		case u.Scheme == "ldap" && !startTLS && !plaintext && !loopback(u.Hostname()):
			p.fail(field, "the bind password would cross the network in the clear: use ldaps://, or set start_tls: true "+
				"(or, at your own risk, allow_plaintext: true)")
		}
		if u.Port() == "" {
			port := goldap.DefaultLdapPort
			if u.Scheme == "ldaps" {
				port = goldap.DefaultLdapsPort
			}
			u.Host = net.JoinHostPort(u.Hostname(), port)
		}
		out = append(out, u)
	}
	if len(out) == 0 {
		p.fail(field, "needed: ldaps://host[:port]; several servers of one directory one a line")
	}
	return out
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
