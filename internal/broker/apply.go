package broker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"stint/internal/connector"
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
		if len(p.steps) > 0 || p.unopened > 0 {
			err = b.make(tx, p.steps, false)
			if err == nil {
				err = opening(tx, doc, id, len(p.steps))
			}
		}
		return p.plan(), fault(err)
	})
}

// applyPieces makes a large plan in pieces, in the order that never gives more than the file before or this one.
func (b *Broker) applyPieces(ctx context.Context, doc *orgfile.Doc, p *planner) (pieces int, err error) {
	for done := 0; done < len(p.steps); done += maxPiece {
		piece := p.steps[done:min(done+maxPiece, len(p.steps))]
		if err := do(ctx, b, func(tx *store.Tx) error { return fault(b.make(tx, piece, true)) }); err != nil {
			return pieces, fmt.Errorf("%d of %d changes are made, and no new assignment is open yet; apply the file again to go on: %w", done, len(p.steps), err)
		}
		pieces++
	}
	id := NewID()
	return pieces + 1, do(ctx, b, func(tx *store.Tx) error { return opening(tx, doc, id, len(p.steps)) })
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

// applying is a transaction in which steps are made.
type applying struct {
	b         *Broker
	tx        *store.Tx
	prepare   bool            // assignments are made, and opened later
	redefined bool            // what roles mean has changed
	groups    map[string]bool // groups whose members, direct or nested, have changed
}

// make makes steps with everything that follows from them, and keeps the last administrator.
func (b *Broker) make(tx *store.Tx, steps []step, prepare bool) error {
	before, err := ableAdministrators(tx.Reader)
	if err != nil {
		return err
	}
	a := &applying{b: b, tx: tx, prepare: prepare, groups: map[string]bool{}}
	for _, s := range steps {
		if err := s.do(a); err != nil {
			return fmt.Errorf("%s: %w", s.Text, err)
		}
	}
	if err := a.finish(); err != nil {
		return err
	}
	after, err := ableAdministrators(tx.Reader)
	if err == nil && len(before) > 0 && len(after) == 0 {
		err = errors.New("after this nobody able to administer Stint would be left (EC-16). Make somebody else able first, with a passkey of their own")
	}
	return err
}

// finish follows what changed beneath assignments: activations whose eligibility no longer holds end (EC-11),
// active assignments are followed at their targets.
func (a *applying) finish() error {
	groups := make([]string, 0, len(a.groups))
	for id := range a.groups {
		groups = append(groups, id)
	}
	var touched []pim.Assignment
	var err error
	if len(groups) > 0 {
		if touched, err = a.tx.AssignmentsOf(groups...); err != nil {
			return err
		}
	}
	for _, asg := range touched {
		if err := a.recheck(asg); err != nil {
			return err
		}
	}
	if !a.redefined {
		return nil
	}
	return a.b.resumeIn(a.tx)
}

func (a *applying) recheck(asg pim.Assignment) error {
	if asg.Kind == pim.Active {
		return syncAssignment(a.tx, asg)
	}
	open, err := a.tx.OpenActivationsUsing(asg.ID)
	if err != nil {
		return err
	}
	for _, act := range open {
		if err := a.b.recheckActivation(a.tx, act); err != nil {
			return err
		}
	}
	return nil
}

// resumeIn lets activations that still wait for the target, and active assignments, follow what roles mean now.
func (b *Broker) resumeIn(tx *store.Tx) error {
	waiting, err := tx.ProvisioningActivations()
	if err != nil {
		return err
	}
	for _, act := range waiting {
		if err := ensureActivationNeeds(tx, act); err != nil {
			return err
		}
		if _, err := confirmIfSeen(tx, act); err != nil {
			return err
		}
	}
	active, err := tx.ActiveAssignments()
	if err != nil {
		return err
	}
	for _, asg := range active {
		if err := syncAssignment(tx, asg); err != nil {
			return err
		}
	}
	return nil
}

// touch remembers a group and all that contain it.
func (a *applying) touch(groupID string) error {
	up, err := a.tx.GroupsOf(groupID)
	for _, id := range up {
		a.groups[id] = true
	}
	return err
}

// updatePrincipal changes the row as it is now: other steps of the same file may have changed it before.
func (a *applying) updatePrincipal(id string, change func(*pim.Principal)) error {
	h, err := a.tx.Principal(id)
	if err != nil {
		return err
	}
	change(&h)
	return a.tx.UpdatePrincipal(h)
}

// endAll disables a person and ends everything they hold.
func (a *applying) endAll(id string) error {
	if err := a.updatePrincipal(id, func(h *pim.Principal) { h.Enabled = false }); err != nil {
		return err
	}
	h, err := a.tx.Principal(id)
	if err != nil {
		return err
	}
	return a.b.endAllOf(a.tx, h, pim.System)
}

// dropAccount takes an account away: activations that hold something through it end.
func (a *applying) dropAccount(row pim.Account) error {
	if h, err := a.tx.Principal(row.PrincipalID); err == nil {
		if err := a.endThrough(h, row); err != nil {
			return err
		}
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := a.tx.RemoveAccount(row.ID); err != nil {
		return err
	}
	return syncAssignmentNeedsOf(a.tx, row.PrincipalID)
}

func (a *applying) endThrough(h pim.Principal, row pim.Account) error {
	open, err := a.tx.OpenActivationsOf(h.PersonID)
	if err != nil {
		return err
	}
	for _, act := range open {
		through, err := a.holdsThrough(act, row)
		if err == nil && through {
			err = a.b.end(a.tx, act, pim.OnRevoked, pim.System, "The account at the target was changed. Activate again.", "")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *applying) holdsThrough(act pim.Activation, row pim.Account) (bool, error) {
	if act.PrincipalID != row.PrincipalID || !act.State.Holds() || row.ExternalID == "" {
		return false, nil
	}
	needs, err := a.tx.NeedsOf(act.ID)
	if err != nil {
		return false, err
	}
	for _, n := range needs {
		g, err := a.tx.Grant(n.GrantID)
		if err != nil || g.TargetID == row.TargetID && g.AccountID == row.ExternalID {
			return err == nil, err
		}
	}
	return false, nil
}

// addAssignment makes an assignment; a large file's are opened later, all at once.
func (a *applying) addAssignment(asg pim.Assignment) error {
	asg.StartsAt = a.tx.Now
	if a.prepare {
		asg.StartsAt = store.Unopened
	}
	a.tx.Emit(pim.AssignmentEvent(pim.EvAssignmentMade, opened(asg), pim.System))
	if err := a.tx.InsertAssignment(asg); err != nil {
		return err
	}
	return a.follow(asg)
}

// follow makes the grants of an active assignment follow it.
func (a *applying) follow(asg pim.Assignment) error {
	if asg.Kind != pim.Active {
		return nil
	}
	return syncAssignment(a.tx, asg)
}

// soon lets the next look for names wait for no back-off: there may be new ones.
func (r *resolver) soon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries, r.next = 0, time.Time{}
}

// find looks up at the targets what is only named so far, and tells what was not found.
func (b *Broker) find(ctx context.Context, wait time.Duration) ([]Missing, error) {
	ctx, stop := context.WithTimeout(ctx, wait)
	defer stop()
	if err := b.Resolve(ctx); err != nil && ctx.Err() == nil {
		return nil, err
	}
	return b.missing(ctx)
}

// named is a name that was not found yet, and how to look it up.
type named struct {
	target string
	what   string
	look   func(context.Context, connector.Connector) error
}

func unresolvedNames(r *store.Reader) (out []named, err error) {
	meanings, err := r.MeaningsUnresolved()
	if err != nil {
		return nil, err
	}
	accounts, err := r.AccountsUnresolved()
	if err != nil {
		return nil, err
	}
	targets, err := targetsOf(r, meanings)
	for _, m := range meanings {
		out = append(out, named{targets[m.ResourceID], fmt.Sprintf("entitlement %q", m.Name), func(ctx context.Context, c connector.Connector) error {
			_, err := c.Canonical(ctx, m.Name)
			return err
		}})
	}
	for _, a := range accounts {
		out = append(out, named{a.TargetID, fmt.Sprintf("account %q", a.Name), func(ctx context.Context, c connector.Connector) error {
			_, _, err := c.FindAccount(ctx, a.Name)
			return err
		}})
	}
	return out, err
}

// maxMissing bounds how many names are asked for once more to learn why they were not found.
const maxMissing = 50

// missing tells which names were not found, and why; a target that does not answer is told of once.
func (b *Broker) missing(ctx context.Context) (out []Missing, err error) {
	type known struct {
		names []named
		keys  map[string]string
	}
	k, err := store.Read(context.WithoutCancel(ctx), b.store, func(r *store.Reader) (k known, err error) {
		if k.names, err = unresolvedNames(r); err != nil {
			return k, err
		}
		targets, err := r.Targets()
		k.keys = make(map[string]string, len(targets))
		for _, t := range targets {
			k.keys[t.ID] = t.Key
		}
		return k, err
	})
	dead, more := map[string]int{}, map[int]int{}
	for i, n := range k.names {
		if at, isDead := dead[n.target]; isDead {
			more[at]++
			continue
		}
		m := Missing{k.keys[n.target], n.what, "not looked up yet; Stint keeps trying"}
		if i < maxMissing && ctx.Err() == nil {
			if kind, why := b.lookUp(ctx, n); kind != connector.None {
				m.Why = why
				if kind != connector.Gone && kind != connector.Refused {
					dead[n.target] = len(out)
				}
			}
		}
		out = append(out, m)
	}
	for at, n := range more {
		out[at].What += fmt.Sprintf(" and %d more", n)
	}
	return out, err
}

func (b *Broker) lookUp(ctx context.Context, n named) (connector.Kind, string) {
	conn, err := b.connect(ctx, n.target)
	if err == nil {
		err = n.look(ctx, conn)
	}
	if err == nil {
		return connector.None, ""
	}
	return connector.KindOf(err), err.Error()
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// ForgetSealingKey lets a database be opened with another sealing key, to apply a file with Reseal.
func ForgetSealingKey(ctx context.Context, s *store.Store) error {
	return store.Do(ctx, s, func(tx *store.Tx) error { return tx.SetMeta(store.MetaKeyCheck, "") })
}

// RecordSealingKey remembers which sealing key the credentials are sealed with now.
func (b *Broker) RecordSealingKey(ctx context.Context) error {
	return do(ctx, b, func(tx *store.Tx) error { return tx.SetMeta(store.MetaKeyCheck, b.sealer.Check()) })
}
