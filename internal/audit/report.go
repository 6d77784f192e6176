package audit

import (
	"fmt"
	"iter"
	"math"

	"golang.org/x/mod/sumdb/tlog"
)

// Log is what Verify looks at: the rows as they are kept, and what the verifier knows from elsewhere.
type Log struct {
	// Origin names the current log; checkpoints of earlier epochs have other origins.
	Origin string
	// VKeys are the verifier keys of the current and, where known, of earlier epochs. Take them from
	// the key file or an auditor's notes: a key out of the database proves nothing about it.
	VKeys []string
	// Entries yields the rows ordered by seq; an error ends the verification without a verdict. Rows are looked at beside
	// the reading: what was yielded must stay as it is.
	Entries iter.Seq2[StoredEntry, error]
	// Checkpoints yields the kept checkpoints ordered by size; nil where there are none.
	Checkpoints iter.Seq2[StoredCheckpoint, error]
	// Size is what the head row records; negative when there is none to compare with.
	Size int64
	// Root is the root the head row records; the zero Hash when there is none to compare with.
	Root tlog.Hash
	// Remembered are signed notes kept outside the database: the last checkpoint file, mails,
	// witnesses. They alone show a cut tail and a log re-signed with a stolen key; the more there
	// are, the closer a rewritten entry is located.
	Remembered [][]byte
	// Bare says that only leaves are there, as in an export or in tiles: no columns and no texts, and of the hashes at
	// most the leaf's own. A bare log must be signed to its end: nothing else vouches for it.
	Bare bool
	// Replay, when set, is called with every entry whose bytes are good, in order; what it returns
	// becomes a finding about that entry. Stories.Replay fits.
	Replay func(Entry) error
}

// StoredEntry is one row of the log as it is kept.
type StoredEntry struct {
	Entry  Entry           // the searchable columns; Facts and Commitments are not looked at
	Leaf   []byte          // the bytes that are hashed
	Hashes []tlog.Hash     // as HashesOf says; a row that is missing or unreadable is the zero Hash
	Texts  map[string]Text // personal texts by field; an erased one is absent
}

// Text is a personal text kept beside its commitment.
type Text struct {
	Salt  []byte // SaltSize bytes; nil when unreadable
	Value string
}

// StoredCheckpoint is one row of kept checkpoints.
type StoredCheckpoint struct {
	Size int64
	Note []byte
}

// Finding is one thing that is wrong, in plain words without personal text.
type Finding struct {
	Seq        int64 // the first bad entry; -1 when the finding is about a checkpoint alone
	Through    int64 // the first bad entry lies in Seq..Through; the same as Seq when it is known exactly
	Checkpoint int64 // size of the checkpoint that shows it; -1 when none does
	What       string
}

// String writes the finding as one line, such as "entry 57: the column actor differs from the signed bytes".
func (f Finding) String() string {
	switch {
	case f.Seq < 0 && f.Checkpoint < 0:
		return f.What
	case f.Seq < 0:
		return fmt.Sprintf("checkpoint of %d entries: %s", f.Checkpoint, f.What)
	case f.Through > f.Seq:
		return fmt.Sprintf("entries %d to %d: %s", f.Seq, f.Through, f.What)
	}
	return fmt.Sprintf("entry %d: %s", f.Seq, f.What)
}

// Report is the outcome of Verify.
type Report struct {
	Size     int64            // entries read, up to the one that stopped it; all of them when OK
	Root     tlog.Hash        // root over these entries
	Signed   int64            // entries covered by the largest checkpoint that agrees; the rest is not signed yet
	Checked  int64            // checkpoints that agree, remembered ones included
	Erased   map[string]int64 // by field: commitments whose text is gone
	Findings []Finding        // in order of discovery; empty when the log is good
	More     int64            // findings beyond MaxFindings
	Gaps     []Finding        // not errors: what a declared restore (epoch.opened) removed from the log

	Latest    Checkpoint // the largest checkpoint that agrees: what to remember
	Truncated bool       // a remembered checkpoint covers more entries than there are
	Rewritten bool       // a remembered checkpoint covers other entries than there are
}

// MaxFindings bounds Report.Findings.
const MaxFindings = 100

// OK reports whether nothing is wrong.
func (r Report) OK() bool { return len(r.Findings) == 0 }

// First returns the finding with the lowest place in the log; ok is false when the log is good.
func (r Report) First() (first Finding, ok bool) {
	for _, f := range r.Findings {
		if !ok || f.place() < first.place() {
			first, ok = f, true
		}
	}
	return first, ok
}

func (f Finding) place() int64 {
	switch {
	case f.Seq >= 0:
		return f.Seq
	case f.Checkpoint >= 0:
		return f.Checkpoint
	}
	return math.MaxInt64
}
