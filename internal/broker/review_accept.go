package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

const (
	// reviewPieces is how many items one request goes through; with more, it is asked again.
	reviewPieces = 2000
)

// AcceptRecommendations answers what a reviewer has not answered with what is recommended (W-64): the items named, or all
// open ones of theirs. Nothing is recommended for some, and nobody accepts for their own access.
func (b *Broker) AcceptRecommendations(ctx context.Context, actor Actor, instanceID string, items []string) (ReviewAnswered, error) {
	return b.goThrough(ctx, actor, instanceID, items, true, func(t *reviewSitting, i pim.ReviewItem, id string) (bool, error) { return t.accept(i, id) })
}

// accept answers an open item as recommended.
func (t *reviewSitting) accept(i pim.ReviewItem, id string) (bool, error) {
	if i.Answer != pim.AnswerNone {
		return false, nil
	}
	if may, err := t.mayAnswer(i); err != nil || !may {
		return false, err
	}
	holder, err := t.holder(i)
	if err != nil {
		return false, err
	}
	answer, shrink := i.Accepts(t.in.ReviewInstance, holder)
	if answer == pim.AnswerNone {
		return false, nil
	}
	reason, err := t.recommendedFor(i)
	if err != nil {
		return false, err
	}
	return true, t.record(i, id, ReviewAnswerItem{Answer: answer, Shrink: shrink, Reason: reason}, pim.AsRecommendation)
}

// recommendedFor is the reason recorded with a recommendation that is accepted: what it was made from, item by item.
func (t *reviewSitting) recommendedFor(i pim.ReviewItem) (string, error) {
	place := ""
	if i.Frozen.OnlyAt != "" {
		path, err := pathOf(t.tx.Reader, i.Frozen.OnlyAt)
		switch {
		case gone(err):
			place = "one resource"
		case err != nil:
			return "", err
		default:
			place = path.Leaf().Name
		}
	}
	return i.Frozen.WordsOf(t.in.Terms.LookBack, place), nil
}

// goThrough does something about items of a reviewer, named or all of theirs, in as many writes as it takes: other
// writers come between two of them. open is whether only what has no answer is gone through.
func (b *Broker) goThrough(ctx context.Context, actor Actor, instanceID string, items []string, open bool, do func(*reviewSitting, pim.ReviewItem, string) (bool, error)) (ReviewAnswered, error) {
	total := ReviewAnswered{Refused: map[string]string{}}
	if len(items) > pim.MaxReviewAnswers {
		return total, pim.Invalid("pick", "At most %d items at once.", pim.MaxReviewAnswers)
	}
	ids, more, err := b.itemsOf(ctx, actor, instanceID, items, open)
	if err != nil {
		return total, err
	}
	for begun := false; !begun || len(ids) > 0; begun = true {
		n := min(len(ids), pieceOf)
		got, err := b.reviewPiece(ctx, actor, instanceID, ids[:n], do)
		if err != nil {
			return total, err
		}
		total.Done, total.Counts = total.Done+got.Done, got.Counts
		maps.Copy(total.Refused, got.Refused)
		ids = ids[n:]
	}
	total.More = more
	return total, nil
}

// itemsOf lists which items are gone through.
func (b *Broker) itemsOf(ctx context.Context, actor Actor, instanceID string, items []string, open bool) (ids []string, more bool, err error) {
	if len(items) > 0 {
		return unique(items), false, nil
	}
	type list struct {
		ids  []string
		more bool
	}
	l, err := store.Read(ctx, b.store, func(r *store.Reader) (l list, err error) {
		who, err := person(r, actor)
		if err != nil {
			return l, err
		}
		in, err := SeeReview(r, who, instanceID)
		if err != nil {
			return l, err
		}
		groups, err := GroupsOfHuman(r, who)
		if err != nil {
			return l, err
		}
		page := store.ReviewItemPage{InstanceID: instanceID, Limit: reviewPieces}
		if page.Sets, _ = in.Mine(); open {
			page.Only = store.ReviewOpen
		}
		for {
			rows, _, err := r.ReviewItemsBy(page)
			if err != nil {
				return l, err
			}
			for _, i := range rows {
				if !open || i.Frozen.Recommended != pim.AnswerNone && i.MayAnswer(in.TurnOf(), who, groups) {
					l.ids = append(l.ids, i.ID)
				}
			}
			if l.more = len(rows) == reviewPieces; !l.more || len(l.ids) >= reviewPieces {
				return l, nil
			}
			page.After = page.CursorOf(rows[len(rows)-1])
		}
	})
	return l.ids, l.more, err
}

// reviewPiece goes through some items in one write.
func (b *Broker) reviewPiece(ctx context.Context, actor Actor, instanceID string, items []string, do func(*reviewSitting, pim.ReviewItem, string) (bool, error)) (ReviewAnswered, error) {
	ids := newIDs(len(items))
	return write(ctx, b, func(tx *store.Tx) (ReviewAnswered, error) {
		t, err := sitting(tx, actor, instanceID)
		if err != nil {
			return ReviewAnswered{}, err
		}
		for n, id := range items {
			i, err := t.item(id)
			did := false
			if err == nil {
				did, err = do(t, i, ids[n])
			}
			var refusal *pim.Refusal
			if errors.As(err, &refusal) {
				t.out.Refused[id] = refusal.Message
			} else if err != nil {
				return ReviewAnswered{}, err
			}
			if did && err == nil {
				t.out.Done++
			}
		}
		return t.rise()
	})
}

// ReviewHandOver gives what waits for a reviewer to somebody else, with a reason.
type ReviewHandOver struct {
	InstanceID string
	Items      []string // empty: all of theirs
	To         string
	Reason     string
}

// HandOver lets somebody else review in a reviewer's place; who reviewed it with them still does. What was answered
// stays answered until somebody answers anew.
func (b *Broker) HandOver(ctx context.Context, actor Actor, q ReviewHandOver) (ReviewAnswered, error) {
	if problem := pim.CheckJustification(q.Reason, true); problem != "" {
		return ReviewAnswered{}, pim.Invalid("reason", "%s", problem)
	}
	begun := b.clock()
	return b.goThrough(ctx, actor, q.InstanceID, q.Items, false, func(t *reviewSitting, i pim.ReviewItem, id string) (bool, error) {
		return t.handOver(i, id, q, begun)
	})
}

func (t *reviewSitting) handOver(i pim.ReviewItem, id string, q ReviewHandOver, begun time.Time) (bool, error) {
	if may, err := t.mayAnswer(i); err != nil || !may {
		return false, errors.Join(err, keepsOwn(len(q.Items) > 0))
	}
	to, err := t.takesOver(i, q.To)
	if err != nil {
		return false, err
	}
	set, err := t.setWith(i, to, id)
	if err != nil {
		return false, err
	}
	if set == i.SetID {
		return false, nil
	}
	if err := t.tellHanded(set, to, begun); err != nil {
		return false, err
	}
	was := i.SetID
	i.SetID = set
	if t.in.Stage < len(i.Sets) {
		i.Sets = slices.Clone(i.Sets)
		i.Sets[t.in.Stage] = set
	}
	if err := moved(t.tx.AnswerReviewItem(i)); err != nil {
		return false, err
	}
	line := pim.ReviewDecision{ID: lineID(i, id), InstanceID: i.InstanceID, ItemID: i.ID, Stage: t.in.Stage, Reason: q.Reason, By: t.who.ID, As: pim.AsDelegation, At: t.tx.Now}
	if err := t.tx.InsertReviewDecision(line); err != nil {
		return false, err
	}
	t.tx.Emit(pim.ReviewHandedOver(i, line, to.ID))
	t.shift(was, set, i.Answer != pim.AnswerNone)
	return true, nil
}

// keepsOwn refuses to choose who reviews one's own access; of all that is handed over it stays behind in silence.
func keepsOwn(named bool) error {
	if !named {
		return nil
	}
	return pim.Refuse(pim.KindForbidden, "It is your own access: who reviews it is not yours to choose.")
}

// shift notes that an item is in another set.
func (t *reviewSitting) shift(from, to string, decided bool) {
	a, z := t.sets[from], t.sets[to]
	a[0]--
	z[0]++
	if decided {
		a[1]--
		z[1]++
	}
	t.sets[from], t.sets[to] = a, z
}

// takesOver refuses whom something cannot be handed to.
func (t *reviewSitting) takesOver(i pim.ReviewItem, id string) (pim.Principal, error) {
	p, err := t.tx.Principal(id)
	whose, failed := t.personOf(i)
	switch {
	case failed != nil:
		return p, failed
	case gone(err):
		return p, pim.Invalid("to", "Choose a person from the list.")
	case err != nil:
		return p, err
	case p.Kind != pim.Person || !p.Enabled:
		return p, pim.Invalid("to", "Choose a person who can sign in.")
	case p.PersonID == t.who.PersonID:
		return p, pim.Invalid("to", "That is yourself. Choose somebody else.")
	case i.PersonID == "":
		groups, err := GroupsOfHuman(t.tx.Reader, p)
		if err == nil && i.OwnThrough(p.ID, groups) {
			err = pim.Invalid("to", "%s is in this group: nobody reviews their own access.", p.Name)
		}
		return p, err
	case i.OwnAccess(p.PersonID) || whose != "" && whose == p.PersonID:
		return p, pim.Invalid("to", "It is the access of %s: nobody reviews their own.", p.Name)
	}
	return p, nil
}

// setWith finds or makes the set of who reviews an item when somebody takes a reviewer's place: each once a stage.
func (t *reviewSitting) setWith(i pim.ReviewItem, to pim.Principal, id string) (string, error) {
	set, err := t.tx.ReviewSet(i.SetID)
	if err != nil {
		return "", err
	}
	members := slices.DeleteFunc(set.Members, func(m pim.ReviewSetMember) bool { return m.PrincipalID == t.who.ID || m.PrincipalID == to.ID })
	members = append(members, pim.ReviewSetMember{PrincipalID: to.ID, PersonID: to.PersonID})
	slices.SortFunc(members, func(a, b pim.ReviewSetMember) int { return strings.Compare(a.PrincipalID, b.PrincipalID) })
	key := "handed " + hashOf(members) // apart from what was frozen
	have, err := t.tx.ReviewSetLike(i.InstanceID, t.in.Stage, key)
	if err == nil || !errors.Is(err, store.ErrNotFound) {
		return have.ID, err
	}
	return id, t.tx.InsertReviewSet(pim.ReviewSet{ID: id, InstanceID: i.InstanceID, Stage: t.in.Stage, Members: members}, key)
}

// tellHanded tells whoever takes over, once for all that is handed over at once, whether their set was there before or not.
func (t *reviewSitting) tellHanded(set string, to pim.Principal, begun time.Time) error {
	of, err := t.tx.ReviewSet(set)
	if err != nil {
		return err
	}
	for _, m := range of.Members {
		if m.PrincipalID == to.ID && !m.ToldAt.Before(begun) {
			return nil
		}
	}
	text := fmt.Sprintf("%s asks you to review in their place: %s.", t.who.Name, t.in.Name)
	if err := notify(t.tx, text, "/reviews/"+t.in.ID, to.ID); err != nil {
		return err
	}
	return t.tx.ToldReviewer(t.in.ID, t.in.Stage, to.ID)
}
