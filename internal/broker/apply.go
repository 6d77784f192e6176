package broker

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"stint/internal/orgfile"
	"stint/internal/pim"
	"stint/internal/store"
)

// Bounds of an apply (invariant 13). Up to maxTogether changes are one transaction. More are made in pieces of
// maxPiece: each is a transaction of its own, prepared assignments are opened all at once at the end, and an
// apply that was broken off is finished by applying the file again.
const (
	maxTogether = 1000
	maxPiece    = 100
)

// metaUnfollowed is set from the opening of assignments until the targets of the active ones are told.
const metaUnfollowed = "apply_unfollowed"

// ApplyOptions say how to apply a file.
type ApplyOptions struct {
	Env     func(name string) (string, bool) // where secrets by env are read; needed unless Secrets is given
	Secrets map[string]string                // by target id, where the caller read them already
	DryRun  bool                             // plan only
	Reseal  bool                             // seal every credential anew, after the sealing key was lost
	Wait    time.Duration                    // look names up at the targets for at most so long, and tell what was not found
}

// Applied is what an apply did, or would do.
type Applied struct {
	Plan
	Digest  string    `json:"digest"`
	Pieces  int       `json:"pieces"` // transactions it took
	Missing []Missing `json:"missing"`
}

// Missing is a name that was not found at its target.
type Missing struct {
	Target string `json:"target"`
	What   string `json:"what"`
	Why    string `json:"why"`
}

// applyInput is what was made before the transaction.
type applyInput struct {
	secrets map[string]string
	seed    []byte
	sealed  map[string]string
	reseal  bool
}

// Apply makes the database as the file says. Errors about the file are an *orgfile.Errors; then nothing was
// changed. Applying a file again changes nothing and leaves no event.
func (b *Broker) Apply(ctx context.Context, doc *orgfile.Doc, o ApplyOptions) (Applied, error) {
	in := applyInput{secrets: o.Secrets, seed: randomBytes(32), reseal: o.Reseal}
	var err error
	if in.secrets == nil {
		if in.secrets, err = doc.ReadSecrets(o.Env); err != nil {
			return Applied{}, err
		}
	}
	p, err := store.Read(ctx, b.store, func(r *store.Reader) (*planner, error) { return b.plan(r, doc, in) })
	if err != nil {
		return Applied{}, err
	}
	out := Applied{Plan: p.plan(), Digest: doc.Digest}
	if o.DryRun {
		return out, nil
	}
	if why := b.Paused(); why != "" && p.gives() {
		return out, pim.Refuse(pim.KindPaused, "Nothing new is granted now, and this file gives: %s", why)
	}
	in.sealed = p.sealed
	switch {
	case len(p.steps) > maxTogether:
		out.Pieces, err = b.applyPieces(ctx, doc, p)
	case len(p.steps) > 0 || p.unopened > 0:
		out.Pieces = 1
		out.Plan, err = b.applyTogether(ctx, doc, in)
	}
	if err == nil && (p.unfollowed || p.unopened > 0 || out.Pieces > 1) {
		err = b.followOpened(ctx)
	}
	b.resolver.soon()
	if err != nil || o.Wait <= 0 {
		return out, err
	}
	out.Missing, err = b.find(ctx, o.Wait)
	return out, err
}

// gives reports whether anybody gets a right.
func (p *planner) gives() bool {
	for _, s := range p.steps {
		if s.stage >= stagePeopleOn && s.stage < stageGoing {
			return true
		}
	}
	return p.unopened > 0
}

// applyTogether plans again on what is there now and makes everything in one transaction.
func (b *Broker) applyTogether(ctx context.Context, doc *orgfile.Doc, in applyInput) (Plan, error) {
	id := NewID()
	return write(ctx, b, func(tx *store.Tx) (Plan, error) {
		p, err := b.plan(tx.Reader, doc, in)
		if err != nil {
			return Plan{}, err
		}
		if len(p.steps) == 0 && p.unopened == 0 {
			return p.plan(), nil
		}
		_, err = watchEnd(tx, pim.System, func() (struct{}, error) {
			if err := b.make(tx, p.steps, false); err != nil {
				return struct{}{}, err
			}
			return struct{}{}, opening(tx, doc, id, len(p.steps))
		})
		return p.plan(), fault(err)
	})
}

// applyPieces makes a large plan in pieces, in the order that never gives more than the file before or this one.
func (b *Broker) applyPieces(ctx context.Context, doc *orgfile.Doc, p *planner) (pieces int, err error) {
	was, err := store.Read(ctx, b.store, administeredUntil)
	if err != nil {
		return 0, err
	}
	for done := 0; done < len(p.steps); done += maxPiece {
		piece := p.steps[done:min(done+maxPiece, len(p.steps))]
		if err := do(ctx, b, func(tx *store.Tx) error { return fault(b.make(tx, piece, true)) }); err != nil {
			return pieces, fmt.Errorf("%d of %d changes are made, and no new assignment is open yet; apply the file again to go on: %w", done, len(p.steps), err)
		}
		pieces++
	}
	id := NewID()
	return pieces + 1, do(ctx, b, func(tx *store.Tx) error {
		if err := opening(tx, doc, id, len(p.steps)); err != nil {
			return err
		}
		return tellSooner(tx, pim.System, was)
	})
}

// opening is the small last write: what was prepared begins, and the log says which file it was.
func opening(tx *store.Tx, doc *orgfile.Doc, id string, changes int) error {
	opened, err := tx.OpenAssignments()
	if err != nil {
		return err
	}
	if opened > 0 {
		if err := tx.SetMeta(metaUnfollowed, id); err != nil {
			return err
		}
	}
	tx.Emit(pim.Event{Type: pim.EvFileApplied, Actor: pim.System, ObjectID: id, Result: pim.OK,
		Facts: map[string]any{"digest": doc.Digest, "changes": int64(changes), "opened": opened}, Texts: map[string]string{"file": filepath.Base(doc.Name)}})
	return tx.InsertFileApply(store.FileApply{ID: id, Digest: doc.Digest, Changes: changes})
}

// followOpened lets the grants of active assignments follow after an opening, a few assignments a write.
func (b *Broker) followOpened(ctx context.Context) error {
	active, err := store.Read(ctx, b.store, func(r *store.Reader) ([]pim.Assignment, error) { return r.ActiveAssignments() })
	for len(active) > 0 && err == nil {
		some := active[:min(len(active), 10)]
		active = active[len(some):]
		err = do(ctx, b, func(tx *store.Tx) error {
			for _, asg := range some {
				if err := syncAssignment(tx, asg); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return err
	}
	return do(ctx, b, func(tx *store.Tx) error { return tx.SetMeta(metaUnfollowed, "") })
}

// fault makes a refusal an error, so that nothing of a half made apply is kept, its events neither.
func fault(err error) error {
	var refusal *pim.Refusal
	if errors.As(err, &refusal) {
		return errors.New(refusal.Message)
	}
	return err
}

// ForgetSealingKey lets a database be opened with another sealing key, to apply a file with Reseal.
func ForgetSealingKey(ctx context.Context, s *store.Store) error {
	return store.Do(ctx, s, func(tx *store.Tx) error { return tx.SetMeta(store.MetaKeyCheck, "") })
}

// RecordSealingKey remembers which sealing key the credentials are sealed with now.
func (b *Broker) RecordSealingKey(ctx context.Context) error {
	return do(ctx, b, func(tx *store.Tx) error { return tx.SetMeta(store.MetaKeyCheck, b.sealer.Check()) })
}
