package store

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"stint/internal/audit"
	"stint/internal/pim"
)

// oversized is an event whose leaf is larger than a leaf may be.
func oversized(tx *Tx) {
	tx.Emit(pim.PersonEvent(pim.EvPrincipalSaved, "p1", "p1", "p1").AsRefused().With("note", strings.Repeat("x", audit.MaxLeaf)))
}

// An event that cannot be written fails its own operation, and nothing of that operation stays.
func TestOversizedEventFailsAlone(t *testing.T) {
	s, ctx := open(t), context.Background()
	good := &job{ctx: ctx, done: make(chan struct{}), fn: func(tx *Tx) (any, error) {
		tx.Emit(pim.PersonEvent(pim.EvSignedIn, "p2", "p2", ""))
		return 1, nil
	}}
	bad := &job{ctx: ctx, done: make(chan struct{}), fn: func(tx *Tx) (any, error) {
		oversized(tx)
		return 1, tx.SetMeta("left", "behind")
	}}
	refused := &job{ctx: ctx, done: make(chan struct{}), fn: func(tx *Tx) (any, error) {
		oversized(tx)
		return 1, pim.Refuse(pim.KindForbidden, "no")
	}}
	if err := s.transact([]*job{bad, good, refused}); err != nil {
		t.Fatalf("one oversized event failed the whole batch: %v", err)
	}
	var refusal *pim.Refusal
	if good.err != nil || bad.err == nil || refused.err == nil || errors.As(refused.err, &refusal) {
		t.Fatalf("good %v, bad %v, refused %v", good.err, bad.err, refused.err)
	}
	left, err := Read(ctx, s, func(r *Reader) (string, error) { return r.Meta("left") })
	if err != nil || left != "" || s.Head().Size != 1 {
		t.Fatalf("left %q, %d entries, %v", left, s.Head().Size, err)
	}
}

// An operation that is alone runs without a savepoint; what it leaves when it fails is the same as in a batch.
func TestAloneFailsAsInABatch(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, Options{Path: filepath.Join(t.TempDir(), "stint.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	event := pim.PersonEvent(pim.EvVoucherRefused, "p1", "p1", "").AsRefused()
	for _, c := range []struct {
		what    string
		fn      func(tx *Tx) error
		entries int64
		fails   bool
	}{
		{"succeeds", func(tx *Tx) error { tx.Emit(event); return nil }, 1, false},
		{"is refused", func(tx *Tx) error { tx.Emit(event); return pim.Refuse(pim.KindForbidden, "no") }, 1, true},
		{"errs", func(tx *Tx) error { tx.Emit(event); return errors.New("broken") }, 0, true},
		{"panics", func(tx *Tx) error { tx.Emit(event); panic("broken") }, 0, true},
		{"cannot be written down", func(tx *Tx) error { oversized(tx); return nil }, 0, true},
		{"is refused and cannot be written down", func(tx *Tx) error { oversized(tx); return pim.Refuse(pim.KindForbidden, "no") }, 0, true},
	} {
		before, after := s.Head().Size, 0
		err := Do(ctx, s, func(tx *Tx) error {
			tx.AfterCommit(func() { after++ })
			return errors.Join(tx.SetMeta("left", c.what), c.fn(tx))
		})
		left, rerr := Read(ctx, s, func(r *Reader) (string, error) { return r.Meta("left") })
		if rerr != nil || (err != nil) != c.fails || (left == c.what) == c.fails || s.Head().Size-before != c.entries || (after == 1) == c.fails {
			t.Errorf("%s: error %v, left %q, %d entries, %d actions after the commit (%v)", c.what, err, left, s.Head().Size-before, after, rerr)
		}
	}
}
