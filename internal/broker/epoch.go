package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"stint/internal/audit"
	"stint/internal/pim"
	"stint/internal/store"
)

// metaUntrusted holds the epoch from which on a membership found at a target does not count as standing
// before Stint: the log that could tell was lost (DESIGN §3).
const metaUntrusted = "before_untrusted"

// Standing says how the database compares with the last checkpoint kept outside it.
type Standing struct {
	Behind  bool   // the database is older than, or another than, what was signed
	Missing bool   // no outside checkpoint to compare with
	Words   string // for people
	Outside audit.Checkpoint
}

// CompareOutside holds the database against the checkpoint file outside it (THREATS §5, F4).
func CompareOutside(ctx context.Context, s *store.Store, path string, vkeys ...string) (Standing, error) {
	note, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Standing{Missing: true, Words: "There is no checkpoint outside the database to compare with."}, nil
	}
	if err != nil {
		return Standing{}, err
	}
	c, err := audit.ParseCheckpoint(note, vkeys...)
	if err != nil {
		return Standing{Behind: true, Words: "The checkpoint outside the database is not signed by this log's key: " + err.Error()}, nil
	}
	head := s.Head()
	if c.Size > head.Size {
		return Standing{Behind: true, Outside: c, Words: fmt.Sprintf("The database holds %d audit entries, but %d were signed: it was rolled back or shortened.", head.Size, c.Size)}, nil
	}
	root, err := store.Read(ctx, s, func(r *store.Reader) (tlog.Hash, error) { return tlog.TreeHash(c.Size, r.HashReader()) })
	if err != nil || root != c.Root {
		return Standing{Behind: true, Outside: c, Words: "The audit log in the database is not the one that was signed."}, nil
	}
	return Standing{Outside: c, Words: fmt.Sprintf("The database continues the log signed at %d entries.", c.Size)}, nil
}

// OpenEpoch begins a new epoch after a restore or an accepted rollback (invariant 14): sessions,
// ceremonies and vouchers die, every grant is looked at again, what proven says Stint wrote and this
// database does not want is taken back, and the log says what it lost. next is the signer of the new
// epoch's log. It reports what was taken back.
func (b *Broker) OpenEpoch(ctx context.Context, next *audit.Signer, epoch int, was Standing, proven []Held, reason string) (Reclaimed, error) {
	back, err := write(ctx, b, func(tx *store.Tx) (back Reclaimed, err error) {
		if err := tx.EndAllSessions(); err != nil {
			return back, err
		}
		if err := tx.SetMeta(store.MetaEpoch, strconv.Itoa(epoch)); err != nil {
			return back, err
		}
		if err := tx.SetMeta(store.MetaVKey, next.VKey()); err != nil {
			return back, err
		}
		if was.Behind || was.Missing {
			if err := tx.SetMeta(metaUntrusted, strconv.Itoa(epoch)); err != nil {
				return back, err
			}
		}
		if err := errors.Join(forgetSeen(tx), tx.ForgetScans()); err != nil {
			return back, err
		}
		if back, err = reclaim(tx, proven, true); err != nil {
			return back, err
		}
		tx.Emit(pim.Event{Type: pim.EvEpochOpened, Actor: pim.System, Result: pim.OK, Facts: map[string]any{"epoch": int64(epoch), "reclaimed": int64(back.Grants),
			"unreachable": int64(len(back.Unreachable)), "checkpoint": string(was.Outside.Note)}, Texts: map[string]string{"reason": reason}})
		return back, nil
	})
	if err != nil {
		return back, err
	}
	b.signer = next
	b.EnterSafeMode("")
	_, err = b.Checkpoint(ctx, true)
	return back, err
}

// forgetSeen makes every grant be looked at again before anything is believed of it.
func forgetSeen(tx *store.Tx) error {
	grants, err := tx.AllGrants()
	if err != nil {
		return err
	}
	for _, g := range grants {
		g.Grant = g.Apply(pim.GrantRestored, tx.Now, 0)
		g.DueAt, g.Tries = tx.Now, 0
		if err := tx.SaveGrant(g); err != nil {
			return err
		}
	}
	return nil
}

// Epoch returns the epoch of the database, from 1.
func Epoch(r *store.Reader) (int, error) {
	text, err := r.Meta(store.MetaEpoch)
	if err != nil || text == "" {
		return 1, err
	}
	return strconv.Atoi(text)
}

// RecordKeys remembers which keys belong to the database, without holding them.
func (b *Broker) RecordKeys(ctx context.Context, auditHost string) error {
	return store.Do(ctx, b.store, func(tx *store.Tx) error {
		have, err := tx.Meta(store.MetaVKey)
		if err != nil || have == b.signer.VKey() {
			return err
		}
		if have != "" {
			return errors.New("another node of this database has made its keys in the meantime; copy the key files of that node here, in the place of those that were just made")
		}
		for name, value := range map[string]string{store.MetaVKey: b.signer.VKey(), store.MetaKeyCheck: b.sealer.Check(), store.MetaAuditHost: auditHost, store.MetaEpoch: "1"} {
			if err := tx.SetMeta(name, value); err != nil {
				return err
			}
		}
		return nil
	})
}
