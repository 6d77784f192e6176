package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// finishScan records the end of a scan and tells what is new; one notice for many.
func (b *Broker) finishScan(ctx context.Context, at store.Scan, sum scanned, trouble error) error {
	return do(ctx, b, func(tx *store.Tx) error {
		now, err := tx.ScanOf(at.TargetID)
		if err != nil {
			return err
		}
		asked, anew := !now.AskedAt.IsZero(), now.DueAt.After(at.BegunAt) // anew: somebody asked while it ran
		now.Attempt, now.Done, now.Total, now.LeaseUntil = at.Attempt, at.Done, at.Total, time.Time{}
		if now.Error = ""; trouble != nil {
			now.Error = trouble.Error()
			now.Tries++
		} else {
			now.Tries, now.EndedAt = 0, tx.Now
		}
		if !anew {
			if trouble == nil || now.AskedBy != pim.System { // a restore asks until it is answered
				now.AskedAt, now.AskedBy = time.Time{}, ""
			}
			now.DueAt = tx.Now.Add(b.nextScan(now.Tries))
		}
		if err := tx.SaveScan(now); errors.Is(err, store.ErrConflict) {
			return nil // asked for anew since: that scan says what it finds
		} else if err != nil {
			return err
		}
		if outage(trouble) {
			err = targetFails(tx, at.TargetID, trouble)
		} else if at.Total > 0 {
			err = targetAnswers(tx, at.TargetID)
		}
		if err != nil || !asked && sum == (scanned{}) {
			return err
		}
		return tellScan(tx, at.TargetID, sum, trouble)
	})
}

// nextScan spreads the targets' scans; a failed one comes again sooner.
func (b *Broker) nextScan(tries int) time.Duration {
	if tries == 0 {
		return time.Duration(float64(b.scans.every) * (0.95 + 0.1*jitter()))
	}
	return min(b.scans.every, 10*pim.Backoff(tries, jitter()))
}

func tellScan(tx *store.Tx, targetID string, sum scanned, trouble error) error {
	e := targetEvent(pim.EvScanCompleted, targetID)
	for name, n := range map[string]int{"standing": sum.standing, "strangers": sum.opened, "closed": sum.closed, "adopted": sum.adopted} {
		e.Facts[name] = int64(n)
	}
	if trouble != nil {
		e.Facts["error"] = string(connector.KindOf(trouble))
	}
	tx.Emit(e)
	t, err := tx.Target(targetID)
	if err != nil || sum.standing+sum.opened == 0 {
		return err
	}
	people, err := administrators(tx.Reader)
	if err != nil {
		return err
	}
	if sum.opened > 0 {
		text := fmt.Sprintf("Held beside Stint at %s, and new since the last scan: %d.", t.Name, sum.opened)
		if sum.adopted > 0 {
			text += " Stint takes it away, for the target is authoritative."
		}
		if err := notify(tx, text, "/targets/"+targetID, people...); err != nil {
			return err
		}
	}
	if sum.standing > 0 {
		return notify(tx, fmt.Sprintf("Standing access found at %s: %d. Stint did not give it and leaves it.", t.Name, sum.standing), "/targets/"+targetID, people...)
	}
	return nil
}
