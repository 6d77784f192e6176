package store

import (
	"context"
	"errors"
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
