package broker

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// ReviewExport says what a download holds: one review, or those that ended in a period (W-85, W-100).
type ReviewExport struct {
	InstanceID string
	From, To   time.Time          // without InstanceID; To is not part of it
	Types      []string           // "role", "group"; empty: both
	Answers    []pim.ReviewAnswer // empty: every one, and none
	Plain      bool               // not to be opened in a spreadsheet: texts are as they are
}

func (x ReviewExport) has(i pim.ReviewItem) bool {
	return (len(x.Types) == 0 || slices.Contains(x.Types, reviewType(i))) && (len(x.Answers) == 0 || slices.Contains(x.Answers, i.Answer))
}

func reviewType(i pim.ReviewItem) string {
	if i.GroupID != "" {
		return "group"
	}
	return "role"
}

// ReviewHead are the columns of a download (W-95, W-101).
var ReviewHead = []string{"review_id", "series_id", "review_type", "resource", "resource_id", "path", "role", "role_id", "kind", "review_name", "created_at", "started_at", "ended_at", "status",
	"owner_id", "owner", "owner_email", "principal_id", "principal", "principal_email", "principal_type", "reviewed_at", "result", "shrink", "reason",
	"reviewer_id", "reviewer", "reviewer_email", "answered_as", "applied_by_id", "applied_by", "applied_by_email", "applied_at", "recommendation", "applied_result", "applied_words", "gone_at", "proof"}

// longestReport is how far a report of a period reaches.
const longestReport = 5 * 366 * 24 * time.Hour

// ExportReview leaves an event and returns the records of a download, head first, of a review that runs too. It is for who
// reads the whole review: a reviewer has their page.
func (b *Broker) ExportReview(ctx context.Context, actor Actor, x ReviewExport) (iter.Seq2[[]string, error], error) {
	if x.InstanceID == "" && (x.From.IsZero() || !x.To.After(x.From) || x.To.Sub(x.From) > longestReport) {
		return nil, pim.Invalid("to", "Choose a period of at most five years, with its end after its beginning.")
	}
	instances, err := write(ctx, b, func(tx *store.Tx) ([]string, error) {
		who, err := person(tx.Reader, actor)
		if err != nil {
			return nil, err
		}
		ids, err := exportable(tx.Reader, who, x)
		if err != nil {
			return nil, err
		}
		e := pim.Event{Type: pim.EvReviewExported, Actor: who.ID, ObjectID: x.InstanceID, Correlation: x.InstanceID, Result: pim.OK,
			Facts: map[string]any{"reviews": int64(len(ids))}, Texts: map[string]string{}}
		if x.InstanceID == "" {
			e = e.With("from", x.From.UnixMicro()).With("to", x.To.UnixMicro())
		}
		tx.Emit(e)
		return ids, nil
	})
	if err != nil {
		return nil, err
	}
	return func(yield func([]string, error) bool) {
		if !yield(ReviewHead, nil) {
			return
		}
		for _, id := range instances {
			if !b.eachReviewed(ctx, actor, id, x, yield) {
				return
			}
		}
	}, nil
}

// exportable lists the reviews of a download, the latest first.
func exportable(r *store.Reader, who pim.Principal, x ReviewExport) (ids []string, err error) {
	if x.InstanceID != "" {
		in, err := readableReview(r, who, x.InstanceID)
		return []string{in.ID}, err
	}
	powers, err := Powers(r, who.ID)
	if err != nil {
		return nil, err
	}
	if !powers.MayRead() {
		return nil, pim.NotFound()
	}
	for before := (store.Keyset{At: x.To, ID: " "}); ; {
		list, err := r.ReviewsDone(ReadableBy(powers), before, chunk)
		if err != nil {
			return nil, err
		}
		for _, in := range list {
			if in.EndedAt.Before(x.From) {
				return ids, nil
			}
			before = store.Keyset{At: in.EndedAt, ID: in.ID}
			reads, err := ReadsInstance(r, powers, in)
			if err != nil {
				return nil, err
			}
			if reads {
				ids = append(ids, in.ID)
			}
		}
		if len(list) < chunk {
			return ids, nil
		}
	}
}

// readableReview is a review for whoever reads all of it.
func readableReview(r *store.Reader, who pim.Principal, id string) (ReviewSeen, error) {
	in, err := SeeReview(r, who, id)
	if err == nil && !in.Reads {
		err = pim.Refuse(pim.KindForbidden, "Who reads the whole review downloads it. You see what is yours to review on its page.")
	}
	return in, err
}

// eachReviewed yields the records of one review; it reports whether to go on.
func (b *Broker) eachReviewed(ctx context.Context, actor Actor, id string, x ReviewExport, yield func([]string, error) bool) bool {
	var after store.ReviewItemCursor
	for {
		records, next, err := b.reviewedSome(ctx, actor, id, x, after)
		if err != nil {
			return gone(err) || yield(nil, err) // deleted, or not theirs to read any more: those after it are
		}
		for _, record := range records {
			if !yield(record, nil) {
				return false
			}
		}
		if next.ID == "" {
			return true
		}
		after = next
	}
}

// reviewedSome asks anew, for each piece, what may be read: a long export outlives no right.
func (b *Broker) reviewedSome(ctx context.Context, actor Actor, id string, x ReviewExport, after store.ReviewItemCursor) (records [][]string, next store.ReviewItemCursor, err error) {
	records, err = store.Read(ctx, b.store, func(r *store.Reader) ([][]string, error) {
		who, err := person(r, actor)
		if err != nil {
			return nil, err
		}
		in, err := readableReview(r, who, id)
		if err != nil {
			return nil, err
		}
		page := store.ReviewItemPage{InstanceID: id, After: after, Limit: exportPiece}
		rows, _, err := r.ReviewItemsBy(page)
		if err != nil || len(rows) == 0 {
			return nil, err
		}
		if len(rows) == exportPiece {
			next = page.CursorOf(rows[len(rows)-1])
		}
		n, err := reviewNamesOf(r, in.ReviewInstance, rows)
		if err != nil {
			return nil, err
		}
		var out [][]string
		for _, i := range rows {
			if !x.has(i) {
				continue
			}
			record, err := n.record(r, i, x.Plain)
			if err != nil {
				return nil, err
			}
			out = append(out, record)
		}
		return out, nil
	})
	return records, next, err
}

// reviewNames are what ids of a piece are called.
type reviewNames struct {
	in     pim.ReviewInstance
	series pim.ReviewDefinition
	people map[string]store.Contact
	roles  map[string]string
	paths  map[string]pim.Path
}

func reviewNamesOf(r *store.Reader, in pim.ReviewInstance, rows []pim.ReviewItem) (n reviewNames, err error) {
	n.in = in
	if n.series, err = r.ReviewOf(in.ReviewID); err != nil {
		return n, err
	}
	people, roles, places := []string{n.series.MadeBy, in.AppliedBy}, []string(nil), []string(nil)
	for _, i := range rows {
		people, roles, places = append(people, i.PrincipalID, i.GroupID, i.DecidedBy), append(roles, i.RoleID), append(places, i.ResourceID, i.Shrink.ResourceID)
	}
	if n.people, err = r.Contacts(distinctIDs(people)); err != nil {
		return n, err
	}
	if n.roles, err = r.RoleNames(distinctIDs(roles)); err != nil {
		return n, err
	}
	n.paths, err = r.Paths(distinctIDs(places))
	return n, err
}

func distinctIDs(ids []string) []string {
	return slices.DeleteFunc(unique(ids), func(id string) bool { return id == "" || id == pim.System })
}

func (n reviewNames) record(r *store.Reader, i pim.ReviewItem, plain bool) ([]string, error) {
	path, of := n.paths[i.ResourceID], i.ResourceID
	place, trail := path.Leaf().Name, strings.Join(path.Names(), " / ")
	if i.GroupID != "" {
		place, of, trail = n.people[i.GroupID].Name, i.GroupID, ""
	}
	proof, err := ProofOf(r, i)
	if err != nil {
		return nil, err
	}
	owner, holder, by, applied := n.people[n.series.MadeBy], n.people[i.PrincipalID], n.people[i.DecidedBy], n.people[n.in.AppliedBy]
	record := []string{n.in.ID, n.in.ReviewID, reviewType(i), place, of, trail, n.roles[i.RoleID], i.RoleID, string(i.Kind), n.in.Name, instant(n.series.Created), instant(n.in.StartedAt),
		instant(n.ended()), string(n.in.State), n.series.MadeBy, owner.Name, owner.Email, i.PrincipalID, holder.Name, holder.Email, string(holder.Kind), instant(i.DecidedAt),
		answerCell(i.Answer), n.shrinkCell(i.Shrink), i.Reason, i.DecidedBy, bySystem(i.DecidedBy, by.Name), by.Email, string(i.DecidedAs), n.in.AppliedBy, bySystem(n.in.AppliedBy, applied.Name), applied.Email,
		instant(i.ResultAt), recommendedCell(i.Frozen.Recommended), string(i.Result), i.ResultText, instant(i.GoneAt), numbers(proof)}
	for at, cell := range record {
		if !plain {
			record[at] = pim.SpreadsheetCell(cell)
		}
	}
	return record, nil
}

// ended is when a review ended; of one that runs when it will.
func (n reviewNames) ended() time.Time {
	if n.in.EndedAt.IsZero() {
		return n.in.EndsAt
	}
	return n.in.EndedAt
}

func bySystem(id, name string) string {
	if id == pim.System {
		return "Stint"
	}
	return name
}

func answerCell(a pim.ReviewAnswer) string {
	if a == pim.AnswerNone {
		return "not_reviewed"
	}
	return string(a)
}

func recommendedCell(a pim.ReviewAnswer) string {
	if a == pim.AnswerNone {
		return "no_info"
	}
	return string(a)
}

func (n reviewNames) shrinkCell(s pim.ShrinkTo) string {
	switch s.How {
	case pim.ShrinkEnd:
		return "until " + instant(s.EndsAt)
	case pim.ShrinkEligible:
		return "eligible"
	case pim.ShrinkScope:
		return "at " + strings.Join(n.paths[s.ResourceID].Names(), " / ")
	}
	return ""
}

func numbers(of []int64) string {
	words := make([]string, len(of))
	for i, n := range of {
		words[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(words, " ")
}

// ProofOf lists the numbers of the audit entries that prove an item: the answers, what was ended, and that it was seen
// gone (AC-6(7)).
func ProofOf(r *store.Reader, i pim.ReviewItem) (seqs []int64, err error) {
	entries, err := r.ReviewProof(i, chunk)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		seqs = append(seqs, e.Seq)
	}
	needs, err := r.AwaitedBy(i.ID)
	if err != nil {
		return nil, err
	}
	for _, n := range needs {
		if n.SettledAt.IsZero() {
			continue
		}
		seq, err := r.GoneEntry(n.GrantID, n.SettledAt)
		if err != nil {
			return nil, err
		}
		if seq > 0 {
			seqs = append(seqs, seq)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(seqs))), nil
}
