package pim

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
)

func ptr[T any](v T) *T { return &v }

// T12: settings then and now, both directions, a row for every field: the stricter holds, tightening is
// never bypassed, loosening never retroactive. Approvers are always today's list.
func TestStricter(t *testing.T) {
	base := Settings{MaxDuration: 4 * h, DefaultDuration: h, StepUp: StepUpPasskey, Justification: true, Ticket: true, Approval: true,
		Approvers: []string{"ann"}, ApprovalTimeout: 24 * h, MaxLead: 24 * h, MaxTotal: 8 * h, ExtensionApproval: ExtensionAsActivation,
		Context: "c1", EligibleMax: 365 * 24 * h, ActiveMax: 180 * 24 * h, AssignStepUp: true, AssignJustification: true}
	with := func(change func(*Settings)) Settings { s := base; change(&s); return s }
	rows := map[string]struct{ loose, strict Settings }{
		"MaxDuration":       {with(func(s *Settings) { s.MaxDuration = 8 * h }), with(func(s *Settings) { s.MaxDuration = 2 * h })},
		"DefaultDuration":   {with(func(s *Settings) { s.DefaultDuration = 2 * h }), with(func(s *Settings) { s.DefaultDuration = time.Minute })},
		"StepUp":            {with(func(s *Settings) { s.StepUp = StepUpNone }), base},
		"Justification":     {with(func(s *Settings) { s.Justification = false }), base},
		"Ticket":            {with(func(s *Settings) { s.Ticket = false }), base},
		"Approval":          {with(func(s *Settings) { s.Approval = false }), base},
		"MaxLead":           {with(func(s *Settings) { s.MaxLead = 48 * h }), with(func(s *Settings) { s.MaxLead = 0 })},
		"MaxTotal":          {with(func(s *Settings) { s.MaxTotal = 24 * h }), with(func(s *Settings) { s.MaxTotal = 4 * h })},
		"ExtensionApproval": {with(func(s *Settings) { s.ExtensionApproval = ExtensionFree }), base},
		"ApprovalTimeout":   {with(func(s *Settings) { s.ApprovalTimeout = 48 * h }), with(func(s *Settings) { s.ApprovalTimeout = h })},
		"Context":           {with(func(s *Settings) { s.Context = "" }), base},

		"PermanentEligible":   {with(func(s *Settings) { s.PermanentEligible = true }), base}, // S-20
		"EligibleMax":         {with(func(s *Settings) { s.EligibleMax = 400 * 24 * h }), with(func(s *Settings) { s.EligibleMax = 24 * h })},
		"PermanentActive":     {with(func(s *Settings) { s.PermanentActive = true }), base},
		"ActiveMax":           {with(func(s *Settings) { s.ActiveMax = 200 * 24 * h }), with(func(s *Settings) { s.ActiveMax = 24 * h })},
		"AssignStepUp":        {with(func(s *Settings) { s.AssignStepUp = false }), base},
		"AssignJustification": {with(func(s *Settings) { s.AssignJustification = false }), base}, // S-25
	}
	for name, r := range rows {
		if got := r.loose.Stricter(r.strict); !reflect.DeepEqual(got, r.strict) {
			t.Errorf("%s tightened after the request: %+v", name, got)
		}
		if got := r.strict.Stricter(r.loose); !reflect.DeepEqual(got, r.strict) {
			t.Errorf("%s loosened after the request: %+v", name, got)
		}
		if got := r.loose.Looser(r.strict); len(got) != 1 || got[0] != fieldOf(name) { // T21
			t.Errorf("%s loosened: %v", name, got)
		}
		if got := r.strict.Looser(r.loose); len(got) != 0 {
			t.Errorf("%s tightened is looser in %v", name, got)
		}
	}
	was, is := with(func(s *Settings) { s.Approvers = []string{"ann", "bob"} }), with(func(s *Settings) { s.Approvers = []string{"cem"} })
	if got := was.Stricter(is).Approvers; !slices.Equal(got, []string{"cem"}) {
		t.Errorf("approvers are today's list: %v", got)
	}
	if got := is.Stricter(was).Approvers; !slices.Equal(got, []string{"ann", "bob"}) {
		t.Errorf("approvers are today's list, also when it grew: %v", got)
	}
	for i := range reflect.TypeFor[Settings]().NumField() {
		name := reflect.TypeFor[Settings]().Field(i).Name
		if _, ok := rows[name]; !ok && name != "Approvers" {
			t.Errorf("field %s has no row here: say what the stricter of two is", name)
		}
	}
}

// fieldOf is the file's name of a field of the struct.
func fieldOf(name string) Field {
	var b strings.Builder
	for i, c := range name {
		if unicode.IsUpper(c) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return Field(b.String())
}

// Every field of the settings and of a row has its rule, by the name of the file.
func TestEveryFieldHasItsRule(t *testing.T) {
	for i := range reflect.TypeFor[Settings]().NumField() {
		name := reflect.TypeFor[Settings]().Field(i).Name
		if fieldOf(name).number() < 0 {
			t.Errorf("%s has no rule", name)
		}
		if _, ok := reflect.TypeFor[RoleSettings]().FieldByName(name); !ok {
			t.Errorf("%s cannot be set in a row", name)
		}
	}
	if n := reflect.TypeFor[Settings]().NumField(); n != len(rules) || n != len(Fields()) {
		t.Errorf("%d fields, %d rules", n, len(rules))
	}
}

// T21: what of approvers counts as less strict.
func TestLooserApprovers(t *testing.T) {
	asked := func(approval bool, who ...string) Settings {
		s := DefaultSettings()
		s.Approval, s.Approvers = approval, who
		return s
	}
	for _, c := range []struct {
		name    string
		was, is Settings
		want    []Field
	}{
		{"one added", asked(true, "ann"), asked(true, "ann", "eve"), []Field{FieldApprovers}},
		{"one taken out", asked(true, "ann", "bob"), asked(true, "bob"), nil},
		{"another order", asked(true, "ann", "bob"), asked(true, "bob", "ann"), nil},
		{"all others", asked(true, "ann"), asked(true, "eve"), []Field{FieldApprovers}},
		{"named where none was asked", asked(false), asked(true, "ann"), nil},
		{"not asked any more", asked(true, "ann"), asked(false, "ann"), []Field{FieldApproval}},
	} {
		if got := c.is.Looser(c.was); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// T12: mixed changes take each field by itself, and the order never loosens anything but approvers.
func TestStricterIsFieldByField(t *testing.T) {
	a := Settings{MaxDuration: h, StepUp: StepUpNone, Ticket: true, ApprovalTimeout: 2 * h}
	b := Settings{MaxDuration: 2 * h, StepUp: StepUpPasskey, Approval: true, ApprovalTimeout: h}
	want := Settings{MaxDuration: h, StepUp: StepUpPasskey, Ticket: true, Approval: true, ApprovalTimeout: h, MaxTotal: 2 * h, ExtensionApproval: ExtensionAsActivation}
	if got := a.Stricter(b); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := b.Stricter(a); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestStepUpStricter(t *testing.T) {
	for _, c := range []struct{ a, b, want StepUpLevel }{
		{StepUpNone, StepUpNone, StepUpNone}, {StepUpNone, StepUpPasskey, StepUpPasskey},
		{StepUpPasskey, StepUpNone, StepUpPasskey}, {StepUpPasskey, StepUpPasskey, StepUpPasskey},
		{StepUpAttested, StepUpPasskey, StepUpAttested}, {StepUpNone, StepUpAttested, StepUpAttested}, {"", StepUpNone, StepUpNone},
	} {
		if got := c.a.Stricter(c.b); got != c.want {
			t.Errorf("%s, %s: %s", c.a, c.b, got)
		}
	}
}

// K-19: settings are inherited down the tree, field by field, the nearest wins; the rows used are named.
func TestResolveSettings(t *testing.T) {
	role := RoleDefinition{ID: "dba"}
	path := Path{{ID: "org"}, {ID: "cluster"}, {ID: "payments"}}
	everywhere := RoleSettings{RoleID: "dba", MaxDuration: ptr(6 * h), Ticket: ptr(true), Version: 3}
	org := RoleSettings{RoleID: "dba", ResourceID: "org", Approval: ptr(true), Approvers: []string{"ann"}, Version: 5}
	leaf := RoleSettings{RoleID: "dba", ResourceID: "payments", MaxDuration: ptr(2 * h), Ticket: ptr(false), Version: 7}
	other := RoleSettings{RoleID: "dba", ResourceID: "elsewhere", MaxDuration: ptr(time.Minute), Version: 9}
	foreign := RoleSettings{RoleID: "another", ResourceID: "payments", Justification: ptr(false), Version: 11}

	for _, rows := range [][]RoleSettings{{everywhere, org, leaf, other, foreign}, {foreign, other, leaf, org, everywhere}} {
		got := ResolveSettings(role, path, rows)
		want := DefaultSettings()
		want.MaxDuration, want.MaxTotal, want.Approval, want.Approvers = 2*h, 4*h, true, []string{"ann"}
		if !reflect.DeepEqual(got.Settings, want) {
			t.Errorf("have %+v\nwant %+v", got.Settings, want)
		}
		if !reflect.DeepEqual(got.Versions, map[string]int64{"": 3, "org": 5, "payments": 7}) {
			t.Errorf("versions %v", got.Versions)
		}
	}
	if got := ResolveSettings(role, path[:2], []RoleSettings{leaf, everywhere}); got.MaxDuration != 6*h || !got.Ticket {
		t.Errorf("what is set below does not hold above: %+v", got)
	}
}

func TestResolveSettingsEdges(t *testing.T) {
	role := RoleDefinition{ID: "dba"}
	none := ResolveSettings(role, nil, nil)
	if !reflect.DeepEqual(none.Settings, DefaultSettings()) || len(none.Versions) != 0 {
		t.Errorf("S-10, S-12 to S-16: %+v", none)
	}
	if got := ResolveSettings(role, nil, []RoleSettings{{RoleID: "dba", MaxDuration: ptr(30 * time.Minute)}}); got.DefaultDuration != 30*time.Minute {
		t.Errorf("the default never exceeds the maximum: %v", got.DefaultDuration)
	}
	noApprovers := []RoleSettings{{RoleID: "dba", Approvers: []string{"ann"}}, {RoleID: "dba", ResourceID: "org", Approvers: []string{}}}
	if got := ResolveSettings(role, Path{{ID: "org"}}, noApprovers); len(got.Approvers) != 0 {
		t.Errorf("an empty list is an override, nil is inherited: %v", got.Approvers)
	}
	weak := []RoleSettings{{RoleID: "dba", StepUp: ptr(StepUpNone)}, {RoleID: "dba", ResourceID: "org", StepUp: ptr(StepUpNone)}}
	if got := ResolveSettings(RoleDefinition{ID: "dba", Privileged: true}, Path{{ID: "org"}}, weak); got.StepUp != StepUpPasskey {
		t.Errorf("a privileged role always asks for a passkey: %s", got.StepUp)
	}
	if got := ResolveSettings(role, Path{{ID: "org"}}, weak); got.StepUp != StepUpNone {
		t.Errorf("an ordinary one need not: %s", got.StepUp)
	}
	mine := []string{"ann"}
	got := ResolveSettings(role, nil, []RoleSettings{{RoleID: "dba", Approvers: mine}})
	got.Approvers[0] = "eve"
	if mine[0] != "ann" {
		t.Error("the effective list is a copy")
	}
}

// S-10 and its neighbours: the bounds of what may be set, with the field that is wrong.
func TestCheckSettings(t *testing.T) {
	plain, privileged := RoleDefinition{ID: "dba"}, RoleDefinition{ID: "dba", Privileged: true}
	for _, c := range []struct {
		name  string
		role  RoleDefinition
		set   RoleSettings
		field string
	}{
		{"nothing set", plain, RoleSettings{}, ""},
		{"shortest maximum", plain, RoleSettings{MaxDuration: ptr(time.Minute)}, ""},
		{"maximum too short", plain, RoleSettings{MaxDuration: ptr(time.Minute - 1)}, "max_duration"},
		{"S-10 longest maximum", plain, RoleSettings{MaxDuration: ptr(24 * h)}, ""},
		{"S-10 maximum too long", plain, RoleSettings{MaxDuration: ptr(24*h + 1)}, "max_duration"},
		{"negative maximum", plain, RoleSettings{MaxDuration: ptr(-h)}, "max_duration"},
		{"default too short", plain, RoleSettings{DefaultDuration: ptr(time.Duration(0))}, "default_duration"},
		{"default too long", plain, RoleSettings{DefaultDuration: ptr(25 * h)}, "default_duration"},
		{"default over the maximum", plain, RoleSettings{DefaultDuration: ptr(2 * h), MaxDuration: ptr(h)}, "default_duration"},
		{"default as long as the maximum", plain, RoleSettings{DefaultDuration: ptr(h), MaxDuration: ptr(h)}, ""},
		{"step-up none", plain, RoleSettings{StepUp: ptr(StepUpNone)}, ""},
		{"step-up none on a privileged role", privileged, RoleSettings{StepUp: ptr(StepUpNone)}, "step_up"},
		{"step-up passkey on a privileged role", privileged, RoleSettings{StepUp: ptr(StepUpPasskey)}, ""},
		{"step-up of another kind", plain, RoleSettings{StepUp: ptr(StepUpLevel("sms"))}, "step_up"},
		{"step-up empty", plain, RoleSettings{StepUp: ptr(StepUpLevel(""))}, "step_up"},
		{"shortest time to approve", plain, RoleSettings{ApprovalTimeout: ptr(5 * time.Minute)}, ""},
		{"time to approve too short", plain, RoleSettings{ApprovalTimeout: ptr(5*time.Minute - 1)}, "approval_timeout"},
		{"longest time to approve", plain, RoleSettings{ApprovalTimeout: ptr(168 * h)}, ""},
		{"no planning", plain, RoleSettings{MaxLead: ptr(0 * h)}, ""},
		{"longest lead", plain, RoleSettings{MaxLead: ptr(168 * h)}, ""},
		{"lead too long", plain, RoleSettings{MaxLead: ptr(168*h + 1)}, "max_lead"},
		{"lead before now", plain, RoleSettings{MaxLead: ptr(-h)}, "max_lead"},
		{"longest in all", plain, RoleSettings{MaxTotal: ptr(168 * h)}, ""},
		{"too long in all", plain, RoleSettings{MaxTotal: ptr(168*h + 1)}, "max_total"},
		{"nothing in all", plain, RoleSettings{MaxTotal: ptr(0 * h)}, "max_total"},
		{"less in all than at once", plain, RoleSettings{MaxTotal: ptr(h), MaxDuration: ptr(2 * h)}, "max_total"},
		{"extensions free", plain, RoleSettings{ExtensionApproval: ptr(ExtensionFree)}, ""},
		{"extensions by whom", plain, RoleSettings{ExtensionApproval: ptr(ExtensionApproval("boss"))}, "extension_approval"},
		{"attested", plain, RoleSettings{StepUp: ptr(StepUpAttested)}, ""},
		{"S-11 a context", plain, RoleSettings{Context: ptr("urn:example:mfa c1")}, ""},
		{"S-11 a context twice", plain, RoleSettings{Context: ptr("c1 c1")}, "context"},
		{"S-11 no context's name", plain, RoleSettings{Context: ptr("c\"1")}, "context"},
		{"S-11 a context that reads as none", plain, RoleSettings{Context: ptr("none")}, "context"},
		{"S-11 too many contexts", plain, RoleSettings{Context: ptr("a b c d e f")}, "context"},
		{"no context", plain, RoleSettings{Context: ptr("")}, ""},
		{"S-21 shortest eligible", plain, RoleSettings{EligibleMax: ptr(h)}, ""},
		{"S-21 eligible too short", plain, RoleSettings{EligibleMax: ptr(h - 1)}, "eligible_max"},
		{"S-21 longest eligible", plain, RoleSettings{EligibleMax: ptr(3650 * 24 * h)}, ""},
		{"S-21 eligible too long", plain, RoleSettings{EligibleMax: ptr(3650*24*h + 1)}, "eligible_max"},
		{"S-23 shortest active", plain, RoleSettings{ActiveMax: ptr(h)}, ""},
		{"S-23 active too short", plain, RoleSettings{ActiveMax: ptr(h - 1)}, "active_max"},
		{"S-23 active too long", plain, RoleSettings{ActiveMax: ptr(3650*24*h + 1)}, "active_max"},
		{"enforced and set", plain, RoleSettings{Ticket: ptr(true), Enforced: []Field{FieldTicket}}, ""},
		{"enforced and not set", plain, RoleSettings{Enforced: []Field{FieldTicket}}, "enforced"},
		{"enforced twice", plain, RoleSettings{Ticket: ptr(true), Enforced: []Field{FieldTicket, FieldTicket}}, "enforced"},
		{"enforced unknown", plain, RoleSettings{Enforced: []Field{"colour"}}, "enforced"},
		{"nobody enforced", plain, RoleSettings{Approvers: []string{}, Enforced: []Field{FieldApprovers}}, "approvers"},
		{"time to approve too long", plain, RoleSettings{ApprovalTimeout: ptr(168*h + 1)}, "approval_timeout"},
	} {
		got := ""
		if r := c.set.Check(c.role); r != nil {
			got = r.Field
			if r.Kind != KindInvalid || r.Message == "" {
				t.Errorf("%s: %+v", c.name, r)
			}
		}
		if got != c.field {
			t.Errorf("%s: field %q, want %q", c.name, got, c.field)
		}
	}
}
