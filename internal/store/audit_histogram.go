package store

import (
	"slices"
	"strings"
	"time"

	"stint/internal/audit"
)

// Bucket is how many entries of a search lie between two instants.
type Bucket struct {
	From, Until int64 // numbers: the first, and the first after
	Count       int
	More        bool // there may be more: no further was counted
	Refused     int  // of them, what was refused or failed
	RefusedMore bool // likewise
}

const (
	maxBucket   = 1000 // entries counted of one bucket
	maxExamined = 100  // entries of one bucket that are asked about other conditions
	maxRefused  = 50   // refused entries of one bucket that are
)

// Histogram counts the entries of a search between each two instants, oldest first. Of the whole log it counts all;
// of a narrowed one a bounded number a bucket (THREATS T31).
func (r *Reader) Histogram(f EntryFilter, bounds []time.Time) ([]Bucket, error) {
	return r.Look(f).Histogram(bounds)
}

// Histogram is that of the search.
func (l *Look) Histogram(bounds []time.Time) ([]Bucket, error) {
	r, f := l.r, l.f
	buckets, err := r.buckets(f, bounds)
	if err != nil {
		return nil, err
	}
	if f.Own && f.Words != "" {
		return buckets, r.countOwn(f, buckets)
	}
	p, err := l.plan()
	if err != nil || p.none {
		return buckets, err
	}
	indexed := int64(maxSeq)
	if f.Words != "" {
		if indexed, err = r.indexed(); err != nil {
			return nil, err
		}
	}
	for i := range buckets {
		b := &buckets[i]
		if b.From == b.Until {
			continue
		}
		if err := r.count(p, b); err != nil {
			return nil, err
		}
		if err := r.countRefused(f, p, b); err != nil {
			return nil, err
		}
		if b.Until > indexed {
			b.More, b.RefusedMore = true, true
		}
	}
	return buckets, nil
}

// countOwn reads a person's own entries for words, a bounded number a bucket.
func (r *Reader) countOwn(f EntryFilter, buckets []Bucket) error {
	asked := askedWords(f.Words)
	f.Words, f.Before, f.Limit = "", 0, maxExamined
	for i := range buckets {
		b := &buckets[i]
		if f.From, f.Until = b.From, b.Until; b.From == b.Until {
			continue
		}
		found, _, err := r.Search(f)
		if err != nil {
			return err
		}
		b.More = len(found) == maxExamined
		b.RefusedMore = b.More
		for _, e := range found {
			if !hasWords(e.Texts, asked) {
				continue
			}
			if b.Count++; e.Result == audit.ResultRefused {
				b.Refused++
			}
		}
	}
	return nil
}

// whole says that every entry is meant.
func (p plan) whole() bool { return len(p.rest) == 0 && p.lead.cond == "" }

// buckets are the numbers at the bounds, inside what the filter spans.
func (r *Reader) buckets(f EntryFilter, bounds []time.Time) ([]Bucket, error) {
	var cols []string
	var args []any
	for _, t := range bounds {
		args = append(args, us(t))
		cols = append(cols, "COALESCE((SELECT seq FROM audit_entries WHERE at >= "+dollar(len(args))+" ORDER BY at, seq LIMIT 1), h.size)")
	}
	seqs := make([]int64, len(bounds))
	_, err := one(r, func(r row) (struct{}, error) {
		into := make([]any, len(seqs))
		for i := range seqs {
			into[i] = &seqs[i]
		}
		return struct{}{}, r.Scan(into...)
	}, "SELECT "+strings.Join(cols, ", ")+" FROM audit_head h WHERE h.id = 1", args...)
	if err != nil {
		return nil, err
	}
	out := make([]Bucket, len(bounds)-1)
	f.Before = 0
	for i := range out {
		out[i].From = max(seqs[i], f.From)
		out[i].Until = max(out[i].From, min(seqs[i+1], f.before()))
	}
	return out, nil
}

func (r *Reader) count(p plan, b *Bucket) (err error) {
	switch {
	case p.whole():
		b.Count = int(max(0, b.Until-b.From))
	case len(p.rest) == 0:
		b.Count, err = r.weigh(p.lead, b.From, b.Until, maxBucket)
		b.More = b.Count == maxBucket
	default:
		b.Count, b.More, err = r.examine(p, b, p.within(maxExamined))
	}
	return err
}

// countRefused counts what was refused of a bucket: along the few that were, asking the conditions of each.
func (r *Reader) countRefused(f EntryFilter, p plan, b *Bucket) (err error) {
	switch {
	case f.Result == audit.ResultRefused:
		b.Refused, b.RefusedMore = b.Count, b.More
	case f.Result != "" || b.Count == 0 && !b.More:
	case f.Own:
		b.Refused, b.RefusedMore, err = r.examine(plan{lead: p.lead, rest: append(slices.Clone(p.rest), refused)}, b, p.within(maxExamined))
	case p.whole():
		b.Refused, err = r.weigh(refused, b.From, b.Until, maxBucket)
		b.RefusedMore = b.Refused == maxBucket
	default:
		along := plan{lead: refused, rest: slices.Clone(p.rest)}
		if p.lead.cond != "" {
			along.rest = append(along.rest, p.lead)
		}
		b.Refused, b.RefusedMore, err = r.examine(along, b, along.within(maxRefused))
	}
	return err
}

var refused = resultFacet(audit.ResultRefused)

// examine counts what meets a plan among so many candidates of a bucket.
func (r *Reader) examine(p plan, b *Bucket, limit int) (n int, more bool, err error) {
	var w where
	query := "WITH e AS (SELECT seq FROM " + p.candidates(&w, b.From, b.Until, limit) + ") SELECT (SELECT COUNT(*) FROM e), (SELECT COUNT(*) FROM e" + p.narrowed(&w) + ")"
	examined, err := one(r, func(r row) (c int, err error) { return c, r.Scan(&c, &n) }, query, w.args...)
	return n, examined == limit, err
}
