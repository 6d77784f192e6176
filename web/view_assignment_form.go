package web

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// assignmentForm is the fields with what the rules of a place say of them.
func assignmentForm(q *request, rules broker.PlaceRules, values views.AssignmentValues) views.AssignmentForm {
	f := views.AssignmentForm{Values: values, ZoneKnown: q.who.Zone != "", Bounds: bounds(rules), Permanent: rules.Eligible.Permanent || rules.Active.Permanent, Longest: true}
	switch e, a := rules.Eligible.Justification, rules.Active.Justification; {
	case e && a:
		f.ReasonNeeded = "always"
	case a:
		f.ReasonNeeded = "needed for active"
	case e:
		f.ReasonNeeded = "needed for eligible"
	}
	return f
}

// bounds says how long an assignment of each kind may last, and where that was set.
func bounds(rules broker.PlaceRules) []string {
	one := func(kind string, r pim.AssignmentRules) string {
		s := kind + ": at most " + views.Duration(r.Max)
		if r.Permanent {
			s += ", or no end"
		}
		if r.From != "" {
			s += " (set at " + r.From + ")"
		}
		return s + "."
	}
	return []string{one("Eligible", rules.Eligible), one("Active", rules.Active)}
}

// assignAside is the checks and consequences: of one principal every rule, of several what stands against each.
func (s *Server) assignAside(q *request, a assignAsked, check broker.AssignCheck) (v views.NewAssignmentAsideView, err error) {
	v.Reader = q.reader()
	switch len(check.Items) {
	case 0:
		v.Verdicts = []views.Verdict{{State: views.Words, Text: "Choose who gets it"}}
	case 1:
		v.Verdicts = verdictViews(typedYet(check.Items[0].Verdicts, a))
	default:
		for _, item := range check.Items {
			v.Verdicts = append(v.Verdicts, itemVerdict(item, a))
		}
	}
	for field, text := range a.wrong {
		v.Verdicts = append(v.Verdicts, views.Verdict{State: views.Fail, Text: text, Detail: strings.ToUpper(field[:1]) + field[1:]})
	}
	if check.Touch {
		v.Verdicts = append(v.Verdicts, views.Verdict{State: views.Todo, Text: "Your passkey confirms it", Detail: "On the next page, for exactly what you see here."})
	}
	eff, err := read(s, q, func(r *store.Reader) (pim.Effective, error) { return effectiveAt(r, a.place()) })
	for _, item := range check.Items {
		if item.Refusal == nil {
			v.Steps = append(v.Steps, becomes(q, item, eff))
		}
	}
	return v, err
}

// typedYet: what is not typed yet is not wrong yet.
func typedYet(list []pim.Verdict, a assignAsked) []pim.Verdict {
	out := append([]pim.Verdict{}, list...)
	for i, v := range out {
		if v.State == pim.No && v.Rule == pim.RuleJustification && a.values.Justification == "" {
			out[i].State = pim.Todo
		}
	}
	return out
}

func itemVerdict(item broker.AssignItem, a assignAsked) views.Verdict {
	for _, v := range typedYet(item.Verdicts, a) {
		if v.State == pim.No || v.State == pim.Todo {
			return views.Verdict{State: verdictState(v), Text: item.Principal.Name, Detail: v.Message}
		}
	}
	if item.Refusal != nil {
		return views.Verdict{State: views.Fail, Text: cmp.Or(item.Principal.Name, "Somebody who is not there"), Detail: item.Refusal.Message}
	}
	return views.Verdict{Text: item.Principal.Name, Detail: "Every rule is met."}
}

// effectiveAt is what the settings say of activating a role at a resource.
func effectiveAt(r *store.Reader, p broker.Place) (pim.Effective, error) {
	c, err := catalogueIn(r)
	if err != nil {
		return pim.Effective{}, err
	}
	lines, err := c.linesOf(r, []store.Holding{{RoleID: p.RoleID, ResourceID: p.ResourceID}})
	if line := lines[[2]string{p.RoleID, p.ResourceID}]; line != nil {
		return line.eff, err
	}
	return pim.Effective{}, err
}

// becomes says in one sentence what somebody will be able to do, or hold.
func becomes(q *request, item broker.AssignItem, eff pim.Effective) string {
	what, when := item.Role.Name+" on "+item.Path.Leaf().Name, q.ends(item.Terms.End)
	if item.Terms.Start.After(q.now) {
		when = " from " + q.wall(item.Terms.Start) + when
	}
	if item.Terms.Kind == pim.Active {
		return fmt.Sprintf("%s will hold %s all the time%s.", item.Principal.Name, what, when)
	}
	who := item.Principal.Name
	if item.Principal.Kind == pim.Group {
		who = "Each member of " + who
	}
	return fmt.Sprintf("%s will be able to activate %s%s: at most %s at a time%s.", who, what, when, views.Duration(eff.MaxDuration), withNeeds(eff))
}

// withNeeds lists what an activation asks for.
func withNeeds(eff pim.Effective) string {
	var list []string
	for _, n := range needViews(eff.Settings) {
		list = append(list, n.Text)
	}
	switch len(list) {
	case 0:
		return ""
	case 1:
		return ", with " + list[0]
	}
	return ", with " + strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

// wall is an instant in the reader's zone, as sentences say it.
func (q *request) wall(t time.Time) string {
	zone := zoneOf(q.who)
	if zone == nil {
		return t.UTC().Format("2006-01-02 15:04") + " UTC"
	}
	return t.In(zone).Format("2006-01-02 15:04")
}

func (q *request) ends(t time.Time) string {
	if t.IsZero() {
		return ", no end"
	}
	return " until " + q.wall(t)
}

// localField is an instant as a field of a form holds it, in the form's zone.
func localField(t time.Time, zone string) string {
	if t.IsZero() {
		return ""
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		loc = time.UTC
	}
	return t.In(loc).Format(wallForms[0])
}
