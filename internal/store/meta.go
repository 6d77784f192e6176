package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Names of rows in meta.
const (
	MetaMode      = "mode"       // "" or "demo"
	MetaEpoch     = "epoch"      // restores so far, from 1
	MetaClock     = "clock"      // high-water mark, µs; stored with every commit
	MetaVKey      = "audit_vkey" // verifier key of the signing key in use
	MetaKeyCheck  = "key_check"  // tells whether a sealing key fits, without holding it
	MetaAuditHost = "audit_host" // first part of the audit log's origin; fixed at first start
	MetaKeyRule   = "key_rule"   // which passkeys count as attested, as JSON; absent: none

	MetaSyncLeft = "sync_left" // groups that no directory feeds any more, as JSON, whose members from it are yet to be kept by hand

	MetaClockAccepted = "clock_accepted" // changes whenever an administrator accepts the clock
)

// Meta returns a stored value, or "".
func (r *Reader) Meta(name string) (string, error) {
	v, err := one(r, scanString, "SELECT value FROM meta WHERE name = $1", name)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return v, err
}

// SetMeta stores a value.
func (tx *Tx) SetMeta(name, value string) error {
	_, err := tx.exec("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
	return err
}

// checkMode refuses a demo database where a real one is expected, and the reverse (invariant 14).
func (s *Store) checkMode(ctx context.Context) error {
	if !s.opts.ReadOnly {
		if _, err := s.w.ExecContext(ctx, "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", MetaMode, s.opts.Mode); err != nil {
			return err
		}
	}
	mode, err := (&Reader{ctx: ctx, db: s.r}).Meta(MetaMode)
	if err != nil {
		return err
	}
	switch {
	case s.opts.ReadOnly || mode == s.opts.Mode:
		return nil
	case mode == "demo":
		return errors.New("this database belongs to the demo; point STINT_DATA at another directory to run for real")
	default:
		return errors.New("this database is a real one; the demo needs a directory of its own")
	}
}

func (s *Store) loadState(ctx context.Context) error {
	if err := s.loadHead(ctx); err != nil {
		return err
	}
	s.told.Store(s.head.Size)
	text, err := (&Reader{ctx: ctx, db: s.r}).Meta(MetaClock)
	if err != nil {
		return err
	}
	high, err := toMark(text)
	if err != nil {
		return err
	}
	at, err := s.engine.look(ctx, s.r)
	if err == nil {
		s.clock = newClock(s.opts.Now, s.opts.Mono, high, at)
	}
	return err
}

func toMark(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("the stored clock mark is damaged: %w", err)
	}
	return time.UnixMicro(n).UTC(), nil
}
