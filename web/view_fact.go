package web

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"stint/internal/audit"
	"stint/internal/pim"
	"stint/views"
)

// factForm is how a fact of a leaf is shown.
type factForm int

const (
	asText    factForm = iota // as it is written
	asWord                    // an own word of Stint's: confirmed_gone is "Confirmed gone"
	asSpan                    // seconds
	asInstant                 // microseconds
	asEnd                     // microseconds; none: without an end
	asID                      // folded away with the other ids
)

// factForms says what a fact is called and how it is shown; what is not named here is shown as it is written.
var factForms = map[string]struct {
	term string
	form factForm
}{
	"account": {"Account at the target", asID}, "assignment": {"Assignment", asID}, "checkpoint": {"Checkpoint", asID}, "digest": {"Digest of the file", asID},
	"entitlement": {"Group or role at the target", asID}, "evidence": {"Evidence of the passkey", asID}, "parent": {"Parent", asID}, "target": {"Target", asID},
	"same_person_as": {"Same person as", asID}, "sha256": {"Digest", asID}, "step_up": {"Step-up evidence", asID}, "key": {"Id in the file", asID},
	"duration_s": {"Duration", asSpan}, "starts_at": {"Start", asInstant}, "ends_at": {"End", asEnd}, "ended_at": {"Ended", asInstant},
	"passkey": {"Passkey asked for", asText}, "times_out_at": {"Waits until", asInstant}, "since": {"Since", asInstant}, "state": {"How it ended", asWord}, "kind": {"Kind", asWord},
	"before": {"Held before Stint", asWord}, "seen": {"Seen at the target", asWord}, "source": {"Known from", asWord}, "error": {"Error", asWord},
	"rule": {"Rule", asWord}, "action": {"Action", asWord}, "code": {"Refused because", asWord}, "allowed_by": {"Allowed by", asWord},
	"relation": {"Relation", asWord}, "stage": {"Stage", asText}, "approvers": {"Approvers", asID}, "person": {"Person searched for", asID}, "activation": {"Activation searched for", asID}, "quorum": {"Approvals needed", asText},
}

// factWords are Stint's own words where they do not read by themselves.
var factWords = map[string]string{
	"present": "yes", "absent": "no", "unknown": "not looked yet", "unseen": "not visible at the target", string(pim.OutcomeNothing): "nothing was given",
	string(pim.OutcomeAccepted): "not seen gone, accepted as gone by an administrator", "step_up": "passkey", "self": "nobody decides for themselves",
	string(pim.OutcomeGone): "seen gone", string(pim.OutcomeShared): "still held through another role", string(pim.OutcomeBefore): "put back as found before Stint",
}

// fillFacts sorts an entry's facts into what is told, what the rules said, and ids to look up.
func fillFacts(v *views.EntryView, e audit.Entry) {
	for _, id := range []views.Detail{{Term: "Event", Value: e.Type}, {Term: "Actor", Value: e.Actor}, {Term: "Person", Value: e.Subject}, {Term: "Role", Value: e.RoleID},
		{Term: "Resource", Value: e.ResourceID}, {Term: "Target", Value: e.TargetID}, {Term: "Object", Value: e.ObjectID}, {Term: "Activation", Value: e.Correlation}} {
		v.AddID(id.Term, id.Value)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Facts)) {
		nested, isMap := e.Facts[name].(map[string]any)
		switch {
		case name == "verdicts" && isMap:
			v.Verdicts = ruleViews(nested)
		case name == "outcomes" && isMap:
			for _, grant := range slices.Sorted(maps.Keys(nested)) {
				v.Facts = append(v.Facts, views.Detail{Term: "At the target", Value: wordOf(fmt.Sprint(nested[grant]))})
				v.AddID("Grant", grant)
			}
		case isMap:
			for _, part := range slices.Sorted(maps.Keys(nested)) {
				addFact(v, plain(name+" "+part), asText, nested[part])
			}
		default:
			f, known := factForms[name]
			if !known {
				f.term = plain(pim.Field(name).Title())
			}
			addFact(v, f.term, f.form, e.Facts[name])
		}
	}
}

// addFact shows one fact; what is empty says nothing.
func addFact(v *views.EntryView, term string, form factForm, value any) {
	number, isNumber := value.(int64)
	fact := views.Detail{Term: term, Value: factText(value)}
	switch {
	case form == asID:
		v.AddID(term, fact.Value)
		return
	case form == asSpan && isNumber:
		fact.Value = views.Duration(seconds(number))
	case form == asEnd && isNumber && number == 0:
		fact.Value = "without an end"
	case (form == asInstant || form == asEnd) && isNumber && number == 0:
		return
	case (form == asInstant || form == asEnd) && isNumber:
		fact = views.Detail{Term: term, At: time.UnixMicro(number)}
	case form == asWord:
		fact.Value = wordOf(fact.Value)
	}
	if fact.Value != "" || !fact.At.IsZero() {
		v.Facts = append(v.Facts, fact)
	}
}

func factText(value any) string {
	switch value := value.(type) {
	case bool:
		if value {
			return "yes"
		}
		return "no"
	case []string:
		return strings.Join(value, ", ")
	case []any:
		var list []string
		for _, one := range value {
			list = append(list, factText(one))
		}
		return strings.Join(list, ", ")
	}
	return fmt.Sprint(value)
}

func wordOf(s string) string { return cmp.Or(factWords[s], strings.ReplaceAll(s, "_", " ")) }

var ruleWords = map[pim.Rule]string{
	pim.RuleEligibility: "Eligible", pim.RuleOpen: "Not active or waiting already", pim.RuleAccount: "Account at the target", pim.RuleDuration: "Duration",
	pim.RuleJustification: "Reason", pim.RuleTicket: "Ticket", pim.RuleStepUp: "Passkey", pim.RuleApproval: "Approval", pim.RuleGranting: "Stint may grant",
}

// ruleViews shows what each rule said at the time, in the order of the form.
func ruleViews(said map[string]any) []views.Verdict {
	order := []pim.Rule{pim.RuleGranting, pim.RuleEligibility, pim.RuleOpen, pim.RuleAccount, pim.RuleDuration, pim.RuleJustification, pim.RuleTicket, pim.RuleStepUp, pim.RuleApproval}
	for _, rule := range slices.Sorted(maps.Keys(said)) {
		if !slices.Contains(order, pim.Rule(rule)) { // of a newer Stint
			order = append(order, pim.Rule(rule))
		}
	}
	var out []views.Verdict
	for _, rule := range order {
		if state, ok := said[string(rule)].(string); ok {
			out = append(out, views.Verdict{State: verdictState(pim.Verdict{Rule: rule, State: pim.VerdictState(state)}), Text: cmp.Or(ruleWords[rule], plain(string(rule)))})
		}
	}
	return out
}
