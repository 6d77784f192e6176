package audit

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// typeEpochOpened is the event of a declared restore; behind it checkpoints of earlier origins may
// speak of entries that are gone.
const typeEpochOpened = "epoch.opened"

// Verify recomputes a whole log: every leaf against its columns, hashes, kept texts and place, every
// checkpoint's signature and root, and that nothing a remembered checkpoint saw was changed or cut
// (THREATS T20). It stops at the first entry whose bytes are bad, because nothing after it can be
// placed; damaged checkpoints and Replay's findings do not stop it. The error is a failure to read,
// not a verdict.
func Verify(l Log) (Report, error) {
	v := verifier{log: l, tree: EmptyHead(), report: Report{Root: EmptyHead().Root, Erased: map[string]int64{}}}
	v.parseRemembered()
	hands, dismiss := newCrew()
	defer dismiss()
	next, stop := pull(l.Checkpoints)
	defer stop()
	v.signed = signedAhead{crew: hands, next: next, keys: verifiersOf(l.VKeys)}
	good, err := v.entries(hands)
	if err == nil && good {
		err = v.end()
	}
	v.report.Size, v.report.Root = v.tree.Size, v.tree.root()
	return v.report, err
}

type verifier struct {
	log        Log
	tree       Head
	spare      []tlog.Hash  // room for the next edge
	remembered []Checkpoint // by size, not yet compared
	trusted    int64        // size of the last remembered checkpoint that agreed
	opened     []opening    // by seq
	signed     signedAhead
	waiting    *Checkpoint // the next kept checkpoint, larger than the tree so far
	report     Report
}

func pull(seq iter.Seq2[StoredCheckpoint, error]) (func() (StoredCheckpoint, error, bool), func()) {
	if seq == nil {
		seq = func(func(StoredCheckpoint, error) bool) {}
	}
	return iter.Pull2(seq)
}

func (v *verifier) parseRemembered() {
	for _, signed := range v.log.Remembered {
		c, err := ParseCheckpoint(signed, v.log.VKeys...)
		if err != nil {
			v.found(Finding{Seq: -1, Through: -1, Checkpoint: -1, What: "a checkpoint kept outside cannot be used: " + err.Error()})
			continue
		}
		v.remembered = append(v.remembered, c)
	}
	slices.SortStableFunc(v.remembered, func(a, b Checkpoint) int { return cmp.Compare(a.Size, b.Size) })
}

func (v *verifier) entries(hands crew) (good bool, err error) {
	if good, err = v.checkpoints(); !good || err != nil {
		return good, err
	}
	for row, err := range inspectAhead(hands, v.log.Entries, v.log.Bare) {
		if err != nil {
			return false, fmt.Errorf("read entry %d: %w", v.tree.Size, err)
		}
		if !v.entry(row) {
			return false, nil
		}
		if good, err := v.checkpoints(); !good || err != nil {
			return good, err
		}
	}
	return true, nil
}

func (v *verifier) entry(row inspected) bool {
	want, seq := v.tree.Size, row.Entry.Seq
	if v.log.Bare {
		if row.what != "" {
			return v.bad(want, row.what)
		}
		seq = row.read.Seq
	}
	switch got := seq; {
	case got > want:
		return v.bad(want, fmt.Sprintf("is missing; the next one kept is %d", got))
	case got < want:
		return v.bad(max(got, 0), "is there more than once or out of order")
	}
	grown, what := v.grow(row)
	if what != "" {
		return v.bad(want, what)
	}
	if row.what != "" {
		return v.bad(want, row.what)
	}
	for _, field := range row.erased {
		v.report.Erased[field]++
	}
	v.spare, v.tree = v.tree.Edge, grown
	if row.read.Type == typeEpochOpened {
		v.open(row.read)
	}
	v.replay(row.read)
	return true
}

// opening is where an epoch of the log began after a declared restore.
type opening struct {
	seq, epoch int64
}

func (v *verifier) open(e Entry) {
	o := opening{e.Seq, int64(len(v.opened)) + 2}
	if n, ok := e.Facts["epoch"].(int64); ok {
		o.epoch = n
	}
	v.opened = append(v.opened, o)
}

// grow returns the tree with the row in it, or why its stored hashes are not the right ones. Hashes
// come before everything else: once they fit, the leaf is the original and a column is what lies.
func (v *verifier) grow(row inspected) (Head, string) {
	grown := Head{Size: v.tree.Size, Edge: append(v.spare[:0], v.tree.Edge...)}
	var room [64]tlog.Hash
	want := grown.pushHash(room[:0], row.hash)
	switch {
	case slices.Equal(row.Hashes, want), v.log.Bare && (len(row.Hashes) == 0 || row.Hashes[0] == want[0]):
		return grown, ""
	case len(row.Hashes) > 0 && row.Hashes[0] == want[0]:
		return Head{}, "a stored tree hash above it is not the hash of what lies below"
	}
	return Head{}, "its bytes do not have the stored hash: one of the two was changed"
}

func (v *verifier) replay(e Entry) {
	if v.log.Replay == nil {
		return
	}
	if err := v.log.Replay(e); err != nil {
		v.found(Finding{Seq: e.Seq, Through: e.Seq, Checkpoint: -1, What: err.Error()})
	}
}

func (v *verifier) bad(seq int64, what string) bool {
	v.found(Finding{Seq: seq, Through: seq, Checkpoint: -1, What: what})
	return false
}

func (v *verifier) found(f Finding) {
	if len(v.report.Findings) == MaxFindings {
		v.report.More++
		return
	}
	v.report.Findings = append(v.report.Findings, f)
}
