package pim

import (
	"slices"
	"strings"
)

// Attribute is a fact about a person that the file, the portal or the provider's claims may give.
type Attribute string

const (
	AttrDepartment Attribute = "department"
	AttrTitle      Attribute = "title"
	AttrManager    Attribute = "manager"
	AttrGuest      Attribute = "guest"
)

// Attributes are what a provider's claims said about a person. Absent is not empty: what is nil stays as it is.
type Attributes struct {
	Department *string
	Title      *string
	Manager    *string // principal id; empty: none Stint knows
	Guest      *bool
}

// ClaimGave reports whether an attribute's value came from the provider's claims.
func (p Principal) ClaimGave(a Attribute) bool {
	return slices.Contains(strings.Split(p.Claimed, ","), string(a))
}

// claimed marks where an attribute's value came from.
func (p *Principal) claimed(a Attribute, yes bool) {
	names := slices.DeleteFunc(strings.Split(p.Claimed, ","), func(n string) bool { return n == "" || n == string(a) })
	if yes {
		names = append(names, string(a))
	}
	slices.Sort(names)
	p.Claimed = strings.Join(names, ",")
}

// TakeClaims sets what the claims say. What the file or the portal gave stays: the claims fill what those left
// open, and follow the provider where they filled it before.
func (p Principal) TakeClaims(said Attributes) Principal {
	open := func(a Attribute, empty bool) bool { return p.Source == SourceSignIn || empty || p.ClaimGave(a) }
	text := func(a Attribute, value *string, field *string) {
		if value != nil && open(a, *field == "") {
			*field = *value
			p.claimed(a, *value != "")
		}
	}
	text(AttrDepartment, said.Department, &p.Department)
	text(AttrTitle, said.Title, &p.Title)
	if said.Manager == nil || *said.Manager != p.ID {
		text(AttrManager, said.Manager, &p.ManagerID)
	}
	if said.Guest != nil && open(AttrGuest, !p.Guest) {
		p.Guest = *said.Guest
		p.claimed(AttrGuest, *said.Guest)
	}
	return p
}

// Give sets what the file, the portal or a directory says. What it leaves empty stays what the claims gave.
func (p Principal) Give(department, title, managerID string, guest bool) Principal {
	text := func(a Attribute, value string, field *string) {
		if value != "" || !p.ClaimGave(a) {
			*field = value
			p.claimed(a, false)
		}
	}
	text(AttrDepartment, department, &p.Department)
	text(AttrTitle, title, &p.Title)
	text(AttrManager, managerID, &p.ManagerID)
	if guest || !p.ClaimGave(AttrGuest) {
		p.Guest = guest
		p.claimed(AttrGuest, false)
	}
	return p
}

// Given is a person without what the claims gave: what the file, the portal or a directory said of them.
func (p Principal) Given() Principal {
	for a, field := range map[Attribute]*string{AttrDepartment: &p.Department, AttrTitle: &p.Title, AttrManager: &p.ManagerID} {
		if p.ClaimGave(a) {
			*field = ""
		}
	}
	p.Guest = p.Guest && !p.ClaimGave(AttrGuest)
	return p
}
