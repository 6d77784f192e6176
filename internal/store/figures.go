package store

import (
	"errors"
	"time"
)

// Figures say how things stand, for whoever watches the server. Each count ends at FiguresUpTo.
type Figures struct {
	Pending   int64     // requests that wait for approval
	Active    int64     // activations
	Late      int64     // grants that are not yet as they should be, though it is time
	LateSince time.Time // of the one that waits longest; zero: none
	Failing   int64     // targets that do not answer as they should
	Strangers int64     // held at targets beside Stint, since Stint looks
	Lost      int64     // taken away at targets by another hand
	Entries   int64     // of the audit log that the last checkpoint covers
	Signed    time.Time // when that was signed; zero: never
}

// FiguresUpTo bounds what one look at the figures costs.
const FiguresUpTo = 100_000

// Figures reads them, each from an index.
func (r *Reader) Figures() (f Figures, err error) {
	counts := []struct {
		into *int64
		what string
	}{
		{&f.Pending, "activations WHERE state = 'pending_approval'"},
		{&f.Active, "activations WHERE state IN ('provisioning', 'active') AND ends_at > 0"},
		{&f.Late, "grants WHERE late_since > 0"},
		{&f.Failing, "targets WHERE failing_at > 0 AND removed_at = 0"},
		{&f.Strangers, "targets t JOIN incidents i ON i.target_id = t.id AND i.closed_at = 0 AND i.kind = 'stranger'"},
		{&f.Lost, "targets t JOIN incidents i ON i.target_id = t.id AND i.closed_at = 0 AND i.kind = 'lost'"},
	}
	for _, c := range counts {
		if *c.into, err = one(r, scanInt, "SELECT COUNT(*) FROM (SELECT 1 FROM "+c.what+" LIMIT $1) e", FiguresUpTo); err != nil {
			return f, err
		}
	}
	since, err := one(r, scanInt, "SELECT COALESCE(MIN(late_since), 0) FROM (SELECT late_since FROM grants WHERE late_since > 0 LIMIT $1) e", FiguresUpTo)
	if err != nil {
		return f, err
	}
	if since > 0 {
		f.LateSince = time.UnixMicro(since)
	}
	last, err := r.LastCheckpoint()
	if errors.Is(err, ErrNotFound) {
		return f, nil
	}
	f.Entries, f.Signed = last.Size, last.At
	return f, err
}
