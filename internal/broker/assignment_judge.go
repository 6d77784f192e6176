package broker

import (
	"errors"
	"slices"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// ask is what is wanted of one assignment.
type ask struct {
	before     *pim.Assignment // what it changes, extends or renews; nil: a new one
	assignment pim.Assignment  // who, what, where and why
	terms      pim.AssignmentTerms
	decided    string // the request that this decides
	bySystem   bool   // a review that ended, whose making was allowed: nobody asks who may hand out
}

// judged is one assignment as it would be, with everything its events and sentences need.
type judged struct {
	now       time.Time
	principal pim.Principal
	role      pim.RoleDefinition
	path      pim.Path
	rules     pim.AssignmentRules
	terms     pim.AssignmentTerms
	verdicts  []pim.Verdict
	after     pim.Assignment
	stale     *pim.Assignment // of its kind: over, and not recorded as such
	touch     bool            // a passkey confirms it
	alone     bool            // they give themselves what is privileged, and nobody else could
}

// judgeAssignment answers every rule about one assignment. The refusal is a value; the error is a fault.
func judgeAssignment(r *store.Reader, who pim.Principal, q ask) (judged, *pim.Refusal, error) {
	j := judged{now: r.Now, after: q.assignment, terms: q.terms}
	err := j.weigh(r, who, q)
	var refusal *pim.Refusal
	if errors.As(err, &refusal) {
		return j, refusal, nil
	}
	if err != nil {
		return j, nil, err
	}
	return j, pim.RefusalOf(j.verdicts), nil
}

// weigh loads what the decision rests on and lets the rules decide.
func (j *judged) weigh(r *store.Reader, who pim.Principal, q ask) (err error) {
	if !q.bySystem {
		if err = handsOut(r, who, q.assignment.RoleID, q.assignment.ResourceID); err != nil {
			return err
		}
	}
	if err = j.place(r, q); err != nil {
		return err
	}
	f := pim.AssignmentFacts{Now: r.Now, Role: j.role, Path: j.path, Rules: j.rules, Before: q.before}
	if f.Principal, err = r.Principal(q.assignment.PrincipalID); errors.Is(err, store.ErrNotFound) {
		if q.before == nil {
			return pim.Invalid("pick", "One of them is not known. Choose from the list.")
		}
		f.Removed, err = true, nil
	}
	if err != nil {
		return err
	}
	j.principal = f.Principal
	if err = j.beside(r, q, &f); err != nil {
		return err
	}
	if !q.bySystem {
		if f.Own, f.OthersAble, err = givesThemselves(r, who, j.role, q.assignment.PrincipalID, j.terms.Kind); err != nil {
			return err
		}
	}
	j.verdicts = pim.EvaluateAssignment(j.terms, q.assignment.Justification, q.assignment.TicketNumber, q.assignment.TicketSystem, f)
	j.settle(who, q, f)
	return nil
}

// place loads role, resource and the rules there, and completes the terms.
func (j *judged) place(r *store.Reader, q ask) error {
	if _, err := r.Resource(q.assignment.ResourceID); err != nil {
		return found(err)
	}
	var eff pim.Effective
	var err error
	if j.role, j.path, eff, err = effective(r, q.assignment.RoleID, q.assignment.ResourceID); err != nil {
		return found(err)
	}
	if j.rules, err = rulesAt(r, j.terms.Kind, j.role, j.path, eff); err != nil {
		return err
	}
	j.terms = j.terms.Resolve(j.rules, r.Now)
	return nil
}

// rulesAt are the rules of a kind at a place, with where its maximum comes from.
func rulesAt(r *store.Reader, kind pim.AssignmentKind, role pim.RoleDefinition, path pim.Path, eff pim.Effective) (pim.AssignmentRules, error) {
	rules := pim.RulesFor(kind, eff, role)
	type key struct {
		kind pim.AssignmentKind
		defined
	}
	from, err := store.Remembered(r, key{kind, defined{role.ID, path.Leaf().ID}}, func() (string, error) {
		rows, err := r.Settings(role.ID)
		return pim.AssignmentRulesFrom(kind, role, path, rows), err
	})
	rules.From = from
	return rules, err
}

// beside finds what stands in the way: another of its kind, or a request that waits.
func (j *judged) beside(r *store.Reader, q ask, f *pim.AssignmentFacts) error {
	like := q.assignment
	like.Kind = j.terms.Kind
	other, err := r.AssignmentLike(like)
	if err != nil {
		return err
	}
	if other != nil && (q.before == nil || other.ID != q.before.ID) {
		if other.StateAt(r.Now) == pim.AssignmentExpired {
			j.stale = other
		} else {
			f.Existing = other
		}
	}
	open, err := r.OpenAssignmentRequest(like.PrincipalID, like.RoleID, like.ResourceID)
	if err == nil && open != nil && open.ID != q.decided && open.TimesOutAt.After(r.Now) {
		f.Request = open
	}
	return err
}

// settle is the assignment as it would be.
func (j *judged) settle(who pim.Principal, q ask, f pim.AssignmentFacts) {
	a := &j.after
	a.Kind, a.StartsAt, a.EndsAt, a.Source, a.MadeBy = j.terms.Kind, j.terms.Start, j.terms.End, pim.SourceBrowser, who.ID
	gains := q.before == nil || a.Gains(*q.before, j.now)
	j.touch = gains && j.rules.StepUp || j.role.Source == pim.SourceBuiltin
	j.alone = slices.ContainsFunc(j.verdicts, func(v pim.Verdict) bool { return v.Rule == pim.RuleOwn && v.State == pim.Note })
}

// loud marks the event of somebody who gave themselves what is privileged.
func (j judged) loud(e pim.Event) pim.Event {
	if j.alone {
		return e.With("own", true)
	}
	return e
}

// tell tells every administrator when somebody gave themselves what is privileged.
func (j judged) tell(tx *store.Tx, who pim.Principal) error {
	if !j.alone {
		return nil
	}
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	return notify(tx, who.Name+" gave themselves "+j.what()+": nobody else was able to.", "/assignments/"+j.after.ID, people...)
}
