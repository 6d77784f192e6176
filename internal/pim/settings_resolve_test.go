package pim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func level(depth int) Path {
	var p Path
	for n := range depth {
		p = append(p, Resource{ID: fmt.Sprintf("n%d", n), Name: fmt.Sprintf("Node %d", n)})
	}
	return p
}

var drawLength = rapid.SampledFrom([]time.Duration{time.Minute, 30 * time.Minute, h, 2 * h, 8 * h, 24 * h})

// drawRow draws a row of a role at a node: any fields, any of them enforced.
func drawRow(t *rapid.T, node string) RoleSettings {
	r := RoleSettings{RoleID: "dba", ResourceID: node, Version: 1}
	length := func(f Field, to **time.Duration) {
		if rapid.Bool().Draw(t, string(f)+" set") {
			*to = ptr(drawLength.Draw(t, string(f)))
		}
	}
	flag := func(f Field, to **bool) {
		if rapid.Bool().Draw(t, string(f)+" set") {
			*to = ptr(rapid.Bool().Draw(t, string(f)))
		}
	}
	length(FieldMaxDuration, &r.MaxDuration)
	length(FieldDefaultDuration, &r.DefaultDuration)
	length(FieldApprovalTimeout, &r.ApprovalTimeout)
	length(FieldMaxLead, &r.MaxLead)
	length(FieldMaxTotal, &r.MaxTotal)
	length(FieldEligibleMax, &r.EligibleMax)
	length(FieldActiveMax, &r.ActiveMax)
	flag(FieldJustification, &r.Justification)
	flag(FieldTicket, &r.Ticket)
	flag(FieldApproval, &r.Approval)
	flag(FieldPermanentEligible, &r.PermanentEligible)
	flag(FieldPermanentActive, &r.PermanentActive)
	flag(FieldAssignStepUp, &r.AssignStepUp)
	flag(FieldAssignJustification, &r.AssignJustification)
	if rapid.Bool().Draw(t, "step_up set") {
		r.StepUp = ptr(rapid.SampledFrom(stepUpLevels).Draw(t, "step_up"))
	}
	if rapid.Bool().Draw(t, "context set") {
		r.Context = ptr(rapid.SampledFrom([]string{"", "c1", "c2"}).Draw(t, "context"))
	}
	if rapid.Bool().Draw(t, "extension_approval set") {
		r.ExtensionApproval = ptr(rapid.SampledFrom([]ExtensionApproval{ExtensionAsActivation, ExtensionFree}).Draw(t, "extension_approval"))
	}
	if rapid.Bool().Draw(t, "approvers set") {
		r.Approvers = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"ann", "bob", "cem", "dan"}), 0, 3, rapid.ID).Draw(t, "approvers")
	}
	for _, f := range r.Sets() {
		if f == FieldApprovers && len(r.Approvers) == 0 {
			continue
		}
		if rapid.IntRange(0, 2).Draw(t, string(f)+" enforced") == 0 {
			r.Enforced = append(r.Enforced, f)
		}
	}
	return r
}

// drawTree draws a tree as each node's parent, and the rows set in it; node -1 is everywhere.
func drawTree(t *rapid.T) (parents []int, rows []RoleSettings) {
	for n := range rapid.IntRange(1, 12).Draw(t, "nodes") {
		parents = append(parents, rapid.IntRange(-1, n-1).Draw(t, "parent"))
	}
	for n := -1; n < len(parents); n++ {
		if rapid.IntRange(0, 3).Draw(t, "row") > 0 {
			rows = append(rows, drawRow(t, nodeID(n)))
		}
	}
	return parents, rows
}

func nodeID(n int) string {
	if n < 0 {
		return ""
	}
	return fmt.Sprintf("n%d", n)
}

func pathOf(parents []int, n int) (p Path) {
	for ; n >= 0; n = parents[n] {
		p = append(p, Resource{ID: nodeID(n)})
	}
	slices.Reverse(p)
	return p
}

// holdsBelow fails where a node is less strict than what one above it, or everywhere, enforces.
func holdsBelow(t *rapid.T, role RoleDefinition, parents []int, rows []RoleSettings) {
	for n := range parents {
		path := pathOf(parents, n)
		here := ResolveSettings(role, path, rows)
		for depth := range path {
			above := ResolveSettings(role, path[:depth], rows)
			node := ""
			if depth > 0 {
				node = path[depth-1].ID
			}
			for _, row := range rows {
				if row.ResourceID != node {
					continue
				}
				for _, f := range row.Enforced {
					was, is := above.Settings, here.Settings
					was.Approval = was.Approval || f == FieldApprovers // the list counts whether approval is asked for or not
					if rules[f.number()].looser(&was, &is) {
						t.Fatalf("%s of %q is %s, but %q enforces %s", f, path.Leaf().ID, here.Words(f), node, above.Words(f))
					}
				}
			}
		}
	}
}

// T23: on random trees and settings a node is at least as strict as every field that one above it enforces, and stays
// so when a part of the tree is moved below another node or rows change.
func TestEnforcedHoldsBelow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		role := RoleDefinition{ID: "dba", Privileged: rapid.Bool().Draw(t, "privileged")}
		parents, rows := drawTree(t)
		holdsBelow(t, role, parents, rows)
		n := rapid.IntRange(0, len(parents)-1).Draw(t, "moved")
		parents[n] = rapid.IntRange(-1, n-1).Draw(t, "below")
		holdsBelow(t, role, parents, rows)
		if len(rows) > 0 {
			i := rapid.IntRange(0, len(rows)-1).Draw(t, "changed")
			rows[i] = drawRow(t, rows[i].ResourceID)
			holdsBelow(t, role, parents, rows)
		}
	})
}

// T23: a row that CheckBelow lets through holds as it was set, and one that it refuses would not.
func TestCheckBelowMeansItHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		role := RoleDefinition{ID: "dba"}
		path := level(3)
		rows := []RoleSettings{drawRow(t, ""), drawRow(t, "n0"), drawRow(t, "n1")}
		mine := drawRow(t, "n2")
		x := ExplainSettings(role, path, append(rows, mine))
		ignored := slices.ContainsFunc(x.Fields, func(s FieldState) bool { return s.Ignored })
		if refused := mine.CheckBelow(role, path, rows) != nil; refused != ignored {
			t.Fatalf("refused %v, ignored %v", refused, ignored)
		}
		if ignored {
			return
		}
		for _, f := range mine.Sets() {
			s := x.Fields[f.number()]
			if s.Default || s.Source != "n2" || !s.Own {
				t.Fatalf("%s was set here and comes from %+v", f, s)
			}
		}
	})
}

// T23, K-19: every direction of enforcing by an example.
func TestEnforced(t *testing.T) {
	role, path := RoleDefinition{ID: "dba"}, level(3)
	at := func(node string, change func(*RoleSettings), enforced ...Field) RoleSettings {
		r := RoleSettings{RoleID: "dba", ResourceID: node, Enforced: enforced}
		change(&r)
		return r
	}
	above := at("n0", func(r *RoleSettings) {
		r.MaxDuration, r.Approval, r.Approvers, r.ExtensionApproval = ptr(4*h), ptr(true), []string{"ann", "bob"}, ptr(ExtensionAsActivation)
	}, FieldMaxDuration, FieldApproval, FieldApprovers, FieldExtensionApproval)
	for _, c := range []struct {
		name   string
		row    RoleSettings
		field  Field // refused, or none
		holds  func(Effective) bool
		source string
	}{
		{"longer", at("n2", func(r *RoleSettings) { r.MaxDuration = ptr(6 * h) }), FieldMaxDuration, func(e Effective) bool { return e.MaxDuration == 4*h }, "n0"},
		{"shorter", at("n2", func(r *RoleSettings) { r.MaxDuration = ptr(2 * h) }), "", func(e Effective) bool { return e.MaxDuration == 2*h }, "n2"},
		{"no approval", at("n2", func(r *RoleSettings) { r.Approval = ptr(false) }), FieldApproval, func(e Effective) bool { return e.Approval }, "n0"},
		{"some of the approvers", at("n2", func(r *RoleSettings) { r.Approvers = []string{"bob"} }), "", func(e Effective) bool { return slices.Equal(e.Approvers, []string{"bob"}) }, "n2"},
		{"others", at("n2", func(r *RoleSettings) { r.Approvers = []string{"eve"} }), FieldApprovers, func(e Effective) bool { return slices.Equal(e.Approvers, []string{"ann", "bob"}) }, "n0"},
		{"one more", at("n2", func(r *RoleSettings) { r.Approvers = []string{"bob", "eve"} }), FieldApprovers, func(e Effective) bool { return slices.Equal(e.Approvers, []string{"bob"}) }, "n0"},
		{"nobody", at("n2", func(r *RoleSettings) { r.Approvers = []string{} }), FieldApprovers, func(e Effective) bool { return slices.Equal(e.Approvers, []string{"ann", "bob"}) }, "n0"},
		{"free extensions", at("n2", func(r *RoleSettings) { r.ExtensionApproval = ptr(ExtensionFree) }), FieldExtensionApproval, func(e Effective) bool { return e.ExtensionApproval == ExtensionAsActivation }, "n0"},
		{"what is not enforced", at("n2", func(r *RoleSettings) { r.Justification = ptr(false) }), "", func(e Effective) bool { return !e.Justification }, ""},
	} {
		x := ExplainSettings(role, path, []RoleSettings{above, c.row})
		if !c.holds(x.Effective) {
			t.Errorf("%s: %+v", c.name, x.Settings)
		}
		refusal := c.row.CheckBelow(role, path, []RoleSettings{above})
		switch {
		case c.field == "" && refusal != nil:
			t.Errorf("%s: refused: %v", c.name, refusal)
		case c.field != "" && (refusal == nil || refusal.Field != string(c.field)):
			t.Errorf("%s: %v, want a refusal of %s", c.name, refusal, c.field)
		}
		if s := x.Fields[c.row.Sets()[0].number()]; c.source != "" && (s.Source != c.source || !s.Enforced || s.EnforcedBy != "n0" || s.Ignored != (c.field != "")) {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}

// A page shows of every field where it comes from, and what it would be without the row of the node.
func TestExplainSettings(t *testing.T) {
	role, path := RoleDefinition{ID: "dba", Privileged: true}, level(2)
	rows := []RoleSettings{
		{RoleID: "dba", Ticket: ptr(true), Version: 1},
		{RoleID: "dba", ResourceID: "n0", MaxDuration: ptr(4 * h), Enforced: []Field{FieldMaxDuration}, Version: 2},
		{RoleID: "dba", ResourceID: "n1", MaxDuration: ptr(2 * h), Justification: ptr(false), Enforced: []Field{FieldJustification}, Version: 3},
	}
	x := ExplainSettings(role, path, rows)
	for f, want := range map[Field]FieldState{
		FieldTicket:        {Source: "", Value: "required", Inherited: "required"},
		FieldMaxDuration:   {Source: "n1", Own: true, Enforced: true, EnforcedBy: "n0", Value: "2 h", Inherited: "4 h"},
		FieldJustification: {Source: "n1", Own: true, EnforcedHere: true, Value: "not required", Inherited: "required"},
		FieldStepUp:        {Default: true, Value: "a passkey", Inherited: "a passkey"},
		FieldEligibleMax:   {Default: true, Value: "365 days", Inherited: "365 days"},
	} {
		want.Field = f
		if got := x.Fields[f.number()]; got != want {
			t.Errorf("have %+v\nwant %+v", got, want)
		}
	}
	if x.Own == nil || x.Own.Version != 3 || x.Inherited.MaxDuration != 4*h {
		t.Errorf("%+v", x)
	}
	everywhere := ExplainSettings(role, nil, rows)
	if s := everywhere.Fields[FieldTicket.number()]; !s.Own || s.Source != "" || s.Inherited != "not required" {
		t.Errorf("%+v", s)
	}
}

// The sentence of the settings page: "Alice would need: …".
func TestSummary(t *testing.T) {
	s := DefaultSettings()
	s.Approval, s.MaxDuration = true, 4*h
	if got := s.Summary(5); got != "passkey, reason, approval by one of 5; at most 4 h" {
		t.Error(got)
	}
	if got := (Settings{StepUp: StepUpNone, MaxDuration: h}).Summary(0); got != "nothing more; at most 1 h" {
		t.Error(got)
	}
}

// DESIGN: effective settings of a node at depth 8 within 0.1 ms.
func BenchmarkResolveSettings(b *testing.B) {
	role, path := RoleDefinition{ID: "dba"}, level(8)
	rows := []RoleSettings{{RoleID: "dba", MaxDuration: ptr(6 * h), Ticket: ptr(true)}}
	for _, r := range path {
		rows = append(rows, RoleSettings{RoleID: "dba", ResourceID: r.ID, MaxDuration: ptr(5 * h), Approval: ptr(true), Approvers: []string{"ann", "bob"},
			EligibleMax: ptr(24 * h), Enforced: []Field{FieldMaxDuration, FieldApproval, FieldApprovers}})
	}
	for b.Loop() {
		ResolveSettings(role, path, rows)
	}
}
