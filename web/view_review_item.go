package web

import (
	"slices"
	"strconv"

	"stint/internal/broker"
	"stint/internal/pim"
	"stint/internal/store"
	"stint/views"
)

// itemRows is what rows of a review need to be shown to a reviewer.
type itemRows struct {
	q       *request
	in      pim.ReviewInstance
	names   names
	people  map[string]pim.Principal
	history map[string][]pim.ReviewDecision
	groups  map[string]bool     // those the reader is in
	others  map[string][]string // names of who reviews, by item
	typed   typedAnswers
}

// itemGroups puts rows, which come in order, under what they have in common.
func itemGroups(r *store.Reader, q *request, in pim.ReviewInstance, rows []pim.ReviewItem, by string, typed typedAnswers) (out []views.ReviewGroup, err error) {
	l, err := itemRowsOf(r, q, in, rows, typed)
	if err != nil {
		return nil, err
	}
	last := ""
	for _, i := range rows {
		key, title := i.ResourceID+i.GroupID, l.names.itemPlace(i)
		if by == "person" {
			key, title = i.PrincipalID, l.names.itemHolder(i, l.people).Name
		}
		if len(out) == 0 || key != last {
			out, last = append(out, views.ReviewGroup{Title: title}), key
		}
		g := &out[len(out)-1]
		g.Rows = append(g.Rows, l.row(i))
	}
	return out, nil
}

func itemRowsOf(r *store.Reader, q *request, in pim.ReviewInstance, rows []pim.ReviewItem, typed typedAnswers) (l itemRows, err error) {
	l = itemRows{q: q, in: in, typed: typed, others: map[string][]string{}}
	if l.groups, err = broker.GroupsOfHuman(r, q.who); err != nil {
		return l, err
	}
	var want ids
	var shown, sets []string
	want.items(rows)
	for _, i := range rows {
		shown = append(shown, i.ID)
		if !i.MayAnswer(in.TurnOf(), q.who, l.groups) {
			sets = append(sets, i.SetID)
		}
	}
	if l.history, err = r.ReviewDecisions(shown); err != nil {
		return l, err
	}
	for _, list := range l.history {
		for _, d := range list {
			want.people = append(want.people, d.By)
		}
	}
	reviewers, err := r.ReviewersIn(unique(sets))
	if err != nil {
		return l, err
	}
	for _, list := range reviewers {
		want.people = append(want.people, list...)
	}
	if l.names, err = namesOf(r, want); err != nil {
		return l, err
	}
	for _, i := range rows {
		for _, id := range reviewers[i.SetID] {
			if id != q.who.ID && l.names.people[id] != "" && !slices.Contains(i.Frozen.Within, id) {
				l.others[i.ID] = append(l.others[i.ID], l.names.people[id])
			}
		}
	}
	l.people, err = holdersOf(r, rows)
	return l, err
}

func (l itemRows) row(i pim.ReviewItem) views.ReviewItem {
	holder := pim.Person
	if p, ok := l.people[i.PrincipalID]; ok {
		holder = p.Kind
	}
	v := views.ReviewItem{ID: i.ID, Version: strconv.FormatInt(i.Version, 10), Holder: l.names.itemHolder(i, l.people), Role: l.names.itemRole(i), Holds: itemHolds(i),
		Until: i.Frozen.EndsAt, Forever: i.AssignmentID != "" && i.Frozen.EndsAt.IsZero(), Use: itemUse(l.q, i), Shrinks: l.names.shrinks(l.q, l.in, i, holder),
		Answer: string(i.Answer), Reason: i.Reason}
	if i.Shrink.How != pim.ShrinkNone {
		v.Shrink = shrinkValue(i.Shrink)
	}
	v.Was = shownAs(v.Answer, v.Shrink, v.Reason)
	if l.in.Terms.Recommend {
		v.Advice = l.names.adviceView(i, l.in.Terms.LookBack)
	}
	if i.DecidedBy != "" && i.Answer != pim.AnswerNone {
		v.By, v.At, v.As = l.names.person(i.DecidedBy), i.DecidedAt, answeredAs[i.DecidedAs]
	}
	v.Earlier = l.earlier(i)
	if !i.MayAnswer(l.in.TurnOf(), l.q.who, l.groups) {
		v.Decides = l.decides(i)
	}
	l.keep(i, &v)
	return v
}

// keep leaves in a row what was typed and refused.
func (l itemRows) keep(i pim.ReviewItem, v *views.ReviewItem) {
	t, typed := l.typed.items[i.ID]
	words := l.typed.refused[i.ID]
	if typed && words == "" {
		v.Saved = l.typed.saved
		return
	}
	if typed {
		v.Answer, v.Reason, v.Error = string(t.Answer), t.Reason, words
		if t.Answer == pim.AnswerShrink {
			v.Shrink = l.typed.raw[i.ID]
		}
	}
}

func (l itemRows) decides(i pim.ReviewItem) string {
	own := "Nobody reviews their own access: "
	if i.PersonID == "" {
		own = "You are in this group, and nobody reviews their own access: "
	}
	switch names := l.others[i.ID]; len(names) {
	case 0:
		return own + "another reviewer decides"
	case 1:
		return own + names[0] + " decides"
	default:
		return own + andList(names[:min(len(names), 3)]) + " decide"
	}
}

// earlier are the answers before the one that counts; of earlier stages only where the terms show them.
func (l itemRows) earlier(i pim.ReviewItem) (out []views.ReviewEarlier) {
	list := slices.DeleteFunc(slices.Clone(l.history[i.ID]), func(d pim.ReviewDecision) bool {
		return d.Stage < l.in.Stage && !l.in.Terms.ShowEarlier
	})
	if n := len(list); n > 0 && list[n-1].Answer == i.Answer && list[n-1].At.Equal(i.DecidedAt) {
		list = list[:n-1]
	}
	for _, d := range list {
		answer := decisionWords(d)
		out = append(out, views.ReviewEarlier{By: l.names.person(d.By), At: d.At, Answer: answer, Reason: d.Reason})
	}
	return out
}

var answerWords = map[pim.ReviewAnswer]string{
	pim.AnswerApprove: "Approve", pim.AnswerDeny: "Deny", pim.AnswerShrink: "Shrink", pim.AnswerDontKnow: "Don’t know",
}

// decisionWords is a line of an item's history.
func decisionWords(d pim.ReviewDecision) string {
	if d.Answer == pim.AnswerNone {
		return answeredAs[d.As]
	}
	if words := answeredAs[d.As]; words != "" {
		return answerWords[d.Answer] + " (" + words + ")"
	}
	return answerWords[d.Answer]
}
