package broker

import (
	"context"
	"errors"
	"iter"
	"slices"
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

// ExportReview takes the person's turn, leaves an event and returns the records of a download, head first, of a review that
// runs too. It is for who reads the whole review: a reviewer has their page. One download of each person runs at a time on a
// node (T31), until its records end or the context does.
func (b *Broker) ExportReview(ctx context.Context, actor Actor, x ReviewExport) (iter.Seq2[[]string, error], error) {
	if x.InstanceID == "" && (x.From.IsZero() || !x.To.After(x.From) || x.To.Sub(x.From) > longestReport) {
		return nil, pim.Invalid("to", "Choose a period of at most five years, with its end after its beginning.")
	}
	over, err := b.downloadTurn(ctx, actor)
	if err != nil {
		return nil, err
	}
	instances, err := b.exportBegun(ctx, actor, x)
	if err != nil {
		over()
		return nil, err
	}
	return func(yield func([]string, error) bool) {
		defer over()
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

// downloadTurn refuses a second download of somebody at the same time; one whose context is done has ended.
func (b *Broker) downloadTurn(ctx context.Context, actor Actor) (over func(), err error) {
	mine := &ctx
	for {
		last, runs := b.downloads.LoadOrStore(actor.PrincipalID, mine)
		switch {
		case !runs:
		case (*last.(*context.Context)).Err() == nil:
			return nil, pim.Refuse(pim.KindConflict, "A download of reviews of yours is running. Wait for its end, or cancel it.")
		case !b.downloads.CompareAndSwap(actor.PrincipalID, last, mine):
			continue
		}
		return func() { b.downloads.CompareAndDelete(actor.PrincipalID, mine) }, nil
	}
}

// exportBegun lists the reviews of a download, and leaves its event.
func (b *Broker) exportBegun(ctx context.Context, actor Actor, x ReviewExport) ([]string, error) {
	ids, err := b.exportable(ctx, actor, x)
	if err != nil {
		return nil, err
	}
	return ids, do(ctx, b, func(tx *store.Tx) error {
		who, err := person(tx.Reader, actor)
		if err != nil {
			return err
		}
		e := pim.Event{Type: pim.EvReviewExported, Actor: who.ID, ObjectID: x.InstanceID, Correlation: x.InstanceID, Result: pim.OK,
			Facts: map[string]any{"reviews": int64(len(ids))}, Texts: map[string]string{}}
		if x.InstanceID == "" {
			e = e.With("from", x.From.UnixMicro()).With("to", x.To.UnixMicro())
		}
		tx.Emit(e)
		return nil
	})
}

// exportable lists the reviews of a download, the latest first. Five years of them may be many: they are listed in pieces,
// while others write.
func (b *Broker) exportable(ctx context.Context, actor Actor, x ReviewExport) (ids []string, err error) {
	type piece struct {
		ids  []string
		next store.Keyset
	}
	for before := (store.Keyset{At: x.To, ID: " "}); ; {
		p, err := store.Read(ctx, b.store, func(r *store.Reader) (p piece, err error) {
			who, err := person(r, actor)
			if err != nil {
				return p, err
			}
			if x.InstanceID != "" {
				in, err := readableReview(r, who, x.InstanceID)
				return piece{ids: []string{in.ID}}, err
			}
			p.ids, p.next, err = exportableSome(r, who, x, before)
			return p, err
		})
		if err != nil {
			return nil, err
		}
		if ids = append(ids, p.ids...); p.next.ID == "" {
			return ids, nil
		}
		before = p.next
	}
}

func exportableSome(r *store.Reader, who pim.Principal, x ReviewExport, before store.Keyset) (ids []string, next store.Keyset, err error) {
	powers, err := Powers(r, who.ID)
	if err != nil {
		return nil, next, err
	}
	if !powers.MayRead() {
		return nil, next, pim.NotFound()
	}
	list, err := r.ReviewsDone(ReadableBy(powers), before, chunk)
	if err != nil {
		return nil, next, err
	}
	if len(list) == chunk && !list[chunk-1].EndedAt.Before(x.From) {
		next = store.Keyset{At: list[chunk-1].EndedAt, ID: list[chunk-1].ID}
	}
	theirs, err := ReadableReviews(r, powers, list)
	for _, in := range theirs {
		if !in.EndedAt.Before(x.From) {
			ids = append(ids, in.ID)
		}
	}
	return ids, next, err
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
		if errors.Is(err, errReviewDeleted) && x.InstanceID == "" && after.ID == "" {
			return true
		}
		if err != nil {
			yield(nil, err) // half a file is not to pass for a whole one
			return false
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

var errReviewDeleted = errors.New("broker: the review was deleted while it was downloaded")

// reviewedSome asks anew, for each piece, what may be read: a long export outlives no right and no session.
func (b *Broker) reviewedSome(ctx context.Context, actor Actor, id string, x ReviewExport, after store.ReviewItemCursor) (records [][]string, next store.ReviewItemCursor, err error) {
	select {
	case b.exports <- struct{}{}:
		defer func() { <-b.exports }()
	case <-ctx.Done():
		return nil, next, ctx.Err()
	}
	records, err = store.Read(ctx, b.store, func(r *store.Reader) ([][]string, error) {
		who, err := person(r, actor)
		if err != nil {
			return nil, err
		}
		if actor.Session != "" {
			if _, err := r.SessionByHandle(actor.Session); err != nil {
				return nil, err
			}
		}
		if _, err := r.ReviewInstance(id); errors.Is(err, store.ErrNotFound) {
			return nil, errReviewDeleted
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
