package demo

import (
	"slices"
	"strconv"

	"github.com/jimlambrt/gldap"
)

// result is the end of an operation: a code of RFC 4511 appendix A and a text for people.
type result struct {
	code int
	text string
}

var (
	success     = result{code: gldap.ResultSuccess}
	unavailable = result{gldap.ResultUnavailable, "the demo directory is closing"}
)

// search answers base, one-level and subtree searches, paged if asked (RFC 2696).
func (d *Directory) search(w *gldap.ResponseWriter, r *gldap.Request) {
	end, cookie, paged := success, []byte(nil), false
	m, err := r.GetSearchMessage()
	if err != nil {
		end = result{gldap.ResultProtocolError, err.Error()}
	} else {
		var found []*entry
		found, end = d.find(m)
		found, cookie, paged = page(found, m.Controls)
		for i, e := range found {
			if m.SizeLimit > 0 && int64(i) >= m.SizeLimit {
				end = result{gldap.ResultSizeLimitExceeded, ""}
				break
			}
			answer := r.NewSearchResponseEntry(e.DN)
			for _, a := range e.selectAttributes(m.Attributes, m.TypesOnly) {
				answer.AddAttribute(a.Name, a.Values)
			}
			if w.Write(answer) != nil {
				return
			}
		}
	}
	done := r.NewSearchDoneResponse(gldap.WithResponseCode(end.code))
	done.SetDiagnosticMessage(end.text)
	if paged {
		done.SetControls(&gldap.ControlPaging{Cookie: cookie})
	}
	_ = w.Write(done)
}

// find returns the entries a search selects, in the order of the tree.
func (d *Directory) find(m *gldap.SearchMessage) ([]*entry, result) {
	d.mu.RLock()
	tree, closed := d.tree, d.closed
	d.mu.RUnlock()
	if closed {
		return nil, unavailable
	}
	if refused := unknownCritical(m.Controls); refused != success {
		return nil, refused
	}
	base, err := parseDN(m.BaseDN)
	if err != nil {
		return nil, result{gldap.ResultInvalidDNSyntax, "base: " + err.Error()}
	}
	filter, err := parseFilter(m.Filter)
	if err != nil {
		return nil, result{gldap.ResultProtocolError, err.Error()}
	}
	candidates := tree.Entries
	if len(base) == 0 && m.Scope == gldap.BaseObject {
		candidates = []*entry{d.rootDSE()}
	} else if tree.find(base) == nil {
		return nil, result{gldap.ResultNoSuchObject, "nothing is at this base"}
	}
	return slices.DeleteFunc(slices.Clone(candidates), func(e *entry) bool {
		return !e.name.within(base, int64(m.Scope)) || evaluate(filter, e) != yes
	}), success
}

// rootDSE tells clients what this server is (RFC 4512 5.1).
func (d *Directory) rootDSE() *entry {
	return &entry{Attrs: []attribute{
		{"objectClass", []string{"top"}},
		{"namingContexts", []string{d.cfg.BaseDN}},
		{"supportedLDAPVersion", []string{"3"}},
		{"supportedControl", []string{gldap.ControlTypePaging}},
		{"vendorName", []string{"Stint demo directory"}},
	}}
}

// page cuts one page out. The cookie is the next position in the tree, which no change of members moves.
func page(found []*entry, controls []gldap.Control) (part []*entry, cookie []byte, paged bool) {
	for _, c := range controls {
		control, ok := c.(*gldap.ControlPaging)
		if !ok {
			continue
		}
		next, _ := strconv.Atoi(string(control.Cookie))
		found = slices.DeleteFunc(found, func(e *entry) bool { return e.position < next })
		if size := int(control.PagingSize); size > 0 && len(found) > size {
			return found[:size], []byte(strconv.Itoa(found[size].position)), true
		}
		return found, nil, true
	}
	return found, nil, false
}

// unknownCritical refuses what a client insists on and we do not have (RFC 4511 4.1.11).
func unknownCritical(controls []gldap.Control) result {
	for _, c := range controls {
		if unknown, ok := c.(*gldap.ControlString); ok && unknown.Criticality {
			return result{gldap.ResultUnavailableCriticalExtension, "unknown control"}
		}
	}
	return success
}
