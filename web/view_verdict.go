package web

import (
	"stint/internal/pim"
	"stint/views"
)

// verdictViews shows every rule's answer.
func verdictViews(list []pim.Verdict) []views.Verdict {
	out := make([]views.Verdict, len(list))
	for i, v := range list {
		out[i] = views.Verdict{State: verdictState(v), Text: v.Message}
	}
	return out
}

func verdictState(v pim.Verdict) views.VerdictState {
	switch {
	case v.State == pim.No:
		return views.Fail
	case v.State == pim.Note:
		return views.Look
	case v.State == pim.Todo && v.Rule == pim.RuleApproval:
		return views.Approver
	case v.State == pim.Todo && (v.Rule == pim.RuleJustification || v.Rule == pim.RuleTicket):
		return views.Words
	case v.State == pim.Todo:
		return views.Todo
	}
	return views.Pass
}

// verdictErrors puts each refused field's words at its field, and the rest above the form.
func verdictErrors(r *pim.Refusal) views.Errors {
	out := views.Errors{}
	for _, v := range r.Verdicts {
		if v.State == pim.No && out[v.Field] == "" {
			out[v.Field] = v.Message
		}
	}
	if len(out) == 0 {
		out[r.Field] = r.Message
	}
	return out
}
