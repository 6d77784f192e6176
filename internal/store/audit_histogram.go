package store

import (
	"strings"
	"time"
)

// Bucket is how many entries of a search lie between two instants.
type Bucket struct {
	From, Until int64 // numbers: the first, and the first after
	Count       int
	More        bool // there may be more: no further was counted
}

const (
	maxBucket   = 1000 // entries counted of one bucket
	maxExamined = 200  // entries of one bucket that are asked about other conditions
)

// Histogram counts the entries of a search between each two instants, oldest first. Of the whole log it counts all;
// of a narrowed one a bounded number a bucket (THREATS T31).
func (r *Reader) Histogram(f EntryFilter, bounds []time.Time) ([]Bucket, error) {
	buckets, err := r.buckets(f, bounds)
	if err != nil {
		return nil, err
	}
	p, err := r.plan(f)
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
		if p.whole() {
			b.Count = int(max(0, b.Until-b.From))
		} else if err := r.count(p, b); err != nil {
			return nil, err
		}
		b.More = b.More || b.Until > indexed && b.From < b.Until
	}
	return buckets, nil
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
	if len(p.rest) == 0 {
		b.Count, err = r.weigh(p.lead, b.From, b.Until, maxBucket)
		b.More = b.Count == maxBucket
		return err
	}
	var w where
	query := "WITH e AS (SELECT seq FROM " + p.candidates(&w, b.From, b.Until, maxExamined) + ") SELECT (SELECT COUNT(*) FROM e), (SELECT COUNT(*) FROM e JOIN audit_entries a ON a.seq = e.seq" + p.narrowed(&w) + ")"
	examined, err := one(r, func(r row) (n int, err error) { return n, r.Scan(&n, &b.Count) }, query, w.args...)
	b.More = examined == maxExamined
	return err
}
