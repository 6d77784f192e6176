package pim

import "slices"

// fold is the settings from everywhere down to a node, with where each field came from.
type fold struct {
	Settings
	floor    Settings // what is enforced so far, field by field
	from     []int    // for each field the place in order of the row it comes from; -1: the default
	enforced []int    // and of the nearest row that enforces it; -1: none
	held     []int    // where the floor's value comes from
	ignored  []bool   // the last row's value is less strict than the floor
}

func newFold() *fold {
	f := &fold{Settings: DefaultSettings(), from: make([]int, len(rules)), enforced: make([]int, len(rules)),
		held: make([]int, len(rules)), ignored: make([]bool, len(rules))}
	f.MaxTotal = 0 // its default follows from the maximum
	for i := range rules {
		f.from[i], f.enforced[i] = -1, -1
	}
	return f
}

// step goes down to a node with a row: what is set there goes over what is inherited, unless it is less strict than
// what a node above enforces.
func (f *fold) step(row *RoleSettings, node int) {
	for i := range rules {
		r := &rules[i]
		if f.ignored[i] = false; !r.isSet(row) {
			continue
		}
		r.over(row, &f.Settings)
		f.from[i] = node
		if f.enforced[i] >= 0 && r.looser(f.atLeast(), &f.Settings) {
			kept := f.floor
			r.stricter(&kept, &f.Settings)
			r.copy(&f.Settings, &kept)
			f.from[i], f.ignored[i] = f.held[i], true
		}
	}
	f.enforce(row, node)
}

// atLeast is the floor as it is compared with: approvers count there whether approval is asked for or not.
func (f *fold) atLeast() *Settings {
	floor := f.floor
	floor.Approval = true
	return &floor
}

func (f *fold) enforce(row *RoleSettings, node int) {
	if len(row.Enforced) == 0 {
		return
	}
	now := f.settled(RoleDefinition{})
	for _, field := range row.Enforced {
		if i := field.number(); i >= 0 && rules[i].isSet(row) {
			rules[i].copy(&f.floor, &now)
			rules[i].copy(&f.Settings, &now)
			f.enforced[i], f.held[i] = node, f.from[i]
		}
	}
}

// settled makes fields agree with each other: a privileged role always asks for a passkey, the default never exceeds
// the maximum, nor the maximum what is allowed in all.
func (f *fold) settled(role RoleDefinition) Settings {
	s := f.Settings
	if role.Privileged {
		s.StepUp = s.StepUp.Stricter(StepUpPasskey)
	}
	s.MaxTotal = s.total()
	s.MaxDuration = min(s.MaxDuration, s.MaxTotal)
	s.DefaultDuration = min(s.DefaultDuration, s.MaxDuration)
	return s
}

// onPath picks the rows of a role on a path: by their place, the one of everywhere first, nil where there is none.
func onPath(role RoleDefinition, path Path, rows []RoleSettings) []*RoleSettings {
	place := make(map[string]int, len(path)+1)
	place[""] = 0
	for i, r := range path {
		place[r.ID] = i + 1
	}
	out := make([]*RoleSettings, len(path)+1)
	for i := range rows {
		if rows[i].RoleID != role.ID {
			continue
		}
		if n, on := place[rows[i].ResourceID]; on {
			out[n] = &rows[i]
		}
	}
	return out
}

// ResolveSettings folds what was set from everywhere down to the leaf of path, field by field: the nearest wins, but
// below a node that enforces a field only what is at least as strict (THREATS T23).
func ResolveSettings(role RoleDefinition, path Path, rows []RoleSettings) Effective {
	f, versions := newFold(), map[string]int64{}
	for n, row := range onPath(role, path, rows) {
		if row != nil {
			f.step(row, n)
			versions[row.ResourceID] = row.Version
		}
	}
	return Effective{Settings: f.settled(role), Versions: versions}
}

// FieldState is one field of the settings at a node with where it comes from, as a page shows it.
type FieldState struct {
	Field        Field
	Default      bool   // nobody set it: it is Stint's own
	Source       string // else the node it comes from; empty: everywhere
	Own          bool   // the row of this very node sets it
	Ignored      bool   // it does, but a node above enforces something stricter
	Enforced     bool   // a node above enforces it: only stricter values are accepted here
	EnforcedBy   string // that node, the nearest; empty: everywhere
	EnforcedHere bool   // the row of this node enforces it below
	Value        string // in words
	Inherited    string // what it would be without the row of this node
}

// Explained are the rules at a node, what they would be without its own row, and where each field comes from.
type Explained struct {
	Effective
	Inherited Settings
	Own       *RoleSettings // nil: nothing is set here
	Fields    []FieldState
}

// ExplainSettings is ResolveSettings with the reasons; an empty path means everywhere.
func ExplainSettings(role RoleDefinition, path Path, rows []RoleSettings) Explained {
	order := onPath(role, path, rows)
	last := len(order) - 1
	own := order[last]
	f := newFold()
	for n, row := range order[:last] {
		if row != nil {
			f.step(row, n)
		}
	}
	x := Explained{Effective: ResolveSettings(role, path, rows), Inherited: f.settled(role), Own: own, Fields: make([]FieldState, len(rules))}
	above := slices.Clone(f.enforced)
	if own != nil {
		f.step(own, last)
	}
	name := func(n int) string {
		if n <= 0 {
			return ""
		}
		return path[n-1].ID
	}
	for i := range rules {
		r := &rules[i]
		x.Fields[i] = FieldState{Field: r.field, Default: f.from[i] < 0, Source: name(f.from[i]), Own: own != nil && r.isSet(own),
			Ignored: own != nil && f.ignored[i], Enforced: above[i] >= 0, EnforcedBy: name(above[i]),
			EnforcedHere: f.enforced[i] == last, Value: r.words(&x.Settings), Inherited: r.words(&x.Inherited)}
	}
	return x
}

// CheckBelow refuses a row that is less strict than what a node above enforces, and says which field and by whom.
// Its place is the leaf of path; an empty path is everywhere, above which there is nothing.
func (r RoleSettings) CheckBelow(role RoleDefinition, path Path, rows []RoleSettings) *Refusal {
	for _, s := range ExplainSettings(role, path, replaced(rows, r)).Fields {
		if !s.Ignored {
			continue
		}
		where := "everywhere"
		if i := slices.IndexFunc(path, func(p Resource) bool { return p.ID == s.EnforcedBy }); i >= 0 {
			where = "at " + path[i].Name
		}
		if s.Field == FieldApprovers {
			return Invalid(string(s.Field), "Approvers are enforced %s: here only some of those named there may be named, and at least one.", where)
		}
		return Invalid(string(s.Field), "%s is enforced %s (%s): here it can only be as strict or stricter.", s.Field.Title(), where, s.Inherited)
	}
	return nil
}

// replaced returns the rows with one in the place of that of the same role and node.
func replaced(rows []RoleSettings, row RoleSettings) []RoleSettings {
	out := slices.DeleteFunc(slices.Clone(rows), func(o RoleSettings) bool { return o.RoleID == row.RoleID && o.ResourceID == row.ResourceID })
	return append(out, row)
}
