package demo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/jimlambrt/gldap"
)

// modify changes the members and owners of one group. All changes of a request happen or none (RFC 4511 4.6).
func (d *Directory) modify(w *gldap.ResponseWriter, r *gldap.Request) {
	end := result{code: gldap.ResultProtocolError}
	if m, err := r.GetModifyMessage(); err == nil {
		end = d.change(r.ConnectionID(), m)
	}
	_ = w.Write(r.NewModifyResponse(gldap.WithResponseCode(end.code), gldap.WithDiagnosticMessage(end.text)))
}

func (d *Directory) change(connection int, m *gldap.ModifyMessage) result {
	name, err := parseDN(m.DN)
	if err != nil {
		return result{gldap.ResultInvalidDNSyntax, err.Error()}
	}
	if refused := unknownCritical(m.Controls); refused != success {
		return refused
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return unavailable
	}
	group := d.tree.find(name)
	if refused := d.mayChange(connection, group, m.Changes); refused != success {
		return refused
	}
	changed, refused := group.changed(m.Changes)
	if refused != success {
		return refused
	}
	next := d.tree.with(changed)
	if err := next.save(d.cfg.File); err != nil {
		return result{gldap.ResultUnavailable, "the change could not be written to disk"}
	}
	d.tree = next
	d.tell(group, changed, "member", "joined", "left")
	d.tell(group, changed, "owner", "owns", "no longer owns")
	return success
}

// mayChange says who may write what: the service account, members and owners, groups below one point of the tree.
func (d *Directory) mayChange(connection int, group *entry, changes []gldap.Change) result {
	if !d.bound[connection] {
		return result{gldap.ResultInsufficientAccessRights, "only the service account may write"}
	}
	if group == nil {
		return result{gldap.ResultNoSuchObject, "nothing is at this name"}
	}
	if !group.name.within(d.writeBelow, int64(gldap.WholeSubtree)) || !group.isGroup() {
		return result{gldap.ResultInsufficientAccessRights, "only groups below " + d.cfg.WriteBelow + " may be changed"}
	}
	for _, c := range changes {
		if t := attributeType(c.Modification.Type); t != "member" && t != "owner" {
			return result{gldap.ResultInsufficientAccessRights, "only member and owner may be changed"}
		}
	}
	return success
}

// changed returns the group with the changes of one request, applied in order.
func (e *entry) changed(changes []gldap.Change) (*entry, result) {
	for _, c := range changes {
		values, end := changeNames(e.values(c.Modification.Type), c)
		if end != success {
			return nil, end
		}
		e = e.with(attributeType(c.Modification.Type), values)
	}
	if len(e.values("member")) == 0 {
		return nil, result{gldap.ResultObjectClassViolation, "object class 'groupOfNames' requires attribute 'member'"}
	}
	return e, success
}

// changeNames applies one change to the names an attribute has. The order of those that stay is kept.
func changeNames(names []string, c gldap.Change) ([]string, result) {
	values, err := berValues(c.Modification.Vals)
	if err != nil {
		return nil, result{gldap.ResultProtocolError, "values: " + err.Error()}
	}
	switch c.Operation {
	case gldap.AddAttribute:
		if len(values) == 0 {
			return nil, result{gldap.ResultProtocolError, "add: no values"}
		}
		return addNames(slices.Clone(names), values)
	case gldap.DeleteAttribute:
		return deleteNames(slices.Clone(names), values)
	case gldap.ReplaceAttribute:
		return addNames(nil, values)
	}
	return nil, result{gldap.ResultProtocolError, "unknown kind of change"}
}

func addNames(names, values []string) ([]string, result) {
	for i, v := range values {
		at, err := indexOfDN(names, v)
		if err != nil {
			return nil, result{gldap.ResultInvalidAttributeSyntax, fmt.Sprintf("value #%d is %v", i, err)}
		}
		if at >= 0 {
			return nil, result{gldap.ResultAttributeOrValueExists, fmt.Sprintf("value #%d already exists", i)}
		}
		names = append(names, v)
	}
	return names, success
}

func deleteNames(names, values []string) ([]string, result) {
	if len(values) == 0 && len(names) > 0 {
		return nil, success // the whole attribute
	}
	for i, v := range values {
		at, err := indexOfDN(names, v)
		if err != nil {
			return nil, result{gldap.ResultInvalidAttributeSyntax, fmt.Sprintf("value #%d is %v", i, err)}
		}
		if at < 0 {
			return nil, result{gldap.ResultNoSuchAttribute, fmt.Sprintf("value #%d: no such value", i)}
		}
		names = slices.Delete(names, at, at+1)
	}
	if len(values) == 0 {
		return nil, result{gldap.ResultNoSuchAttribute, "there is none"}
	}
	return names, success
}

// indexOfDN finds a DN among others, however each is spelt; -1 when it is not there.
func indexOfDN(names []string, dn string) (int, error) {
	want, err := parseDN(dn)
	if err != nil {
		return -1, err
	}
	return slices.IndexFunc(names, func(m string) bool {
		have, err := parseDN(m)
		return err == nil && have.key() == want.key()
	}), nil
}

// berValues decodes what the server library hands over undecoded: the octet strings of the set, one after another.
func berValues(raw []string) (values []string, err error) {
	in := bytes.NewReader([]byte(strings.Join(raw, "")))
	for {
		p, err := ber.ReadPacket(in)
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		if err != nil || p.ClassType != ber.ClassUniversal || p.TagType != ber.TypePrimitive || p.Tag != ber.TagOctetString {
			return nil, errors.New("not a set of octet strings")
		}
		values = append(values, p.Data.String())
	}
}

// tell prints who was put into an attribute of a group and who was taken out, for the person who watches the demo.
func (d *Directory) tell(before, after *entry, attribute, came, went string) {
	line := func(sign, verb, name string) {
		_, _ = fmt.Fprintf(d.cfg.Log, "%s  directory  %s %s %s %s\n", d.cfg.Now().Format("15:04:05"), sign,
			printable(d.nameOf(name)), verb, printable(before.DN))
	}
	for _, n := range after.values(attribute) {
		if at, _ := indexOfDN(before.values(attribute), n); at < 0 {
			line("+", came, n)
		}
	}
	for _, n := range before.values(attribute) {
		if at, _ := indexOfDN(after.values(attribute), n); at < 0 {
			line("-", went, n)
		}
	}
}

// nameOf is what people call the entry of this DN, or the DN when there is no such entry.
func (d *Directory) nameOf(dn string) string {
	if name, err := parseDN(dn); err == nil {
		if e := d.tree.find(name); e != nil && len(e.values("cn")) > 0 {
			return e.values("cn")[0]
		}
	}
	return dn
}

// printable keeps control characters of a name out of the terminal it is printed on.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
