package broker

import (
	"cmp"
	"errors"
	"strings"

	"stint/internal/orgfile"
	"stint/internal/pim"
)

// renamed lets a person of the file be somebody who is known already by who they are at the provider: who
// signed in before, or had another id in the file.
func (p *planner) renamed() {
	keys := map[string]bool{}
	for _, f := range p.doc.People {
		keys[f.ID] = true
	}
	for _, f := range p.doc.People {
		if f.Subject == "" || p.id["person/"+f.ID] != "" {
			continue
		}
		for _, row := range p.people {
			if row.Issuer == f.Issuer && row.Subject == f.Subject && (row.Key == "" || !keys[row.Key]) {
				p.id["person/"+f.ID] = row.ID
			}
		}
	}
}

func (p *planner) planPeople() {
	have := index(p.people, func(h pim.Principal) string { return h.ID })
	for _, f := range p.doc.People {
		id := p.id["person/"+f.ID]
		row, known := have[id]
		p.checkSubject(f, row)
		f := managed{f, p.id["person/"+f.Manager]}
		if !known {
			p.newPerson(f, id)
			continue
		}
		p.changedPerson(f, row)
	}
	for _, row := range p.people {
		if !p.leaving[row.ID] {
			p.keep(row.Source, p.label[row.ID])
			continue
		}
		event := pim.PersonEvent(pim.EvPrincipalRemoved, pim.System, row.ID, row.ID).With("source", string(pim.SourceFile)).With("key", row.Key)
		p.step(stagePeopleOff, "-", orgfile.Pos{}, emit(event, func(a *applying) error {
			if err := a.endAll(row.ID); err != nil {
				return err
			}
			return a.tx.RemovePrincipal(row.ID)
		}), "%s, with all they hold", p.label[row.ID])
	}
}

// checkSubject: who somebody is at the provider is fixed once; an id of the file is not handed on.
func (p *planner) checkSubject(f orgfile.Person, row pim.Principal) {
	if f.Subject == "" {
		return
	}
	where := "people[" + f.ID + "].subject"
	if row.Subject != "" && (row.Subject != f.Subject || row.Issuer != f.Issuer) {
		p.errs.Add(f.Pos, where, "person/%s signed in as somebody else already. Give the other one an id of their own; an id is never handed on", f.ID)
		return
	}
	for _, other := range p.people {
		if other.ID != p.id["person/"+f.ID] && other.Issuer == f.Issuer && other.Subject == f.Subject {
			p.errs.Add(f.Pos, where, "whoever has this subject is known already as %s. Use a new id here instead of %s, and Stint takes that person over", p.label[other.ID], f.ID)
		}
	}
}

func personEvent(t pim.EventType, h pim.Principal) pim.Event {
	if h.Kind == pim.Workload {
		return pim.PersonEvent(t, pim.System, h.ID, h.ID).With("kind", string(h.Kind)).With("source", string(h.Source)).With("key", h.Key).With("enabled", h.Enabled).With("owner", h.OwnerID).
			WithText("name", h.Name).WithText("description", h.About)
	}
	return pim.PersonEvent(t, pim.System, h.ID, h.ID).With("source", string(h.Source)).With("key", h.Key).With("enabled", h.Enabled).With("match_claim", h.MatchClaim).With("manager", h.ManagerID).With("guest", h.Guest).
		WithText("name", h.Name).WithText("email", h.Email).WithText("department", h.Department).WithText("title", h.Title).
		WithText("match_value", h.MatchValue).WithText("issuer", h.Issuer).WithText("subject", h.Subject)
}

func (p *planner) newPerson(f managed, id string) {
	h := pim.Principal{ID: id, Kind: pim.Person, PersonID: id, Enabled: f.Enabled == nil || *f.Enabled}
	fill(&h, f)
	off := ""
	if !h.Enabled {
		off = ", disabled"
	}
	p.step(stagePrincipals, "+", f.Pos, emit(personEvent(pim.EvPrincipalSaved, h), func(a *applying) error { return a.tx.InsertPrincipal(h) }), "person/%s %q%s", f.ID, f.Name, off)
}

// managed is a person of the file with their manager's principal id.
type managed struct {
	orgfile.Person
	manager string
}

// fill sets what the file owns of a person.
func fill(h *pim.Principal, f managed) {
	h.Key, h.Name, h.Source = f.ID, f.Name, pim.SourceFile
	*h = h.Give(f.Department, f.Title, f.manager, f.Guest)
	h.MatchClaim, h.MatchValue = f.MatchClaim, f.MatchValue
	if f.Email != "" || h.Subject == "" { // without one in the file, what the provider said stays
		h.Email = f.Email
	}
	if f.Subject != "" {
		h.Issuer, h.Subject = f.Issuer, f.Subject
	}
}

func (p *planner) changedPerson(f managed, row pim.Principal) {
	want := row
	fill(&want, f)
	var d diff
	d.said(row.Source != pim.SourceFile, "now owned by the file (%s)", strings.TrimSuffix(why(row.Source), ", left alone"))
	d.said(row.Source == pim.SourceFile && row.Key != want.Key, "was person/%s", row.Key)
	d.text("name", row.Name, want.Name)
	d.text("email", row.Email, want.Email)
	d.text("department", row.Department, want.Department)
	d.text("title", row.Title, want.Title)
	d.said(row.ManagerID != want.ManagerID, "manager %s", cmp.Or(p.label[want.ManagerID], "none"))
	d.said(row.Guest != want.Guest, "guest %t", want.Guest)
	d.text("match", strings.Trim(row.MatchClaim+": "+row.MatchValue, ": "), strings.Trim(want.MatchClaim+": "+want.MatchValue, ": "))
	d.said(row.Subject != want.Subject, "who they are at the provider")
	if len(d) > 0 {
		p.step(stagePrincipals, "~", f.Pos, emit(personEvent(pim.EvPrincipalSaved, want), func(a *applying) error {
			return a.updatePrincipal(row.ID, func(h *pim.Principal) { fill(h, f) })
		}), "person/%s: %s", f.ID, d)
	}
	switch {
	case f.Enabled == nil && !row.Enabled:
		p.leave("disabled, and stays so until somebody enables them", "person/%s", f.ID)
	case f.Enabled == nil || *f.Enabled == row.Enabled:
	case row.Enabled:
		event := pim.PersonEvent(pim.EvPersonDisabled, pim.System, row.ID, row.ID).With("source", string(pim.SourceFile))
		p.step(stagePeopleOff, "~", f.Pos, emit(event, func(a *applying) error { return a.endAll(row.ID) }), "person/%s: disabled, with an end to all they hold", f.ID)
	default:
		event := pim.PersonEvent(pim.EvPersonEnabled, pim.System, row.ID, row.ID).With("source", string(pim.SourceFile))
		p.step(stagePeopleOn, "~", f.Pos, emit(event, func(a *applying) error {
			if err := a.updatePrincipal(row.ID, func(h *pim.Principal) { h.Enabled = true }); err != nil {
				return err
			}
			return errors.Join(a.tx.ForgetSyncOff(row.ID), syncAssignmentNeedsOf(a.tx, row.ID))
		}), "person/%s: enabled", f.ID)
	}
}
