package broker

import (
	"context"
	"errors"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// Bounds of an export of the audit log (THREATS T31).
const (
	auditPiece   = 2000             // entries one snapshot of an export reads
	auditReaders = 2                // snapshots that exports of one node read at once; pages have the others
	auditBeat    = 2 * time.Second  // between two words on how far it is
	auditSilent  = 90 * time.Second // an export that says nothing for so long is over
)

// The formats of an export.
const (
	AuditCSV   = "csv"   // for spreadsheets (THREATS T25)
	AuditJSONL = "jsonl" // a JSON object a line
)

// AuditAsk is an export as it is asked for.
type AuditAsk struct {
	Filter  store.EntryFilter
	Format  string
	Filters string // as the address holds them
}

// AuditExport is one export on its way. Write must be called; it says when it ended.
type AuditExport struct {
	b      *Broker
	actor  Actor
	filter store.EntryFilter
	row    store.AuditExport
	said   time.Time // when it last said how far it is
}

// BeginAuditExport leaves an event and takes the person's turn: one export of each runs at a time, on whichever node.
func (b *Broker) BeginAuditExport(ctx context.Context, actor Actor, ask AuditAsk) (*AuditExport, error) {
	if ask.Format != AuditCSV && ask.Format != AuditJSONL {
		return nil, pim.Invalid("format", "Choose CSV or JSON lines.")
	}
	id := NewID()
	return write(ctx, b, func(tx *store.Tx) (*AuditExport, error) {
		who, err := person(tx.Reader, actor)
		if err != nil {
			return nil, err
		}
		f, err := auditScope(tx.Reader, who, ask.Filter)
		if err != nil {
			return nil, err
		}
		if err := auditTurn(tx, who); err != nil {
			return nil, err
		}
		size, err := tx.LogSize()
		if err != nil {
			return nil, err
		}
		if f.Until == 0 || f.Until > size {
			f.Until = size // what is written meanwhile, this export's own entry too, is none of it
		}
		x := &AuditExport{b: b, actor: actor, filter: f, said: tx.Now,
			row: store.AuditExport{PrincipalID: who.ID, ID: id, Format: ask.Format, Filters: ask.Filters, State: store.ExportRunning}}
		e, err := auditExported(tx.Reader, x)
		if err != nil {
			return nil, err
		}
		tx.Emit(e)
		return x, tx.BeginAuditExport(x.row)
	})
}

// auditScope holds a search to what somebody may read: all of it, or what they did and what is about them (U-01, A-54).
func auditScope(r *store.Reader, who pim.Principal, f store.EntryFilter) (store.EntryFilter, error) {
	powers, err := Powers(r, who.ID)
	if err == nil && !powers.MayAudit() {
		f.Person = who.ID
	}
	return f, err
}

// auditTurn refuses a second export at the same time. One that says nothing any more has ended with its process.
func auditTurn(tx *store.Tx, who pim.Principal) error {
	last, err := tx.AuditExport(who.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil || last.State != store.ExportRunning {
		return err
	}
	if tx.Now.Sub(last.SeenAt) < auditSilent {
		return pim.Refuse(pim.KindConflict, "An export of yours is running: %d entries so far. Wait for its end, or cancel the download.", last.Entries)
	}
	tx.Emit(auditExportEnded(last, false))
	return nil
}

func auditExported(r *store.Reader, x *AuditExport) (pim.Event, error) {
	f := x.filter
	if _, err := r.Activation(f.Correlation); errors.Is(err, store.ErrNotFound) {
		f.Correlation = "" // whatever else somebody wrote there is a text, and no fact
	} else if err != nil {
		return pim.Event{}, err
	}
	e := pim.Event{Type: pim.EvAuditExported, Actor: x.row.PrincipalID, RoleID: f.RoleID, ResourceID: f.Below, TargetID: f.TargetID, ObjectID: x.row.ID, Result: pim.OK,
		Facts: map[string]any{"format": x.row.Format, "from_entry": f.From, "until_entry": f.Until}, Texts: map[string]string{}}
	for name, value := range map[string]string{"person": f.Person, "action": f.Type, "result": f.Result, "activation": f.Correlation} {
		if value != "" {
			e.Facts[name] = value
		}
	}
	return e.WithText("search", x.row.Filters), nil
}

func auditExportEnded(row store.AuditExport, complete bool) pim.Event {
	return pim.Event{Type: pim.EvAuditExportEnded, Actor: row.PrincipalID, ObjectID: row.ID, Result: pim.OK,
		Facts: map[string]any{"format": row.Format, "entries": row.Entries, "complete": complete}}
}

// read is the next piece: what may be read is asked anew for each, so that a long export outlives no right.
func (x *AuditExport) read(ctx context.Context, before int64) (lines []store.Line, next int64, err error) {
	select {
	case x.b.exports <- struct{}{}:
		defer func() { <-x.b.exports }()
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	type piece struct {
		lines []store.Line
		next  int64
	}
	p, err := store.Read(ctx, x.b.store, func(r *store.Reader) (p piece, err error) {
		f, err := x.may(r)
		if err != nil {
			return p, err
		}
		f.Before = before
		p.lines, p.next, err = r.Lines(f, auditPiece)
		return p, err
	})
	return p.lines, p.next, err
}

// may refuses to read on where the session is over or the rights are others than at the start: what follows would be
// another search, and the file would pass for whole.
func (x *AuditExport) may(r *store.Reader) (f store.EntryFilter, err error) {
	who, err := person(r, x.actor)
	if err != nil {
		return f, err
	}
	if x.actor.Session != "" {
		if _, err := r.SessionByHandle(x.actor.Session); err != nil {
			return f, err
		}
	}
	f, err = auditScope(r, who, x.filter)
	if err == nil && f != x.filter {
		err = pim.Refuse(pim.KindForbidden, "You may not read the whole log any more, so the export ends here.")
	}
	return f, err
}

// tell says how far it is, when it is time to.
func (x *AuditExport) tell(ctx context.Context) error {
	now := x.b.clock()
	if now.Sub(x.said) < auditBeat && !now.Before(x.said) {
		return nil
	}
	x.said = now
	return do(ctx, x.b, func(tx *store.Tx) error { return tx.SaveAuditExport(x.row) })
}

// end leaves an event of how much was written; the reader may be gone already.
func (x *AuditExport) end(ctx context.Context, complete bool) error {
	row := x.row
	if row.State = store.ExportStopped; complete {
		row.State = store.ExportDone
	}
	return do(context.WithoutCancel(ctx), x.b, func(tx *store.Tx) error {
		err := tx.SaveAuditExport(row)
		if errors.Is(err, store.ErrConflict) {
			return nil // it was taken for dead, and its end told
		}
		tx.Emit(auditExportEnded(row, complete))
		return err
	})
}
