package ldap

import (
	"context"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"stint/internal/connector"
)

// Holders without an immutable id are known by the membership's own value.
const (
	dnPrefix  = "dn:"
	uidPrefix = "uid:"
)

// uidAttribute is what memberUid refers to (RFC 2307 §5.5).
const uidAttribute = "uid"

// membershipOf is one possible membership or ownership, looked up afresh for each call: this value in this group.
type membershipOf struct {
	kept         // where
	group string // DN
	value string // the member's DN or uid
}

// with looks both sides up and runs fn on the connection that found them. What a directory does not show it may have hidden:
// no answer tells that from what was deleted (RFC 4511 §4.1.9, noSuchObject).
func (d *directory) with(ctx context.Context, acc connector.AccountID, ent connector.EntitlementID,
	fn func(*session, membershipOf) error) error {
	about, in := d.keptIn(ent)
	err := d.pool.do(ctx, func(s *session) error {
		group, err := d.byID(s, string(about), "1.1")
		if err != nil {
			return err
		}
		value, err := d.valueOf(s, acc, in)
		if err != nil {
			return connector.Unseen(connector.Account, err)
		}
		return fn(s, membershipOf{in, group.DN, value})
	})
	return connector.Unseen(connector.Entitlement, err)
}

// valueOf is what stands in the group for the account.
func (d *directory) valueOf(s *session, acc connector.AccountID, in kept) (string, error) {
	if v, ok := strings.CutPrefix(string(acc), in.prefix); ok {
		return v, nil
	}
	if in.prefix == dnPrefix {
		e, err := d.byID(s, string(acc), "1.1")
		if err != nil {
			return "", err
		}
		return e.DN, nil
	}
	e, err := d.byID(s, string(acc), uidAttribute)
	if err != nil {
		return "", err
	}
	if uids := e.GetEqualFoldAttributeValues(uidAttribute); len(uids) == 1 {
		return uids[0], nil
	}
	return "", connector.Errorf(connector.Refused, "%s has no single %s, which %s groups need", e.DN, uidAttribute, d.membership)
}

// Observe looks for the account's own value in the group.
func (d *directory) Observe(ctx context.Context, acc connector.AccountID, ent connector.EntitlementID) (h connector.Holding, err error) {
	err = d.with(ctx, acc, ent, func(s *session, m membershipOf) error {
		h.Present, err = d.present(s, m)
		return err
	})
	return h, err
}

// present compares at the server, by the attribute's own matching rule.
func (d *directory) present(s *session, m membershipOf) (bool, error) {
	held := equals(m.attribute, m.value)
	found, err := s.search(m.group, goldap.ScopeBaseObject, held, 0, "1.1")
	if err != nil || len(found) == 1 {
		return err == nil, err
	}
	// An attribute that may not be read makes the filter undefined, which looks like absent. "Not a member" must be
	// true as well before a person is called gone (RFC 4511 §4.5.1.7).
	found, err = s.search(m.group, goldap.ScopeBaseObject, "(!"+held+")", 0, "1.1")
	if err == nil && len(found) == 0 {
		return false, connector.Errorf(connector.Denied, "%s may not search %s of %s", d.bindDN, m.attribute, m.group)
	}
	return false, err
}

// Grant adds the account's value. The directory does not end it by itself: until is ignored (Capabilities).
func (d *directory) Grant(ctx context.Context, acc connector.AccountID, ent connector.EntitlementID, _ time.Time) error {
	if acc.Unnamed() {
		return connector.Errorf(connector.Refused, "%q is no account: only what has an immutable id is granted anything", acc)
	}
	return d.with(ctx, acc, ent, func(s *session, m membershipOf) error {
		if sameDN(m.value, m.group) {
			return connector.Errorf(connector.Refused, "%s cannot be its own %s", m.group, m.attribute)
		}
		change := goldap.NewModifyRequest(m.group, nil)
		change.Add(m.attribute, []string{m.value})
		return d.settled(s, m, true, s.modify(change))
	})
}

// Revoke deletes the account's value. A group that may not be empty keeps the filler in its stead.
func (d *directory) Revoke(ctx context.Context, acc connector.AccountID, ent connector.EntitlementID) error {
	return d.with(ctx, acc, ent, func(s *session, m membershipOf) error {
		if !m.owners && d.isFiller(m.value) {
			return nil
		}
		change := goldap.NewModifyRequest(m.group, nil)
		change.Delete(m.attribute, []string{m.value})
		err := s.modify(change)
		if !m.owners && d.needsFiller(err) {
			err = d.swapForFiller(s, m)
			if goldap.IsErrorWithCode(err, goldap.LDAPResultAttributeOrValueExists) {
				err = s.modify(change) // another revoke put the filler in since
			}
		}
		return d.settled(s, m, false, err)
	})
}

// needsFiller: groupOfNames and groupOfUniqueNames must have a member (RFC 4519 §3.5, §3.6).
func (d *directory) needsFiller(err error) bool {
	return d.flavour == openLDAP && d.membership != byMemberUID &&
		goldap.IsErrorWithCode(err, goldap.LDAPResultObjectClassViolation)
}

func (d *directory) swapForFiller(s *session, m membershipOf) error {
	change := goldap.NewModifyRequest(m.group, nil)
	change.Add(string(d.membership), []string{d.fillerDN})
	change.Delete(string(d.membership), []string{m.value})
	return s.modify(change)
}

func (d *directory) isFiller(value string) bool {
	return d.flavour == openLDAP && d.membership != byMemberUID && sameDN(value, d.fillerDN)
}

// settled accepts a refusal that says the group already is as wanted. Active Directory uses codes of many meanings for
// that (68 or 20 for a present member, 53 or 16 for an absent one), so there the group is looked at again.
func (d *directory) settled(s *session, m membershipOf, wanted bool, err error) error {
	switch {
	case err == nil:
		return nil
	case d.flavour == openLDAP:
		already := uint16(goldap.LDAPResultNoSuchAttribute)
		if wanted {
			already = goldap.LDAPResultAttributeOrValueExists
		}
		if goldap.IsErrorWithCode(err, already) {
			return nil
		}
		return err
	case !goldap.IsErrorAnyOf(err, goldap.LDAPResultAttributeOrValueExists, goldap.LDAPResultEntryAlreadyExists,
		goldap.LDAPResultNoSuchAttribute, goldap.LDAPResultUnwillingToPerform):
		return err
	}
	if is, lookErr := d.present(s, m); lookErr != nil || is == wanted {
		return lookErr
	}
	return err
}
