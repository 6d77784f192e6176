package broker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// Where a review stands in what it goes through, before the place in it.
const (
	walkTell   = "tell:"   // reviewers are told what waits for them
	walkRemind = "remind:" // those who have something open are told again
	walkReset  = "reset:"  // answers are taken back
)

const (
	frozenAtOnce = 1000                  // things looked up at once, before any is frozen
	freezeFor    = 12 * time.Millisecond // of one write: with its commit it stays below 50 ms (invariant 13)
)

// beginReview lets an instance of a series begin whose time has come. A start that was missed is caught up with once,
// however many were; while the one before still takes answers it waits for it (W-13).
func beginReview(tx *store.Tx, reviewID, instanceID string) error {
	d, err := tx.Review(reviewID)
	if err != nil || d.NextAt.IsZero() || d.NextAt.After(tx.Now) {
		return ignoreGone(err)
	}
	if waits, err := waitsForLast(tx, d); err != nil || waits {
		return err
	}
	if stands, err := makerStands(tx.Reader, d); err != nil {
		return err
	} else if !stands {
		return pauseReview(tx, d)
	}
	planned, err := missedReview(d.When, tx.Now)
	if err != nil || planned.IsZero() || planned.Before(d.NextAt) {
		planned = d.NextAt
	}
	after := d
	after.Started++
	next, err := nextReview(after, tx.Now.Add(time.Microsecond))
	if err != nil {
		return err
	}
	i := pim.ReviewInstance{ID: instanceID, ReviewID: d.ID, Number: d.Started + 1, Name: d.Name, Terms: d.Terms, State: pim.ReviewStarting, PlannedAt: planned, StartedAt: tx.Now}
	timeReview(&i, d.When, tx.Now)
	return errors.Join(tx.ReviewBegun(d, next), tx.InsertReviewInstance(i))
}

// waitsForLast puts the start off while the instance before still takes answers.
func waitsForLast(tx *store.Tx, d pim.ReviewDefinition) (bool, error) {
	last, err := tx.ReviewInstances(d.ID, 0, 1)
	if err != nil || len(last) == 0 {
		return false, err
	}
	switch last[0].State {
	case pim.ReviewCompleted, pim.ReviewApplying, pim.ReviewApplied:
		return false, nil
	}
	if until := last[0].EndsAt; until.After(tx.Now) {
		return true, tx.PutOffReview(d, until)
	}
	return true, nil // it ends now
}

// timeReview sets when the stage that begins now ends, and all of them, by the wall clock of the series.
func timeReview(i *pim.ReviewInstance, when pim.ReviewSchedule, now time.Time) {
	i.StageEnds = addDays(when, now, i.Terms.Stages[i.Stage].Days)
	i.EndsAt, i.RemindAt = i.StageEnds, time.Time{}
	for _, s := range i.Terms.Stages[i.Stage+1:] {
		i.EndsAt = addDays(when, i.EndsAt, s.Days)
	}
	if i.Terms.Remind { // W-45
		i.RemindAt = now.Add(i.StageEnds.Sub(now) / 2).Truncate(time.Second)
	}
}

// freeze goes through what a review that begins is about and freezes it in pieces: items, what their use speaks for, who
// reviews them. What is frozen already stays when it is taken up again.
func (b *Broker) freeze(ctx context.Context, i pim.ReviewInstance) error {
	var f *freezing
	for {
		type piece struct {
			drafts []draft
			last   string
			about  int64
		}
		p, err := store.Read(ctx, b.store, func(r *store.Reader) (p piece, err error) {
			if f == nil {
				if f, p.about, err = b.beginFreezing(r, i); err != nil {
					return p, err
				}
			}
			p.drafts, p.last, err = f.drafts(r, i.After, frozenAtOnce)
			return p, err
		})
		if err != nil {
			return err
		}
		if p.last == "" {
			return b.openReview(ctx, f, i)
		}
		if p.about > 0 {
			i.About = p.about
		}
		if i, err = b.freezeDrafts(ctx, f, i, p.drafts, p.last); err != nil {
			return err
		}
	}
}

func (b *Broker) beginFreezing(r *store.Reader, i pim.ReviewInstance) (*freezing, int64, error) {
	d, err := r.ReviewOf(i.ReviewID)
	if err != nil {
		return nil, 0, err
	}
	about, err := r.CountReviewed(i.Terms.Scope, i.StartedAt)
	if err != nil {
		return nil, 0, err
	}
	f, err := freezeOf(r, i, d.AsOwner)
	return f, about, err
}

// freezeDrafts writes items in pieces, with the sets they need before them, and notes how far it came.
func (b *Broker) freezeDrafts(ctx context.Context, f *freezing, i pim.ReviewInstance, drafts []draft, last string) (pim.ReviewInstance, error) {
	if err := b.ensureSets(ctx, f, drafts); err != nil {
		return i, err
	}
	for n := range drafts {
		for stage, p := range drafts[n].sets {
			drafts[n].item.Sets = append(drafts[n].item.Sets, f.known[setKey{stage, p.hash}])
		}
		drafts[n].item.SetID = drafts[n].item.Sets[0]
		drafts[n].item.ID = reviewItemID(i.Done + int64(n))
	}
	for {
		at := i
		wrote, err := write(ctx, b, func(tx *store.Tx) (w frozen, err error) { return freezePiece(tx, at, drafts, last) })
		if err != nil {
			return i, err
		}
		f.count(wrote.items)
		if i, drafts = wrote.instance, drafts[wrote.n:]; len(drafts) == 0 {
			return i, nil
		}
	}
}

type frozen struct {
	instance pim.ReviewInstance
	n        int
	items    []pim.ReviewItem // that were inserted
}

// reviewItemID makes the id of the n-th item of a review: in order, so that those written together lie together in each
// index, and one write changes few pages.
func reviewItemID(n int64) string { return fmt.Sprintf("%08x%s", n, NewID()[8:]) }

// freezePiece inserts some of the items, each while what it is about is still there as it was read.
func freezePiece(tx *store.Tx, at pim.ReviewInstance, drafts []draft, last string) (frozen, error) {
	i, err := tx.ReviewInstance(at.ID)
	if err != nil {
		return frozen{}, err
	}
	if i.State != pim.ReviewStarting || i.After != at.After {
		return frozen{}, store.ErrConflict // another node freezes it
	}
	begun, n, counts, all := now(), 0, map[string]int64{}, []pim.ReviewItem(nil)
	for n < len(drafts) && (n == 0 || now().Sub(begun) < freezeFor) {
		next := drafts[n:min(n+32, len(drafts))]
		n += len(next)
		items, err := stillThere(tx, next)
		if err != nil {
			return frozen{}, err
		}
		if err := tx.InsertReviewItems(items); err != nil {
			return frozen{}, err
		}
		for _, t := range items {
			counts[t.SetID]++
		}
		all = append(all, items...)
	}
	i.Counts.Items += int64(len(all))
	for set, items := range counts {
		if err := tx.CountReviewSet(set, items, 0); err != nil {
			return frozen{}, err
		}
	}
	i.Done, i.About, i.After = i.Done+int64(n), max(i.About, at.About), last
	if n < len(drafts) {
		i.After = drafts[n-1].key
	}
	err = tx.SaveReviewInstance(i)
	i.Version++
	return frozen{i, n, all}, err
}

// stillThere leaves what did not end or change since it was read; what did is not there at the start, or comes in the next
// review.
func stillThere(tx *store.Tx, drafts []draft) (items []pim.ReviewItem, err error) {
	var ids []string
	for _, d := range drafts {
		if d.item.AssignmentID != "" {
			ids = append(ids, d.item.AssignmentID)
		}
	}
	versions, err := tx.AssignmentVersions(ids)
	if err != nil {
		return nil, err
	}
	for _, d := range drafts {
		if version, ok := versions[d.item.AssignmentID]; d.item.AssignmentID == "" || ok && version == d.item.Frozen.Version {
			items = append(items, d.item)
		}
	}
	return items, nil
}

type setKey struct {
	stage int
	hash  string
}

// ensureSets finds the sets of reviewers that items need and that are not known yet, or makes them: each once an instance
// and stage.
func (b *Broker) ensureSets(ctx context.Context, f *freezing, drafts []draft) error {
	panels := map[setKey]panel{}
	var need []setKey
	for _, d := range drafts {
		for stage, p := range d.sets {
			k := setKey{stage, p.hash}
			if _, asked := panels[k]; !asked && f.known[k] == "" {
				panels[k], need = p, append(need, k)
			}
		}
	}
	made := newIDs(len(need))
	for n := 0; n < len(need); {
		from := n
		found, err := write(ctx, b, func(tx *store.Tx) (map[setKey]string, error) {
			return makeSets(tx, f.instance.ID, need[from:], made[from:], panels)
		})
		if err != nil {
			return err
		}
		for k, id := range found {
			if err := b.fillSet(ctx, id, panels[k].members); err != nil {
				return err
			}
			f.known[k] = id
		}
		n += len(found)
	}
	return nil
}

const maxMembersAtOnce = 128

// makeSets makes some of the sets, the first of their members with them.
func makeSets(tx *store.Tx, instanceID string, need []setKey, made []string, panels map[setKey]panel) (map[setKey]string, error) {
	begun, out := now(), map[setKey]string{}
	for n, k := range need {
		if n > 0 && now().Sub(begun) > pieceFor {
			break
		}
		s, err := tx.ReviewSetLike(instanceID, k.stage, k.hash)
		if errors.Is(err, store.ErrNotFound) {
			members := panels[k].members
			s = pim.ReviewSet{ID: made[n], InstanceID: instanceID, Stage: k.stage, Members: members[:min(len(members), maxMembersAtOnce)]}
			err = tx.InsertReviewSet(s, k.hash)
		}
		if err != nil {
			return nil, err
		}
		out[k] = s.ID
	}
	return out, nil
}

// fillSet adds the members of a large set that are not in it yet.
func (b *Broker) fillSet(ctx context.Context, id string, members []pim.ReviewSetMember) error {
	for len(members) > maxMembersAtOnce {
		members = members[maxMembersAtOnce:]
		next := members[:min(len(members), maxMembersAtOnce)]
		if err := do(ctx, b, func(tx *store.Tx) error { return tx.AddReviewMembers(id, next) }); err != nil {
			return err
		}
	}
	return nil
}

// openReview ends the freezing: from here on answers are taken, and reviewers are told. One that is about nothing ends at
// once, and its maker is told.
func (b *Broker) openReview(ctx context.Context, f *freezing, i pim.ReviewInstance) error {
	population, err := b.population(ctx, f)
	if err != nil {
		return err
	}
	return do(ctx, b, func(tx *store.Tx) error {
		now, err := tx.ReviewInstance(i.ID)
		if err != nil {
			return err
		}
		if now.State != pim.ReviewStarting || now.After != i.After {
			return store.ErrConflict
		}
		d, err := tx.ReviewOf(now.ReviewID)
		if err != nil {
			return err
		}
		now.Population, now.Done, now.About = population, 0, 0
		timeReview(&now, d.When, tx.Now)
		now.State, now.After = pim.ReviewInProgress, walkTell
		tx.Emit(pim.ReviewStarted(now))
		if now.Counts.Items > 0 {
			return tx.SaveReviewInstance(now)
		}
		now.State, now.After, now.EndedAt, now.EndedBy, now.AppliedAt, now.AppliedBy = pim.ReviewApplied, "", tx.Now, pim.System, tx.Now, pim.System
		now.StageEnds, now.EndsAt, now.RemindAt = tx.Now, tx.Now, time.Time{}
		tx.Emit(pim.ReviewEnded(now))
		if err := notify(tx, fmt.Sprintf("The review %s found nobody to review, so that it ended at once.", now.Name), "/reviews/"+now.ID, d.MadeBy); err != nil {
			return err
		}
		return tx.SaveReviewInstance(now)
	})
}

// count adds items to the hash of what was frozen.
func (f *freezing) count(items []pim.ReviewItem) {
	if f.population == nil {
		return
	}
	for _, t := range items {
		_, _ = f.population.Write(populationLine(t))
	}
}

// population is the hash of what was frozen: SHA-256 over a line for each item, in the order of their ids. It is read
// where the freezing was taken up again.
func (b *Broker) population(ctx context.Context, f *freezing) (string, error) {
	if f.population != nil {
		return hex.EncodeToString(f.population.Sum(nil)), nil
	}
	f.population = sha256.New()
	for after := ""; ; {
		items, err := store.Read(ctx, b.store, func(r *store.Reader) ([]pim.ReviewItem, error) { return r.ReviewItemsAfter(f.instance.ID, after, 1000) })
		if err != nil {
			return "", err
		}
		if len(items) == 0 {
			return hex.EncodeToString(f.population.Sum(nil)), nil
		}
		f.count(items)
		after = items[len(items)-1].ID
	}
}
