package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
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
		d := draft{salts: make(map[string][]byte, len(e.Texts)), texts: make(map[string]string, len(e.Texts)), entry: audit.Entry{Seq: maxSeq, At: now, Type: string(e.Type),
			Actor: e.Actor, Subject: e.Subject, RoleID: e.RoleID, ResourceID: e.ResourceID, TargetID: e.TargetID, ObjectID: e.ObjectID,
			Correlation: e.Correlation, Result: string(e.Result), Facts: e.Facts, Commitments: make(map[string]string, len(e.Texts))}}
		for field, value := range e.Texts {
			salt := make([]byte, audit.SaltSize)
			if _, err := rand.Read(salt); err != nil {
				return nil, err
			}
			value = storable(value)
			d.texts[field], d.salts[field], d.entry.Commitments[field] = value, salt, audit.Commit(salt, field, value)
		}
		if _, err := audit.Encode(d.entry); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// storable is a text that every engine keeps as it is. A refusal's evidence holds what was typed, and PostgreSQL
// takes neither NUL nor broken UTF-8: the insert would fail for everybody's operations in the batch.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
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

// EntryTypes lists the event types that occur, for the filter.
func (r *Reader) EntryTypes() ([]string, error) {
	return many(r, scanString, `WITH RECURSIVE t(type) AS (
		SELECT (SELECT MIN(type) FROM audit_entries) UNION ALL
		SELECT (SELECT MIN(type) FROM audit_entries WHERE type > t.type) FROM t WHERE t.type IS NOT NULL)
		SELECT type FROM t WHERE type IS NOT NULL`)
}

// OwnEntries are what the latest entries about somebody, or by them, say of roles and types: what they may choose from.
func (r *Reader) OwnEntries(personID string) (roles, types []string, err error) {
	type own struct{ role, kind string }
	latest := func(column string) string {
		return "SELECT role_id, type FROM (SELECT role_id, type FROM audit_entries WHERE " + column + " ORDER BY seq DESC LIMIT $2) e"
	}
	rows, err := many(r, func(r row) (o own, err error) { return o, r.Scan(&o.role, &o.kind) },
		latest("actor_id = $1")+" UNION "+latest("subject_id = $1 AND subject_id <> ''"), personID, maxCandidates)
	for _, o := range rows {
		if o.role != "" && !slices.Contains(roles, o.role) {
			roles = append(roles, o.role)
		}
		if !slices.Contains(types, o.kind) {
			types = append(types, o.kind)
		}
	}
	return roles, types, err
}

// FirstOwnEntry is the first entry about somebody, or by them, from a number on.
func (r *Reader) FirstOwnEntry(personID string, from int64) (EntryRow, error) {
	seq, err := one(r, scanInt, `SELECT COALESCE(MIN(seq), -1) FROM (SELECT MIN(seq) AS seq FROM audit_entries WHERE actor_id = $1 AND seq >= $2 UNION ALL
		SELECT MIN(seq) FROM audit_entries WHERE subject_id = $1 AND subject_id <> '' AND seq >= $2) e`, personID, from)
	if err != nil {
		return EntryRow{}, err
	}
	return r.Entry(seq)
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
