package broker

import (
	"context"
	"fmt"

	"stint/internal/pim"
	"stint/internal/store"
)

func init() {
	operations[pim.ActionAddReviewers] = func() operation { return &addReviewers{} }
}

const (
	maxAdded  = 200  // reviewers added at once, groups opened up
	maxJoined = 5000 // memberships of sets that one write adds
)

// ReviewerAddition adds reviewers to a stage of a review that runs: beside those chosen, or, where others review, to the
// fallback (W-26). Nobody is taken out.
type ReviewerAddition struct {
	InstanceID string
	Version    int64
	Stage      int // from 0
	People     []string
}

type addReviewers struct {
	runningReview
	Stage  int
	People []string
}

// AddReviewers adds people, and the people of groups, to who reviews a stage that runs or is to come.
func (b *Broker) AddReviewers(ctx context.Context, actor Actor, a ReviewerAddition, back string) (Outcome, error) {
	return b.operate(ctx, actor, back, &addReviewers{runningReview{a.InstanceID, a.Version}, a.Stage, a.People})
}

func (o *addReviewers) prepare(_ *Broker, tx *store.Tx, who pim.Principal) (prepared, error) {
	p := prepared{item: o.item(pim.ActionAddReviewers), lessen: true}
	_, _, _, err := o.added(tx, who)
	return p, err
}

// added are the sets that get more reviewers, and who they are.
func (o *addReviewers) added(tx *store.Tx, who pim.Principal) (i pim.ReviewInstance, sets []pim.ReviewSet, add panel, err error) {
	if i, err = o.open(tx, who); err != nil {
		return i, nil, add, err
	}
	if o.Stage < i.Stage || o.Stage >= len(i.Terms.Stages) {
		return i, nil, add, pim.Invalid("stage", "Choose the stage that runs, or one to come.")
	}
	if len(o.People) == 0 {
		return i, nil, add, pim.Invalid("people", "Choose at least one reviewer.")
	}
	fallback := i.Terms.Stages[o.Stage].Kind != pim.ReviewersChosen
	if add, err = panelOf(tx.Reader, o.People, fallback); err != nil {
		return i, nil, add, err
	}
	switch n := len(add.members); {
	case n == 0:
		return i, nil, add, pim.Invalid("people", "None of them can sign in. Choose somebody else.")
	case n > maxAdded:
		return i, nil, add, pim.Invalid("people", "These are %d people; at most %d are added at once.", n, maxAdded)
	}
	if sets, err = tx.ReviewSetsFor(i.ID, o.Stage, fallback, maxJoined+1); err != nil {
		return i, nil, add, err
	}
	switch n := len(sets); {
	case n == 0:
		err = pim.Refuse(pim.KindConflict, "Nothing waits for a fallback in this stage: everything has its reviewer.")
	case n*len(add.members) > maxJoined:
		err = pim.Invalid("people", "They would join %d sets of reviewers, which is too much at once. Add at most %d people at a time.", n, max(1, maxJoined/n))
	}
	return i, sets, add, err
}

func (o *addReviewers) apply(_ *Broker, tx *store.Tx, who pim.Principal, _ string) (Outcome, error) {
	out := Outcome{Back: "/reviews/" + o.ID, Done: "Reviewers added."}
	i, sets, add, err := o.added(tx, who)
	if err != nil {
		return out, err
	}
	var people []string
	for _, m := range add.members {
		people = append(people, m.PrincipalID)
	}
	for _, s := range sets {
		if err := tx.AddReviewMembers(s.ID, add.members); err != nil {
			return out, err
		}
	}
	tx.Emit(pim.ReviewEvent(pim.EvReviewReviewersAdded, i, who.ID).With("stage", int64(o.Stage)).With("people", people))
	if o.Stage == i.Stage {
		text := fmt.Sprintf("You were added to who reviews %s, until %s.", i.Name, pim.FormatInstant(i.StageEnds))
		for _, id := range people[:min(len(people), pieceOf)] {
			if err := notify(tx, text, "/reviews/"+i.ID, id); err != nil {
				return out, err
			}
		}
	}
	return out, moved(tx.SaveReviewInstance(i))
}
