package broker

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

// planSyncs plans how the people of the file's targets are followed. Which of a directory's groups feed groups of Stint
// stays as the portal says: who names one is held against what its members get (T21). Following ends in the portal alone.
func (p *planner) planSyncs() {
	for _, f := range p.doc.Targets {
		id := p.id["target/"+f.ID]
		row, known := p.syncs[id]
		if f.Sync == nil {
			if known {
				p.leave("as the portal says, left alone", "sync of target/%s", f.ID)
			}
			continue
		}
		if f.Sync.Claim != "" && !slices.Contains(p.binding, f.Sync.Claim) {
			p.errs.Add(f.Pos, "targets["+f.ID+"].sync.claim", "only a claim named in oidc_binding_claims may bind somebody: people must not be able to edit it at the provider")
		}
		want := *f.Sync
		want.Groups = row.Settings.Groups
		event := syncSaved(pim.System, id, want).With("source", string(pim.SourceFile))
		save := func(a *applying) error { return saveSyncOfFile(a.tx, id, p.newID("sync", id), want) }
		if !known {
			p.step(stageResources, "+", f.Pos, emit(event, save), "sync of target/%s: %s; look at a preview before the first run", f.ID, want.Filter)
		} else if d := syncDiff(row.Settings, want); len(d) > 0 {
			p.step(stageResources, "~", f.Pos, emit(event, save), "sync of target/%s: %s", f.ID, d)
		}
	}
}

func syncDiff(old, new pim.SyncSettings) (d diff) {
	was, is := orgfile.SyncFields(old), orgfile.SyncFields(new)
	for i, f := range is {
		d.text(f[0], was[i][1], f[1])
	}
	d.text("every_hours", strconv.Itoa(old.EveryHours), strconv.Itoa(new.EveryHours))
	d.text("max_share", strconv.Itoa(old.MaxShare), strconv.Itoa(new.MaxShare))
	return d
}

// syncSaved is the event of following a directory as settings say.
func syncSaved(by, targetID string, s pim.SyncSettings) pim.Event {
	e := targetEvent(pim.EvSyncSaved, targetID)
	e.Actor = by
	for name, value := range map[string]any{"filter": s.Filter, "base": s.Base, "match": s.Match, "claim": s.Claim, "issuer": s.Issuer,
		"groups": int64(len(s.Groups)), "every_h": int64(s.EveryHours), "max_share": int64(s.MaxShare)} {
		e.Facts[name] = value
	}
	return e
}

// renew takes other settings: what reads other people is looked at in a preview first.
func renew(row store.Sync, s pim.SyncSettings, now time.Time) store.Sync {
	row.DueAt = time.Time{}
	if row.Previewed = row.Previewed && row.Settings.Reads(s); row.Previewed {
		row.DueAt = s.NextSync(now)
	}
	row.Settings = s
	return row
}

func saveSyncOfFile(tx *store.Tx, targetID, salt string, s pim.SyncSettings) error {
	row, err := tx.Sync(targetID)
	if errors.Is(err, store.ErrNotFound) {
		row, err = store.Sync{TargetID: targetID, Salt: salt}, nil
	}
	if err == nil && row.LeaseUntil.After(tx.Now) {
		err = pim.Refuse(pim.KindConflict, "A run of a directory sync is on its way. Apply the file again once it has ended.")
	}
	if err != nil {
		return err
	}
	return moved(tx.SaveSync(renew(row, s, tx.Now)))
}
