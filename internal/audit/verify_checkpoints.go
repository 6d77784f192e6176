package audit

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// checkpoints compares the tree as it is now with every checkpoint of its size.
func (v *verifier) checkpoints() (good bool, err error) {
	for len(v.remembered) > 0 && v.remembered[0].Size == v.tree.Size {
		c := v.remembered[0]
		v.remembered = v.remembered[1:]
		if agrees, gap := v.compare(c, v.trusted, outside); agrees {
			v.trusted = c.Size
		} else if !gap {
			return false, nil
		}
	}
	for {
		if err := v.fetch(); err != nil || v.waiting == nil || v.waiting.Size > v.tree.Size {
			return err == nil, err
		}
		c := *v.waiting
		v.waiting = nil
		if agrees, gap := v.compare(c, v.report.Signed, kept); !agrees && !gap {
			return false, nil
		}
	}
}

const (
	outside = "the checkpoint kept outside"
	kept    = "the signed checkpoint"
)

// compare reports whether the tree agrees with a checkpoint of its size, or a declared restore
// explains why not; from is the size up to which the log is known to be good.
func (v *verifier) compare(c Checkpoint, from int64, whose string) (agrees, gap bool) {
	if v.tree.root() == c.Root {
		v.report.Checked++
		v.report.Signed, v.report.Latest = c.Size, c
		return true, false
	}
	last := max(c.Size-1, 0)
	f := Finding{Seq: min(from, last), Through: last, Checkpoint: c.Size}
	if at, gap := v.gap(c); gap {
		f.What = fmt.Sprintf("%s of the earlier log %s does not fit: entry %d declares a restore from a backup", whose, c.Origin, at)
		v.report.Gaps = append(v.report.Gaps, f)
		return false, true
	}
	f.What = fmt.Sprintf("the hashes do not give the root of %s of %d entries: an entry was changed, removed or added and its hashes made anew", whose, c.Size)
	v.report.Rewritten = v.report.Rewritten || whose == outside
	v.found(f)
	return false, false
}

// gap reports whether a declared restore explains a checkpoint that does not fit, and where it is declared: the log itself
// opens a later epoch, below what the checkpoint covers.
func (v *verifier) gap(c Checkpoint) (seq int64, declared bool) {
	_, epoch, err := ParseOrigin(c.Origin)
	for _, o := range v.opened {
		if err == nil && o.epoch > int64(epoch) && o.seq < c.Size {
			return o.seq, true
		}
	}
	return 0, false
}

// fetch makes the next usable kept checkpoint wait; damaged ones become findings.
func (v *verifier) fetch() error {
	for v.waiting == nil {
		row, ok, err := v.signed.take()
		if err != nil {
			return fmt.Errorf("read checkpoints: %w", err)
		}
		if !ok {
			return nil
		}
		switch c := row.says; {
		case row.err != nil:
			v.found(Finding{Seq: -1, Through: -1, Checkpoint: row.Size, What: "cannot be trusted: " + row.err.Error()})
		case c.Size != row.Size || c.Size < v.tree.Size:
			v.found(Finding{Seq: -1, Through: -1, Checkpoint: row.Size, What: fmt.Sprintf("is filed under the wrong size; its signed size is %d", c.Size)})
		default:
			v.waiting = &c
		}
	}
	return nil
}

// end compares what is left when the entries are over: everything that speaks of more of them.
func (v *verifier) end() error {
	for _, c := range v.remembered {
		v.cut(c, outside)
	}
	for v.waiting != nil {
		v.cut(*v.waiting, kept)
		v.waiting = nil
		if err := v.fetch(); err != nil {
			return err
		}
	}
	v.headRow()
	if size := v.tree.Size; v.log.Bare && v.report.Signed < size && v.report.OK() {
		v.found(Finding{Seq: v.report.Signed, Through: size - 1, Checkpoint: -1, What: "no checkpoint that these keys signed covers it"})
	}
	if signed := v.report.Latest; v.log.Bare && signed.Note != nil && signed.Origin != v.log.Origin && v.report.OK() {
		v.found(Finding{Seq: -1, Through: -1, Checkpoint: signed.Size, What: fmt.Sprintf("it is of the log %q, and what was given says that it is %q", signed.Origin, v.log.Origin)})
	}
	return nil
}

func (v *verifier) headRow() {
	size := v.tree.Size
	switch recorded := v.log.Size; {
	case recorded > size:
		v.found(Finding{Seq: size, Through: recorded - 1, Checkpoint: -1, What: fmt.Sprintf("missing; the log ends before entry %d, the head row records %d entries", size, recorded)})
	case recorded >= 0 && recorded < size:
		v.bad(recorded, fmt.Sprintf("is beyond the end: the head row records %d entries", recorded))
	case v.log.Root != tlog.Hash{} && v.log.Root != v.tree.root():
		v.found(Finding{Seq: -1, Through: -1, Checkpoint: -1, What: fmt.Sprintf("the head row records another root than its %d entries have", size)})
	}
}

func (v *verifier) cut(c Checkpoint, whose string) {
	f := Finding{Seq: v.tree.Size, Through: c.Size - 1, Checkpoint: c.Size,
		What: fmt.Sprintf("missing; the log ends before entry %d, %s covers %d entries", v.tree.Size, whose, c.Size)}
	if v.trusted < v.tree.Size { // closing up after a removal needs the key, but looks like a cut tail
		f.What += fmt.Sprintf("; nothing outside vouches for entries %d to %d, one of them may have been removed instead", v.trusted, v.tree.Size-1)
	}
	if _, gap := v.gap(c); gap {
		v.report.Gaps = append(v.report.Gaps, f)
		return
	}
	v.report.Truncated = v.report.Truncated || whose == outside
	v.found(f)
}
