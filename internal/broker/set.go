package broker

import (
	"context"
	"errors"
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// together does n things in one write, each refused alone (invariant 4), and keeps what became of each. A
// single thing is refused as a whole.
func together(tx *store.Tx, who pim.Principal, id, kind string, n int, do func(i int) (pim.ItemResult, Outcome, error)) (Outcome, error) {
	if n == 1 {
		_, out, err := do(0)
		return out, err
	}
	v := store.Results{ID: id, PrincipalID: who.ID, Kind: kind}
	for i := range n {
		var r pim.ItemResult
		refusal, err := tx.Alone(func() (err error) { r, _, err = do(i); return err })
		if err != nil {
			return Outcome{}, err
		}
		if refusal != nil {
			r.Refused = refusal.Message
		}
		v.Items = append(v.Items, r)
	}
	return Outcome{ResultsID: id}, tx.InsertResults(v)
}

// eachAlone does those of n things of an administrator that are not refused before, each refused alone, and keeps what
// became of each. A single one is refused as a whole, and nothing of it stays: together's leaves its evidence.
func eachAlone(tx *store.Tx, who pim.Principal, id, kind string, n int, item func(i int) (pim.ItemResult, error), do func(i int, r *pim.ItemResult) error) error {
	v := store.Results{ID: id, PrincipalID: who.ID, Kind: kind}
	for i := range n {
		r, err := item(i)
		if err != nil {
			return err
		}
		if r.Refused == "" {
			refusal, err := tx.Alone(func() error { return do(i, &r) })
			if err != nil {
				return err
			}
			if refusal != nil && n == 1 {
				return refusal
			}
			if refusal != nil {
				r.Refused = refusal.Message
			}
		}
		v.Items = append(v.Items, r)
	}
	if n == 1 {
		return nil
	}
	return tx.InsertResults(v)
}

func newIDs(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = NewID()
	}
	return out
}

// Results returns what became of several things a person did together.
func Results(r *store.Reader, principalID, id string) (store.Results, error) {
	v, err := r.Results(id)
	if err == nil && v.PrincipalID != principalID {
		err = store.ErrNotFound
	}
	return v, found(err)
}

// SaveSet keeps roles a person activates together, under a name; the same name replaces (K-03).
func (b *Broker) SaveSet(ctx context.Context, actor Actor, name string, requests []pim.ActivationRequest) error {
	id := NewID()
	return do(ctx, b, func(tx *store.Tx) error {
		set := pim.Set{ID: id, PrincipalID: actor.PrincipalID, Name: name}
		for _, req := range requests {
			f, err := b.activationFacts(tx.Reader, actor, pim.ActivationRequest{AssignmentID: req.AssignmentID})
			if err != nil {
				return err
			}
			set.Items = append(set.Items, pim.SetItem{RoleID: f.Role.ID, ResourceID: f.Assignment.ResourceID, Duration: req.Duration})
		}
		if refusal := set.Check(); refusal != nil {
			return refusal
		}
		kept, err := tx.Sets(actor.PrincipalID)
		if err != nil {
			return err
		}
		if len(kept) >= pim.MaxSets && !slices.ContainsFunc(kept, func(k pim.Set) bool { return k.Name == name }) {
			return pim.Invalid("name", "You keep %d sets already. Delete one first.", len(kept))
		}
		return tx.SaveSet(set)
	})
}

// DeleteSet forgets a set of the person's own.
func (b *Broker) DeleteSet(ctx context.Context, actor Actor, id string) error {
	return do(ctx, b, func(tx *store.Tx) error {
		if _, err := person(tx.Reader, actor); err != nil {
			return err
		}
		err := tx.DeleteSet(id, actor.PrincipalID)
		if errors.Is(err, store.ErrConflict) {
			return pim.NotFound()
		}
		return err
	})
}

// DeactivateAll gives several roles back at once; each is refused alone.
func (b *Broker) DeactivateAll(ctx context.Context, actor Actor, activations []string) (Outcome, error) {
	if refusal := pim.CheckTogether(activations, "role"); refusal != nil {
		return Outcome{}, refusal
	}
	results := NewID()
	return write(ctx, b, func(tx *store.Tx) (Outcome, error) {
		who, err := person(tx.Reader, actor)
		if err != nil {
			return Outcome{}, err
		}
		return together(tx, who, results, "deactivate", len(activations), func(i int) (pim.ItemResult, Outcome, error) {
			a, err := ownActivation(tx.Reader, actor, activations[i])
			if err != nil {
				return pim.ItemResult{}, Outcome{}, err // of what is not theirs nothing is told (T33)
			}
			r := pim.ItemResult{RoleID: a.RoleID, ResourceID: a.ResourceID, ActivationID: a.ID}
			return r, Outcome{ActivationID: a.ID}, b.end(tx, a, pim.OnDeactivated, actor.PrincipalID, "", "")
		})
	})
}
