package pim

import "testing"

// Absent is not empty (invariant 9), and what an administrator wrote is not overwritten by a claim.
func TestAttributesOfClaimsAndFile(t *testing.T) {
	p := Principal{ID: "alice", Source: SourceFile}.Give("Finance", "", "", false)
	p = p.TakeClaims(Attributes{Department: ptr("Ops"), Title: ptr("Lead"), Manager: ptr("carol"), Guest: ptr(true)})
	if p.Department != "Finance" || p.Title != "Lead" || p.ManagerID != "carol" || !p.Guest || p.Claimed != "guest,manager,title" {
		t.Fatalf("the claims fill what the file leaves open: %+v", p)
	}
	if q := p.TakeClaims(Attributes{}); q != p {
		t.Errorf("no claims change something: %+v", q)
	}
	p = p.TakeClaims(Attributes{Title: ptr("Head"), Guest: ptr(false)})
	if p.Title != "Head" || p.Guest || p.ClaimGave(AttrGuest) {
		t.Errorf("a claim follows the provider: %+v", p)
	}
	if q := p.Give("Finance", "", "", false); q != p {
		t.Errorf("the file takes away what it is silent about: %+v", q)
	}
	if g := p.Given(); g.Title != "" || g.ManagerID != "" || g.Department != "Finance" {
		t.Errorf("given: %+v", g)
	}
	p = p.Give("Finance", "CFO", "", false).TakeClaims(Attributes{Title: ptr("Intern")})
	if p.Title != "CFO" || p.ClaimGave(AttrTitle) {
		t.Errorf("the file holds: %+v", p)
	}
	s := Principal{ID: "bob", Source: SourceSignIn, Department: "Sales", ManagerID: "carol"}.TakeClaims(Attributes{Department: ptr(""), Manager: ptr("bob")})
	if s.Department != "" || s.ManagerID != "carol" {
		t.Errorf("somebody from sign-in follows the claims, and nobody is their own manager: %+v", s)
	}
}
