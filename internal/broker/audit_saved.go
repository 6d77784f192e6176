package broker

import (
	"context"
	"errors"
	"slices"

	"stint/internal/pim"
	"stint/internal/store"
)

// SaveAuditSearch keeps a search of the audit log under a name; the same name replaces. What it finds is what its reader
// may read whenever it is opened.
func (b *Broker) SaveAuditSearch(ctx context.Context, actor Actor, name, filters string) error {
	search := pim.AuditSearch{ID: NewID(), PrincipalID: actor.PrincipalID, Name: name, Filters: filters}
	if refusal := search.Check(); refusal != nil {
		return refusal
	}
	return do(ctx, b, func(tx *store.Tx) error {
		if _, err := person(tx.Reader, actor); err != nil {
			return err
		}
		kept, err := tx.AuditSearches(actor.PrincipalID)
		if err != nil {
			return err
		}
		if len(kept) >= pim.MaxAuditSearches && !slices.ContainsFunc(kept, func(k pim.AuditSearch) bool { return k.Name == name }) {
			return pim.Invalid("name", "You keep %d searches already. Delete one first.", len(kept))
		}
		return tx.SaveAuditSearch(search)
	})
}

// DeleteAuditSearch forgets a search of the person's own.
func (b *Broker) DeleteAuditSearch(ctx context.Context, actor Actor, id string) error {
	return do(ctx, b, func(tx *store.Tx) error {
		if _, err := person(tx.Reader, actor); err != nil {
			return err
		}
		err := tx.DeleteAuditSearch(id, actor.PrincipalID)
		if errors.Is(err, store.ErrConflict) {
			return pim.NotFound()
		}
		return err
	})
}
