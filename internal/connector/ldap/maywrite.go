package ldap

import (
	"slices"
	"strings"

	"stint/internal/connector"
)

// covers is connector.Factory.Covers. A pattern is
//
//	ops                              the group of that name, in any place (cn, or sAMAccountName)
//	ops-*                            every group whose name begins so
//	cn=ops,ou=groups,dc=example      that group
//	cn=ops-*,ou=groups,dc=example    the groups right there whose cn begins so
//	*,ou=groups,dc=example           every group beneath
//
// Names are compared whole, but for case: "ops" is never "ops-2" (THREATS T22).
func covers(pattern, name string) connector.Match {
	pattern = strings.TrimSpace(pattern)
	base, subtree := strings.CutPrefix(pattern, "*,")
	if subtree {
		return coversBeneath(base, name)
	}
	if !isDN(pattern) {
		return coversName(pattern, name)
	}
	if !isDN(name) {
		return atMost(connector.Maybe, glob(fold(leafValue(pattern)), fold(name)))
	}
	p, _ := parseDN(pattern)
	n, _ := parseDN(name)
	if len(p) != len(n) || !slices.Equal(p[1:], n[1:]) {
		return connector.No
	}
	return atMost(connector.Yes, glob(p[0], n[0]))
}

func coversBeneath(base, name string) connector.Match {
	b, err := parseDN(base)
	if err != nil {
		return connector.No
	}
	n, err := parseDN(name)
	if err != nil {
		return connector.Maybe
	}
	return atMost(connector.Yes, n.under(b))
}

func coversName(pattern, name string) connector.Match {
	if isDN(name) {
		name = leafValue(name)
	}
	return atMost(connector.Yes, name != "" && glob(fold(pattern), fold(name)))
}

func atMost(m connector.Match, holds bool) connector.Match {
	if holds {
		return m
	}
	return connector.No
}

// glob matches whole strings; "*" stands for any run of characters, also none.
func glob(pattern, s string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, first)
	if !ok {
		return false
	}
	for {
		part, more, wild := strings.Cut(rest, "*")
		if !wild {
			return strings.HasSuffix(s, part)
		}
		_, after, found := strings.Cut(s, part)
		if !found {
			return false
		}
		s, rest = after, more
	}
}

// protected is connector.Factory.Protected: groups that give away the directory itself or a whole fleet. Windows
// groups are known by SID as well, because they are named in the installation's language and can be renamed
// (MS-DTYP §2.4.2.4, the operator groups of Active Directory).
func protected(plain map[string]string) []string {
	if flavour(plain["flavour"]) == activeDirectory {
		return protectedAD
	}
	return protectedOpenLDAP
}

var protectedAD = []string{
	"Domain Admins", "S-1-5-21-*-512",
	"Enterprise Admins", "S-1-5-21-*-519",
	"Schema Admins", "S-1-5-21-*-518",
	"Administrators", "S-1-5-32-544",
	"Account Operators", "S-1-5-32-548",
	"Server Operators", "S-1-5-32-549",
	"Print Operators", "S-1-5-32-550",
	"Backup Operators", "S-1-5-32-551",
	"Replicator", "S-1-5-32-552",
	"Incoming Forest Trust Builders", "S-1-5-32-557",
	"Domain Controllers", "S-1-5-21-*-516",
	"Read-only Domain Controllers", "S-1-5-21-*-521",
	"Enterprise Read-only Domain Controllers", "S-1-5-21-*-498",
	"Cloneable Domain Controllers", "S-1-5-21-*-522",
	"Group Policy Creator Owners", "S-1-5-21-*-520",
	"Cert Publishers", "S-1-5-21-*-517",
	"Key Admins", "S-1-5-21-*-526",
	"Enterprise Key Admins", "S-1-5-21-*-527",
	"DnsAdmins",
}

var protectedOpenLDAP = []string{
	"Administrators", "Directory Administrators", "Directory Managers", "Password Administrators",
	"Domain Admins", "Enterprise Admins", "admins", "trust admins", "root", "wheel", "sudo",
}
