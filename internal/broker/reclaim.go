package broker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"stint/internal/audit"
	"stint/internal/pim"
	"stint/internal/store"
)

// journalKey is what the MACs of a journal of grants are made with.
func journalKey(s *audit.Signer) []byte { return s.MACKey("the journal of grants") }

// Reclaimed is what a database took back on the word of the journal outside it.
type Reclaimed struct {
	Grants      int    // will be taken away and read back
	Unreachable []Held // at targets the database does not know: somebody has to do it by hand
}

// ReadProven reads what the journal beside a checkpoint proves Stint to have written, for a database of this
// host and epoch that is to be restored. Words say why it proves nothing, or are empty.
func ReadProven(path string, s *audit.Signer, host string, epoch int) (proven []Held, words string) {
	head, open, err := readJournal(path, journalKey(s))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "There is no journal of grants beside the checkpoint. What was granted after the backup cannot be told from standing access, so it is only listed."
	case err != nil:
		return nil, fmt.Sprintf("The journal of grants %s cannot be used: %v. What was granted after the backup is only listed.", path, err)
	case head.Host != host:
		return nil, fmt.Sprintf("The journal of grants %s is of another Stint, at %s. It is not used.", path, head.Host)
	case head.Epoch < epoch:
		return nil, fmt.Sprintf("The journal of grants %s is of epoch %d, older than the backup. It is not used.", path, head.Epoch)
	}
	return slices.SortedFunc(maps.Keys(open), compareHeld), ""
}

func compareHeld(a, b Held) int {
	return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Entitlement, b.Entitlement))
}

// reclaim makes grants of what the journal proves to be Stint's, so that the reconciler takes away whatever
// nobody wants and reads it back ("revoke unless proven", THREATS §5). Restored is false in a database that
// was only restarted: there the grants that it knows are right as they are.
func reclaim(tx *store.Tx, proven []Held, restored bool) (back Reclaimed, err error) {
	for _, h := range proven {
		g, err := tx.GrantOf(h.Target, h.Account, h.Entitlement)
		if err != nil || g != nil && !restored {
			if err != nil {
				return back, err
			}
			continue
		}
		if g == nil {
			if _, err := tx.Target(h.Target); errors.Is(err, store.ErrNotFound) {
				back.Unreachable = append(back.Unreachable, h)
				continue
			} else if err != nil {
				return back, err
			}
		}
		if err := prove(tx, h, g); err != nil {
			return back, err
		}
		if g == nil || !g.Wanted {
			back.Grants++
		}
	}
	return back, nil
}

// prove records that Stint wrote a grant; have is its row, where there is one.
func prove(tx *store.Tx, h Held, have *store.GrantRow) error {
	if have != nil {
		have.Grant = have.Apply(pim.GrantProven, tx.Now, 0)
		have.DueAt, have.Tries = tx.Now, 0
		if !have.Wanted {
			tx.Emit(pim.GrantEventOf(pim.EvGrantReclaimed, have.Grant, nil))
		}
		return tx.SaveGrant(*have)
	}
	g := store.GrantRow{Grant: pim.Grant{ID: NewID(), TargetID: h.Target, AccountID: h.Account, EntitlementID: h.Entitlement, Version: 1}}
	g.Grant = g.Apply(pim.GrantProven, tx.Now, 0)
	g.DueAt, g.LateSince = tx.Now, tx.Now
	var err error
	if g.AccountName, g.Entitlement, err = NamesAt(tx.Reader, h); err != nil {
		return err
	}
	tx.Emit(pim.GrantEventOf(pim.EvGrantReclaimed, g.Grant, nil))
	return tx.InsertGrant(g)
}

// NamesAt are the names people know an account and an entitlement by; an id where nothing is known.
func NamesAt(r *store.Reader, h Held) (account, entitlement string, err error) {
	if account, err = r.AccountName(h.Target, h.Account); err != nil {
		return "", "", err
	}
	if entitlement, err = r.MeaningName(h.Entitlement); err != nil {
		return "", "", err
	}
	return cmp.Or(account, h.Account), cmp.Or(entitlement, h.Entitlement), nil
}

// OpenJournal begins to note outside the database what Stint grants. A journal of this epoch may know of
// grants that the database lost with its last commits: they are taken back. It is not called while the
// database is suspected to be rolled back: there the journal is evidence.
func (b *Broker) OpenJournal(ctx context.Context) error {
	if b.outside == "" || b.signer == nil {
		return nil
	}
	path := JournalPath(b.outside)
	j := &journal{path: path, key: journalKey(b.signer)}
	if err := b.headOf(ctx, j); err != nil {
		return err
	}
	head, known, macs, err := readChain(path, j.key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil || head.Host != j.head.Host:
		b.log.Error("the journal of grants is set aside", "path", path, "error", err, "host", head.Host)
		if err := os.Rename(path, path+".unusable"); err != nil {
			b.log.Error("setting the journal of grants aside", "error", err)
		}
	case head.Epoch > j.head.Epoch:
		b.EnterSafeMode(fmt.Sprintf("The journal of grants outside the database is of epoch %d, the database of epoch %d: it is one from before a restore. Nothing new is granted; what is due is still taken away. Run `stint doctor` on the server.", head.Epoch, j.head.Epoch))
		return nil
	case head.Epoch == j.head.Epoch:
		if err := b.continues(ctx, j, head, macs); err != nil {
			return err
		}
		proven := slices.SortedFunc(maps.Keys(known), compareHeld)
		if _, err := write(ctx, b, func(tx *store.Tx) (Reclaimed, error) { return reclaim(tx, proven, false) }); err != nil {
			return err
		}
	}
	if j.head.ID == "" {
		j.head.ID = NewID()
	}
	if j.open, err = store.Read(ctx, b.store, openMarks); err != nil {
		return err
	}
	if err := b.anew(j); err != nil {
		return err
	}
	return b.TendJournal(ctx)
}

func (b *Broker) anew(j *journal) error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	b.journal = j // with a fault nothing is granted
	return j.rewrite()
}

// journalMeta is where the database keeps how far a journal was.
func journalMeta(id string) string { return "journal_" + id }

// continues takes over whose journal it is and how far, and tells when it is an older one than this database knows: what
// is open is in the database, but a restore would be told of less than Stint wrote (T19).
func (b *Broker) continues(ctx context.Context, j *journal, head journalHead, macs [][]byte) error {
	j.head.ID, j.head.Anew = head.ID, head.Anew
	if head.ID == "" {
		return nil
	}
	return do(ctx, b, func(tx *store.Tx) error {
		text, err := tx.Meta(journalMeta(head.ID))
		if err != nil || text == "" {
			return err
		}
		var was reached
		if err := json.Unmarshal([]byte(text), &was); err != nil {
			return err
		}
		same := head.Anew > was.Anew || head.Anew == was.Anew && was.Lines < len(macs) && bytes.Equal(macs[was.Lines], was.MAC)
		if same {
			return nil
		}
		b.log.Error("the journal of grants is an older one than the database knows: somebody put it back", "path", j.path)
		people, err := administrators(tx.Reader)
		if err != nil {
			return err
		}
		return notify(tx, "The journal of grants outside the database was an older one than Stint wrote last: somebody put it back, or its disk lost what it had. It was written anew.", "/audit", people...)
	})
}

// TendJournal keeps the journal durable and short, and keeps in the database how far it is.
func (b *Broker) TendJournal(ctx context.Context) error {
	if b.journal == nil {
		return nil
	}
	if err := b.journal.tend(); err != nil {
		return err
	}
	at, err := b.journal.durable()
	if err != nil || at.equal(b.journal.kept) {
		return err
	}
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	id := b.journal.head.ID
	if err := store.Do(ctx, b.store, func(tx *store.Tx) error { return tx.SetMeta(journalMeta(id), string(text)) }); err != nil {
		return err
	}
	b.journal.kept = at
	return nil
}

func (b *Broker) headOf(ctx context.Context, j *journal) error {
	head, err := store.Read(ctx, b.store, func(r *store.Reader) (h journalHead, err error) {
		if h.Epoch, err = Epoch(r); err == nil {
			h.Host, err = r.Meta(store.MetaAuditHost)
		}
		return h, err
	})
	j.head = head
	return err
}
