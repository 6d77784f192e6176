package ldap

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"stint/internal/connector"
)

// List yields every member but the filler, or every owner. One whose entry is gone, hidden or elsewhere is a stranger under its value.
func (d *directory) List(ctx context.Context, ent connector.EntitlementID) iter.Seq2[connector.AccountID, error] {
	return func(yield func(connector.AccountID, error) bool) {
		var all []connector.AccountID
		err := d.pool.do(ctx, func(s *session) (err error) {
			all, err = d.members(s, ent)
			return err
		})
		for _, id := range all {
			if err == nil && !yield(id, nil) {
				return
			}
		}
		if err != nil {
			yield("", err)
		}
	}
}

func (d *directory) members(s *session, ent connector.EntitlementID) ([]connector.AccountID, error) {
	about, in := d.keptIn(ent)
	group, err := d.byID(s, string(about), "1.1")
	if err != nil {
		return nil, err
	}
	if d.flavour == activeDirectory && !in.owners {
		return d.membersInRanges(s, group.DN)
	}
	found, err := s.search(group.DN, goldap.ScopeBaseObject, "(objectClass=*)", 0, in.attribute)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, connector.Errorf(connector.Gone, "%s is gone", group.DN)
	}
	values := found[0].GetEqualFoldAttributeValues(in.attribute)
	switch {
	case len(values) == 0:
		return nil, d.readable(s, group.DN, in.attribute)
	case in.prefix == uidPrefix:
		return d.byUIDs(s, values)
	case !in.owners:
		values = slices.DeleteFunc(values, d.isFiller)
	}
	return d.byDNs(s, values)
}

// readable tells an empty group from one whose members may not be read.
func (d *directory) readable(s *session, group, attribute string) error {
	found, err := s.search(group, goldap.ScopeBaseObject, "(!("+attribute+"=*))", 0, "1.1")
	if err == nil && len(found) == 0 {
		return connector.Errorf(connector.Denied, "%s may not read %s of %s", d.bindDN, attribute, group)
	}
	return err
}

func (d *directory) byDNs(s *session, dns []string) ([]connector.AccountID, error) {
	out := make([]connector.AccountID, 0, len(dns))
	for _, dn := range dns {
		id := ""
		found, err := s.search(dn, goldap.ScopeBaseObject, "(objectClass=*)", 0, d.idAttribute())
		if err != nil && (broken(err) || kindOfResult(err) == connector.Transient) {
			return nil, err
		}
		if err == nil && len(found) == 1 {
			id = d.idOf(found[0])
		}
		out = append(out, orStranger(id, dnPrefix+dn))
	}
	return out, nil
}

func orStranger(id, stranger string) connector.AccountID {
	if id == "" {
		return connector.AccountID(stranger)
	}
	return connector.AccountID(id)
}

// uidBatch is how many names one search asks for.
const uidBatch = 100

func (d *directory) byUIDs(s *session, uids []string) ([]connector.AccountID, error) {
	var out []connector.AccountID
	for batch := range slices.Chunk(uids, uidBatch) {
		ids, err := d.idsOfUIDs(s, batch)
		if err != nil {
			return nil, err
		}
		for _, uid := range batch {
			if len(ids[uid]) == 0 {
				ids[uid] = []string{""}
			}
			for _, id := range ids[uid] { // two accounts of one uid both hold what the uid is given
				out = append(out, orStranger(id, uidPrefix+uid))
			}
		}
	}
	return out, nil
}

// idsOfUIDs compares exactly, as memberUid does (caseExactIA5Match), where uid itself would match any case.
func (d *directory) idsOfUIDs(s *session, uids []string) (map[string][]string, error) {
	var each strings.Builder
	for _, uid := range uids {
		each.WriteString(equals(uidAttribute, uid))
	}
	found, err := s.search(d.baseDN, goldap.ScopeWholeSubtree, "(|"+each.String()+")", 0, d.idAttribute(), uidAttribute)
	if err != nil {
		return nil, d.baseFailed(err)
	}
	ids := map[string][]string{}
	for _, e := range found {
		if own := e.GetEqualFoldAttributeValues(uidAttribute); len(own) == 1 {
			ids[own[0]] = append(ids[own[0]], d.idOf(e))
		}
	}
	return ids, nil
}

// rangeStep is how many members one search asks for: the least MaxValRange any version of Windows starts with.
const rangeStep = 1500

// membersInRanges reads a group of any size: Active Directory hands out at most MaxValRange values at a time
// (MS-ADTS §3.1.1.3.1.3.3), each with its GUID when asked by the extended-DN control (§3.1.1.3.4.1.5).
func (d *directory) membersInRanges(s *session, group string) ([]connector.AccountID, error) {
	var out []connector.AccountID
	for next := 0; next >= 0; {
		request := goldap.NewSearchRequest(group, goldap.ScopeBaseObject, goldap.NeverDerefAliases, 0, 0, false,
			"(objectClass=*)", []string{fmt.Sprintf("member;range=%d-%d", next, next+rangeStep-1)}, []goldap.Control{extendedDN})
		found, err := s.conn.Search(request)
		if err != nil {
			return nil, err
		}
		if len(found.Entries) != 1 {
			return nil, connector.Errorf(connector.Gone, "%s is gone", group)
		}
		var values []string
		values, next = rangeOf(found.Entries[0], next)
		for _, v := range values {
			guid, dn := splitExtendedDN(v)
			out = append(out, orStranger(guid, dnPrefix+dn))
		}
	}
	return out, nil
}

// rangeOf returns the values of "member;range=from-to" and where the next range begins; -1 when this was the last.
func rangeOf(e *goldap.Entry, from int) (values []string, next int) {
	for _, a := range e.Attributes {
		bounds, ok := strings.CutPrefix(strings.ToLower(a.Name), "member;range="+strconv.Itoa(from)+"-")
		if !ok {
			continue
		}
		last, err := strconv.Atoi(bounds)
		if err != nil || last < from || len(a.Values) == 0 {
			return a.Values, -1 // "*"
		}
		return a.Values, last + 1
	}
	return nil, -1
}

// extendedDN asks for DNs as <GUID=…>;<SID=…>;DN with the GUID in its usual form (flag 1).
var extendedDN = &goldap.ControlString{
	ControlType:  "1.2.840.113556.1.4.529",
	Criticality:  true,
	ControlValue: string(extendedDNValue()),
}

func extendedDNValue() []byte {
	seq := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "ExtendedDNRequestValue")
	seq.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 1, "Flag"))
	return seq.Bytes()
}

func splitExtendedDN(value string) (guid, dn string) {
	dn = value
	for strings.HasPrefix(dn, "<") {
		part, rest, ok := strings.Cut(dn, ">;")
		if !ok {
			break
		}
		if id, isGUID := strings.CutPrefix(part, "<GUID="); isGUID && isUUID(id) {
			guid = strings.ToLower(id)
		}
		dn = rest
	}
	return guid, dn
}
