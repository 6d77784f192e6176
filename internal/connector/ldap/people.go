package ldap

import (
	"context"
	"slices"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"stint/internal/connector"
)

// CheckPeople checks base, filter and attributes.
func (d *directory) CheckPeople(q connector.PeopleQuery) error {
	base, _ := parseDN(d.baseDN)
	if n, err := parseDN(d.peopleBase(q)); err != nil {
		return &connector.FieldError{Field: "base", Message: "not a distinguished name (such as ou=people,dc=example,dc=org)"}
	} else if !n.under(base) && !sameDN(d.peopleBase(q), d.baseDN) {
		return &connector.FieldError{Field: "base", Message: "it has to be the target’s base or beneath it: " + d.baseDN}
	}
	if _, err := goldap.CompileFilter(q.Filter); err != nil {
		return &connector.FieldError{Field: "filter", Message: "not a filter such as (objectClass=person): " + err.Error()}
	}
	for _, a := range slices.Concat(q.Attributes, q.References) {
		if !attributeType.MatchString(a) {
			return &connector.FieldError{Field: "attribute", Message: "not an attribute’s name: " + a}
		}
	}
	return nil
}

func (d *directory) peopleBase(q connector.PeopleQuery) string {
	if strings.TrimSpace(q.Base) == "" {
		return d.baseDN
	}
	return strings.TrimSpace(q.Base)
}

// maxSamePage is how often a directory may answer with an empty page before it is no answer.
const maxSamePage = 100

// ReadPeople reads by simple paged results (RFC 2696), all on one connection: a cookie means nothing on another.
func (d *directory) ReadPeople(ctx context.Context, q connector.PeopleQuery, page func([]connector.PersonEntry) error) error {
	if err := d.CheckPeople(q); err != nil {
		return connector.Errorf(connector.Refused, "%w", err)
	}
	s, err := d.dedicated(ctx)
	if err != nil {
		return err
	}
	defer s.drop()
	size := q.PageSize
	if size <= 0 {
		size = connector.PeoplePage
	}
	paging := goldap.NewControlPaging(uint32(min(size, connector.PeoplePage))) // #nosec G115 -- from 1 to PeoplePage
	for empty := 0; ; {
		found, err := d.onePage(ctx, s, q, paging)
		if err != nil {
			return err
		}
		people, err := d.people(found.Entries, q)
		if err != nil {
			return err
		}
		if err := page(people); err != nil {
			return err
		}
		cookie := nextCookie(found)
		if len(cookie) == 0 {
			return nil
		}
		if empty++; len(people) > 0 {
			empty = 0
		}
		if empty > maxSamePage {
			return connector.Errorf(connector.Transient, "the directory answers with empty pages and does not come to an end")
		}
		paging.SetCookie(cookie)
	}
}

// dedicated opens a connection for one caller alone.
func (d *directory) dedicated(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout())
	defer cancel()
	return d.pool.connect(ctx)
}

func (d *directory) timeout() time.Duration {
	if d.deadline > 0 {
		return d.deadline
	}
	return connector.DefaultTimeout
}

func (d *directory) onePage(ctx context.Context, s *session, q connector.PeopleQuery, paging *goldap.ControlPaging) (*goldap.SearchResult, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout())
	defer cancel()
	release := s.bound(ctx)
	ask := goldap.NewSearchRequest(d.peopleBase(q), goldap.ScopeWholeSubtree, goldap.NeverDerefAliases, 0, 0, false, q.Filter,
		slices.Concat([]string{d.idAttribute()}, q.Attributes, q.References), []goldap.Control{paging})
	found, err := s.conn.Search(ask)
	if whole := release(); err == nil && !whole {
		err = goldap.NewError(goldap.ErrorNetwork, ctx.Err())
	}
	switch {
	case goldap.IsErrorWithCode(err, goldap.LDAPResultNoSuchObject):
		return nil, connector.Errorf(connector.Denied, "%s does not exist or %s may not read it", d.peopleBase(q), d.bindDN)
	case goldap.IsErrorWithCode(err, goldap.LDAPResultSizeLimitExceeded):
		return nil, connector.Errorf(connector.Denied, "the directory cuts its answer off at a size limit: let %s read more (OpenLDAP: limits … size.prtotal=unlimited)", d.bindDN)
	case err != nil:
		return nil, classify(ctx, s, err)
	case len(found.Referrals) > 0 && d.flavour == openLDAP:
		// Active Directory names the forest's other partitions below its root, where people are not meant.
		return nil, connector.Errorf(connector.Refused, "a part of %s is on another server (%s): choose a base without it", d.peopleBase(q), found.Referrals[0])
	}
	return found, nil
}

func nextCookie(found *goldap.SearchResult) []byte {
	if c, ok := goldap.FindControl(found.Controls, goldap.ControlTypePaging).(*goldap.ControlPaging); ok {
		return c.Cookie
	}
	return nil // it does not page: this was everything
}

// people refuses an answer with an entry that shows no id: it may be somebody who is known, and would pass for gone.
func (d *directory) people(entries []*goldap.Entry, q connector.PeopleQuery) ([]connector.PersonEntry, error) {
	out := make([]connector.PersonEntry, 0, len(entries))
	for _, e := range entries {
		p, err := d.person(e, q)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func (d *directory) person(e *goldap.Entry, q connector.PeopleQuery) (connector.PersonEntry, error) {
	p := connector.PersonEntry{ID: d.idOf(e), Name: e.DN, Values: make(map[string][]string, len(q.Attributes)), Refs: map[string]string{}}
	if p.ID == "" {
		return p, connector.Errorf(connector.Denied, "%s shows no %s: %s may not read it, so nobody can be told apart", e.DN, d.idAttribute(), d.bindDN)
	}
	at, err := parseDN(e.DN)
	if err != nil {
		return p, connector.Errorf(connector.Transient, "the directory sent %q, which is no distinguished name", e.DN)
	}
	p.Key = strings.Join(at, ",")
	for _, a := range q.Attributes {
		if v := d.valuesOf(e, a); len(v) > 0 {
			p.Values[a] = v
		}
	}
	for _, a := range q.References {
		if n, err := parseDN(e.GetEqualFoldAttributeValue(a)); err == nil {
			p.Refs[a] = strings.Join(n, ",")
		}
	}
	return p, nil
}

// valuesOf writes the two binary ids as people and providers do.
func (d *directory) valuesOf(e *goldap.Entry, attribute string) []string {
	switch {
	case strings.EqualFold(attribute, "objectGUID"):
		return some(formatGUID(e.GetEqualFoldRawAttributeValue(attribute)))
	case strings.EqualFold(attribute, "objectSid"):
		return some(formatSID(e.GetEqualFoldRawAttributeValue(attribute)))
	}
	return e.GetEqualFoldAttributeValues(attribute)
}

func some(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// FindGroup takes a DN or a bare name, as Canonical.
func (d *directory) FindGroup(ctx context.Context, name string) (connector.EntitlementID, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout())
	defer cancel()
	return d.Canonical(ctx, name)
}

var _ connector.People = (*directory)(nil)
