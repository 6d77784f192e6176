package web

import (
	"errors"
	"fmt"
	"time"

	"stint/internal/store"
	"stint/views"
)

// maxBars leaves each bar 24 px wide on a phone (WCAG 2.5.8).
const maxBars = 12

// barLengths are how much time one bar may stand for; from a day on they count days of the reader's zone.
var barLengths = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour,
	day, 2 * day, 7 * day, 14 * day, 28 * day, 91 * day, 182 * day, 364 * day, 10 * 364 * day}

const day = 24 * time.Hour

// histogramIn is how the entries of a search lie in time, by bars that narrow it. A page further back has none.
func histogramIn(r *store.Reader, q *request, look *store.Look, f store.EntryFilter, asked views.AuditFilter) (h views.Histogram, err error) {
	loc := q.reader().Zone
	if loc == nil {
		loc = time.UTC
	}
	first, until, err := spanOf(r, q, f, asked)
	if errors.Is(err, store.ErrNotFound) {
		return h, nil
	}
	if err != nil {
		return h, err
	}
	bounds := barBounds(first.In(loc), until.In(loc))
	if len(bounds) < 3 {
		return h, nil
	}
	buckets, err := look.Histogram(bounds)
	if err != nil {
		return h, err
	}
	return histogramView(buckets, bounds, asked), nil
}

// spanOf is the time that the bars cover. Others than auditors do not learn from it when anybody else did something (U-01).
func spanOf(r *store.Reader, q *request, f store.EntryFilter, asked views.AuditFilter) (from, until time.Time, err error) {
	until = r.Now
	if !q.powers.MayAudit() {
		first, err := r.FirstOwnEntry(q.who.ID, f.From)
		if _, end, _ := timesOf(r, q, asked); !end.IsZero() && end.Before(until) {
			until = end
		}
		return first.At, until, err
	}
	first, err := r.Entry(f.From)
	if f.Until > 0 && err == nil {
		if last, err := r.Entry(f.Until); err == nil {
			until = last.At
		}
	}
	return first.At, until, err
}

// barBounds are the bounds of at most maxBars bars over a span.
func barBounds(from, until time.Time) []time.Time {
	for _, length := range barLengths {
		at := startOf(from, length)
		bounds := []time.Time{at}
		for len(bounds) <= maxBars && !at.After(until) {
			at = after(at, length)
			bounds = append(bounds, at)
		}
		if at.After(until) {
			return bounds
		}
	}
	return nil
}

func startOf(t time.Time, length time.Duration) time.Time {
	if length >= day {
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
	}
	return t.Truncate(length)
}

func after(t time.Time, length time.Duration) time.Time {
	if length >= day {
		return t.AddDate(0, 0, int(length/day))
	}
	return t.Add(length)
}

func histogramView(buckets []store.Bucket, bounds []time.Time, asked views.AuditFilter) (h views.Histogram) {
	most := 1
	for _, b := range buckets {
		most = max(most, b.Count)
		h.Total += int64(b.Count)
		h.More = h.More || b.More
		h.Refused += int64(b.Refused)
		h.RefusedMore = h.RefusedMore || b.RefusedMore && b.Refused > 0
	}
	width := 100 / float64(len(buckets))
	for i, b := range buckets {
		f := asked
		f.Span, f.From, f.Until = "", bounds[i].Format(wallForms[0]), bounds[i+1].Format(wallForms[0])
		height := 100 * float64(b.Count) / float64(most)
		if b.Count > 0 {
			height = max(height, 2)
		}
		bar := views.Bar{Href: f.At("/audit"), Count: int64(b.Count), More: b.More, Refused: int64(b.Refused), RefusedMore: b.RefusedMore,
			From: spoken(bounds[i], bounds), X: number(float64(i) * width), Width: number(width * 0.9), Y: number(100 - height), Height: number(height)}
		if b.Refused > 0 {
			bad := max(height*float64(min(b.Refused, b.Count))/float64(max(b.Count, 1)), 2)
			bar.BadY, bar.BadHeight = number(100-bad), number(bad)
		}
		h.Bars = append(h.Bars, bar)
	}
	h.Most, h.First, h.Last = int64(most), spoken(bounds[0], bounds), spoken(bounds[len(bounds)-1], bounds)
	return h
}

func number(f float64) string { return fmt.Sprintf("%.2f", f) }

// spoken is a bound in words: the day, and the time where bars are shorter.
func spoken(t time.Time, bounds []time.Time) string {
	if bounds[1].Sub(bounds[0]) >= 23*time.Hour {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04")
}
