package broker

import (
	"context"
	"fmt"
	"strings"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// tellReviewers leaves a notice with everybody who reviews something in the stage that runs, or with those of them who have
// something open, in pieces (W-44, W-45). When each was told is kept (W-47).
func (b *Broker) tellReviewers(ctx context.Context, i pim.ReviewInstance) error {
	phase := walkTell
	if strings.HasPrefix(i.After, walkRemind) {
		phase = walkRemind
	}
	for {
		who, err := store.Read(ctx, b.store, func(r *store.Reader) ([]store.ReviewReviewer, error) {
			return r.ReviewReviewers(i.ID, i.Stage, strings.TrimPrefix(i.After, phase), looked)
		})
		if err != nil {
			return err
		}
		if len(who) == 0 {
			return do(ctx, b, func(tx *store.Tx) error {
				now, err := walkedTo(tx, i)
				if err != nil {
					return err
				}
				now.After = ""
				return tx.SaveReviewInstance(now)
			})
		}
		for len(who) > 0 {
			at := i
			did, err := write(ctx, b, func(tx *store.Tx) (frozen, error) { return tellPiece(tx, at, phase, who) })
			if err != nil {
				return err
			}
			i, who = did.instance, who[did.n:]
		}
	}
}

func tellPiece(tx *store.Tx, at pim.ReviewInstance, phase string, who []store.ReviewReviewer) (frozen, error) {
	i, err := walkedTo(tx, at)
	if err != nil {
		return frozen{}, err
	}
	begun, n := now(), 0
	for n < min(len(who), pieceOf) && (n == 0 || now().Sub(begun) < pieceFor) {
		v := who[n]
		n++
		if v.Decided >= v.Items && (phase == walkRemind || v.Items == 0) {
			continue
		}
		if err := notify(tx, toAnswerWords(i, phase, v.Items-v.Decided), "/reviews/"+i.ID, v.PrincipalID); err != nil {
			return frozen{}, err
		}
		if err := tx.ToldReviewer(i.ID, i.Stage, v.PrincipalID); err != nil {
			return frozen{}, err
		}
	}
	i.After = phase + who[n-1].PrincipalID
	err = tx.SaveReviewInstance(i)
	i.Version++
	return frozen{instance: i, n: n}, err
}

// toAnswerWords say what waits for a reviewer, and until when; what reviewers are told of it comes with it (W-46).
func toAnswerWords(i pim.ReviewInstance, phase string, open int64) string {
	lead := "Review"
	if phase == walkRemind {
		lead = "Still to review"
	}
	text := fmt.Sprintf("%s: %s, %d to answer until %s.", lead, i.Name, open, pim.FormatInstant(i.StageEnds))
	if i.Terms.Text != "" {
		text += " " + strings.Join(strings.Fields(i.Terms.Text), " ")
	}
	return text
}

// remindAtHalf reminds those who have something open once the half of a stage is over.
func remindAtHalf(tx *store.Tx, id string) error {
	i, err := tx.ReviewInstance(id)
	if err != nil || !i.OpenAt(tx.Now) || i.RemindAt.IsZero() || i.RemindAt.After(tx.Now) || i.After != "" {
		return err
	}
	i.RemindAt, i.After = time.Time{}, walkRemind
	tx.Emit(pim.ReviewEvent(pim.EvReviewReminded, i, pim.System).With("stage", int64(i.Stage)))
	return tx.SaveReviewInstance(i)
}
