package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// ReviewAnswerItem is one answer; Version is that of the item which was shown.
type ReviewAnswerItem struct {
	ID      string
	Version int64
	Answer  pim.ReviewAnswer
	Shrink  pim.ShrinkTo
	Reason  string
}

// ReviewAnswers are answers given together; each is refused alone.
type ReviewAnswers struct {
	InstanceID string
	Items      []ReviewAnswerItem
}

// ReviewAnswered is what became of answers.
type ReviewAnswered struct {
	Counts  pim.ReviewCounts  // of the whole review, after them
	Done    int               // how many are recorded
	Refused map[string]string // by item: why it is not
	More    bool              // there is more to do than one request does: ask again
}

// Answer records answers of a reviewer, saved as they go. Nothing else happens before the end (W-65); until then the
// last answer counts (W-62, W-63). One that arrives at the end or later is refused in words.
func (b *Broker) Answer(ctx context.Context, actor Actor, q ReviewAnswers) (ReviewAnswered, error) {
	switch n := len(q.Items); {
	case n == 0:
		return ReviewAnswered{}, pim.Invalid("answer", "Answer at least one item.")
	case n > pim.MaxReviewAnswers:
		return ReviewAnswered{}, pim.Invalid("answer", "At most %d items at once.", pim.MaxReviewAnswers)
	}
	ids := newIDs(len(q.Items))
	return write(ctx, b, func(tx *store.Tx) (ReviewAnswered, error) {
		t, err := sitting(tx, actor, q.InstanceID)
		if err != nil {
			return ReviewAnswered{}, err
		}
		for i, a := range q.Items {
			if err := t.each(a.ID, func() error { return t.answer(a, ids[i], pim.AsReviewer) }); err != nil {
				return ReviewAnswered{}, err
			}
		}
		return t.rise()
	})
}

// reviewSitting is one reviewer at one instance in one transaction.
type reviewSitting struct {
	tx     *store.Tx
	who    pim.Principal
	in     ReviewSeen
	within map[string]bool            // the groups they are in now
	mine   []string                   // sets whose turn it is
	moved  map[pim.ReviewAnswer]int64 // answers more, or fewer
	sets   map[string][2]int64        // items and decided, by set
	out    ReviewAnswered
}

// sitting begins to take answers of somebody, or says why none are taken.
func sitting(tx *store.Tx, actor Actor, instanceID string) (*reviewSitting, error) {
	who, err := person(tx.Reader, actor)
	if err != nil {
		return nil, err
	}
	t := &reviewSitting{tx: tx, who: who, moved: map[pim.ReviewAnswer]int64{}, sets: map[string][2]int64{}}
	t.out.Refused = map[string]string{}
	if t.in, err = SeeReview(tx.Reader, who, instanceID); err != nil {
		return nil, err
	}
	if t.within, err = GroupsOfHuman(tx.Reader, who); err != nil {
		return nil, err
	}
	for _, s := range t.in.Sets {
		if s.Stage == t.in.Stage {
			t.mine = append(t.mine, s.ID)
		}
	}
	switch {
	case len(t.in.Sets) == 0:
		return nil, pim.Refuse(pim.KindForbidden, "You may read this review. Its reviewers answer.")
	case !t.in.OpenAt(tx.Now):
		tx.Emit(pim.ReviewEvent(pim.EvReviewRefused, t.in.ReviewInstance, who.ID).AsRefused().With("why", "over"))
		return nil, pim.Refuse(pim.KindConflict, "%s", closedWords(t.in.ReviewInstance))
	case len(t.mine) == 0 && t.in.before():
		return nil, pim.Refuse(pim.KindConflict, "The stage you review in has not begun.")
	case len(t.mine) == 0:
		return nil, pim.Refuse(pim.KindConflict, "The stage you reviewed in is over. What you answered in it counts; others review now.")
	}
	return t, nil
}

// closedWords say when answers stopped being taken, and what counts.
func closedWords(i pim.ReviewInstance) string {
	ended := i.StageEnds
	if !i.EndedAt.IsZero() && i.EndedAt.Before(ended) {
		ended = i.EndedAt
	}
	switch {
	case i.State == pim.ReviewStarting:
		return "This review is still being prepared. It takes answers in a moment."
	case i.State == pim.ReviewAdvancing || i.State == pim.ReviewInProgress && !i.LastStage():
		return fmt.Sprintf("This stage ended at %s, so that this answer came too late. What was answered before counts.", pim.FormatInstant(ended))
	}
	return fmt.Sprintf("This review ended at %s, so that this answer came too late. What was answered before counts.", pim.FormatInstant(ended))
}

// each does something about one item; a refusal is that item's alone, and its event counts as one.
func (t *reviewSitting) each(id string, do func() error) error {
	refusal, err := t.tx.Alone(do)
	if refusal != nil {
		t.out.Refused[id] = refusal.Message
		return nil
	}
	if err == nil {
		t.out.Done++
	}
	return err
}

// item loads one whose turn is this reviewer's; of others they do not learn that there are any.
func (t *reviewSitting) item(id string) (pim.ReviewItem, error) {
	i, err := t.tx.ReviewItem(id)
	if err != nil {
		return i, found(err)
	}
	if i.InstanceID != t.in.ID || !slices.Contains(t.mine, i.SetID) {
		return i, pim.NotFound()
	}
	return i, nil
}

// answerable is item where they may answer: not about their own access (W-67), but where everybody reviews their own.
func (t *reviewSitting) answerable(id string) (pim.ReviewItem, error) {
	i, err := t.item(id)
	if err != nil {
		return i, err
	}
	if may, err := t.mayAnswer(i); err != nil || may {
		return i, err
	}
	t.tx.Emit(pim.ReviewAnswerRefused(i, t.who.ID, "own"))
	others, err := t.others(i)
	if err != nil {
		return i, err
	}
	own := "Nobody reviews their own access."
	if i.PersonID == "" {
		own = "You are in this group, or were when the review began. Nobody reviews their own access."
	}
	return i, pim.Refuse(pim.KindForbidden, "%s %s.", own, decidesWords(others))
}

// GroupsOfHuman are the ids of the groups that somebody is in now, directly or nested, by any account of theirs.
func GroupsOfHuman(r *store.Reader, who pim.Principal) (map[string]bool, error) {
	accounts, err := r.PeopleOf(who.PersonID)
	if err != nil {
		return nil, err
	}
	if len(accounts) == 0 {
		accounts = []pim.Principal{who}
	}
	out := map[string]bool{}
	for _, p := range accounts {
		ids, err := r.GroupsOf(p.ID)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			out[id] = true
		}
	}
	return out, nil
}

// mayAnswer asks whose access it is now, too: accounts may have become one person's since the start (T10).
func (t *reviewSitting) mayAnswer(i pim.ReviewItem) (bool, error) {
	person, err := t.personOf(i)
	if err != nil || !i.MayAnswer(t.in.TurnOf(), t.who, t.within) {
		return false, err
	}
	i.PersonID = person
	return i.MayAnswer(t.in.TurnOf(), t.who, t.within), nil
}

// personOf is whose access an item is by now.
func (t *reviewSitting) personOf(i pim.ReviewItem) (string, error) {
	if i.PersonID == "" {
		return "", nil
	}
	p, err := t.tx.Principal(i.PrincipalID)
	if errors.Is(err, store.ErrNotFound) {
		return i.PersonID, nil
	}
	return p.PersonID, err
}

// others are who else reviews an item, by name.
func (t *reviewSitting) others(i pim.ReviewItem) ([]string, error) {
	people, err := t.tx.ReviewersIn([]string{i.SetID})
	if err != nil {
		return nil, err
	}
	rest := slices.DeleteFunc(people[i.SetID], func(id string) bool { return id == t.who.ID || slices.Contains(i.Frozen.Within, id) })
	names, err := t.tx.Names(rest[:min(len(rest), 20)])
	out := make([]string, 0, len(names))
	for _, id := range rest {
		if names[id] != "" {
			out = append(out, names[id])
		}
	}
	return out, err
}

func decidesWords(names []string) string {
	switch len(names) {
	case 0:
		return "Another reviewer decides"
	case 1:
		return names[0] + " decides"
	}
	return listed(names) + " decide"
}

// answer records one answer. What somebody else answered since the page was made is shown first: nobody overrides
// what they have not seen (EC-23).
func (t *reviewSitting) answer(a ReviewAnswerItem, id string, as pim.AnsweredAs) error {
	i, err := t.answerable(a.ID)
	if err != nil {
		return err
	}
	if a.Version != i.Version && i.DecidedBy != t.who.ID && i.Answer != pim.AnswerNone {
		names, err := t.tx.Names([]string{i.DecidedBy})
		if err != nil {
			return err
		}
		return pim.Refuse(pim.KindConflict, "%s answered %s in the meantime. Answer again if you see it otherwise: the last answer counts.", begin(someone(names[i.DecidedBy])), AnswerWords(i.Answer))
	}
	holder := pim.Person
	if a.Answer == pim.AnswerShrink {
		if holder, err = t.holder(i); err != nil {
			return err
		}
	}
	if refusal := pim.CheckReviewAnswer(t.in.ReviewInstance, i, holder, a.Answer, a.Shrink, a.Reason); refusal != nil {
		return refusal
	}
	if a.Answer == pim.AnswerShrink && a.Shrink.How == pim.ShrinkScope {
		if err := belowIt(t.tx.Reader, i, a.Shrink.ResourceID); err != nil {
			return err
		}
	}
	return t.record(i, id, a, as)
}

func someone(name string) string {
	if name == "" {
		return "somebody else"
	}
	return name
}

func (t *reviewSitting) holder(i pim.ReviewItem) (pim.PrincipalKind, error) {
	p, err := t.tx.Principal(i.PrincipalID)
	if errors.Is(err, store.ErrNotFound) {
		return pim.Person, nil
	}
	return p.Kind, err
}

// belowIt refuses what is not below the resource that an item is held at.
func belowIt(r *store.Reader, i pim.ReviewItem, resourceID string) error {
	path, err := pathOf(r, resourceID)
	if gone(err) || err == nil && (!path.Contains(i.ResourceID) || path.Leaf().ID == i.ResourceID) {
		return pim.Invalid("shrink_resource", "Choose a resource below the one it is held at.")
	}
	return err
}

// record makes an answer the one that counts, with its line of history and its event.
func (t *reviewSitting) record(i pim.ReviewItem, id string, a ReviewAnswerItem, as pim.AnsweredAs) error {
	if i.SaysTheSame(a.Answer, a.Shrink, a.Reason, t.who.ID) {
		return nil
	}
	if i.OwnAccess(t.who.PersonID) { // accepted as recommended, too: the log lets nobody answer for themselves otherwise
		as = pim.AsOwnAccess
	}
	next, line := i.Answered(lineID(i, id), t.in.Stage, a.Answer, a.Shrink, a.Reason, t.who.ID, as, t.tx.Now)
	if err := moved(t.tx.AnswerReviewItem(next)); err != nil {
		return err
	}
	if err := t.tx.InsertReviewDecision(line); err != nil {
		return err
	}
	t.tx.Emit(pim.ReviewDecided(next, line))
	t.count(i.SetID, i.Answer, next.Answer)
	return nil
}

// lineID makes the lines of an item come in the order in which they were given, those of one instant too.
func lineID(i pim.ReviewItem, id string) string { return fmt.Sprintf("%08d%s", i.Version, id) }

// count notes that an item of a set has another answer.
func (t *reviewSitting) count(set string, from, to pim.ReviewAnswer) {
	n := t.sets[set]
	if from == pim.AnswerNone {
		n[1]++
	} else {
		t.moved[from]--
	}
	if to == pim.AnswerNone {
		n[1]--
	} else {
		t.moved[to]++
	}
	t.sets[set] = n
}

// rise writes the counters, once for all answers of the transaction.
func (t *reviewSitting) rise() (ReviewAnswered, error) {
	var by pim.ReviewCounts
	for a, n := range t.moved {
		by.Add(a, n)
	}
	if by != (pim.ReviewCounts{}) {
		if err := moved(t.tx.CountReviewAnswers(t.in.ID, by)); err != nil {
			return t.out, err
		}
	}
	for set, n := range t.sets {
		if n == [2]int64{} {
			continue
		}
		if err := t.tx.CountReviewSet(set, n[0], n[1]); err != nil {
			return t.out, err
		}
	}
	in, err := t.tx.ReviewInstance(t.in.ID)
	t.out.Counts = in.Counts
	return t.out, err
}

// AnswerWords is an answer as it is read.
func AnswerWords(a pim.ReviewAnswer) string {
	switch a {
	case pim.AnswerApprove:
		return "Approve"
	case pim.AnswerDeny:
		return "Deny"
	case pim.AnswerDontKnow:
		return "Don’t know"
	case pim.AnswerShrink:
		return "Shrink"
	}
	return "nothing"
}
