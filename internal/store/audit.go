package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"stint/internal/audit"
	"stint/internal/pim"
)

// appendEvents numbers, encodes, hashes and stores the events of a batch as the last thing before its
// commit, and returns the new head.
func (s *Store) appendEvents(ctx context.Context, tx conn, head audit.Head, batch []*job) (audit.Head, error) {
	var rows entryRows
	for _, j := range batch {
		for _, e := range j.events {
			if err := rows.add(head.Size+int64(len(rows.leaves)), e); err != nil {
				return head, err
			}
		}
	}
	if len(rows.leaves) == 0 {
		return head, nil
	}
	added := head.Append(rows.leaves)
	if err := rows.insert(ctx, tx); err != nil {
		return head, err
	}
	if err := insertHashes(ctx, tx, added); err != nil {
		return head, err
	}
	res, err := tx.ExecContext(ctx, "UPDATE audit_head SET size = $1, root = $2 WHERE id = 1 AND size = $3", added.Head.Size, added.Head.Root.String(), head.Size)
	if err != nil {
		return head, err
	}
	if n, _ := res.RowsAffected(); n != 1 {
		return head, errors.New("store: the audit head is not what this node last wrote")
	}
	return added.Head, nil
}

// draft is an event whose leaf is known to fit; only its number is missing.
type draft struct {
	entry audit.Entry
	salts map[string][]byte
	texts map[string]string
}

// drafts prepares the events of one operation inside its savepoint, so that one that cannot be written
// fails its own operation and not the batch.
func drafts(events []pim.Event, now time.Time) ([]draft, error) {
	out := make([]draft, 0, len(events))
	for _, e := range events {
		d := draft{salts: make(map[string][]byte, len(e.Texts)), texts: e.Texts, entry: audit.Entry{Seq: maxSeq, At: now, Type: string(e.Type),
			Actor: e.Actor, Subject: e.Subject, RoleID: e.RoleID, ResourceID: e.ResourceID, TargetID: e.TargetID, ObjectID: e.ObjectID,
			Correlation: e.Correlation, Result: string(e.Result), Facts: e.Facts, Commitments: make(map[string]string, len(e.Texts))}}
		for field, value := range e.Texts {
			salt := make([]byte, audit.SaltSize)
			if _, err := rand.Read(salt); err != nil {
				return nil, err
			}
			d.salts[field], d.entry.Commitments[field] = salt, audit.Commit(salt, field, value)
		}
		if _, err := audit.Encode(d.entry); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// maxSeq has the most digits an entry's number can have.
const maxSeq = 1<<53 - 1

// entryRows are the entries of one batch on their way to the tables.
type entryRows struct {
	leaves         [][]byte
	entries, texts []any // values of rows, one after the other
}

func (r *entryRows) add(seq int64, d draft) error {
	e := d.entry
	e.Seq = seq
	leaf, err := audit.Encode(e)
	if err != nil {
		return err
	}
	r.leaves = append(r.leaves, leaf)
	r.entries = append(r.entries, seq, us(e.At), e.Type, e.Actor, e.Subject, e.RoleID, e.ResourceID, e.TargetID, e.ObjectID, e.Correlation, e.Result, string(leaf))
	for field, value := range d.texts {
		r.texts = append(r.texts, seq, field, to64(d.salts[field]), value)
	}
	return nil
}

func (r *entryRows) insert(ctx context.Context, tx conn) error {
	err := insertRows(ctx, tx, "audit_entries (seq, at, type, actor_id, subject_id, role_id, resource_id, target_id, object_id, correlation, result, leaf)", r.entries)
	if err != nil {
		return err
	}
	return insertRows(ctx, tx, "audit_texts (seq, field, salt, value)", r.texts)
}

func insertHashes(ctx context.Context, tx conn, added audit.Appended) error {
	values := make([]any, 0, 2*len(added.Hashes))
	for i, h := range added.Hashes {
		values = append(values, added.First+int64(i), h.String())
	}
	return insertRows(ctx, tx, "audit_hashes (idx, hash)", values)
}

// HashReader reads the tree's stored hashes in this snapshot.
func (r *Reader) HashReader() tlog.HashReader { return hashReader{r.ctx, r.db} }

// EntryRow is an audit entry as pages show it.
type EntryRow struct {
	audit.Entry
	Leaf  []byte
	Texts map[string]string // field -> text still kept beside the leaf
}

// EntryFilter narrows a list of audit entries; empty fields do not narrow.
type EntryFilter struct {
	Person      string // actor or subject
	RoleID      string
	Type        string // exact, or a prefix ending in "."
	Result      string
	Correlation string
	Before      int64 // seq below this; 0: from the newest
	Limit       int
}

// Entries lists audit entries, newest first (a story: oldest first when Correlation is set).
func (r *Reader) Entries(f EntryFilter) ([]EntryRow, error) {
	var base where
	base.addEntryFilter(f)
	order := " ORDER BY seq DESC LIMIT "
	if f.Correlation != "" {
		order = " ORDER BY seq LIMIT "
	}
	query, args := "SELECT seq, leaf FROM audit_entries"+base.String(), base.args
	if f.Person != "" {
		query, args = personEntries(f)
	}
	args = append(args, f.Limit)
	rows, err := many(r, scanEntryRow, query+order+dollar(len(args)), args...)
	if err != nil {
		return nil, err
	}
	return rows, r.fillTexts(rows)
}

func (w *where) addEntryFilter(f EntryFilter) {
	if f.RoleID != "" {
		w.add("role_id = ? AND role_id <> ''", f.RoleID) // as its partial index says, or it is not used
	}
	if prefix, ok := strings.CutSuffix(f.Type, "."); ok {
		w.add("type >= ?", prefix+".")
		w.add("type < ?", prefix+"/")
	} else if f.Type != "" {
		w.add("type = ?", f.Type)
	}
	if f.Result != "" {
		w.add("result = ?", f.Result)
		if f.Result != audit.ResultOK {
			w.add("result <> 'ok'")
		}
	}
	if f.Correlation != "" {
		w.add("correlation = ? AND correlation <> ''", f.Correlation)
	}
	if f.Before > 0 {
		w.add("seq < ?", f.Before)
	}
}

// personEntries walks both person indexes newest first and merges them, so that neither is scanned whole.
func personEntries(f EntryFilter) (string, []any) {
	var w where
	var arms []string
	for _, column := range []string{"actor_id", "subject_id"} {
		w.conds = nil // the second arm counts its arguments on
		w.addEntryFilter(f)
		w.add(column+" = ? AND "+column+" <> ''", f.Person)
		w.args = append(w.args, f.Limit)
		arms = append(arms, "SELECT * FROM (SELECT seq, leaf FROM audit_entries"+w.String()+" ORDER BY seq DESC LIMIT "+dollar(len(w.args))+") x")
	}
	return "SELECT seq, leaf FROM (" + strings.Join(arms, " UNION ") + ") e", w.args
}

func scanEntryRow(r row) (EntryRow, error) {
	var seq int64
	var leaf string
	if err := r.Scan(&seq, &leaf); err != nil {
		return EntryRow{}, err
	}
	e, err := audit.Decode([]byte(leaf))
	if err != nil {
		return EntryRow{}, fmt.Errorf("audit entry %d: %w; run stint audit verify", seq, err)
	}
	return EntryRow{Entry: e, Leaf: []byte(leaf), Texts: map[string]string{}}, nil
}

func (r *Reader) fillTexts(rows []EntryRow) error {
	if len(rows) == 0 {
		return nil
	}
	bySeq := map[int64]int{}
	var args []any
	var marks []string
	for i, row := range rows {
		bySeq[row.Seq] = i
		args = append(args, row.Seq)
		marks = append(marks, fmt.Sprintf("$%d", len(args)))
	}
	type text struct {
		seq          int64
		field, value string
	}
	texts, err := many(r, func(r row) (t text, err error) { return t, r.Scan(&t.seq, &t.field, &t.value) },
		"SELECT seq, field, value FROM audit_texts WHERE seq IN ("+strings.Join(marks, ", ")+")", args...)
	for _, t := range texts {
		rows[bySeq[t.seq]].Texts[t.field] = t.value
	}
	return err
}

// Entry returns one entry.
func (r *Reader) Entry(seq int64) (EntryRow, error) {
	e, err := one(r, scanEntryRow, "SELECT seq, leaf FROM audit_entries WHERE seq = $1", seq)
	if err != nil {
		return e, err
	}
	rows := []EntryRow{e}
	return e, r.fillTexts(rows)
}

// Recorded reports whether an entry of one of these types has a number from since up to below until.
func (r *Reader) Recorded(since, until int64, types ...pim.EventType) (bool, error) {
	names := make([]string, 0, len(types))
	for _, t := range types {
		names = append(names, string(t))
	}
	args := []any{since, until}
	n, err := one(r, scanInt, "SELECT COUNT(*) FROM (SELECT 1 FROM audit_entries WHERE seq >= $1 AND seq < $2 AND type IN "+in(&args, names)+" LIMIT 1) e", args...)
	return n > 0, err
}

// EntryTypes lists the event types that occur, for the filter.
func (r *Reader) EntryTypes() ([]string, error) {
	return many(r, scanString, `WITH RECURSIVE t(type) AS (
		SELECT (SELECT MIN(type) FROM audit_entries) UNION ALL
		SELECT (SELECT MIN(type) FROM audit_entries WHERE type > t.type) FROM t WHERE t.type IS NOT NULL)
		SELECT type FROM t WHERE type IS NOT NULL`)
}

// SaveCheckpoint keeps a signed checkpoint.
func (tx *Tx) SaveCheckpoint(c audit.Checkpoint) error {
	_, err := tx.exec("INSERT INTO audit_checkpoints (size, note, at) VALUES ($1, $2, $3) ON CONFLICT (size) DO UPDATE SET note = excluded.note, at = excluded.at",
		c.Size, string(c.Note), us(tx.Now))
	return err
}

// Checkpoints lists signed checkpoints, oldest first.
func (r *Reader) Checkpoints() ([]string, error) {
	return many(r, scanString, "SELECT note FROM audit_checkpoints ORDER BY size")
}

// LastCheckpointSize returns how many entries the latest checkpoint covers.
func (r *Reader) LastCheckpointSize() (int64, error) {
	return one(r, scanInt, "SELECT COALESCE(MAX(size), 0) FROM audit_checkpoints")
}

// KeptCheckpoint is a signed checkpoint with when it was kept.
type KeptCheckpoint struct {
	Size int64
	Note string
	At   time.Time
}

func scanKept(r row) (c KeptCheckpoint, err error) { return c, r.Scan(&c.Size, &c.Note, at(&c.At)) }

// LastCheckpoint returns the largest kept checkpoint; ErrNotFound when nothing is signed yet.
func (r *Reader) LastCheckpoint() (KeptCheckpoint, error) {
	return one(r, scanKept, "SELECT size, note, at FROM audit_checkpoints ORDER BY size DESC LIMIT 1")
}

// CheckpointOver returns the smallest checkpoint that covers an entry; ErrNotFound when none does yet.
func (r *Reader) CheckpointOver(seq int64) (KeptCheckpoint, error) {
	return one(r, scanKept, "SELECT size, note, at FROM audit_checkpoints WHERE size > $1 ORDER BY size LIMIT 1", seq)
}
