package ldap

import (
	"context"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"stint/internal/connector"
)

// idAttribute holds the immutable id: entryUUID (RFC 4530) or objectGUID.
func (d *directory) idAttribute() string {
	if d.flavour == activeDirectory {
		return "objectGUID"
	}
	return "entryUUID"
}

// nameAttribute is what a group is called by.
func (d *directory) nameAttribute() string {
	if d.flavour == activeDirectory {
		return "sAMAccountName"
	}
	return "cn"
}

// idOf reads an entry's immutable id; "" when it has none or may not be seen.
func (d *directory) idOf(e *goldap.Entry) string {
	if d.flavour == activeDirectory {
		return formatGUID(e.GetEqualFoldRawAttributeValue("objectGUID"))
	}
	return strings.ToLower(e.GetEqualFoldAttributeValue("entryUUID"))
}

// groupFilter matches what can have members here.
func (d *directory) groupFilter() string {
	switch {
	case d.flavour == activeDirectory:
		return "(objectClass=group)"
	case d.membership == byMemberUID:
		return "(objectClass=posixGroup)"
	case d.membership == byUniqueMember:
		return "(objectClass=groupOfUniqueNames)"
	}
	return "(|(objectClass=groupOfNames)(objectClass=groupOfMembers)(objectClass=posixGroup))"
}

// accountFilter matches who can be a member. Active Directory gives groups and computers account names too.
func (d *directory) accountFilter() string {
	if d.flavour == activeDirectory {
		return "(&(objectClass=user)(!(objectClass=computer)))"
	}
	return "(" + d.accountAttribute + "=*)"
}

func (d *directory) groupAttributes() []string {
	return []string{d.idAttribute(), d.nameAttribute(), "cn", "objectClass", "objectSid", "description"}
}

// search asks for at most limit entries (0 = no limit). More than that is not an error here: the caller counts.
func (s *session) search(base string, scope int, filter string, limit int, attributes ...string) ([]*goldap.Entry, error) {
	found, err := s.conn.Search(goldap.NewSearchRequest(base, scope, goldap.NeverDerefAliases, limit, 0, false,
		filter, attributes, nil))
	if err != nil && !(limit > 0 && goldap.IsErrorWithCode(err, goldap.LDAPResultSizeLimitExceeded)) {
		return nil, err
	}
	return found.Entries, nil
}

// Canonical takes a DN or a bare name (cn, in Active Directory sAMAccountName).
func (d *directory) Canonical(ctx context.Context, name string) (id connector.EntitlementID, err error) {
	name, err = checkName(name)
	if err != nil {
		return "", err
	}
	err = d.pool.do(ctx, func(s *session) error {
		e, err := d.groupNamed(s, name)
		if err != nil {
			return err
		}
		id = connector.EntitlementID(d.idOf(e))
		return nil
	})
	return id, err
}

func (d *directory) groupNamed(s *session, name string) (*goldap.Entry, error) {
	if isDN(name) {
		return d.groupAt(s, name)
	}
	found, err := s.search(d.baseDN, goldap.ScopeWholeSubtree,
		"(&"+d.groupFilter()+equals(d.nameAttribute(), name)+")", 2, d.groupAttributes()...)
	if err != nil {
		return nil, d.baseFailed(err)
	}
	return d.single(found, "group", d.nameAttribute(), name)
}

func (d *directory) groupAt(s *session, name string) (*goldap.Entry, error) {
	base, _ := parseDN(d.baseDN)
	if n, _ := parseDN(name); !n.under(base) {
		return nil, connector.Errorf(connector.Refused, "%q is not beneath base_dn %s", name, d.baseDN)
	}
	found, err := s.search(name, goldap.ScopeBaseObject, d.groupFilter(), 0, d.groupAttributes()...)
	if err != nil && !goldap.IsErrorWithCode(err, goldap.LDAPResultNoSuchObject) {
		return nil, err
	}
	if len(found) != 1 || !sameDN(found[0].DN, name) || d.idOf(found[0]) == "" {
		return nil, d.nothing(s, "there is no group %q", name)
	}
	return found[0], nil
}

// single insists on exactly one entry that is spelled as asked.
func (d *directory) single(found []*goldap.Entry, what, attribute, name string) (*goldap.Entry, error) {
	if len(found) > 1 {
		return nil, connector.Errorf(connector.Refused, "more than one %s has %s %q beneath %s: which is meant?",
			what, attribute, name, d.baseDN)
	}
	for _, e := range found {
		for _, v := range e.GetEqualFoldAttributeValues(attribute) {
			if sameName(v, name) && d.idOf(e) != "" {
				return e, nil
			}
		}
	}
	return nil, connector.Errorf(connector.Gone, "no %s has %s %q beneath %s", what, attribute, name, d.baseDN)
}

// FindAccount matches account_attribute.
func (d *directory) FindAccount(ctx context.Context, name string) (id connector.AccountID, shown string, err error) {
	name, err = checkName(name)
	if err != nil {
		return "", "", err
	}
	err = d.pool.do(ctx, func(s *session) error {
		found, err := s.search(d.baseDN, goldap.ScopeWholeSubtree,
			"(&"+d.accountFilter()+equals(d.accountAttribute, name)+")", 2,
			d.idAttribute(), d.accountAttribute, "displayName", "cn")
		if err != nil {
			return d.baseFailed(err)
		}
		e, err := d.single(found, "account", d.accountAttribute, name)
		if err != nil {
			return err
		}
		id, shown = connector.AccountID(d.idOf(e)), firstOf(e, "displayName", "cn", d.accountAttribute)
		return nil
	})
	return id, shown, err
}

func firstOf(e *goldap.Entry, attributes ...string) string {
	for _, a := range attributes {
		if v := e.GetEqualFoldAttributeValue(a); v != "" {
			return v
		}
	}
	return e.DN
}

// Describe tells every name a may_write list may know the group by.
func (d *directory) Describe(ctx context.Context, ent connector.EntitlementID) (entry connector.Entry, err error) {
	err = d.pool.do(ctx, func(s *session) error {
		about, _ := ent.Owned()
		e, err := d.byID(s, string(about), d.groupAttributes()...)
		if err != nil {
			return err
		}
		entry = d.entry(e, connector.GroupEntry)
		entry.ID = string(ent)
		return nil
	})
	return entry, connector.Unseen(connector.Entitlement, err)
}

func (d *directory) entry(e *goldap.Entry, kind connector.EntryKind) connector.Entry {
	out := connector.Entry{ID: d.idOf(e), Kind: kind, Detail: e.DN, Aliases: []string{e.DN}}
	if kind == connector.AccountEntry {
		out.Name = firstOf(e, d.accountAttribute, "cn")
		return out
	}
	out.Name = firstOf(e, d.nameAttribute(), "cn")
	out.Aliases = append(out.Aliases, e.GetEqualFoldAttributeValues("cn")...)
	out.NoOwners = d.noOwners(e)
	if sid := formatSID(e.GetEqualFoldRawAttributeValue("objectSid")); sid != "" {
		out.Aliases = append(out.Aliases, sid)
	}
	return out
}

// byID finds the entry of an immutable id, wherever it is called what now.
func (d *directory) byID(s *session, id string, attributes ...string) (*goldap.Entry, error) {
	if !isUUID(id) {
		return nil, connector.Errorf(connector.Refused, "%q is not an id of this directory", id)
	}
	base, scope, filter := d.baseDN, goldap.ScopeWholeSubtree, equals("entryUUID", id)
	if d.flavour == activeDirectory {
		// MS-ADTS §3.1.1.3.1.2.4: an object may be named by its GUID.
		base, scope, filter = "<GUID="+id+">", goldap.ScopeBaseObject, "(objectClass=*)"
	}
	found, err := s.search(base, scope, filter, 2, attributes...)
	if err != nil && !goldap.IsErrorWithCode(err, goldap.LDAPResultNoSuchObject) {
		return nil, err
	}
	if len(found) != 1 {
		return nil, d.nothing(s, "nothing in the directory has the id %s", id)
	}
	return found[0], nil
}

// nothing says Gone only while the directory itself can be seen: an account that lost its rights sees nothing either,
// and that must not look as if everybody had been deleted.
func (d *directory) nothing(s *session, format string, args ...any) error {
	found, err := s.search(d.baseDN, goldap.ScopeBaseObject, "(objectClass=*)", 0, "1.1")
	if err != nil {
		return d.baseFailed(err)
	}
	if len(found) == 0 {
		return d.baseFailed(goldap.NewError(goldap.LDAPResultNoSuchObject, nil))
	}
	return connector.Errorf(connector.Gone, format, args...)
}

func (d *directory) baseFailed(err error) error {
	if !goldap.IsErrorWithCode(err, goldap.LDAPResultNoSuchObject) {
		return err
	}
	return connector.Errorf(connector.Denied, "base_dn %s does not exist or %s may not read it", d.baseDN, d.bindDN)
}
